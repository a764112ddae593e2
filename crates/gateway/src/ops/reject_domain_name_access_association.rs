//! RejectDomainNameAccessAssociation: by the owner of the domain.

use api::apigateway::{RejectDomainNameAccessAssociationInput, RejectDomainNameAccessAssociationOutput};
use base::Cx;

use crate::Gateway;
use crate::domain::association::AssociationRecord;
use crate::error::Result;
use crate::parts::Part;
use crate::parts::{self, Owner};

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: RejectDomainNameAccessAssociationInput,
) -> Result<RejectDomainNameAccessAssociationOutput> {
    let arn = &input.domain_name_access_association_arn;
    let association: AssociationRecord = parts::read(&gateway.store, Owner::Scope(&cx.scope), arn).await?;
    if association.domain_arn != input.domain_name_arn {
        return Err(AssociationRecord::missing(arn));
    }
    parts::delete::<AssociationRecord>(&gateway.store, Owner::Scope(&cx.scope), arn).await?;
    Ok(RejectDomainNameAccessAssociationOutput {})
}
