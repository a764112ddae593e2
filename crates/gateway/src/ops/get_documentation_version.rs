//! GetDocumentationVersion.

use api::apigateway::{GetDocumentationVersionInput, GetDocumentationVersionOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::parts::{self, Owner};
use crate::rest::documentation_version::DocumentationVersionRecord;
use crate::rest::rows;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: GetDocumentationVersionInput,
) -> Result<GetDocumentationVersionOutput> {
    let api = rows::read_api(&gateway.store, &cx.scope, &input.rest_api_id).await?;
    let (owner, version) = (Owner::Api(&api), &input.documentation_version);
    Ok(parts::read::<DocumentationVersionRecord>(&gateway.store, owner, version).await?.shown())
}
