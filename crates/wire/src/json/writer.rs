//! The push writer: appends JSON to a growing buffer. Knows no shape; whoever calls it keeps the order of
//! begin, key, value, end.

use std::io::Write;

use base::Timestamp;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use super::WriteJson;

/// Writes JSON without white space. Commas come by themselves: the last byte written says whether one is due.
#[derive(Debug, Default)]
pub struct Writer {
    out: Vec<u8>,
}

impl Writer {
    pub fn new() -> Self {
        Self::with_capacity(256)
    }

    pub fn with_capacity(capacity: usize) -> Self {
        Self { out: Vec::with_capacity(capacity) }
    }

    pub fn begin_object(&mut self) {
        self.separate();
        self.out.push(b'{');
    }

    pub fn end_object(&mut self) {
        self.out.push(b'}');
    }

    pub fn begin_array(&mut self) {
        self.separate();
        self.out.push(b'[');
    }

    pub fn end_array(&mut self) {
        self.out.push(b']');
    }

    /// The key of the next value of an object.
    pub fn key(&mut self, key: &str) {
        self.string(key);
        self.out.push(b':');
    }

    /// A member of a structure.
    pub fn member<T: WriteJson + ?Sized>(&mut self, name: &'static str, value: &T) {
        self.separate();
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        value.write_json(self);
    }

    /// A member of a structure, if it is there.
    pub fn optional<T: WriteJson>(&mut self, name: &'static str, value: &Option<T>) {
        if let Some(value) = value {
            self.member(name, value);
        }
    }

    pub fn string(&mut self, text: &str) {
        self.separate();
        self.out.push(b'"');
        // By chunks, without an early end inside of one: the compiler turns the test into vector instructions.
        for chunk in text.as_bytes().chunks(64) {
            if chunk.iter().fold(false, |any, &byte| any | is_escaped(byte)) {
                chunk.iter().for_each(|&byte| self.letter(byte));
            } else {
                self.out.extend_from_slice(chunk);
            }
        }
        self.out.push(b'"');
    }

    /// A number already in JSON's form.
    pub fn number(&mut self, text: &str) {
        self.raw(text.as_bytes());
    }

    pub fn integer(&mut self, value: i64) {
        self.separate();
        self.print(format_args!("{value}"));
    }

    /// A number; what JSON has no number for (NaN, infinities) becomes AWS's string for it.
    pub fn float(&mut self, value: f64) {
        match value {
            v if v.is_nan() => self.string("NaN"),
            v if v.is_infinite() => self.string(if v > 0.0 { "Infinity" } else { "-Infinity" }),
            v => {
                self.separate();
                self.print(format_args!("{v:?}"));
            }
        }
    }

    pub fn boolean(&mut self, value: bool) {
        self.raw(if value { b"true" } else { b"false" });
    }

    pub fn null(&mut self) {
        self.raw(b"null");
    }

    /// Bytes as a base64 string.
    pub fn blob(&mut self, bytes: &[u8]) {
        self.separate();
        self.out.push(b'"');
        let start = self.out.len();
        self.out.resize(start + bytes.len().div_ceil(3) * 4, 0);
        let written = STANDARD.encode_slice(bytes, &mut self.out[start..]);
        self.out.truncate(start + written.expect("the buffer was made as long as base64 needs"));
        self.out.push(b'"');
    }

    /// Seconds since the epoch, with a fraction if there is one.
    pub fn timestamp(&mut self, timestamp: Timestamp) {
        self.separate();
        let (secs, ms) = (timestamp.0.div_euclid(1000), timestamp.0.rem_euclid(1000));
        match ms {
            0 => self.print(format_args!("{secs}")),
            _ if secs >= 0 => {
                let text = format!("{secs}.{ms:03}");
                self.out.extend_from_slice(text.trim_end_matches('0').as_bytes());
            }
            _ => self.print(format_args!("{}", timestamp.as_secs_f64())),
        }
    }

    /// One value that is JSON already.
    pub fn raw(&mut self, json: &[u8]) {
        self.separate();
        self.out.extend_from_slice(json);
    }

    pub fn into_vec(self) -> Vec<u8> {
        self.out
    }

    pub fn into_bytes(self) -> Bytes {
        self.out.into()
    }

    fn separate(&mut self) {
        if !matches!(self.out.last(), None | Some(b'{' | b'[' | b':')) {
            self.out.push(b',');
        }
    }

    fn letter(&mut self, byte: u8) {
        match byte {
            byte if !is_escaped(byte) => self.out.push(byte),
            b'"' => self.out.extend_from_slice(b"\\\""),
            b'\\' => self.out.extend_from_slice(b"\\\\"),
            b'\n' => self.out.extend_from_slice(b"\\n"),
            b'\r' => self.out.extend_from_slice(b"\\r"),
            b'\t' => self.out.extend_from_slice(b"\\t"),
            other => self.print(format_args!("\\u{other:04x}")),
        }
    }

    fn print(&mut self, arguments: std::fmt::Arguments<'_>) {
        self.out.write_fmt(arguments).expect("writing to a Vec does not fail");
    }
}

fn is_escaped(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}
