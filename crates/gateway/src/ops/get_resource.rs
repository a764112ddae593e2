//! GetResource.

use api::apigateway::{GetResourceInput, GetResourceOutput};
use base::Cx;

use super::get_resources::{embedded, wants_methods};
use crate::Gateway;
use crate::error::Result;
use crate::rest::records::Tree;
use crate::rest::rows::{self, MethodAt};
use crate::rest::view;

pub(super) async fn run(gateway: &Gateway, cx: &Cx, input: GetResourceInput) -> Result<GetResourceOutput> {
    let at = MethodAt { api_id: &input.rest_api_id, resource_id: &input.resource_id, http_method: "" };
    let api = at.api(&gateway.store, &cx.scope).await?;
    let tree: Tree = rows::read(&gateway.store, &rows::tree_key(api.row)).await?.unwrap_or_default();
    let node = tree.node(&input.resource_id)?;
    let methods = match wants_methods(input.embed.as_deref()) {
        true => Some(embedded(gateway, &api, &input.resource_id, node).await?),
        false => None,
    };
    Ok(view::resource(&input.resource_id, &tree, node, methods))
}
