//! Policy documents that callers write themselves: read into statements, and asked whether they let a service in.
//! What is not understood lets nobody in. Pure; knows no function.

use wire::Failure;
use wire::json::{JsonError, Kind, Reader, Writer};

use crate::error;
use crate::policy::{Policy, Statement, matches_pattern};

/// Deeper than any policy.
const DEPTH_MAX: usize = 16;

/// What a statement says of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Allows,
    Denies,
    Silent,
}

/// A piece of a document.
#[derive(Debug, Clone, PartialEq)]
enum Node {
    Text(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
    /// A number, a boolean or null, as written.
    Other(String),
}

/// The statements of a document, each kept as it was written, without white space.
pub(crate) fn parse(text: &str) -> Result<Policy, Failure> {
    let read = Reader::new(text.as_bytes(), DEPTH_MAX).and_then(|mut reader| {
        let node = Node::read(&mut reader)?;
        reader.end().map(|()| node)
    });
    let document = read.map_err(|_| refused("it is not valid JSON"))?;
    let statements = match document.member("Statement") {
        Some(Node::List(list)) if !list.is_empty() => list.iter().map(statement).collect::<Result<_, _>>()?,
        Some(one @ Node::Map(_)) => vec![statement(one)?],
        _ => return Err(refused("it has no Statement")),
    };
    let id = document.member("Id").and_then(Node::text).map(str::to_owned);
    Ok(Policy { statements, id, ..Policy::default() })
}

fn statement(node: &Node) -> Result<Statement, Failure> {
    if !matches!(node.member("Effect").and_then(Node::text), Some("Allow" | "Deny")) {
        return Err(refused("the Effect of a statement must be Allow or Deny"));
    }
    for name in ["Principal", "Action", "Resource"] {
        if node.member(name).is_none() && node.member(&format!("Not{name}")).is_none() {
            return Err(refused(&format!("a statement has no {name}")));
        }
    }
    let sid = node.member("Sid").and_then(Node::text).unwrap_or_default().to_owned();
    let mut out = Writer::new();
    node.write(&mut out);
    let raw = String::from_utf8(out.into_vec()).ok();
    Ok(Statement { sid, raw, ..Statement::default() })
}

fn refused(why: &str) -> Failure {
    error::invalid(format!("The policy document is invalid: {why}."))
}

/// What a statement is asked about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) action: &'a str,
    pub(crate) by: Asker<'a>,
    /// What conditions may compare, by keys in lower case.
    pub(crate) values: &'a [(&'a str, &'a str)],
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Asker<'a> {
    Service(&'a str),
    /// Of an account, or nobody knows who.
    Caller(Option<&'a str>),
}

/// What the statement `raw` says of that.
pub(crate) fn verdict(raw: &str, asked: &Asked<'_>) -> Verdict {
    let node = Reader::new(raw.as_bytes(), DEPTH_MAX).and_then(|mut reader| Node::read(&mut reader));
    let Ok(node) = node else { return Verdict::Silent };
    let denies = node.member("Effect").and_then(Node::text) == Some("Deny");
    let principal = node.member("Principal").is_some_and(|principal| names(principal, asked.by));
    let action = node.member("Action").is_some_and(|action| {
        let wanted = asked.action.to_ascii_lowercase();
        action.any(|text| matches_pattern(&text.to_ascii_lowercase(), &wanted))
    });
    let condition = match node.member("Condition") {
        None => Some(true),
        Some(condition) => holds(condition, asked.values),
    };
    // What cannot be decided does not allow, and does deny.
    match (principal && action, condition.unwrap_or(denies)) {
        (true, true) if denies => Verdict::Denies,
        (true, true) => Verdict::Allows,
        _ => Verdict::Silent,
    }
}

fn names(principal: &Node, by: Asker<'_>) -> bool {
    match principal {
        Node::Text(text) => text == "*",
        Node::Map(_) => {
            let of = |kind, wanted: &str| {
                principal.member(kind).is_some_and(|node| node.any(|text| text == wanted))
            };
            let account = |account: &str| {
                let aws = principal.member("AWS");
                aws.is_some_and(|aws| {
                    aws.any(|text| text == account || text.split(':').nth(4) == Some(account))
                })
            };
            of("AWS", "*")
                || match by {
                    Asker::Service(service) => of("Service", service),
                    Asker::Caller(caller) => caller.is_some_and(account),
                }
        }
        _ => false,
    }
}

/// Whether a condition holds; none if it asks for what is not known here.
fn holds(condition: &Node, values: &[(&str, &str)]) -> Option<bool> {
    let Node::Map(operators) = condition else { return None };
    let mut all = true;
    for (operator, keys) in operators {
        let Node::Map(keys) = keys else { return None };
        let like = match operator.trim_end_matches("IfExists") {
            "StringEquals" | "Bool" => false,
            "StringLike" | "ArnLike" | "ArnEquals" => true,
            _ => return None,
        };
        for (key, wanted) in keys {
            let key = key.to_ascii_lowercase();
            let value = values.iter().find(|(known, _)| *known == key)?.1;
            all &= wanted.any(|text| if like { matches_pattern(text, value) } else { text == value });
        }
    }
    Some(all)
}

impl Node {
    fn read(reader: &mut Reader<'_>) -> Result<Self, JsonError> {
        Ok(match reader.peek()? {
            Kind::String => Self::Text(reader.string()?.into_owned()),
            Kind::Array => {
                reader.begin_array()?;
                let mut list = Vec::new();
                while reader.next_element()? {
                    list.push(Self::read(reader)?);
                }
                Self::List(list)
            }
            Kind::Object => {
                reader.begin_object()?;
                let mut map = Vec::new();
                while let Some(key) = reader.next_key()? {
                    let key = key.into_owned();
                    map.push((key, Self::read(reader)?));
                }
                Self::Map(map)
            }
            _ => Self::Other(reader.raw()?.trim().to_owned()),
        })
    }

    fn write(&self, out: &mut Writer) {
        match self {
            Self::Text(text) => out.string(text),
            Self::Other(raw) => out.raw(raw.as_bytes()),
            Self::List(list) => {
                out.begin_array();
                list.iter().for_each(|node| node.write(out));
                out.end_array();
            }
            Self::Map(map) => {
                out.begin_object();
                for (key, node) in map {
                    out.key(key);
                    node.write(out);
                }
                out.end_object();
            }
        }
    }

    fn member(&self, name: &str) -> Option<&Self> {
        let Self::Map(map) = self else { return None };
        map.iter().find(|(key, _)| key == name).map(|(_, node)| node)
    }

    fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// Whether the text, or one of a list of texts, fits.
    fn any(&self, fits: impl Fn(&str) -> bool) -> bool {
        match self {
            Self::Text(text) | Self::Other(text) => fits(text),
            Self::List(list) => list.iter().filter_map(Self::text).any(fits),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_let_in_by_a_document() {
        let call = "arn:aws:execute-api:us-east-1:000000000000:abc/prod/GET/";
        for (rest, expected) in [
            (r#""Effect":"Allow","Principal":"*","Action":"*""#, Verdict::Allows),
            (
                r#""Effect":"Allow","Principal":{"AWS":["x","*"]},"Action":["lambda:Invoke*"]"#,
                Verdict::Allows,
            ),
            (r#""Effect":"Deny","Principal":"*","Action":"lambda:invokeFunction""#, Verdict::Denies),
            (r#""Effect":"Allow","Principal":"*","Action":"lambda:GetFunction""#, Verdict::Silent),
            (r#""Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"},"Action":"*""#, Verdict::Silent),
            (
                r#""Effect":"Allow","Principal":"*","Action":"*","Condition":{"ArnLike":{"AWS:SourceArn":"arn:aws:execute-api:*:abc/*"},"StringEquals":{"aws:SourceAccount":["1","000000000000"]}}"#,
                Verdict::Allows,
            ),
            (
                r#""Effect":"Allow","Principal":"*","Action":"*","Condition":{"StringEquals":{"aws:SourceAccount":"1"}}"#,
                Verdict::Silent,
            ),
            (
                r#""Effect":"Allow","Principal":"*","Action":"*","Condition":{"Bool":{"aws:SecureTransport":true}}"#,
                Verdict::Silent,
            ),
            (
                r#""Effect":"Deny","Principal":"*","Action":"*","Condition":{"Bool":{"aws:SecureTransport":true}}"#,
                Verdict::Denies,
            ),
        ] {
            let raw = format!(r#"{{{rest},"Resource":"*"}}"#);
            let values = [("aws:sourcearn", call), ("aws:sourceaccount", "000000000000")];
            let by = Asker::Service("apigateway.amazonaws.com");
            let asked = Asked { action: "lambda:InvokeFunction", by, values: &values };
            assert_eq!(verdict(&raw, &asked), expected, "{rest}");
        }
    }

    #[test]
    fn who_is_let_in_to_a_url() {
        let url = r#""Action":"lambda:InvokeFunctionUrl""#;
        for (caller, rest, expected) in [
            (None, r#""Effect":"Allow","Principal":"*""#, Verdict::Allows),
            (None, r#""Effect":"Deny","Principal":"*""#, Verdict::Denies),
            (None, r#""Effect":"Allow","Principal":{"AWS":"1"}"#, Verdict::Silent),
            (Some("1"), r#""Effect":"Allow","Principal":{"AWS":["1"]}"#, Verdict::Allows),
            (Some("1"), r#""Effect":"Allow","Principal":{"AWS":"arn:aws:iam::1:root"}"#, Verdict::Allows),
            (Some("1"), r#""Effect":"Allow","Principal":{"AWS":"arn:aws:iam::2:root"}"#, Verdict::Silent),
            (
                None,
                r#""Effect":"Allow","Principal":"*","Condition":{"StringEquals":{"lambda:FunctionUrlAuthType":"NONE"}}"#,
                Verdict::Allows,
            ),
            (
                None,
                r#""Effect":"Allow","Principal":"*","Condition":{"StringEquals":{"lambda:FunctionUrlAuthType":"AWS_IAM"}}"#,
                Verdict::Silent,
            ),
        ] {
            let raw = format!(r#"{{{rest},{url},"Resource":"*"}}"#);
            let values = [("lambda:functionurlauthtype", "NONE")];
            let asked =
                Asked { action: "lambda:InvokeFunctionUrl", by: Asker::Caller(caller), values: &values };
            assert_eq!(verdict(&raw, &asked), expected, "{caller:?} {rest}");
        }
    }
}
