//! What can carry tags, by its ARN: APIs and stages, VPC links (of all protocols), custom domains, API keys, usage plans, client
//! certificates. Reads and edits their tags.

use std::collections::BTreeMap;

use base::{Arn, Cx};
use store::{Batch, Store};

use crate::domain::records::DomainRecord;
use crate::error::{GatewayError, Result};
use crate::parts::{self, Owner, Part};
use crate::rest::api_key::ApiKeyRecord;
use crate::rest::client_certificate::ClientCertificateRecord;
use crate::rest::records::Stages;
use crate::rest::rest_api::check_tags;
use crate::rest::rows;
use crate::rest::usage_plan::UsagePlanRecord;
use crate::rest::vpc_link::VpcLinkRecord;
use crate::v2;

type Tags = BTreeMap<String, String>;

/// What an ARN names.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Tagged {
    /// The API, or its stage if the ARN names one.
    Api {
        api_id: String,
        stage: Option<String>,
    },
    /// An HTTP or WebSocket API, or its stage.
    V2Api {
        api_id: String,
        stage: Option<String>,
    },
    DomainName(String),
    ApiKey(String),
    UsagePlan(String),
    ClientCertificate(String),
    VpcLink(String),
}

/// A part of an account that carries tags.
trait TaggedPart: Part {
    fn tags(&mut self) -> &mut Tags;
}

macro_rules! tagged_parts {
    ($($record:ty),+) => {$(
        impl TaggedPart for $record {
            fn tags(&mut self) -> &mut Tags {
                &mut self.tags
            }
        }
    )+};
}

tagged_parts!(
    ApiKeyRecord,
    UsagePlanRecord,
    ClientCertificateRecord,
    VpcLinkRecord,
    DomainRecord,
    v2::vpc_link::VpcLinkRecord
);

async fn read_part<T: TaggedPart>(store: &Store, cx: &Cx, id: &str) -> Result<Tags> {
    let mut part: T = parts::read(store, Owner::Scope(&cx.scope), id).await?;
    Ok(std::mem::take(part.tags()))
}

async fn edit_part<T: TaggedPart>(
    store: &Store,
    cx: &Cx,
    id: &str,
    change: impl Fn(&mut Tags) + Send + Sync,
) -> Result<()> {
    let apply = |part: &mut T| {
        change(part.tags());
        check_tags(part.tags())
    };
    parts::edit(store, Owner::Scope(&cx.scope), id, apply).await.map(|_| ())
}

impl Tagged {
    /// `arn:aws:apigateway:REGION::/restapis/ID[/stages/NAME]`, `.../usageplans/ID`, ...
    pub(crate) fn parse(arn: &str) -> Result<Self> {
        let invalid = || GatewayError::bad_request("Invalid ARN specified in the request");
        let parsed: Arn = arn.parse().map_err(|_| invalid())?;
        let parts: Vec<&str> = parsed.resource.split('/').collect();
        let id = |id: &str| id.to_owned();
        match (parsed.service.as_str(), &parts[..]) {
            ("apigateway", ["", "restapis", api]) => Ok(Self::Api { api_id: id(api), stage: None }),
            ("apigateway", ["", "restapis", api, "stages", stage]) => {
                Ok(Self::Api { api_id: id(api), stage: Some(id(stage)) })
            }
            ("apigateway", ["", "apis", api]) => Ok(Self::V2Api { api_id: id(api), stage: None }),
            ("apigateway", ["", "apis", api, "stages", stage]) => {
                Ok(Self::V2Api { api_id: id(api), stage: Some(id(stage)) })
            }
            ("apigateway", ["", "domainnames", name]) => Ok(Self::DomainName(id(name))),
            ("apigateway", ["", "apikeys", key]) => Ok(Self::ApiKey(id(key))),
            ("apigateway", ["", "usageplans", plan]) => Ok(Self::UsagePlan(id(plan))),
            ("apigateway", ["", "clientcertificates", found]) => Ok(Self::ClientCertificate(id(found))),
            ("apigateway", ["", "vpclinks", link]) => Ok(Self::VpcLink(id(link))),
            _ => Err(invalid()),
        }
    }

    pub(crate) async fn read(&self, store: &Store, cx: &Cx) -> Result<Tags> {
        match self {
            Self::Api { api_id, stage } => {
                let api = rows::read_api(store, &cx.scope, api_id).await?;
                match stage {
                    None => Ok(api.tags),
                    Some(name) => Ok(rows::read_stages(store, &api).await?.stage(name)?.tags.clone()),
                }
            }
            Self::DomainName(name) => read_part::<DomainRecord>(store, cx, name).await,
            Self::ApiKey(id) => read_part::<ApiKeyRecord>(store, cx, id).await,
            Self::UsagePlan(id) => read_part::<UsagePlanRecord>(store, cx, id).await,
            Self::ClientCertificate(id) => read_part::<ClientCertificateRecord>(store, cx, id).await,
            Self::V2Api { api_id, stage } => {
                let api = v2::rows::read_api(store, &cx.scope, api_id).await?;
                match stage {
                    None => Ok(api.tags),
                    Some(name) => {
                        let stage: v2::stage::StageRecord = parts::read(store, Owner::V2(&api), name).await?;
                        Ok(stage.tags)
                    }
                }
            }
            // Both versions' links have ARNs of one form.
            Self::VpcLink(id) => match read_part::<VpcLinkRecord>(store, cx, id).await {
                Err(GatewayError::NotFound(_)) => {
                    read_part::<v2::vpc_link::VpcLinkRecord>(store, cx, id).await
                }
                found => found,
            },
        }
    }

    pub(crate) async fn edit(
        &self,
        store: &Store,
        cx: &Cx,
        change: impl Fn(&mut Tags) + Send + Sync,
    ) -> Result<()> {
        match self {
            Self::Api { api_id, stage } => edit_api(store, cx, (api_id, stage.as_deref()), change).await,
            Self::DomainName(name) => edit_part::<DomainRecord>(store, cx, name, change).await,
            Self::ApiKey(id) => edit_part::<ApiKeyRecord>(store, cx, id, change).await,
            Self::UsagePlan(id) => edit_part::<UsagePlanRecord>(store, cx, id, change).await,
            Self::ClientCertificate(id) => edit_part::<ClientCertificateRecord>(store, cx, id, change).await,
            Self::V2Api { api_id, stage } => edit_v2_api(store, cx, (api_id, stage.as_deref()), change).await,
            Self::VpcLink(id) => match edit_part::<VpcLinkRecord>(store, cx, id, &change).await {
                Err(GatewayError::NotFound(_)) => {
                    edit_part::<v2::vpc_link::VpcLinkRecord>(store, cx, id, change).await
                }
                done => done,
            },
        }
    }
}

async fn edit_v2_api(
    store: &Store,
    cx: &Cx,
    (api_id, stage): (&str, Option<&str>),
    change: impl Fn(&mut Tags) + Send + Sync,
) -> Result<()> {
    let api = v2::rows::read_api(store, &cx.scope, api_id).await?;
    let Some(name) = stage else {
        let edit = v2::rows::edit_api(store, &api, |api| {
            change(&mut api.tags);
            check_tags(&api.tags)
        });
        return edit.await.map(drop);
    };
    let apply = |stage: &mut v2::stage::StageRecord| {
        change(&mut stage.tags);
        check_tags(&stage.tags)
    };
    parts::edit(store, Owner::V2(&api), name, apply).await.map(drop)
}

async fn edit_api(
    store: &Store,
    cx: &Cx,
    (api_id, stage): (&str, Option<&str>),
    change: impl Fn(&mut Tags) + Send + Sync,
) -> Result<()> {
    let api = rows::read_api(store, &cx.scope, api_id).await?;
    let stages_key = rows::stages_key(api.row);
    rows::edit(store, &api, vec![stages_key.clone()], |mut api, found| match stage {
        None => {
            change(&mut api.tags);
            check_tags(&api.tags)?;
            Ok((Batch::new().put(rows::api_key(&api.id), rows::encode(&api)), ()))
        }
        Some(name) => {
            let mut stages = rows::decode_row::<Stages>(found[0].as_ref())?.unwrap_or_default();
            let stage = stages.stage_mut(name)?;
            change(&mut stage.tags);
            check_tags(&stage.tags)?;
            Ok((Batch::new().put(stages_key.clone(), rows::encode(&stages)), ()))
        }
    })
    .await
}
