//! The pull reader: walks over JSON text in place. Knows no shape. Depth is bounded, so that the readers of
//! recursive shapes need no bound of their own; skipping does not recurse.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

/// What the next value is, seen from its first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Object,
    Array,
    String,
    Number,
    True,
    False,
    Null,
}

/// Why JSON could not be read. [`crate::wording`] has AWS's text for each.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    #[error("malformed JSON at byte {at}")]
    Syntax { at: usize },
    #[error("the body is not UTF-8 at byte {at}")]
    Utf8 { at: usize },
    #[error("JSON nests deeper than {max} levels")]
    TooDeep { max: usize },
    #[error("{found:?} where {expected} is expected")]
    Type { expected: &'static str, found: Kind },
    #[error("not base64: {text}")]
    Blob { text: String },
    #[error("not a timestamp: {text}")]
    Timestamp { text: String },
}

/// Reads one JSON document.
///
/// Objects: [`Self::begin_object`], then [`Self::next_key`] until it is none, after each key exactly one value.
/// Arrays: [`Self::begin_array`], then [`Self::next_element`] until it is false, after each true exactly one value.
#[derive(Debug)]
pub struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    depth_max: usize,
    /// An object or array has just begun: no comma is due before its first member.
    first: bool,
}

impl<'a> Reader<'a> {
    /// A reader of `input`, refusing what nests deeper than `depth_max` (`Limits::json_depth_max`).
    pub fn new(input: &'a [u8], depth_max: usize) -> Result<Self, JsonError> {
        match std::str::from_utf8(input) {
            Ok(text) => Ok(Self { text, at: 0, depth: 0, depth_max, first: false }),
            Err(error) => Err(JsonError::Utf8 { at: error.valid_up_to() }),
        }
    }

    /// The kind of the next value, which stays unread.
    pub fn peek(&mut self) -> Result<Kind, JsonError> {
        match self.peek_byte() {
            Some(b'{') => Ok(Kind::Object),
            Some(b'[') => Ok(Kind::Array),
            Some(b'"') => Ok(Kind::String),
            Some(b'-' | b'0'..=b'9') => Ok(Kind::Number),
            Some(b't') => Ok(Kind::True),
            Some(b'f') => Ok(Kind::False),
            Some(b'n') => Ok(Kind::Null),
            _ => Err(self.syntax()),
        }
    }

    pub fn begin_object(&mut self) -> Result<(), JsonError> {
        self.expect_kind(Kind::Object, "Object")?;
        self.open()
    }

    /// The same for a map: AWS's complaint about a wrong type is another one.
    pub fn begin_map(&mut self) -> Result<(), JsonError> {
        self.expect_kind(Kind::Object, "Map")?;
        self.open()
    }

    pub fn begin_array(&mut self) -> Result<(), JsonError> {
        self.expect_kind(Kind::Array, "Array")?;
        self.open()
    }

    /// The next key of the object, or none at its end.
    pub fn next_key(&mut self) -> Result<Option<Cow<'a, str>>, JsonError> {
        if self.closes(b'}')? {
            return Ok(None);
        }
        if self.peek_byte() != Some(b'"') {
            return Err(self.syntax());
        }
        let key = self.quoted()?;
        if self.peek_byte() != Some(b':') {
            return Err(self.syntax());
        }
        self.at += 1;
        Ok(Some(key))
    }

    /// Whether the array has a next element, which is then to be read.
    pub fn next_element(&mut self) -> Result<bool, JsonError> {
        Ok(!self.closes(b']')?)
    }

    /// A string; borrowed from the input if it has no escapes.
    pub fn string(&mut self) -> Result<Cow<'a, str>, JsonError> {
        self.expect_kind(Kind::String, "String")?;
        self.quoted()
    }

    /// A number, as it is written.
    pub fn number(&mut self) -> Result<&'a str, JsonError> {
        self.number_as("Number")
    }

    /// A number; `expected` is what the complaint calls it if it is none.
    pub fn number_as(&mut self, expected: &'static str) -> Result<&'a str, JsonError> {
        self.expect_kind(Kind::Number, expected)?;
        self.scan_number()
    }

    pub fn boolean(&mut self) -> Result<bool, JsonError> {
        match self.peek()? {
            Kind::True => self.word("true").map(|()| true),
            Kind::False => self.word("false").map(|()| false),
            found => Err(JsonError::Type { expected: "Boolean", found }),
        }
    }

    /// Reads `null` if it is next and says whether it was.
    pub fn null(&mut self) -> Result<bool, JsonError> {
        if self.peek()? != Kind::Null {
            return Ok(false);
        }
        self.word("null").map(|()| true)
    }

    /// A base64 string: strict, with padding.
    pub fn blob(&mut self) -> Result<Bytes, JsonError> {
        let text = self.string_or("Blob")?;
        match STANDARD.decode(text.as_bytes()) {
            Ok(bytes) => Ok(bytes.into()),
            Err(_) => Err(JsonError::Blob { text: text.into_owned() }),
        }
    }

    /// The next value as it is written, checked to be JSON.
    pub fn raw(&mut self) -> Result<&'a str, JsonError> {
        self.peek()?;
        let start = self.at;
        self.skip()?;
        Ok(&self.text[start..self.at])
    }

    /// Reads over the next value, whatever it is, without recursion.
    pub fn skip(&mut self) -> Result<(), JsonError> {
        let mut open: Vec<Kind> = Vec::new();
        loop {
            match self.peek()? {
                kind @ (Kind::Object | Kind::Array) => {
                    self.open()?;
                    open.push(kind);
                }
                Kind::String => drop(self.quoted()?),
                Kind::Number => drop(self.scan_number()?),
                Kind::True => self.word("true")?,
                Kind::False => self.word("false")?,
                Kind::Null => self.word("null")?,
            }
            loop {
                let more = match open.last() {
                    None => return Ok(()),
                    Some(Kind::Object) => self.next_key()?.is_some(),
                    Some(_) => self.next_element()?,
                };
                if more {
                    break;
                }
                open.pop();
            }
        }
    }

    /// Fails unless only white space is left.
    pub fn end(&mut self) -> Result<(), JsonError> {
        match self.peek_byte() {
            None => Ok(()),
            Some(_) => Err(self.syntax()),
        }
    }

    /// Where the reader stands; for [`Self::since`].
    pub fn position(&self) -> usize {
        self.at
    }

    /// The text between an earlier position and here.
    pub fn since(&self, position: usize) -> &'a str {
        self.text.get(position..self.at).unwrap_or_default().trim_start()
    }

    /// A string, or the complaint that `expected` is not what was found.
    fn string_or(&mut self, expected: &'static str) -> Result<Cow<'a, str>, JsonError> {
        self.expect_kind(Kind::String, expected)?;
        self.quoted()
    }

    fn expect_kind(&mut self, kind: Kind, expected: &'static str) -> Result<(), JsonError> {
        let found = self.peek()?;
        if found == kind { Ok(()) } else { Err(JsonError::Type { expected, found }) }
    }

    /// Steps into the object or array whose bracket is next.
    fn open(&mut self) -> Result<(), JsonError> {
        if self.depth == self.depth_max {
            return Err(JsonError::TooDeep { max: self.depth_max });
        }
        self.depth += 1;
        self.at += 1;
        self.first = true;
        Ok(())
    }

    /// Reads the closing bracket, or the comma that must stand before a further member.
    fn closes(&mut self, bracket: u8) -> Result<bool, JsonError> {
        let first = std::mem::take(&mut self.first);
        match self.peek_byte() {
            Some(byte) if byte == bracket => {
                self.at += 1;
                self.depth -= 1;
                Ok(true)
            }
            Some(b',') if !first => {
                self.at += 1;
                Ok(false)
            }
            Some(_) if first => Ok(false),
            _ => Err(self.syntax()),
        }
    }

    fn quoted(&mut self) -> Result<Cow<'a, str>, JsonError> {
        let start = self.at + 1;
        let bytes = self.text.as_bytes();
        let Some(len) = memchr::memchr2(b'"', b'\\', &bytes[start..]) else {
            return Err(JsonError::Syntax { at: bytes.len() });
        };
        let end = start + len;
        self.refuse_control(start, end)?;
        if bytes[end] == b'"' {
            self.at = end + 1;
            return Ok(Cow::Borrowed(&self.text[start..end]));
        }
        self.at = end;
        self.unescape(self.text[start..end].to_owned()).map(Cow::Owned)
    }

    /// Goes on with a string at its first backslash; `out` holds what came before it.
    fn unescape(&mut self, mut out: String) -> Result<String, JsonError> {
        let bytes = self.text.as_bytes();
        loop {
            let start = self.at;
            let Some(len) = memchr::memchr2(b'"', b'\\', &bytes[start..]) else {
                return Err(JsonError::Syntax { at: bytes.len() });
            };
            let end = start + len;
            self.refuse_control(start, end)?;
            out.push_str(&self.text[start..end]);
            self.at = end + 1;
            if bytes[end] == b'"' {
                return Ok(out);
            }
            let escaped = self.escape()?;
            out.push(escaped);
        }
    }

    /// The character behind a backslash.
    fn escape(&mut self) -> Result<char, JsonError> {
        let byte = self.text.as_bytes().get(self.at).copied();
        self.at += 1;
        match byte {
            Some(b @ (b'"' | b'\\' | b'/')) => Ok(char::from(b)),
            Some(b'n') => Ok('\n'),
            Some(b't') => Ok('\t'),
            Some(b'r') => Ok('\r'),
            Some(b'b') => Ok('\u{8}'),
            Some(b'f') => Ok('\u{c}'),
            Some(b'u') => self.unicode(),
            _ => Err(self.syntax()),
        }
    }

    /// `XXXX` or `XXXX\uXXXX` behind `\u`. Half a surrogate pair is no character and is refused.
    fn unicode(&mut self) -> Result<char, JsonError> {
        let high = self.hex4()?;
        if !(0xd800..0xdc00).contains(&high) {
            return char::from_u32(high).ok_or_else(|| self.syntax());
        }
        if self.text.as_bytes().get(self.at..self.at + 2) != Some(b"\\u") {
            return Err(self.syntax());
        }
        self.at += 2;
        let low = self.hex4()?;
        if !(0xdc00..0xe000).contains(&low) {
            return Err(self.syntax());
        }
        char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00)).ok_or_else(|| self.syntax())
    }

    fn hex4(&mut self) -> Result<u32, JsonError> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4).ok_or_else(|| self.syntax())?;
        let mut value = 0;
        for &digit in digits {
            let digit = char::from(digit).to_digit(16).ok_or_else(|| self.syntax())?;
            value = value << 4 | digit;
        }
        self.at += 4;
        Ok(value)
    }

    fn refuse_control(&self, start: usize, end: usize) -> Result<(), JsonError> {
        // The least byte of all rather than the first bad one: the compiler makes vector instructions of it.
        let least = self.text.as_bytes()[start..end].iter().fold(u8::MAX, |least, &byte| least.min(byte));
        if least < 0x20 { Err(JsonError::Syntax { at: start }) } else { Ok(()) }
    }

    fn scan_number(&mut self) -> Result<&'a str, JsonError> {
        let start = self.at;
        let bytes = self.text.as_bytes();
        if bytes[self.at] == b'-' {
            self.at += 1;
        }
        match bytes.get(self.at) {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits()?,
            _ => return Err(self.syntax()),
        }
        if bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = bytes.get(self.at) {
            self.at += 1;
            if let Some(b'+' | b'-') = bytes.get(self.at) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(&self.text[start..self.at])
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        let rest = &self.text.as_bytes()[self.at..];
        let len = rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
        self.at += len;
        if len == 0 { Err(self.syntax()) } else { Ok(()) }
    }

    fn word(&mut self, word: &str) -> Result<(), JsonError> {
        if !self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            return Err(self.syntax());
        }
        self.at += word.len();
        Ok(())
    }

    fn peek_byte(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        while let Some(&byte) = bytes.get(self.at) {
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(byte);
            }
            self.at += 1;
        }
        None
    }

    fn syntax(&self) -> JsonError {
        JsonError::Syntax { at: self.at.min(self.text.len()) }
    }
}
