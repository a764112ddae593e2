//! What an API's own settings may be and how they are patched, by AWS's rules. Pure; knows no store.

use std::collections::BTreeMap;

use api::apigateway::{ApiKeySourceType, EndpointAccessMode, EndpointType, IpAddressType, SecurityPolicy};

use base::random_alphanumeric;

use crate::error::{GatewayError, Result};
use crate::patch::{Patch, PatchVerb};
use crate::rest::records::ApiRecord;

const COMPRESSION_BYTES_MAX: i32 = 10_485_760;
const TAGS_MAX: usize = 50;
const CUSTOM_ID: &str = "_custom_id_";

impl ApiRecord {
    pub(crate) fn check(&self) -> Result<()> {
        if self.name.trim().is_empty() {
            return Err(GatewayError::bad_request("API name cannot be empty"));
        }
        if self.minimum_compression_size.is_some_and(|size| !(0..=COMPRESSION_BYTES_MAX).contains(&size)) {
            return Err(bad_compression());
        }
        Ok(())
    }

    /// Applies one operation.
    pub(crate) fn patch(&mut self, patch: &Patch) -> Result<()> {
        let removed = patch.verb == PatchVerb::Remove;
        match patch.segments()[..] {
            ["name"] => {
                patch.only_replace()?;
                self.name = patch.text();
            }
            ["description"] => self.description = patch.some_text().filter(|_| !removed),
            ["version"] => self.version = patch.some_text().filter(|_| !removed),
            ["policy"] => self.policy = patch.some_text().filter(|_| !removed),
            ["apiKeySource"] => {
                patch.only_replace()?;
                self.api_key_source = one_of(patch, ApiKeySourceType::as_str)?;
            }
            ["disableExecuteApiEndpoint"] => {
                patch.only_replace()?;
                self.disable_execute_api_endpoint = patch.boolean();
            }
            ["minimumCompressionSize"] => {
                patch.only_replace()?;
                let size = patch.some_text().map(|text| text.parse().map_err(|_| bad_compression()));
                self.minimum_compression_size = size.transpose()?;
            }
            ["securityPolicy"] => {
                patch.only_replace()?;
                self.security_policy = Some(one_of(patch, SecurityPolicy::as_str)?);
            }
            ["endpointAccessMode"] => {
                patch.only_replace()?;
                self.endpoint_access_mode = Some(one_of(patch, EndpointAccessMode::as_str)?);
            }
            ["binaryMediaTypes", media_type] => patch.member(&mut self.binary_media_types, media_type)?,
            ["endpointConfiguration", "types", _] => {
                patch.only_replace()?;
                self.endpoint_types = vec![one_of(patch, EndpointType::as_str)?];
            }
            ["endpointConfiguration", "ipAddressType"] => {
                patch.only_replace()?;
                self.ip_address_type = one_of(patch, IpAddressType::as_str)?;
            }
            ["endpointConfiguration", "vpcEndpointIds"] => {
                patch.member(&mut self.vpc_endpoint_ids, &patch.text())?;
            }
            _ => return Err(patch.unknown()),
        }
        Ok(())
    }
}

/// The value of a patch, if it is one of an enumeration's.
fn one_of<T: std::str::FromStr>(patch: &Patch, text: fn(T) -> &'static str) -> Result<String> {
    let value = patch.text();
    let parsed: std::result::Result<T, _> = value.parse();
    parsed.map(|parsed| text(parsed).to_owned()).map_err(|_| patch.bad_value())
}

fn bad_compression() -> GatewayError {
    GatewayError::bad_request("Invalid minimum compression size, must be between 0 and 10485760")
}

pub(crate) fn check_tags(tags: &BTreeMap<String, String>) -> Result<()> {
    if tags.len() > TAGS_MAX {
        return Err(GatewayError::limit(format!("A resource cannot have more than {TAGS_MAX} tags")));
    }
    for (key, value) in tags {
        if key.is_empty()
            || key.chars().count() > 128
            || value.chars().count() > 256
            || key.starts_with("aws:")
        {
            return Err(GatewayError::bad_request(format!("Invalid tag: {key}")));
        }
    }
    Ok(())
}

/// A new API's id: random, or what the tag `_custom_id_` says.
pub(crate) fn new_id(tags: &BTreeMap<String, String>) -> Result<String> {
    let Some(id) = tags.get(CUSTOM_ID) else { return Ok(random_alphanumeric(10)) };
    let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    if (1..=63).contains(&id.len()) && id.bytes().all(fits) {
        return Ok(id.clone());
    }
    let message = format!("The tag {CUSTOM_ID} must be a host name's label (a-z, 0-9, -; at most 63): {id}");
    Err(GatewayError::bad_request(message))
}
