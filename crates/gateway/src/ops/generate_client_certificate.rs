//! GenerateClientCertificate: a self-signed certificate with a key that is never shown.

use api::apigateway::{GenerateClientCertificateInput, GenerateClientCertificateOutput};
use base::Cx;

use crate::Gateway;
use crate::error::{GatewayError, Result};
use crate::parts::{self, Owner};
use crate::rest::client_certificate::ClientCertificateRecord;
use crate::rest::view;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: GenerateClientCertificateInput,
) -> Result<GenerateClientCertificateOutput> {
    let certificate = ClientCertificateRecord::generate(
        gateway.clock.now(),
        input.description,
        input.tags.unwrap_or_default(),
    )?;
    let taken = || GatewayError::conflict("A client certificate of this identifier already exists");
    let made = parts::create(&gateway.store, Owner::Scope(&cx.scope), certificate, taken).await?;
    Ok(view::client_certificate(made))
}
