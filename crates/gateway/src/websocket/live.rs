//! The stages of a WebSocket API as its data plane sees them. Knows no request.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use base::Scope;
use store::Store;

use crate::access_log::AccessLog;
use crate::error::Result;
use crate::http::live::rate;
use crate::live::{Live, Reader, Rows};
use crate::rest::bucket::Rate;
use crate::rest::execution_log::{self, Step};
use crate::rest::rows::decode;
use crate::v2::records::ApiRecord;
use crate::v2::stage::{RouteSettingsRecord, StageRecord};
use crate::v2::{release, rows};
use crate::websocket::program::Program;

#[derive(Debug)]
pub(crate) struct SocketStage {
    pub(crate) api_id: String,
    pub(crate) scope: Scope,
    pub(crate) name: String,
    pub(crate) program: Option<Arc<Program>>,
    pub(crate) variables: BTreeMap<String, String>,
    pub(crate) closed: bool,
    pub(crate) access: Option<AccessLog>,
    default_rate: Option<Rate>,
    /// By route key.
    rates: HashMap<String, Rate>,
    default_log: Option<Step>,
    /// How much of a route's turns is logged, by route key.
    logs: HashMap<String, Option<Step>>,
}

impl SocketStage {
    /// What limits a route, and whose bucket that is; nothing is limited that nobody limited.
    pub(crate) fn limit(&self, route_key: &str) -> Option<(String, Rate)> {
        let rate = self.rates.get(route_key).copied().or(self.default_rate)?;
        Some((format!("ws/{}/{}/{route_key}", self.api_id, self.name), rate))
    }

    /// How much of a route's turns the execution log tells.
    pub(crate) fn logged(&self, route_key: &str) -> Option<Step> {
        self.logs.get(route_key).copied().unwrap_or(self.default_log)
    }

    /// `arn:aws:execute-api:us-east-1:000000000000:a1b2c3/dev`
    pub(crate) fn arn(&self) -> String {
        let Scope { account, region } = &self.scope;
        let partition = region.partition();
        format!("arn:{partition}:execute-api:{region}:{account}:{}/{}", self.api_id, self.name)
    }
}

impl Live for SocketStage {
    async fn read(reader: &mut Reader<'_>, api_id: &str) -> Result<Option<Rows>> {
        Ok(rows::live(reader, api_id).await?.and_then(|(api, rows)| (api.is_websocket()).then_some(rows)))
    }

    async fn compile(store: &Store, found: &Rows) -> Result<HashMap<String, Arc<Self>>> {
        let api: ApiRecord = decode(&found.api)?;
        let mut live = HashMap::new();
        for row in &found.stages {
            let stage: StageRecord = decode(row)?;
            let snapshot = release::running(store, &api, &stage, found.change.as_ref()).await?;
            let program = snapshot.map(|snapshot| Arc::new(Program::compile(&api, &snapshot)));
            live.insert(stage.name.clone(), Arc::new(live_stage(&api, stage, program)));
        }
        Ok(live)
    }
}

fn live_stage(api: &ApiRecord, stage: StageRecord, program: Option<Arc<Program>>) -> SocketStage {
    let limits = stage.route_settings.iter();
    let (destination, format) = (stage.access_log_destination.as_deref(), stage.access_log_format.as_deref());
    let access = AccessLog::compile(destination, format, (&api.id, &stage.name));
    let log = |settings: &RouteSettingsRecord| logged(settings, &stage.default_route_settings);
    SocketStage {
        api_id: api.id.clone(),
        scope: api.scope(),
        program,
        access,
        closed: api.disable_execute_api_endpoint,
        default_rate: rate(&stage.default_route_settings),
        rates: limits.filter_map(|(key, settings)| Some((key.clone(), rate(settings)?))).collect(),
        default_log: log(&stage.default_route_settings),
        logs: stage.route_settings.iter().map(|(key, settings)| (key.clone(), log(settings))).collect(),
        name: stage.name,
        variables: stage.variables,
    }
}

/// What a route leaves open the stage says.
fn logged(route: &RouteSettingsRecord, stage: &RouteSettingsRecord) -> Option<Step> {
    let level = route.logging_level.as_deref().or(stage.logging_level.as_deref())?;
    execution_log::most(level, route.data_trace.or(stage.data_trace).unwrap_or_default())
}
