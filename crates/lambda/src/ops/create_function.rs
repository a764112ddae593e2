//! CreateFunction: takes a package and settings, answers when the function can be invoked.

use std::sync::Arc;

use api::lambda::{
    CreateFunctionInput, CreateFunctionOutput, FunctionCode, PackageType, UpdateFunctionConfigurationInput,
};
use base::Cx;
use bytes::Bytes;
use store::Batch;
use wire::Failure;

use super::{named, publish_version};
use crate::Lambda;
use crate::catalogue::{Edit, Function, Load, Version};
use crate::code::CodeError;
use crate::error;
use crate::function::{Code, Settings, VersionRecord, new_revision};
use crate::name::{FUNCTION_NAME_MAX, FunctionRef};

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: CreateFunctionInput,
) -> Result<CreateFunctionOutput, Failure> {
    let name = input.function_name.clone();
    let reference = named(cx, &name, None)?;
    if reference.qualifier.is_some() {
        return Err(error::invalid(format!("Function name {name} must not have a qualifier")));
    }
    if reference.name.len() > FUNCTION_NAME_MAX {
        return Err(error::name_too_long(reference.name));
    }
    let settings = settings(reference.name, &input)?;
    let conflict = || error::conflict(format!("Function already exist: {}", reference.name));
    if lambda.catalogue.get(&reference.scope, reference.name).is_some() {
        return Err(conflict());
    }
    let code = package(lambda, "CreateFunction", input.code).await?;
    let edit = lambda.catalogue.edit(&reference.scope, reference.name).await;
    if edit.now.is_some() {
        lambda.codes.release(&code.sha256).await;
        return Err(conflict());
    }
    let tags = input.tags.unwrap_or_default();
    let record = VersionRecord {
        number: 0,
        settings,
        code,
        modified_ms: lambda.config.clock.now().0,
        revision: new_revision(),
    };
    let function = new_function(lambda, &reference, record, tags);
    lambda.runner.warm(&function.latest.record);
    let sha256 = function.latest.record.code.sha256;
    let created = commit(lambda, &edit, function, input.publish == Some(true)).await;
    if created.is_err() {
        lambda.codes.release(&sha256).await;
    }
    created
}

async fn commit(
    lambda: &Lambda,
    edit: &Edit<'_>,
    function: Function,
    publish: bool,
) -> Result<CreateFunctionOutput, Failure> {
    if publish {
        return publish_version::publish(lambda, edit, function, None).await;
    }
    let answer = function.latest.record.describe(&function.scope, &function.name, None);
    edit.commit(Some(function), Batch::new()).await.map_err(|error| error::store(&error))?;
    Ok(answer)
}

fn new_function(
    lambda: &Lambda,
    reference: &FunctionRef<'_>,
    record: VersionRecord,
    tags: std::collections::BTreeMap<String, String>,
) -> Function {
    Function {
        scope: reference.scope.clone(),
        name: reference.name.to_owned(),
        latest: Version::new(record),
        versions: Default::default(),
        aliases: Default::default(),
        policies: Default::default(),
        tags,
        reserved: None,
        load: Arc::new(Load { account: lambda.catalogue.account_load(&reference.scope), ..Load::default() }),
    }
}

fn settings(name: &str, input: &CreateFunctionInput) -> Result<Settings, Failure> {
    if input.package_type == Some(PackageType::Image) {
        return Err(error::unsupported("PackageType Image"));
    }
    if input.runtime.is_none() || input.handler.is_none() {
        return Err(error::invalid(
            "Runtime and Handler are mandatory parameters for functions created with deployment packages.",
        ));
    }
    if input.tenancy_config.is_some() {
        return Err(error::unsupported("TenancyConfig"));
    }
    let mut settings = Settings::new(name, input.role.clone());
    let input = input.clone();
    settings.apply(
        name,
        UpdateFunctionConfigurationInput {
            handler: input.handler,
            description: input.description,
            timeout: input.timeout,
            memory_size: input.memory_size,
            vpc_config: input.vpc_config,
            environment: input.environment,
            runtime: input.runtime,
            dead_letter_config: input.dead_letter_config,
            kms_key_arn: input.kms_key_arn,
            tracing_config: input.tracing_config,
            layers: input.layers,
            file_system_configs: input.file_system_configs,
            image_config: input.image_config,
            ephemeral_storage: input.ephemeral_storage,
            snap_start: input.snap_start,
            logging_config: input.logging_config,
            capacity_provider_config: input.capacity_provider_config,
            durable_config: input.durable_config,
            accelerator_config: input.accelerator_config,
            ..UpdateFunctionConfigurationInput::default()
        },
    )?;
    if let Some(architecture) = input.architectures.iter().flatten().next() {
        settings.architecture = architecture.as_str().to_owned();
    }
    Ok(settings)
}

/// Keeps the package of a request. The caller owns one reference to it.
pub(super) async fn package(lambda: &Lambda, operation: &str, code: FunctionCode) -> Result<Code, Failure> {
    if code.image_uri.is_some() {
        return Err(error::unsupported("ImageUri"));
    }
    if let Some(folder) = lambda.folder_of(code.s3_bucket.as_deref(), code.s3_key.as_deref())? {
        return Ok(Code::of_folder(&folder));
    }
    if code.s3_bucket.is_some() || code.s3_key.is_some() {
        return Err(error::unsupported("A package in S3"));
    }
    let zip: Bytes =
        code.zip_file.ok_or_else(|| error::invalid("Please provide a source for function code."))?;
    let max = lambda.config.limits.zip_bytes_max;
    if zip.len() > max {
        return Err(error::request_too_large(max, operation));
    }
    if zip.is_empty() {
        return Err(error::invalid("Uploaded file must be a non-empty zip"));
    }
    lambda.codes.put(&zip).await.map_err(|error| match error {
        CodeError::Package(error) => error::package(error),
        CodeError::Store(error) => error::store(&error),
        CodeError::Missing(_) | CodeError::Interrupted => error::internal("keep a package", &error),
    })
}
