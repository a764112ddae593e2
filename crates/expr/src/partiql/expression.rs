//! Conditions of WHERE and values of SET to a tree. Operators that wait for their right side lie on a stack of its
//! own, so that no text can exhaust the thread's.

use item::Value;

use super::fault::StatementFault;
use super::grown::Grown;
use super::literal::Trail;
use super::parser::{Parse, Reader};
use super::token::Kind;
use crate::Fault;
use crate::analysis::Leaf;
use crate::function::Function;
use crate::path::Path;
use crate::tree::{Comparator, Node, NodeId, Section, Sign};

/// What an expression is read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Goal {
    Condition,
    Assigned,
}

/// What is open around the place where the parser reads.
#[derive(Debug)]
enum Frame {
    Group,
    Not { start: usize },
    Binary { operator: Operator, left: Phrase },
    BetweenLow { left: NodeId, negated: bool },
    BetweenHigh { left: NodeId, low: NodeId, negated: bool },
    Call { start: usize, function: Function, operands: Vec<NodeId> },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Or,
    And,
    Compare(Comparator),
    Arithmetic(Sign),
}

/// What was just read in full.
#[derive(Debug, Clone, Copy)]
struct Phrase {
    node: NodeId,
    is_condition: bool,
}

/// How close operators bind; higher is closer.
mod binding {
    pub(super) const OPEN: u8 = 0;
    pub(super) const OR: u8 = 1;
    pub(super) const AND: u8 = 2;
    pub(super) const NOT: u8 = 3;
    pub(super) const COMPARISON: u8 = 4;
    pub(super) const ARITHMETIC: u8 = 5;
}

impl Operator {
    fn binding(self) -> u8 {
        match self {
            Self::Or => binding::OR,
            Self::And => binding::AND,
            Self::Compare(_) => binding::COMPARISON,
            Self::Arithmetic(_) => binding::ARITHMETIC,
        }
    }
}

impl Frame {
    fn binding(&self) -> u8 {
        match self {
            Self::Group | Self::Call { .. } | Self::BetweenLow { .. } => binding::OPEN,
            Self::Not { .. } => binding::NOT,
            Self::Binary { operator, .. } => operator.binding(),
            Self::BetweenHigh { .. } => binding::COMPARISON,
        }
    }
}

/// The parser of one expression.
struct Expression<'r, 't, 'p, 'g> {
    reader: &'r mut Reader<'t, 'p>,
    grown: &'g mut Grown,
    goal: Goal,
    frames: Vec<Frame>,
}

impl Reader<'_, '_> {
    /// What follows WHERE.
    pub(super) fn condition(&mut self) -> Parse<(Grown, NodeId)> {
        let mut grown = Grown::default();
        let root = Expression::new(self, &mut grown, Goal::Condition).read()?;
        Ok((grown, root.node))
    }

    /// What follows the equals sign of SET: the action that it makes of it, and its operand.
    pub(super) fn assigned(&mut self, grown: &mut Grown, target: &Path) -> Parse<(Section, Option<NodeId>)> {
        for (name, section) in [("SET_ADD", Section::Add), ("SET_DELETE", Section::Delete)] {
            if self.is_word(name) && self.kind_behind(1) == Kind::Open {
                return Ok((section, Some(self.set_operand(grown, name, target)?)));
            }
        }
        let phrase = Expression::new(self, grown, Goal::Assigned).read()?;
        Ok((Section::Set, Some(phrase.node)))
    }

    /// The second operand of `set_add(path, set)`; the first is what is assigned to.
    fn set_operand(&mut self, grown: &mut Grown, name: &'static str, target: &Path) -> Parse<NodeId> {
        let function = self.at();
        self.step();
        self.step();
        let mut operands = Vec::new();
        while self.kind() != Kind::Close {
            operands.push(Expression::new(self, grown, Goal::Assigned).read()?.node);
            if !self.accept(Kind::Comma) {
                break;
            }
        }
        self.expect(Kind::Close, "Expected RIGHT_PAREN")?;
        let &[first, second] = &operands[..] else {
            return Err(StatementFault::SetOperands(name, self.place(function)));
        };
        if !matches!(grown.leaf(first), Leaf::Path(path) if path == target) {
            self.note(StatementFault::SetTarget(name, self.place(function)));
        } else if !matches!(grown.value_of(second), Some(Value::Ss(_) | Value::Ns(_) | Value::Bs(_))) {
            self.note(StatementFault::SetOperand(name, self.place(grown.start(first))));
        }
        Ok(second)
    }
}

impl<'r, 't, 'p, 'g> Expression<'r, 't, 'p, 'g> {
    fn new(reader: &'r mut Reader<'t, 'p>, grown: &'g mut Grown, goal: Goal) -> Self {
        Self { reader, grown, goal, frames: Vec::new() }
    }

    fn read(mut self) -> Parse<Phrase> {
        loop {
            if let Some(phrase) = self.begin()?
                && let Some(whole) = self.go_on(phrase)?
            {
                return match self.goal {
                    Goal::Condition => self.condition(whole),
                    Goal::Assigned => Ok(whole),
                };
            }
        }
    }

    /// Reads where a term is due: one that is complete, or the opening of something larger.
    fn begin(&mut self) -> Parse<Option<Phrase>> {
        let start = self.reader.at();
        if self.reader.accept(Kind::Open) {
            self.frames.push(Frame::Group);
            return Ok(None);
        }
        if self.goal == Goal::Condition && self.reader.accept_word("NOT") {
            self.frames.push(Frame::Not { start });
            return Ok(None);
        }
        if self.reader.kind() == Kind::Parameter {
            let value = self.reader.parameter()?;
            return Ok(Some(operand(self.grown.value(start, value))));
        }
        if self.at_call() {
            return self.open_call(start);
        }
        if self.reader.at_literal() {
            let value = self.reader.literal(&mut Trail::root())?;
            return Ok(Some(operand(self.grown.value(start, value))));
        }
        if matches!(self.reader.kind(), Kind::End | Kind::Semicolon)
            && matches!(self.frames.last(), Some(Frame::Binary { .. }))
        {
            return Err(StatementFault::Malformed("Missing right-hand side expression of infix operator"));
        }
        let path = self.reader.path()?;
        Ok(Some(operand(self.grown.path(start, path))))
    }

    fn at_call(&self) -> bool {
        let named = match self.reader.kind() {
            Kind::Word => true,
            Kind::Keyword => ["SIZE", "EXISTS", "COUNT"].iter().any(|word| self.reader.is_word(word)),
            _ => false,
        };
        named && self.reader.kind_behind(1) == Kind::Open
    }

    fn open_call(&mut self, start: usize) -> Parse<Option<Phrase>> {
        let name = self.reader.text(start).to_ascii_lowercase();
        let allowed = |function: &Function| match self.goal {
            Goal::Condition => !function.is_for_updates(),
            Goal::Assigned => *function == Function::ListAppend,
        };
        let Some(function) = Function::from_name(&name).filter(allowed) else {
            return Err(StatementFault::Function(name, self.reader.place(start)));
        };
        self.reader.step();
        self.reader.step();
        if self.reader.accept(Kind::Close) {
            return Ok(Some(self.call(start, function, Vec::new())));
        }
        self.frames.push(Frame::Call { start, function, operands: Vec::new() });
        Ok(None)
    }

    fn call(&mut self, start: usize, function: Function, operands: Vec<NodeId>) -> Phrase {
        let node = self.grown.call(start, function, operands);
        Phrase { node, is_condition: function.is_condition() }
    }

    /// Goes on behind a complete phrase. Returns the whole when all is read, nothing when a further term is due.
    fn go_on(&mut self, mut phrase: Phrase) -> Parse<Option<Phrase>> {
        loop {
            if self.goal == Goal::Condition {
                if let Some(larger) = self.read_suffix(phrase)? {
                    phrase = larger;
                    continue;
                }
                if self.open_between(phrase)? {
                    return Ok(None);
                }
            }
            if let Some(operator) = self.operator() {
                return self.open_binary(operator, phrase).map(|()| None);
            }
            phrase = self.reduce(phrase, binding::OR)?;
            match self.frames.pop() {
                None => return Ok(Some(phrase)),
                Some(Frame::Group) => {
                    self.reader.expect(Kind::Close, "Expected RIGHT_PAREN")?;
                }
                Some(Frame::Call { start, function, mut operands }) => {
                    operands.push(self.operand(phrase)?);
                    if self.reader.accept(Kind::Comma) {
                        self.frames.push(Frame::Call { start, function, operands });
                        return Ok(None);
                    }
                    self.reader.expect(Kind::Close, "Expected RIGHT_PAREN")?;
                    phrase = self.call(start, function, operands);
                }
                Some(_) => return Err(StatementFault::Malformed("Expected AND")),
            }
        }
    }

    /// `IS ..` and `IN ..`, which end with what they bring along.
    fn read_suffix(&mut self, phrase: Phrase) -> Parse<Option<Phrase>> {
        let negated = self.reader.is_word("NOT") && self.is_next_word("IN");
        if !negated && !self.reader.is_word("IS") && !self.reader.is_word("IN") {
            return Ok(None);
        }
        let left = self.reduce(phrase, binding::COMPARISON)?;
        let left = self.operand(left)?;
        let start = self.grown.start(left);
        if self.reader.accept_word("IS") {
            return self.is_type(left, start).map(Some);
        }
        self.reader.accept_word("NOT");
        self.reader.step();
        let members = self.members()?;
        let node = self.grown.node(start, Node::In(left, members));
        Ok(Some(self.negate_if(negated, start, condition(node))))
    }

    fn is_type(&mut self, left: NodeId, start: usize) -> Parse<Phrase> {
        let negated = self.reader.accept_word("NOT");
        if self.reader.accept_word("MISSING") {
            let function = if negated { Function::AttributeExists } else { Function::AttributeNotExists };
            return Ok(self.call(start, function, vec![left]));
        }
        let at = self.reader.at();
        let name = self.reader.text(at).to_ascii_uppercase();
        let kind = match name.as_str() {
            "NULL" => "NULL",
            "BOOL" | "BOOLEAN" => "BOOL",
            "BLOB" => "B",
            "STRING" => "S",
            "NUMERIC" => "N",
            "STRUCT" | "TUPLE" => "M",
            "LIST" => "L",
            _ if OTHER_TYPES.contains(&name.as_str()) => {
                self.reader.note(StatementFault::IsType(name));
                "NULL"
            }
            _ => return Err(StatementFault::Malformed("Expected type name")),
        };
        self.reader.step();
        let kind = self.grown.value(at, Value::from(kind));
        let phrase = self.call(start, Function::AttributeType, vec![left, kind]);
        Ok(self.negate_if(negated, start, phrase))
    }

    /// What IN looks among: `[..]`, `(..)`, or a parameter with a list.
    fn members(&mut self) -> Parse<Vec<NodeId>> {
        let start = self.reader.at();
        let close = match self.reader.kind() {
            Kind::OpenList => Kind::CloseList,
            Kind::Open => Kind::Close,
            Kind::Parameter => {
                let values = match self.reader.parameter()? {
                    Value::L(values) => values,
                    value => vec![value],
                };
                return Ok(values.into_iter().map(|value| self.grown.value(start, value)).collect());
            }
            _ => return Err(self.reader.unexpected_term()),
        };
        self.reader.step();
        let mut members = Vec::new();
        while self.reader.kind() != close {
            let start = self.reader.at();
            members.push(if self.reader.kind() == Kind::Parameter {
                let value = self.reader.parameter()?;
                self.grown.value(start, value)
            } else if self.reader.at_literal() {
                let value = self.reader.literal(&mut Trail::root())?;
                self.grown.value(start, value)
            } else {
                let path = self.reader.path()?;
                self.grown.path(start, path)
            });
            if !self.reader.accept(Kind::Comma) {
                break;
            }
        }
        self.reader.expect(close, "Expected RIGHT_BRACKET")?;
        Ok(members)
    }

    fn open_between(&mut self, phrase: Phrase) -> Parse<bool> {
        let negated = self.reader.is_word("NOT") && self.is_next_word("BETWEEN");
        if negated {
            self.reader.step();
        }
        if !self.reader.accept_word("BETWEEN") {
            return Ok(false);
        }
        let left = self.reduce(phrase, binding::COMPARISON)?;
        let left = self.operand(left)?;
        self.frames.push(Frame::BetweenLow { left, negated });
        Ok(true)
    }

    fn is_next_word(&self, word: &str) -> bool {
        let next = self.reader.at() + 1;
        self.reader.kind_at(next) == Kind::Keyword && self.reader.text(next).eq_ignore_ascii_case(word)
    }

    /// The operator here that the goal allows.
    fn operator(&self) -> Option<Operator> {
        let operator = match self.reader.kind() {
            Kind::Plus => return Some(Operator::Arithmetic(Sign::Plus)),
            Kind::Minus => return Some(Operator::Arithmetic(Sign::Minus)),
            Kind::Equal => Operator::Compare(Comparator::Equal),
            Kind::NotEqual => Operator::Compare(Comparator::NotEqual),
            Kind::Less => Operator::Compare(Comparator::Less),
            Kind::LessEqual => Operator::Compare(Comparator::LessEqual),
            Kind::Greater => Operator::Compare(Comparator::Greater),
            Kind::GreaterEqual => Operator::Compare(Comparator::GreaterEqual),
            Kind::Keyword if self.reader.is_word("AND") => Operator::And,
            Kind::Keyword if self.reader.is_word("OR") => Operator::Or,
            _ => return None,
        };
        (self.goal == Goal::Condition).then_some(operator)
    }

    fn open_binary(&mut self, operator: Operator, phrase: Phrase) -> Parse<()> {
        // All are left to right, but for the AND of a BETWEEN, which is none.
        let above = if operator == Operator::And { binding::NOT } else { operator.binding() };
        let phrase = self.reduce(phrase, above)?;
        self.reader.step();
        if operator == Operator::And
            && let Some(&Frame::BetweenLow { left, negated }) = self.frames.last()
        {
            let low = self.operand(phrase)?;
            self.frames.pop();
            self.frames.push(Frame::BetweenHigh { left, low, negated });
            return Ok(());
        }
        let left = self.reduce(phrase, operator.binding())?;
        self.frames.push(Frame::Binary { operator, left });
        Ok(())
    }

    /// Closes what binds at least as close as `least`.
    fn reduce(&mut self, mut phrase: Phrase, least: u8) -> Parse<Phrase> {
        while let Some(frame) = self.frames.pop_if(|frame| frame.binding() >= least) {
            phrase = match frame {
                Frame::Not { start } => {
                    let inner = self.condition(phrase)?;
                    self.negate_if(true, start, inner)
                }
                Frame::Binary { operator, left } => self.binary(operator, left, phrase)?,
                Frame::BetweenHigh { left, low, negated } => {
                    let high = self.operand(phrase)?;
                    let start = self.grown.start(left);
                    let node = self.grown.node(start, Node::Between(left, low, high));
                    self.negate_if(negated, start, condition(node))
                }
                // These bind nothing.
                Frame::Group | Frame::Call { .. } | Frame::BetweenLow { .. } => phrase,
            };
        }
        Ok(phrase)
    }

    fn binary(&mut self, operator: Operator, left: Phrase, right: Phrase) -> Parse<Phrase> {
        let start = self.grown.start(left.node);
        let node = match operator {
            Operator::And | Operator::Or => {
                let (left, right) = (self.condition(left)?.node, self.condition(right)?.node);
                if operator == Operator::And { Node::And(left, right) } else { Node::Or(left, right) }
            }
            Operator::Compare(comparator) if left.is_condition || right.is_condition => {
                return self.compare_condition(comparator, left, right);
            }
            Operator::Compare(comparator) => Node::Compare(comparator, left.node, right.node),
            Operator::Arithmetic(sign) => {
                if self.goal == Goal::Condition {
                    let operator = if sign == Sign::Plus { "+" } else { "-" };
                    return Err(StatementFault::ConditionOperator(operator));
                }
                let (left, right) = (self.operand(left)?, self.operand(right)?);
                return Ok(operand(self.grown.node(start, Node::Arithmetic(sign, left, right))));
            }
        };
        Ok(condition(self.grown.node(start, node)))
    }

    /// `attribute_exists(a) = true`: the condition itself, or its contrary.
    fn compare_condition(&mut self, comparator: Comparator, left: Phrase, right: Phrase) -> Parse<Phrase> {
        let (inner, other) = if left.is_condition { (left, right) } else { (right, left) };
        let equal = match comparator {
            Comparator::Equal => true,
            Comparator::NotEqual => false,
            comparator => {
                let operator = comparator.as_str();
                return Err(Fault::OperandKind { operator, kind: "BOOL" }.into());
            }
        };
        let Some(&Value::Bool(truth)) = self.grown.value_of(other.node) else {
            return Err(StatementFault::Operation("comparison of a condition"));
        };
        let start = self.grown.start(left.node.min(right.node));
        Ok(self.negate_if(truth != equal, start, inner))
    }

    fn negate_if(&mut self, negated: bool, start: usize, phrase: Phrase) -> Phrase {
        if negated { condition(self.grown.node(start, Node::Not(phrase.node))) } else { phrase }
    }

    fn condition(&self, phrase: Phrase) -> Parse<Phrase> {
        if phrase.is_condition { Ok(phrase) } else { Err(StatementFault::Malformed("Expected a condition")) }
    }

    fn operand(&self, phrase: Phrase) -> Parse<NodeId> {
        if phrase.is_condition {
            Err(StatementFault::Malformed("Unexpected condition"))
        } else {
            Ok(phrase.node)
        }
    }
}

/// Types that IS knows by name and DynamoDB has not.
const OTHER_TYPES: [&str; 21] = [
    "INT",
    "INT4",
    "INT8",
    "INTEGER",
    "SMALLINT",
    "FLOAT",
    "REAL",
    "DOUBLE",
    "DECIMAL",
    "DEC",
    "CHAR",
    "CHARACTER",
    "VARCHAR",
    "SYMBOL",
    "CLOB",
    "DATE",
    "TIME",
    "TIMESTAMP",
    "SEXP",
    "BAG",
    "ANY",
];

fn operand(node: NodeId) -> Phrase {
    Phrase { node, is_condition: false }
}

fn condition(node: NodeId) -> Phrase {
    Phrase { node, is_condition: true }
}
