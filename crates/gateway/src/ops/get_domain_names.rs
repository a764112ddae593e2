//! GetDomainNames: by their names.

use api::apigateway::{GetDomainNamesInput, GetDomainNamesOutput};
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
    let page = PageRequest::new(input.position.as_deref(), input.limit)?;
    let (found, position) = parts::page(&gateway.store, Owner::Scope(&cx.scope), &page).await?;
    let shown = found.into_iter().map(|domain: DomainRecord| domain.shown_v1(&cx.scope));
    Ok(GetDomainNamesOutput { position, items: Some(shown.collect()) })
}
