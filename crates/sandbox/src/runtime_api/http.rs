//! The part of HTTP/1.1 that runtimes and extensions speak: heads, bodies by length or in chunks, trailers. Sans-I/O.
//! Whatever comes in is untrusted: reading it gives a head, a piece or [`Malformed`], never a panic.

use std::fmt::Write as _;

use bytes::{Buf as _, Bytes, BytesMut};

/// Longest head of a request, and longest trailers.
pub(super) const HEAD_BYTES_MAX: usize = 64 * 1024;

/// Longest line that says the size of a chunk.
const CHUNK_LINE_BYTES_MAX: usize = 1024;

/// Not HTTP as we speak it. The connection is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Get,
    Post,
    Put,
    Other,
}

/// The head of a request, with the header fields that are looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) method: Method,
    /// Without the query.
    pub(super) path: String,
    pub(super) body: BodyKind,
    /// The connection ends with the answer.
    pub(super) closes: bool,
    /// The client waits to be told that the body is wanted.
    pub(super) expects_continue: bool,
    fields: Vec<(String, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyKind {
    Length(usize),
    Chunked,
}

impl Head {
    /// Takes a head off `inbox`; `Ok(None)` when more bytes are needed.
    pub(super) fn parse(inbox: &mut BytesMut) -> Result<Option<Self>, Malformed> {
        // Some clients send an empty line too many between requests.
        while inbox.starts_with(b"\r\n") {
            inbox.advance(2);
        }
        let Some(len) = find(inbox, b"\r\n\r\n") else {
            return if inbox.len() > HEAD_BYTES_MAX { Err(Malformed) } else { Ok(None) };
        };
        if len > HEAD_BYTES_MAX {
            return Err(Malformed);
        }
        let text = inbox.split_to(len + 4);
        let text = std::str::from_utf8(&text[..len]).map_err(|_| Malformed)?;
        let mut lines = text.split("\r\n");
        let mut words = lines.next().ok_or(Malformed)?.split(' ');
        let (Some(method), Some(target), Some(version), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(Malformed);
        };
        let mut head = Self {
            method: match method {
                "GET" => Method::Get,
                "POST" => Method::Post,
                "PUT" => Method::Put,
                _ => Method::Other,
            },
            path: path_of(target).to_owned(),
            body: BodyKind::Length(0),
            closes: version == "HTTP/1.0",
            expects_continue: false,
            fields: Vec::new(),
        };
        for line in lines {
            let (name, value) = field(line)?;
            head.note(name, value)?;
        }
        Ok(Some(head))
    }

    fn note(&mut self, name: &str, value: &str) -> Result<(), Malformed> {
        if name.eq_ignore_ascii_case("content-length") {
            let len = value.parse().map_err(|_| Malformed)?;
            if self.body == BodyKind::Length(0) {
                self.body = BodyKind::Length(len);
            } else if self.body != BodyKind::Length(len) {
                return Err(Malformed);
            }
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            if !value.eq_ignore_ascii_case("chunked") || self.body != BodyKind::Length(0) {
                return Err(Malformed);
            }
            self.body = BodyKind::Chunked;
        } else if name.eq_ignore_ascii_case("connection") {
            if value.eq_ignore_ascii_case("close") {
                self.closes = true;
            } else if value.eq_ignore_ascii_case("keep-alive") {
                self.closes = false;
            }
        } else if name.eq_ignore_ascii_case("expect") {
            self.expects_continue = value.eq_ignore_ascii_case("100-continue");
        } else if is_kept(name) {
            self.fields.push((name.to_owned(), value.to_owned()));
        }
        Ok(())
    }

    /// The first value of a field; the empty text counts as none.
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        let found = self.fields.iter().find(|(field, _)| field.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }
}

/// The rest of a request's fields is not worth keeping.
fn is_kept(name: &str) -> bool {
    let starts = |with: &str| name.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with));
    starts("lambda-") || starts("content-type") || starts("user-agent")
}

fn field(line: &str) -> Result<(&str, &str), Malformed> {
    let (name, value) = line.split_once(':').ok_or(Malformed)?;
    if name.is_empty() || name.ends_with([' ', '\t']) {
        return Err(Malformed);
    }
    Ok((name, value.trim_matches([' ', '\t'])))
}

/// Of `/path?query`, or of a whole URL (as a client that believes in a proxy sends it).
fn path_of(target: &str) -> &str {
    let path = match target.strip_prefix("http://") {
        Some(rest) => rest.find('/').map_or("/", |at| &rest[at..]),
        None => target,
    };
    path.split('?').next().unwrap_or(path)
}

/// Begins anew with each piece that comes: quick, or who sends a head byte by byte has the server work for him.
fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    memchr::memmem::find(bytes, what)
}

/// Reads one body.
#[derive(Debug)]
pub(super) struct Body {
    state: State,
    /// What came after the last chunk.
    trailers: Vec<(String, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Length(usize),
    ChunkLine,
    Chunk(usize),
    ChunkEnd,
    Trailers,
    Done,
}

/// What [`Body::next`] finds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Data(Bytes),
    NeedsMore,
    End,
}

impl Body {
    pub(super) fn new(kind: BodyKind) -> Self {
        let state = match kind {
            BodyKind::Length(0) => State::Done,
            BodyKind::Length(len) => State::Length(len),
            BodyKind::Chunked => State::ChunkLine,
        };
        Self { state, trailers: Vec::new() }
    }

    /// The next piece of the body, as it has come.
    pub(super) fn next(&mut self, inbox: &mut BytesMut) -> Result<Piece, Malformed> {
        loop {
            match self.state {
                State::Done => return Ok(Piece::End),
                _ if inbox.is_empty() => return Ok(Piece::NeedsMore),
                State::Length(left) => {
                    let data = inbox.split_to(left.min(inbox.len())).freeze();
                    let left = left - data.len();
                    self.state = if left == 0 { State::Done } else { State::Length(left) };
                    return Ok(Piece::Data(data));
                }
                State::Chunk(left) => {
                    let data = inbox.split_to(left.min(inbox.len())).freeze();
                    let left = left - data.len();
                    self.state = if left == 0 { State::ChunkEnd } else { State::Chunk(left) };
                    return Ok(Piece::Data(data));
                }
                State::ChunkEnd => {
                    if inbox.len() < 2 {
                        return Ok(Piece::NeedsMore);
                    }
                    if !inbox.starts_with(b"\r\n") {
                        return Err(Malformed);
                    }
                    inbox.advance(2);
                    self.state = State::ChunkLine;
                }
                State::ChunkLine => {
                    let Some(line) = take_line(inbox, CHUNK_LINE_BYTES_MAX)? else {
                        return Ok(Piece::NeedsMore);
                    };
                    let size = line.split(';').next().unwrap_or(&line).trim();
                    let size = usize::from_str_radix(size, 16).map_err(|_| Malformed)?;
                    self.state = if size == 0 { State::Trailers } else { State::Chunk(size) };
                }
                State::Trailers => {
                    let Some(line) = take_line(inbox, HEAD_BYTES_MAX)? else { return Ok(Piece::NeedsMore) };
                    if line.is_empty() {
                        self.state = State::Done;
                    } else {
                        let (name, value) = field(&line)?;
                        if self.trailers.len() < 64 {
                            self.trailers.push((name.to_owned(), value.to_owned()));
                        }
                    }
                }
            }
        }
    }

    pub(super) fn trailer(&self, name: &str) -> Option<&str> {
        let found = self.trailers.iter().find(|(field, _)| field.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

fn take_line(inbox: &mut BytesMut, bytes_max: usize) -> Result<Option<String>, Malformed> {
    match find(inbox, b"\r\n") {
        Some(len) if len <= bytes_max => {
            let line = inbox.split_to(len + 2);
            Ok(Some(std::str::from_utf8(&line[..len]).map_err(|_| Malformed)?.to_owned()))
        }
        None if inbox.len() <= bytes_max => Ok(None),
        _ => Err(Malformed),
    }
}

/// An answer, ready to be sent: small bodies stand behind their head already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) head: Vec<u8>,
    pub(super) body: Bytes,
}

/// Bodies up to this size are copied behind the head, so that they are one write.
const JOINED_BYTES_MAX: usize = 16 * 1024;

impl Reply {
    pub(super) fn new(status: u16, fields: &[(&str, &str)], body: Bytes) -> Self {
        let mut head =
            String::with_capacity(512 + if body.len() <= JOINED_BYTES_MAX { body.len() } else { 0 });
        let written = write!(head, "HTTP/1.1 {status} {}\r\n", reason(status));
        written.expect("writing to a String cannot fail");
        for (name, value) in fields {
            head.push_str(name);
            head.push_str(": ");
            // What a caller may have a say in must not begin another field.
            head.extend(value.chars().map(|c| if c.is_control() { ' ' } else { c }));
            head.push_str("\r\n");
        }
        write!(head, "Content-Length: {}\r\n\r\n", body.len()).expect("writing to a String cannot fail");
        let mut head = head.into_bytes();
        if body.len() > JOINED_BYTES_MAX {
            return Self { head, body };
        }
        head.extend_from_slice(&body);
        Self { head, body: Bytes::new() }
    }

    pub(super) fn json(status: u16, body: String) -> Self {
        Self::new(status, &[("Content-Type", "application/json")], Bytes::from(body))
    }

    pub(super) fn text(status: u16, body: &'static str) -> Self {
        Self::new(
            status,
            &[("Content-Type", "text/plain; charset=utf-8")],
            Bytes::from_static(body.as_bytes()),
        )
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        202 => "Accepted",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        413 => "Request Entity Too Large",
        _ => "Internal Server Error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(text: &str) -> Result<Option<Head>, Malformed> {
        Head::parse(&mut BytesMut::from(text))
    }

    #[test]
    fn reads_heads() {
        let read = head(
            "POST /2018-06-01/runtime/init/error?x=1 HTTP/1.1\r\nhost: a\r\nContent-Length:  5 \r\n\
             lambda-Runtime-Function-Error-Type: X.Y\r\nExpect: 100-continue\r\n\r\nhello",
        );
        let read = read.unwrap().unwrap();
        assert_eq!(read.method, Method::Post);
        assert_eq!(read.path, "/2018-06-01/runtime/init/error");
        assert_eq!(read.body, BodyKind::Length(5));
        assert!(read.expects_continue && !read.closes);
        assert_eq!(read.field("Lambda-Runtime-Function-Error-Type"), Some("X.Y"));
        assert_eq!(read.field("Host"), None);
        assert_eq!(head("GET http://127.0.0.1:9001/a HTTP/1.0\r\n\r\n").unwrap().unwrap().path, "/a");
        assert_eq!(head("GET / HTTP/1.1\r\nHost"), Ok(None));
    }

    #[test]
    fn refuses_what_is_no_head() {
        let long = format!("GET / HTTP/1.1\r\nA: {}", "x".repeat(HEAD_BYTES_MAX));
        for bad in [
            "\u{0}\r\n\r\n",
            "GET /\r\n\r\n",
            "GET / HTTP/1.1 x\r\n\r\n",
            "GET / HTTP/1.1\r\nno colon\r\n\r\n",
            "GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
            "GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            "GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "GET / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
            &long,
        ] {
            assert_eq!(head(bad), Err(Malformed), "{bad:?}");
        }
    }

    fn read_all(kind: BodyKind, sent: &[u8]) -> (Vec<u8>, Body, BytesMut) {
        let (mut body, mut inbox, mut read) = (Body::new(kind), BytesMut::new(), Vec::new());
        for byte in sent {
            inbox.extend_from_slice(&[*byte]);
            while let Piece::Data(data) = body.next(&mut inbox).unwrap() {
                read.extend_from_slice(&data);
            }
        }
        (read, body, inbox)
    }

    #[test]
    fn reads_bodies_in_any_pieces() {
        let (read, mut body, mut inbox) = read_all(BodyKind::Length(3), b"abcGET");
        assert_eq!((&read[..], body.next(&mut inbox)), (&b"abc"[..], Ok(Piece::End)));
        assert_eq!(&inbox[..], b"GET");
        let sent =
            b"3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nLambda-Runtime-Function-Error-Type: E\r\n\r\nGET";
        let (read, mut body, mut inbox) = read_all(BodyKind::Chunked, sent);
        assert_eq!((&read[..], body.next(&mut inbox)), (&b"abc0123456789"[..], Ok(Piece::End)));
        assert_eq!(body.trailer("lambda-runtime-function-error-type"), Some("E"));
        assert_eq!(&inbox[..], b"GET");
        for bad in [&b"x\r\n"[..], b"1\r\nabc", b"ffffffffffffffffff\r\n"] {
            let (mut body, mut inbox) = (Body::new(BodyKind::Chunked), BytesMut::from(bad));
            let ended = loop {
                match body.next(&mut inbox) {
                    Ok(Piece::Data(_)) => {}
                    other => break other,
                }
            };
            assert_eq!(ended, Err(Malformed), "{bad:?}");
        }
    }

    #[test]
    fn a_field_cannot_begin_another() {
        let reply = Reply::new(200, &[("A", "1\r\nB: 2")], Bytes::from_static(b"x"));
        assert_eq!(reply.head, b"HTTP/1.1 200 OK\r\nA: 1  B: 2\r\nContent-Length: 1\r\n\r\nx");
    }
}
