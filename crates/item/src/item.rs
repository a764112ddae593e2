//! A map from attribute name to value. Knows no key schema.

use std::cmp::Ordering;

use crate::{Name, Value, ValueError};

/// Attributes, sorted by name: a sorted vector, because items are small, read often and mostly in whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Item {
    attributes: Vec<(Name, Value)>,
}

impl Item {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn with_capacity(attributes: usize) -> Self {
        Self { attributes: Vec::with_capacity(attributes) }
    }

    pub fn len(&self) -> usize {
        self.attributes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.attributes.is_empty()
    }

    pub fn get(&self, name: &str) -> Option<&Value> {
        let index = self.find(name).ok()?;
        Some(&self.attributes[index].1)
    }

    pub fn get_mut(&mut self, name: &str) -> Option<&mut Value> {
        let index = self.find(name).ok()?;
        Some(&mut self.attributes[index].1)
    }

    pub fn contains(&self, name: &str) -> bool {
        self.find(name).is_ok()
    }

    /// Puts `value` under `name` and returns what it replaced.
    pub fn insert(&mut self, name: impl Into<Name>, value: impl Into<Value>) -> Option<Value> {
        let (name, value) = (name.into(), value.into());
        // Readers mostly deliver names in order: then this is a push.
        if self.attributes.last().is_none_or(|(last, _)| *last < name) {
            self.attributes.push((name, value));
            return None;
        }
        match self.find_bytes(name.as_bytes()) {
            Ok(index) => Some(std::mem::replace(&mut self.attributes[index].1, value)),
            Err(index) => {
                self.attributes.insert(index, (name, value));
                None
            }
        }
    }

    pub fn remove(&mut self, name: &str) -> Option<Value> {
        let index = self.find(name).ok()?;
        Some(self.attributes.remove(index).1)
    }

    pub fn clear(&mut self) {
        self.attributes.clear();
    }

    /// In the order of names.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> + DoubleEndedIterator {
        self.attributes.iter().map(|(name, value)| (name.as_str(), value))
    }

    pub fn names(&self) -> impl ExactSizeIterator<Item = &Name> + DoubleEndedIterator {
        self.attributes.iter().map(|(name, _)| name)
    }

    pub fn values(&self) -> impl ExactSizeIterator<Item = &Value> + DoubleEndedIterator {
        self.attributes.iter().map(|(_, value)| value)
    }

    pub fn retain(&mut self, mut keep: impl FnMut(&str, &Value) -> bool) {
        self.attributes.retain(|(name, value)| keep(name.as_str(), value));
    }

    /// The attributes as they lie, sorted by name.
    pub fn as_slice(&self) -> &[(Name, Value)] {
        &self.attributes
    }

    fn find(&self, name: &str) -> Result<usize, usize> {
        self.find_bytes(name.as_bytes())
    }

    fn find_bytes(&self, name: &[u8]) -> Result<usize, usize> {
        self.attributes.binary_search_by(|(candidate, _)| candidate.as_bytes().cmp(name))
    }

    /// From attributes in any order; the last of a name wins.
    pub(crate) fn from_unsorted(mut attributes: Vec<(Name, Value)>) -> Self {
        if !attributes.is_sorted_by(|(a, _), (b, _)| a.cmp(b) == Ordering::Less) {
            attributes.sort_by(|(a, _), (b, _)| a.cmp(b));
            attributes.dedup_by(|later, earlier| {
                let same = later.0 == earlier.0;
                if same {
                    std::mem::swap(later, earlier);
                }
                same
            });
        }
        Self { attributes }
    }
}

impl<N: Into<Name>, V: Into<Value>> FromIterator<(N, V)> for Item {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(attributes: I) -> Self {
        Self::from_unsorted(attributes.into_iter().map(|(n, v)| (n.into(), v.into())).collect())
    }
}

impl<N: Into<Name>, V: Into<Value>> Extend<(N, V)> for Item {
    fn extend<I: IntoIterator<Item = (N, V)>>(&mut self, attributes: I) {
        for (name, value) in attributes {
            self.insert(name, value);
        }
    }
}

impl IntoIterator for Item {
    type Item = (Name, Value);
    type IntoIter = std::vec::IntoIter<(Name, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.attributes.into_iter()
    }
}

impl<'a> IntoIterator for &'a Item {
    type Item = &'a (Name, Value);
    type IntoIter = std::slice::Iter<'a, (Name, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.attributes.iter()
    }
}

/// `ExpressionAttributeValues`: values by placeholder. An item but for the words in which its faults are told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Values(Item);

impl From<Item> for Values {
    fn from(item: Item) -> Self {
        Self(item)
    }
}

impl std::ops::Deref for Values {
    type Target = Item;

    fn deref(&self) -> &Item {
        &self.0
    }
}

/// The `Parameters` of a statement. What is wrong with one is no violation of the request: each statement of a batch
/// tells its own.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Parameters {
    values: Vec<Value>,
    fault: Option<ValueError>,
}

impl Parameters {
    pub(crate) fn new(values: Vec<Value>, fault: Option<ValueError>) -> Self {
        Self { values, fault }
    }

    /// The values, or the first fault of one.
    pub fn values(&self) -> Result<&[Value], &ValueError> {
        self.fault.as_ref().map_or(Ok(&self.values), Err)
    }
}
