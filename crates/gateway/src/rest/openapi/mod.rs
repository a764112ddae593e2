//! API definitions in OpenAPI 2.0 and 3.0 with the extensions of API Gateway: how an API comes out of one, and how one
//! comes out of an API. Pure; knows no store.
//!
//! - `text`: JSON or YAML; `document`: what the two versions say in different places; `complaints`: what is wrong with one
//! - `import`: the parts of an API out of a definition; `export`: a definition out of a deployment
//! - `schema`, `integration`, `security`, `documentation`: both ways for models, integrations, authorizers and
//!   documentation parts

pub(crate) mod complaints;
pub(crate) mod document;
pub(crate) mod documentation;
pub(crate) mod export;
pub(crate) mod import;
mod integration;
mod operation;
mod schema;
mod security;
pub(crate) mod text;

pub(crate) use security::jwt_record;
