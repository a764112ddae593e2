//! CreateAlias: a name for a version, which may share its invocations with another.

use std::collections::BTreeMap;

use api::lambda::{AliasRoutingConfiguration, CreateAliasInput, CreateAliasOutput};
use base::Cx;
use store::Batch;
use wire::Failure;

use super::{edited, named};
use crate::catalogue::Function;
use crate::function::{Alias, new_revision};
use crate::name::Qualifier;
use crate::{Lambda, error};

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: CreateAliasInput,
) -> Result<CreateAliasOutput, Failure> {
    let reference = named(cx, &input.function_name, None)?;
    let edit = lambda.catalogue.edit(&reference.scope, reference.name).await;
    let mut function = edited(edit.now.as_ref(), &reference)?;
    if function.aliases.contains_key(&input.name) {
        return Err(error::conflict(format!("Alias already exists: {}:{}", function.arn(), input.name)));
    }
    let version = version(&function, &input.function_version)?;
    let weights = weights(&function, version, input.routing_config)?;
    let description = input.description.unwrap_or_default();
    let alias = Alias { version, description, weights, revision: new_revision() };
    let answer = alias.describe(&function.scope, &function.name, &input.name);
    function.aliases.insert(input.name, alias);
    edit.commit(Some(function), Batch::new()).await.map_err(|error| error::store(&error))?;
    Ok(answer)
}

/// The number of a version that exists.
pub(super) fn version(function: &Function, text: &str) -> Result<u64, Failure> {
    let number = match Qualifier::parse(text) {
        Qualifier::Latest => Some(0),
        Qualifier::Number(number) => Some(number),
        Qualifier::Alias(_) => None,
    };
    let number = number.filter(|number| function.numbered(*number).is_some());
    number.ok_or_else(|| error::not_found(format!("Function not found: {}:{text}", function.arn())))
}

/// AWS shares between two published versions, not more.
pub(super) fn weights(
    function: &Function,
    main: u64,
    routing: Option<AliasRoutingConfiguration>,
) -> Result<BTreeMap<u64, f64>, Failure> {
    let wanted = routing.and_then(|routing| routing.additional_version_weights).unwrap_or_default();
    if wanted.len() > 1 {
        return Err(error::invalid("Number of items in AdditionalVersionWeights cannot be greater than 1"));
    }
    let mut weights = BTreeMap::new();
    for (text, weight) in wanted {
        let number = version(function, &text)?;
        if !(0.0..=1.0).contains(&weight) {
            return Err(error::invalid(format!(
                "Invalid weight {weight} of version {text}: it must be within 0 and 1"
            )));
        }
        weights.insert(number, weight);
    }
    check_weights(main, &weights)?;
    Ok(weights)
}

/// Whether an alias may point to `main` and share with these.
pub(super) fn check_weights(main: u64, weights: &BTreeMap<u64, f64>) -> Result<(), Failure> {
    if !weights.is_empty() && (main == 0 || weights.contains_key(&0)) {
        return Err(error::invalid("$LATEST is not supported for an alias pointing to more than 1 version"));
    }
    if weights.contains_key(&main) {
        return Err(error::invalid(format!(
            "Invalid function version {main}. Function version {main} is already included in routing configuration."
        )));
    }
    Ok(())
}
