//! CreateRequestValidator.

use api::apigateway::{CreateRequestValidatorInput, CreateRequestValidatorOutput};
use base::{Cx, random_alphanumeric};

use crate::Gateway;
use crate::error::{GatewayError, Result};
use crate::parts::{self, Owner};
use crate::rest::request_validator::RequestValidatorRecord;
use crate::rest::rows;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: CreateRequestValidatorInput,
) -> Result<CreateRequestValidatorOutput> {
    let api = rows::read_api(&gateway.store, &cx.scope, &input.rest_api_id).await;
    let api = api.map_err(|error| match error {
        GatewayError::NotFound(_) => GatewayError::bad_request("Invalid REST API identifier specified"),
        other => other,
    })?;
    let validator = RequestValidatorRecord {
        id: random_alphanumeric(6),
        name: input.name,
        validates_body: input.validate_request_body.unwrap_or_default(),
        validates_parameters: input.validate_request_parameters.unwrap_or_default(),
    };
    let owner = Owner::Api(&api);
    validator.check(&parts::all(&gateway.store, owner).await?)?;
    let taken = || GatewayError::conflict("Request Validator already exists");
    Ok(parts::create(&gateway.store, owner, validator, taken).await?.shown())
}
