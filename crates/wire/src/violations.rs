//! The constraints of a model that a request violates, all of them, with the paths at which they do.
//! Knows the paths and the values; the words are in [`crate::wording`].

use crate::wording;

/// A constraint of the model, as AWS prints it.
#[derive(Debug, Clone, PartialEq)]
pub enum Constraint {
    Required,
    LengthMin(u64),
    LengthMax(u64),
    RangeMin(f64),
    RangeMax(f64),
    Pattern(&'static str),
    /// The value set, as printed between brackets.
    Enum(&'static str),
}

/// One violated constraint.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Violation {
    pub(crate) path: String,
    /// As AWS shows it, without quotes; none for null.
    pub(crate) value: Option<String>,
    pub(crate) constraint: Constraint,
}

/// The number of violations known at some moment; see [`Violations::mark`].
#[derive(Debug, Clone, Copy)]
pub struct Mark(usize);

/// What is wrong with a request beyond its JSON types. Readers go on after a violation, so that all are known.
#[derive(Debug, Default)]
pub struct Violations {
    found: Vec<Violation>,
    invalid: Option<String>,
}

impl Violations {
    /// Records that `value` (as AWS shows it; none for null) of the member `name` violates `constraint`.
    pub fn record(&mut self, name: &str, value: Option<String>, constraint: Constraint) {
        self.found.push(Violation { path: name.to_owned(), value, constraint });
    }

    /// Records that the required member `name` is missing.
    pub fn missing(&mut self, name: &str) {
        self.record(name, None, Constraint::Required);
    }

    /// Records a complaint that is no constraint of the model and is only told when no constraint is violated,
    /// such as an attribute value of no type. The first one is kept; it is the whole message.
    pub fn invalid(&mut self, message: impl Into<String>) {
        if self.invalid.is_none() {
            self.invalid = Some(message.into());
        }
    }

    /// Remembers how many violations there are, for [`Self::under`].
    pub fn mark(&self) -> Mark {
        Mark(self.found.len())
    }

    /// Puts `segment` in front of the path of each violation found since `mark`. Paths are made on the way
    /// out, so that a good request pays a comparison for them and no more.
    pub fn under(&mut self, mark: Mark, segment: impl FnOnce() -> String) {
        if self.found.len() > mark.0 {
            let segment = segment();
            for violation in &mut self.found[mark.0..] {
                violation.path = match violation.path.is_empty() {
                    true => segment.clone(),
                    false => format!("{segment}.{}", violation.path),
                };
            }
        }
    }

    pub fn is_empty(&self) -> bool {
        self.found.is_empty() && self.invalid.is_none()
    }

    /// The text of the ValidationException, if anything was recorded.
    pub fn message(&self) -> Option<String> {
        if self.found.is_empty() {
            return self.invalid.clone();
        }
        Some(wording::violations(&self.found))
    }
}
