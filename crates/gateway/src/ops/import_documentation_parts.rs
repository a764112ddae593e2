//! ImportDocumentationParts: from an API definition; beside what is written already, or in place of it.

use api::apigateway::{ImportDocumentationPartsInput, ImportDocumentationPartsOutput, PutMode};
use base::Cx;
use store::Batch;

use crate::Gateway;
use crate::error::{GatewayError, Result};
use crate::parts::{self, Owner};
use crate::rest::documentation::DocumentationPartRecord;
use crate::rest::openapi::{documentation, text};
use crate::rest::rows;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: ImportDocumentationPartsInput,
) -> Result<ImportDocumentationPartsOutput> {
    let (new, warnings) = documentation::read(&text::parse(input.body).await?)?;
    if input.fail_on_warnings.unwrap_or_default() && !warnings.is_empty() {
        return Err(GatewayError::bad_request(format!(
            "Warnings found during import:\n\t{}",
            warnings.join("\n\t")
        )));
    }
    let api = rows::read_api(&gateway.store, &cx.scope, &input.rest_api_id).await?;
    let owner = Owner::Api(&api);
    let known = parts::all::<DocumentationPartRecord>(&gateway.store, owner).await?;
    let mut kept = if input.mode == Some(PutMode::Overwrite) { Vec::new() } else { known.clone() };
    let ids = documentation::merge(&mut kept, new);
    rows::edit(&gateway.store, &api, Vec::new(), |_, _| {
        let gone = known.iter().filter(|old| kept.iter().all(|part| part.id != old.id));
        let batch = gone.fold(Batch::new(), |batch, part| parts::remove(batch, owner, part));
        Ok((kept.iter().fold(batch, |batch, part| parts::put(batch, owner, part)), ()))
    })
    .await?;
    Ok(ImportDocumentationPartsOutput { ids: Some(ids), warnings: Some(warnings) })
}
