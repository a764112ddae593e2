//! DeleteModel: not while a method or another model names it.

use api::apigateway::{DeleteModelInput, DeleteModelOutput};
use base::Cx;

use crate::Gateway;
use crate::error::{GatewayError, Result};
use crate::parts::{self, Owner, Part};
use crate::rest::definition;
use crate::rest::model::ModelRecord;
use crate::rest::records::MethodRecord;

pub(super) async fn run(gateway: &Gateway, cx: &Cx, input: DeleteModelInput) -> Result<DeleteModelOutput> {
    let name = input.model_name;
    let api = super::get_model::api_of_model(gateway, cx, &input.rest_api_id, &name).await?;
    let referenced =
        |by: String| GatewayError::conflict(format!("Cannot delete model '{name}', is referenced in {by}"));
    let in_request = |method: &MethodRecord| method.request_models.values().any(|model| *model == name);
    if let Some((path, method)) = definition::find_method(&gateway.store, &api, in_request).await? {
        return Err(referenced(format!("method request: {path}/{}", method.http_method)));
    }
    let in_response = |method: &MethodRecord| {
        let mut models = method.responses.values().flat_map(|response| response.response_models.values());
        models.any(|model| *model == name)
    };
    if let Some((path, method)) = definition::find_method(&gateway.store, &api, in_response).await? {
        return Err(referenced(format!("method response: {path}/{}", method.http_method)));
    }
    let models = definition::models(&gateway.store, &api).await?;
    let refers = |model: &&ModelRecord| model.name != name && model.references().contains(&name);
    if let Some(model) = models.iter().find(refers) {
        return Err(referenced(format!("model: {}", model.name)));
    }
    let delete = |found: Option<ModelRecord>| match ModelRecord::current(found, api.row, &name) {
        Some(_) => Ok((ModelRecord::tombstone(&name), ())),
        None => Err(ModelRecord::missing(&name)),
    };
    parts::change(&gateway.store, Owner::Api(&api), &name, delete).await?;
    Ok(DeleteModelOutput {})
}
