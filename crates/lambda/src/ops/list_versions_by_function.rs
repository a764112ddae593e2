//! ListVersionsByFunction: `$LATEST` first, then the published versions as they came.

use std::sync::Arc;

use api::lambda::{ListVersionsByFunctionInput, ListVersionsByFunctionOutput};
use base::Cx;
use wire::Failure;

use super::{existing, named};
use crate::Lambda;
use crate::catalogue::Version;
use crate::function::listed;
use crate::paging::Paging;

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: ListVersionsByFunctionInput,
) -> Result<ListVersionsByFunctionOutput, Failure> {
    let reference = named(cx, &input.function_name, None)?;
    let function = existing(lambda, &reference)?;
    let paging = Paging { marker: input.marker.as_deref(), max_items: input.max_items, page_max: 50 };
    let (page, next_marker) =
        paging.page(function.all_versions(), |version| format!("{:020}", version.record.number))?;
    let describe = |version: &Arc<Version>| {
        listed(version.record.describe(&function.scope, &function.name, Some(&version.text)))
    };
    Ok(ListVersionsByFunctionOutput { next_marker, versions: Some(page.into_iter().map(describe).collect()) })
}
