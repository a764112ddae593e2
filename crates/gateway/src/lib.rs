//! Amazon API Gateway: the control plane of REST APIs and the data plane behind their stage URLs.
//!
//! # Map
//!
//! - `gateway`: [`Gateway`], what `rushlight` wires up; `target`, `exchange`: a stage URL, a request, an answer
//! - `policy`: policy documents of authorizers and APIs; `jwt`: JSON Web Tokens of authorizers and the keys of their issuers
//! - `ops/`: the control plane of REST APIs, one operation a file; `v2/`: that of HTTP and WebSocket APIs; `patch`, `paging`, `parts`, `error`: what the
//!   operations share
//! - `access_log`: the lines that stages of all three kinds write of their requests
//! - `backends`: the HTTP client for integrations that call a URL; `steps`: what traces tell of a request
//! - `domain/`: custom domain names, which all protocols share
//! - `live`: the compiled stages of all kinds, and when they are read anew
//! - `http/`: the data plane of HTTP APIs, by the same plan as that of REST APIs
//! - `websocket/`: the data plane of WebSocket APIs: handshakes, frames, connections of all nodes, `@connections`
//! - `rest/`: REST APIs: `records` and `rows` (what is stored), `program` (a compiled deployment), `live` (a
//!   compiled stage), `phases` (the data plane as a list), and one file a phase or an integration; `rest/openapi/`: API
//!   definitions
//! - `json`, `yaml`: texts as trees; `schema/`: JSON Schema; [`parsers`]: all that parse, for `fuzz`
//!
//! # Invariants
//!
//! - The data plane reads compiled stages alone; a deployment never changes once it is made.
//! - Every edit of an API reads, under one transaction, the rows that it depends on: no update is lost, and what
//!   was deleted does not come back.
//! - What a method asks for and this version cannot check (IAM) closes the method; it is never skipped.
//! - Functions are reached through `ports::Invoke` alone.

mod access_log;
mod backends;
mod caller_certificate;
mod domain;
mod error;
mod exchange;
mod gateway;
mod http;
mod json;
mod jwt;
mod live;
mod ops;
mod paging;
pub mod parsers;
mod parts;
mod patch;
mod policy;
mod rest;
mod schema;
mod steps;
mod target;
mod v2;
mod websocket;
mod yaml;

pub use backends::connector as https_connector;
pub use caller_certificate::CallerCertificate;
pub use domain::live::DomainTarget;
pub use exchange::{StageRequest, StageResponse};
pub use gateway::{Gateway, GatewayPorts};
pub use rest::deployed::StageCurrency;
pub use target::{Target, UrlStyle};
pub use websocket::{ByteStream, Handshake, Session};
