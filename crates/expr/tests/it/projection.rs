//! Projection expressions: what is refused, and what they leave of an item.

use expr::{Placeholders, Projection};
use item::codec;

use crate::request::{item, json, names};

const ITEM: &str = r#"{"a":{"N":"1"},"b":{"M":{"c":{"L":[{"S":"0"},{"S":"1"},{"M":{"d":{"N":"2"},"e":{"N":"3"}}}]},"status":{"N":"4"}}},
    "l":{"L":[{"L":[{"S":"x"}]},{"S":"y"}]},"with.dot":{"N":"5"}}"#;

fn parse(text: &str) -> Result<Projection, String> {
    let names = names();
    let mut placeholders = Placeholders::new(Some(&names), None).unwrap();
    Projection::parse(text, &mut placeholders).map_err(|fault| fault.to_string())
}

#[test]
fn projects() {
    let item = item(ITEM);
    let stored = codec::encode(&item);
    for (text, expected) in [
        ("a", r#"{"a":{"N":"1"}}"#),
        ("a, gone", r#"{"a":{"N":"1"}}"#),
        ("gone", "{}"),
        ("#d,#a", r#"{"a":{"N":"1"},"with.dot":{"N":"5"}}"#),
        ("b.#s", r#"{"b":{"M":{"status":{"N":"4"}}}}"#),
        ("b.c[2].e, b.c[0]", r#"{"b":{"M":{"c":{"L":[{"S":"0"},{"M":{"e":{"N":"3"}}}]}}}}"#),
        (
            "b.c[2].d, b.c[2].e, a",
            r#"{"a":{"N":"1"},"b":{"M":{"c":{"L":[{"M":{"d":{"N":"2"},"e":{"N":"3"}}}]}}}}"#,
        ),
        ("b.x, b.c[9], a.z, l[1].k, l[0][0]", r#"{"l":{"L":[{"L":[{"S":"x"}]}]}}"#),
        ("b.c[9], a[0]", "{}"),
    ] {
        let projection = parse(text).unwrap();
        assert_eq!(json(&projection.apply(&item)), expected, "{text}");
        assert_eq!(json(&projection.apply_stored(&stored).unwrap()), expected, "{text}");
    }
}

#[test]
fn refuses_in_the_words_of_aws() {
    let overlap = |one: &str, two: &str| {
        format!(
            "Two document paths overlap with each other; must remove or rewrite one of these paths; path one: {one}, path two: {two}"
        )
    };
    for (text, message) in [
        ("", "The expression can not be empty;".to_owned()),
        ("a,", "Syntax error; token: \"<EOF>\", near: \",\"".to_owned()),
        ("a b", "Syntax error; token: \"b\", near: \"a b\"".to_owned()),
        ("a..b", "Syntax error; token: \".\", near: \"..b\"".to_owned()),
        ("size(a)", "Syntax error; token: \"(\", near: \"size(a\"".to_owned()),
        (":v", "Syntax error; token: \":v\", near: \":v\"".to_owned()),
        ("a, name", "Attribute name is a reserved keyword; reserved keyword: name".to_owned()),
        ("a, #zz", "An expression attribute name used in the document path is not defined; attribute name: #zz".to_owned()),
        ("a, a", overlap("[a]", "[a]")),
        ("b.c, a, b.c[1].d", overlap("[b, c]", "[b, c, [1], d]")),
        ("#a, a.b", overlap("[a]", "[a, b]")),
        ("b.c, b[1]", "Two document paths conflict with each other; must remove or rewrite one of these paths; path one: [b, c], path two: [b, [1]]".to_owned()),
    ] {
        assert_eq!(parse(text), Err(format!("Invalid ProjectionExpression: {message}")), "{text}");
    }
}

#[test]
fn of_attributes() {
    let projection = Projection::of_attributes(["with.dot", "a", "zz"]);
    assert_eq!(json(&projection.apply(&item(ITEM))), r#"{"a":{"N":"1"},"with.dot":{"N":"5"}}"#);
    assert_eq!(parse("b.c, a").unwrap().nested().collect::<Vec<_>>(), ["b"]);
}
