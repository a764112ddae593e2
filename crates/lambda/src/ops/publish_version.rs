//! PublishVersion: freezes `$LATEST` under the next number, unless nothing changed since the last one.

use api::lambda::{PublishVersionInput, PublishVersionOutput};
use base::{Cx, Scope};
use store::{Batch, KvError};
use wire::Failure;

use super::{check_revision, edited, named};
use crate::catalogue::{Edit, Function, Version};
use crate::function::{Settings, VersionRecord, new_revision};
use crate::{Lambda, error, keys};

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: PublishVersionInput,
) -> Result<PublishVersionOutput, Failure> {
    if input.publish_to.is_some() {
        return Err(error::unsupported("PublishTo"));
    }
    let reference = named(cx, &input.function_name, None)?;
    let edit = lambda.catalogue.edit(&reference.scope, reference.name).await;
    let function = edited(edit.now.as_ref(), &reference)?;
    let latest = &function.latest.record;
    check_revision(input.revision_id.as_ref(), &latest.revision, "GetFunction/GetAlias")?;
    let current = latest.code.sha256_base64();
    if let Some(wanted) = input.code_sha256.filter(|wanted| *wanted != current) {
        return Err(error::invalid(format!(
            "CodeSHA256 ({wanted}) is different from current CodeSHA256 in $LATEST ({current}). Please try again \
             with the CodeSHA256 in $LATEST."
        )));
    }
    publish(lambda, &edit, function, input.description).await
}

/// Commits `function` with a version of its `$LATEST`, and answers with that.
pub(super) async fn publish(
    lambda: &Lambda,
    edit: &Edit<'_>,
    mut function: Function,
    description: Option<String>,
) -> Result<PublishVersionOutput, Failure> {
    let (scope, name) = (function.scope.clone(), function.name.clone());
    let latest = function.latest.record.clone();
    if let Some(last) = function.versions.values().next_back().filter(|last| same(&last.record, &latest)) {
        let answer = last.record.describe(&scope, &name, Some(&last.text));
        edit.commit(Some(function), Batch::new()).await.map_err(|error| error::store(&error))?;
        return Ok(answer);
    }
    let number = last_number(lambda, &scope, &name).await.map_err(|error| error::store(&error))? + 1;
    let latest_description = Some(latest.settings.description.clone());
    let settings = Settings {
        description: description.unwrap_or_else(|| latest.settings.description.clone()),
        ..latest.settings.clone()
    };
    let record = VersionRecord { number, settings, revision: new_revision(), latest_description, ..latest };
    let batch = Batch::new()
        .put(
            keys::version(&scope, &name, number),
            minicbor::to_vec(&record).expect("writing to a Vec does not fail"),
        )
        .put(keys::numbers(&scope, &name), number.to_be_bytes().to_vec());
    lambda.codes.hold_all(record.packages()).await.map_err(|error| error::store(&error))?;
    let version = Version::new(record);
    let answer = version.record.describe(&scope, &name, Some(&version.text));
    function.versions.insert(number, version.clone());
    function.touch_latest();
    if let Err(error) = edit.commit(Some(function), batch).await {
        lambda.codes.release_all(version.record.packages()).await;
        return Err(error::store(&error));
    }
    lambda.prepare_snapshot(&scope, &name, number);
    Ok(answer)
}

/// A version's description may be its own: that of `$LATEST` counts.
fn same(published: &VersionRecord, latest: &VersionRecord) -> bool {
    let settings =
        |record: &VersionRecord| Settings { description: String::new(), ..record.settings.clone() };
    let described = published.latest_description.as_ref();
    published.code == latest.code
        && settings(published) == settings(latest)
        && described.is_none_or(|description| *description == latest.settings.description)
}

/// Survives the function, as AWS never gives a number twice.
async fn last_number(lambda: &Lambda, scope: &Scope, name: &str) -> Result<u64, KvError> {
    let entry = lambda.store.get(&keys::numbers(scope, name)).await?;
    let bytes = entry.and_then(|entry| <[u8; 8]>::try_from(&entry.value[..]).ok());
    Ok(bytes.map_or(0, u64::from_be_bytes))
}
