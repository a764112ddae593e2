//! The execution log of a WebSocket stage: what became of a handshake, a message or an end, step by step, as far as the
//! settings of the route or the stage ask for it.
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-logging.html>

use std::fmt::Display;

use ports::LogBatch;

use crate::access_log;
use crate::rest::execution_log::{Journal, Step, braced, reason, text};
use crate::rest::fault::Fault;
use crate::websocket::context::{Act, Turn};
use crate::{Gateway, steps};

impl Turn<'_> {
    fn note(&self, step: Step, text: impl FnOnce() -> String) {
        if let Some(journal) = &self.journal {
            journal.write(step, text());
        }
    }
}

/// A turn whose route is known begins; from here on its steps are written, if somebody reads them.
pub(crate) fn began(gateway: &Gateway, turn: &mut Turn<'_>) {
    turn.journal = turn.stage.logged(&turn.route_key).map(|_| Journal::new(&gateway.clock));
    let (peer, route) = (turn.peer, &turn.route_key);
    turn.note(Step::Info, || format!("Extended Request Id: {}", turn.request_id));
    turn.note(Step::Info, || format!("Starting execution for request: {}", turn.request_id));
    turn.note(Step::Info, || format!("WebSocket Request Route: [{route}]"));
    match turn.act {
        Act::Connect(_) => turn.note(Step::Info, || {
            let agent = peer.user_agent.as_deref().unwrap_or("null");
            let (ip, api) = (peer.source_ip, &peer.api_id);
            format!("Client [UserAgent: {agent}, SourceIp: {ip}] is connecting to WebSocket API [{api}].")
        }),
        Act::Message(message) => {
            let (api, id) = (&peer.api_id, &peer.id);
            turn.note(Step::Info, || {
                format!("WebSocket API [{api}] received message from client [Connection Id: {id}].")
            });
            let body = || format!("Route request body before transformations: {}", text(message.as_bytes()));
            turn.note(Step::Data, body);
        }
        Act::Disconnect(_) => {}
    }
}

/// What goes to an endpoint.
pub(crate) fn sending(
    turn: &Turn<'_>,
    uri: &impl Display,
    headers: impl IntoIterator<Item = (String, String)>,
    body: &[u8],
) {
    steps::sending(turn.trace(), uri, body);
    turn.note(Step::Data, || format!("Endpoint request URI: {uri}"));
    turn.note(Step::Data, || format!("Endpoint request headers: {}", braced(headers)));
    turn.note(Step::Data, || format!("Endpoint request body after transformations: {}", text(body)));
}

/// What came back.
pub(crate) fn answered(turn: &Turn<'_>, headers: impl IntoIterator<Item = (String, String)>, body: &[u8]) {
    steps::answered(turn.trace(), None, body);
    turn.note(Step::Data, || format!("Endpoint response headers: {}", braced(headers)));
    turn.note(Step::Data, || format!("Endpoint response body before transformations: {}", text(body)));
}

/// Writes the turn's lines to the stage's log group.
pub(crate) fn ended(gateway: &Gateway, turn: &Turn<'_>, status: u16, fault: Option<&Fault>) {
    let (Some(most), Some(journal)) = (turn.stage.logged(&turn.route_key), &turn.journal) else { return };
    if let Some(fault) = fault {
        turn.note(Step::Error, || reason(fault));
    }
    let done = turn.integration.get();
    if let Some(id) = done.and_then(|facts| facts.request_id.as_ref()) {
        turn.note(Step::Info, || format!("AWS Integration Endpoint RequestId : {id}"));
    }
    let (api, id) = (&turn.peer.api_id, &turn.peer.id);
    match turn.act {
        Act::Connect(_) if status == 101 => turn.note(Step::Info, || {
            format!("Client [Connection Id: {id}] connected to API [{api}] successfully.")
        }),
        Act::Message(_) if done.is_some() => turn.note(Step::Info, || {
            format!("Message from client [Connection Id: {id}] sent to API [{api}] with response status code [{status}].")
        }),
        Act::Disconnect(close) => turn.note(Step::Info, || {
            format!(
                "Client [Connection Id: {id}] disconnected from API [{api}] with integration response status code \
                 [{status}]. Close reason: [{}: {}]",
                close.code, close.reason
            )
        }),
        Act::Connect(_) | Act::Message(_) => {}
    }
    let events = journal.events(most, &turn.request_id);
    if events.is_empty() {
        return;
    }
    let (api_id, stage) = (&turn.stage.api_id, &turn.stage.name);
    gateway.logs.write(LogBatch {
        scope: turn.stage.scope.clone(),
        group: format!("/aws/apigateway/{api_id}/{stage}").into(),
        stream: access_log::stream(api_id, stage),
        events,
    });
}
