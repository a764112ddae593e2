//! The protocol with the bootstraps of `runtimes/` and with the launcher: frames of
//! `length: u32 LE` (of all that follows), `kind: u8`, fields. Knows no process and no JSON.
//!
//! A text field is `length: u32 LE` and bytes; the last field of a frame may go without length and take the rest.
//! Whatever comes from a runtime is untrusted: reading it gives a frame or [`Garbage`], never a panic.

use bytes::{Buf, Bytes, BytesMut};

/// Not a frame of this protocol. What sent it is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Garbage;

/// Kinds the server sends to a runtime.
pub(crate) const INIT: u8 = 1;
pub(crate) const INVOKE: u8 = 2;

const READY: u8 = 16;
const INIT_FAULT: u8 = 17;
const RESULT: u8 = 18;
const FAULT: u8 = 19;
const LOG: u8 = 20;
const TOO_LARGE: u8 = 21;
const FATAL: u8 = 22;
const STREAM: u8 = 23;
const CHUNK: u8 = 24;
const STARTED: u8 = 25;
const OUTPUT: u8 = 26;
const NOT_STARTED: u8 = 40;
const ENDED: u8 = 41;

/// Longest frame taken for what is not the result: log lines are cut by the bootstraps at 256 KiB.
const OTHER_BYTES_MAX: usize = 1 << 20;

/// What a runtime says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum FromRuntime {
    /// The interpreter stands, warmed up if it has time for that, and waits for INIT.
    Started,
    /// The handler is loaded.
    Ready {
        max_rss_kib: u32,
        init_us: u64,
    },
    /// It could not be loaded. The body is AWS's error JSON.
    InitFault {
        max_rss_kib: u32,
        body: Bytes,
    },
    Result {
        max_rss_kib: u32,
        body: Bytes,
    },
    Fault {
        max_rss_kib: u32,
        body: Bytes,
    },
    /// A fault after which the process ends itself.
    Fatal {
        max_rss_kib: u32,
        body: Bytes,
    },
    Log {
        timestamp_ms: u64,
        text: Bytes,
    },
    /// What the function has written to its standard output or errors: between the lines of the log, in its place.
    Output {
        timestamp_ms: u64,
        is_error: bool,
        text: Bytes,
    },
    /// The answer will come in chunks, of this media type; RESULT or FAULT ends it.
    Stream {
        content_type: Bytes,
    },
    Chunk {
        body: Bytes,
    },
    /// The result was over the limit and was not sent.
    TooLarge {
        max_rss_kib: u32,
    },
    /// Over the Extensions API: all that were started have registered.
    Registered,
    /// Over the Runtime API: the runtime and all extensions are done with the invocation.
    Done,
    /// Over the Extensions API: an extension gave up, while it was loaded or later.
    ExtensionFault {
        of_init: bool,
        error_type: String,
    },
    /// From a stem: a program could not be started.
    NotStarted {
        index: u32,
        errno: u32,
    },
    /// From a stem: a program has ended.
    Ended {
        index: u32,
        raw_status: u32,
    },
}

/// Takes the next whole frame off `inbox`; `Ok(None)` when more bytes are needed.
pub(crate) fn parse_runtime(
    inbox: &mut BytesMut,
    body_bytes_max: usize,
) -> Result<Option<FromRuntime>, Garbage> {
    let Some(head) = inbox.first_chunk::<5>() else { return Ok(None) };
    let len = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
    let kind = head[4];
    let len_max = if matches!(kind, RESULT | FAULT | FATAL | INIT_FAULT) {
        body_bytes_max + 64
    } else {
        OTHER_BYTES_MAX
    };
    if len == 0 || len > len_max {
        return Err(Garbage);
    }
    if inbox.len() < 4 + len {
        inbox.reserve(4 + len - inbox.len());
        return Ok(None);
    }
    let mut body = inbox.split_to(4 + len).freeze();
    body.advance(5);
    let frame = match kind {
        READY => FromRuntime::Ready { max_rss_kib: take_u32(&mut body)?, init_us: take_u64(&mut body)? },
        INIT_FAULT => FromRuntime::InitFault { max_rss_kib: take_u32(&mut body)?, body },
        RESULT => FromRuntime::Result { max_rss_kib: take_u32(&mut body)?, body },
        FAULT => FromRuntime::Fault { max_rss_kib: take_u32(&mut body)?, body },
        FATAL => FromRuntime::Fatal { max_rss_kib: take_u32(&mut body)?, body },
        LOG => FromRuntime::Log { timestamp_ms: take_u64(&mut body)?, text: body },
        STARTED => FromRuntime::Started,
        OUTPUT => FromRuntime::Output {
            timestamp_ms: take_u64(&mut body)?,
            is_error: take_u8(&mut body)? == 2,
            text: body,
        },
        STREAM => FromRuntime::Stream { content_type: body },
        CHUNK => FromRuntime::Chunk { body },
        TOO_LARGE => FromRuntime::TooLarge { max_rss_kib: take_u32(&mut body)? },
        NOT_STARTED => FromRuntime::NotStarted { index: take_u32(&mut body)?, errno: take_u32(&mut body)? },
        ENDED => FromRuntime::Ended { index: take_u32(&mut body)?, raw_status: take_u32(&mut body)? },
        _ => return Err(Garbage),
    };
    Ok(Some(frame))
}

pub(crate) fn write_started(out: &mut Vec<u8>) {
    FrameWriter::new(out, STARTED);
}

pub(crate) fn write_not_started(out: &mut Vec<u8>, index: u32, errno: i32) {
    FrameWriter::new(out, NOT_STARTED).u32(index).u32(errno.unsigned_abs());
}

pub(crate) fn write_ended(out: &mut Vec<u8>, index: u32, raw_status: i32) {
    FrameWriter::new(out, ENDED).u32(index).u32(u32::from_ne_bytes(raw_status.to_ne_bytes()));
}

pub(crate) fn take_u8(body: &mut Bytes) -> Result<u8, Garbage> {
    body.try_get_u8().map_err(|_| Garbage)
}

pub(crate) fn take_u32(body: &mut Bytes) -> Result<u32, Garbage> {
    body.try_get_u32_le().map_err(|_| Garbage)
}

pub(crate) fn take_u64(body: &mut Bytes) -> Result<u64, Garbage> {
    body.try_get_u64_le().map_err(|_| Garbage)
}

pub(crate) fn take_bytes(body: &mut Bytes) -> Result<Bytes, Garbage> {
    let len = take_u32(body)? as usize;
    if body.len() < len { Err(Garbage) } else { Ok(body.split_to(len)) }
}

pub(crate) fn take_text(body: &mut Bytes) -> Result<String, Garbage> {
    String::from_utf8(take_bytes(body)?.to_vec()).map_err(|_| Garbage)
}

/// Writes one frame onto the end of `out`.
#[derive(Debug)]
pub(crate) struct FrameWriter<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
}

impl<'a> FrameWriter<'a> {
    pub(crate) fn new(out: &'a mut Vec<u8>, kind: u8) -> Self {
        let start = out.len();
        out.extend_from_slice(&[0, 0, 0, 0, kind]);
        Self { out, start }
    }

    pub(crate) fn u8(&mut self, value: u8) -> &mut Self {
        self.out.push(value);
        self
    }

    pub(crate) fn u32(&mut self, value: u32) -> &mut Self {
        self.out.extend_from_slice(&value.to_le_bytes());
        self
    }

    pub(crate) fn u64(&mut self, value: u64) -> &mut Self {
        self.out.extend_from_slice(&value.to_le_bytes());
        self
    }

    pub(crate) fn bytes(&mut self, value: &[u8]) -> &mut Self {
        self.u32(
            u32::try_from(value.len()).expect("no field of ours reaches 4 GiB: bodies are limited far below"),
        );
        self.out.extend_from_slice(value);
        self
    }

    pub(crate) fn text(&mut self, value: &str) -> &mut Self {
        self.bytes(value.as_bytes())
    }

    /// The last field, without length.
    pub(crate) fn rest(&mut self, value: &[u8]) -> &mut Self {
        self.out.extend_from_slice(value);
        self
    }
}

impl Drop for FrameWriter<'_> {
    fn drop(&mut self) {
        let len = u32::try_from(self.out.len() - self.start - 4).unwrap_or(u32::MAX);
        self.out[self.start..self.start + 4].copy_from_slice(&len.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_frames_whole_or_not_at_all() {
        let mut sent = Vec::new();
        FrameWriter::new(&mut sent, LOG).u64(7).rest(b"line");
        FrameWriter::new(&mut sent, RESULT).u32(9).rest(b"{}");
        let mut inbox = BytesMut::new();
        let mut read = Vec::new();
        for byte in sent {
            inbox.extend_from_slice(&[byte]);
            read.extend(parse_runtime(&mut inbox, 100).unwrap());
        }
        assert_eq!(
            read,
            [
                FromRuntime::Log { timestamp_ms: 7, text: Bytes::from_static(b"line") },
                FromRuntime::Result { max_rss_kib: 9, body: Bytes::from_static(b"{}") },
            ]
        );
    }

    #[test]
    fn refuses_what_is_no_frame() {
        for bad in [
            &[0, 0, 0, 0, RESULT][..],
            &[255, 255, 255, 255, RESULT],
            &[1, 0, 0, 0, 99],
            &[2, 0, 0, 0, RESULT, 1],
            &[0, 0, 32, 0, LOG],
            b"GET / HTTP/1.1",
        ] {
            assert_eq!(parse_runtime(&mut BytesMut::from(bad), 100), Err(Garbage), "{bad:?}");
        }
    }
}
