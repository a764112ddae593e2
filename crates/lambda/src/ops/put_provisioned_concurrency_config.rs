//! PutProvisionedConcurrencyConfig: keeps environments of a version, or of what an alias reaches, initialised.

use std::sync::atomic::Ordering;

use api::lambda::{PutProvisionedConcurrencyConfigInput, PutProvisionedConcurrencyConfigOutput};
use base::{Cx, Timestamp};
use store::Batch;
use wire::Failure;

use super::{get_provisioned_concurrency_config as get, named, put_function_concurrency};
use crate::catalogue::Function;
use crate::name::Qualifier;
use crate::provision::Provisioned;
use crate::{Lambda, error};

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: PutProvisionedConcurrencyConfigInput,
) -> Result<PutProvisionedConcurrencyConfigOutput, Failure> {
    if input.qualifier == "$LATEST" {
        return Err(unpublished());
    }
    let reference = named(cx, &input.function_name, Some(&input.qualifier))?;
    let edit = lambda.catalogue.edit(&reference.scope, reference.name).await;
    let mut function = Function::clone(get::reached(edit.now.as_ref(), &reference)?);
    let count = u32::try_from(input.provisioned_concurrent_executions).unwrap_or(0);
    check_room(lambda, &function, &input.qualifier, count)?;
    check_overlap(&function, &input.qualifier)?;
    let modified_ms = lambda.config.clock.now().0;
    function.provisioned.insert(input.qualifier.clone(), Provisioned { count, modified_ms });
    for version in function.reached_by(&input.qualifier) {
        version.provision.retry();
    }
    let progress = function.progress(&input.qualifier);
    edit.commit(Some(function), Batch::new()).await.map_err(|error| error::store(&error))?;
    Ok(PutProvisionedConcurrencyConfigOutput {
        requested_provisioned_concurrent_executions: Some(input.provisioned_concurrent_executions),
        allocated_provisioned_concurrent_executions: i32::try_from(progress.allocated).ok(),
        available_provisioned_concurrent_executions: i32::try_from(progress.allocated).ok(),
        status: Some(progress.status(count)),
        status_reason: None,
        last_modified: Some(get::time(Timestamp(modified_ms))),
    })
}

fn unpublished() -> Failure {
    error::invalid("Provisioned Concurrency Configs cannot be applied to unpublished function versions.")
}

/// What is provisioned counts against the function's reservation, or else against the account.
fn check_room(lambda: &Lambda, function: &Function, qualifier: &str, count: u32) -> Result<(), Failure> {
    let others: u32 =
        function.provisioned.iter().filter(|(q, _)| *q != qualifier).map(|(_, p)| p.count).sum();
    if let Some(reserved) = function.reserved {
        return if reserved < others + count {
            Err(error::invalid(
                "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function",
            ))
        } else {
            Ok(())
        };
    }
    let max = lambda.config.limits.concurrency_max;
    if count as usize > max {
        return Err(error::invalid(format!(
            "Specified ConcurrentExecutions for function is greater than account's unreserved concurrency [{max}]."
        )));
    }
    let now = function.provisioned.get(qualifier).map_or(0, |p| p.count as usize);
    let set_aside = function.load.account.reserved.load(Ordering::Relaxed).saturating_sub(now);
    let min = put_function_concurrency::UNRESERVED_MIN;
    if max.saturating_sub(set_aside) < count as usize + min {
        return Err(error::invalid(format!(
            "Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below \
             its minimum value of [{min}]."
        )));
    }
    Ok(())
}

/// A version is provisioned by its number or through an alias, not both.
fn check_overlap(function: &Function, qualifier: &str) -> Result<(), Failure> {
    match Qualifier::parse(qualifier) {
        Qualifier::Latest => Err(unpublished()),
        Qualifier::Alias(_) => {
            let versions = function.reached_by(qualifier);
            if versions.iter().any(|version| version.record.number == 0) {
                return Err(unpublished());
            }
            if versions.iter().any(|version| function.provisioned.contains_key(&version.text)) {
                return Err(error::conflict(
                    "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version",
                ));
            }
            Ok(())
        }
        Qualifier::Number(number) => {
            let points = |name: &String| {
                function
                    .aliases
                    .get(name)
                    .is_some_and(|a| a.version == number || a.weights.contains_key(&number))
            };
            if function.provisioned.keys().any(points) {
                return Err(error::conflict("Version is pointed by a Provisioned Concurrency alias"));
            }
            Ok(())
        }
    }
}
