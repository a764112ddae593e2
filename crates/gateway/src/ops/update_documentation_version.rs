//! UpdateDocumentationVersion: its description.

use api::apigateway::{UpdateDocumentationVersionInput, UpdateDocumentationVersionOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::parts::{self, Owner};
use crate::patch::Patch;
use crate::rest::documentation_version::DocumentationVersionRecord;
use crate::rest::rows;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: UpdateDocumentationVersionInput,
) -> Result<UpdateDocumentationVersionOutput> {
    let patches = Patch::parse(input.patch_operations)?;
    let api = rows::read_api(&gateway.store, &cx.scope, &input.rest_api_id).await?;
    let apply =
        |version: &mut DocumentationVersionRecord| patches.iter().try_for_each(|patch| version.patch(patch));
    let id = &input.documentation_version;
    Ok(parts::edit(&gateway.store, Owner::Api(&api), id, apply).await?.shown())
}
