//! DeleteDomainName: the domain with its mappings and rules.

use api::apigatewayv2::{DeleteDomainNameInput, DeleteDomainNameOutput};
use base::Cx;

use crate::Gateway;
use crate::domain::rows;
use crate::error::Result;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: DeleteDomainNameInput,
) -> Result<DeleteDomainNameOutput> {
    rows::delete(gateway, &cx.scope, &input.domain_name).await?;
    Ok(DeleteDomainNameOutput {})
}
