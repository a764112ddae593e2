//! UpdateMethod.

use api::apigateway::{UpdateMethodInput, UpdateMethodOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::patch::{Patch, PatchVerb};
use crate::rest::definition::Parts;
use crate::rest::records::MethodRecord;
use crate::rest::rows::{self, MethodAt};
use crate::rest::view;

pub(super) async fn run(gateway: &Gateway, cx: &Cx, input: UpdateMethodInput) -> Result<UpdateMethodOutput> {
    let patches = Patch::parse(input.patch_operations)?;
    let at = MethodAt {
        api_id: &input.rest_api_id,
        resource_id: &input.resource_id,
        http_method: &input.http_method,
    };
    let api = at.api(&gateway.store, &cx.scope).await?;
    let parts = Parts::read(&gateway.store, &api).await?;
    let updated = rows::edit_method(&gateway.store, &cx.scope, at, |method| {
        patches.iter().try_for_each(|patch| apply(method, patch))?;
        method.check(&parts)?;
        method.settle_authorizer(&parts.authorizers)?;
        Ok(method.clone())
    });
    Ok(view::method(updated.await?))
}

fn apply(method: &mut MethodRecord, patch: &Patch) -> Result<()> {
    match patch.segments()[..] {
        ["requestParameters", name] => return patch.flag(&mut method.request_parameters, name),
        ["requestModels", media_type] => return patch.entry(&mut method.request_models, media_type),
        ["authorizationScopes"] => return patch.member(&mut method.authorization_scopes, &patch.text()),
        ["authorizationType"] => {
            patch.only_replace()?;
            method.authorization_type = patch.text();
        }
        ["authorizerId"] => {
            method.authorizer_id = patch.some_text().filter(|_| patch.verb != PatchVerb::Remove);
        }
        ["apiKeyRequired"] => {
            patch.only_replace()?;
            method.api_key_required = patch.boolean();
        }
        ["requestValidatorId"] => {
            method.request_validator_id = patch.some_text().filter(|_| patch.verb != PatchVerb::Remove);
        }
        ["operationName"] => {
            method.operation_name = patch.some_text().filter(|_| patch.verb != PatchVerb::Remove);
        }
        _ => return Err(patch.unknown()),
    }
    Ok(())
}
