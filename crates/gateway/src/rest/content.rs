//! Bodies as bytes and as text: what `contentHandling` turns into each other. Knows no request.

use base64::Engine;
use base64::alphabet::STANDARD as ALPHABET;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use bytes::Bytes;

/// What an integration or one of its responses wants of its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Handling {
    ToText,
    ToBinary,
}

impl Handling {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text {
            "CONVERT_TO_TEXT" => Some(Self::ToText),
            "CONVERT_TO_BINARY" => Some(Self::ToBinary),
            _ => None,
        }
    }
}

/// A body, and which of the two it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Content {
    pub(crate) body: Bytes,
    pub(crate) binary: bool,
}

impl Content {
    /// Text: what is none is damaged, as on AWS.
    pub(crate) fn text(body: Bytes) -> Self {
        let body = match String::from_utf8_lossy(&body) {
            std::borrow::Cow::Borrowed(_) => body,
            std::borrow::Cow::Owned(mended) => mended.into(),
        };
        Self { body, binary: false }
    }

    /// Bytes as base64.
    pub(crate) fn encoded(body: &Bytes) -> Self {
        Self { body: STANDARD.encode(body).into(), binary: false }
    }

    /// The bytes that base64 stands for. The quotes of a function's result and line breaks are no part of it.
    pub(crate) fn decoded(body: &Bytes) -> Result<Self, base64::DecodeError> {
        const LENIENT: GeneralPurpose = GeneralPurpose::new(
            &ALPHABET,
            GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
        );
        let text = body.strip_prefix(b"\"").and_then(|text| text.strip_suffix(b"\"")).unwrap_or(body);
        let text: Vec<u8> = text.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
        Ok(Self { body: LENIENT.decode(text)?.into(), binary: true })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_read_leniently_and_nothing_else_is() {
        let table: [(&[u8], Option<&[u8]>); 6] = [
            (b"aGk=", Some(b"hi")),
            (b"aGk", Some(b"hi")),
            (b"\"aG\r\nk=\"", Some(b"hi")),
            (b"", Some(b"")),
            (b"{\"a\":1}", None),
            (b"not base64!", None),
        ];
        for (text, expected) in table {
            let decoded = Content::decoded(&Bytes::copy_from_slice(text)).ok();
            assert_eq!(decoded.as_ref().map(|content| &*content.body), expected, "{text:?}");
        }
        assert_eq!(Content::text(Bytes::from_static(b"\xff")).body, "\u{fffd}");
    }
}
