//! The Extensions API, 2020-01-01: <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html>.

use bytes::Bytes;
use wire::json::{JsonError, Reader};

use super::connection::{Connection, Whole};
use super::extension::{Extension, ExtensionState};
use super::http::{Body, Head, Reply};
use super::routes::{Answer, OTHER_BODY_BYTES_MAX, accepted, error_reply};
use super::state::State;
use super::telemetry::Subscription;
use super::{Audience, Shared};
use crate::fault::push_json_text;
use crate::frame::FromRuntime;

/// AWS's limit of extensions of a function.
const EXTENSIONS_MAX: usize = 10;

/// What an extension asks to be told of.
#[derive(Debug, Default, Clone, Copy)]
struct Wanted {
    invoke: bool,
    shutdown: bool,
}

pub(super) async fn register(connection: &mut Connection, head: &Head, body: &mut Body) -> Reply {
    let Whole::Body(body) = connection.read_whole(head, body, OTHER_BODY_BYTES_MAX).await else {
        return error_reply(403, "InvalidRequestFormat", "unexpected end of JSON input");
    };
    let Some(name) = head.field("Lambda-Extension-Name") else {
        return error_reply(403, "Extension.InvalidExtensionName", "Empty extension name");
    };
    let events = match read_events(&body) {
        Ok(events) => events,
        Err(error) => return error_reply(403, "InvalidRequestFormat", &error.to_string()),
    };
    let shared = connection.shared.clone();
    let (registered, event) = {
        let mut state = shared.lock();
        let registered = enter(&mut state, name, &events);
        let event = registered.is_ok().then(|| state.all_registered()).flatten();
        (registered, event)
    };
    match registered {
        Ok(id) => {
            shared.tell(event).await;
            let account = head.field("Lambda-Extension-Accept-Feature").is_some_and(accepts_account);
            registered_reply(&shared, &id, account)
        }
        Err(refusal) => refusal,
    }
}

fn accepts_account(features: &str) -> bool {
    features.split(',').any(|feature| feature.trim() == "accountId")
}

fn read_events(body: &[u8]) -> Result<Vec<String>, JsonError> {
    let mut reader = Reader::new(body, base::Limits::default().json_depth_max)?;
    let mut events = Vec::new();
    reader.begin_object()?;
    while let Some(key) = reader.next_key()? {
        if key != "events" || reader.null()? {
            reader.skip()?;
            continue;
        }
        reader.begin_array()?;
        while reader.next_element()? {
            events.push(reader.string()?.into_owned());
        }
    }
    reader.end()?;
    Ok(events)
}

/// The new extension's identifier.
fn enter(state: &mut State, name: &str, events: &[String]) -> Result<String, Reply> {
    let known = state.extensions.iter().position(|extension| extension.external && extension.name == name);
    let mut wanted = Wanted::default();
    for event in events {
        match event.as_str() {
            "INVOKE" => wanted.invoke = true,
            "SHUTDOWN" if known.is_some() => wanted.shutdown = true,
            other => {
                let why = if other == "SHUTDOWN" {
                    "ShutdownEventNotSupportedForInternalExtension"
                } else {
                    "ErrorInvalidEventType"
                };
                return Err(error_reply(403, "Extension.InvalidEventType", &format!("{other}: {why}")));
            }
        }
    }
    let extension = match known {
        Some(at) => &mut state.extensions[at],
        None => add_internal(state, name)?,
    };
    if extension.state != ExtensionState::Started {
        return Err(not_allowed(extension.state, ExtensionState::Registered, name));
    }
    extension.state = ExtensionState::Registered;
    (extension.on_invoke, extension.on_shutdown) = (wanted.invoke, wanted.shutdown);
    Ok(extension.id.clone())
}

fn add_internal<'a>(state: &'a mut State, name: &str) -> Result<&'a mut Extension, Reply> {
    if state.registration_closed {
        let message = "Extension registration closed already";
        return Err(error_reply(403, "Extension.RegistrationClosed", message));
    }
    if state.extensions.iter().any(|extension| extension.name == name) {
        let message = "Extension with this name already registered";
        return Err(error_reply(403, "Extension.InvalidExtensionState", message));
    }
    if state.extensions.len() >= EXTENSIONS_MAX {
        let message = format!("Extension limit ({EXTENSIONS_MAX}) reached");
        return Err(error_reply(403, "Extension.TooManyExtensions", &message));
    }
    let at = state.extensions.len();
    state.extensions.push(Extension::new(name, false));
    Ok(&mut state.extensions[at])
}

fn registered_reply(shared: &Shared, id: &str, account: bool) -> Reply {
    let spec = &shared.spec;
    let mut out = String::from("{\"functionVersion\":");
    push_json_text(&mut out, &spec.version);
    out.push_str(",\"functionName\":");
    push_json_text(&mut out, &spec.name);
    out.push_str(",\"handler\":");
    push_json_text(&mut out, &spec.handler);
    if account {
        out.push_str(",\"accountId\":");
        push_json_text(&mut out, &spec.scope.account.to_string());
    }
    out.push_str("}\n");
    let fields = [("Content-Type", "application/json"), ("Lambda-Extension-Identifier", id)];
    Reply::new(200, &fields, Bytes::from(out))
}

/// The place of the extension that says who it is.
pub(super) fn identified(state: &State, head: &Head) -> Result<usize, Reply> {
    let Some(id) = head.field("Lambda-Extension-Identifier") else {
        let message = "Missing Lambda-Extension-Identifier header";
        return Err(error_reply(403, "Extension.MissingExtensionIdentifier", message));
    };
    if !is_uuid(id) {
        let message = "Invalid Lambda-Extension-Identifier";
        return Err(error_reply(403, "Extension.InvalidExtensionIdentifier", message));
    }
    let found = state.extensions.iter().position(|extension| extension.id.eq_ignore_ascii_case(id));
    found.ok_or_else(|| {
        error_reply(403, "Extension.UnknownExtensionIdentifier", &format!("Unknown extension {id}"))
    })
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

pub(super) async fn next(shared: &Shared, head: &Head) -> Answer {
    let asked = {
        let mut state = shared.lock();
        identified(&state, head).and_then(|at| {
            let extension = &mut state.extensions[at];
            let wait =
                extension.next().map_err(|from| not_allowed(from, ExtensionState::Ready, &extension.id))?;
            Ok((wait, state.all_done()))
        })
    };
    match asked {
        Ok((wait, event)) => {
            shared.tell(event).await;
            Answer::Later(wait)
        }
        Err(refusal) => Answer::Now(refusal),
    }
}

/// `extension/init/error` and `extension/exit/error`.
pub(super) async fn error(shared: &Shared, head: &Head, of_init: bool) -> Reply {
    const TYPE: &str = "Lambda-Extension-Function-Error-Type";
    let to = if of_init { ExtensionState::InitError } else { ExtensionState::ExitError };
    let told = {
        let mut state = shared.lock();
        identified(&state, head).and_then(|at| {
            let error_type = head
                .field(TYPE)
                .ok_or_else(|| error_reply(403, "Extension.MissingHeader", &format!("{TYPE} not found")))?;
            let extension = &mut state.extensions[at];
            let allowed = match extension.state {
                ExtensionState::Registered => true,
                ExtensionState::Ready | ExtensionState::Running => !of_init,
                other => other == to,
            };
            if !allowed {
                return Err(not_allowed(extension.state, to, &extension.id));
            }
            // Only the first one counts.
            let first = extension.state != to;
            extension.state = to;
            Ok(first.then(|| FromRuntime::ExtensionFault { of_init, error_type: error_type.to_owned() }))
        })
    };
    match told {
        Ok(event) => {
            shared.tell(event).await;
            accepted()
        }
        Err(refusal) => refusal,
    }
}

/// `PUT telemetry` and `PUT logs`.
pub(super) async fn subscribe(
    connection: &mut Connection,
    head: &Head,
    body: &mut Body,
    audience: Audience,
) -> Reply {
    let whole = connection.read_whole(head, body, OTHER_BODY_BYTES_MAX).await;
    let shared = &connection.shared;
    let name = {
        let state = shared.lock();
        match identified(&state, head) {
            Ok(at) => state.extensions[at].name.clone(),
            Err(refusal) => return refusal,
        }
    };
    if shared.telemetry.is_closed() {
        return match audience {
            Audience::Logs => {
                error_reply(403, "Logs.SubscriptionClosed", "Logs API subscription is closed already")
            }
            Audience::Both | Audience::Telemetry => error_reply(
                403,
                "Telemetry.SubscriptionClosed",
                "Telemetry API subscription is closed already",
            ),
        };
    }
    let Whole::Body(body) = whole else {
        return error_reply(400, "ValidationError", "the body is too large or not whole");
    };
    match Subscription::read(&body, audience) {
        Ok(asked) => {
            shared.telemetry.subscribe(&name, asked, shared.clock.now());
            Reply::json(200, "\"OK\"".to_owned())
        }
        Err(error) => error_reply(400, "ValidationError", &error.to_string()),
    }
}

fn not_allowed(from: ExtensionState, to: ExtensionState, name: &str) -> Reply {
    let (from, to) = (from.name(), to.name());
    let message = format!(
        "State transition from {from} to {to} failed for extension {name}. Error: State transition is not allowed"
    );
    error_reply(403, "Extension.InvalidExtensionState", &message)
}
