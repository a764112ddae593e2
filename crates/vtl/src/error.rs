//! What is wrong with a template, and what went wrong while it was rendered. Positions are of the template.

/// A template that is not well formed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} at line {line}, column {column}")]
pub struct TemplateError {
    pub line: u32,
    pub column: u32,
    pub message: String,
}

/// A template that could not be rendered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{fault} at line {line}, column {column}")]
pub struct RenderError {
    pub line: u32,
    pub column: u32,
    pub fault: Fault,
}

/// Why a template could not be rendered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// `$input.json` or `$input.path` of a body that is not JSON.
    #[error("Could not parse request body into json: {0}")]
    Body(String),
    /// A Java method would have thrown.
    #[error("Invocation of method '{method}' threw exception {exception}")]
    Method { method: String, exception: String },
    #[error("{0} is more than the limit of {1}")]
    Limit(&'static str, u64),
}

impl Fault {
    pub(crate) fn method(name: &str, exception: impl Into<String>) -> Self {
        Self::Method { method: name.to_owned(), exception: exception.into() }
    }
}

/// Line and column of a byte of a text, both from one; columns count characters.
pub(crate) fn position(text: &str, at: usize) -> (u32, u32) {
    let mut end = at.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let before = &text[..end];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (u32::try_from(line).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX))
}
