//! Where API keys are: by their id, as a part of their account, and by their value, which no two of an account share.
//!
//! | first byte | rest of the key | row |
//! |---|---|---|
//! | 0x3a | account/region, 0, value | the id of the API key |

use base::Scope;
use bytes::Bytes;
use store::{Batch, Store};

use crate::error::{GatewayError, Result};
use crate::parts::{self, Owner, Part};
use crate::rest::api_key::ApiKeyRecord;
use crate::rest::rows;
use crate::rest::usage_plan::UsagePlanRecord;

const KEY_BY_VALUE: u8 = 0x3a;

fn value_key(scope: &Scope, value: &str) -> Bytes {
    rows::key(KEY_BY_VALUE, &[scope.to_string().as_bytes(), &[0], value.as_bytes()])
}

pub(crate) async fn create(store: &Store, scope: &Scope, key: &ApiKeyRecord) -> Result<()> {
    let own = Owner::Scope(scope).key::<ApiKeyRecord>(&key.id);
    let by_value = value_key(scope, &key.value);
    let done = store.transact(vec![own.clone(), by_value.clone()], |found| match found {
        [None, None] => {
            let batch = Batch::new().put(own.clone(), rows::encode(key));
            Ok((batch.put(by_value.clone(), key.id.clone().into_bytes()), ()))
        }
        _ => Err(GatewayError::conflict("API Key already exists")),
    });
    Ok(done.await.map(|_| ())?)
}

pub(crate) async fn delete(store: &Store, scope: &Scope, id: &str) -> Result<()> {
    let key: ApiKeyRecord = parts::read(store, Owner::Scope(scope), id).await?;
    let own = Owner::Scope(scope).key::<ApiKeyRecord>(id);
    // A key's value never changes, and nobody else's row has it.
    let batch = Batch::new().delete(own.clone()).delete(value_key(scope, &key.value));
    let done = store.transact(vec![own], |found| match found {
        [Some(_)] => Ok((batch.clone(), ())),
        _ => Err(ApiKeyRecord::missing(id)),
    });
    Ok(done.await.map(|_| ())?)
}

pub(crate) async fn by_value(store: &Store, scope: &Scope, value: &str) -> Result<Option<ApiKeyRecord>> {
    let Some(row) = store.get(&value_key(scope, value)).await? else { return Ok(None) };
    parts::find(store, Owner::Scope(scope), &String::from_utf8_lossy(&row.value)).await
}

/// The plans of a key that are there.
pub(crate) async fn plans(store: &Store, scope: &Scope, key: &ApiKeyRecord) -> Result<Vec<UsagePlanRecord>> {
    let keys: Vec<Bytes> =
        key.plans.iter().map(|id| Owner::Scope(scope).key::<UsagePlanRecord>(id)).collect();
    let rows = store.multi_get(&keys).await?;
    rows.iter().filter_map(|row| rows::decode_row(row.as_ref()).transpose()).collect()
}
