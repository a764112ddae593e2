//! The front door: one listener, one chain. It finds out who a request is for and who calls, keeps the bounds of
//! [`base::Limits`], hands over to [`Backends`] and counts what came of it. Knows HTTP, never what a service does.
//!
//! Code map: `listen` (socket, stop) -> `tls` (encrypted or plain; `certificates`) -> `connection` (one client, its timeouts)
//! -> `chain` (the steps of a request, in order) -> `route` (for whom), `origin` (which web pages may ask), `caller` (who),
//! `body` (how much), `own` (`/_rushlight/*`), `upgrade` (WebSockets) -> `metrics`.

mod answer;
mod backends;
mod body;
mod caller;
mod certificates;
mod chain;
mod connection;
mod crowd;
mod line_ends;
mod listen;
mod metrics;
mod observed;
mod operation;
mod origin;
mod own;
mod pulse;
mod refusal;
mod route;
mod service;
mod tls;
mod upgrade;

pub use answer::ReplyBody;
pub use backends::{
    Backends, BoxFuture, Engine, Session, Socket, SocketReply, StageCall, StageReply, TailStream,
};
pub use certificates::{CertificateError, Certificates};
pub use listen::{BindError, Bound, Server, ServerConfig};
pub use route::{Head, OwnPath, Route, find};
pub use service::Service;
