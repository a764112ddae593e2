//! CreateDocumentationPart.

use api::apigateway::{CreateDocumentationPartInput, CreateDocumentationPartOutput};
use base::{Cx, random_alphanumeric};

use crate::Gateway;
use crate::error::Result;
use crate::parts::{self, Owner};
use crate::rest::documentation::{DocumentationPartRecord, LocationRecord};
use crate::rest::{rows, view};

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: CreateDocumentationPartInput,
) -> Result<CreateDocumentationPartOutput> {
    let location = LocationRecord::new(input.location)?;
    let part = DocumentationPartRecord { id: random_alphanumeric(6), location, properties: input.properties };
    part.check()?;
    let api = rows::read_api(&gateway.store, &cx.scope, &input.rest_api_id).await?;
    let known = parts::all::<DocumentationPartRecord>(&gateway.store, Owner::Api(&api)).await?;
    if known.iter().any(|known| known.location == part.location) {
        return Err(part.taken());
    }
    let made = parts::create(&gateway.store, Owner::Api(&api), part.clone(), || part.taken()).await?;
    Ok(view::documentation_part(made))
}
