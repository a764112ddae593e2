//! HTTP and WebSocket APIs (version 2): their control plane and what is stored of them. Their data planes are `http`
//! and `websocket`.

pub(crate) mod api;
pub(crate) mod authorizer;
pub(crate) mod deployment;
mod edit;
pub(crate) mod integration;
pub(crate) mod model;
pub(crate) mod openapi;
mod ops;
mod quick;
pub(crate) mod records;
pub(crate) mod release;
pub(crate) mod route;
pub(crate) mod rows;
pub(crate) mod stage;
pub(crate) mod view;
pub(crate) mod vpc_link;
