//! GetResources: in the order of their paths.

use std::collections::BTreeMap;

use api::apigateway::{GetResourcesInput, GetResourcesOutput, Method};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::paging::PageRequest;
use crate::rest::records::{ApiRecord, Tree, TreeNode};
use crate::rest::{rows, view};

pub(super) async fn run(gateway: &Gateway, cx: &Cx, input: GetResourcesInput) -> Result<GetResourcesOutput> {
    let page = PageRequest::new(input.position.as_deref(), input.limit)?;
    let api = rows::read_api(&gateway.store, &cx.scope, &input.rest_api_id).await?;
    let tree: Tree = rows::read(&gateway.store, &rows::tree_key(api.row)).await?.unwrap_or_default();
    let (found, position) = page.cut(tree.by_path(), |(path, _)| path.as_bytes());
    let mut items = Vec::with_capacity(found.len());
    for (_, id) in found {
        let node = tree.node(id)?;
        let methods = match wants_methods(input.embed.as_deref()) {
            true => Some(embedded(gateway, &api, id, node).await?),
            false => None,
        };
        items.push(view::resource(id, &tree, node, methods));
    }
    Ok(GetResourcesOutput { position, items: Some(items) })
}

pub(super) fn wants_methods(embed: Option<&[String]>) -> bool {
    embed.is_some_and(|embed| embed.iter().any(|what| what == "methods"))
}

/// The methods of a resource in full.
pub(super) async fn embedded(
    gateway: &Gateway,
    api: &ApiRecord,
    resource_id: &str,
    node: &TreeNode,
) -> Result<BTreeMap<String, Method>> {
    let keys = node.methods.iter().map(|method| rows::method_key(api.row, resource_id, method));
    let found = gateway.store.multi_get(&keys.collect::<Vec<_>>()).await?;
    let mut methods = BTreeMap::new();
    for (name, row) in node.methods.iter().zip(found) {
        if let Some(method) = rows::decode_row(row.as_ref())? {
            methods.insert(name.clone(), view::method(method));
        }
    }
    Ok(methods)
}
