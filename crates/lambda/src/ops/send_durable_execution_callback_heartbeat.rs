//! SendDurableExecutionCallbackHeartbeat: what an execution waits for is still on its way.

use api::lambda::{SendDurableExecutionCallbackHeartbeatInput, SendDurableExecutionCallbackHeartbeatOutput};
use base::Cx;
use wire::Failure;

use crate::{Lambda, error};

pub(super) async fn run(
    lambda: &Lambda,
    _: &Cx,
    input: SendDurableExecutionCallbackHeartbeatInput,
) -> Result<SendDurableExecutionCallbackHeartbeatOutput, Failure> {
    let (execution, id) = lambda.callback(&input.callback_id).await?;
    let mut current = execution.state.lock().await;
    let now = lambda.config.clock.now().0;
    let ticked = current.state.tick(now);
    let heard = current.state.heartbeat(&id, now);
    let changes = heard.as_ref().unwrap_or(&ticked);
    if !ticked.is_empty() || heard.is_some() {
        let kept = lambda.executions.keep(&execution, &mut current, changes).await;
        kept.map_err(|error| error::store(&error))?;
    }
    if heard.is_some() {
        Ok(SendDurableExecutionCallbackHeartbeatOutput {})
    } else {
        Err(error::callback_over())
    }
}
