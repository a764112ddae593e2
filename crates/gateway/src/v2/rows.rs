//! Where the records of HTTP and WebSocket APIs are. What belongs to one is a part of it, see `parts`. Knows no operation.
//!
//! | first byte | rest of the key | row |
//! |---|---|---|
//! | 0x3b | api id | [`ApiRecord`] |
//! | 0x3c | account/region, 0, created (8 bytes), api id | empty: the APIs of a scope, oldest first |

use base::Scope;
use bytes::Bytes;
use store::{Batch, Entry, KeyRange, Store};

use crate::error::{GatewayError, Result};
use crate::rest::rows::{self, Record, decode_row, encode};
use crate::v2::records::ApiRecord;

const API: u8 = 0x3b;
const SCOPE: u8 = 0x3c;

impl Record for ApiRecord {}

pub(crate) fn api_key(api_id: &str) -> Bytes {
    rows::key(API, &[api_id.as_bytes()])
}

fn scope_prefix(scope: &Scope) -> Bytes {
    rows::key(SCOPE, &[scope.to_string().as_bytes(), &[0]])
}

fn scope_key(api: &ApiRecord) -> Bytes {
    let (scope, created) = (api.scope().to_string(), api.created_ms.to_be_bytes());
    rows::key(SCOPE, &[scope.as_bytes(), &[0], &created, api.id.as_bytes()])
}

/// The API `api_id` of `scope`; another scope's is not there.
pub(crate) async fn read_api(store: &Store, scope: &Scope, api_id: &str) -> Result<ApiRecord> {
    let api = rows::read::<ApiRecord>(store, &api_key(api_id)).await?;
    api.filter(|api| api.is_of(scope)).ok_or_else(|| GatewayError::no_api(scope.account, api_id))
}

/// Fails unless the API's row still is the one that was read before: then it was neither deleted nor made anew.
pub(crate) fn same_api(entry: Option<&Entry>, api: &ApiRecord) -> Result<ApiRecord> {
    let now = decode_row::<ApiRecord>(entry)?;
    now.filter(|now| now.row == api.row).ok_or_else(|| GatewayError::no_api(&api.account, &api.id))
}

/// Every API of a scope, oldest first, with its place in the list.
pub(crate) async fn apis(store: &Store, scope: &Scope) -> Result<Vec<(Vec<u8>, ApiRecord)>> {
    let prefix = scope_prefix(scope);
    let mut found = Vec::new();
    for (key, _) in store.rows(prefix.clone()).await? {
        let place = key.get(prefix.len()..).unwrap_or_default();
        let id = String::from_utf8_lossy(place.get(size_of::<i64>()..).unwrap_or_default()).into_owned();
        // Deleted since the list was read.
        let Some(api) = rows::read::<ApiRecord>(store, &api_key(&id)).await? else { continue };
        found.push((place.to_vec(), api));
    }
    Ok(found)
}

/// Writes an API that must not be there yet, neither in this version nor as a REST API: their URLs are alike.
pub(crate) async fn create_api(store: &Store, api: &ApiRecord) -> Result<()> {
    let keys = vec![api_key(&api.id), rows::api_key(&api.id)];
    let create = store.transact(keys, |found| match found {
        [None, None] => {
            Ok((Batch::new().put(api_key(&api.id), encode(api)).put(scope_key(api), Vec::new()), ()))
        }
        _ => Err(GatewayError::conflict(format!("An API with the id {} already exists", api.id))),
    });
    Ok(create.await.map(drop)?)
}

/// Reads, edits and writes an API's own settings.
pub(crate) async fn edit_api(
    store: &Store,
    api: &ApiRecord,
    mut apply: impl FnMut(&mut ApiRecord) -> Result<()> + Send,
) -> Result<ApiRecord> {
    let key = api_key(&api.id);
    let edited = store.transact(vec![key.clone()], |found| {
        let mut now = same_api(found.first().and_then(Option::as_ref), api)?;
        apply(&mut now)?;
        Ok((Batch::new().put(key.clone(), encode(&now)), now))
    });
    Ok(edited.await.map(|(api, _)| api)?)
}

/// Deletes an API, then what belonged to it: nothing finds that any more.
pub(crate) async fn delete_api(store: &Store, api: &ApiRecord) -> Result<()> {
    let deleted = store.transact(vec![api_key(&api.id)], |found| {
        same_api(found.first().and_then(Option::as_ref), api)?;
        Ok((Batch::new().delete(api_key(&api.id)).delete(scope_key(api)), ()))
    });
    deleted.await.map_err(GatewayError::from)?;
    store.delete_range(KeyRange::prefix(rows::parts_prefix(api.row))).await?;
    Ok(())
}
