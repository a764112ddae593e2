//! VPC links of HTTP APIs: kept and shown as AWS does. There is no VPC here, so that nothing stands behind one. Pure;
//! knows no store.

use std::collections::BTreeMap;

use api::apigatewayv2 as aws;
use base::Timestamp;
use minicbor::{Decode, Encode};

use crate::error::{GatewayError, Result};
use crate::parts::{Part, kind};
use crate::rest::rest_api::check_tags;
use crate::rest::rows::Record;

#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
pub(crate) struct VpcLinkRecord {
    #[n(0)]
    pub(crate) id: String,
    #[n(1)]
    pub(crate) name: String,
    #[n(2)]
    pub(crate) security_group_ids: Vec<String>,
    #[n(3)]
    pub(crate) subnet_ids: Vec<String>,
    #[n(4)]
    pub(crate) created_ms: i64,
    #[n(5)]
    pub(crate) tags: BTreeMap<String, String>,
}

impl Record for VpcLinkRecord {}

impl Part for VpcLinkRecord {
    const KIND: u8 = kind::V2_VPC_LINK;

    fn id(&self) -> &str {
        &self.id
    }

    fn missing(id: &str) -> GatewayError {
        GatewayError::NotFound(format!("Invalid VpcLink identifier specified {id}"))
    }
}

impl VpcLinkRecord {
    pub(crate) fn check(&self) -> Result<()> {
        if self.name.trim().is_empty() {
            return Err(GatewayError::bad_request("VpcLink name cannot be empty"));
        }
        if self.subnet_ids.is_empty() {
            return Err(GatewayError::bad_request("At least one subnet is required"));
        }
        check_tags(&self.tags)
    }

    pub(crate) fn shown(self) -> aws::VpcLink {
        aws::VpcLink {
            created_date: Some(Timestamp(self.created_ms)),
            name: self.name,
            security_group_ids: self.security_group_ids,
            subnet_ids: self.subnet_ids,
            tags: Some(self.tags),
            vpc_link_id: self.id,
            vpc_link_status: Some(aws::VpcLinkStatus::Available),
            vpc_link_status_message: Some("VPC link is ready to route traffic".to_owned()),
            vpc_link_version: Some(aws::VpcLinkVersion::V2),
        }
    }
}
