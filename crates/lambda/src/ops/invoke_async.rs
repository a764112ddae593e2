//! InvokeAsync: accepts an event, as the Invoke operation of before 2015 did. AWS still serves it.

use api::lambda::{InvokeAsyncInput, InvokeAsyncOutput};
use base::Cx;
use ports::InvokeKind;
use wire::Failure;

use super::named;
use crate::event::EventCall;
use crate::{Lambda, error};

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: InvokeAsyncInput,
) -> Result<InvokeAsyncOutput, Failure> {
    let reference = named(cx, &input.function_name, None)?;
    lambda.find_target(&reference, cx.request_id).await.map_err(error::invoke)?;
    let payload = lambda.check_payload(input.invoke_args, InvokeKind::Event).await.map_err(error::invoke)?;
    let event = EventCall {
        scope: reference.scope.clone(),
        function: reference.qualified_arn(),
        payload,
        request_id: cx.request_id,
        trace: cx.trace.clone(),
        client_context: None,
    };
    lambda.accept(event).await.map_err(error::invoke)?;
    Ok(InvokeAsyncOutput { status: Some(202) })
}
