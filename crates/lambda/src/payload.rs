//! Whether an invocation's payload is JSON, and if not, what AWS's parser (Jackson) says about it.
//! One pass without a tree and without recursion; knows no function.

/// As deep as Jackson goes.
const DEPTH_MAX: usize = 1000;
/// How much of the source Jackson quotes.
const QUOTED_MAX: usize = 500;

const VALUE: &str = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')";

/// Checks that `payload` is one JSON value; whitespace around it is allowed.
///
/// # Errors
/// The message of AWS's `InvalidRequestContentException`.
pub(crate) fn check(payload: &[u8]) -> Result<(), String> {
    let mut scan = Scan { source: payload, at: 0, open: Vec::new() };
    scan.document().map_err(|fault| {
        let place = scan.place(fault.at);
        format!(
            "Could not parse request body into json: Could not parse payload into json: {}\n at {place}",
            fault.what
        )
    })
}

/// What is wrong, and up to where the parser had read.
struct Fault {
    what: String,
    at: usize,
}

struct Scan<'a> {
    source: &'a [u8],
    at: usize,
    /// The brackets that are open: the byte and where it stands.
    open: Vec<(u8, usize)>,
}

type Step = Result<(), Fault>;

impl Scan<'_> {
    fn document(&mut self) -> Step {
        self.skip_space()?;
        if self.at == self.source.len() {
            return self.fail("No content to map due to end-of-input");
        }
        self.value()?;
        while let Some(&(bracket, _)) = self.open.last() {
            self.after_value(bracket)?;
        }
        self.skip_space()?;
        match self.peek() {
            None => Ok(()),
            Some(_) => self.unexpected("was expecting end of input after the value"),
        }
    }

    /// In an open bracket, after a value: a comma and the next member, or the end.
    fn after_value(&mut self, bracket: u8) -> Step {
        self.skip_space()?;
        match self.peek() {
            None => self.unclosed(),
            Some(b'}' | b']') => self.close(),
            Some(b',') => {
                self.at += 1;
                self.skip_space()?;
                if bracket == b'{' { self.member() } else { self.value() }
            }
            Some(_) if bracket == b'{' => self.unexpected("was expecting comma to separate Object entries"),
            Some(_) => self.unexpected("was expecting comma to separate Array entries"),
        }
    }

    /// A value, or the start of one: brackets that are opened stay open.
    fn value(&mut self) -> Step {
        loop {
            match self.peek() {
                None => return self.unclosed(),
                Some(b'{') => {
                    self.push(b'{')?;
                    return if self.peek() == Some(b'}') { self.close() } else { self.member() };
                }
                Some(b'[') => {
                    self.push(b'[')?;
                    if self.peek() == Some(b']') {
                        return self.close();
                    }
                }
                Some(b'"') => return self.string(),
                Some(b'-' | b'0'..=b'9') => return self.number(),
                Some(b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'$' | 0x80..) => return self.word(),
                Some(_) => {
                    return self.unexpected(&format!("expected a valid value {VALUE}"));
                }
            }
        }
    }

    fn member(&mut self) -> Step {
        loop {
            match self.peek() {
                None => return self.unclosed(),
                Some(b'"') => self.string()?,
                Some(_) => return self.unexpected("was expecting double-quote to start field name"),
            }
            self.skip_space()?;
            match self.peek() {
                None => return self.unclosed(),
                Some(b':') => self.at += 1,
                Some(_) => return self.unexpected("was expecting a colon to separate field name and value"),
            }
            self.skip_space()?;
            if self.peek() != Some(b'{') {
                return self.value();
            }
            // Objects in objects are the common nesting: no recursion, since a request sets the depth.
            self.push(b'{')?;
            if self.peek() == Some(b'}') {
                return self.close();
            }
        }
    }

    fn push(&mut self, bracket: u8) -> Step {
        if self.open.len() == DEPTH_MAX {
            return self.fail(&format!(
                "Document nesting depth ({}) exceeds the maximum allowed ({DEPTH_MAX}, from \
                 `StreamReadConstraints.getMaxNestingDepth()`)",
                DEPTH_MAX + 1
            ));
        }
        self.open.push((bracket, self.at));
        self.at += 1;
        self.skip_space()
    }

    fn close(&mut self) -> Step {
        let found = self.source[self.at];
        match (self.open.pop(), found) {
            (Some((b'{', _)), b'}') | (Some((b'[', _)), b']') => {
                self.at += 1;
                Ok(())
            }
            (Some((bracket, start)), _) => {
                let (expected, name) = if bracket == b'{' { ('}', "Object") } else { (']', "Array") };
                let place = self.place(start);
                let what = format!(
                    "Unexpected close marker '{}': expected '{expected}' (for {name} starting at {place})",
                    char::from(found)
                );
                Err(Fault { what, at: self.at + 1 })
            }
            (None, _) => self.unexpected(&format!("expected a valid value {VALUE}")),
        }
    }

    fn string(&mut self) -> Step {
        self.at += 1;
        loop {
            let rest = &self.source[self.at..];
            let Some(run) = rest.iter().position(|&b| b == b'"' || b == b'\\' || b < 0x20) else {
                self.at = self.source.len();
                return self.fail("Unexpected end-of-input: was expecting closing quote for a string value");
            };
            if std::str::from_utf8(&rest[..run]).is_err() {
                return self.bad_utf8(run);
            }
            self.at += run;
            match rest[run] {
                b'"' => {
                    self.at += 1;
                    return Ok(());
                }
                b'\\' => self.escape()?,
                control => {
                    let what = format!(
                        "Illegal unquoted character ((CTRL-CHAR, code {control})): has to be escaped using \
                         backslash to be included in string value"
                    );
                    return Err(Fault { what, at: self.at + 1 });
                }
            }
        }
    }

    fn bad_utf8(&self, run: usize) -> Step {
        let rest = &self.source[self.at..self.at + run];
        let valid = std::str::from_utf8(rest).map_or_else(|error| error.valid_up_to(), str::len);
        let byte = rest.get(valid).copied().unwrap_or(0);
        Err(Fault { what: format!("Invalid UTF-8 start byte 0x{byte:x}"), at: self.at + valid + 1 })
    }

    fn escape(&mut self) -> Step {
        self.at += 1;
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 1,
            Some(b'u') => {
                self.at += 1;
                for _ in 0..4 {
                    match self.peek() {
                        Some(digit) if digit.is_ascii_hexdigit() => self.at += 1,
                        Some(_) => {
                            return self.unexpected("expected a hex-digit for character escape sequence");
                        }
                        None => return self.fail("Unexpected end-of-input in character escape sequence"),
                    }
                }
            }
            Some(other) => {
                let what = format!("Unrecognized character escape {}", described(other));
                return Err(Fault { what, at: self.at + 1 });
            }
            None => return self.fail("Unexpected end-of-input in character escape sequence"),
        }
        Ok(())
    }

    fn number(&mut self) -> Step {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => {
                self.at += 1;
                if matches!(self.peek(), Some(b'0'..=b'9')) {
                    self.at += 1;
                    return self.fail("Invalid numeric value: Leading zeroes not allowed");
                }
            }
            Some(b'1'..=b'9') => self.digits(),
            _ => {
                return self.unexpected_in_number(
                    "expected digit (0-9) to follow minus sign, for valid numeric value",
                );
            }
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            if !matches!(self.peek(), Some(b'0'..=b'9')) {
                return self.unexpected_in_number("Decimal point not followed by a digit");
            }
            self.digits();
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            if !matches!(self.peek(), Some(b'0'..=b'9')) {
                return self.unexpected_in_number("Exponent indicator not followed by a digit");
            }
            self.digits();
        }
        match self.peek() {
            Some(b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'"' | b'.') if self.open.is_empty() => {
                self.unexpected("Expected space separating root-level values")
            }
            _ => Ok(()),
        }
    }

    fn digits(&mut self) {
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
    }

    fn unexpected_in_number(&self, wanted: &str) -> Step {
        match self.peek() {
            Some(byte) => {
                let what = format!("Unexpected character ({}) in numeric value: {wanted}", described(byte));
                Err(Fault { what, at: self.at + 1 })
            }
            None => self.fail("Unexpected end-of-input in a Number value"),
        }
    }

    fn word(&mut self) -> Step {
        let rest = &self.source[self.at..];
        let end = rest
            .iter()
            .position(|&b| !(b.is_ascii_alphanumeric() || b == b'_' || b == b'$' || b >= 0x80))
            .unwrap_or(rest.len());
        let word = &rest[..end];
        self.at += end;
        if matches!(word, b"true" | b"false" | b"null") {
            return Ok(());
        }
        // Jackson cuts a token that goes on and on.
        let shown = String::from_utf8_lossy(&word[..end.min(256)]);
        let cut = if end > 256 { "..." } else { "" };
        Err(Fault { what: format!("Unrecognized token '{shown}{cut}': was expecting {VALUE}"), at: self.at })
    }

    fn skip_space(&mut self) -> Step {
        while let Some(byte) = self.peek() {
            match byte {
                b' ' | b'\n' | b'\r' | b'\t' => self.at += 1,
                0..0x20 => {
                    let what = format!(
                        "Illegal character ((CTRL-CHAR, code {byte})): only regular white space (\\r, \\n, \\t) \
                         is allowed between tokens"
                    );
                    return Err(Fault { what, at: self.at + 1 });
                }
                _ => break,
            }
        }
        Ok(())
    }

    fn peek(&self) -> Option<u8> {
        self.source.get(self.at).copied()
    }

    fn unclosed(&self) -> Step {
        match self.open.last() {
            Some(&(bracket, start)) => {
                let name = if bracket == b'{' { "Object" } else { "Array" };
                let place = self.place(start);
                self.fail(&format!(
                    "Unexpected end-of-input: expected close marker for {name} (start marker at {place})"
                ))
            }
            None => self.fail("Unexpected end-of-input"),
        }
    }

    fn unexpected(&self, wanted: &str) -> Step {
        let byte = self.source.get(self.at).copied().unwrap_or(0);
        let what = format!("Unexpected character ({}): {wanted}", described(byte));
        // Jackson reports the place after the character that it did not like.
        Err(Fault { what, at: self.at + 1 })
    }

    fn fail(&self, what: &str) -> Step {
        Err(Fault { what: what.to_owned(), at: self.at })
    }

    fn place(&self, at: usize) -> String {
        let before = &self.source[..at.min(self.source.len())];
        let line = before.iter().filter(|&&b| b == b'\n').count() + 1;
        let start = before.iter().rposition(|&b| b == b'\n').map_or(0, |i| i + 1);
        let quoted = String::from_utf8_lossy(&self.source[..self.source.len().min(QUOTED_MAX)]);
        let more = match self.source.len().saturating_sub(QUOTED_MAX) {
            0 => String::new(),
            more => format!("[truncated {more} bytes]"),
        };
        format!("[Source: (byte[])\"{quoted}\"{more}; line: {line}, column: {}]", at + 1 - start)
    }
}

/// `'x' (code 120)`.
fn described(byte: u8) -> String {
    match byte {
        0..0x20 => format!("(CTRL-CHAR, code {byte})"),
        _ => format!("'{}' (code {byte})", char::from(byte)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_passes() {
        for text in [
            "{}",
            "[]",
            " null ",
            "true",
            "-0.5e+10",
            "0",
            "\"a\\u00e9\\n\"",
            "\"한글\"",
            "[[],{},[{}]]",
            r#"{"a":{"b":{"c":[1,2,{"d":null}]}},"e":""}"#,
            "\n{ \"name\" : \"sy\" }\n",
            "[1 , 2]",
            "[{\"a\":1},{\"b\":2}]",
            r#"{"a":{},"b":[],"c":{"d":{}}}"#,
        ] {
            assert_eq!(check(text.as_bytes()), Ok(()), "{text}");
        }
        assert_eq!(check(format!("{}{}", "[".repeat(1000), "]".repeat(1000)).as_bytes()), Ok(()));
    }

    fn what(text: &[u8]) -> String {
        let message = check(text).expect_err(&String::from_utf8_lossy(text));
        message
            .strip_prefix("Could not parse request body into json: Could not parse payload into json: ")
            .unwrap()
            .to_owned()
    }

    #[test]
    fn the_payload_of_the_walk_through() {
        assert_eq!(
            check(b"{'name':'sy'}").unwrap_err(),
            "Could not parse request body into json: Could not parse payload into json: Unexpected character \
             (''' (code 39)): was expecting double-quote to start field name\n at [Source: \
             (byte[])\"{'name':'sy'}\"; line: 1, column: 3]"
        );
    }

    #[test]
    fn errors_in_jacksons_words() {
        let value = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')";
        for (text, expected) in [
            ("hello", format!("Unrecognized token 'hello': was expecting {value}\n at [Source: (byte[])\"hello\"; line: 1, column: 6]")),
            ("{", "Unexpected end-of-input: expected close marker for Object (start marker at [Source: (byte[])\"{\"; line: 1, column: 1])\n at [Source: (byte[])\"{\"; line: 1, column: 2]".to_owned()),
            ("\n[1,", "Unexpected end-of-input: expected close marker for Array (start marker at [Source: (byte[])\"\n[1,\"; line: 2, column: 1])\n at [Source: (byte[])\"\n[1,\"; line: 2, column: 4]".to_owned()),
            ("\"a", "Unexpected end-of-input: was expecting closing quote for a string value\n at [Source: (byte[])\"\"a\"; line: 1, column: 3]".to_owned()),
            ("{\"a\" 1}", "Unexpected character ('1' (code 49)): was expecting a colon to separate field name and value\n at [Source: (byte[])\"{\"a\" 1}\"; line: 1, column: 7]".to_owned()),
            ("{\"a\":1 \"b\"}", "Unexpected character ('\"' (code 34)): was expecting comma to separate Object entries\n at [Source: (byte[])\"{\"a\":1 \"b\"}\"; line: 1, column: 9]".to_owned()),
            ("[1}", "Unexpected close marker '}': expected ']' (for Array starting at [Source: (byte[])\"[1}\"; line: 1, column: 1])\n at [Source: (byte[])\"[1}\"; line: 1, column: 4]".to_owned()),
            ("[,]", format!("Unexpected character (',' (code 44)): expected a valid value {value}\n at [Source: (byte[])\"[,]\"; line: 1, column: 3]")),
            ("01", "Invalid numeric value: Leading zeroes not allowed\n at [Source: (byte[])\"01\"; line: 1, column: 3]".to_owned()),
        ] {
            assert_eq!(what(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn everything_else_that_is_not_json_is_refused() {
        for text in [
            &b" "[..],
            b"{,}",
            b"{\"a\":}",
            b"{\"a\":1,}",
            b"[1,]",
            b"]",
            b"}",
            b"-",
            b"1.",
            b"1e",
            b"1e+",
            b"tru",
            b"nullx",
            b"1x",
            b"{} {}",
            b"[1] 2",
            b"\"\\x\"",
            b"\"\\u12g4\"",
            b"\"\\u12",
            b"\"\n\"",
            b"\x01",
            b"\"\xff\"",
            b"\xff",
            b"'a'",
            b"{\"a\":{\"b\":[}",
        ] {
            what(text);
        }
        let deep = "[".repeat(1001);
        assert!(what(deep.as_bytes()).starts_with("Document nesting depth (1001) exceeds"));
        let deep = "{\"a\":".repeat(100_000);
        assert!(what(deep.as_bytes()).contains("[truncated 499500 bytes]"));
    }
}
