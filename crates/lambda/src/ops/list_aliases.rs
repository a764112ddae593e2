//! ListAliases: by name, or only those that reach one version.

use api::lambda::{ListAliasesInput, ListAliasesOutput};
use base::Cx;
use wire::Failure;

use super::{existing, named};
use crate::Lambda;
use crate::function::{Alias, version_text};
use crate::paging::Paging;

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: ListAliasesInput,
) -> Result<ListAliasesOutput, Failure> {
    let reference = named(cx, &input.function_name, None)?;
    let function = existing(lambda, &reference)?;
    let reaches = |alias: &Alias, version: &String| {
        version_text(alias.version) == *version || alias.weights.keys().any(|v| version_text(*v) == *version)
    };
    let aliases = function
        .aliases
        .iter()
        .filter(|(_, alias)| input.function_version.as_ref().is_none_or(|version| reaches(alias, version)));
    let paging = Paging { marker: input.marker.as_deref(), max_items: input.max_items, page_max: 50 };
    let (page, next_marker) = paging.page(aliases, |(name, _)| (*name).clone())?;
    let describe = |(name, alias): (&String, &Alias)| alias.describe(&function.scope, &function.name, name);
    Ok(ListAliasesOutput { next_marker, aliases: Some(page.into_iter().map(describe).collect()) })
}
