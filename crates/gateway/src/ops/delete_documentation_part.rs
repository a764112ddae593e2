//! DeleteDocumentationPart.

use api::apigateway::{DeleteDocumentationPartInput, DeleteDocumentationPartOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::parts::{self, Owner};
use crate::rest::documentation::DocumentationPartRecord;
use crate::rest::rows;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: DeleteDocumentationPartInput,
) -> Result<DeleteDocumentationPartOutput> {
    let api = rows::read_api(&gateway.store, &cx.scope, &input.rest_api_id).await?;
    let id = &input.documentation_part_id;
    parts::delete::<DocumentationPartRecord>(&gateway.store, Owner::Api(&api), id).await?;
    Ok(DeleteDocumentationPartOutput {})
}
