//! PutRestApi: an API becomes what a definition says, merged with what it was or in its place. Its stages go on with what
//! is deployed.

use api::apigateway::{PutMode, PutRestApiInput, PutRestApiOutput};
use base::Cx;
use store::Batch;

use crate::Gateway;
use crate::error::{GatewayError, Result};
use crate::rest::definition::Definition;
use crate::rest::openapi::complaints::refuse_warnings;
use crate::rest::openapi::document::Document;
use crate::rest::openapi::import::{ImportOptions, import};
use crate::rest::openapi::text;
use crate::rest::records::{ApiRecord, Tree};
use crate::rest::{rows, view};

/// How often the API may change between its reading and its writing before AWS's own complaint is given.
const ATTEMPTS_MAX: usize = 16;

pub(super) async fn run(gateway: &Gateway, cx: &Cx, input: PutRestApiInput) -> Result<PutRestApiOutput> {
    let document = Document::new(text::parse(input.body).await?)?;
    let overwrite = input.mode == Some(PutMode::Overwrite);
    let options = ImportOptions { overwrite, parameters: input.parameters.as_ref() };
    for _ in 0..ATTEMPTS_MAX {
        let api = rows::read_api(&gateway.store, &cx.scope, &input.rest_api_id).await?;
        let known = Definition::read(&gateway.store, api).await?;
        let (definition, warnings) = import(known.clone(), &document, options)?;
        refuse_warnings(input.fail_on_warnings, &warnings)?;
        if write(gateway, &known, &definition).await? {
            gateway.live.forget(&definition.api.id);
            let mut shown = view::rest_api(definition.api);
            shown.warnings = (!warnings.is_empty()).then_some(warnings);
            return Ok(shown);
        }
    }
    Err(GatewayError::conflict(
        "Unable to complete operation due to concurrent modification. Please try again later.",
    ))
}

/// False if the API has changed since it was read.
async fn write(gateway: &Gateway, known: &Definition, definition: &Definition) -> Result<bool> {
    let keys = vec![rows::tree_key(known.api.row)];
    rows::edit(&gateway.store, &known.api, keys, |api: ApiRecord, found| {
        let tree = rows::decode_row::<Tree>(found[0].as_ref())?.unwrap_or_default();
        if api != known.api || tree != known.tree {
            return Ok((Batch::new(), false));
        }
        let batch = Batch::new().put(rows::api_key(&api.id), rows::encode(&definition.api));
        Ok((definition.replace(known, batch), true))
    })
    .await
}
