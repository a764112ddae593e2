//! JSON texts as values: strict, with Jackson's words for what is wrong, because the gateway hands them on.

use std::sync::Arc;

use crate::error::position;
use crate::limits::VALUE_DEPTH_MAX;
use crate::number;
use crate::value::{Heap, Value};

/// Why a text is not JSON: a complaint, or a limit.
#[derive(Debug)]
pub(crate) enum JsonFault {
    Syntax(String),
    Limit(crate::error::Fault),
}

impl From<crate::error::Fault> for JsonFault {
    fn from(fault: crate::error::Fault) -> Self {
        Self::Limit(fault)
    }
}

type Result<T> = std::result::Result<T, JsonFault>;

/// Reads one value and nothing behind it.
pub(crate) fn parse(text: &str, heap: &mut Heap) -> Result<Value> {
    let mut reader = Reader { text, at: 0, heap, keys: Vec::new() };
    let value = reader.value(0)?;
    reader.space();
    match reader.peek() {
        None => Ok(value),
        Some(_) => Err(reader.unexpected("Unexpected character", "expected the end of the text")),
    }
}

struct Reader<'r> {
    text: &'r str,
    at: usize,
    heap: &'r mut Heap,
    /// Names that were read lately: the objects of a list have the same ones.
    keys: Vec<Arc<str>>,
}

/// Names that are looked through for each name.
const KEYS_MAX: usize = 16;

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn fail(&self, message: &str) -> JsonFault {
        let (line, column) = position(self.text, self.at);
        JsonFault::Syntax(format!("{message}\n at [Source: (String); line: {line}, column: {column}]"))
    }

    fn unexpected(&self, what: &str, wanted: &str) -> JsonFault {
        match self.text.get(self.at..).and_then(|rest| rest.chars().next()) {
            Some(c) => self.fail(&format!("{what} ('{c}' (code {})): {wanted}", u32::from(c))),
            None => self.fail("Unexpected end-of-input"),
        }
    }

    fn value(&mut self, depth: u32) -> Result<Value> {
        if depth > VALUE_DEPTH_MAX {
            return Err(self.fail("The JSON text nests too deep"));
        }
        self.space();
        match self.peek() {
            Some(b'"') => {
                let text = self.string()?;
                Ok(Value::Text(text))
            }
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b'a'..=b'z' | b'A'..=b'Z') => self.word(),
            None => Err(self.fail("No content to map due to end-of-input")),
            Some(_) => Err(self.unexpected(
                "Unexpected character",
                "expected a valid value (JSON String, Number, Array, Object or token 'null', 'true' or 'false')",
            )),
        }
    }

    fn word(&mut self) -> Result<Value> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let word: &str = rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
        let value = match word {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            "null" => Value::Null,
            _ => {
                let shown: String = word.chars().take(64).collect();
                return Err(self.fail(&format!(
                    "Unrecognized token '{shown}': was expecting (JSON String, Number, Array, Object or token \
                     'null', 'true' or 'false')"
                )));
            }
        };
        self.at += word.len();
        Ok(value)
    }

    fn digits(&mut self) -> usize {
        let from = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        self.at - from
    }

    fn number(&mut self) -> Result<Value> {
        const WANTED: &str = "expected digit (0-9) in numeric value";
        let from = self.at;
        self.at += usize::from(self.peek() == Some(b'-'));
        let leading_zero = self.peek() == Some(b'0');
        let whole = self.digits();
        if whole == 0 {
            return Err(self.unexpected("Unexpected character", WANTED));
        }
        if leading_zero && whole > 1 {
            return Err(self.fail("Invalid numeric value: Leading zeroes not allowed"));
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            if self.digits() == 0 {
                return Err(self.unexpected("Unexpected character", WANTED));
            }
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
            if self.digits() == 0 {
                return Err(self.unexpected("Unexpected character", WANTED));
            }
        }
        let digits = self.text.get(from..self.at).unwrap_or_default();
        if digits.len() > 32 {
            self.heap.charge(digits.len())?;
        }
        Ok(number::parse(digits))
    }

    fn string(&mut self) -> Result<Arc<str>> {
        self.at += 1;
        let from = self.at;
        loop {
            match self.peek() {
                Some(b'"') => {
                    let text = self.text.get(from..self.at).unwrap_or_default();
                    self.at += 1;
                    self.heap.charge(text.len() + 24)?;
                    return Ok(text.into());
                }
                Some(b'\\') => return self.escaped_string(from),
                Some(byte) if byte < 0x20 => return Err(self.control(byte)),
                Some(_) => self.at += 1,
                None => {
                    return Err(
                        self.fail("Unexpected end-of-input: was expecting closing quote for a string value")
                    );
                }
            }
        }
    }

    /// A name, shared with an earlier one that is the same.
    fn key(&mut self) -> Result<Arc<str>> {
        let rest = self.text.as_bytes().get(self.at + 1..).unwrap_or_default();
        let known = self.keys.iter().find(|known| {
            rest.get(known.len()) == Some(&b'"') && rest.get(..known.len()) == Some(known.as_bytes())
        });
        if let Some(known) = known {
            self.at += known.len() + 2;
            return Ok(Arc::clone(known));
        }
        let key = self.string()?;
        // One that has to be escaped is not written as it is, and never found so.
        let plain = key.bytes().all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\');
        if plain && self.keys.len() < KEYS_MAX {
            self.keys.push(Arc::clone(&key));
        }
        Ok(key)
    }

    fn control(&self, byte: u8) -> JsonFault {
        self.fail(&format!(
            "Illegal unquoted character ((CTRL-CHAR, code {byte})): has to be escaped using backslash to be \
             included in string value"
        ))
    }

    /// From the first backslash on.
    fn escaped_string(&mut self, from: usize) -> Result<Arc<str>> {
        let mut text = self.text.get(from..self.at).unwrap_or_default().to_owned();
        loop {
            let plain = self.at;
            while self.peek().is_some_and(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
                self.at += 1;
            }
            text.push_str(self.text.get(plain..self.at).unwrap_or_default());
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    self.heap.charge(text.len() + 24)?;
                    return Ok(text.into());
                }
                Some(b'\\') => {
                    self.at += 1;
                    text.push(self.escape()?);
                }
                Some(byte) => return Err(self.control(byte)),
                None => {
                    return Err(
                        self.fail("Unexpected end-of-input: was expecting closing quote for a string value")
                    );
                }
            }
        }
    }

    fn escape(&mut self) -> Result<char> {
        let c = match self.peek() {
            Some(b'n') => '\n',
            Some(b't') => '\t',
            Some(b'r') => '\r',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(c @ (b'"' | b'\\' | b'/')) => char::from(c),
            Some(b'u') => return self.unicode(),
            _ => return Err(self.unexpected("Unrecognized character escape", "was expecting an escape")),
        };
        self.at += 1;
        Ok(c)
    }

    fn unit(&mut self) -> Result<u32> {
        self.at += 1;
        let digits = self
            .text
            .get(self.at..self.at + 4)
            .filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        let unit = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let unit = unit.ok_or_else(|| {
            self.unexpected("Unexpected character", "expected a hex-digit for character escape sequence")
        })?;
        self.at += 4;
        Ok(unit)
    }

    /// A lone surrogate is no character of ours.
    fn unicode(&mut self) -> Result<char> {
        let high = self.unit()?;
        if (0xd800..0xdc00).contains(&high)
            && self.text.get(self.at..).is_some_and(|rest| rest.starts_with("\\u"))
        {
            let before = self.at;
            self.at += 1;
            let low = self.unit()?;
            if (0xdc00..0xe000).contains(&low) {
                let code = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
                return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            self.at = before;
        }
        Ok(char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn array(&mut self, depth: u32) -> Result<Value> {
        self.at += 1;
        let mut items = Vec::new();
        self.space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::List(self.heap.new_list(items, true)?));
        }
        loop {
            self.heap.charge(24)?;
            items.push(self.value(depth + 1)?);
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(Value::List(self.heap.new_list(items, true)?));
                }
                _ => {
                    return Err(self.unexpected(
                        "Unexpected character",
                        "was expecting comma to separate Array entries",
                    ));
                }
            }
        }
    }

    fn object(&mut self, depth: u32) -> Result<Value> {
        self.at += 1;
        let map = self.heap.new_map()?;
        self.space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Value::Map(map));
        }
        loop {
            self.space();
            if self.peek() != Some(b'"') {
                return Err(
                    self.unexpected("Unexpected character", "was expecting double-quote to start field name")
                );
            }
            let key = Value::Text(self.key()?);
            self.space();
            if self.peek() != Some(b':') {
                return Err(self.unexpected(
                    "Unexpected character",
                    "was expecting a colon to separate field name and value",
                ));
            }
            self.at += 1;
            let value = self.value(depth + 1)?;
            self.heap.put(map, key, value)?;
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(Value::Map(map));
                }
                _ => {
                    return Err(self.unexpected(
                        "Unexpected character",
                        "was expecting comma to separate Object entries",
                    ));
                }
            }
        }
    }
}
