//! Items as stored: round trips, sizes, and the fixture of the format's first version.

use bytes::Bytes;
use item::{Image, Item, Number, Value, codec};

use crate::json::write;
use crate::seeded::Seeded;

/// One of everything.
fn specimen() -> Item {
    let n = |text: &str| Number::parse(text).unwrap();
    [
        ("b", Value::B(Bytes::from_static(&[0, 1, 255]))),
        ("false", Value::Bool(false)),
        ("true", Value::Bool(true)),
        ("bs", Value::Bs(vec![Bytes::new(), Bytes::from_static(b"x")])),
        ("l", Value::L(vec![Value::from("x"), Value::L(vec![]), Value::Null])),
        ("m", Value::M([("", Value::from(7i64)), ("inner", Value::M(Item::new()))].into_iter().collect())),
        ("n", Value::N(n("-12345678901234567890123456789012345678"))),
        ("n0", Value::N(n("0"))),
        ("n1", Value::N(n("1000"))),
        ("n2", Value::N(n("0.25"))),
        ("n3", Value::N(n("1e-130"))),
        ("ns", Value::Ns(vec![n("1"), n("-300.5")])),
        ("s", Value::from("text é 한")),
        ("ss", Value::Ss(vec!["".into(), "b".into()])),
        ("a name of more than twenty-two bytes", Value::S("y".repeat(200))),
    ]
    .into_iter()
    .collect()
}

/// A fixture of format version 1, as written when it was made: later programs must read it.
#[test]
fn version_1_reads_for_ever_and_is_written_so() {
    let golden = include_bytes!("golden/item-v1.bin");
    assert_eq!(codec::decode(golden).unwrap(), specimen());
    assert_eq!(codec::encode(&specimen()), golden, "the bytes on disk changed: that needs a new version");
}

#[test]
fn every_road_gives_the_same() {
    let mut seeded = Seeded::new(7);
    for _ in 0..3_000 {
        let item = seeded.item(3);
        let stored = codec::encode(&item);
        assert_eq!(codec::decode(&stored), Ok(item.clone()));
        assert_eq!(codec::size(&stored), Ok(item.size()));
        let image = Image::stored(stored.clone().into()).unwrap();
        assert_eq!(write(&image), write(&item));
        assert_eq!(image, Image::Item(item.clone()));
        for (name, value) in item.iter() {
            assert_eq!(codec::get(&stored, name), Ok(Some(value.clone())));
        }
        assert_eq!(codec::get(&stored, "no such name"), Ok(None));
        let some = codec::decode_some(&stored, |name| name.len() % 2 == 0).unwrap();
        let mut expected = item;
        expected.retain(|name, _| name.len() % 2 == 0);
        assert_eq!(some, expected);
    }
}

#[test]
fn other_versions_are_named() {
    let mut stored = codec::encode(&specimen());
    stored[0] = 2;
    assert_eq!(
        codec::decode(&stored).unwrap_err().to_string(),
        "the stored item has format version 2; this program knows 1"
    );
}

#[test]
fn damaged_bytes_are_an_error_or_an_item() {
    let mut seeded = Seeded::new(8);
    let whole = codec::encode(&specimen());
    for len in 0..whole.len() {
        assert!(codec::decode(&whole[..len]).is_err());
        assert!(Image::stored(Bytes::copy_from_slice(&whole[..len])).is_err());
    }
    for _ in 0..30_000 {
        let mut stored = whole.clone();
        for _ in 0..=seeded.below(3) {
            let at = seeded.below(stored.len());
            stored[at] = seeded.next() as u8;
        }
        let decoded = codec::decode(&stored);
        let image = Image::stored(stored.into());
        assert_eq!(decoded.is_ok(), image.is_ok());
        if let Ok(image) = image {
            write(&image);
        }
    }
}

#[test]
fn random_bytes_are_an_error_or_an_item() {
    let mut seeded = Seeded::new(9);
    for _ in 0..30_000 {
        let mut stored = vec![1, 0, 0, 0, 0];
        stored.extend((0..seeded.below(60)).map(|_| (seeded.next() % 12) as u8));
        let _ = codec::decode(&stored);
        let _ = codec::get(&stored, "a");
    }
}

/// Nesting beyond the limit is damage, not recursion.
#[test]
fn bottomless_bytes_are_an_error() {
    let mut stored = vec![1, 0, 0, 0, 0, 1, 0];
    for level in (0..10_000u32).rev() {
        stored.push(7);
        stored.extend((level * 6 + 1).to_le_bytes());
        stored.push(1);
    }
    assert!(codec::decode(&stored).is_err());
    assert!(codec::check(&stored).is_err());
}
