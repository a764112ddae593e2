//! GetFunction: settings, where to fetch the package, tags, concurrency.

use api::lambda::{Concurrency, FunctionCodeLocation, GetFunctionInput, GetFunctionOutput};
use base::Cx;
use wire::Failure;

use super::get_function_configuration::configuration;
use super::{existing, named};
use crate::{Lambda, error};

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: GetFunctionInput,
) -> Result<GetFunctionOutput, Failure> {
    let reference = named(cx, &input.function_name, input.qualifier.as_deref())?;
    let function = existing(lambda, &reference)?;
    let configuration = configuration(&function, &reference)?;
    let version = function.version(reference.qualifier(), || 1.0);
    let version = version.ok_or_else(|| error::function_not_found(&reference))?;
    let reserved = function.reserved.and_then(|count| i32::try_from(count).ok());
    Ok(GetFunctionOutput {
        configuration: Some(configuration),
        code: Some(FunctionCodeLocation {
            repository_type: Some("S3".to_owned()),
            location: Some(version.record.code.location(&cx.origin())),
            ..FunctionCodeLocation::default()
        }),
        tags: (!function.tags.is_empty()).then(|| function.tags.clone()),
        tags_error: None,
        concurrency: reserved.map(|count| Concurrency { reserved_concurrent_executions: Some(count) }),
    })
}
