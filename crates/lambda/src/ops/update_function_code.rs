//! UpdateFunctionCode: another package for `$LATEST`; environments of the old one end after their invocation.

use api::lambda::{FunctionCode, UpdateFunctionCodeInput, UpdateFunctionCodeOutput};
use base::Cx;
use store::Batch;
use wire::Failure;

use super::{check_revision, create_function, edited, existing, named, publish_version};
use crate::catalogue::Version;
use crate::function::{VersionRecord, new_revision};
use crate::{Lambda, error};

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: UpdateFunctionCodeInput,
) -> Result<UpdateFunctionCodeOutput, Failure> {
    let reference = named(cx, &input.function_name, None)?;
    existing(lambda, &reference)?;
    let code = FunctionCode {
        zip_file: input.zip_file,
        s3_bucket: input.s3_bucket,
        s3_key: input.s3_key,
        image_uri: input.image_uri,
        ..FunctionCode::default()
    };
    let code = create_function::package(lambda, "UpdateFunctionCode", code).await?;
    let new = code.sha256;
    let edit = lambda.catalogue.edit(&reference.scope, reference.name).await;
    let decided = edited(edit.now.as_ref(), &reference).and_then(|function| {
        let revision = &function.latest.record.revision;
        check_revision(input.revision_id.as_ref(), revision, "GetFunction/GetAlias").map(|()| function)
    });
    let mut function = match decided {
        Ok(function) => function,
        Err(failure) => {
            lambda.codes.release(&new).await;
            return Err(failure);
        }
    };
    let old = function.latest.record.clone();
    let mut settings = old.settings.clone();
    if let Some(architecture) = input.architectures.iter().flatten().next() {
        settings.architecture = architecture.as_str().to_owned();
    }
    let modified_ms = lambda.config.clock.now().0;
    let record = VersionRecord { number: 0, settings, code, modified_ms, revision: new_revision() };
    let answer = record.describe(&function.scope, &function.name, None);
    if input.dry_run == Some(true) {
        lambda.codes.release(&new).await;
        return Ok(answer);
    }
    lambda.runner.warm(&record);
    function.latest = Version::new(record);
    let published = if input.publish == Some(true) {
        publish_version::publish(lambda, &edit, function, None).await
    } else {
        edit.commit(Some(function), Batch::new()).await.map(|()| answer).map_err(|error| error::store(&error))
    };
    let unused = if published.is_ok() { old.code.sha256 } else { new };
    lambda.codes.release(&unused).await;
    published
}
