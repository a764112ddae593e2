//! ListLayerVersions: those that fit, the latest first. A layer that is not there has none.

use std::sync::Arc;

use api::lambda::{ListLayerVersionsInput, ListLayerVersionsOutput};
use base::Cx;
use wire::Failure;

use super::get_layer_version::layer;
use crate::layer::{Fit, LayerVersion, layer_arn};
use crate::paging::Paging;
use crate::settings::check_compatible_runtime;
use crate::{Lambda, error};

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: ListLayerVersionsInput,
) -> Result<ListLayerVersionsOutput, Failure> {
    check_compatible_runtime(input.compatible_runtime.as_deref())?;
    let reference = layer(cx, &input.layer_name)?;
    if reference.scope.account != cx.scope.account {
        let arn = layer_arn(&reference.scope, reference.name);
        return Err(error::access_denied(&cx.scope, "lambda:ListLayerVersions", &arn));
    }
    let fit = Fit { runtime: input.compatible_runtime, architecture: input.compatible_architecture };
    let all = lambda.layers.of(&reference.scope, reference.name);
    let fitting = all.into_iter().rev().filter(|version| version.fits(&fit));
    let paging = Paging { marker: input.marker.as_deref(), max_items: input.max_items, page_max: 50 };
    // The key falls as the number rises.
    let (page, next_marker) = paging.page(fitting, |version| format!("{:020}", u64::MAX - version.number))?;
    let item = |version: Arc<LayerVersion>| version.listed();
    Ok(ListLayerVersionsOutput { next_marker, layer_versions: Some(page.into_iter().map(item).collect()) })
}
