//! GetFunction: settings, where to fetch the package, tags, concurrency.

use api::lambda::{Concurrency, FunctionCodeLocation, GetFunctionInput, GetFunctionOutput};
use base::Cx;
use wire::Failure;

use super::get_function_configuration::configuration;
use super::{existing, named};
use crate::{CODE_PATH, Lambda, error};

/// Where the server listens unless it is told otherwise; used when the caller's way to it is unknown.
const DEFAULT_HOST: &str = "127.0.0.1:4566";

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
    let host = cx.host.as_deref().unwrap_or(DEFAULT_HOST);
    let location = format!("http://{host}{CODE_PATH}{}", version.record.code.sha256_hex());
    let reserved = function.reserved.and_then(|count| i32::try_from(count).ok());
    Ok(GetFunctionOutput {
        configuration: Some(configuration),
        code: Some(FunctionCodeLocation {
            repository_type: Some("S3".to_owned()),
            location: Some(location),
            ..FunctionCodeLocation::default()
        }),
        tags: (!function.tags.is_empty()).then(|| function.tags.clone()),
        tags_error: None,
        concurrency: reserved.map(|count| Concurrency { reserved_concurrent_executions: Some(count) }),
    })
}
