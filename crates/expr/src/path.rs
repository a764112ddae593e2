//! Document paths: `a.b[1].c`, with all placeholders replaced.

use std::cmp::Ordering;
use std::fmt;

use item::{Item, Name, Value};

use crate::Fault;

/// A step down from an attribute. Ordered: indexes before names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    Index(u32),
    Name(Name),
}

/// An attribute, or something inside one.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path {
    pub head: Name,
    pub steps: Vec<Step>,
}

impl Path {
    /// A top-level attribute.
    pub fn attribute(name: impl Into<Name>) -> Self {
        Self { head: name.into(), steps: Vec::new() }
    }

    pub fn is_nested(&self) -> bool {
        !self.steps.is_empty()
    }

    /// Levels, the attribute itself counted.
    pub fn depth(&self) -> usize {
        self.steps.len() + 1
    }

    /// What lies at this path.
    pub fn get<'i>(&self, item: &'i Item) -> Option<&'i Value> {
        self.steps.iter().try_fold(item.get(&self.head)?, step_into)
    }

    /// What lies one step above this path's end; none for a top-level attribute.
    pub(crate) fn parent<'i>(&self, item: &'i Item) -> Option<&'i Value> {
        let (_, above) = self.steps.split_last()?;
        above.iter().try_fold(item.get(&self.head)?, step_into)
    }

    pub(crate) fn parent_mut<'i>(&self, item: &'i mut Item) -> Option<&'i mut Value> {
        let (_, above) = self.steps.split_last()?;
        let mut value = item.get_mut(&self.head)?;
        for step in above {
            value = match (step, value) {
                (Step::Name(name), Value::M(map)) => map.get_mut(name)?,
                (Step::Index(index), Value::L(list)) => list.get_mut(*index as usize)?,
                _ => return None,
            };
        }
        Some(value)
    }

    /// How two paths of one expression get into each other's way.
    fn clash(&self, other: &Self) -> Clash {
        if self.head != other.head {
            return Clash::None;
        }
        for (mine, theirs) in self.steps.iter().zip(&other.steps) {
            match (mine, theirs) {
                (Step::Index(a), Step::Index(b)) if a == b => {}
                (Step::Name(a), Step::Name(b)) if a == b => {}
                (Step::Index(_), Step::Name(_)) | (Step::Name(_), Step::Index(_)) => return Clash::Conflict,
                _ => return Clash::None,
            }
        }
        Clash::Overlap
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Clash {
    None,
    Overlap,
    Conflict,
}

pub(crate) fn step_into<'i>(value: &'i Value, step: &Step) -> Option<&'i Value> {
    match (step, value) {
        (Step::Name(name), Value::M(map)) => map.get(name),
        (Step::Index(index), Value::L(list)) => list.get(*index as usize),
        _ => None,
    }
}

/// Refuses paths of which one contains another, or which use one attribute as a list and as a map.
pub(crate) fn refuse_clashes(paths: &[&Path]) -> Result<(), Fault> {
    // Paths that clash are neighbours when sorted, so the usual case costs a sort.
    let mut sorted = paths.to_vec();
    sorted.sort_unstable();
    if sorted.windows(2).all(|pair| pair[0].clash(pair[1]) == Clash::None) {
        return Ok(());
    }
    let mut conflict = None;
    for (index, later) in paths.iter().enumerate() {
        for earlier in &paths[..index] {
            match earlier.clash(later) {
                Clash::Overlap => return Err(Fault::Overlap(earlier.to_string(), later.to_string())),
                Clash::Conflict if conflict.is_none() => conflict = Some((earlier, later)),
                _ => {}
            }
        }
    }
    conflict.map_or(Ok(()), |(one, two)| Err(Fault::Conflict(one.to_string(), two.to_string())))
}

/// As AWS's texts show it: `[a, [1], b]`.
impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}", self.head)?;
        for step in &self.steps {
            match step {
                Step::Name(name) => write!(f, ", {name}")?,
                Step::Index(index) => write!(f, ", [{index}]")?,
            }
        }
        f.write_str("]")
    }
}

/// Highest first: the order in which list elements are removed so that none moves one still to be removed.
pub(crate) fn descending(a: &Path, b: &Path) -> Ordering {
    b.cmp(a)
}
