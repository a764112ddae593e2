//! DeleteClientCertificate.

use api::apigateway::{DeleteClientCertificateInput, DeleteClientCertificateOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::parts::{self, Owner};
use crate::rest::client_certificate::ClientCertificateRecord;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: DeleteClientCertificateInput,
) -> Result<DeleteClientCertificateOutput> {
    let id = &input.client_certificate_id;
    parts::delete::<ClientCertificateRecord>(&gateway.store, Owner::Scope(&cx.scope), id).await?;
    Ok(DeleteClientCertificateOutput {})
}
