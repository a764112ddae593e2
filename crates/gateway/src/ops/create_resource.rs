//! CreateResource.

use api::apigateway::{CreateResourceInput, CreateResourceOutput};
use base::{Cx, random_alphanumeric};

use crate::Gateway;
use crate::error::Result;
use crate::rest::{rows, view};

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: CreateResourceInput,
) -> Result<CreateResourceOutput> {
    let api = rows::read_api(&gateway.store, &cx.scope, &input.rest_api_id).await?;
    let id = random_alphanumeric(6);
    rows::edit_tree(&gateway.store, &api, |tree, batch| {
        // Six letters of a small alphabet may meet twice.
        let id = if tree.resources.contains_key(&id) { random_alphanumeric(10) } else { id.clone() };
        tree.insert(&id, &input.parent_id, &input.path_part)?;
        Ok((batch, view::resource(&id, tree, tree.node(&id)?, None)))
    })
    .await
}
