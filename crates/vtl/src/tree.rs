//! A compiled template: what the parser grows and the renderer walks. Knows no values.

use std::collections::HashMap;
use std::sync::Arc;

use crate::jsonpath::JsonPath;
use crate::number::Sum;
use crate::regex::{JavaRegex, PatternError};

/// A variable's number in its template.
pub(crate) type Slot = usize;

/// The slots of the variables that `#foreach` sets.
pub(crate) const FOREACH: Slot = 0;
pub(crate) const COUNT: Slot = 1;
pub(crate) const HAS_NEXT: Slot = 2;
pub(crate) const RESERVED: [&str; 3] = ["foreach", "velocityCount", "velocityHasNext"];

pub(crate) type Block = Arc<[Node]>;

#[derive(Debug)]
pub(crate) enum Node {
    Text(Box<str>),
    Print(Box<Print>),
    Set { target: Reference, value: Expr },
    If { branches: Vec<(Expr, Block)>, otherwise: Option<Block> },
    Foreach(Box<Foreach>),
    Define { slot: Slot, body: Arc<Define> },
    Call(Box<Call>),
    Evaluate(Expr, usize),
    Break,
    Stop,
}

/// A reference in the text.
#[derive(Debug)]
pub(crate) struct Print {
    pub(crate) reference: Reference,
    pub(crate) quiet: bool,
    /// An odd number of backslashes stands in front.
    pub(crate) escaped: bool,
    /// Half of the backslashes.
    pub(crate) slashes: Box<str>,
    /// Dollars in front of the reference.
    pub(crate) more: Box<str>,
}

/// `$root.property.method(argument)[index]`
#[derive(Debug)]
pub(crate) struct Reference {
    pub(crate) root: Slot,
    pub(crate) steps: Box<[Step]>,
    /// The source, as it is printed when there is nothing behind it.
    pub(crate) literal: Box<str>,
    /// Where it stands in the template.
    pub(crate) at: usize,
}

#[derive(Debug)]
pub(crate) enum Step {
    Property(Arc<str>),
    Method(Method),
    Index(Expr),
}

#[derive(Debug)]
pub(crate) struct Method {
    pub(crate) name: Box<str>,
    pub(crate) arguments: Box<[Expr]>,
    pub(crate) constant: Constant,
}

/// What a constant first argument compiles to.
#[derive(Debug)]
pub(crate) enum Constant {
    None,
    Path(Result<JsonPath, String>),
    Regex(Result<JavaRegex, PatternError>),
}

#[derive(Debug)]
pub(crate) enum Expr {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Big(Arc<str>),
    Text(Arc<str>),
    /// A text with references or directives in it.
    Interpolated(Block),
    List(Box<[Expr]>),
    Map(Box<[(Expr, Expr)]>),
    Range(Box<(Expr, Expr)>),
    Reference(Box<Reference>),
    Not(Box<Expr>),
    /// Operators of one rank, from left to right.
    Chain(Box<Expr>, Box<[(Operator, Expr)]>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Sum(Sum),
}

#[derive(Debug)]
pub(crate) struct Foreach {
    pub(crate) item: Slot,
    pub(crate) list: Expr,
    pub(crate) body: Block,
    pub(crate) at: usize,
}

/// The body of a `#define`.
#[derive(Debug)]
pub(crate) struct Define {
    pub(crate) body: Block,
}

/// A call of a macro; its source is printed if there is no such macro.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) name: Box<str>,
    pub(crate) arguments: Arc<[Expr]>,
    /// Of `#@name() ... #end`.
    pub(crate) body: Option<Arc<Define>>,
    pub(crate) literal: Box<str>,
    pub(crate) at: usize,
}

#[derive(Debug)]
pub(crate) struct Macro {
    pub(crate) parameters: Box<[Slot]>,
    pub(crate) body: Block,
}

/// The names that a template and what it evaluates share.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    pub(crate) list: Vec<Arc<str>>,
    slots: HashMap<Arc<str>, Slot>,
}

impl Names {
    pub(crate) fn slot(&mut self, name: &str) -> Slot {
        if let Some(slot) = self.slots.get(name) {
            return *slot;
        }
        let name: Arc<str> = name.into();
        self.list.push(Arc::clone(&name));
        self.slots.insert(name, self.list.len() - 1);
        self.list.len() - 1
    }

    pub(crate) fn find(&self, name: &str) -> Option<Slot> {
        self.slots.get(name).copied()
    }
}

pub(crate) type Macros = HashMap<Box<str>, Arc<Macro>>;
