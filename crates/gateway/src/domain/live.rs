//! Which stage a request to a custom domain is for. What is stored of a domain is kept for a moment, so that what another
//! node changed is seen soon. Knows no request beyond its head.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base::Timestamp;
use http::HeaderMap;

use crate::Gateway;
use crate::domain::records::{DomainRecord, Routing};
use crate::domain::rows;
use crate::error::Result;

/// How long what another node changed may stay unseen.
const FRESH: Duration = Duration::from_secs(1);
/// Hosts that are remembered, those that are no domain's among them.
const HOSTS_MAX: usize = 4096;

#[derive(Debug, Default)]
pub(crate) struct Domains {
    known: Mutex<HashMap<String, Known>>,
}

#[derive(Debug, Clone)]
struct Known {
    domain: Option<Arc<DomainRecord>>,
    until: Timestamp,
}

/// Where a request to a custom domain goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainTarget {
    pub api_id: String,
    pub stage: String,
    /// Behind what the mapping matched: empty or with its leading slash.
    pub path: String,
    /// What the mapping matched, with its leading slash, or empty.
    pub base_path: String,
}

impl Domains {
    fn find(&self, host: &str, now: Timestamp) -> Option<Known> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(host).filter(|known| now < known.until).cloned()
    }

    fn keep(&self, host: String, domain: Option<Arc<DomainRecord>>, now: Timestamp) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= HOSTS_MAX {
            known.clear();
        }
        known.insert(host, Known { domain, until: now.plus(FRESH) });
    }

    pub(crate) fn forget(&self) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Gateway {
    /// Whether a host (`name[:port]`) is a custom domain.
    pub async fn has_domain(&self, host: &str) -> bool {
        self.domain_of(host).await.is_some()
    }

    /// What a custom domain demands of certificates of its clients: where its truststore is. None without mutual TLS.
    pub async fn truststore_of(&self, host: &str) -> Option<String> {
        self.domain_of(host).await?.truststore_uri.clone()
    }

    /// Where a request to a custom domain goes; none if the host is no domain, or nothing is mapped there.
    pub async fn resolve_domain(&self, host: &str, path: &str, headers: &HeaderMap) -> Option<DomainTarget> {
        let domain = self.domain_of(host).await?;
        resolve(&domain, path, headers)
    }

    async fn domain_of(&self, host: &str) -> Option<Arc<DomainRecord>> {
        let host = name_of(host)?;
        let now = self.clock.now();
        if let Some(known) = self.domains.find(&host, now) {
            return known.domain;
        }
        match self.load_domain(&host).await {
            Ok(found) => {
                let found = found.map(Arc::new);
                self.domains.keep(host, found.clone(), now);
                found
            }
            Err(error) => {
                tracing::warn!(%host, %error, "a custom domain cannot be looked up");
                None
            }
        }
    }

    /// By its name, else by the wildcard above it.
    async fn load_domain(&self, host: &str) -> Result<Option<DomainRecord>> {
        if let Some(found) = rows::find(&self.store, host).await? {
            return Ok(Some(found));
        }
        match host.split_once('.') {
            Some((_, parent)) => rows::find(&self.store, &format!("*.{parent}")).await,
            None => Ok(None),
        }
    }
}

/// The name of a host that may be a custom domain: neither an address nor a name without a dot.
fn name_of(host: &str) -> Option<String> {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let is_name = name.contains('.')
        && name.len() <= 253
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.')
        && name.rsplit('.').next().is_some_and(|last| last.bytes().any(|byte| byte.is_ascii_alphabetic()));
    is_name.then(|| name.to_ascii_lowercase())
}

fn resolve(domain: &DomainRecord, path: &str, headers: &HeaderMap) -> Option<DomainTarget> {
    if domain.routing != Routing::Mappings
        && let Some((rule, matched)) =
            domain.rules.iter().find_map(|rule| Some((rule, rule.matches(path, headers)?)))
    {
        let cut = if rule.strip_base_path { matched } else { 0 };
        return Some(DomainTarget {
            api_id: rule.api_id.clone(),
            stage: rule.stage.clone(),
            path: path.get(cut..).unwrap_or_default().to_owned(),
            base_path: path.get(..cut).unwrap_or_default().to_owned(),
        });
    }
    if domain.routing == Routing::Rules {
        return None;
    }
    let matching = domain.mappings.iter().filter_map(|mapping| Some((mapping, matched(&mapping.key, path)?)));
    let (mapping, cut) = matching.max_by_key(|(_, cut)| *cut)?;
    let (base_path, rest) = path.split_at_checked(cut)?;
    let (stage, path) = match &mapping.stage {
        Some(stage) => (stage.as_str(), rest),
        None => {
            let rest = rest.strip_prefix('/').unwrap_or(rest);
            rest.split_at(rest.find('/').unwrap_or(rest.len()))
        }
    };
    Some(DomainTarget {
        api_id: mapping.api_id.clone(),
        stage: stage.to_owned(),
        path: path.to_owned(),
        base_path: base_path.to_owned(),
    })
}

/// How much of `path` the base path `key` is, if the path begins so by whole segments.
pub(super) fn matched(key: &str, path: &str) -> Option<usize> {
    if key.is_empty() {
        return Some(0);
    }
    let rest = path.strip_prefix('/')?.strip_prefix(key)?;
    (rest.is_empty() || rest.starts_with('/')).then_some(key.len() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::records::{ConditionRecord, HeaderGlob, MappingRecord, RuleRecord};

    fn mapping(key: &str, api: &str, stage: Option<&str>) -> MappingRecord {
        MappingRecord {
            id: key.to_owned(),
            key: key.to_owned(),
            api_id: api.to_owned(),
            stage: stage.map(str::to_owned),
        }
    }

    fn show(domain: &DomainRecord, path: &str, headers: &HeaderMap) -> String {
        resolve(domain, path, headers).map_or_else(
            || "none".to_owned(),
            |found| format!("{} {} [{}] [{}]", found.api_id, found.stage, found.base_path, found.path),
        )
    }

    #[test]
    fn the_longest_mapping_wins() {
        let mut domain = DomainRecord::default();
        for (path, expected) in [("/", "none"), ("/a", "none")] {
            assert_eq!(show(&domain, path, &HeaderMap::new()), expected);
        }
        domain.mappings =
            vec![mapping("", "x", Some("dev")), mapping("a", "y", None), mapping("a/b", "z", Some("p"))];
        for (path, expected) in [
            ("/", "x dev [] [/]"),
            ("", "x dev [] []"),
            ("/ab", "x dev [] [/ab]"),
            ("/a/s/t", "y s [/a] [/t]"),
            ("/a", "y  [/a] []"),
            ("/a/b/c", "z p [/a/b] [/c]"),
            ("/a/bc/d", "y bc [/a] [/d]"),
        ] {
            assert_eq!(show(&domain, path, &HeaderMap::new()), expected, "{path}");
        }
    }

    #[test]
    fn rules_go_by_their_priority() {
        let rule = |priority: i32, strip, conditions| RuleRecord {
            id: priority.to_string(),
            priority,
            conditions,
            api_id: format!("r{priority}"),
            stage: "s".to_owned(),
            strip_base_path: strip,
        };
        let path = |path: &str| ConditionRecord { base_paths: vec![path.to_owned()], headers: Vec::new() };
        let header = |glob: &str| ConditionRecord {
            base_paths: Vec::new(),
            headers: vec![HeaderGlob { header: "X-V".to_owned(), glob: glob.to_owned() }],
        };
        let mut domain = DomainRecord {
            routing: Routing::RulesThenMappings,
            mappings: vec![mapping("", "m", Some("dev"))],
            ..DomainRecord::default()
        };
        for known in [
            rule(1, true, vec![path("a"), header("2*")]),
            rule(2, true, vec![path("a")]),
            rule(3, false, vec![path("b")]),
            rule(4, false, vec![header("*beta")]),
        ] {
            domain.put_rule(known).unwrap();
        }
        let with = |value: &str| {
            HeaderMap::from_iter([(http::HeaderName::from_static("x-v"), value.parse().unwrap())])
        };
        for (path, headers, expected) in [
            ("/a/x", with("2.1"), "r1 s [/a] [/x]"),
            ("/a/x", with("1"), "r2 s [/a] [/x]"),
            ("/b/x", HeaderMap::new(), "r3 s [] [/b/x]"),
            ("/c", with("my-beta"), "r4 s [] [/c]"),
            ("/c", HeaderMap::new(), "m dev [] [/c]"),
        ] {
            assert_eq!(show(&domain, path, &headers), expected, "{path}");
        }
        domain.routing = Routing::Rules;
        assert_eq!(show(&domain, "/c", &HeaderMap::new()), "none");
    }

    #[test]
    fn hosts_that_may_be_domains() {
        for (host, expected) in [
            ("API.Example.com:4566", Some("api.example.com")),
            ("api.localhost", Some("api.localhost")),
            ("localhost:4566", None),
            ("127.0.0.1:4566", None),
            ("[::1]:4566", None),
            ("", None),
            ("a b.c", None),
        ] {
            assert_eq!(name_of(host).as_deref(), expected, "{host}");
        }
    }
}
