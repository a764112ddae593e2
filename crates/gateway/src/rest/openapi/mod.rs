//! API definitions in OpenAPI 2.0 and 3.0 with the extensions of API Gateway: how an API comes out of one, and how one
//! comes out of an API.
//!
//! - `text`: JSON or YAML; `documentation`: documentation parts in them

pub(crate) mod documentation;
pub(crate) mod text;
