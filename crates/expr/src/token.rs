//! Text to tokens. One lexer for all expressions, so that a keyword of one is a keyword of all. Cannot fail: what
//! no expression knows is [`Kind::Bad`], and the parser complains where it meets it.

use crate::Fault;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A bare name.
    Word,
    /// `#name`
    Name,
    /// `:value`
    Value,
    Integer,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Open,
    Close,
    OpenIndex,
    CloseIndex,
    Comma,
    Dot,
    Plus,
    Minus,
    And,
    Or,
    Not,
    Between,
    In,
    Set,
    Remove,
    Add,
    Delete,
    Bad,
    End,
}

#[derive(Debug, Clone, Copy)]
struct Token {
    kind: Kind,
    start: usize,
    end: usize,
}

const KEYWORDS: [(&str, Kind); 9] = [
    ("AND", Kind::And),
    ("OR", Kind::Or),
    ("NOT", Kind::Not),
    ("BETWEEN", Kind::Between),
    ("IN", Kind::In),
    ("SET", Kind::Set),
    ("REMOVE", Kind::Remove),
    ("ADD", Kind::Add),
    ("DELETE", Kind::Delete),
];

/// The tokens of one expression; the last is always [`Kind::End`].
#[derive(Debug)]
pub(crate) struct Tokens<'t> {
    text: &'t str,
    tokens: Vec<Token>,
}

impl<'t> Tokens<'t> {
    pub(crate) fn read(text: &'t str) -> Self {
        let mut tokens = Vec::with_capacity(text.len() / 4 + 2);
        let bytes = text.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            if matches!(bytes[at], b' ' | b'\t' | b'\n' | b'\r') {
                at += 1;
                continue;
            }
            let (kind, len) = next(&text[at..]);
            tokens.push(Token { kind, start: at, end: at + len });
            at += len;
        }
        tokens.push(Token { kind: Kind::End, start: text.len(), end: text.len() });
        Self { text, tokens }
    }

    /// The kind of a token; behind the end there is only the end.
    pub(crate) fn kind(&self, index: usize) -> Kind {
        self.tokens.get(index).map_or(Kind::End, |token| token.kind)
    }

    pub(crate) fn text(&self, index: usize) -> &'t str {
        self.tokens.get(index).map_or("", |token| &self.text[token.start..token.end])
    }

    /// The complaint about a token: the token, and the text from the one before it to the one after it.
    pub(crate) fn syntax_fault(&self, index: usize) -> Fault {
        let index = index.min(self.tokens.len() - 1);
        let token = self.tokens[index];
        let from = index.checked_sub(1).map_or(0, |before| self.tokens[before].start);
        let to = self.tokens.get(index + 1).map_or(token.end, |after| after.end);
        let shown = if token.kind == Kind::End { "<EOF>" } else { &self.text[token.start..token.end] };
        Fault::Syntax { token: shown.to_owned(), near: self.text[from..to].to_owned() }
    }
}

/// The token at the start of `text`, which is not empty, and its length.
fn next(text: &str) -> (Kind, usize) {
    let bytes = text.as_bytes();
    let word_len = |from: usize| {
        let word = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'_';
        from + bytes[from..].iter().take_while(word).count()
    };
    match bytes[0] {
        b'a'..=b'z' | b'A'..=b'Z' => {
            let len = word_len(1);
            let keyword = KEYWORDS.iter().find(|(word, _)| word.eq_ignore_ascii_case(&text[..len]));
            (keyword.map_or(Kind::Word, |(_, kind)| *kind), len)
        }
        sigil @ (b'#' | b':') => match word_len(1) {
            1 => (Kind::Bad, 1),
            len if sigil == b'#' => (Kind::Name, len),
            len => (Kind::Value, len),
        },
        b'0' => (Kind::Integer, 1),
        b'1'..=b'9' => (Kind::Integer, bytes.iter().take_while(|byte| byte.is_ascii_digit()).count()),
        b'<' if bytes.get(1) == Some(&b'>') => (Kind::NotEqual, 2),
        b'<' if bytes.get(1) == Some(&b'=') => (Kind::LessEqual, 2),
        b'>' if bytes.get(1) == Some(&b'=') => (Kind::GreaterEqual, 2),
        b'<' => (Kind::Less, 1),
        b'>' => (Kind::Greater, 1),
        b'=' => (Kind::Equal, 1),
        b'(' => (Kind::Open, 1),
        b')' => (Kind::Close, 1),
        b'[' => (Kind::OpenIndex, 1),
        b']' => (Kind::CloseIndex, 1),
        b',' => (Kind::Comma, 1),
        b'.' => (Kind::Dot, 1),
        b'+' => (Kind::Plus, 1),
        b'-' => (Kind::Minus, 1),
        _ => (Kind::Bad, text.chars().next().map_or(1, char::len_utf8)),
    }
}
