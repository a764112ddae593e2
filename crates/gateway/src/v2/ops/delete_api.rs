//! DeleteApi: the API with all that belongs to it.

use api::apigatewayv2::{DeleteApiInput, DeleteApiOutput};
use base::Cx;

use crate::Gateway;
use crate::domain::rows::check_unmapped;
use crate::error::Result;
use crate::v2::rows;

pub(super) async fn run(gateway: &Gateway, cx: &Cx, input: DeleteApiInput) -> Result<DeleteApiOutput> {
    let api = rows::read_api(&gateway.store, &cx.scope, &input.api_id).await?;
    let words = |_: &str| {
        format!(
            "Deleting API {} failed. Please remove all API mappings for the API from your custom domain names.",
            api.id
        )
    };
    let check = || check_unmapped(&gateway.store, &cx.scope, (&api.id, None), &words);
    rows::delete_api(&gateway.store, &api, check).await?;
    gateway.forget_v2(&api.id);
    Ok(DeleteApiOutput {})
}
