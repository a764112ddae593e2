//! DeleteDomainNameAccessAssociation.

use api::apigateway::{DeleteDomainNameAccessAssociationInput, DeleteDomainNameAccessAssociationOutput};
use base::Cx;

use crate::Gateway;
use crate::domain::association::AssociationRecord;
use crate::error::Result;
use crate::parts::{self, Owner};

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: DeleteDomainNameAccessAssociationInput,
) -> Result<DeleteDomainNameAccessAssociationOutput> {
    let arn = &input.domain_name_access_association_arn;
    parts::delete::<AssociationRecord>(&gateway.store, Owner::Scope(&cx.scope), arn).await?;
    Ok(DeleteDomainNameAccessAssociationOutput {})
}
