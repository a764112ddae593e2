//! AWS Signature Version 4: who signed a request, and whether the signature is that of a key pair known here. Pure; knows
//! no service.
//!
//! # Map
//!
//! - `parse`: the `Authorization` header, or the `X-Amz-*` query of a presigned URL, as a [`Credential`]: a claim
//! - `keys`: [`Keys`], the key pairs that may sign, from a file in the form of AWS's clients; who signed, as a [`Signer`]
//! - `verify`: whether a claim is true; `sign`: the same for our own requests; `canonical`: what both compute

mod canonical;
mod credential;
mod error;
mod keys;
mod parse;
mod sign;
mod verify;

pub use canonical::Signed;
pub use credential::{Credential, Source};
pub use error::SignatureError;
pub use keys::{KeyPair, Keys, KeysError, Signature, Signer};
pub use parse::parse;
pub use sign::sign;
