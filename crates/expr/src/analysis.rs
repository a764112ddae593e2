//! A tree checked against the placeholders of its request, in the order in which AWS complains: first what the
//! text alone says, then names and values, then operands and their types. Knows no item.

use std::sync::Arc;

use item::{Kind, Value};

use crate::error::bound_text;
use crate::function::Function;
use crate::parser::Parser;
use crate::path::{Path, Step, refuse_clashes};
use crate::placeholders::Placeholders;
use crate::relation;
use crate::tree::{Action, Comparator, Node, NodeId, Part, Section, Sign, Tree};
use crate::{ExprError, Expression, Fault, IN_OPERANDS_MAX, is_reserved};

type Check<T = ()> = Result<T, Fault>;

/// What the placeholders of a node stand for.
#[derive(Debug, Clone)]
pub(crate) enum Leaf {
    None,
    Path(Path),
    /// Shared by all places that name it: an expression may name a large one many times.
    Value(Arc<Value>),
}

/// A tree without faults.
#[derive(Debug, Clone)]
pub(crate) struct Analysed<'t> {
    pub(crate) tree: Tree<'t>,
    /// One a node.
    pub(crate) leaves: Vec<Leaf>,
}

impl Analysed<'_> {
    pub(crate) fn path(&self, node: NodeId) -> Option<&Path> {
        if let Leaf::Path(path) = &self.leaves[node] { Some(path) } else { None }
    }

    pub(crate) fn value(&self, node: NodeId) -> Option<&Value> {
        if let Leaf::Value(value) = &self.leaves[node] { Some(value) } else { None }
    }

    /// Moves a path out; its node is not looked at again.
    pub(crate) fn take_path(&mut self, node: NodeId) -> Option<Path> {
        match std::mem::replace(&mut self.leaves[node], Leaf::None) {
            Leaf::Path(path) => Some(path),
            _ => None,
        }
    }

    /// Moves a value out; its node is not looked at again.
    pub(crate) fn take_value(&mut self, node: NodeId) -> Option<Arc<Value>> {
        match std::mem::replace(&mut self.leaves[node], Leaf::None) {
            Leaf::Value(value) => Some(value),
            _ => None,
        }
    }
}

pub(crate) fn condition<'t>(
    which: Expression,
    text: &'t str,
    placeholders: &mut Placeholders<'_>,
) -> Result<(Analysed<'t>, NodeId), ExprError> {
    let mut analyse = || {
        let (tree, root) = Parser::new(text)?.condition()?;
        let mut analysis = Analysis::new(tree, false, placeholders);
        analysis.check_text(0..analysis.tree.nodes.len())?;
        analysis.check_operands(0..analysis.tree.nodes.len())?;
        Ok((analysis.finish(), root))
    };
    analyse().map_err(|fault| ExprError::Invalid(which, fault))
}

pub(crate) fn projection(text: &str, placeholders: &mut Placeholders<'_>) -> Result<Vec<Path>, ExprError> {
    let mut analyse = || {
        let tree = Parser::new(text)?.projection()?;
        let mut analysis = Analysis::new(tree, false, placeholders);
        analysis.check_text(0..analysis.tree.nodes.len())?;
        analysis.check_operands(0..analysis.tree.nodes.len())?;
        let mut analysed = analysis.finish();
        let paths: Vec<Path> =
            (0..analysed.leaves.len()).filter_map(|node| analysed.take_path(node)).collect();
        refuse_clashes(&paths.iter().collect::<Vec<_>>())?;
        Ok(paths)
    };
    analyse().map_err(|fault| ExprError::Invalid(Expression::Projection, fault))
}

pub(crate) fn update<'t>(
    text: &'t str,
    placeholders: &mut Placeholders<'_>,
) -> Result<(Analysed<'t>, Vec<Action>), ExprError> {
    let mut analyse = || {
        let (tree, actions) = Parser::new(text)?.update()?;
        let mut analysis = Analysis::new(tree, true, placeholders);
        analysis.check_sections(&actions)?;
        analysis.check_targets(&actions)?;
        analysis.check_actions(&actions)?;
        Ok((analysis.finish(), actions))
    };
    analyse().map_err(|fault| ExprError::Invalid(Expression::Update, fault))
}

/// A condition whose paths and values stand in its leaves already.
pub(crate) fn grown(tree: Tree<'static>, leaves: Vec<Leaf>) -> Result<Analysed<'static>, Fault> {
    let mut placeholders = Placeholders::none();
    let mut analysis = Analysis { tree, leaves, is_update: false, placeholders: &mut placeholders };
    analysis.check_operands(0..analysis.tree.nodes.len())?;
    Ok(analysis.finish())
}

/// An update whose paths and values stand in its leaves already. Its sections may repeat.
pub(crate) fn grown_update(
    tree: Tree<'static>,
    leaves: Vec<Leaf>,
    actions: &[Action],
) -> Result<Analysed<'static>, Fault> {
    let mut placeholders = Placeholders::none();
    let mut analysis = Analysis { tree, leaves, is_update: true, placeholders: &mut placeholders };
    analysis.check_targets(actions)?;
    analysis.check_actions(actions)?;
    Ok(analysis.finish())
}

struct Analysis<'x, 't, 'p> {
    tree: Tree<'t>,
    leaves: Vec<Leaf>,
    is_update: bool,
    placeholders: &'x mut Placeholders<'p>,
}

impl<'x, 't, 'p> Analysis<'x, 't, 'p> {
    fn new(tree: Tree<'t>, is_update: bool, placeholders: &'x mut Placeholders<'p>) -> Self {
        let leaves = vec![Leaf::None; tree.nodes.len()];
        Self { tree, leaves, is_update, placeholders }
    }

    fn finish(self) -> Analysed<'t> {
        Analysed { tree: self.tree, leaves: self.leaves }
    }

    /// Reserved words, list indexes and functions, in the order of the text.
    fn check_text(&self, nodes: std::ops::Range<NodeId>) -> Check {
        let mut nodes: Vec<NodeId> = nodes
            .filter(|node| matches!(self.tree.nodes[*node], Node::Path(_) | Node::Call { .. }))
            .collect();
        nodes.sort_by_key(|node| self.tree.starts[*node]);
        for node in nodes {
            match &self.tree.nodes[node] {
                Node::Path(parts) => parts.iter().try_for_each(check_part)?,
                Node::Call { name, as_condition, .. } => self.check_call(name, *as_condition)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Operands are counted later, with the placeholders: an undefined one is told first.
    fn check_call(&self, name: &str, as_condition: bool) -> Check {
        let Some(function) = Function::from_name(name) else {
            return Err(Fault::UnknownFunction(name.to_owned()));
        };
        match (self.is_update, function.is_for_updates()) {
            (true, false) => Err(Fault::NotInUpdate(name.to_owned())),
            (false, true) => Err(Fault::NotInCondition(name.to_owned())),
            (false, false) if function.is_condition() != as_condition => Err(Fault::Misused(name.to_owned())),
            _ => Ok(()),
        }
    }

    /// An update is read a section at a time, in the order in which sections first appear; each may appear once.
    fn check_sections(&self, actions: &[Action]) -> Check {
        let mut seen: Vec<Section> = Vec::new();
        for action in actions {
            if seen.contains(&action.section) {
                continue;
            }
            seen.push(action.section);
            let same = || actions.iter().enumerate().filter(|(_, other)| other.section == action.section);
            for (index, _) in same() {
                self.check_text(self.nodes_of(actions, index))?;
            }
            if same().any(|(_, other)| other.clause != action.clause) {
                return Err(Fault::RepeatedSection(action.section.as_str()));
            }
        }
        Ok(())
    }

    fn nodes_of(&self, actions: &[Action], index: usize) -> std::ops::Range<NodeId> {
        let end = actions.get(index + 1).map_or(self.tree.nodes.len(), |next| next.path);
        actions[index].path..end
    }

    /// Where an update writes: known names, and no two targets in each other's way.
    fn check_targets(&mut self, actions: &[Action]) -> Check {
        for action in actions {
            self.resolve_names(action.path)?;
        }
        let paths: Vec<&Path> = actions
            .iter()
            .filter_map(|action| match &self.leaves[action.path] {
                Leaf::Path(path) => Some(path),
                _ => None,
            })
            .collect();
        refuse_clashes(&paths)
    }

    /// AWS checks an update's actions from the last to the first: every name, then values and types.
    fn check_actions(&mut self, actions: &[Action]) -> Check {
        for index in (0..actions.len()).rev() {
            for node in self.nodes_of(actions, index) {
                self.resolve_names(node)?;
            }
        }
        for (index, action) in actions.iter().enumerate().rev() {
            self.check_operands(self.nodes_of(actions, index))?;
            if let (Section::Add | Section::Delete, Some(value)) = (action.section, action.value) {
                self.check_section_operand(action.section, value)?;
            }
        }
        Ok(())
    }

    fn check_section_operand(&self, section: Section, value: NodeId) -> Check {
        match self.kind_of(value) {
            None | Some(Kind::Ss | Kind::Ns | Kind::Bs) => Ok(()),
            Some(Kind::N) if section == Section::Add => Ok(()),
            Some(kind) => Err(Fault::SectionOperandKind { section: section.as_str(), kind }),
        }
    }

    /// Placeholders, then operands and their types, bottom up.
    fn check_operands(&mut self, nodes: std::ops::Range<NodeId>) -> Check {
        for node in nodes {
            self.resolve_names(node)?;
            if let (Node::Value(name), Leaf::None) = (&self.tree.nodes[node], &self.leaves[node]) {
                self.leaves[node] = Leaf::Value(self.placeholders.value(name)?);
            }
            self.check_operator(node)?;
        }
        Ok(())
    }

    fn resolve_names(&mut self, node: NodeId) -> Check {
        let (Node::Path(parts), Leaf::None) = (&self.tree.nodes[node], &self.leaves[node]) else {
            return Ok(());
        };
        let mut path = Path::attribute("");
        for (index, part) in parts.iter().enumerate() {
            let step = match part {
                Part::Word(name) => Step::Name((*name).into()),
                Part::Name(placeholder) => Step::Name(self.placeholders.name(placeholder)?),
                Part::Index(text) => Step::Index(read_index(text)?),
            };
            match step {
                Step::Name(name) if index == 0 => path.head = name,
                step => path.steps.push(step),
            }
        }
        if path.depth() > item::DEPTH_MAX {
            return Err(Fault::PathDepth(path.depth()));
        }
        self.leaves[node] = Leaf::Path(path);
        Ok(())
    }

    fn check_operator(&self, node: NodeId) -> Check {
        match &self.tree.nodes[node] {
            Node::Compare(comparator, left, right) => {
                self.check_distinct(comparator.as_str(), *left, &[*right])?;
                if !matches!(comparator, Comparator::Equal | Comparator::NotEqual) {
                    self.check_ordered(comparator.as_str(), &[*left, *right])?;
                }
                Ok(())
            }
            Node::Between(operand, low, high) => {
                self.check_distinct("BETWEEN", *operand, &[*low, *high])?;
                self.check_ordered("BETWEEN", &[*operand, *low, *high])?;
                self.check_bounds(*low, *high)
            }
            Node::In(operand, members) => {
                if members.len() > IN_OPERANDS_MAX {
                    return Err(Fault::InOperands(members.len()));
                }
                self.check_distinct("IN", *operand, members)
            }
            Node::Arithmetic(sign, left, right) => {
                let operator = if *sign == Sign::Plus { "+" } else { "-" };
                self.check_kinds(operator, &[*left, *right], &[Kind::N])
            }
            Node::Call { name, operands, .. } => match Function::from_name(name) {
                Some(function) => self.check_function(function, operands),
                None => Err(Fault::UnknownFunction((*name).to_owned())),
            },
            Node::Path(_) | Node::Value(_) | Node::And(..) | Node::Or(..) | Node::Not(_) => Ok(()),
        }
    }

    fn check_function(&self, function: Function, operands: &[NodeId]) -> Check {
        let name = function.as_str();
        if operands.len() != function.operand_count() {
            return Err(Fault::OperandCount { operator: name, count: operands.len() });
        }
        if function.needs_path() && !matches!(self.leaves[operands[0]], Leaf::Path(_)) {
            return Err(Fault::NeedsPath(name));
        }
        if !matches!(function, Function::Size | Function::ListAppend) {
            self.check_distinct(name, operands[0], &operands[1..])?;
        }
        match function {
            Function::Size => {
                const SIZED: [Kind; 7] = [Kind::S, Kind::B, Kind::Ss, Kind::Ns, Kind::Bs, Kind::L, Kind::M];
                self.check_kinds(name, operands, &SIZED)
            }
            Function::BeginsWith => self.check_kinds(name, operands, &[Kind::S, Kind::B]),
            Function::ListAppend => self.check_kinds(name, operands, &[Kind::L]),
            Function::AttributeType => self.check_type_name(operands[1]),
            _ => Ok(()),
        }
    }

    fn check_type_name(&self, operand: NodeId) -> Check {
        let value = match &self.leaves[operand] {
            Leaf::Value(value) => Some(&**value),
            _ => None,
        };
        match value {
            Some(Value::S(text)) => match Kind::from_wire(text) {
                Some(_) => Ok(()),
                None => Err(Fault::TypeName(text.clone())),
            },
            _ => Err(Fault::OperandKind {
                operator: Function::AttributeType.as_str(),
                kind: self.kind_of(operand).map_or("{NS,SS,L,BS,N,M,B,BOOL,NULL,S}", Kind::as_str),
            }),
        }
    }

    fn check_distinct(&self, operator: &'static str, first: NodeId, others: &[NodeId]) -> Check {
        let Leaf::Path(path) = &self.leaves[first] else { return Ok(()) };
        let same = |other: &NodeId| matches!(&self.leaves[*other], Leaf::Path(other) if other == path);
        if others.iter().any(same) {
            return Err(Fault::SameOperand { operator, operand: path.to_string() });
        }
        Ok(())
    }

    fn check_ordered(&self, operator: &'static str, operands: &[NodeId]) -> Check {
        self.check_kinds(operator, operands, &[Kind::S, Kind::N, Kind::B])
    }

    /// Refuses operands whose type is known and not among `allowed`.
    fn check_kinds(&self, operator: &'static str, operands: &[NodeId], allowed: &[Kind]) -> Check {
        match operands
            .iter()
            .filter_map(|operand| self.kind_of(*operand))
            .find(|kind| !allowed.contains(kind))
        {
            Some(kind) => Err(Fault::OperandKind { operator, kind: kind.as_str() }),
            None => Ok(()),
        }
    }

    fn check_bounds(&self, low: NodeId, high: NodeId) -> Check {
        let (Leaf::Value(low), Leaf::Value(high)) = (&self.leaves[low], &self.leaves[high]) else {
            return Ok(());
        };
        match relation::order(low, high) {
            None => Err(Fault::BoundKinds(bound_text(low), bound_text(high))),
            Some(order) if order.is_gt() => Err(Fault::BoundOrder(bound_text(low), bound_text(high))),
            Some(_) => Ok(()),
        }
    }

    /// The type of an operand, if it is the same for every item.
    fn kind_of(&self, node: NodeId) -> Option<Kind> {
        match (&self.leaves[node], &self.tree.nodes[node]) {
            (Leaf::Value(value), _) => Some(value.kind()),
            (_, Node::Call { name, .. }) if *name == Function::Size.as_str() => Some(Kind::N),
            _ => None,
        }
    }
}

fn check_part(part: &Part<'_>) -> Check {
    match part {
        Part::Word(name) if is_reserved(name) => Err(Fault::Reserved((*name).to_owned())),
        Part::Index(text) => read_index(text).map(drop),
        _ => Ok(()),
    }
}

fn read_index(text: &str) -> Check<u32> {
    let index = text.parse::<i32>().ok().and_then(|index| u32::try_from(index).ok());
    index.ok_or_else(|| Fault::Index(text.to_owned()))
}
