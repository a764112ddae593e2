//! The resource tree: growing, moving, cutting and naming it by AWS's rules. Pure; knows no store.

use std::collections::BTreeMap;

use crate::error::{GatewayError, Result};
use crate::rest::records::{Tree, TreeNode};

/// AWS's quota of resources for one API.
const RESOURCES_MAX: usize = 300;

impl Tree {
    pub(crate) fn with_root(id: &str) -> Self {
        Self { resources: BTreeMap::from([(id.to_owned(), TreeNode::default())]) }
    }

    pub(crate) fn node(&self, id: &str) -> Result<&TreeNode> {
        self.resources.get(id).ok_or_else(GatewayError::no_resource)
    }

    pub(crate) fn node_mut(&mut self, id: &str) -> Result<&mut TreeNode> {
        self.resources.get_mut(id).ok_or_else(GatewayError::no_resource)
    }

    /// The path of a resource from the root: `/pets/{id}`.
    pub(crate) fn path(&self, id: &str) -> String {
        let mut parts = Vec::new();
        let mut at = self.resources.get(id);
        while let Some(node) = at {
            let Some(parent) = &node.parent else { break };
            parts.push(node.part.as_str());
            at = self.resources.get(parent);
        }
        parts.iter().rev().fold(String::new(), |path, part| path + "/" + part).or_root()
    }

    /// All resources with their paths, in the order of the paths.
    pub(crate) fn by_path(&self) -> Vec<(String, &str)> {
        let mut all: Vec<(String, &str)> =
            self.resources.keys().map(|id| (self.path(id), id.as_str())).collect();
        all.sort_unstable();
        all
    }

    pub(crate) fn insert(&mut self, id: &str, parent: &str, part: &str) -> Result<()> {
        self.node(parent)?;
        check_part(part)?;
        self.check_place(id, parent, part)?;
        if self.resources.len() >= RESOURCES_MAX {
            return Err(GatewayError::limit(
                "Maximum number of resources for this API has been reached. Please contact AWS if you need \
                 additional resources.",
            ));
        }
        let node = TreeNode { parent: Some(parent.to_owned()), part: part.to_owned(), methods: Vec::new() };
        self.resources.insert(id.to_owned(), node);
        Ok(())
    }

    pub(crate) fn rename(&mut self, id: &str, part: &str) -> Result<()> {
        let Some(parent) = self.node(id)?.parent.clone() else {
            return Err(GatewayError::bad_request("Root resource cannot update its path part."));
        };
        check_part(part)?;
        self.check_place(id, &parent, part)?;
        if is_greedy(part) && self.resources.values().any(|node| node.parent.as_deref() == Some(id)) {
            return Err(greedy_parent(part));
        }
        self.node_mut(id)?.part = part.to_owned();
        Ok(())
    }

    pub(crate) fn move_below(&mut self, id: &str, parent: &str) -> Result<()> {
        let node = self.node(id)?;
        if node.parent.is_none() {
            return Err(GatewayError::bad_request("Root resource cannot update its parent."));
        }
        let part = node.part.clone();
        self.node(parent)?;
        if self.subtree(id).iter().any(|below| below == parent) {
            return Err(GatewayError::bad_request("Resources cannot be cyclical."));
        }
        self.check_place(id, parent, &part)?;
        self.node_mut(id)?.parent = Some(parent.to_owned());
        Ok(())
    }

    /// Cuts off a resource with all below it, and answers what was cut: (resource, method) pairs.
    pub(crate) fn remove(&mut self, id: &str) -> Result<Vec<(String, String)>> {
        if self.node(id)?.parent.is_none() {
            return Err(GatewayError::bad_request("Root resource cannot be deleted"));
        }
        let mut methods = Vec::new();
        for id in self.subtree(id) {
            let node = self.resources.remove(&id).unwrap_or_default();
            methods.extend(node.methods.into_iter().map(|method| (id.clone(), method)));
        }
        Ok(methods)
    }

    /// A resource and all below it.
    fn subtree(&self, id: &str) -> Vec<String> {
        let mut children: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (child, node) in &self.resources {
            if let Some(parent) = &node.parent {
                children.entry(parent).or_default().push(child);
            }
        }
        let mut found = vec![id.to_owned()];
        let mut next = 0;
        while let Some(id) = found.get(next).cloned() {
            found.extend(children.get(id.as_str()).into_iter().flatten().map(|child| (*child).to_owned()));
            next += 1;
        }
        found
    }

    /// Whether a resource `id` called `part` may stand below `parent`.
    fn check_place(&self, id: &str, parent: &str, part: &str) -> Result<()> {
        let above = self.node(parent)?;
        if is_greedy(&above.part) {
            return Err(greedy_parent(&above.part));
        }
        let siblings = self
            .resources
            .iter()
            .filter(|(other, node)| node.parent.as_deref() == Some(parent) && other.as_str() != id);
        for (_, sibling) in siblings {
            if sibling.part == part {
                return Err(GatewayError::conflict(format!(
                    "Another resource with the same parent already has this name: {part}"
                )));
            }
            if is_variable(&sibling.part) && is_variable(part) {
                let sibling = &sibling.part;
                return Err(GatewayError::bad_request(format!(
                    "A sibling ({sibling}) of this resource already has a variable path part -- only one is allowed"
                )));
            }
        }
        Ok(())
    }
}

/// The root's path is a slash.
trait OrRoot {
    fn or_root(self) -> Self;
}

impl OrRoot for String {
    fn or_root(self) -> Self {
        if self.is_empty() { "/".to_owned() } else { self }
    }
}

fn is_variable(part: &str) -> bool {
    part.starts_with('{')
}

fn is_greedy(part: &str) -> bool {
    part.ends_with("+}")
}

fn greedy_parent(part: &str) -> GatewayError {
    GatewayError::bad_request(format!(
        "Cannot create a child of a resource with a greedy path variable: {part}"
    ))
}

fn check_part(part: &str) -> Result<()> {
    let name = match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
        Some(name) => name.strip_suffix('+').unwrap_or(name),
        None => part,
    };
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b':');
    if !name.is_empty() && name.bytes().all(fits) {
        return Ok(());
    }
    Err(GatewayError::bad_request(
        "Resource's path part only allow a-zA-Z0-9._-: or a valid greedy path variable and curly braces at the \
         beginning and the end.",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs `verb args` lines on a tree whose root is `r`, resources named by their ids; answers paths or the error.
    fn run(script: &[&str]) -> Vec<String> {
        let mut tree = Tree::with_root("r");
        let mut out = Vec::new();
        for line in script {
            let words: Vec<&str> = line.split(' ').collect();
            let done = match words[..] {
                ["add", id, parent, part] => tree.insert(id, parent, part).map(|()| tree.path(id)),
                ["name", id, part] => tree.rename(id, part).map(|()| tree.path(id)),
                ["move", id, parent] => tree.move_below(id, parent).map(|()| tree.path(id)),
                ["cut", id] => tree.remove(id).map(|_| {
                    tree.by_path().iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>().join(" ")
                }),
                _ => unreachable!("{line}"),
            };
            out.push(done.unwrap_or_else(|error| format!("! {error}")));
        }
        out
    }

    #[test]
    fn trees_grow_by_awss_rules() {
        let table = [
            ("add a r pets", "/pets"),
            ("add b a {id}", "/pets/{id}"),
            ("add c b toys", "/pets/{id}/toys"),
            ("add x r pets", "! Another resource with the same parent already has this name: pets"),
            ("add x nowhere y", "! Invalid Resource identifier specified"),
            (
                "add x a {other}",
                "! A sibling ({id}) of this resource already has a variable path part -- only one is allowed",
            ),
            ("add p r {proxy+}", "/{proxy+}"),
            ("add x p y", "! Cannot create a child of a resource with a greedy path variable: {proxy+}"),
            ("name b {id+}", "! Cannot create a child of a resource with a greedy path variable: {id+}"),
            ("name r y", "! Root resource cannot update its path part."),
            ("name a dogs", "/dogs"),
            ("name a dogs", "/dogs"),
            ("move a c", "! Resources cannot be cyclical."),
            ("move a a", "! Resources cannot be cyclical."),
            ("move c r", "/toys"),
            ("cut r", "! Root resource cannot be deleted"),
            ("cut a", "/ /toys /{proxy+}"),
            ("cut a", "! Invalid Resource identifier specified"),
            ("add d r pro:xy_0-9.", "/pro:xy_0-9."),
        ];
        let (script, expected): (Vec<&str>, Vec<&str>) = table.into_iter().unzip();
        assert_eq!(run(&script), expected);
    }

    #[test]
    fn path_parts_are_checked() {
        for bad in
            ["", "/users", "users/", "users/{id}", "us{er", "us+er", "{}", "{+}", "{a+b}", "a b", "ü", "{a}b"]
        {
            assert!(check_part(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn three_hundred_resources_and_no_more() {
        let mut tree = Tree::with_root("r");
        for i in 1..300 {
            tree.insert(&format!("i{i}"), "r", &format!("p{i}")).unwrap();
        }
        assert!(matches!(tree.insert("x", "r", "x"), Err(GatewayError::LimitExceeded(_))));
    }
}
