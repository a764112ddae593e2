//! GetRequestValidator.

use api::apigateway::{GetRequestValidatorInput, GetRequestValidatorOutput};
use base::Cx;

use crate::Gateway;
use crate::error::{GatewayError, Result};
use crate::parts::{self, Owner, Part};
use crate::rest::records::ApiRecord;
use crate::rest::request_validator::RequestValidatorRecord;
use crate::rest::rows;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: GetRequestValidatorInput,
) -> Result<GetRequestValidatorOutput> {
    let api = api_of_validator(gateway, cx, &input.rest_api_id, &input.request_validator_id).await?;
    let id = &input.request_validator_id;
    Ok(parts::read::<RequestValidatorRecord>(&gateway.store, Owner::Api(&api), id).await?.shown())
}

/// The API of a validator; when there is none AWS says that the validator is not there.
pub(super) async fn api_of_validator(
    gateway: &Gateway,
    cx: &Cx,
    api_id: &str,
    id: &str,
) -> Result<ApiRecord> {
    let api = rows::read_api(&gateway.store, &cx.scope, api_id).await;
    api.map_err(|error| match error {
        GatewayError::NotFound(_) => RequestValidatorRecord::missing(id),
        other => other,
    })
}
