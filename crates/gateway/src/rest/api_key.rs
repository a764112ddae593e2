//! API keys: what is kept of them, what they may be, and how they are patched. Pure; knows no store.

use std::collections::BTreeMap;

use minicbor::{Decode, Encode};

use crate::error::{GatewayError, Result};
use crate::parts::{Part, kind};
use crate::patch::{Patch, PatchVerb};
use crate::rest::rest_api::check_tags;
use crate::rest::rows::Record;

const VALUE_BYTES_MIN: usize = 20;
const VALUE_BYTES_MAX: usize = 128;

#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
pub(crate) struct ApiKeyRecord {
    #[n(0)]
    pub(crate) id: String,
    #[n(1)]
    pub(crate) value: String,
    #[n(2)]
    pub(crate) name: Option<String>,
    #[n(3)]
    pub(crate) description: Option<String>,
    #[n(4)]
    pub(crate) customer_id: Option<String>,
    #[n(5)]
    pub(crate) enabled: bool,
    #[n(6)]
    pub(crate) created_ms: i64,
    #[n(7)]
    pub(crate) updated_ms: i64,
    /// `API/STAGE`. Usage plans took their place; they let nobody in.
    #[n(8)]
    pub(crate) stage_keys: Vec<String>,
    #[n(9)]
    pub(crate) tags: BTreeMap<String, String>,
    /// Ids of the usage plans that it was added to. A plan's id is never given twice: what names a plan that is no
    /// more names nothing.
    #[n(10)]
    pub(crate) plans: Vec<String>,
}

impl Record for ApiKeyRecord {}

impl Part for ApiKeyRecord {
    const KIND: u8 = kind::API_KEY;

    fn id(&self) -> &str {
        &self.id
    }

    fn missing(_: &str) -> GatewayError {
        GatewayError::NotFound("Invalid API Key identifier specified".into())
    }
}

impl ApiKeyRecord {
    pub(crate) fn check(&self) -> Result<()> {
        if self.value.len() < VALUE_BYTES_MIN {
            return Err(GatewayError::bad_request("API Key value should be at least 20 characters"));
        }
        if self.value.len() > VALUE_BYTES_MAX {
            return Err(GatewayError::bad_request("API Key value exceeds maximum size of 128 characters"));
        }
        if !self.value.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(GatewayError::bad_request(
                "API Key value contains characters that no header carries",
            ));
        }
        check_tags(&self.tags)
    }

    pub(crate) fn patch(&mut self, patch: &Patch) -> Result<()> {
        match (patch.verb, &patch.segments()[..]) {
            (PatchVerb::Replace, ["name"]) => self.name = patch.some_text(),
            (PatchVerb::Replace, ["description"]) => self.description = patch.some_text(),
            (PatchVerb::Replace, ["customerId"]) => self.customer_id = patch.some_text(),
            (PatchVerb::Replace, ["enabled"]) => self.enabled = patch.boolean(),
            (PatchVerb::Add | PatchVerb::Remove, ["stages"]) => {
                patch.member(&mut self.stage_keys, &patch.text())?;
            }
            (PatchVerb::Replace, _) => {
                return Err(patch.none_of(&["/customerId", "/description", "/enabled", "/name"]));
            }
            _ => return Err(patch.unsupported()),
        }
        Ok(())
    }
}
