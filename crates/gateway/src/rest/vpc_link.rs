//! VPC links: kept and shown as AWS does. There is no VPC here: an integration that names one calls its URI directly.
//! Pure; knows no store.

use std::collections::BTreeMap;

use minicbor::{Decode, Encode};

use crate::error::{GatewayError, Result};
use crate::parts::{Part, kind};
use crate::patch::{Patch, PatchVerb};
use crate::rest::rest_api::check_tags;
use crate::rest::rows::Record;

#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
pub(crate) struct VpcLinkRecord {
    #[n(0)]
    pub(crate) id: String,
    #[n(1)]
    pub(crate) name: String,
    #[n(2)]
    pub(crate) description: Option<String>,
    #[n(3)]
    pub(crate) target_arns: Vec<String>,
    #[n(4)]
    pub(crate) tags: BTreeMap<String, String>,
}

impl Record for VpcLinkRecord {}

impl Part for VpcLinkRecord {
    const KIND: u8 = kind::VPC_LINK;

    fn id(&self) -> &str {
        &self.id
    }

    fn missing(_: &str) -> GatewayError {
        GatewayError::NotFound("Invalid VPC link identifier specified".into())
    }
}

impl VpcLinkRecord {
    pub(crate) fn check(&self) -> Result<()> {
        if self.name.trim().is_empty() {
            return Err(GatewayError::bad_request("VPC link name cannot be empty"));
        }
        if self.target_arns.len() != 1 {
            return Err(GatewayError::bad_request("A VPC link needs exactly one target ARN"));
        }
        check_tags(&self.tags)
    }

    pub(crate) fn patch(&mut self, patch: &Patch) -> Result<()> {
        match (patch.verb, &patch.segments()[..]) {
            (PatchVerb::Replace, ["name"]) => self.name = patch.text(),
            (PatchVerb::Replace, ["description"]) => self.description = patch.some_text(),
            (PatchVerb::Replace, _) => return Err(patch.none_of(&["/name", "/description"])),
            _ => return Err(patch.unsupported()),
        }
        Ok(())
    }
}

/// Refuses to delete a link that is named at `places`, which are written in the form `form`, in AWS's words.
pub(crate) fn in_use(id: &str, places: &[String], form: &str) -> GatewayError {
    GatewayError::bad_request(format!(
        "Cannot delete vpc link. Vpc link '{id}', is referenced in [{}] in format of [{form}].",
        places.join(", ")
    ))
}
