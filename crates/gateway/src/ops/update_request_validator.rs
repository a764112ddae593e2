//! UpdateRequestValidator.

use api::apigateway::{UpdateRequestValidatorInput, UpdateRequestValidatorOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::parts::{self, Owner};
use crate::patch::Patch;
use crate::rest::request_validator::RequestValidatorRecord;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: UpdateRequestValidatorInput,
) -> Result<UpdateRequestValidatorOutput> {
    let patches = Patch::parse(input.patch_operations)?;
    let id = &input.request_validator_id;
    let api = super::get_request_validator::api_of_validator(gateway, cx, &input.rest_api_id, id).await?;
    let owner = Owner::Api(&api);
    let all = parts::all::<RequestValidatorRecord>(&gateway.store, owner).await?;
    let apply = |validator: &mut RequestValidatorRecord| {
        patches.iter().try_for_each(|patch| validator.patch(patch))?;
        validator.check(&all)
    };
    Ok(parts::edit(&gateway.store, owner, id, apply).await?.shown())
}
