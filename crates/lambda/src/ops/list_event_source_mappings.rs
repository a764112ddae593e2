//! ListEventSourceMappings: all, or those of one function or one stream.

use std::sync::Arc;

use api::lambda::{ListEventSourceMappingsInput, ListEventSourceMappingsOutput};
use base::Cx;
use wire::Failure;

use super::named;
use crate::Lambda;
use crate::mapping::Live;
use crate::paging::Paging;

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: ListEventSourceMappingsInput,
) -> Result<ListEventSourceMappingsOutput, Failure> {
    let function = match &input.function_name {
        Some(name) => Some(named(cx, name, None)?),
        None => None,
    };
    let wanted = |live: &Arc<Live>| {
        let mapping = &live.mapping;
        let of_function = function.as_ref().is_none_or(|wanted| {
            wanted.name == mapping.function
                && wanted.qualifier.is_none_or(|qualifier| mapping.qualifier.as_deref() == Some(qualifier))
        });
        of_function && input.event_source_arn.as_ref().is_none_or(|arn| *arn == mapping.source_arn)
    };
    let mappings = lambda.mappings.list(&cx.scope).into_iter().filter(wanted);
    let paging = Paging { marker: input.marker.as_deref(), max_items: input.max_items, page_max: 100 };
    let (page, next_marker) = paging.page(mappings, |live| live.mapping.uuid.clone())?;
    let event_source_mappings = Some(page.iter().map(|live| live.describe()).collect());
    Ok(ListEventSourceMappingsOutput { next_marker, event_source_mappings })
}
