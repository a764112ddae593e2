//! GetClientCertificate.

use api::apigateway::{GetClientCertificateInput, GetClientCertificateOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::parts::{self, Owner};
use crate::rest::view;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: GetClientCertificateInput,
) -> Result<GetClientCertificateOutput> {
    let found = parts::read(&gateway.store, Owner::Scope(&cx.scope), &input.client_certificate_id).await?;
    Ok(view::client_certificate(found))
}
