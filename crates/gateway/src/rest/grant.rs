//! What is known of a caller who was let in: what events and `$context.authorizer` say of them. Knows no authorizer
//! and no request.

use std::borrow::Cow;

use vtl::Data;
use wire::json::{Kind, Reader, Writer};

use crate::jwt::{Claim, Claims};
use crate::policy::{Policy, PolicyError};

const DEPTH_MAX: usize = 32;

/// Who was let in, and what their authorizer says of them.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Grant {
    pub(crate) principal_id: Option<String>,
    /// The API key that usage plans with the source AUTHORIZER ask for.
    pub(crate) usage_key: Option<String>,
    /// As texts, as AWS passes them on.
    pub(crate) context: Vec<(String, String)>,
    pub(crate) claims: Option<Vec<(String, String)>>,
    /// The claims are JSON: a function is told of them with their types, templates and logs as they are written.
    pub(crate) claims_are_json: bool,
    pub(crate) policy: Option<Policy>,
    /// The policy as the function wrote it.
    pub(crate) policy_text: String,
    /// What a function of an HTTP API said of the caller, as JSON.
    pub(crate) context_json: Option<String>,
    /// What a function said that says no more than yes or no.
    pub(crate) allowed: Option<bool>,
    /// What the caller may do, where a route asks.
    pub(crate) scopes: Option<Vec<String>>,
    /// Of callers who sign.
    pub(crate) signer: Option<Signer>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Signer {
    pub(crate) account: String,
    pub(crate) access_key: String,
    pub(crate) arn: String,
}

impl Signer {
    /// `$context.identity.NAME` of who signed. There are no users: the access key stands for them.
    pub(crate) fn identity(&self, name: &str) -> Option<&str> {
        Some(match name {
            "accountId" => &self.account,
            "accessKey" | "caller" | "user" => &self.access_key,
            "userArn" => &self.arn,
            _ => return None,
        })
    }
}

/// A grant as one request got it.
#[derive(Debug)]
pub(crate) struct Granted {
    pub(crate) grant: std::sync::Arc<Grant>,
    /// How long the authorizer took; 0 if it was not asked.
    pub(crate) latency_ms: i64,
}

fn malformed(why: &str) -> PolicyError {
    PolicyError::Malformed(why.to_owned())
}

impl Grant {
    /// Reads what an authorizer's function answered.
    /// Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-output.html>
    pub(crate) fn parse(json: &[u8]) -> Result<Self, PolicyError> {
        let mut reader = Reader::new(json, DEPTH_MAX)?;
        let mut grant = Self::default();
        reader.begin_object()?;
        while let Some(key) = reader.next_key()? {
            match &*key {
                "principalId" if reader.peek()? == Kind::String => {
                    grant.principal_id = Some(reader.string()?.into_owned());
                }
                "principalId" => grant.principal_id = Some(reader.raw()?.to_owned()),
                "usageIdentifierKey" if reader.peek()? == Kind::String => {
                    grant.usage_key = Some(reader.string()?.into_owned());
                }
                "policyDocument" => {
                    grant.policy_text = reader.raw()?.to_owned();
                    grant.policy = Some(Policy::parse(grant.policy_text.as_bytes())?);
                }
                "context" if reader.peek()? == Kind::Object => grant.context = read_context(&mut reader)?,
                _ => reader.skip()?,
            }
        }
        reader.end()?;
        match (&grant.principal_id, &grant.policy) {
            (Some(_), Some(_)) => Ok(grant),
            (None, _) => Err(malformed("it has no principalId")),
            (_, None) => Err(malformed("it has no policyDocument")),
        }
    }

    /// The same of an HTTP API: the context may nest. `simple`: it says yes or no in place of a policy.
    /// Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html>
    pub(crate) fn parse_http(json: &[u8], simple: bool) -> Result<Self, PolicyError> {
        let mut reader = Reader::new(json, DEPTH_MAX)?;
        let mut grant = Self::default();
        reader.begin_object()?;
        while let Some(key) = reader.next_key()? {
            match (&*key, reader.peek()?) {
                ("isAuthorized", Kind::True | Kind::False) if simple => {
                    grant.allowed = Some(reader.boolean()?)
                }
                ("principalId", Kind::String) if !simple => {
                    grant.principal_id = Some(reader.string()?.into_owned());
                }
                ("policyDocument", _) if !simple => {
                    grant.policy_text = reader.raw()?.to_owned();
                    grant.policy = Some(Policy::parse(grant.policy_text.as_bytes())?);
                }
                ("context", Kind::Object) => {
                    let raw = reader.raw()?.to_owned();
                    grant.context = read_nested_context(&raw)?;
                    grant.context_json = Some(raw);
                }
                _ => reader.skip()?,
            }
        }
        reader.end()?;
        match (grant.allowed, &grant.policy) {
            (Some(_), _) | (_, Some(_)) => Ok(grant),
            _ if simple => Err(malformed("it has no isAuthorized")),
            _ => Err(malformed("it has no policyDocument")),
        }
    }

    /// Who the issuer of an HTTP API's token says they are. `scopes`: the route asks for some.
    pub(crate) fn of_token(claims: &Claims, scopes: bool) -> Self {
        let texts = claims.iter().map(|(name, claim)| (name.to_owned(), plain_text(claim)));
        let scopes = scopes.then(|| claims.scopes().map(str::to_owned).collect());
        Self { claims: Some(texts.collect()), scopes, ..Self::default() }
    }

    /// Who a user pool says they are.
    pub(crate) fn of_claims(claims: &Claims) -> Self {
        let texts = claims.iter().map(|(name, claim)| (name.to_owned(), text(name, claim)));
        Self { claims: Some(texts.collect()), ..Self::default() }
    }

    /// Who the issuer of a REST API's token says they are.
    /// Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/rest-api-jwt-authorizer-claims.html>
    pub(crate) fn of_json_claims(claims: &Claims) -> Self {
        let texts = claims.iter().map(|(name, claim)| (name.to_owned(), in_ascii(&json_text(claim))));
        Self { claims: Some(texts.collect()), claims_are_json: true, ..Self::default() }
    }

    /// `$context.authorizer.NAME`
    pub(crate) fn context(&self, name: &str) -> Option<&str> {
        let find =
            |entries: &'_ [(String, String)], name: &str| entries.iter().position(|(known, _)| known == name);
        if name == "principalId" {
            return self.principal_id.as_deref();
        }
        if let (Some(claim), Some(claims)) = (name.strip_prefix("claims."), &self.claims) {
            return find(claims, claim).map(|at| claims[at].1.as_str());
        }
        find(&self.context, name).map(|at| self.context[at].1.as_str())
    }

    /// `$context.authorizer`, for templates; none of who came without one.
    pub(crate) fn data(&self) -> Option<Data> {
        let data = |(name, text): &(String, String)| (name.clone(), Data::Text(text.clone()));
        let mut entries: Vec<(String, Data)> = self.context.iter().map(data).collect();
        entries.extend(self.principal_id.iter().map(|id| ("principalId".to_owned(), Data::Text(id.clone()))));
        if let Some(claims) = &self.claims {
            entries.push(("claims".to_owned(), Data::Map(claims.iter().map(data).collect())));
        }
        (!entries.is_empty()).then_some(Data::Map(entries))
    }
}

impl Granted {
    /// `requestContext.authorizer` of events; nothing for who came without an authorizer.
    pub(crate) fn write(&self, w: &mut Writer) {
        let grant = &self.grant;
        if let Some(claims) = &grant.claims {
            w.key("authorizer");
            w.begin_object();
            w.key("claims");
            w.begin_object();
            for (name, text) in claims {
                w.key(name);
                if grant.claims_are_json { w.raw(text.as_bytes()) } else { w.string(text) }
            }
            w.end_object();
            w.end_object();
        } else if let Some(principal) = &grant.principal_id {
            w.key("authorizer");
            w.begin_object();
            for (name, text) in &grant.context {
                w.key(name);
                w.string(text);
            }
            w.key("principalId");
            w.string(principal);
            w.key("integrationLatency");
            w.integer(self.latency_ms);
            w.end_object();
        }
    }
}

fn json_text(claim: &Claim) -> String {
    let mut w = Writer::new();
    match claim {
        Claim::Text(text) => w.string(text),
        Claim::Number(number) => w.raw(number.as_bytes()),
        Claim::Boolean(value) => w.boolean(*value),
        Claim::Texts(texts) => {
            w.begin_array();
            texts.iter().for_each(|text| w.string(text));
            w.end_array();
        }
        Claim::Null => w.raw(b"null"),
        Claim::Json(raw) => w.raw(raw.as_bytes()),
    }
    String::from_utf8_lossy(&w.into_bytes()).into_owned()
}

/// JSON without letters beyond ASCII, which AWS writes as escapes. They stand in strings alone.
fn in_ascii(json: &str) -> String {
    let mut ascii = String::with_capacity(json.len());
    for letter in json.chars() {
        if letter.is_ascii() {
            ascii.push(letter);
        } else {
            let mut units = [0; 2];
            letter.encode_utf16(&mut units).iter().for_each(|unit| ascii.push_str(&format!("\\u{unit:04X}")));
        }
    }
    ascii
}

/// A flat object; AWS takes no other.
fn read_context(reader: &mut Reader<'_>) -> Result<Vec<(String, String)>, PolicyError> {
    let mut context = Vec::new();
    reader.begin_object()?;
    while let Some(name) = reader.next_key()? {
        let name = name.into_owned();
        let value = match reader.peek()? {
            Kind::String => reader.string()?.into_owned(),
            Kind::Number | Kind::True | Kind::False => reader.raw()?.to_owned(),
            Kind::Null => {
                reader.null()?;
                continue;
            }
            Kind::Object | Kind::Array => return Err(malformed("its context is not flat")),
        };
        // The function's own word does not take the place of ours.
        if !matches!(name.as_str(), "principalId" | "claims" | "integrationLatency") {
            context.push((name, value));
        }
    }
    Ok(context)
}

/// Values as texts, those that nest as their JSON.
fn read_nested_context(json: &str) -> Result<Vec<(String, String)>, PolicyError> {
    let mut reader = Reader::new(json.as_bytes(), DEPTH_MAX)?;
    let mut context = Vec::new();
    reader.begin_object()?;
    while let Some(name) = reader.next_key()? {
        let name = name.into_owned();
        let value = match reader.peek()? {
            Kind::String => reader.string()?.into_owned(),
            _ => reader.raw()?.to_owned(),
        };
        context.push((name, value));
    }
    Ok(context)
}

/// A claim as HTTP APIs pass it on: everything is a text, and lists are as Go writes them.
fn plain_text(claim: &Claim) -> String {
    match claim {
        Claim::Text(text) => text.clone(),
        Claim::Number(number) => number.clone(),
        Claim::Boolean(truth) => truth.to_string(),
        Claim::Texts(texts) => format!("[{}]", texts.join(" ")),
        Claim::Null => String::new(),
        Claim::Json(json) => json.clone(),
    }
}

/// A claim as AWS passes it on: everything is a text, and two of the times are dates.
fn text(name: &str, claim: &Claim) -> String {
    match claim {
        Claim::Text(text) => text.clone(),
        Claim::Number(number) if matches!(name, "exp" | "iat") => date(number).into_owned(),
        Claim::Number(number) => number.clone(),
        Claim::Boolean(truth) => truth.to_string(),
        Claim::Texts(texts) => texts.join(","),
        Claim::Null => String::new(),
        Claim::Json(json) => json.clone(),
    }
}

/// `Sun Nov 22 17:21:00 UTC 2026`, as Java writes it.
pub(crate) fn date(seconds: &str) -> Cow<'_, str> {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let Ok(secs) = seconds.parse::<u32>() else { return seconds.into() };
    let (year, month, day, hour, minute, second, _) = base::Timestamp::from_secs(i64::from(secs)).civil();
    let weekday = DAYS[(secs / 86_400 % 7) as usize];
    let month = MONTHS.get(month as usize - 1).unwrap_or(&"Jan");
    format!("{weekday} {month} {day:02} {hour:02}:{minute:02}:{second:02} UTC {year}").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_functions() {
        const POLICY: &str =
            r#""policyDocument":{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
        let read = |text: &str| Grant::parse(text.replace("POLICY", POLICY).as_bytes());
        let grant = read(
            r#"{"principalId":"u","context":{"a":"x","n":1.50,"t":true,"z":null},POLICY,"usageIdentifierKey":"k"}"#,
        );
        let grant = grant.unwrap();
        assert_eq!(
            [
                grant.context("a"),
                grant.context("n"),
                grant.context("t"),
                grant.context("z"),
                grant.context("principalId")
            ],
            [Some("x"), Some("1.50"), Some("true"), None, Some("u")]
        );
        assert_eq!(grant.usage_key.as_deref(), Some("k"));
        for text in [
            "",
            "null",
            "{}",
            "{POLICY}",
            r#"{"principalId":"u"}"#,
            r#"{"principalId":"u",POLICY,"context":{"a":[]}}"#,
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn dates_are_javas() {
        assert_eq!(date("1498501332"), "Mon Jun 26 18:22:12 UTC 2017");
        assert_eq!(date("0"), "Thu Jan 01 00:00:00 UTC 1970");
        assert_eq!(date("1.5"), "1.5");
    }
}
