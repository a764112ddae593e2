//! UpdateAuthorizer: what is given takes the place of what was.

use api::apigatewayv2::{UpdateAuthorizerInput, UpdateAuthorizerOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::parts::{self, Owner};
use crate::v2::authorizer::AuthorizerRecord;
use crate::v2::release;
use crate::v2::rows;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: UpdateAuthorizerInput,
) -> Result<UpdateAuthorizerOutput> {
    let api = rows::read_api(&gateway.store, &cx.scope, &input.api_id).await?;
    let apply = |authorizer: &mut AuthorizerRecord| {
        authorizer.apply(input.clone());
        authorizer.check(api.is_websocket())
    };
    let edited = parts::edit(&gateway.store, Owner::V2(&api), &input.authorizer_id, apply).await?;
    release::changed(gateway, &api).await?;
    gateway.decisions.flush_api(&api.id);
    Ok(edited.shown(api.is_websocket()))
}
