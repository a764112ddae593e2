//! UpdateAlias: points an alias elsewhere; what is not named stays.

use api::lambda::{UpdateAliasInput, UpdateAliasOutput};
use base::Cx;
use store::Batch;
use wire::Failure;

use super::{check_revision, create_alias, edited, get_alias, named};
use crate::function::new_revision;
use crate::{Lambda, error};

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: UpdateAliasInput,
) -> Result<UpdateAliasOutput, Failure> {
    let reference = named(cx, &input.function_name, None)?;
    let edit = lambda.catalogue.edit(&reference.scope, reference.name).await;
    let mut function = edited(edit.now.as_ref(), &reference)?;
    let found = function.aliases.get(&input.name).cloned();
    let mut alias = found.ok_or_else(|| get_alias::missing(&function, &input.name))?;
    check_revision(input.revision_id.as_ref(), &alias.revision, "GetFunction/GetAlias")?;
    if let Some(version) = &input.function_version {
        alias.version = create_alias::version(&function, version)?;
    }
    if input.routing_config.is_some() {
        alias.weights = create_alias::weights(&function, alias.version, input.routing_config)?;
    }
    create_alias::check_weights(alias.version, &alias.weights)?;
    if let Some(description) = input.description {
        alias.description = description;
    }
    alias.revision = new_revision();
    let answer = alias.describe(&function.scope, &function.name, &input.name);
    function.aliases.insert(input.name, alias);
    edit.commit(Some(function), Batch::new()).await.map_err(|error| error::store(&error))?;
    Ok(answer)
}
