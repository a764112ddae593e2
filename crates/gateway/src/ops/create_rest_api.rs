//! CreateRestApi: an API with its root resource, or with what another API has. The tag `_custom_id_` fixes the id.

use api::apigateway::{CreateRestApiInput, CreateRestApiOutput};
use base::{Cx, RequestId, random_alphanumeric};
use store::Batch;

use crate::Gateway;
use crate::error::{GatewayError, Result};
use crate::rest::copy;
use crate::rest::definition::{self, Definition, Parts};
use crate::rest::records::ApiRecord;
use crate::rest::{rest_api, rows, view};
use crate::v2;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    mut input: CreateRestApiInput,
) -> Result<CreateRestApiOutput> {
    if input.description.as_deref() == Some("") {
        return Err(GatewayError::bad_request("Description cannot be an empty string"));
    }
    let from = input.clone_from.take().filter(|id| !id.is_empty());
    let record = record(gateway, cx, input)?;
    let definition = match from {
        Some(id) => cloned(gateway, cx, &id, record).await?,
        None => Definition::new(record),
    };
    definition.api.check()?;
    write(gateway, &definition).await?;
    Ok(view::rest_api(definition.api))
}

/// Writes an API that is not there yet.
pub(super) async fn write(gateway: &Gateway, definition: &Definition) -> Result<()> {
    let api = &definition.api;
    // HTTP and WebSocket APIs have URLs like this one's.
    let keys = vec![rows::api_key(&api.id), v2::rows::api_key(&api.id)];
    let create = gateway.store.transact(keys, |found| match found {
        [None, None] => {
            let batch = Batch::new().put(rows::api_key(&api.id), rows::encode(api));
            Ok((definition.put(batch.put(rows::scope_key(api), Vec::new())), ()))
        }
        _ => Err(GatewayError::conflict(format!("A REST API with the id {} already exists", api.id))),
    });
    create.await.map_err(GatewayError::from)?;
    gateway.live.forget(&api.id);
    Ok(())
}

/// The definition of another API, which also lends the new one the settings that it was not given.
async fn cloned(gateway: &Gateway, cx: &Cx, from: &str, mut record: ApiRecord) -> Result<Definition> {
    let source = rows::read_api(&gateway.store, &cx.scope, from).await?;
    if record.binary_media_types.is_empty() {
        record.binary_media_types.clone_from(&source.binary_media_types);
    }
    record.minimum_compression_size = record.minimum_compression_size.or(source.minimum_compression_size);
    let (tree, methods) = definition::read_tree(&gateway.store, &source).await?;
    let (tree, methods) = copy::copy(&tree, methods, &record.root_resource_id);
    // They keep their ids, by which the methods name them.
    let mut parts = Parts::read(&gateway.store, &source).await?;
    parts.models.iter_mut().for_each(|model| model.refer_to(&source, &record));
    Ok(Definition { api: record, tree, methods, parts, documentation: Vec::new() })
}

pub(super) fn record(gateway: &Gateway, cx: &Cx, input: CreateRestApiInput) -> Result<ApiRecord> {
    let tags = input.tags.unwrap_or_default();
    rest_api::check_tags(&tags)?;
    let endpoint = input.endpoint_configuration.unwrap_or_default();
    let types = endpoint.types.unwrap_or_default().iter().map(|t| t.as_str().to_owned()).collect::<Vec<_>>();
    Ok(ApiRecord {
        row: (RequestId::random().0 >> 64) as u64,
        account: cx.scope.account.to_string(),
        region: cx.scope.region.to_string(),
        id: rest_api::new_id(&tags)?,
        name: input.name,
        description: input.description,
        created_ms: gateway.clock.now().as_millis(),
        version: input.version,
        binary_media_types: input.binary_media_types.unwrap_or_default(),
        minimum_compression_size: input.minimum_compression_size,
        api_key_source: input.api_key_source.unwrap_or_default().as_str().to_owned(),
        endpoint_types: if types.is_empty() { vec!["EDGE".to_owned()] } else { types },
        ip_address_type: endpoint.ip_address_type.unwrap_or_default().as_str().to_owned(),
        vpc_endpoint_ids: endpoint.vpc_endpoint_ids.unwrap_or_default(),
        policy: input.policy.filter(|policy| !policy.is_empty()),
        tags,
        disable_execute_api_endpoint: input.disable_execute_api_endpoint.unwrap_or_default(),
        root_resource_id: random_alphanumeric(10),
        security_policy: input.security_policy.map(|policy| policy.as_str().to_owned()),
        endpoint_access_mode: input.endpoint_access_mode.map(|mode| mode.as_str().to_owned()),
    })
}
