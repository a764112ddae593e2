//! Freezing an API for a deployment. Pure; knows no store.

use std::collections::HashMap;

use crate::error::{GatewayError, Result};
use crate::rest::records::{ApiRecord, MethodRecord, Snapshot, SnapshotResource, Tree};

/// Everything a deployment answers with, or AWS's complaint that the API cannot be deployed. `methods` are those of
/// `tree`, by resource id and name.
pub(crate) fn freeze(
    api: &ApiRecord,
    tree: &Tree,
    mut methods: HashMap<(String, String), MethodRecord>,
) -> Result<Snapshot> {
    if methods.is_empty() {
        return Err(GatewayError::bad_request("The REST API doesn't contain any methods"));
    }
    if methods.values().any(|method| method.integration.is_none()) {
        return Err(GatewayError::bad_request("No integration defined for method"));
    }
    let resources = tree.by_path().into_iter().map(|(path, id)| {
        let names = tree.resources.get(id).map(|node| node.methods.clone()).unwrap_or_default();
        let methods = names.into_iter().filter_map(|name| methods.remove(&(id.to_owned(), name))).collect();
        SnapshotResource { id: id.to_owned(), path, methods }
    });
    Ok(Snapshot {
        resources: resources.collect(),
        binary_media_types: api.binary_media_types.clone(),
        disable_execute_api_endpoint: api.disable_execute_api_endpoint,
        policy: api.policy.clone(),
        minimum_compression_size: api.minimum_compression_size,
        ..Snapshot::default()
    })
}
