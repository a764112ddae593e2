//! GetUsagePlans: all, or those of an API key.

use api::apigateway::{GetUsagePlansInput, GetUsagePlansOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::paging::PageRequest;
use crate::parts::{self, Owner};
use crate::rest::{keyring, view};

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: GetUsagePlansInput,
) -> Result<GetUsagePlansOutput> {
    let page = PageRequest::new(input.position.as_deref(), input.limit)?;
    let owner = Owner::Scope(&cx.scope);
    let (found, position) = match input.key_id.filter(|id| !id.is_empty()) {
        None => parts::page(&gateway.store, owner, &page).await?,
        Some(id) => {
            let key = parts::read(&gateway.store, owner, &id).await?;
            let mut plans = keyring::plans(&gateway.store, &cx.scope, &key).await?;
            plans.sort_by(|a, b| a.id.cmp(&b.id));
            page.cut(plans, |plan| plan.id.as_bytes())
        }
    };
    Ok(GetUsagePlansOutput { position, items: Some(found.into_iter().map(view::usage_plan).collect()) })
}
