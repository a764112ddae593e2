//! CreateFunction: takes a package and settings, answers when the function can be invoked.

use std::sync::Arc;

use api::lambda::{
    CreateFunctionInput, CreateFunctionOutput, FunctionConfiguration, PackageType,
    UpdateFunctionConfigurationInput,
};
use base::Cx;
use store::Batch;
use wire::Failure;

use super::tag_resource::check_tags;
use super::{named, publish_version};
use crate::Lambda;
use crate::catalogue::{Edit, Function, Load, Version};
use crate::error;
use crate::function::{Settings, VersionRecord, created, new_revision};
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
    if reference.scope.account != cx.scope.account {
        return Err(error::access_denied(&cx.scope, "lambda:CreateFunction", &reference.arn()));
    }
    let tags = input.tags.clone().unwrap_or_default();
    check_tags(&tags)?;
    let mut settings = settings(reference.name, &input)?;
    let conflict = || error::conflict(format!("Function already exist: {}", reference.name));
    if lambda.catalogue.get(&reference.scope, reference.name).is_some() {
        return Err(conflict());
    }
    // Neither its capacity provider nor its code signing configuration is deleted meanwhile.
    let _turn = lambda.registry.turn.lock().await;
    lambda.check_capacity(&reference.scope, &settings).await?;
    if let Some(arn) = &input.code_signing_config_arn {
        lambda.signing_config_for_function(&cx.scope, arn).await?;
    }
    settings.layers = lambda.use_layers(&reference.scope, &input.layers.unwrap_or_default()).await?;
    let code = match lambda.take_function_package("CreateFunction", input.code.into()).await {
        Ok(code) => code,
        Err(failure) => {
            lambda.codes.release_all(settings.layers.iter().map(|layer| &layer.code)).await;
            return Err(failure);
        }
    };
    let record = VersionRecord {
        number: 0,
        settings,
        code,
        modified_ms: lambda.config.clock.now().0,
        revision: new_revision(),
        latest_description: None,
    };
    let mut function = new_function(lambda, &reference, record.clone(), tags);
    function.code_signing = input.code_signing_config_arn;
    let made = async {
        lambda.check_unzipped(&record)?;
        let edit = lambda.catalogue.edit(&reference.scope, reference.name).await;
        if edit.now.is_some() {
            return Err(conflict());
        }
        lambda.runner.warm(&record);
        commit(lambda, &edit, function, input.publish == Some(true)).await
    };
    let answer = made.await;
    if answer.is_err() {
        lambda.codes.release_all(record.packages()).await;
    }
    answer
}

async fn commit(
    lambda: &Lambda,
    edit: &Edit<'_>,
    function: Function,
    publish: bool,
) -> Result<CreateFunctionOutput, Failure> {
    let arn = Some(function.arn());
    if publish {
        let published = publish_version::publish(lambda, edit, function, None).await?;
        // The version's settings under the function's ARN, as recorded.
        return Ok(FunctionConfiguration { function_arn: arn, ..created(published) });
    }
    let answer = function.latest.record.describe(&function.scope, &function.name, None);
    edit.commit(Some(function), Batch::new()).await.map_err(|error| error::store(&error))?;
    Ok(created(answer))
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
        event_configs: Default::default(),
        allows_loops: false,
        provisioned: std::collections::BTreeMap::new(),
        scaling: std::collections::BTreeMap::new(),
        code_signing: None,
        runtime_management: Default::default(),
        urls: Default::default(),
        load: Arc::new(Load { account: lambda.catalogue.account_load(&reference.scope), ..Load::default() }),
    }
}

/// Images are for another kind of sandbox; what AWS refuses of them is refused as AWS does.
fn check_package_type(input: &CreateFunctionInput) -> Result<(), Failure> {
    let image = input.package_type == Some(PackageType::Image);
    match (&input.code.image_uri, image) {
        (None, true) => Err(error::invalid("Please provide ImageUri when PackageType is Image.")),
        (Some(_), true) => Err(error::unsupported("PackageType Image")),
        (Some(_), false) => Err(error::invalid(
            "Please don't provide ImageUri when creating a function with packageType Zip.",
        )),
        (None, false) => Ok(()),
    }
}

fn settings(name: &str, input: &CreateFunctionInput) -> Result<Settings, Failure> {
    check_package_type(input)?;
    if input.runtime.is_none() || input.handler.is_none() {
        return Err(error::invalid(
            "Runtime and Handler are mandatory parameters for functions created with deployment packages.",
        ));
    }
    for (set, what) in
        [(input.tenancy_config.is_some(), "TenancyConfig"), (input.publish_to.is_some(), "PublishTo")]
    {
        if set {
            return Err(error::unsupported(what));
        }
    }
    let mut settings = Settings::new(name, input.role.clone());
    let input = input.clone();
    settings.apply(UpdateFunctionConfigurationInput {
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
        file_system_configs: input.file_system_configs,
        image_config: input.image_config,
        ephemeral_storage: input.ephemeral_storage,
        snap_start: input.snap_start,
        logging_config: input.logging_config,
        capacity_provider_config: input.capacity_provider_config,
        durable_config: input.durable_config,
        accelerator_config: input.accelerator_config,
        ..UpdateFunctionConfigurationInput::default()
    })?;
    if let Some(architecture) = input.architectures.iter().flatten().next() {
        settings.architecture = architecture.as_str().to_owned();
    }
    Ok(settings)
}
