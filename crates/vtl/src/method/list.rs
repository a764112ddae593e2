//! The methods of `java.util.ArrayList` and of iterators.

use super::{Call, index};
use crate::eval::out_of_bounds;
use crate::render::{Machine, Result};
use crate::value::{IteratorId, ListId, Value};

impl Machine<'_> {
    pub(crate) fn list_method(&mut self, list: ListId, call: &Call<'_>) -> Result<Option<Value>> {
        let length = self.heap.list(list).items.len();
        let place = |at: &Value, end: usize| {
            let at = index(at).unwrap_or(-1);
            let place = usize::try_from(at).ok().filter(|place| *place < end);
            place.ok_or_else(|| out_of_bounds(call.name, at, length))
        };
        Ok(Some(match (call.name, call.arguments) {
            ("size" | "length", []) => Value::count(length),
            ("isEmpty", []) => Value::Bool(length == 0),
            ("get", [at @ Value::Int(_)]) => self.heap.list(list).items[place(at, length)?].clone(),
            ("set", [at @ Value::Int(_), value]) => {
                let at = place(at, length)?;
                std::mem::replace(&mut self.heap.list_mut(list).items[at], value.clone())
            }
            ("add", [value]) => {
                self.heap.charge(48)?;
                self.heap.list_mut(list).items.push(value.clone());
                Value::Bool(true)
            }
            ("add", [at @ Value::Int(_), value]) => {
                let at = place(at, length + 1)?;
                self.spend(length / 16)?;
                self.heap.charge(48)?;
                self.heap.list_mut(list).items.insert(at, value.clone());
                Value::Null
            }
            ("remove", [at @ Value::Int(_)]) => {
                let at = place(at, length)?;
                self.spend(length / 16)?;
                self.heap.list_mut(list).items.remove(at)
            }
            ("remove", [value]) => {
                let found = self.position(list, value, false)?;
                if let Some(at) = found {
                    self.heap.list_mut(list).items.remove(at);
                }
                Value::Bool(found.is_some())
            }
            ("contains", [value]) => Value::Bool(self.position(list, value, false)?.is_some()),
            ("indexOf", [value]) => self.position(list, value, false)?.map_or(Value::Int(-1), Value::count),
            ("lastIndexOf", [value]) => {
                self.position(list, value, true)?.map_or(Value::Int(-1), Value::count)
            }
            ("clear", []) => {
                self.heap.list_mut(list).items.clear();
                Value::Null
            }
            ("subList", [from @ Value::Int(_), to @ Value::Int(_)]) => {
                let (from, to) = (place(from, length + 1)?, place(to, length + 1)?);
                let items = self.heap.list(list).items.get(from..to).map(<[Value]>::to_vec);
                let items = items
                    .ok_or_else(|| call.throws("java.lang.IllegalArgumentException: fromIndex > toIndex"))?;
                let json = self.heap.list(list).json;
                self.spend(items.len() / 16)?;
                Value::List(self.heap.new_list(items, json)?)
            }
            ("toArray", []) => Value::List(list),
            ("iterator" | "listIterator", []) => Value::Iterator(self.heap.new_iterator(list)?),
            ("toString", []) => Value::Text(self.text_of(&Value::List(list))?),
            (_, [other]) => return self.bulk_method(list, other, call),
            _ => return Ok(None),
        }))
    }

    /// Methods that take another collection.
    fn bulk_method(&mut self, list: ListId, other: &Value, call: &Call<'_>) -> Result<Option<Value>> {
        let Value::List(other) = other else { return Ok(None) };
        let others = self.heap.list(*other).items.clone();
        self.spend(others.len() / 16)?;
        let before = self.heap.list(list).items.len();
        match call.name {
            "addAll" => {
                self.heap.charge(others.len() * 48)?;
                self.heap.list_mut(list).items.extend(others);
            }
            "containsAll" => {
                for value in &others {
                    if self.position(list, value, false)?.is_none() {
                        return Ok(Some(Value::Bool(false)));
                    }
                }
                return Ok(Some(Value::Bool(true)));
            }
            "removeAll" | "retainAll" => {
                self.spend(before / 8)?;
                let items = self.heap.list(list).items.clone();
                let mut kept = Vec::new();
                for item in items {
                    if self.position(*other, &item, false)?.is_some() == (call.name == "retainAll") {
                        kept.push(item);
                    }
                }
                self.heap.list_mut(list).items = kept;
            }
            _ => return Ok(None),
        }
        Ok(Some(Value::Bool(self.heap.list(list).items.len() != before)))
    }

    fn position(&mut self, list: ListId, value: &Value, from_end: bool) -> Result<Option<usize>> {
        let length = self.heap.list(list).items.len();
        for step in 0..length {
            let place = if from_end { length - 1 - step } else { step };
            let item = self.heap.list(list).items[place].clone();
            if self.equals(&item, value)? {
                return Ok(Some(place));
            }
        }
        Ok(None)
    }

    pub(crate) fn iterator_method(&mut self, iterator: IteratorId, call: &Call<'_>) -> Result<Option<Value>> {
        let (list, at) = *self.heap.iterator_mut(iterator);
        let item = self.heap.list(list).items.get(at).cloned();
        Ok(Some(match (call.name, call.arguments, item) {
            ("hasNext", [], item) => Value::Bool(item.is_some()),
            ("next", [], Some(item)) => {
                self.heap.iterator_mut(iterator).1 += 1;
                item
            }
            ("next", [], None) => return Err(call.throws("java.util.NoSuchElementException")),
            _ => return Ok(None),
        }))
    }
}
