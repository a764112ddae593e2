//! Access associations of private custom domains: kept and shown. There is no VPC here, so that none of them lets
//! anybody in. Pure; knows no store.

use std::collections::BTreeMap;

use api::apigateway as aws;
use minicbor::{Decode, Encode};

use crate::error::GatewayError;
use crate::parts::{Part, kind};
use crate::rest::rows::Record;

#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
pub(crate) struct AssociationRecord {
    #[n(0)]
    pub(crate) arn: String,
    #[n(1)]
    pub(crate) domain_arn: String,
    #[n(2)]
    pub(crate) source_type: String,
    #[n(3)]
    pub(crate) source: String,
    #[n(4)]
    pub(crate) tags: BTreeMap<String, String>,
}

impl Record for AssociationRecord {}

impl Part for AssociationRecord {
    const KIND: u8 = kind::ACCESS_ASSOCIATION;

    fn id(&self) -> &str {
        &self.arn
    }

    fn missing(_: &str) -> GatewayError {
        GatewayError::NotFound("Invalid domain name access association identifier specified".into())
    }
}

impl AssociationRecord {
    pub(crate) fn shown(self) -> aws::DomainNameAccessAssociation {
        aws::DomainNameAccessAssociation {
            domain_name_access_association_arn: Some(self.arn),
            domain_name_arn: Some(self.domain_arn),
            access_association_source_type: self.source_type.parse().ok(),
            access_association_source: Some(self.source),
            tags: Some(self.tags).filter(|tags| !tags.is_empty()),
        }
    }
}
