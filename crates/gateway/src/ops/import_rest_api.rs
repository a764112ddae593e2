//! ImportRestApi: a new API out of a definition.

use api::apigateway::{CreateRestApiInput, ImportRestApiInput, ImportRestApiOutput};
use base::Cx;

use crate::Gateway;
use crate::error::{GatewayError, Result};
use crate::rest::definition::Definition;
use crate::rest::openapi::complaints::refuse_warnings;
use crate::rest::openapi::document::Document;
use crate::rest::openapi::import::{ImportOptions, import};
use crate::rest::openapi::text;
use crate::rest::view;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: ImportRestApiInput,
) -> Result<ImportRestApiOutput> {
    let document = Document::new(text::parse(input.body).await?)?;
    let made = super::create_rest_api::record(gateway, cx, CreateRestApiInput::default())?;
    let options = ImportOptions { overwrite: true, parameters: input.parameters.as_ref() };
    let (definition, warnings) = import(Definition::empty(made), &document, options)?;
    refuse_warnings(input.fail_on_warnings, &warnings)?;
    if definition.api.name.is_empty() {
        return Err(GatewayError::bad_request("Invalid OpenAPI input."));
    }
    super::create_rest_api::write(gateway, &definition).await?;
    let mut shown = view::rest_api(definition.api);
    shown.warnings = (!warnings.is_empty()).then_some(warnings);
    Ok(shown)
}
