//! AWS Signature Version 4 as it stands in a request: the `Authorization` header or the `X-Amz-*` query of a presigned
//! URL, parsed into a [`Credential`]. Pure. Signatures are not verified here yet; it knows no secret and no service.

mod credential;
mod error;
mod parse;

pub use credential::{Credential, Source};
pub use error::SignatureError;
pub use parse::parse;
