//! GetDomainName.

use api::apigatewayv2::{GetDomainNameInput, GetDomainNameOutput};
use base::Cx;

use crate::Gateway;
use crate::domain::rows;
use crate::error::Result;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: GetDomainNameInput,
) -> Result<GetDomainNameOutput> {
    Ok(rows::read(&gateway.store, &cx.scope, &input.domain_name).await?.shown_v2(&cx.scope))
}
