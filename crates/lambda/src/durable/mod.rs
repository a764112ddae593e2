//! Durable executions: functions that tell of their progress, wait for days without running, and go on where they were.
//!
//! - [`state`] is how an execution changes, [`operation`] and [`history`] what it consists of. All of it pure.

mod history;
mod operation;
mod state;
