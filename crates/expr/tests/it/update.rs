//! Update expressions: what is refused when parsed, and what they make of an item.

use expr::{Placeholders, Update};

use crate::request::{item, json, names, values};

const ITEM: &str = r#"{"pk":{"S":"key"},"a":{"N":"5"},"b":{"N":"7"},"s":{"S":"old"},"l":{"L":[{"N":"0"},{"N":"1"},{"N":"2"}]},
    "m":{"M":{"k":{"S":"v"},"l":{"L":[{"S":"x"},{"M":{"d":{"N":"1"}}}]}}},"tags":{"SS":["a","c"]},"ns":{"NS":["1","3"]},"bs":{"BS":["AAE="]},
    "nines":{"N":"99999999999999999999999999999999999999"}}"#;

fn parse(text: &str) -> Result<Update, String> {
    let (names, values) = (names(), values());
    let mut placeholders = Placeholders::new(Some(&names), Some(&values)).unwrap();
    Update::parse(text, &mut placeholders).map_err(|fault| fault.to_string())
}

/// What the update changes of [`ITEM`]: touched parts after it, or the message.
fn run(text: &str) -> Result<String, String> {
    let update = parse(text)?;
    let mut item = item(ITEM);
    let before = item.clone();
    if let Err(fault) = update.apply(&mut item) {
        assert_eq!(item, before, "a failed update left traces");
        return Err(fault.to_string());
    }
    Ok(json(&update.touched().apply(&item)))
}

#[test]
fn updates() {
    for (text, touched) in [
        ("SET a = :s", r#"{"a":{"S":"text"}}"#),
        ("SET fresh = :m", r#"{"fresh":{"M":{"k":{"S":"v"}}}}"#),
        ("set a = a + :1", r#"{"a":{"N":"6"}}"#),
        ("SET a = a - :6, b = :1 - b", r#"{"a":{"N":"-1"},"b":{"N":"-6"}}"#),
        ("SET a = (a + :1)", r#"{"a":{"N":"6"}}"#),
        ("SET a = (a) + (:1)", r#"{"a":{"N":"6"}}"#),
        ("SET a = if_not_exists(a, :s)", r#"{"a":{"N":"5"}}"#),
        ("SET c = if_not_exists(c, :n) + :1", r#"{"c":{"N":"6"}}"#),
        ("SET c = if_not_exists(c, if_not_exists(d, b))", r#"{"c":{"N":"7"}}"#),
        ("SET l = list_append(l, :l)", r#"{"l":{"L":[{"N":"0"},{"N":"1"},{"N":"2"},{"N":"1"},{"S":"x"}]}}"#),
        (
            "SET l = list_append(:l, list_append(l, m.l))",
            r#"{"l":{"L":[{"N":"1"},{"S":"x"},{"N":"0"},{"N":"1"},{"N":"2"},{"S":"x"},{"M":{"d":{"N":"1"}}}]}}"#,
        ),
        (
            "SET fresh = list_append(if_not_exists(fresh, :l), :l)",
            r#"{"fresh":{"L":[{"N":"1"},{"S":"x"},{"N":"1"},{"S":"x"}]}}"#,
        ),
        // all see the item as it was
        ("SET a = b, b = a", r#"{"a":{"N":"7"},"b":{"N":"5"}}"#),
        ("SET c = a REMOVE a", r#"{"c":{"N":"5"}}"#),
        ("REMOVE s SET c = s ADD a :1", r#"{"a":{"N":"6"},"c":{"S":"old"}}"#),
        // nested
        ("SET m.k = :n, m.fresh = :s", r#"{"m":{"M":{"fresh":{"S":"text"},"k":{"N":"5"}}}}"#),
        ("SET m.l[1].d = m.l[1].d + :1", r#"{"m":{"M":{"l":{"L":[{"M":{"d":{"N":"2"}}}]}}}}"#),
        (
            "SET #a = :n, m.#b = :n, #d = :1",
            r#"{"a":{"N":"5"},"m":{"M":{"b":{"N":"5"}}},"with.dot":{"N":"1"}}"#,
        ),
        ("REMOVE m.k, s, nothing, m.nothing", "{}"),
        // sets and numbers
        ("ADD a :n, c :n", r#"{"a":{"N":"10"},"c":{"N":"5"}}"#),
        ("ADD tags :ss", r#"{"tags":{"SS":["a","c","b"]}}"#),
        (
            "ADD ns :ns, bs :bs, m.mm :ss",
            r#"{"bs":{"BS":["AAE="]},"m":{"M":{"mm":{"SS":["b","a"]}}},"ns":{"NS":["1","3","2"]}}"#,
        ),
        ("DELETE tags :ss", r#"{"tags":{"SS":["c"]}}"#),
        ("DELETE bs :bs", "{}"),
        ("DELETE ns :ns, nothing :ss", r#"{"ns":{"NS":["3"]}}"#),
        // 38 digits are exact
        ("SET nines = nines - :nines", r#"{"nines":{"N":"0"}}"#),
        ("ADD nines :1", r#"{"nines":{"N":"100000000000000000000000000000000000000"}}"#),
    ] {
        assert_eq!(run(text).as_deref(), Ok(touched), "{text}");
    }
}

/// Indexes are positions before the update; what lies behind the end is appended.
#[test]
fn list_elements() {
    for (text, list) in [
        ("REMOVE l[0]", "1 2"),
        ("REMOVE l[0], l[2]", "1"),
        ("REMOVE l[2], l[0], l[1]", ""),
        ("REMOVE l[7]", "0 1 2"),
        ("SET l[1] = :n", "0 5 2"),
        ("SET l[9] = :n, l[7] = :4", "0 1 2 4 5"),
        ("SET l[1] = :n REMOVE l[0]", "5 2"),
        ("REMOVE l[1] SET l[7] = :n", "0 2 5"),
        ("SET l[9] = :n REMOVE l[3]", "0 1 2 5"),
        ("SET l[0] = l[2], l[2] = l[0]", "2 1 0"),
        ("ADD l[0] :n", "5 1 2"),
    ] {
        let mut item = item(ITEM);
        parse(text).unwrap().apply(&mut item).unwrap();
        let found: Vec<String> =
            item.get("l").unwrap().as_l().unwrap().iter().map(|v| v.as_n().unwrap().to_string()).collect();
        assert_eq!(found.join(" "), list, "{text}");
    }
}

#[test]
fn refuses_before_it_sees_an_item() {
    let syntax = |token: &str, near: &str| format!("Syntax error; token: \"{token}\", near: \"{near}\"");
    let overlap = |one: &str, two: &str| {
        format!(
            "Two document paths overlap with each other; must remove or rewrite one of these paths; path one: {one}, path two: {two}"
        )
    };
    let section = |section: &str, kind: &str| {
        format!(
            "Incorrect operand type for operator or function; operator: {section}, operand type: {kind}, typeSet: ALLOWED_FOR_{section}_OPERAND"
        )
    };
    for (text, message) in [
        ("", "The expression can not be empty;".to_owned()),
        ("INVALID SYNTAX", syntax("INVALID", "INVALID SYNTAX")),
        ("SET", syntax("<EOF>", "SET")),
        ("SET a", syntax("<EOF>", "a")),
        ("SET a = ", syntax("<EOF>", "= ")),
        ("SET a = :n,", syntax("<EOF>", ",")),
        ("SET a = :n SET", syntax("<EOF>", "SET")),
        ("SET a = :n :n", syntax(":n", ":n :n")),
        ("SET a = :1 + :1 + :1", syntax("+", ":1 + :1")),
        ("SET a = (:1 + :1) + :1", syntax("+", ") + :1")),
        ("SET a = list_append(l, :1 + :1)", syntax("+", ":1 + :1")),
        ("SET a = :n = :n", syntax("=", ":n = :n")),
        ("SET a = NOT b", syntax("NOT", "= NOT b")),
        ("SET a.:n = :n", syntax(":n", ".:n =")),
        ("SET :n = :n", syntax(":n", "SET :n =")),
        ("SET a = (m.k).d + b", syntax(".", ").d")),
        ("SET (a = (b + c))", syntax("(", "SET (a")),
        ("SET a = b * c", syntax("*", "b * c")),
        ("ADD a b", syntax("b", "a b")),
        ("ADD a = :n", syntax("=", "a = :n")),
        ("DELETE tags", syntax("<EOF>", "tags")),
        ("REMOVE a b", syntax("b", "a b")),
        ("SET a = ((:n))", "The expression has redundant parentheses;".to_owned()),
        ("SET a = :n REMOVE b SET c = :n", "The \"SET\" section can only be used once in an update expression;".to_owned()),
        ("ADD a :n ADD b :n", "The \"ADD\" section can only be used once in an update expression;".to_owned()),
        ("SET status = :n", "Attribute name is a reserved keyword; reserved keyword: status".to_owned()),
        ("SET a = b.Size", "Attribute name is a reserved keyword; reserved keyword: Size".to_owned()),
        ("SET a = foo(b)", "Invalid function name; function: foo".to_owned()),
        ("SET a = size(b)", "The function is not allowed in an update expression; function: size".to_owned()),
        ("SET a = if_not_exists(b)", "Incorrect number of operands for operator or function; operator or function: if_not_exists, number of operands: 1".to_owned()),
        ("SET a = if_not_exists(:n, :n)", "Operator or function requires a document path; operator or function: if_not_exists".to_owned()),
        ("SET a = list_append(:n, :l)", "Incorrect operand type for operator or function; operator or function: list_append, operand type: N".to_owned()),
        ("SET a = a + :s", "Incorrect operand type for operator or function; operator or function: +, operand type: S".to_owned()),
        // which of several faults is told
        (" set #zz = :zz set abOrt = true ", "Attribute name is a reserved keyword; reserved keyword: abOrt".to_owned()),
        ("set #zz = if_not_exist(:zz) set c = d", "Invalid function name; function: if_not_exist".to_owned()),
        ("set a = #zz set c = :zz", "The \"SET\" section can only be used once in an update expression;".to_owned()),
        ("SET #zz = if_not_exists(:zz)", "An expression attribute name used in the document path is not defined; attribute name: #zz".to_owned()),
        ("SET #a = if_not_exists(:zz)", "An expression attribute value used in expression is not defined; attribute value: :zz".to_owned()),
        ("set d[1] = a, d.b = a, c[1].a = a, c = if_not_exists(a)", overlap("[c, [1], a]", "[c]")),
        ("set b = list_append(:s, a), c = if_not_exists(a) add a.b :s", section("ADD", "STRING")),
        ("set a = if_not_exists(if_not_exists(a, b), c)", "Operator or function requires a document path; operator or function: if_not_exists".to_owned()),
        ("SET #x = :n", "An expression attribute name used in the document path is not defined; attribute name: #x".to_owned()),
        ("SET a = #x", "An expression attribute name used in the document path is not defined; attribute name: #x".to_owned()),
        ("SET a = :v", "An expression attribute value used in expression is not defined; attribute value: :v".to_owned()),
        ("SET a = :n, a = :n", overlap("[a]", "[a]")),
        ("SET a = :n REMOVE #a", overlap("[a]", "[a]")),
        ("SET a.b = :n, a = :n", overlap("[a, b]", "[a]")),
        ("SET a[1].c = :n REMOVE a[1]", overlap("[a, [1], c]", "[a, [1]]")),
        ("SET a.b = :n, a[0] = :n", "Two document paths conflict with each other; must remove or rewrite one of these paths; path one: [a, b], path two: [a, [0]]".to_owned()),
        ("ADD a :s", section("ADD", "STRING")),
        ("ADD a :l", section("ADD", "LIST")),
        ("DELETE a :n", section("DELETE", "NUMBER")),
        ("DELETE a :m", section("DELETE", "MAP")),
    ] {
        assert_eq!(parse(text).map(|_| ()), Err(format!("Invalid UpdateExpression: {message}")), "{text}");
    }
}

#[test]
fn refuses_what_does_not_fit_the_item() {
    let path = "The document path provided in the update expression is invalid for update";
    let kind = "An operand in the update expression has an incorrect data type";
    let missing = "The provided expression refers to an attribute that does not exist in the item";
    for (text, message) in [
        ("SET x.y = :n", path),
        ("SET a.y = :n", path),
        ("SET a[0] = :n", path),
        ("SET m[0] = :n", path),
        ("SET l.k = :n", path),
        ("REMOVE x.y", path),
        ("REMOVE l[0].x", path),
        ("ADD x.y :n", path),
        ("SET c = x", missing),
        ("SET c = x + :n", missing),
        ("SET c = l[9]", missing),
        ("SET c = list_append(x, :l)", missing),
        ("SET c = s + :n", kind),
        ("SET c = list_append(a, :l)", kind),
        ("ADD s :n", kind),
        ("ADD a :ss", kind),
        ("ADD tags :ns", kind),
        ("DELETE a :ss", kind),
        ("DELETE tags :ns", kind),
        // a wrong type is told before a missing attribute or path
        ("SET c = x, d = s + :n", kind),
        ("SET nines = nines + :4", "Attempting to store more than 38 significant digits in a Number"),
        (
            "SET c = :big + :big",
            "Number overflow. Attempting to store a number with magnitude larger than supported range",
        ),
    ] {
        assert_eq!(run(text), Err(message.to_owned()), "{text}");
    }
}

#[test]
fn results_nest_32_deep_and_no_deeper() {
    let levels = |n: usize| format!("{}{}{}", r#"{"M":{"a":"#.repeat(n), r#"{"N":"1"}"#, "}}".repeat(n));
    let values = item(&format!(r#"{{":v":{}}}"#, levels(16)));
    for (depth, fits) in [(16, true), (17, false)] {
        let mut target = item(&format!(r#"{{"a":{}}}"#, levels(depth)));
        let text = format!("SET a{}.fresh = :v", ".a".repeat(depth - 1));
        let update = Update::parse(&text, &mut Placeholders::new(None, Some(&values)).unwrap()).unwrap();
        assert_eq!(update.apply(&mut target).is_ok(), fits, "{depth}");
    }
}

#[test]
fn an_update_that_makes_hundreds_of_large_copies_ends_early() {
    let large = "x".repeat(300_000);
    let mut before = item(&format!(r#"{{"l":{{"L":[{{"S":"{large}"}}]}},"s":{{"S":"{large}"}}}}"#));
    let values = item(&format!(r#"{{":v":{{"S":"{large}"}}}}"#));
    let sets = |value: &str, count: usize| {
        let sets: Vec<String> = (0..count).map(|at| format!("a{at} = {value}")).collect();
        format!("SET {}", sets.join(", "))
    };
    let nested = |depth: usize| format!("SET a = {}l{}", "list_append(l, ".repeat(depth), ")".repeat(depth));
    let mut run = |text: &str| {
        let values = text.contains(":v").then_some(&values);
        let update = Update::parse(text, &mut Placeholders::new(None, values).unwrap()).unwrap();
        update.apply(&mut before).map_err(|fault| fault.to_string())
    };
    let refused = Err("Item size to update has exceeded the maximum allowed size".to_owned());
    for text in [sets("s", 300), sets(":v", 300), sets("list_append(l, l)", 100), nested(200)] {
        assert_eq!(run(&text), refused);
    }
    // What is wrong with it comes first, where it is seen in time.
    assert_eq!(
        run("SET a = s + s"),
        Err("An operand in the update expression has an incorrect data type".into())
    );
}

#[test]
fn keys_are_not_updated() {
    let check = |text: &str| parse(text).unwrap().check_keys(&["pk"]).map_err(|fault| fault.to_string());
    assert_eq!(check("SET a = pk"), Ok(()));
    let message = "One or more parameter values were invalid: Cannot update attribute pk. This attribute is part of the key";
    for text in ["SET pk = :s", "REMOVE pk", "ADD a :n, pk :n", "SET pk.a = :n"] {
        assert_eq!(check(text), Err(message.to_owned()), "{text}");
    }
    assert!(
        check("SET a = if_not_exists(b, pk.x)").unwrap_err().starts_with("Key attributes must be scalars")
    );
}
