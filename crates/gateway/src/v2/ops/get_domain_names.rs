//! GetDomainNames: by their names.

use api::apigatewayv2::{GetDomainNamesInput, GetDomainNamesOutput};
use base::Cx;

use crate::Gateway;
use crate::domain::records::DomainRecord;
use crate::error::Result;
use crate::paging::PageRequest;
use crate::parts::{self, Owner};

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: GetDomainNamesInput,
) -> Result<GetDomainNamesOutput> {
    let page = PageRequest::of_token(input.next_token.as_deref(), input.max_results.as_deref())?;
    let (found, next_token) = parts::page(&gateway.store, Owner::Scope(&cx.scope), &page).await?;
    let shown = found.into_iter().map(|domain: DomainRecord| domain.shown_v2(&cx.scope));
    Ok(GetDomainNamesOutput { items: Some(shown.collect()), next_token })
}
