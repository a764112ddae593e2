//! REST APIs (version 1): what is stored of them, how it compiles, and the phases that answer a stage URL.

pub(crate) mod fault;
pub(crate) mod integration;
pub(crate) mod live;
pub(crate) mod mapping;
pub(crate) mod method;
pub(crate) mod records;
pub(crate) mod rest_api;
pub(crate) mod route;
pub(crate) mod rows;
pub(crate) mod snapshot;
pub(crate) mod stage;
pub(crate) mod tagged;
pub(crate) mod template;
pub(crate) mod tree;
pub(crate) mod view;
