//! Invoke: runs a function now, accepts an event for later, or only says whether it could run.

use api::lambda::{InvocationType, InvokeInput, InvokeOutput, LogType};
use base::Cx;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use ports::{InvokeError, InvokeKind};
use wire::Failure;

use super::named;
use crate::durable::Refusal;
use crate::event::EventCall;
use crate::invoke::Target;
use crate::runner::Run;
use crate::{Lambda, error, lineage, payload};

pub(super) async fn run(lambda: &Lambda, cx: &Cx, input: InvokeInput) -> Result<InvokeOutput, Failure> {
    let reference = named(cx, &input.function_name, input.qualifier.as_deref())?;
    let target = lambda.find_target(&reference, cx.request_id).await.map_err(error::invoke)?;
    let kind = input.invocation_type.unwrap_or(InvocationType::RequestResponse);
    let function = &target.function;
    // An event is accepted all the same, and cut when it is its turn, so that its destination hears of it.
    let now = kind == InvocationType::RequestResponse;
    if now && !function.allows_loops && lineage::is_loop(&cx.trace, &function.arn()) {
        return Err(error::recursive_invocation());
    }
    let size = if kind == InvocationType::Event { InvokeKind::Event } else { InvokeKind::RequestResponse };
    let payload =
        lambda.check_payload(input.payload.unwrap_or_default(), size).await.map_err(error::invoke)?;
    let client_context =
        input.client_context.as_deref().map(decode_context).transpose().map_err(error::invoke)?;
    if target.version.record.settings.durable.is_some() && kind != InvocationType::DryRun {
        let waits = kind == InvocationType::RequestResponse;
        return invoke_durable(lambda, cx, &target, (input.durable_execution_name, payload, waits)).await;
    }
    if input.durable_execution_name.is_some() {
        return Err(error::invalid("The function is not a durable function: it has no DurableConfig."));
    }
    match kind {
        InvocationType::DryRun => {
            let executed_version = Some(target.version.text.clone());
            Ok(InvokeOutput { status_code: Some(204), executed_version, ..InvokeOutput::default() })
        }
        InvocationType::Event => {
            let event = EventCall {
                scope: reference.scope.clone(),
                function: reference.qualified_arn(),
                payload,
                request_id: cx.request_id,
                trace: cx.trace.clone(),
                client_context,
            };
            lambda.accept(event).await.map_err(error::invoke)?;
            Ok(InvokeOutput {
                status_code: Some(202),
                payload: Some(Bytes::new()),
                ..InvokeOutput::default()
            })
        }
        InvocationType::RequestResponse => {
            let wants_log = input.log_type == Some(LogType::Tail);
            invoke_now(lambda, cx, target, (payload, client_context, wants_log)).await
        }
    }
}

async fn invoke_now(
    lambda: &Lambda,
    cx: &Cx,
    target: Target,
    (payload, client_context, wants_log): (Bytes, Option<String>, bool),
) -> Result<InvokeOutput, Failure> {
    let run = Run {
        function: target.function,
        version: target.version,
        function_arn: target.arn,
        payload,
        request_id: cx.request_id,
        client_context,
        trace: cx.trace.clone(),
    };
    // The end of the log tells of the whole invocation.
    let reply = if wants_log { lambda.runner.run(run).await } else { lambda.runner.answer(run).await };
    let reply = reply.map_err(error::invoke)?;
    Ok(InvokeOutput {
        status_code: Some(200),
        function_error: reply.function_error.map(str::to_owned),
        log_result: wants_log.then(|| STANDARD.encode(&reply.log_tail)),
        payload: Some(reply.payload),
        executed_version: Some(reply.executed_version),
        durable_execution_arn: None,
    })
}

async fn invoke_durable(
    lambda: &Lambda,
    cx: &Cx,
    target: &Target,
    (name, payload, waits): (Option<String>, Bytes, bool),
) -> Result<InvokeOutput, Failure> {
    let invoked = lambda.invoke_durable(target, name, (&payload, &cx.trace), waits).await;
    let (reply, arn) = invoked.map_err(|refusal| match refusal {
        Refusal::Taken(name) => error::execution_started(&name),
        Refusal::Invalid(message) => error::invalid(message),
        Refusal::Store(error) => error::store(&error),
        Refusal::Invoke(error) => error::invoke(error),
    })?;
    Ok(InvokeOutput {
        status_code: Some(if waits { 200 } else { 202 }),
        function_error: reply.function_error.map(str::to_owned),
        payload: Some(reply.payload),
        executed_version: waits.then_some(reply.executed_version),
        durable_execution_arn: Some(arn),
        ..InvokeOutput::default()
    })
}

pub(super) fn decode_context(text: &str) -> Result<String, InvokeError> {
    let decoded = STANDARD.decode(text).ok().filter(|json| payload::check(json).is_ok());
    decoded.and_then(|json| String::from_utf8(json).ok()).ok_or_else(|| {
        InvokeError::BadPayload("Client context must be a valid Base64-encoded JSON object.".to_owned())
    })
}
