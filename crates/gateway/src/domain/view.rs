//! Custom domains as both versions of the API show them, and how they are edited by version 1's patches. Pure; knows no
//! store.

use api::{apigateway as v1, apigatewayv2 as v2};
use base::{Scope, Timestamp};

use crate::domain::records::{DomainRecord, MappingRecord, NO_BASE_PATH, Routing, RuleRecord};
use crate::error::{GatewayError, Result};
use crate::patch::Patch;

/// Those of CloudFront, and of regional endpoints in us-east-1.
const EDGE_ZONE: &str = "Z2FDTNDATAQYW2";
const REGIONAL_ZONE: &str = "Z1UJRXOUMOOFQ8";

impl Routing {
    pub(crate) fn of_v1(mode: v1::RoutingMode) -> Self {
        match mode {
            v1::RoutingMode::BasePathMappingOnly => Self::Mappings,
            v1::RoutingMode::RoutingRuleOnly => Self::Rules,
            v1::RoutingMode::RoutingRuleThenBasePathMapping => Self::RulesThenMappings,
        }
    }

    pub(crate) fn of_v2(mode: v2::RoutingMode) -> Self {
        match mode {
            v2::RoutingMode::ApiMappingOnly => Self::Mappings,
            v2::RoutingMode::RoutingRuleOnly => Self::Rules,
            v2::RoutingMode::RoutingRuleThenApiMapping => Self::RulesThenMappings,
        }
    }
}

impl DomainRecord {
    fn arn(&self, scope: &Scope) -> String {
        let partition = scope.region.partition();
        match &self.id {
            None => format!("arn:{partition}:apigateway:{}::/domainnames/{}", scope.region, self.name),
            Some(id) => format!(
                "arn:{partition}:apigateway:{}:{}:/domainnames/{}+{id}",
                scope.region, scope.account, self.name
            ),
        }
    }

    fn target_name(&self, scope: &Scope) -> String {
        match self.endpoint_type.as_str() {
            "EDGE" => format!("{}.cloudfront.net", self.target.replace('-', "")),
            _ => format!("{}.execute-api.{}.amazonaws.com", self.target, scope.region),
        }
    }

    pub(crate) fn shown_v1(self, scope: &Scope) -> v1::DomainName {
        let arn = self.arn(scope);
        let target = self.target_name(scope);
        let (is_edge, is_regional) = (self.endpoint_type == "EDGE", self.endpoint_type == "REGIONAL");
        let truststore = v1::MutualTlsAuthentication {
            truststore_uri: self.truststore_uri,
            truststore_version: self.truststore_version,
            truststore_warnings: None,
        };
        let routing = match self.routing {
            Routing::Mappings => v1::RoutingMode::BasePathMappingOnly,
            Routing::Rules => v1::RoutingMode::RoutingRuleOnly,
            Routing::RulesThenMappings => v1::RoutingMode::RoutingRuleThenBasePathMapping,
        };
        let endpoint = v1::EndpointConfiguration {
            types: self.endpoint_type.parse().ok().map(|kind| vec![kind]),
            ip_address_type: self.ip_address_type.and_then(|kind| kind.parse().ok()),
            vpc_endpoint_ids: None,
        };
        let of = |given: &Option<String>, shown: bool| given.clone().filter(|_| shown);
        v1::DomainName {
            domain_name: Some(self.name),
            domain_name_id: self.id,
            domain_name_arn: Some(arn),
            certificate_name: of(&self.certificate_name, !is_regional),
            certificate_arn: of(&self.certificate_arn, !is_regional),
            certificate_upload_date: Some(Timestamp::from_secs(Timestamp(self.created_ms).as_secs())),
            regional_domain_name: is_regional.then(|| target.clone()),
            regional_hosted_zone_id: is_regional.then(|| REGIONAL_ZONE.to_owned()),
            regional_certificate_name: of(&self.certificate_name, is_regional),
            regional_certificate_arn: of(&self.certificate_arn, is_regional),
            distribution_domain_name: is_edge.then_some(target),
            distribution_hosted_zone_id: is_edge.then(|| EDGE_ZONE.to_owned()),
            endpoint_configuration: Some(endpoint),
            domain_name_status: Some(v1::DomainNameStatus::Available),
            domain_name_status_message: None,
            security_policy: self.security_policy.parse().ok(),
            endpoint_access_mode: self.endpoint_access_mode.and_then(|mode| mode.parse().ok()),
            tags: Some(self.tags).filter(|tags| !tags.is_empty()),
            mutual_tls_authentication: Some(truststore).filter(|found| found.truststore_uri.is_some()),
            ownership_verification_certificate_arn: self.ownership_certificate_arn,
            management_policy: self.management_policy,
            policy: self.policy,
            routing_mode: Some(routing),
        }
    }

    pub(crate) fn shown_v2(self, scope: &Scope) -> v2::DomainName {
        let arn = self.arn(scope);
        let target = self.target_name(scope);
        let zone = if self.endpoint_type == "EDGE" { EDGE_ZONE } else { REGIONAL_ZONE };
        let truststore = v2::MutualTlsAuthentication {
            truststore_uri: self.truststore_uri,
            truststore_version: self.truststore_version,
            truststore_warnings: None,
        };
        let routing = match self.routing {
            Routing::Mappings => v2::RoutingMode::ApiMappingOnly,
            Routing::Rules => v2::RoutingMode::RoutingRuleOnly,
            Routing::RulesThenMappings => v2::RoutingMode::RoutingRuleThenApiMapping,
        };
        let configuration = v2::DomainNameConfiguration {
            api_gateway_domain_name: Some(target),
            certificate_arn: self.certificate_arn,
            certificate_name: self.certificate_name,
            certificate_upload_date: None,
            domain_name_status: Some(v2::DomainNameStatus::Available),
            domain_name_status_message: None,
            endpoint_type: self.endpoint_type.parse().ok(),
            hosted_zone_id: Some(zone.to_owned()),
            ip_address_type: self.ip_address_type.and_then(|kind| kind.parse().ok()),
            security_policy: self.security_policy.parse().ok(),
            ownership_verification_certificate_arn: self.ownership_certificate_arn,
        };
        v2::DomainName {
            api_mapping_selection_expression: Some("$request.basepath".to_owned()),
            domain_name: self.name,
            domain_name_arn: Some(arn),
            domain_name_configurations: Some(vec![configuration]),
            mutual_tls_authentication: Some(truststore).filter(|found| found.truststore_uri.is_some()),
            routing_mode: Some(routing),
            tags: Some(self.tags),
        }
    }

    /// What version 2 says of a domain's only endpoint.
    pub(crate) fn configure(&mut self, given: Option<Vec<v2::DomainNameConfiguration>>) -> Result<()> {
        let Some(given) = given else { return Ok(()) };
        let [endpoint] = &given[..] else {
            return Err(GatewayError::bad_request("A domain name has exactly one configuration"));
        };
        let set = |place: &mut Option<String>, given: &Option<String>| {
            if given.is_some() {
                place.clone_from(given);
            }
        };
        set(&mut self.certificate_arn, &endpoint.certificate_arn);
        set(&mut self.certificate_name, &endpoint.certificate_name);
        set(&mut self.ownership_certificate_arn, &endpoint.ownership_verification_certificate_arn);
        set(&mut self.ip_address_type, &endpoint.ip_address_type.map(|kind| kind.as_str().to_owned()));
        if let Some(policy) = endpoint.security_policy {
            self.security_policy = policy.as_str().to_owned();
        }
        if let Some(kind) = endpoint.endpoint_type {
            self.endpoint_type = kind.as_str().to_owned();
        }
        Ok(())
    }

    pub(crate) fn patch(&mut self, patch: &Patch) -> Result<()> {
        let of_certificate = |place: &mut Option<String>| *place = patch.some_text();
        match patch.segments()[..] {
            ["certificateName" | "regionalCertificateName"] => of_certificate(&mut self.certificate_name),
            ["certificateArn" | "regionalCertificateArn"] => of_certificate(&mut self.certificate_arn),
            ["endpointConfiguration", "types", ..] => {
                let kind: v1::EndpointType = patch.text().parse().map_err(|_| patch.bad_value())?;
                self.endpoint_type = kind.as_str().to_owned();
            }
            ["endpointConfiguration", "ipAddressType"] => self.ip_address_type = patch.some_text(),
            ["securityPolicy"] => {
                let policy: v1::SecurityPolicy = patch.text().parse().map_err(|_| patch.bad_value())?;
                self.security_policy = policy.as_str().to_owned();
            }
            ["endpointAccessMode"] => self.endpoint_access_mode = patch.some_text(),
            ["mutualTlsAuthentication", "truststoreUri"] => self.truststore_uri = patch.some_text(),
            ["mutualTlsAuthentication", "truststoreVersion"] => self.truststore_version = patch.some_text(),
            ["ownershipVerificationCertificateArn"] => self.ownership_certificate_arn = patch.some_text(),
            ["routingMode"] => {
                self.routing = Routing::of_v1(patch.text().parse().map_err(|_| patch.bad_value())?);
            }
            ["policy"] => self.policy = patch.some_text(),
            ["managementPolicy"] => self.management_policy = patch.some_text(),
            _ => {
                return Err(patch.none_of(&[
                    "/certificateName",
                    "/certificateArn",
                    "/regionalCertificateName",
                    "/regionalCertificateArn",
                    "/endpointConfiguration/types/EDGE",
                    "/endpointConfiguration/types/REGIONAL",
                    "/endpointConfiguration/ipAddressType",
                    "/securityPolicy",
                    "/mutualTlsAuthentication/truststoreUri",
                    "/mutualTlsAuthentication/truststoreVersion",
                    "/ownershipVerificationCertificateArn",
                    "/routingMode",
                ]));
            }
        }
        Ok(())
    }
}

impl MappingRecord {
    pub(crate) fn shown_v1(self) -> v1::BasePathMapping {
        let base_path = if self.key.is_empty() { NO_BASE_PATH.to_owned() } else { self.key };
        v1::BasePathMapping { base_path: Some(base_path), rest_api_id: Some(self.api_id), stage: self.stage }
    }

    pub(crate) fn shown_v2(self) -> v2::ApiMapping {
        v2::ApiMapping {
            api_id: self.api_id,
            api_mapping_id: Some(self.id),
            api_mapping_key: Some(self.key),
            stage: self.stage.unwrap_or_default(),
        }
    }

    pub(crate) fn patch(&mut self, patch: &Patch) -> Result<()> {
        patch.only_replace()?;
        match patch.segments()[..] {
            ["basePath"] => {
                let path = patch.text();
                self.key = if path == NO_BASE_PATH { String::new() } else { path };
            }
            ["restapiId" | "restApiId"] => self.api_id = patch.text(),
            ["stage"] => self.stage = patch.some_text(),
            _ => return Err(patch.none_of(&["/basePath", "/restapiId", "/stage"])),
        }
        Ok(())
    }
}

impl RuleRecord {
    /// A rule as version 2 gives it.
    pub(crate) fn given(
        id: String,
        priority: i32,
        (actions, conditions): (Vec<v2::RoutingRuleAction>, Vec<v2::RoutingRuleCondition>),
    ) -> Result<Self> {
        use crate::domain::records::{ConditionRecord, HeaderGlob};
        let [action] = &actions[..] else {
            return Err(GatewayError::bad_request("A routing rule has exactly one action"));
        };
        let conditions = conditions.into_iter().map(|given| ConditionRecord {
            base_paths: given.match_base_paths.map(|paths| paths.any_of).unwrap_or_default(),
            headers: given
                .match_headers
                .into_iter()
                .flat_map(|headers| headers.any_of)
                .map(|wanted| HeaderGlob { header: wanted.header, glob: wanted.value_glob })
                .collect(),
        });
        Ok(Self {
            id,
            priority,
            conditions: conditions.collect(),
            api_id: action.invoke_api.api_id.clone(),
            stage: action.invoke_api.stage.clone(),
            strip_base_path: action.invoke_api.strip_base_path.unwrap_or_default(),
        })
    }

    pub(crate) fn shown(self, scope: &Scope, domain: &str) -> v2::RoutingRule {
        let partition = scope.region.partition();
        let arn = format!(
            "arn:{partition}:apigateway:{}:{}:/domainnames/{domain}/routingrules/{}",
            scope.region, scope.account, self.id
        );
        let conditions = self.conditions.into_iter().map(|condition| {
            let paths = v2::RoutingRuleMatchBasePaths { any_of: condition.base_paths };
            let headers = condition.headers.into_iter().map(|wanted| v2::RoutingRuleMatchHeaderValue {
                header: wanted.header,
                value_glob: wanted.glob,
            });
            let headers = v2::RoutingRuleMatchHeaders { any_of: headers.collect() };
            v2::RoutingRuleCondition {
                match_base_paths: Some(paths).filter(|paths| !paths.any_of.is_empty()),
                match_headers: Some(headers).filter(|headers| !headers.any_of.is_empty()),
            }
        });
        let action = v2::RoutingRuleActionInvokeApi {
            api_id: self.api_id,
            stage: self.stage,
            strip_base_path: Some(self.strip_base_path),
        };
        v2::RoutingRule {
            actions: Some(vec![v2::RoutingRuleAction { invoke_api: action }]),
            conditions: Some(conditions.collect()),
            priority: Some(self.priority),
            routing_rule_arn: Some(arn),
            routing_rule_id: Some(self.id),
        }
    }
}
