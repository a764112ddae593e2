//! A deployment of an HTTP or WebSocket API: what was of it at one time, which never changes. Pure; knows no store.

use api::apigatewayv2 as aws;
use base::Timestamp;
use bytes::Bytes;
use minicbor::{Decode, Encode};

use crate::error::GatewayError;
use crate::parts::{Part, kind};
use crate::rest::rows::Record;
use crate::v2::authorizer::AuthorizerRecord;
use crate::v2::integration::{IntegrationRecord, IntegrationResponseRecord};
use crate::v2::route::{RouteRecord, RouteResponseRecord};

#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
pub(crate) struct DeploymentRecord {
    #[n(0)]
    pub(crate) id: String,
    #[n(1)]
    pub(crate) created_ms: i64,
    #[n(2)]
    pub(crate) description: Option<String>,
    /// Made by a change, for a stage that deploys itself.
    #[n(3)]
    pub(crate) auto: bool,
    /// The mark of the last change that it has.
    #[n(4)]
    pub(crate) change: Option<String>,
}

/// What a deployment froze.
#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
pub(crate) struct SnapshotRecord {
    /// The deployment's.
    #[n(0)]
    pub(crate) id: String,
    #[n(1)]
    pub(crate) routes: Vec<RouteRecord>,
    #[n(2)]
    pub(crate) integrations: Vec<IntegrationRecord>,
    #[n(3)]
    pub(crate) route_responses: Vec<RouteResponseRecord>,
    #[n(4)]
    pub(crate) integration_responses: Vec<IntegrationResponseRecord>,
    #[n(5)]
    #[cbor(default)]
    pub(crate) authorizers: Vec<AuthorizerRecord>,
}

impl Record for DeploymentRecord {}
impl Record for SnapshotRecord {}

impl Part for DeploymentRecord {
    const KIND: u8 = kind::DEPLOYMENT;

    fn id(&self) -> &str {
        &self.id
    }

    fn missing(_: &str) -> GatewayError {
        GatewayError::no_deployment()
    }
}

impl Part for SnapshotRecord {
    const KIND: u8 = kind::SNAPSHOT;

    fn id(&self) -> &str {
        &self.id
    }

    fn missing(_: &str) -> GatewayError {
        GatewayError::no_deployment()
    }
}

impl DeploymentRecord {
    /// Whether no change came after it: `change` is the mark of the last one.
    pub(crate) fn has(&self, change: Option<&Bytes>) -> bool {
        self.change.as_deref().map(str::as_bytes) == change.map(|mark| &mark[..])
    }

    pub(crate) fn shown(self) -> aws::Deployment {
        aws::Deployment {
            auto_deployed: Some(self.auto),
            created_date: Some(Timestamp(self.created_ms)),
            deployment_id: Some(self.id),
            deployment_status: Some(aws::DeploymentStatus::Deployed),
            deployment_status_message: None,
            description: self.description,
        }
    }
}
