//! UpdateDocumentationPart: its properties; where it belongs never changes.

use api::apigateway::{UpdateDocumentationPartInput, UpdateDocumentationPartOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::parts::{self, Owner};
use crate::patch::Patch;
use crate::rest::documentation::DocumentationPartRecord;
use crate::rest::{rows, view};

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: UpdateDocumentationPartInput,
) -> Result<UpdateDocumentationPartOutput> {
    let patches = Patch::parse(input.patch_operations)?;
    let api = rows::read_api(&gateway.store, &cx.scope, &input.rest_api_id).await?;
    let apply = |part: &mut DocumentationPartRecord| {
        patches.iter().try_for_each(|patch| part.patch(patch))?;
        part.check()
    };
    let part = parts::edit(&gateway.store, Owner::Api(&api), &input.documentation_part_id, apply).await?;
    Ok(view::documentation_part(part))
}
