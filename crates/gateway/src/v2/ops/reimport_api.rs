//! ReimportApi: an HTTP API becomes what a definition says, in the place of what it was. Its stages stay; those that deploy
//! themselves run it.

use api::apigatewayv2::{ReimportApiInput, ReimportApiOutput};
use base::Cx;

use crate::Gateway;
use crate::error::{GatewayError, Result};
use crate::parts::{self, Owner};
use crate::rest::openapi::complaints::refuse_warnings;
use crate::rest::openapi::document::Document;
use crate::rest::openapi::text;
use crate::v2::openapi::Definition;
use crate::v2::openapi::import::{BasePath, import};
use crate::v2::records::ApiRecord;
use crate::v2::{release, rows, view};

/// How often the API may change between its reading and its writing.
const ATTEMPTS_MAX: usize = 16;

pub(super) async fn run(gateway: &Gateway, cx: &Cx, input: ReimportApiInput) -> Result<ReimportApiOutput> {
    let base_path = BasePath::parse(input.basepath.as_deref())?;
    let document = Document::new(text::parse(input.body.into()).await?)?;
    for _ in 0..ATTEMPTS_MAX {
        let api = rows::read_api(&gateway.store, &cx.scope, &input.api_id).await?;
        if api.is_websocket() {
            return Err(GatewayError::bad_request("Only HTTP APIs can be imported"));
        }
        let imported = import(api.clone(), &document, base_path)?;
        refuse_warnings(input.fail_on_warnings, &imported.warnings)?;
        let known = read(gateway, api).await?;
        if rows::replace_defined(&gateway.store, &known, &imported.definition).await? {
            release::changed(gateway, &imported.definition.api).await?;
            return Ok(view::imported(cx, imported));
        }
    }
    Err(GatewayError::conflict(
        "Unable to complete operation due to concurrent modification. Please try again later.",
    ))
}

/// What an API is now.
pub(super) async fn read(gateway: &Gateway, api: ApiRecord) -> Result<Definition> {
    let (store, owner) = (&gateway.store, Owner::V2(&api));
    Ok(Definition {
        routes: parts::all(store, owner).await?,
        integrations: parts::all(store, owner).await?,
        authorizers: parts::all(store, owner).await?,
        api,
    })
}
