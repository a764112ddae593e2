//! Keys as bytes that sort as their values do, and back. Knows no table: who builds a key says which parts it
//! has and in which order.
//!
//! - S and B: the bytes as they are where nothing follows ([`Place::Last`]); else `00` is written `00 FF` and
//!   the end `00 01`, so that a shorter key sorts before a longer one that begins with it.
//! - N: `02` for zero; else `03` for positive, the first digit's power of ten + 130, the digits in pairs + 1
//!   (the last filled up with 0), `00`. Negative numbers: `01`, and the complement of the rest.
//!
//! These bytes are on disk: a change needs a new format version of the store.

use std::fmt;

use bytes::Bytes;

use crate::number::{DIGITS_MAX, LEADING_MAX, LEADING_MIN};
use crate::{Kind, Number, Value};

/// The types a key attribute may have (`ScalarAttributeType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyKind {
    S,
    N,
    B,
}

impl KeyKind {
    pub fn as_str(self) -> &'static str {
        self.kind().as_str()
    }

    /// From `ScalarAttributeType`.
    pub fn from_wire(name: &str) -> Option<Self> {
        match name {
            "S" => Some(Self::S),
            "N" => Some(Self::N),
            "B" => Some(Self::B),
            _ => None,
        }
    }

    pub fn kind(self) -> Kind {
        match self {
            Self::S => Kind::S,
            Self::N => Kind::N,
            Self::B => Kind::B,
        }
    }

    /// The key type of a value, if it may be a key.
    pub fn of(value: &Value) -> Option<Self> {
        Self::from_wire(value.kind().as_str())
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where a part stands in a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Another part follows: this one marks its own end.
    Inner,
    /// Nothing follows.
    Last,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("a {} cannot be a key", .0.as_str())]
    Kind(Kind),
    #[error("the bytes are not a key of type {0}")]
    Corrupt(KeyKind),
}

const ESCAPE: u8 = 0x00;
const ESCAPED_ZERO: u8 = 0xff;
const END: u8 = 0x01;

const NEGATIVE: u8 = 0x01;
const ZERO: u8 = 0x02;
const POSITIVE: u8 = 0x03;

/// Appends the sortable form of `value`.
pub fn encode(value: &Value, place: Place, out: &mut Vec<u8>) -> Result<(), KeyError> {
    encode_prefix(value, place, out)?;
    if place == Place::Inner && !matches!(value, Value::N(_)) {
        out.extend_from_slice(&[ESCAPE, END]);
    }
    Ok(())
}

/// Appends what the sortable forms of all strings (or binaries) that begin with `value` begin with. A number
/// is appended whole.
pub fn encode_prefix(value: &Value, place: Place, out: &mut Vec<u8>) -> Result<(), KeyError> {
    match value {
        Value::S(text) => push_bytes(text.as_bytes(), place, out),
        Value::B(bytes) => push_bytes(bytes, place, out),
        Value::N(number) => push_number(*number, out),
        other => return Err(KeyError::Kind(other.kind())),
    }
    Ok(())
}

/// Reads a part at the start of `bytes`; returns it and what follows.
pub fn decode(kind: KeyKind, place: Place, bytes: &[u8]) -> Result<(Value, &[u8]), KeyError> {
    let corrupt = || KeyError::Corrupt(kind);
    match kind {
        KeyKind::N => {
            let (number, rest) = read_number(bytes).ok_or_else(corrupt)?;
            Ok((Value::N(number), rest))
        }
        KeyKind::S => {
            let (raw, rest) = read_bytes(place, bytes).ok_or_else(corrupt)?;
            Ok((Value::S(String::from_utf8(raw).map_err(|_| corrupt())?), rest))
        }
        KeyKind::B => {
            let (raw, rest) = read_bytes(place, bytes).ok_or_else(corrupt)?;
            Ok((Value::B(Bytes::from(raw)), rest))
        }
    }
}

/// Four bytes that spread partition keys evenly: FNV-1a over the encoded key, then mixed.
pub fn hash(encoded: &[u8]) -> [u8; 4] {
    let mut state = 0xcbf2_9ce4_8422_2325u64;
    for byte in encoded {
        state = (state ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    state ^= state >> 33;
    state = state.wrapping_mul(0xff51_afd7_ed55_8ccd);
    state ^= state >> 33;
    ((state >> 32) as u32).to_be_bytes()
}

/// The smallest byte string that is greater than all that begin with `prefix`; none if there is no such.
pub fn successor(mut prefix: Vec<u8>) -> Option<Vec<u8>> {
    while let Some(last) = prefix.pop() {
        if last < 0xff {
            prefix.push(last + 1);
            return Some(prefix);
        }
    }
    None
}

fn push_bytes(bytes: &[u8], place: Place, out: &mut Vec<u8>) {
    if place == Place::Last {
        out.extend_from_slice(bytes);
        return;
    }
    for byte in bytes {
        out.push(*byte);
        if *byte == ESCAPE {
            out.push(ESCAPED_ZERO);
        }
    }
}

fn read_bytes(place: Place, bytes: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    if place == Place::Last {
        return Some((bytes.to_vec(), &[]));
    }
    let mut raw = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    loop {
        match rest {
            [ESCAPE, ESCAPED_ZERO, after @ ..] => {
                raw.push(ESCAPE);
                rest = after;
            }
            [ESCAPE, END, after @ ..] => return Some((raw, after)),
            [ESCAPE, ..] | [] => return None,
            [byte, after @ ..] => {
                raw.push(*byte);
                rest = after;
            }
        }
    }
}

fn push_number(number: Number, out: &mut Vec<u8>) {
    if number.is_zero() {
        out.push(ZERO);
        return;
    }
    let flip = if number.is_negative() { 0xff } else { 0 };
    out.push(if number.is_negative() { NEGATIVE } else { POSITIVE });
    out.push((number.leading() - LEADING_MIN) as u8 ^ flip);
    let digits = number.digits();
    let mut coefficient = number.coefficient();
    if !digits.is_multiple_of(2) {
        coefficient *= 10;
    }
    let mut pairs = [0u8; DIGITS_MAX as usize / 2];
    let count = digits.div_ceil(2) as usize;
    for pair in pairs[..count].iter_mut().rev() {
        *pair = (coefficient % 100) as u8 + 1;
        coefficient /= 100;
    }
    out.extend(pairs[..count].iter().map(|pair| pair ^ flip));
    out.push(flip);
}

fn read_number(bytes: &[u8]) -> Option<(Number, &[u8])> {
    let (negative, rest) = match bytes {
        [ZERO, rest @ ..] => return Some((Number::ZERO, rest)),
        [NEGATIVE, rest @ ..] => (true, rest),
        [POSITIVE, rest @ ..] => (false, rest),
        _ => return None,
    };
    let flip = if negative { 0xff } else { 0 };
    let (leading, rest) = rest.split_first()?;
    let leading = i32::from(leading ^ flip) + LEADING_MIN;
    let count = rest.iter().take(DIGITS_MAX as usize / 2 + 1).position(|byte| *byte == flip)?;
    let mut coefficient = 0u128;
    for pair in &rest[..count] {
        let pair = (pair ^ flip).checked_sub(1).filter(|pair| *pair < 100)?;
        coefficient = coefficient * 100 + u128::from(pair);
    }
    let exponent = leading - (2 * count as i32 - 1);
    let number = Number::new(coefficient, exponent, negative).ok()?;
    // Only what the encoder writes is a key: one number has one form.
    let canonical = !number.is_zero() && number.leading() == leading && leading <= LEADING_MAX;
    canonical.then(|| (number, &rest[count + 1..]))
}
