//! Records of what is done for requests, on their way to an OpenTelemetry collector. Never holds a request up: what cannot
//! be sent is counted and said.

use std::sync::Arc;
use std::time::Duration;

use base::Clock;
use base::trace::Record;
use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::Connect;
use hyper_util::rt::TokioExecutor;
use traces::{Followed, Follower, Traces, TracesConfig};
use tracing::{debug, warn};

use crate::config::Config;

/// Records that are sent at a time.
const BATCH: usize = 256;
/// A record does not wait for company for longer.
const PATIENCE: Duration = Duration::from_secs(1);
const TIMEOUT: Duration = Duration::from_secs(10);

/// The ring, if the settings want one, and what sends on from it.
pub(crate) fn begin(config: &Config, clock: &Clock) -> Option<Arc<Traces>> {
    if config.trace_memory_mib == 0 {
        return None;
    }
    let sizes = TracesConfig {
        bytes_max: config.trace_memory_mib << 20,
        payload_bytes_max: config.trace_payloads_kib << 10,
    };
    let traces = Traces::new(sizes, clock.clone());
    if let Some(endpoint) = &config.otlp_endpoint {
        tokio::spawn(export(format!("{endpoint}/v1/traces"), traces.follow()));
    }
    Some(traces)
}

async fn export(url: String, mut follower: Follower) {
    let sender = Client::builder(TokioExecutor::new()).build(gateway::https_connector());
    let mut fails = false;
    while let Some((records, missed)) = batch(&mut follower).await {
        if missed > 0 {
            warn!(missed, "records were not sent to the collector: it is too slow");
        }
        if records.is_empty() {
            continue;
        }
        let sent = send(&sender, &url, &records).await;
        match &sent {
            Err(why) if !fails => warn!(%url, why, "the collector does not take records; this is said once"),
            Err(why) => debug!(%url, why, records = records.len(), "the collector does not take records"),
            Ok(()) => {}
        }
        fails = sent.is_err();
    }
}

/// The next records, and how many were missed; none when there will be no more.
async fn batch(follower: &mut Follower) -> Option<(Vec<Arc<Record>>, u64)> {
    let (mut records, mut missed) = (Vec::new(), 0);
    let mut take = |followed| match followed {
        Followed::Record(record) => records.push(record),
        Followed::Missed(more) => missed += more,
    };
    take(follower.next().await?);
    let more = async {
        for _ in 1..BATCH {
            match follower.next().await {
                Some(followed) => take(followed),
                None => return,
            }
        }
    };
    // Who waits too long is sent with whom there is.
    _ = tokio::time::timeout(PATIENCE, more).await;
    Some((records, missed))
}

async fn send<C: Connect + Clone + Send + Sync + 'static>(
    sender: &Client<C, Full<Bytes>>,
    url: &str,
    records: &[Arc<Record>],
) -> Result<(), String> {
    let body = traces::otlp::encode(records, env!("CARGO_PKG_VERSION"));
    let request = Request::post(url)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::USER_AGENT, concat!("rushlight/", env!("CARGO_PKG_VERSION")))
        .body(Full::new(Bytes::from(body)))
        .map_err(|error| error.to_string())?;
    let exchange = async {
        let answer = sender.request(request).await.map_err(|error| error.to_string())?;
        let status = answer.status();
        let body = answer.into_body().collect().await.map_err(|error| error.to_string())?.to_bytes();
        if status.is_success() {
            return Ok(());
        }
        let said: String = String::from_utf8_lossy(&body).chars().take(200).collect();
        Err(format!("{status}: {said}"))
    };
    tokio::time::timeout(TIMEOUT, exchange).await.unwrap_or_else(|_| Err("no answer in time".to_owned()))
}
