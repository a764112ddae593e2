//! `$util`: escapes and codecs.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::json::{self, JsonFault};
use crate::method::Call;
use crate::render::{Machine, Result};
use crate::value::Value;

impl Machine<'_> {
    pub(crate) fn util_method(&mut self, call: &Call<'_>) -> Result<Option<Value>> {
        let [argument] = call.arguments else { return Ok(None) };
        let text = self.text_of(argument)?;
        self.spend(text.len() / 16)?;
        let made = match call.name {
            "escapeJavaScript" => escape_java_script(&text),
            "parseJson" => return self.parse_json(&text, call).map(Some),
            "urlEncode" => form_urlencoded::byte_serialize(text.as_bytes()).collect(),
            "urlDecode" => url_decode(&text, call)?,
            "base64Encode" => STANDARD.encode(text.as_bytes()),
            "base64Decode" => match STANDARD.decode(text.as_bytes()) {
                Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
                Err(error) => {
                    return Err(call.throws(format!("java.lang.IllegalArgumentException: {error}")));
                }
            },
            _ => return Ok(None),
        };
        Ok(Some(self.heap.text(&made)?))
    }

    fn parse_json(&mut self, text: &str, call: &Call<'_>) -> Result<Value> {
        if text.is_empty() {
            return Ok(Value::Null);
        }
        json::parse(text, &mut self.heap).map_err(|fault| match fault {
            JsonFault::Syntax(what) => call.throws(what),
            JsonFault::Limit(fault) => fault,
        })
    }
}

/// As commons-lang does it: quotes of both kinds, slashes, and all that is not ASCII, by UTF-16 units.
fn escape_java_script(text: &str) -> String {
    let mut made = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '"' | '\'' | '\\' | '/' => {
                made.push('\\');
                made.push(c);
            }
            '\u{8}' => made.push_str("\\b"),
            '\u{c}' => made.push_str("\\f"),
            '\n' => made.push_str("\\n"),
            '\r' => made.push_str("\\r"),
            '\t' => made.push_str("\\t"),
            ' '..='\x7f' => made.push(c),
            c => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let _ = write!(made, "\\u{unit:04X}");
                }
            }
        }
    }
    made
}

/// `URLDecoder.decode`, which refuses escapes that are none.
fn url_decode(text: &str, call: &Call<'_>) -> Result<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        bytes.push(match first {
            b'+' => b' ',
            b'%' => {
                let digits = behind.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
                let digits = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
                let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
                let byte = byte.ok_or_else(|| {
                    call.throws("java.lang.IllegalArgumentException: URLDecoder: Illegal hex characters in escape (%) pattern")
                })?;
                rest = &behind[2..];
                byte
            }
            byte => *byte,
        });
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
