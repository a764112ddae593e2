//! DeleteDocumentationVersion.

use api::apigateway::{DeleteDocumentationVersionInput, DeleteDocumentationVersionOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::parts::{self, Owner};
use crate::rest::documentation_version::DocumentationVersionRecord;
use crate::rest::rows;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: DeleteDocumentationVersionInput,
) -> Result<DeleteDocumentationVersionOutput> {
    let api = rows::read_api(&gateway.store, &cx.scope, &input.rest_api_id).await?;
    let id = &input.documentation_version;
    parts::delete::<DocumentationVersionRecord>(&gateway.store, Owner::Api(&api), id).await?;
    Ok(DeleteDocumentationVersionOutput {})
}
