//! The handshake by which a request becomes a WebSocket. Pure.
//! Source: <https://www.rfc-editor.org/rfc/rfc6455#section-4.2>

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue};
use ring::digest;

const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const VERSION: &str = "13";
const KEY_BYTES: usize = 16;

/// Why a request is no handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HandshakeError {
    /// Another version of the protocol than the only one.
    Version,
    Key,
}

/// What `Sec-WebSocket-Accept` says to these headers.
pub(crate) fn accept(headers: &HeaderMap) -> Result<HeaderValue, HandshakeError> {
    if headers.get("sec-websocket-version").is_none_or(|version| version != VERSION) {
        return Err(HandshakeError::Version);
    }
    let mut keys = headers.get_all("sec-websocket-key").iter();
    let (Some(key), None) = (keys.next(), keys.next()) else { return Err(HandshakeError::Key) };
    let decoded = STANDARD.decode(key.as_bytes()).map_err(|_| HandshakeError::Key)?;
    if decoded.len() != KEY_BYTES {
        return Err(HandshakeError::Key);
    }
    // It proves that a WebSocket server answers, and keeps no secret.
    let mut hash = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
    hash.update(key.as_bytes());
    hash.update(GUID);
    HeaderValue::from_str(&STANDARD.encode(hash.finish())).map_err(|_| HandshakeError::Key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handshakes() {
        const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
        type Headers<'a> = &'a [(&'a str, &'a str)];
        let cases: &[(Headers<'_>, Result<&str, HandshakeError>)] = &[
            (&[("version", "13"), ("key", KEY)], Ok("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")),
            (&[("version", "8"), ("key", KEY)], Err(HandshakeError::Version)),
            (&[("key", KEY)], Err(HandshakeError::Version)),
            (&[("version", "13")], Err(HandshakeError::Key)),
            (&[("version", "13"), ("key", KEY), ("key", KEY)], Err(HandshakeError::Key)),
            (&[("version", "13"), ("key", "c2hvcnQ=")], Err(HandshakeError::Key)),
            (&[("version", "13"), ("key", "?")], Err(HandshakeError::Key)),
        ];
        for (given, expected) in cases {
            let mut headers = HeaderMap::new();
            for (name, value) in *given {
                let name = http::HeaderName::from_bytes(format!("sec-websocket-{name}").as_bytes()).unwrap();
                headers.append(name, value.parse().unwrap());
            }
            let accepted = accept(&headers);
            assert_eq!(
                accepted.as_ref().map(|value| value.to_str().unwrap()),
                expected.as_ref().map(|v| *v),
                "{given:?}"
            );
        }
    }
}
