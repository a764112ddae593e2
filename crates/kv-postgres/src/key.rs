//! Keys as the table holds them. Its index takes 2,704 bytes a row, so a long key is stored as its first
//! [`SHORT_MAX`] bytes and a hash of the whole, with the rest in a column of its own. Short keys and groups of long
//! keys with one beginning stand in exact order; within such a group who reads sorts. Knows no SQL.

use bytes::{Bytes, BytesMut};
use sha2::{Digest, Sha256};

/// A stored key over this is the beginning and the hash of a longer one.
pub(crate) const SHORT_MAX: usize = 2_400;
const HASH_BYTES: usize = 32;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct StoredKey {
    pub(crate) key: Bytes,
    /// Of a long key: what follows its beginning.
    pub(crate) rest: Option<Bytes>,
}

impl StoredKey {
    pub(crate) fn of(key: &Bytes) -> Self {
        if key.len() <= SHORT_MAX {
            return Self { key: key.clone(), rest: None };
        }
        let mut stored = BytesMut::with_capacity(SHORT_MAX + HASH_BYTES);
        stored.extend_from_slice(&key[..SHORT_MAX]);
        stored.extend_from_slice(&Sha256::digest(key));
        Self { key: stored.freeze(), rest: Some(key.slice(SHORT_MAX..)) }
    }

    /// The key that was stored so.
    pub(crate) fn whole(key: &[u8], rest: Option<&[u8]>) -> Bytes {
        match rest {
            None => Bytes::copy_from_slice(key),
            Some(rest) => [&key[..SHORT_MAX.min(key.len())], rest].concat().into(),
        }
    }
}

/// The stored bounds that hold all keys from `bound` on, or before it; where `bound` is long, its whole group too.
pub(crate) fn lower(bound: &Bytes) -> Bytes {
    if bound.len() <= SHORT_MAX { bound.clone() } else { group(bound).0 }
}

pub(crate) fn upper(bound: &Bytes) -> Bytes {
    if bound.len() <= SHORT_MAX { bound.clone() } else { group(bound).1 }
}

/// Where the long keys with this one's beginning are stored: all between the two, without them.
pub(crate) fn group(key: &[u8]) -> (Bytes, Bytes) {
    let beginning = &key[..SHORT_MAX.min(key.len())];
    let after = [beginning, &[u8::MAX; HASH_BYTES + 1]].concat();
    // A zero byte more than the short key of the same bytes, which is not of the group.
    let from = [beginning, &[0]].concat();
    (from.into(), after.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_order_is_the_keys_order_but_within_a_group() {
        let beginning = vec![7; SHORT_MAX];
        let mut keys: Vec<Bytes> = vec![
            Bytes::from_static(b"\x07"),
            beginning[..SHORT_MAX - 1].to_vec().into(),
            beginning.clone().into(),
            [&beginning[..], b"\0"].concat().into(),
            [&beginning[..], b"a"].concat().into(),
            [&beginning[..], &[255; 900]].concat().into(),
            [&beginning[..SHORT_MAX - 1], b"\x08"].concat().into(),
            [&beginning[..SHORT_MAX - 1], b"\x08\x01"].concat().into(),
        ];
        keys.sort();
        for (at, low) in keys.iter().enumerate() {
            let stored = StoredKey::of(low);
            assert_eq!(StoredKey::whole(&stored.key, stored.rest.as_deref()), low);
            assert!(stored.key >= lower(low) && stored.key.len() < 2_600);
            for high in &keys[at + 1..] {
                let same_group = low.len() > SHORT_MAX && low[..SHORT_MAX] == high[..SHORT_MAX];
                assert!(same_group || stored.key < StoredKey::of(high).key);
                assert!(stored.key < upper(high));
            }
            if low.len() > SHORT_MAX {
                let (from, to) = group(low);
                assert!(from <= stored.key && stored.key < to);
            }
        }
    }
}
