//! Key condition expressions: what is refused, and the ranges of keys that they plan.

use expr::{KeyAttribute, KeyCondition, KeyPlan, KeySchema, Placeholders};
use item::{KeyKind, Number, Place, Value, key};

use crate::request::{names, values};

const PK: KeyAttribute<'_> = KeyAttribute { name: "pk", kind: KeyKind::S };
const SK: KeyAttribute<'_> = KeyAttribute { name: "sk", kind: KeyKind::N };
const TEXT: KeyAttribute<'_> = KeyAttribute { name: "sk", kind: KeyKind::S };

fn plan(text: &str, sort: &[KeyAttribute<'_>]) -> Result<KeyPlan, String> {
    let (names, values) = (names(), values());
    let mut placeholders = Placeholders::new(Some(&names), Some(&values)).unwrap();
    let condition = KeyCondition::parse(text, &mut placeholders).map_err(|fault| fault.to_string())?;
    condition.plan(&KeySchema { partition: &[PK], sort }).map_err(|fault| fault.to_string())
}

#[test]
fn refuses_in_the_words_of_aws() {
    let kind =
        "One or more parameter values were invalid: Condition parameter type does not match schema type";
    for (text, message) in [
        ("pk = :s OR sk = :n", "Invalid operator used in KeyConditionExpression: OR"),
        ("NOT pk = :s", "Invalid operator used in KeyConditionExpression: NOT"),
        ("pk <> :s", "Invalid operator used in KeyConditionExpression: <>"),
        ("pk IN (:s)", "Invalid operator used in KeyConditionExpression: IN"),
        ("pk = :s AND contains(sk, :n)", "Invalid operator used in KeyConditionExpression: contains"),
        (
            "pk = :s AND attribute_exists(sk)",
            "Invalid operator used in KeyConditionExpression: attribute_exists",
        ),
        ("pk = :s AND size(sk) = :n", "KeyConditionExpressions cannot contain nested operations"),
        (
            "pk = :s AND sk > :n AND sk < :6",
            "KeyConditionExpressions must only contain one condition per key",
        ),
        ("pk = :s AND sk > :n AND x = :n", "Conditions can be of length 1 or 2 only"),
        ("sk = :n", "Query condition missed key schema element: pk"),
        ("x = :n", "Query condition missed key schema element: pk"),
        ("pk = :s AND x = :n", "Query condition missed key schema element: sk"),
        ("pk > :s", "Query key condition not supported"),
        ("begins_with(pk, :s)", "Query key condition not supported"),
        ("pk = :n", kind),
        ("pk = :s AND sk = :s", kind),
        ("pk = :s AND begins_with(sk, :s)", kind),
        (
            "pk = :empty",
            "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: pk",
        ),
        ("((pk = :s))", "Invalid KeyConditionExpression: The expression has redundant parentheses;"),
        (
            "pk = :s AND sk BETWEEN :6 AND :4",
            "Invalid KeyConditionExpression: The BETWEEN operator requires upper bound to be greater than or equal to lower bound; lower bound operand: AttributeValue: {N:6}, upper bound operand: AttributeValue: {N:4}",
        ),
        (
            "name = :s",
            "Invalid KeyConditionExpression: Attribute name is a reserved keyword; reserved keyword: name",
        ),
    ] {
        assert_eq!(plan(text, &[SK]), Err(message.to_owned()), "{text}");
    }
    assert_eq!(plan("pk = :s AND x = :n", &[]), Err("Query key condition not supported".to_owned()));
}

/// Told before the table is looked for, after all expressions are parsed.
#[test]
fn refuses_what_is_no_key_condition() {
    let first = |operator: &str| {
        format!(
            "Invalid condition in KeyConditionExpression: {operator} operator must have the key attribute as its first operand"
        )
    };
    let several =
        "Invalid condition in KeyConditionExpression: Multiple attribute names used in one condition"
            .to_owned();
    let nested = "KeyConditionExpressions cannot contain nested operations".to_owned();
    let attribute =
        "Invalid KeyConditionExpression: KeyConditionExpressions cannot have conditions on nested attributes"
            .to_owned();
    let none = "Invalid condition in KeyConditionExpression: No key attribute specified".to_owned();
    let twice = "KeyConditionExpressions must only contain one condition per key".to_owned();
    let (names, values) = (names(), values());
    for (text, message) in [
        ("a > b and size(b) > c or a > c", "Invalid operator used in KeyConditionExpression: OR".to_owned()),
        ("a in (b, size(c), d)", "Invalid operator used in KeyConditionExpression: IN".to_owned()),
        (":s between size(b) and size(a) and b > :p", first("BETWEEN")),
        ("begins_with(:s, b) and a > :p", first("begins_with")),
        ("size(b) > a AND a.b > b AND b > c", nested.clone()),
        ("a > size(b.d)", nested.clone()),
        ("a between size(b) and size(a)", nested),
        ("b > a.b", several.clone()),
        ("b between c[1] and d", several.clone()),
        ("a between b and size(a)", several.clone()),
        ("begins_with(a, b)", several),
        ("b.d > a AND c.d > e.f", attribute.clone()),
        ("b[0] > a", attribute),
        (":n > :4 AND a < :n", none.clone()),
        (":4 > b AND :4 < :n", none),
        ("b > :n AND b < :n and c = :n and d = :n", twice.clone()),
        ("(a > :n and b > :n) and (b > :n and c > :n)", twice),
    ] {
        let mut placeholders = Placeholders::new(Some(&names), Some(&values)).unwrap();
        let condition = KeyCondition::parse(text, &mut placeholders).unwrap();
        assert_eq!(condition.check().unwrap_err().to_string(), message, "{text}");
    }
}

/// Which of the keys 1..=9 a condition reads, in a table and in an index.
#[test]
fn bounds_hold_what_the_condition_says() {
    for (text, expected) in [
        ("pk = :s", "1 2 3 4 5 6 7 8 9"),
        ("pk = :s AND sk = :n", "5"),
        ("sk = :n AND pk = :s", "5"),
        ("(pk = :s) AND (sk = :n)", "5"),
        ("pk = :s AND sk < :n", "1 2 3 4"),
        ("pk = :s AND sk <= :n", "1 2 3 4 5"),
        ("pk = :s AND sk > :n", "6 7 8 9"),
        ("pk = :s AND :n < sk", "6 7 8 9"),
        ("pk = :s AND sk >= :n", "5 6 7 8 9"),
        (":s = pk AND :n >= sk", "1 2 3 4 5"),
        ("pk = :s AND sk BETWEEN :4 AND :6", "4 5 6"),
    ] {
        let plan = plan(text, &[SK]).unwrap_or_else(|fault| panic!("{text}: {fault}"));
        assert_eq!(plan.partition_value(), Some(&Value::from("text")));
        for place in [Place::Last, Place::Inner] {
            let bounds = plan.bounds(b"prefix".to_vec(), 1, place).unwrap();
            let inside = (1..=9i64).filter(|number| {
                let mut bytes = b"prefix".to_vec();
                key::encode(&Value::N(Number::from(*number)), place, &mut bytes).unwrap();
                if place == Place::Inner {
                    bytes.extend_from_slice(b"\xff\xffthe table's key");
                }
                bounds.start <= bytes && bounds.end.as_ref().is_none_or(|end| bytes < *end)
            });
            let inside: Vec<String> = inside.map(|number| number.to_string()).collect();
            assert_eq!(inside.join(" "), expected, "{text} {place:?}");
        }
    }
}

#[test]
fn text_bounds() {
    let all = ["t", "te", "te\0", "tex", "text", "text\0", "textual", "u"];
    for (text, expected) in [
        ("pk = :s AND begins_with(sk, :p)", &all[1..7]),
        ("pk = :s AND sk > :s", &all[5..]),
        ("pk = :s AND sk <= :s", &all[..5]),
        ("pk = :s AND sk = :s", &all[4..5]),
        ("pk = :s AND sk BETWEEN :p AND :s", &all[1..5]),
    ] {
        let plan = plan(text, &[TEXT]).unwrap();
        for place in [Place::Last, Place::Inner] {
            let bounds = plan.bounds(vec![7], 1, place).unwrap();
            let inside = all.into_iter().filter(|text| {
                let mut bytes = vec![7];
                key::encode(&Value::from(*text), place, &mut bytes).unwrap();
                bounds.start <= bytes && bounds.end.as_ref().is_none_or(|end| bytes < *end)
            });
            assert_eq!(inside.collect::<Vec<_>>(), expected, "{text} {place:?}");
        }
    }
}

/// Indexes may have several sort attributes: equality on the first, a range on the next.
#[test]
fn several_sort_attributes() {
    let tail = KeyAttribute { name: "tail", kind: KeyKind::N };
    assert!(plan("pk = :s AND sk = :p AND tail > :n", &[TEXT, tail]).is_ok());
    assert_eq!(
        plan("pk = :s AND tail > :n", &[TEXT, tail]),
        Err("Query condition missed key schema element: sk".to_owned())
    );
    assert_eq!(
        plan("pk = :s AND sk > :p AND tail > :n", &[TEXT, tail]),
        Err("Query key condition not supported".to_owned())
    );
}
