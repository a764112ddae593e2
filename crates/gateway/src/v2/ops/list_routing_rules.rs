//! ListRoutingRules: by their priorities.

use api::apigatewayv2::{ListRoutingRulesInput, ListRoutingRulesOutput};
use base::Cx;

use crate::Gateway;
use crate::domain::rows;
use crate::error::Result;
use crate::paging::PageRequest;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: ListRoutingRulesInput,
) -> Result<ListRoutingRulesOutput> {
    let limit = input.max_results.map(|limit| limit.to_string());
    let page = PageRequest::of_token(input.next_token.as_deref(), limit.as_deref())?;
    let domain = rows::read(&gateway.store, &cx.scope, &input.domain_name).await?;
    let placed = domain.rules.into_iter().map(|rule| (rule.priority.to_be_bytes(), rule));
    let (found, next_token) = page.cut(placed.collect(), |(place, _)| place);
    let shown = found.into_iter().map(|(_, rule)| rule.shown(&cx.scope, &domain.name));
    Ok(ListRoutingRulesOutput { next_token, routing_rules: Some(shown.collect()) })
}
