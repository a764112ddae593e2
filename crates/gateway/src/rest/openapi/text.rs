//! The text of an API definition, JSON or YAML, as a tree.

use bytes::Bytes;

use crate::error::{GatewayError, Result};
use crate::json::{Bounds, Json};
use crate::yaml;

/// AWS's quota of a definition.
const BYTES_MAX: usize = 6 << 20;
const BOUNDS: Bounds = Bounds { depth_max: 100, values_max: 500_000 };

/// Beside the runtime: a large definition takes its time.
pub(crate) async fn parse(body: Bytes) -> Result<Json<'static>> {
    let parsed = tokio::task::spawn_blocking(move || read(&body)).await;
    parsed.map_err(|error| GatewayError::Damaged(error.to_string()))?
}

pub(crate) fn read(body: &[u8]) -> Result<Json<'static>> {
    if body.len() > BYTES_MAX {
        return Err(GatewayError::bad_request(format!("The definition is larger than {BYTES_MAX} bytes")));
    }
    let bad = || GatewayError::bad_request("Invalid OpenAPI input.");
    let text = std::str::from_utf8(body).map_err(|_| bad())?;
    let json = if text.trim_start().starts_with('{') {
        match Json::parse(body, BOUNDS) {
            Ok(json) => json.into_owned(),
            // YAML in braces is no JSON.
            Err(_) => yaml::parse(text, BOUNDS).map_err(|_| bad())?,
        }
    } else {
        yaml::parse(text, BOUNDS).map_err(|_| bad())?
    };
    if json.as_object().is_some() { Ok(json) } else { Err(bad()) }
}
