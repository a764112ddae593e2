//! Searches values along a path, segment by segment.

use super::{JsonPath, Segment};
use crate::error::Fault;
use crate::value::{Heap, Value};

/// One search, and what it may still cost.
pub(super) struct Search<'s> {
    pub(super) heap: &'s mut Heap,
    pub(super) steps: &'s mut u64,
    pub(super) root: Value,
}

type Result<T> = std::result::Result<T, Fault>;

impl JsonPath {
    /// What the path finds; nothing if it is definite and what it names is not there.
    pub(crate) fn read(&self, document: &Value, heap: &mut Heap, steps: &mut u64) -> Result<Option<Value>> {
        Search { heap, steps, root: document.clone() }.find(self, document)
    }
}

impl Search<'_> {
    pub(super) fn spend(&mut self, steps: usize) -> Result<()> {
        match self.steps.checked_sub(steps as u64) {
            Some(left) => {
                *self.steps = left;
                Ok(())
            }
            None => Err(Fault::Limit("the number of steps of a JSONPath", 0)),
        }
    }

    pub(super) fn find(&mut self, path: &JsonPath, start: &Value) -> Result<Option<Value>> {
        let found = if path.definite { self.single(path, start)? } else { Some(self.several(path, start)?) };
        match (&path.function, found) {
            (Some(function), Some(found)) => self.apply(function, &found),
            (_, found) => Ok(found),
        }
    }

    /// The one value of a definite path.
    fn single(&mut self, path: &JsonPath, start: &Value) -> Result<Option<Value>> {
        let mut node = start.clone();
        for segment in &path.segments {
            self.spend(1)?;
            let next = match (segment, &node) {
                (Segment::Key(key), Value::Map(map)) => self.heap.map(*map).get_text(key).cloned(),
                (Segment::Index(index), Value::List(_)) => self.at(&node, *index),
                (Segment::Keys(keys), Value::Map(map)) => {
                    let merged = self.heap.new_map()?;
                    for key in keys {
                        if let Some(value) = self.heap.map(*map).get_text(key).cloned() {
                            self.heap.put(merged, Value::Text(key.clone()), value)?;
                        }
                    }
                    Some(Value::Map(merged))
                }
                _ => None,
            };
            match next {
                Some(next) => node = next,
                None => return Ok(None),
            }
        }
        Ok(Some(node))
    }

    fn at(&self, list: &Value, index: i64) -> Option<Value> {
        let Value::List(list) = list else { return None };
        let items = &self.heap.list(*list).items;
        let length = i64::try_from(items.len()).unwrap_or(i64::MAX);
        let place = usize::try_from(if index < 0 { length + index } else { index }).ok()?;
        items.get(place).cloned()
    }

    /// All values of an indefinite path, as a list.
    fn several(&mut self, path: &JsonPath, start: &Value) -> Result<Value> {
        let mut nodes = vec![start.clone()];
        for segment in &path.segments {
            let mut next = Vec::new();
            for node in &nodes {
                self.spend(1)?;
                self.follow(segment, node, &mut next)?;
            }
            self.spend(next.len())?;
            self.heap.charge(next.len() * 24)?;
            nodes = next;
        }
        Ok(Value::List(self.heap.new_list(nodes, true)?))
    }

    fn follow(&mut self, segment: &Segment, node: &Value, next: &mut Vec<Value>) -> Result<()> {
        match (segment, node) {
            (Segment::Key(key), Value::Map(map)) => next.extend(self.heap.map(*map).get_text(key).cloned()),
            (Segment::Keys(keys), Value::Map(map)) => {
                next.extend(keys.iter().filter_map(|key| self.heap.map(*map).get_text(key).cloned()));
            }
            (Segment::Wildcard, Value::Map(map)) => {
                next.extend(self.heap.map(*map).iter().map(|(_, value)| value.clone()));
            }
            (Segment::Wildcard, Value::List(list)) => next.extend_from_slice(&self.heap.list(*list).items),
            (Segment::Index(index), Value::List(_)) => next.extend(self.at(node, *index)),
            (Segment::Indexes(indexes), Value::List(_)) => {
                next.extend(indexes.iter().filter_map(|index| self.at(node, *index)));
            }
            (Segment::Slice { from, to }, Value::List(list)) => {
                let items = &self.heap.list(*list).items;
                let length = i64::try_from(items.len()).unwrap_or(i64::MAX);
                let place =
                    |at: i64| usize::try_from(if at < 0 { (length + at).max(0) } else { at.min(length) });
                let from = place(from.unwrap_or(0)).unwrap_or(0);
                let to = place(to.unwrap_or(length)).unwrap_or(0);
                next.extend_from_slice(items.get(from..to).unwrap_or_default());
            }
            (Segment::Filter(condition), Value::List(list)) => {
                for item in self.heap.list(*list).items.clone() {
                    if self.accepts(condition, &item)? {
                        next.push(item);
                    }
                }
            }
            (Segment::Filter(condition), Value::Map(_)) if self.accepts(condition, node)? => {
                next.push(node.clone())
            }
            (Segment::Scan, _) => self.scan(node, next)?,
            _ => {}
        }
        Ok(())
    }

    /// A value and all below it, parents first.
    fn scan(&mut self, node: &Value, next: &mut Vec<Value>) -> Result<()> {
        let mut stack = vec![node.clone()];
        while let Some(node) = stack.pop() {
            self.spend(1)?;
            let below = stack.len();
            match &node {
                Value::Map(map) => stack.extend(self.heap.map(*map).iter().map(|(_, value)| value.clone())),
                Value::List(list) => stack.extend_from_slice(&self.heap.list(*list).items),
                _ => {}
            }
            if let Some(pushed) = stack.get_mut(below..) {
                pushed.reverse();
            }
            next.push(node);
        }
        Ok(())
    }
}
