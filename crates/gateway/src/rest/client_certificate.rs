//! Client certificates: made here, self-signed, for integrations to know the gateway by. Knows no store.

use std::collections::BTreeMap;

use base::{Timestamp, random_alphanumeric};
use minicbor::{Decode, Encode};
use rcgen::{CertificateParams, DnType, KeyPair, date_time_ymd};

use crate::backends::Identity;
use crate::error::{GatewayError, Result};
use crate::parts::{Part, kind};
use crate::patch::{Patch, PatchVerb};
use crate::rest::rest_api::check_tags;
use crate::rest::rows::Record;

const DAY_MS: i64 = 86_400_000;
/// As AWS's.
const VALID_DAYS: i64 = 365;

#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
pub(crate) struct ClientCertificateRecord {
    #[n(0)]
    pub(crate) id: String,
    #[n(1)]
    pub(crate) description: Option<String>,
    #[n(2)]
    pub(crate) certificate_pem: String,
    /// Never shown.
    #[n(3)]
    pub(crate) key_pem: String,
    #[n(4)]
    pub(crate) created_ms: i64,
    #[n(5)]
    pub(crate) expires_ms: i64,
    #[n(6)]
    pub(crate) tags: BTreeMap<String, String>,
}

impl Record for ClientCertificateRecord {}

impl Part for ClientCertificateRecord {
    const KIND: u8 = kind::CLIENT_CERTIFICATE;

    fn id(&self) -> &str {
        &self.id
    }

    fn missing(_: &str) -> GatewayError {
        GatewayError::NotFound("Invalid Client Certificate identifier specified".into())
    }
}

impl ClientCertificateRecord {
    /// A new certificate with a key of its own, valid from the beginning of the day of `now`.
    pub(crate) fn generate(
        now: Timestamp,
        description: Option<String>,
        tags: BTreeMap<String, String>,
    ) -> Result<Self> {
        check_tags(&tags)?;
        let begins = Timestamp(now.as_millis() - now.as_millis().rem_euclid(DAY_MS));
        let expires = Timestamp(begins.as_millis() + VALID_DAYS * DAY_MS);
        let (certificate_pem, key_pem) =
            sign(begins, expires).map_err(|error| GatewayError::Damaged(error.to_string()))?;
        Ok(Self {
            id: random_alphanumeric(6),
            description,
            certificate_pem,
            key_pem,
            created_ms: now.as_millis(),
            expires_ms: expires.as_millis(),
            tags,
        })
    }

    /// As backends are shown it.
    pub(crate) fn into_identity(self) -> Identity {
        Identity::new(self.id, self.certificate_pem, self.key_pem)
    }

    pub(crate) fn patch(&mut self, patch: &Patch) -> Result<()> {
        match (patch.verb, &patch.segments()[..]) {
            (PatchVerb::Replace, ["description"]) => self.description = patch.some_text(),
            (PatchVerb::Replace, _) => return Err(patch.none_of(&["/description"])),
            _ => return Err(patch.unsupported()),
        }
        Ok(())
    }
}

fn sign(begins: Timestamp, expires: Timestamp) -> std::result::Result<(String, String), rcgen::Error> {
    let date = |at: Timestamp| {
        let (year, month, day, ..) = at.civil();
        let byte = |number: u32| u8::try_from(number).unwrap_or(1);
        date_time_ymd(i32::try_from(year).unwrap_or(9999), byte(month), byte(day))
    };
    let mut params = CertificateParams::new(Vec::<String>::new())?;
    params.not_before = date(begins);
    params.not_after = date(expires);
    params.distinguished_name.push(DnType::CommonName, "ApiGateway");
    params.distinguished_name.push(DnType::OrganizationName, "Rushlight");
    let key = KeyPair::generate()?;
    Ok((params.self_signed(&key)?.pem(), key.serialize_pem()))
}
