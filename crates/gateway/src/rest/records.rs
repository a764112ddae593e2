//! What is stored of a REST API, as minicbor records: numbered fields, so that older data opens. A newer field is
//! an `Option` or has a default; a retired number is never used again. Knows no key and no wire shape.

use std::collections::BTreeMap;

use base::{AccountId, Region, Scope};
use minicbor::{Decode, Encode};

use crate::rest::authorizer::AuthorizerRecord;
use crate::rest::gateway_response::GatewayResponseRecord;
use crate::rest::model::ModelRecord;
use crate::rest::request_validator::RequestValidatorRecord;

/// A REST API's own settings.
#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
pub(crate) struct ApiRecord {
    /// Names this API's other rows. Random and never used again, unlike the id, which a tag can fix: what a
    /// deletion has not yet swept away can never be seen by a later API of the same id.
    #[n(0)]
    pub(crate) row: u64,
    #[n(1)]
    pub(crate) account: String,
    #[n(2)]
    pub(crate) region: String,
    #[n(3)]
    pub(crate) id: String,
    #[n(4)]
    pub(crate) name: String,
    #[n(5)]
    pub(crate) description: Option<String>,
    #[n(6)]
    pub(crate) created_ms: i64,
    #[n(7)]
    pub(crate) version: Option<String>,
    #[n(8)]
    pub(crate) binary_media_types: Vec<String>,
    #[n(9)]
    pub(crate) minimum_compression_size: Option<i32>,
    #[n(10)]
    pub(crate) api_key_source: String,
    #[n(11)]
    pub(crate) endpoint_types: Vec<String>,
    #[n(12)]
    pub(crate) ip_address_type: String,
    #[n(13)]
    pub(crate) vpc_endpoint_ids: Vec<String>,
    #[n(14)]
    pub(crate) policy: Option<String>,
    #[n(15)]
    pub(crate) tags: BTreeMap<String, String>,
    #[n(16)]
    pub(crate) disable_execute_api_endpoint: bool,
    #[n(17)]
    pub(crate) root_resource_id: String,
    #[n(18)]
    pub(crate) security_policy: Option<String>,
    #[n(19)]
    pub(crate) endpoint_access_mode: Option<String>,
}

impl ApiRecord {
    pub(crate) fn scope(&self) -> Scope {
        let account = self.account.parse().unwrap_or(AccountId::DEFAULT);
        Scope { account, region: Region::new(&self.region) }
    }

    /// `arn:aws:execute-api:us-east-1:000000000000:a1b2c3`: what policies call it.
    pub(crate) fn arn(&self) -> String {
        let scope = self.scope();
        let partition = scope.region.partition();
        format!("arn:{partition}:execute-api:{}:{}:{}", scope.region, scope.account, self.id)
    }

    pub(crate) fn is_of(&self, scope: &Scope) -> bool {
        self.region == scope.region.as_str() && self.scope().account == scope.account
    }
}

/// The resources of an API by their ids: one row, so that a tree never stands half moved.
#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
pub(crate) struct Tree {
    #[n(0)]
    pub(crate) resources: BTreeMap<String, TreeNode>,
}

#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
pub(crate) struct TreeNode {
    /// None for the root.
    #[n(0)]
    pub(crate) parent: Option<String>,
    #[n(1)]
    pub(crate) part: String,
    /// Names of the methods; the methods themselves have rows of their own.
    #[n(2)]
    pub(crate) methods: Vec<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
pub(crate) struct MethodRecord {
    #[n(0)]
    pub(crate) http_method: String,
    #[n(1)]
    pub(crate) authorization_type: String,
    #[n(2)]
    pub(crate) authorizer_id: Option<String>,
    #[n(3)]
    pub(crate) api_key_required: bool,
    #[n(4)]
    pub(crate) request_validator_id: Option<String>,
    #[n(5)]
    pub(crate) operation_name: Option<String>,
    #[n(6)]
    pub(crate) request_parameters: BTreeMap<String, bool>,
    #[n(7)]
    pub(crate) request_models: BTreeMap<String, String>,
    #[n(8)]
    pub(crate) authorization_scopes: Vec<String>,
    #[n(9)]
    pub(crate) responses: BTreeMap<String, MethodResponseRecord>,
    #[n(10)]
    pub(crate) integration: Option<IntegrationRecord>,
}

#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
pub(crate) struct MethodResponseRecord {
    #[n(0)]
    pub(crate) status_code: String,
    #[n(1)]
    pub(crate) response_parameters: BTreeMap<String, bool>,
    #[n(2)]
    pub(crate) response_models: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
pub(crate) struct IntegrationRecord {
    /// `HTTP`, `AWS`, `MOCK`, `HTTP_PROXY` or `AWS_PROXY`.
    #[n(0)]
    pub(crate) kind: String,
    #[n(1)]
    pub(crate) http_method: Option<String>,
    #[n(2)]
    pub(crate) uri: Option<String>,
    #[n(3)]
    pub(crate) connection_type: Option<String>,
    #[n(4)]
    pub(crate) connection_id: Option<String>,
    #[n(5)]
    pub(crate) credentials: Option<String>,
    #[n(6)]
    pub(crate) request_parameters: BTreeMap<String, String>,
    #[n(7)]
    pub(crate) request_templates: BTreeMap<String, String>,
    #[n(8)]
    pub(crate) passthrough_behavior: String,
    #[n(9)]
    pub(crate) content_handling: Option<String>,
    #[n(10)]
    pub(crate) timeout_ms: i32,
    #[n(11)]
    pub(crate) cache_namespace: String,
    #[n(12)]
    pub(crate) cache_key_parameters: Vec<String>,
    #[n(13)]
    pub(crate) responses: BTreeMap<String, IntegrationResponseRecord>,
    #[n(14)]
    pub(crate) insecure_skip_verification: Option<bool>,
    #[n(15)]
    pub(crate) response_transfer_mode: Option<String>,
    #[n(16)]
    pub(crate) integration_target: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
pub(crate) struct IntegrationResponseRecord {
    #[n(0)]
    pub(crate) status_code: String,
    #[n(1)]
    pub(crate) selection_pattern: Option<String>,
    #[n(2)]
    pub(crate) response_parameters: BTreeMap<String, String>,
    #[n(3)]
    pub(crate) response_templates: BTreeMap<String, String>,
    #[n(4)]
    pub(crate) content_handling: Option<String>,
}

/// A deployment without its snapshot, so that lists stay light.
#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
pub(crate) struct DeploymentRecord {
    #[n(0)]
    pub(crate) id: String,
    #[n(1)]
    pub(crate) description: Option<String>,
    #[n(2)]
    pub(crate) created_ms: i64,
}

/// Everything a deployment froze. Written once, never changed.
#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
pub(crate) struct Snapshot {
    #[n(0)]
    pub(crate) resources: Vec<SnapshotResource>,
    #[n(1)]
    pub(crate) binary_media_types: Vec<String>,
    #[n(2)]
    pub(crate) disable_execute_api_endpoint: bool,
    #[n(3)]
    pub(crate) policy: Option<String>,
    #[n(4)]
    pub(crate) minimum_compression_size: Option<i32>,
    /// Like the next two, none rather than empty: so wrote those who did not know of them.
    #[n(5)]
    pub(crate) models: Option<Vec<ModelRecord>>,
    #[n(6)]
    pub(crate) validators: Option<Vec<RequestValidatorRecord>>,
    #[n(7)]
    pub(crate) gateway_responses: Option<Vec<GatewayResponseRecord>>,
    #[n(8)]
    #[cbor(default)]
    pub(crate) authorizers: Vec<AuthorizerRecord>,
}

#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
pub(crate) struct SnapshotResource {
    #[n(0)]
    pub(crate) id: String,
    #[n(1)]
    pub(crate) path: String,
    #[n(2)]
    pub(crate) methods: Vec<MethodRecord>,
}

/// The stages of an API (at most ten): one row, so that counting them and pointing them at deployments is atomic.
#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
pub(crate) struct Stages {
    #[n(0)]
    pub(crate) stages: BTreeMap<String, StageRecord>,
}

#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
pub(crate) struct StageRecord {
    #[n(0)]
    pub(crate) name: String,
    #[n(1)]
    pub(crate) deployment_id: String,
    #[n(2)]
    pub(crate) description: Option<String>,
    #[n(3)]
    pub(crate) cache_cluster_enabled: bool,
    #[n(4)]
    pub(crate) cache_cluster_size: Option<String>,
    /// By `{resource path with ~1 for slashes}/{METHOD}` or `*/*`.
    #[n(5)]
    pub(crate) method_settings: BTreeMap<String, MethodSettingRecord>,
    #[n(6)]
    pub(crate) variables: BTreeMap<String, String>,
    #[n(7)]
    pub(crate) documentation_version: Option<String>,
    #[n(8)]
    pub(crate) access_log: Option<AccessLogRecord>,
    #[n(9)]
    pub(crate) canary: Option<CanaryRecord>,
    #[n(10)]
    pub(crate) tracing_enabled: bool,
    #[n(11)]
    pub(crate) tags: BTreeMap<String, String>,
    #[n(12)]
    pub(crate) created_ms: i64,
    #[n(13)]
    pub(crate) updated_ms: i64,
    #[n(14)]
    pub(crate) client_certificate_id: Option<String>,
    #[n(15)]
    pub(crate) flushed: Option<FlushedRecord>,
}

/// What any node kept before is not used: each later than the one before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Encode, Decode)]
pub(crate) struct FlushedRecord {
    #[n(0)]
    pub(crate) answers_ms: i64,
    #[n(1)]
    pub(crate) decisions_ms: i64,
}

#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
pub(crate) struct AccessLogRecord {
    #[n(0)]
    pub(crate) format: Option<String>,
    #[n(1)]
    pub(crate) destination_arn: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
pub(crate) struct CanaryRecord {
    #[n(0)]
    pub(crate) percent_traffic: f64,
    #[n(1)]
    pub(crate) deployment_id: String,
    #[n(2)]
    pub(crate) stage_variable_overrides: BTreeMap<String, String>,
    #[n(3)]
    pub(crate) use_stage_cache: bool,
}

#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub(crate) struct MethodSettingRecord {
    #[n(0)]
    pub(crate) metrics_enabled: bool,
    #[n(1)]
    pub(crate) logging_level: String,
    #[n(2)]
    pub(crate) data_trace_enabled: bool,
    #[n(3)]
    pub(crate) throttling_burst_limit: i32,
    #[n(4)]
    pub(crate) throttling_rate_limit: f64,
    #[n(5)]
    pub(crate) caching_enabled: bool,
    #[n(6)]
    pub(crate) cache_ttl_in_seconds: i32,
    #[n(7)]
    pub(crate) cache_data_encrypted: bool,
    #[n(8)]
    pub(crate) require_authorization_for_cache_control: bool,
    #[n(9)]
    pub(crate) unauthorized_cache_control_header_strategy: String,
}

/// What AWS answers for the settings of a method of which only one was set.
impl Default for MethodSettingRecord {
    fn default() -> Self {
        Self {
            metrics_enabled: false,
            logging_level: "OFF".into(),
            data_trace_enabled: false,
            throttling_burst_limit: 5000,
            throttling_rate_limit: 10_000.0,
            caching_enabled: false,
            cache_ttl_in_seconds: 300,
            cache_data_encrypted: false,
            require_authorization_for_cache_control: true,
            unauthorized_cache_control_header_strategy: "SUCCEED_WITH_RESPONSE_HEADER".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    /// What is written now must be what was written then: a difference here means that stored APIs no longer open.
    fn check<T: Encode<()> + for<'b> Decode<'b, ()> + PartialEq + std::fmt::Debug>(
        record: &T,
        written: Expect,
    ) {
        let bytes = minicbor::to_vec(record).unwrap();
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        written.assert_eq(&hex);
        assert_eq!(minicbor::decode::<T>(&bytes).unwrap(), *record);
    }

    fn map<T>(key: &str, value: T) -> BTreeMap<String, T> {
        BTreeMap::from([(key.to_owned(), value)])
    }

    fn method() -> MethodRecord {
        let response = IntegrationResponseRecord {
            status_code: "200".into(),
            selection_pattern: Some("2..".into()),
            response_parameters: map("p", "'1'".into()),
            response_templates: map("a/b", "t".into()),
            content_handling: None,
        };
        let integration = IntegrationRecord {
            kind: "MOCK".into(),
            request_templates: map("a/b", "{}".into()),
            passthrough_behavior: "NEVER".into(),
            timeout_ms: 29_000,
            responses: map("200", response),
            ..IntegrationRecord::default()
        };
        MethodRecord {
            http_method: "GET".into(),
            authorization_type: "NONE".into(),
            request_parameters: map("q", true),
            responses: map("200", MethodResponseRecord { status_code: "200".into(), ..Default::default() }),
            integration: Some(integration),
            ..MethodRecord::default()
        }
    }

    #[test]
    fn records_keep_their_form() {
        let api =
            ApiRecord { row: 7, account: "000000000000".into(), id: "a".into(), ..ApiRecord::default() };
        check(&api, expect!["92076c30303030303030303030303060616160f600f680f660806080f6a0f460"]);
        let node = TreeNode { parent: Some("r".into()), part: "p".into(), methods: vec!["GET".into()] };
        check(&Tree { resources: map("x", node) }, expect!["81a1617883617261708163474554"]);
        check(
            &method(),
            expect![
                "8b63474554644e4f4e45f6f4f6f6a16171f5a080a1633230308363323030a0a08e644d4f434bf6f6f6f6f6a0a163612f62627b7d654e45564552f61971486080a163323030846332303063322e2ea1617063273127a163612f626174"
            ],
        );
        check(&DeploymentRecord { id: "d".into(), description: None, created_ms: 5 }, expect!["836164f605"]);
        let resource =
            SnapshotResource { id: "x".into(), path: "/p".into(), methods: vec![MethodRecord::default()] };
        check(
            &Snapshot { resources: vec![resource], ..Snapshot::default() },
            expect!["8981836178622f70818a6060f6f4f6f6a0a080a080f4f6f6f6f6f680"],
        );
        let stage = StageRecord {
            name: "dev".into(),
            deployment_id: "d".into(),
            method_settings: map("*/*", MethodSettingRecord::default()),
            variables: map("v", "1".into()),
            access_log: Some(AccessLogRecord::default()),
            canary: Some(CanaryRecord { percent_traffic: 12.5, ..CanaryRecord::default() }),
            ..StageRecord::default()
        };
        check(
            &Stages { stages: map("dev", stage) },
            expect![
                "81a1636465768e636465766164f6f4f6a1632a2f2a8af4634f4646f4191388fb40c3880000000000f419012cf4f5781c535543434545445f574954485f524553504f4e53455f484541444552a161766131f68084fb402900000000000060a0f4f4a00000"
            ],
        );
    }

    /// An optional field at the end that is empty is not written: so does a record look that was written before the
    /// field was there.
    #[test]
    fn older_records_open() {
        let without = minicbor::to_vec(MethodRecord { integration: None, ..method() }).unwrap();
        assert_eq!(without[0], 0x80 + 10, "an array of the fields before the integration");
        assert_eq!(minicbor::decode::<MethodRecord>(&without).unwrap().integration, None);
    }

    /// A snapshot of before there were models, validators and gateway responses has nothing in their places.
    #[test]
    fn older_snapshots_open() {
        let hex = "8981836178622f70818a6060f6f4f6f6a0a080a080f4f6f6f6f6f680";
        let bytes: Vec<u8> =
            (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
        let snapshot = minicbor::decode::<Snapshot>(&bytes).unwrap();
        assert_eq!((snapshot.resources.len(), &*snapshot.resources[0].path), (1, "/p"));
        assert_eq!((snapshot.models, snapshot.validators, snapshot.gateway_responses), (None, None, None));
    }
}
