//! GetModels.

use api::apigateway::{GetModelsInput, GetModelsOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::paging::PageRequest;
use crate::rest::model::ModelRecord;
use crate::rest::{definition, rows};

pub(super) async fn run(gateway: &Gateway, cx: &Cx, input: GetModelsInput) -> Result<GetModelsOutput> {
    let page = PageRequest::new(input.position.as_deref(), input.limit)?;
    let api = rows::read_api(&gateway.store, &cx.scope, &input.rest_api_id).await?;
    let all = definition::models(&gateway.store, &api).await?;
    let (models, position) = page.cut(all, |model| model.name.as_bytes());
    Ok(GetModelsOutput { position, items: Some(models.into_iter().map(ModelRecord::shown).collect()) })
}
