//! ListCapacityProviders: by ARN; all that are there are active.

use api::lambda::{CapacityProviderState, ListCapacityProvidersInput, ListCapacityProvidersOutput};
use base::Cx;
use wire::Failure;

use crate::capacity::{CapacityProvider, arns};
use crate::paging::Paging;
use crate::{Lambda, error, keys};

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: ListCapacityProvidersInput,
) -> Result<ListCapacityProvidersOutput, Failure> {
    let all = lambda.registry.list::<CapacityProvider>(keys::capacity_provider(&arns(&cx.scope))).await;
    let mut all = all.map_err(|error| error::store(&error))?;
    if input.state.is_some_and(|state| state != CapacityProviderState::Active) {
        all.clear();
    }
    let paging = Paging { marker: input.marker.as_deref(), max_items: input.max_items, page_max: 50 };
    let (page, next_marker) = paging.page(all, |provider| provider.arn.clone())?;
    let describe = |provider: &CapacityProvider| provider.describe(CapacityProviderState::Active);
    Ok(ListCapacityProvidersOutput { capacity_providers: page.iter().map(describe).collect(), next_marker })
}
