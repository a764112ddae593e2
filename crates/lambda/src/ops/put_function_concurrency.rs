//! PutFunctionConcurrency: sets a part of the account's concurrency aside for one function, which cannot have more.

use std::sync::atomic::Ordering;

use api::lambda::{PutFunctionConcurrencyInput, PutFunctionConcurrencyOutput};
use base::Cx;
use store::Batch;
use wire::Failure;

use super::{edited, unqualified};
use crate::{Lambda, error};

/// What AWS keeps for the functions without a reservation.
pub(super) const UNRESERVED_MIN: usize = 100;

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: PutFunctionConcurrencyInput,
) -> Result<PutFunctionConcurrencyOutput, Failure> {
    let reference = unqualified(cx, &input.function_name)?;
    let edit = lambda.catalogue.edit(&reference.scope, reference.name).await;
    let mut function = edited(edit.now.as_ref(), &reference)?;
    let wanted = u32::try_from(input.reserved_concurrent_executions).unwrap_or(0);
    let provisioned: u32 = function.provisioned.values().map(|provisioned| provisioned.count).sum();
    if wanted < provisioned {
        // The two spaces are AWS's.
        return Err(error::invalid(format!(
            " ReservedConcurrentExecutions  {wanted} should not be lower than function's total provisioned \
             concurrency [{provisioned}]."
        )));
    }
    let reserved = function.load.account.reserved.load(Ordering::Relaxed);
    let others = reserved.saturating_sub(function.set_aside());
    let max = lambda.config.limits.concurrency_max.saturating_sub(UNRESERVED_MIN);
    if others + wanted as usize > max {
        return Err(error::invalid(format!(
            "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution \
             below its minimum value of [{UNRESERVED_MIN}]."
        )));
    }
    function.reserved = Some(wanted);
    edit.commit(Some(function), Batch::new()).await.map_err(|error| error::store(&error))?;
    Ok(PutFunctionConcurrencyOutput {
        reserved_concurrent_executions: Some(input.reserved_concurrent_executions),
    })
}
