//! DeleteRestApi: the API with all that belongs to it.

use api::apigateway::{DeleteRestApiInput, DeleteRestApiOutput};
use base::Cx;
use store::Batch;

use crate::Gateway;
use crate::domain::rows::check_unmapped;
use crate::error::Result;
use crate::rest::{rows, subscription};

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: DeleteRestApiInput,
) -> Result<DeleteRestApiOutput> {
    let api = rows::read_api(&gateway.store, &cx.scope, &input.rest_api_id).await?;
    let words = |domains: &str| {
        format!(
            "Deleting RestApi {} failed. Please remove all base path mappings related to the RestApi in your domains: \
             {domains}",
            api.id
        )
    };
    let check = || check_unmapped(&gateway.store, &cx.scope, (&api.id, None), &words);
    let keys = vec![rows::api_key(&api.id), rows::tree_key(api.row), rows::stages_key(api.row)];
    rows::delete_unnamed(&gateway.store, keys.clone(), check, |found| {
        let api = rows::same_api(found[0].as_ref(), &api)?;
        Ok(keys
            .iter()
            .fold(Batch::new().delete(rows::scope_key(&api)), |batch, key| batch.delete(key.clone())))
    })
    .await?;
    gateway.live.forget(&api.id);
    gateway.caches.flush(&api.id, None);
    subscription::forget_stages(gateway, &cx.scope, &api.id, None).await?;
    // From here on nothing leads to the rest; a crash leaves rows that nobody reads.
    for range in rows::leftovers(api.row) {
        gateway.store.delete_range(range).await?;
    }
    Ok(DeleteRestApiOutput {})
}
