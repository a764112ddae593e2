//! DeleteRoutingRule.

use api::apigatewayv2::{DeleteRoutingRuleInput, DeleteRoutingRuleOutput};
use base::Cx;

use crate::Gateway;
use crate::domain::rows;
use crate::error::Result;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: DeleteRoutingRuleInput,
) -> Result<DeleteRoutingRuleOutput> {
    let edit = rows::edit(gateway, &cx.scope, &input.domain_name, |domain| {
        domain.rule(&input.routing_rule_id)?;
        domain.rules.retain(|rule| rule.id != input.routing_rule_id);
        Ok(())
    });
    edit.await?;
    Ok(DeleteRoutingRuleOutput {})
}
