//! Who may call a route of an HTTP API: tokens by their issuers' keys, functions that decide (with their answers kept
//! for a while), signatures.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use base::Trace;
use base::trace::SpanKind;
use ports::{InvokeCall, InvokeKind, InvokeSource};

use crate::Gateway;
use crate::http::call::HttpCall;
use crate::http::event;
use crate::http::fault::HttpFault;
use crate::jwt::{Demands, JwtError};
use crate::policy::Verdict;
use crate::rest::authorize::{Asked, ask_function, bearer, decision_key, require_signature};
use crate::rest::fault::Fault;
use crate::rest::grant::{Grant, Granted};
use crate::rest::integration::function_in;
use crate::rest::mapping::Source;
use crate::rest::rows::encode;
use crate::rest::uri::Pattern;
use crate::v2::authorizer::AuthorizerRecord;
use crate::v2::route::RouteRecord;

/// What a route asks of its callers, compiled.
#[derive(Debug)]
pub(crate) enum Access {
    Open,
    Signature,
    Token {
        issuer: Arc<TokenAuthorizer>,
        scopes: Vec<String>,
    },
    Function(Arc<FunctionAuthorizer>),
    /// It closes the route; why, for the log.
    Broken(String),
}

#[derive(Debug)]
pub(crate) struct TokenAuthorizer {
    source: Source,
    issuer: String,
    audiences: Vec<String>,
}

#[derive(Debug)]
pub(crate) struct FunctionAuthorizer {
    id: String,
    /// Tells its settings from others: what was decided under those is not its decision.
    settings: u64,
    function: Pattern,
    /// A role calls the function, so that its policy is not asked.
    by_role: bool,
    /// In its event: payload format 2.0, not 1.0.
    pub(crate) is_v2: bool,
    simple: bool,
    sources: Vec<Source>,
    ttl: Duration,
}

/// The authorizers of a deployment, compiled.
#[derive(Debug)]
pub(crate) struct Authorizers {
    by_id: HashMap<String, Compiled>,
}

#[derive(Debug)]
enum Compiled {
    Token(Arc<TokenAuthorizer>),
    Function(Arc<FunctionAuthorizer>),
}

impl Authorizers {
    pub(crate) fn compile(records: &[AuthorizerRecord]) -> Self {
        let compiled = records.iter().filter_map(|record| Some((record.id.clone(), Compiled::new(record)?)));
        Self { by_id: compiled.collect() }
    }

    pub(crate) fn of(&self, route: &RouteRecord) -> Access {
        let named = route.authorizer_id.as_ref().and_then(|id| self.by_id.get(id));
        match (route.authorization_type.as_str(), named) {
            ("NONE", _) => Access::Open,
            ("AWS_IAM", _) => Access::Signature,
            ("JWT", Some(Compiled::Token(issuer))) => Access::Token {
                issuer: Arc::clone(issuer),
                scopes: route.authorization_scopes.clone().unwrap_or_default(),
            },
            ("CUSTOM", Some(Compiled::Function(function))) => Access::Function(Arc::clone(function)),
            (kind, _) => Access::Broken(format!("{kind} without an authorizer that is deployed")),
        }
    }
}

impl Compiled {
    fn new(record: &AuthorizerRecord) -> Option<Self> {
        let mut sources = record.sources(false)?;
        if record.kind == "JWT" {
            let (source, issuer) = (sources.pop()?, record.issuer.clone()?);
            let audiences = record.audiences.clone();
            return Some(Self::Token(Arc::new(TokenAuthorizer { source, issuer, audiences })));
        }
        let mut settings = DefaultHasher::new();
        encode(record).hash(&mut settings);
        Some(Self::Function(Arc::new(FunctionAuthorizer {
            id: record.id.clone(),
            settings: settings.finish(),
            function: Pattern::of_arn(function_in(record.uri.as_deref()?)?),
            by_role: record.credentials_arn.is_some(),
            is_v2: record.payload_format_version.as_deref() == Some("2.0"),
            simple: record.simple_responses == Some(true),
            sources,
            ttl: Duration::from_secs(u64::try_from(record.ttl_s()).unwrap_or(0)),
        })))
    }
}

/// Asks the route's authorizer; what it says of the caller is then known of the call.
pub(crate) async fn authorize(gateway: &Gateway, call: &HttpCall<'_>) -> Result<(), HttpFault> {
    let granted = match &call.route.access {
        Access::Open => return Ok(()),
        Access::Signature => by_signature(call)?,
        Access::Token { issuer, scopes } => by_token(gateway, call, issuer, scopes).await?,
        Access::Function(function) => by_function(gateway, call, function).await?,
        Access::Broken(why) => return Err(HttpFault::Internal(why.clone())),
    };
    call.grant.get_or_init(|| granted);
    Ok(())
}

/// Who a signature says it is of. Its form is checked; there is no secret to verify it with.
fn by_signature(call: &HttpCall<'_>) -> Result<Granted, HttpFault> {
    let signer = require_signature(&call.request).map_err(|_| HttpFault::Forbidden(None))?;
    if signer.account != call.stage.scope.account.to_string() {
        return Err(HttpFault::Forbidden(None));
    }
    Ok(Granted { grant: Arc::new(Grant { signer: Some(signer), ..Grant::default() }), latency_ms: 0 })
}

async fn by_token(
    gateway: &Gateway,
    call: &HttpCall<'_>,
    authorizer: &TokenAuthorizer,
    scopes: &[String],
) -> Result<Granted, HttpFault> {
    let given = call.value(&authorizer.source).unwrap_or_default();
    let token = bearer(&given);
    if token.is_empty() {
        return Err(HttpFault::Unauthorized(Some("Bearer".to_owned())));
    }
    let (source, issuers) = gateway.issuer_keys(&authorizer.issuer);
    let demands = Demands { issuers: &issuers, audiences: &authorizer.audiences, scopes, algorithms: &[] };
    let verified =
        gateway.issuers.verify((&gateway.backends, &gateway.clock), &source, token, &demands).await;
    let error = match verified {
        Ok(claims) => {
            let grant = Arc::new(Grant::of_token(&claims, !scopes.is_empty()));
            return Ok(Granted { grant, latency_ms: 0 });
        }
        Err(error) => error,
    };
    let told = |kind: &str, why: &str| {
        Some(format!(r#"Bearer scope="{}" error="{kind}" error_description="{why}""#, scopes.join(" ")))
    };
    match error {
        JwtError::Scope => Err(HttpFault::Forbidden(told("insufficient_scope", &error.to_string()))),
        JwtError::Keys(_) => {
            tracing::warn!(issuer = %authorizer.issuer, %error, "the keys of tokens");
            Err(HttpFault::Unauthorized(told("invalid_token", "OIDC discovery endpoint communication error")))
        }
        _ => Err(HttpFault::Unauthorized(told("invalid_token", &error.to_string()))),
    }
}

async fn by_function(
    gateway: &Gateway,
    call: &HttpCall<'_>,
    authorizer: &FunctionAuthorizer,
) -> Result<Granted, HttpFault> {
    let identity = authorizer.identity(call)?;
    let place = (call.stage.api_id.as_str(), call.stage.name.as_str());
    let key = (!authorizer.ttl.is_zero()).then(|| {
        let id = format!("{}@{}.{:x}", authorizer.id, call.stage.decided_since_ms, authorizer.settings);
        decision_key(place, &id, &identity)
    });
    let now = gateway.clock.now();
    let granted = match key.as_deref().and_then(|key| gateway.decisions.find(key, now)) {
        Some(grant) => Granted { grant, latency_ms: 0 },
        None => {
            let grant = Arc::new(authorizer.ask(gateway, call, &identity).await?);
            let done = gateway.clock.now();
            if let Some(key) = key {
                gateway.decisions.keep(key, &grant, done, authorizer.ttl);
            }
            let latency_ms = i64::try_from(done.since(now).as_millis()).unwrap_or(i64::MAX);
            Granted { grant, latency_ms }
        }
    };
    let asked = Asked { request: &call.request, scope: &call.stage.scope, arn: call.route_arn() };
    let allowed = match (&granted.grant.policy, granted.grant.allowed) {
        (Some(policy), _) => asked.of(gateway, policy, &[]) == Verdict::Allow,
        (None, allowed) => allowed == Some(true),
    };
    if allowed { Ok(granted) } else { Err(HttpFault::Forbidden(None)) }
}

impl FunctionAuthorizer {
    /// The values of the identity sources: all are there, or nobody is asked.
    fn identity(&self, call: &HttpCall<'_>) -> Result<Vec<String>, HttpFault> {
        let values = self.sources.iter().map(|source| {
            let value = call.value(source).filter(|value| !value.is_empty());
            value.ok_or(HttpFault::Unauthorized(None))
        });
        values.collect()
    }

    async fn ask(
        &self,
        gateway: &Gateway,
        call: &HttpCall<'_>,
        identity: &[String],
    ) -> Result<Grant, HttpFault> {
        let internal = |fault: Fault| HttpFault::Internal(fault.to_string());
        let function = self.function.fill(&call.stage.variables, |_| None).map_err(internal)?;
        let source = InvokeSource {
            service: "apigateway.amazonaws.com",
            source_arn: format!("{}/authorizers/{}", call.api_arn(), self.id),
        };
        let span = call.ticket.trace.span(SpanKind::Authorizer, "Authorizer");
        span.set("authorizer", self.id.clone());
        let invocation = InvokeCall {
            scope: call.stage.scope.clone(),
            function,
            payload: event::authorizer(call, self.is_v2, identity),
            kind: InvokeKind::RequestResponse,
            source: (!self.by_role).then_some(source),
            request_id: call.ticket.request_id,
            trace: Trace::clone(&span),
        };
        let answer = ask_function(gateway, invocation).await.map_err(|fault| match fault {
            Fault::Unauthorized => HttpFault::Unauthorized(None),
            other => HttpFault::Internal(other.to_string()),
        })?;
        let grant = Grant::parse_http(&answer, self.simple);
        grant.map_err(|error| HttpFault::Internal(format!("the authorizer's answer: {error}")))
    }
}
