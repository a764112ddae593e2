//! CreateRoutingRule.

use api::apigatewayv2::{CreateRoutingRuleInput, CreateRoutingRuleOutput};
use base::Cx;

use crate::Gateway;
use crate::domain::records::{DomainRecord, RuleRecord};
use crate::domain::rows::{self, Destination};
use crate::error::Result;
use crate::v2::release::new_id;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: CreateRoutingRuleInput,
) -> Result<CreateRoutingRuleOutput> {
    let rule = RuleRecord::given(new_id(), input.priority, (input.actions, input.conditions))?;
    rows::read(&gateway.store, &cx.scope, &input.domain_name).await?;
    let to = Destination::find(&gateway.store, &cx.scope, (&rule.api_id, Some(&rule.stage))).await?;
    let put = |domain: &mut DomainRecord| domain.put_rule(rule.clone());
    rows::lead(gateway, &cx.scope, &input.domain_name, &to, put).await?;
    Ok(rule.shown(&cx.scope, &input.domain_name))
}
