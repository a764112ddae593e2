//! ImportApi: a new HTTP API out of an OpenAPI definition.

use api::apigatewayv2::{CreateApiInput, ImportApiInput, ImportApiOutput, ProtocolType};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::rest::openapi::complaints::refuse_warnings;
use crate::rest::openapi::document::Document;
use crate::rest::openapi::text;
use crate::v2::openapi::import::{BasePath, import};
use crate::v2::{rows, view};

pub(super) async fn run(gateway: &Gateway, cx: &Cx, input: ImportApiInput) -> Result<ImportApiOutput> {
    let base_path = BasePath::parse(input.basepath.as_deref())?;
    let document = Document::new(text::parse(input.body.into()).await?)?;
    let asked = CreateApiInput { protocol_type: ProtocolType::Http, ..CreateApiInput::default() };
    let imported = import(super::create_api::record(gateway, cx, asked)?, &document, base_path)?;
    refuse_warnings(input.fail_on_warnings, &imported.warnings)?;
    rows::create_defined(&gateway.store, &imported.definition).await?;
    Ok(view::imported(cx, imported))
}
