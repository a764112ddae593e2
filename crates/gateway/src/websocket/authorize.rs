//! Who may connect to a WebSocket API: functions that decide and signatures. Asked once, at the handshake; what was found
//! out stays with the connection. Answers are not kept, as on AWS.
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-lambda-auth.html>

use std::sync::Arc;

use base::Trace;
use base::trace::SpanKind;
use bytes::Bytes;
use ports::{InvokeCall, InvokeKind, InvokeSource};
use vtl::JavaRegex;
use wire::json::Writer;

use crate::policy::Verdict;
use crate::rest::authorize::{Asked, ask_function, require_signature};
use crate::rest::event::{event_entries, query_entries, text, write_maps};
use crate::rest::fault::Fault;
use crate::rest::grant::{Grant, Granted};
use crate::rest::heavy;
use crate::rest::integration::function_in;
use crate::rest::mapping::Source;
use crate::rest::uri::Pattern;
use crate::v2::authorizer::AuthorizerRecord;
use crate::v2::route::RouteRecord;
use crate::websocket::context::Turn;
use crate::websocket::event;
use crate::websocket::program::Route;
use crate::{Gateway, StageRequest};

/// What a route asks of who connects, compiled.
#[derive(Debug)]
pub(crate) enum Access {
    Open,
    Signature,
    Function(Box<Authorizer>),
    /// It closes the API; why, for the log.
    Broken(String),
}

#[derive(Debug)]
pub(crate) struct Authorizer {
    id: String,
    function: Pattern,
    /// A role calls the function, so that its policy is not asked.
    by_role: bool,
    sources: Vec<Source>,
    validation: Option<JavaRegex>,
}

impl Access {
    pub(crate) fn compile(route: &RouteRecord, authorizers: &[AuthorizerRecord]) -> Self {
        let named = authorizers.iter().find(|known| Some(&known.id) == route.authorizer_id.as_ref());
        match (route.authorization_type.as_str(), named.and_then(Authorizer::compile)) {
            ("NONE", _) => Self::Open,
            ("AWS_IAM", _) => Self::Signature,
            ("CUSTOM", Some(authorizer)) => Self::Function(Box::new(authorizer)),
            (kind, _) => Self::Broken(format!("{kind} without an authorizer that is deployed")),
        }
    }
}

impl Authorizer {
    fn compile(record: &AuthorizerRecord) -> Option<Self> {
        let validation = match &record.validation {
            Some(pattern) => Some(JavaRegex::new(pattern).ok()?),
            None => None,
        };
        Some(Self {
            id: record.id.clone(),
            function: Pattern::of_arn(function_in(record.uri.as_deref()?)?),
            by_role: record.credentials_arn.is_some(),
            sources: record.sources(true)?,
            validation,
        })
    }

    /// All values of the identity sources are there and of the right form, or nobody is asked.
    fn require_identity(&self, turn: &Turn<'_>) -> Result<(), Fault> {
        for (at, source) in self.sources.iter().enumerate() {
            let value = turn.values(source).into_iter().next().filter(|value| !value.is_empty());
            let value = value.ok_or(Fault::Unauthorized)?;
            let pattern = self.validation.as_ref().filter(|_| at == 0);
            if pattern.is_some_and(|pattern| !heavy::is_match(pattern, &value).unwrap_or(false)) {
                return Err(Fault::Unauthorized);
            }
        }
        Ok(())
    }

    async fn ask(&self, gateway: &Gateway, turn: &Turn<'_>, payload: Bytes) -> Result<Grant, Fault> {
        let (api, _) = turn
            .stage
            .arn()
            .rsplit_once('/')
            .map_or_else(Default::default, |(api, name)| (api.to_owned(), name.to_owned()));
        let source = InvokeSource {
            service: "apigateway.amazonaws.com",
            source_arn: format!("{api}/authorizers/{}", self.id),
        };
        let span = turn.trace.span(SpanKind::Authorizer, "Authorizer");
        span.set("authorizer", self.id.clone());
        let invocation = InvokeCall {
            scope: turn.stage.scope.clone(),
            function: self.function.fill(&turn.stage.variables, |_| None)?,
            payload,
            kind: InvokeKind::RequestResponse,
            source: (!self.by_role).then_some(source),
            request_id: turn.invocation_id,
            trace: Trace::clone(&span),
        };
        let answer = ask_function(gateway, invocation).await?;
        Grant::parse(&answer).map_err(|error| Fault::Authorizer(format!("the authorizer's answer: {error}")))
    }
}

/// Asks the route's authorizer; what it says is then known of the peer.
pub(crate) async fn authorize(
    gateway: &Gateway,
    turn: &Turn<'_>,
    route: &Route,
    request: &StageRequest,
) -> Result<(), Fault> {
    let asked =
        Asked { request, scope: &turn.stage.scope, arn: format!("{}/{}", turn.stage.arn(), turn.route_key) };
    let granted = match &route.access {
        Access::Open => return Ok(()),
        Access::Broken(why) => return Err(Fault::Authorizer(why.clone())),
        Access::Signature => by_signature(request, &asked)?,
        Access::Function(authorizer) => {
            authorizer.require_identity(turn)?;
            let before = gateway.clock.now();
            let grant = authorizer.ask(gateway, turn, write_event(turn, request, &asked.arn)).await?;
            judge(gateway, &asked, &grant)?;
            let latency_ms = i64::try_from(gateway.clock.now().since(before).as_millis()).unwrap_or(i64::MAX);
            Granted { grant: Arc::new(grant), latency_ms }
        }
    };
    turn.peer.grant.get_or_init(|| Arc::new(granted));
    Ok(())
}

fn judge(gateway: &Gateway, asked: &Asked<'_>, grant: &Grant) -> Result<(), Fault> {
    let refused = "User is not authorized to access this resource";
    match grant.policy.as_ref().map(|policy| asked.of(gateway, policy, &[])) {
        Some(Verdict::Allow) => Ok(()),
        Some(Verdict::ExplicitDeny) => Err(Fault::AccessDenied(format!("{refused} with an explicit deny"))),
        _ => Err(Fault::AccessDenied(refused.to_owned())),
    }
}

/// Who signs as the API's own account may connect.
fn by_signature(request: &StageRequest, asked: &Asked<'_>) -> Result<Granted, Fault> {
    let signer = require_signature(request)?;
    if signer.account != asked.scope.account.to_string() {
        let (who, arn) = (&signer.arn, &asked.arn);
        return Err(Fault::AccessDenied(format!(
            "User: {who} is not authorized to perform: execute-api:Invoke on resource: {arn}"
        )));
    }
    Ok(Granted { grant: Arc::new(Grant { signer: Some(signer), ..Grant::default() }), latency_ms: 0 })
}

fn write_event(turn: &Turn<'_>, request: &StageRequest, arn: &str) -> Bytes {
    let mut w = Writer::with_capacity(1024);
    w.begin_object();
    text(&mut w, "type", "REQUEST");
    text(&mut w, "methodArn", arn);
    write_maps(&mut w, ["headers", "multiValueHeaders"], &event_entries(request, &turn.trace));
    let query = query_entries(&request.query);
    let keys = ["queryStringParameters", "multiValueQueryStringParameters"];
    if query.is_empty() {
        // Empty here, where events of integrations leave them out.
        for key in keys {
            w.key(key);
            w.begin_object();
            w.end_object();
        }
    } else {
        write_maps(&mut w, keys, &query);
    }
    w.key("stageVariables");
    w.begin_object();
    turn.stage.variables.iter().for_each(|(name, value)| text(&mut w, name, value));
    w.end_object();
    event::write_context(&mut w, turn);
    w.end_object();
    w.into_bytes()
}
