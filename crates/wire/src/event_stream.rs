//! The encoding `application/vnd.amazon.eventstream`: messages of a prelude, headers, a payload and two CRC32s, and
//! the messages that carry an operation's events. Knows no operation.
//!
//! A message: its whole length and its headers' length (u32 BE each), the CRC32 of those eight bytes, the headers, the
//! payload, the CRC32 of all before. A header: the length of its name (u8), the name, the type (7: a string), the
//! value's length (u16 BE), the value.

use bytes::{BufMut, Bytes, BytesMut};
use futures_util::StreamExt as _;

use crate::json::{WriteJson, Writer};
use crate::{Response, Streamed};

/// The media type of an answer that is a stream of events.
pub const CONTENT_TYPE: &str = "application/vnd.amazon.eventstream";

const PRELUDE: usize = 12;
const CRC: usize = 4;
const STRING: u8 = 7;

/// An event that writes itself as one message.
pub trait WriteEvent {
    fn write_event(&self) -> Bytes;
}

/// An event whose payload is bytes.
pub fn blob_event(name: &str, payload: &[u8]) -> Bytes {
    event(name, "application/octet-stream", payload)
}

/// An event whose payload is its members as JSON.
pub fn json_event<T: WriteJson + ?Sized>(name: &str, value: &T) -> Bytes {
    let mut writer = Writer::new();
    value.write_json(&mut writer);
    event(name, "application/json", &writer.into_bytes())
}

/// Sets the answer to the stream's events.
pub fn events_body<T: WriteEvent + 'static>(response: &mut Response, events: &Streamed<T>) {
    response.set("content-type", CONTENT_TYPE);
    response.stream = events.take().map(|events| Streamed::new(events.map(|event| Ok(event.write_event()))));
}

fn event(name: &str, content_type: &str, payload: &[u8]) -> Bytes {
    let headers = [(":event-type", name), (":content-type", content_type), (":message-type", "event")];
    message(&headers, payload)
}

/// One message. Names are of at most 255 bytes, values of at most 65,535: they are the model's own words.
fn message(headers: &[(&str, &str)], payload: &[u8]) -> Bytes {
    let headers_len: usize = headers.iter().map(|(name, value)| 1 + name.len() + 1 + 2 + value.len()).sum();
    let len = PRELUDE + headers_len + payload.len() + CRC;
    let mut out = BytesMut::with_capacity(len);
    out.put_u32(u32::try_from(len).expect("a piece of a body is far below 4 GiB"));
    out.put_u32(u32::try_from(headers_len).expect("headers are shorter than the message"));
    out.put_u32(crc32fast::hash(&out));
    for (name, value) in headers {
        out.put_u8(u8::try_from(name.len()).expect("names of headers are short"));
        out.put_slice(name.as_bytes());
        out.put_u8(STRING);
        out.put_u16(u16::try_from(value.len()).expect("values of headers are short"));
        out.put_slice(value.as_bytes());
    }
    out.put_slice(payload);
    out.put_u32(crc32fast::hash(&out));
    out.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The first two are AWS's own test vectors `empty_message` and `payload_no_headers`.
    #[test]
    fn messages() {
        for (headers, payload, expected) in [
            (&[][..], "", "000000100000000005c248eb7d98c8ff"),
            (&[][..], "{'foo':'bar'}", "0000001d00000000fd528c5a7b27666f6f273a27626172277dc3653936"),
            (&[("k", "v")][..], "p", "00000017000000065e8131ce016b0700017670054452ab"),
        ] {
            assert_eq!(hex(&message(headers, payload.as_bytes())), expected, "{headers:?} {payload}");
        }
    }

    #[test]
    fn events_name_themselves() {
        let written = blob_event("PayloadChunk", b"hello");
        let text = String::from_utf8_lossy(&written).into_owned();
        for part in [":event-type\u{7}\0\u{c}PayloadChunk", "\u{7}\0\u{18}application/octet-stream", "event"]
        {
            assert!(text.contains(part), "{text:?} has no {part:?}");
        }
        let read = u32::from_be_bytes(written[..4].try_into().unwrap()) as usize;
        assert_eq!(read, written.len());
        let crc = u32::from_be_bytes(written[written.len() - 4..].try_into().unwrap());
        assert_eq!(crc, crc32fast::hash(&written[..written.len() - 4]));
    }
}
