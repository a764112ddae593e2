//! GetAuthorizers: by their ids.

use api::apigatewayv2::{GetAuthorizersInput, GetAuthorizersOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::paging::PageRequest;
use crate::parts::{self, Owner};
use crate::v2::authorizer::AuthorizerRecord;
use crate::v2::rows;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: GetAuthorizersInput,
) -> Result<GetAuthorizersOutput> {
    let api = rows::read_api(&gateway.store, &cx.scope, &input.api_id).await?;
    let page = PageRequest::of_token(input.next_token.as_deref(), input.max_results.as_deref())?;
    let (found, next_token) = parts::page(&gateway.store, Owner::V2(&api), &page).await?;
    let shown = found.into_iter().map(|found: AuthorizerRecord| found.shown(api.is_websocket()));
    Ok(GetAuthorizersOutput { items: Some(shown.collect()), next_token })
}
