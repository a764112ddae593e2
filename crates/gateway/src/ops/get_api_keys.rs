//! GetApiKeys: by their ids, all or those whose name begins so.

use api::apigateway::{GetApiKeysInput, GetApiKeysOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::paging::PageRequest;
use crate::parts::{self, Owner};
use crate::rest::api_key::ApiKeyRecord;
use crate::rest::view;

pub(super) async fn run(gateway: &Gateway, cx: &Cx, input: GetApiKeysInput) -> Result<GetApiKeysOutput> {
    let page = PageRequest::new(input.position.as_deref(), input.limit)?;
    let mut keys: Vec<ApiKeyRecord> = parts::all(&gateway.store, Owner::Scope(&cx.scope)).await?;
    let name = input.name_query.unwrap_or_default();
    keys.retain(|key| key.name.as_deref().unwrap_or_default().starts_with(&name));
    if let Some(customer) = input.customer_id.filter(|customer| !customer.is_empty()) {
        keys.retain(|key| key.customer_id.as_ref() == Some(&customer));
    }
    let (found, position) = page.cut(keys, |key| key.id.as_bytes());
    let with_value = input.include_values.unwrap_or_default();
    let items = found.into_iter().map(|key| view::api_key(key, with_value)).collect();
    Ok(GetApiKeysOutput { warnings: None, position, items: Some(items) })
}
