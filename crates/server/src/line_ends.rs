//! How the lines of a request's head end. Whoever takes a line feed alone for an end of a line, and whoever does not, see
//! two different requests in the same bytes; hyper is one of those who do.
//! Source: <https://www.rfc-editor.org/rfc/rfc9112#section-2.2>

/// What is known of a head so far, piece by piece as it comes.
#[derive(Debug, Default)]
pub(crate) struct LineEnds {
    previous: u8,
    /// Bytes of the line that has not ended.
    line: usize,
    /// A line with something in it has been: empty ones before a request mean nothing.
    begun: bool,
    ended: bool,
    bare: bool,
}

impl LineEnds {
    /// Bytes of the head, and perhaps of what stands behind it.
    pub(crate) fn read(&mut self, bytes: &[u8]) {
        let mut from = 0;
        for at in memchr::memchr_iter(b'\n', bytes) {
            if self.ended {
                return;
            }
            let before = at.checked_sub(1).map_or(self.previous, |before| bytes[before]);
            let line = self.line + at - from;
            let is_empty = line == 0 || (line == 1 && before == b'\r');
            self.bare |= before != b'\r';
            self.ended = is_empty && self.begun;
            self.begun |= !is_empty;
            (self.line, from) = (0, at + 1);
        }
        self.line += bytes.len() - from;
        self.previous = bytes.last().copied().unwrap_or(self.previous);
    }

    /// A line of the head ended in a line feed alone.
    pub(crate) fn is_bare(&self) -> bool {
        self.bare
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_heads_alone_are_looked_at() {
        for (bytes, bare) in [
            ("GET / HTTP/1.1\r\nhost: a\r\n\r\n", false),
            ("GET / HTTP/1.1\r\nhost: a\r\n\r\na body\nof lines\n\n", false),
            ("\r\n\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\nbody\n", false),
            ("GET / HTTP/1.1\nhost: a\r\n\r\n", true),
            ("GET / HTTP/1.1\r\nhost: a\nx: b\r\n\r\n", true),
            ("GET / HTTP/1.1\r\nhost: a\r\n\n", true),
            ("GET / HTTP/1.1\r\nhost: a\n\r\n", true),
            ("\nGET / HTTP/1.1\r\n\r\n", true),
        ] {
            for step in [1, 2, 7, bytes.len()] {
                let mut ends = LineEnds::default();
                bytes.as_bytes().chunks(step).for_each(|piece| ends.read(piece));
                assert_eq!(ends.is_bare(), bare, "{bytes:?} in steps of {step}");
            }
        }
    }
}
