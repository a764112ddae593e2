//! ListFunctionEventInvokeConfigs: those of all qualifiers of a function.

use api::lambda::{ListFunctionEventInvokeConfigsInput, ListFunctionEventInvokeConfigsOutput};
use base::Cx;
use wire::Failure;

use super::named;
use crate::paging::Paging;
use crate::{Lambda, error};

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: ListFunctionEventInvokeConfigsInput,
) -> Result<ListFunctionEventInvokeConfigsOutput, Failure> {
    let reference = named(cx, &input.function_name, None)?;
    let function = lambda.catalogue.get(&reference.scope, reference.name);
    let function = function.ok_or_else(|| error::not_found("The function doesn't exist."))?;
    let paging = Paging { marker: input.marker.as_deref(), max_items: input.max_items, page_max: 50 };
    let (page, next_marker) = paging.page(&function.event_configs, |(place, _)| (*place).clone())?;
    let configs =
        page.into_iter().map(|(place, config)| config.describe(format!("{}:{place}", reference.arn())));
    Ok(ListFunctionEventInvokeConfigsOutput {
        function_event_invoke_configs: Some(configs.collect()),
        next_marker,
    })
}
