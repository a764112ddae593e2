//! Where the records of HTTP and WebSocket APIs are. What belongs to one is a part of it, see `parts`. Knows no operation.
//!
//! | first byte | rest of the key | row |
//! |---|---|---|
//! | 0x3b | api id | [`ApiRecord`] |
//! | 0x3c | account/region, 0, created (8 bytes), api id | empty: the APIs of a scope, oldest first |

use base::{Scope, random_alphanumeric};
use bytes::Bytes;
use store::{Batch, Entry, KeyRange, Store};

use crate::error::{GatewayError, Result};
use crate::live::{Reader, Rows};
use crate::parts::{self, Owner, Part, kind};
use crate::rest::rows::{self, Record, decode_row, encode};
use crate::v2::integration::IntegrationRecord;
use crate::v2::openapi::Definition;
use crate::v2::records::ApiRecord;
use crate::v2::route::{RouteIndex, RouteRecord};

const API: u8 = 0x3b;
const SCOPE: u8 = 0x3c;
const MARK_CHARS: usize = 16;

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
        _ => Err(taken(&api.id)),
    });
    Ok(create.await.map(drop)?)
}

/// Writes an API that must not be there yet with all that a definition says of it.
pub(crate) async fn create_defined(store: &Store, of: &Definition) -> Result<()> {
    let (api, index) = (&of.api, RouteIndex::of(&of.routes)?);
    let keys = vec![api_key(&api.id), rows::api_key(&api.id)];
    let create = store.transact(keys, |found| match found {
        [None, None] => {
            let batch = Batch::new().put(scope_key(api), Vec::new());
            Ok((put_defined(batch, of, &index), ()))
        }
        _ => Err(taken(&api.id)),
    });
    Ok(create.await.map(drop)?)
}

/// Puts what a definition says in the place of what the API was. False if that has changed since it was read.
pub(crate) async fn replace_defined(store: &Store, known: &Definition, of: &Definition) -> Result<bool> {
    let (owner, api) = (Owner::V2(&known.api), &known.api);
    let (was, index) = (RouteIndex::of(&known.routes)?, RouteIndex::of(&of.routes)?);
    let replace = store.transact(vec![api_key(&api.id), route_index_key(api)], |found| {
        let now = same_api(found[0].as_ref(), api)?;
        if now != *api || decode_row::<RouteIndex>(found[1].as_ref())?.unwrap_or_default() != was {
            return Ok((Batch::new(), false));
        }
        let mut batch = Batch::new();
        batch = known.routes.iter().fold(batch, |batch, part| parts::remove(batch, owner, part));
        batch = known.integrations.iter().fold(batch, |batch, part| parts::remove(batch, owner, part));
        batch = known.authorizers.iter().fold(batch, |batch, part| parts::remove(batch, owner, part));
        Ok((put_defined(batch, of, &index), true))
    });
    Ok(replace.await.map(|(replaced, _)| replaced)?)
}

fn put_defined(mut batch: Batch, of: &Definition, index: &RouteIndex) -> Batch {
    let owner = Owner::V2(&of.api);
    batch = mark(batch, &of.api);
    batch = batch.put(api_key(&of.api.id), encode(&of.api)).put(route_index_key(&of.api), encode(index));
    batch = of.routes.iter().fold(batch, |batch, part| parts::put(batch, owner, part));
    batch = of.integrations.iter().fold(batch, |batch, part| parts::put(batch, owner, part));
    of.authorizers.iter().fold(batch, |batch, part| parts::put(batch, owner, part))
}

fn taken(api_id: &str) -> GatewayError {
    GatewayError::conflict(format!("An API with the id {api_id} already exists"))
}

/// What the data plane reads of an API before it compiles it.
pub(crate) async fn live(reader: &mut Reader<'_>, api_id: &str) -> Result<Option<(ApiRecord, Rows)>> {
    let Some(row) = reader.get(api_key(api_id)).await? else { return Ok(None) };
    let api: ApiRecord = rows::decode(&row)?;
    let change = reader.get(change_key(&api)).await?;
    let stages = reader.all(rows::part_prefix(api.row, kind::STAGE)).await?;
    Ok(Some((api, Rows { api: row, stages, change })))
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

/// A route that is edited, and the integration that it then leads to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RouteAt<'a> {
    pub(crate) api: &'a ApiRecord,
    pub(crate) id: &'a str,
    pub(crate) integration_id: Option<&'a str>,
}

/// Reads a route with what all routes must agree on, lets `decide` say what it shall be (`None`: not there), and
/// writes that. `decide` is also told how many routes there are.
pub(crate) async fn edit_route(
    store: &Store,
    at: RouteAt<'_>,
    mut decide: impl FnMut(Option<RouteRecord>, usize) -> Result<Option<RouteRecord>> + Send,
) -> Result<Option<RouteRecord>> {
    let (api, owner) = (at.api, Owner::V2(at.api));
    let (index_key, route_key) = (route_index_key(api), owner.key::<RouteRecord>(at.id));
    let mut keys = vec![api_key(&api.id), index_key.clone(), route_key.clone()];
    keys.extend(at.integration_id.map(|id| owner.key::<IntegrationRecord>(id)));
    let done = store.transact(keys, |found| {
        same_api(found[0].as_ref(), api)?;
        if let (Some(None), Some(id)) = (found.get(3), at.integration_id) {
            return Err(IntegrationRecord::missing(id));
        }
        let mut index = decode_row::<RouteIndex>(found[1].as_ref())?.unwrap_or_default();
        let was = decode_row::<RouteRecord>(found[2].as_ref())?;
        let route = decide(was.clone(), index.len())?;
        index.replace(was.as_ref(), route.as_ref())?;
        let batch = mark(Batch::new().put(index_key.clone(), encode(&index)), api);
        Ok(match &route {
            Some(route) => (batch.put(route_key.clone(), encode(route)), Some(route.clone())),
            None => (batch.delete(route_key.clone()), was),
        })
    });
    Ok(done.await.map(|(route, _)| route)?)
}

/// Deletes a part that routes may name, unless `refusal` finds that one does.
pub(crate) async fn delete_named_by_routes<T: Part>(
    store: &Store,
    api: &ApiRecord,
    id: &str,
    mut refusal: impl FnMut(&RouteIndex) -> Option<GatewayError> + Send,
) -> Result<()> {
    let (index_key, key) = (route_index_key(api), Owner::V2(api).key::<T>(id));
    let done = store.transact(vec![api_key(&api.id), index_key, key.clone()], |found| {
        same_api(found[0].as_ref(), api)?;
        let index = decode_row::<RouteIndex>(found[1].as_ref())?.unwrap_or_default();
        if found[2].is_none() {
            return Err(T::missing(id));
        }
        refusal(&index).map_or_else(|| Ok((mark(Batch::new().delete(key.clone()), api), ())), Err)
    });
    Ok(done.await.map(drop)?)
}

fn route_index_key(api: &ApiRecord) -> Bytes {
    rows::part_prefix(api.row, kind::ROUTE_INDEX)
}

/// Where the mark of the last change is of what deployments of an API freeze: any text that no other change has.
pub(crate) fn change_key(api: &ApiRecord) -> Bytes {
    rows::part_prefix(api.row, kind::CHANGE)
}

/// Marks a change in the batch that makes it, so that no release of the API takes an older state for the newest.
pub(crate) fn mark(batch: Batch, api: &ApiRecord) -> Batch {
    batch.put(change_key(api), random_alphanumeric(MARK_CHARS))
}

/// Deletes an API that `check` finds nothing to lead to, then what belonged to it: nothing finds that any more.
pub(crate) async fn delete_api<C: Future<Output = Result<()>> + Send>(
    store: &Store,
    api: &ApiRecord,
    check: impl Fn() -> C + Send + Sync,
) -> Result<()> {
    rows::delete_unnamed(store, vec![api_key(&api.id)], check, |found| {
        same_api(found.first().and_then(Option::as_ref), api)?;
        Ok(Batch::new().delete(api_key(&api.id)).delete(scope_key(api)))
    })
    .await?;
    store.delete_range(KeyRange::prefix(rows::parts_prefix(api.row))).await?;
    Ok(())
}
