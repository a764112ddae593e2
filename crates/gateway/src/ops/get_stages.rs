//! GetStages: all, or those that run one deployment.

use api::apigateway::{GetStagesInput, GetStagesOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::rest::{rows, view};

pub(super) async fn run(gateway: &Gateway, cx: &Cx, input: GetStagesInput) -> Result<GetStagesOutput> {
    let api = rows::read_api(&gateway.store, &cx.scope, &input.rest_api_id).await?;
    let stages = rows::read_stages(&gateway.store, &api).await?.stages.into_values();
    let wanted = input.deployment_id.filter(|id| !id.is_empty());
    let stages = stages.filter(|stage| wanted.as_ref().is_none_or(|id| stage.deployment_id == *id));
    Ok(GetStagesOutput { item: Some(stages.map(view::stage).collect()) })
}
