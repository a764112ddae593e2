//! UpdateRestApi.

use api::apigateway::{UpdateRestApiInput, UpdateRestApiOutput};
use base::Cx;
use store::Batch;

use crate::Gateway;
use crate::error::Result;
use crate::patch::Patch;
use crate::rest::{rows, view};

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: UpdateRestApiInput,
) -> Result<UpdateRestApiOutput> {
    let patches = Patch::parse(input.patch_operations)?;
    let api = rows::read_api(&gateway.store, &cx.scope, &input.rest_api_id).await?;
    let key = rows::api_key(&api.id);
    let updated = rows::edit(&gateway.store, &api, Vec::new(), |mut api, _| {
        patches.iter().try_for_each(|patch| api.patch(patch))?;
        api.check()?;
        Ok((Batch::new().put(key.clone(), rows::encode(&api)), api))
    })
    .await?;
    gateway.live.forget(&updated.id);
    let mut shown = view::rest_api(updated);
    // Unlike the other operations, this one answers tags that are not there.
    shown.tags.get_or_insert_default();
    Ok(shown)
}
