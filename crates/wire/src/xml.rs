//! A writer of XML elements. Knows no shape.

use bytes::Bytes;

/// Writes elements without white space between them.
#[derive(Debug, Default)]
pub struct Writer {
    out: String,
}

impl Writer {
    pub fn begin(&mut self, name: &str) {
        self.out.extend(["<", name, ">"]);
    }

    /// Begins an element in a namespace.
    pub fn begin_in(&mut self, name: &str, namespace: &str) {
        self.out.extend(["<", name, " xmlns=\"", namespace, "\">"]);
    }

    pub fn end(&mut self, name: &str) {
        self.out.extend(["</", name, ">"]);
    }

    /// An element that holds a text. What XML 1.0 has no form for becomes U+FFFD.
    pub fn element(&mut self, name: &str, text: &str) {
        self.begin(name);
        for letter in text.chars() {
            match letter {
                '&' => self.out.push_str("&amp;"),
                '<' => self.out.push_str("&lt;"),
                '>' => self.out.push_str("&gt;"),
                '\r' => self.out.push_str("&#xD;"),
                '\t' | '\n' | ' '.. => self.out.push(letter),
                _ => self.out.push('\u{fffd}'),
            }
        }
        self.end(name);
    }

    /// XML that is written already.
    pub(crate) fn raw(&mut self, xml: &[u8]) {
        self.out.push_str(&String::from_utf8_lossy(xml));
    }

    pub fn into_bytes(self) -> Bytes {
        self.out.into()
    }
}
