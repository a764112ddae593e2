//! Paging tokens: a place in an order of events, in hexadecimal, behind the direction it was given for. A forward token
//! is the first place still to be read, a backward token the end of what is still to be read.

use wire::Failure;

use crate::error;
use crate::record::EVENT_PLACE_BYTES;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Token {
    Forward(Vec<u8>),
    Backward(Vec<u8>),
}

impl Token {
    /// The token to read on after the event at `place`.
    pub(crate) fn after(place: &[u8]) -> Self {
        // The next number of the row, whether it has one or not.
        let (row, n) = place.split_at(place.len().saturating_sub(4));
        let n = <[u8; 4]>::try_from(n).map_or(0, u32::from_be_bytes);
        Self::Forward([row, &n.saturating_add(1).to_be_bytes()].concat())
    }

    pub(crate) fn print(&self) -> String {
        let (mark, place) = match self {
            Self::Forward(place) => ("f/", place),
            Self::Backward(place) => ("b/", place),
        };
        place.iter().fold(mark.to_owned(), |text, byte| text + &format!("{byte:02x}"))
    }

    pub(crate) fn parse(text: &str) -> Result<Self, Failure> {
        let (mark, hex) = text.split_once('/').ok_or_else(error::bad_token)?;
        let place =
            parse_hex(hex).filter(|place| place.len() <= EVENT_PLACE_BYTES).ok_or_else(error::bad_token)?;
        match mark {
            "f" => Ok(Self::Forward(place)),
            "b" => Ok(Self::Backward(place)),
            _ => Err(error::bad_token()),
        }
    }
}

fn parse_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    Some(digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_what_it_parsed() {
        for text in ["f/", "b/00ff10", "f/0102030405060708090a0b0c0d0e0f101112131400000001"] {
            assert_eq!(Token::parse(text).map(|token| token.print()).as_deref().ok(), Some(text));
        }
        for text in
            ["", "f", "x/00", "f/0", "f/zz", "f/é1", "b/00000000000000000000000000000000000000000000000000"]
        {
            assert!(Token::parse(text).is_err(), "{text}");
        }
    }
}
