//! GetAlias.

use api::lambda::{GetAliasInput, GetAliasOutput};
use base::Cx;
use wire::Failure;

use super::{existing, named};
use crate::catalogue::Function;
use crate::{Lambda, error};

pub(super) async fn run(lambda: &Lambda, cx: &Cx, input: GetAliasInput) -> Result<GetAliasOutput, Failure> {
    let reference = named(cx, &input.function_name, None)?;
    let function = existing(lambda, &reference)?;
    let alias = function.aliases.get(&input.name).ok_or_else(|| missing(&function, &input.name))?;
    Ok(alias.describe(&function.scope, &function.name, &input.name))
}

pub(super) fn missing(function: &Function, alias: &str) -> Failure {
    error::not_found(format!("Cannot find alias arn: {}:{alias}", function.arn()))
}
