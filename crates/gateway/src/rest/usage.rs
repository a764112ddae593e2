//! The phase of usage plans: whose API key it is, what its plan and the stage let through a second, and what is left
//! of its quota. Source:
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-request-throttling.html>

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base::{Clock, Scope, Timestamp};
use store::Store;

use crate::Gateway;
use crate::error::GatewayError;
use crate::rest::bucket::{Buckets, Rate};
use crate::rest::call::Call;
use crate::rest::fault::Fault;
use crate::rest::keyring;
use crate::rest::meter::{Meters, Subscription};
use crate::rest::records::{MethodSettingRecord, StageRecord};
use crate::rest::usage_plan::UsagePlanRecord;

const SHARDS: usize = 64;
const SHARD_PASSES_MAX: usize = 1024;
/// For how long another node's edit of a key or a plan is not seen.
const PASS_AGE_MAX: Duration = Duration::from_secs(1);

/// An API key that may enter a stage, by one of its plans.
#[derive(Debug)]
struct Pass {
    key_id: String,
    plan: UsagePlanRecord,
    read_at: Timestamp,
    /// Of [`Usage::edits`] when it was read.
    edits: u64,
}

/// Who sent a request, by their API key.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) key_id: String,
    pub(crate) key: String,
}

/// What a node knows of keys, plans and their use.
#[derive(Debug)]
pub(crate) struct Usage {
    /// Other nodes edit keys and plans too.
    shared: bool,
    pub(crate) meters: Arc<Meters>,
    buckets: Buckets,
    hasher: RandomState,
    passes: Vec<Mutex<HashMap<String, Arc<Pass>>>>,
    edits: AtomicU64,
}

impl Usage {
    pub(crate) fn new(store: Store, clock: Clock, shared: bool) -> Self {
        Self {
            shared,
            meters: Arc::new(Meters::new(store, clock, shared)),
            buckets: Buckets::default(),
            hasher: RandomState::new(),
            passes: (0..SHARDS).map(|_| Mutex::default()).collect(),
            edits: AtomicU64::new(0),
        }
    }

    /// Called after every committed edit of a key or a plan.
    pub(crate) fn forget(&self) {
        self.edits.fetch_add(1, Ordering::AcqRel);
    }

    /// The pass of the key `value` for a stage; none if no enabled key has that value, or no plan of it the stage.
    async fn pass(
        &self,
        store: &Store,
        at: &StageAt<'_>,
        value: &str,
    ) -> Result<Option<Arc<Pass>>, GatewayError> {
        let name = format!("{}\n{}\n{}\n{value}", at.scope, at.api_id, at.stage);
        let place = usize::try_from(self.hasher.hash_one(&name) % SHARDS as u64).unwrap_or_default();
        let edits = self.edits.load(Ordering::Acquire);
        let known = self.passes[place].lock().unwrap_or_else(PoisonError::into_inner).get(&name).cloned();
        let fresh = |pass: &Arc<Pass>| {
            pass.edits == edits && (!self.shared || at.now.since(pass.read_at) < PASS_AGE_MAX)
        };
        if let Some(pass) = known.filter(fresh) {
            return Ok(Some(pass));
        }
        let Some((key_id, plan)) = find_plan(store, at, value).await? else { return Ok(None) };
        let pass = Arc::new(Pass { key_id, plan, read_at: at.now, edits });
        let mut shard = self.passes[place].lock().unwrap_or_else(PoisonError::into_inner);
        if shard.len() >= SHARD_PASSES_MAX {
            shard.retain(|_, pass| fresh(pass));
        }
        if shard.len() < SHARD_PASSES_MAX {
            shard.insert(name, Arc::clone(&pass));
        }
        Ok(Some(pass))
    }
}

/// A stage at a time.
struct StageAt<'a> {
    scope: &'a Scope,
    api_id: &'a str,
    stage: &'a str,
    now: Timestamp,
}

async fn find_plan(
    store: &Store,
    at: &StageAt<'_>,
    value: &str,
) -> Result<Option<(String, UsagePlanRecord)>, GatewayError> {
    let Some(key) = keyring::by_value(store, at.scope, value).await?.filter(|key| key.enabled) else {
        return Ok(None);
    };
    let plans = keyring::plans(store, at.scope, &key).await?;
    let plan = plans.into_iter().find(|plan| plan.stage(at.api_id, at.stage).is_some());
    Ok(plan.map(|plan| (key.id, plan)))
}

/// The limits of a stage's methods, by `{resource path with ~1 for slashes}/{METHOD}` or `*/*`.
pub(crate) type StageRates = BTreeMap<String, Rate>;

/// Of the settings that were given. AWS's own limits of an account, which an answer shows where none was given, are
/// none of this server's.
pub(crate) fn stage_rates(stage: &StageRecord) -> StageRates {
    let default = MethodSettingRecord::default();
    let whole = (default.throttling_rate_limit, default.throttling_burst_limit);
    let rates = stage.method_settings.iter().filter_map(|(name, setting)| {
        let rate = (setting.throttling_rate_limit, setting.throttling_burst_limit);
        (rate != whole).then(|| (name.clone(), Rate { per_second: rate.0, burst: rate.1 }))
    });
    rates.collect()
}

/// The phase.
pub(crate) async fn admit(gateway: &Gateway, call: &Call<'_>) -> Result<(), Fault> {
    let now = gateway.clock.now();
    let pass = if call.method.wants_key { Some(identify(gateway, call, now).await?) } else { None };
    if let Some(pass) = &pass {
        throttle_plan(gateway, call, pass, now)?;
    }
    throttle_stage(gateway, call, now)?;
    let Some(pass) = pass else { return Ok(()) };
    let who = Subscription { scope: &call.stage.scope, plan_id: &pass.plan.id, key_id: &pass.key_id };
    let counted = gateway.usage.meters.count(who, pass.plan.quota.as_ref()).await;
    match counted.map_err(|error| Fault::Internal(error.to_string()))? {
        true => Ok(()),
        false => Err(Fault::QuotaExceeded),
    }
}

/// Who asks for a WebSocket with the API key `key`, if that and its plan let them in.
pub(crate) async fn admit_socket(
    gateway: &Gateway,
    (scope, (api_id, stage)): (&Scope, (&str, &str)),
    key: Option<&str>,
) -> Result<Caller, Fault> {
    let now = gateway.clock.now();
    let value = key.filter(|key| !key.is_empty()).ok_or(Fault::InvalidApiKey)?;
    let pass = gateway.usage.pass(&gateway.store, &StageAt { scope, api_id, stage, now }, value).await;
    let pass = pass.map_err(|error| Fault::Internal(error.to_string()))?.ok_or(Fault::InvalidApiKey)?;
    if let Some(throttle) = &pass.plan.throttle {
        take(&gateway.usage.buckets, &format!("{}\n{}", pass.plan.id, pass.key_id), throttle.rate(), now)?;
    }
    let who = Subscription { scope, plan_id: &pass.plan.id, key_id: &pass.key_id };
    let counted = gateway.usage.meters.count(who, pass.plan.quota.as_ref()).await;
    match counted.map_err(|error| Fault::Internal(error.to_string()))? {
        true => Ok(Caller { key_id: pass.key_id.clone(), key: value.to_owned() }),
        false => Err(Fault::QuotaExceeded),
    }
}

async fn identify(gateway: &Gateway, call: &Call<'_>, now: Timestamp) -> Result<Arc<Pass>, Fault> {
    let value = match call.stage.key_from_authorizer {
        true => call.grant.get().and_then(|granted| granted.grant.usage_key.as_deref()),
        false => call.request.header("x-api-key"),
    };
    let value = value.filter(|value| !value.is_empty()).ok_or(Fault::InvalidApiKey)?;
    let stage = call.stage;
    let at = StageAt { scope: &stage.scope, api_id: &stage.api_id, stage: &stage.name, now };
    let pass = gateway.usage.pass(&gateway.store, &at, value).await;
    let pass = pass.map_err(|error| Fault::Internal(error.to_string()))?.ok_or(Fault::InvalidApiKey)?;
    call.caller.get_or_init(|| Caller { key_id: pass.key_id.clone(), key: value.to_owned() });
    Ok(pass)
}

fn throttle_plan(gateway: &Gateway, call: &Call<'_>, pass: &Pass, now: Timestamp) -> Result<(), Fault> {
    let (stage, plan) = (call.stage, &pass.plan);
    let buckets = &gateway.usage.buckets;
    let methods = plan.stage(&stage.api_id, &stage.name).map(|stage| &stage.throttle);
    if let Some(methods) = methods.filter(|methods| !methods.is_empty()) {
        let path = &call.method.resource_path;
        let names = [call.request.method.as_str(), "ANY"].map(|verb| format!("{path}/{verb}"));
        if let Some((name, rate)) = names.iter().find_map(|name| Some((name, methods.get(name)?.rate()))) {
            let bucket = format!("{}\n{}\n{}\n{}\n{name}", plan.id, pass.key_id, stage.api_id, stage.name);
            take(buckets, &bucket, rate, now)?;
        }
    }
    match &plan.throttle {
        Some(throttle) => take(buckets, &format!("{}\n{}", plan.id, pass.key_id), throttle.rate(), now),
        None => Ok(()),
    }
}

fn throttle_stage(gateway: &Gateway, call: &Call<'_>, now: Timestamp) -> Result<(), Fault> {
    let rates = &call.stage.rates;
    if rates.is_empty() {
        return Ok(());
    }
    let path = call.method.resource_path.replace('~', "~0").replace('/', "~1");
    let own = [call.request.method.as_str(), "ANY"].map(|verb| format!("{path}/{verb}"));
    let rate = own.iter().find_map(|name| rates.get(name)).or_else(|| rates.get("*/*"));
    let Some(rate) = rate else { return Ok(()) };
    let bucket = format!("{}\n{}\n{}", call.stage.api_id, call.stage.name, own[0]);
    take(&gateway.usage.buckets, &bucket, *rate, now)
}

fn take(buckets: &Buckets, name: &str, rate: Rate, now: Timestamp) -> Result<(), Fault> {
    if buckets.take(name, rate, now) { Ok(()) } else { Err(Fault::Throttled) }
}
