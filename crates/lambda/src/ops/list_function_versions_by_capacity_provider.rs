//! ListFunctionVersionsByCapacityProvider: the versions that name it.

use api::lambda::{
    FunctionVersionsByCapacityProviderListItem, ListFunctionVersionsByCapacityProviderInput,
    ListFunctionVersionsByCapacityProviderOutput, State,
};
use base::Cx;
use wire::Failure;

use crate::Lambda;
use crate::paging::Paging;

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: ListFunctionVersionsByCapacityProviderInput,
) -> Result<ListFunctionVersionsByCapacityProviderOutput, Failure> {
    let provider = lambda.capacity_provider(&cx.scope, &input.capacity_provider_name).await?;
    let paging = Paging { marker: input.marker.as_deref(), max_items: input.max_items, page_max: 50 };
    let mut versions = lambda.versions_on(&cx.scope, &provider.arn);
    versions.sort_unstable();
    let (page, next_marker) = paging.page(versions, String::clone)?;
    let item =
        |function_arn| FunctionVersionsByCapacityProviderListItem { function_arn, state: State::Active };
    Ok(ListFunctionVersionsByCapacityProviderOutput {
        capacity_provider_arn: provider.arn,
        function_versions: page.into_iter().map(item).collect(),
        next_marker,
    })
}
