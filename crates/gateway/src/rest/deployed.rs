//! Whether what an API is now is what its stages serve: what would be frozen is compared with what was. Knows no request.

use std::collections::HashMap;

use base::Scope;
use store::Store;

use crate::error::Result;
use crate::rest::definition::{Parts, read_tree};
use crate::rest::records::{ApiRecord, Snapshot};
use crate::rest::{rows, snapshot};

/// A stage, and whether a deployment would change what it serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageCurrency {
    pub name: String,
    pub is_current: bool,
}

/// Of all stages of a REST API.
pub(crate) async fn stages(store: &Store, scope: &Scope, api_id: &str) -> Result<Vec<StageCurrency>> {
    let api = rows::read_api(store, scope, api_id).await?;
    let now = now(store, &api).await?;
    let mut known: HashMap<String, bool> = HashMap::new();
    let mut stages = Vec::new();
    for (name, stage) in rows::read_stages(store, &api).await?.stages {
        let is_current = match known.get(&stage.deployment_id) {
            Some(known) => *known,
            None => {
                let key = rows::snapshot_key(api.row, &stage.deployment_id);
                let frozen: Option<Snapshot> = rows::read(store, &key).await?;
                now.is_some() && frozen == now
            }
        };
        known.insert(stage.deployment_id, is_current);
        stages.push(StageCurrency { name, is_current });
    }
    Ok(stages)
}

/// What a deployment would freeze; none of an API that cannot be deployed.
async fn now(store: &Store, api: &ApiRecord) -> Result<Option<Snapshot>> {
    let parts = Parts::read(store, api).await?;
    let (tree, methods) = read_tree(store, api).await?;
    let by_place = |(id, method): (String, _)| {
        let method: crate::rest::records::MethodRecord = method;
        ((id, method.http_method.clone()), method)
    };
    let frozen = snapshot::freeze(api, &tree, methods.into_iter().map(by_place).collect());
    Ok(frozen.ok().map(|mut snapshot| {
        parts.freeze(&mut snapshot);
        snapshot
    }))
}
