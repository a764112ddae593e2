//! What a signed request claims about its caller. Borrows from the request; proves nothing.

use std::borrow::Cow;

use base::{AccountId, Region, Scope};

/// The claim of a signed request.
///
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-signing-elements.html>
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential<'a> {
    pub source: Source,
    pub access_key: Cow<'a, str>,
    /// `YYYYMMDD` of the credential scope.
    pub date: Cow<'a, str>,
    pub region: Cow<'a, str>,
    /// The signing name, such as `dynamodb` or `execute-api`.
    pub service: Cow<'a, str>,
    /// Lower-case names, separated by `;`.
    pub signed_headers: Cow<'a, str>,
    /// 64 lower-case hexadecimal digits when it is well made; not checked.
    pub signature: Cow<'a, str>,
}

/// Where the signature stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    Header,
    Query,
}

impl Credential<'_> {
    /// The access key when it has the form of an account id, else the default account.
    pub fn account(&self) -> AccountId {
        self.access_key.parse().unwrap_or(AccountId::DEFAULT)
    }

    pub fn scope(&self) -> Scope {
        Scope { account: self.account(), region: Region::new(&self.region) }
    }
}
