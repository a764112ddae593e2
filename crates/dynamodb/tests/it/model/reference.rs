//! The reference: what a table is, in one plain map. No cleverness, no index, no engine.

use std::collections::BTreeMap;

use super::expression::Invalid;
use super::step::{Guarded, Range, Reading, Source, Write};
use super::value::{Item, Key, Value};

#[derive(Debug, Clone, Default)]
pub(super) struct Reference {
    pub(super) items: BTreeMap<Key, Item>,
    /// Every change of an item, in order: its stream.
    pub(super) changes: Vec<(Key, Option<Item>, Option<Item>)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    Condition,
    Validation,
}

impl Reference {
    /// What the item becomes.
    fn decide(&self, guarded: &Guarded) -> Result<Option<Item>, Refusal> {
        let old = self.items.get(&guarded.write.key());
        let nothing = Item::new();
        if guarded.condition.as_ref().is_some_and(|condition| !condition.holds(old.unwrap_or(&nothing))) {
            return Err(Refusal::Condition);
        }
        match &guarded.write {
            Write::Put(item) => Ok(Some(item.clone())),
            Write::Delete(_) => Ok(None),
            Write::Check(_) => Ok(old.cloned()),
            Write::Update(key, actions) => {
                let before = old.cloned().unwrap_or_else(|| key.item());
                let mut after = before.clone();
                for action in actions {
                    action.apply(&before, &mut after).map_err(|Invalid| Refusal::Validation)?;
                }
                // What only removes does not make an item.
                let made_nothing = old.is_none() && !actions.is_empty() && after == before;
                Ok((!made_nothing).then_some(after))
            }
        }
    }

    fn become_(&mut self, key: Key, after: Option<Item>) {
        let before = match after.clone() {
            Some(item) => self.items.insert(key.clone(), item),
            None => self.items.remove(&key),
        };
        if before != after {
            self.changes.push((key, before, after));
        }
    }

    /// The item before and after, if the write succeeds.
    pub(super) fn write(&mut self, guarded: &Guarded) -> Result<(Option<Item>, Option<Item>), Refusal> {
        let after = self.decide(guarded)?;
        let key = guarded.write.key();
        let before = self.items.get(&key).cloned();
        self.become_(key, after.clone());
        Ok((before, after))
    }

    /// All or nothing: else why each action cannot be.
    pub(super) fn transact(&mut self, actions: &[Guarded]) -> Result<(), Vec<Option<Refusal>>> {
        let decided: Vec<_> = actions.iter().map(|action| self.decide(action)).collect();
        if decided.iter().any(Result::is_err) {
            return Err(decided.into_iter().map(Result::err).collect());
        }
        for (action, after) in actions.iter().zip(decided) {
            self.become_(action.write.key(), after.unwrap_or_default());
        }
        Ok(())
    }

    /// The entries of a table or index: what is shown of each item, with its sort value.
    fn entries(&self, source: Source) -> Vec<(String, i64, Item)> {
        let mut entries = Vec::new();
        for item in self.items.values() {
            let (hash, range) = source.keys();
            let (Some(Value::S(hash)), Some(Value::N(range))) = (item.get(hash), item.get(range)) else {
                continue;
            };
            let shown = match source {
                Source::Local => {
                    let keys = ["pk", "sk", "l"];
                    item.iter()
                        .filter(|(name, _)| keys.contains(&name.as_str()))
                        .map(|(n, v)| (n.clone(), v.clone()))
                        .collect()
                }
                Source::Table | Source::Global => item.clone(),
            };
            entries.push((hash.clone(), *range, shown));
        }
        entries
    }

    /// The items that a read shows, each with its sort value, and how many it looks at.
    pub(super) fn read(
        &self,
        reading: &Reading,
        key: Option<(&str, Option<Range>)>,
    ) -> (Vec<(i64, Item)>, usize) {
        let mut entries = self.entries(reading.source);
        if let Some((wanted, bounds)) = key {
            entries.retain(|(hash, range, _)| {
                hash == wanted && bounds.is_none_or(|bounds| bounds.holds(*range))
            });
        }
        let scanned = entries.len();
        entries.retain(|(_, _, item)| reading.filter.as_ref().is_none_or(|filter| filter.holds(item)));
        (entries.into_iter().map(|(_, range, item)| (range, item)).collect(), scanned)
    }
}
