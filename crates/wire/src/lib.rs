//! The AWS wire protocols, each written once, without I/O: JSON in and out, violations in AWS's words,
//! error envelopes, checksums and compression. Knows no service and no operation.

mod failure;
pub mod json;
mod message;
mod violations;
pub mod wording;

pub use failure::{Failure, Fault};
pub use message::{Request, Response};
pub use violations::{Constraint, Mark, Violations};
