//! Header names as their client wrote them. HTTP libraries hand names over in lower case, and functions behind API
//! Gateway read them as they were written. Knows no header.

/// The text of one HTTP/1.1 request head, kept for its spelling alone: what it says is read elsewhere.
#[derive(Debug, Clone, Default)]
pub struct Spelling {
    head: Vec<u8>,
}

impl Spelling {
    /// Of the first bytes of a request; what stands behind the head is not looked at.
    pub fn of_head(head: Vec<u8>) -> Self {
        Self { head }
    }

    /// How `name` was written the first time; `None` for a name that does not stand there.
    pub fn of(&self, name: &str) -> Option<&str> {
        let lines = self.head.split(|&byte| byte == b'\n').skip(1);
        let fields = lines.take_while(|line| !matches!(line, [] | [b'\r']));
        let mut names = fields.filter_map(|line| line.split(|&byte| byte == b':').next());
        let written = names.find(|written| written.eq_ignore_ascii_case(name.as_bytes()))?;
        std::str::from_utf8(written).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_the_head_alone() {
        let head =
            b"POST /X-Path HTTP/1.1\r\nHost: x\r\nx-TEST: a: b\r\nX-Test: c\r\nbroken\r\n\r\nX-Body: no\r\n";
        let spelling = Spelling::of_head(head.to_vec());
        for (name, written) in [
            ("host", Some("Host")),
            ("x-test", Some("x-TEST")),
            ("broken", None),
            ("x-body", None),
            ("post /x-path http/1.1", None),
            ("", None),
        ] {
            assert_eq!(spelling.of(name), written, "{name}");
        }
        assert_eq!(Spelling::default().of("host"), None);
    }
}
