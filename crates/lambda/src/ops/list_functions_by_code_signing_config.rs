//! ListFunctionsByCodeSigningConfig: their ARNs.

use api::lambda::{ListFunctionsByCodeSigningConfigInput, ListFunctionsByCodeSigningConfigOutput};
use base::{Cx, Scope};
use wire::Failure;

use crate::Lambda;
use crate::paging::Paging;

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: ListFunctionsByCodeSigningConfigInput,
) -> Result<ListFunctionsByCodeSigningConfigOutput, Failure> {
    let config = lambda.signing_config(&cx.scope, &input.code_signing_config_arn).await?;
    let paging = Paging { marker: input.marker.as_deref(), max_items: input.max_items, page_max: 50 };
    let (page, next_marker) = paging.page(signed(lambda, &cx.scope, &config.arn), String::clone)?;
    Ok(ListFunctionsByCodeSigningConfigOutput { next_marker, function_arns: Some(page) })
}

/// The functions that have this configuration.
pub(super) fn signed(lambda: &Lambda, scope: &Scope, config: &str) -> Vec<String> {
    let functions = lambda.catalogue.list(scope);
    let signed = functions.iter().filter(|function| function.code_signing.as_deref() == Some(config));
    signed.map(|function| function.arn()).collect()
}
