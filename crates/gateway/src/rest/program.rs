//! A deployment, compiled: routes, and for each method everything that can be known before a request comes.
//! Compiling never fails: what cannot work says so when it is called, as on AWS, where a deployment is not refused
//! for it.

use std::time::Duration;

use http::HeaderName;
use vtl::JavaRegex;

use crate::backends::Trust;
use crate::policy::Policy;
use crate::rest::authorize::{Authorization, Authorizers};
use crate::rest::cache::CacheKey;
use crate::rest::content::Handling;
use crate::rest::gateway_response::GatewayResponses;
use crate::rest::integration::TIMEOUT_MS_DEFAULT;
use crate::rest::mapping::{Place, Source, response_header};
use crate::rest::records::{
    IntegrationRecord, IntegrationResponseRecord, MethodRecord, Snapshot, SnapshotResource,
};
use crate::rest::route::{Match, MethodIndex, RouteTrie, Verb};
use crate::rest::service::{Credentials, ServiceBackend};
use crate::rest::template::Template;
use crate::rest::uri::Pattern;
use crate::rest::validation::{Validation, Validators};
use crate::schema::Schemas;

/// Everything a stage needs of its deployment.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) deployment_id: String,
    pub(crate) binary: BinaryTypes,
    /// Answers of so many bytes are compressed for who asks for it; none: no answers are.
    pub(crate) compression_bytes_min: Option<usize>,
    /// The API is reached by custom domains alone.
    pub(crate) endpoint_disabled: bool,
    /// The API's own policy, or why it is none.
    pub(crate) policy: Option<Result<Policy, String>>,
    pub(crate) gateway_responses: GatewayResponses,
    /// The models that bodies are checked by.
    pub(crate) schemas: Schemas,
    routes: RouteTrie,
    methods: Vec<Method>,
}

#[derive(Debug)]
pub(crate) struct Method {
    pub(crate) resource_id: String,
    pub(crate) resource_path: String,
    pub(crate) operation_name: Option<String>,
    /// The resource path with `*` for its variables, as it stands in the ARN that a function's policy is asked for.
    pub(crate) arn_path: String,
    pub(crate) authorization: Authorization,
    pub(crate) wants_key: bool,
    pub(crate) validation: Validation,
    pub(crate) timeout: Duration,
    pub(crate) cache_key: CacheKey,
    pub(crate) integration: Integration,
}

#[derive(Debug)]
pub(crate) enum Integration {
    LambdaProxy(Lambda),
    /// The same, its answer passed on as it comes.
    LambdaStream(Lambda),
    Lambda(Lambda, Mapping),
    Mock(Mapping),
    HttpProxy(HttpBackend),
    /// The same, its answer passed on as it comes.
    HttpStream(HttpBackend),
    Http(HttpBackend, Mapping),
    Service(ServiceBackend, Mapping),
    /// AWS takes it and it can never work there either; why, for the log.
    Broken(String),
    /// What it is, in words.
    Unsupported(String),
}

impl Integration {
    /// As AWS names its type.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::LambdaProxy(_) | Self::LambdaStream(_) => "AWS_PROXY",
            Self::Lambda(..) | Self::Service(..) => "AWS",
            Self::Mock(_) => "MOCK",
            Self::HttpProxy(_) | Self::HttpStream(_) => "HTTP_PROXY",
            Self::Http(..) => "HTTP",
            Self::Broken(_) | Self::Unsupported(_) => "Integration",
        }
    }
}

#[derive(Debug)]
pub(crate) struct Lambda {
    pub(crate) function: Pattern,
    /// In whose name the function is called; none: in the API's own.
    pub(crate) credentials: Option<Credentials>,
    pub(crate) parameters: Vec<(Place, Source)>,
}

#[derive(Debug)]
pub(crate) struct HttpBackend {
    pub(crate) uri: Pattern,
    /// None for ANY: the request's own.
    pub(crate) method: Option<http::Method>,
    pub(crate) parameters: Vec<(Place, Source)>,
    pub(crate) trust: Trust,
}

/// What stands around an integration that is not a proxy.
#[derive(Debug)]
pub(crate) struct Mapping {
    pub(crate) templates: Vec<(String, Template)>,
    pub(crate) passthrough: Passthrough,
    pub(crate) content_handling: Option<Handling>,
    pub(crate) responses: Vec<Response>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Passthrough {
    WhenNoMatch,
    WhenNoTemplates,
    Never,
}

/// An integration response.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) selection: Selection,
    pub(crate) headers: Vec<(HeaderName, Source)>,
    pub(crate) templates: Vec<(String, Template)>,
    pub(crate) content_handling: Option<Handling>,
}

#[derive(Debug)]
pub(crate) enum Selection {
    /// Chosen when no pattern matches.
    Default,
    Pattern(JavaRegex),
    /// Not a pattern, and why.
    Broken(String),
}

/// The media types whose bodies travel as base64.
#[derive(Debug)]
pub(crate) struct BinaryTypes {
    types: Vec<String>,
}

impl BinaryTypes {
    /// Whether a body of this media type (none if the header is missing) is binary.
    pub(crate) fn matches(&self, media_type: Option<&str>) -> bool {
        self.types.iter().any(|known| known == "*/*" || media_type.is_some_and(|given| is_of(given, known)))
    }
}

/// A known type may leave its second half open; one that leaves only its first open is never met on AWS, not even by
/// its own name.
fn is_of(given: &str, known: &str) -> bool {
    let (Some((given, given_half)), Some((known, known_half))) =
        (given.split_once('/'), known.split_once('/'))
    else {
        return false;
    };
    let half_fits = known_half == "*" || known_half.eq_ignore_ascii_case(given_half);
    known != "*" && known.eq_ignore_ascii_case(given) && half_fits
}

impl Program {
    pub(crate) fn compile(deployment_id: &str, api_arn: &str, snapshot: Snapshot) -> Self {
        let mut routes = RouteTrie::new();
        let mut methods = Vec::new();
        let authorizers = Authorizers::compile(&snapshot.authorizers);
        let validators = Validators::compile(&snapshot);
        for resource in &snapshot.resources {
            for method in &resource.methods {
                let Some(verb) = Verb::from_name(&method.http_method) else { continue };
                routes.insert(&resource.path, verb, MethodIndex::try_from(methods.len()).unwrap_or_default());
                methods.push(Method::compile(resource, method, &authorizers, &validators));
            }
        }
        Self {
            deployment_id: deployment_id.to_owned(),
            binary: BinaryTypes { types: snapshot.binary_media_types },
            compression_bytes_min: snapshot.minimum_compression_size.and_then(|bytes| bytes.try_into().ok()),
            endpoint_disabled: snapshot.disable_execute_api_endpoint,
            policy: snapshot.policy.as_deref().map(|text| resource_policy(text, api_arn)),
            gateway_responses: GatewayResponses::compile(snapshot.gateway_responses.unwrap_or_default()),
            schemas: validators.into_schemas(),
            routes,
            methods,
        }
    }

    pub(crate) fn route(&self, path: &str, verb: Verb) -> Option<(&Method, Match<'_>)> {
        let found = self.routes.find(path, verb)?;
        Some((self.methods.get(found.method as usize)?, found))
    }
}

impl Method {
    fn compile(
        resource: &SnapshotResource,
        method: &MethodRecord,
        authorizers: &Authorizers,
        validators: &Validators,
    ) -> Self {
        let timeout_ms = method.integration.as_ref().map_or(TIMEOUT_MS_DEFAULT, |found| found.timeout_ms);
        Self {
            resource_id: resource.id.clone(),
            resource_path: resource.path.clone(),
            operation_name: method.operation_name.clone(),
            arn_path: arn_path(&resource.path),
            authorization: authorizers.of(method),
            wants_key: method.api_key_required,
            validation: validators.of(method),
            cache_key: method.integration.as_ref().map(CacheKey::compile).unwrap_or_default(),
            timeout: Duration::from_millis(u64::try_from(timeout_ms).unwrap_or_default()),
            integration: match &method.integration {
                Some(integration) => Integration::compile(integration),
                None => Integration::Broken("the method has no integration".to_owned()),
            },
        }
    }
}

fn resource_policy(text: &str, api_arn: &str) -> Result<Policy, String> {
    let mut policy = Policy::parse(text.as_bytes()).map_err(|error| error.to_string())?;
    if !policy.names_principals() {
        return Err("a statement names no principal".to_owned());
    }
    policy.expand_resources(api_arn);
    Ok(policy)
}

fn arn_path(path: &str) -> String {
    let parts = path.split('/').map(|part| if part.starts_with('{') { "*" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

impl Integration {
    fn compile(record: &IntegrationRecord) -> Self {
        match (record.kind.as_str(), record.function()) {
            ("MOCK", _) => Self::Mock(Mapping::compile(record)),
            ("HTTP_PROXY", _) if record.streams() => Self::HttpStream(HttpBackend::compile(record)),
            ("HTTP_PROXY", _) => Self::HttpProxy(HttpBackend::compile(record)),
            ("HTTP", _) => Self::Http(HttpBackend::compile(record), Mapping::compile(record)),
            // AWS calls Lambda with the integration's method, and Lambda takes nothing but POST.
            (_, Some(_)) if record.http_method.as_deref() != Some("POST") => {
                Self::Broken("a Lambda integration's HTTP method must be POST".to_owned())
            }
            ("AWS_PROXY", Some(function)) if record.streams() => {
                Self::LambdaStream(Lambda::compile(record, function))
            }
            ("AWS_PROXY", Some(function)) => Self::LambdaProxy(Lambda::compile(record, function)),
            ("AWS", Some(function)) => {
                Self::Lambda(Lambda::compile(record, function), Mapping::compile(record))
            }
            ("AWS", None) => match ServiceBackend::compile(record) {
                Ok(backend) => Self::Service(backend, Mapping::compile(record)),
                Err(why) => Self::Broken(why),
            },
            _ => Self::Unsupported(format!("the integration {}", record.uri.as_deref().unwrap_or_default())),
        }
    }
}

impl Lambda {
    fn compile(record: &IntegrationRecord, function: &str) -> Self {
        Self {
            function: Pattern::of_arn(function),
            credentials: record.credentials.as_deref().and_then(Credentials::compile),
            parameters: parameters(record),
        }
    }
}

impl HttpBackend {
    fn compile(record: &IntegrationRecord) -> Self {
        Self::at(record, record.uri.as_deref().unwrap_or_default())
    }

    /// The backend at `uri`, called as the integration says.
    pub(crate) fn at(record: &IntegrationRecord, uri: &str) -> Self {
        let method = record.http_method.as_deref().filter(|name| *name != "ANY");
        Self {
            uri: Pattern::of_uri(uri),
            method: method.and_then(|name| name.parse().ok()),
            parameters: parameters(record),
            trust: match record.insecure_skip_verification {
                Some(true) => Trust::Anyone,
                _ => Trust::Authorities,
            },
        }
    }
}

fn parameters(record: &IntegrationRecord) -> Vec<(Place, Source)> {
    let parsed = record
        .request_parameters
        .iter()
        .map(|(target, source)| Some((Place::parse(target)?, Source::parse(source, "method.request")?)));
    parsed.flatten().collect()
}

impl Mapping {
    fn compile(record: &IntegrationRecord) -> Self {
        Self {
            templates: templates(&record.request_templates),
            passthrough: match record.passthrough_behavior.as_str() {
                "NEVER" => Passthrough::Never,
                "WHEN_NO_TEMPLATES" => Passthrough::WhenNoTemplates,
                _ => Passthrough::WhenNoMatch,
            },
            content_handling: record.content_handling.as_deref().and_then(Handling::parse),
            responses: record.responses.values().filter_map(Response::compile).collect(),
        }
    }
}

fn templates(records: &std::collections::BTreeMap<String, String>) -> Vec<(String, Template)> {
    records.iter().map(|(media_type, text)| (media_type.clone(), Template::compile(text))).collect()
}

impl Response {
    fn compile(record: &IntegrationResponseRecord) -> Option<Self> {
        let selection = match record.selection_pattern.as_deref() {
            None | Some("") => Selection::Default,
            Some(pattern) => match JavaRegex::new(pattern) {
                Ok(regex) => Selection::Pattern(regex),
                Err(error) => Selection::Broken(format!("the selection pattern {pattern}: {error}")),
            },
        };
        let header = |target: &str, source: &str| {
            let name = response_header(target)?.parse::<HeaderName>().ok()?;
            Some((name, Source::parse(source, "integration.response")?))
        };
        Some(Self {
            status: record.status_code.parse().ok()?,
            selection,
            headers: record.response_parameters.iter().filter_map(|(t, s)| header(t, s)).collect(),
            templates: templates(&record.response_templates),
            content_handling: record.content_handling.as_deref().and_then(Handling::parse),
        })
    }
}
