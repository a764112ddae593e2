//! `ExpressionAttributeNames` and `ExpressionAttributeValues` of one request, and which of them were used.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use item::{Item, Name, Value};

use crate::{ExprError, Fault, PlaceholderFault};

const NAMES: &str = "ExpressionAttributeNames";
const VALUES: &str = "ExpressionAttributeValues";
const KEY_BYTES_MAX: usize = 255;
/// What both maps may hold together. Source:
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html>
const MAPS_BYTES_MAX: usize = 2 << 20;

/// The placeholders of a request. All its expressions share one, so that [`Self::finish`] knows what none used.
#[derive(Debug)]
pub struct Placeholders<'a> {
    names: Option<&'a BTreeMap<String, String>>,
    values: Option<&'a Item>,
    used_names: HashSet<&'a str>,
    used_values: HashMap<&'a str, Arc<Value>>,
}

impl<'a> Placeholders<'a> {
    /// Checks the maps' keys. `values` has the leading colons.
    pub fn new(
        names: Option<&'a BTreeMap<String, String>>,
        values: Option<&'a Item>,
    ) -> Result<Self, ExprError> {
        if let Some(names) = names {
            check_keys(NAMES, b'#', names.keys().map(String::as_str))?;
            if let Some((key, _)) = names.iter().find(|(_, name)| name.is_empty()) {
                return Err(PlaceholderFault::EmptyName(key.clone()).into());
            }
        }
        if let Some(values) = values {
            check_keys(VALUES, b':', values.iter().map(|(key, _)| key))?;
        }
        check_sizes(names, values)?;
        Ok(Self { names, values, used_names: HashSet::new(), used_values: HashMap::new() })
    }

    /// No placeholders.
    pub fn none() -> Self {
        Self { names: None, values: None, used_names: HashSet::new(), used_values: HashMap::new() }
    }

    pub(crate) fn name(&mut self, placeholder: &str) -> Result<Name, Fault> {
        match self.names.and_then(|names| names.get_key_value(placeholder)) {
            Some((key, name)) => {
                self.used_names.insert(key);
                Ok(Name::new(name))
            }
            None => Err(Fault::UndefinedName(placeholder.to_owned())),
        }
    }

    pub(crate) fn value(&mut self, placeholder: &str) -> Result<Arc<Value>, Fault> {
        let found = self.values.and_then(|values| {
            let index =
                values.as_slice().binary_search_by(|(key, _)| key.as_bytes().cmp(placeholder.as_bytes()));
            values.as_slice().get(index.ok()?)
        });
        match found {
            Some((key, value)) => {
                let shared = self.used_values.entry(key.as_str()).or_insert_with(|| Arc::new(value.clone()));
                Ok(shared.clone())
            }
            None => Err(Fault::UndefinedValue(placeholder.to_owned())),
        }
    }

    /// Refuses placeholders that no expression used. Call it when all expressions are parsed.
    pub fn finish(&self) -> Result<(), ExprError> {
        let names = self.names.into_iter().flat_map(|names| names.keys().map(String::as_str));
        refuse_unused(NAMES, names, self.used_names.len(), |name| self.used_names.contains(name))?;
        let values = self.values.into_iter().flat_map(|values| values.iter().map(|(key, _)| key));
        refuse_unused(VALUES, values, self.used_values.len(), |value| self.used_values.contains_key(value))
    }
}

fn check_sizes(names: Option<&BTreeMap<String, String>>, values: Option<&Item>) -> Result<(), ExprError> {
    let of_names = names.into_iter().flatten().map(|(key, name)| key.len() + name.len()).sum::<usize>();
    let of_values = values.map_or(0, Item::size);
    if of_names > MAPS_BYTES_MAX {
        return Err(PlaceholderFault::MapSize(NAMES).into());
    }
    if of_values > MAPS_BYTES_MAX {
        return Err(PlaceholderFault::MapSize(VALUES).into());
    }
    if of_names + of_values > MAPS_BYTES_MAX {
        return Err(PlaceholderFault::MapsSize.into());
    }
    Ok(())
}

fn check_keys<'k>(
    map: &'static str,
    sigil: u8,
    keys: impl ExactSizeIterator<Item = &'k str>,
) -> Result<(), ExprError> {
    if keys.len() == 0 {
        return Err(PlaceholderFault::EmptyMap(map).into());
    }
    for key in keys {
        if key.len() > KEY_BYTES_MAX {
            return Err(match sigil {
                b'#' => PlaceholderFault::NameKeySize(key.len()).into(),
                _ => PlaceholderFault::ValueKeySize.into(),
            });
        }
        let (first, rest) = key.as_bytes().split_first().unwrap_or((&0, &[]));
        let word = rest.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
        if *first != sigil || rest.is_empty() || !word {
            return Err(PlaceholderFault::KeySyntax { map, key: key.to_owned() }.into());
        }
    }
    Ok(())
}

fn refuse_unused<'k>(
    map: &'static str,
    keys: impl Iterator<Item = &'k str>,
    used: usize,
    is_used: impl Fn(&str) -> bool,
) -> Result<(), ExprError> {
    let all: Vec<&str> = keys.collect();
    if all.len() == used {
        return Ok(());
    }
    let total = all.len();
    let mut unused: Vec<&str> = all.into_iter().filter(|key| !is_used(key)).collect();
    unused.sort_by_key(|key| java_slot(key, total));
    Err(PlaceholderFault::Unused { map, keys: unused.join(", ") }.into())
}

/// AWS lists such keys in the order of a Java hash set of `total` strings; clients' tests compare the text.
pub(crate) fn java_slot(key: &str, total: usize) -> u32 {
    let capacity = (total * 4 / 3 + 1).max(16).next_power_of_two() as u32;
    let hash =
        key.encode_utf16().fold(0u32, |hash, unit| hash.wrapping_mul(31).wrapping_add(u32::from(unit)));
    (hash ^ (hash >> 16)) & (capacity - 1)
}
