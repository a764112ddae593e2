//! CreateCapacityProvider: kept and told; no instance is started.

use api::lambda::{CapacityProviderState, CreateCapacityProviderInput, CreateCapacityProviderOutput};
use base::Cx;
use wire::Failure;

use super::tag_resource::check_tags;
use crate::capacity::{CapacityProvider, arn_of};
use crate::{Lambda, error, keys};

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: CreateCapacityProviderInput,
) -> Result<CreateCapacityProviderOutput, Failure> {
    let tags = input.tags.unwrap_or_default();
    check_tags(&tags)?;
    let arn = arn_of(&cx.scope, &input.capacity_provider_name);
    let _turn = lambda.registry.turn.lock().await;
    if lambda.capacity_provider(&cx.scope, &arn).await.is_ok() {
        return Err(error::conflict(format!("Capacity provider already exists: {arn}")));
    }
    let provider = CapacityProvider {
        arn,
        subnets: input.vpc_config.subnet_ids,
        security_groups: input.vpc_config.security_group_ids,
        operator_role: input.permissions_config.capacity_provider_operator_role_arn,
        instances: input.instance_requirements.map(Into::into),
        scaling: input.capacity_provider_scaling_config.map(Into::into),
        kms_key_arn: input.kms_key_arn,
        modified_ms: lambda.config.clock.now().0,
        tags,
        propagation: input.propagate_tags.map(Into::into),
        telemetry: input.telemetry_config.map(Into::into),
    };
    let put = lambda.registry.put(keys::capacity_provider(&provider.arn), &provider).await;
    put.map_err(|error| error::store(&error))?;
    Ok(CreateCapacityProviderOutput { capacity_provider: provider.describe(CapacityProviderState::Pending) })
}
