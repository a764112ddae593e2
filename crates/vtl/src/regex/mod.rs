//! Regular expressions as `java.util.regex` reads them: possessive quantifiers, lookaround, back references, POSIX
//! classes, class intersections, inline flags. Matching backtracks, on a stack of its own, and is bounded by a number
//! of steps. Knows text alone.

mod class;
mod compile;
mod machine;
mod parser;
mod replace;

use std::ops::Range;

use compile::Program;
use machine::{Machine, Mode};

/// Steps that one match may take. A pattern without nested repetitions needs a few for a character.
pub(crate) const STEPS_MAX: u32 = 2_000_000;

/// A compiled pattern.
#[derive(Debug)]
pub struct JavaRegex {
    program: Program,
}

/// Why a text is not a pattern; `at` counts characters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} near index {at}")]
pub struct PatternError {
    pub at: usize,
    pub message: String,
}

/// Why a match has no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MatchError {
    #[error("the pattern takes too many steps on this text")]
    Steps,
    #[error("{0}")]
    Replacement(String),
}

/// Where a pattern was found: byte ranges of the whole and of its groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    groups: Vec<Option<Range<usize>>>,
}

impl Found {
    pub fn range(&self) -> Range<usize> {
        self.group(0).unwrap_or_default()
    }

    pub fn group(&self, number: usize) -> Option<Range<usize>> {
        self.groups.get(number).cloned().flatten()
    }
}

impl JavaRegex {
    pub fn new(pattern: &str) -> Result<Self, PatternError> {
        Ok(Self { program: compile::compile(pattern)? })
    }

    /// How many instructions the pattern is, which is what compiling it costs.
    pub(crate) fn size(&self) -> usize {
        self.program.code.len()
    }

    /// Whether the whole text matches: `String.matches`.
    pub fn matches(&self, text: &str) -> Result<bool, MatchError> {
        self.matches_within(text, &mut { STEPS_MAX })
    }

    /// The same with what is left of somebody's steps.
    pub fn matches_within(&self, text: &str, steps: &mut u32) -> Result<bool, MatchError> {
        Ok(Machine::new(&self.program, text, 0, steps).run(0, Mode::Whole)?.is_some())
    }

    /// The first place at or behind `from` where the pattern matches: `Matcher.find`.
    pub fn find(&self, text: &str, from: usize) -> Result<Option<Found>, MatchError> {
        self.find_within(text, from, &mut { STEPS_MAX })
    }

    /// The same with what is left of somebody's steps.
    pub fn find_within(&self, text: &str, from: usize, steps: &mut u32) -> Result<Option<Found>, MatchError> {
        let mut at = from;
        while at <= text.len() {
            if let Some(first) = self.program.first {
                let bytes = text.as_bytes().get(at..).unwrap_or_default();
                let Some(skip) = bytes.iter().position(|&byte| byte == first) else { return Ok(None) };
                at += skip;
            }
            if let Some(groups) = Machine::new(&self.program, text, from, steps).run(at, Mode::Prefix)? {
                return Ok(Some(Found { groups }));
            }
            *steps = steps.checked_sub(self.program.setup()).ok_or(MatchError::Steps)?;
            at += text.get(at..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8);
        }
        Ok(None)
    }

    /// The places where the pattern matches, none overlapping another, at most `max` of them.
    fn find_all(&self, text: &str, max: usize, steps: &mut u32) -> Result<Vec<Found>, MatchError> {
        let mut all: Vec<Found> = Vec::new();
        let mut from = 0;
        while all.len() < max
            && let Some(found) = self.find_within(text, from, steps)?
        {
            let range = found.range();
            let next = text.get(range.end..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8);
            from = if range.is_empty() { range.end + next } else { range.end };
            all.push(found);
            if from > text.len() {
                break;
            }
        }
        Ok(all)
    }
}
