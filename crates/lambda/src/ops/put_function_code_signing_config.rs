//! PutFunctionCodeSigningConfig: gives a function a code signing configuration.

use api::lambda::{PutFunctionCodeSigningConfigInput, PutFunctionCodeSigningConfigOutput};
use base::Cx;
use store::Batch;
use wire::Failure;

use super::{edited, named};
use crate::{Lambda, error};

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: PutFunctionCodeSigningConfigInput,
) -> Result<PutFunctionCodeSigningConfigOutput, Failure> {
    let reference = named(cx, &input.function_name, None)?;
    let _turn = lambda.registry.turn.lock().await;
    lambda.signing_config_for_function(&cx.scope, &input.code_signing_config_arn).await?;
    let edit = lambda.catalogue.edit(&reference.scope, reference.name).await;
    let mut function = edited(edit.now.as_ref(), &reference)?;
    function.code_signing = Some(input.code_signing_config_arn.clone());
    edit.commit(Some(function), Batch::new()).await.map_err(|error| error::store(&error))?;
    Ok(PutFunctionCodeSigningConfigOutput {
        code_signing_config_arn: input.code_signing_config_arn,
        function_name: reference.name.to_owned(),
    })
}
