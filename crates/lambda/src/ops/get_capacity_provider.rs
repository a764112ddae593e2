//! GetCapacityProvider.

use api::lambda::{CapacityProviderState, GetCapacityProviderInput, GetCapacityProviderOutput};
use base::Cx;
use wire::Failure;

use crate::Lambda;

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: GetCapacityProviderInput,
) -> Result<GetCapacityProviderOutput, Failure> {
    let provider = lambda.capacity_provider(&cx.scope, &input.capacity_provider_name).await?;
    Ok(GetCapacityProviderOutput { capacity_provider: provider.describe(CapacityProviderState::Active) })
}
