//! ListFunctions: by name; with `FunctionVersion=ALL` every version of each.

use std::sync::Arc;

use api::lambda::{FunctionConfiguration, FunctionVersion, ListFunctionsInput, ListFunctionsOutput};
use base::Cx;
use wire::Failure;

use crate::catalogue::{Function, Version};
use crate::function::listed;
use crate::paging::Paging;
use crate::{Lambda, error};

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: ListFunctionsInput,
) -> Result<ListFunctionsOutput, Failure> {
    let all = input.function_version == Some(FunctionVersion::All);
    // Replicas at the edge of functions of that region: there are none.
    let functions = match input.master_region {
        Some(_) if all => Vec::new(),
        Some(_) => return Err(error::invalid("FunctionVersion must be ALL if MasterRegion is given.")),
        None => lambda.catalogue.list(&cx.scope),
    };
    let versions = functions.iter().flat_map(|function| {
        let wanted = if all { usize::MAX } else { 1 };
        function.all_versions().take(wanted).map(move |version| (function, version))
    });
    let paging = Paging { marker: input.marker.as_deref(), max_items: input.max_items, page_max: 50 };
    type Row<'a> = (&'a Arc<Function>, &'a Arc<Version>);
    // A name cannot hold a blank: versions of one function stay together, and in their order.
    let key = |(function, version): &Row<'_>| format!("{} {:020}", function.name, version.record.number);
    let (page, next_marker) = paging.page(versions, key)?;
    let describe = |(function, version): Row<'_>| {
        let qualifier = all.then_some(version.text.as_str());
        listed(version.record.describe(&function.scope, &function.name, qualifier))
    };
    let functions: Vec<FunctionConfiguration> = page.into_iter().map(describe).collect();
    Ok(ListFunctionsOutput { next_marker, functions: Some(functions) })
}
