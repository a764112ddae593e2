//! The route trie of one deployment: literal before `{param}` before `{proxy+}`, verb before ANY. Knows
//! resources by their paths and methods by their numbers; nothing of what they do.

use std::collections::HashMap;
use std::ops::Range;

use percent_encoding::percent_decode_str;

/// The methods a resource can have; `Any` answers for those it has not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Get,
    Put,
    Post,
    Delete,
    Patch,
    Options,
    Head,
    Any,
}

impl Verb {
    pub(crate) const NAMES: [&'static str; 8] =
        ["GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "HEAD", "ANY"];

    /// The verb of a method resource, by its name in upper case.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        const ALL: [Verb; 8] = [
            Verb::Get,
            Verb::Put,
            Verb::Post,
            Verb::Delete,
            Verb::Patch,
            Verb::Options,
            Verb::Head,
            Verb::Any,
        ];
        Self::NAMES.iter().position(|&known| known == name).map(|i| ALL[i])
    }

    /// The verb of a request. Methods that no resource can have (TRACE, ...) have none; neither has "ANY".
    pub(crate) fn of_request(method: &http::Method) -> Option<Self> {
        Self::from_name(method.as_str()).filter(|verb| *verb != Self::Any)
    }
}

/// The number of a compiled method.
pub(crate) type MethodIndex = u32;

#[derive(Debug, Default)]
struct Node {
    literals: HashMap<Box<str>, u32>,
    param: Option<(Box<str>, u32)>,
    greedy: Option<(Box<str>, u32)>,
    verbs: [Option<MethodIndex>; 8],
}

impl Node {
    fn method(&self, verb: Verb) -> Option<MethodIndex> {
        self.verbs[verb as usize].or(self.verbs[Verb::Any as usize])
    }
}

/// A path parameter: its name's owner (a node) and where its value stands in the path.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Capture {
    node: u32,
    greedy: bool,
    value: Range<usize>,
}

/// What a request's path and verb lead to.
#[derive(Debug)]
pub(crate) struct Match<'t> {
    trie: &'t RouteTrie,
    pub(crate) method: MethodIndex,
    captures: Vec<Capture>,
}

impl<'t> Match<'t> {
    /// Path parameters with their values as they stand in `path` (the one that was routed): not decoded,
    /// as AWS hands them to integrations.
    pub(crate) fn params<'m>(&'m self, path: &'m str) -> impl Iterator<Item = (&'t str, &'m str)> + 'm {
        self.captures.iter().map(move |capture| {
            let node = &self.trie.nodes[capture.node as usize];
            let named = if capture.greedy { &node.greedy } else { &node.param };
            (named.as_ref().map_or("", |(name, _)| name), &path[capture.value.clone()])
        })
    }

    pub(crate) fn param<'m>(&'m self, path: &'m str, name: &str) -> Option<&'m str> {
        self.params(path).find(|(known, _)| *known == name).map(|(_, value)| value)
    }
}

/// All routes of a deployment. A lookup visits a node at most once and allocates only for path parameters.
#[derive(Debug)]
pub(crate) struct RouteTrie {
    nodes: Vec<Node>,
}

impl RouteTrie {
    pub(crate) fn new() -> Self {
        Self { nodes: vec![Node::default()] }
    }

    /// Adds the method `verb` of the resource at `path` (`/pets/{id}`).
    pub(crate) fn insert(&mut self, path: &str, verb: Verb, method: MethodIndex) {
        let mut at = 0;
        for part in path.split('/').filter(|part| !part.is_empty()) {
            at = self.child(at, part);
        }
        self.nodes[at as usize].verbs[verb as usize] = Some(method);
    }

    fn child(&mut self, at: u32, part: &str) -> u32 {
        let fresh = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
        let node = &mut self.nodes[at as usize];
        let variable = part.strip_prefix('{').and_then(|part| part.strip_suffix('}'));
        let child = match variable {
            None => *node.literals.entry(part.into()).or_insert(fresh),
            Some(name) => match name.strip_suffix('+') {
                Some(name) => node.greedy.get_or_insert_with(|| (name.into(), fresh)).1,
                None => node.param.get_or_insert_with(|| (name.into(), fresh)).1,
            },
        };
        if child == fresh {
            self.nodes.push(Node::default());
        }
        child
    }

    /// Finds the method for `path` (raw, after the stage). A resource without the verb is passed over for a less
    /// specific one that has it: AWS looks for resource and method together. Slashes at the end do not count; segments
    /// are split before they are decoded, so an encoded slash stays inside its segment and `..` is a name like any
    /// other.
    pub(crate) fn find(&self, path: &str, verb: Verb) -> Option<Match<'_>> {
        let end = path.trim_end_matches('/').len();
        let start = end - path[..end].trim_start_matches('/').len();
        let mut search = Search { trie: self, path: &path[..end], verb, captures: Vec::new() };
        let method = search.walk(0, start)?;
        Some(Match { trie: self, method, captures: search.captures })
    }
}

/// One lookup on its way.
struct Search<'s> {
    trie: &'s RouteTrie,
    path: &'s str,
    verb: Verb,
    captures: Vec<Capture>,
}

impl Search<'_> {
    /// The path from `at` on, below `node`. The depth of recursion is that of the trie, at most 300; a node has one
    /// path, so that none is visited twice.
    fn walk(&mut self, node: u32, at: usize) -> Option<MethodIndex> {
        let here = &self.trie.nodes[node as usize];
        if at >= self.path.len() {
            return here.method(self.verb);
        }
        let end = self.path[at..].find('/').map_or(self.path.len(), |i| at + i);
        let next = if end == self.path.len() { end } else { end + 1 };
        let literal = here.literal(&self.path[at..end]).and_then(|&child| self.walk(child, next));
        if literal.is_some() {
            return literal;
        }
        if let (Some((_, child)), true) = (&here.param, end > at) {
            self.captures.push(Capture { node, greedy: false, value: at..end });
            if let Some(method) = self.walk(*child, next) {
                return Some(method);
            }
            self.captures.pop();
        }
        let (_, child) = here.greedy.as_ref()?;
        let method = self.trie.nodes[*child as usize].method(self.verb)?;
        self.captures.push(Capture { node, greedy: true, value: at..self.path.len() });
        Some(method)
    }
}

impl Node {
    /// The literal child for a raw segment; what is percent-encoded is compared decoded.
    fn literal(&self, segment: &str) -> Option<&u32> {
        if self.literals.is_empty() {
            return None;
        }
        if !segment.contains('%') {
            return self.literals.get(segment);
        }
        let decoded = percent_decode_str(segment).decode_utf8().ok()?;
        self.literals.get(decoded.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trie(routes: &[&str]) -> RouteTrie {
        let mut trie = RouteTrie::new();
        for (i, route) in routes.iter().enumerate() {
            let (verb, path) = route.split_once(' ').unwrap();
            trie.insert(path, Verb::from_name(verb).unwrap(), u32::try_from(i).unwrap());
        }
        trie
    }

    fn find(trie: &RouteTrie, routes: &[&str], request: &str) -> String {
        let (verb, path) = request.split_once(' ').unwrap();
        let Some(verb) = Verb::of_request(&verb.parse().unwrap()) else { return "-".to_owned() };
        let Some(found) = trie.find(path, verb) else { return "-".to_owned() };
        let mut text = routes[found.method as usize].to_owned();
        for (name, value) in found.params(path) {
            text.push_str(&format!(" {name}={value}"));
        }
        text
    }

    #[test]
    fn the_most_specific_route_wins() {
        let routes = [
            "GET /",
            "GET /pets",
            "ANY /pets/{id}",
            "GET /pets/{id}",
            "GET /pets/{id}/toys",
            "GET /pets/mine",
            "POST /pets/mine/toys",
            "ANY /files/{path+}",
            "GET /files/readme",
            "ANY /{proxy+}",
            "OPTIONS /pets",
        ];
        let table = [
            ("GET /", "GET /"),
            ("GET ", "GET /"),
            ("GET ///", "GET /"),
            ("POST /", "-"),
            ("GET /pets", "GET /pets"),
            ("GET /pets/", "GET /pets"),
            ("GET //pets//", "GET /pets"),
            ("GET /p%65ts", "GET /pets"),
            ("GET /pets/7", "GET /pets/{id} id=7"),
            ("DELETE /pets/7", "ANY /pets/{id} id=7"),
            ("GET /pets/mine", "GET /pets/mine"),
            ("PUT /pets/mine", "ANY /pets/{id} id=mine"),
            ("GET /pets/mine/toys", "GET /pets/{id}/toys id=mine"),
            ("POST /pets/mine/toys", "POST /pets/mine/toys"),
            ("POST /pets/7/toys", "ANY /{proxy+} proxy=pets/7/toys"),
            ("GET /pets/a%2Fb", "GET /pets/{id} id=a%2Fb"),
            ("GET /pets//toys", "ANY /{proxy+} proxy=pets//toys"),
            ("GET /files/readme", "GET /files/readme"),
            ("PUT /files/readme", "ANY /files/{path+} path=readme"),
            ("GET /files/a/b/", "ANY /files/{path+} path=a/b"),
            ("GET /files", "ANY /{proxy+} proxy=files"),
            ("GET /files/../pets", "ANY /files/{path+} path=../pets"),
            ("GET /files/..%2f..%2fpets", "ANY /files/{path+} path=..%2f..%2fpets"),
            ("GET /%2e%2e/%2e%2e", "ANY /{proxy+} proxy=%2e%2e/%2e%2e"),
            ("GET /%2570ets", "ANY /{proxy+} proxy=%2570ets"),
            ("GET /%ff", "ANY /{proxy+} proxy=%ff"),
            ("HEAD /pets", "ANY /{proxy+} proxy=pets"),
            ("OPTIONS /pets", "OPTIONS /pets"),
            ("TRACE /pets", "-"),
            ("ANY /pets", "-"),
        ];
        let trie = trie(&routes);
        for (request, expected) in table {
            assert_eq!(find(&trie, &routes, request), expected, "{request}");
        }
    }

    #[test]
    fn three_hundred_resources_and_hostile_paths() {
        let mut routes = Vec::new();
        for i in 0..100 {
            routes.push(format!("GET /r{i}"));
            routes.push(format!("GET /r{i}/{{id}}"));
            routes.push(format!("ANY /r{i}/{{id}}/x"));
        }
        let routes: Vec<&str> = routes.iter().map(String::as_str).collect();
        let trie = trie(&routes);
        assert_eq!(find(&trie, &routes, "GET /r42"), "GET /r42");
        assert_eq!(find(&trie, &routes, "GET /r99/7"), "GET /r99/{id} id=7");
        assert_eq!(find(&trie, &routes, "PUT /r0/7/x"), "ANY /r0/{id}/x id=7");
        assert_eq!(find(&trie, &routes, "GET /r100"), "-");
        let slashes = format!("GET {}", "/".repeat(65_536));
        assert_eq!(find(&trie, &routes, &slashes), "-");
        let deep = format!("GET {}", "/r1".repeat(20_000));
        assert_eq!(find(&trie, &routes, &deep), "-");
        let long = format!("GET /r1/{}", "%25".repeat(20_000));
        assert!(find(&trie, &routes, &long).starts_with("GET /r1/{id} id=%25"));
    }

    #[test]
    fn a_path_cannot_make_the_search_explode() {
        let mut routes = Vec::new();
        for depth in 1..=10 {
            for bits in 0..2_u32.pow(depth.min(5)) {
                let path: String =
                    (0..depth).map(|i| if bits >> (i % 5) & 1 == 0 { "/a" } else { "/{p}" }).collect();
                routes.push(format!("POST {path}"));
            }
        }
        let routes: Vec<&str> = routes.iter().map(String::as_str).collect();
        assert_eq!(find(&trie(&routes), &routes, &format!("GET {}", "/a".repeat(1000))), "-");
    }
}
