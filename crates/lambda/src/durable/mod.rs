//! Durable executions: functions that tell of their progress, wait for days without running, and go on where they were.
//!
//! - [`state`] is how an execution changes, [`operation`] and [`history`] what it consists of, [`envelope`] what its
//!   function is given and answers: all of it pure. [`shelf`] keeps executions, [`run`] lets them go on.
//!
//! Invariants: nothing is told that is not durable; one invocation of a function serves an execution at a time; what
//! was completed is never done again.

mod envelope;
mod history;
mod operation;
mod run;
mod shelf;
mod state;

use std::sync::Arc;

use api::lambda as shapes;
use base::{Scope, Timestamp};
use wire::Failure;

pub(crate) use envelope::page;
pub(crate) use operation::{ErrorRecord, Status};
pub(crate) use run::{Checkpoint, Refusal, execution_arn};
pub(crate) use shelf::{Execution, Shelf};
pub(crate) use state::{ExecutionRecord, ExecutionStatus, Pause};

use crate::{Lambda, error};

/// The parts of an execution's ARN that find it.
#[derive(Debug, PartialEq, Eq)]
struct Named<'a> {
    scope: Scope,
    name: &'a str,
    id: &'a str,
}

impl<'a> Named<'a> {
    fn parse(arn: &'a str) -> Option<Self> {
        let (function, rest) = arn.split_once("/durable-execution/")?;
        let (name, id) = rest.split_once('/')?;
        let mut parts = function.split(':').skip(3);
        let region = base::Region::new(parts.next()?);
        Some(Self { scope: Scope { account: parts.next()?.parse().ok()?, region }, name, id })
    }
}

impl Lambda {
    /// The execution that an ARN names.
    pub(crate) async fn execution(&self, arn: &str) -> Result<Arc<Execution>, Failure> {
        let missing = || error::not_found(format!("Durable execution not found: {arn}"));
        let named = Named::parse(arn).ok_or_else(missing)?;
        let found =
            self.executions.find(&named.scope, named.name).await.map_err(|error| error::store(&error))?;
        let execution = found.ok_or_else(missing)?;
        let same = execution.state.lock().await.state.record.id == named.id;
        if same { Ok(execution) } else { Err(missing()) }
    }

    /// The execution and the operation that a callback's id names.
    pub(crate) async fn callback(&self, callback_id: &str) -> Result<(Arc<Execution>, String), Failure> {
        use base64::Engine as _;

        let invalid = || error::invalid("Invalid callback id");
        let decoded = base64::engine::general_purpose::STANDARD.decode(callback_id).map_err(|_| invalid())?;
        let decoded = String::from_utf8(decoded).map_err(|_| invalid())?;
        let mut lines = decoded.split('\n');
        let (arn, id) = lines.next().zip(lines.next()).ok_or_else(invalid)?;
        let execution = self.execution(arn).await?;
        let known = execution.state.lock().await.state.operation(id).map(|o| o.callback_id.clone());
        if known.flatten().as_deref() == Some(callback_id) {
            Ok((execution, id.to_owned()))
        } else {
            Err(error::not_found("Callback not found"))
        }
    }
}

impl ExecutionRecord {
    pub(crate) fn status(&self) -> shapes::ExecutionStatus {
        match self.status {
            ExecutionStatus::Running => shapes::ExecutionStatus::Running,
            ExecutionStatus::Succeeded => shapes::ExecutionStatus::Succeeded,
            ExecutionStatus::Failed => shapes::ExecutionStatus::Failed,
            ExecutionStatus::TimedOut => shapes::ExecutionStatus::TimedOut,
            ExecutionStatus::Stopped => shapes::ExecutionStatus::Stopped,
            ExecutionStatus::Paused => shapes::ExecutionStatus::Paused,
        }
    }

    /// As ListDurableExecutionsByFunction prints it.
    pub(crate) fn describe(&self, scope: &Scope) -> shapes::Execution {
        shapes::Execution {
            durable_execution_arn: execution_arn(scope, self),
            durable_execution_name: self.name.clone(),
            function_arn: self.function_arn(scope),
            status: self.status(),
            start_timestamp: Timestamp(self.started_ms),
            end_timestamp: self.ended_ms.map(Timestamp),
            kms_key_arn: None,
        }
    }

    pub(crate) fn function_arn(&self, scope: &Scope) -> String {
        let version = crate::function::version_text(self.version);
        format!("{}:{version}", crate::name::function_arn(scope, &self.function))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_names_an_execution() {
        let arn = "arn:aws:lambda:us-east-1:000000000042:function:f:$LATEST/durable-execution/order-7/abc-1";
        let named = Named::parse(arn).unwrap();
        assert_eq!((named.name, named.id, named.scope.region.as_str()), ("order-7", "abc-1", "us-east-1"));
        assert_eq!(Named::parse("arn:aws:lambda:us-east-1:000000000042:function:f"), None);
    }
}
