//! GetProvisionedConcurrencyConfig: how far the provisioning of an alias or version has come.

use std::sync::Arc;

use api::lambda::{GetProvisionedConcurrencyConfigInput, GetProvisionedConcurrencyConfigOutput};
use base::{Cx, Timestamp};
use wire::Failure;

use super::named;
use crate::catalogue::Function;
use crate::name::{FunctionRef, Qualifier};
use crate::{Lambda, error};

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: GetProvisionedConcurrencyConfigInput,
) -> Result<GetProvisionedConcurrencyConfigOutput, Failure> {
    check_published(&input.qualifier)?;
    let reference = named(cx, &input.function_name, Some(&input.qualifier))?;
    let function = lambda.catalogue.get(&reference.scope, reference.name);
    let function = reached(function.as_ref(), &reference)?;
    let provisioned = function.provisioned.get(&input.qualifier).ok_or_else(error::not_provisioned)?;
    let progress = function.progress(&input.qualifier);
    let allocated = i32::try_from(progress.allocated).ok();
    Ok(GetProvisionedConcurrencyConfigOutput {
        requested_provisioned_concurrent_executions: i32::try_from(provisioned.count).ok(),
        available_provisioned_concurrent_executions: allocated,
        allocated_provisioned_concurrent_executions: allocated,
        status: Some(progress.status(provisioned.count)),
        status_reason: progress.failure.map(str::to_owned),
        last_modified: Some(time(Timestamp(provisioned.modified_ms))),
    })
}

pub(super) fn check_published(qualifier: &str) -> Result<(), Failure> {
    if qualifier == "$LATEST" {
        return Err(error::invalid(
            "The function resource provided must be an alias or a published version.",
        ));
    }
    Ok(())
}

/// The function, if it has the alias or version of `reference`.
pub(super) fn reached<'a>(
    function: Option<&'a Arc<Function>>,
    reference: &FunctionRef<'_>,
) -> Result<&'a Arc<Function>, Failure> {
    let (has, missing) = match reference.qualifier() {
        Some(Qualifier::Alias(name)) => (
            function.is_some_and(|f| f.aliases.contains_key(name)),
            error::not_found(format!("Cannot find alias arn: {}", reference.qualified_arn())),
        ),
        Some(Qualifier::Number(number)) => {
            (function.is_some_and(|f| f.versions.contains_key(&number)), error::function_not_found(reference))
        }
        Some(Qualifier::Latest) | None => (function.is_some(), error::function_not_found(reference)),
    };
    function.filter(|_| has).ok_or(missing)
}

/// As AWS prints the time of a change of a function.
pub(super) fn time(at: Timestamp) -> String {
    at.iso8601().replace('Z', "+0000")
}
