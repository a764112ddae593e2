//! DeleteCapacityProvider: only one that no version of a function names.

use api::lambda::{CapacityProviderState, DeleteCapacityProviderInput, DeleteCapacityProviderOutput};
use base::Cx;
use wire::Failure;

use crate::{Lambda, error, keys};

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: DeleteCapacityProviderInput,
) -> Result<DeleteCapacityProviderOutput, Failure> {
    let _turn = lambda.registry.turn.lock().await;
    let provider = lambda.capacity_provider(&cx.scope, &input.capacity_provider_name).await?;
    let versions = lambda.versions_on(&cx.scope, &provider.arn);
    if !versions.is_empty() {
        return Err(error::conflict(format!(
            "The capacity provider {} cannot be deleted because function versions use it: [{}]",
            provider.arn,
            versions.join(", ")
        )));
    }
    let deleted = lambda.registry.delete(keys::capacity_provider(&provider.arn)).await;
    deleted.map_err(|error| error::store(&error))?;
    Ok(DeleteCapacityProviderOutput { capacity_provider: provider.describe(CapacityProviderState::Deleting) })
}
