//! Functions: their versions, aliases, policies and tags, as they are kept in the store and as AWS prints them.
//! Plain data; knows no store and no environment.

use std::collections::BTreeMap;
use std::str::FromStr;

use api::lambda as shapes;
use base::{RequestId, Scope, Timestamp};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use minicbor::{Decode, Encode};

use crate::CODE_PATH;
use crate::event_config::EventConfig;
use crate::name::function_arn;
use crate::policy::Policy;
use crate::provision::{Provisioned, Scaling};
use crate::url::UrlConfig;

/// What a deployment sets: the answer to "how does it run".
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub(crate) struct Settings {
    #[n(0)]
    pub(crate) runtime: String,
    #[n(1)]
    pub(crate) handler: String,
    #[n(2)]
    pub(crate) role: String,
    #[n(3)]
    pub(crate) description: String,
    #[n(4)]
    pub(crate) timeout_s: u32,
    #[n(5)]
    pub(crate) memory_mib: u32,
    #[n(6)]
    pub(crate) ephemeral_mib: u32,
    #[n(7)]
    pub(crate) architecture: String,
    #[n(8)]
    pub(crate) environment: Option<BTreeMap<String, String>>,
    #[n(9)]
    pub(crate) vpc: Option<Vpc>,
    #[n(10)]
    pub(crate) dead_letter_arn: Option<String>,
    #[n(11)]
    pub(crate) kms_key_arn: Option<String>,
    #[n(12)]
    pub(crate) tracing: String,
    #[n(13)]
    pub(crate) file_systems: Vec<FileSystem>,
    #[n(14)]
    pub(crate) snap_start: String,
    #[n(15)]
    pub(crate) logging: Logging,
    #[n(16)]
    #[cbor(default)]
    pub(crate) layers: Vec<LayerUse>,
    #[n(17)]
    pub(crate) durable: Option<Durable>,
    #[n(18)]
    pub(crate) capacity: Option<Capacity>,
}

/// How long executions may last, and how long they are known.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Durable {
    #[n(0)]
    pub(crate) execution_timeout_s: Option<u32>,
    #[n(1)]
    pub(crate) retention_days: u32,
    #[n(2)]
    pub(crate) kms_key_arn: Option<String>,
}

/// The capacity provider that a function names.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub(crate) struct Capacity {
    /// Its ARN.
    #[n(0)]
    pub(crate) provider: String,
    #[n(1)]
    pub(crate) concurrency_max: Option<i32>,
    #[n(2)]
    pub(crate) memory_gib_per_vcpu: Option<f64>,
}

/// A layer as a function uses it: its package stays, also when the layer is deleted.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct LayerUse {
    #[n(0)]
    pub(crate) arn: String,
    #[n(1)]
    pub(crate) code: Code,
}

/// Kept and printed; a function here reaches what its host reaches.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Vpc {
    #[n(0)]
    pub(crate) subnets: Vec<String>,
    #[n(1)]
    pub(crate) security_groups: Vec<String>,
    #[n(2)]
    pub(crate) ipv6: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct FileSystem {
    #[n(0)]
    pub(crate) arn: String,
    #[n(1)]
    pub(crate) mount_path: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Logging {
    #[n(0)]
    pub(crate) json: bool,
    #[n(1)]
    pub(crate) application_level: Option<String>,
    #[n(2)]
    pub(crate) system_level: Option<String>,
    #[n(3)]
    pub(crate) group: String,
}

/// A package in the store, by its content.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Code {
    #[cbor(n(0), with = "minicbor::bytes")]
    pub(crate) sha256: [u8; 32],
    #[n(1)]
    pub(crate) zip_bytes: u64,
    #[n(2)]
    pub(crate) unzipped_bytes: u64,
    /// It names the AWS SDK and does not bring it.
    #[n(3)]
    #[cbor(default)]
    pub(crate) uses_sdk: bool,
    /// Served from this folder of the host, as it is at each invocation, instead of a package.
    #[n(4)]
    pub(crate) folder: Option<String>,
}

/// `$LATEST` (number 0) or a published version.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub(crate) struct VersionRecord {
    #[n(0)]
    pub(crate) number: u64,
    #[n(1)]
    pub(crate) settings: Settings,
    #[n(2)]
    pub(crate) code: Code,
    #[n(3)]
    pub(crate) modified_ms: i64,
    #[n(4)]
    pub(crate) revision: String,
    /// Of a published version: what `$LATEST` was described as, for the description may be the version's own.
    #[n(5)]
    pub(crate) latest_description: Option<String>,
}

/// Everything of a function but its published versions, which have rows of their own.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub(crate) struct FunctionRecord {
    #[n(0)]
    pub(crate) latest: VersionRecord,
    #[n(1)]
    pub(crate) aliases: BTreeMap<String, Alias>,
    /// By qualifier; the function's own has none, which is "".
    #[n(2)]
    pub(crate) policies: BTreeMap<String, Policy>,
    #[n(3)]
    pub(crate) tags: BTreeMap<String, String>,
    #[n(4)]
    pub(crate) reserved: Option<u32>,
    /// Function URLs by alias; the function's own is at "".
    #[n(5)]
    #[cbor(default)]
    pub(crate) urls: BTreeMap<String, UrlConfig>,
    /// By qualifier.
    #[n(6)]
    #[cbor(default)]
    pub(crate) event_configs: BTreeMap<String, EventConfig>,
    /// By alias or number of a version.
    #[n(7)]
    #[cbor(default)]
    pub(crate) provisioned: BTreeMap<String, Provisioned>,
    /// Recursive loops go on.
    #[n(8)]
    #[cbor(default)]
    pub(crate) allows_loops: bool,
    /// By qualifier.
    #[n(12)]
    #[cbor(default)]
    pub(crate) scaling: BTreeMap<String, Scaling>,
    #[n(9)]
    pub(crate) code_signing: Option<String>,
    #[n(10)]
    #[cbor(default)]
    pub(crate) runtime_management: BTreeMap<String, RuntimeManagement>,
}

/// When a version's runtime changes.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct RuntimeManagement {
    #[n(0)]
    pub(crate) update_on: String,
    #[n(1)]
    pub(crate) version_arn: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub(crate) struct Alias {
    /// 0 is `$LATEST`.
    #[n(0)]
    pub(crate) version: u64,
    #[n(1)]
    pub(crate) description: String,
    /// Share of the invocations, 0 to 1, that another version gets.
    #[n(2)]
    pub(crate) weights: BTreeMap<u64, f64>,
    #[n(3)]
    pub(crate) revision: String,
}

impl Alias {
    /// The version for one invocation, where `roll` is evenly spread over 0..1.
    pub(crate) fn pick(&self, roll: f64) -> u64 {
        let mut left = roll;
        for (&version, &weight) in &self.weights {
            if left < weight {
                return version;
            }
            left -= weight;
        }
        self.version
    }

    pub(crate) fn describe(&self, scope: &Scope, function: &str, name: &str) -> shapes::AliasConfiguration {
        let weights =
            self.weights.iter().map(|(version, weight)| (version_text(*version), *weight)).collect();
        let routing = shapes::AliasRoutingConfiguration { additional_version_weights: Some(weights) };
        shapes::AliasConfiguration {
            alias_arn: Some(format!("{}:{name}", function_arn(scope, function))),
            name: Some(name.to_owned()),
            function_version: Some(version_text(self.version)),
            description: Some(self.description.clone()),
            routing_config: (!self.weights.is_empty()).then_some(routing),
            revision_id: Some(self.revision.clone()),
        }
    }
}

impl Code {
    /// Of a folder that has no package. Its hash stands for the place, not for what is in it.
    pub(crate) fn of_folder(folder: &str) -> Self {
        let sha256 = <sha2::Sha256 as sha2::Digest>::digest(format!("folder:{folder}")).into();
        Self { sha256, zip_bytes: 0, unzipped_bytes: 0, uses_sdk: true, folder: Some(folder.to_owned()) }
    }

    /// As AWS prints it: base64, not hexadecimal.
    pub(crate) fn sha256_base64(&self) -> String {
        STANDARD.encode(self.sha256)
    }

    pub(crate) fn sha256_hex(&self) -> String {
        self.sha256.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Where the zip can be fetched by whoever reached this server at `origin`.
    pub(crate) fn location(&self, origin: &str) -> String {
        format!("{origin}{CODE_PATH}{}", self.sha256_hex())
    }
}

/// `$LATEST` for 0.
pub(crate) fn version_text(number: u64) -> String {
    if number == 0 { "$LATEST".to_owned() } else { number.to_string() }
}

pub(crate) fn new_revision() -> String {
    RequestId::random().to_string()
}

impl VersionRecord {
    /// Every package it refers to: its own, and those of its layers.
    pub(crate) fn packages(&self) -> impl Iterator<Item = &Code> {
        std::iter::once(&self.code).chain(self.settings.layers.iter().map(|layer| &layer.code))
    }

    /// The configuration as every operation answers it; the ARN carries `qualifier`.
    pub(crate) fn describe(
        &self,
        scope: &Scope,
        name: &str,
        qualifier: Option<&str>,
    ) -> shapes::FunctionConfiguration {
        let settings = &self.settings;
        let arn = function_arn(scope, name);
        shapes::FunctionConfiguration {
            function_name: Some(name.to_owned()),
            function_arn: Some(qualifier.map_or(arn.clone(), |qualifier| format!("{arn}:{qualifier}"))),
            runtime: Some(settings.runtime.clone()),
            role: Some(settings.role.clone()),
            handler: Some(settings.handler.clone()),
            code_size: i64::try_from(self.code.zip_bytes).ok(),
            description: Some(settings.description.clone()),
            timeout: i32::try_from(settings.timeout_s).ok(),
            memory_size: i32::try_from(settings.memory_mib).ok(),
            last_modified: Some(Timestamp(self.modified_ms).iso8601().replace('Z', "+0000")),
            code_sha256: Some(self.code.sha256_base64()),
            version: Some(version_text(self.number)),
            revision_id: Some(self.revision.clone()),
            state: Some(shapes::State::Active),
            last_update_status: Some(shapes::LastUpdateStatus::Successful),
            package_type: Some(shapes::PackageType::Zip),
            runtime_version_config: Some(settings.runtime_version(scope)),
            snap_start: Some(settings.describe_snap_start(self.number != 0)),
            ..settings.describe()
        }
    }
}

/// As CreateFunction answers: AWS is still preparing what the next question finds active.
pub(crate) fn created(configuration: shapes::FunctionConfiguration) -> shapes::FunctionConfiguration {
    shapes::FunctionConfiguration {
        state: Some(shapes::State::Pending),
        state_reason: Some("The function is being created.".to_owned()),
        state_reason_code: Some(shapes::StateReasonCode::Creating),
        last_update_status: None,
        ..configuration
    }
}

/// As the operations that change `$LATEST` answer.
pub(crate) fn updating(configuration: shapes::FunctionConfiguration) -> shapes::FunctionConfiguration {
    shapes::FunctionConfiguration {
        last_update_status: Some(shapes::LastUpdateStatus::InProgress),
        last_update_status_reason: Some("The function is being created.".to_owned()),
        ..configuration
    }
}

/// As the list operations print a configuration: without what takes AWS a second look.
pub(crate) fn listed(configuration: shapes::FunctionConfiguration) -> shapes::FunctionConfiguration {
    shapes::FunctionConfiguration {
        state: None,
        last_update_status: None,
        runtime_version_config: None,
        ..configuration
    }
}

impl Settings {
    /// The members that say the same in every version.
    fn describe(&self) -> shapes::FunctionConfiguration {
        let environment = self
            .environment
            .clone()
            .map(|variables| shapes::EnvironmentResponse { variables: Some(variables), error: None });
        let file_systems: Vec<_> = self
            .file_systems
            .iter()
            .map(|system| shapes::FileSystemConfig {
                arn: system.arn.clone(),
                local_mount_path: system.mount_path.clone(),
                s3_files_config: None,
            })
            .collect();
        let layer = |layer: &LayerUse| shapes::Layer {
            arn: Some(layer.arn.clone()),
            code_size: i64::try_from(layer.code.zip_bytes).ok(),
            ..shapes::Layer::default()
        };
        let layers: Vec<_> = self.layers.iter().map(layer).collect();
        let dead_letter = |arn: &String| shapes::DeadLetterConfig { target_arn: Some(arn.clone()) };
        shapes::FunctionConfiguration {
            environment,
            vpc_config: self.vpc.as_ref().map(Vpc::describe),
            dead_letter_config: self.dead_letter_arn.as_ref().map(dead_letter),
            kms_key_arn: self.kms_key_arn.clone(),
            tracing_config: Some(shapes::TracingConfigResponse {
                mode: shapes::TracingMode::from_str(&self.tracing).ok(),
            }),
            file_system_configs: (!file_systems.is_empty()).then_some(file_systems),
            architectures: shapes::Architecture::from_str(&self.architecture).ok().map(|a| vec![a]),
            ephemeral_storage: i32::try_from(self.ephemeral_mib)
                .ok()
                .map(|size| shapes::EphemeralStorage { size }),
            logging_config: Some(self.logging.describe()),
            durable_config: self.durable.as_ref().map(Durable::describe),
            capacity_provider_config: self.capacity.as_ref().map(Capacity::describe),
            layers: (!layers.is_empty()).then_some(layers),
            ..shapes::FunctionConfiguration::default()
        }
    }

    fn runtime_version(&self, scope: &Scope) -> shapes::RuntimeVersionConfig {
        // AWS's is an opaque hash; ours says whose it is and stays the same for a runtime.
        let digest = <sha2::Sha256 as sha2::Digest>::digest(self.runtime.as_bytes());
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let (partition, region) = (scope.region.partition(), scope.region.as_str());
        let arn = format!("arn:{partition}:lambda:{region}::runtime:{hex}");
        shapes::RuntimeVersionConfig { runtime_version_arn: Some(arn), error: None }
    }

    fn describe_snap_start(&self, published: bool) -> shapes::SnapStartResponse {
        let apply_on = shapes::SnapStartApplyOn::from_str(&self.snap_start).ok();
        let on = published && apply_on == Some(shapes::SnapStartApplyOn::PublishedVersions);
        let status = if on { "On" } else { "Off" };
        shapes::SnapStartResponse {
            apply_on,
            optimization_status: shapes::SnapStartOptimizationStatus::from_str(status).ok(),
        }
    }
}

impl Durable {
    fn describe(&self) -> shapes::DurableConfig {
        shapes::DurableConfig {
            kms_key_arn: self.kms_key_arn.clone(),
            retention_period_in_days: i32::try_from(self.retention_days).ok(),
            execution_timeout: self.execution_timeout_s.and_then(|seconds| i32::try_from(seconds).ok()),
        }
    }
}

impl Capacity {
    fn describe(&self) -> shapes::CapacityProviderConfig {
        shapes::CapacityProviderConfig {
            lambda_managed_instances_capacity_provider_config:
                shapes::LambdaManagedInstancesCapacityProviderConfig {
                    capacity_provider_arn: self.provider.clone(),
                    per_execution_environment_max_concurrency: self.concurrency_max,
                    execution_environment_memory_gi_b_per_v_cpu: self.memory_gib_per_vcpu,
                },
        }
    }
}

impl Vpc {
    fn describe(&self) -> shapes::VpcConfigResponse {
        let vpc_id = if self.subnets.is_empty() { "" } else { "vpc-00000000000000000" };
        shapes::VpcConfigResponse {
            subnet_ids: Some(self.subnets.clone()),
            security_group_ids: Some(self.security_groups.clone()),
            vpc_id: Some(vpc_id.to_owned()),
            ipv6_allowed_for_dual_stack: Some(self.ipv6),
        }
    }
}

impl Logging {
    pub(crate) fn text(function: &str) -> Self {
        Self {
            json: false,
            application_level: None,
            system_level: None,
            group: format!("/aws/lambda/{function}"),
        }
    }

    /// What the function's own code is told, as on AWS.
    pub(crate) fn variables(&self) -> Vec<(String, String)> {
        let format = if self.json { "JSON" } else { "Text" };
        let mut all = vec![("AWS_LAMBDA_LOG_FORMAT".to_owned(), format.to_owned())];
        if self.json {
            let level = self.application_level.as_deref().unwrap_or("INFO");
            all.push(("AWS_LAMBDA_LOG_LEVEL".to_owned(), level.to_owned()));
        }
        all
    }

    fn describe(&self) -> shapes::LoggingConfig {
        let level = |level: &Option<String>| level.clone().unwrap_or_else(|| "INFO".to_owned());
        let leveled = |text: &Option<String>| self.json.then(|| level(text));
        shapes::LoggingConfig {
            log_format: Some(if self.json { shapes::LogFormat::Json } else { shapes::LogFormat::Text }),
            application_log_level: leveled(&self.application_level).and_then(|l| l.parse().ok()),
            system_log_level: leveled(&self.system_level).and_then(|l| l.parse().ok()),
            log_group: Some(self.group.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alias_shares_by_its_weights() {
        let alias = Alias {
            version: 1,
            description: String::new(),
            weights: BTreeMap::from([(2, 0.25), (3, 0.5)]),
            revision: String::new(),
        };
        for (roll, version) in [(0.0, 2), (0.24, 2), (0.25, 3), (0.74, 3), (0.75, 1), (0.99, 1)] {
            assert_eq!(alias.pick(roll), version, "{roll}");
        }
    }
}
