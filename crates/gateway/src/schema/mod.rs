//! JSON Schema draft 4 as API Gateway has it: models that refer to each other by their URLs, and complaints in the words
//! of the validator that it uses, which callers see in `$context.error.validationErrorString`. Validating is bounded in
//! steps, depth and values; a schema that refers to itself is followed as far as a value goes. Knows no API and no
//! request.
//!
//! - `syntax`: whether a text is a schema that AWS takes; `compile`: schemas as nodes; `check`: a value against them;
//!   `format`: what `format` can ask for; `number`: numbers at their whole precision

mod check;
mod compile;
mod format;
mod number;
mod syntax;

pub(crate) use check::validate;
pub(crate) use compile::{NodeId, Schemas};
pub(crate) use syntax::syntax;

use crate::json::Bounds;

/// How much of a schema is taken. The text itself is bounded before.
pub(crate) const SCHEMA_BOUNDS: Bounds = Bounds { depth_max: 64, values_max: 100_000 };

/// Of a body: its tree takes some ten times its text.
pub(crate) const BODY_BOUNDS: Bounds = Bounds { depth_max: 64, values_max: 500_000 };

/// The name of the model that a reference leads to, and where in it, of
/// `https://apigateway.amazonaws.com/restapis/API/models/NAME`.
pub(crate) fn model_reference(reference: &str) -> Option<(&str, &str)> {
    let rest = reference.strip_prefix("https://apigateway.amazonaws.com/restapis/")?;
    let (api, rest) = rest.split_once("/models/")?;
    let (name, place) = rest.split_once('#').unwrap_or((rest, ""));
    let is_name = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (is_name(api) && is_name(name)).then_some((name, place))
}
