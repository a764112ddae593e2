//! UpdateFunctionEventInvokeConfig: changes what is named of a configuration that is there.

use api::lambda::{FunctionEventInvokeConfig, UpdateFunctionEventInvokeConfigInput};
use base::Cx;
use wire::Failure;

use super::put_function_event_invoke_config::change;
use crate::Lambda;

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: UpdateFunctionEventInvokeConfigInput,
) -> Result<FunctionEventInvokeConfig, Failure> {
    change(lambda, cx, input, true).await
}
