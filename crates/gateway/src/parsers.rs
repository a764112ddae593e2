//! What clients, owners of APIs and issuers of tokens send, parsed: for who tries what the parsers withstand. Each takes any
//! input, and answers the same to the same. Knows no request.

use std::collections::BTreeMap;
use std::fmt::Write;

use bytes::Bytes;

use crate::json::Json;
use crate::policy::{Policy, Question};
use crate::rest::coding::{Coding, preferred};
use crate::rest::definition::Definition;
use crate::rest::openapi::document::Document;
use crate::rest::openapi::import::{ImportOptions, import};
use crate::rest::openapi::text;
use crate::rest::program::Program;
use crate::rest::records::{ApiRecord, Snapshot};
use crate::rest::snapshot::freeze;
use crate::schema::{BODY_BOUNDS, Schemas, syntax, validate};
use crate::v2::openapi::import::{BasePath, import as import_http};
use crate::websocket::frame::{Bounds, Decoder};
use crate::websocket::selection::{Expression, find_in_body};
use crate::{http, jwt, v2};

/// The text of an API definition, in JSON or YAML, as JSON. What REST and HTTP APIs are made of it is made and deployed.
pub fn definition(body: &[u8]) -> Option<String> {
    let json = text::read(body).ok()?;
    let written = json.to_text();
    let Ok(document) = Document::new(json) else { return Some(written) };
    for base_path in [BasePath::Ignore, BasePath::Prepend, BasePath::Split] {
        let _ = import_http(v2::records::ApiRecord::default(), &document, base_path);
    }
    let known = Definition::empty(ApiRecord { root_resource_id: "root".to_owned(), ..ApiRecord::default() });
    let options = ImportOptions { overwrite: true, parameters: None };
    if let Ok((made, _)) = import(known, &document, options) {
        let methods = made.methods.into_iter().map(|(id, method)| ((id, method.http_method.clone()), method));
        if let Ok(snapshot) = freeze(&made.api, &made.tree, methods.collect()) {
            let snapshot = Snapshot {
                models: Some(made.parts.models),
                validators: Some(made.parts.validators),
                gateway_responses: Some(made.parts.gateway_responses),
                authorizers: made.parts.authorizers,
                ..snapshot
            };
            Program::compile("d", "arn:aws:execute-api:us-east-1:000000000000:api", snapshot);
        }
    }
    Some(written)
}

/// What a policy says to some questions; none if it is no policy.
pub fn policy(json: &[u8]) -> Option<String> {
    let mut policy = Policy::parse(json).ok()?;
    policy.expand_resources("arn:aws:execute-api:us-east-1:000000000000:api");
    let mut said = format!("{}", policy.names_principals());
    for value in [None, Some("10.0.0.1"), Some("true"), Some("7")] {
        let facts = |_: &str| value.map(str::to_owned);
        let question = Question {
            action: "execute-api:Invoke",
            resource: "arn:aws:execute-api:us-east-1:000000000000:api/dev/GET/pets/1",
            caller: &["arn:aws:iam::000000000000:user/a".to_owned(), "000000000000".to_owned()],
            facts: &facts,
        };
        let _ = write!(said, " {:?}", policy.ask(&question));
    }
    Some(said)
}

/// What is wrong with a value by a model's schema; none if one of them is no JSON, or the schema is refused.
pub fn model(schema: &str, value: &[u8]) -> Option<Result<Vec<String>, String>> {
    syntax(schema).ok()?;
    let json = Json::parse(value, BODY_BOUNDS).ok()?;
    let schemas = Schemas::compile([("Model", schema)].into_iter());
    Some(validate(&schemas, schemas.model("Model")?, &json).map_err(|trouble| trouble.to_string()))
}

/// What a WebSocket's client says by bytes that come in pieces of `step`, to the end or to what closes the connection.
pub fn frames(bytes: &[u8], step: usize) -> Vec<String> {
    let bounds = Bounds { frame_bytes_max: 64, message_bytes_max: 128 };
    let (mut decoder, mut said) = (Decoder::default(), Vec::new());
    for piece in bytes.chunks(step.max(1)) {
        decoder.push(piece);
        loop {
            match decoder.next(bounds) {
                Ok(None) => break,
                Ok(Some(event)) => said.push(format!("{event:?}")),
                Err(close) => {
                    said.push(format!("{close:?}"));
                    return said;
                }
            }
        }
    }
    said
}

/// A token, taken apart and not believed.
pub fn token(text: &str) -> Option<String> {
    jwt::take_apart(text)
}

/// How many keys a key set has that tokens can be signed by; none if it is no key set.
pub fn key_set(document: &[u8]) -> Option<usize> {
    jwt::count_keys(&Bytes::copy_from_slice(document))
}

/// A parameter mapping of an HTTP API, of requests and of responses.
pub fn parameter_mapping(target: &str, value: &str) -> Vec<String> {
    use http::mapping::{Mappings, Side};
    let given = BTreeMap::from([(target.to_owned(), value.to_owned())]);
    let parsed = [Side::Request, Side::Response].map(|side| Mappings::parse(&given, side));
    parsed.into_iter().filter_map(Result::ok).map(|mapping| format!("{mapping:?}")).collect()
}

/// What a selection expression selects by a message.
pub fn selection(expression: &str, message: &str) -> Option<String> {
    Expression::parse(expression).select(|name| find_in_body(message, name.strip_prefix("request.body.")?))
}

/// What was packed as `coding`; none if it is no coding, or the body is damaged or longer than `bytes_max`.
pub fn unpack(coding: &str, body: &[u8], bytes_max: usize) -> Option<Vec<u8>> {
    Coding::parse(coding)?.unpack(body, bytes_max).ok()
}

/// A body in the coding that an Accept-Encoding prefers, and its name.
pub fn pack(accepted: &str, body: &[u8]) -> Option<(&'static str, Vec<u8>)> {
    let coding = preferred([accepted].into_iter())?;
    Some((coding.name(), coding.pack(body).ok()?))
}
