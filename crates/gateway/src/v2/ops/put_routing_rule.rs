//! PutRoutingRule: the rule in the place of what it was.

use api::apigatewayv2::{PutRoutingRuleInput, PutRoutingRuleOutput};
use base::Cx;

use crate::Gateway;
use crate::domain::records::{DomainRecord, RuleRecord};
use crate::domain::rows::{self, Destination};
use crate::error::Result;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: PutRoutingRuleInput,
) -> Result<PutRoutingRuleOutput> {
    let id = input.routing_rule_id;
    let rule = RuleRecord::given(id.clone(), input.priority, (input.actions, input.conditions))?;
    let to = Destination::find(&gateway.store, &cx.scope, (&rule.api_id, Some(&rule.stage))).await?;
    let put = |domain: &mut DomainRecord| {
        domain.rule(&id)?;
        domain.put_rule(rule.clone())
    };
    rows::lead(gateway, &cx.scope, &input.domain_name, &to, put).await?;
    Ok(rule.shown(&cx.scope, &input.domain_name))
}
