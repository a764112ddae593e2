//! GetStages: by their names.

use api::apigatewayv2::{GetStagesInput, GetStagesOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::paging::PageRequest;
use crate::parts::{self, Owner};
use crate::v2::rows;
use crate::v2::stage::StageRecord;

pub(super) async fn run(gateway: &Gateway, cx: &Cx, input: GetStagesInput) -> Result<GetStagesOutput> {
    let api = rows::read_api(&gateway.store, &cx.scope, &input.api_id).await?;
    let page = PageRequest::of_token(input.next_token.as_deref(), input.max_results.as_deref())?;
    let (found, next_token) = parts::page(&gateway.store, Owner::V2(&api), &page).await?;
    Ok(GetStagesOutput {
        items: Some(found.into_iter().map(|found: StageRecord| found.shown(api.is_websocket())).collect()),
        next_token,
    })
}
