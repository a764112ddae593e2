//! HTTP and WebSocket APIs (version 2): their control plane and what is stored of them. Their data planes are `http`
//! and `websocket`.

pub(crate) mod api;
mod ops;
pub(crate) mod records;
pub(crate) mod rows;
pub(crate) mod view;
