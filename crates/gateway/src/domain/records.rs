//! What is stored of a custom domain name, with its mappings and rules, and what it may be by AWS's rules. Pure; knows no
//! store.

use std::collections::BTreeMap;

use base::random_alphanumeric;
use minicbor::{Decode, Encode};

use crate::error::{GatewayError, Result};
use crate::parts::{Part, kind};
use crate::rest::rest_api::check_tags;
use crate::rest::rows::Record;

/// AWS's quota of a domain.
const MAPPINGS_MAX: usize = 200;
const RULES_MAX: usize = 50;
const KEY_CHARS_MAX: usize = 300;
const NAME_BYTES_MAX: usize = 253;
const PRIORITIES: std::ops::RangeInclusive<i32> = 1..=1_000_000;

#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
pub(crate) struct DomainRecord {
    #[n(0)]
    pub(crate) name: String,
    /// Of private domains.
    #[n(1)]
    pub(crate) id: Option<String>,
    #[n(2)]
    pub(crate) created_ms: i64,
    /// What stands before `.execute-api.{region}.amazonaws.com` in the name that DNS shall point to.
    #[n(3)]
    pub(crate) target: String,
    /// `EDGE`, `REGIONAL` or `PRIVATE`.
    #[n(4)]
    pub(crate) endpoint_type: String,
    #[n(5)]
    pub(crate) certificate_arn: Option<String>,
    #[n(6)]
    pub(crate) certificate_name: Option<String>,
    #[n(7)]
    pub(crate) ip_address_type: Option<String>,
    #[n(8)]
    pub(crate) security_policy: String,
    #[n(9)]
    pub(crate) endpoint_access_mode: Option<String>,
    #[n(10)]
    pub(crate) truststore_uri: Option<String>,
    #[n(11)]
    pub(crate) truststore_version: Option<String>,
    #[n(12)]
    pub(crate) ownership_certificate_arn: Option<String>,
    #[n(13)]
    pub(crate) routing: Routing,
    #[n(14)]
    pub(crate) tags: BTreeMap<String, String>,
    #[n(15)]
    pub(crate) policy: Option<String>,
    #[n(16)]
    pub(crate) management_policy: Option<String>,
    #[n(17)]
    pub(crate) mappings: Vec<MappingRecord>,
    #[n(18)]
    pub(crate) rules: Vec<RuleRecord>,
}

/// Who says where a path leads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Encode, Decode)]
pub(crate) enum Routing {
    #[default]
    #[n(0)]
    Mappings,
    #[n(1)]
    Rules,
    #[n(2)]
    RulesThenMappings,
}

/// Paths that begin so lead to a stage.
#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
pub(crate) struct MappingRecord {
    #[n(0)]
    pub(crate) id: String,
    /// Without slashes around it; empty for every path.
    #[n(1)]
    pub(crate) key: String,
    #[n(2)]
    pub(crate) api_id: String,
    /// None: the next part of the path names it.
    #[n(3)]
    pub(crate) stage: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
pub(crate) struct RuleRecord {
    #[n(0)]
    pub(crate) id: String,
    #[n(1)]
    pub(crate) priority: i32,
    /// All of them must hold.
    #[n(2)]
    pub(crate) conditions: Vec<ConditionRecord>,
    #[n(3)]
    pub(crate) api_id: String,
    #[n(4)]
    pub(crate) stage: String,
    #[n(5)]
    pub(crate) strip_base_path: bool,
}

/// One of its lists has elements, one of which must be met.
#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
pub(crate) struct ConditionRecord {
    #[n(0)]
    pub(crate) base_paths: Vec<String>,
    #[n(1)]
    pub(crate) headers: Vec<HeaderGlob>,
}

#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
pub(crate) struct HeaderGlob {
    #[n(0)]
    pub(crate) header: String,
    #[n(1)]
    pub(crate) glob: String,
}

impl Record for DomainRecord {}

impl Part for DomainRecord {
    const KIND: u8 = kind::DOMAIN_NAME;

    fn id(&self) -> &str {
        &self.name
    }

    fn missing(_: &str) -> GatewayError {
        GatewayError::NotFound("Invalid domain name identifier specified".into())
    }
}

impl DomainRecord {
    pub(crate) fn new(name: &str, endpoint_type: &str, created_ms: i64) -> Self {
        let private = endpoint_type == "PRIVATE";
        Self {
            name: name.to_ascii_lowercase(),
            id: private.then(|| random_alphanumeric(10)),
            created_ms,
            target: format!("d-{}", random_alphanumeric(10)),
            endpoint_type: endpoint_type.to_owned(),
            security_policy: "TLS_1_2".to_owned(),
            ..Self::default()
        }
    }

    pub(crate) fn check(&self) -> Result<()> {
        let name = self.name.strip_prefix("*.").unwrap_or(&self.name);
        let is_label = |label: &str| {
            !label.is_empty()
                && label.len() <= 63
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        let is_name = name.len() <= NAME_BYTES_MAX && name.contains('.') && name.split('.').all(is_label);
        if !is_name {
            return Err(GatewayError::bad_request(format!("Invalid domain name specified: {}", self.name)));
        }
        if self.truststore_version.is_some() && self.truststore_uri.is_none() {
            return Err(GatewayError::bad_request("A truststore version needs a truststore URI"));
        }
        if self.truststore_uri.is_some() && self.endpoint_type != "REGIONAL" {
            return Err(GatewayError::bad_request(
                "Mutual TLS is only supported for REGIONAL custom domain names",
            ));
        }
        check_tags(&self.tags)
    }

    pub(crate) fn taken() -> GatewayError {
        GatewayError::conflict("The domain name you provided already exists.")
    }

    /// Puts a mapping in the place of the one of its id, or adds it.
    pub(crate) fn put_mapping(&mut self, mapping: MappingRecord) -> Result<()> {
        let is_part = |part: &str| {
            !part.is_empty()
                && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"$-_.+!*'()/".contains(&byte))
        };
        let key = &mapping.key;
        if key.chars().count() > KEY_CHARS_MAX || !key.is_empty() && !key.split('/').all(is_part) {
            return Err(GatewayError::bad_request(
                "API mapping key should not start with a '/', should not have consecutive '/'s and may contain only \
                 letters, numbers and one of $-_.+!*'()/",
            ));
        }
        if self.mappings.iter().any(|known| known.key == *key && known.id != mapping.id) {
            return Err(GatewayError::conflict("Base path already exists for this domain name"));
        }
        self.mappings.retain(|known| known.id != mapping.id);
        if self.mappings.len() >= MAPPINGS_MAX {
            return Err(GatewayError::limit("Maximum number of API mappings for this domain name reached"));
        }
        self.mappings.push(mapping);
        self.mappings.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(())
    }

    /// Puts a mapping in the place of what it was when it was looked at: where it leads was checked of that.
    pub(crate) fn replace_mapping(&mut self, was: &MappingRecord, mapping: MappingRecord) -> Result<()> {
        if self.mapping(&was.id)? != was {
            return Err(GatewayError::conflict(
                "The mapping was changed by another request at the same time",
            ));
        }
        self.put_mapping(mapping)
    }

    /// By its base path as version 1 names it: `(none)` for the empty one.
    pub(crate) fn mapping_of(&self, base_path: &str) -> Result<&MappingRecord> {
        let key = if base_path == NO_BASE_PATH { "" } else { base_path };
        let found = self.mappings.iter().find(|mapping| mapping.key == key);
        found.ok_or_else(|| GatewayError::NotFound("Invalid base path mapping identifier specified".into()))
    }

    pub(crate) fn mapping(&self, id: &str) -> Result<&MappingRecord> {
        let found = self.mappings.iter().find(|mapping| mapping.id == id);
        found.ok_or_else(|| GatewayError::NotFound(format!("Invalid ApiMapping identifier specified {id}")))
    }

    pub(crate) fn rule(&self, id: &str) -> Result<&RuleRecord> {
        let found = self.rules.iter().find(|rule| rule.id == id);
        found.ok_or_else(|| GatewayError::NotFound(format!("Invalid RoutingRule identifier specified {id}")))
    }

    /// Puts a rule in the place of the one of its id, or adds it; they stand in the order in which they are asked.
    pub(crate) fn put_rule(&mut self, rule: RuleRecord) -> Result<()> {
        if !PRIORITIES.contains(&rule.priority) {
            return Err(GatewayError::bad_request("Routing rule priority must be between 1 and 1000000"));
        }
        if self.rules.iter().any(|known| known.priority == rule.priority && known.id != rule.id) {
            return Err(GatewayError::conflict(format!(
                "A routing rule of the priority {} already exists for this domain name",
                rule.priority
            )));
        }
        if rule.conditions.iter().any(|known| known.base_paths.is_empty() == known.headers.is_empty()) {
            return Err(GatewayError::bad_request(
                "A condition of a routing rule must match either base paths or headers",
            ));
        }
        self.rules.retain(|known| known.id != rule.id);
        if self.rules.len() >= RULES_MAX {
            return Err(GatewayError::limit("Maximum number of routing rules for this domain name reached"));
        }
        self.rules.push(rule);
        self.rules.sort_by_key(|rule| rule.priority);
        Ok(())
    }
}

/// What version 1 calls the empty base path.
pub(crate) const NO_BASE_PATH: &str = "(none)";
