//! What a method may be: its name, authorization, parameters and models, by AWS's rules. Pure; knows no store.

use std::collections::HashSet;

use crate::error::{GatewayError, Result};
use crate::rest::definition::Parts;
use crate::rest::mapping::response_header;
use crate::rest::records::{MethodRecord, MethodResponseRecord};
use crate::rest::route::Verb;

impl MethodRecord {
    /// Checks the whole method after it was put or edited.
    pub(crate) fn check(&self, parts: &Parts) -> Result<()> {
        if Verb::from_name(&self.http_method).is_none() {
            return Err(GatewayError::bad_request(
                "Invalid HttpMethod specified. Valid options are GET,PUT,POST,DELETE,PATCH,OPTIONS,HEAD,ANY",
            ));
        }
        self.check_authorization()?;
        if self.request_validator_id.as_ref().is_some_and(|id| !parts.has_validator(id)) {
            return Err(GatewayError::bad_request("Invalid Request Validator identifier specified"));
        }
        if let Some(model) = self.request_models.values().find(|model| !parts.has_model(model)) {
            return Err(GatewayError::bad_request(format!("Invalid model identifier specified: {model}")));
        }
        check_parameters(self.request_parameters.keys())
    }

    fn check_authorization(&self) -> Result<()> {
        match self.authorization_type.as_str() {
            "NONE" | "AWS_IAM" | "CUSTOM" | "COGNITO_USER_POOLS" | "JWT" => Ok(()),
            _ => Err(GatewayError::bad_request(
                "Invalid authorization type specified. Must be one of [NONE, AWS_IAM, CUSTOM, COGNITO_USER_POOLS, JWT]",
            )),
        }
    }
}

fn check_parameters<'a>(parameters: impl Iterator<Item = &'a String>) -> Result<()> {
    let mut names = HashSet::new();
    for parameter in parameters {
        let name = parameter.strip_prefix("method.request.").and_then(|rest| rest.split_once('.'));
        let known = ["querystring", "path", "header", "multivaluequerystring", "multivalueheader"];
        let Some((_, name)) = name.filter(|(kind, name)| known.contains(kind) && !name.is_empty()) else {
            return Err(GatewayError::bad_mapping(format_args!(
                "Invalid mapping expression specified: {parameter}"
            )));
        };
        if !names.insert(name) {
            return Err(GatewayError::bad_request(
                "Parameter names must be unique across querystring, header and path",
            ));
        }
    }
    Ok(())
}

/// Fails unless `status` is a status code that a response can have.
pub(crate) fn check_status(status: &str) -> Result<()> {
    let known = status.len() == 3 && matches!(status.as_bytes()[0], b'1'..=b'5');
    if known && status.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(());
    }
    Err(GatewayError::bad_request(format!("Invalid status code specified: {status}")))
}

/// Checks a method response after it was put or edited.
pub(crate) fn check_response(response: &MethodResponseRecord, parts: &Parts) -> Result<()> {
    check_status(&response.status_code)?;
    if let Some(target) = response.response_parameters.keys().find(|target| response_header(target).is_none())
    {
        return Err(GatewayError::bad_mapping(format_args!(
            "Invalid mapping expression specified: {target}"
        )));
    }
    if let Some(model) = response.response_models.values().find(|model| !parts.has_model(model)) {
        return Err(GatewayError::bad_request(format!("Invalid model identifier specified: {model}")));
    }
    Ok(())
}
