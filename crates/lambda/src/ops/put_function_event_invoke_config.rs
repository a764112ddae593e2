//! PutFunctionEventInvokeConfig: how asynchronous invocations of a qualifier are treated, replacing what was set.

use api::lambda::{
    FunctionEventInvokeConfig, PutFunctionEventInvokeConfigInput, UpdateFunctionEventInvokeConfigInput,
};
use base::Cx;
use store::Batch;
use wire::Failure;

use super::named;
use crate::catalogue::Function;
use crate::destination::DestinationKind;
use crate::event_config::EventConfig;
use crate::name::{FunctionRef, Qualifier};
use crate::{Lambda, error};

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: PutFunctionEventInvokeConfigInput,
) -> Result<FunctionEventInvokeConfig, Failure> {
    let input = UpdateFunctionEventInvokeConfigInput {
        function_name: input.function_name,
        qualifier: input.qualifier,
        maximum_retry_attempts: input.maximum_retry_attempts,
        maximum_event_age_in_seconds: input.maximum_event_age_in_seconds,
        destination_config: input.destination_config,
    };
    change(lambda, cx, input, false).await
}

/// The qualifier under which a configuration is kept.
pub(super) fn place<'a>(reference: &FunctionRef<'a>) -> &'a str {
    reference.qualifier.unwrap_or("$LATEST")
}

/// As AWS prints the function of a configuration: always qualified.
pub(super) fn place_arn(reference: &FunctionRef<'_>) -> String {
    format!("{}:{}", reference.arn(), place(reference))
}

pub(super) fn none(arn: &str) -> Failure {
    error::not_found(format!("The function {arn} doesn't have an EventInvokeConfig"))
}

/// Sets what `input` names; the rest stays, if there must be something that can stay.
pub(super) async fn change(
    lambda: &Lambda,
    cx: &Cx,
    input: UpdateFunctionEventInvokeConfigInput,
    keeps: bool,
) -> Result<FunctionEventInvokeConfig, Failure> {
    let UpdateFunctionEventInvokeConfigInput { destination_config, .. } = &input;
    let (retries, age) = (input.maximum_retry_attempts, input.maximum_event_age_in_seconds);
    if retries.is_none() && age.is_none() && destination_config.is_none() {
        return Err(error::invalid(
            "You must specify at least one of error handling or destination setting.",
        ));
    }
    let reference = named(cx, &input.function_name, input.qualifier.as_deref())?;
    let edit = lambda.catalogue.edit(&reference.scope, reference.name).await;
    let function = edit.now.as_ref().filter(|function| has(function, &reference));
    let mut function = function
        .map(|now| Function::clone(now))
        .ok_or_else(|| error::not_found("The function doesn't exist."))?;
    let (place, arn) = (place(&reference), place_arn(&reference));
    let mut config = match function.event_configs.get(place) {
        Some(config) if keeps => config.clone(),
        None if keeps => return Err(none(&arn)),
        _ => EventConfig::default(),
    };
    if let Some(destinations) = input.destination_config {
        let on_success = destinations.on_success.and_then(|on| on.destination).filter(|arn| !arn.is_empty());
        let on_failure = destinations.on_failure.and_then(|on| on.destination).filter(|arn| !arn.is_empty());
        check_destinations(lambda, &reference, on_success.as_deref(), on_failure.as_deref())?;
        (config.on_success, config.on_failure) = (on_success, on_failure);
    }
    let number = |number: Option<i32>| number.and_then(|number| u32::try_from(number).ok());
    config.retries = number(retries).or(config.retries);
    config.age_s = number(age).or(config.age_s);
    config.modified_ms = lambda.config.clock.now().0;
    function.event_configs.insert(place.to_owned(), config.clone());
    edit.commit(Some(function), Batch::new()).await.map_err(|error| error::store(&error))?;
    Ok(config.describe(arn))
}

fn has(function: &Function, reference: &FunctionRef<'_>) -> bool {
    match reference.qualifier() {
        None | Some(Qualifier::Latest) => true,
        Some(Qualifier::Number(number)) => function.versions.contains_key(&number),
        Some(Qualifier::Alias(name)) => function.aliases.contains_key(name),
    }
}

fn check_destinations(
    lambda: &Lambda,
    reference: &FunctionRef<'_>,
    on_success: Option<&str>,
    on_failure: Option<&str>,
) -> Result<(), Failure> {
    for arn in [on_success, on_failure].into_iter().flatten() {
        match DestinationKind::of(arn) {
            Some(DestinationKind::Function) => check_function(lambda, reference, arn)?,
            // Only a failure's record is kept in a bucket.
            Some(DestinationKind::Bucket) if on_success != Some(arn) => {}
            Some(DestinationKind::Queue | DestinationKind::Topic | DestinationKind::Bus) => {}
            Some(DestinationKind::Bucket) | None => {
                let part = |name, arn: Option<&str>| {
                    arn.map_or("null".to_owned(), |arn| format!("{name}(destination={arn})"))
                };
                return Err(error::invalid(format!(
                    "The provided destination config DestinationConfig(onSuccess={}, onFailure={}) is invalid.",
                    part("OnSuccess", on_success),
                    part("OnFailure", on_failure)
                )));
            }
        }
    }
    Ok(())
}

fn check_function(lambda: &Lambda, reference: &FunctionRef<'_>, arn: &str) -> Result<(), Failure> {
    let invalid = || error::invalid(format!("The destination ARN {arn} is invalid."));
    let named = FunctionRef::parse(arn, &reference.scope).map_err(|_| invalid())?;
    if lambda.catalogue.get(&named.scope, named.name).is_none() {
        return Err(invalid());
    }
    if named.scope == reference.scope && named.name == reference.name {
        return Err(error::invalid("You can't specify the function as a destination for itself."));
    }
    Ok(())
}
