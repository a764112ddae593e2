//! UpdateAuthorizer. Stages go on with what was deployed.

use api::apigateway::{UpdateAuthorizerInput, UpdateAuthorizerOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::parts::{self, Owner};
use crate::patch::Patch;
use crate::rest::authorizer::AuthorizerRecord;
use crate::rest::{rows, view};

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: UpdateAuthorizerInput,
) -> Result<UpdateAuthorizerOutput> {
    let patches = Patch::parse(input.patch_operations)?;
    let api = rows::read_api(&gateway.store, &cx.scope, &input.rest_api_id).await?;
    let known = parts::all::<AuthorizerRecord>(&gateway.store, Owner::Api(&api)).await?;
    let apply = |authorizer: &mut AuthorizerRecord| {
        patches.iter().try_for_each(|patch| authorizer.patch(patch))?;
        authorizer.check()?;
        authorizer.check_name(&known)
    };
    let authorizer = parts::edit(&gateway.store, Owner::Api(&api), &input.authorizer_id, apply).await?;
    Ok(view::authorizer(authorizer))
}
