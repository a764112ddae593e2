//! GetDurableExecution: how an execution is, and what came of it.

use api::lambda::{
    DurableConfig, GetDurableExecutionInput, GetDurableExecutionOutput, PauseDetails, TraceHeader,
};
use base::{Cx, Timestamp};
use wire::Failure;

use crate::Lambda;
use crate::function::version_text;

pub(super) async fn run(
    lambda: &Lambda,
    _: &Cx,
    input: GetDurableExecutionInput,
) -> Result<GetDurableExecutionOutput, Failure> {
    let execution = lambda.execution(&input.durable_execution_arn).await?;
    let current = execution.state.lock().await;
    let (record, whole) = (&current.state.record, current.state.execution());
    let with_data = input.include_execution_data.unwrap_or(true);
    let data = |text: &Option<String>| text.clone().filter(|_| with_data);
    let pause_details = record.pause.as_ref().map(|pause| PauseDetails {
        pause_request_timestamp: Timestamp(pause.requested_ms),
        reason: data(&pause.reason),
        execution_timeout_paused: pause.timeout_paused,
    });
    let seconds = i32::try_from(record.timeout_s).ok();
    let running = record.ended_ms.is_none();
    Ok(GetDurableExecutionOutput {
        durable_execution_arn: input.durable_execution_arn,
        durable_execution_name: record.name.clone(),
        function_arn: record.function_arn(&execution.scope),
        input_payload: data(&whole.input),
        result: data(&whole.result),
        error: whole.error.as_ref().filter(|_| with_data).map(|error| error.describe()),
        start_timestamp: Timestamp(record.started_ms),
        status: record.status(),
        end_timestamp: record.ended_ms.map(Timestamp),
        version: Some(version_text(record.version)),
        trace_header: Some(TraceHeader { x_amzn_trace_id: Some(record.trace.clone()) }),
        execution_data_included: Some(with_data),
        durable_config: Some(DurableConfig {
            kms_key_arn: None,
            retention_period_in_days: i32::try_from(record.retention_days).ok(),
            execution_timeout: seconds,
        }),
        pause_details,
        expected_execution_timeout_timestamp: running.then_some(Timestamp(record.expires_ms)),
    })
}
