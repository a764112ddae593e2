//! Request validators: which parts of a request are looked at before its integration hears of it. Pure; knows no store.

use api::apigateway::RequestValidator;
use minicbor::{Decode, Encode};

use crate::error::{GatewayError, Result};
use crate::parts::{Part, kind};
use crate::patch::{Patch, PatchVerb};
use crate::rest::rows::Record;

#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
pub(crate) struct RequestValidatorRecord {
    #[n(0)]
    pub(crate) id: String,
    #[n(1)]
    pub(crate) name: Option<String>,
    #[n(2)]
    pub(crate) validates_body: bool,
    #[n(3)]
    pub(crate) validates_parameters: bool,
}

impl Record for RequestValidatorRecord {}

impl Part for RequestValidatorRecord {
    const KIND: u8 = kind::REQUEST_VALIDATOR;

    fn id(&self) -> &str {
        &self.id
    }

    fn missing(_: &str) -> GatewayError {
        GatewayError::NotFound("Invalid Request Validator identifier specified".into())
    }
}

impl RequestValidatorRecord {
    /// Checks it beside all of its API.
    pub(crate) fn check(&self, all: &[Self]) -> Result<()> {
        if self.name.as_deref().is_some_and(|name| name.trim().is_empty()) {
            return Err(GatewayError::bad_request("Request Validator name cannot be blank"));
        }
        let same = |other: &Self| other.id != self.id && other.name.is_some() && other.name == self.name;
        if all.iter().any(same) {
            return Err(GatewayError::bad_request("Request Validator name must be unique"));
        }
        Ok(())
    }

    pub(crate) fn patch(&mut self, patch: &Patch) -> Result<()> {
        match (patch.verb, &patch.segments()[..]) {
            (PatchVerb::Replace, ["name"]) => self.name = Some(patch.text()),
            (PatchVerb::Replace, ["validateRequestBody"]) => self.validates_body = patch.boolean(),
            (PatchVerb::Replace, ["validateRequestParameters"]) => {
                self.validates_parameters = patch.boolean()
            }
            (PatchVerb::Replace, _) => {
                return Err(patch.none_of(&["/name", "/validateRequestParameters", "/validateRequestBody"]));
            }
            _ => return Err(patch.unsupported()),
        }
        Ok(())
    }

    pub(crate) fn shown(self) -> RequestValidator {
        RequestValidator {
            id: Some(self.id),
            name: self.name,
            validate_request_body: Some(self.validates_body),
            validate_request_parameters: Some(self.validates_parameters),
        }
    }
}
