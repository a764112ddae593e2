//! CreateDomainName.

use api::apigateway::{CreateDomainNameInput, CreateDomainNameOutput};
use base::Cx;

use crate::Gateway;
use crate::domain::records::DomainRecord;
use crate::domain::records::Routing;
use crate::domain::rows;
use crate::error::Result;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: CreateDomainNameInput,
) -> Result<CreateDomainNameOutput> {
    let endpoint = input.endpoint_configuration.unwrap_or_default();
    let kind = endpoint.types.as_deref().and_then(<[_]>::first).map_or("EDGE", |kind| kind.as_str());
    let now_ms = gateway.clock.now().as_millis();
    let truststore = input.mutual_tls_authentication.unwrap_or_default();
    let mut domain = DomainRecord {
        certificate_arn: input.regional_certificate_arn.or(input.certificate_arn),
        certificate_name: input.regional_certificate_name.or(input.certificate_name),
        ip_address_type: endpoint.ip_address_type.map(|kind| kind.as_str().to_owned()),
        endpoint_access_mode: input.endpoint_access_mode.map(|mode| mode.as_str().to_owned()),
        truststore_uri: truststore.truststore_uri,
        truststore_version: truststore.truststore_version,
        ownership_certificate_arn: input.ownership_verification_certificate_arn,
        routing: input.routing_mode.map(Routing::of_v1).unwrap_or_default(),
        tags: input.tags.unwrap_or_default(),
        policy: input.policy,
        ..DomainRecord::new(&input.domain_name, kind, now_ms)
    };
    if let Some(policy) = input.security_policy {
        domain.security_policy = policy.as_str().to_owned();
    }
    domain.check()?;
    rows::create(gateway, &cx.scope, &domain).await?;
    Ok(domain.shown_v1(&cx.scope))
}
