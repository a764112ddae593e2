//! UpdateMethodResponse.

use api::apigateway::{UpdateMethodResponseInput, UpdateMethodResponseOutput};
use base::Cx;

use crate::Gateway;
use crate::error::{GatewayError, Result};
use crate::patch::Patch;
use crate::rest::definition::Parts;
use crate::rest::method;
use crate::rest::records::MethodResponseRecord;
use crate::rest::rows::{self, MethodAt};
use crate::rest::view;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: UpdateMethodResponseInput,
) -> Result<UpdateMethodResponseOutput> {
    let patches = Patch::parse(input.patch_operations)?;
    let at = MethodAt {
        api_id: &input.rest_api_id,
        resource_id: &input.resource_id,
        http_method: &input.http_method,
    };
    let api = at.api(&gateway.store, &cx.scope).await?;
    let parts = Parts::read(&gateway.store, &api).await?;
    let updated = rows::edit_method(&gateway.store, &cx.scope, at, |method| {
        let response = method.responses.get_mut(&input.status_code).ok_or_else(GatewayError::no_response)?;
        patches.iter().try_for_each(|patch| apply(response, patch))?;
        method::check_response(response, &parts)?;
        Ok(response.clone())
    });
    Ok(view::method_response(updated.await?))
}

fn apply(response: &mut MethodResponseRecord, patch: &Patch) -> Result<()> {
    match patch.segments()[..] {
        ["responseParameters", name] => patch.flag(&mut response.response_parameters, name),
        ["responseModels", media_type] => patch.entry(&mut response.response_models, media_type),
        _ => Err(patch.unknown()),
    }
}
