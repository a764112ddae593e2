//! UpdateResource: another name, another place.

use api::apigateway::{UpdateResourceInput, UpdateResourceOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::patch::{Patch, PatchVerb};
use crate::rest::records::Tree;
use crate::rest::rows::{self, MethodAt};
use crate::rest::view;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: UpdateResourceInput,
) -> Result<UpdateResourceOutput> {
    let patches = Patch::parse(input.patch_operations)?;
    let id = &input.resource_id;
    let at = MethodAt { api_id: &input.rest_api_id, resource_id: id, http_method: "" };
    let api = at.api(&gateway.store, &cx.scope).await?;
    rows::edit_tree(&gateway.store, &api, |tree, batch| {
        tree.node(id)?;
        patches.iter().try_for_each(|patch| apply(tree, id, patch))?;
        Ok((batch, view::resource(id, tree, tree.node(id)?, None)))
    })
    .await
}

fn apply(tree: &mut Tree, id: &str, patch: &Patch) -> Result<()> {
    if patch.verb != PatchVerb::Replace {
        return Err(patch.unsupported());
    }
    match patch.segments()[..] {
        ["pathPart"] => tree.rename(id, &patch.text()),
        ["parentId"] => tree.move_below(id, &patch.text()),
        _ => Err(patch.none_of(&["/parentId", "/pathPart"])),
    }
}
