//! The stages of an HTTP API as its data plane sees them. Knows no request.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use base::Scope;
use store::Store;

use crate::access_log::AccessLog;
use crate::error::Result;
use crate::http::cors::Cors;
use crate::http::program::Program;
use crate::live::{Live, Reader, Rows};
use crate::rest::bucket::Rate;
use crate::rest::rows::decode;
use crate::v2::records::ApiRecord;
use crate::v2::stage::{RouteSettingsRecord, StageRecord};
use crate::v2::{release, rows};

/// AWS's quota of an account in a region, which is a stage's limit when it has none.
const DEFAULT_RATE: f64 = 10_000.0;
const DEFAULT_BURST: i32 = 5_000;

#[derive(Debug)]
pub(crate) struct HttpStage {
    pub(crate) api_id: String,
    pub(crate) scope: Scope,
    pub(crate) name: String,
    pub(crate) program: Option<Arc<Program>>,
    pub(crate) variables: BTreeMap<String, String>,
    pub(crate) cors: Option<Cors>,
    pub(crate) closed: bool,
    pub(crate) access: Option<AccessLog>,
    /// What authorizers decided before is asked anew.
    pub(crate) decided_since_ms: i64,
    default_rate: Option<Rate>,
    /// By route key.
    rates: HashMap<String, Rate>,
}

impl HttpStage {
    /// What limits a route, and whose bucket that is; nothing is limited that nobody limited.
    pub(crate) fn limit(&self, route_key: &str) -> Option<(String, Rate)> {
        let rate = self.rates.get(route_key).copied().or(self.default_rate)?;
        Some((format!("http/{}/{}/{route_key}", self.api_id, self.name), rate))
    }
}

impl Live for HttpStage {
    async fn read(reader: &mut Reader<'_>, api_id: &str) -> Result<Option<Rows>> {
        Ok(rows::live(reader, api_id).await?.and_then(|(api, rows)| (!api.is_websocket()).then_some(rows)))
    }

    async fn compile(store: &Store, found: &Rows) -> Result<HashMap<String, Arc<Self>>> {
        let api: ApiRecord = decode(&found.api)?;
        let mut live = HashMap::new();
        for row in &found.stages {
            let stage: StageRecord = decode(row)?;
            let snapshot = release::running(store, &api, &stage, found.change.as_ref()).await?;
            let program = snapshot.map(|snapshot| Arc::new(Program::compile(snapshot)));
            live.insert(stage.name.clone(), Arc::new(live_stage(&api, stage, program)));
        }
        Ok(live)
    }
}

fn live_stage(api: &ApiRecord, stage: StageRecord, program: Option<Arc<Program>>) -> HttpStage {
    let limits = stage.route_settings.iter();
    let (destination, format) = (stage.access_log_destination.as_deref(), stage.access_log_format.as_deref());
    let access = AccessLog::compile(destination, format, (&api.id, &stage.name));
    HttpStage {
        api_id: api.id.clone(),
        scope: api.scope(),
        decided_since_ms: stage.decided_since_ms(),
        name: stage.name,
        program,
        variables: stage.variables,
        cors: api.cors.clone().map(Cors::new),
        closed: api.disable_execute_api_endpoint,
        access,
        default_rate: rate(&stage.default_route_settings),
        rates: limits.filter_map(|(key, settings)| Some((key.clone(), rate(settings)?))).collect(),
    }
}

pub(crate) fn rate(settings: &RouteSettingsRecord) -> Option<Rate> {
    if settings.rate_limit.is_none() && settings.burst_limit.is_none() {
        return None;
    }
    let per_second = settings.rate_limit.unwrap_or(DEFAULT_RATE);
    Some(Rate { per_second, burst: settings.burst_limit.unwrap_or(DEFAULT_BURST) })
}
