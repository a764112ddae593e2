//! From a named function to a run: resolves the version, asks the resource policy, checks the payload.
//! The way of the Invoke operation, of the port, of queued events and of event source mappings.

use std::sync::Arc;

use base::RequestId;
use bytes::Bytes;
use ports::{
    BoxFuture, Invoke, InvokeAnswer, InvokeCall, InvokeError, InvokeKind, InvokeReply, InvokeSource,
};

use crate::Lambda;
use crate::catalogue::{Function, Version};
use crate::detached::Detached;
use crate::event::EventCall;
use crate::name::FunctionRef;
use crate::payload;
use crate::runner::Run;

/// Larger payloads are checked beside the runtime's workers, which they would hold for too long.
const CHECKED_AT_ONCE: usize = 256 << 10;

/// A function, the version that a call reaches, and the ARN by which it was called.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) function: Arc<Function>,
    pub(crate) version: Arc<Version>,
    pub(crate) arn: String,
}

/// A number evenly spread over 0..1 out of a random id, so that an invocation's version follows from its id.
pub(crate) fn roll(id: RequestId) -> f64 {
    const BITS: u128 = (1 << 53) - 1;
    (id.0 & BITS) as f64 / (BITS + 1) as f64
}

impl Lambda {
    pub(crate) fn target(&self, reference: &FunctionRef<'_>, id: RequestId) -> Result<Target, InvokeError> {
        let not_found =
            || InvokeError::NotFound(format!("Function not found: {}", reference.qualified_arn()));
        let function = self.catalogue.get(&reference.scope, reference.name).ok_or_else(not_found)?;
        let version = function.version(reference.qualifier(), || roll(id)).ok_or_else(not_found)?.clone();
        Ok(Target { function, version, arn: reference.qualified_arn() })
    }

    /// Empty is `{}`; otherwise one JSON value of a size that `kind` takes.
    pub(crate) async fn check_payload(&self, payload: Bytes, kind: InvokeKind) -> Result<Bytes, InvokeError> {
        let (max, name) = match kind {
            InvokeKind::RequestResponse => (self.config.limits.invoke_sync_bytes_max, "RequestResponse"),
            InvokeKind::Event => (self.config.limits.invoke_async_bytes_max, "Event"),
        };
        if payload.len() > max {
            return Err(InvokeError::TooLarge(format!(
                "{} byte payload is too large for the {name} invocation type (limit {max} bytes)",
                payload.len()
            )));
        }
        if payload.is_empty() {
            return Ok(Bytes::from_static(b"{}"));
        }
        if payload.len() <= CHECKED_AT_ONCE {
            payload::check(&payload).map_err(InvokeError::BadPayload)?;
            return Ok(payload);
        }
        let check = tokio::task::spawn_blocking(move || payload::check(&payload).map(|()| payload));
        let checked = check.await.map_err(|error| InvokeError::Internal(error.to_string()))?;
        checked.map_err(InvokeError::BadPayload)
    }

    fn ask_policy(
        &self,
        target: &Target,
        qualifier: Option<&str>,
        source: &InvokeSource,
    ) -> Result<(), InvokeError> {
        let policies = &target.function.policies;
        // `$LATEST` has no policy of its own.
        let qualifier = qualifier.filter(|qualifier| *qualifier != "$LATEST");
        let policy = policies.get(qualifier.unwrap_or_default());
        let allowed = policy.is_some_and(|policy| policy.lets_in(source.service, &source.source_arn));
        if allowed || !self.config.enforce_policies {
            return Ok(());
        }
        Err(InvokeError::AccessDenied(format!(
            "User: {} is not authorized to perform: lambda:InvokeFunction on resource: {} because no \
             resource-based policy allows the lambda:InvokeFunction action",
            source.service, target.arn
        )))
    }

    /// What a service's call runs, when it may.
    async fn admit(&self, reference: &FunctionRef<'_>, call: &InvokeCall) -> Result<Run, InvokeError> {
        let target = self.find_target(reference, call.request_id).await?;
        if let Some(source) = &call.source {
            self.ask_policy(&target, reference.qualifier, source)?;
        }
        Ok(Run {
            function: target.function,
            version: target.version,
            function_arn: target.arn,
            payload: self.check_payload(call.payload.clone(), call.kind).await?,
            request_id: call.request_id,
            client_context: None,
            trace: call.trace.clone(),
        })
    }

    async fn invoke_call(&self, call: InvokeCall) -> Result<InvokeReply, InvokeError> {
        let reference = FunctionRef::parse(&call.function, &call.scope)
            .map_err(|error| InvokeError::NotFound(error.to_string()))?;
        let run = self.admit(&reference, &call).await?;
        if run.version.record.settings.durable.is_some() {
            let waits = call.kind == InvokeKind::RequestResponse;
            let Run { function, version, function_arn: arn, payload, trace, .. } = run;
            let target = Target { function, version, arn };
            return Ok(self.invoke_durable(&target, None, (&payload, &trace), waits).await?.0);
        }
        match call.kind {
            InvokeKind::RequestResponse => self.runner.answer(run).await,
            InvokeKind::Event => {
                let event = EventCall {
                    scope: reference.scope.clone(),
                    function: reference.qualified_arn(),
                    payload: run.payload,
                    request_id: call.request_id,
                    trace: call.trace,
                    client_context: None,
                };
                self.accept(event).await?;
                Ok(InvokeReply {
                    payload: Bytes::new(),
                    function_error: None,
                    executed_version: run.version.text.clone(),
                    log_tail: Bytes::new(),
                })
            }
        }
    }
}

impl Lambda {
    async fn invoke_call_streamed(&self, call: InvokeCall) -> Result<InvokeAnswer, InvokeError> {
        if call.kind == InvokeKind::Event {
            return self.invoke_call(call).await.map(InvokeAnswer::Whole);
        }
        let reference = FunctionRef::parse(&call.function, &call.scope)
            .map_err(|error| InvokeError::NotFound(error.to_string()))?;
        let run = self.admit(&reference, &call).await?;
        self.runner.run_streamed(run).await
    }
}

impl Invoke for Lambda {
    fn invoke<'a>(&'a self, call: InvokeCall) -> BoxFuture<'a, Result<InvokeReply, InvokeError>> {
        let me = self.arc();
        Box::pin(Detached::new(Box::pin(async move { me.invoke_call(call).await })))
    }

    fn invoke_streamed<'a>(&'a self, call: InvokeCall) -> BoxFuture<'a, Result<InvokeAnswer, InvokeError>> {
        Box::pin(self.invoke_call_streamed(call))
    }
}
