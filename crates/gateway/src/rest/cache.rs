//! The response cache of stages: answers kept for as long as a method's settings say, by what the method's integration
//! names as key. Each node keeps its own, within bounds. Source:
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-caching.html>

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base::Timestamp;
use http::header::{CACHE_CONTROL, HeaderValue, WARNING};

use crate::rest::call::Call;
use crate::rest::fault::Fault;
use crate::rest::mapping::Source;
use crate::rest::phases;
use crate::rest::records::{IntegrationRecord, MethodSettingRecord};
use crate::{Gateway, StageResponse};

/// AWS's quota of an answer that is kept.
const RESPONSE_BYTES_MAX: usize = 1 << 20;
/// What all stages of a node keep together, whatever the size of their clusters.
const BYTES_MAX: usize = 256 << 20;
/// What an answer costs beside its bytes.
const OVERHEAD: usize = 512;
const IGNORED: HeaderValue =
    HeaderValue::from_static("199 Cache-control headers were ignored because the caller was unauthorized.");

/// By what a method's answers are kept.
#[derive(Debug, Default)]
pub(crate) struct CacheKey {
    namespace: String,
    parameters: Vec<Source>,
}

impl CacheKey {
    /// A parameter of the integration's request is what is mapped to it.
    pub(crate) fn compile(record: &IntegrationRecord) -> Self {
        let parameters = record.cache_key_parameters.iter().filter_map(|name| {
            let mapped = record.request_parameters.get(name).cloned();
            let own = name.replacen("integration.request.", "method.request.", 1);
            Source::parse(&mapped.unwrap_or(own), "method.request")
        });
        Self { namespace: record.cache_namespace.clone(), parameters: parameters.collect() }
    }

    /// Each value with its length before it, so that no two keys are one.
    fn of(&self, call: &Call<'_>, apart: bool) -> String {
        let release = if apart { call.release.program.deployment_id.as_str() } else { "" };
        let since = call.stage.kept_since.answers_ms;
        let mut key = format!("{release}\n{since}\n{}\n{}", self.namespace, call.request.method);
        for source in &self.parameters {
            key.push('\n');
            for value in call.values(source) {
                _ = write!(key, "{}:{value}", value.len());
            }
        }
        key
    }
}

/// How much a stage may keep, by the size of its cluster in gigabytes; none if it has none.
pub(crate) fn bytes_max(enabled: bool, size: Option<&str>) -> Option<usize> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "sizes are small and not negative"
    )]
    let bytes = size.and_then(|size| size.parse::<f64>().ok()).map_or(BYTES_MAX, |gb| (gb * 1e9) as usize);
    enabled.then(|| bytes.min(BYTES_MAX))
}

/// The method's answer, from the cache where its settings say so.
pub(crate) async fn answer(gateway: &Gateway, call: &Call<'_>) -> Result<(StageResponse, bool), Fault> {
    let setting = call.stage.cache_setting(&call.request.method, call.method);
    let (Some(setting), Some(bytes_max)) = (setting, call.stage.cache_bytes_max) else {
        return phases::integrate(gateway, call).await;
    };
    let refresh = wants_fresh(call);
    let allowed = !setting.require_authorization_for_cache_control || is_own(call);
    let warned = match (refresh && !allowed, setting.unauthorized_cache_control_header_strategy.as_str()) {
        (true, "FAIL_WITH_403") => {
            return Err(Fault::AccessDenied("User is not authorized to access this resource".to_owned()));
        }
        (true, strategy) => strategy == "SUCCEED_WITH_RESPONSE_HEADER",
        (false, _) => false,
    };
    let cache = gateway.caches.of(&call.stage.api_id, &call.stage.name);
    let apart = call.stage.is_canary(call.release) == Some(true) && !call.stage.canary_shares_cache;
    let key = call.method.cache_key.of(call, apart);
    let now = gateway.clock.now();
    let kept = if refresh && allowed { None } else { gateway.caches.find(&cache, &key, now) };
    let mut answered = match kept {
        Some(answered) => answered,
        None => {
            let answered = phases::integrate(gateway, call).await?;
            gateway.caches.keep(&cache, key, &answered, (ttl(setting), gateway.clock.now(), bytes_max));
            answered
        }
    };
    if warned {
        answered.0.headers.append(WARNING, IGNORED);
    }
    Ok(answered)
}

fn ttl(setting: &MethodSettingRecord) -> Duration {
    Duration::from_secs(u64::try_from(setting.cache_ttl_in_seconds).unwrap_or_default())
}

/// `Cache-Control: max-age=0`: the caller asks for what is kept to be thrown away.
fn wants_fresh(call: &Call<'_>) -> bool {
    let lists = call.request.headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    lists.flat_map(|list| list.split(',')).any(|directive| {
        let mut parts = directive.trim().splitn(2, '=');
        let is_age = parts.next().is_some_and(|name| name.trim().eq_ignore_ascii_case("max-age"));
        is_age && parts.next().is_some_and(|age| age.trim() == "0")
    })
}

/// There are no identity policies: who signs as the API's own account may do everything.
fn is_own(call: &Call<'_>) -> bool {
    let signer = call.grant.get().and_then(|granted| granted.grant.signer.as_ref());
    signer.is_some_and(|signer| signer.account == call.stage.scope.account.to_string())
}

#[derive(Debug)]
struct Kept {
    answered: (StageResponse, bool),
    ends: Timestamp,
    /// Its place in the order of use.
    used: u64,
    bytes: usize,
}

/// The answers that a stage keeps.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    kept: HashMap<Arc<str>, Kept>,
    by_use: BTreeMap<u64, Arc<str>>,
    uses: u64,
    bytes: usize,
    /// Nobody finds it any more.
    closed: bool,
}

impl Inner {
    fn remove(&mut self, key: &str) {
        if let Some(kept) = self.kept.remove(key) {
            self.by_use.remove(&kept.used);
            self.bytes -= kept.bytes;
        }
    }

    /// The longest unused go first.
    fn shrink(&mut self, bytes_max: usize) {
        while self.bytes > bytes_max {
            let Some((_, key)) = self.by_use.pop_first() else { return };
            self.remove(&key);
        }
    }
}

impl Cache {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The caches of a node's stages.
#[derive(Debug, Default)]
pub(crate) struct Caches {
    stages: Mutex<HashMap<(String, String), Arc<Cache>>>,
}

impl Caches {
    fn stages(&self) -> MutexGuard<'_, HashMap<(String, String), Arc<Cache>>> {
        self.stages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn of(&self, api_id: &str, stage: &str) -> Arc<Cache> {
        Arc::clone(self.stages().entry((api_id.to_owned(), stage.to_owned())).or_default())
    }

    /// Throws away what a stage keeps, or all stages of an API.
    pub(crate) fn flush(&self, api_id: &str, stage: Option<&str>) {
        self.stages().retain(|(api, name), cache| {
            let meant = api == api_id && stage.is_none_or(|stage| stage == name);
            if meant {
                // Who is about to keep something holds it still.
                *cache.inner() = Inner { closed: true, ..Inner::default() };
            }
            !meant
        });
    }

    fn find(&self, cache: &Cache, key: &str, now: Timestamp) -> Option<(StageResponse, bool)> {
        let mut inner = cache.inner();
        inner.uses += 1;
        let uses = inner.uses;
        let kept = inner.kept.get_mut(key)?;
        if kept.ends <= now {
            inner.remove(key);
            return None;
        }
        let before = std::mem::replace(&mut kept.used, uses);
        let answered = kept.answered.clone();
        let key = inner.by_use.remove(&before)?;
        inner.by_use.insert(uses, key);
        Some(answered)
    }

    fn keep(
        &self,
        cache: &Cache,
        key: String,
        answered: &(StageResponse, bool),
        (ttl, now, bytes_max): (Duration, Timestamp, usize),
    ) {
        let response = &answered.0;
        let is_large = response.stream.is_some() || response.body.len() > RESPONSE_BYTES_MAX;
        if !(200..300).contains(&response.status) || is_large || ttl.is_zero() {
            return;
        }
        let headers: usize =
            response.headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        let bytes = OVERHEAD + 2 * key.len() + headers + response.body.len();
        let all: usize = {
            let stages = self.stages();
            let caches: Vec<Arc<Cache>> = stages.values().cloned().collect();
            drop(stages);
            caches.iter().map(|cache| cache.inner().bytes).sum()
        };
        let mut inner = cache.inner();
        if inner.closed {
            return;
        }
        inner.remove(&key);
        inner.uses += 1;
        let (used, key) = (inner.uses, Arc::<str>::from(key));
        // A piece of something large would keep all of it.
        let mut answered = answered.clone();
        answered.0.body = bytes::Bytes::copy_from_slice(&answered.0.body);
        inner.kept.insert(Arc::clone(&key), Kept { answered, ends: now.plus(ttl), used, bytes });
        inner.by_use.insert(used, key);
        inner.bytes += bytes;
        let others = all.saturating_sub(inner.bytes);
        inner.shrink(bytes_max.min(BYTES_MAX.saturating_sub(others)));
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn caches_are_bounded_and_forget_the_longest_unused() {
        let caches = Caches::default();
        let cache = caches.of("a", "dev");
        let body = Bytes::from(vec![b'x'; 1 << 20]);
        let answered = (StageResponse { status: 200, body, ..StageResponse::default() }, true);
        let now = Timestamp(0);
        let limits = (Duration::from_secs(1), now, 10 << 20);
        for number in 0..100 {
            caches.keep(&cache, number.to_string(), &answered, limits);
            assert!(caches.find(&cache, "0", now).is_some(), "{number}: it is used all the time");
        }
        let (bytes, kept, by_use) = {
            let inner = cache.inner();
            (inner.bytes, inner.kept.len(), inner.by_use.len())
        };
        assert!(bytes <= 10 << 20 && kept == by_use, "{bytes} {kept} {by_use}");
        assert!(caches.find(&cache, "50", now).is_none());
        assert!(caches.find(&cache, "99", now).is_some());
        assert!(caches.find(&cache, "99", Timestamp(1000)).is_none(), "its time is over");
        caches.flush("a", Some("prod"));
        assert!(caches.find(&cache, "0", now).is_some());
        caches.flush("a", Some("dev"));
        caches.keep(&cache, "0".to_owned(), &answered, limits);
        assert!(caches.find(&caches.of("a", "dev"), "0", now).is_none());
        assert!(caches.find(&cache, "0", now).is_none(), "nothing is kept where nobody looks");
    }

    #[test]
    fn clusters_have_sizes() {
        for (enabled, size, expected) in [
            (false, Some("0.5"), None),
            (true, None, Some(256 << 20)),
            (true, Some("0.5"), Some(256 << 20)),
            (true, Some("237"), Some(256 << 20)),
        ] {
            assert_eq!(bytes_max(enabled, size), expected);
        }
    }
}
