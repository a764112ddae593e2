//! Where the records of REST APIs are: keys, and reading and writing rows. Knows no operation.
//!
//! | first byte | rest of the key | row |
//! |---|---|---|
//! | 0x30 | api id | [`ApiRecord`] |
//! | 0x31 | account/region, 0, created (8 bytes), api id | empty: the APIs of a scope, oldest first |
//! | 0x32 | row | [`Tree`] |
//! | 0x33 | row, resource id, 0, method | [`MethodRecord`] |
//! | 0x34 | row | [`Stages`] |
//! | 0x35 | row, deployment id | [`DeploymentRecord`] |
//! | 0x36 | row, deployment id | [`Snapshot`] |
//! | 0x37 | row, kind, part id | a part of an API, see `parts` |
//! | 0x38 | account/region, 0, kind, part id | a part of an account |
//!
//! `row` is [`ApiRecord::row`], 8 bytes. 0x39 is in `meter`, 0x3a in `keyring`, 0x3b and 0x3c are in `v2::rows`; 0x3d to 0x3f are free.

use base::Scope;
use bytes::Bytes;
use minicbor::{Decode, Encode};
use store::{Batch, Entry, KeyRange, Store};

use crate::error::{GatewayError, Result};
use crate::rest::records::{ApiRecord, DeploymentRecord, MethodRecord, Snapshot, StageRecord, Stages, Tree};

const API: u8 = 0x30;
const SCOPE: u8 = 0x31;
const TREE: u8 = 0x32;
const METHOD: u8 = 0x33;
const STAGES: u8 = 0x34;
const DEPLOYMENT: u8 = 0x35;
const SNAPSHOT: u8 = 0x36;
const PART: u8 = 0x37;
const SCOPE_PART: u8 = 0x38;

pub(crate) fn key(space: u8, parts: &[&[u8]]) -> Bytes {
    let len = parts.iter().map(|part| part.len()).sum::<usize>();
    let mut key = Vec::with_capacity(1 + len);
    key.push(space);
    parts.iter().for_each(|part| key.extend_from_slice(part));
    key.into()
}

pub(crate) fn api_key(api_id: &str) -> Bytes {
    key(API, &[api_id.as_bytes()])
}

/// All APIs of a scope; what follows the prefix is a list position.
pub(crate) fn scope_prefix(scope: &Scope) -> Bytes {
    key(SCOPE, &[scope.to_string().as_bytes(), &[0]])
}

pub(crate) fn scope_key(api: &ApiRecord) -> Bytes {
    key(SCOPE, &[api.scope().to_string().as_bytes(), &[0], &api.created_ms.to_be_bytes(), api.id.as_bytes()])
}

/// The api id at the end of a key of [`scope_key`].
pub(crate) fn api_id_of_scope_key(scope: &Scope, key: &[u8]) -> String {
    let id = key.get(scope_prefix(scope).len() + size_of::<i64>()..).unwrap_or_default();
    String::from_utf8_lossy(id).into_owned()
}

pub(crate) fn tree_key(row: u64) -> Bytes {
    key(TREE, &[&row.to_be_bytes()])
}

/// All methods of an API; what follows the prefix is the resource's id, a zero and the verb.
pub(crate) fn method_prefix(row: u64) -> Bytes {
    key(METHOD, &[&row.to_be_bytes()])
}

pub(crate) fn method_key(row: u64, resource_id: &str, method: &str) -> Bytes {
    key(METHOD, &[&row.to_be_bytes(), resource_id.as_bytes(), &[0], method.as_bytes()])
}

pub(crate) fn stages_key(row: u64) -> Bytes {
    key(STAGES, &[&row.to_be_bytes()])
}

/// All deployments of an API.
pub(crate) fn deployment_prefix(row: u64) -> Bytes {
    key(DEPLOYMENT, &[&row.to_be_bytes()])
}

pub(crate) fn deployment_key(row: u64, deployment_id: &str) -> Bytes {
    key(DEPLOYMENT, &[&row.to_be_bytes(), deployment_id.as_bytes()])
}

pub(crate) fn snapshot_key(row: u64, deployment_id: &str) -> Bytes {
    key(SNAPSHOT, &[&row.to_be_bytes(), deployment_id.as_bytes()])
}

/// All parts of an API.
pub(crate) fn parts_prefix(row: u64) -> Bytes {
    key(PART, &[&row.to_be_bytes()])
}

/// All parts of one kind of an API.
pub(crate) fn part_prefix(row: u64, kind: u8) -> Bytes {
    key(PART, &[&row.to_be_bytes(), &[kind]])
}

/// All parts of one kind of an account.
pub(crate) fn scope_part_prefix(scope: &Scope, kind: u8) -> Bytes {
    key(SCOPE_PART, &[scope.to_string().as_bytes(), &[0, kind]])
}

/// Everything that [`ApiRecord::row`] names, but for what the API's deletion deletes itself.
pub(crate) fn leftovers(row: u64) -> [KeyRange; 4] {
    [METHOD, DEPLOYMENT, SNAPSHOT, PART].map(|space| KeyRange::prefix(key(space, &[&row.to_be_bytes()])))
}

/// A record with a row of its own.
pub(crate) trait Record: for<'b> Decode<'b, ()> + Encode<()> {}

impl Record for ApiRecord {}
impl Record for Tree {}
impl Record for MethodRecord {}
impl Record for Stages {}
impl Record for DeploymentRecord {}
impl Record for Snapshot {}

pub(crate) fn encode(record: &impl Record) -> Bytes {
    minicbor::to_vec(record).expect("a Vec takes all that is written to it").into()
}

pub(crate) fn decode<T: Record>(value: &[u8]) -> Result<T> {
    minicbor::decode(value).map_err(|error| GatewayError::Damaged(error.to_string()))
}

/// The record of a row read in a transaction.
pub(crate) fn decode_row<T: Record>(entry: Option<&Entry>) -> Result<Option<T>> {
    entry.map(|entry| decode(&entry.value)).transpose()
}

pub(crate) async fn read<T: Record>(store: &Store, key: &[u8]) -> Result<Option<T>> {
    decode_row(store.get(key).await?.as_ref())
}

/// The API `api_id` of `scope`; another scope's is not there.
pub(crate) async fn read_api(store: &Store, scope: &Scope, api_id: &str) -> Result<ApiRecord> {
    let api = read::<ApiRecord>(store, &api_key(api_id)).await?;
    api.filter(|api| api.is_of(scope)).ok_or_else(|| GatewayError::no_api(scope.account, api_id))
}

/// Every API of a scope, oldest first.
pub(crate) async fn apis(store: &Store, scope: &Scope) -> Result<Vec<ApiRecord>> {
    let listed = store.rows(scope_prefix(scope)).await?;
    let keys: Vec<Bytes> = listed.iter().map(|(key, _)| api_key(&api_id_of_scope_key(scope, key))).collect();
    let found = store.multi_get(&keys).await?;
    // Without those that have gone since the list was read.
    found.iter().filter_map(|row| decode_row(row.as_ref()).transpose()).collect()
}

/// Fails unless the API's row still is the one that was read before: then it was neither deleted nor made anew.
pub(crate) fn same_api(entry: Option<&Entry>, api: &ApiRecord) -> Result<ApiRecord> {
    let now = decode_row::<ApiRecord>(entry)?;
    now.filter(|now| now.row == api.row).ok_or_else(|| GatewayError::no_api(&api.account, &api.id))
}

/// Reads the rows at `keys` together with the API's own, lets `decide` edit, and commits what it says. `decide` gets
/// the API as it is now and the rows in the order of `keys`.
pub(crate) async fn edit<T: Send>(
    store: &Store,
    api: &ApiRecord,
    keys: Vec<Bytes>,
    mut decide: impl FnMut(ApiRecord, &[Option<Entry>]) -> Result<(Batch, T)> + Send,
) -> Result<T> {
    let mut all = Vec::with_capacity(keys.len() + 1);
    all.push(api_key(&api.id));
    all.extend(keys);
    let done = store.transact(all, |rows| match rows {
        [own, rest @ ..] => decide(same_api(own.as_ref(), api)?, rest),
        [] => Err(GatewayError::Damaged("a transaction read nothing".into())),
    });
    Ok(done.await.map(|(value, _)| value)?)
}

/// Deletes what nothing may lead to any more. The row at the first of `keys` is its own: whoever makes something lead there
/// writes that row anew in the transaction that does so, so that what `check` did not see is looked for again. `decide` gets
/// the rows at `keys`.
pub(crate) async fn delete_unnamed<C: Future<Output = Result<()>> + Send>(
    store: &Store,
    keys: Vec<Bytes>,
    check: impl Fn() -> C + Send + Sync,
    mut decide: impl FnMut(&[Option<Entry>]) -> Result<Batch> + Send,
) -> Result<()> {
    let version = |own: Option<&Entry>| own.map(|entry| entry.version);
    loop {
        let seen =
            version(keys.first().map(|own| store.get(own)).expect("it has a row of its own").await?.as_ref());
        check().await?;
        let done = store.transact(keys.clone(), |found| match found {
            [own, ..] if version(own.as_ref()) == seen => Ok((decide(found)?, true)),
            _ => Ok((Batch::new(), false)),
        });
        if done.await.map_err(GatewayError::from)?.0 {
            return Ok(());
        }
    }
}

/// Reads, edits and writes an API's tree.
pub(crate) async fn edit_tree<T: Send>(
    store: &Store,
    api: &ApiRecord,
    mut decide: impl FnMut(&mut Tree, Batch) -> Result<(Batch, T)> + Send,
) -> Result<T> {
    let key = tree_key(api.row);
    edit(store, api, vec![key.clone()], |_, rows| {
        let mut tree = decode_row::<Tree>(rows[0].as_ref())?.unwrap_or_default();
        let (batch, value) = decide(&mut tree, Batch::new())?;
        Ok((batch.put(key.clone(), encode(&tree)), value))
    })
    .await
}

/// Reads, edits and writes a method of an API that may not be there: then, and when its resource is not, AWS names
/// the resource.
pub(crate) async fn edit_method<T: Send>(
    store: &Store,
    scope: &Scope,
    at: MethodAt<'_>,
    mut decide: impl FnMut(&mut MethodRecord) -> Result<T> + Send,
) -> Result<T> {
    let api = at.api(store, scope).await?;
    let key = method_key(api.row, at.resource_id, at.http_method);
    edit(store, &api, vec![tree_key(api.row), key.clone()], |_, rows| {
        let tree = decode_row::<Tree>(rows[0].as_ref())?.unwrap_or_default();
        tree.node(at.resource_id)?;
        let mut method = decode_row(rows[1].as_ref())?.ok_or_else(GatewayError::no_method)?;
        let value = decide(&mut method)?;
        Ok((Batch::new().put(key.clone(), encode(&method)), value))
    })
    .await
}

pub(crate) async fn read_method(store: &Store, scope: &Scope, at: MethodAt<'_>) -> Result<MethodRecord> {
    let api = at.api(store, scope).await?;
    let keys = [tree_key(api.row), method_key(api.row, at.resource_id, at.http_method)];
    let rows = store.multi_get(&keys).await?;
    decode_row::<Tree>(rows[0].as_ref())?.unwrap_or_default().node(at.resource_id)?;
    decode_row(rows[1].as_ref())?.ok_or_else(GatewayError::no_method)
}

/// Reads, edits and writes the stages of an API.
pub(crate) async fn edit_stages<T: Send>(
    store: &Store,
    api: &ApiRecord,
    mut decide: impl FnMut(&mut Stages) -> Result<T> + Send,
) -> Result<T> {
    let key = stages_key(api.row);
    edit(store, api, vec![key.clone()], |_, rows| {
        let mut stages = decode_row::<Stages>(rows[0].as_ref())?.unwrap_or_default();
        let value = decide(&mut stages)?;
        Ok((Batch::new().put(key.clone(), encode(&stages)), value))
    })
    .await
}

pub(crate) async fn read_stages(store: &Store, api: &ApiRecord) -> Result<Stages> {
    Ok(read(store, &stages_key(api.row)).await?.unwrap_or_default())
}

/// The API, its stage and what that runs.
pub(crate) async fn read_deployed(
    store: &Store,
    scope: &Scope,
    api_id: &str,
    stage: &str,
) -> Result<(ApiRecord, StageRecord, Snapshot)> {
    let api = read_api(store, scope, api_id).await?;
    let stage = read_stages(store, &api).await?.stage(stage)?.clone();
    let snapshot = read(store, &snapshot_key(api.row, &stage.deployment_id)).await?;
    let snapshot = snapshot.ok_or_else(GatewayError::no_deployment)?;
    Ok((api, stage, snapshot))
}

/// The address of a method.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MethodAt<'a> {
    pub(crate) api_id: &'a str,
    pub(crate) resource_id: &'a str,
    pub(crate) http_method: &'a str,
}

impl MethodAt<'_> {
    /// The API; when there is none AWS says that the resource is not there.
    pub(crate) async fn api(&self, store: &Store, scope: &Scope) -> Result<ApiRecord> {
        let api = read_api(store, scope, self.api_id).await;
        api.map_err(|error| match error {
            GatewayError::NotFound(_) => GatewayError::no_resource(),
            other => other,
        })
    }
}
