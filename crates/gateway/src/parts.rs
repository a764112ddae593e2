//! The smaller things that belong to an API (models, authorizers, ...) or to an account (keys, plans, ...): each a row of
//! its own, found by its kind and id. What every kind needs of the store is here; what one of them means is not.

use base::Scope;
use bytes::Bytes;
use store::{Batch, KeyRange, ScanOptions, Store};

use crate::error::{GatewayError, Result};
use crate::paging::{PageRequest, position};
use crate::rest::records::ApiRecord;
use crate::rest::rows::{self, Record};
use crate::v2;

/// Tells the kinds apart in their keys: never given twice, never changed.
pub(crate) mod kind {
    pub(crate) const DOCUMENTATION_PART: u8 = 1;
    pub(crate) const VPC_LINK: u8 = 2;
    pub(crate) const MODEL: u8 = 3;
    pub(crate) const REQUEST_VALIDATOR: u8 = 4;
    pub(crate) const GATEWAY_RESPONSE: u8 = 5;
    pub(crate) const DOCUMENTATION_VERSION: u8 = 6;
    pub(crate) const AUTHORIZER: u8 = 7;
    pub(crate) const API_KEY: u8 = 10;
    pub(crate) const USAGE_PLAN: u8 = 11;
    pub(crate) const CLIENT_CERTIFICATE: u8 = 13;
    pub(crate) const ACCOUNT: u8 = 14;
    pub(crate) const DOMAIN_NAME: u8 = 15;
    pub(crate) const ACCESS_ASSOCIATION: u8 = 17;
    /// Of HTTP and WebSocket APIs.
    pub(crate) const ROUTE: u8 = 20;
    pub(crate) const INTEGRATION: u8 = 21;
    pub(crate) const DEPLOYMENT: u8 = 22;
    pub(crate) const STAGE: u8 = 23;
    pub(crate) const V2_AUTHORIZER: u8 = 24;
    pub(crate) const V2_MODEL: u8 = 25;
    pub(crate) const ROUTE_RESPONSE: u8 = 26;
    pub(crate) const INTEGRATION_RESPONSE: u8 = 27;
    pub(crate) const V2_VPC_LINK: u8 = 28;
    pub(crate) const SNAPSHOT: u8 = 29;
    /// One row an API: which route has which key.
    pub(crate) const ROUTE_INDEX: u8 = 30;
    /// One row an API: the mark of the last change of what its deployments freeze.
    pub(crate) const CHANGE: u8 = 31;
}

/// What has parts.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Owner<'a> {
    /// Its parts go when it goes, and none is written once it has gone.
    Api(&'a ApiRecord),
    /// An HTTP or WebSocket API.
    V2(&'a v2::records::ApiRecord),
    Scope(&'a Scope),
}

/// A record that is a part.
pub(crate) trait Part: Record + Clone + Send + Sync {
    const KIND: u8;
    /// Deployments of an HTTP or WebSocket API freeze it.
    const IS_DEPLOYED: bool = false;

    fn id(&self) -> &str;

    /// AWS's words when there is none of this id.
    fn missing(id: &str) -> GatewayError;
}

impl Owner<'_> {
    pub(crate) fn key<T: Part>(self, id: &str) -> Bytes {
        let mut key = self.prefix(T::KIND).to_vec();
        key.extend_from_slice(id.as_bytes());
        key.into()
    }

    fn prefix(self, kind: u8) -> Bytes {
        match self {
            Self::Api(api) => rows::part_prefix(api.row, kind),
            Self::V2(api) => rows::part_prefix(api.row, kind),
            Self::Scope(scope) => rows::scope_part_prefix(scope, kind),
        }
    }
}

pub(crate) async fn find<T: Part>(store: &Store, owner: Owner<'_>, id: &str) -> Result<Option<T>> {
    rows::read(store, &owner.key::<T>(id)).await
}

pub(crate) async fn read<T: Part>(store: &Store, owner: Owner<'_>, id: &str) -> Result<T> {
    find(store, owner, id).await?.ok_or_else(|| T::missing(id))
}

/// All of a kind, by their ids: for kinds of which an owner has few.
pub(crate) async fn all<T: Part>(store: &Store, owner: Owner<'_>) -> Result<Vec<T>> {
    let found = store.rows(owner.prefix(T::KIND)).await?;
    found.iter().map(|(_, value)| rows::decode(value)).collect()
}

/// A page of a kind by their ids, and where the next one begins.
pub(crate) async fn page<T: Part>(
    store: &Store,
    owner: Owner<'_>,
    page: &PageRequest,
) -> Result<(Vec<T>, Option<String>)> {
    let prefix = owner.prefix(T::KIND);
    let begin = [prefix.as_ref(), &page.from].concat();
    let mut range = KeyRange::prefix(prefix.clone()).resume(begin.into(), false);
    let mut found = Vec::new();
    loop {
        let scanned = store.scan(range.clone(), ScanOptions::default()).await?;
        for (key, value) in &scanned.entries {
            if found.len() == page.limit {
                return Ok((found, Some(position(key.get(prefix.len()..).unwrap_or_default()))));
            }
            found.push(rows::decode(value)?);
        }
        match scanned.next {
            Some(next) => range = range.resume(next, false),
            None => return Ok((found, None)),
        }
    }
}

/// Reads the part `id`, lets `decide` say what it shall be (`None`: not there), and writes that, all in one
/// transaction. `decide` may be called again when another writer was faster.
pub(crate) async fn change<T: Part, R: Send>(
    store: &Store,
    owner: Owner<'_>,
    id: &str,
    mut decide: impl FnMut(Option<T>) -> Result<(Option<T>, R)> + Send,
) -> Result<R> {
    let key = owner.key::<T>(id);
    let mut write = |found: Option<&store::Entry>| {
        let there = found.is_some();
        let (part, result) = decide(rows::decode_row(found)?)?;
        let batch = match part {
            Some(part) => Batch::new().put(key.clone(), rows::encode(&part)),
            None if there => Batch::new().delete(key.clone()),
            None => Batch::new(),
        };
        Ok((batch, result))
    };
    match owner {
        Owner::Api(api) => {
            rows::edit(store, api, vec![key.clone()], |_, found| write(found[0].as_ref())).await
        }
        Owner::V2(api) => {
            let keys = vec![v2::rows::api_key(&api.id), key.clone()];
            let done = store.transact(keys, |found| {
                v2::rows::same_api(found[0].as_ref(), api)?;
                let (batch, result) = write(found[1].as_ref())?;
                Ok((if T::IS_DEPLOYED { v2::rows::mark(batch, api) } else { batch }, result))
            });
            Ok(done.await.map(|(result, _)| result)?)
        }
        Owner::Scope(_) => {
            let done = store.transact(vec![key.clone()], |found| write(found[0].as_ref())).await;
            Ok(done.map(|(result, _)| result)?)
        }
    }
}

/// Writes a part that must not be there yet; `taken` is said when it is.
pub(crate) async fn create<T: Part>(
    store: &Store,
    owner: Owner<'_>,
    part: T,
    taken: impl Fn() -> GatewayError + Send + Sync,
) -> Result<T> {
    let id = part.id().to_owned();
    change(store, owner, &id, |found: Option<T>| match found {
        Some(_) => Err(taken()),
        None => Ok((Some(part.clone()), part.clone())),
    })
    .await
}

/// Adds a part to the batch that makes its owner.
pub(crate) fn put<T: Part>(batch: Batch, owner: Owner<'_>, part: &T) -> Batch {
    batch.put(owner.key::<T>(part.id()), rows::encode(part))
}

/// Removes a part in a batch.
pub(crate) fn remove<T: Part>(batch: Batch, owner: Owner<'_>, part: &T) -> Batch {
    batch.delete(owner.key::<T>(part.id()))
}

/// Edits a part that is there.
pub(crate) async fn edit<T: Part>(
    store: &Store,
    owner: Owner<'_>,
    id: &str,
    mut apply: impl FnMut(&mut T) -> Result<()> + Send,
) -> Result<T> {
    change(store, owner, id, |found: Option<T>| {
        let mut part = found.ok_or_else(|| T::missing(id))?;
        apply(&mut part)?;
        Ok((Some(part.clone()), part))
    })
    .await
}

/// Deletes a part that is there, and answers what it was.
pub(crate) async fn delete<T: Part>(store: &Store, owner: Owner<'_>, id: &str) -> Result<T> {
    change(store, owner, id, |found: Option<T>| Ok((None, found.ok_or_else(|| T::missing(id))?))).await
}
