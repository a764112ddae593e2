//! Projections: which parts of an item are wanted.

use item::codec::{self, CodecError};
use item::{Item, Name, Value};

use crate::ExprError;
use crate::analysis;
use crate::path::{Path, Step};
use crate::placeholders::Placeholders;

/// Parts of items, as a tree of names and indexes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Projection {
    /// Sorted.
    attributes: Vec<(Name, Wanted)>,
    /// Every path is a whole attribute.
    flat: bool,
}

/// What is wanted of a value. At most as deep as a path is long.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Wanted {
    Whole,
    Names(Vec<(Name, Wanted)>),
    Indexes(Vec<(u32, Wanted)>),
}

impl Projection {
    /// Parses a ProjectionExpression.
    pub fn parse(text: &str, placeholders: &mut Placeholders<'_>) -> Result<Self, ExprError> {
        Ok(Self::of(analysis::projection(text, placeholders)?.iter()))
    }

    /// The projection on these paths, none of which contains another.
    pub fn of<'p>(paths: impl IntoIterator<Item = &'p Path>) -> Self {
        let mut paths: Vec<&Path> = paths.into_iter().collect();
        paths.sort_unstable();
        let flat = paths.iter().all(|path| !path.is_nested());
        let mut attributes: Vec<(Name, Wanted)> = Vec::new();
        let groups = paths.chunk_by(|a, b| a.head == b.head);
        for group in groups {
            let steps: Vec<&[Step]> = group.iter().map(|path| path.steps.as_slice()).collect();
            attributes.push((group[0].head.clone(), Wanted::of(&steps)));
        }
        Self { attributes, flat }
    }

    /// The projection on whole attributes (AttributesToGet, an index's projected attributes).
    pub fn of_attributes<'n>(names: impl IntoIterator<Item = &'n str>) -> Self {
        let paths: Vec<Path> = names.into_iter().map(Path::attribute).collect();
        Self::of(&paths)
    }

    /// The wanted parts of the item. Lists and maps of which nothing is found are left out.
    pub fn apply(&self, item: &Item) -> Item {
        let parts = self.attributes.iter().filter_map(|(name, wanted)| {
            let value = wanted.apply(item.get(name)?)?;
            Some((name.clone(), value))
        });
        parts.collect()
    }

    /// The same of a stored item, of which only the wanted attributes are decoded.
    pub fn apply_stored(&self, stored: &[u8]) -> Result<Item, CodecError> {
        let item = codec::decode_some(stored, |name| self.wants(name))?;
        Ok(if self.flat { item } else { self.apply(&item) })
    }

    /// Whether anything of this attribute is wanted.
    pub fn wants(&self, attribute: &str) -> bool {
        let attribute = attribute.as_bytes();
        self.attributes.binary_search_by(|(name, _)| name.as_bytes().cmp(attribute)).is_ok()
    }

    /// The attributes of which anything is wanted.
    pub fn attributes(&self) -> impl Iterator<Item = &str> {
        self.attributes.iter().map(|(name, _)| name.as_str())
    }

    /// Attributes into which a path goes; of a key attribute that is refused.
    pub fn nested(&self) -> impl Iterator<Item = &str> {
        let nested = self.attributes.iter().filter(|(_, wanted)| *wanted != Wanted::Whole);
        nested.map(|(name, _)| name.as_str())
    }
}

impl Wanted {
    /// Of sorted steps that differ and do not contain each other; recursion ends with the longest.
    fn of(paths: &[&[Step]]) -> Self {
        let same_first = |a: &&[Step], b: &&[Step]| a.first() == b.first();
        let mut names = Vec::new();
        let mut indexes = Vec::new();
        for group in paths.chunk_by(same_first) {
            let rest = |path: &&'_ [Step]| -> Vec<Step> { path[1..].to_vec() };
            let Some(first) = group[0].first() else { return Self::Whole };
            let rests: Vec<Vec<Step>> = group.iter().map(rest).collect();
            let rests: Vec<&[Step]> = rests.iter().map(Vec::as_slice).collect();
            match first {
                Step::Name(name) => names.push((name.clone(), Self::of(&rests))),
                Step::Index(index) => indexes.push((*index, Self::of(&rests))),
            }
        }
        if indexes.is_empty() { Self::Names(names) } else { Self::Indexes(indexes) }
    }

    fn apply(&self, value: &Value) -> Option<Value> {
        match (self, value) {
            (Self::Whole, value) => Some(value.clone()),
            (Self::Names(names), Value::M(map)) => {
                let parts = names.iter().filter_map(|(name, wanted)| {
                    let value = wanted.apply(map.get(name)?)?;
                    Some((name.clone(), value))
                });
                let map: Item = parts.collect();
                (!map.is_empty()).then_some(Value::M(map))
            }
            (Self::Indexes(indexes), Value::L(list)) => {
                let parts =
                    indexes.iter().filter_map(|(index, wanted)| wanted.apply(list.get(*index as usize)?));
                let list: Vec<Value> = parts.collect();
                (!list.is_empty()).then_some(Value::L(list))
            }
            _ => None,
        }
    }
}
