//! The frames of WebSockets, as RFC 6455 has them: a decoder that turns bytes into messages and takes nothing that a
//! client may not send, and the writing of frames. Pure; knows no socket and no route.

use bytes::{BufMut, Bytes, BytesMut};

const FIN: u8 = 0x80;
const RESERVED: u8 = 0x70;
const MASKED: u8 = 0x80;
const CONTROL_BYTES_MAX: u64 = 125;
const HEAD_BYTES_MAX: usize = 14;

/// A code and a reason with which a WebSocket is closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Close {
    pub(crate) code: u16,
    pub(crate) reason: String,
}

impl Close {
    /// Nothing was said.
    pub(crate) const NO_STATUS: u16 = 1005;
    /// The connection broke.
    pub(crate) const ABNORMAL: u16 = 1006;

    pub(crate) fn new(code: u16, reason: &str) -> Self {
        Self { code, reason: reason.to_owned() }
    }

    pub(crate) fn normal() -> Self {
        Self::new(1000, "Connection Closed Normally")
    }

    pub(crate) fn abnormal() -> Self {
        Self::new(Self::ABNORMAL, "Connection Closed Abnormally")
    }

    pub(crate) fn going_away() -> Self {
        Self::new(1001, "Going away")
    }

    fn protocol(reason: &str) -> Self {
        Self::new(1002, reason)
    }

    fn binary() -> Self {
        Self::new(1003, "Binary frames are not supported")
    }

    fn no_text() -> Self {
        Self::new(1007, "Invalid frame payload data")
    }

    fn too_large() -> Self {
        Self::new(1009, "Message too big")
    }
}

/// What a client says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    Text(String),
    /// To be answered with a pong of the same content.
    Ping(Bytes),
    Pong,
    /// None: without a status.
    Close(Option<Close>),
}

/// How large what a client sends may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) frame_bytes_max: usize,
    pub(crate) message_bytes_max: usize,
}

/// Takes bytes in as they come and gives events out. Holds no memory between messages.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    /// What came and is not yet read.
    unread: BytesMut,
    /// The fragments of a message so far; none if no message is begun.
    message: Option<Vec<u8>>,
}

#[derive(Debug, Clone, Copy)]
struct Head {
    fin: bool,
    opcode: u8,
    mask: [u8; 4],
    head_bytes: usize,
    payload_bytes: usize,
}

mod opcode {
    pub(super) const CONTINUATION: u8 = 0;
    pub(super) const TEXT: u8 = 1;
    pub(super) const BINARY: u8 = 2;
    pub(super) const CLOSE: u8 = 8;
    pub(super) const PING: u8 = 9;
    pub(super) const PONG: u8 = 10;
}

impl Decoder {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.unread.extend_from_slice(bytes);
    }

    /// The next event, if it is there whole; the error is how the connection is to be closed.
    pub(crate) fn next(&mut self, bounds: Bounds) -> Result<Option<Event>, Close> {
        loop {
            let Some(head) = parse_head(&self.unread, self.message.is_some(), bounds)? else {
                return Ok(self.wait());
            };
            let so_far = self.message.as_ref().map_or(0, Vec::len);
            if head.opcode <= opcode::BINARY && so_far + head.payload_bytes > bounds.message_bytes_max {
                return Err(Close::too_large());
            }
            if self.unread.len() < head.head_bytes + head.payload_bytes {
                return Ok(self.wait());
            }
            let mut frame = self.unread.split_to(head.head_bytes + head.payload_bytes);
            let payload = &mut frame[head.head_bytes..];
            unmask(payload, head.mask);
            if let Some(event) = self.take(head, payload)? {
                return Ok(Some(event));
            }
        }
    }

    /// Nothing to give: memory that is not needed is given back.
    fn wait(&mut self) -> Option<Event> {
        if self.unread.is_empty() {
            self.unread = BytesMut::new();
        }
        None
    }

    fn take(&mut self, head: Head, payload: &[u8]) -> Result<Option<Event>, Close> {
        match head.opcode {
            opcode::PING => return Ok(Some(Event::Ping(Bytes::copy_from_slice(payload)))),
            opcode::PONG => return Ok(Some(Event::Pong)),
            opcode::CLOSE => return parse_close(payload).map(|close| Some(Event::Close(close))),
            _ => {}
        }
        let mut message = self.message.take().unwrap_or_default();
        message.extend_from_slice(payload);
        if !head.fin {
            self.message = Some(message);
            return Ok(None);
        }
        String::from_utf8(message).map(|text| Some(Event::Text(text))).map_err(|_| Close::no_text())
    }
}

/// The head of the next frame, if it is there, checked against everything that can be wrong with it.
fn parse_head(unread: &[u8], within_message: bool, bounds: Bounds) -> Result<Option<Head>, Close> {
    let [first, second, rest @ ..] = unread else { return Ok(None) };
    let (fin, opcode) = (first & FIN != 0, first & 0x0f);
    if first & RESERVED != 0 {
        return Err(Close::protocol("Reserved bits must be 0"));
    }
    if second & MASKED == 0 {
        return Err(Close::protocol("Frames of clients must be masked"));
    }
    match (opcode, within_message) {
        (opcode::CONTINUATION, false) => return Err(Close::protocol("Nothing to continue")),
        (opcode::TEXT | opcode::BINARY, true) => {
            return Err(Close::protocol("The last message has not ended"));
        }
        (opcode::BINARY, false) => return Err(Close::binary()),
        (opcode::CONTINUATION | opcode::TEXT, _) => {}
        (opcode::CLOSE..=opcode::PONG, _) if fin => {}
        (opcode::CLOSE..=opcode::PONG, _) => return Err(Close::protocol("Control frames have no fragments")),
        _ => return Err(Close::protocol("Unknown opcode")),
    }
    let (length_bytes, length) = match second & !MASKED {
        126 => (2, rest.first_chunk::<2>().map(|bytes| u64::from(u16::from_be_bytes(*bytes)))),
        127 => (8, rest.first_chunk::<8>().map(|bytes| u64::from_be_bytes(*bytes))),
        short => (0, Some(u64::from(short))),
    };
    let Some(length) = length else { return Ok(None) };
    let shortest = match length_bytes {
        0 => 0,
        2 => CONTROL_BYTES_MAX + 1,
        _ => u64::from(u16::MAX) + 1,
    };
    if length < shortest {
        return Err(Close::protocol("Lengths are written in as few bytes as they need"));
    }
    if opcode >= opcode::CLOSE && length > CONTROL_BYTES_MAX {
        return Err(Close::protocol("Control frames have at most 125 bytes"));
    }
    // Before a byte of it is taken in.
    let payload_bytes = usize::try_from(length).unwrap_or(usize::MAX);
    if payload_bytes > bounds.frame_bytes_max {
        return Err(Close::too_large());
    }
    let mask = rest.get(length_bytes..).and_then(<[u8]>::first_chunk::<4>);
    Ok(mask.map(|mask| Head { fin, opcode, mask: *mask, head_bytes: 2 + length_bytes + 4, payload_bytes }))
}

fn parse_close(payload: &[u8]) -> Result<Option<Close>, Close> {
    let Some((code, reason)) = payload.split_first_chunk::<2>() else {
        return if payload.is_empty() { Ok(None) } else { Err(Close::protocol("A status has two bytes")) };
    };
    let code = u16::from_be_bytes(*code);
    // Codes that are never sent, or of which nobody knows what they mean.
    // Source: <https://www.rfc-editor.org/rfc/rfc6455#section-7.4>
    if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
        return Err(Close::protocol("Invalid status"));
    }
    let reason = std::str::from_utf8(reason).map_err(|_| Close::no_text())?;
    Ok(Some(Close::new(code, reason)))
}

fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    let mut chunks = payload.chunks_exact_mut(8);
    let wide = u64::from_ne_bytes([mask[0], mask[1], mask[2], mask[3], mask[0], mask[1], mask[2], mask[3]]);
    for chunk in &mut chunks {
        if let Some(bytes) = chunk.first_chunk_mut::<8>() {
            *bytes = (u64::from_ne_bytes(*bytes) ^ wide).to_ne_bytes();
        }
    }
    for (byte, mask) in chunks.into_remainder().iter_mut().zip(mask.into_iter().cycle()) {
        *byte ^= mask;
    }
}

/// A text as frames, none of them larger than `frame_bytes_max`.
pub(crate) fn text_frames(text: &str, frame_bytes_max: usize) -> Bytes {
    let mut frames = BytesMut::with_capacity(text.len() + HEAD_BYTES_MAX);
    let mut opcode = opcode::TEXT;
    let mut rest = text.as_bytes();
    loop {
        let (now, later) = rest.split_at(rest.len().min(frame_bytes_max.max(1)));
        put_head(&mut frames, later.is_empty(), opcode, now.len());
        frames.extend_from_slice(now);
        if later.is_empty() {
            return frames.freeze();
        }
        (opcode, rest) = (opcode::CONTINUATION, later);
    }
}

pub(crate) fn pong_frame(content: &[u8]) -> Bytes {
    control_frame(opcode::PONG, content)
}

/// None says no status.
pub(crate) fn close_frame(close: Option<&Close>) -> Bytes {
    let mut content = Vec::new();
    if let Some(close) = close.filter(|close| ![Close::NO_STATUS, Close::ABNORMAL].contains(&close.code)) {
        content.extend_from_slice(&close.code.to_be_bytes());
        let mut reason = close.reason.as_str();
        while content.len() + reason.len() > 125 {
            reason = &reason[..reason.floor_char_boundary(reason.len() - 1)];
        }
        content.extend_from_slice(reason.as_bytes());
    }
    control_frame(opcode::CLOSE, &content)
}

fn control_frame(opcode: u8, content: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(content.len() + 2);
    put_head(&mut frame, true, opcode, content.len());
    frame.extend_from_slice(content);
    frame.freeze()
}

fn put_head(frames: &mut BytesMut, fin: bool, opcode: u8, payload_bytes: usize) {
    frames.put_u8(opcode | if fin { FIN } else { 0 });
    match (u8::try_from(payload_bytes), u16::try_from(payload_bytes)) {
        (Ok(short @ 0..=125), _) => frames.put_u8(short),
        (_, Ok(medium)) => {
            frames.put_u8(126);
            frames.put_u16(medium);
        }
        _ => {
            frames.put_u8(127);
            frames.put_u64(payload_bytes as u64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { frame_bytes_max: 32 << 10, message_bytes_max: 128 << 10 };
    const MASK: [u8; 4] = [0xa1, 0x02, 0xff, 0x5c];

    /// A masked frame of a client.
    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut head = BytesMut::new();
        put_head(&mut head, false, 0, payload.len());
        head[0] = first;
        head[1] |= MASKED;
        let mut bytes = head.to_vec();
        bytes.extend_from_slice(&MASK);
        bytes.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        bytes
    }

    /// The events of a stream of bytes, up to the one that ends it.
    fn read(bytes: &[u8], step: usize) -> Vec<String> {
        let mut decoder = Decoder::default();
        let mut events = Vec::new();
        for piece in bytes.chunks(step) {
            decoder.push(piece);
            loop {
                match decoder.next(BOUNDS) {
                    Ok(None) => break,
                    Ok(Some(event)) => events.push(match event {
                        Event::Text(text) if text.len() > 20 => format!("text of {}", text.len()),
                        Event::Text(text) => format!("text {text}"),
                        Event::Ping(content) => format!("ping {}", content.len()),
                        Event::Pong => "pong".to_owned(),
                        Event::Close(None) => "close".to_owned(),
                        Event::Close(Some(close)) => format!("close {} {}", close.code, close.reason),
                    }),
                    Err(close) => {
                        events.push(format!("broken {}", close.code));
                        return events;
                    }
                }
            }
        }
        if decoder.unread.is_empty() && decoder.message.is_none() {
            assert_eq!(decoder.unread.capacity(), 0, "an idle connection holds nothing");
        }
        events
    }

    #[test]
    fn what_clients_may_and_may_not_send() {
        let large = vec![b'x'; 32 << 10];
        let (begin, more, end) = (frame(0x01, &large), frame(0x00, &large), frame(0x80, &large));
        let with_length = |first: u8, length: &[u8]| [&[first], length, &MASK[..]].concat();
        let table: Vec<(&str, Vec<u8>, &[&str])> = vec![
            ("text", frame(0x81, b"hello"), &["text hello"]),
            ("an empty text", frame(0x81, b""), &["text "]),
            ("two", [frame(0x81, b"a"), frame(0x81, "é".as_bytes())].concat(), &["text a", "text é"]),
            (
                "fragments with a ping between, a letter in two of them",
                [frame(0x01, b"h\xc3"), frame(0x89, b"p"), frame(0x00, b"\xa9"), frame(0x80, b"!")].concat(),
                &["ping 1", "text hé!"],
            ),
            ("a frame of 32 KB", frame(0x81, &large), &["text of 32768"]),
            ("a frame of one byte more", frame(0x81, &[&large[..], b"x"].concat()), &["broken 1009"]),
            ("128 KB in fragments", [&begin[..], &more, &more, &end].concat(), &["text of 131072"]),
            (
                "128 KB and a byte",
                [&begin[..], &more, &more, &more, &frame(0x80, b"x")].concat(),
                &["broken 1009"],
            ),
            (
                "a length that nobody sends",
                with_length(0x81, &[0xff, 0x7f, 255, 255, 255, 255, 255, 255, 255]),
                &["broken 1009"],
            ),
            ("a length with its first bit", with_length(0x81, &[0xff; 9]), &["broken 1009"]),
            ("a long form of a short length", with_length(0x81, &[0xfe, 0, 5]), &["broken 1002"]),
            (
                "the longest form of a length",
                with_length(0x81, &[0xff, 0, 0, 0, 0, 0, 0, 1, 0]),
                &["broken 1002"],
            ),
            ("binary", frame(0x82, b"b"), &["broken 1003"]),
            ("a fragment of binary", frame(0x02, b"b"), &["broken 1003"]),
            ("no mask", vec![0x81, 1, b'a'], &["broken 1002"]),
            ("reserved bits", frame(0xc1, b"a"), &["broken 1002"]),
            ("an unknown opcode", frame(0x83, b"a"), &["broken 1002"]),
            ("an unknown control opcode", frame(0x8b, b"a"), &["broken 1002"]),
            ("nothing to continue", frame(0x80, b"a"), &["broken 1002"]),
            ("a text in a text", [frame(0x01, b"a"), frame(0x81, b"b")].concat(), &["broken 1002"]),
            ("a ping in fragments", frame(0x09, b"a"), &["broken 1002"]),
            ("a long ping", frame(0x89, &[0; 126]), &["broken 1002"]),
            ("a ping of 125 bytes", frame(0x89, &[0; 125]), &["ping 125"]),
            ("a pong that nobody asked for", frame(0x8a, b""), &["pong"]),
            ("no UTF-8", frame(0x81, b"\xff"), &["broken 1007"]),
            ("half a letter", frame(0x81, b"\xc3"), &["broken 1007"]),
            ("a surrogate", frame(0x81, b"\xed\xa0\x80"), &["broken 1007"]),
            ("close", frame(0x88, b""), &["close"]),
            ("close with a status", frame(0x88, b"\x03\xe8bye"), &["close 1000 bye"]),
            ("close with an own status", frame(0x88, b"\x0f\xa0"), &["close 4000 "]),
            ("half a status", frame(0x88, b"\x03"), &["broken 1002"]),
            ("a status that is not sent", frame(0x88, b"\x03\xed"), &["broken 1002"]),
            ("a status that is none", frame(0x88, b"\x00\x01"), &["broken 1002"]),
            ("a reason that is no text", frame(0x88, b"\x03\xe8\xff"), &["broken 1007"]),
        ];
        for (name, bytes, expected) in table {
            for step in [1, 7, bytes.len()] {
                assert_eq!(read(&bytes, step), expected, "{name}, {step} bytes at a time");
            }
        }
    }

    #[test]
    fn random_bytes_end_or_wait_and_keep_little() {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        for _ in 0..20_000 {
            let mut decoder = Decoder::default();
            for _ in 0..8 {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                let mut bytes = state.to_le_bytes();
                // Nearly a frame, so that more than its first byte is looked at.
                bytes[0] &= 0x8f;
                bytes[1] |= MASKED;
                decoder.push(&bytes);
                while let Ok(Some(_)) = decoder.next(BOUNDS) {}
            }
            assert!(decoder.unread.len() <= 64 && decoder.message.is_none_or(|message| message.len() <= 64));
        }
    }

    #[test]
    fn texts_are_sent_in_frames() {
        for (text, sizes) in [("", vec![0]), ("abc", vec![3]), ("abcdefghij", vec![4, 4, 2])] {
            let frames = text_frames(text, 4);
            let mut rest = &frames[..];
            for (at, size) in sizes.iter().enumerate() {
                let last = at + 1 == sizes.len();
                let first = if at == 0 { 1 } else { 0 } | if last { FIN } else { 0 };
                assert_eq!(&rest[..2], [first, *size], "{text}");
                rest = &rest[2 + usize::from(*size)..];
            }
            assert!(rest.is_empty());
        }
        assert_eq!(&text_frames(&"x".repeat(126), 32 << 10)[..4], [0x81, 126, 0, 126]);
        assert_eq!(&text_frames(&"x".repeat(70_000), 1 << 20)[..4], [0x81, 127, 0, 0]);
        assert_eq!(&close_frame(Some(&Close::new(1000, "")))[..], [0x88, 2, 3, 232]);
        assert_eq!(&close_frame(Some(&Close::new(1006, "x")))[..], [0x88, 0]);
        assert_eq!(close_frame(Some(&Close::new(1000, &"é".repeat(99)))).len(), 2 + 124);
    }
}
