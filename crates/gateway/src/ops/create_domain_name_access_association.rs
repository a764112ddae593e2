//! CreateDomainNameAccessAssociation.

use api::apigateway::{CreateDomainNameAccessAssociationInput, CreateDomainNameAccessAssociationOutput};
use base::{Arn, Cx, random_alphanumeric};

use crate::Gateway;
use crate::domain::association::AssociationRecord;
use crate::error::{GatewayError, Result};
use crate::parts::{self, Owner};

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: CreateDomainNameAccessAssociationInput,
) -> Result<CreateDomainNameAccessAssociationOutput> {
    let parsed: Arn = input
        .domain_name_arn
        .parse()
        .map_err(|_| GatewayError::bad_request("Invalid ARN specified in the request"))?;
    let (name, id) =
        parsed.resource.strip_prefix("/domainnames/").and_then(|rest| rest.split_once('+')).ok_or_else(
            || GatewayError::bad_request("Access associations are of private custom domain names"),
        )?;
    let domain = crate::domain::rows::read(&gateway.store, &cx.scope, name).await?;
    if domain.id.as_deref() != Some(id) {
        return Err(GatewayError::NotFound("Invalid domain name identifier specified".into()));
    }
    let kind = input.access_association_source_type.as_str();
    let (scope, source) = (&cx.scope, &input.access_association_source);
    let partition = scope.region.partition();
    let association = AssociationRecord {
        arn: format!(
            "arn:{partition}:apigateway:{}:{}:/domainnameaccessassociations/domainname/{name}/vpcesource/{source}+{}",
            scope.region,
            scope.account,
            random_alphanumeric(6)
        ),
        domain_arn: input.domain_name_arn.clone(),
        source_type: kind.to_owned(),
        source: source.clone(),
        tags: input.tags.unwrap_or_default(),
    };
    let taken = || GatewayError::conflict("The access association already exists");
    Ok(parts::create(&gateway.store, Owner::Scope(scope), association, taken).await?.shown())
}
