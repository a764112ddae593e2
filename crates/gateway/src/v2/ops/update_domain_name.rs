//! UpdateDomainName: what is given takes the place of what was.

use api::apigatewayv2::{UpdateDomainNameInput, UpdateDomainNameOutput};
use base::Cx;

use crate::Gateway;
use crate::domain::records::Routing;
use crate::domain::rows;
use crate::error::Result;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: UpdateDomainNameInput,
) -> Result<UpdateDomainNameOutput> {
    let edit = rows::edit(gateway, &cx.scope, &input.domain_name, |domain| {
        domain.configure(input.domain_name_configurations.clone())?;
        if let Some(truststore) = &input.mutual_tls_authentication {
            // An empty URI takes mutual TLS back.
            domain.truststore_uri = truststore.truststore_uri.clone().filter(|uri| !uri.is_empty());
            domain.truststore_version =
                truststore.truststore_version.clone().filter(|version| !version.is_empty());
        }
        if let Some(mode) = input.routing_mode {
            domain.routing = Routing::of_v2(mode);
        }
        domain.check()
    });
    Ok(edit.await?.shown_v2(&cx.scope))
}
