//! Who may call: the phase between the route and the integration. Signatures, functions that decide (with their
//! answers kept for a while), user pools by their keys, and the policy of the API itself.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base::trace::SpanKind;
use base::{Scope, Timestamp, Trace};
use bytes::Bytes;
use percent_encoding::percent_decode_str;
use ports::{InvokeCall, InvokeError, InvokeKind, InvokeSource};
use vtl::JavaRegex;
use wire::json::{Reader, Writer};

use crate::jwt::{Claim, Claims, Demands, JwtError, KeySource, claimed_issuer};
use crate::policy::{Policy, Question, Verdict};
use crate::rest::authorizer::{AuthorizerRecord, ClaimRecord, JwtRecord, TTL_DEFAULT, pool_of};
use crate::rest::call::{Call, Visit};
use crate::rest::event;
use crate::rest::fault::Fault;
use crate::rest::grant::{Grant, Granted, Signer};
use crate::rest::heavy;
use crate::rest::integration::function_in;
use crate::rest::lambda::within;
use crate::rest::mapping::Source;
use crate::rest::records::MethodRecord;
use crate::rest::uri::Pattern;
use crate::steps::blame;
use crate::{Gateway, StageRequest};

const ACTION: &str = "execute-api:Invoke";
const TIMEOUT: Duration = Duration::from_secs(29);
/// Answers that are kept, of all APIs together.
const KEPT_MAX: usize = 10_000;

/// What a method asks of its callers, compiled.
#[derive(Debug)]
pub(crate) enum Authorization {
    None,
    Signature,
    Lambda(Arc<LambdaAuthorizer>),
    Pools {
        pools: Arc<Pools>,
        scopes: Vec<String>,
    },
    Tokens {
        tokens: Arc<Tokens>,
        scopes: Vec<String>,
    },
    /// It closes the method; why, for the log.
    Broken(String),
}

#[derive(Debug)]
pub(crate) struct LambdaAuthorizer {
    pub(crate) id: String,
    /// TOKEN, not REQUEST.
    pub(crate) is_token: bool,
    function: Pattern,
    /// A role calls the function, so that its policy is not asked.
    by_role: bool,
    sources: Vec<Source>,
    validation: Option<JavaRegex>,
    ttl: Duration,
}

#[derive(Debug)]
pub(crate) struct Pools {
    source: Source,
    /// Region and id.
    pools: Vec<(String, String)>,
}

/// Whose tokens a JWT authorizer takes.
#[derive(Debug)]
pub(crate) struct Tokens {
    source: Source,
    jwt: JwtRecord,
}

/// The authorizers of a deployment, compiled.
#[derive(Debug, Default)]
pub(crate) struct Authorizers {
    by_id: HashMap<String, Compiled>,
}

#[derive(Debug)]
enum Compiled {
    Lambda(Arc<LambdaAuthorizer>),
    Pools(Arc<Pools>),
    Tokens(Arc<Tokens>),
}

impl Authorizers {
    pub(crate) fn compile(records: &[AuthorizerRecord]) -> Self {
        let compiled =
            records.iter().filter_map(|record| Some((record.id.clone(), Compiled::compile(record)?)));
        Self { by_id: compiled.collect() }
    }

    pub(crate) fn of(&self, method: &MethodRecord) -> Authorization {
        let named = method.authorizer_id.as_ref().and_then(|id| self.by_id.get(id));
        match (method.authorization_type.as_str(), named) {
            ("NONE", _) => Authorization::None,
            ("AWS_IAM", _) => Authorization::Signature,
            ("CUSTOM", Some(Compiled::Lambda(lambda))) => Authorization::Lambda(Arc::clone(lambda)),
            ("COGNITO_USER_POOLS", Some(Compiled::Pools(pools))) => {
                Authorization::Pools { pools: Arc::clone(pools), scopes: method.authorization_scopes.clone() }
            }
            ("JWT", Some(Compiled::Tokens(tokens))) => Authorization::Tokens {
                tokens: Arc::clone(tokens),
                scopes: method.authorization_scopes.clone(),
            },
            (kind, _) => Authorization::Broken(format!("{kind} without an authorizer that is deployed")),
        }
    }
}

impl Compiled {
    fn compile(record: &AuthorizerRecord) -> Option<Self> {
        let mut sources = record.sources()?;
        if record.kind == "COGNITO_USER_POOLS" {
            let pools = record.provider_arns.iter().filter_map(|arn| pool_of(arn));
            let pools = pools.map(|(region, pool)| (region.to_owned(), pool.to_owned())).collect();
            return Some(Self::Pools(Arc::new(Pools { source: sources.pop()?, pools })));
        }
        if record.kind == "JWT" {
            return Some(Self::Tokens(Arc::new(Tokens { source: sources.pop()?, jwt: record.jwt.clone()? })));
        }
        Some(Self::Lambda(Arc::new(LambdaAuthorizer::compile(record, sources)?)))
    }
}

impl LambdaAuthorizer {
    fn compile(record: &AuthorizerRecord, sources: Vec<Source>) -> Option<Self> {
        let validation = match &record.validation {
            Some(pattern) => Some(JavaRegex::new(pattern).ok()?),
            None => None,
        };
        Some(Self {
            id: record.id.clone(),
            is_token: record.kind == "TOKEN",
            function: Pattern::of_arn(function_in(record.uri.as_deref()?)?),
            by_role: record.credentials.is_some(),
            sources,
            validation,
            ttl: Duration::from_secs(u64::try_from(record.ttl_s.unwrap_or(TTL_DEFAULT)).unwrap_or(0)),
        })
    }
}

/// What functions answered, by stage, authorizer and identity.
#[derive(Debug, Default)]
pub(crate) struct Decisions {
    kept: Mutex<HashMap<String, Kept>>,
}

#[derive(Debug)]
struct Kept {
    grant: Arc<Grant>,
    until: Timestamp,
}

impl Decisions {
    pub(crate) fn find(&self, key: &str, now: Timestamp) -> Option<Arc<Grant>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(key).filter(|kept| now < kept.until).map(|kept| Arc::clone(&kept.grant))
    }

    pub(crate) fn keep(&self, key: String, grant: &Arc<Grant>, now: Timestamp, ttl: Duration) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT_MAX {
            kept.retain(|_, kept| now < kept.until);
        }
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        kept.insert(key, Kept { grant: Arc::clone(grant), until: now.plus(ttl) });
    }

    /// Forgets what was decided for all stages of an API.
    pub(crate) fn flush_api(&self, api_id: &str) {
        let prefix = format!("{api_id}/");
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).retain(|key, _| !key.starts_with(&prefix));
    }

    /// Forgets what was decided for a stage.
    pub(crate) fn flush(&self, api_id: &str, stage: &str) {
        let prefix = stage_prefix(api_id, stage);
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).retain(|key, _| !key.starts_with(&prefix));
    }
}

/// By what an authorizer's answer is kept: each value with its length before it, so that no two identities are one.
pub(crate) fn decision_key(
    (api_id, stage): (&str, &str),
    authorizer_id: &str,
    identity: &[String],
) -> String {
    let mut key = stage_prefix(api_id, stage);
    key.push_str(authorizer_id);
    for value in identity {
        let _ = write!(key, "/{}:{value}", value.len());
    }
    key
}

/// Neither an id nor a stage's name has a slash.
fn stage_prefix(api_id: &str, stage: &str) -> String {
    format!("{api_id}/{stage}/")
}

/// What the API's own policy says, before anything else is asked; fails if that ends it.
pub(crate) fn judge(gateway: &Gateway, visit: &Visit<'_>) -> Result<Option<Verdict>, Fault> {
    let policy = match &visit.release.program.policy {
        None => return Ok(None),
        Some(Err(why)) => return Err(Fault::Configuration(format!("the API's policy: {why}"))),
        Some(Ok(policy)) => policy,
    };
    let signer = signer(visit);
    let caller =
        signer.as_ref().map_or_else(Vec::new, |signer| vec![signer.arn.clone(), signer.account.clone()]);
    let verdict = ask(gateway, visit, policy, &caller);
    if verdict == Verdict::ExplicitDeny {
        return Err(refused_by_policy(visit, verdict));
    }
    Ok(Some(verdict))
}

fn refused_by_policy(visit: &Visit<'_>, verdict: Verdict) -> Fault {
    let caller = signer(visit).map_or_else(|| "anonymous".to_owned(), |signer| signer.arn);
    let arn = method_arn(visit);
    let masked = match visit.stage.scope.account.to_string() {
        account if account.len() == 12 => arn.replacen(&account, &format!("********{}", &account[8..]), 1),
        _ => arn,
    };
    let suffix = if verdict == Verdict::ExplicitDeny { " with an explicit deny" } else { "" };
    Fault::AccessDenied(format!(
        "User: {caller} is not authorized to perform: {ACTION} on resource: {masked}{suffix}"
    ))
}

/// Asks the method's authorizer. `judged` is what the API's policy says.
pub(crate) async fn authorize(
    gateway: &Gateway,
    call: &Call<'_>,
    judged: Option<Verdict>,
) -> Result<(), Fault> {
    let signed = match &call.method.authorization {
        Authorization::Signature => Some(require_signature(call.request)?),
        _ => None,
    };
    // A signer of the API's own account needs no policy; everybody else one that lets them in, if there is one.
    let is_own = signed.as_ref().is_some_and(|signer| signer.account == call.stage.scope.account.to_string());
    match judged {
        Some(verdict) if verdict != Verdict::Allow && !is_own => {
            return Err(refused_by_policy(call, verdict));
        }
        None if signed.is_some() && !is_own => return Err(refused_by_policy(call, Verdict::ImplicitDeny)),
        _ => {}
    }
    let granted = match &call.method.authorization {
        Authorization::None => return Ok(()),
        Authorization::Signature => {
            Granted { grant: Arc::new(Grant { signer: signed, ..Grant::default() }), latency_ms: 0 }
        }
        Authorization::Lambda(authorizer) => by_lambda(gateway, call, authorizer).await?,
        Authorization::Pools { pools, scopes } => by_pools(gateway, call, pools, scopes).await?,
        Authorization::Tokens { tokens, scopes } => by_token(gateway, call, tokens, scopes).await?,
        Authorization::Broken(why) => return Err(Fault::Authorizer(why.clone())),
    };
    call.grant.get_or_init(|| granted);
    Ok(())
}

/// Asks the method's authorizer anew, whatever was decided before, and whatever its policy then says of the method;
/// what was done goes into `log`.
pub(crate) async fn try_out(
    gateway: &Gateway,
    call: &Call<'_>,
    log: &mut Vec<String>,
) -> Result<Arc<Grant>, Fault> {
    match &call.method.authorization {
        Authorization::Lambda(authorizer) => {
            let identity = authorizer.identity(call)?;
            log.extend(identity.iter().map(|value| format!("Incoming identity: {}", masked(value))));
            let payload = authorizer.event(call, &identity);
            log.push(format!(
                "Endpoint request body after transformations: {}",
                String::from_utf8_lossy(&payload)
            ));
            let grant = authorizer.ask(gateway, call, payload).await?;
            let principal = masked(grant.principal_id.as_deref().unwrap_or_default());
            log.push(format!("Using valid authorizer policy for principal: {principal}"));
            Ok(Arc::new(grant))
        }
        Authorization::Pools { pools, scopes } => Ok(by_pools(gateway, call, pools, scopes).await?.grant),
        Authorization::Tokens { tokens, scopes } => Ok(by_token(gateway, call, tokens, scopes).await?.grant),
        Authorization::None | Authorization::Signature => Err(Fault::Authorizer("there is none".to_owned())),
        Authorization::Broken(why) => Err(Fault::Authorizer(why.clone())),
    }
}

/// All but the last two characters hidden, as AWS's logs show who somebody is.
fn masked(text: &str) -> String {
    let shown = text.chars().count().saturating_sub(2);
    text.chars().enumerate().map(|(at, c)| if at < shown { '*' } else { c }).collect()
}

/// Who signed the request for this service.
pub(crate) fn require_signature(request: &StageRequest) -> Result<Signer, Fault> {
    match &request.signature {
        Ok(Some(signer)) if signer.service == "execute-api" => Ok(signer_of(signer)),
        Ok(Some(signer)) => Err(Fault::Signature {
            code: "InvalidSignatureException",
            message: format!(
                "Credential should be scoped to correct service: 'execute-api', got '{}'",
                signer.service
            ),
        }),
        Ok(None) => Err(Fault::MissingAuthenticationToken),
        Err(error) => Err(Fault::Signature { code: error.exception(), message: error.to_string() }),
    }
}

fn signer(visit: &Visit<'_>) -> Option<Signer> {
    let signer = visit.request.signature.as_ref().ok()?.as_ref()?;
    (signer.service == "execute-api").then(|| signer_of(signer))
}

fn signer_of(signer: &sigv4::Signer) -> Signer {
    Signer {
        arn: format!("arn:{}:iam::{}:root", signer.region.partition(), signer.account),
        account: signer.account.to_string(),
        access_key: signer.access_key.clone(),
    }
}

async fn by_lambda(
    gateway: &Gateway,
    call: &Call<'_>,
    authorizer: &LambdaAuthorizer,
) -> Result<Granted, Fault> {
    let identity = authorizer.identity(call)?;
    let key = (!authorizer.ttl.is_zero()).then(|| {
        let id = format!("{}@{}", authorizer.id, call.stage.kept_since.decisions_ms);
        decision_key((&call.stage.api_id, &call.stage.name), &id, &identity)
    });
    let now = gateway.clock.now();
    let kept = key.as_deref().and_then(|key| gateway.decisions.find(key, now));
    let granted = match kept {
        Some(grant) => Granted { grant, latency_ms: 0 },
        None => {
            let payload = authorizer.event(call, &identity);
            let grant = Arc::new(authorizer.ask(gateway, call, payload).await?);
            let done = gateway.clock.now();
            if let Some(key) = key {
                gateway.decisions.keep(key, &grant, done, authorizer.ttl);
            }
            let latency_ms = i64::try_from(done.since(now).as_millis()).unwrap_or(i64::MAX);
            Granted { grant, latency_ms }
        }
    };
    match granted.grant.policy.as_ref().map(|policy| ask(gateway, call, policy, &[])) {
        Some(Verdict::Allow) => Ok(granted),
        Some(Verdict::ExplicitDeny) => Err(Fault::AccessDenied(
            "User is not authorized to access this resource with an explicit deny".to_owned(),
        )),
        _ => Err(Fault::AccessDenied("User is not authorized to access this resource".to_owned())),
    }
}

impl LambdaAuthorizer {
    /// The values of the identity sources: all are there, or nobody is asked.
    fn identity(&self, call: &Call<'_>) -> Result<Vec<String>, Fault> {
        let values = self.sources.iter().map(|source| {
            let value = call.values(source).into_iter().next().filter(|value| !value.is_empty());
            value.ok_or(Fault::Unauthorized)
        });
        let values: Vec<String> = values.collect::<Result<_, _>>()?;
        if let (Some(pattern), Some(token)) = (&self.validation, values.first())
            && !heavy::is_match(pattern, token).unwrap_or(false)
        {
            return Err(Fault::Unauthorized);
        }
        Ok(values)
    }

    fn event(&self, call: &Call<'_>, identity: &[String]) -> Bytes {
        let arn = method_arn(call);
        if !self.is_token {
            return event::authorizer(call, &arn);
        }
        token_event(&arn, identity.first().map_or("", String::as_str))
    }

    async fn ask(&self, gateway: &Gateway, call: &Call<'_>, payload: Bytes) -> Result<Grant, Fault> {
        let function = self.function.fill(&call.release.variables, |_| None)?;
        let scope = &call.stage.scope;
        let source = InvokeSource {
            service: "apigateway.amazonaws.com",
            source_arn: format!("{}/authorizers/{}", call.api_arn(), self.id),
        };
        let span = call.ticket.trace.span(SpanKind::Authorizer, "Authorizer");
        span.set("authorizer", self.id.clone());
        let invocation = InvokeCall {
            scope: scope.clone(),
            function,
            payload,
            kind: InvokeKind::RequestResponse,
            source: (!self.by_role).then_some(source),
            request_id: call.ticket.request_id,
            trace: Trace::clone(&span),
        };
        let answer = ask_function(gateway, invocation).await.inspect_err(|fault| blame(&span, fault))?;
        Grant::parse(&answer).map_err(|error| Fault::Authorizer(format!("the authorizer's answer: {error}")))
    }
}

/// What an authorizer's function answers.
pub(crate) async fn ask_function(gateway: &Gateway, invocation: InvokeCall) -> Result<Bytes, Fault> {
    let done = within(&gateway.clock, TIMEOUT, gateway.invoke.invoke(invocation)).await;
    let done =
        done.map_err(|_| Fault::AuthorizerFailure("the authorizer's function took too long".to_owned()))?;
    let reply = done.map_err(|error| match error {
        InvokeError::Throttled(_) | InvokeError::Unavailable(_) | InvokeError::Internal(_) => {
            Fault::AuthorizerFailure(error.to_string())
        }
        _ => Fault::Authorizer(error.to_string()),
    })?;
    if reply.function_error.is_none() {
        return Ok(reply.payload);
    }
    Err(match error_message(&reply.payload).as_deref() {
        Some("Unauthorized") => Fault::Unauthorized,
        _ => Fault::Authorizer(format!(
            "the authorizer's function failed: {}",
            String::from_utf8_lossy(&reply.payload)
        )),
    })
}

fn token_event(arn: &str, token: &str) -> Bytes {
    let mut w = Writer::new();
    w.begin_object();
    for (key, value) in [("type", "TOKEN"), ("methodArn", arn), ("authorizationToken", token)] {
        w.key(key);
        w.string(value);
    }
    w.end_object();
    w.into_bytes()
}

fn error_message(payload: &[u8]) -> Option<String> {
    let mut reader = Reader::new(payload, 32).ok()?;
    reader.begin_object().ok()?;
    while let Some(key) = reader.next_key().ok()? {
        if key == "errorMessage" {
            return reader.string().ok().map(std::borrow::Cow::into_owned);
        }
        reader.skip().ok()?;
    }
    None
}

async fn by_pools(
    gateway: &Gateway,
    call: &Call<'_>,
    pools: &Pools,
    scopes: &[String],
) -> Result<Granted, Fault> {
    let given = call.values(&pools.source).into_iter().next().unwrap_or_default();
    let token = bearer(&given);
    let mut refused = Fault::Unauthorized;
    for (region, pool) in &pools.pools {
        let (source, issuers) = gateway.pool_issuers(region, pool);
        let demands = Demands { issuers: &issuers, audiences: &[], scopes, algorithms: &[] };
        match gateway.issuers.verify((&gateway.backends, &gateway.clock), &source, token, &demands).await {
            // Scopes are what access tokens are for; without them who somebody is, is asked.
            Ok(claims) if scopes.is_empty() && claims.text("token_use") == Some("access") => {}
            Ok(claims) => {
                return Ok(Granted { grant: Arc::new(Grant::of_claims(&claims)), latency_ms: 0 });
            }
            Err(JwtError::Expired) => refused = Fault::TokenExpired,
            Err(error @ JwtError::Keys(_)) => tracing::warn!(%pool, %error, "a user pool's keys"),
            Err(error) => tracing::debug!(%pool, %error, "a token was refused"),
        }
    }
    Err(refused)
}

/// A token with or without the word before it.
pub(crate) fn bearer(given: &str) -> &str {
    let is_bearer = given.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer "));
    if is_bearer { given[7..].trim() } else { given.trim() }
}

/// By a JWT authorizer.
/// Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/rest-api-jwt-authorizer.html>
async fn by_token(
    gateway: &Gateway,
    call: &Call<'_>,
    Tokens { source, jwt }: &Tokens,
    scopes: &[String],
) -> Result<Granted, Fault> {
    let given = call.values(source).into_iter().next().unwrap_or_default();
    let token = bearer(&given);
    let issuer = match &jwt.issuers[..] {
        [only] => Some(only),
        several => {
            let claimed = claimed_issuer(token).map_err(|_| Fault::Unauthorized)?;
            several.iter().find(|known| gateway.issuer_keys(&known.issuer).1.contains(&claimed))
        }
    };
    let issuer = issuer.ok_or(Fault::Unauthorized)?;
    let (keys, names) = gateway.issuer_keys(&issuer.issuer);
    let demands =
        Demands { issuers: &names, audiences: &issuer.audiences, scopes, algorithms: &jwt.algorithms };
    let verified = gateway.issuers.verify((&gateway.backends, &gateway.clock), &keys, token, &demands).await;
    match verified {
        Ok(claims) if issuer.claims.iter().all(|demand| says(&claims, demand)) => {
            Ok(Granted { grant: Arc::new(Grant::of_json_claims(&claims)), latency_ms: 0 })
        }
        Ok(_) => Err(Fault::Unauthorized),
        Err(JwtError::Expired) => Err(Fault::TokenExpired),
        Err(JwtError::Scope) => Err(Fault::Forbidden),
        Err(error) => {
            if let JwtError::Keys(_) = error {
                tracing::warn!(issuer = %issuer.issuer, %error, "the keys of tokens");
            } else {
                tracing::debug!(issuer = %issuer.issuer, %error, "a token was refused");
            }
            Err(Fault::Unauthorized)
        }
    }
}

/// Whether a token says what is asked of it: a text, one of those that are expected.
fn says(claims: &Claims, demand: &ClaimRecord) -> bool {
    match claims.get(&demand.name) {
        None => !demand.is_required,
        Some(Claim::Text(text)) => demand.expected.is_empty() || demand.expected.contains(text),
        Some(_) => false,
    }
}

impl Gateway {
    /// Where the keys of an issuer of tokens are, and what it calls itself.
    pub(crate) fn issuer_keys(&self, issuer: &str) -> (KeySource, Vec<String>) {
        let cognito = issuer.strip_prefix("https://cognito-idp.").and_then(|rest| rest.split_once('/'));
        let pool = cognito.and_then(|(host, pool)| Some((host.split_once(".amazonaws.com")?.0, pool)));
        match pool {
            Some((region, pool)) => self.pool_issuers(region, pool),
            None => (KeySource::Discovery(issuer.to_owned()), vec![issuer.to_owned()]),
        }
    }

    /// Where a user pool's keys are, and what it calls itself.
    fn pool_issuers(&self, region: &str, pool: &str) -> (KeySource, Vec<String>) {
        let suffix = if region.starts_with("cn-") { ".cn" } else { "" };
        let own = format!("https://cognito-idp.{region}.amazonaws.com{suffix}/{pool}");
        let keys = |issuer: &str| KeySource::KeySet(format!("{issuer}/.well-known/jwks.json"));
        match &self.cognito {
            // Local user pools call themselves by their own address, or by the one on AWS.
            Some(endpoint) => {
                let local = format!("{}/{pool}", endpoint.trim_end_matches('/'));
                (keys(&local), vec![local, own])
            }
            None => (keys(&own), vec![own]),
        }
    }
}

fn ask(gateway: &Gateway, visit: &Visit<'_>, policy: &Policy, caller: &[String]) -> Verdict {
    let asked = Asked { request: visit.request, scope: &visit.stage.scope, arn: method_arn(visit) };
    asked.of(gateway, policy, caller)
}

/// What a policy is asked for.
#[derive(Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) request: &'a StageRequest,
    /// The API's.
    pub(crate) scope: &'a Scope,
    /// See [`method_arn`].
    pub(crate) arn: String,
}

impl Asked<'_> {
    pub(crate) fn of(&self, gateway: &Gateway, policy: &Policy, caller: &[String]) -> Verdict {
        let facts = |key: &str| self.fact(gateway, caller, key);
        policy.ask(&Question { action: ACTION, resource: &self.arn, caller, facts: &facts })
    }

    /// The value of a condition's key. There is no VPC here, so that nothing comes out of one.
    fn fact(&self, gateway: &Gateway, caller: &[String], key: &str) -> Option<String> {
        let request = self.request;
        Some(match key {
            "aws:sourceip" => request.source_ip.to_canonical().to_string(),
            "aws:useragent" => request.header("user-agent")?.to_owned(),
            "aws:referer" => request.header("referer")?.to_owned(),
            "aws:securetransport" => request.secure.to_string(),
            "aws:epochtime" => gateway.clock.now().as_secs().to_string(),
            "aws:requestedregion" => self.scope.region.to_string(),
            "aws:principalarn" => caller.first()?.clone(),
            "aws:principalaccount" => caller.get(1)?.clone(),
            _ => return None,
        })
    }
}

/// The ARN of the request's method with the path that was called.
pub(crate) fn method_arn(visit: &Visit<'_>) -> String {
    let stage = format!("{}/{}", visit.api_arn(), visit.stage.name);
    format!("{stage}/{}/{}", visit.request.method, path_in_arn(&visit.request.path))
}

/// A path as policies name it, as the route reads it: else a slash more or a letter written as `%61` would go round a
/// policy that denies a path. What would be a pattern or a further segment stays encoded.
pub(crate) fn path_in_arn(path: &str) -> String {
    let mut arn = String::with_capacity(path.len());
    let parts = path.split('/').filter(|part| !part.is_empty());
    for (at, part) in parts.enumerate() {
        if at > 0 {
            arn.push('/');
        }
        match percent_decode_str(part).decode_utf8() {
            Ok(decoded) if !decoded.contains(['/', '*', '?', '$']) => arn.push_str(&decoded),
            _ => arn.push_str(part),
        }
    }
    arn
}
