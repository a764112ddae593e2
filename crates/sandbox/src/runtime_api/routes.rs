//! The paths of the API and what each answers, in the words of AWS's interface emulator.

use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use super::connection::{Connection, Whole};
use super::http::{Body, Head, Method, Reply};
use super::state::{NotAllowed, RuntimeState, State, Wait};
use super::{Audience, Shared, extension_routes};
use crate::fault::{self, push_json_text};
use crate::frame::FromRuntime;

/// Largest body of an extension's request. Each connection may have one half read.
pub(super) const OTHER_BODY_BYTES_MAX: usize = 64 << 10;

const INVOCATION: &str = "/2018-06-01/runtime/invocation/";

#[derive(Debug)]
pub(super) enum Answer {
    Now(Reply),
    Later(Wait),
}

/// An error means that the connection is of no use any more.
pub(super) async fn answer(connection: &mut Connection, head: &Head, body: &mut Body) -> io::Result<Answer> {
    use Method as M;
    let reply = match (head.method, head.path.as_str()) {
        (M::Get, "/2018-06-01/ping") => Reply::text(200, "pong"),
        (M::Get, "/2018-06-01/runtime/invocation/next") => return Ok(next(&connection.shared).await),
        (M::Post, "/2020-01-01/extension/register") => {
            extension_routes::register(connection, head, body).await
        }
        (M::Get, "/2020-01-01/extension/event/next") => {
            return Ok(extension_routes::next(&connection.shared, head).await);
        }
        (M::Post, "/2020-01-01/extension/init/error") => {
            extension_routes::error(&connection.shared, head, true).await
        }
        (M::Post, "/2020-01-01/extension/exit/error") => {
            extension_routes::error(&connection.shared, head, false).await
        }
        (M::Put, "/2022-07-01/telemetry") => {
            extension_routes::subscribe(connection, head, body, Audience::Telemetry).await
        }
        (M::Put, "/2020-08-15/logs") => {
            extension_routes::subscribe(connection, head, body, Audience::Logs).await
        }
        (M::Post, "/2018-06-01/runtime/init/error") => {
            init_fault(connection, head, body, State::init_error).await
        }
        (M::Get, "/2018-06-01/runtime/restore/next") => restore_next(&connection.shared),
        (M::Post, "/2018-06-01/runtime/restore/error") => {
            init_fault(connection, head, body, State::restore_error).await
        }
        (method, path) => {
            let rest = path.strip_prefix(INVOCATION).and_then(|rest| rest.split_once('/'));
            match (method, rest) {
                (M::Post, Some((id, "response"))) => response(connection, head, body, id).await,
                (M::Post, Some((id, "error"))) => error(connection, head, body, id).await,
                (_, Some((_, "response" | "error"))) => Reply::text(405, ""),
                _ => unknown(path),
            }
        }
    };
    Ok(Answer::Now(reply))
}

/// Paths that are served, for other methods.
const KNOWN: [&str; 11] = [
    "/2018-06-01/runtime/restore/next",
    "/2018-06-01/runtime/restore/error",
    "/2022-07-01/telemetry",
    "/2020-08-15/logs",
    "/2018-06-01/ping",
    "/2018-06-01/runtime/invocation/next",
    "/2018-06-01/runtime/init/error",
    "/2020-01-01/extension/register",
    "/2020-01-01/extension/event/next",
    "/2020-01-01/extension/init/error",
    "/2020-01-01/extension/exit/error",
];

fn unknown(path: &str) -> Reply {
    if KNOWN.contains(&path) { Reply::text(405, "") } else { Reply::text(404, "404 page not found\n") }
}

async fn next(shared: &Shared) -> Answer {
    let asked = shared.lock().next();
    match asked {
        Ok((wait, event)) => {
            shared.tell(event).await;
            Answer::Later(wait)
        }
        Err(refused) => Answer::Now(not_allowed(refused)),
    }
}

fn restore_next(shared: &Shared) -> Reply {
    match shared.lock().restore() {
        Ok(()) => Reply::new(200, &[], Bytes::new()),
        Err(refused) => not_allowed(refused),
    }
}

/// The runtime says why it cannot begin; `step` is what that is to its state.
async fn init_fault(
    connection: &mut Connection,
    head: &Head,
    body: &mut Body,
    step: fn(&mut State) -> Result<(), NotAllowed>,
) -> Reply {
    // First, so that no more than one body is kept.
    let stepped = step(&mut connection.shared.lock());
    if let Err(refused) = stepped {
        return not_allowed(refused);
    }
    let whole = connection.read_whole(head, body, connection.shared.response_bytes_max).await;
    let body = match whole {
        Whole::Body(body) if !body.is_empty() => body,
        _ => fault::body(head.field(ERROR_TYPE).unwrap_or("Unhandled"), ""),
    };
    connection.shared.tell(Some(FromRuntime::InitFault { max_rss_kib: 0, body })).await;
    accepted()
}

const ERROR_TYPE: &str = "Lambda-Runtime-Function-Error-Type";

async fn response(connection: &mut Connection, head: &Head, body: &mut Body, id: &str) -> Reply {
    if let Some(refusal) = begin_answer(&connection.shared, id, RuntimeState::InvocationResponse) {
        return refusal;
    }
    let shared = connection.shared.clone();
    let (answer, reply) = match head.field("Lambda-Runtime-Function-Response-Mode") {
        None => whole_response(connection, head, body).await,
        Some("streaming") => streamed_response(connection, head, body).await,
        Some(_) => (
            fault_of(fault::body("Runtime.InvalidResponseModeHeader", "")),
            error_reply(400, "InvalidFunctionResponseMode", "Invalid function response mode"),
        ),
    };
    shared.lock().answered();
    shared.tell(Some(answer)).await;
    reply
}

/// What the environment is told, and what the runtime.
type Said = (FromRuntime, Reply);

async fn whole_response(connection: &mut Connection, head: &Head, body: &mut Body) -> Said {
    let max = connection.shared.response_bytes_max;
    match connection.read_whole(head, body, max).await {
        Whole::Body(body) => (FromRuntime::Result { max_rss_kib: 0, body }, accepted()),
        Whole::TooLarge => {
            let message = format!("Exceeded maximum allowed payload size ({max} bytes).");
            (FromRuntime::TooLarge { max_rss_kib: 0 }, error_reply(413, "RequestEntityTooLarge", &message))
        }
        Whole::Truncated => truncated(),
    }
}

fn truncated() -> Said {
    const MESSAGE: &str = "HTTP request detected as truncated";
    (
        fault_of(fault::body("Runtime.TruncatedResponse", MESSAGE)),
        error_reply(400, "TruncatedHTTPRequest", MESSAGE),
    )
}

/// Passes each piece on as it comes.
async fn streamed_response(connection: &mut Connection, head: &Head, body: &mut Body) -> Said {
    let shared = connection.shared.clone();
    let content_type = head.field("Content-Type").unwrap_or("application/octet-stream");
    let content_type = Bytes::copy_from_slice(content_type.as_bytes());
    shared.tell(Some(FromRuntime::Stream { content_type })).await;
    loop {
        match connection.read_piece(body).await {
            Ok(Some(data)) => shared.tell(Some(FromRuntime::Chunk { body: data })).await,
            Ok(None) => break,
            Err(_) => return truncated(),
        }
    }
    match body.trailer(ERROR_TYPE) {
        None => (FromRuntime::Result { max_rss_kib: 0, body: Bytes::new() }, accepted()),
        Some(error_type) => {
            let said = body.trailer("Lambda-Runtime-Function-Error-Body").unwrap_or_default();
            let said = STANDARD.decode(said).ok().filter(|said| !said.is_empty());
            let body = said.map_or_else(|| fault::body(error_type, ""), Bytes::from);
            (fault_of(body), accepted())
        }
    }
}

async fn error(connection: &mut Connection, head: &Head, body: &mut Body, id: &str) -> Reply {
    if let Some(refusal) = begin_answer(&connection.shared, id, RuntimeState::InvocationErrorResponse) {
        return refusal;
    }
    let shared = connection.shared.clone();
    let (answer, reply) = match whole_response(connection, head, body).await {
        (FromRuntime::Result { body, .. }, reply) if body.is_empty() => {
            (fault_of(fault::body(head.field(ERROR_TYPE).unwrap_or("Unhandled"), "")), reply)
        }
        (FromRuntime::Result { body, .. }, reply) => (fault_of(body), reply),
        other => other,
    };
    shared.lock().answered();
    shared.tell(Some(answer)).await;
    reply
}

/// The refusal, if the runtime may not answer this invocation now.
fn begin_answer(shared: &Shared, id: &str, to: RuntimeState) -> Option<Reply> {
    let mut state = shared.lock();
    if !state.is_current(id) {
        return Some(error_reply(400, "InvalidRequestID", "Invalid request ID"));
    }
    state.answer(to).err().map(not_allowed)
}

fn fault_of(body: Bytes) -> FromRuntime {
    FromRuntime::Fault { max_rss_kib: 0, body }
}

pub(super) fn accepted() -> Reply {
    Reply::json(202, "{\"status\":\"OK\"}\n".to_owned())
}

fn not_allowed(refused: NotAllowed) -> Reply {
    let (from, to) = (refused.from.name(), refused.to.name());
    let message = format!(
        "State transition from {from} to {to} failed for runtime. Error: State transition is not allowed"
    );
    error_reply(403, "InvalidStateTransition", &message)
}

pub(super) fn error_reply(status: u16, error_type: &str, message: &str) -> Reply {
    let mut out = String::from("{\"errorMessage\":");
    push_json_text(&mut out, message);
    out.push_str(",\"errorType\":");
    push_json_text(&mut out, error_type);
    out.push_str("}\n");
    Reply::json(status, out)
}
