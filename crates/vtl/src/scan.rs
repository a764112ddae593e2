//! Small things that both modes of the lexer look for in a template's text. Knows bytes alone.

pub(crate) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

pub(crate) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

pub(crate) fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphabetic()
}

/// How many bytes from `at` on satisfy a test.
pub(crate) fn span(text: &[u8], at: usize, test: impl Fn(u8) -> bool) -> usize {
    text.get(at..).unwrap_or_default().iter().take_while(|byte| test(**byte)).count()
}

/// `name`, `na-me1`: what may follow a dollar or a dot.
pub(crate) fn identifier(text: &[u8], at: usize) -> usize {
    match text.get(at) {
        Some(byte) if is_letter(*byte) || *byte == b'_' => {
            span(text, at, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
        }
        _ => 0,
    }
}

/// `name`, `@name`: what may follow a hash.
pub(crate) fn word(text: &[u8], at: usize) -> usize {
    match text.get(at) {
        Some(byte) if is_letter(*byte) || matches!(byte, b'_' | b'@') => {
            span(text, at, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'@'))
        }
        _ => 0,
    }
}

/// A line terminator here.
pub(crate) fn newline(text: &[u8], at: usize) -> usize {
    match (text.get(at), text.get(at + 1)) {
        (Some(b'\r'), Some(b'\n')) => 2,
        (Some(b'\r' | b'\n'), _) => 1,
        _ => 0,
    }
}

/// Blanks and the line terminator behind them, which directives take with them; nothing if no line ends there.
pub(crate) fn rest_of_line(text: &[u8], at: usize) -> usize {
    let blanks = span(text, at, is_blank);
    match newline(text, at + blanks) {
        0 => 0,
        end => blanks + end,
    }
}

/// A directive's name behind its hash: the name's length, and the length of it with its braces.
pub(crate) fn directive(text: &[u8], at: usize) -> Option<(&str, usize)> {
    let braced = text.get(at) == Some(&b'{');
    let from = at + usize::from(braced);
    let length = word(text, from);
    if length == 0 || (braced && text.get(from + length) != Some(&b'}')) {
        return None;
    }
    let name = std::str::from_utf8(text.get(from..from + length)?).ok()?;
    Some((name, length + 2 * usize::from(braced)))
}

/// `#set(` here, with the blanks in front of it that belong to it.
pub(crate) fn set(text: &[u8], at: usize) -> Option<usize> {
    let hash = at + span(text, at, is_blank);
    let rest = text.get(hash..)?;
    let name = if rest.starts_with(b"#set") {
        4
    } else if rest.starts_with(b"#{set}") {
        6
    } else {
        return None;
    };
    let open = hash + name + span(text, hash + name, |byte| byte == b' ');
    (text.get(open) == Some(&b'(')).then_some(open + 1 - at)
}
