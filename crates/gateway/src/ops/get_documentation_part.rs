//! GetDocumentationPart.

use api::apigateway::{GetDocumentationPartInput, GetDocumentationPartOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::parts::{self, Owner};
use crate::rest::{rows, view};

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: GetDocumentationPartInput,
) -> Result<GetDocumentationPartOutput> {
    let api = rows::read_api(&gateway.store, &cx.scope, &input.rest_api_id).await?;
    let part = parts::read(&gateway.store, Owner::Api(&api), &input.documentation_part_id).await?;
    Ok(view::documentation_part(part))
}
