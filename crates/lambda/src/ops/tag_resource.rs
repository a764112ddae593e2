//! TagResource: adds tags or gives known ones another value. Here too what can have tags, and how they are changed.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::lambda::{TagResourceInput, TagResourceOutput};
use base::Cx;
use store::Batch;
use wire::Failure;

use super::get_event_source_mapping::existing as existing_mapping;
use super::{edited, named};
use crate::mapping::{Live, Phase};
use crate::name::FunctionRef;
use crate::{Lambda, error, keys};

/// AWS's bound on the tags of a resource.
const TAGS_MAX: usize = 50;

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: TagResourceInput,
) -> Result<TagResourceOutput, Failure> {
    if input.tags.is_empty() {
        return Err(error::invalid("An error occurred and the request cannot be processed."));
    }
    check_tags(&input.tags)?;
    change(lambda, cx, &input.resource, |tags| {
        tags.extend(input.tags);
        check_tags(tags)
    })
    .await?;
    Ok(TagResourceOutput {})
}

/// What can have tags.
pub(super) enum Tagged<'a> {
    Function(FunctionRef<'a>),
    Mapping(Arc<Live>),
    SigningConfig(&'a str),
    CapacityProvider(&'a str),
}

pub(super) fn tagged<'a>(lambda: &Lambda, cx: &Cx, resource: &'a str) -> Result<Tagged<'a>, Failure> {
    if let Some((_, uuid)) = resource.split_once(":event-source-mapping:") {
        return existing_mapping(lambda, cx, uuid).map(Tagged::Mapping);
    }
    if resource.contains(":code-signing-config:") {
        return Ok(Tagged::SigningConfig(resource));
    }
    if resource.contains(":capacity-provider:") {
        return Ok(Tagged::CapacityProvider(resource));
    }
    let reference = named(cx, resource, None)?;
    if reference.qualifier.is_some() {
        return Err(error::invalid(
            "Tags on function aliases and versions are not supported. Please specify a function ARN.",
        ));
    }
    Ok(Tagged::Function(reference))
}

pub(super) fn check_tags(tags: &BTreeMap<String, String>) -> Result<(), Failure> {
    if tags.len() > TAGS_MAX {
        return Err(error::invalid("Number of tags exceeds resource tag limit."));
    }
    if let Some(key) = tags.keys().find(|key| key.starts_with("aws:")) {
        return Err(error::invalid(format!("Tag keys cannot start with the reserved prefix aws: {key}")));
    }
    Ok(())
}

/// Changes the tags of a resource as `decide` says.
pub(super) async fn change(
    lambda: &Lambda,
    cx: &Cx,
    resource: &str,
    decide: impl FnOnce(&mut BTreeMap<String, String>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let _turn = lambda.registry.turn.lock().await;
    let committed = match tagged(lambda, cx, resource)? {
        Tagged::Function(reference) => {
            let edit = lambda.catalogue.edit(&reference.scope, reference.name).await;
            let mut function = edited(edit.now.as_ref(), &reference)?;
            decide(&mut function.tags)?;
            let batch = function.touch(None);
            edit.commit(Some(function), batch).await
        }
        Tagged::Mapping(_) => return change_mapping(lambda, cx, resource, decide).await,
        Tagged::SigningConfig(arn) => {
            let mut config = lambda.signing_config(&cx.scope, arn).await?;
            decide(&mut config.tags)?;
            lambda.registry.put(keys::signing_config(arn), &config).await
        }
        Tagged::CapacityProvider(arn) => {
            let mut provider = lambda.capacity_provider(&cx.scope, arn).await?;
            decide(&mut provider.tags)?;
            lambda.registry.put(keys::capacity_provider(arn), &provider).await
        }
    };
    committed.map_err(|error| error::store(&error))
}

async fn change_mapping(
    lambda: &Lambda,
    cx: &Cx,
    resource: &str,
    decide: impl FnOnce(&mut BTreeMap<String, String>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let _turn = lambda.mappings.edit.lock().await;
    // As it is now that nobody else changes it.
    let Tagged::Mapping(live) = tagged(lambda, cx, resource)? else { return Ok(()) };
    let mut mapping = live.mapping.clone();
    decide(&mut mapping.tags)?;
    let committed = lambda.commit_mapping(mapping, Phase::Updating, Batch::new()).await;
    committed.map(drop).map_err(|error| error::store(&error))
}
