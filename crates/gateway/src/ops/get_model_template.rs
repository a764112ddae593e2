//! GetModelTemplate: a mapping template that makes what a model describes.

use api::apigateway::{GetModelTemplateInput, GetModelTemplateOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::parts::Part;
use crate::rest::model::ModelRecord;
use crate::rest::{definition, model_template};

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: GetModelTemplateInput,
) -> Result<GetModelTemplateOutput> {
    let api = super::get_model::api_of_model(gateway, cx, &input.rest_api_id, &input.model_name).await?;
    let all = definition::models(&gateway.store, &api).await?;
    let model = all.iter().find(|model| model.name == input.model_name);
    let model = model.ok_or_else(|| ModelRecord::missing(&input.model_name))?;
    Ok(GetModelTemplateOutput { value: Some(model_template::template(model, &all)) })
}
