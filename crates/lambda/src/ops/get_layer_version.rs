//! GetLayerVersion: what a version of a layer says, and where to fetch its package.

use std::sync::Arc;

use api::lambda::{GetLayerVersionInput, GetLayerVersionOutput};
use base::Cx;
use wire::Failure;

use crate::layer::{LayerRef, LayerVersion, layer_arn};
use crate::layer_use::READ_LAYER;
use crate::{Lambda, error};

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: GetLayerVersionInput,
) -> Result<GetLayerVersionOutput, Failure> {
    let reference = layer(cx, &input.layer_name)?;
    let version = readable(lambda, cx, &reference, number(input.version_number)?)?;
    Ok(version.found(&cx.origin()))
}

/// The layer that a request names.
pub(super) fn layer<'a>(cx: &Cx, text: &'a str) -> Result<LayerRef<'a>, Failure> {
    LayerRef::parse(text, &cx.scope).ok_or_else(error::resource_not_found)
}

pub(super) fn number(number: i64) -> Result<u64, Failure> {
    let positive = u64::try_from(number).ok().filter(|number| *number > 0);
    positive.ok_or_else(|| error::invalid("Layer Version Cannot be less than 1"))
}

/// A version of the caller's own, or one that its owner lets the caller read.
pub(super) fn readable(
    lambda: &Lambda,
    cx: &Cx,
    layer: &LayerRef<'_>,
    number: u64,
) -> Result<Arc<LayerVersion>, Failure> {
    let found = lambda.layers.get(&layer.scope, layer.name, number);
    if layer.scope.account == cx.scope.account {
        return found.ok_or_else(error::resource_not_found);
    }
    found.filter(|version| version.policy.lets_account_in(&cx.scope.account)).ok_or_else(|| {
        let arn = format!("{}:{number}", layer_arn(&layer.scope, layer.name));
        error::access_denied(&cx.scope, READ_LAYER, &arn)
    })
}

/// A version that its owner changes; `named` is the layer as the request names it.
pub(super) fn own(lambda: &Lambda, layer: &LayerRef<'_>, number: i64) -> Result<Arc<LayerVersion>, Failure> {
    let found =
        u64::try_from(number).ok().and_then(|number| lambda.layers.get(&layer.scope, layer.name, number));
    found.ok_or_else(|| {
        let arn = layer_arn(&layer.scope, layer.name);
        error::not_found(format!("Layer version {arn}:{number} does not exist."))
    })
}
