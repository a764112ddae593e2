//! Integrations of AWS services other than invocations of functions: what would go to a service's host goes through
//! `ports::Call`, and its answer through an integration response. Knows no service and no operation.
//! Source: <https://docs.aws.amazon.com/apigateway/latest/api/API_PutIntegration.html>

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use base::{Cx, Region, Scope, Trace};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request};
use http_body_util::{BodyExt, Full};
use ports::{ServiceCall, ServiceReply};

use crate::rest::backend::{self, Outgoing};
use crate::rest::call::Call;
use crate::rest::execution_log;
use crate::rest::fault::Fault;
use crate::rest::lambda::within;
use crate::rest::program::{HttpBackend, Mapping};
use crate::rest::records::IntegrationRecord;
use crate::rest::respond::{self, IntegrationAnswer};
use crate::rest::uri::Pattern;
use crate::{Gateway, StageResponse};

/// A method that tries itself out through API Gateway's own API would else never end.
const DEPTH_MAX: u32 = 4;

tokio::task_local! {
    /// In how many integrations of services the task is.
    static DEPTH: u32;
}

/// What an integration calls of a service.
#[derive(Debug)]
pub(crate) struct Target {
    /// `dynamodb`, `streams.dynamodb`
    service: Pattern,
    region: Pattern,
    /// `PutItem`; none where the service is called by path.
    action: Option<Pattern>,
}

impl Target {
    /// Reads `arn:aws:apigateway:REGION:SERVICE:action/NAME` or `..:path/PATH`, and says where that is on AWS.
    pub(crate) fn parse(uri: &str) -> Result<(Self, String), String> {
        let broken = || format!("the URI {uri} names no service");
        let mut parts = uri.splitn(6, ':').skip(3);
        let (Some(region), Some(service), Some(target)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(broken());
        };
        let (form, rest) = target.split_once('/').ok_or_else(broken)?;
        let rest = rest.trim_start_matches('/');
        let host = format!("https://{service}.{region}.amazonaws.com");
        let (action, url) = match form {
            "action" => {
                let (action, query) = rest.split_once('&').unwrap_or((rest, ""));
                let join = if query.is_empty() { "" } else { "&" };
                (Some(Pattern::of_arn(action)), format!("{host}/?Action={action}{join}{query}"))
            }
            _ => (None, format!("{host}/{rest}")),
        };
        Ok((Self { service: Pattern::of_arn(service), region: Pattern::of_arn(region), action }, url))
    }
}

/// The integration of a REST API's method.
#[derive(Debug)]
pub(crate) struct ServiceBackend {
    target: Target,
    credentials: Option<Credentials>,
    /// The service's host, as on AWS.
    host: HttpBackend,
}

impl ServiceBackend {
    pub(crate) fn compile(record: &IntegrationRecord) -> Result<Self, String> {
        let (target, url) = Target::parse(record.uri.as_deref().unwrap_or_default())?;
        let credentials = record.credentials.as_deref().and_then(Credentials::compile);
        Ok(Self { target, credentials, host: HttpBackend::at(record, &url) })
    }
}

/// In whose name an integration calls. What a role may do is not asked: there are no roles here.
#[derive(Debug)]
pub(crate) enum Credentials {
    Role(Pattern),
    /// `arn:aws:iam::*:user/*`: the caller's own.
    Caller,
}

impl Credentials {
    pub(crate) fn compile(text: &str) -> Option<Self> {
        match text {
            "" => None,
            text if text.ends_with(":iam::*:user/*") => Some(Self::Caller),
            text => Some(Self::Role(Pattern::of_arn(text))),
        }
    }

    /// Whether there is somebody to call as.
    pub(crate) fn check(&self, call: &Call<'_>) -> Result<(), Fault> {
        let is_signed = call.grant.get().is_some_and(|granted| granted.grant.signer.is_some());
        self.check_for(&call.release.variables, is_signed)
    }

    /// The same on a stage with these variables, for a caller who signed or did not.
    pub(crate) fn check_for(
        &self,
        variables: &BTreeMap<String, String>,
        is_signed: bool,
    ) -> Result<(), Fault> {
        match self {
            Self::Role(role) => {
                let role = role.fill(variables, |_| None)?;
                let mut parts = role.split(':');
                let fits = parts.next() == Some("arn") && parts.nth(1) == Some("iam") && role.contains(":role/");
                if fits { Ok(()) } else { Err(Fault::Configuration(format!("{role} is no role's ARN"))) }
            }
            Self::Caller if is_signed => Ok(()),
            Self::Caller => Err(Fault::Configuration(
                "the integration calls with the caller's credentials, and the method takes none: its authorization \
                 must be AWS_IAM"
                    .to_owned(),
            )),
        }
    }
}

/// What the mappings say of the request, to the service; its answer through an integration response.
pub(crate) async fn call(
    gateway: &Gateway,
    call: &Call<'_>,
    backend: &ServiceBackend,
    mapping: &Mapping,
) -> Result<StageResponse, Fault> {
    backend.credentials.as_ref().ok_or_else(no_role)?.check(call)?;
    let outgoing = Outgoing::mapped(call, mapping)?;
    let (body, overrides) = (outgoing.body.clone(), outgoing.overrides.clone());
    let request = backend::build(call, &backend.host, outgoing)?;
    execution_log::sending(call, request.uri(), execution_log::listed(request.headers()), &body);
    let asker = Asker {
        scope: &call.stage.scope,
        variables: &call.release.variables,
        trace: call.trace(),
        source_ip: call.request.source_ip,
        timeout: call.method.timeout,
    };
    let began = gateway.clock.now();
    let reply = ask(gateway, &backend.target, asker, request).await?;
    let latency = gateway.clock.now().since(began);
    call.integration_status.get_or_init(|| reply.status);
    if let Some((_, id)) = reply.headers.iter().find(|(name, _)| name == "x-amzn-requestid") {
        call.endpoint_request_id.get_or_init(|| id.clone());
    }
    execution_log::answered(call, (reply.status, latency), reply.headers.clone(), &reply.body);
    let answer = IntegrationAnswer { headers: Some(headers_of(&reply)), body: reply.body, overrides };
    respond::respond(call, mapping, &reply.status.to_string(), &answer)
}

pub(crate) fn no_role() -> Fault {
    Fault::Configuration("Role ARN must be specified for AWS integrations".to_owned())
}

pub(crate) fn headers_of(reply: &ServiceReply) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(reply.headers.len());
    for (name, value) in &reply.headers {
        let name = HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value)) {
            headers.append(name, value);
        }
    }
    headers
}

/// For whom a service is asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asker<'a> {
    pub(crate) scope: &'a Scope,
    /// Of the stage.
    pub(crate) variables: &'a BTreeMap<String, String>,
    pub(crate) trace: &'a Trace,
    pub(crate) source_ip: IpAddr,
    pub(crate) timeout: Duration,
}

/// The service's answer to what would go to its host on AWS.
pub(crate) async fn ask(
    gateway: &Gateway,
    target: &Target,
    asker: Asker<'_>,
    request: Request<Full<Bytes>>,
) -> Result<ServiceReply, Fault> {
    let depth = DEPTH.try_with(|depth| *depth).unwrap_or(0);
    if depth >= DEPTH_MAX {
        return Err(Fault::Loop(depth));
    }
    let fill = |pattern: &Pattern| pattern.fill(asker.variables, |_| None);
    let region = fill(&target.region)?;
    let mut cx = Cx::internal(Scope { account: asker.scope.account, region: Region::new(&region) });
    cx.trace = asker.trace.clone();
    cx.source_ip = Some(asker.source_ip);
    let (service, action) = (fill(&target.service)?, target.action.as_ref().map(fill).transpose()?);
    let request = service_call(service, action, request).await?;
    let port = Arc::clone(&gateway.call);
    // A task of its own: an integration that leads to another must not add to the stack.
    let work = DEPTH.scope(depth + 1, async move { port.call(&cx, request).await });
    let done = within(&gateway.clock, asker.timeout, tokio::spawn(work)).await?;
    let done = done.map_err(|error| Fault::Internal(error.to_string()))?;
    done.map_err(|error| Fault::Unsupported(error.to_string()))
}

async fn service_call(
    service: String,
    action: Option<String>,
    request: Request<Full<Bytes>>,
) -> Result<ServiceCall, Fault> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(|error| Fault::Internal(error.to_string()))?.to_bytes();
    Ok(ServiceCall {
        service,
        action,
        method: parts.method.as_str().to_owned(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: execution_log::listed(&parts.headers)
            .map(|(name, value)| (name.to_ascii_lowercase(), value))
            .collect(),
        body,
    })
}
