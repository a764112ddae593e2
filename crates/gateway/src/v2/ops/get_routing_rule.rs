//! GetRoutingRule.

use api::apigatewayv2::{GetRoutingRuleInput, GetRoutingRuleOutput};
use base::Cx;

use crate::Gateway;
use crate::domain::rows;
use crate::error::Result;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: GetRoutingRuleInput,
) -> Result<GetRoutingRuleOutput> {
    let domain = rows::read(&gateway.store, &cx.scope, &input.domain_name).await?;
    Ok(domain.rule(&input.routing_rule_id)?.clone().shown(&cx.scope, &domain.name))
}
