//! GetModelTemplate: a mapping template that makes what a model describes.

use api::apigatewayv2::{GetModelTemplateInput, GetModelTemplateOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::parts::{self, Owner};
use crate::rest::model_template;
use crate::v2::model::ModelRecord;
use crate::v2::rows;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: GetModelTemplateInput,
) -> Result<GetModelTemplateOutput> {
    let api = rows::read_api(&gateway.store, &cx.scope, &input.api_id).await?;
    let model: ModelRecord = parts::read(&gateway.store, Owner::V2(&api), &input.model_id).await?;
    let all: Vec<ModelRecord> = parts::all(&gateway.store, Owner::V2(&api)).await?;
    let all: Vec<_> = all.into_iter().map(|known| known.model).collect();
    Ok(GetModelTemplateOutput { value: Some(model_template::template(&model.model, &all)) })
}
