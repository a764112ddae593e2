//! Evaluates expressions, and references step by step.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::error::Fault;
use crate::number;
use crate::render::{Machine, Result};
use crate::template::Dialect;
use crate::tree::{Expr, Operator, Reference, Step};
use crate::value::{ListId, Value};

impl Machine<'_> {
    pub(crate) fn value(&mut self, expr: &Expr) -> Result<Value> {
        self.spend(1)?;
        Ok(match expr {
            Expr::Null => Value::Null,
            Expr::Bool(truth) => Value::Bool(*truth),
            Expr::Int(number) => Value::Int(*number),
            Expr::Float(number) => Value::Float(*number),
            Expr::Big(digits) => Value::Big(Arc::clone(digits)),
            Expr::Text(text) => Value::Text(Arc::clone(text)),
            Expr::Interpolated(block) => Value::Text(self.captured(block)?),
            Expr::Reference(reference) => self.reference(reference)?,
            Expr::List(items) => {
                let items = self.deeper(|machine| machine.values(items))?;
                self.heap.list_value(items)?
            }
            Expr::Map(entries) => self.deeper(|machine| machine.map(entries))?,
            Expr::Range(ends) => self.deeper(|machine| machine.range(&ends.0, &ends.1))?,
            Expr::Not(_) => Value::Bool(self.holds(expr)?),
            Expr::Chain(first, rest) => self.deeper(|machine| machine.chain(first, rest))?,
        })
    }

    fn values(&mut self, exprs: &[Expr]) -> Result<Vec<Value>> {
        exprs.iter().map(|expr| self.value(expr)).collect()
    }

    fn map(&mut self, entries: &[(Expr, Expr)]) -> Result<Value> {
        let map = self.heap.new_map()?;
        for (key, value) in entries {
            let (key, value) = (self.value(key)?, self.value(value)?);
            self.heap.put(map, key, value)?;
        }
        Ok(Value::Map(map))
    }

    /// Whole numbers from one to the other, also downwards.
    fn range(&mut self, first: &Expr, last: &Expr) -> Result<Value> {
        let (Value::Int(first), Value::Int(last)) = (self.value(first)?, self.value(last)?) else {
            return Ok(Value::Null);
        };
        let length = usize::try_from(first.abs_diff(last)).unwrap_or(usize::MAX).saturating_add(1);
        self.spend(length)?;
        self.heap.charge(length.saturating_mul(24))?;
        let items = match first <= last {
            true => (first..=last).map(Value::Int).collect(),
            false => (last..=first).rev().map(Value::Int).collect(),
        };
        self.heap.list_value(items)
    }

    /// Whether a condition is true: a reference that has a value and is not false. Texts and numbers that stand in
    /// the condition itself are not.
    pub(crate) fn holds(&mut self, expr: &Expr) -> Result<bool> {
        Ok(match expr {
            Expr::Bool(truth) => *truth,
            Expr::Reference(reference) => match self.reference(reference)? {
                Value::Null => false,
                Value::Bool(truth) => truth,
                _ => true,
            },
            Expr::Not(inner) => !self.deeper(|machine| machine.holds(inner))?,
            Expr::Chain(first, rest) => {
                matches!(self.deeper(|machine| machine.chain(first, rest))?, Value::Bool(true))
            }
            _ => false,
        })
    }

    fn chain(&mut self, first: &Expr, rest: &[(Operator, Expr)]) -> Result<Value> {
        match rest.first() {
            Some((Operator::Or, _)) => self.any(first, rest, true),
            Some((Operator::And, _)) => self.any(first, rest, false),
            _ => {
                let mut value = self.value(first)?;
                let mut left = first;
                for (operator, right) in rest {
                    let other = self.value(right)?;
                    value = self.operate(*operator, (left, value), (right, other))?;
                    left = right;
                }
                Ok(value)
            }
        }
    }

    /// The first operand that settles the matter.
    fn any(&mut self, first: &Expr, rest: &[(Operator, Expr)], settles: bool) -> Result<Value> {
        if self.holds(first)? == settles {
            return Ok(Value::Bool(settles));
        }
        for (_, operand) in rest {
            if self.holds(operand)? == settles {
                return Ok(Value::Bool(settles));
            }
        }
        Ok(Value::Bool(!settles))
    }

    fn operate(
        &mut self,
        operator: Operator,
        (left, one): (&Expr, Value),
        (right, other): (&Expr, Value),
    ) -> Result<Value> {
        self.spend(1)?;
        let order = || number::compare(&one, &other);
        Ok(Value::Bool(match operator {
            Operator::Equal => self.equal(&one, &other)?,
            Operator::NotEqual => !self.equal(&one, &other)?,
            Operator::Less => order() == Some(Ordering::Less),
            Operator::LessOrEqual => matches!(order(), Some(Ordering::Less | Ordering::Equal)),
            Operator::Greater => order() == Some(Ordering::Greater),
            Operator::GreaterOrEqual => matches!(order(), Some(Ordering::Greater | Ordering::Equal)),
            Operator::Sum(number::Sum::Add) if is_text(&one) || is_text(&other) => {
                let one = self.operand(left, &one)?;
                let other = self.operand(right, &other)?;
                return self.joined(&one, &other);
            }
            Operator::Sum(sum) => return Ok(number::calculate(sum, &one, &other).unwrap_or(Value::Null)),
            Operator::Or | Operator::And => false,
        }))
    }

    /// An operand of a concatenation; what has no value stands for its source.
    fn operand(&mut self, expr: &Expr, value: &Value) -> Result<Arc<str>> {
        match (value, expr) {
            (Value::Null, Expr::Reference(reference)) => Ok((&*reference.literal).into()),
            _ => self.text_of(value),
        }
    }

    /// Two texts in one.
    pub(crate) fn joined(&mut self, one: &str, other: &str) -> Result<Value> {
        let length = one.len() + other.len();
        if length > self.limits.output_bytes {
            return Err(crate::print::too_long(self.limits.output_bytes));
        }
        self.spend(length / 64)?;
        self.heap.charge(length + 24)?;
        let mut text = String::with_capacity(length);
        text.push_str(one);
        text.push_str(other);
        Ok(Value::Text(text.into()))
    }

    /// `==`: numbers by their value, values of one class by `equals`, others by their texts.
    fn equal(&mut self, one: &Value, other: &Value) -> Result<bool> {
        if one.is_null() || other.is_null() {
            return Ok(one.is_null() && other.is_null());
        }
        if number::is_number(one) && number::is_number(other) {
            return Ok(number::compare(one, other) == Some(Ordering::Equal));
        }
        match (one, other) {
            (Value::List(_), Value::List(_))
            | (Value::Map(_), Value::Map(_))
            | (Value::Bool(_), Value::Bool(_)) => self.equals(one, other),
            _ => Ok(self.text_of(one)? == self.text_of(other)?),
        }
    }

    /// The value of a reference; without one, an empty text in API Gateway and nothing in Velocity.
    pub(crate) fn reference(&mut self, reference: &Reference) -> Result<Value> {
        self.locate(reference.at);
        let mut value = self.variable(reference.root)?;
        for step in &reference.steps {
            if value.is_null() {
                break;
            }
            self.spend(1)?;
            value = self.step(&value, step)?;
            self.locate(reference.at);
        }
        Ok(match (value, self.dialect) {
            (Value::Null, Dialect::ApiGateway) => Value::Text(Arc::clone(&self.empty)),
            (value, _) => value,
        })
    }

    fn step(&mut self, target: &Value, step: &Step) -> Result<Value> {
        match step {
            Step::Property(name) => self.property(target, name),
            Step::Method(method) => {
                let arguments = self.deeper(|machine| machine.values(&method.arguments))?;
                self.invoke(target, method, &arguments)
            }
            Step::Index(index) => {
                let index = self.deeper(|machine| machine.value(index))?;
                self.indexed(target, &index)
            }
        }
    }

    /// `$target[index]`
    fn indexed(&mut self, target: &Value, index: &Value) -> Result<Value> {
        match (target, index) {
            (Value::List(list), Value::Int(index)) => {
                let place = self.place_in(*list, *index)?;
                Ok(self.heap.list(*list).items[place].clone())
            }
            (Value::Map(map), key) => Ok(self.heap.map(*map).get(key).cloned().unwrap_or(Value::Null)),
            _ => Ok(Value::Null),
        }
    }

    /// The place of an index, which counts from the end if it is negative.
    fn place_in(&self, list: ListId, index: i64) -> Result<usize> {
        let length = self.heap.list(list).items.len();
        let place = if index < 0 { i64::try_from(length).unwrap_or(i64::MAX) + index } else { index };
        let place = usize::try_from(place).ok().filter(|place| *place < length);
        place.ok_or_else(|| out_of_bounds("get", index, length))
    }

    /// `#set($target.property = value)`. What cannot be set is left as it is.
    pub(crate) fn assign(&mut self, target: &Reference, value: Value) -> Result<()> {
        let Some((last, before)) = target.steps.split_last() else {
            self.set_variable(target.root, value);
            return Ok(());
        };
        let mut holder = self.variable(target.root)?;
        for step in before {
            if holder.is_null() {
                return Ok(());
            }
            holder = self.step(&holder, step)?;
        }
        match (&holder, last) {
            (Value::Map(map), Step::Property(name)) => {
                self.heap.put(*map, Value::Text(Arc::clone(name)), value)?;
            }
            (Value::Map(map), Step::Index(index)) => {
                let key = self.value(index)?;
                self.heap.put(*map, key, value)?;
            }
            (Value::List(list), Step::Index(index)) => {
                if let Value::Int(index) = self.value(index)? {
                    let place = self.place_in(*list, index)?;
                    self.heap.list_mut(*list).items[place] = value;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// What `#foreach` goes through, as a list.
    pub(crate) fn iterated(&mut self, value: &Value) -> Result<Option<ListId>> {
        Ok(match value {
            Value::List(list) => Some(*list),
            Value::Map(map) => {
                let items: Vec<Value> = self.heap.map(*map).iter().map(|(_, value)| value.clone()).collect();
                Some(self.heap.new_list(items, false)?)
            }
            Value::Iterator(iterator) => {
                let (list, at) = *self.heap.iterator_mut(*iterator);
                let rest: Vec<Value> = self.heap.list(list).items.iter().skip(at).cloned().collect();
                self.heap.iterator_mut(*iterator).1 = at + rest.len();
                Some(self.heap.new_list(rest, false)?)
            }
            _ => None,
        })
    }
}

fn is_text(value: &Value) -> bool {
    matches!(value, Value::Text(_))
}

pub(crate) fn out_of_bounds(method: &str, index: i64, length: usize) -> Fault {
    let exception = format!("java.lang.IndexOutOfBoundsException: Index: {index}, Size: {length}");
    Fault::method(method, exception)
}
