//! What CreateFunction and UpdateFunctionConfiguration may set, checked and applied. Beyond the model's own
//! constraints, which were checked when the request was read. Pure.

use api::lambda as shapes;
use wire::Failure;

use crate::error;
use crate::function::{Capacity, Durable, FileSystem, Logging, Settings, Vpc};

/// AWS's quota; the model allows more, for functions that run on managed instances.
const TIMEOUT_S_MAX: i32 = 900;
const MEMORY_MIB_MAX: i32 = 10_240;
const EPHEMERAL_MIB_MAX: i32 = 10_240;
const ENVIRONMENT_BYTES_MAX: usize = 4096;

/// Families of runtimes; old and new versions of each run on the nearest interpreter of the host.
const RUNTIMES: &[&str] = &["nodejs", "python", "java", "ruby", "dotnet", "go1.x", "provided"];

/// The names that AWS gives out now, for its texts.
const NAMES: &str = "nodejs20.x, nodejs22.x, nodejs24.x, nodejs26.x, python3.9, python3.10, python3.11, python3.12, \
                     python3.13, python3.14, python3.15, java8.al2, java11, java17, java21, java25, ruby3.2, ruby3.3, \
                     ruby3.4, ruby4.0, dotnet8, dotnet10, provided.al2, provided.al2023";

/// Variables that the service sets.
const RESERVED: &[&str] = &[
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_DEFAULT_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
];

impl Settings {
    /// AWS's defaults.
    pub(crate) fn new(function: &str, role: String) -> Self {
        Self {
            runtime: String::new(),
            handler: String::new(),
            role,
            description: String::new(),
            timeout_s: 3,
            memory_mib: 128,
            ephemeral_mib: 512,
            architecture: shapes::Architecture::X8664.as_str().to_owned(),
            environment: None,
            vpc: None,
            dead_letter_arn: None,
            kms_key_arn: None,
            tracing: shapes::TracingMode::PassThrough.as_str().to_owned(),
            file_systems: Vec::new(),
            snap_start: shapes::SnapStartApplyOn::None.as_str().to_owned(),
            logging: Logging::text(function),
            layers: Vec::new(),
            durable: None,
            capacity: None,
        }
    }

    /// Sets what `change` names and leaves the rest.
    pub(crate) fn apply(&mut self, change: shapes::UpdateFunctionConfigurationInput) -> Result<(), Failure> {
        refuse_unsupported(&change)?;
        if let Some(runtime) = change.runtime {
            check_runtime(&runtime)?;
            self.runtime = runtime;
        }
        if let Some(timeout) = change.timeout {
            self.timeout_s = check_timeout(timeout)?;
        }
        if let Some(memory) = change.memory_size {
            self.memory_mib = check_memory(memory)?;
        }
        if let Some(storage) = change.ephemeral_storage {
            self.ephemeral_mib = check_ephemeral(storage.size)?;
        }
        if let Some(environment) = change.environment {
            let variables = environment.variables.unwrap_or_default();
            check_environment(&variables)?;
            self.environment = Some(variables);
        }
        for (place, value) in [
            (&mut self.handler, change.handler),
            (&mut self.role, change.role),
            (&mut self.description, change.description),
        ] {
            if let Some(value) = value {
                *place = value;
            }
        }
        if let Some(target) = change.dead_letter_config.and_then(|config| config.target_arn) {
            check_dead_letter(&target)?;
            self.dead_letter_arn = (!target.is_empty()).then_some(target);
        }
        if let Some(key) = change.kms_key_arn {
            self.kms_key_arn = (!key.is_empty()).then_some(key);
        }
        if let Some(mode) = change.tracing_config.and_then(|config| config.mode) {
            self.tracing = mode.as_str().to_owned();
        }
        if let Some(apply_on) = change.snap_start.and_then(|snap| snap.apply_on) {
            self.snap_start = apply_on.as_str().to_owned();
        }
        if let Some(vpc) = change.vpc_config {
            self.vpc = Some(read_vpc(vpc)?);
        }
        if let Some(systems) = change.file_system_configs {
            let read =
                |s: shapes::FileSystemConfig| FileSystem { arn: s.arn, mount_path: s.local_mount_path };
            self.file_systems = systems.into_iter().map(read).collect();
        }
        if let Some(logging) = change.logging_config {
            self.logging = read_logging(&self.logging, logging)?;
        }
        if let Some(durable) = change.durable_config {
            self.durable = Some(read_durable(self.durable.as_ref(), durable));
        }
        if let Some(capacity) = change.capacity_provider_config {
            let wanted = capacity.lambda_managed_instances_capacity_provider_config;
            self.capacity = Some(Capacity {
                provider: wanted.capacity_provider_arn,
                concurrency_max: wanted.per_execution_environment_max_concurrency,
                memory_gib_per_vcpu: wanted.execution_environment_memory_gi_b_per_v_cpu,
            });
        }
        self.check_together()
    }

    /// What must fit together, whichever of it was changed.
    fn check_together(&self) -> Result<(), Failure> {
        let snap_start = self.snap_start == shapes::SnapStartApplyOn::PublishedVersions.as_str();
        if snap_start && !has_snap_start(&self.runtime) {
            let runtime = &self.runtime;
            return Err(error::invalid(format!(
                "{runtime} is not supported for SnapStart enabled functions."
            )));
        }
        let in_vpc = self.vpc.as_ref().is_some_and(|vpc| !vpc.subnets.is_empty());
        match self.file_systems.first() {
            Some(system) if !in_vpc => Err(error::invalid(format!(
                "Function must be configured to execute in a VPC to reference access point {}",
                system.arn
            ))),
            _ => Ok(()),
        }
    }
}

fn refuse_unsupported(change: &shapes::UpdateFunctionConfigurationInput) -> Result<(), Failure> {
    for (set, what) in [
        (change.image_config.is_some(), "ImageConfig"),
        (change.accelerator_config.is_some(), "AcceleratorConfig"),
    ] {
        if set {
            return Err(error::unsupported(what));
        }
    }
    Ok(())
}

/// What a layer says of runtimes.
pub(crate) fn check_compatible_runtimes(runtimes: &[String]) -> Result<(), Failure> {
    if runtimes.iter().all(|runtime| is_known(runtime)) {
        return Ok(());
    }
    Err(shapes::errors::validation(format!(
        "1 validation error detected: Value '[{}]' at 'compatibleRuntimes' failed to satisfy constraint: Member must \
         satisfy constraint: [Member must satisfy enum value set: [{NAMES}], Member must not be null]",
        runtimes.join(", ")
    )))
}

pub(crate) fn check_compatible_runtime(runtime: Option<&str>) -> Result<(), Failure> {
    match runtime.filter(|runtime| !is_known(runtime)) {
        Some(runtime) => Err(shapes::errors::validation(format!(
            "1 validation error detected: Value '{runtime}' at 'compatibleRuntime' failed to satisfy constraint: Member \
             must satisfy enum value set: [{NAMES}]"
        ))),
        None => Ok(()),
    }
}

fn is_known(runtime: &str) -> bool {
    RUNTIMES.iter().any(|family| runtime.starts_with(family))
}

fn check_runtime(runtime: &str) -> Result<(), Failure> {
    if is_known(runtime) {
        return Ok(());
    }
    Err(error::invalid(format!(
        "Value {runtime} at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: [{NAMES}] or \
         be a valid ARN"
    )))
}

fn check_timeout(seconds: i32) -> Result<u32, Failure> {
    if seconds > TIMEOUT_S_MAX {
        let message = format!(
            "1 validation error detected: Value '{seconds}' at 'timeout' failed to satisfy constraint: Member \
             must have value less than or equal to {TIMEOUT_S_MAX}"
        );
        return Err(shapes::errors::validation(message));
    }
    Ok(u32::try_from(seconds).unwrap_or(1))
}

/// The model allows more, for functions that run on managed instances.
fn check_ephemeral(mib: i32) -> Result<u32, Failure> {
    if mib > EPHEMERAL_MIB_MAX {
        return Err(shapes::errors::validation(format!(
            "1 validation error detected: Value '{mib}' at 'ephemeralStorage.size' failed to satisfy constraint: Member \
             must have value less than or equal to {EPHEMERAL_MIB_MAX}"
        )));
    }
    Ok(u32::try_from(mib).unwrap_or(512))
}

fn check_memory(mib: i32) -> Result<u32, Failure> {
    if mib > MEMORY_MIB_MAX {
        return Err(error::invalid(format!(
            "'MemorySize' value failed to satisfy constraint: Member must have value less than or equal to \
             {MEMORY_MIB_MAX}"
        )));
    }
    Ok(u32::try_from(mib).unwrap_or(128))
}

fn check_environment(variables: &std::collections::BTreeMap<String, String>) -> Result<(), Failure> {
    const START: &str = "Lambda was unable to configure your environment variables because the environment variables \
                         you have provided";
    if variables.values().any(|value| value.contains('\0')) {
        // No process can be given such a variable.
        return Err(error::invalid(format!("{START} contains a null character.")));
    }
    let reserved: Vec<&str> =
        variables.keys().map(String::as_str).filter(|name| RESERVED.contains(name)).collect();
    if !reserved.is_empty() {
        return Err(error::invalid(format!(
            "{START} contains reserved keys that are currently not supported for modification. Reserved keys used \
             in this request: {}",
            reserved.join(", ")
        )));
    }
    let mut json = wire::json::Writer::new();
    json.begin_object();
    for (name, value) in variables {
        json.key(name);
        json.string(value);
    }
    json.end_object();
    let json = json.into_vec();
    if json.len() > ENVIRONMENT_BYTES_MAX {
        let measured = String::from_utf8_lossy(&json);
        return Err(error::invalid(format!("{START} exceeded the 4KB limit. String measured: {measured}")));
    }
    Ok(())
}

/// Java from 11, Python from 3.12, .NET from 8.
///
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html#snapstart-runtimes>
fn has_snap_start(runtime: &str) -> bool {
    let number = |text: &str| text.split(['.', '-']).next().and_then(|number| number.parse::<u32>().ok());
    let since = |family: &str, first| {
        runtime.strip_prefix(family).and_then(number).is_some_and(|number| number >= first)
    };
    since("java", 11) || since("python3.", 12) || since("dotnet", 8)
}

fn check_dead_letter(target: &str) -> Result<(), Failure> {
    let service = target.split(':').nth(2);
    if target.is_empty() || matches!(service, Some("sqs" | "sns")) {
        return Ok(());
    }
    Err(error::invalid(format!(
        "The dead letter target {target} is invalid: it must be the ARN of an SQS queue or of an SNS topic."
    )))
}

/// What is not named stays; executions are known for 14 days unless it is said.
fn read_durable(old: Option<&Durable>, change: shapes::DurableConfig) -> Durable {
    let positive = |number: i32| u32::try_from(number).ok();
    let timeout = change.execution_timeout.and_then(positive);
    let retention = change.retention_period_in_days.and_then(positive);
    Durable {
        execution_timeout_s: timeout.or(old.and_then(|old| old.execution_timeout_s)),
        retention_days: retention.or(old.map(|old| old.retention_days)).unwrap_or(14),
        kms_key_arn: change.kms_key_arn.or_else(|| old.and_then(|old| old.kms_key_arn.clone())),
    }
}

fn read_vpc(vpc: shapes::VpcConfig) -> Result<Vpc, Failure> {
    let vpc = Vpc {
        subnets: vpc.subnet_ids.unwrap_or_default(),
        security_groups: vpc.security_group_ids.unwrap_or_default(),
        ipv6: vpc.ipv6_allowed_for_dual_stack.unwrap_or(false),
    };
    if vpc.subnets.is_empty() != vpc.security_groups.is_empty() {
        return Err(error::invalid("SubnetIds and SecurityIds must coexist or be both empty list."));
    }
    Ok(vpc)
}

fn read_logging(old: &Logging, change: shapes::LoggingConfig) -> Result<Logging, Failure> {
    let json = change.log_format.map_or(old.json, |format| format == shapes::LogFormat::Json);
    let leveled = change.application_log_level.is_some() || change.system_log_level.is_some();
    if leveled && !json {
        return Err(error::invalid(
            "LogLevel is not supported when LogFormat is set to \"Text\". Remove LogLevel from your request or change \
             the LogFormat to \"Json\" and try again.",
        ));
    }
    let level = |new: Option<&'static str>, old: &Option<String>| {
        new.map(str::to_owned).or_else(|| old.clone()).filter(|_| json)
    };
    Ok(Logging {
        json,
        application_level: level(change.application_log_level.map(|l| l.as_str()), &old.application_level),
        system_level: level(change.system_log_level.map(|l| l.as_str()), &old.system_level),
        group: change.log_group.unwrap_or_else(|| old.group.clone()),
    })
}
