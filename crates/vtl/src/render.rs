//! Renders a template: statements, variables and what they cost. Expressions are in `eval`.

use std::borrow::Cow;
use std::sync::Arc;

use crate::error::Fault;
use crate::limits::{Limits, MACRO_DEPTH_MAX};
use crate::message::{Data, Message, Overrides};
use crate::parser::Parser;
use crate::print::{Sink, too_long};
use crate::template::Dialect;
use crate::tree::{
    Block, COUNT, Call, Define, Expr, FOREACH, Foreach, HAS_NEXT, Macros, Names, Node, Print, Slot,
};
use crate::value::{Heap, MapId, Value};

/// How deep blocks and expressions stand in each other while they are rendered, macros and evaluated text counted.
const DEPTH_MAX: u32 = 200;
/// How often a `#define` may stand in itself: Velocity's `directive.define.maxdepth`.
const DEFINE_DEPTH_MAX: usize = 2;

pub(crate) type Result<T> = std::result::Result<T, Fault>;

/// What a statement tells those around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    Next,
    Break,
    Stop,
}

/// `$foreach`
#[derive(Debug, Clone)]
pub(crate) struct Loop {
    pub(crate) index: usize,
    pub(crate) has_next: bool,
    pub(crate) parent: Option<usize>,
    /// `$foreach.stop()` was called.
    pub(crate) stopped: bool,
}

/// The call of a macro: its arguments are evaluated each time they are asked for, where the call stands.
#[derive(Debug)]
struct Frame {
    parameters: Arc<crate::tree::Macro>,
    arguments: Arc<[Expr]>,
    /// What `#set` made of a parameter.
    locals: Vec<Option<Value>>,
    caller: Option<usize>,
}

/// The maps of `$context` that a template overrides things in.
#[derive(Debug, Clone, Copy)]
struct OverrideMaps {
    request_headers: MapId,
    request_querystring: MapId,
    request_path: MapId,
    response: MapId,
    response_headers: MapId,
}

pub(crate) struct Machine<'r> {
    names: Cow<'r, Names>,
    macros: Cow<'r, Macros>,
    pub(crate) dialect: Dialect,
    pub(crate) limits: Limits,
    steps_left: u64,
    depth: u32,
    pub(crate) heap: Heap,
    slots: Vec<Value>,
    frames: Vec<Frame>,
    frame: Option<usize>,
    pub(crate) loops: Vec<Loop>,
    rendering: Vec<*const Define>,
    out: String,
    at: usize,
    pub(crate) message: Option<&'r dyn Message>,
    pub(crate) document: Option<Value>,
    pub(crate) params: Option<Value>,
    overrides: Option<OverrideMaps>,
    pub(crate) empty: Arc<str>,
}

impl<'r> Machine<'r> {
    pub(crate) fn new(names: &'r Names, macros: &'r Macros, dialect: Dialect, limits: &Limits) -> Self {
        Self {
            names: Cow::Borrowed(names),
            macros: Cow::Borrowed(macros),
            dialect,
            limits: *limits,
            steps_left: limits.steps,
            depth: 0,
            heap: Heap::new(limits.memory_bytes),
            slots: vec![Value::Null; names.list.len()],
            frames: Vec::new(),
            frame: None,
            loops: Vec::new(),
            rendering: Vec::new(),
            out: String::new(),
            at: 0,
            message: None,
            document: None,
            params: None,
            overrides: None,
            empty: "".into(),
        }
    }

    /// Gives the template the variables that it names.
    pub(crate) fn define(&mut self, variables: &[(&str, Data)]) -> Result<()> {
        for (name, data) in variables {
            if let Some(slot) = self.slot(name) {
                self.slots[slot] = self.heap.place(data)?;
            }
        }
        Ok(())
    }

    /// The slot of a variable, if the template names it. What a template evaluates may name any.
    fn slot(&mut self, name: &str) -> Option<Slot> {
        let known = self.names.find(name);
        if known.is_none() && self.dialect == Dialect::Velocity {
            let slot = self.names.to_mut().slot(name);
            self.slots.resize(slot + 1, Value::Null);
            return Some(slot);
        }
        known
    }

    /// `$input`, `$util`, `$context` and `$stageVariables`, as far as the template names them.
    pub(crate) fn introduce(&mut self, message: &'r dyn Message, overrides: &Overrides) -> Result<()> {
        self.message = Some(message);
        if let Some(slot) = self.slot("input") {
            self.slots[slot] = Value::Input;
        }
        if let Some(slot) = self.slot("util") {
            self.slots[slot] = Value::Util;
        }
        if let Some(slot) = self.slot("stageVariables") {
            self.slots[slot] = self.heap.place(&message.stage_variables())?;
        }
        if let Some(slot) = self.slot("context") {
            let context = self.heap.place(&message.context())?;
            if let Value::Map(map) = context {
                self.overrides = Some(self.override_maps(map, overrides)?);
            }
            self.slots[slot] = context;
        }
        Ok(())
    }

    fn override_maps(&mut self, context: MapId, overrides: &Overrides) -> Result<OverrideMaps> {
        let (request, response) = (self.heap.new_map()?, self.heap.new_map()?);
        let request_headers = self.map_within(request, "header", &overrides.request_headers)?;
        let request_querystring = self.map_within(request, "querystring", &overrides.request_querystring)?;
        let request_path = self.map_within(request, "path", &overrides.request_path)?;
        let response_headers = self.map_within(response, "header", &overrides.response_headers)?;
        if let Some(status) = &overrides.response_status {
            let status = self.heap.place(status)?;
            self.heap.put(response, Value::text("status"), status)?;
        }
        self.heap.put(context, Value::text("requestOverride"), Value::Map(request))?;
        self.heap.put(context, Value::text("responseOverride"), Value::Map(response))?;
        Ok(OverrideMaps { request_headers, request_querystring, request_path, response, response_headers })
    }

    fn map_within(&mut self, map: MapId, name: &str, entries: &[(String, Data)]) -> Result<MapId> {
        let inner = self.heap.new_map()?;
        for (key, value) in entries {
            let (key, value) = (self.heap.text(key)?, self.heap.place(value)?);
            self.heap.put(inner, key, value)?;
        }
        self.heap.put(map, Value::text(name), Value::Map(inner))?;
        Ok(inner)
    }

    /// The overrides as the template leaves them.
    pub(crate) fn settle(&mut self, before: &Overrides) -> Result<Overrides> {
        let Some(maps) = self.overrides else { return Ok(before.clone()) };
        let status = self.heap.map(maps.response).get_text("status").cloned();
        Ok(Overrides {
            request_headers: self.entries(maps.request_headers)?,
            request_querystring: self.entries(maps.request_querystring)?,
            request_path: self.entries(maps.request_path)?,
            response_status: status.map(|status| self.plain(&status)).transpose()?,
            response_headers: self.entries(maps.response_headers)?,
        })
    }

    fn entries(&mut self, map: MapId) -> Result<Vec<(String, Data)>> {
        let entries: Vec<(Value, Value)> = self.heap.map(map).iter().cloned().collect();
        entries.iter().map(|(key, value)| Ok((self.text_of(key)?.to_string(), self.plain(value)?))).collect()
    }

    /// A value of an override: a list of texts, or a text.
    fn plain(&mut self, value: &Value) -> Result<Data> {
        Ok(match value {
            Value::Int(number) => Data::Int(*number),
            Value::List(list) => {
                let items = self.heap.list(*list).items.clone();
                let texts = items.iter().map(|item| Ok(Data::Text(self.text_of(item)?.to_string())));
                Data::List(texts.collect::<Result<Vec<_>>>()?)
            }
            other => Data::Text(self.text_of(other)?.to_string()),
        })
    }

    pub(crate) fn run(&mut self, block: &Block) -> Result<()> {
        self.block(block).map(drop)
    }

    pub(crate) fn into_text(self) -> String {
        self.out
    }

    /// Where the template is being rendered.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    pub(crate) fn locate(&mut self, at: usize) {
        self.at = at;
    }

    pub(crate) fn spend(&mut self, steps: usize) -> Result<()> {
        match self.steps_left.checked_sub(steps as u64) {
            Some(left) => {
                self.steps_left = left;
                Ok(())
            }
            None => Err(Fault::Limit("the number of steps of the template", self.limits.steps)),
        }
    }

    pub(crate) fn steps_left(&mut self) -> &mut u64 {
        &mut self.steps_left
    }

    pub(crate) fn deeper<T>(&mut self, inner: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(Fault::Limit("the depth of the template", u64::from(DEPTH_MAX)));
        }
        let result = inner(self);
        self.depth -= 1;
        result
    }

    fn write(&mut self, text: &str) -> Result<()> {
        if self.out.len() + text.len() > self.limits.output_bytes {
            return Err(too_long(self.limits.output_bytes));
        }
        self.spend(text.len() / 64)?;
        self.out.push_str(text);
        Ok(())
    }

    /// What a piece of template makes, as a text of its own.
    pub(crate) fn captured(&mut self, block: &Block) -> Result<Arc<str>> {
        let mark = self.out.len();
        self.block(block)?;
        let text: Arc<str> = self.out.get(mark..).unwrap_or_default().into();
        self.out.truncate(mark);
        self.heap.charge(text.len() + 24)?;
        Ok(text)
    }

    /// `toString`
    pub(crate) fn text_of(&mut self, value: &Value) -> Result<Arc<str>> {
        match value {
            Value::Text(text) => Ok(Arc::clone(text)),
            Value::Block(define) => {
                let mark = self.out.len();
                self.render_define(define)?;
                let text: Arc<str> = self.out.get(mark..).unwrap_or_default().into();
                self.out.truncate(mark);
                Ok(text)
            }
            other => {
                let mut text = String::new();
                self.heap.print(other, &mut Sink { text: &mut text, bytes_max: self.limits.output_bytes })?;
                self.spend(text.len() / 16)?;
                self.heap.charge(text.len() + 24)?;
                Ok(text.into())
            }
        }
    }

    fn block(&mut self, block: &Block) -> Result<Flow> {
        self.deeper(|machine| {
            for node in block.iter() {
                match machine.node(node)? {
                    Flow::Next => {}
                    flow => return Ok(flow),
                }
            }
            Ok(Flow::Next)
        })
    }

    fn node(&mut self, node: &Node) -> Result<Flow> {
        self.spend(1)?;
        match node {
            Node::Text(text) => self.write(text)?,
            Node::Print(print) => self.print(print)?,
            Node::Set { target, value } => {
                self.at = target.at;
                let value = self.value(value)?;
                // Velocity leaves a variable as it is when it is set to nothing.
                if !value.is_null() {
                    self.assign(target, value)?;
                }
            }
            Node::If { branches, otherwise } => {
                for (condition, block) in branches {
                    if self.holds(condition)? {
                        return self.block(block);
                    }
                }
                if let Some(block) = otherwise {
                    return self.block(block);
                }
            }
            Node::Foreach(foreach) => return self.foreach(foreach),
            Node::Define { slot, body } => self.set_variable(*slot, Value::Block(Arc::clone(body))),
            Node::Call(call) => return self.call(call),
            Node::Evaluate(text, at) => return self.evaluate(text, *at),
            Node::Break => return Ok(Flow::Break),
            Node::Stop => return Ok(Flow::Stop),
        }
        Ok(Flow::Next)
    }

    fn print(&mut self, print: &Print) -> Result<()> {
        let value = self.reference(&print.reference)?;
        let quiet_literal = || {
            // A quiet reference that is escaped shows itself whole.
            if print.quiet && !print.escaped { "" } else { &*print.reference.literal }
        };
        match (&value, print.escaped) {
            (Value::Null, true) => {
                self.write(&print.slashes)?;
                self.write("\\")?;
                self.write(quiet_literal())
            }
            (_, true) => {
                self.write(&print.slashes)?;
                self.write(quiet_literal())
            }
            (Value::Null, false) => {
                self.write(&print.slashes)?;
                self.write(&print.slashes)?;
                self.write(&print.more)?;
                self.write(quiet_literal())
            }
            (value, false) => {
                self.write(&print.slashes)?;
                self.write(&print.more)?;
                self.write_value(value)
            }
        }
    }

    fn write_value(&mut self, value: &Value) -> Result<()> {
        match value {
            Value::Text(text) => self.write(text),
            Value::Block(define) => self.render_define(define).map(drop),
            other => {
                let before = self.out.len();
                let bytes_max = self.limits.output_bytes;
                self.heap.print(other, &mut Sink { text: &mut self.out, bytes_max })?;
                self.spend((self.out.len() - before) / 16)
            }
        }
    }

    fn render_define(&mut self, define: &Arc<Define>) -> Result<Flow> {
        let this = Arc::as_ptr(define);
        if self.rendering.iter().filter(|known| **known == this).count() >= DEFINE_DEPTH_MAX {
            return Ok(Flow::Next);
        }
        self.rendering.push(this);
        let flow = self.block(&define.body);
        self.rendering.pop();
        flow
    }

    /// A variable's value, or that of the argument that stands for it.
    pub(crate) fn variable(&mut self, slot: Slot) -> Result<Value> {
        if let Some(number) = self.frame
            && let Some(frame) = self.frames.get(number)
            && let Some(place) = frame.parameters.parameters.iter().position(|parameter| *parameter == slot)
        {
            if let Some(Some(value)) = frame.locals.get(place) {
                return Ok(value.clone());
            }
            let (arguments, caller) = (Arc::clone(&frame.arguments), frame.caller);
            let Some(argument) = arguments.get(place) else { return Ok(Value::Null) };
            self.frame = caller;
            let value = self.deeper(|machine| machine.value(argument));
            self.frame = Some(number);
            return value;
        }
        Ok(self.slots.get(slot).cloned().unwrap_or(Value::Null))
    }

    pub(crate) fn set_variable(&mut self, slot: Slot, value: Value) {
        if let Some(number) = self.frame
            && let Some(frame) = self.frames.get_mut(number)
            && let Some(place) = frame.parameters.parameters.iter().position(|parameter| *parameter == slot)
        {
            frame.locals[place] = Some(value);
        } else if let Some(variable) = self.slots.get_mut(slot) {
            *variable = value;
        }
    }

    fn foreach(&mut self, foreach: &Foreach) -> Result<Flow> {
        self.at = foreach.at;
        let list = self.value(&foreach.list)?;
        let Some(list) = self.iterated(&list)? else { return Ok(Flow::Next) };
        let before = self.variable(foreach.item)?;
        let outer =
            [FOREACH, COUNT, HAS_NEXT].map(|slot| std::mem::replace(&mut self.slots[slot], Value::Null));
        let parent = match outer[0] {
            Value::Loop(parent) => Some(parent),
            _ => None,
        };
        let number = self.loops.len();
        self.loops.push(Loop { index: 0, has_next: false, parent, stopped: false });
        let flow = self.iterate(foreach, list, number);
        self.loops.truncate(number);
        for (slot, value) in [FOREACH, COUNT, HAS_NEXT].into_iter().zip(outer) {
            self.slots[slot] = value;
        }
        self.set_variable(foreach.item, before);
        flow
    }

    fn iterate(&mut self, foreach: &Foreach, list: crate::value::ListId, number: usize) -> Result<Flow> {
        let length = self.heap.list(list).items.len();
        for index in 0..length.min(self.limits.iterations) {
            self.spend(1)?;
            let items = &self.heap.list(list).items;
            if items.len() != length {
                self.at = foreach.at;
                return Err(Fault::method("next", "java.util.ConcurrentModificationException"));
            }
            let item = items[index].clone();
            let has_next = index + 1 < length;
            let state = &mut self.loops[number];
            state.index = index;
            state.has_next = has_next;
            self.slots[FOREACH] = Value::Loop(number);
            self.slots[COUNT] = Value::count(index + 1);
            self.slots[HAS_NEXT] = Value::Bool(has_next);
            self.set_variable(foreach.item, item);
            match self.block(&foreach.body)? {
                Flow::Stop => return Ok(Flow::Stop),
                Flow::Break => break,
                Flow::Next if self.loops[number].stopped => break,
                Flow::Next => {}
            }
        }
        Ok(Flow::Next)
    }

    fn call(&mut self, call: &Call) -> Result<Flow> {
        self.at = call.at;
        let Some(called) = self.macros.get(&call.name).map(Arc::clone) else {
            self.write(&call.literal)?;
            return Ok(Flow::Next);
        };
        if self.frames.len() >= MACRO_DEPTH_MAX {
            return Err(Fault::Limit("the depth of macros", MACRO_DEPTH_MAX as u64));
        }
        if let Some(body) = &call.body
            && let Some(slot) = self.names.find("bodyContent")
        {
            self.slots[slot] = Value::Block(Arc::clone(body));
        }
        let block = Arc::clone(&called.body);
        let locals = vec![None; called.parameters.len()];
        let caller = self.frame.replace(self.frames.len());
        self.frames.push(Frame {
            parameters: called,
            arguments: Arc::clone(&call.arguments),
            locals,
            caller,
        });
        let flow = self.block(&block);
        self.frames.pop();
        self.frame = caller;
        Ok(match flow? {
            Flow::Stop => Flow::Stop,
            Flow::Next | Flow::Break => Flow::Next,
        })
    }

    /// `#evaluate`: a text is a template. What is wrong with it is an exception of the template around it.
    fn evaluate(&mut self, text: &Expr, at: usize) -> Result<Flow> {
        self.at = at;
        let value = self.value(text)?;
        if value.is_null() {
            return Ok(Flow::Next);
        }
        let text = self.text_of(&value)?;
        self.spend(text.len())?;
        let dialect = self.dialect;
        let (names, macros) = (self.names.to_mut(), self.macros.to_mut());
        let mut parser = Parser { text: &text, at: 0, names, macros, dialect, depth: 0, outer: None };
        let block = parser.template().map_err(|error| Fault::method("evaluate", error.to_string()))?;
        self.slots.resize(self.names.list.len(), Value::Null);
        Ok(match self.block(&block)? {
            Flow::Stop => Flow::Stop,
            Flow::Next | Flow::Break => Flow::Next,
        })
    }
}
