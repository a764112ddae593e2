//! Identifiers: accounts, regions, requests, and random names in AWS's alphabets.

use std::cell::RefCell;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// A 12-digit AWS account. Prints with its leading zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct AccountId(u64);

/// A text that is not the identifier it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdError(pub String);

impl AccountId {
    /// The account of callers whose access key names none: `000000000000`.
    pub const DEFAULT: Self = Self(0);

    pub fn as_u64(self) -> u64 {
        self.0
    }
}

impl FromStr for AccountId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        if text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit()) {
            text.parse().map(Self).map_err(|_| IdError(text.to_owned()))
        } else {
            Err(IdError(text.to_owned()))
        }
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:012}", self.0)
    }
}

impl fmt::Display for IdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a valid identifier: {}", self.0)
    }
}

impl std::error::Error for IdError {}

/// An AWS region's name. Cheap to clone; any name is taken as it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Region(Arc<str>);

impl Region {
    pub const DEFAULT: &'static str = "us-east-1";

    pub fn new(name: &str) -> Self {
        Self(name.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `aws`, `aws-cn` or `aws-us-gov`.
    pub fn partition(&self) -> &'static str {
        if self.0.starts_with("cn-") {
            "aws-cn"
        } else if self.0.starts_with("us-gov-") {
            "aws-us-gov"
        } else {
            "aws"
        }
    }
}

impl Default for Region {
    fn default() -> Self {
        Self::new(Self::DEFAULT)
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The account and region that a resource lives in: tables, functions and APIs of one scope are unseen by another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Scope {
    pub account: AccountId,
    pub region: Region,
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.account, self.region)
    }
}

/// A random (version 4) UUID, printed in lower case with dashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestId(pub u128);

impl RequestId {
    pub fn random() -> Self {
        let bits = u128::from_ne_bytes(random_bytes());
        let version = (bits & !(0xf << 76)) | (0x4 << 76);
        Self((version & !(0x3 << 62)) | (0x2 << 62))
    }

    /// 52 upper-case letters and digits, the form that DynamoDB's answers carry.
    pub fn as_dynamodb(self) -> String {
        const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";
        let mut state = self.0;
        let mut text = String::with_capacity(52);
        for i in 0..52 {
            let index = (state & 31) as usize;
            text.push(char::from(ALPHABET[index]));
            state = state.rotate_right(5) ^ u128::from(i as u8);
        }
        text
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::with_capacity(36);
        let mut left = 32;
        for digits in [8, 4, 4, 4, 12] {
            if left < 32 {
                text.push('-');
            }
            left -= digits;
            push_hex(&mut text, self.0 >> (4 * left), digits);
        }
        f.write_str(&text)
    }
}

/// Appends the last `digits` hexadecimal digits of `value`, in lower case: what the formatter does, in a tenth of its time.
/// Every request is told some hundred of them.
pub(crate) fn push_hex(text: &mut String, value: u128, digits: u32) {
    for at in (0..digits).rev() {
        text.push(char::from(HEX[(value >> (4 * at)) as usize & 0xf]));
    }
}

const HEX: &[u8; 16] = b"0123456789abcdef";

/// `len` random lower-case hexadecimal digits.
pub fn random_hex(len: usize) -> String {
    random_text(len, HEX)
}

/// `len` random lower-case letters and digits: the ids of REST APIs, resources and URLs.
pub fn random_alphanumeric(len: usize) -> String {
    random_text(len, b"0123456789abcdefghijklmnopqrstuv")
}

/// `alphabet` has a power-of-two length, so that every letter is as likely as any other.
fn random_text(len: usize, alphabet: &[u8]) -> String {
    let mut text = String::with_capacity(len);
    while text.len() < len {
        for byte in random_bytes::<16>() {
            if text.len() < len {
                text.push(char::from(alphabet[usize::from(byte) & (alphabet.len() - 1)]));
            }
        }
    }
    text
}

/// Bytes of the kernel's random source, which a thread asks for many at a time: a request needs up to six times some.
fn random_bytes<const N: usize>() -> [u8; N] {
    const DRAWN: usize = 1024;
    thread_local! {
        static LEFT: RefCell<([u8; DRAWN], usize)> = const { RefCell::new(([0; DRAWN], 0)) };
    }
    LEFT.with_borrow_mut(|(bytes, left)| {
        if *left < N {
            getrandom::fill(bytes).expect("the kernel's random source answers once the system is up");
            *left = DRAWN;
        }
        *left -= N;
        let taken = bytes[*left..].first_chunk().copied();
        taken.expect("N bytes were left behind the new end")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_ids_are_version_4_uuids() {
        let id = RequestId::random().to_string();
        assert_eq!(id.len(), 36);
        assert_eq!(id.as_bytes()[14], b'4');
        assert!(b"89ab".contains(&id.as_bytes()[19]), "{id}");
    }

    #[test]
    fn request_ids_are_written_with_all_their_digits() {
        let id = RequestId(0x0012_3456_789a_4bcd_8ef0_0000_0000_0a0b);
        assert_eq!(id.to_string(), "00123456-789a-4bcd-8ef0-000000000a0b");
    }

    #[test]
    fn no_two_ids_are_the_same_in_any_thread() {
        let draw = || (0..1000).map(|_| RequestId::random().0).collect::<Vec<_>>();
        let other = std::thread::spawn(draw);
        let mut ids = draw();
        ids.extend(other.join().unwrap());
        let distinct: std::collections::HashSet<_> = ids.iter().collect();
        assert_eq!(distinct.len(), ids.len());
    }

    #[test]
    fn accounts_keep_their_zeros() {
        assert_eq!("000000000042".parse::<AccountId>().unwrap().to_string(), "000000000042");
        for text in ["", "42", "00000000004x", "0000000000042"] {
            assert!(text.parse::<AccountId>().is_err(), "{text}");
        }
    }
}
