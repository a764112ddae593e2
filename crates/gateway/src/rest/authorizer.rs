//! Authorizers of a REST API: what is stored of one, what it may be by AWS's rules, and what methods say of them.
//! Pure; knows no store.

use minicbor::{Decode, Encode};
use vtl::JavaRegex;

use crate::error::{GatewayError, Result};
use crate::json::{Bounds, Json};
use crate::parts::{Part, kind};
use crate::patch::{Patch, PatchVerb};
use crate::rest::integration::function_in;
use crate::rest::mapping::Source;
use crate::rest::openapi;
use crate::rest::records::MethodRecord;
use crate::rest::rows::Record;

/// Of a configuration in a patch.
const JWT_BOUNDS: Bounds = Bounds { depth_max: 8, values_max: 10_000 };

pub(crate) const TTL_DEFAULT: i32 = 300;
const TTL_MAX: i32 = 3600;

#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
pub(crate) struct AuthorizerRecord {
    #[n(0)]
    pub(crate) id: String,
    #[n(1)]
    pub(crate) name: String,
    /// `TOKEN`, `REQUEST`, `COGNITO_USER_POOLS` or `JWT`.
    #[n(2)]
    pub(crate) kind: String,
    #[n(3)]
    pub(crate) provider_arns: Vec<String>,
    #[n(4)]
    pub(crate) auth_type: Option<String>,
    #[n(5)]
    pub(crate) uri: Option<String>,
    #[n(6)]
    pub(crate) credentials: Option<String>,
    #[n(7)]
    pub(crate) identity_source: Option<String>,
    #[n(8)]
    pub(crate) validation: Option<String>,
    #[n(9)]
    pub(crate) ttl_s: Option<i32>,
    /// Of `JWT`.
    #[n(10)]
    pub(crate) jwt: Option<JwtRecord>,
}

impl Record for AuthorizerRecord {}

/// Whose tokens are taken.
/// Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/rest-api-jwt-authorizer-create.html>
#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
pub(crate) struct JwtRecord {
    #[n(0)]
    pub(crate) issuers: Vec<IssuerRecord>,
    /// As JOSE names them.
    #[n(1)]
    pub(crate) algorithms: Vec<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
pub(crate) struct IssuerRecord {
    /// As `iss` has it, to the letter.
    #[n(0)]
    pub(crate) issuer: String,
    #[n(1)]
    pub(crate) audiences: Vec<String>,
    #[n(2)]
    pub(crate) claims: Vec<ClaimRecord>,
}

/// What a token must say besides: a text.
#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
pub(crate) struct ClaimRecord {
    #[n(0)]
    pub(crate) name: String,
    #[n(1)]
    pub(crate) is_required: bool,
    /// It must be one of them; empty: whatever it is.
    #[n(2)]
    pub(crate) expected: Vec<String>,
}

impl JwtRecord {
    fn check(&self) -> Result<()> {
        let bad = |why: String| Err(GatewayError::bad_request(why));
        if self.issuers.is_empty() || self.algorithms.is_empty() {
            return bad("A JWT authorizer must have at least one issuer and one algorithm".to_owned());
        }
        for (at, IssuerRecord { issuer, audiences, .. }) in self.issuers.iter().enumerate() {
            let is_url = ["https://", "http://"].iter().any(|scheme| issuer.starts_with(scheme));
            if !is_url || issuer.contains(['?', '#']) {
                return bad(format!(
                    "Invalid issuer: {issuer}. It must be an absolute https URL with no query string or fragment"
                ));
            }
            if audiences.is_empty() {
                return bad(format!("Issuer {issuer} must have at least one audience"));
            }
            if self.issuers[..at].iter().any(|other| other.issuer == *issuer) {
                return bad(format!("Issuer {issuer} is given more than once"));
            }
        }
        Ok(())
    }
}

impl Part for AuthorizerRecord {
    const KIND: u8 = kind::AUTHORIZER;

    fn id(&self) -> &str {
        &self.id
    }

    fn missing(_: &str) -> GatewayError {
        GatewayError::NotFound("Invalid Authorizer identifier specified".into())
    }
}

impl AuthorizerRecord {
    pub(crate) fn is_lambda(&self) -> bool {
        matches!(self.kind.as_str(), "TOKEN" | "REQUEST")
    }

    /// The authorization type of methods that ask it.
    pub(crate) fn authorization_type(&self) -> &str {
        if self.is_lambda() { "CUSTOM" } else { &self.kind }
    }

    /// What `authType` is if nobody says it.
    pub(crate) fn default_auth_type(&self) -> String {
        self.authorization_type().to_ascii_lowercase()
    }

    /// Where the caller's identity stands, parsed; none if one of the places is not one.
    pub(crate) fn sources(&self) -> Option<Vec<Source>> {
        let names = self.identity_source.as_deref().unwrap_or_default().split(',').map(str::trim);
        let sources = names.filter(|name| !name.is_empty()).map(|name| Source::parse(name, "method.request"));
        sources.collect()
    }

    /// Checks the whole authorizer after it was made or edited.
    pub(crate) fn check(&self) -> Result<()> {
        if self.name.is_empty() {
            return Err(GatewayError::bad_request("Authorizer name cannot be empty"));
        }
        if self.ttl_s.is_some_and(|ttl| !(0..=TTL_MAX).contains(&ttl)) {
            return Err(GatewayError::bad_request(
                "Invalid Authorizer Result TTL. Value should be between 0 and 3600 seconds",
            ));
        }
        if let Some(pattern) = &self.validation
            && JavaRegex::new(pattern).is_err()
        {
            return Err(GatewayError::bad_request(format!(
                "Invalid identity validation expression specified: {pattern}"
            )));
        }
        self.check_sources()?;
        match self.kind.as_str() {
            "TOKEN" | "REQUEST" => self.check_uri(),
            "COGNITO_USER_POOLS" => self.check_providers(),
            "JWT" => match &self.jwt {
                Some(jwt) => jwt.check(),
                None => Err(GatewayError::bad_request("A JWT authorizer must have a jwtConfiguration")),
            },
            other => Err(GatewayError::bad_request(format!(
                "Invalid authorizer type specified: {other}. Must be one of [TOKEN, REQUEST, COGNITO_USER_POOLS, JWT]"
            ))),
        }
    }

    fn check_sources(&self) -> Result<()> {
        let text = self.identity_source.as_deref().unwrap_or_default();
        let bad = || GatewayError::bad_request(format!("Invalid Identity Source specified: {text}"));
        let sources = self.sources().ok_or_else(bad)?;
        let is_known = |source: &Source| match source {
            Source::Header(_) => true,
            Source::Query(_) | Source::StageVariable(_) | Source::Context(_) => self.kind == "REQUEST",
            _ => false,
        };
        if !sources.iter().all(is_known) || self.kind != "REQUEST" && sources.len() > 1 {
            return Err(bad());
        }
        let is_needed = self.kind != "REQUEST" || self.ttl_s.unwrap_or(TTL_DEFAULT) > 0;
        if sources.is_empty() && is_needed {
            Err(GatewayError::bad_request("Invalid request input"))
        } else {
            Ok(())
        }
    }

    fn check_uri(&self) -> Result<()> {
        let uri = self.uri.as_deref().unwrap_or_default();
        if function_in(uri).is_some() {
            return Ok(());
        }
        Err(GatewayError::bad_request(format!(
            "Invalid Authorizer URI: {uri}. Authorizer URI should be a valid API Gateway ARN that represents a Lambda \
             function invocation."
        )))
    }

    fn check_providers(&self) -> Result<()> {
        if self.provider_arns.is_empty() {
            return Err(GatewayError::bad_request("Invalid request input"));
        }
        match self.provider_arns.iter().find(|arn| pool_of(arn).is_none()) {
            Some(arn) => {
                Err(GatewayError::bad_request(format!("Invalid Cognito User Pool ARN specified: {arn}")))
            }
            None => Ok(()),
        }
    }

    pub(crate) fn patch(&mut self, patch: &Patch) -> Result<()> {
        let segments = patch.segments();
        if let ["providerARNs", arn @ ..] = &segments[..] {
            let member = arn.first().map_or_else(|| patch.text(), |arn| (*arn).to_owned());
            return patch.member(&mut self.provider_arns, &member);
        }
        if patch.verb != PatchVerb::Replace {
            return Err(patch.unsupported());
        }
        match segments[..] {
            ["name"] => self.name = patch.text(),
            ["type"] => self.kind = patch.text(),
            ["authType"] => self.auth_type = patch.some_text(),
            ["authorizerUri"] => self.uri = patch.some_text(),
            ["authorizerCredentials"] => self.credentials = patch.some_text(),
            ["identitySource"] => self.identity_source = patch.some_text(),
            ["identityValidationExpression"] => self.validation = patch.some_text(),
            ["authorizerResultTtlInSeconds"] => self.ttl_s = Some(patch.number()?),
            // The whole of it, as JSON.
            ["jwtConfiguration"] => {
                let text = patch.text();
                let json = Json::parse(text.as_bytes(), JWT_BOUNDS).map_err(|_| patch.bad_value())?;
                self.jwt = Some(openapi::jwt_record(&json.into_owned()));
            }
            _ => {
                return Err(patch.none_of(&[
                    "/name",
                    "/type",
                    "/authType",
                    "/authorizerUri",
                    "/authorizerCredentials",
                    "/identitySource",
                    "/identityValidationExpression",
                    "/authorizerResultTtlInSeconds",
                    "/providerARNs",
                    "/jwtConfiguration",
                ]));
            }
        }
        Ok(())
    }

    /// Fails if another authorizer of the API has this one's name.
    pub(crate) fn check_name(&self, known: &[Self]) -> Result<()> {
        if known.iter().all(|other| other.id == self.id || other.name != self.name) {
            return Ok(());
        }
        Err(GatewayError::conflict(format!(
            "Authorizer name must be unique. Authorizer {} already exists in this RestApi.",
            self.name
        )))
    }
}

/// Region and id of a user pool, by its ARN.
pub(crate) fn pool_of(arn: &str) -> Option<(&str, &str)> {
    let mut parts = arn.splitn(6, ':');
    let (scheme, _, service) = (parts.next()?, parts.next()?, parts.next()?);
    let (region, _, resource) = (parts.next()?, parts.next()?, parts.next()?);
    let pool = resource.strip_prefix("userpool/")?;
    let is_sound = scheme == "arn" && service == "cognito-idp" && !region.is_empty();
    // It becomes a part of a URL.
    let is_name = !pool.is_empty()
        && pool.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    (is_sound && is_name).then_some((region, pool))
}

impl MethodRecord {
    /// Checks the method's authorizer against those of its API, and forgets one that its type does not use.
    pub(crate) fn settle_authorizer(&mut self, known: &[AuthorizerRecord]) -> Result<()> {
        let fits = |authorizer: &AuthorizerRecord| match self.authorization_type.as_str() {
            "CUSTOM" => authorizer.is_lambda(),
            kind => authorizer.kind == kind,
        };
        if !matches!(self.authorization_type.as_str(), "CUSTOM" | "COGNITO_USER_POOLS" | "JWT") {
            self.authorizer_id = None;
            return Ok(());
        }
        let named = known.iter().find(|authorizer| Some(&authorizer.id) == self.authorizer_id.as_ref());
        if named.is_some_and(fits) {
            return Ok(());
        }
        Err(GatewayError::bad_request(
            "Invalid authorizer ID specified. Setting the authorization type to CUSTOM or COGNITO_USER_POOLS requires \
             a valid authorizer.",
        ))
    }
}
