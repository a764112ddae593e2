//! Java's values, as templates see them. Lists and maps live on a heap that goes with the rendering, so that a map
//! which holds itself is no leak. Knows no template.

use std::collections::HashMap;
use std::sync::Arc;

use crate::Data;
use crate::error::Fault;
use crate::tree::Define;

#[derive(Debug, Clone)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    /// Integer and Long.
    Int(i64),
    /// Float and Double.
    Float(f64),
    /// BigInteger and BigDecimal, by their digits.
    Big(Arc<str>),
    Text(Arc<str>),
    List(ListId),
    Map(MapId),
    /// An entry of a map: key and value.
    Entry(ListId),
    /// An iterator over a list.
    Iterator(IteratorId),
    /// `$foreach`.
    Loop(usize),
    /// What `#define` made.
    Block(Arc<Define>),
    Input,
    Util,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ListId(u32);
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MapId(u32);
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct IteratorId(u32);

impl Value {
    pub(crate) fn text(text: &str) -> Self {
        Self::Text(text.into())
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    pub(crate) fn count(number: usize) -> Self {
        Self::Int(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

#[derive(Debug, Default)]
pub(crate) struct List {
    pub(crate) items: Vec<Value>,
    /// It came from JSON: such lists print as JSON, the others as Java prints them.
    pub(crate) json: bool,
}

/// A map that keeps the order of its keys.
#[derive(Debug, Default)]
pub(crate) struct Map {
    entries: Vec<(Value, Value)>,
    /// Of large maps: where a key stands.
    index: HashMap<Box<str>, usize>,
}

const UNINDEXED_MAX: usize = 12;

impl Map {
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &(Value, Value)> {
        self.entries.iter()
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    fn find(&self, key: &Value) -> Option<usize> {
        if self.index.is_empty() {
            return self.entries.iter().position(|(known, _)| same_key(known, key));
        }
        self.index.get(key_text(key)?.as_ref()).copied()
    }

    pub(crate) fn get(&self, key: &Value) -> Option<&Value> {
        self.find(key).and_then(|at| self.entries.get(at)).map(|(_, value)| value)
    }

    pub(crate) fn get_text(&self, key: &str) -> Option<&Value> {
        if self.index.is_empty() {
            let mut entries = self.entries.iter();
            return entries
                .find(|(known, _)| matches!(known, Value::Text(known) if **known == *key))
                .map(|(_, value)| value);
        }
        self.index.get(key).and_then(|at| self.entries.get(*at)).map(|(_, value)| value)
    }

    /// The value that was there before.
    pub(crate) fn put(&mut self, key: Value, value: Value) -> Value {
        if let Some(at) = self.find(&key)
            && let Some((_, old)) = self.entries.get_mut(at)
        {
            return std::mem::replace(old, value);
        }
        let at = self.entries.len();
        if at >= UNINDEXED_MAX
            && let Some(text) = key_text(&key)
        {
            if self.index.is_empty() {
                self.reindex();
            }
            self.index.insert(text, at);
        }
        self.entries.push((key, value));
        Value::Null
    }

    pub(crate) fn remove(&mut self, key: &Value) -> Value {
        let Some(at) = self.find(key) else { return Value::Null };
        let (_, old) = self.entries.remove(at);
        if !self.index.is_empty() {
            self.reindex();
        }
        old
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.index.clear();
    }

    fn reindex(&mut self) {
        let texts = self.entries.iter().enumerate();
        self.index = texts.filter_map(|(at, (key, _))| Some((key_text(key)?, at))).collect();
    }
}

/// Keys of Java's maps are equal within their class.
fn same_key(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Text(one), Value::Text(other)) => one == other,
        (Value::Int(one), Value::Int(other)) => one == other,
        _ => key_text(one).is_some_and(|one| Some(one) == key_text(other)),
    }
}

/// What stands for a key in the index. Keys that are no text begin with a character that JSON texts seldom have.
fn key_text(key: &Value) -> Option<Box<str>> {
    Some(match key {
        Value::Text(text) => text.as_ref().into(),
        Value::Int(number) => format!("\u{0}i{number}").into(),
        Value::Float(number) => format!("\u{0}f{}", number.to_bits()).into(),
        Value::Big(digits) => format!("\u{0}b{digits}").into(),
        Value::Bool(truth) => format!("\u{0}t{truth}").into(),
        Value::Null => "\u{0}n".into(),
        Value::List(ListId(id)) => format!("\u{0}l{id}").into(),
        Value::Map(MapId(id)) => format!("\u{0}m{id}").into(),
        _ => return None,
    })
}

/// The lists and maps of one rendering.
#[derive(Debug)]
pub(crate) struct Heap {
    lists: Vec<List>,
    maps: Vec<Map>,
    iterators: Vec<(ListId, usize)>,
    memory_left: usize,
    memory_max: usize,
}

impl Heap {
    pub(crate) fn new(memory_max: usize) -> Self {
        Self {
            lists: Vec::new(),
            maps: Vec::new(),
            iterators: Vec::new(),
            memory_left: memory_max,
            memory_max,
        }
    }

    /// Accounts for what is about to be made.
    pub(crate) fn charge(&mut self, bytes: usize) -> Result<(), Fault> {
        match self.memory_left.checked_sub(bytes) {
            Some(left) => {
                self.memory_left = left;
                Ok(())
            }
            None => Err(Fault::Limit("the memory of the template's values in bytes", self.memory_max as u64)),
        }
    }

    /// A text of its own.
    pub(crate) fn text(&mut self, text: &str) -> Result<Value, Fault> {
        self.charge(text.len() + 24)?;
        Ok(Value::Text(text.into()))
    }

    pub(crate) fn new_list(&mut self, items: Vec<Value>, json: bool) -> Result<ListId, Fault> {
        self.charge(32 + 24 * items.len())?;
        self.lists.push(List { items, json });
        Ok(ListId(u32::try_from(self.lists.len() - 1).unwrap_or(u32::MAX)))
    }

    pub(crate) fn new_map(&mut self) -> Result<MapId, Fault> {
        self.charge(96)?;
        self.maps.push(Map::default());
        Ok(MapId(u32::try_from(self.maps.len() - 1).unwrap_or(u32::MAX)))
    }

    pub(crate) fn new_iterator(&mut self, list: ListId) -> Result<IteratorId, Fault> {
        self.charge(16)?;
        self.iterators.push((list, 0));
        Ok(IteratorId(u32::try_from(self.iterators.len() - 1).unwrap_or(u32::MAX)))
    }

    pub(crate) fn list_value(&mut self, items: Vec<Value>) -> Result<Value, Fault> {
        Ok(Value::List(self.new_list(items, false)?))
    }

    pub(crate) fn list(&self, id: ListId) -> &List {
        &self.lists[id.0 as usize]
    }

    pub(crate) fn list_mut(&mut self, id: ListId) -> &mut List {
        &mut self.lists[id.0 as usize]
    }

    pub(crate) fn map(&self, id: MapId) -> &Map {
        &self.maps[id.0 as usize]
    }

    pub(crate) fn map_mut(&mut self, id: MapId) -> &mut Map {
        &mut self.maps[id.0 as usize]
    }

    /// The list of an iterator and where it stands.
    pub(crate) fn iterator_mut(&mut self, id: IteratorId) -> &mut (ListId, usize) {
        &mut self.iterators[id.0 as usize]
    }

    pub(crate) fn put(&mut self, map: MapId, key: Value, value: Value) -> Result<Value, Fault> {
        self.charge(96)?;
        Ok(self.map_mut(map).put(key, value))
    }

    /// What the caller gave, as values.
    pub(crate) fn place(&mut self, data: &Data) -> Result<Value, Fault> {
        Ok(match data {
            Data::Null => Value::Null,
            Data::Bool(truth) => Value::Bool(*truth),
            Data::Int(number) => Value::Int(*number),
            Data::Float(number) => Value::Float(*number),
            Data::Text(text) => self.text(text)?,
            Data::List(items) => {
                let items = items.iter().map(|item| self.place(item)).collect::<Result<Vec<_>, _>>()?;
                self.list_value(items)?
            }
            Data::Map(entries) => {
                let map = self.new_map()?;
                for (key, value) in entries {
                    let (key, value) = (self.text(key)?, self.place(value)?);
                    self.put(map, key, value)?;
                }
                Value::Map(map)
            }
        })
    }
}
