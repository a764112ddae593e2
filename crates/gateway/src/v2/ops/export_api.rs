//! ExportApi: the OpenAPI definition of an HTTP API, as it is or as a stage runs it.

use api::apigatewayv2::{ExportApiInput, ExportApiOutput};
use base::Cx;

use crate::Gateway;
use crate::error::{GatewayError, Result};
use crate::parts::{self, Owner};
use crate::v2::deployment::SnapshotRecord;
use crate::v2::openapi::Definition;
use crate::v2::openapi::export::{EXPORT_VERSION, export};
use crate::v2::records::ApiRecord;
use crate::v2::stage::{DEFAULT_STAGE, StageRecord};
use crate::v2::{release, rows, view};
use crate::yaml;

pub(super) async fn run(gateway: &Gateway, cx: &Cx, input: ExportApiInput) -> Result<ExportApiOutput> {
    let invalid =
        |what: &str, given: &str| GatewayError::bad_request(format!("Invalid {what} specified: {given}"));
    if input.specification != "OAS30" {
        return Err(invalid("specification", &input.specification));
    }
    let as_yaml = match input.output_type.as_str() {
        "JSON" => false,
        "YAML" => true,
        other => return Err(invalid("output type", other)),
    };
    if let Some(version) = input.export_version.filter(|version| version != EXPORT_VERSION) {
        return Err(invalid("export version", &version));
    }
    let api = rows::read_api(&gateway.store, &cx.scope, &input.api_id).await?;
    if api.is_websocket() {
        return Err(GatewayError::bad_request("Only HTTP APIs can be exported"));
    }
    let endpoint = view::api(cx, api.clone()).api_endpoint.unwrap_or_default();
    let (definition, server) = match input.stage_name {
        None => (super::reimport_api::read(gateway, api).await?, endpoint),
        Some(stage) => {
            let definition = deployed(gateway, api, &stage).await?;
            let server = if stage == DEFAULT_STAGE { endpoint } else { format!("{endpoint}/{stage}") };
            (definition, server)
        }
    };
    let json = export(&definition, &server, input.include_extensions.unwrap_or(true));
    let text = if as_yaml { yaml::write(&json) } else { json.to_text() };
    Ok(ExportApiOutput { body: Some(text.into()) })
}

/// What a stage runs.
async fn deployed(gateway: &Gateway, api: ApiRecord, stage: &str) -> Result<Definition> {
    let (store, owner) = (&gateway.store, Owner::V2(&api));
    let stage: StageRecord = parts::read(store, owner, stage).await?;
    let change = release::last_change(store, &api).await?;
    let snapshot = release::running(store, &api, &stage, change.as_ref()).await?;
    let snapshot = snapshot.ok_or_else(GatewayError::no_deployment)?;
    let SnapshotRecord { routes, integrations, authorizers, .. } = snapshot;
    Ok(Definition { api, routes, integrations, authorizers })
}
