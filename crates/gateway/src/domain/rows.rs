//! Where custom domain names are: parts of their account, and a row by which a host finds its account. Knows no operation.
//!
//! | first byte | rest of the key | row |
//! |---|---|---|
//! | 0x3f | name | [`PlaceRecord`]: whose the domain is |

use base::Scope;
use bytes::Bytes;
use minicbor::{Decode, Encode};
use store::{Batch, Entry, Store};

use crate::Gateway;
use crate::domain::records::DomainRecord;
use crate::error::{GatewayError, Result};
use crate::parts::{self, Owner, Part};
use crate::rest::records::{ApiRecord, Stages};
use crate::rest::rows::{self, Record, encode};
use crate::v2;

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

/// An API, or a stage of it, to which a mapping or a rule leads.
#[derive(Debug)]
pub(crate) struct Destination<'a> {
    api: LedTo,
    stage: Option<&'a str>,
}

#[derive(Debug)]
enum LedTo {
    Rest(ApiRecord),
    V2(v2::records::ApiRecord),
}

impl<'a> Destination<'a> {
    /// Refuses an API, or a stage of it, that there is not.
    pub(crate) async fn find(
        store: &Store,
        scope: &Scope,
        (api_id, stage): (&str, Option<&'a str>),
    ) -> Result<Self> {
        let api = match rows::read_api(store, scope, api_id).await {
            Ok(api) => LedTo::Rest(api),
            Err(GatewayError::NotFound(_)) => LedTo::V2(v2::rows::read_api(store, scope, api_id).await?),
            Err(error) => return Err(error),
        };
        let found = Self { api, stage };
        let keys = found.keys();
        found.check(&store.multi_get(&keys).await?)?;
        Ok(found)
    }

    /// The API's own row, and that of the stage.
    fn keys(&self) -> Vec<Bytes> {
        let (api, stage) = match (&self.api, self.stage) {
            (LedTo::Rest(api), stage) => (rows::api_key(&api.id), stage.map(|_| rows::stages_key(api.row))),
            (LedTo::V2(api), stage) => (
                v2::rows::api_key(&api.id),
                stage.map(|name| Owner::V2(api).key::<v2::stage::StageRecord>(name)),
            ),
        };
        std::iter::once(api).chain(stage).collect()
    }

    /// Whether both are there, by the rows of [`Self::keys`].
    fn check(&self, found: &[Option<Entry>]) -> Result<()> {
        let row = |at: usize| found.get(at).and_then(Option::as_ref);
        match &self.api {
            LedTo::Rest(api) => rows::same_api(row(0), api).map(drop)?,
            LedTo::V2(api) => v2::rows::same_api(row(0), api).map(drop)?,
        }
        match (&self.api, self.stage) {
            (_, None) => Ok(()),
            (LedTo::Rest(_), Some(name)) => {
                rows::decode_row::<Stages>(row(1))?.unwrap_or_default().stage(name).map(drop)
            }
            (LedTo::V2(_), Some(_)) if row(1).is_some() => Ok(()),
            (LedTo::V2(_), Some(name)) => Err(v2::stage::StageRecord::missing(name)),
        }
    }
}

/// Reads, edits and writes a domain so that it leads to `to`, which is there when that is written: its API's row is written
/// anew with it, for those who are about to delete it to look again, see [`rows::delete_unnamed`].
pub(crate) async fn lead(
    gateway: &Gateway,
    scope: &Scope,
    name: &str,
    to: &Destination<'_>,
    apply: impl FnMut(&mut DomainRecord) -> Result<()> + Send,
) -> Result<()> {
    write_leading(&gateway.store, scope, name, to, apply).await?;
    gateway.domains.forget();
    Ok(())
}

async fn write_leading(
    store: &Store,
    scope: &Scope,
    name: &str,
    to: &Destination<'_>,
    mut apply: impl FnMut(&mut DomainRecord) -> Result<()> + Send,
) -> Result<()> {
    let name = name.to_ascii_lowercase();
    let mut keys = vec![Owner::Scope(scope).key::<DomainRecord>(&name)];
    keys.extend(to.keys());
    let done = store.transact(keys.clone(), |found| {
        let domain = rows::decode_row(found[0].as_ref())?;
        let mut domain: DomainRecord = domain.ok_or_else(|| DomainRecord::missing(&name))?;
        to.check(&found[1..])?;
        apply(&mut domain)?;
        let batch = Batch::new().put(keys[0].clone(), encode(&domain));
        let api = found[1].iter().map(|entry| entry.value.clone());
        Ok((api.fold(batch, |batch, row| batch.put(keys[1].clone(), row)), ()))
    });
    Ok(done.await.map(drop)?)
}

/// Refuses to delete an API, or one stage of it, to which domains lead, in AWS's words.
pub(crate) async fn check_unmapped(
    store: &Store,
    scope: &Scope,
    (api_id, stage): (&str, Option<&str>),
    words: impl Fn(&str) -> String,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::records::MappingRecord;
    use crate::v2::stage::StageRecord;

    const NAME: &str = "api.example.com";

    /// A REST API or an HTTP API with the stage `dev`, and a domain that leads nowhere; the keys of the API's rows.
    async fn world(store: &Store, is_rest: bool) -> Vec<Bytes> {
        let (account, region) = (Scope::default().account.to_string(), Scope::default().region.to_string());
        let (id, stage) = ("api".to_owned(), "dev".to_owned());
        let domain = DomainRecord { name: NAME.to_owned(), ..DomainRecord::default() };
        let batch =
            Batch::new().put(Owner::Scope(&Scope::default()).key::<DomainRecord>(NAME), encode(&domain));
        let (batch, keys) = if is_rest {
            let api = ApiRecord { row: 7, id, account, region, ..ApiRecord::default() };
            let mut stages = Stages::default();
            stages.stages.insert(stage, crate::rest::records::StageRecord::default());
            let keys = vec![rows::api_key("api"), rows::stages_key(7)];
            (batch.put(keys[0].clone(), encode(&api)).put(keys[1].clone(), encode(&stages)), keys)
        } else {
            let api =
                v2::records::ApiRecord { row: 7, id, account, region, ..v2::records::ApiRecord::default() };
            let stage = StageRecord { name: stage, ..StageRecord::default() };
            let keys = vec![v2::rows::api_key("api"), Owner::V2(&api).key::<StageRecord>("dev")];
            (batch.put(keys[0].clone(), encode(&api)).put(keys[1].clone(), encode(&stage)), keys)
        };
        store.commit(batch).await.unwrap();
        keys
    }

    async fn map(store: &Store, to: &Destination<'_>) -> Result<()> {
        write_leading(store, &Scope::default(), NAME, to, |domain| {
            let (id, key) = ("m".to_owned(), String::new());
            let stage = Some("dev".to_owned());
            domain.put_mapping(MappingRecord { id, key, api_id: "api".to_owned(), stage })
        })
        .await
    }

    /// Deletes the rows at `keys`, of which the first is the API's own; `between` happens after nothing was found to lead
    /// there.
    async fn delete<F: Future<Output = ()> + Send>(
        store: &Store,
        keys: &[Bytes],
        between: impl Fn() -> F + Send + Sync,
    ) -> Result<()> {
        let check = || async {
            check_unmapped(store, &Scope::default(), ("api", Some("dev")), str::to_owned).await?;
            between().await;
            Ok(())
        };
        rows::delete_unnamed(store, keys.to_vec(), check, |_| {
            Ok(keys.iter().fold(Batch::new(), |batch, key| batch.delete(key.clone())))
        })
        .await
    }

    async fn mappings(store: &Store) -> usize {
        read(store, &Scope::default(), NAME).await.unwrap().mappings.len()
    }

    #[tokio::test]
    async fn a_mapping_made_while_what_it_leads_to_is_deleted() {
        for is_rest in [true, false] {
            let store = Store::memory();
            let keys = world(&store, is_rest).await;
            let to = Destination::find(&store, &Scope::default(), ("api", Some("dev"))).await.unwrap();
            let deleted = delete(&store, &keys, || async { map(&store, &to).await.unwrap() }).await;
            assert_eq!(deleted.unwrap_err().to_string(), NAME);
            assert_eq!((mappings(&store).await, store.get(&keys[0]).await.unwrap().is_some()), (1, true));
        }
    }

    #[tokio::test]
    async fn a_mapping_to_what_was_deleted_since_it_was_looked_for() {
        for (is_rest, stage_only) in [(true, true), (true, false), (false, true), (false, false)] {
            let store = Store::memory();
            let keys = world(&store, is_rest).await;
            let to = Destination::find(&store, &Scope::default(), ("api", Some("dev"))).await.unwrap();
            let gone = if stage_only { &keys[1..] } else { &keys[..] };
            delete(&store, gone, || std::future::ready(())).await.unwrap();
            let refusal = map(&store, &to).await.unwrap_err();
            assert!(matches!(refusal, GatewayError::NotFound(_)), "{refusal}");
            assert_eq!(mappings(&store).await, 0);
        }
    }
}
