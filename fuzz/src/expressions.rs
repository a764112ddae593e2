//! The four languages of expressions: what parses is evaluated on items that reach every kind of value.

use std::collections::BTreeMap;

use expr::{Condition, Expression, KeyAttribute, KeyCondition, KeySchema, Placeholders, Projection, Update};
use item::{Item, KeyKind, Number, Place, Value, codec};

/// `#a` to `#d` name attributes of the sample.
fn names() -> BTreeMap<String, String> {
    [("#a", "a"), ("#b", "b"), ("#c", "c"), ("#d", "pk")]
        .map(|(key, name)| (key.to_owned(), name.to_owned()))
        .into()
}

fn digits(text: &str) -> Number {
    Number::parse(text).expect("a number")
}

pub(crate) fn number(text: &str) -> Value {
    Value::N(digits(text))
}

/// `:s`, `:n`, `:b`, `:l`, `:m`, `:ss`, `:ns`, `:z`, `:t`: one value of each kind.
pub(crate) fn values() -> Item {
    [
        (":b", Value::B(bytes::Bytes::from_static(b"\x00\xff"))),
        (":l", Value::L(vec![number("1"), Value::from("x")])),
        (":m", Value::M([("k", Value::from("v"))].into_iter().collect())),
        (":n", number("-12.5")),
        (":ns", Value::Ns(vec![digits("1"), digits("2")])),
        (":s", Value::from("text")),
        (":ss", Value::Ss(vec!["x".to_owned(), "y".to_owned()])),
        (":t", Value::from("S")),
        (":z", Value::Null),
    ]
    .into_iter()
    .collect()
}

/// Items that have the attributes `a`, `b`, `c` and `pk` in different forms.
pub(crate) fn samples() -> Vec<Item> {
    let nested = Value::M(
        [("b", Value::L(vec![number("1"), values().into()])), ("c", Value::from(""))].into_iter().collect(),
    );
    vec![
        Item::new(),
        [("a", number("3")), ("b", Value::from("text")), ("pk", Value::from("p"))].into_iter().collect(),
        [
            ("a", nested),
            ("b", Value::Ss(vec!["x".to_owned()])),
            ("c", Value::Bool(true)),
            ("pk", Value::from("p")),
        ]
        .into_iter()
        .collect(),
    ]
}

/// What a condition answers depends on the attributes alone that it says it reads.
pub(crate) fn condition(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (names, values) = (names(), values());
    let mut placeholders = Placeholders::new(Some(&names), Some(&values)).expect("placeholders of ours");
    let Ok(condition) = Condition::parse(Expression::Filter, text, &mut placeholders) else { return };
    let _ = condition.check_keys(&["pk"]);
    let _ = condition.check_filter(&["pk"]);
    for item in samples() {
        let stored = codec::encode(&item);
        let read = codec::decode_some(&stored, |name| condition.reads(name)).expect("what was just stored");
        assert_eq!(condition.eval(&item), condition.eval(&read), "{text:?} on {item:?}");
    }
}

/// An update changes the attributes alone that it says it touches, and what it makes can be stored.
pub(crate) fn update(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (names, values) = (names(), values());
    let mut placeholders = Placeholders::new(Some(&names), Some(&values)).expect("placeholders of ours");
    let Ok(update) = Update::parse(text, &mut placeholders) else { return };
    let _ = update.check_keys(&["pk"]);
    for before in samples() {
        let mut after = before.clone();
        if update.apply(&mut after).is_err() {
            continue;
        }
        let touched = |name: &str| update.paths().any(|path| &*path.head == name);
        for (name, value) in before.iter().filter(|(name, _)| !touched(name)) {
            assert_eq!(after.get(name), Some(value), "{text:?} on {name}");
        }
        let _ = (update.weight(&after), update.touched().apply(&after));
        assert_eq!(codec::decode(&codec::encode(&after)).expect("an item"), after, "{text:?}");
    }
}

/// A projection of an item and of its stored form are the same.
pub(crate) fn projection(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let names = names();
    let mut placeholders = Placeholders::new(Some(&names), None).expect("placeholders of ours");
    let Ok(projection) = Projection::parse(text, &mut placeholders) else { return };
    for item in samples() {
        let of_stored = projection.apply_stored(&codec::encode(&item)).expect("what was just stored");
        assert_eq!(projection.apply(&item), of_stored, "{text:?} on {item:?}");
    }
}

/// A key condition that fits a table gives a range that does not run backwards.
pub(crate) fn key_condition(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (names, values) = (names(), values());
    let mut placeholders = Placeholders::new(Some(&names), Some(&values)).expect("placeholders of ours");
    let Ok(condition) = KeyCondition::parse(text, &mut placeholders) else { return };
    let kinds = [KeyKind::S, KeyKind::N, KeyKind::B];
    for (of_partition, of_sort) in kinds.into_iter().flat_map(|one| kinds.map(|other| (one, other))) {
        let partition = [KeyAttribute { name: "pk", kind: of_partition }];
        let sort = [KeyAttribute { name: "a", kind: of_sort }];
        let Ok(plan) = condition.clone().plan(&KeySchema { partition: &partition, sort: &sort }) else {
            continue;
        };
        for last in [Place::Last, Place::Inner] {
            let Ok(bounds) = plan.bounds(vec![7], 1, last) else { continue };
            assert!(bounds.end.is_none_or(|end| bounds.start <= end), "{text:?}");
        }
    }
}
