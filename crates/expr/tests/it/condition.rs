//! Condition and filter expressions: what is refused in which words, and what holds for an item.

use expr::{Expression, KeyFault, Placeholders};
use item::{Item, codec};

use crate::request::{Seeded, condition, item};

/// The item that the conditions meet.
fn specimen() -> Item {
    item(
        r#"{"pk":{"S":"key"},"a":{"N":"5"},"b":{"N":"7"},"txt":{"S":"some text"},"exact":{"S":"text"},"zero":{"S":""},
            "bin":{"B":"AAEC"},"yes":{"BOOL":true},"nil":{"NULL":true},"status":{"S":"open"},"with.dot":{"N":"1"},
            "l":{"L":[{"N":"1"},{"S":"x"},{"M":{"k":{"L":[{"S":"deep"}]}}}]},"lx":{"L":[{"N":"1"},{"S":"x"}]},
            "m":{"M":{"k":{"S":"v"},"n":{"N":"5"}}},"ss":{"SS":["a","b"]},"ns":{"NS":["1","2","3"]},"bs":{"BS":["AAE=","/w=="]},
            "wide":{"S":"é🦀"}}"#,
    )
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn decides() {
    let item = specimen();
    let stored = codec::encode(&item);
    for (text, expected) in [
        // comparison within and across types
        ("a = :n", true),
        ("a = :6", false),
        ("a <> :6", true),
        ("a = :s", false),
        ("a <> :s", true),
        (":n = a", true),
        ("a < b", true),
        ("a < :6", true),
        ("a <= :n", true),
        ("a > :4", true),
        ("a >= :6", false),
        ("a < :s", false),
        ("a > :s", false),
        ("exact = :s", true),
        ("txt > :s", false),
        ("bin > :b", true),
        ("yes = :true", true),
        ("nil = :null", true),
        ("ss = :ss", true),
        ("lx = :l", true),
        ("m = :m", false),
        // what is missing equals nothing
        ("gone = :n", false),
        ("gone <> :n", true),
        ("gone < :n", false),
        ("gone = nowhere", false),
        ("NOT gone = :n", true),
        // paths
        ("m.k = :s", false),
        ("m.n = a", true),
        ("l[0] = :1", true),
        ("l[2].k[0] <> :s", true),
        ("attribute_exists(l[2].k[0])", true),
        ("attribute_exists(l[2].k[1])", false),
        ("attribute_exists(l[3])", false),
        ("attribute_exists(a.b)", false),
        ("attribute_exists(m[0])", false),
        ("#s = :s OR #d = :1", true),
        ("#a.#b = :n", false),
        // functions
        ("attribute_exists(pk)", true),
        ("attribute_not_exists(pk)", false),
        ("attribute_not_exists(gone)", true),
        ("attribute_type(a, :tN)", true),
        ("attribute_type(txt, :tN)", false),
        ("begins_with(exact, :p)", true),
        ("begins_with(txt, :p)", false),
        ("begins_with(txt, :empty)", true),
        ("begins_with(bin, :b)", true),
        ("begins_with(a, :p)", false),
        ("begins_with(gone, :p)", false),
        ("contains(txt, :s)", true),
        ("contains(txt, :n)", false),
        ("contains(ss, :x)", false),
        ("contains(ns, :1)", true),
        ("contains(bs, :b)", true),
        ("contains(bin, :b)", true),
        ("contains(l, :x)", true),
        ("contains(l, :s)", false),
        ("contains(m, :s)", false),
        ("size(txt) > :n", true),
        ("size(zero) < :1", true),
        ("size(wide) < :4", true),
        ("size(ns) < :n", true),
        ("size(m) <= l[0]", false),
        ("size(a) = :n", false),
        ("size(a) <> :n", true),
        ("size(:s) = :4", true),
        ("size(gone) < :n", false),
        (":4 = size(:s)", true),
        // ranges and lists
        ("a BETWEEN :4 AND :6", true),
        ("a BETWEEN :n AND :n", true),
        ("b BETWEEN :4 AND :6", false),
        ("txt BETWEEN :4 AND :6", false),
        (":n BETWEEN a AND b", true),
        ("size(ss) BETWEEN :1 AND :4", true),
        ("a IN (:4, :n)", true),
        ("a IN (:4, :6, :s)", false),
        ("exact IN (:x, txt, :s)", true),
        ("gone IN (:x)", false),
        // junctions, precedence, case of keywords
        ("a = :4 OR b = :6 OR a = :n", true),
        ("a = :n OR a = :4 AND b = :4", true),
        ("(a = :n OR a = :4) AND b = :4", false),
        ("NOT a = :n AND b = :4", false),
        ("NOT (a = :n AND b = :4)", true),
        ("NOT NOT a = :n", true),
        ("not a = :4 and b <> :n or a = :4", true),
        ("NOT contains(txt, :s)", false),
        ("(contains(txt, :s))", true),
        ("(a) = (:n)", true),
        ("(size(txt)) > :n", true),
        ("(m).k <> :s", true),
        ("((l[2]).k)[0] <> :s", true),
        ("attribute_exists(((l)[2]).k)", true),
        ("(a = :n) AND ((a = :4) OR (b > :n))", true),
        ("a between :4 and :6 And b > :6", true),
        ("NOT a BETWEEN :4 AND :6", false),
        ("a=:n AND(b>:6)", true),
    ] {
        let condition = condition(text).unwrap_or_else(|fault| panic!("{text}: {fault}"));
        assert_eq!(condition.eval(&item), expected, "{text}");
        // A filter needs to decode only what it reads.
        let some = codec::decode_some(&stored, |name| condition.reads(name)).unwrap();
        assert_eq!(condition.eval(&some), expected, "{text} on {some:?}");
    }
    assert!(condition("attribute_not_exists(pk)").unwrap().eval(&Item::new()));
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn refuses_in_the_words_of_aws() {
    let syntax = |token: &str, near: &str| format!("Syntax error; token: \"{token}\", near: \"{near}\"");
    let kind = |operator: &str, kind: &str| {
        format!(
            "Incorrect operand type for operator or function; operator or function: {operator}, operand type: {kind}"
        )
    };
    let same = |operator: &str, path: &str| {
        format!(
            "The first operand must be distinct from the remaining operands for this operator or function; operator: {operator}, first operand: {path}"
        )
    };
    let count = |function: &str, count: usize| {
        format!(
            "Incorrect number of operands for operator or function; operator or function: {function}, number of operands: {count}"
        )
    };
    let cases: Vec<(String, String)> = [
        ("", "The expression can not be empty;".to_owned()),
        (" ", syntax("<EOF>", " ")),
        ("a", syntax("<EOF>", "a")),
        ("a =", syntax("<EOF>", "=")),
        ("a = :n b", syntax("b", ":n b")),
        ("= :n", syntax("=", "= :n")),
        ("a == :n", syntax("=", "== :n")),
        ("a = 5", syntax("5", "= 5")),
        ("a = :n AND", syntax("<EOF>", "AND")),
        ("a = :n AND AND b = :n", syntax("AND", "AND AND b")),
        ("a != :n", syntax("!", "a !=")),
        ("a = \"x\"", syntax("\"", "= \"x")),
        ("_a = :n", syntax("_", "_a")),
        ("a.é = :n", syntax("é", ".é =")),
        ("# = :n", syntax("#", "# =")),
        ("a[:n] = :n", syntax(":n", "[:n]")),
        ("a[-1] = :n", syntax("-", "[-1")),
        ("a[01] = :n", syntax("1", "01]")),
        ("a. = :n", syntax("=", ". = :n")),
        ("(a = :n", syntax("<EOF>", ":n")),
        ("a = :n)", syntax(")", ":n)")),
        ("()", syntax(")", "()")),
        ("(a) AND b = :n", syntax("AND", ") AND b")),
        ("size(a).b > :n", syntax(".", ").b")),
        ("(size(a))[0] > :n", syntax("[", ")[0")),
        ("a > :n.b", syntax(".", ":n.b")),
        ("a BETWEEN (((b.c)).d) AND (c)", "The expression has redundant parentheses;".to_owned()),
        ("a AND b", syntax("AND", "a AND b")),
        ("NOT a", syntax("<EOF>", "a")),
        ("NOT (a) ", syntax("<EOF>", ") ")),
        ("size() > :n", syntax(")", "() >")),
        ("contains(a, NOT b)", syntax("NOT", ", NOT b")),
        ("a IN :n", syntax(":n", "IN :n")),
        ("a IN ()", syntax(")", "()")),
        ("a IN (:n", syntax("<EOF>", ":n")),
        ("a BETWEEN :n", syntax("<EOF>", ":n")),
        ("a BETWEEN :n OR :n", syntax("OR", ":n OR :n")),
        ("a = b = :n", syntax("=", "b = :n")),
        ("(a = :n) = :n", syntax("=", ") = :n")),
        ("a = (b = :n)", syntax("=", "b = :n")),
        ("a + b = :n", syntax("+", "a + b")),
        ("set = :n", "Attribute name is a reserved keyword; reserved keyword: set".to_owned()),
        ("((a = :n))", "The expression has redundant parentheses;".to_owned()),
        ("((a)) = :n", "The expression has redundant parentheses;".to_owned()),
        ("((a = :n)) AND ===", "The expression has redundant parentheses;".to_owned()),
        ("((attribute_exists(a)))", "The expression has redundant parentheses;".to_owned()),
        // text before placeholders
        ("status = :undefined", "Attribute name is a reserved keyword; reserved keyword: status".to_owned()),
        ("a.Name = :n", "Attribute name is a reserved keyword; reserved keyword: Name".to_owned()),
        ("a[2147483648] = :n", "List index is not within the allowable range; index: [2147483648]".to_owned()),
        ("foo(a)", "Invalid function name; function: foo".to_owned()),
        ("Size(a) > :n", "Invalid function name; function: Size".to_owned()),
        ("if_not_exists(a, :n) = :n", "The function is not allowed in a condition expression; function: if_not_exists".to_owned()),
        ("size(a)", "The function is not allowed to be used this way in an expression; function: size".to_owned()),
        ("NOT size(a)", "The function is not allowed to be used this way in an expression; function: size".to_owned()),
        ("contains(a, :n) = :true", "The function is not allowed to be used this way in an expression; function: contains".to_owned()),
        ("contains(contains(a, :n), :n)", "The function is not allowed to be used this way in an expression; function: contains".to_owned()),
        ("contains(a)", count("contains", 1)),
        ("attribute_exists(a, b)", count("attribute_exists", 2)),
        ("size(a, b) = :n", count("size", 2)),
        // placeholders
        ("#undefined = :n", "An expression attribute name used in the document path is not defined; attribute name: #undefined".to_owned()),
        ("a = :undefined", "An expression attribute value used in expression is not defined; attribute value: :undefined".to_owned()),
        // which of several faults is told
        ("attribute_exists(views, #zz)", "Attribute name is a reserved keyword; reserved keyword: views".to_owned()),
        ("attRIbute_exIsts((views), #zz)", "Invalid function name; function: attRIbute_exIsts".to_owned()),
        ("attribute_exists(#zz.c, :zz) and a=a", "An expression attribute name used in the document path is not defined; attribute name: #zz".to_owned()),
        ("begins_with(:zz, #y, #z)", "An expression attribute value used in expression is not defined; attribute value: :zz".to_owned()),
        ("begins_with(things, size(a), b)", count("begins_with", 3)),
        ("a = a AND b = :zz", same("=", "[a]")),
        ("((a=a) OR (a=a))", same("=", "[a]")),
        ("attribute_not_exists(size(:n))", kind("size", "N")),
        ("attribute_not_exists(size(:s))", "Operator or function requires a document path; operator or function: attribute_not_exists".to_owned()),
        ("attribute_type(l[1].#a, l[1].a)", same("attribute_type", "[l, [1], a]")),
        ("attribute_type(a, size(b))", kind("attribute_type", "N")),
        ("a between b and attribute_exists(c)", "The function is not allowed to be used this way in an expression; function: attribute_exists".to_owned()),
        // operands
        ("attribute_exists(:n)", "Operator or function requires a document path; operator or function: attribute_exists".to_owned()),
        ("attribute_type(:n, :tN)", "Operator or function requires a document path; operator or function: attribute_type".to_owned()),
        ("attribute_type(a, :tQ)", "Invalid attribute type name found; type: Q, valid types: {B,NULL,SS,BOOL,L,BS,N,NS,S,M}".to_owned()),
        ("attribute_type(a, :n)", kind("attribute_type", "N")),
        ("attribute_type(a, b)", kind("attribute_type", "{NS,SS,L,BS,N,M,B,BOOL,NULL,S}")),
        ("a < :m", kind("<", "M")),
        ("a >= :true", kind(">=", "BOOL")),
        ("a BETWEEN :ss AND :ss", kind("BETWEEN", "SS")),
        ("begins_with(a, :n)", kind("begins_with", "N")),
        ("begins_with(a, size(b))", kind("begins_with", "N")),
        ("size(:n) = :n", kind("size", "N")),
        ("size(size(a)) = :n", kind("size", "N")),
        ("a = a", same("=", "[a]")),
        ("a.b[1] <> #a.b[1]", same("<>", "[a, b, [1]]")),
        ("contains(a, a)", same("contains", "[a]")),
        ("a IN (:n, a)", same("IN", "[a]")),
        ("a BETWEEN :n AND a", same("BETWEEN", "[a]")),
        ("a BETWEEN :n AND :s", "The BETWEEN operator requires same data type for lower and upper bounds; lower bound operand: AttributeValue: {N:5}, upper bound operand: AttributeValue: {S:text}".to_owned()),
        ("a BETWEEN :6 AND :4", "The BETWEEN operator requires upper bound to be greater than or equal to lower bound; lower bound operand: AttributeValue: {N:6}, upper bound operand: AttributeValue: {N:4}".to_owned()),
    ]
    .into_iter()
    .map(|(text, message)| (text.to_owned(), message))
    .chain([
        (format!("a IN ({})", vec![":n"; 101].join(",")), "The IN operator is provided with too many operands; number of operands: 101".to_owned()),
        (format!("a = :n{}", " ".repeat(4091)), "Expression size has exceeded the maximum allowed size; expression size: 4097".to_owned()),
        (format!("a{} = :n", ".b".repeat(32)), "The document path has too many nesting levels; nesting levels: 33".to_owned()),
        (vec!["a=:n"; 151].join(" OR "), "The expression contains too many operators; operator count: 301".to_owned()),
    ])
    .collect();
    for (text, message) in cases {
        let found = condition(&text).map(|_| ()).unwrap_err().to_string();
        assert_eq!(found, format!("Invalid ConditionExpression: {message}"), "{text}");
    }
}

#[test]
fn the_limits_themselves_are_allowed() {
    assert!(condition(&format!("a IN ({})", vec![":n"; 100].join(","))).is_ok());
    assert!(condition(&format!("a = :n{}", " ".repeat(4090))).is_ok());
    assert!(condition(&format!("a{} = :n", ".b".repeat(31))).is_ok());
    assert!(condition(&vec!["a=:n"; 150].join(" OR ")).is_ok());
}

/// Text and truth of a random condition; `binds` is how tightly what stands around it binds.
fn random_condition(seeded: &mut Seeded, depth: usize, binds: usize) -> (String, bool) {
    let (text, truth, level) = match seeded.below(if depth == 0 { 2 } else { 5 }) {
        0 => ("a = :n".to_owned(), true, 3),
        1 => ("contains(a, :4)".to_owned(), false, 3),
        2 => {
            let (text, truth) = random_condition(seeded, depth - 1, 2);
            (format!("NOT {text}"), !truth, 2)
        }
        junction => {
            let (word, level) = if junction == 3 { ("AND", 1) } else { ("OR", 0) };
            let (left, a) = random_condition(seeded, depth - 1, level);
            let (right, b) = random_condition(seeded, depth - 1, level);
            (format!("{left} {word} {right}"), if junction == 3 { a && b } else { a || b }, level)
        }
    };
    if level < binds || (binds < 3 && level < 3 && seeded.below(4) == 0) {
        return (format!("({text})"), truth);
    }
    (text, truth)
}

#[test]
fn agrees_with_a_model_of_junctions() {
    let mut seeded = Seeded(99);
    let item = specimen();
    for _ in 0..5_000 {
        let (text, truth) = random_condition(&mut seeded, 6, 0);
        match condition(&text) {
            Ok(condition) => assert_eq!(condition.eval(&item), truth, "{text}"),
            Err(fault) => assert!(text.len() > 4000, "{text}: {fault}"),
        }
    }
}

#[test]
fn names_the_parameter_and_wears_the_envelope() {
    let fault = expr::Condition::parse(Expression::Filter, "", &mut Placeholders::none()).unwrap_err();
    assert_eq!(fault.to_string(), "Invalid FilterExpression: The expression can not be empty;");
    assert_eq!(
        fault.enveloped(),
        "1 validation error detected: Invalid FilterExpression: The expression can not be empty;"
    );
}

#[test]
fn looks_after_key_attributes() {
    let check = |text: &str| condition(text).unwrap().check_keys(&["pk", "sk"]);
    assert_eq!(check("pk = :s AND m.pk = :s"), Ok(()));
    assert_eq!(check("a = :n OR size(sk[0]) = :n"), Err(KeyFault::NotScalar("sk".to_owned())));
    let filter = |text: &str| condition(text).unwrap().check_filter(&["pk", "sk"]);
    assert_eq!(filter("a = :n"), Ok(()));
    assert_eq!(
        filter("a IN (:n, pk)").unwrap_err().to_string(),
        "Filter Expression can only contain non-primary key attributes: Primary key attribute: pk"
    );
}
