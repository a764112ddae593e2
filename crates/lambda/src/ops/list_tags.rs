//! ListTags: of a function or an event source mapping.

use std::sync::Arc;

use api::lambda::{ListTagsInput, ListTagsOutput};
use base::Cx;
use wire::Failure;

use super::{existing, named};
use crate::mapping::Live;
use crate::name::FunctionRef;
use crate::{Lambda, error};

pub(super) async fn run(lambda: &Lambda, cx: &Cx, input: ListTagsInput) -> Result<ListTagsOutput, Failure> {
    let tags = match tagged(lambda, cx, &input.resource)? {
        Tagged::Function(reference) => existing(lambda, &reference)?.tags.clone(),
        Tagged::Mapping(live) => live.mapping.tags.clone(),
    };
    Ok(ListTagsOutput { tags: Some(tags) })
}

/// What can have tags.
pub(super) enum Tagged<'a> {
    Function(FunctionRef<'a>),
    Mapping(Arc<Live>),
}

pub(super) fn tagged<'a>(lambda: &Lambda, cx: &Cx, resource: &'a str) -> Result<Tagged<'a>, Failure> {
    if let Some((_, uuid)) = resource.split_once(":event-source-mapping:") {
        let live = lambda.mappings.get(uuid).filter(|live| live.mapping.scope() == cx.scope);
        return live.map(Tagged::Mapping).ok_or_else(error::resource_not_found);
    }
    let reference = named(cx, resource, None)?;
    if reference.qualifier.is_some() {
        return Err(error::invalid(
            "Tags on function aliases and versions are not supported. Please specify a function ARN.",
        ));
    }
    Ok(Tagged::Function(reference))
}
