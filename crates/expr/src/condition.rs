//! Conditions and filters: compiled once into a flat program, evaluated against items without recursion or
//! allocation.

use std::borrow::Cow;
use std::sync::Arc;

use item::{Item, Kind, Name, Number, Value};

use crate::analysis::{self, Analysed};
use crate::function::Function;
use crate::path::Path;
use crate::placeholders::Placeholders;
use crate::relation;
use crate::tree::{Comparator, Node, NodeId};
use crate::{ExprError, Expression, KeyFault};

/// A condition that says yes or no to an item.
#[derive(Debug, Clone)]
pub struct Condition {
    program: Vec<Instruction>,
    /// The attributes that it looks at, sorted.
    heads: Vec<Name>,
}

/// Works on one truth value, the last one found.
#[derive(Debug, Clone)]
enum Instruction {
    Test(Test),
    Not,
    /// The rest of an AND does not matter.
    SkipIfFalse(usize),
    /// The rest of an OR does not matter.
    SkipIfTrue(usize),
}

#[derive(Debug, Clone)]
enum Test {
    Compare(Comparator, Operand, Operand),
    Between(Operand, Operand, Operand),
    In(Operand, Vec<Operand>),
    Exists(Path),
    NotExists(Path),
    Type(Path, Kind),
    BeginsWith(Operand, Operand),
    Contains(Operand, Operand),
}

#[derive(Debug, Clone)]
enum Operand {
    Path(Path),
    Value(Arc<Value>),
    Size(Path),
    /// Nothing, for every item: the size of what has none.
    Nothing,
}

impl Condition {
    /// Parses a ConditionExpression or FilterExpression.
    pub fn parse(
        which: Expression,
        text: &str,
        placeholders: &mut Placeholders<'_>,
    ) -> Result<Self, ExprError> {
        let (analysed, root) = analysis::condition(which, text, placeholders)?;
        Ok(Self::of(analysed, root))
    }

    pub(crate) fn of(analysed: Analysed<'_>, root: NodeId) -> Self {
        let mut compiler = Compiler { analysed, program: Vec::new() };
        compiler.compile(root);
        let program = compiler.program;
        let mut heads: Vec<Name> = paths_of(&program).into_iter().map(|path| path.head.clone()).collect();
        heads.sort_unstable();
        heads.dedup();
        Self { program, heads }
    }

    /// Whether the condition holds for the item. No item is an empty one.
    pub fn eval(&self, item: &Item) -> bool {
        let mut truth = false;
        let mut at = 0;
        while let Some(instruction) = self.program.get(at) {
            at += 1;
            match instruction {
                Instruction::Test(test) => truth = test.eval(item),
                Instruction::Not => truth = !truth,
                Instruction::SkipIfFalse(to) if !truth => at = *to,
                Instruction::SkipIfTrue(to) if truth => at = *to,
                Instruction::SkipIfFalse(_) | Instruction::SkipIfTrue(_) => {}
            }
        }
        truth
    }

    /// Whether the condition looks at this attribute: the others need not be decoded to evaluate it.
    pub fn reads(&self, attribute: &str) -> bool {
        self.heads.binary_search_by(|head| head.as_bytes().cmp(attribute.as_bytes())).is_ok()
    }

    /// Refuses paths that go into one of the key attributes.
    pub fn check_keys(&self, keys: &[&str]) -> Result<(), KeyFault> {
        let into_key = |path: &&Path| path.is_nested() && keys.contains(&&*path.head);
        match paths_of(&self.program).into_iter().find(into_key) {
            Some(path) => Err(KeyFault::NotScalar(path.head.to_string())),
            None => Ok(()),
        }
    }

    /// Refuses a Query's filter that looks at a key attribute.
    pub fn check_filter(&self, keys: &[&str]) -> Result<(), KeyFault> {
        match paths_of(&self.program).into_iter().find(|path| keys.contains(&&*path.head)) {
            Some(path) => Err(KeyFault::Filtered(path.head.to_string())),
            None => Ok(()),
        }
    }
}

/// All paths, as they are written.
fn paths_of(program: &[Instruction]) -> Vec<&Path> {
    let mut paths = Vec::new();
    for instruction in program {
        let Instruction::Test(test) = instruction else { continue };
        match test {
            Test::Exists(path) | Test::NotExists(path) | Test::Type(path, _) => paths.push(path),
            Test::Compare(_, a, b) | Test::BeginsWith(a, b) | Test::Contains(a, b) => {
                paths.extend([a, b].into_iter().filter_map(Operand::path));
            }
            Test::Between(a, b, c) => paths.extend([a, b, c].into_iter().filter_map(Operand::path)),
            Test::In(a, members) => {
                paths.extend(std::iter::once(a).chain(members).filter_map(Operand::path));
            }
        }
    }
    paths
}

impl Test {
    fn eval(&self, item: &Item) -> bool {
        match self {
            Self::Compare(comparator, a, b) => compare(*comparator, a.get(item), b.get(item)),
            Self::Between(operand, low, high) => {
                let Some(value) = operand.get(item) else { return false };
                let within =
                    |bound: &Operand, comparator| compare(comparator, Some(value.clone()), bound.get(item));
                within(low, Comparator::GreaterEqual) && within(high, Comparator::LessEqual)
            }
            Self::In(operand, members) => match operand.get(item) {
                Some(value) => members.iter().any(|member| member.get(item).is_some_and(|m| m == value)),
                None => false,
            },
            Self::Exists(path) => path.get(item).is_some(),
            Self::NotExists(path) => path.get(item).is_none(),
            Self::Type(path, kind) => path.get(item).is_some_and(|value| value.kind() == *kind),
            Self::BeginsWith(operand, prefix) => both(operand, prefix, item, relation::begins_with),
            Self::Contains(operand, part) => both(operand, part, item, relation::contains),
        }
    }
}

fn both(a: &Operand, b: &Operand, item: &Item, relation: fn(&Value, &Value) -> bool) -> bool {
    match (a.get(item), b.get(item)) {
        (Some(a), Some(b)) => relation(&a, &b),
        _ => false,
    }
}

/// A missing operand equals nothing and has no order.
fn compare(comparator: Comparator, a: Option<Cow<'_, Value>>, b: Option<Cow<'_, Value>>) -> bool {
    let (Some(a), Some(b)) = (a, b) else { return comparator == Comparator::NotEqual };
    match comparator {
        Comparator::Equal => a == b,
        Comparator::NotEqual => a != b,
        Comparator::Less => relation::order(&a, &b).is_some_and(|order| order.is_lt()),
        Comparator::LessEqual => relation::order(&a, &b).is_some_and(|order| order.is_le()),
        Comparator::Greater => relation::order(&a, &b).is_some_and(|order| order.is_gt()),
        Comparator::GreaterEqual => relation::order(&a, &b).is_some_and(|order| order.is_ge()),
    }
}

impl Operand {
    fn get<'v>(&'v self, item: &'v Item) -> Option<Cow<'v, Value>> {
        match self {
            Self::Path(path) => path.get(item).map(Cow::Borrowed),
            Self::Value(value) => Some(Cow::Borrowed(value)),
            Self::Size(path) => size_value(path.get(item)?).map(Cow::Owned),
            Self::Nothing => None,
        }
    }

    fn path(&self) -> Option<&Path> {
        match self {
            Self::Path(path) | Self::Size(path) => Some(path),
            Self::Value(_) | Self::Nothing => None,
        }
    }
}

fn size_value(value: &Value) -> Option<Value> {
    relation::size(value).map(|size: Number| Value::N(size))
}

struct Compiler<'t> {
    analysed: Analysed<'t>,
    program: Vec<Instruction>,
}

/// What is still to be compiled; the last first.
enum Work {
    Node(NodeId),
    AndThen(NodeId),
    OrElse(NodeId),
    Not,
    /// The skip at this place ends here.
    Land(usize),
}

impl Compiler<'_> {
    fn compile(&mut self, root: NodeId) {
        let mut work = vec![Work::Node(root)];
        while let Some(next) = work.pop() {
            let here = self.program.len();
            match next {
                Work::Node(node) => self.node(node, &mut work),
                Work::AndThen(right) => {
                    self.program.push(Instruction::SkipIfFalse(here));
                    work.extend([Work::Land(here), Work::Node(right)]);
                }
                Work::OrElse(right) => {
                    self.program.push(Instruction::SkipIfTrue(here));
                    work.extend([Work::Land(here), Work::Node(right)]);
                }
                Work::Not => self.program.push(Instruction::Not),
                Work::Land(skip) => {
                    if let Some(Instruction::SkipIfFalse(to) | Instruction::SkipIfTrue(to)) =
                        self.program.get_mut(skip)
                    {
                        *to = here;
                    }
                }
            }
        }
    }

    fn node(&mut self, node: NodeId, work: &mut Vec<Work>) {
        match self.analysed.tree.nodes[node] {
            Node::And(left, right) => work.extend([Work::AndThen(right), Work::Node(left)]),
            Node::Or(left, right) => work.extend([Work::OrElse(right), Work::Node(left)]),
            Node::Not(inner) => work.extend([Work::Not, Work::Node(inner)]),
            _ => {
                if let Some(test) = self.test(node) {
                    self.program.push(Instruction::Test(test));
                }
            }
        }
    }

    /// The analysis has seen that every node of a condition is one of these.
    fn test(&mut self, node: NodeId) -> Option<Test> {
        Some(match &self.analysed.tree.nodes[node] {
            &Node::Compare(comparator, left, right) => {
                Test::Compare(comparator, self.operand(left), self.operand(right))
            }
            &Node::Between(operand, low, high) => {
                Test::Between(self.operand(operand), self.operand(low), self.operand(high))
            }
            Node::In(operand, members) => {
                let (operand, members) = (*operand, members.clone());
                let operand = self.operand(operand);
                Test::In(operand, members.into_iter().map(|member| self.operand(member)).collect())
            }
            Node::Call { name, operands, .. } => {
                let (function, operands) = (Function::from_name(name)?, operands.clone());
                self.function(function, &operands)?
            }
            _ => return None,
        })
    }

    fn function(&mut self, function: Function, operands: &[NodeId]) -> Option<Test> {
        Some(match (function, operands) {
            (Function::AttributeExists, &[path]) => Test::Exists(self.analysed.take_path(path)?),
            (Function::AttributeNotExists, &[path]) => Test::NotExists(self.analysed.take_path(path)?),
            (Function::AttributeType, &[path, kind]) => {
                let kind = self.analysed.value(kind).and_then(Value::as_s).and_then(Kind::from_wire)?;
                Test::Type(self.analysed.take_path(path)?, kind)
            }
            (Function::BeginsWith, &[a, b]) => Test::BeginsWith(self.operand(a), self.operand(b)),
            (Function::Contains, &[a, b]) => Test::Contains(self.operand(a), self.operand(b)),
            _ => return None,
        })
    }

    fn operand(&mut self, node: NodeId) -> Operand {
        if let Some(path) = self.analysed.path(node) {
            return Operand::Path(path.clone());
        }
        if let Some(value) = self.analysed.take_value(node) {
            return Operand::Value(value);
        }
        // Only `size` is left, and its own operand is a path or a value.
        let Node::Call { operands, .. } = &self.analysed.tree.nodes[node] else { return Operand::Nothing };
        let inner = operands[0];
        if let Some(path) = self.analysed.path(inner) {
            return Operand::Size(path.clone());
        }
        self.analysed
            .value(inner)
            .and_then(size_value)
            .map_or(Operand::Nothing, |size| Operand::Value(Arc::new(size)))
    }
}
