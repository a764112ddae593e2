//! ListFunctionUrlConfigs: of a function and of its aliases.

use api::lambda::{ListFunctionUrlConfigsInput, ListFunctionUrlConfigsOutput};
use base::Cx;
use wire::Failure;

use super::named;
use crate::paging::Paging;
use crate::{Lambda, error};

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: ListFunctionUrlConfigsInput,
) -> Result<ListFunctionUrlConfigsOutput, Failure> {
    let reference = named(cx, &input.function_name, None)?;
    let function = lambda.catalogue.get(&reference.scope, reference.name);
    let function = function.ok_or_else(|| error::not_found("Function does not exist"))?;
    let paging = Paging { marker: input.marker.as_deref(), max_items: input.max_items, page_max: 50 };
    // No key is empty, so that a marker after the function's own URL can be told from none.
    let (page, next_marker) = paging.page(&function.urls, |(qualifier, _)| format!(":{qualifier}"))?;
    let configs = page.into_iter().map(|(qualifier, config)| config.describe(cx, &function, qualifier));
    Ok(ListFunctionUrlConfigsOutput { function_url_configs: configs.collect(), next_marker })
}
