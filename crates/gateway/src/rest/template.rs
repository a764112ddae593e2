//! Mapping templates of a deployment: compiled with it, rendered about a call. What is wrong with one is said when it
//! is called, as on AWS.

use bytes::Bytes;
use vtl::Overrides;

use crate::rest::call::Call;
use crate::rest::fault::Fault;
use crate::rest::heavy;
use crate::rest::message::CallMessage;

/// A compiled mapping template.
#[derive(Debug)]
pub(crate) enum Template {
    /// Text without references or directives: the template is its own result.
    Literal(Bytes),
    Compiled(Box<vtl::Template>),
    /// Not a template, and why.
    Broken(String),
}

/// Where a template stands, for what is said of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Request,
    Response,
}

/// What a template made.
#[derive(Debug)]
pub(crate) struct Mapped {
    pub(crate) body: Bytes,
    /// What the templates so far override.
    pub(crate) overrides: Overrides,
}

impl Template {
    pub(crate) fn compile(text: &str) -> Self {
        match vtl::Template::compile(text) {
            Ok(template) => match template.constant() {
                Some(constant) => Self::Literal(Bytes::copy_from_slice(constant.as_bytes())),
                None => Self::Compiled(Box::new(template)),
            },
            Err(error) => Self::Broken(error.to_string()),
        }
    }

    /// An empty template is none: the console and some tools store it so.
    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Self::Literal(text) if text.is_empty())
    }

    /// The body that the template makes of `body`.
    pub(crate) fn render(
        &self,
        call: &Call<'_>,
        body: &Bytes,
        overrides: Overrides,
        side: Side,
    ) -> Result<Mapped, Fault> {
        let template = match self {
            Self::Literal(text) => return Ok(Mapped { body: text.clone(), overrides }),
            Self::Broken(why) => return Err(broken(call, side, why)),
            Self::Compiled(template) => template,
        };
        let message = CallMessage { call, body };
        match heavy::render(template, &message, &overrides) {
            Ok(rendered) => Ok(Mapped { body: rendered.text.into(), overrides: rendered.overrides }),
            Err(vtl::RenderError { fault: fault @ vtl::Fault::Body(_), .. }) if side == Side::Request => {
                Err(Fault::BadBody(fault.to_string()))
            }
            Err(error) => Err(broken(call, side, &error.to_string())),
        }
    }
}

fn broken(call: &Call<'_>, side: Side, why: &str) -> Fault {
    let side = match side {
        Side::Request => "request",
        Side::Response => "response",
    };
    let (method, path) = (&call.request.method, &call.method.resource_path);
    Fault::Configuration(format!("the integration {side} mapping template of {method} {path}: {why}"))
}

/// The `statusCode` of a MOCK integration's request. AWS reads it leniently: quotes of either kind or none.
pub(crate) fn mock_status(text: &str) -> Option<u16> {
    let name = text.find("statusCode")?;
    let rest = text[name + "statusCode".len()..].trim_start_matches(['"', '\'']).trim_start();
    let rest = rest.strip_prefix(':')?.trim_start().trim_start_matches(['"', '\'']);
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok().filter(|status| (100..600).contains(status))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_told_from_velocity() {
        for literal in ["{\"statusCode\": 200}", "", "price: $5 and 5$ ", "a # b #1"] {
            assert!(matches!(Template::compile(literal), Template::Literal(_)), "{literal}");
        }
        for text in ["$input.path('$.a')", "${x}", "$!x", "#set($a = 1)", "a $context.stage"] {
            assert!(matches!(Template::compile(text), Template::Compiled(_)), "{text}");
        }
        assert!(matches!(Template::compile("#if($x)"), Template::Broken(_)));
    }

    #[test]
    fn mock_templates_name_a_status() {
        let table = [
            ("{\"statusCode\": 200}", Some(200)),
            ("{statusCode:404}", Some(404)),
            ("{ 'statusCode' : '201' }", Some(201)),
            ("{\n  \"a\": 1, \"statusCode\" : \"500\" }", Some(500)),
            ("{}", None),
            ("{\"statusCode\": \"abc\"}", None),
            ("{\"statusCode\": 99999}", None),
        ];
        for (text, expected) in table {
            assert_eq!(mock_status(text), expected, "{text}");
        }
    }
}
