//! PutFunctionRecursionConfig: cuts recursive loops of a function, which is the default, or lets them go on.

use api::lambda::{PutFunctionRecursionConfigInput, PutFunctionRecursionConfigOutput, RecursiveLoop};
use base::Cx;
use store::Batch;
use wire::Failure;

use super::{edited, named};
use crate::{Lambda, error};

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: PutFunctionRecursionConfigInput,
) -> Result<PutFunctionRecursionConfigOutput, Failure> {
    let reference = named(cx, &input.function_name, None)?;
    let edit = lambda.catalogue.edit(&reference.scope, reference.name).await;
    let mut function = edited(edit.now.as_ref(), &reference)?;
    function.allows_loops = input.recursive_loop == RecursiveLoop::Allow;
    edit.commit(Some(function), Batch::new()).await.map_err(|error| error::store(&error))?;
    Ok(PutFunctionRecursionConfigOutput { recursive_loop: Some(input.recursive_loop) })
}
