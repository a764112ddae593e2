//! The words every crate shares: who calls ([`Cx`], [`Scope`]), what is named ([`Arn`], ids), when
//! ([`Clock`], [`Timestamp`]), how much ([`Limits`]) and what became of it ([`trace`]). No I/O, no HTTP, no JSON.

mod arn;
mod clock;
mod cx;
mod id;
mod limits;
pub mod trace;

pub use arn::{Arn, ArnError};
pub use clock::{Clock, Timestamp, VirtualClock};
pub use cx::{Cx, Principal, Wording};
pub use id::{AccountId, IdError, Region, RequestId, Scope, random_alphanumeric, random_hex};
pub use limits::Limits;
pub use trace::Trace;
