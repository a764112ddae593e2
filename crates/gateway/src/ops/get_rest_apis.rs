//! GetRestApis: oldest first.

use api::apigateway::{GetRestApisInput, GetRestApisOutput};
use base::Cx;
use store::{KeyRange, ScanOptions};

use crate::Gateway;
use crate::error::Result;
use crate::paging::{self, PageRequest};
use crate::rest::{rows, view};

pub(super) async fn run(gateway: &Gateway, cx: &Cx, input: GetRestApisInput) -> Result<GetRestApisOutput> {
    let page = PageRequest::new(input.position.as_deref(), input.limit)?;
    let prefix = rows::scope_prefix(&cx.scope);
    let mut range = KeyRange::prefix(prefix.clone());
    range.start = [&prefix[..], &page.from].concat().into();
    let found = gateway.store.scan(range, ScanOptions::limit(page.limit)).await?;
    let ids = found.entries.iter().map(|(key, _)| rows::api_key(&rows::api_id_of_scope_key(&cx.scope, key)));
    let mut items = Vec::with_capacity(found.entries.len());
    for row in gateway.store.multi_get(&ids.collect::<Vec<_>>()).await? {
        // Gone since the scan.
        items.extend(rows::decode_row(row.as_ref())?.map(view::rest_api));
    }
    let position = found.next.map(|next| paging::position(&next[prefix.len()..]));
    Ok(GetRestApisOutput { position, items: Some(items) })
}
