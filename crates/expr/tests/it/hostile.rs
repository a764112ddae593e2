//! Whatever comes in is answered: no panic, no exhausted stack.

use expr::{Condition, Expression, KeyCondition, Placeholders, Projection, Update};
use item::Item;

use crate::request::{Seeded, condition, item, names, values};

/// Every parser on one text; what parses is also run.
fn feed(text: &str, target: &Item) {
    let (names, values) = (names(), values());
    let placeholders = || Placeholders::new(Some(&names), Some(&values)).unwrap();
    if let Ok(condition) = Condition::parse(Expression::Condition, text, &mut placeholders()) {
        condition.eval(target);
    }
    if let Ok(update) = Update::parse(text, &mut placeholders()) {
        let _ = update.apply(&mut target.clone());
        update.touched().apply(target);
    }
    if let Ok(projection) = Projection::parse(text, &mut placeholders()) {
        projection.apply(target);
    }
    let _ = KeyCondition::parse(text, &mut placeholders());
}

fn on_a_small_stack(test: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new().stack_size(256 << 10).spawn(test).unwrap().join().unwrap();
}

#[test]
fn parentheses_by_the_thousand() {
    on_a_small_stack(|| {
        let open = |count: usize| condition(&"(".repeat(count)).unwrap_err().to_string();
        assert_eq!(open(4096), "Invalid ConditionExpression: Syntax error; token: \"<EOF>\", near: \"(\"");
        assert_eq!(
            open(4097),
            "Invalid ConditionExpression: Expression size has exceeded the maximum allowed size; expression size: 4097"
        );
        let closed = format!("{}a = :n{}", "(".repeat(2000), ")".repeat(2000));
        assert_eq!(
            condition(&closed).unwrap_err().to_string(),
            "Invalid ConditionExpression: The expression has redundant parentheses;"
        );
    });
}

#[test]
fn everything_nested_as_deep_as_it_goes() {
    on_a_small_stack(|| {
        let target = item(r#"{"a":{"N":"5"},"l":{"L":[]}}"#);
        let nest = |open: &str, inner: &str, close: &str, count: usize| {
            format!("{}{inner}{}", open.repeat(count), close.repeat(count))
        };
        for count in [140, 290, 1000] {
            feed(&nest("NOT ", "a = :n", "", count.min(1000)), &target);
            feed(&nest("(a=:n AND ", "b=:n", ")", count.min(370)), &target);
            feed(&nest("NOT (a=:n OR ", "b=:n", ")", count.min(290)), &target);
            feed(&nest("size(", "a", ")", count.min(600)), &target);
            feed(&format!("SET x = {}", nest("if_not_exists(z,", "a", ")", count.min(230))), &target);
            feed(&format!("SET x = {}", nest("list_append(l,", ":l", ")", count.min(260))), &target);
            feed(&format!("SET x = {}", nest("(", "a", ")", count)), &target);
            feed(&nest("a", "", "[0]", count), &target);
            feed(&format!("a{}", ".a".repeat(count)), &target);
        }
        assert!(
            condition(&nest("NOT ", "a = :n", "", 299)).unwrap().eval(&target)
                != condition("a = :n").unwrap().eval(&target)
        );
    });
}

const PIECES: [&str; 44] = [
    "a",
    "b",
    "l",
    "m",
    "pk",
    "#a",
    "#zz",
    ":n",
    ":s",
    ":l",
    ":ss",
    ":zz",
    "(",
    ")",
    "(",
    ")",
    "[",
    "]",
    "0",
    "1",
    ",",
    ".",
    "=",
    "<>",
    "<",
    "<=",
    "+",
    "-",
    "AND",
    "OR",
    "NOT",
    "BETWEEN",
    "IN",
    "SET",
    "REMOVE",
    "ADD",
    "DELETE",
    "size",
    "contains",
    "if_not_exists",
    "list_append",
    "attribute_exists",
    "é",
    "\"",
];

#[test]
fn random_tokens() {
    let mut seeded = Seeded(42);
    let target = item(r#"{"a":{"N":"5"},"b":{"S":"x"},"l":{"L":[{"N":"1"}]},"m":{"M":{"a":{"N":"1"}}}}"#);
    for _ in 0..30_000 {
        let mut text = ["", "SET a = ", "a = "][seeded.below(3)].to_owned();
        for _ in 0..seeded.below(14) {
            text.push_str(PIECES[seeded.below(PIECES.len())]);
            text.push_str(["", " "][seeded.below(2)]);
        }
        feed(&text, &target);
    }
}

#[test]
fn truncations_and_random_bytes() {
    let target = item(r#"{"a":{"N":"5"},"l":{"L":[{"N":"1"}]}}"#);
    let texts = [
        "NOT (a BETWEEN :4 AND :6 OR #a IN (:n, :s)) AND contains(l[0].#b, :x) AND size(m) >= :n",
        "SET a = if_not_exists(b, :n) + :1, l[3] = list_append(l, :l) REMOVE m.k, l[0] ADD c :n DELETE tags :ss",
        "a, b.c[2].#d, l[0][1]",
        "pk = :s AND begins_with(sk, :p)",
    ];
    let mut seeded = Seeded(7);
    for text in texts {
        for end in 0..=text.len() {
            feed(&text[..end], &target);
            feed(&text[end..], &target);
        }
        for _ in 0..3_000 {
            let mut bytes = text.as_bytes().to_vec();
            let at = seeded.below(bytes.len());
            bytes[at] = seeded.below(128) as u8;
            feed(&String::from_utf8(bytes).unwrap(), &target);
        }
    }
}

#[test]
fn a_search_for_a_long_binary_is_linear() {
    let base64 = |zeros: usize, last: &str| format!("{}{last}", "A".repeat(zeros));
    let target = item(&format!(r#"{{"b":{{"B":"{}"}}}}"#, base64(400_000, "")));
    let values = item(&format!(r#"{{":v":{{"B":"{}"}}}}"#, base64(200_000, "AAAB")));
    let text = vec!["contains(b, :v)"; 140].join(" OR ");
    let mut placeholders = Placeholders::new(None, Some(&values)).unwrap();
    let condition = Condition::parse(Expression::Condition, &text, &mut placeholders).unwrap();
    // Window by window this takes minutes.
    assert!(!condition.eval(&target));
}
