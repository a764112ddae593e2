//! CreateDomainName.

use api::apigatewayv2::{CreateDomainNameInput, CreateDomainNameOutput};
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
    let now_ms = gateway.clock.now().as_millis();
    let truststore = input.mutual_tls_authentication.unwrap_or_default();
    let mut domain = DomainRecord {
        truststore_uri: truststore.truststore_uri,
        truststore_version: truststore.truststore_version,
        routing: input.routing_mode.map(Routing::of_v2).unwrap_or_default(),
        tags: input.tags.unwrap_or_default(),
        ..DomainRecord::new(&input.domain_name, "REGIONAL", now_ms)
    };
    domain.configure(input.domain_name_configurations)?;
    domain.check()?;
    rows::create(gateway, &cx.scope, &domain).await?;
    Ok(domain.shown_v2(&cx.scope))
}
