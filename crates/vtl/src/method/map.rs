//! The methods of `java.util.LinkedHashMap` and of its entries.

use super::Call;
use crate::render::{Machine, Result};
use crate::value::{ListId, MapId, Value};

impl Machine<'_> {
    pub(crate) fn map_method(&mut self, map: MapId, call: &Call<'_>) -> Result<Option<Value>> {
        let get = |machine: &Self, key: &Value| machine.heap.map(map).get(key).cloned();
        Ok(Some(match (call.name, call.arguments) {
            ("get", [key]) => get(self, key).unwrap_or(Value::Null),
            ("getOrDefault", [key, default]) => get(self, key).unwrap_or_else(|| default.clone()),
            ("put", [key, value]) => self.heap.put(map, key.clone(), value.clone())?,
            ("putIfAbsent", [key, value]) => match get(self, key) {
                Some(known) if !known.is_null() => known,
                _ => self.heap.put(map, key.clone(), value.clone())?,
            },
            ("putAll", [Value::Map(other)]) => {
                let entries: Vec<_> = self.heap.map(*other).iter().cloned().collect();
                self.spend(entries.len())?;
                for (key, value) in entries {
                    self.heap.put(map, key, value)?;
                }
                Value::Null
            }
            ("remove", [key]) => {
                let length = self.heap.map(map).len();
                self.spend(length)?;
                self.heap.map_mut(map).remove(key)
            }
            ("containsKey", [key]) => Value::Bool(get(self, key).is_some()),
            ("containsValue", [value]) => {
                let values: Vec<Value> = self.heap.map(map).iter().map(|(_, value)| value.clone()).collect();
                self.spend(values.len() / 8)?;
                let mut found = false;
                for known in &values {
                    found = found || self.equals(known, value)?;
                }
                Value::Bool(found)
            }
            ("size", []) => Value::count(self.heap.map(map).len()),
            ("isEmpty", []) => Value::Bool(self.heap.map(map).len() == 0),
            ("clear", []) => {
                self.heap.map_mut(map).clear();
                Value::Null
            }
            ("keySet", []) => {
                let keys: Vec<Value> = self.heap.map(map).iter().map(|(key, _)| key.clone()).collect();
                self.spend(keys.len() / 8)?;
                self.heap.list_value(keys)?
            }
            ("values", []) => {
                let values: Vec<Value> = self.heap.map(map).iter().map(|(_, value)| value.clone()).collect();
                self.spend(values.len() / 8)?;
                self.heap.list_value(values)?
            }
            ("entrySet", []) => {
                let entries: Vec<_> = self.heap.map(map).iter().cloned().collect();
                self.spend(entries.len())?;
                let entries = entries.into_iter();
                let entries = entries
                    .map(|(key, value)| Ok(Value::Entry(self.heap.new_list(vec![key, value], false)?)))
                    .collect::<Result<Vec<_>>>()?;
                self.heap.list_value(entries)?
            }
            _ => return Ok(None),
        }))
    }

    pub(crate) fn entry_method(&self, entry: ListId, call: &Call<'_>) -> Option<Value> {
        match call.name {
            "getKey" => Some(self.heap.list(entry).items[0].clone()),
            "getValue" => Some(self.heap.list(entry).items[1].clone()),
            _ => None,
        }
    }
}
