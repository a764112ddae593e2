//! The constraints of a shape and their checks. The generated code has one static [`Rule`] for each shape that
//! has any. Knows no shape's name and no protocol.

use std::str::FromStr;
use std::sync::OnceLock;

use base::Wording;
use regex_lite::Regex;

use crate::shown;
use crate::{Constraint, Shown, Violations};

/// Bounds and pattern of a shape: of a number its value, of all else its length.
#[derive(Debug)]
pub struct Rule {
    min: Option<i64>,
    max: Option<i64>,
    pattern: Option<Pattern>,
    or_arn: bool,
    shown: Option<&'static Shown>,
}

/// What the elements of a collection must be. AWS tells of it at the collection, naming all of the rule.
#[derive(Debug, Clone, Copy)]
pub enum Each {
    /// Structures and what has no rule: violations have their own places.
    Free,
    Rule(&'static Rule),
    Set(&'static Set),
}

/// No constraint at all.
pub static NONE: Rule = Rule::new(None, None);

/// The longest ARN that stands for a name.
const ARN_LEN_MAX: usize = 1024;

/// The value set of an enum, as errors list it.
#[derive(Debug)]
pub struct Set {
    pub(crate) text: &'static str,
    /// The newer wording tells neither value nor place, the older one this list.
    pub(crate) older: Option<&'static str>,
}

impl Set {
    pub const fn new(text: &'static str) -> Self {
        Self { text, older: None }
    }

    pub const fn bare(text: &'static str, older: &'static str) -> Self {
        Self { text, older: Some(older) }
    }

    pub(crate) fn told(&self, wording: Wording) -> &'static str {
        match (self.older, wording) {
            (Some(older), Wording::Older) => older,
            _ => self.text,
        }
    }
}

/// A pattern of the model, and how it is checked here.
#[derive(Debug)]
pub struct Pattern {
    /// As the model has it: what the error says.
    text: &'static str,
    check: Check,
    /// What this accepts matches surely, and is found out sooner.
    quick: Option<fn(&str) -> bool>,
}

#[derive(Debug)]
enum Check {
    /// All of the text matches `is`, and not all of it matches `not` (which stands for Java's lookahead).
    Regex {
        is: &'static str,
        not: Option<&'static str>,
        compiled: OnceLock<Option<Compiled>>,
    },
    Function(fn(&str) -> bool),
}

#[derive(Debug)]
struct Compiled {
    is: Regex,
    not: Option<Regex>,
}

impl Pattern {
    pub const fn new(text: &'static str, is: &'static str, not: Option<&'static str>) -> Self {
        Self { text, check: Check::Regex { is, not, compiled: OnceLock::new() }, quick: None }
    }

    /// Asks `quick` first: what it accepts must match.
    #[must_use]
    pub const fn quick(mut self, quick: fn(&str) -> bool) -> Self {
        self.quick = Some(quick);
        self
    }

    /// A pattern checked by a function, where a regular expression is too slow or not able.
    pub const fn by(text: &'static str, function: fn(&str) -> bool) -> Self {
        Self { text, check: Check::Function(function), quick: None }
    }

    /// Whether all of `value` matches. A pattern that cannot be compiled here matches all (a test compiles each).
    fn matches(&self, value: &str) -> bool {
        if self.quick.is_some_and(|quick| quick(value)) {
            return true;
        }
        match &self.check {
            Check::Function(function) => function(value),
            Check::Regex { is, not, compiled } => {
                let compiled = compiled.get_or_init(|| {
                    let not = not.map(whole).transpose().ok()?;
                    Some(Compiled { is: whole(is).ok()?, not })
                });
                compiled.as_ref().is_none_or(|compiled| {
                    compiled.is.is_match(value)
                        && !compiled.not.as_ref().is_some_and(|not| not.is_match(value))
                })
            }
        }
    }

    fn is_checked(&self) -> bool {
        match &self.check {
            Check::Function(_) => true,
            Check::Regex { is, not, .. } => whole(is).is_ok() && not.is_none_or(|not| whole(not).is_ok()),
        }
    }
}

/// AWS matches the whole value, whether or not the pattern has anchors.
fn whole(pattern: &str) -> Result<Regex, regex_lite::Error> {
    Regex::new(&format!("^(?:{pattern})$"))
}

/// `[a-zA-Z0-9_.-]+`: table and index names, on every data operation.
pub fn is_name(value: &str) -> bool {
    !value.is_empty() && value.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
}

/// `[a-zA-Z0-9_-]+`: what most names are.
pub fn is_word(value: &str) -> bool {
    !value.is_empty() && value.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
}

impl Rule {
    pub const fn new(min: Option<i64>, max: Option<i64>) -> Self {
        Self { min, max, pattern: None, or_arn: false, shown: None }
    }

    pub const fn patterned(min: Option<i64>, max: Option<i64>, pattern: Pattern) -> Self {
        Self { min, max, pattern: Some(pattern), or_arn: false, shown: None }
    }

    /// An ARN may stand in place of the value; whether it is a good one the service says.
    #[must_use]
    pub const fn or_arn(mut self) -> Self {
        self.or_arn = true;
        self
    }

    /// How errors print a value that is a list or a map.
    #[must_use]
    pub const fn shown(mut self, shown: &'static Shown) -> Self {
        self.shown = Some(shown);
        self
    }

    /// Whether the pattern, if there is one, can be checked at all.
    pub fn is_checked(&self) -> bool {
        self.pattern.as_ref().is_none_or(Pattern::is_checked)
    }

    /// Checks a string's length, in characters as Java counts them, and its pattern.
    pub fn string(&self, value: String, violations: &mut Violations) -> Option<String> {
        if self.or_arn && value.starts_with("arn:") && value.len() <= ARN_LEN_MAX {
            return Some(value);
        }
        let mark = violations.mark();
        if self.min.is_some() || self.max.is_some() {
            let len = if value.is_ascii() { value.len() } else { value.encode_utf16().count() };
            self.len(len, || value.clone(), violations);
        }
        if let Some(pattern) = &self.pattern
            && !pattern.matches(&value)
        {
            violations.record("", Some(value.clone()), Constraint::Pattern(pattern.text));
        }
        violations.none_since(mark).then_some(value)
    }

    /// Checks a length; `shown` is the value as the error shows it.
    /// Bytes, whose number is all that is asked.
    pub fn blob(&self, value: bytes::Bytes, violations: &mut Violations) -> Option<bytes::Bytes> {
        let mark = violations.mark();
        self.len(value.len(), || "java.nio.HeapByteBuffer".to_owned(), violations);
        violations.none_since(mark).then_some(value)
    }

    pub fn len(&self, len: usize, shown: impl FnOnce() -> String, violations: &mut Violations) {
        let len = i64::try_from(len).unwrap_or(i64::MAX);
        let constraint = match (self.min, self.max) {
            (Some(min), _) if len < min => Constraint::LengthMin(min),
            (_, Some(max)) if len > max => Constraint::LengthMax(max),
            _ => return,
        };
        violations.record("", Some(shown()), constraint);
    }

    /// Checks a number's value.
    pub fn number<T: Into<f64> + Copy + std::fmt::Display>(
        &self,
        value: T,
        violations: &mut Violations,
    ) -> Option<T> {
        self.range(value, value.into(), violations)
    }

    /// Checks a long; bounds of the models are far below where a double loses digits.
    pub fn long(&self, value: i64, violations: &mut Violations) -> Option<i64> {
        self.range(value, value as f64, violations)
    }

    /// All that the rule asks of a string or a collection, in AWS's order.
    pub(crate) fn constraints(&self) -> Vec<Constraint> {
        let max = self.max.map(Constraint::LengthMax);
        let min = self.min.map(Constraint::LengthMin);
        let pattern = self.pattern.as_ref().map(|pattern| Constraint::Pattern(pattern.text));
        [max, min, pattern].into_iter().flatten().collect()
    }

    /// A list or a map, given as JSON, as errors print it.
    pub(crate) fn print(&self, json: &str) -> String {
        shown::print(json, self.shown.unwrap_or(&Shown::Plain))
    }

    fn range<T: std::fmt::Display>(&self, value: T, number: f64, violations: &mut Violations) -> Option<T> {
        let constraint = match (self.min, self.max) {
            (Some(min), _) if number < min as f64 => Constraint::RangeMin(min),
            (_, Some(max)) if number > max as f64 => Constraint::RangeMax(max),
            _ => return Some(value),
        };
        violations.record("", Some(value.to_string()), constraint);
        None
    }
}

/// The value of an enum.
pub fn enumeration<T: FromStr>(text: &str, set: &'static Set, violations: &mut Violations) -> Option<T> {
    match text.parse() {
        Ok(value) => Some(value),
        Err(_) => {
            violations.record("", Some(text.to_owned()), Constraint::Enum(set));
            None
        }
    }
}
