//! Capacity providers: kept and told. There are no instances behind them: functions that name one run as all others.

use std::collections::BTreeMap;
use std::str::FromStr;

use api::lambda as shapes;
use base::{Scope, Timestamp};
use minicbor::{Decode, Encode};
use wire::Failure;

use crate::function::Settings;
use crate::{Lambda, error, keys};

#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub(crate) struct CapacityProvider {
    #[n(0)]
    pub(crate) arn: String,
    #[n(1)]
    pub(crate) subnets: Vec<String>,
    #[n(2)]
    pub(crate) security_groups: Vec<String>,
    #[n(3)]
    pub(crate) operator_role: String,
    #[n(4)]
    pub(crate) instances: Option<Instances>,
    #[n(5)]
    pub(crate) scaling: Option<Scaling>,
    #[n(6)]
    pub(crate) kms_key_arn: Option<String>,
    #[n(7)]
    pub(crate) modified_ms: i64,
    #[n(8)]
    pub(crate) tags: BTreeMap<String, String>,
    #[n(9)]
    pub(crate) propagation: Option<Propagation>,
    #[n(10)]
    pub(crate) telemetry: Option<Telemetry>,
}

#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub(crate) struct Instances {
    #[n(0)]
    architectures: Vec<String>,
    #[n(1)]
    allowed: Vec<String>,
    #[n(2)]
    excluded: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub(crate) struct Scaling {
    #[n(0)]
    vcpus_max: Option<i32>,
    #[n(1)]
    mode: Option<String>,
    /// Metric and target.
    #[n(2)]
    policies: Vec<(String, f64)>,
}

#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub(crate) struct Propagation {
    #[n(0)]
    mode: Option<String>,
    #[n(1)]
    tags: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub(crate) struct Telemetry {
    #[n(0)]
    level: Option<String>,
    #[n(1)]
    group: Option<String>,
}

/// What all ARNs of capacity providers of `scope` begin with.
pub(crate) fn arns(scope: &Scope) -> String {
    let (partition, region) = (scope.region.partition(), scope.region.as_str());
    format!("arn:{partition}:lambda:{region}:{}:capacity-provider:", scope.account)
}

/// A request names a provider by its name or its ARN.
pub(crate) fn arn_of(scope: &Scope, named: &str) -> String {
    if named.starts_with("arn:") { named.to_owned() } else { format!("{}{named}", arns(scope)) }
}

impl CapacityProvider {
    pub(crate) fn describe(&self, state: shapes::CapacityProviderState) -> shapes::CapacityProvider {
        shapes::CapacityProvider {
            capacity_provider_arn: self.arn.clone(),
            state,
            vpc_config: shapes::CapacityProviderVpcConfig {
                subnet_ids: self.subnets.clone(),
                security_group_ids: self.security_groups.clone(),
            },
            permissions_config: shapes::CapacityProviderPermissionsConfig {
                capacity_provider_operator_role_arn: self.operator_role.clone(),
            },
            instance_requirements: self.instances.as_ref().map(Instances::describe),
            capacity_provider_scaling_config: self.scaling.as_ref().map(Scaling::describe),
            kms_key_arn: self.kms_key_arn.clone(),
            last_modified: Some(Timestamp(self.modified_ms).iso8601().replace('Z', "+0000")),
            propagate_tags: self.propagation.as_ref().map(|propagation| shapes::PropagateTags {
                mode: propagation.mode.as_ref().and_then(|mode| mode.parse().ok()),
                explicit_tags: propagation.tags.clone(),
            }),
            telemetry_config: self.telemetry.as_ref().map(|telemetry| {
                shapes::CapacityProviderTelemetryConfig {
                    logging_config: Some(shapes::CapacityProviderLoggingConfig {
                        system_log_level: telemetry.level.as_ref().and_then(|level| level.parse().ok()),
                        log_group: telemetry.group.clone(),
                    }),
                }
            }),
        }
    }
}

impl From<shapes::InstanceRequirements> for Instances {
    fn from(wanted: shapes::InstanceRequirements) -> Self {
        let architectures = wanted.architectures.unwrap_or_default();
        Self {
            architectures: architectures.iter().map(|a| a.as_str().to_owned()).collect(),
            allowed: wanted.allowed_instance_types.unwrap_or_default(),
            excluded: wanted.excluded_instance_types.unwrap_or_default(),
        }
    }
}

impl Instances {
    fn describe(&self) -> shapes::InstanceRequirements {
        let some = |list: &Vec<String>| (!list.is_empty()).then(|| list.clone());
        let architectures: Vec<_> =
            self.architectures.iter().filter_map(|a| shapes::Architecture::from_str(a).ok()).collect();
        shapes::InstanceRequirements {
            architectures: (!architectures.is_empty()).then_some(architectures),
            allowed_instance_types: some(&self.allowed),
            excluded_instance_types: some(&self.excluded),
        }
    }
}

impl From<shapes::CapacityProviderScalingConfig> for Scaling {
    fn from(wanted: shapes::CapacityProviderScalingConfig) -> Self {
        let policies = wanted.scaling_policies.unwrap_or_default();
        Self {
            vcpus_max: wanted.max_v_cpu_count,
            mode: wanted.scaling_mode.map(|mode| mode.as_str().to_owned()),
            policies: policies
                .iter()
                .map(|policy| (policy.predefined_metric_type.as_str().to_owned(), policy.target_value))
                .collect(),
        }
    }
}

impl Scaling {
    fn describe(&self) -> shapes::CapacityProviderScalingConfig {
        let policy = |(metric, target): &(String, f64)| {
            let predefined_metric_type = metric.parse().ok()?;
            Some(shapes::TargetTrackingScalingPolicy { predefined_metric_type, target_value: *target })
        };
        let policies: Vec<_> = self.policies.iter().filter_map(policy).collect();
        shapes::CapacityProviderScalingConfig {
            max_v_cpu_count: self.vcpus_max,
            scaling_mode: self.mode.as_ref().and_then(|mode| mode.parse().ok()),
            scaling_policies: (!policies.is_empty()).then_some(policies),
        }
    }
}

impl From<shapes::PropagateTags> for Propagation {
    fn from(wanted: shapes::PropagateTags) -> Self {
        Self { mode: wanted.mode.map(|mode| mode.as_str().to_owned()), tags: wanted.explicit_tags }
    }
}

impl From<shapes::CapacityProviderTelemetryConfig> for Telemetry {
    fn from(wanted: shapes::CapacityProviderTelemetryConfig) -> Self {
        let logging = wanted.logging_config.unwrap_or_default();
        Self {
            level: logging.system_log_level.map(|level| level.as_str().to_owned()),
            group: logging.log_group,
        }
    }
}

impl Lambda {
    /// A provider that a request names, by its name or its ARN.
    pub(crate) async fn capacity_provider(
        &self,
        scope: &Scope,
        named: &str,
    ) -> Result<CapacityProvider, Failure> {
        let arn = arn_of(scope, named);
        let found = match arn.starts_with(&arns(scope)) {
            true => self.registry.get(&keys::capacity_provider(&arn)).await,
            false => Ok(None),
        };
        let found = found.map_err(|error| error::store(&error))?;
        found.ok_or_else(|| error::not_found(format!("Capacity provider not found: {arn}")))
    }

    /// The provider that a function is to name must be there.
    pub(crate) async fn check_capacity(&self, scope: &Scope, settings: &Settings) -> Result<(), Failure> {
        match &settings.capacity {
            Some(capacity) => self.capacity_provider(scope, &capacity.provider).await.map(drop),
            None => Ok(()),
        }
    }

    /// The versions of functions that name a provider, by their ARNs.
    pub(crate) fn versions_on(&self, scope: &Scope, provider: &str) -> Vec<String> {
        let functions = self.catalogue.list(scope);
        let versions = functions.iter().flat_map(|f| f.all_versions().map(move |version| (f, version)));
        let named = versions.filter(|(_, version)| {
            version.record.settings.capacity.as_ref().is_some_and(|capacity| capacity.provider == provider)
        });
        named.map(|(function, version)| format!("{}:{}", function.arn(), version.text)).collect()
    }
}
