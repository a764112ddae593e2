//! The NextToken of a SELECT: text that says all about itself, so that it survives a restart, and which statement it
//! is of, so that no other goes on with it. Pure; knows no table.

use std::fmt::Write;

use expr::Select;
use item::codec;

use crate::error::{Error, Result};
use crate::statement::{MISMATCH, Position};
use crate::table::Table;
use crate::token::Fingerprint;

/// What identifies a statement: its text, its parameters, its table.
pub(crate) fn fingerprint(
    table: &Table,
    select: &Select,
    (statement, parameters): (&str, &[item::Value]),
) -> [u8; 32] {
    let mut request = Fingerprint::default();
    request.text(&table.id.to_string());
    request.text(select.index.as_deref().unwrap_or_default());
    request.text(statement);
    request.values(parameters);
    request.digest()
}

/// Bytes of the fingerprint that a token has.
const MARK: usize = 8;

pub(crate) fn print(position: &Position, fingerprint: [u8; 32]) -> String {
    let key = position.after.as_ref().map(codec::encode).unwrap_or_default();
    let bytes = fingerprint[..MARK]
        .iter()
        .chain(&position.span.to_be_bytes())
        .chain(&key)
        .copied()
        .collect::<Vec<_>>();
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        write!(text, "{byte:02x}").expect("text is written to memory");
    }
    text
}

/// Reads a token that [`print`] made for the same statement.
pub(crate) fn parse(text: &str, fingerprint: [u8; 32]) -> Result<Position> {
    let unknown = || Error::invalid("Invalid NextToken");
    let bytes = unhex(text).ok_or_else(unknown)?;
    let (mark, rest) = bytes.split_first_chunk::<MARK>().ok_or_else(unknown)?;
    let (span, key) = rest.split_first_chunk::<2>().ok_or_else(unknown)?;
    if mark[..] != fingerprint[..MARK] {
        return Err(Error::invalid(MISMATCH));
    }
    let after = match key {
        [] => None,
        key => Some(codec::decode(key).map_err(|_| unknown())?),
    };
    Ok(Position { span: u16::from_be_bytes(*span), after })
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_back_to_its_statement_only() {
        let after = [("pk", item::Value::from("é")), ("sk", item::Value::from(1))].into_iter().collect();
        for position in [Position { span: 3, after: Some(after) }, Position { span: 0, after: None }] {
            let text = print(&position, [7; 32]);
            assert_eq!(parse(&text, [7; 32]).unwrap(), position);
            assert_eq!(parse(&text, [8; 32]).unwrap_err().to_string(), MISMATCH);
        }
        for text in ["", "garbage", "0", "é", "07070707070707", &"07".repeat(11)] {
            assert_eq!(parse(text, [7; 32]).unwrap_err().to_string(), "Invalid NextToken", "{text}");
        }
    }
}
