//! JSONPath in Jayway's dialect. A definite path answers a value or nothing; one that can find several answers a
//! list, perhaps empty.

mod filter;
mod function;
mod parser;
mod read;

use std::sync::Arc;

use filter::Condition;
use function::Function;

/// A compiled path.
#[derive(Debug)]
pub(crate) struct JsonPath {
    segments: Vec<Segment>,
    function: Option<Function>,
    /// It finds one value at most.
    definite: bool,
    /// What its patterns cost to compile.
    cost: usize,
}

#[derive(Debug)]
enum Segment {
    Key(Arc<str>),
    /// Of `['a','b']`: at the end of a path a map of these, else each of them.
    Keys(Vec<Arc<str>>),
    Wildcard,
    Index(i64),
    Indexes(Vec<i64>),
    Slice {
        from: Option<i64>,
        to: Option<i64>,
    },
    Filter(Condition),
    /// Everything below, and what is searched itself.
    Scan,
}

impl JsonPath {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        parser::parse(text)
    }

    pub(crate) fn cost(&self) -> usize {
        self.cost
    }

    /// `$`
    pub(crate) fn is_root(&self) -> bool {
        self.segments.is_empty() && self.function.is_none()
    }
}
