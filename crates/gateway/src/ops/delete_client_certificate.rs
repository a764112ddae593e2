//! DeleteClientCertificate: one that stages show to their backends stays.

use api::apigateway::{DeleteClientCertificateInput, DeleteClientCertificateOutput};
use base::{Cx, Scope};
use store::{Batch, Store};

use crate::Gateway;
use crate::error::{GatewayError, Result};
use crate::parts::{self, Owner, Part};
use crate::rest::client_certificate::ClientCertificateRecord;
use crate::rest::rows;
use crate::v2;
use crate::v2::stage::StageRecord;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: DeleteClientCertificateInput,
) -> Result<DeleteClientCertificateOutput> {
    let (store, id) = (&gateway.store, &input.client_certificate_id);
    let key = Owner::Scope(&cx.scope).key::<ClientCertificateRecord>(id);
    let check = || check_unnamed(store, &cx.scope, id);
    rows::delete_unnamed(store, vec![key.clone()], check, |found| match found {
        [Some(_)] => Ok(Batch::new().delete(key.clone())),
        _ => Err(ClientCertificateRecord::missing(id)),
    })
    .await?;
    Ok(DeleteClientCertificateOutput {})
}

async fn check_unnamed(store: &Store, scope: &Scope, id: &str) -> Result<()> {
    let mut named = Vec::new();
    for api in rows::apis(store, scope).await? {
        let stages = rows::read_stages(store, &api).await?.stages.into_values();
        let naming = stages.filter(|stage| stage.client_certificate_id.as_deref() == Some(id));
        named.extend(naming.map(|stage| format!("{}:{}", api.id, stage.name)));
    }
    for (_, api) in v2::rows::apis(store, scope).await? {
        let stages: Vec<StageRecord> = parts::all(store, Owner::V2(&api)).await?;
        let naming = stages.iter().filter(|stage| stage.client_certificate_id.as_deref() == Some(id));
        named.extend(naming.map(|stage| format!("{}:{}", api.id, stage.name)));
    }
    if named.is_empty() {
        return Ok(());
    }
    Err(GatewayError::bad_request(format!(
        "Cannot delete client certificate. Client certificate '{id}', is referenced in [{}] in format of [ApiId:Stage].",
        named.join(", ")
    )))
}
