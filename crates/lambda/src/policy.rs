//! Resource policies: the statements that AddPermission makes, AWS's JSON text of them, and whether they let
//! a service in. Pure; knows no function.

use base::{AccountId, Arn};
use minicbor::{Decode, Encode};
use wire::Failure;
use wire::json::Writer;

use crate::document::{self, Asked, Asker, Verdict};
use crate::error;

/// AWS's bound on the text of a policy.
const POLICY_BYTES_MAX: usize = 20_480;

#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode)]
pub(crate) struct Policy {
    #[n(0)]
    pub(crate) statements: Vec<Statement>,
    /// Of a layer's policy; that of a function's is the function's own.
    #[n(1)]
    pub(crate) revision: String,
    #[n(2)]
    pub(crate) id: Option<String>,
}

/// One permission, always `Allow`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode)]
pub(crate) struct Statement {
    #[n(0)]
    pub(crate) sid: String,
    #[n(1)]
    pub(crate) principal: Principal,
    #[n(2)]
    pub(crate) action: String,
    #[n(3)]
    pub(crate) resource: String,
    #[n(4)]
    pub(crate) source_arn: Option<String>,
    #[n(5)]
    pub(crate) source_account: Option<String>,
    #[n(6)]
    pub(crate) event_source_token: Option<String>,
    #[n(7)]
    pub(crate) url_auth_type: Option<String>,
    #[n(8)]
    pub(crate) organization: Option<String>,
    #[n(9)]
    pub(crate) via_url: Option<bool>,
    /// A statement of a document that the caller wrote: it alone counts, beside `sid`.
    #[n(10)]
    pub(crate) raw: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode)]
pub(crate) enum Principal {
    #[default]
    #[n(0)]
    Everybody,
    /// Such as `apigateway.amazonaws.com`.
    #[n(1)]
    Service(#[n(0)] String),
    /// An ARN.
    #[n(2)]
    Aws(#[n(0)] String),
}

impl Principal {
    /// `*`, a service, an account or an ARN; none for anything else.
    pub(crate) fn parse(text: &str, partition: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self::Everybody);
        }
        if text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit()) {
            return Some(Self::Aws(format!("arn:{partition}:iam::{text}:root")));
        }
        if text.starts_with("arn:") {
            return text.parse::<Arn>().ok().map(|arn| Self::Aws(arn.to_string()));
        }
        let service = text.ends_with(".amazonaws.com")
            || text.ends_with(".amazonaws.com.cn")
            || text.ends_with(".amazon.com");
        service.then(|| Self::Service(text.to_owned()))
    }
}

impl Policy {
    pub(crate) fn text(&self) -> String {
        let mut out = Writer::new();
        out.begin_object();
        out.key("Version");
        out.string("2012-10-17");
        out.key("Id");
        out.string(self.id.as_deref().unwrap_or("default"));
        out.key("Statement");
        out.begin_array();
        for statement in &self.statements {
            statement.write(&mut out);
        }
        out.end_array();
        out.end_object();
        into_text(out)
    }

    /// Takes a statement out.
    pub(crate) fn remove(&mut self, sid: &str) -> Result<(), Failure> {
        if self.statements.is_empty() {
            return Err(error::no_policy());
        }
        let at = self.statements.iter().position(|statement| statement.sid == sid);
        let missing = || error::not_found(format!("Statement {sid} is not found in resource policy."));
        self.statements.remove(at.ok_or_else(missing)?);
        Ok(())
    }

    /// AWS bounds a policy by its text.
    pub(crate) fn check_length(&self) -> Result<(), Failure> {
        let bytes = self.text().len();
        if bytes > POLICY_BYTES_MAX {
            return Err(error::policy_too_long(bytes, POLICY_BYTES_MAX));
        }
        Ok(())
    }

    /// Whether another account may do what the policy is about. Who belongs to an organization is not known here:
    /// statements for one let nobody in.
    pub(crate) fn lets_account_in(&self, account: &AccountId) -> bool {
        let named = |statement: &Statement| match &statement.principal {
            Principal::Everybody => statement.organization.is_none(),
            Principal::Aws(arn) => arn.split(':').nth(4).is_some_and(|named| named == account.to_string()),
            Principal::Service(_) => false,
        };
        self.statements.iter().any(named)
    }

    /// Whether `service`, acting for the resource `source_arn`, may invoke the function.
    pub(crate) fn lets_in(&self, service: &str, source_arn: &str) -> bool {
        let account = source_arn.split(':').nth(4).unwrap_or_default();
        let values = [("aws:sourcearn", source_arn), ("aws:sourceaccount", account)];
        let asked = Asked { action: "lambda:InvokeFunction", by: Asker::Service(service), values: &values };
        let verdict = |statement: &Statement| match &statement.raw {
            Some(raw) => document::verdict(raw, &asked),
            None if statement.lets_in(service, source_arn) => Verdict::Allows,
            None => Verdict::Silent,
        };
        let verdicts: Vec<Verdict> = self.statements.iter().map(verdict).collect();
        verdicts.contains(&Verdict::Allows) && !verdicts.contains(&Verdict::Denies)
    }

    /// Whether a request to the function's URL may pass: everybody's without `account`, else that account's. Since
    /// October 2025 AWS asks for both actions.
    pub(crate) fn lets_in_url(&self, account: Option<&str>, auth_type: &str) -> bool {
        let of_url = [("lambda:functionurlauthtype", auth_type)];
        let behind = [("lambda:invokedviafunctionurl", "true")];
        let calls = [("lambda:InvokeFunctionUrl", &of_url), ("lambda:InvokeFunction", &behind)];
        calls.iter().all(|(action, values)| {
            let asked = Asked { action, by: Asker::Caller(account), values: &values[..] };
            let verdict = |statement: &Statement| match &statement.raw {
                Some(raw) => document::verdict(raw, &asked),
                None if statement.lets_in_url(account, action, auth_type) => Verdict::Allows,
                None => Verdict::Silent,
            };
            let verdicts: Vec<Verdict> = self.statements.iter().map(verdict).collect();
            verdicts.contains(&Verdict::Allows) && !verdicts.contains(&Verdict::Denies)
        })
    }
}

impl Statement {
    pub(crate) fn text(&self) -> String {
        let mut out = Writer::new();
        self.write(&mut out);
        into_text(out)
    }

    fn write(&self, out: &mut Writer) {
        if let Some(raw) = &self.raw {
            return out.raw(raw.as_bytes());
        }
        out.begin_object();
        for (key, value) in [("Sid", &self.sid[..]), ("Effect", "Allow")] {
            out.key(key);
            out.string(value);
        }
        out.key("Principal");
        match &self.principal {
            Principal::Everybody => out.string("*"),
            Principal::Service(service) => write_map(out, &[("Service", service)]),
            Principal::Aws(arn) => write_map(out, &[("AWS", arn)]),
        }
        for (key, value) in [("Action", &self.action), ("Resource", &self.resource)] {
            out.key(key);
            out.string(value);
        }
        self.write_conditions(out);
        out.end_object();
    }

    fn write_conditions(&self, out: &mut Writer) {
        let equal: Vec<(&str, &str)> = [
            ("AWS:SourceAccount", &self.source_account),
            ("lambda:EventSourceToken", &self.event_source_token),
            ("lambda:FunctionUrlAuthType", &self.url_auth_type),
            ("aws:PrincipalOrgID", &self.organization),
        ]
        .into_iter()
        .filter_map(|(key, value)| value.as_deref().map(|value| (key, value)))
        .collect();
        if equal.is_empty() && self.source_arn.is_none() && self.via_url.is_none() {
            return;
        }
        out.key("Condition");
        out.begin_object();
        if !equal.is_empty() {
            out.key("StringEquals");
            write_map(out, &equal);
        }
        if let Some(arn) = &self.source_arn {
            out.key("ArnLike");
            write_map(out, &[("AWS:SourceArn", arn)]);
        }
        if let Some(via_url) = self.via_url {
            out.key("Bool");
            write_map(out, &[("lambda:InvokedViaFunctionUrl", if via_url { "true" } else { "false" })]);
        }
        out.end_object();
    }

    fn lets_in(&self, service: &str, source_arn: &str) -> bool {
        let principal = match &self.principal {
            Principal::Everybody => true,
            Principal::Service(allowed) => allowed == service,
            Principal::Aws(_) => false,
        };
        let action = matches!(&self.action[..], "*" | "lambda:*" | "lambda:InvokeFunction");
        let source = self.source_arn.as_deref().is_none_or(|pattern| matches_pattern(pattern, source_arn));
        let account = self.source_account.as_deref().is_none_or(|account| {
            // API Gateway's and S3's ARNs may name no account; then the condition has nothing to compare.
            source_arn.split(':').nth(4).is_none_or(|named| named.is_empty() || named == account)
        });
        let elsewhere = self.event_source_token.is_some() || self.organization.is_some();
        principal && action && source && account && !elsewhere
    }
}

impl Statement {
    fn lets_in_url(&self, account: Option<&str>, action: &str, auth_type: &str) -> bool {
        let principal = match &self.principal {
            Principal::Everybody => true,
            Principal::Service(_) => false,
            Principal::Aws(arn) => account.is_some() && arn.split(':').nth(4) == account,
        };
        let named = matches!(&self.action[..], "*" | "lambda:*") || self.action == action;
        // Only calls of the URL have an auth type, and only the invocation behind it says by which way it came.
        let of_url = action == "lambda:InvokeFunctionUrl";
        let auth = self.url_auth_type.as_deref().is_none_or(|wanted| of_url && wanted == auth_type);
        let way = self.via_url.is_none_or(|via_url| via_url && !of_url);
        let elsewhere = self.source_arn.is_some()
            || self.source_account.is_some()
            || self.event_source_token.is_some()
            || self.organization.is_some();
        principal && named && auth && way && !elsewhere
    }
}

fn write_map(out: &mut Writer, members: &[(&str, &str)]) {
    out.begin_object();
    for (key, value) in members {
        out.key(key);
        out.string(value);
    }
    out.end_object();
}

fn into_text(out: Writer) -> String {
    String::from_utf8(out.into_vec()).expect("a writer that was given text holds text")
}

/// `*` stands for any text and `?` for one character, as in ArnLike.
pub(crate) fn matches_pattern(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                retry = Some((p + 1, t));
                p += 1;
            }
            Some(&byte) if byte == b'?' || byte == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match &mut retry {
                Some((after_star, taken)) => {
                    *taken += 1;
                    (p, t) = (*after_star, *taken);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&byte| byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    const API: &str = "apigateway.amazonaws.com";

    fn statement() -> Statement {
        Statement {
            sid: "s".to_owned(),
            principal: Principal::Service(API.to_owned()),
            action: "lambda:InvokeFunction".to_owned(),
            resource: "arn:aws:lambda:us-east-1:000000000000:function:f".to_owned(),
            ..Statement::default()
        }
    }

    #[test]
    fn text_as_aws_writes_it() {
        for (statement, expected) in [
            (
                statement(),
                r#"{"Sid":"s","Effect":"Allow","Principal":{"Service":"apigateway.amazonaws.com"},"Action":"lambda:InvokeFunction","Resource":"arn:aws:lambda:us-east-1:000000000000:function:f"}"#,
            ),
            (
                Statement {
                    principal: Principal::parse("123456789012", "aws").unwrap(),
                    source_arn: Some("arn:aws:s3:::b".to_owned()),
                    source_account: Some("123456789012".to_owned()),
                    resource: "r".to_owned(),
                    ..statement()
                },
                r#"{"Sid":"s","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:root"},"Action":"lambda:InvokeFunction","Resource":"r","Condition":{"StringEquals":{"AWS:SourceAccount":"123456789012"},"ArnLike":{"AWS:SourceArn":"arn:aws:s3:::b"}}}"#,
            ),
            (
                Statement {
                    principal: Principal::Everybody,
                    action: "lambda:InvokeFunctionUrl".to_owned(),
                    resource: "r".to_owned(),
                    url_auth_type: Some("NONE".to_owned()),
                    ..statement()
                },
                r#"{"Sid":"s","Effect":"Allow","Principal":"*","Action":"lambda:InvokeFunctionUrl","Resource":"r","Condition":{"StringEquals":{"lambda:FunctionUrlAuthType":"NONE"}}}"#,
            ),
        ] {
            assert_eq!(statement.text(), expected);
        }
        let policy = Policy {
            statements: vec![Statement { resource: "r".to_owned(), ..statement() }],
            ..Policy::default()
        };
        assert!(
            policy.text().starts_with(r#"{"Version":"2012-10-17","Id":"default","Statement":[{"Sid":"s","#)
        );
    }

    #[test]
    fn principals() {
        for text in ["", "me", "12345", "arn:aws", "amazonaws.com"] {
            assert_eq!(Principal::parse(text, "aws"), None, "{text}");
        }
        assert_eq!(Principal::parse("*", "aws"), Some(Principal::Everybody));
    }

    #[test]
    fn who_is_let_in() {
        let call = "arn:aws:execute-api:us-east-1:000000000000:abc/prod/POST/pets";
        let like = |pattern: &str| Statement { source_arn: Some(pattern.to_owned()), ..statement() };
        for (statement, allowed) in [
            (statement(), true),
            (like("arn:aws:execute-api:us-east-1:000000000000:abc/*/POST/pets"), true),
            (like("arn:aws:execute-api:us-east-1:000000000000:abc/*"), true),
            (like("arn:aws:execute-api:us-east-1:000000000000:ab?/*/*/p*s"), true),
            (like("arn:aws:execute-api:us-east-1:000000000000:abc/*/GET/pets"), false),
            (like("arn:aws:execute-api:us-east-1:000000000000:xyz/*"), false),
            (Statement { source_account: Some("000000000000".to_owned()), ..statement() }, true),
            (Statement { source_account: Some("111111111111".to_owned()), ..statement() }, false),
            (Statement { principal: Principal::Everybody, ..statement() }, true),
            (
                Statement { principal: Principal::Service("s3.amazonaws.com".to_owned()), ..statement() },
                false,
            ),
            (Statement { action: "lambda:GetFunction".to_owned(), ..statement() }, false),
            (Statement { action: "lambda:*".to_owned(), ..statement() }, true),
        ] {
            let policy = Policy { statements: vec![statement.clone()], ..Policy::default() };
            assert_eq!(policy.lets_in(API, call), allowed, "{statement:?}");
        }
    }
}
