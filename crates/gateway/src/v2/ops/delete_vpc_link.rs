//! DeleteVpcLink: one that integrations go through stays.

use std::collections::BTreeSet;

use api::apigatewayv2::{DeleteVpcLinkInput, DeleteVpcLinkOutput};
use base::Cx;
use store::Store;

use crate::Gateway;
use crate::error::Result;
use crate::parts::{self, Owner};
use crate::rest::vpc_link::in_use;
use crate::v2::records::ApiRecord;
use crate::v2::release;
use crate::v2::rows;
use crate::v2::stage::StageRecord;
use crate::v2::vpc_link::VpcLinkRecord;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: DeleteVpcLinkInput,
) -> Result<DeleteVpcLinkOutput> {
    let (store, id) = (&gateway.store, &input.vpc_link_id);
    parts::read::<VpcLinkRecord>(store, Owner::Scope(&cx.scope), id).await?;
    let mut named = Vec::new();
    for (_, api) in rows::apis(store, &cx.scope).await? {
        named.extend(routes_through(store, &api, id).await?);
    }
    if !named.is_empty() {
        return Err(in_use(id, &named, "Method:Resource"));
    }
    parts::delete::<VpcLinkRecord>(store, Owner::Scope(&cx.scope), id).await?;
    Ok(DeleteVpcLinkOutput {})
}

/// The routes whose integrations name the link, now or in what a stage runs, as AWS lists them; an integration that no route
/// leads to by its own id.
async fn routes_through(store: &Store, api: &ApiRecord, link: &str) -> Result<Vec<String>> {
    let mut states = vec![release::now(store, api).await?];
    let change = release::last_change(store, api).await?;
    for stage in parts::all::<StageRecord>(store, Owner::V2(api)).await? {
        states.extend(release::running(store, api, &stage, change.as_ref()).await?);
    }
    let mut named = BTreeSet::new();
    for state in states {
        for integration in state.integrations.iter().filter(|found| found.goes_through(link)) {
            let method = integration.method.as_deref().unwrap_or("ANY");
            let leads_there =
                state.routes.iter().filter(|route| route.integration_id() == Some(&integration.id));
            let mut places: Vec<&str> = leads_there.map(|route| route.id.as_str()).collect();
            if places.is_empty() {
                places.push(&integration.id);
            }
            named.extend(places.into_iter().map(|place| format!("{method}:{place}")));
        }
    }
    Ok(named.into_iter().collect())
}
