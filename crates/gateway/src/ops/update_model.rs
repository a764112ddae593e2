//! UpdateModel: its description and its schema.

use api::apigateway::{UpdateModelInput, UpdateModelOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::parts::{self, Owner, Part};
use crate::patch::Patch;
use crate::rest::definition::Parts;
use crate::rest::model::ModelRecord;

pub(super) async fn run(gateway: &Gateway, cx: &Cx, input: UpdateModelInput) -> Result<UpdateModelOutput> {
    let patches = Patch::parse(input.patch_operations)?;
    let api = super::get_model::api_of_model(gateway, cx, &input.rest_api_id, &input.model_name).await?;
    let known = Parts::read(&gateway.store, &api).await?;
    let edit = |found: Option<ModelRecord>| {
        let found = ModelRecord::current(found, api.row, &input.model_name);
        let mut model = found.ok_or_else(|| ModelRecord::missing(&input.model_name))?;
        patches.iter().try_for_each(|patch| model.patch(patch))?;
        model.check()?;
        known.check_references(&model)?;
        Ok((Some(model.clone()), model))
    };
    Ok(parts::change(&gateway.store, Owner::Api(&api), &input.model_name, edit).await?.shown())
}
