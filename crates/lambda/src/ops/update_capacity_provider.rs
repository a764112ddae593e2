//! UpdateCapacityProvider: what is not named stays.

use api::lambda::{CapacityProviderState, UpdateCapacityProviderInput, UpdateCapacityProviderOutput};
use base::Cx;
use wire::Failure;

use crate::{Lambda, error, keys};

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: UpdateCapacityProviderInput,
) -> Result<UpdateCapacityProviderOutput, Failure> {
    let _turn = lambda.registry.turn.lock().await;
    let mut provider = lambda.capacity_provider(&cx.scope, &input.capacity_provider_name).await?;
    provider.scaling = input.capacity_provider_scaling_config.map(Into::into).or(provider.scaling);
    provider.propagation = input.propagate_tags.map(Into::into).or(provider.propagation);
    provider.telemetry = input.telemetry_config.map(Into::into).or(provider.telemetry);
    provider.modified_ms = lambda.config.clock.now().0;
    let put = lambda.registry.put(keys::capacity_provider(&provider.arn), &provider).await;
    put.map_err(|error| error::store(&error))?;
    Ok(UpdateCapacityProviderOutput { capacity_provider: provider.describe(CapacityProviderState::Active) })
}
