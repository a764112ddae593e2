//! Custom domain names, which REST, HTTP and WebSocket APIs share: what is kept of one, which of their paths lead to
//! which stage, and by which certificate nobody here asks. Both control planes show the same record each in its words.

pub(crate) mod association;
pub(crate) mod live;
pub(crate) mod records;
pub(crate) mod rows;
mod rule;
pub(crate) mod view;
