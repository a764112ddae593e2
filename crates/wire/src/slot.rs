//! A structure's member while the structure is being read: not seen yet, read, or refused. Knows no shape.

use crate::Violations;
use crate::json::{JsonError, Reader};

/// Where a reader puts a member. If a member comes twice, the last one counts, as AWS's parser has it.
#[derive(Debug)]
pub struct Slot<T> {
    seen: bool,
    value: Option<T>,
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self { seen: false, value: None }
    }
}

impl<T> Slot<T> {
    /// Reads the member's value; null is the same as no member. `name` is the member in violation texts.
    pub fn read<'a>(
        &mut self,
        reader: &mut Reader<'a>,
        violations: &mut Violations,
        name: &str,
        read: impl FnOnce(&mut Reader<'a>, &mut Violations) -> Result<Option<T>, JsonError>,
    ) -> Result<(), JsonError> {
        if reader.null()? {
            return Ok(());
        }
        let mark = violations.mark();
        self.value = read(reader, violations)?;
        self.seen = true;
        violations.under(mark, || name.to_owned());
        Ok(())
    }

    /// Takes the member from a text outside of the body, if there is one.
    pub fn text<S>(
        &mut self,
        text: Option<S>,
        violations: &mut Violations,
        name: &str,
        read: impl FnOnce(S, &mut Violations) -> Option<T>,
    ) {
        if let Some(text) = text {
            let mark = violations.mark();
            self.value = read(text, violations);
            self.seen = true;
            violations.under(mark, || name.to_owned());
        }
    }

    /// The value, if the member is there and good.
    pub fn optional(self) -> Option<T> {
        self.value
    }

    /// The same of a member whose absence is told in words of its own.
    pub fn required_as(self, violations: &mut Violations, text: &str) -> Option<T> {
        if !self.seen {
            violations.invalid(text);
        }
        self.value
    }

    /// The value of a member that must be there; that it is not is recorded.
    pub fn required(self, violations: &mut Violations, name: &str) -> Option<T> {
        if !self.seen {
            violations.missing(name);
        }
        self.value
    }
}
