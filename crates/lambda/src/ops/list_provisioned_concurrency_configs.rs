//! ListProvisionedConcurrencyConfigs: of one function, by qualifier.

use api::lambda::{
    ListProvisionedConcurrencyConfigsInput, ListProvisionedConcurrencyConfigsOutput,
    ProvisionedConcurrencyConfigListItem,
};
use base::{Cx, Timestamp};
use wire::Failure;

use super::{existing, get_provisioned_concurrency_config as get, named};
use crate::Lambda;
use crate::paging::Paging;
use crate::provision::Provisioned;

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: ListProvisionedConcurrencyConfigsInput,
) -> Result<ListProvisionedConcurrencyConfigsOutput, Failure> {
    let reference = named(cx, &input.function_name, None)?;
    let function = existing(lambda, &reference)?;
    let paging = Paging { marker: input.marker.as_deref(), max_items: input.max_items, page_max: 50 };
    let (page, next_marker) =
        paging.page(function.provisioned.iter(), |(qualifier, _)| (*qualifier).clone())?;
    let describe = |(qualifier, provisioned): (&String, &Provisioned)| {
        let progress = function.progress(qualifier);
        let allocated = i32::try_from(progress.allocated).ok();
        ProvisionedConcurrencyConfigListItem {
            function_arn: Some(format!("{}:{qualifier}", function.arn())),
            requested_provisioned_concurrent_executions: i32::try_from(provisioned.count).ok(),
            available_provisioned_concurrent_executions: allocated,
            allocated_provisioned_concurrent_executions: allocated,
            status: Some(progress.status(provisioned.count)),
            status_reason: progress.failure.map(str::to_owned),
            last_modified: Some(get::time(Timestamp(provisioned.modified_ms))),
        }
    };
    let configs = page.into_iter().map(describe).collect();
    Ok(ListProvisionedConcurrencyConfigsOutput {
        provisioned_concurrency_configs: Some(configs),
        next_marker,
    })
}
