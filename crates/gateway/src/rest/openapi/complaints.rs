//! What is wrong with a definition, in AWS's words.

use crate::error::{GatewayError, Result};

/// Errors beyond these are not told.
const ERRORS_MAX: usize = 50;

#[derive(Debug, Default)]
pub(crate) struct Complaints {
    errors: Vec<String>,
    pub(crate) warnings: Vec<String>,
}

impl Complaints {
    pub(crate) fn hear<T>(&mut self, what: impl FnOnce() -> String, result: Result<T>) {
        if let Err(error) = result
            && self.errors.len() < ERRORS_MAX
        {
            self.errors.push(format!("{}: {error}", what()));
        }
    }

    /// The warnings, if there are no errors.
    pub(crate) fn finish(self) -> Result<Vec<String>> {
        if self.errors.is_empty() {
            return Ok(self.warnings);
        }
        let errors = self.errors.join("\n\t");
        Err(GatewayError::bad_request(format!("Errors found during import:\n\t{errors}")))
    }
}

/// `failonwarnings`
pub(crate) fn refuse_warnings(fails: Option<bool>, warnings: &[String]) -> Result<()> {
    if warnings.is_empty() || !fails.unwrap_or_default() {
        return Ok(());
    }
    let warnings = warnings.join("\n\t");
    Err(GatewayError::bad_request(format!("Warnings found during import:\n\t{warnings}")))
}
