//! The query protocol: input as form parameters, output as XML. Knows no operation.

use base::Cx;
use bytes::Bytes;

use crate::rule::Rule;
use crate::xml::Writer;
use crate::{Failure, Fault, Request, Response, Violations, Wording};

/// The parameters of a request, from body and query string.
#[derive(Debug)]
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    pub fn new(request: &Request) -> Self {
        let body = form_urlencoded::parse(&request.body);
        let query = form_urlencoded::parse(request.query.as_bytes());
        Self(body.chain(query).map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
    }

    pub fn get(&self, name: &str) -> Option<String> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())
    }
}

/// An input that reads itself from parameters.
pub trait ReadQuery: Sized {
    /// None if constraints are violated.
    fn read_query(parameters: &Parameters, violations: &mut Violations) -> Option<Self>;
}

/// An output that writes itself as the content of an XML element.
pub trait WriteXml {
    fn write_xml(&self, writer: &mut Writer);
}

/// What a service of this protocol differs in from the next.
#[derive(Debug)]
pub struct Query {
    pub namespace: &'static str,
    /// The code for violated constraints.
    pub validation: &'static str,
}

impl Query {
    /// The operation's name, from the parameter `Action`.
    pub fn operation(&self, parameters: &Parameters) -> Result<String, Failure> {
        let missing =
            || Failure::client("MissingAction", 400, "Could not find operation: no parameter Action");
        parameters.get("Action").ok_or_else(missing)
    }

    /// There is no operation of this name.
    pub fn unknown(&self, action: &str, parameters: &Parameters) -> Failure {
        let version = parameters.get("Version").unwrap_or_default();
        let message = format!("Could not find operation {action} for version {version}");
        Failure::client("InvalidAction", 400, message)
    }

    /// Reads the operation's input.
    pub fn input<T: ReadQuery>(&self, parameters: &Parameters) -> Result<T, Failure> {
        let mut violations = Violations::default();
        let value = T::read_query(parameters, &mut violations);
        violations.settle(value, Wording::Rest).map_err(|refusal| match refusal {
            crate::Refusal::Invalid(message) => Failure::client(self.validation, 400, message),
            crate::Refusal::Json(error) => Failure::client(self.validation, 400, error.to_string()),
        })
    }

    /// Writes the operation's output, without the envelope.
    pub fn output<T: WriteXml>(&self, operation: &str, output: &T) -> Result<Bytes, Failure> {
        let mut writer = Writer::default();
        writer.begin(&format!("{operation}Result"));
        output.write_xml(&mut writer);
        writer.end(&format!("{operation}Result"));
        Ok(writer.into_bytes())
    }

    /// The whole answer.
    pub fn respond(&self, cx: &Cx, request: &Request, result: Result<Bytes, Failure>) -> Response {
        let id = cx.request_id.to_string();
        let mut writer = Writer::default();
        let status = match result {
            Ok(body) => {
                let operation = Parameters::new(request).get("Action").unwrap_or_default();
                writer.begin_in(&format!("{operation}Response"), self.namespace);
                writer.raw(&body);
                writer.begin("ResponseMetadata");
                writer.element("RequestId", &id);
                writer.end("ResponseMetadata");
                writer.end(&format!("{operation}Response"));
                200
            }
            Err(failure) => {
                self.error(&failure, &id, &mut writer);
                failure.status
            }
        };
        let mut response = Response::new(status, writer.into_bytes());
        response.set("content-type", "text/xml");
        response.set("x-amzn-requestid", &id);
        response
    }

    fn error(&self, failure: &Failure, id: &str, writer: &mut Writer) {
        writer.begin_in("ErrorResponse", self.namespace);
        writer.begin("Error");
        writer.element("Type", if failure.fault == Fault::Client { "Sender" } else { "Receiver" });
        writer.element("Code", &failure.code);
        writer.element("Message", &failure.message);
        writer.end("Error");
        writer.element("RequestId", id);
        writer.end("ErrorResponse");
    }
}

/// A string parameter under its rule.
pub fn string(text: String, violations: &mut Violations, rule: &Rule) -> Option<String> {
    rule.string(text, violations)
}
