//! UpdateFunctionCode: another package for `$LATEST`; environments of the old one end after their invocation.

use api::lambda::{UpdateFunctionCodeInput, UpdateFunctionCodeOutput};
use base::Cx;
use store::Batch;
use wire::Failure;

use super::{changeable, check_revision, edited, existing, publish_version};
use crate::catalogue::Version;
use crate::function::{created, new_revision, updating};
use crate::source::Source;
use crate::{Lambda, error};

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: UpdateFunctionCodeInput,
) -> Result<UpdateFunctionCodeOutput, Failure> {
    let reference = changeable(cx, &input.function_name)?;
    existing(lambda, &reference)?;
    if input.image_uri.is_some() {
        return Err(error::invalid(
            "Please don't provide ImageUri when updating a function with packageType Zip.",
        ));
    }
    if input.publish_to.is_some() {
        return Err(error::unsupported("PublishTo"));
    }
    let code = lambda.take_function_package("UpdateFunctionCode", Source::from(&input)).await?;
    let new = code.sha256;
    let edit = lambda.catalogue.edit(&reference.scope, reference.name).await;
    let decided = edited(edit.now.as_ref(), &reference).and_then(|function| {
        let revision = &function.latest.record.revision;
        check_revision(input.revision_id.as_ref(), revision, "GetFunction/GetAlias").map(|()| function)
    });
    let architecture = input.architectures.iter().flatten().next();
    let decided = decided.and_then(|function| {
        let mut record = function.latest.record.clone();
        record.code = code;
        record.revision = new_revision();
        record.modified_ms = lambda.config.clock.now().0;
        if let Some(architecture) = architecture {
            record.settings.architecture = architecture.as_str().to_owned();
        }
        lambda.check_unzipped(&record).map(|()| (function, record))
    });
    let (mut function, record) = match decided {
        Ok(decided) => decided,
        Err(failure) => {
            lambda.codes.release(&new).await;
            return Err(failure);
        }
    };
    let old = function.latest.record.code.sha256;
    let answer = record.describe(&function.scope, &function.name, None);
    if input.dry_run == Some(true) {
        lambda.codes.release(&new).await;
        return Ok(answer);
    }
    lambda.runner.warm(&record);
    function.latest = Version::new(record);
    let published = if input.publish == Some(true) {
        publish_version::publish(lambda, &edit, function, None).await.map(created)
    } else {
        let committed = edit.commit(Some(function), Batch::new()).await;
        committed.map(|()| updating(answer)).map_err(|error| error::store(&error))
    };
    let unused = if published.is_ok() { old } else { new };
    lambda.codes.release(&unused).await;
    published
}
