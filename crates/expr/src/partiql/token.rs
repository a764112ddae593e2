//! Text of a statement to tokens. Knows quotes, comments, numbers and which words are keywords, no grammar.

use super::fault::{Place, StatementFault};
use super::keyword::is_keyword;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A bare name that is no keyword.
    Word,
    Keyword,
    /// `"name"`
    Quoted,
    /// `'text'`
    Text,
    /// Without a sign.
    Number,
    /// `?`
    Parameter,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Open,
    Close,
    OpenList,
    CloseList,
    OpenMap,
    CloseMap,
    OpenBag,
    CloseBag,
    Comma,
    Colon,
    Semicolon,
    Dot,
    Star,
    Plus,
    Minus,
    /// An operator of SQL that no statement here knows.
    Operator,
    End,
}

#[derive(Debug, Clone, Copy)]
struct Token {
    kind: Kind,
    start: usize,
    end: usize,
}

/// The tokens of one statement; the last is always [`Kind::End`].
#[derive(Debug)]
pub(super) struct Tokens<'t> {
    text: &'t str,
    tokens: Vec<Token>,
}

impl<'t> Tokens<'t> {
    pub(super) fn read(text: &'t str) -> Result<Self, StatementFault> {
        let mut tokens = Vec::with_capacity(text.len() / 4 + 2);
        let mut at = 0;
        while at < text.len() {
            let rest = &text[at..];
            if let Some(len) = blank(rest)? {
                at += len;
                continue;
            }
            let (kind, len) = next(rest)?;
            tokens.push(Token { kind, start: at, end: at + len });
            at += len;
        }
        tokens.push(Token { kind: Kind::End, start: text.len(), end: text.len() });
        Ok(Self { text, tokens })
    }

    /// The kind of a token; behind the end there is only the end.
    pub(super) fn kind(&self, index: usize) -> Kind {
        self.tokens.get(index).map_or(Kind::End, |token| token.kind)
    }

    pub(super) fn text(&self, index: usize) -> &'t str {
        self.tokens.get(index).map_or("", |token| &self.text[token.start..token.end])
    }

    /// What is between the quotes of a token, doubled quotes made single.
    pub(super) fn unquoted(&self, index: usize) -> String {
        let text = self.text(index);
        let inner = text.get(1..text.len().saturating_sub(1)).unwrap_or_default();
        match self.kind(index) {
            Kind::Text => inner.replace("''", "'"),
            _ => inner.replace("\"\"", "\""),
        }
    }

    /// Whether the token is this word, in any case. `word` is in capitals.
    pub(super) fn is_word(&self, index: usize, word: &str) -> bool {
        matches!(self.kind(index), Kind::Word | Kind::Keyword) && self.text(index).eq_ignore_ascii_case(word)
    }

    pub(super) fn place(&self, index: usize) -> Place {
        let token = self.tokens[index.min(self.tokens.len() - 1)];
        let before = &self.text[..token.start];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Place {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            length: self.text[token.start..token.end].chars().count(),
        }
    }
}

/// The length of white space or a comment at the start of `text`.
fn blank(text: &str) -> Result<Option<usize>, StatementFault> {
    let bytes = text.as_bytes();
    if bytes[0].is_ascii_whitespace() {
        return Ok(Some(1));
    }
    if text.starts_with("--") {
        return Ok(Some(text.find(['\n', '\r']).unwrap_or(text.len())));
    }
    if let Some(comment) = text.strip_prefix("/*") {
        let end = comment.find("*/").ok_or(StatementFault::Malformed(""))?;
        return Ok(Some(end + 4));
    }
    Ok(None)
}

/// The token at the start of `text`, which is not empty, and its length.
fn next(text: &str) -> Result<(Kind, usize), StatementFault> {
    let bytes = text.as_bytes();
    let second = bytes.get(1).copied();
    Ok(match (bytes[0], second) {
        (b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'$', _) => {
            let part = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$');
            let len = bytes.iter().take_while(part).count();
            (if is_keyword(&text[..len]) { Kind::Keyword } else { Kind::Word }, len)
        }
        (b'\'', _) => (Kind::Text, quoted_len(text, '\'')?),
        (b'"', _) => (Kind::Quoted, quoted_len(text, '"')?),
        (b'0'..=b'9', _) | (b'.', Some(b'0'..=b'9')) => (Kind::Number, number_len(text)?),
        (b'<', Some(b'<')) => (Kind::OpenBag, 2),
        (b'<', Some(b'>')) | (b'!', Some(b'=')) => (Kind::NotEqual, 2),
        (b'<', Some(b'=')) => (Kind::LessEqual, 2),
        (b'<', _) => (Kind::Less, 1),
        (b'>', Some(b'>')) => (Kind::CloseBag, 2),
        (b'>', Some(b'=')) => (Kind::GreaterEqual, 2),
        (b'>', _) => (Kind::Greater, 1),
        (b'|', Some(b'|')) => (Kind::Operator, 2),
        (byte, _) => (single(byte).ok_or(StatementFault::Malformed(""))?, 1),
    })
}

fn single(byte: u8) -> Option<Kind> {
    Some(match byte {
        b'?' => Kind::Parameter,
        b'=' => Kind::Equal,
        b'(' => Kind::Open,
        b')' => Kind::Close,
        b'[' => Kind::OpenList,
        b']' => Kind::CloseList,
        b'{' => Kind::OpenMap,
        b'}' => Kind::CloseMap,
        b',' => Kind::Comma,
        b':' => Kind::Colon,
        b';' => Kind::Semicolon,
        b'.' => Kind::Dot,
        b'*' => Kind::Star,
        b'+' => Kind::Plus,
        b'-' => Kind::Minus,
        b'/' | b'%' => Kind::Operator,
        _ => return None,
    })
}

/// The length of a quoted text with its quotes; a doubled quote stands for one.
fn quoted_len(text: &str, quote: char) -> Result<usize, StatementFault> {
    let mut from = 1;
    loop {
        let end = from + text[from..].find(quote).ok_or(StatementFault::Malformed(""))?;
        if !text[end + 1..].starts_with(quote) {
            return Ok(end + 1);
        }
        from = end + 2;
    }
}

/// The length of a number. Its exponent, and what the exponent makes of its scale, must fit 32 bits: AWS reads it
/// as Java's BigDecimal.
fn number_len(text: &str) -> Result<usize, StatementFault> {
    let bytes = text.as_bytes();
    let digits = |from: usize| bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut len = digits(0);
    let mut decimals = 0;
    if bytes.get(len) == Some(&b'.') {
        decimals = digits(len + 1);
        len += 1 + decimals;
    }
    if matches!(bytes.get(len), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(len + 1), Some(b'+' | b'-')));
        let count = digits(len + 1 + sign);
        if count > 0 {
            let end = len + 1 + sign + count;
            let exponent: i32 = text[len + 1..end].parse().map_err(|_| StatementFault::Malformed(""))?;
            let scale = i64::try_from(decimals).unwrap_or(i64::MAX).saturating_sub(i64::from(exponent));
            i32::try_from(scale).map_err(|_| StatementFault::Malformed(""))?;
            len = end;
        }
    }
    Ok(len)
}
