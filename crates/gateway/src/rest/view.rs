//! Records as the shapes that AWS answers. Maps and lists that are empty are left out, as AWS leaves them out.

use std::collections::BTreeMap;

use api::apigateway as aws;
use base::Timestamp;

use crate::rest::account::AccountRecord;
use crate::rest::api_key::ApiKeyRecord;
use crate::rest::authorizer::{AuthorizerRecord, JwtRecord};
use crate::rest::client_certificate::ClientCertificateRecord;
use crate::rest::documentation::DocumentationPartRecord;
use crate::rest::records::{
    ApiRecord, DeploymentRecord, IntegrationRecord, IntegrationResponseRecord, MethodRecord,
    MethodResponseRecord, MethodSettingRecord, Snapshot, StageRecord, Tree, TreeNode,
};
use crate::rest::usage_plan::{PlanStageRecord, ThrottleRecord, UsagePlanRecord};
use crate::rest::vpc_link::VpcLinkRecord;

fn filled<T>(map: BTreeMap<String, T>) -> Option<BTreeMap<String, T>> {
    (!map.is_empty()).then_some(map)
}

fn list<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}

fn known<T: std::str::FromStr>(text: Option<String>) -> Option<T> {
    text.and_then(|text| text.parse().ok())
}

/// AWS's dates have whole seconds.
pub(crate) fn date(ms: i64) -> Timestamp {
    Timestamp::from_secs(Timestamp(ms).as_secs())
}

pub(crate) fn rest_api(api: ApiRecord) -> aws::RestApi {
    let created = date(api.created_ms);
    let types = api.endpoint_types.iter().filter_map(|text| text.parse().ok()).collect();
    aws::RestApi {
        id: Some(api.id),
        name: Some(api.name),
        description: api.description,
        created_date: Some(created),
        version: api.version,
        binary_media_types: list(api.binary_media_types),
        minimum_compression_size: api.minimum_compression_size,
        api_key_source: api.api_key_source.parse().ok(),
        endpoint_configuration: Some(aws::EndpointConfiguration {
            types: Some(types),
            ip_address_type: api.ip_address_type.parse().ok(),
            vpc_endpoint_ids: list(api.vpc_endpoint_ids),
        }),
        policy: api.policy,
        tags: filled(api.tags),
        disable_execute_api_endpoint: Some(api.disable_execute_api_endpoint),
        root_resource_id: Some(api.root_resource_id),
        security_policy: known(api.security_policy),
        endpoint_access_mode: known(api.endpoint_access_mode),
        ..aws::RestApi::default()
    }
}

/// A resource; `methods` of it are shown in full where they are given, by name otherwise.
pub(crate) fn resource(
    id: &str,
    tree: &Tree,
    node: &TreeNode,
    methods: Option<BTreeMap<String, aws::Method>>,
) -> aws::Resource {
    let names = || node.methods.iter().map(|name| (name.clone(), aws::Method::default())).collect();
    aws::Resource {
        id: Some(id.to_owned()),
        parent_id: node.parent.clone(),
        path_part: node.parent.as_ref().map(|_| node.part.clone()),
        path: Some(tree.path(id)),
        resource_methods: filled(methods.unwrap_or_else(names)),
    }
}

pub(crate) fn method(method: MethodRecord) -> aws::Method {
    let responses =
        method.responses.into_iter().map(|(status, response)| (status, method_response(response)));
    aws::Method {
        http_method: Some(method.http_method),
        authorization_type: Some(method.authorization_type),
        authorizer_id: method.authorizer_id,
        api_key_required: Some(method.api_key_required),
        request_validator_id: method.request_validator_id,
        operation_name: method.operation_name,
        request_parameters: filled(method.request_parameters),
        request_models: filled(method.request_models),
        method_responses: filled(responses.collect()),
        method_integration: method.integration.map(integration),
        authorization_scopes: list(method.authorization_scopes),
    }
}

pub(crate) fn method_response(response: MethodResponseRecord) -> aws::MethodResponse {
    aws::MethodResponse {
        status_code: Some(response.status_code),
        response_parameters: filled(response.response_parameters),
        response_models: filled(response.response_models),
    }
}

pub(crate) fn integration(integration: IntegrationRecord) -> aws::Integration {
    let responses = integration.responses.into_iter();
    let responses = responses.map(|(status, response)| (status, integration_response(response)));
    let tls = integration.insecure_skip_verification;
    aws::Integration {
        r#type: integration.kind.parse().ok(),
        http_method: integration.http_method,
        uri: integration.uri,
        connection_type: known(integration.connection_type),
        connection_id: integration.connection_id,
        credentials: integration.credentials,
        request_parameters: filled(integration.request_parameters),
        request_templates: filled(integration.request_templates),
        passthrough_behavior: Some(integration.passthrough_behavior),
        content_handling: known(integration.content_handling),
        timeout_in_millis: Some(integration.timeout_ms),
        cache_namespace: Some(integration.cache_namespace),
        cache_key_parameters: Some(integration.cache_key_parameters),
        integration_responses: filled(responses.collect()),
        tls_config: tls.map(|skip| aws::TlsConfig { insecure_skip_verification: Some(skip) }),
        response_transfer_mode: known(integration.response_transfer_mode),
        integration_target: integration.integration_target,
    }
}

pub(crate) fn integration_response(response: IntegrationResponseRecord) -> aws::IntegrationResponse {
    aws::IntegrationResponse {
        status_code: Some(response.status_code),
        selection_pattern: response.selection_pattern,
        response_parameters: filled(response.response_parameters),
        response_templates: filled(response.response_templates),
        content_handling: known(response.content_handling),
    }
}

pub(crate) fn deployment(deployment: DeploymentRecord) -> aws::Deployment {
    aws::Deployment {
        id: Some(deployment.id),
        description: deployment.description,
        created_date: Some(date(deployment.created_ms)),
        api_summary: None,
    }
}

/// The methods of a deployment by path and name.
pub(crate) fn summary(snapshot: Snapshot) -> BTreeMap<String, BTreeMap<String, aws::MethodSnapshot>> {
    let resources = snapshot.resources.into_iter().filter(|resource| !resource.methods.is_empty());
    let methods = |methods: Vec<MethodRecord>| {
        let shown = methods.into_iter().map(|method| {
            let shown = aws::MethodSnapshot {
                authorization_type: Some(method.authorization_type),
                api_key_required: Some(method.api_key_required),
            };
            (method.http_method, shown)
        });
        shown.collect()
    };
    resources.map(|resource| (resource.path, methods(resource.methods))).collect()
}

pub(crate) fn stage(stage: StageRecord) -> aws::Stage {
    let cache = if stage.cache_cluster_enabled { "AVAILABLE" } else { "NOT_AVAILABLE" };
    let settings = stage.method_settings.into_iter().map(|(path, setting)| (path, method_setting(setting)));
    aws::Stage {
        deployment_id: Some(stage.deployment_id),
        client_certificate_id: stage.client_certificate_id,
        stage_name: Some(stage.name),
        description: stage.description,
        cache_cluster_enabled: Some(stage.cache_cluster_enabled),
        cache_cluster_size: known(stage.cache_cluster_size),
        cache_cluster_status: cache.parse().ok(),
        method_settings: Some(settings.collect()),
        variables: filled(stage.variables),
        documentation_version: stage.documentation_version,
        access_log_settings: stage
            .access_log
            .map(|log| aws::AccessLogSettings { format: log.format, destination_arn: log.destination_arn }),
        canary_settings: stage.canary.map(|canary| aws::CanarySettings {
            percent_traffic: Some(canary.percent_traffic),
            deployment_id: Some(canary.deployment_id),
            stage_variable_overrides: filled(canary.stage_variable_overrides),
            use_stage_cache: Some(canary.use_stage_cache),
        }),
        tracing_enabled: Some(stage.tracing_enabled),
        web_acl_arn: None,
        tags: filled(stage.tags),
        created_date: Some(date(stage.created_ms)),
        last_updated_date: Some(date(stage.updated_ms)),
    }
}

fn method_setting(setting: MethodSettingRecord) -> aws::MethodSetting {
    let strategy = setting.unauthorized_cache_control_header_strategy;
    aws::MethodSetting {
        metrics_enabled: Some(setting.metrics_enabled),
        logging_level: Some(setting.logging_level),
        data_trace_enabled: Some(setting.data_trace_enabled),
        throttling_burst_limit: Some(setting.throttling_burst_limit),
        throttling_rate_limit: Some(setting.throttling_rate_limit),
        caching_enabled: Some(setting.caching_enabled),
        cache_ttl_in_seconds: Some(setting.cache_ttl_in_seconds),
        cache_data_encrypted: Some(setting.cache_data_encrypted),
        require_authorization_for_cache_control: Some(setting.require_authorization_for_cache_control),
        unauthorized_cache_control_header_strategy: strategy.parse().ok(),
    }
}

pub(crate) fn documentation_part(part: DocumentationPartRecord) -> aws::DocumentationPart {
    aws::DocumentationPart {
        id: Some(part.id),
        location: Some(part.location.shown()),
        properties: Some(part.properties),
    }
}

pub(crate) fn authorizer(authorizer: AuthorizerRecord) -> aws::Authorizer {
    aws::Authorizer {
        id: Some(authorizer.id),
        name: Some(authorizer.name),
        r#type: authorizer.kind.parse().ok(),
        provider_arns: list(authorizer.provider_arns),
        auth_type: authorizer.auth_type,
        authorizer_uri: authorizer.uri,
        authorizer_credentials: authorizer.credentials,
        identity_source: authorizer.identity_source,
        identity_validation_expression: authorizer.validation,
        authorizer_result_ttl_in_seconds: authorizer.ttl_s,
        jwt_configuration: authorizer.jwt.map(jwt),
    }
}

fn jwt(jwt: JwtRecord) -> aws::JwtConfiguration {
    let issuers = jwt.issuers.into_iter().map(|issuer| {
        let claims = issuer.claims.into_iter().map(|claim| aws::JwtAdditionalClaim {
            claim_name: claim.name,
            format: aws::JwtClaimFormat::default(),
            required: Some(claim.is_required),
            expected_values: list(claim.expected),
        });
        aws::JwtIssuer {
            issuer: Some(issuer.issuer),
            audiences: Some(issuer.audiences),
            additional_claims: list(claims.collect()),
            jwks_uri: None,
        }
    });
    let algorithms = jwt.algorithms.iter().filter_map(|name| name.parse().ok());
    aws::JwtConfiguration { issuers: Some(issuers.collect()), default_algorithms: Some(algorithms.collect()) }
}

pub(crate) fn vpc_link(link: VpcLinkRecord) -> aws::VpcLink {
    aws::VpcLink {
        id: Some(link.id),
        name: Some(link.name),
        description: link.description,
        target_arns: Some(link.target_arns),
        status: Some(aws::VpcLinkStatus::Available),
        status_message: Some("Your vpc link is ready for use".to_owned()),
        tags: filled(link.tags),
    }
}

/// `with_value` says whether the secret is shown.
pub(crate) fn api_key(key: ApiKeyRecord, with_value: bool) -> aws::ApiKey {
    aws::ApiKey {
        id: Some(key.id),
        value: Some(key.value).filter(|_| with_value),
        name: key.name,
        customer_id: key.customer_id,
        description: key.description,
        enabled: Some(key.enabled),
        created_date: Some(date(key.created_ms)),
        last_updated_date: Some(date(key.updated_ms)),
        stage_keys: Some(key.stage_keys),
        tags: filled(key.tags),
    }
}

pub(crate) fn usage_plan(plan: UsagePlanRecord) -> aws::UsagePlan {
    let throttle = |throttle: ThrottleRecord| aws::ThrottleSettings {
        burst_limit: Some(throttle.burst_limit),
        rate_limit: Some(throttle.rate_limit),
    };
    let stage = |stage: PlanStageRecord| aws::ApiStage {
        api_id: Some(stage.api_id),
        stage: Some(stage.stage),
        throttle: filled(stage.throttle.into_iter().map(|(name, found)| (name, throttle(found))).collect()),
    };
    aws::UsagePlan {
        id: Some(plan.id),
        name: Some(plan.name),
        description: plan.description,
        api_stages: Some(plan.stages.into_iter().map(stage).collect()),
        throttle: plan.throttle.map(throttle),
        quota: plan.quota.map(|quota| aws::QuotaSettings {
            limit: Some(quota.limit),
            offset: Some(quota.offset),
            period: quota.period.parse().ok(),
        }),
        product_code: plan.product_code,
        tags: filled(plan.tags),
    }
}

/// A key as a plan has it.
pub(crate) fn usage_plan_key(key: ApiKeyRecord, with_value: bool) -> aws::UsagePlanKey {
    aws::UsagePlanKey {
        id: Some(key.id),
        r#type: Some("API_KEY".to_owned()),
        value: Some(key.value).filter(|_| with_value),
        name: key.name,
    }
}

pub(crate) fn client_certificate(certificate: ClientCertificateRecord) -> aws::ClientCertificate {
    aws::ClientCertificate {
        client_certificate_id: Some(certificate.id),
        description: certificate.description,
        pem_encoded_certificate: Some(certificate.certificate_pem),
        created_date: Some(date(certificate.created_ms)),
        expiration_date: Some(date(certificate.expires_ms)),
        tags: filled(certificate.tags),
    }
}

/// With AWS's default quotas.
pub(crate) fn account(account: AccountRecord) -> aws::Account {
    aws::Account {
        cloudwatch_role_arn: account.cloudwatch_role_arn,
        throttle_settings: Some(aws::ThrottleSettings {
            burst_limit: Some(5000),
            rate_limit: Some(10_000.0),
        }),
        features: Some(vec!["UsagePlans".to_owned()]),
        api_key_version: Some("4".to_owned()),
    }
}
