//! The Velocity engine of API Gateway's mapping templates. Pure: a template and what it is about in, text out; knows
//! no gateway, no clock and no network.
//!
//! The road of a template: text -> tree ([`parser`], [`expression`], [`tree`]) -> [`Template`], which is compiled once
//! and rendered as often as one likes ([`render`], [`eval`], [`method`]). Values live on a heap of one rendering
//! ([`value`]). `$input` reads the body once, when it is first asked for, by Jayway's JSONPath ([`jsonpath`]).
//!
//! There are two dialects. [`Dialect::Velocity`] is Velocity 1.7. [`Dialect::ApiGateway`] is what API Gateway runs:
//! a reference without a value is an empty text, that is true in conditions and prints nothing; macros are read and
//! forgotten, so that their calls, and `#evaluate`, print as they stand.
//!
//! Hostile templates and bodies end in an error: nesting is bounded when a template is compiled, and steps, memory,
//! iterations and output while it is rendered ([`Limits`]).

mod codec;
mod error;
mod eval;
mod expression;
mod input;
mod json;
mod jsonpath;
mod limits;
mod message;
mod method;
mod number;
mod parser;
mod print;
mod regex;
mod render;
mod scan;
mod template;
mod text;
mod tree;
mod value;

pub use error::{Fault, RenderError, TemplateError};
pub use limits::{Limits, TEMPLATE_BYTES_MAX};
pub use message::{Data, Message, Overrides, Params, select};
pub use regex::{Found, JavaRegex, MatchError, PatternError};
pub use template::{Dialect, Rendered, Template};
