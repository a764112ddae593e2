//! The key pairs that may sign. Read from a file in the form that AWS's own clients read; without any, claims are believed.

use std::collections::BTreeMap;
use std::fmt;

use base::{AccountId, Region, Timestamp};

use crate::canonical::{hex, hmac_of};
use crate::verify::verify;
use crate::{Credential, SignatureError, Signed, parse};

/// Key pairs by access key.
#[derive(Default)]
pub struct Keys {
    pairs: BTreeMap<String, Secret>,
    /// The access key that stands first in the file: the one that our own commands sign with.
    first: Option<String>,
    /// What the secrets of functions are made of, the same wherever the same pairs are known.
    root: Vec<u8>,
}

struct Secret {
    text: String,
    account: AccountId,
}

/// A key pair, whole.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyPair {
    pub access_key: String,
    pub secret: String,
    /// Of the pairs that are made for functions; anything elsewhere.
    pub session_token: Option<String>,
}

/// Who signed a request: proven if keys are known, else as it claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signer {
    pub access_key: String,
    pub account: AccountId,
    pub region: Region,
    /// The signing name, such as `execute-api`.
    pub service: String,
}

/// What a request's signature says of its caller: nothing, somebody, or a lie.
pub type Signature = Result<Option<Signer>, SignatureError>;

/// The file is not one of credentials.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeysError {
    #[error("line {0}: expected [profile] or name = value")]
    Line(usize),
    #[error("[{0}] has no {1}")]
    Lacks(String, &'static str),
    #[error("[{profile}]: aws_account_id {text:?} is not of 12 digits")]
    Account { profile: String, text: String },
    #[error("[{0}] has the access key of an earlier profile")]
    Twice(String),
    #[error("there is no profile in it")]
    Empty,
}

/// Access keys of functions: this, and the account's id.
const OF_FUNCTIONS: &str = "ASIA";

impl Keys {
    /// Reads profiles of `aws_access_key_id` and `aws_secret_access_key`, and `aws_account_id` if the account is not
    /// the access key itself nor the default one. Other names mean something to clients and nothing here.
    ///
    /// Source: <https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html>
    pub fn parse(text: &str) -> Result<Self, KeysError> {
        let mut profiles: Vec<(&str, BTreeMap<&str, &str>)> = Vec::new();
        for (at, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with(['#', ';']) {
                continue;
            }
            if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                profiles.push((name.trim(), BTreeMap::new()));
                continue;
            }
            let (Some((name, value)), Some((_, profile))) = (line.split_once('='), profiles.last_mut())
            else {
                return Err(KeysError::Line(at + 1));
            };
            profile.insert(name.trim(), value.trim());
        }
        let mut keys = Self::default();
        for (profile, values) in profiles {
            keys.add(profile, &values)?;
        }
        if keys.pairs.is_empty() {
            return Err(KeysError::Empty);
        }
        let secrets = keys.pairs.iter().map(|(name, secret)| format!("{name}:{}\n", secret.text));
        keys.root = hmac_of(b"rushlight functions", &secrets.collect::<String>()).as_ref().to_vec();
        Ok(keys)
    }

    fn add(&mut self, profile: &str, values: &BTreeMap<&str, &str>) -> Result<(), KeysError> {
        let value = |name: &'static str| {
            let given = values.get(name).filter(|value| !value.is_empty());
            given.ok_or_else(|| KeysError::Lacks(profile.to_owned(), name))
        };
        let access_key = (*value("aws_access_key_id")?).to_owned();
        let text = (*value("aws_secret_access_key")?).to_owned();
        let account = match values.get("aws_account_id") {
            Some(id) => id
                .parse()
                .map_err(|_| KeysError::Account { profile: profile.to_owned(), text: (*id).to_owned() })?,
            None => access_key.parse().unwrap_or(AccountId::DEFAULT),
        };
        self.first.get_or_insert_with(|| access_key.clone());
        match self.pairs.insert(access_key, Secret { text, account }) {
            Some(_) => Err(KeysError::Twice(profile.to_owned())),
            None => Ok(()),
        }
    }

    /// Whether none are known, so that claims are believed.
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// The pair of the first profile.
    pub fn first(&self) -> Option<KeyPair> {
        self.pair(self.first.as_deref()?)
    }

    /// The pair of an access key of the file.
    pub fn pair(&self, access_key: &str) -> Option<KeyPair> {
        let secret = self.pairs.get(access_key)?.text.clone();
        Some(KeyPair { access_key: access_key.to_owned(), secret, session_token: None })
    }

    /// The pair with which an account's functions sign; `None` if no keys are known.
    pub fn of_functions(&self, account: AccountId) -> Option<KeyPair> {
        let access_key = format!("{OF_FUNCTIONS}{account}");
        let secret = self.secret_of_functions(&access_key)?;
        let session_token = Some(hex(hmac_of(&self.root, &secret).as_ref()));
        Some(KeyPair { access_key, secret, session_token })
    }

    fn secret_of_functions(&self, access_key: &str) -> Option<String> {
        (!self.is_empty()).then(|| hex(&hmac_of(&self.root, access_key).as_ref()[..20]))
    }

    /// The account of a claim: its key's, if that is known, else what the claim says.
    pub fn account(&self, credential: &Credential<'_>) -> AccountId {
        let known = self.pairs.get(credential.access_key.as_ref()).map(|secret| secret.account);
        known
            .or_else(|| self.account_of_functions(&credential.access_key))
            .unwrap_or_else(|| credential.account())
    }

    fn account_of_functions(&self, access_key: &str) -> Option<AccountId> {
        if self.is_empty() {
            return None;
        }
        access_key.strip_prefix(OF_FUNCTIONS)?.parse().ok()
    }

    /// Who signed `request`, if anybody did: proven, if any keys are known.
    pub fn signature(&self, request: &Signed<'_>, now: Timestamp) -> Signature {
        let credential = parse(request.headers, request.query)?;
        credential.map(|credential| self.signer(request, &credential, now)).transpose()
    }

    fn signer(
        &self,
        request: &Signed<'_>,
        credential: &Credential<'_>,
        now: Timestamp,
    ) -> Result<Signer, SignatureError> {
        let access_key = credential.access_key.as_ref();
        if !self.is_empty() {
            let known = self.pairs.get(access_key).map(|secret| secret.text.clone());
            let issued = || {
                self.account_of_functions(access_key)?;
                self.secret_of_functions(access_key)
            };
            let secret = known.or_else(issued).ok_or(SignatureError::Unrecognized)?;
            verify(request, credential, &secret, now)?;
        }
        Ok(Signer {
            access_key: access_key.to_owned(),
            account: self.account(credential),
            region: Region::new(&credential.region),
            service: credential.service.clone().into_owned(),
        })
    }
}

impl fmt::Debug for Keys {
    /// Says how many, and no secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("pairs", &self.pairs.len()).finish_non_exhaustive()
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyPair").field("access_key", &self.access_key).finish_non_exhaustive()
    }
}
