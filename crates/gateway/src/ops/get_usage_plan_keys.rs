//! GetUsagePlanKeys: by their ids, all or those whose name begins so.

use api::apigateway::{GetUsagePlanKeysInput, GetUsagePlanKeysOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::paging::PageRequest;
use crate::rest::{subscription, view};

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: GetUsagePlanKeysInput,
) -> Result<GetUsagePlanKeysOutput> {
    let page = PageRequest::new(input.position.as_deref(), input.limit)?;
    let mut keys = subscription::of_plan(gateway, &cx.scope, &input.usage_plan_id).await?;
    let name = input.name_query.unwrap_or_default();
    keys.retain(|key| key.name.as_deref().unwrap_or_default().starts_with(&name));
    let (found, position) = page.cut(keys, |key| key.id.as_bytes());
    let items = found.into_iter().map(|key| view::usage_plan_key(key, true)).collect();
    Ok(GetUsagePlanKeysOutput { position, items: Some(items) })
}
