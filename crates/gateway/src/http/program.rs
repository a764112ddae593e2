//! A deployment of an HTTP API, compiled: what its routes lead to. Knows no request.

use std::collections::HashMap;
use std::time::Duration;

use crate::http::authorize::{Access, Authorizers};
use crate::http::backend::HttpBackend;
use crate::http::mapping::{Mappings, Side};
use crate::rest::route::{Match, RouteTrie, Verb};
use crate::rest::uri::Pattern;
use crate::v2::deployment::SnapshotRecord;
use crate::v2::integration::IntegrationRecord;
use crate::v2::route::{DEFAULT_KEY, RouteRecord};

#[derive(Debug)]
pub(crate) struct Program {
    trie: RouteTrie,
    routes: Vec<Route>,
    default: Option<usize>,
}

#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) key: String,
    /// With a star for each parameter, as permissions of functions name it.
    pub(crate) arn_path: String,
    pub(crate) access: Access,
    pub(crate) timeout: Duration,
    pub(crate) integration: Result<Integration, Unusable>,
}

/// What answers, and how its request and its answers are changed.
#[derive(Debug)]
pub(crate) struct Integration {
    pub(crate) target: Target,
    pub(crate) request: Mappings,
    /// By status code.
    pub(crate) responses: HashMap<u16, Mappings>,
}

#[derive(Debug)]
pub(crate) enum Target {
    Lambda {
        function: Pattern,
        payload: Payload,
        /// A role calls the function, so that its policy is not asked.
        by_role: bool,
    },
    Http(HttpBackend),
}

impl Target {
    /// As AWS names its type.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Lambda { .. } => "AWS_PROXY",
            Self::Http(_) => "HTTP_PROXY",
        }
    }
}

/// Why an integration cannot be asked.
#[derive(Debug)]
pub(crate) enum Unusable {
    Unsupported(&'static str),
    Broken(&'static str),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Payload {
    V1,
    V2,
}

impl Program {
    pub(crate) fn compile(snapshot: SnapshotRecord) -> Self {
        let integrations: HashMap<&str, &IntegrationRecord> =
            snapshot.integrations.iter().map(|known| (known.id.as_str(), known)).collect();
        let authorizers = Authorizers::compile(&snapshot.authorizers);
        let mut program = Self { trie: RouteTrie::new(), routes: Vec::new(), default: None };
        for route in &snapshot.routes {
            let index = program.routes.len();
            match route.verb_and_path() {
                None => program.default = Some(index),
                Some((verb, path)) => {
                    program.trie.insert(path, verb, u32::try_from(index).unwrap_or(u32::MAX));
                }
            }
            let integration = route.integration_id().and_then(|id| integrations.get(id));
            program.routes.push(Route::compile(route, integration.copied(), &authorizers));
        }
        program
    }

    /// The route for a path (raw, behind the stage); `$default` when no other fits.
    pub(crate) fn route(&self, path: &str, verb: Option<Verb>) -> Option<(&Route, Option<Match<'_>>)> {
        if let Some(found) = verb.and_then(|verb| self.trie.find(path, verb)) {
            return Some((self.routes.get(found.method as usize)?, Some(found)));
        }
        Some((self.routes.get(self.default?)?, None))
    }
}

impl Route {
    fn compile(
        route: &RouteRecord,
        integration: Option<&IntegrationRecord>,
        authorizers: &Authorizers,
    ) -> Self {
        let arn_path = route.verb_and_path().map(|(_, path)| {
            let parts = path.split('/').map(|part| if part.starts_with('{') { "*" } else { part });
            parts.collect::<Vec<_>>().join("/")
        });
        let timeout_ms = integration.map_or(0, |integration| integration.timeout_ms(false));
        Self {
            key: route.key.clone(),
            arn_path: arn_path.unwrap_or_else(|| DEFAULT_KEY.to_owned()),
            access: authorizers.of(route),
            timeout: Duration::from_millis(u64::try_from(timeout_ms).unwrap_or_default()),
            integration: integration
                .map_or(Err(Unusable::Broken("the route has no integration")), Integration::compile),
        }
    }

    /// The path of the route's key; `/$default` has none.
    pub(crate) fn path(&self) -> &str {
        self.key.split_once(' ').map_or(&self.key, |(_, path)| path)
    }
}

fn compile(record: &IntegrationRecord) -> Result<Target, Unusable> {
    let uri = record.uri.as_deref().unwrap_or_default();
    if record.subtype.is_some() {
        return Err(Unusable::Unsupported("integrations of AWS services"));
    }
    if record.kind == "HTTP_PROXY" {
        if !uri.starts_with("http") && !uri.starts_with("${stageVariables.") {
            return Err(Unusable::Unsupported(
                "HTTP_PROXY integrations that name a listener or a service by its ARN",
            ));
        }
        let method = record.method.as_deref().filter(|method| *method != "ANY");
        let method =
            method.map(|method| method.parse().map_err(|_| Unusable::Broken("the integration's method")));
        return Ok(Target::Http(HttpBackend { uri: Pattern::of_uri(uri), method: method.transpose()? }));
    }
    let function = record.function().ok_or(Unusable::Broken("the integration's URI names no function"))?;
    let payload = if record.payload_format_version == "2.0" { Payload::V2 } else { Payload::V1 };
    let by_role = record.credentials_arn.is_some();
    Ok(Target::Lambda { function: Pattern::of_arn(function), payload, by_role })
}

impl Integration {
    fn compile(record: &IntegrationRecord) -> Result<Self, Unusable> {
        let broken = |_| Unusable::Broken("the integration's mappings");
        let responses = record.response_parameters.iter().map(|(status, mappings)| {
            let status = status.parse().map_err(|_| Unusable::Broken("the integration's mappings"))?;
            Ok((status, Mappings::parse(mappings, Side::Response).map_err(broken)?))
        });
        Ok(Self {
            target: compile(record)?,
            request: Mappings::parse(&record.request_parameters, Side::Request).map_err(broken)?,
            responses: responses.collect::<Result<_, _>>()?,
        })
    }
}
