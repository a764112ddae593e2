//! GetRouteResponses: by their ids.

use api::apigatewayv2::{GetRouteResponsesInput, GetRouteResponsesOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::paging::PageRequest;
use crate::parts::{self, Owner};
use crate::v2::route::{RouteRecord, RouteResponseRecord};
use crate::v2::rows;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: GetRouteResponsesInput,
) -> Result<GetRouteResponsesOutput> {
    let api = rows::read_api(&gateway.store, &cx.scope, &input.api_id).await?;
    let page = PageRequest::of_token(input.next_token.as_deref(), input.max_results.as_deref())?;
    parts::read::<RouteRecord>(&gateway.store, Owner::V2(&api), &input.route_id).await?;
    let mut all: Vec<RouteResponseRecord> = parts::all(&gateway.store, Owner::V2(&api)).await?;
    all.retain(|response| response.is_of(&input.route_id));
    let (found, next_token) = page.cut(all, |response| response.id.as_bytes());
    let items = found.into_iter().map(RouteResponseRecord::shown).collect();
    Ok(GetRouteResponsesOutput { items: Some(items), next_token })
}
