//! The stages of a REST API as its data plane sees them. Knows no request.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use base::Scope;
use store::Store;

use crate::access_log::AccessLog;
use crate::backends::Identity;
use crate::error::Result;
use crate::live::{Live, Reader, Rows};
use crate::parts::{self, Owner};
use crate::rest::cache;
use crate::rest::client_certificate::ClientCertificateRecord;
use crate::rest::program::Method;
use crate::rest::program::Program;
use crate::rest::records::{ApiRecord, FlushedRecord, MethodSettingRecord, Snapshot, StageRecord, Stages};
use crate::rest::rows;
use crate::rest::stage::setting_key;
use crate::rest::usage::{StageRates, stage_rates};

/// A stage as the data plane sees it.
#[derive(Debug)]
pub(crate) struct LiveStage {
    pub(crate) api_id: String,
    pub(crate) scope: Scope,
    pub(crate) name: String,
    /// The API key is what an authorizer says, not a header.
    pub(crate) key_from_authorizer: bool,
    pub(crate) rates: StageRates,
    pub(crate) access: Option<AccessLog>,
    /// Nobody deployed it: somebody tries a part of an API out.
    pub(crate) trial: bool,
    settings: BTreeMap<String, MethodSettingRecord>,
    /// None without a cache.
    pub(crate) cache_bytes_max: Option<usize>,
    pub(crate) canary_shares_cache: bool,
    pub(crate) kept_since: FlushedRecord,
    /// `EDGE`, `REGIONAL` or `PRIVATE`.
    pub(crate) endpoint_type: String,
    /// Requests are traced.
    pub(crate) tracing: bool,
    /// The stage's client certificate, which its HTTP backends are shown.
    pub(crate) identity: Option<Identity>,
    main: Release,
    canary: Option<(f64, Release)>,
}

/// A deployment with the stage variables it runs with.
#[derive(Debug)]
pub(crate) struct Release {
    pub(crate) program: Arc<Program>,
    pub(crate) variables: BTreeMap<String, String>,
}

impl LiveStage {
    /// A stage that nobody deployed, for trying out a part of an API.
    pub(crate) fn trial(
        api: &ApiRecord,
        name: &str,
        program: Program,
        variables: BTreeMap<String, String>,
    ) -> Option<Self> {
        let stage = StageRecord { name: name.to_owned(), variables, ..StageRecord::default() };
        let program = Arc::new(program);
        live_stage(api, stage, |_| Some(Arc::clone(&program))).map(|stage| Self { trial: true, ..stage })
    }

    /// What answers a request: the canary gets its share. `draw` is random and evenly spread.
    pub(crate) fn release(&self, draw: u32) -> &Release {
        match &self.canary {
            Some((percent, canary)) if f64::from(draw) / f64::from(u32::MAX) * 100.0 < *percent => canary,
            _ => &self.main,
        }
    }
}

impl LiveStage {
    /// What is set for a method: for its verb, for all verbs, or for the whole stage.
    pub(crate) fn setting(
        &self,
        verb: &http::Method,
        method: Option<&Method>,
    ) -> Option<&MethodSettingRecord> {
        if self.settings.is_empty() {
            return None;
        }
        let own = method.and_then(|method| self.own_setting(verb, method));
        own.or_else(|| self.settings.get("*/*"))
    }

    fn own_setting(&self, verb: &http::Method, method: &Method) -> Option<&MethodSettingRecord> {
        let mut names = [verb.as_str(), "ANY"].into_iter();
        names.find_map(|name| self.settings.get(&setting_key(&method.resource_path, name)))
    }

    /// What is set of the cache of a method that has one: where only the stage says so, of GET alone.
    pub(crate) fn cache_setting(&self, verb: &http::Method, method: &Method) -> Option<&MethodSettingRecord> {
        self.cache_bytes_max?;
        let own = self.own_setting(verb, method);
        let setting = own.or_else(|| self.settings.get("*/*").filter(|_| *verb == http::Method::GET));
        setting.filter(|setting| setting.caching_enabled)
    }

    /// Whether some method's execution log is written.
    pub(crate) fn logs(&self) -> bool {
        self.settings.values().any(|setting| setting.logging_level != "OFF")
    }

    /// Whether a release of this stage is its canary; none if it has no canary.
    pub(crate) fn is_canary(&self, release: &Release) -> Option<bool> {
        self.canary.as_ref().map(|(_, canary)| std::ptr::eq(canary, release))
    }
}

impl Live for LiveStage {
    async fn read(reader: &mut Reader<'_>, api_id: &str) -> Result<Option<Rows>> {
        let Some(api) = reader.get(rows::api_key(api_id)).await? else { return Ok(None) };
        let row = rows::decode::<ApiRecord>(&api)?.row;
        let stages = reader.get(rows::stages_key(row)).await?;
        Ok(Some(Rows { api, stages: stages.into_iter().collect(), change: None }))
    }

    async fn compile(store: &Store, found: &Rows) -> Result<HashMap<String, Arc<Self>>> {
        let api: ApiRecord = rows::decode(&found.api)?;
        let stages: Stages =
            found.stages.first().map(|row| rows::decode(row)).transpose()?.unwrap_or_default();
        let mut programs = HashMap::new();
        for stage in stages.stages.values() {
            let canary = stage.canary.iter().map(|canary| &canary.deployment_id);
            for id in std::iter::once(&stage.deployment_id).chain(canary) {
                if !programs.contains_key(id) {
                    let snapshot = rows::read::<Snapshot>(store, &rows::snapshot_key(api.row, id)).await?;
                    let program = snapshot.map(|found| Arc::new(Program::compile(id, &api.arn(), found)));
                    programs.insert(id.clone(), program);
                }
            }
        }
        let program = |id: &str| programs.get(id).cloned().flatten();
        let mut live = HashMap::new();
        for stage in stages.stages.into_values() {
            let identity = match stage.client_certificate_id.as_deref().filter(|id| !id.is_empty()) {
                Some(id) => identity(store, &api, id).await?,
                None => None,
            };
            if let Some(stage) = live_stage(&api, stage, program) {
                live.insert(stage.name.clone(), Arc::new(Self { identity, ..stage }));
            }
        }
        Ok(live)
    }
}

/// None of a certificate that has been deleted.
async fn identity(store: &Store, api: &ApiRecord, id: &str) -> Result<Option<Identity>> {
    let scope = api.scope();
    let found: Option<ClientCertificateRecord> = parts::find(store, Owner::Scope(&scope), id).await?;
    Ok(found.map(ClientCertificateRecord::into_identity))
}

/// None for a stage without a deployment.
fn live_stage(
    api: &ApiRecord,
    stage: StageRecord,
    program: impl Fn(&str) -> Option<Arc<Program>>,
) -> Option<LiveStage> {
    let rates = stage_rates(&stage);
    let kept_since = stage.kept_since();
    let access = stage.access_log.as_ref().and_then(|log| {
        AccessLog::compile(log.destination_arn.as_deref(), log.format.as_deref(), (&api.id, &stage.name))
    });
    let settings = stage.method_settings;
    let cache_bytes_max = cache::bytes_max(stage.cache_cluster_enabled, stage.cache_cluster_size.as_deref());
    let canary_shares_cache = stage.canary.as_ref().is_some_and(|canary| canary.use_stage_cache);
    let main = Release { program: program(&stage.deployment_id)?, variables: stage.variables };
    let canary = stage.canary.and_then(|canary| {
        let mut variables = main.variables.clone();
        variables.extend(canary.stage_variable_overrides);
        Some((canary.percent_traffic, Release { program: program(&canary.deployment_id)?, variables }))
    });
    Some(LiveStage {
        api_id: api.id.clone(),
        scope: api.scope(),
        name: stage.name,
        key_from_authorizer: api.api_key_source == "AUTHORIZER",
        rates,
        access,
        trial: false,
        settings,
        cache_bytes_max,
        canary_shares_cache,
        kept_since,
        endpoint_type: api.endpoint_types.first().cloned().unwrap_or_default(),
        tracing: stage.tracing_enabled,
        identity: None,
        main,
        canary,
    })
}
