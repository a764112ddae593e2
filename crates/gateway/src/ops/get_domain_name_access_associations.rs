//! GetDomainNameAccessAssociations: by their ARNs.

use api::apigateway::{GetDomainNameAccessAssociationsInput, GetDomainNameAccessAssociationsOutput};
use base::Cx;

use crate::Gateway;
use crate::domain::association::AssociationRecord;
use crate::error::Result;
use crate::paging::PageRequest;
use crate::parts::{self, Owner};

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: GetDomainNameAccessAssociationsInput,
) -> Result<GetDomainNameAccessAssociationsOutput> {
    let page = PageRequest::new(input.position.as_deref(), input.limit)?;
    let (found, position) = parts::page(&gateway.store, Owner::Scope(&cx.scope), &page).await?;
    let items = found.into_iter().map(AssociationRecord::shown).collect();
    Ok(GetDomainNameAccessAssociationsOutput { position, items: Some(items) })
}
