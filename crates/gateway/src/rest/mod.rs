//! REST APIs (version 1): what is stored of them, how it compiles, and the phases that answer a stage URL.

pub(crate) mod fault;
pub(crate) mod route;
pub(crate) mod template;
