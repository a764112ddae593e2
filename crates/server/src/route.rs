//! For whom is a request? A pure function of its head, in the order in which the ways to say it take precedence.
//! Knows no operation: that is each service's own reading.

use http::Method;

use crate::Service;
use crate::answer::Envelope;

/// What routing looks at.
#[derive(Debug, Clone, Copy)]
pub struct Head<'a> {
    pub method: &'a Method,
    /// `host[:port]`; empty if the request named none.
    pub host: &'a str,
    /// Percent-encoded.
    pub path: &'a str,
    pub query: &'a str,
    /// `X-Amz-Target`.
    pub target: Option<&'a str>,
    /// The service in the SigV4 credential scope.
    pub signing_name: Option<&'a str>,
    /// The body is a form (`application/x-www-form-urlencoded`).
    pub form: bool,
}

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    Own(OwnPath),
    Service(Service),
    /// A query-protocol request: the service is known by its signature or by `Action` and `Version` in the form.
    Form,
    /// A stage URL. Its parts are read by what serves it.
    Stage,
    /// A function's URL, likewise.
    FunctionUrl,
    /// A service of AWS's that is not here.
    Unserved(String),
    Unknown,
}

/// Rushlight's own paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnPath {
    Health,
    Metrics,
    LogsTail,
    /// What is done for requests, as it ends.
    TracesTail,
    /// LocalStack's health, in its form.
    CompatibleHealth,
    /// The web console's files.
    Console,
    /// What the console keeps and asks beside AWS's APIs: of an account, like what those serve.
    Records,
    /// Something that the backends may have.
    Other,
}

const RECORDS: [&str; 6] = [
    "/_rushlight/test-events/",
    "/_rushlight/rest-apis/",
    "/_rushlight/traces",
    "/_rushlight/map",
    "/_rushlight/monitor",
    "/_rushlight/events",
];

/// The route of a request with this head.
pub fn find(head: &Head<'_>) -> Route {
    data_host(head.host)
        .or_else(|| own(head.path))
        .or_else(|| stage_path(head.path))
        .or_else(|| function_path(head.path))
        .or_else(|| head.target.and_then(target))
        .or_else(|| signed(head))
        .or_else(|| rest_path(head.path))
        .or_else(|| (head.form && *head.method == Method::POST && head.path == "/").then_some(Route::Form))
        .or_else(|| query_action(head))
        .unwrap_or(Route::Unknown)
}

/// Whether a host may be somebody's own domain: a name with a dot that is no address and none of the data plane's. Most
/// requests come to an address, and cost no more than this.
pub(crate) fn may_be_domain(host: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let last = name.rsplit('.').next().unwrap_or_default();
    name.contains('.') && last.bytes().any(|byte| byte.is_ascii_alphabetic()) && data_host(host).is_none()
}

/// The service of a query-protocol form, by its `Action` and `Version`.
pub(crate) fn form_service(body: &[u8]) -> Result<Service, FormError> {
    let text = std::str::from_utf8(body).unwrap_or_default();
    let find = |name| parameter(text, name).map(str::to_owned);
    let (action, version) = (find("Action"), find("Version"));
    match (action, version.as_deref()) {
        (Some(_), Some("2011-06-15")) => Ok(Service::Sts),
        (Some(action), None) if action == "GetCallerIdentity" => Ok(Service::Sts),
        (action, version) => Err(FormError { action, version: version.map(str::to_owned) }),
    }
}

/// A form of no service here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FormError {
    pub(crate) action: Option<String>,
    pub(crate) version: Option<String>,
}

fn own(path: &str) -> Option<Route> {
    let own = match path {
        "/_rushlight/health" => OwnPath::Health,
        "/_rushlight/metrics" => OwnPath::Metrics,
        "/_rushlight/logs/tail" => OwnPath::LogsTail,
        "/_rushlight/traces/tail" => OwnPath::TracesTail,
        "/_localstack/health" | "/health" => OwnPath::CompatibleHealth,
        "/_console" => OwnPath::Console,
        _ if path.starts_with("/_console/") => OwnPath::Console,
        _ if RECORDS.iter().any(|records| path.starts_with(records)) => OwnPath::Records,
        _ if path.starts_with("/_rushlight/") || path.starts_with("/_localstack/") => OwnPath::Other,
        _ => return None,
    };
    Some(Route::Own(own))
}

/// `{api}.execute-api.<anything>` and `{id}.lambda-url.<anything>`: whatever the path is.
fn data_host(host: &str) -> Option<Route> {
    let (id, rest) = host.split_once('.')?;
    let label = rest.split(['.', ':']).next().unwrap_or_default();
    // Names of hosts have no case.
    let route = match label {
        _ if label.eq_ignore_ascii_case("execute-api") => Route::Stage,
        _ if label.eq_ignore_ascii_case("lambda-url") => Route::FunctionUrl,
        _ => return None,
    };
    (!id.is_empty()).then_some(route)
}

/// `/_aws/lambda-url/{id}/..`.
fn function_path(path: &str) -> Option<Route> {
    let rest = path.strip_prefix("/_aws/lambda-url/")?;
    (!rest.is_empty()).then_some(Route::FunctionUrl)
}

/// `/_aws/execute-api/{api}/..` and `/restapis/{api}/{stage}/_user_request_[/..]`.
fn stage_path(path: &str) -> Option<Route> {
    if let Some(rest) = path.strip_prefix("/_aws/execute-api/") {
        return (!rest.is_empty()).then_some(Route::Stage);
    }
    let mut segments = path.strip_prefix("/restapis/")?.split('/');
    let marked = segments.nth(2) == Some("_user_request_");
    marked.then_some(Route::Stage)
}

fn target(target: &str) -> Option<Route> {
    let (prefix, _) = target.split_once('.').unwrap_or((target, ""));
    Some(Service::from_target(prefix).map_or_else(|| Route::Unserved(prefix.to_owned()), Route::Service))
}

fn signed(head: &Head<'_>) -> Option<Route> {
    let name = head.signing_name?;
    if let Some(service) = Service::from_signing_name(name, head.path) {
        return Some(Route::Service(service));
    }
    // Signed for a stage whose URL is none of the forms above, or for a service that is not here.
    (name != "execute-api").then(|| Route::Unserved(name.to_owned()))
}

/// Unsigned REST requests, by their path.
fn rest_path(path: &str) -> Option<Route> {
    let first = path.strip_prefix('/')?.split('/').next()?;
    let service = match first {
        "restapis" | "apikeys" | "usageplans" | "domainnames" | "account" | "clientcertificates"
        | "vpclinks" | "sdktypes" => Service::ApiGateway,
        "v2" => Service::ApiGatewayV2,
        date if is_date(date) => Service::Lambda,
        _ => return None,
    };
    Some(Route::Service(service))
}

/// The API versions that begin Lambda's paths: `2015-03-31`.
fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() == 10
        && bytes
            .iter()
            .enumerate()
            .all(|(i, b)| if i == 4 || i == 7 { *b == b'-' } else { b.is_ascii_digit() })
}

/// Query protocol by GET: `/?Action=..&Version=..`.
fn query_action(head: &Head<'_>) -> Option<Route> {
    if head.path != "/" || parameter(head.query, "Action").is_none() {
        return None;
    }
    Some(
        form_service(head.query.as_bytes())
            .map_or_else(|error| Route::Unserved(error.action.unwrap_or_default()), Route::Service),
    )
}

fn parameter<'a>(form: &'a str, name: &str) -> Option<&'a str> {
    form.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

impl Route {
    /// The service's name in metrics.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Own(_) => "rushlight",
            Self::Service(service) => service.name(),
            Self::Stage => "execute-api",
            Self::FunctionUrl => "lambda-url",
            Self::Form | Self::Unserved(_) | Self::Unknown => "none",
        }
    }

    /// How the caller's client reads an error of the server's own.
    pub(crate) fn envelope(&self, form: bool) -> Envelope {
        match self {
            Self::Service(Service::Sts) | Self::Form => Envelope::Query,
            Self::Service(Service::Lambda | Service::ApiGateway | Service::ApiGatewayV2) => Envelope::Rest,
            Self::Own(_) | Self::Stage | Self::FunctionUrl => Envelope::Rest,
            Self::Unserved(name) if name == "s3" => Envelope::S3,
            Self::Unserved(_) if form => Envelope::Query,
            Self::Service(_) | Self::Unserved(_) | Self::Unknown => Envelope::Json,
        }
    }
}

impl OwnPath {
    /// The operation's name in metrics.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Health => "health",
            Self::Metrics => "metrics",
            Self::LogsTail => "logs-tail",
            Self::TracesTail => "traces-tail",
            Self::CompatibleHealth => "localstack-health",
            Self::Console => "console",
            Self::Records => "records",
            Self::Other => "other",
        }
    }
}
