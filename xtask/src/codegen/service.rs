//! One service, resolved: which operations are served, which shapes they reach, and what each shape is called
//! in Rust. Knows no text of the generated files.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, bail};

use super::model::{Member, Model, Operation, Shape};
use super::names;
use super::overrides::{Overrides, PatternOverride};

/// Lets an operation answer the structure that it is about, where its own output has just that structure's members.
fn name_output_by_noun(operation: &mut Operation, shapes: &BTreeMap<String, Shape>) {
    let verbs = ["Create", "Get", "Update", "Put", "Import", "Reimport"];
    let noun = verbs.into_iter().find_map(|verb| operation.name.strip_prefix(verb));
    let (Some(noun), Some(output)) = (noun, &mut operation.output) else { return };
    let members = |shape: &str| -> Option<BTreeMap<String, String>> {
        let members = shapes.get(shape)?.members.0.iter();
        Some(members.map(|(name, member)| (name.clone(), member.shape.clone())).collect())
    };
    if members(noun).is_some_and(|of_noun| Some(of_noun) == members(&output.shape)) {
        output.shape = noun.to_owned();
    }
}

/// How requests and answers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Json,
    Rest,
    Query,
}

pub(crate) struct Service {
    /// The module's name, and the model's.
    pub(crate) name: String,
    pub(crate) trait_name: String,
    pub(crate) model: Model,
    pub(crate) protocol: Protocol,
    pub(crate) operations: Vec<Operation>,
    /// Those for which types are generated.
    typed: BTreeSet<String>,
    served: BTreeSet<String>,
    pub(crate) shapes: BTreeMap<String, Shape>,
    pub(crate) overrides: Overrides,
    pub(crate) patterns: Vec<PatternOverride>,
    /// Shapes reached by inputs and by outputs of what is typed.
    pub(crate) read: BTreeSet<String>,
    pub(crate) written: BTreeSet<String>,
    /// Structures that are named after their only operation.
    renamed: BTreeMap<String, String>,
}

impl Service {
    pub(crate) fn new(
        (name, trait_name): (&str, &str),
        model: Model,
        (served, untyped): (&[String], Option<&[String]>),
        (overrides, patterns): (Overrides, Vec<PatternOverride>),
    ) -> anyhow::Result<Self> {
        let mut operations = model.operations();
        let shapes: BTreeMap<String, Shape> = model.shapes().into_iter().collect();
        if overrides.outputs_by_noun {
            operations.iter_mut().for_each(|operation| name_output_by_noun(operation, &shapes));
        }
        for operation in served.iter().chain(untyped.into_iter().flatten()) {
            if !operations.iter().any(|o| o.name == *operation) {
                bail!("{name} has no operation {operation}");
            }
        }
        // Without a list of exceptions only what is served has types.
        let mut typed: BTreeSet<String> = served.iter().cloned().collect();
        if let Some(untyped) = untyped {
            let rest = operations.iter().filter(|operation| !untyped.contains(&operation.name));
            typed.extend(rest.map(|operation| operation.name.clone()));
        }
        let mut service = Self {
            name: name.to_owned(),
            trait_name: trait_name.to_owned(),
            protocol: protocol(&model.metadata.protocol)?,
            model,
            operations,
            typed,
            served: served.iter().cloned().collect(),
            shapes,
            overrides,
            patterns,
            read: BTreeSet::new(),
            written: BTreeSet::new(),
            renamed: BTreeMap::new(),
        };
        service.renamed = service.rename();
        service.reach().with_context(|| name.to_owned())?;
        Ok(service)
    }

    pub(crate) fn is_served(&self, operation: &Operation) -> bool {
        self.served.contains(&operation.name)
    }

    /// Those for which types are generated: what is served, and what is next.
    pub(crate) fn typed(&self) -> impl Iterator<Item = &Operation> {
        self.operations.iter().filter(|operation| self.typed.contains(&operation.name))
    }

    pub(crate) fn shape(&self, name: &str) -> &Shape {
        &self.shapes[name]
    }

    /// Shapes for which types are generated.
    pub(crate) fn reached(&self) -> impl Iterator<Item = (&String, &Shape)> {
        self.shapes.iter().filter(|(name, _)| self.read.contains(*name) || self.written.contains(*name))
    }

    /// The shape of a member, by the structure's Rust name.
    pub(crate) fn member_shape(&self, structure: &str, member: &str) -> Option<&str> {
        let (_, target) = self.shapes.iter().find(|(name, _)| self.type_name(name) == structure)?;
        Some(target.members.get(member)?.shape.as_str())
    }

    /// Whether a shape is the input of an operation that has types.
    pub(crate) fn is_input(&self, shape: &str) -> bool {
        self.typed().any(|operation| operation.input.as_ref().is_some_and(|input| input.shape == shape))
    }

    /// Whether a shape is the output of an operation that has types.
    pub(crate) fn is_output(&self, shape: &str) -> bool {
        self.typed().any(|operation| operation.output.as_ref().is_some_and(|output| output.shape == shape))
    }

    /// Whether a shape is written inside of another.
    pub(crate) fn is_nested(&self, shape: &str) -> bool {
        let inside = |outer: &String| inner_shapes(self.shape(outer)).iter().any(|inner| inner == shape);
        self.written.iter().any(inside)
    }

    /// Whether a member is a date in text form.
    pub(crate) fn is_iso8601(&self, member: &Member) -> bool {
        let target = self.shape(&member.shape);
        let format = member.timestamp_format.as_ref().or(target.timestamp_format.as_ref());
        target.kind == "timestamp" && format.is_some_and(|format| format == "iso8601")
    }

    /// The Rust name of a structure or enum.
    pub(crate) fn type_name(&self, shape: &str) -> String {
        let given = self.overrides.names.get(shape).or_else(|| self.renamed.get(shape));
        given.cloned().unwrap_or_else(|| names::type_name(shape))
    }

    /// The Rust type of a value of `shape`.
    pub(crate) fn rust_type(&self, shape: &str) -> String {
        if let Some(hand_written) = self.overrides.types.get(shape) {
            return hand_written.clone();
        }
        let target = self.shape(shape);
        let inner =
            |member: &Option<Member>| member.as_ref().map(|m| self.rust_type(&m.shape)).unwrap_or_default();
        match target.kind.as_str() {
            "string" if target.values.is_some() => self.type_name(shape),
            "string" | "character" => "String".to_owned(),
            "integer" => "i32".to_owned(),
            "long" => "i64".to_owned(),
            "float" | "double" => "f64".to_owned(),
            "boolean" => "bool".to_owned(),
            "blob" => "Bytes".to_owned(),
            "timestamp" => "Timestamp".to_owned(),
            "list" => format!("Vec<{}>", inner(&target.member)),
            "map" => format!("BTreeMap<String, {}>", inner(&target.value)),
            _ if target.is_event_stream => format!("Streamed<{}>", self.type_name(shape)),
            _ => self.type_name(shape),
        }
    }

    /// The Rust type of a structure's member, without the Option.
    pub(crate) fn member_type(&self, structure: &str, name: &str, member: &Member) -> String {
        let key = format!("{}.{name}", self.type_name(structure));
        self.overrides.members.get(&key).cloned().unwrap_or_else(|| self.rust_type(&member.shape))
    }

    /// A structure that is one operation's input or output and nothing else is named after it.
    fn rename(&self) -> BTreeMap<String, String> {
        let mut uses: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for operation in &self.operations {
            if let Some(input) = &operation.input {
                uses.entry(input.shape.clone()).or_default().push(format!("{}Input", operation.name));
            }
            if let Some(output) = &operation.output {
                uses.entry(output.shape.clone()).or_default().push(format!("{}Output", operation.name));
            }
        }
        for shape in self.shapes.values() {
            for inner in inner_shapes(shape) {
                uses.entry(inner).or_default().push(String::new());
            }
        }
        let mut renamed = BTreeMap::new();
        for (shape, uses) in uses {
            if let [only] = uses.as_slice()
                && !only.is_empty()
            {
                renamed.insert(shape, only.clone());
            }
        }
        renamed
    }

    fn reach(&mut self) -> anyhow::Result<()> {
        let served: Vec<Operation> = self.typed().cloned().collect();
        let inputs = served.iter().filter_map(|o| o.input.as_ref().map(|i| i.shape.clone())).collect();
        let outputs = served.iter().filter_map(|o| o.output.as_ref().map(|o| o.shape.clone())).collect();
        self.read = self.closure(inputs)?;
        self.written = self.closure(outputs)?;
        Ok(())
    }

    fn closure(&self, mut open: Vec<String>) -> anyhow::Result<BTreeSet<String>> {
        let mut reached = BTreeSet::new();
        while let Some(name) = open.pop() {
            if self.overrides.types.contains_key(&name) || reached.contains(&name) {
                continue;
            }
            let shape = self.shapes.get(&name).with_context(|| format!("no shape {name}"))?;
            open.extend(inner_shapes(shape));
            reached.insert(name);
        }
        Ok(reached)
    }
}

pub(crate) fn inner_shapes(shape: &Shape) -> Vec<String> {
    let members = shape.members().into_iter().map(|(_, member)| member.shape);
    members
        .chain([&shape.member, &shape.key, &shape.value].into_iter().flatten().map(|m| m.shape.clone()))
        .collect()
}

fn protocol(name: &str) -> anyhow::Result<Protocol> {
    match name {
        "json" => Ok(Protocol::Json),
        "rest-json" => Ok(Protocol::Rest),
        "query" => Ok(Protocol::Query),
        other => bail!("no code is generated for the protocol {other}"),
    }
}
