//! Documentation versions: what was written of an API at a time, kept under a name. Pure; knows no store.

use api::apigateway::DocumentationVersion;
use minicbor::{Decode, Encode};

use crate::error::{GatewayError, Result};
use crate::parts::{Part, kind};
use crate::patch::{Patch, PatchVerb};
use crate::rest::documentation::DocumentationPartRecord;
use crate::rest::rows::Record;
use crate::rest::view;

#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
pub(crate) struct DocumentationVersionRecord {
    #[n(0)]
    pub(crate) version: String,
    #[n(1)]
    pub(crate) created_ms: i64,
    #[n(2)]
    pub(crate) description: Option<String>,
    /// As they were then.
    #[n(3)]
    pub(crate) parts: Vec<DocumentationPartRecord>,
}

impl Record for DocumentationVersionRecord {}

impl Part for DocumentationVersionRecord {
    const KIND: u8 = kind::DOCUMENTATION_VERSION;

    fn id(&self) -> &str {
        &self.version
    }

    fn missing(_: &str) -> GatewayError {
        GatewayError::NotFound("Invalid Documentation version specified".into())
    }
}

impl DocumentationVersionRecord {
    pub(crate) fn patch(&mut self, patch: &Patch) -> Result<()> {
        match (patch.verb, &patch.segments()[..]) {
            (PatchVerb::Replace, ["description"]) => self.description = patch.some_text(),
            (PatchVerb::Replace, _) => return Err(patch.none_of(&["/description"])),
            _ => return Err(patch.unsupported()),
        }
        Ok(())
    }

    pub(crate) fn shown(self) -> DocumentationVersion {
        DocumentationVersion {
            version: Some(self.version),
            created_date: Some(view::date(self.created_ms)),
            description: self.description,
        }
    }
}
