//! One request to an HTTP API on its way through the phases: what was received, where it leads, and what is found out
//! of it on the way.

use std::borrow::Cow;
use std::ops::Deref;
use std::sync::OnceLock;

use base::Trace;
use percent_encoding::percent_decode_str;

use crate::access_log::IntegrationFacts;
use crate::http::live::HttpStage;
use crate::http::program::Route;
use crate::rest::authorize::path_in_arn;
use crate::rest::call::Ticket;
use crate::rest::grant::Granted;
use crate::rest::route::Match;
use crate::v2::stage::DEFAULT_STAGE;
use crate::{StageRequest, UrlStyle};

/// A request to a stage, from its coming to its answer. Each fact is set once, by the phase that finds it; access logs
/// and `$context` read what is there.
#[derive(Debug)]
pub(crate) struct HttpVisit<'a> {
    pub(crate) request: &'a StageRequest,
    pub(crate) ticket: &'a Ticket,
    pub(crate) stage: &'a HttpStage,
    /// Behind the stage: raw, with its leading slash.
    pub(crate) path: &'a str,
    /// The route that the request is for, once it is found.
    pub(crate) routed: OnceLock<&'a Route>,
    /// Who was let in, once somebody was asked.
    pub(crate) grant: OnceLock<Granted>,
    /// How the integration answered, once it was asked.
    pub(crate) integration: OnceLock<IntegrationFacts>,
    /// Below which the integration's steps are, once it is its turn.
    pub(crate) integrating: OnceLock<Trace>,
}

/// A routed request. Everything of its visit is at hand.
#[derive(Debug)]
pub(crate) struct HttpCall<'a> {
    pub(crate) visit: &'a HttpVisit<'a>,
    /// As it came, or as the integration's mappings changed it.
    pub(crate) request: Cow<'a, StageRequest>,
    pub(crate) route: &'a Route,
    /// None for `$default`.
    pub(crate) found: Option<Match<'a>>,
    /// What a mapping put in the place of the path.
    pub(crate) mapped_path: Option<String>,
}

impl<'a> Deref for HttpCall<'a> {
    type Target = HttpVisit<'a>;

    fn deref(&self) -> &HttpVisit<'a> {
        self.visit
    }
}

impl<'a> HttpVisit<'a> {
    pub(crate) fn new(
        request: &'a StageRequest,
        ticket: &'a Ticket,
        (stage, path): (&'a HttpStage, &'a str),
    ) -> Self {
        Self {
            request,
            ticket,
            stage,
            path,
            routed: OnceLock::new(),
            grant: OnceLock::new(),
            integration: OnceLock::new(),
            integrating: OnceLock::new(),
        }
    }

    /// Below which the request's next step is.
    pub(crate) fn trace(&self) -> &Trace {
        self.integrating.get().unwrap_or(&self.ticket.trace)
    }

    /// The path as the client sent it, with the stage if that has a name and stands there.
    pub(crate) fn sent_path(&self) -> String {
        if let Some(base_path) = &self.request.base_path {
            return format!("{base_path}{}", self.path);
        }
        if self.stage.name == DEFAULT_STAGE {
            return self.path.to_owned();
        }
        format!("/{}{}", self.stage.name, self.path)
    }

    pub(crate) fn domain_prefix(&self) -> &str {
        match self.request.style {
            UrlStyle::Host => self.request.host_name().split('.').next().unwrap_or_default(),
            UrlStyle::UserRequest | UrlStyle::Path => &self.stage.api_id,
        }
    }

    /// `arn:aws:execute-api:us-east-1:000000000000:a1b2c3`
    pub(crate) fn api_arn(&self) -> String {
        let scope = &self.stage.scope;
        let partition = scope.region.partition();
        format!("arn:{partition}:execute-api:{}:{}:{}", scope.region, scope.account, self.stage.api_id)
    }

    /// The ARN that policies of authorizers speak of.
    pub(crate) fn route_arn(&self) -> String {
        let stage = format!("{}/{}", self.api_arn(), self.stage.name);
        format!("{stage}/{}/{}", self.request.method, path_in_arn(self.path))
    }
}

impl HttpCall<'_> {
    /// The path that the integration is told of.
    pub(crate) fn raw_path(&self) -> String {
        self.mapped_path.clone().unwrap_or_else(|| self.sent_path())
    }

    /// Path parameters by their names, as they came.
    pub(crate) fn raw_parameters(&self) -> impl Iterator<Item = (&str, &str)> {
        self.found.iter().flat_map(|found| found.params(self.path))
    }

    /// Path parameters by their names, decoded.
    pub(crate) fn parameters(&self) -> Vec<(&str, String)> {
        self.raw_parameters()
            .map(|(name, value)| (name, percent_decode_str(value).decode_utf8_lossy().into_owned()))
            .collect()
    }

    /// The ARN that a function's resource policy is asked for.
    pub(crate) fn source_arn(&self) -> String {
        let (stage, route) = (&self.stage.name, self.route);
        let api = self.api_arn();
        match route.arn_path.starts_with('/') {
            true => format!("{api}/{stage}/{}{}", self.visit.request.method, route.arn_path),
            false => format!("{api}/{stage}/{}", route.arn_path),
        }
    }
}
