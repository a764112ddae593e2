//! GetModels: by their ids.

use api::apigatewayv2::{GetModelsInput, GetModelsOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::paging::PageRequest;
use crate::parts::{self, Owner};
use crate::v2::model::ModelRecord;
use crate::v2::rows;

pub(super) async fn run(gateway: &Gateway, cx: &Cx, input: GetModelsInput) -> Result<GetModelsOutput> {
    let api = rows::read_api(&gateway.store, &cx.scope, &input.api_id).await?;
    let page = PageRequest::of_token(input.next_token.as_deref(), input.max_results.as_deref())?;
    let (found, next_token) = parts::page(&gateway.store, Owner::V2(&api), &page).await?;
    Ok(GetModelsOutput { items: Some(found.into_iter().map(ModelRecord::shown).collect()), next_token })
}
