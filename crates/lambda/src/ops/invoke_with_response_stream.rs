//! InvokeWithResponseStream: runs a function now and answers a stream of events, each piece as it comes.

use api::lambda::{
    InvokeResponseStreamUpdate, InvokeWithResponseStreamCompleteEvent, InvokeWithResponseStreamInput,
    InvokeWithResponseStreamOutput, InvokeWithResponseStreamResponseEvent as Event, LogType,
    ResponseStreamingInvocationType,
};
use base::Cx;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use ports::{InvokeAnswer, InvokeKind, InvokePiece, InvokeReply};
use wire::{Failure, Streamed};

use super::{invoke, named};
use crate::runner::Run;
use crate::{Lambda, error};

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: InvokeWithResponseStreamInput,
) -> Result<InvokeWithResponseStreamOutput, Failure> {
    let reference = named(cx, &input.function_name, input.qualifier.as_deref())?;
    let target = lambda.find_target(&reference, cx.request_id).await.map_err(error::invoke)?;
    let payload = lambda.check_payload(input.payload.unwrap_or_default(), InvokeKind::RequestResponse).await;
    let payload = payload.map_err(error::invoke)?;
    let client_context =
        input.client_context.as_deref().map(invoke::decode_context).transpose().map_err(error::invoke)?;
    if input.invocation_type == Some(ResponseStreamingInvocationType::DryRun) {
        let executed_version = Some(target.version.text.clone());
        return Ok(InvokeWithResponseStreamOutput {
            status_code: Some(204),
            executed_version,
            ..InvokeWithResponseStreamOutput::default()
        });
    }
    let run = Run {
        function: target.function,
        version: target.version,
        function_arn: target.arn,
        payload,
        request_id: cx.request_id,
        client_context,
        trace: cx.trace.clone(),
    };
    let wants_log = input.log_type == Some(LogType::Tail);
    let answer = lambda.runner.run_streamed(run).await.map_err(error::invoke)?;
    let (executed_version, event_stream) = match answer {
        InvokeAnswer::Streamed(streamed) => {
            let events = streamed.pieces.map(move |piece| match piece {
                InvokePiece::Data(bytes) => chunk(bytes),
                InvokePiece::End(reply) => complete(&reply, wants_log),
            });
            (streamed.executed_version, Streamed::new(events))
        }
        InvokeAnswer::Whole(reply) => {
            let payload = reply.function_error.is_none().then(|| chunk(reply.payload.clone()));
            let events = payload.into_iter().chain([complete(&reply, wants_log)]);
            (reply.executed_version, Streamed::new(stream::iter(events.collect::<Vec<_>>())))
        }
    };
    Ok(InvokeWithResponseStreamOutput {
        status_code: Some(200),
        executed_version: Some(executed_version),
        event_stream: Some(event_stream),
        response_stream_content_type: None,
    })
}

fn chunk(payload: Bytes) -> Event {
    Event::PayloadChunk(InvokeResponseStreamUpdate { payload: Some(payload) })
}

/// The last event. A function's failure is told here, whether or not something came before it.
fn complete(reply: &InvokeReply, wants_log: bool) -> Event {
    let details = || String::from_utf8_lossy(&reply.payload).into_owned();
    Event::InvokeComplete(InvokeWithResponseStreamCompleteEvent {
        error_code: reply.function_error.map(str::to_owned),
        error_details: reply.function_error.map(|_| details()),
        log_result: wants_log.then(|| STANDARD.encode(&reply.log_tail)),
    })
}
