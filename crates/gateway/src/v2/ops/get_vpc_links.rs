//! GetVpcLinks: by their ids.

use api::apigatewayv2::{GetVpcLinksInput, GetVpcLinksOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::paging::PageRequest;
use crate::parts::{self, Owner};
use crate::v2::vpc_link::VpcLinkRecord;

pub(super) async fn run(gateway: &Gateway, cx: &Cx, input: GetVpcLinksInput) -> Result<GetVpcLinksOutput> {
    let page = PageRequest::of_token(input.next_token.as_deref(), input.max_results.as_deref())?;
    let (found, next_token) = parts::page(&gateway.store, Owner::Scope(&cx.scope), &page).await?;
    Ok(GetVpcLinksOutput { items: Some(found.into_iter().map(VpcLinkRecord::shown).collect()), next_token })
}
