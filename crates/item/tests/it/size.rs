//! What values and items measure.

use bytes::Bytes;
use item::{Item, KeyRole, Number, Value, ValueError, depth_check, key_check};

#[test]
fn weighs_as_dynamodb_does() {
    let n = |text: &str| Value::N(Number::parse(text).unwrap());
    for (value, size) in [
        (Value::from("한a"), 4),
        (n("0"), 1),
        (n("12"), 2),
        (n("123"), 3),
        (n("-123"), 4),
        (n("1000000"), 2),
        (n("12345678901234567890123456789012345678"), 20),
        (Value::B(Bytes::from_static(b"abc")), 3),
        (Value::Bool(true), 1),
        (Value::Null, 1),
        (Value::L(vec![]), 3),
        (Value::L(vec![Value::Null, Value::Null]), 7),
        (Value::M(Item::new()), 3),
        (Value::M([("ab", Value::Null)].into_iter().collect()), 7),
        (Value::Ss(vec!["a".into(), "bc".into()]), 3),
        (Value::Ns(vec![Number::ONE]), 2),
        (Value::Bs(vec![Bytes::from_static(b"abc")]), 3),
    ] {
        assert_eq!(value.size(), size, "{value:?}");
    }
}

#[test]
fn the_largest_item_passes_and_a_byte_more_does_not() {
    let item = |len: usize| -> Item { [("pk", Value::S("x".repeat(len)))].into_iter().collect() };
    assert_eq!(item(409_598).size_check(), Ok(()));
    assert_eq!(item(409_599).size_check(), Err(ValueError::ItemSize));
}

#[test]
fn nests_32_deep() {
    let nest = |levels: usize| {
        let value = (0..levels).fold(Value::Null, |inner, level| match level % 2 {
            0 => Value::L(vec![inner]),
            _ => Value::M([("a", inner)].into_iter().collect()),
        });
        depth_check(&[("a", value)].into_iter().collect::<Item>())
    };
    assert_eq!(nest(32), Ok(()));
    assert_eq!(nest(33), Err(ValueError::TooDeep));
}

#[test]
fn keys_are_neither_empty_nor_long() {
    let check = |role, value: Value| key_check("pk", role, &value).map_err(|error| error.to_string());
    let long = |len: usize| Value::S("x".repeat(len));
    assert_eq!(
        check(KeyRole::Partition, Value::from("")).unwrap_err(),
        "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: pk"
    );
    assert_eq!(
        check(KeyRole::Sort, Value::B(Bytes::new())).unwrap_err(),
        "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty binary value. Key: pk"
    );
    assert_eq!(check(KeyRole::Partition, long(2048)), Ok(()));
    assert!(check(KeyRole::Partition, long(2049)).unwrap_err().contains("2048 bytes"));
    assert_eq!(check(KeyRole::Sort, long(1024)), Ok(()));
    assert!(check(KeyRole::Sort, long(1025)).unwrap_err().contains("1024 bytes"));
    assert_eq!(check(KeyRole::Sort, Value::from(5i64)), Ok(()));
}

#[test]
fn kinds_have_their_names_on_the_wire() {
    for kind in item::Kind::ALL {
        assert_eq!(item::Kind::from_wire(kind.as_str()), Some(kind));
    }
}

#[test]
fn sets_are_equal_in_any_order() {
    let ss = |members: &[&str]| Value::Ss(members.iter().map(|m| (*m).to_owned()).collect());
    assert_eq!(ss(&["a", "b"]), ss(&["b", "a"]));
    assert_ne!(ss(&["a", "b"]), ss(&["a"]));
    let long: Vec<String> = (0..100).map(|i| i.to_string()).collect();
    let mut reversed = long.clone();
    reversed.reverse();
    assert_eq!(Value::Ss(long), Value::Ss(reversed));
}

/// Each was measured at the limit of 400 KB.
#[test]
fn numbers_weigh_by_their_digits() {
    for (text, bytes) in [
        ("0", 1),
        ("-0", 1),
        ("1", 2),
        ("12", 2),
        ("123", 3),
        ("1234", 3),
        ("12345678901234567890123456789012345678", 20),
        ("0042", 2),
        ("100", 2),
        ("1010", 3),
        ("0.0000001", 2),
        ("1E125", 2),
        ("1E-100", 2),
        ("1.5", 3),
        ("15", 2),
        ("1.200", 3),
        ("1.234", 4),
        ("3.14159", 5),
        ("123456", 4),
        ("100.5", 4),
        ("0.15", 2),
        ("-42", 3),
    ] {
        assert_eq!(Number::parse(text).unwrap().size(), bytes, "{text}");
    }
}
