//! DeleteVpcLink: one that methods go through stays.

use std::collections::BTreeMap;

use api::apigateway::{DeleteVpcLinkInput, DeleteVpcLinkOutput};
use base::Cx;
use store::Store;

use crate::Gateway;
use crate::error::Result;
use crate::parts::{self, Owner};
use crate::rest::records::{ApiRecord, IntegrationRecord, MethodRecord, Snapshot};
use crate::rest::rows;
use crate::rest::vpc_link::{VpcLinkRecord, in_use};

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: DeleteVpcLinkInput,
) -> Result<DeleteVpcLinkOutput> {
    let (store, id) = (&gateway.store, &input.vpc_link_id);
    parts::read::<VpcLinkRecord>(store, Owner::Scope(&cx.scope), id).await?;
    let (mut edited, mut staged) = (Vec::new(), Vec::new());
    for api in rows::apis(store, &cx.scope).await? {
        edited.extend(edited_methods(store, &api, id).await?);
        staged.extend(staged_methods(store, &api, id).await?);
    }
    // What runs counts, whatever the methods have become since.
    if !staged.is_empty() {
        return Err(in_use(id, &staged, "RESTApiId:Method:Resource:Stage"));
    }
    if !edited.is_empty() {
        return Err(in_use(id, &edited, "RESTApiId:Method:Resource"));
    }
    parts::delete::<VpcLinkRecord>(store, Owner::Scope(&cx.scope), id).await?;
    Ok(DeleteVpcLinkOutput {})
}

async fn edited_methods(store: &Store, api: &ApiRecord, link: &str) -> Result<Vec<String>> {
    let prefix = rows::method_prefix(api.row);
    let mut named = Vec::new();
    for (key, row) in store.rows(prefix.clone()).await? {
        let method: MethodRecord = rows::decode(&row)?;
        if method.integration.is_some_and(|found| goes_through(&found, link, &BTreeMap::new())) {
            let place = String::from_utf8_lossy(key.get(prefix.len()..).unwrap_or_default());
            let (resource, verb) = place.split_once('\0').unwrap_or((&place, ""));
            named.push(format!("{}:{verb}:{resource}", api.id));
        }
    }
    Ok(named)
}

async fn staged_methods(store: &Store, api: &ApiRecord, link: &str) -> Result<Vec<String>> {
    let mut named = Vec::new();
    for stage in rows::read_stages(store, api).await?.stages.into_values() {
        let mut variables = stage.variables;
        let mut deployments = vec![(stage.deployment_id, variables.clone())];
        if let Some(canary) = stage.canary {
            variables.extend(canary.stage_variable_overrides);
            deployments.push((canary.deployment_id, variables));
        }
        for (deployment, variables) in deployments {
            let key = rows::snapshot_key(api.row, &deployment);
            let Some(snapshot) = rows::read::<Snapshot>(store, &key).await? else { continue };
            for resource in snapshot.resources {
                let through = resource.methods.iter().filter(|method| {
                    method.integration.as_ref().is_some_and(|found| goes_through(found, link, &variables))
                });
                named.extend(through.map(|method| {
                    format!("{}:{}:{}:{}", api.id, method.http_method, resource.id, stage.name)
                }));
            }
        }
    }
    named.sort_unstable();
    named.dedup();
    Ok(named)
}

/// Whether an integration names the link, by its id or by a stage variable.
fn goes_through(integration: &IntegrationRecord, link: &str, variables: &BTreeMap<String, String>) -> bool {
    let Some(named) = &integration.connection_id else { return false };
    let variable = named.strip_prefix("${stageVariables.").and_then(|rest| rest.strip_suffix('}'));
    let named = variable.and_then(|name| variables.get(name)).unwrap_or(named);
    integration.connection_type.as_deref() == Some("VPC_LINK") && named == link
}
