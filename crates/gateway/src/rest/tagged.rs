//! What can carry tags, by its ARN: APIs and stages. Reads and edits their tags.

use std::collections::BTreeMap;

use base::{Arn, Cx};
use store::{Batch, Store};

use crate::error::{GatewayError, Result};
use crate::rest::records::Stages;
use crate::rest::rest_api::check_tags;
use crate::rest::rows;

type Tags = BTreeMap<String, String>;

/// The API of an ARN, and its stage if the ARN names one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Tagged {
    api_id: String,
    stage: Option<String>,
}

impl Tagged {
    /// `arn:aws:apigateway:REGION::/restapis/ID[/stages/NAME]`
    pub(crate) fn parse(arn: &str) -> Result<Self> {
        let invalid = || GatewayError::bad_request("Invalid ARN specified in the request");
        let parsed: Arn = arn.parse().map_err(|_| invalid())?;
        let parts: Vec<&str> = parsed.resource.split('/').collect();
        match (parsed.service.as_str(), &parts[..]) {
            ("apigateway", ["", "restapis", id]) => Ok(Self { api_id: (*id).to_owned(), stage: None }),
            ("apigateway", ["", "restapis", id, "stages", stage]) => {
                Ok(Self { api_id: (*id).to_owned(), stage: Some((*stage).to_owned()) })
            }
            _ => Err(invalid()),
        }
    }

    pub(crate) async fn read(&self, store: &Store, cx: &Cx) -> Result<Tags> {
        let api = rows::read_api(store, &cx.scope, &self.api_id).await?;
        match &self.stage {
            None => Ok(api.tags),
            Some(name) => Ok(rows::read_stages(store, &api).await?.stage(name)?.tags.clone()),
        }
    }

    pub(crate) async fn edit(
        &self,
        store: &Store,
        cx: &Cx,
        change: impl Fn(&mut Tags) + Send + Sync,
    ) -> Result<()> {
        let api = rows::read_api(store, &cx.scope, &self.api_id).await?;
        let stages_key = rows::stages_key(api.row);
        rows::edit(store, &api, vec![stages_key.clone()], |mut api, found| match &self.stage {
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
}
