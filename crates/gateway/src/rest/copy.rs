//! The resources and methods of an API for another one, under new ids. Pure; knows no store.

use std::collections::{BTreeMap, HashMap};

use base::random_alphanumeric;

use crate::rest::records::{MethodRecord, Tree, TreeNode};

/// A method with the id of its resource.
pub(crate) type Placed = (String, MethodRecord);

/// Copies a tree and its methods; `root` is the new root's id.
pub(crate) fn copy(tree: &Tree, methods: Vec<Placed>, root: &str) -> (Tree, Vec<Placed>) {
    let ids: HashMap<&String, String> = tree
        .resources
        .iter()
        .map(|(id, node)| {
            let is_root = node.parent.is_none();
            (id, if is_root { root.to_owned() } else { random_alphanumeric(10) })
        })
        .collect();
    let renamed = |id: &String| ids.get(id).cloned().unwrap_or_default();
    let methods = methods.into_iter().map(|(id, mut method)| {
        let new = renamed(&id);
        if let Some(integration) = &mut method.integration {
            // By default the namespace of a cache is the resource's id.
            if integration.cache_namespace == id {
                integration.cache_namespace.clone_from(&new);
            }
        }
        (new, method)
    });
    let methods: Vec<Placed> = methods.collect();
    let mut resources = BTreeMap::new();
    for (id, node) in &tree.resources {
        let of_this = methods.iter().filter(|(owner, _)| *owner == renamed(id));
        let names = of_this.map(|(_, method)| method.http_method.clone()).collect();
        let parent = node.parent.as_ref().map(renamed);
        resources.insert(renamed(id), TreeNode { parent, part: node.part.clone(), methods: names });
    }
    (Tree { resources }, methods)
}
