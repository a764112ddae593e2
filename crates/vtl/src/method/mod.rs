//! Java's methods and properties, by the class of their target. A method that a class does not have answers nothing,
//! one that throws in Java ends the rendering; reflection (`class`, `getClass`) is closed.

mod list;
mod map;
mod number;
mod text;

use crate::error::Fault;
use crate::limits::VALUE_DEPTH_MAX;
use crate::number as numbers;
use crate::render::{Machine, Result};
use crate::text::hash;
use crate::tree::{Constant, Method};
use crate::value::Value;

/// The arguments of a call, and what its first one compiled to.
pub(crate) struct Call<'c> {
    pub(crate) name: &'c str,
    pub(crate) arguments: &'c [Value],
    pub(crate) constant: &'c Constant,
}

impl Call<'_> {
    /// The only argument, if it is a text.
    pub(crate) fn only_text(&self) -> Option<&str> {
        match self.arguments {
            [Value::Text(text)] => Some(text),
            _ => None,
        }
    }

    pub(crate) fn throws(&self, exception: impl Into<String>) -> Fault {
        Fault::method(self.name, exception)
    }
}

impl Machine<'_> {
    pub(crate) fn invoke(&mut self, target: &Value, method: &Method, arguments: &[Value]) -> Result<Value> {
        let call = Call { name: &method.name, arguments, constant: &method.constant };
        let found = match target {
            Value::Text(text) => self.text_method(text, &call)?,
            Value::List(list) => self.list_method(*list, &call)?,
            Value::Map(map) => self.map_method(*map, &call)?,
            Value::Int(_) | Value::Float(_) | Value::Big(_) => self.number_method(target, &call)?,
            Value::Bool(truth) => self.bool_method(*truth, &call)?,
            Value::Entry(entry) => self.entry_method(*entry, &call),
            Value::Iterator(iterator) => self.iterator_method(*iterator, &call)?,
            Value::Loop(number) => self.loop_method(*number, &call),
            Value::Input => self.input_method(&call)?,
            Value::Util => self.util_method(&call)?,
            Value::Null | Value::Block(_) => None,
        };
        match found {
            Some(value) => Ok(value),
            None => self.object_method(target, &call),
        }
    }

    /// What every object has.
    fn object_method(&mut self, target: &Value, call: &Call<'_>) -> Result<Value> {
        Ok(match (call.name, call.arguments) {
            ("toString", []) => Value::Text(self.text_of(target)?),
            ("equals", [other]) => Value::Bool(self.equals(target, other)?),
            ("hashCode", []) => Value::Int(i64::from(self.hash_code(target, 0)?)),
            _ => Value::Null,
        })
    }

    pub(crate) fn property(&mut self, target: &Value, name: &std::sync::Arc<str>) -> Result<Value> {
        Ok(match (target, &**name) {
            (_, "class") => Value::Null,
            (Value::Map(map), name) => self.heap.map(*map).get_text(name).cloned().unwrap_or(Value::Null),
            (Value::Input, "body") => self.input_body()?,
            (Value::Entry(entry), "key") => self.heap.list(*entry).items[0].clone(),
            (Value::Entry(entry), "value") => self.heap.list(*entry).items[1].clone(),
            (Value::List(list), "empty") => Value::Bool(self.heap.list(*list).items.is_empty()),
            (Value::Text(text), "empty") => Value::Bool(text.is_empty()),
            (Value::Loop(number), name) => self.loop_property(*number, name),
            _ => Value::Null,
        })
    }

    /// `$foreach.index` and its kin.
    fn loop_property(&self, number: usize, name: &str) -> Value {
        let Some(state) = self.loops.get(number) else { return Value::Null };
        match name {
            "index" => Value::count(state.index),
            "count" => Value::count(state.index + 1),
            "hasNext" => Value::Bool(state.has_next),
            "first" => Value::Bool(state.index == 0),
            "last" => Value::Bool(!state.has_next),
            "parent" => state.parent.map_or(Value::Null, Value::Loop),
            "topmost" => {
                let mut top = number;
                while let Some(parent) = self.loops.get(top).and_then(|state| state.parent) {
                    top = parent;
                }
                Value::Loop(top)
            }
            _ => Value::Null,
        }
    }

    fn loop_method(&mut self, number: usize, call: &Call<'_>) -> Option<Value> {
        Some(match call.name {
            "stop" => {
                if let Some(state) = self.loops.get_mut(number) {
                    state.stopped = true;
                }
                Value::Null
            }
            "getIndex" => self.loop_property(number, "index"),
            "getCount" => self.loop_property(number, "count"),
            "hasNext" | "getHasNext" => self.loop_property(number, "hasNext"),
            "isFirst" | "getFirst" => self.loop_property(number, "first"),
            "isLast" | "getLast" => self.loop_property(number, "last"),
            "getParent" => self.loop_property(number, "parent"),
            "getTopmost" => self.loop_property(number, "topmost"),
            _ => return None,
        })
    }

    fn bool_method(&mut self, truth: bool, call: &Call<'_>) -> Result<Option<Value>> {
        Ok(Some(match (call.name, call.arguments) {
            ("booleanValue", []) => Value::Bool(truth),
            ("parseBoolean" | "valueOf", [Value::Text(text)]) => {
                Value::Bool(text.eq_ignore_ascii_case("true"))
            }
            ("compareTo", [Value::Bool(other)]) => Value::Int(truth as i64 - *other as i64),
            _ => return Ok(None),
        }))
    }

    /// `equals`: values of one class, and their contents.
    pub(crate) fn equals(&mut self, one: &Value, other: &Value) -> Result<bool> {
        self.equals_at(one, other, 0)
    }

    fn equals_at(&mut self, one: &Value, other: &Value, depth: u32) -> Result<bool> {
        self.spend(1)?;
        if depth > VALUE_DEPTH_MAX {
            return Err(Fault::Limit("the depth of lists and maps", u64::from(VALUE_DEPTH_MAX)));
        }
        Ok(match (one, other) {
            (Value::Null, Value::Null) | (Value::Input, Value::Input) | (Value::Util, Value::Util) => true,
            (Value::Bool(one), Value::Bool(other)) => one == other,
            (Value::Int(one), Value::Int(other)) => one == other,
            (Value::Float(one), Value::Float(other)) => one.to_bits() == other.to_bits(),
            (Value::Big(one), Value::Big(other)) | (Value::Text(one), Value::Text(other)) => one == other,
            (Value::List(one), Value::List(other)) if one == other => true,
            (Value::List(one), Value::List(other)) | (Value::Entry(one), Value::Entry(other)) => {
                let length = self.heap.list(*one).items.len();
                if length != self.heap.list(*other).items.len() {
                    return Ok(false);
                }
                for place in 0..length {
                    let item = self.heap.list(*one).items[place].clone();
                    let against = self.heap.list(*other).items[place].clone();
                    if !self.equals_at(&item, &against, depth + 1)? {
                        return Ok(false);
                    }
                }
                true
            }
            (Value::Map(one), Value::Map(other)) if one == other => true,
            (Value::Map(one), Value::Map(other)) => {
                if self.heap.map(*one).len() != self.heap.map(*other).len() {
                    return Ok(false);
                }
                let entries: Vec<_> = self.heap.map(*one).iter().cloned().collect();
                self.spend(entries.len())?;
                for (key, value) in entries {
                    let Some(against) = self.heap.map(*other).get(&key).cloned() else { return Ok(false) };
                    if !self.equals_at(&value, &against, depth + 1)? {
                        return Ok(false);
                    }
                }
                true
            }
            _ => false,
        })
    }

    fn hash_code(&mut self, value: &Value, depth: u32) -> Result<i32> {
        self.spend(1)?;
        if depth > VALUE_DEPTH_MAX {
            return Err(Fault::Limit("the depth of lists and maps", u64::from(VALUE_DEPTH_MAX)));
        }
        Ok(match value {
            Value::Bool(truth) => {
                if *truth {
                    1231
                } else {
                    1237
                }
            }
            Value::Int(number) => match i32::try_from(*number) {
                Ok(number) => number,
                Err(_) => (*number ^ (*number as u64 >> 32) as i64) as i32,
            },
            Value::Float(number) => (number.to_bits() ^ (number.to_bits() >> 32)) as i32,
            Value::Big(text) | Value::Text(text) => {
                self.spend(text.len() / 16)?;
                hash(text)
            }
            Value::List(list) => {
                let items = self.heap.list(*list).items.clone();
                let mut code = 1i32;
                for item in &items {
                    code = code.wrapping_mul(31).wrapping_add(self.hash_code(item, depth + 1)?);
                }
                code
            }
            Value::Map(map) => {
                let entries: Vec<_> = self.heap.map(*map).iter().cloned().collect();
                let mut code = 0i32;
                for (key, value) in &entries {
                    let entry = self.hash_code(key, depth + 1)? ^ self.hash_code(value, depth + 1)?;
                    code = code.wrapping_add(entry);
                }
                code
            }
            Value::Entry(entry) => {
                let parts = self.heap.list(*entry).items.clone();
                let mut code = 0;
                for part in &parts {
                    code ^= self.hash_code(part, depth + 1)?;
                }
                code
            }
            _ => 0,
        })
    }
}

/// A whole number as an index.
pub(crate) fn index(value: &Value) -> Option<i64> {
    match value {
        Value::Int(number) => Some(*number),
        _ => None,
    }
}

/// The number as `int` of Java, if it is a number.
pub(crate) fn as_int(value: &Value) -> Option<i64> {
    match value {
        Value::Int(number) => Some(*number),
        other => numbers::as_float(other).map(|number| number as i64),
    }
}
