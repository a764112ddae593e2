//! GetIntegrationResponses: by their ids.

use api::apigatewayv2::{GetIntegrationResponsesInput, GetIntegrationResponsesOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::paging::PageRequest;
use crate::parts::{self, Owner};
use crate::v2::integration::{IntegrationRecord, IntegrationResponseRecord};
use crate::v2::rows;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: GetIntegrationResponsesInput,
) -> Result<GetIntegrationResponsesOutput> {
    let api = rows::read_api(&gateway.store, &cx.scope, &input.api_id).await?;
    let page = PageRequest::of_token(input.next_token.as_deref(), input.max_results.as_deref())?;
    parts::read::<IntegrationRecord>(&gateway.store, Owner::V2(&api), &input.integration_id).await?;
    let mut all: Vec<IntegrationResponseRecord> = parts::all(&gateway.store, Owner::V2(&api)).await?;
    all.retain(|response| response.is_of(&input.integration_id));
    let (found, next_token) = page.cut(all, |response| response.id.as_bytes());
    let items = found.into_iter().map(IntegrationResponseRecord::shown).collect();
    Ok(GetIntegrationResponsesOutput { items: Some(items), next_token })
}
