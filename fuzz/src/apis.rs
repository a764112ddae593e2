//! What API Gateway parses of definitions, policies, models, tokens and messages: any bytes are taken or refused, always alike.

use gateway::parsers;

/// Two texts, a zero byte between.
fn pair(data: &[u8]) -> Option<(&str, &str)> {
    Some(std::str::from_utf8(data).ok()?.split_once('\0').unwrap_or_default())
}

/// An API definition, in JSON or YAML.
pub(crate) fn definition(data: &[u8]) {
    if let Some(json) = parsers::definition(data) {
        assert_eq!(
            parsers::definition(json.as_bytes()).as_ref(),
            Some(&json),
            "what was read is written, and read"
        );
    }
}

/// A policy.
pub(crate) fn policy(data: &[u8]) {
    assert_eq!(parsers::policy(data), parsers::policy(data));
}

/// A model's schema, a zero byte, and a value.
pub(crate) fn model(data: &[u8]) {
    let Some((schema, value)) = pair(data) else { return };
    assert_eq!(
        parsers::model(schema, value.as_bytes()),
        parsers::model(schema, value.as_bytes()),
        "{schema:?} {value:?}"
    );
}

/// What a WebSocket's client sends, however it is cut into pieces.
pub(crate) fn frame(data: &[u8]) {
    let whole = parsers::frames(data, data.len());
    for step in [1, 3, 17] {
        assert_eq!(parsers::frames(data, step), whole, "in pieces of {step}");
    }
}

/// A JSON Web Token, or a key set.
pub(crate) fn token(data: &[u8]) {
    assert_eq!(parsers::key_set(data), parsers::key_set(data));
    let Ok(text) = std::str::from_utf8(data) else { return };
    assert_eq!(parsers::token(text), parsers::token(text), "{text:?}");
}

/// The target of a parameter mapping of an HTTP API, a zero byte, and its value.
pub(crate) fn parameter_mapping(data: &[u8]) {
    let Some((target, value)) = pair(data) else { return };
    assert_eq!(parsers::parameter_mapping(target, value), parsers::parameter_mapping(target, value));
}

/// A selection expression, a zero byte, and a message.
pub(crate) fn selection(data: &[u8]) {
    let Some((expression, message)) = pair(data) else { return };
    assert_eq!(parsers::selection(expression, message), parsers::selection(expression, message));
}

/// An Accept-Encoding or a Content-Encoding, a zero byte, and a body: what is packed is unpacked, and nothing grows beyond its
/// bound.
pub(crate) fn coding(data: &[u8]) {
    const BYTES_MAX: usize = 4_096;
    let mut parts = data.splitn(2, |byte| *byte == 0);
    let (name, body) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let Ok(name) = std::str::from_utf8(name) else { return };
    if let Some((coding, packed)) = parsers::pack(name, body) {
        assert_eq!(parsers::unpack(coding, &packed, body.len()).as_deref(), Some(body), "{name:?}");
    }
    for coding in ["gzip", "deflate"] {
        if let Some(plain) = parsers::unpack(coding, body, BYTES_MAX) {
            assert!(plain.len() <= BYTES_MAX, "{coding}");
        }
    }
}
