//! What the server says when it does not hand a request on: each sentence names what it looked at and the way out.

use http::request::Parts;
use sigv4::SignatureError;

use crate::Service;
use crate::answer::{Envelope, Refusal, Reply};
use crate::body::BodyError;
use crate::chain::Exchange;
use crate::route::{FormError, Route};

pub(crate) fn signature(exchange: &Exchange, error: &SignatureError) -> Reply {
    // The JSON services answer 400, the others 403. The query protocol's codes have no `Exception`.
    let status = if exchange.envelope == Envelope::Json { 400 } else { 403 };
    Refusal { status, code: error.code(), message: &error.to_string() }.reply(exchange.envelope, exchange.id)
}

pub(crate) fn uncertified(exchange: &Exchange, route: &Route, host: &str) -> Reply {
    let message = match route {
        Route::Stage | Route::FunctionUrl => "Forbidden".to_owned(),
        _ => format!("Clients of {host:?} must come by TLS, ask for that name and show a certificate."),
    };
    Refusal { status: 403, code: "Forbidden", message: &message }.reply(exchange.envelope, exchange.id)
}

pub(crate) fn foreign_page(exchange: &Exchange, origin: &str) -> Reply {
    let message = format!(
        "Web pages of {origin:?} may not call this server. Pages of localhost may; stage URLs are open to every page \
         that their API allows."
    );
    Refusal { status: 403, code: "AccessDenied", message: &message }.reply(exchange.envelope, exchange.id)
}

pub(crate) fn foreign_name(exchange: &Exchange, host: &str) -> Reply {
    let message = format!(
        "This server answers as localhost, 127.0.0.1 and the like, not as {host:?}: a web page of that name could read it. \
         If the name is yours, start with --names and it."
    );
    Refusal { status: 403, code: "AccessDenied", message: &message }.reply(exchange.envelope, exchange.id)
}

pub(crate) fn body(exchange: &Exchange, route: &Route, error: &BodyError) -> Reply {
    let stage = matches!(route, Route::Stage | Route::FunctionUrl);
    let (status, code, message) = match error {
        BodyError::TooLarge { .. } if stage => (413, "RequestTooLarge", "Request Too Long".to_owned()),
        BodyError::TooLarge { bytes_max } => {
            (413, "RequestEntityTooLarge", format!("Request must be smaller than {bytes_max} bytes"))
        }
        BodyError::Slow => {
            (408, "RequestTimeout", "The body of the request did not arrive in time".to_owned())
        }
        BodyError::Crowded if stage => (503, "ServiceUnavailable", "Service Unavailable".to_owned()),
        BodyError::Crowded => {
            let message =
                "The bodies of other requests take all the memory that bodies may. Try again later.";
            (503, "ServiceUnavailable", message.to_owned())
        }
        BodyError::Broken => (400, "BadRequest", "The body of the request could not be read".to_owned()),
    };
    Refusal { status, code, message: &message }.reply(exchange.envelope, exchange.id).closing()
}

pub(crate) fn bare_line_feed(exchange: &Exchange) -> Reply {
    let message = "A line of the request's head ends in a line feed alone; they end in CR LF.";
    Refusal { status: 400, code: "BadRequest", message }.reply(exchange.envelope, exchange.id).closing()
}

pub(crate) fn crowded(exchange: &Exchange) -> Reply {
    let message = "There are as many WebSockets as this server may have.";
    Refusal { status: 503, code: "ServiceUnavailable", message }.reply(exchange.envelope, exchange.id)
}

pub(crate) fn unserved(exchange: &Exchange, name: &str) -> Reply {
    let here = Service::ALL.map(Service::name).join(", ");
    let message = format!("Rushlight does not serve {name:?}. It serves {here}.");
    Refusal { status: 501, code: "NotImplemented", message: &message }.reply(exchange.envelope, exchange.id)
}

pub(crate) fn form(exchange: &Exchange, error: &FormError, host: &str) -> Reply {
    let (action, version) = (&error.action, &error.version);
    let message = format!(
        "Could not find operation {} for version {} (host {host:?}). Served in the query protocol: sts, version 2011-06-15.",
        action.as_deref().unwrap_or("(no Action)"),
        version.as_deref().unwrap_or("NO_VERSION_SPECIFIED"),
    );
    Refusal { status: 400, code: "InvalidAction", message: &message }.reply(exchange.envelope, exchange.id)
}

/// Nothing in the request says for whom it is: the answer lists what was looked at.
pub(crate) fn unknown(exchange: &Exchange, head: &Parts, host: &str) -> Reply {
    let target = head.headers.get("x-amz-target").and_then(|value| value.to_str().ok());
    let message = format!(
        "No service found for {} {}: looked at host {host:?}, path, X-Amz-Target ({}), the service in the signature's \
         scope ({}) and Action in query and form (none). Stage URLs are \
         /restapis/API/STAGE/_user_request_/PATH, /_aws/execute-api/API/STAGE/PATH and API.execute-api.ANYTHING/STAGE/PATH; \
         function URLs are /_aws/lambda-url/ID/PATH and ID.lambda-url.ANYTHING/PATH.",
        head.method,
        head.uri.path(),
        target.unwrap_or("none"),
        if head.headers.contains_key(http::header::AUTHORIZATION) {
            "names none of ours"
        } else {
            "not signed"
        },
    );
    Refusal { status: 404, code: "UnknownOperation", message: &message }.reply(exchange.envelope, exchange.id)
}
