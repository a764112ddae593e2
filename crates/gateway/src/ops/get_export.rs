//! GetExport: the definition of what a stage runs.

use api::apigateway::{GetExportInput, GetExportOutput};
use base::Cx;

use crate::Gateway;
use crate::error::{GatewayError, Result};
use crate::parts::{self, Owner};
use crate::rest::documentation_version::DocumentationVersionRecord;
use crate::rest::openapi::document::Version;
use crate::rest::openapi::export::{Deployed, Extensions, date, export};
use crate::rest::rows;
use crate::yaml;

pub(super) async fn run(gateway: &Gateway, cx: &Cx, input: GetExportInput) -> Result<GetExportOutput> {
    let version = match input.export_type.as_str() {
        "swagger" => Version::Swagger2,
        "oas30" => Version::OpenApi3,
        other => {
            let text = format!("No API exporter for type '{other}'");
            return Err(GatewayError::bad_request(text));
        }
    };
    let asked = input.parameters.as_ref().and_then(|parameters| parameters.get("extensions"));
    let extensions = Extensions::parse(asked.map_or("", String::as_str));
    let extensions = extensions.ok_or_else(|| GatewayError::bad_request("Invalid extensions specified"))?;
    let as_yaml = match input.accepts.as_deref().unwrap_or("application/json") {
        "application/json" | "" | "*/*" => false,
        "application/yaml" => true,
        other => return Err(GatewayError::bad_request(format!("Invalid accept header specified: {other}"))),
    };
    let (api, stage, snapshot) =
        rows::read_deployed(&gateway.store, &cx.scope, &input.rest_api_id, &input.stage_name).await?;
    let documentation = match &stage.documentation_version {
        Some(id) => parts::find::<DocumentationVersionRecord>(&gateway.store, Owner::Api(&api), id).await?,
        None => None,
    };
    let deployed = Deployed {
        api: &api,
        stage: &stage.name,
        snapshot: &snapshot,
        documentation: documentation.as_ref(),
    };
    let json = export(&deployed, version, extensions);
    let text = if as_yaml { yaml::write(&json) } else { json.to_text() };
    let now = date(gateway.clock.now().as_millis());
    let (kind, end) = (&input.export_type, if as_yaml { "yaml" } else { "json" });
    Ok(GetExportOutput {
        content_type: Some("application/octet-stream".to_owned()),
        content_disposition: Some(format!("attachment; filename=\"{kind}_{}.{end}\"", now.replace(':', "-"))),
        body: Some(text.into()),
    })
}
