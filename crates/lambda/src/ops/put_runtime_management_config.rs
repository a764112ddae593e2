//! PutRuntimeManagementConfig: when a version changes its runtime. Kept and told: a runtime here is what the host has.

use api::lambda::{PutRuntimeManagementConfigInput, PutRuntimeManagementConfigOutput, UpdateRuntimeOn};
use base::Cx;
use store::Batch;
use wire::Failure;

use super::{edited, named};
use crate::function::RuntimeManagement;
use crate::name::Qualifier;
use crate::{Lambda, error};

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: PutRuntimeManagementConfigInput,
) -> Result<PutRuntimeManagementConfigOutput, Failure> {
    let reference = named(cx, &input.function_name, input.qualifier.as_deref())?;
    if matches!(reference.qualifier(), Some(Qualifier::Alias(_))) {
        return Err(error::function_not_found(&reference));
    }
    let manual = input.update_runtime_on == UpdateRuntimeOn::Manual;
    match (manual, &input.runtime_version_arn) {
        (true, None) => {
            return Err(error::invalid(
                "RuntimeVersionArn is required when UpdateRuntimeOn is set to Manual.",
            ));
        }
        (false, Some(_)) => {
            return Err(error::invalid(
                "RuntimeVersionArn can only be specified when UpdateRuntimeOn is set to Manual.",
            ));
        }
        _ => {}
    }
    let edit = lambda.catalogue.edit(&reference.scope, reference.name).await;
    let mut function = edited(edit.now.as_ref(), &reference)?;
    let Some(version) = function.version(reference.qualifier(), || 1.0) else {
        return Err(error::function_not_found(&reference));
    };
    let text = version.text.clone();
    let management = RuntimeManagement {
        update_on: input.update_runtime_on.as_str().to_owned(),
        version_arn: input.runtime_version_arn.clone(),
    };
    function.runtime_management.insert(text, management);
    edit.commit(Some(function), Batch::new()).await.map_err(|error| error::store(&error))?;
    Ok(PutRuntimeManagementConfigOutput {
        update_runtime_on: input.update_runtime_on,
        function_arn: reference.qualified_arn(),
        runtime_version_arn: input.runtime_version_arn,
    })
}
