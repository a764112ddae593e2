//! SendDurableExecutionCallbackSuccess: what an execution waited for has come.

use api::lambda::{SendDurableExecutionCallbackSuccessInput, SendDurableExecutionCallbackSuccessOutput};
use base::Cx;
use wire::Failure;

use crate::durable::Status;
use crate::{Lambda, error};

pub(super) async fn run(
    lambda: &Lambda,
    _: &Cx,
    input: SendDurableExecutionCallbackSuccessInput,
) -> Result<SendDurableExecutionCallbackSuccessOutput, Failure> {
    let (execution, id) = lambda.callback(&input.callback_id).await?;
    let result = input.result.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let taken =
        lambda.complete((&execution.scope, &execution.name), &id, Status::Succeeded, Ok(result)).await;
    if taken.map_err(|error| error::store(&error))? {
        Ok(SendDurableExecutionCallbackSuccessOutput {})
    } else {
        Err(error::callback_over())
    }
}
