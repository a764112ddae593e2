//! UpdateClientCertificate: its description.

use api::apigateway::{UpdateClientCertificateInput, UpdateClientCertificateOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::parts::{self, Owner};
use crate::patch::Patch;
use crate::rest::client_certificate::ClientCertificateRecord;
use crate::rest::view;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: UpdateClientCertificateInput,
) -> Result<UpdateClientCertificateOutput> {
    let patches = Patch::parse(input.patch_operations)?;
    let apply = |found: &mut ClientCertificateRecord| patches.iter().try_for_each(|patch| found.patch(patch));
    let id = &input.client_certificate_id;
    let edited = parts::edit(&gateway.store, Owner::Scope(&cx.scope), id, apply).await?;
    Ok(view::client_certificate(edited))
}
