//! What is under `/_rushlight/` and `/_console/` beside the services: found by its path, told as JSON. Decides nothing.

use std::sync::Arc;

use base::Cx;
use console::{CONSOLE_PATH, TEST_EVENTS_PATH};
use gateway::StageCurrency;
use lambda::{CODE_PATH, WaitingEvent};
use server::TailStream;
use tokio::sync::mpsc;
use traces::{MAP_PATH, MONITOR_PATH, TRACES_PATH, Traces, parameter};
use tracing::error;
use wire::json::Writer;
use wire::{Request, Response};

use crate::wiring::Wiring;

/// `{api}/stages` below it tells whether they serve what the API is now.
const REST_APIS_PATH: &str = "/_rushlight/rest-apis/";

/// Asynchronous events that wait.
const EVENTS_PATH: &str = "/_rushlight/events";
const EVENTS_MAX: usize = 200;
const EVENT_BYTES_MAX: usize = 4 << 10;

/// Lines that a slow follower may fall behind.
const TAIL_BACKLOG: usize = 64;

impl Wiring {
    /// The answer to a path that is served here; none if there is no such thing.
    pub(crate) async fn own_resource(&self, cx: &Cx, request: Request) -> Option<Response> {
        let path = request.path.as_str();
        if let Some(name) = path.strip_prefix(CODE_PATH) {
            return self.code_package(name).await;
        }
        if let Some(api_id) = path.strip_prefix(REST_APIS_PATH).and_then(|rest| rest.strip_suffix("/stages"))
        {
            return Some(stages(self.gateway.stages_of(&cx.scope, api_id).await));
        }
        if path.starts_with(TEST_EVENTS_PATH) {
            return Some(self.console.test_events(cx, request).await);
        }
        if path == EVENTS_PATH {
            return Some(self.waiting_events(cx, &request.query).await);
        }
        if [TRACES_PATH, MAP_PATH, MONITOR_PATH].iter().any(|known| path.starts_with(known)) {
            return Some(self.traces.as_ref().map_or_else(no_traces, |traces| traces.answer(cx, &request)));
        }
        path.starts_with(CONSOLE_PATH.trim_end_matches('/')).then(|| self.console.page(&request))
    }

    /// A function's package, by the name that those know who were told.
    async fn code_package(&self, name: &str) -> Option<wire::Response> {
        let package = self.lambda.code_package(name).await;
        let zip = package.inspect_err(|error| error!(%error, "a package cannot be read")).ok()??;
        let mut response = wire::Response::new(200, zip);
        response.set("content-type", "application/zip");
        Some(response)
    }

    async fn waiting_events(&self, cx: &Cx, query: &str) -> Response {
        let function = parameter(query, "function").unwrap_or_default();
        let waiting = match self.lambda().await {
            Ok(lambda) => lambda.waiting_events(&cx.scope, &function, EVENTS_MAX).await,
            Err(why) => return refusal(503, "ServiceUnavailable", why),
        };
        match waiting {
            Ok(events) => told_events(&events),
            Err(error) => {
                error!(%error, "queued events cannot be read");
                refusal(503, "ServiceUnavailable", "The store does not answer; see the server's log.")
            }
        }
    }
}

/// Follows what is done for requests of the caller's account, and of one resource if the query names it.
pub(crate) fn trace_tail(traces: &Arc<Traces>, cx: &Cx, query: &str) -> Option<TailStream> {
    let (sender, receiver) = mpsc::channel(TAIL_BACKLOG);
    let (mut follower, account) = (traces.follow(), cx.scope.account);
    let resource = parameter(query, "resource").unwrap_or_default();
    tokio::spawn(async move {
        loop {
            let followed = tokio::select! {
                followed = follower.next() => followed,
                () = sender.closed() => return,
            };
            let Some(followed) = followed else { return };
            let Some(line) = followed.line(account, &resource) else { continue };
            if sender.send(line).await.is_err() {
                return;
            }
        }
    });
    Some(receiver)
}

fn no_traces() -> Response {
    refusal(
        404,
        "TracingIsOff",
        "Nothing is recorded: the server was started with --trace-memory 0. Start it with another number of MiB.",
    )
}

fn told_events(events: &[WaitingEvent]) -> Response {
    let mut json = Writer::new();
    json.begin_object();
    json.key("events");
    json.begin_array();
    for event in events {
        json.begin_object();
        json.key("requestId");
        json.string(&event.request_id.to_string());
        json.key("function");
        json.string(&event.function);
        json.key("accepted");
        json.integer(event.accepted.0);
        json.key("due");
        json.integer(event.due.0);
        json.key("failures");
        json.integer(event.failures.into());
        json.key("throttles");
        json.integer(event.throttles.into());
        if let Some(root) = event.trace.root() {
            json.key("trace");
            json.string(root);
        }
        json.key("payload");
        let cut = &event.payload[..event.payload.len().min(EVENT_BYTES_MAX)];
        json.string(&String::from_utf8_lossy(&traces::masked(cut)));
        json.end_object();
    }
    json.end_array();
    json.end_object();
    said(200, json)
}

/// Whether the stages of a REST API serve what it is now.
fn stages(found: Result<Vec<StageCurrency>, wire::Failure>) -> Response {
    let mut json = Writer::new();
    json.begin_object();
    let status = match found {
        Ok(stages) => {
            json.key("stages");
            json.begin_array();
            for StageCurrency { name, is_current } in stages {
                json.begin_object();
                json.key("name");
                json.string(&name);
                json.key("isCurrent");
                json.boolean(is_current);
                json.end_object();
            }
            json.end_array();
            200
        }
        Err(failure) => {
            json.key("__type");
            json.string(&failure.code);
            json.key("message");
            json.string(&failure.message);
            failure.status
        }
    };
    json.end_object();
    said(status, json)
}

fn refusal(status: u16, code: &str, message: &str) -> Response {
    let mut json = Writer::new();
    json.begin_object();
    json.key("__type");
    json.string(code);
    json.key("message");
    json.string(message);
    json.end_object();
    said(status, json)
}

fn said(status: u16, json: Writer) -> Response {
    let mut response = Response::new(status, json.into_bytes());
    response.set("content-type", "application/json");
    response
}
