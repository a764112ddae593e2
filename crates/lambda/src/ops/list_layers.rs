//! ListLayers: by name, each with the latest of its versions that fits.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::lambda::{LayersListItem, ListLayersInput, ListLayersOutput};
use base::Cx;
use wire::Failure;

use crate::Lambda;
use crate::layer::{Fit, LayerVersion, layer_arn};
use crate::paging::Paging;
use crate::settings::check_compatible_runtime;

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: ListLayersInput,
) -> Result<ListLayersOutput, Failure> {
    check_compatible_runtime(input.compatible_runtime.as_deref())?;
    let fit = Fit { runtime: input.compatible_runtime, architecture: input.compatible_architecture };
    let fitting = lambda.layers.list(&cx.scope).into_iter().filter(|version| version.fits(&fit));
    let latest: BTreeMap<String, Arc<LayerVersion>> =
        fitting.map(|version| (version.name.clone(), version)).collect();
    let paging = Paging { marker: input.marker.as_deref(), max_items: input.max_items, page_max: 50 };
    let (page, next_marker) = paging.page(latest, |(name, _)| name.clone())?;
    let item = |(name, version): (String, Arc<LayerVersion>)| LayersListItem {
        layer_arn: Some(layer_arn(&cx.scope, &name)),
        layer_name: Some(name),
        latest_matching_version: Some(version.listed()),
    };
    Ok(ListLayersOutput { next_marker, layers: Some(page.into_iter().map(item).collect()) })
}
