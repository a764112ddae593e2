//! The AWS wire protocols, each written once, without I/O: JSON in and out, violations in AWS's words,
//! error envelopes, event streams, checksums and compression. Knows no service and no operation.

pub mod aws_json;
mod compression;
pub mod event_stream;
mod failure;
pub mod json;
mod message;
pub mod query;
pub mod rest;
pub mod rule;
mod shown;
mod slot;
mod spelling;
mod streamed;
mod violations;
mod wording;

pub mod xml;

pub use base::Wording;
pub use failure::{Failure, Fault};
pub use message::{Request, Response};
pub use shown::Shown;
pub use slot::Slot;
pub use spelling::Spelling;
pub use streamed::{BoxStream, Cut, Pieces, Streamed};
pub use violations::{Constraint, Mark, Part, Refusal, Violations};
