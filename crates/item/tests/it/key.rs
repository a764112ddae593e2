//! The order-preserving key codec: order of bytes is order of values, round trips, hash and prefixes.

use std::cmp::Ordering;

use bytes::Bytes;
use item::{KeyKind, Number, Place, Value, key};

use crate::seeded::Seeded;

fn encode(value: &Value, place: Place) -> Vec<u8> {
    let mut out = Vec::new();
    key::encode(value, place, &mut out).unwrap();
    out
}

fn order(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::S(a), Value::S(b)) => a.as_bytes().cmp(b.as_bytes()),
        (Value::N(a), Value::N(b)) => a.cmp(b),
        (Value::B(a), Value::B(b)) => a.cmp(b),
        _ => unreachable!(),
    }
}

fn check_order(kind: KeyKind, mut make: impl FnMut(&mut Seeded) -> Value) {
    let mut seeded = Seeded::new(3);
    for place in [Place::Inner, Place::Last] {
        for _ in 0..20_000 {
            let [a, b] = [make(&mut seeded), make(&mut seeded)];
            let [x, y] = [encode(&a, place), encode(&b, place)];
            assert_eq!(x.cmp(&y), order(&a, &b), "{a:?} {b:?}");
            assert_eq!(key::decode(kind, place, &x), Ok((a.clone(), &[][..])));
            // What follows an inner part never changes the order of two different ones.
            if place == Place::Inner && order(&a, &b).is_lt() {
                let (mut x, mut y) = (x, y);
                x.push(0xff);
                y.push(0x00);
                assert!(x < y, "{a:?} {b:?}");
                assert_eq!(key::decode(kind, place, &x), Ok((a, &[0xff][..])));
            }
        }
    }
}

#[test]
fn numbers_sort_as_numbers() {
    check_order(KeyKind::N, |seeded| Value::N(seeded.number()));
    check_order(KeyKind::N, |seeded| Value::N(Number::from(seeded.below(300) as i64 - 150)));
}

#[test]
fn texts_and_binaries_sort_by_bytes() {
    check_order(KeyKind::S, |seeded| Value::S(seeded.text(6)));
    check_order(KeyKind::B, |seeded| Value::B(seeded.bytes(6)));
}

#[test]
fn a_number_takes_at_most_22_bytes() {
    let longest = format!("-{}e88", "9".repeat(38));
    assert_eq!(encode(&Value::N(Number::parse(&longest).unwrap()), Place::Last).len(), 22);
}

/// These bytes are on disks.
#[test]
fn golden() {
    let n = |text: &str| Value::N(Number::parse(text).unwrap());
    for (value, place, hex) in [
        (n("0"), Place::Last, "02"),
        (n("1"), Place::Last, "03820b00"),
        (n("-1"), Place::Last, "017df4ff"),
        (n("1234.5"), Place::Inner, "03850d233300"),
        (n("1e-130"), Place::Last, "03000b00"),
        (n("9e125"), Place::Last, "03ff5b00"),
        (Value::from("a\0b"), Place::Inner, "6100ff620001"),
        (Value::from("a\0b"), Place::Last, "610062"),
        (Value::B(Bytes::from_static(&[0, 255])), Place::Inner, "00ffff0001"),
    ] {
        let found: String = encode(&value, place).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(found, hex, "{value:?}");
    }
    assert_eq!(key::hash(b""), [236, 186, 61, 242]);
    assert_eq!(key::hash(b"user#1"), [142, 130, 108, 132]);
}

#[test]
fn prefixes_and_successors() {
    let mut prefix = Vec::new();
    key::encode_prefix(&Value::from("ab"), Place::Inner, &mut prefix).unwrap();
    let end = key::successor(prefix.clone()).unwrap();
    for (text, inside) in [("ab", true), ("ab\0", true), ("ab\u{10ffff}", true), ("aa", false), ("ac", false)]
    {
        let bytes = encode(&Value::from(text), Place::Inner);
        assert_eq!(prefix <= bytes && bytes < end, inside, "{text:?}");
    }
    assert_eq!(key::successor(vec![1, 0xff, 0xff]), Some(vec![2]));
    assert_eq!(key::successor(vec![0xff]), None);
    assert_eq!(key::successor(vec![]), None);
}

#[test]
fn only_scalars_are_keys() {
    assert!(key::encode(&Value::Bool(true), Place::Last, &mut Vec::new()).is_err());
    assert!(key::encode(&Value::L(vec![]), Place::Last, &mut Vec::new()).is_err());
}

#[test]
fn any_bytes_are_a_key_or_an_error() {
    let mut seeded = Seeded::new(4);
    for _ in 0..50_000 {
        let bytes = seeded.bytes(30);
        for kind in [KeyKind::S, KeyKind::N, KeyKind::B] {
            if let Ok((value, rest)) = key::decode(kind, Place::Inner, &bytes) {
                assert_eq!(encode(&value, Place::Inner), bytes[..bytes.len() - rest.len()]);
            }
        }
    }
}
