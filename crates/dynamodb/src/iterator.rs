//! Shard iterators: text that says all about itself, so that it survives a restart. Pure; knows no store.

use std::time::Duration;

use base::Timestamp;

use crate::error::{Error, Result};

/// How long an iterator may be used.
const VALID_FOR: Duration = Duration::from_secs(15 * 60);

/// A place in a shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ShardIterator {
    pub(crate) stream_arn: String,
    pub(crate) shard: u8,
    /// The sequence after which to read.
    pub(crate) after: u64,
    pub(crate) issued: Timestamp,
}

impl ShardIterator {
    pub(crate) fn print(&self) -> String {
        let Self { stream_arn, shard, after, issued } = self;
        format!("{stream_arn}|1|{shard:02x}{after:016x}{:016x}", issued.0)
    }

    /// Reads an iterator that [`Self::print`] made not long before `now`.
    pub(crate) fn parse(text: &str, now: Timestamp) -> Result<Self> {
        let iterator = Self::parts(text).ok_or_else(|| Error::invalid("Invalid ShardIterator"))?;
        if now.since(iterator.issued) >= VALID_FOR {
            return Err(Error::ExpiredIterator);
        }
        Ok(iterator)
    }

    fn parts(text: &str) -> Option<Self> {
        let (stream_arn, place) = text.split_once("|1|")?;
        if place.len() != 34 || !place.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        Some(Self {
            stream_arn: stream_arn.to_owned(),
            shard: u8::from_str_radix(&place[..2], 16).ok()?,
            after: u64::from_str_radix(&place[2..18], 16).ok()?,
            issued: Timestamp(i64::from_str_radix(&place[18..], 16).ok()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_iterator_comes_back_and_expires() {
        let iterator = ShardIterator {
            stream_arn: "arn:aws:dynamodb:us-east-1:000000000000:table/t/stream/2026-11-22T17:21:00.123"
                .to_owned(),
            shard: 3,
            after: u64::MAX,
            issued: Timestamp(1_795_454_460_123),
        };
        let text = iterator.print();
        let at = |ms| ShardIterator::parse(&text, Timestamp(iterator.issued.0 + ms));
        assert_eq!(at(1).unwrap(), iterator);
        assert!(matches!(at(900_000), Err(Error::ExpiredIterator)));
        for bad in ["", "x", "arn|1|", "arn|1|zz", &text[1..text.len() - 1]] {
            assert!(ShardIterator::parse(bad, iterator.issued).is_err(), "{bad}");
        }
    }
}
