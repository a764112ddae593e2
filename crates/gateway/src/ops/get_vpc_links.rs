//! GetVpcLinks.

use api::apigateway::{GetVpcLinksInput, GetVpcLinksOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::paging::PageRequest;
use crate::parts::{self, Owner};
use crate::rest::view;

pub(super) async fn run(gateway: &Gateway, cx: &Cx, input: GetVpcLinksInput) -> Result<GetVpcLinksOutput> {
    let page = PageRequest::new(input.position.as_deref(), input.limit)?;
    let (found, position) = parts::page(&gateway.store, Owner::Scope(&cx.scope), &page).await?;
    Ok(GetVpcLinksOutput { position, items: Some(found.into_iter().map(view::vpc_link).collect()) })
}
