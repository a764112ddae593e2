//! Filters: `[?(@.price < 10 && @.kind in ['a', 'b'])]`.

use std::cmp::Ordering;

use super::JsonPath;
use super::read::Search;
use crate::error::Fault;
use crate::number;
use crate::regex::{JavaRegex, STEPS_MAX};
use crate::value::Value;

#[derive(Debug)]
pub(super) enum Condition {
    Or(Vec<Condition>),
    And(Vec<Condition>),
    Not(Box<Condition>),
    Compare(Operand, Comparison, Operand),
    Exists(Operand),
    Truth(Operand),
}

#[derive(Debug)]
pub(super) enum Operand {
    Path { path: JsonPath, from_root: bool },
    Value(Value),
    Pattern(JavaRegex),
    List(Vec<Operand>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    SameType,
    NotSameType,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Matches,
    In,
    NotIn,
    Contains,
    All,
    Size,
    Empty,
    Exists,
    Type,
    SubsetOf,
    AnyOf,
    NoneOf,
}

type Result<T> = std::result::Result<T, Fault>;

impl Search<'_> {
    pub(super) fn accepts(&mut self, condition: &Condition, node: &Value) -> Result<bool> {
        self.spend(1)?;
        Ok(match condition {
            Condition::Or(all) => {
                for one in all {
                    if self.accepts(one, node)? {
                        return Ok(true);
                    }
                }
                false
            }
            Condition::And(all) => {
                for one in all {
                    if !self.accepts(one, node)? {
                        return Ok(false);
                    }
                }
                true
            }
            Condition::Not(inner) => !self.accepts(inner, node)?,
            Condition::Exists(operand) => self.operand(operand, node)?.is_some(),
            Condition::Truth(operand) => matches!(self.operand(operand, node)?, Some(Value::Bool(true))),
            Condition::Compare(left, comparison, right) => {
                let one = self.operand(left, node)?;
                match (comparison, right) {
                    (Comparison::Matches, Operand::Pattern(pattern)) => match one {
                        Some(Value::Text(text)) => {
                            let before = u32::try_from(*self.steps).unwrap_or(u32::MAX).min(STEPS_MAX);
                            let mut left = before;
                            let matches = pattern.matches_within(&text, &mut left);
                            self.spend((before - left) as usize)?;
                            matches.map_err(|error| Fault::method("path", error.to_string()))?
                        }
                        _ => false,
                    },
                    _ => {
                        let other = self.operand(right, node)?;
                        self.compares(*comparison, one, other)?
                    }
                }
            }
        })
    }

    pub(super) fn operand(&mut self, operand: &Operand, node: &Value) -> Result<Option<Value>> {
        match operand {
            Operand::Value(value) => Ok(Some(value.clone())),
            Operand::Path { path, from_root } => {
                let start = if *from_root { self.root.clone() } else { node.clone() };
                self.find(path, &start)
            }
            Operand::List(items) => {
                let mut values = Vec::with_capacity(items.len());
                for item in items {
                    values.extend(self.operand(item, node)?);
                }
                Ok(Some(Value::List(self.heap.new_list(values, true)?)))
            }
            Operand::Pattern(_) => Ok(None),
        }
    }

    fn compares(&mut self, comparison: Comparison, one: Option<Value>, other: Option<Value>) -> Result<bool> {
        if comparison == Comparison::Exists {
            return Ok(one.is_some() == !matches!(other, Some(Value::Bool(false))));
        }
        let (Some(one), Some(other)) = (one, other) else {
            return Ok(matches!(
                comparison,
                Comparison::NotEqual | Comparison::NotSameType | Comparison::NotIn
            ));
        };
        let order = order(&one, &other);
        Ok(match comparison {
            Comparison::Equal | Comparison::SameType => self.same(&one, &other, 0)?,
            Comparison::NotEqual | Comparison::NotSameType => !self.same(&one, &other, 0)?,
            Comparison::Less => order == Some(Ordering::Less),
            Comparison::LessOrEqual => matches!(order, Some(Ordering::Less | Ordering::Equal)),
            Comparison::Greater => order == Some(Ordering::Greater),
            Comparison::GreaterOrEqual => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
            Comparison::In => self.is_in(&one, &other)?,
            Comparison::NotIn => !self.is_in(&one, &other)?,
            Comparison::Contains => match (&one, &other) {
                (Value::Text(one), Value::Text(other)) => one.contains(&**other),
                _ => self.is_in(&other, &one)?,
            },
            Comparison::Size => self.length(&one) == other_number(&other),
            Comparison::Empty => (self.length(&one) == Some(0)) == matches!(other, Value::Bool(true)),
            Comparison::Type => type_of(&one) == self.text(&other),
            Comparison::All => self.each_in(&other, &one, true)?,
            Comparison::SubsetOf => self.each_in(&one, &other, true)?,
            Comparison::AnyOf => self.each_in(&one, &other, false)?,
            Comparison::NoneOf => !self.each_in(&one, &other, false)?,
            Comparison::Matches | Comparison::Exists => false,
        })
    }

    fn is_in(&mut self, value: &Value, list: &Value) -> Result<bool> {
        let Value::List(list) = list else { return Ok(false) };
        self.spend(self.heap.list(*list).items.len() / 8)?;
        for item in self.heap.list(*list).items.clone() {
            if self.same(value, &item, 0)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether every item of one list is in the other, or any.
    fn each_in(&mut self, one: &Value, other: &Value, all: bool) -> Result<bool> {
        let Value::List(list) = one else { return Ok(false) };
        self.spend(self.heap.list(*list).items.len() / 8)?;
        for item in self.heap.list(*list).items.clone() {
            if self.is_in(&item, other)? != all {
                return Ok(!all);
            }
        }
        Ok(all)
    }

    fn text<'v>(&self, value: &'v Value) -> &'v str {
        match value {
            Value::Text(text) => text,
            _ => "",
        }
    }

    pub(super) fn length(&self, value: &Value) -> Option<usize> {
        match value {
            Value::Text(text) => Some(crate::text::length(text)),
            Value::List(list) => Some(self.heap.list(*list).items.len()),
            Value::Map(map) => Some(self.heap.map(*map).len()),
            _ => None,
        }
    }

    fn same(&mut self, one: &Value, other: &Value, depth: u32) -> Result<bool> {
        self.spend(1)?;
        if depth > crate::limits::VALUE_DEPTH_MAX {
            return Ok(false);
        }
        Ok(match (one, other) {
            (Value::Null, Value::Null) => true,
            (Value::Bool(one), Value::Bool(other)) => one == other,
            (Value::Text(one), Value::Text(other)) => one == other,
            (Value::List(one), Value::List(other)) => {
                let length = self.heap.list(*one).items.len();
                if length != self.heap.list(*other).items.len() {
                    return Ok(false);
                }
                self.spend(length / 4)?;
                let (items, others) =
                    (self.heap.list(*one).items.clone(), self.heap.list(*other).items.clone());
                for (item, against) in items.iter().zip(&others) {
                    if !self.same(item, against, depth + 1)? {
                        return Ok(false);
                    }
                }
                true
            }
            (Value::Map(one), Value::Map(other)) => {
                let length = self.heap.map(*one).len();
                if length != self.heap.map(*other).len() {
                    return Ok(false);
                }
                self.spend(length / 4)?;
                let entries: Vec<_> = self.heap.map(*one).iter().cloned().collect();
                for (key, value) in entries {
                    let against = self.heap.map(*other).get(&key).cloned();
                    match against {
                        Some(against) if self.same(&value, &against, depth + 1)? => {}
                        _ => return Ok(false),
                    }
                }
                true
            }
            _ => order(one, other) == Some(Ordering::Equal),
        })
    }
}

/// Numbers by value, texts by their characters; a text against a number as a number, if it is one.
fn order(one: &Value, other: &Value) -> Option<Ordering> {
    match (one, other) {
        (Value::Text(one), Value::Text(other)) => Some(one.cmp(other)),
        (Value::Text(text), number) if number::is_number(number) => number::compare(&parsed(text)?, number),
        (number, Value::Text(text)) if number::is_number(number) => number::compare(number, &parsed(text)?),
        _ => number::compare(one, other),
    }
}

fn parsed(text: &str) -> Option<Value> {
    text.parse::<f64>().ok().map(|_| number::parse(text))
}

fn other_number(value: &Value) -> Option<usize> {
    match value {
        Value::Int(number) => usize::try_from(*number).ok(),
        _ => None,
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Text(_) => "string",
        Value::Bool(_) => "boolean",
        Value::Int(_) | Value::Float(_) | Value::Big(_) => "number",
        Value::List(_) | Value::Map(_) => "json",
        _ => "null",
    }
}
