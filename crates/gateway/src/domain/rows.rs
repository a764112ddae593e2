//! Where custom domain names are: parts of their account, and a row by which a host finds its account. Knows no operation.
//!
//! | first byte | rest of the key | row |
//! |---|---|---|
//! | 0x3f | name | [`PlaceRecord`]: whose the domain is |

use base::Scope;
use bytes::Bytes;
use minicbor::{Decode, Encode};
use store::{Batch, Store};

use crate::Gateway;
use crate::domain::records::DomainRecord;
use crate::error::{GatewayError, Result};
use crate::parts::{self, Owner, Part};
use crate::rest::rows::{self, Record, encode};

const PLACE: u8 = 0x3f;

#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
struct PlaceRecord {
    #[n(0)]
    account: String,
    #[n(1)]
    region: String,
}

impl Record for PlaceRecord {}

fn place_key(name: &str) -> Bytes {
    rows::key(PLACE, &[name.as_bytes()])
}

/// The domain of this name of `scope`.
pub(crate) async fn read(store: &Store, scope: &Scope, name: &str) -> Result<DomainRecord> {
    parts::read(store, Owner::Scope(scope), &name.to_ascii_lowercase()).await
}

/// The domain of this name, whosever it is.
pub(crate) async fn find(store: &Store, name: &str) -> Result<Option<DomainRecord>> {
    let Some(place) = rows::read::<PlaceRecord>(store, &place_key(name)).await? else { return Ok(None) };
    let Ok(account) = place.account.parse() else { return Ok(None) };
    let scope = Scope { account, region: base::Region::new(&place.region) };
    parts::find(store, Owner::Scope(&scope), name).await
}

/// Writes a domain whose name nobody has yet.
pub(crate) async fn create(gateway: &Gateway, scope: &Scope, domain: &DomainRecord) -> Result<()> {
    let key = Owner::Scope(scope).key::<DomainRecord>(&domain.name);
    let place = PlaceRecord { account: scope.account.to_string(), region: scope.region.to_string() };
    let create = gateway.store.transact(vec![place_key(&domain.name), key.clone()], |found| match found {
        [None, None] => {
            let batch = Batch::new().put(place_key(&domain.name), encode(&place));
            Ok((batch.put(key.clone(), encode(domain)), ()))
        }
        _ => Err(DomainRecord::taken()),
    });
    create.await.map_err(GatewayError::from)?;
    gateway.domains.forget();
    Ok(())
}

/// Reads, edits and writes a domain with its mappings and rules.
pub(crate) async fn edit(
    gateway: &Gateway,
    scope: &Scope,
    name: &str,
    apply: impl FnMut(&mut DomainRecord) -> Result<()> + Send,
) -> Result<DomainRecord> {
    let name = name.to_ascii_lowercase();
    let edited = parts::edit(&gateway.store, Owner::Scope(scope), &name, apply).await?;
    gateway.domains.forget();
    Ok(edited)
}

/// Deletes a domain; nothing leads anywhere by it any more.
pub(crate) async fn delete(gateway: &Gateway, scope: &Scope, name: &str) -> Result<()> {
    let name = name.to_ascii_lowercase();
    let key = Owner::Scope(scope).key::<DomainRecord>(&name);
    let delete = gateway.store.transact(vec![key.clone()], |found| match found {
        [Some(_)] => Ok((Batch::new().delete(place_key(&name)).delete(key.clone()), ())),
        _ => Err(DomainRecord::missing(&name)),
    });
    delete.await.map_err(GatewayError::from)?;
    gateway.domains.forget();
    Ok(())
}

/// Refuses a mapping to an API, or a stage of it, that there is not.
pub(crate) async fn check_target(
    store: &Store,
    scope: &Scope,
    (api_id, stage): (&str, Option<&str>),
) -> Result<()> {
    match rows::read_api(store, scope, api_id).await {
        Ok(api) => match stage {
            Some(stage) => rows::read_stages(store, &api).await?.stage(stage).map(|_| ()),
            None => Ok(()),
        },
        Err(GatewayError::NotFound(_)) => {
            let api = crate::v2::rows::read_api(store, scope, api_id).await?;
            let Some(stage) = stage else { return Ok(()) };
            parts::read::<crate::v2::stage::StageRecord>(store, Owner::V2(&api), stage).await.map(drop)
        }
        Err(error) => Err(error),
    }
}

/// Refuses to delete an API, or one stage of it, to which domains lead, in AWS's words. A mapping that is made at the same
/// moment leads nowhere and answers 403.
pub(crate) async fn check_unmapped(
    store: &Store,
    scope: &Scope,
    (api_id, stage): (&str, Option<&str>),
    words: impl FnOnce(&str) -> String,
) -> Result<()> {
    let is_meant = |api: &str, named: Option<&str>| api == api_id && (stage.is_none() || named == stage);
    let leads_there = |domain: &DomainRecord| {
        domain.mappings.iter().any(|mapping| is_meant(&mapping.api_id, mapping.stage.as_deref()))
            || domain.rules.iter().any(|rule| is_meant(&rule.api_id, Some(&rule.stage)))
    };
    let domains: Vec<DomainRecord> = parts::all(store, Owner::Scope(scope)).await?;
    let names: Vec<&str> =
        domains.iter().filter(|domain| leads_there(domain)).map(|domain| domain.name.as_str()).collect();
    if names.is_empty() { Ok(()) } else { Err(GatewayError::bad_request(words(&names.join(", ")))) }
}
