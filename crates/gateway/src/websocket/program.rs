//! A deployment of a WebSocket API, compiled: what its routes lead to. Knows no message.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use http::Method;
use vtl::JavaRegex;

use crate::rest::content::Handling;
use crate::rest::heavy;
use crate::rest::mapping::{Place, Source};
use crate::rest::program::Passthrough;
use crate::rest::service::{self, Credentials};
use crate::rest::template::Template;
use crate::rest::uri::Pattern;
use crate::v2::deployment::SnapshotRecord;
use crate::v2::integration::{IntegrationRecord, IntegrationResponseRecord};
use crate::v2::records::ApiRecord;
use crate::v2::route::{DEFAULT_KEY, RouteRecord};
use crate::websocket::authorize::Access;
use crate::websocket::selection::Expression;

pub(crate) const CONNECT: &str = "$connect";
pub(crate) const DISCONNECT: &str = "$disconnect";

#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) selection: Expression,
    /// Where API keys are.
    pub(crate) key_selection: Expression,
    routes: HashMap<String, Route>,
}

#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) key: String,
    pub(crate) access: Access,
    pub(crate) wants_api_key: bool,
    /// None: whatever is said is taken, and nothing comes of it.
    pub(crate) integration: Option<Integration>,
    /// The sender is told what comes of a message.
    pub(crate) is_two_way: bool,
}

#[derive(Debug)]
pub(crate) struct Integration {
    pub(crate) backend: Backend,
    pub(crate) timeout: Duration,
    pub(crate) parameters: Vec<(Place, Source)>,
    pub(crate) mapping: Mapping,
}

#[derive(Debug)]
pub(crate) enum Backend {
    LambdaProxy(Pattern),
    Lambda(Pattern),
    HttpProxy(Endpoint),
    Http(Endpoint),
    Service(Box<Service>),
    Mock,
    /// It cannot work; why, for the log.
    Broken(String),
}

impl Backend {
    /// As AWS names its type.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::LambdaProxy(_) => "AWS_PROXY",
            Self::Lambda(_) | Self::Service(_) => "AWS",
            Self::HttpProxy(_) => "HTTP_PROXY",
            Self::Http(_) => "HTTP",
            Self::Mock => "MOCK",
            Self::Broken(_) => "Integration",
        }
    }
}

/// A service other than Lambda.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) target: service::Target,
    /// Where that is on AWS.
    pub(crate) endpoint: Endpoint,
    pub(crate) credentials: Option<Credentials>,
}

#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) uri: Pattern,
    pub(crate) method: Method,
}

/// From a message to the integration's request and back.
#[derive(Debug)]
pub(crate) struct Mapping {
    pub(crate) passthrough: Passthrough,
    pub(crate) content_handling: Option<Handling>,
    pub(crate) templates: Templates,
    pub(crate) responses: Vec<Response>,
}

/// Templates by their keys, and what says which of them.
#[derive(Debug)]
pub(crate) struct Templates {
    by_key: BTreeMap<String, Template>,
    selection: Option<Expression>,
}

#[derive(Debug)]
pub(crate) struct Response {
    selection: Selection,
    pub(crate) content_handling: Option<Handling>,
    pub(crate) templates: Templates,
}

#[derive(Debug)]
enum Selection {
    Default,
    /// Between slashes.
    Pattern(JavaRegex),
    Broken,
}

impl Program {
    pub(crate) fn compile(api: &ApiRecord, snapshot: &SnapshotRecord) -> Self {
        let compile = |route: &RouteRecord| (route.key.clone(), Route::compile(snapshot, route));
        Self {
            selection: Expression::parse(&api.route_selection_expression),
            key_selection: Expression::parse(&api.api_key_selection_expression),
            routes: snapshot.routes.iter().map(compile).collect(),
        }
    }

    /// One of the routes that the gateway calls by itself.
    pub(crate) fn own(&self, key: &str) -> Option<&Route> {
        self.routes.get(key)
    }

    /// The route of a message: the one that was selected, which is none that the gateway calls by itself, or `$default`.
    pub(crate) fn route(&self, selected: Option<&str>) -> Option<&Route> {
        let selected = selected.filter(|key| ![CONNECT, DISCONNECT].contains(key));
        selected.and_then(|key| self.routes.get(key)).or_else(|| self.routes.get(DEFAULT_KEY))
    }
}

impl Route {
    fn compile(snapshot: &SnapshotRecord, route: &RouteRecord) -> Self {
        let named = route.integration_id();
        let integration = snapshot.integrations.iter().find(|known| Some(known.id.as_str()) == named);
        let of_route = format!("{}/", route.id);
        let answers = snapshot
            .route_responses
            .iter()
            .any(|response| response.id.starts_with(&of_route) && response.key == DEFAULT_KEY);
        Self {
            key: route.key.clone(),
            access: Access::compile(route, &snapshot.authorizers),
            wants_api_key: route.api_key_required,
            integration: integration.map(|record| Integration::compile(snapshot, record)),
            is_two_way: answers && route.route_response_selection_expression.is_some(),
        }
    }
}

impl Integration {
    fn compile(snapshot: &SnapshotRecord, record: &IntegrationRecord) -> Self {
        let timeout_ms = u64::try_from(record.timeout_ms(true)).unwrap_or_default();
        let of_integration = format!("{}/", record.id);
        let responses = snapshot.integration_responses.iter();
        let responses = responses.filter(|response| response.id.starts_with(&of_integration));
        let parameters = record.request_parameters.iter();
        let parameter = |(place, source): (&String, &String)| {
            Some((Place::parse(place)?, Source::parse(source, "route.request")?))
        };
        Self {
            backend: Backend::compile(record),
            timeout: Duration::from_millis(timeout_ms),
            parameters: parameters.filter_map(parameter).collect(),
            mapping: Mapping {
                passthrough: match record.passthrough_behavior.as_deref() {
                    Some("NEVER") => Passthrough::Never,
                    Some("WHEN_NO_TEMPLATES") => Passthrough::WhenNoTemplates,
                    _ => Passthrough::WhenNoMatch,
                },
                content_handling: record.content_handling.as_deref().and_then(Handling::parse),
                templates: Templates::compile(
                    &record.request_templates,
                    record.template_selection_expression.as_deref(),
                ),
                responses: responses.map(Response::compile).collect(),
            },
        }
    }
}

impl Backend {
    fn compile(record: &IntegrationRecord) -> Self {
        let uri = record.uri.as_deref().unwrap_or_default();
        let endpoint = |uri: &str| Endpoint {
            uri: Pattern::of_uri(uri),
            method: record.method.as_deref().and_then(|name| name.parse().ok()).unwrap_or(Method::POST),
        };
        let function = || {
            let invoked = uri.split_once("/functions/")?.1.strip_suffix("/invocations")?;
            Some(Pattern::of_arn(invoked))
        };
        match (record.kind.as_str(), function()) {
            ("MOCK", _) => Self::Mock,
            ("AWS_PROXY", Some(function)) => Self::LambdaProxy(function),
            ("AWS", Some(function)) => Self::Lambda(function),
            ("HTTP_PROXY", _) => Self::HttpProxy(endpoint(uri)),
            ("HTTP", _) => Self::Http(endpoint(uri)),
            ("AWS", None) => match service::Target::parse(uri) {
                Ok((target, url)) => Self::Service(Box::new(Service {
                    target,
                    endpoint: endpoint(&url),
                    credentials: record.credentials_arn.as_deref().and_then(Credentials::compile),
                })),
                Err(why) => Self::Broken(why),
            },
            (kind, _) => Self::Broken(format!("{kind} cannot call {uri}")),
        }
    }
}

impl Templates {
    fn compile(templates: &BTreeMap<String, String>, selection: Option<&str>) -> Self {
        let by_key = templates.iter().map(|(key, text)| (key.clone(), Template::compile(text))).collect();
        Self { by_key, selection: selection.map(Expression::parse) }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// The template that is selected, or that of `$default`.
    pub(crate) fn find(&self, value: impl Fn(&str) -> Option<String>) -> Option<&Template> {
        let selected = self.selection.as_ref().and_then(|expression| expression.select(value));
        let selected = selected.and_then(|key| self.by_key.get(&key));
        selected.or_else(|| self.by_key.get(DEFAULT_KEY))
    }
}

impl Response {
    fn compile(record: &IntegrationResponseRecord) -> Self {
        let pattern = record.key.strip_prefix('/').and_then(|key| key.strip_suffix('/'));
        let selection = match (record.key.as_str(), pattern) {
            (DEFAULT_KEY, _) => Selection::Default,
            (_, Some(pattern)) => JavaRegex::new(pattern).map_or(Selection::Broken, Selection::Pattern),
            (_, None) => Selection::Broken,
        };
        Self {
            selection,
            content_handling: record.content_handling.as_deref().and_then(Handling::parse),
            templates: Templates::compile(
                &record.response_templates,
                record.template_selection_expression.as_deref(),
            ),
        }
    }
}

impl Mapping {
    /// The response of a status or an error message: the first whose pattern matches, else the default.
    pub(crate) fn response(&self, selected: &str) -> Option<&Response> {
        let found = heavy::search(|steps| {
            for response in &self.responses {
                if let Selection::Pattern(pattern) = &response.selection
                    && pattern.matches_within(selected, steps)?
                {
                    return Ok(Some(response));
                }
            }
            Ok(None)
        });
        let default = || self.responses.iter().find(|known| matches!(known.selection, Selection::Default));
        found.ok().flatten().or_else(default)
    }
}
