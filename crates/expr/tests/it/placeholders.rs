//! The maps of names and values: their keys, their sizes, and what no expression used.

use std::collections::BTreeMap;

use expr::{Condition, Expression, Placeholders};

use crate::request::item;

fn names(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, name)| ((*key).to_owned(), (*name).to_owned())).collect()
}

#[test]
fn what_no_expression_used_is_refused() {
    let names = names(&[("#a", "a"), ("#unused", "b"), ("#other", "c")]);
    let values = item(r#"{":v":{"N":"1"},":unused":{"N":"2"}}"#);
    let mut placeholders = Placeholders::new(Some(&names), Some(&values)).unwrap();
    Condition::parse(Expression::Condition, "#a = :v", &mut placeholders).unwrap();
    let fault = placeholders.finish().unwrap_err();
    assert_eq!(
        fault.to_string(),
        "Value provided in ExpressionAttributeNames unused in expressions: keys: {#other, #unused}"
    );
    Condition::parse(Expression::Filter, "#unused <> #other", &mut placeholders).unwrap();
    assert_eq!(
        placeholders.finish().unwrap_err().enveloped(),
        "1 validation error detected: Value provided in ExpressionAttributeValues unused in expressions: keys: {:unused}"
    );
    Condition::parse(Expression::Filter, "a = :unused", &mut placeholders).unwrap();
    assert_eq!(placeholders.finish(), Ok(()));
}

#[test]
fn keys_have_a_greatest_length() {
    let text = format!(r#"{{":{}":{{"N":"1"}}}}"#, "v".repeat(255));
    let refused = Placeholders::new(None, Some(&item(&text))).map(|_| ()).unwrap_err().to_string();
    assert_eq!(
        refused,
        "ExpressionAttributeValues contains invalid key: The expression attribute map contains a key that is too long;"
    );
}

#[test]
fn maps_hold_two_megabytes() {
    let refused = |name: usize, value: usize| {
        let (names, text) = (names(&[("#a", &"n".repeat(name))]), "v".repeat(value));
        let values = item(&format!(r#"{{":v":{{"S":"{text}"}}}}"#));
        Placeholders::new(Some(&names), Some(&values)).map(|_| ()).map_err(|error| error.to_string())
    };
    const MAX: usize = 2 << 20;
    assert_eq!(refused(MAX / 2 - 2, MAX / 2 - 2), Ok(()));
    for (name, value, message) in [
        (
            MAX / 2 - 2,
            MAX / 2 - 1,
            "Combined size of ExpressionAttributeNames and ExpressionAttributeValues exceeds max size",
        ),
        (MAX - 1, 1, "ExpressionAttributeNames exceeds max size"),
        (1, MAX - 1, "ExpressionAttributeValues exceeds max size"),
    ] {
        assert_eq!(refused(name, value), Err(message.to_owned()), "{name} {value}");
    }
}

#[test]
fn malformed_maps_are_refused() {
    let refused = |pairs: &[(&str, &str)]| {
        let names = names(pairs);
        Placeholders::new(Some(&names), None).map(|_| ()).unwrap_err().to_string()
    };
    assert_eq!(refused(&[]), "ExpressionAttributeNames must not be empty");
    assert_eq!(
        refused(&[("a", "x")]),
        "ExpressionAttributeNames contains invalid key: Syntax error; key: \"a\""
    );
    assert_eq!(
        refused(&[("#", "x")]),
        "ExpressionAttributeNames contains invalid key: Syntax error; key: \"#\""
    );
    assert_eq!(
        refused(&[("#a-b", "x")]),
        "ExpressionAttributeNames contains invalid key: Syntax error; key: \"#a-b\""
    );
    assert_eq!(
        refused(&[("#a", "")]),
        "ExpressionAttributeNames contains invalid value: Empty attribute name for key #a"
    );
    let values = item(r#"{"v":{"N":"1"}}"#);
    assert_eq!(
        Placeholders::new(None, Some(&values)).map(|_| ()).unwrap_err().to_string(),
        "ExpressionAttributeValues contains invalid key: Syntax error; key: \"v\""
    );
}

#[test]
fn there_are_573_reserved_words_in_any_case() {
    for word in ["ABORT", "status", "Name", "zone", "TTL", "timestamp", "SPECIFICTYPE"] {
        assert!(expr::is_reserved(word), "{word}");
    }
    for word in ["", "statuses", "pk", "a_word_longer_than_every_reserved_one", "é"] {
        assert!(!expr::is_reserved(word), "{word}");
    }
}
