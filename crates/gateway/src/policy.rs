//! Policy documents, read and asked: those that authorizers return and those of APIs. Pure; knows no request and no
//! store: who asks says what the keys of conditions are.
//!
//! What is not understood is refused when a policy is read, never passed over: a condition that nobody evaluates
//! would open or close what its author did not mean.

use std::net::IpAddr;

use wire::json::{JsonError, Kind, Reader};

const DEPTH_MAX: usize = 16;
const STATEMENTS_MAX: usize = 1000;

/// Why a document is no policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PolicyError {
    #[error("no JSON: {0}")]
    Json(String),
    #[error("{0}")]
    Malformed(String),
}

impl From<JsonError> for PolicyError {
    fn from(error: JsonError) -> Self {
        Self::Json(error.to_string())
    }
}

type Read<T> = Result<T, PolicyError>;

/// What a policy says to a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Allow,
    /// No statement speaks of it.
    ImplicitDeny,
    ExplicitDeny,
}

/// What is asked.
pub(crate) struct Question<'a> {
    pub(crate) action: &'a str,
    /// An ARN.
    pub(crate) resource: &'a str,
    /// The caller's names (ARN, account); none: nobody in particular.
    pub(crate) caller: &'a [String],
    /// The values of the keys of conditions, such as `aws:SourceIp`, by their lower-case names.
    pub(crate) facts: &'a (dyn Fn(&str) -> Option<String> + Sync),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Policy {
    statements: Vec<Statement>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Statement {
    allows: bool,
    /// None where policies name nobody: those of authorizers.
    principals: Option<Names>,
    actions: Option<Names>,
    resources: Option<Names>,
    conditions: Vec<Condition>,
}

/// A list, or everything but it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Names {
    but: bool,
    names: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Condition {
    test: Test,
    negated: bool,
    /// A key that is not there is no matter.
    if_exists: bool,
    /// Lower-case.
    key: String,
    values: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Test {
    Equals,
    EqualsIgnoreCase,
    Like,
    Ip,
    Bool,
    Null,
    Number(std::cmp::Ordering, bool),
}

impl Policy {
    pub(crate) fn parse(json: &[u8]) -> Read<Self> {
        let mut reader = Reader::new(json, DEPTH_MAX)?;
        let policy = Self::read(&mut reader)?;
        reader.end()?;
        Ok(policy)
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Read<Self> {
        let mut statements = Vec::new();
        reader.begin_object()?;
        while let Some(key) = reader.next_key()? {
            match &*key {
                "Statement" if reader.peek()? == Kind::Array => {
                    reader.begin_array()?;
                    while reader.next_element()? {
                        statements.push(Statement::read(reader)?);
                        if statements.len() > STATEMENTS_MAX {
                            return Err(PolicyError::Malformed("too many statements".to_owned()));
                        }
                    }
                }
                "Statement" => statements.push(Statement::read(reader)?),
                "Version" | "Id" => reader.skip()?,
                other => return Err(PolicyError::Malformed(format!("unknown field {other}"))),
            }
        }
        if statements.is_empty() {
            return Err(PolicyError::Malformed("no statement".to_owned()));
        }
        Ok(Self { statements })
    }

    /// Whether every statement says for whom it is, as resource policies must.
    pub(crate) fn names_principals(&self) -> bool {
        self.statements.iter().all(|statement| statement.principals.is_some())
    }

    /// Writes `execute-api:/stage/...` out as the ARN that it is short for.
    pub(crate) fn expand_resources(&mut self, api_arn: &str) {
        for names in self.statements.iter_mut().filter_map(|statement| statement.resources.as_mut()) {
            for name in &mut names.names {
                if let Some(rest) = name.strip_prefix("execute-api:/") {
                    *name = format!("{api_arn}/{rest}");
                }
            }
        }
    }

    pub(crate) fn ask(&self, question: &Question<'_>) -> Verdict {
        let mut verdict = Verdict::ImplicitDeny;
        for statement in self.statements.iter().filter(|statement| statement.speaks_of(question)) {
            if !statement.allows {
                return Verdict::ExplicitDeny;
            }
            verdict = Verdict::Allow;
        }
        verdict
    }
}

impl Statement {
    fn read(reader: &mut Reader<'_>) -> Read<Self> {
        let mut statement = Self::default();
        let mut effect = None;
        reader.begin_object()?;
        while let Some(key) = reader.next_key()? {
            match &*key {
                "Effect" => effect = Some(reader.string()?.into_owned()),
                "Action" => statement.actions = Some(Names::read(reader, false)?),
                "NotAction" => statement.actions = Some(Names::read(reader, true)?),
                "Resource" => statement.resources = Some(Names::read(reader, false)?),
                "NotResource" => statement.resources = Some(Names::read(reader, true)?),
                "Principal" => statement.principals = Some(Names::read_principals(reader, false)?),
                "NotPrincipal" => statement.principals = Some(Names::read_principals(reader, true)?),
                "Condition" => statement.conditions = read_conditions(reader)?,
                "Sid" => reader.skip()?,
                other => return Err(PolicyError::Malformed(format!("unknown field {other}"))),
            }
        }
        statement.allows = match effect.as_deref() {
            Some("Allow") => true,
            Some("Deny") => false,
            _ => return Err(PolicyError::Malformed("no effect".to_owned())),
        };
        if statement.actions.is_none() || statement.resources.is_none() {
            return Err(PolicyError::Malformed("a statement needs Action and Resource".to_owned()));
        }
        Ok(statement)
    }

    fn speaks_of(&self, question: &Question<'_>) -> bool {
        let action = |name: &str| like(&name.to_ascii_lowercase(), &question.action.to_ascii_lowercase());
        let is_caller = |name: &str| name == "*" || question.caller.iter().any(|caller| caller == name);
        self.actions.as_ref().is_some_and(|names| names.have(action))
            && self.resources.as_ref().is_some_and(|names| names.have(|name| like(name, question.resource)))
            && self.principals.as_ref().is_none_or(|names| names.have(is_caller))
            && self.conditions.iter().all(|condition| condition.holds(question))
    }
}

impl Names {
    fn read(reader: &mut Reader<'_>, but: bool) -> Read<Self> {
        let names = read_texts(reader)?;
        if names.is_empty() {
            return Err(PolicyError::Malformed("an empty list".to_owned()));
        }
        Ok(Self { but, names })
    }

    /// `"*"`, or lists by their kind (`AWS`, `Service`, ...).
    fn read_principals(reader: &mut Reader<'_>, but: bool) -> Read<Self> {
        if reader.peek()? != Kind::Object {
            return Self::read(reader, but);
        }
        let mut names = Vec::new();
        reader.begin_object()?;
        while let Some(kind) = reader.next_key()? {
            let of_kind = read_texts(reader)?;
            // Of other kinds nobody calls a stage; a star among services is not everybody.
            if kind == "AWS" {
                names.extend(of_kind);
            }
        }
        Ok(Self { but, names })
    }

    fn have(&self, is: impl Fn(&str) -> bool) -> bool {
        self.names.iter().any(|name| is(name)) != self.but
    }
}

/// A text, or a list of them. Numbers and truth values stand as they are written.
fn read_texts(reader: &mut Reader<'_>) -> Read<Vec<String>> {
    let mut texts = Vec::new();
    let one = |reader: &mut Reader<'_>| -> Read<String> {
        Ok(match reader.peek()? {
            Kind::String => reader.string()?.into_owned(),
            Kind::Number | Kind::True | Kind::False => reader.raw()?.to_owned(),
            _ => return Err(PolicyError::Malformed("not a text".to_owned())),
        })
    };
    if reader.peek()? == Kind::Array {
        reader.begin_array()?;
        while reader.next_element()? {
            texts.push(one(reader)?);
        }
    } else {
        texts.push(one(reader)?);
    }
    Ok(texts)
}

fn read_conditions(reader: &mut Reader<'_>) -> Read<Vec<Condition>> {
    let mut conditions = Vec::new();
    reader.begin_object()?;
    while let Some(operator) = reader.next_key()? {
        let operator = operator.into_owned();
        reader.begin_object()?;
        while let Some(key) = reader.next_key()? {
            let key = key.to_ascii_lowercase();
            conditions.push(Condition::new(&operator, key, read_texts(reader)?)?);
        }
    }
    Ok(conditions)
}

impl Condition {
    fn new(operator: &str, key: String, values: Vec<String>) -> Read<Self> {
        use std::cmp::Ordering::{Equal, Greater, Less};
        let plain = operator.strip_prefix("ForAnyValue:").unwrap_or(operator);
        let (plain, if_exists) = match plain.strip_suffix("IfExists") {
            Some(plain) => (plain, true),
            None => (plain, false),
        };
        let (test, negated) = match plain {
            "StringEquals" => (Test::Equals, false),
            "StringNotEquals" => (Test::Equals, true),
            "StringEqualsIgnoreCase" => (Test::EqualsIgnoreCase, false),
            "StringNotEqualsIgnoreCase" => (Test::EqualsIgnoreCase, true),
            "StringLike" | "ArnLike" | "ArnEquals" => (Test::Like, false),
            "StringNotLike" | "ArnNotLike" | "ArnNotEquals" => (Test::Like, true),
            "IpAddress" => (Test::Ip, false),
            "NotIpAddress" => (Test::Ip, true),
            "Bool" => (Test::Bool, false),
            "Null" => (Test::Null, false),
            "NumericEquals" => (Test::Number(Equal, true), false),
            "NumericNotEquals" => (Test::Number(Equal, true), true),
            "NumericLessThan" => (Test::Number(Less, false), false),
            "NumericLessThanEquals" => (Test::Number(Less, true), false),
            "NumericGreaterThan" => (Test::Number(Greater, false), false),
            "NumericGreaterThanEquals" => (Test::Number(Greater, true), false),
            _ => return Err(PolicyError::Malformed(format!("the condition {operator} is not known here"))),
        };
        let is_sound = |value: &String| match test {
            Test::Ip => in_range(IpAddr::from([0, 0, 0, 0]), value).is_some(),
            Test::Number(..) => value.parse::<f64>().is_ok(),
            Test::Bool | Test::Null => matches!(value.as_str(), "true" | "false"),
            Test::Equals | Test::EqualsIgnoreCase | Test::Like => true,
        };
        if let Some(value) = values.iter().find(|value| !is_sound(value)) {
            return Err(PolicyError::Malformed(format!("{operator}: {value}")));
        }
        Ok(Self { test, negated, if_exists, key, values })
    }

    fn holds(&self, question: &Question<'_>) -> bool {
        let fact = (question.facts)(&self.key);
        if self.test == Test::Null {
            return self.values.iter().any(|value| (value == "true") == fact.is_none());
        }
        // Of what is not there nothing is true, so that what is denied of it holds.
        let Some(fact) = fact else { return self.if_exists || self.negated };
        self.values.iter().any(|value| self.test.is(&fact, value)) != self.negated
    }
}

impl Test {
    fn is(self, fact: &str, value: &str) -> bool {
        match self {
            Self::Equals => fact == value,
            Self::EqualsIgnoreCase | Self::Bool => fact.eq_ignore_ascii_case(value),
            Self::Like => like(value, fact),
            Self::Ip => fact.parse().is_ok_and(|address| in_range(address, value) == Some(true)),
            Self::Number(order, or_equal) => {
                let compared = fact.parse::<f64>().ok().zip(value.parse::<f64>().ok());
                let compared = compared.and_then(|(fact, value)| fact.partial_cmp(&value));
                compared.is_some_and(|found| found == order || or_equal && found.is_eq())
            }
            Self::Null => false,
        }
    }
}

/// Whether `address` is in `203.0.113.0/24`, or is the one address `range`; none if that is no range.
fn in_range(address: IpAddr, range: &str) -> Option<bool> {
    let (base, length) = match range.split_once('/') {
        Some((base, length)) => (base, Some(length.parse::<u32>().ok()?)),
        None => (range, None),
    };
    let prefix = |bits: u128, all: u32, length: u32| if length == 0 { 0 } else { bits >> (all - length) };
    match (base.parse::<IpAddr>().ok()?, address.to_canonical()) {
        (IpAddr::V4(base), address) => {
            let length = Some(length.unwrap_or(32)).filter(|length| *length <= 32)?;
            let IpAddr::V4(address) = address else { return Some(false) };
            let of = |address: std::net::Ipv4Addr| prefix(u128::from(address.to_bits()), 32, length);
            Some(of(base) == of(address))
        }
        (IpAddr::V6(base), address) => {
            let length = Some(length.unwrap_or(128)).filter(|length| *length <= 128)?;
            let IpAddr::V6(address) = address else { return Some(false) };
            Some(prefix(base.to_bits(), 128, length) == prefix(address.to_bits(), 128, length))
        }
    }
}

/// Whether `text` is like `pattern`, in which `*` is any text and `?` any character. Time is at most the product of
/// their lengths, whatever they are.
fn like(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    let mut star = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(b'?') => (p, t) = (p + 1, t + 1),
            Some(byte) if *byte == text[t] => (p, t) = (p + 1, t + 1),
            _ => match star {
                Some((at, taken)) => {
                    (p, t) = (at + 1, taken + 1);
                    star = Some((at, taken + 1));
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:execute-api:us-east-1:000000000000:api/dev/GET/pets/1";

    fn ask(statements: &str) -> Result<Verdict, PolicyError> {
        ask_as(statements, &[])
    }

    fn ask_as(statements: &str, caller: &[String]) -> Result<Verdict, PolicyError> {
        let policy =
            Policy::parse(format!(r#"{{"Version":"2012-10-17","Statement":{statements}}}"#).as_bytes())?;
        let facts = |key: &str| match key {
            "aws:sourceip" => Some("203.0.113.7".to_owned()),
            "aws:useragent" => Some("curl/8".to_owned()),
            "aws:securetransport" => Some("false".to_owned()),
            "aws:epochtime" => Some("1000".to_owned()),
            _ => None,
        };
        Ok(policy.ask(&Question { action: "execute-api:Invoke", resource: ARN, caller, facts: &facts }))
    }

    #[test]
    fn statements_are_asked_as_iam_does() {
        use Verdict::{Allow, ExplicitDeny, ImplicitDeny};
        let table = [
            (r#""Effect":"Allow","Action":"execute-api:Invoke","Resource":"*""#, Allow),
            (
                r#""Effect":"Allow","Action":["EXECUTE-API:inv*"],"Resource":["a","arn:aws:execute-api:*:*:api/dev/GET/pets/?"]"#,
                Allow,
            ),
            (r#""Effect":"Allow","Action":"execute-api:Manage","Resource":"*""#, ImplicitDeny),
            (r#""Effect":"Allow","NotAction":"execute-api:Manage","Resource":"*""#, Allow),
            (r#""Effect":"Allow","Action":"*","NotResource":"*/dev/*""#, ImplicitDeny),
            (r#""Effect":"Allow","Action":"*","NotResource":"*/prod/*""#, Allow),
            (r#""Effect":"Deny","Action":"*","Resource":"*/pets/*""#, ExplicitDeny),
            (r#""Effect":"Allow","Action":"*","Resource":"*/dev/GET/pets""#, ImplicitDeny),
        ];
        for (statement, expected) in table {
            assert_eq!(ask(&format!("{{{statement}}}")), Ok(expected), "{statement}");
        }
        let both = r#"[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"*","Resource":"*"}]"#;
        assert_eq!(ask(both), Ok(ExplicitDeny));
    }

    #[test]
    fn conditions_hold_or_not() {
        let table = [
            (r#"{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}}"#, true),
            (r#"{"IpAddress":{"AWS:SourceIP":["10.0.0.0/8","203.0.113.7"]}}"#, true),
            (r#"{"IpAddress":{"aws:SourceIp":"203.0.113.8/30"}}"#, false),
            (r#"{"IpAddress":{"aws:SourceIp":["0.0.0.0/0","::/0"]}}"#, true),
            (r#"{"NotIpAddress":{"aws:SourceIp":["10.0.0.0/8","203.0.113.7/32"]}}"#, false),
            (r#"{"StringEquals":{"aws:SourceVpce":"vpce-1"}}"#, false),
            (r#"{"StringNotEquals":{"aws:SourceVpce":"vpce-1"}}"#, true),
            (r#"{"StringEqualsIfExists":{"aws:SourceVpce":"vpce-1"}}"#, true),
            (r#"{"Null":{"aws:SourceVpce":"true"}}"#, true),
            (r#"{"Null":{"aws:SourceIp":true}}"#, false),
            (r#"{"StringLike":{"aws:UserAgent":"curl/*"},"Bool":{"aws:SecureTransport":"false"}}"#, true),
            (r#"{"StringNotLike":{"aws:UserAgent":"curl/*"}}"#, false),
            (r#"{"NumericLessThan":{"aws:EpochTime":"1000"}}"#, false),
            (r#"{"NumericGreaterThanEquals":{"aws:EpochTime":1000}}"#, true),
        ];
        for (condition, expected) in table {
            let statement =
                format!(r#"{{"Effect":"Allow","Action":"*","Resource":"*","Condition":{condition}}}"#);
            let verdict = if expected { Verdict::Allow } else { Verdict::ImplicitDeny };
            assert_eq!(ask(&statement), Ok(verdict), "{condition}");
        }
    }

    #[test]
    fn principals_are_who_they_say() {
        let caller = ["arn:aws:iam::111111111111:root".to_owned(), "111111111111".to_owned()];
        let table = [
            (r#""*""#, true, true),
            (r#"{"AWS":"*"}"#, true, true),
            (r#"{"AWS":["111111111111"]}"#, true, false),
            (r#"{"AWS":"arn:aws:iam::111111111111:root"}"#, true, false),
            (r#"{"AWS":"222222222222"}"#, false, false),
            (r#"{"Service":"*"}"#, false, false),
        ];
        for (principal, known, anonymous) in table {
            let statement =
                format!(r#"{{"Effect":"Allow","Principal":{principal},"Action":"*","Resource":"*"}}"#);
            let allowed = |verdict| verdict == Ok(Verdict::Allow);
            assert_eq!(allowed(ask_as(&statement, &caller)), known, "{principal}");
            assert_eq!(allowed(ask(&statement)), anonymous, "{principal}");
        }
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for statements in [
            "[]",
            "1",
            r#"{"Effect":"allow","Action":"*","Resource":"*"}"#,
            r#"{"Effect":"Allow","Resource":"*"}"#,
            r#"{"Effect":"Allow","Action":"*"}"#,
            r#"{"Effect":"Allow","Action":[],"Resource":"*"}"#,
            r#"{"Effect":"Allow","Action":"*","Resource":"*","Conditions":{}}"#,
            r#"{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringSame":{"a":"b"}}}"#,
            r#"{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"300.0.0.0/8"}}}"#,
            r#"{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"ForAllValues:StringEquals":{"a":"b"}}}"#,
        ] {
            assert!(ask(statements).is_err(), "{statements}");
        }
    }

    #[test]
    fn patterns_take_no_time() {
        let text = "a".repeat(10_000);
        assert!(!like(&format!("{}b", "*a".repeat(200)), &text));
        for (pattern, text, expected) in [
            ("*", "", true),
            ("", "", true),
            ("?", "", false),
            ("a*c?e", "abcbcde", true),
            ("a", "ab", false),
        ] {
            assert_eq!(like(pattern, text), expected, "{pattern} {text}");
        }
    }
}
