//! DeleteLayerVersion: no further function may use it; those that do keep it. Also answers well when there is none.

use api::lambda::{DeleteLayerVersionInput, DeleteLayerVersionOutput};
use base::Cx;
use wire::Failure;

use super::get_layer_version::{layer, number};
use crate::layer::layer_arn;
use crate::{Lambda, error};

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: DeleteLayerVersionInput,
) -> Result<DeleteLayerVersionOutput, Failure> {
    let number = number(input.version_number)?;
    let reference = layer(cx, &input.layer_name)?;
    if reference.scope.account != cx.scope.account {
        let arn = format!("{}:{number}", layer_arn(&reference.scope, reference.name));
        return Err(error::access_denied(&cx.scope, "lambda:DeleteLayerVersion", &arn));
    }
    let _turn = lambda.layers.turn.lock().await;
    if let Some(version) = lambda.layers.get(&reference.scope, reference.name, number) {
        lambda.layers.delete(&version).await.map_err(|error| error::store(&error))?;
        lambda.codes.release(&version.code.sha256).await;
    }
    Ok(DeleteLayerVersionOutput {})
}
