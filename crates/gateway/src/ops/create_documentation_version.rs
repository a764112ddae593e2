//! CreateDocumentationVersion: what is written of the API now, which a stage may then show.

use api::apigateway::{CreateDocumentationVersionInput, CreateDocumentationVersionOutput};
use base::Cx;

use crate::Gateway;
use crate::error::{GatewayError, Result};
use crate::parts::{self, Owner};
use crate::rest::documentation_version::DocumentationVersionRecord;
use crate::rest::records::Stages;
use crate::rest::rows;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: CreateDocumentationVersionInput,
) -> Result<CreateDocumentationVersionOutput> {
    if input.documentation_version.is_empty() {
        return Err(GatewayError::bad_request("Documentation version must be non-empty"));
    }
    let api = rows::read_api(&gateway.store, &cx.scope, &input.rest_api_id).await?;
    let stage = input.stage_name.filter(|name| !name.is_empty());
    if let Some(name) = &stage {
        rows::read_stages(&gateway.store, &api).await?.stage(name)?;
    }
    let owner = Owner::Api(&api);
    let version = DocumentationVersionRecord {
        version: input.documentation_version,
        created_ms: gateway.clock.now().as_millis(),
        description: input.description.filter(|text| !text.is_empty()),
        parts: parts::all(&gateway.store, owner).await?,
    };
    let taken =
        || GatewayError::conflict(format!("Documentation version already exists: {}", version.version));
    parts::create(&gateway.store, owner, version.clone(), taken).await?;
    if let Some(name) = &stage {
        let point = |stages: &mut Stages| {
            stages.stage_mut(name)?.documentation_version = Some(version.version.clone());
            Ok(())
        };
        rows::edit_stages(&gateway.store, &api, point).await?;
    }
    Ok(version.shown())
}
