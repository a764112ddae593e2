//! What a SELECT shows of an item: each path under the last name in it, indexes behind that name included.

use item::{Item, Name};

use crate::path::{Path, Step};

/// The columns of a SELECT that does not say `*`.
#[derive(Debug, Clone, PartialEq)]
pub struct Columns {
    columns: Vec<(Name, Path)>,
}

impl Columns {
    pub(super) fn of(paths: Vec<Path>) -> Self {
        Self { columns: paths.into_iter().map(|path| (column_name(&path), path)).collect() }
    }

    /// A name that two columns would have.
    pub(super) fn repeated(&self) -> Option<&str> {
        let mut names: Vec<&Name> = self.columns.iter().map(|(name, _)| name).collect();
        names.sort_unstable();
        names.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0].as_str())
    }

    /// The attributes that the columns are taken from.
    pub fn attributes(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|(_, path)| path.head.as_str())
    }

    /// The attributes into which a column goes.
    pub fn nested(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().filter(|(_, path)| path.is_nested()).map(|(_, path)| path.head.as_str())
    }

    /// The columns that the item has.
    pub fn apply(&self, item: &Item) -> Item {
        self.columns
            .iter()
            .filter_map(|(name, path)| path.get(item).map(|value| (name.clone(), value.clone())))
            .collect()
    }
}

fn column_name(path: &Path) -> Name {
    let mut name = path.head.to_string();
    for step in &path.steps {
        match step {
            Step::Name(step) => name = step.to_string(),
            Step::Index(index) => name.push_str(&format!("[{index}]")),
        }
    }
    name.into()
}
