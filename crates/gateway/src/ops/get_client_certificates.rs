//! GetClientCertificates.

use api::apigateway::{GetClientCertificatesInput, GetClientCertificatesOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::paging::PageRequest;
use crate::parts::{self, Owner};
use crate::rest::view;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: GetClientCertificatesInput,
) -> Result<GetClientCertificatesOutput> {
    let page = PageRequest::new(input.position.as_deref(), input.limit)?;
    let (found, position) = parts::page(&gateway.store, Owner::Scope(&cx.scope), &page).await?;
    let items = found.into_iter().map(view::client_certificate).collect();
    Ok(GetClientCertificatesOutput { position, items: Some(items) })
}
