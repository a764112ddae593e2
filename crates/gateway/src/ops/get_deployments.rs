//! GetDeployments: oldest first.

use api::apigateway::{GetDeploymentsInput, GetDeploymentsOutput};
use base::Cx;
use store::{KeyRange, ScanOptions};

use crate::Gateway;
use crate::error::Result;
use crate::paging::PageRequest;
use crate::rest::records::{ApiRecord, DeploymentRecord};
use crate::rest::{rows, view};

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: GetDeploymentsInput,
) -> Result<GetDeploymentsOutput> {
    let page = PageRequest::new(input.position.as_deref(), input.limit)?;
    let api = rows::read_api(&gateway.store, &cx.scope, &input.rest_api_id).await?;
    let mut all = read_all(gateway, &api).await?;
    all.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    let (found, position) = page.cut(all, |(place, _)| place);
    let items = found.into_iter().map(|(_, deployment)| view::deployment(deployment)).collect();
    Ok(GetDeploymentsOutput { position, items: Some(items) })
}

/// Every deployment with its place in the list.
async fn read_all(gateway: &Gateway, api: &ApiRecord) -> Result<Vec<(Vec<u8>, DeploymentRecord)>> {
    let mut all = Vec::new();
    let mut range = KeyRange::prefix(rows::deployment_prefix(api.row));
    loop {
        let page = gateway.store.scan(range.clone(), ScanOptions::default()).await?;
        for (_, value) in &page.entries {
            let deployment: DeploymentRecord = rows::decode(value)?;
            let place = [&deployment.created_ms.to_be_bytes()[..], deployment.id.as_bytes()].concat();
            all.push((place, deployment));
        }
        match page.next {
            Some(next) => range = range.resume(next, false),
            None => return Ok(all),
        }
    }
}
