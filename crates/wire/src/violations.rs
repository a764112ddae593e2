//! The constraints of a model that a request violates, all of them, with the paths at which they do.
//! Knows the paths and the values; the words are in [`crate::wording`].

use base::Wording;

use crate::json::JsonError;
use crate::rule::{Each, Set};
use crate::wording;

/// A constraint of the model, as AWS prints it.
#[derive(Debug, Clone)]
pub enum Constraint {
    Required,
    LengthMin(i64),
    LengthMax(i64),
    RangeMin(i64),
    RangeMax(i64),
    Pattern(&'static str),
    Enum(&'static Set),
    /// What the elements of a list, or the keys or values of a map, must be.
    Each(Part, Each),
}

/// Which part of a collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Element,
    Key,
    Value,
}

/// One violated constraint.
#[derive(Debug, Clone)]
pub(crate) struct Violation {
    pub(crate) path: String,
    /// As AWS shows it, without quotes; none for null.
    pub(crate) value: Option<String>,
    pub(crate) constraint: Constraint,
    /// The newer wording tells of this one and of no other.
    pub(crate) alone: bool,
}

/// Why a request's body is not the operation's input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Not JSON, or JSON of wrong types.
    Json(JsonError),
    /// Constraints are violated: AWS's text.
    Invalid(String),
}

impl From<JsonError> for Refusal {
    fn from(error: JsonError) -> Self {
        Self::Json(error)
    }
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
        self.found.push(Violation { path: name.to_owned(), value, constraint, alone: false });
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

    /// Takes back what was found since `mark` about the value just read itself, not about what is inside of it,
    /// and says whether there was any: a collection tells of it in its own place.
    pub(crate) fn take_own(&mut self, mark: Mark) -> bool {
        let before = self.found.len();
        let mut i = 0;
        self.found.retain(|violation| {
            i += 1;
            i <= mark.0 || !violation.path.is_empty()
        });
        self.found.len() < before
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

    /// Whether nothing was found since `mark`.
    pub fn none_since(&self, mark: Mark) -> bool {
        self.found.len() == mark.0
    }

    /// Puts what was found since `mark` into the order of `members`, which is the order in which AWS checks
    /// them, whatever order the request has.
    pub fn in_order(&mut self, mark: Mark, members: &[&str]) {
        if self.found.len() > mark.0 + 1 {
            let first = |violation: &Violation| {
                let end = violation.path.find('.').unwrap_or(violation.path.len());
                members.iter().position(|member| *member == &violation.path[..end])
            };
            self.found[mark.0..].sort_by_key(first);
        }
    }

    /// Says that the newer wording tells of nothing else if `member` is too short, too small or no value of its enum.
    pub fn alone(&mut self, mark: Mark, member: &str) {
        for violation in &mut self.found[mark.0..] {
            let such = matches!(
                violation.constraint,
                Constraint::LengthMin(_) | Constraint::RangeMin(_) | Constraint::Enum(_)
            );
            violation.alone |= such && violation.path == member;
        }
    }

    /// The value that was read, if nothing is wrong with it.
    pub fn settle<T>(&self, value: Option<T>, wording: Wording) -> Result<T, Refusal> {
        match (self.message(wording), value) {
            (None, Some(value)) => Ok(value),
            (Some(message), _) => Err(Refusal::Invalid(message)),
            (None, None) => Err(Refusal::Invalid("The request could not be read".to_owned())),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.found.is_empty() && self.invalid.is_none()
    }

    /// The text of the ValidationException, if anything was recorded.
    pub fn message(&self, wording: Wording) -> Option<String> {
        if self.found.is_empty() {
            return self.invalid.clone();
        }
        Some(wording::violations(&self.found, wording))
    }
}
