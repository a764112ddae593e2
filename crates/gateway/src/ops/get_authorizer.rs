//! GetAuthorizer.

use api::apigateway::{GetAuthorizerInput, GetAuthorizerOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::parts::{self, Owner};
use crate::rest::{rows, view};

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: GetAuthorizerInput,
) -> Result<GetAuthorizerOutput> {
    let api = rows::read_api(&gateway.store, &cx.scope, &input.rest_api_id).await?;
    let authorizer = parts::read(&gateway.store, Owner::Api(&api), &input.authorizer_id).await?;
    Ok(view::authorizer(authorizer))
}
