//! Statements: what is refused in which words (captures of September and October 2026), what they read and do.

use expr::{
    Access, AccessFault, Condition, Expression, KeyAttribute, KeySchema, Placeholders, Select, Statement,
    Where,
};
use item::{Item, KeyKind, Value};

use crate::request::{Seeded, item, json};

fn parse(text: &str) -> Result<Statement, String> {
    let parameters = item(r#"{"a":{"S":"x"},"b":{"BOOL":true},"c":{"N":"5"}}"#);
    let parameters: Vec<Value> = parameters.values().cloned().collect();
    Statement::parse(text, &parameters).map_err(|fault| fault.to_string())
}

fn refused(text: &str) -> String {
    parse(text).err().unwrap_or_else(|| panic!("{text}"))
}

fn select(text: &str) -> Select {
    match parse(text) {
        Ok(Statement::Select(select)) => select,
        other => panic!("{text}: {other:?}"),
    }
}

fn filter(condition: &str) -> Where {
    select(&format!("SELECT * FROM t WHERE {condition}")).filter.unwrap()
}

#[test]
fn refuses_what_is_not_well_formed() {
    const MALFORMED: &str = "Statement wasn't well formed, can't be processed: ";
    for (text, detail) in [
        ("SLECT * FROM t WHERE pk = 'x'", "Expected data manipulation"),
        ("SELECT * FROM t WHERE pk = 1 foo", "Unexpected token after expression"),
        ("SELECT * FROM t WHERE pk = 1 e5", "Unexpected token after expression"),
        ("SELECT * FROM t WHERE pk = 1)", "Unexpected token after expression"),
        ("INSERT INTO t VALUE {'pk': 1} foo", "Unexpected token after expression"),
        ("INSERT INTO t u VALUE {'pk': 1}", "Unexpected token after expression"),
        ("UPDATE t SET a = 9 WHERE pk = 1 foo", "Unexpected token after expression"),
        ("DELETE FROM t WHERE pk = 1 foo", "Unexpected token after expression"),
        ("DELETE FROM t WHERE pk = 1 ORDER BY pk", "Unexpected token after expression"),
        ("SELECT * FROM t ORDER BY pk WHERE pk = 1", "Unexpected token after expression"),
        ("FROM t SET c = 1 WHERE pk = 'x'", "Unexpected token after expression"),
        ("SELECT * FROM t WHERE pk = 1e2147483648", ""),
        ("SELECT * FROM t WHERE pk = 1e99999999999", ""),
        ("SELECT * FROM t WHERE pk = 1.5e-2147483647", ""),
        ("SELECT * FROM t WHERE pk = 1 # note", ""),
        ("SELECT * FROM t WHERE pk = 1 /* note", ""),
        ("SELECT * FROM \"t", ""),
        ("SELECT * FROM t WHERE pk = 'x", ""),
        ("SELECT * FROM t WHERE", "Unexpected term"),
        ("SELECT * FROM t WHERE;", "Unexpected term"),
        ("SELECT pk FROM t WHERE   ", "Unexpected term"),
        ("UPDATE t SET a = 1 WHERE", "Unexpected term"),
        ("DELETE FROM t WHERE", "Unexpected term"),
        ("SELECT * FROM t WHERE NOT", "Unexpected term"),
        ("SELECT * FROM t WHERE (", "Unexpected term"),
        ("SELECT * FROM", "Unexpected term"),
        ("SELECT * FROM t WHERE pk = 'p1' AND", "Missing right-hand side expression of infix operator"),
        ("SELECT * FROM t WHERE pk = 'p1' OR", "Missing right-hand side expression of infix operator"),
        ("SELECT * FROM t WHERE ORDER BY pk", "Unexpected keyword"),
        ("SELECT * FROM t WHERE IS NULL", "Unexpected operator"),
        ("SELECT * FROM t WHERE pk = LIKE", "Unexpected operator"),
        ("SELECT * FROM t WHERE pk = 'a' AND x IS FOO", "Expected type name"),
        ("DELETE FROM", "Expected identifier for simple path"),
        ("DELETE FROM   ", "Expected identifier for simple path"),
        ("DELETE FROM;", "Expected identifier for simple path"),
        ("DELETE FROM WHERE pk = 'a'", "Expected identifier for simple path"),
        ("SELECT * FROM t WHERE attribute_exists(m.inner)", "Invalid path dot component"),
        ("UPDATE t SET m.inner = set_add(m.inner, <<'y'>>) WHERE pk = 'a'", "Invalid path dot component"),
        ("SELECT * FROM t WHERE (pk = 'a'", "Expected RIGHT_PAREN"),
    ] {
        assert_eq!(refused(text), format!("{MALFORMED}{detail}"), "{text}");
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn refuses_what_makes_no_sense() {
    for (text, message) in [
        ("SELECT * FROM t u WHERE pk = 'x'", "Aliasing is not supported"),
        ("SELECT * FROM t AS u WHERE pk = 'x'", "Aliasing is not supported"),
        ("UPDATE t u SET a = 3 WHERE pk = 'x'", "Aliasing is not supported"),
        ("DELETE FROM t u WHERE pk = 'x'", "Aliasing is not supported"),
        ("SELECT * FROM \"\" WHERE pk = 'x'", "Path component cannot be an empty string"),
        ("SELECT * FROM \"t\".\"\" WHERE pk = 'x'", "Path component cannot be an empty string"),
        ("SELECT * FROM t.i.\"extra\"", "A path may contain at most 2 components in the FROM clause"),
        ("INSERT INTO t.i VALUE {'pk': 'x'}", "FROM clause may only contain a single table name"),
        ("UPDATE t.i SET a = 1 WHERE pk = 'x'", "This operation is not supported on an index"),
        ("DELETE FROM t.i WHERE pk = 'x'", "This operation is not supported on an index"),
        ("SELECT id FROM dbimp_page LIMIT 5", "Unsupported clause: LIMIT at 1:33:1"),
        ("SELECT attribute_exists(ss) FROM t", "Unexpected path component at 1:8:16"),
        ("SELECT m.z, z FROM t", "Duplicate identifiers in select clause: z"),
        ("SELECT *, z FROM t", "Other attributes should not be present in the projection when '*' is used."),
        ("SELECT l[-1] FROM t", "List index is not within the allowable range; index: [-1] at 1:11:1"),
        (
            "SELECT l[2147483648] FROM t",
            "List index is not within the allowable range; index: [2147483648] at 1:10:10",
        ),
        ("SELECT * FROM t WHERE EXISTS(ss)", "Unrecognized function: exists at 1:23:6"),
        ("SELECT * FROM t WHERE set_add(ss, <<'x'>>) = ss", "Unrecognized function: set_add at 1:23:7"),
        (
            "DELETE FROM t WHERE pk = 'x' RETURNING MODIFIED OLD *",
            "Invalid returning clause: RETURNING MODIFIED OLD *. Only RETURNING ALL OLD * is allowed in DELETE statements.",
        ),
        (
            "UPDATE t SET a = set_add(b, <<'x'>>)",
            "The first argument to SET_ADD must equal the assignment value at 1:18:7",
        ),
        (
            "UPDATE t SET a = set_add(<<'a'>>, <<'x'>>)",
            "The first argument to SET_ADD must equal the assignment value at 1:18:7",
        ),
        (
            "UPDATE t\nSET abc = set_add(abc, 'x')",
            "The second argument to SET_ADD must be a value with type SET at 2:19:3",
        ),
        (
            "UPDATE t SET \"a\" = set_delete(\"a\", ['x'])",
            "The second argument to SET_DELETE must be a value with type SET at 1:31:3",
        ),
        ("UPDATE t SET a = set_add(a)", "SET_ADD must have exactly two arguments at 1:18:7"),
        (
            "UPDATE t SET a = set_add(a, <<'x'>>, <<'y'>>)",
            "SET_ADD must have exactly two arguments at 1:18:7",
        ),
        ("UPDATE t SET a = if_not_exists(a, 1)", "Unrecognized function: if_not_exists at 1:18:13"),
        (
            "UPDATE t SET a = 'a' + 1",
            "Incorrect operand type for operator or function; operator or function: +, operand type: S",
        ),
        (
            "UPDATE t SET a = a - null",
            "Incorrect operand type for operator or function; operator or function: -, operand type: NULL",
        ),
        (
            "UPDATE t SET a = 1 REMOVE a.b",
            "Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [a], path two: [a, b]",
        ),
        ("SELECT * FROM t WHERE a = 1 + 1", "Unsupported operator in Condition Expression. Operator: +"),
        (
            "SELECT * FROM t WHERE a = ? AND b < ?",
            "Incorrect operand type for operator or function; operator or function: <, operand type: BOOL",
        ),
        (
            "SELECT * FROM t WHERE a BETWEEN true AND false",
            "Incorrect operand type for operator or function; operator or function: BETWEEN, operand type: BOOL",
        ),
        (
            "SELECT * FROM t WHERE attribute_exists(n) > false",
            "Incorrect operand type for operator or function; operator or function: >, operand type: BOOL",
        ),
        (
            "SELECT * FROM t WHERE attribute_exists('m')",
            "Operator or function requires a document path; operator or function: attribute_exists",
        ),
        (
            "SELECT * FROM t WHERE attribute_exists()",
            "Incorrect number of operands for operator or function; operator or function: attribute_exists, number of operands: 0",
        ),
        (
            "SELECT * FROM t WHERE attribute_exists(a, b)",
            "Incorrect number of operands for operator or function; operator or function: attribute_exists, number of operands: 2",
        ),
        (
            "SELECT * FROM t WHERE attribute_type(l, 1)",
            "Incorrect operand type for operator or function; operator or function: attribute_type, operand type: N",
        ),
        (
            "SELECT * FROM t WHERE attribute_type(l, 'X')",
            "Invalid attribute type name found; type: X, valid types: {N,BS,L,B,NULL,M,S,SS,NS,BOOL}",
        ),
        (
            "SELECT * FROM t WHERE a = ? AND b = ? AND c = ? AND d = ?",
            "Number of parameters in request and statement don't match.",
        ),
        ("UPDATE t SET x = [?]", "Unsupported data type: Parameter under key root[0] at 1:19:1"),
        ("INSERT INTO t VALUE {'m':{'k':?}}", "Unsupported data type: Parameter under key root.k at 1:31:1"),
        (
            "INSERT INTO t VALUE {'s': set_add(<<'a'>>, <<'b'>>)}",
            "Unsupported data type: set_add under key root at 1:27:7",
        ),
        ("INSERT INTO t VALUE {'s':<<>>}", "Empty bags are not supported"),
        (
            "INSERT INTO t VALUE {'s':<<1, 'a'>>}",
            "Unsupported data type in Bag. DynamoDB only supports either numbers or strings in bags",
        ),
        (
            "INSERT INTO t VALUE {'s':<<'a', 'a'>>}",
            "One or more parameter values were invalid: Input collection [a, a] contains duplicates.",
        ),
        (
            "INSERT INTO t VALUE {'s':<<2, 2.0>>}",
            "One or more parameter values were invalid: Input collection [2, 2.0] contains duplicates! under root",
        ),
        (
            "SELECT * FROM t WHERE pk = 1e126",
            "Number overflow. Attempting to store a number with magnitude larger than supported range under root",
        ),
        (
            "SELECT * FROM t WHERE pk = 1e-131",
            "Number underflow. Attempting to store a number with magnitude smaller than supported range under root",
        ),
        (
            "SELECT * FROM t WHERE pk = 123456789012345678901234567890123456789",
            "Attempting to store more than 38 significant digits in a Number under root",
        ),
        (
            "INSERT INTO t VALUE {'pk': 1, 'm': {'x': 1e126}}",
            "Number overflow. Attempting to store a number with magnitude larger than supported range under root.x",
        ),
        (
            "INSERT INTO t VALUE {'pk': 1, 'l': [1, 1e126]}",
            "Number overflow. Attempting to store a number with magnitude larger than supported range under root[1]",
        ),
    ] {
        assert_eq!(refused(text), message, "{text}");
    }
}

#[test]
fn literals_nest_to_31_levels() {
    let nested = |open: &str, close: &str, levels: usize| {
        format!("UPDATE t SET d = {}1{} WHERE pk = 'x'", open.repeat(levels), close.repeat(levels))
    };
    assert_eq!(
        refused(&nested("{'a':", "}", 32)),
        format!("Nesting Levels have exceeded supported limits under root{}", ".a".repeat(32))
    );
    assert_eq!(
        refused(&nested("[", "]", 32)),
        format!("Nesting Levels have exceeded supported limits under root{}", "[0]".repeat(32))
    );
    parse(&nested("{'a':", "}", 31)).unwrap();
}

#[test]
fn reads_values() {
    for (literal, expected) in [
        ("'it''s here'", r#"{"S":"it's here"}"#),
        ("1E3", r#"{"N":"1000"}"#),
        (".73e1", r#"{"N":"7.3"}"#),
        ("5.", r#"{"N":"5"}"#),
        ("-1.5e-3", r#"{"N":"-0.0015"}"#),
        ("- - 1", r#"{"N":"1"}"#),
        ("-/* c */-1", r#"{"N":"1"}"#),
        ("-0", r#"{"N":"0"}"#),
        ("true", r#"{"BOOL":true}"#),
        ("NULL", r#"{"NULL":true}"#),
        ("?", r#"{"S":"x"}"#),
        ("[1, 'a', [- 1], {}]", r#"{"L":[{"N":"1"},{"S":"a"},{"L":[{"N":"-1"}]},{"M":{}}]}"#),
        ("{'a': {'b': 4}, 'c': <<'x', 'y'>>}", r#"{"M":{"a":{"M":{"b":{"N":"4"}}},"c":{"SS":["x","y"]}}}"#),
        ("<<1, 34, 4.5>>", r#"{"NS":["1","34","4.5"]}"#),
    ] {
        let text = format!("INSERT INTO \"t\" value {{'v': {literal}}} -- done");
        let Ok(Statement::Insert(insert)) = parse(&text) else { panic!("{text}: {:?}", parse(&text)) };
        assert_eq!(json(&insert.item), format!(r#"{{"v":{expected}}}"#));
    }
}

#[test]
fn decides() {
    let item = item(
        r#"{"pk":{"S":"k"},"a":{"N":"5"},"b":{"N":"7"},"s":{"S":"str"},"ss":{"SS":["a","b"]},"nul":{"NULL":true},
            "flag":{"BOOL":true},"m":{"M":{"sub":{"S":"x"}}},"l":{"L":[{"S":"a"}]},"with.dot":{"N":"1"},"size":{"N":"1"}}"#,
    );
    for (condition, expected) in [
        ("a = 5 AND b = 7", true),
        ("a = 5 AND b = 8 OR s = 'str'", true),
        ("a = 5 AND (b = 8 OR s = 'str')", true),
        ("a = 4 OR b = 7 AND s = 'x'", false),
        ("NOT a = 5 AND b = 7", false),
        ("NOT (a = 5 AND b = 8)", true),
        ("a != 4 and a <> 6", true),
        ("4 < a", true),
        ("a BETWEEN 4 AND 6 AND b BETWEEN 7 AND 8", true),
        ("a NOT BETWEEN 4 AND 6", false),
        ("NOT a BETWEEN 6 AND 7", true),
        ("a IN [1, 5]", true),
        ("a IN (1, 6)", false),
        ("a NOT IN (1, 6)", true),
        ("s IN [?]", false),
        ("begins_with(s, 'st')", true),
        ("NOT BEGINS_WITH(s, 'st')", false),
        ("contains(ss, 'a') AND contains(s, 'tr')", true),
        ("size(s) = 3 AND size(ss) > 1", true),
        ("attribute_type(ss, 'SS')", true),
        ("attribute_exists(m.sub) AND ATTRIBUTE_NOT_EXISTS (nope) AND attribute_exists(l[0])", true),
        ("attribute_exists(m.nope)", false),
        ("nope IS MISSING AND a IS NOT MISSING", true),
        ("nul IS NULL", true),
        ("s IS NULL", false),
        ("nope IS NULL", false),
        ("nope IS NOT NULL", true),
        ("flag IS BOOL AND s IS STRING AND m IS STRUCT AND l IS LIST AND a IS NUMERIC", true),
        ("s IS BOOL", false),
        ("attribute_exists(nope) = false AND true = attribute_exists(a)", true),
        ("attribute_exists(a) <> true", false),
        ("(a BETWEEN 0 AND 6) = true", true),
        ("\"with.dot\" = 1 AND \"size\" = 1", true),
        ("ss = <<'b', 'a'>>", true),
        ("m = {'sub': 'x'} AND l = ['a']", true),
        ("a > -5", true),
        ("a>-5", true),
    ] {
        assert_eq!(filter(condition).condition().eval(&item), expected, "{condition}");
    }
}

#[test]
fn columns_have_the_last_name_of_their_path() {
    let target = item(
        r#"{"m":{"M":{"k":{"L":[{"S":"c"},{"S":"d"}]},"z":{"N":"1"}}},"l":{"L":[{"S":"a"}]},"m.z":{"N":"2"}}"#,
    );
    for (columns, expected) in [
        ("m.k[1], l[0], m.z", r#"{"k[1]":{"S":"d"},"l[0]":{"S":"a"},"z":{"N":"1"}}"#),
        ("\"m.z\"", r#"{"m.z":{"N":"2"}}"#),
        ("l[-0], nope", r#"{"l[0]":{"S":"a"}}"#),
        ("m.k", r#"{"k":{"L":[{"S":"c"},{"S":"d"}]}}"#),
        ("nope", "{}"),
    ] {
        let select = select(&format!("SELECT {columns} FROM t"));
        assert_eq!(json(&select.columns.unwrap().apply(&target)), expected, "{columns}");
    }
}

#[test]
fn updates() {
    let before = item(
        r#"{"n":{"N":"1"},"m":{"M":{}},"l":{"L":[{"N":"1"},{"S":"x"}]},"ns":{"NS":["1","345"]},"ss":{"SS":["a","b"]}}"#,
    );
    for (clauses, expected) in [
        (
            "SET n = n + 100 SET m.e = [2020, 's'] SET l = LIST_APPEND(l, [4]) SET ns = SET_ADD(ns, <<48.4>>)",
            r#"{"l":{"L":[{"N":"1"},{"S":"x"},{"N":"4"}]},"m":{"M":{"e":{"L":[{"N":"2020"},{"S":"s"}]}}},"n":{"N":"101"},"ns":{"NS":["1","345","48.4"]},"ss":{"SS":["a","b"]}}"#,
        ),
        (
            "SET n=n-1 REMOVE l[1] SET ns = set_delete(ns, <<345>>) REMOVE m, ss",
            r#"{"l":{"L":[{"N":"1"}]},"n":{"N":"0"},"ns":{"NS":["1"]}}"#,
        ),
        (
            "SET n = (n + 1) - 2 + n, l = list_append([0], l) REMOVE m, ns, ss",
            r#"{"l":{"L":[{"N":"0"},{"N":"1"},{"S":"x"}]},"n":{"N":"1"}}"#,
        ),
        ("SET n = n - - 2 REMOVE m, l, ns, ss", r#"{"n":{"N":"3"}}"#),
    ] {
        for text in [format!("UPDATE t {clauses} WHERE pk = 'x'"), format!("FROM t WHERE pk = 'x' {clauses}")]
        {
            let Ok(Statement::Update(update)) = parse(&text) else { panic!("{text}: {:?}", parse(&text)) };
            let mut after = before.clone();
            update.update.apply(&mut after).unwrap();
            assert_eq!(json(&after), expected, "{text}");
        }
    }
}

const KEY: KeySchema<'static> = KeySchema {
    partition: &[KeyAttribute { name: "pk", kind: KeyKind::S }],
    sort: &[KeyAttribute { name: "sk", kind: KeyKind::S }],
};

#[test]
fn finds_the_reads_of_a_condition() {
    let reads = |condition: &str| match filter(condition).access(&KEY) {
        Ok(Access::Scan) => "scan".to_owned(),
        Ok(Access::Reads(reads)) => {
            let key = |read: &expr::Read| read.item_key(&KEY).map_or(String::new(), |_| "!".to_owned());
            reads.iter().map(|read| format!("{}{}", read.sort.len(), key(read))).collect::<Vec<_>>().join(" ")
        }
        Err(fault) => fault.to_string(),
    };
    let values = |count: usize| (0..count).map(|n| format!("'v{n}'")).collect::<Vec<_>>().join(",");
    for (condition, expected) in [
        ("pk = 'a'", "0"),
        ("'a' = pk AND sk = 'b'", "1!"),
        ("pk = 'a' AND sk = 'b' AND x = 1", "1"),
        ("pk IN ['a'] AND sk IN ['b']", "1!"),
        ("(sk='1') AND pk='k' AND pk='k'", "1!"),
        ("pk = 'a' AND sk > 'b' AND sk < 'c'", "2"),
        ("pk = 'a' AND (sk = 'b' OR sk = 'c')", "1! 1!"),
        ("pk = 'a' AND begins_with(sk, 'b') AND sk BETWEEN 'a' AND 'z'", "2"),
        ("pk IN ['a', 'b'] AND x = 1", "0 0"),
        ("pk = 'a' AND x = 1 OR pk = 'b'", "0 0"),
        ("pk = 'a' AND (sk = '1' OR x = 2)", "1! 0"),
        ("pk = 'a' AND (y = '1' OR x = 2)", "0"),
        ("pk = 'a' OR sk = 'b'", "scan"),
        ("pk > 'a'", "scan"),
        ("NOT pk = 'a'", "scan"),
        ("x = 1", "scan"),
        ("pk > 1", "scan"),
        (
            "pk = 1 OR pk = 'a'",
            "Key attribute's data type should match its data type in table's schema: Key pk",
        ),
        (
            "pk = 'a' AND sk IN ['1', 2]",
            "Key attribute's data type should match its data type in table's schema: Key sk",
        ),
        (&format!("pk IN [{}]", values(51)), "Too many decomposed read operations for a given query."),
        (
            &format!("pk = 'a' AND sk IN [{}]", values(51)),
            "Too many decomposed read operations for a given query.",
        ),
        (
            &format!("pk IN [{}] AND sk IN ['1','2']", values(26)),
            "Too many decomposed read operations for a given query.",
        ),
        (&format!("pk IN [{}] OR x = 1", values(51)), "scan"),
        (&format!("sk IN [{}] AND x IN [{}]", values(60), values(100)), "scan"),
    ] {
        assert_eq!(reads(condition), expected, "{condition}");
    }
}

#[test]
fn finds_the_key_of_a_write() {
    let key = |condition: &str| filter(condition).item_key(&["pk", "sk"]).map(|key| json(&key));
    let expected = Ok(r#"{"pk":{"S":"a"},"sk":{"S":"1"}}"#.to_owned());
    assert_eq!(key("(pk='a' AND sk='1') AND flag='x'"), expected);
    assert_eq!(key("sk='1' AND pk='a' AND pk='a'"), expected);
    assert_eq!(key("pk='a'"), Err(AccessFault::NoKey));
    assert_eq!(key("pk='a' AND sk IN ['1']"), Err(AccessFault::NoKey));
    assert_eq!(key("pk='a' AND sk='1' OR x = 1"), Err(AccessFault::NoKey));
    assert_eq!(
        key("pk='a' AND sk='1' AND pk='b'").unwrap_err().to_string(),
        "Multiple conditions on same key pk. Only single item Update/Insert/Delete are supported"
    );
}

#[test]
fn lists_what_an_index_does_not_project() {
    let unprojected = |condition: &str| {
        let access = filter(condition).access(&KEY).unwrap();
        access.unprojected(|name| ["pk", "sk", "projattr"].contains(&name)).join(", ")
    };
    for (condition, expected) in [
        ("pk='y' AND NOT (nonproj='np1' OR projattr='x')", "nonproj"),
        ("pk='y' AND b='1' AND (a='2' OR projattr='3')", "a, b"),
        ("pk='y' AND (zz='1' OR aa='2' OR mm='3')", "zz, aa, mm"),
        ("pk='y' AND (projattr='1' OR projattr='2')", ""),
        ("(pk='y' OR pk='z') AND zz='1'", "zz"),
        ("(pk='b' AND u1='1') OR (pk='q' AND u2='1')", "u2"),
        ("(pk='q' AND u1='1') OR (pk='b' AND u2='1')", "u1"),
        ("(pk='y' AND projattr='1') OR (pk='z' AND aa='1')", ""),
        ("pk > 'a' AND zz='1'", ""),
        ("pk='y' AND (pk='z' OR zz='1')", ""),
        ("(pk='y' AND zz='1') OR aa='1'", ""),
        ("pk IN ['y', 'z'] AND nonproj='1'", "nonproj"),
        ("pk='y' AND nonproj IS MISSING", "nonproj"),
    ] {
        assert_eq!(unprojected(condition), expected, "{condition}");
    }
}

/// Random conditions say the same as statements and as filter expressions.
#[test]
fn agrees_with_filter_expressions() {
    const PATHS: [&str; 6] = ["a", "b", "s", "m.deep", "l[0]", "nope"];
    const VALUES: [(&str, &str); 6] =
        [("5", ":n"), ("7", ":m"), ("'str'", ":s"), ("'st'", ":p"), ("true", ":t"), ("<<'a','b'>>", ":ss")];
    let values = item(
        r#"{":n":{"N":"5"},":m":{"N":"7"},":s":{"S":"str"},":p":{"S":"st"},":t":{"BOOL":true},":ss":{"SS":["a","b"]}}"#,
    );
    let items: Vec<Item> = [
        r#"{"a":{"N":"5"},"b":{"N":"7"},"s":{"S":"str"},"m":{"M":{"deep":{"S":"st"}}},"l":{"L":[{"N":"5"}]}}"#,
        r#"{"a":{"S":"str"},"b":{"N":"5"},"m":{"M":{"deep":{"N":"7"}}},"l":{"L":[{"S":"str"}]}}"#,
        r#"{"a":{"SS":["b","a"]},"s":{"BOOL":true},"l":{"L":[]}}"#,
    ]
    .map(item)
    .into();
    let mut seeded = Seeded(99);
    let mut compared = 0;
    for _ in 0..10_000 {
        // Both texts at once: a test, then as many more as the dice say.
        let mut statement = String::new();
        let mut expression = String::new();
        for at in 0..=seeded.below(4) {
            let joint = if at == 0 { "" } else { [" AND ", " OR "][seeded.below(2)] };
            let not = ["", "", "NOT "][seeded.below(3)];
            let path = PATHS[seeded.below(6)];
            let (literal, placeholder) = VALUES[seeded.below(6)];
            let (other, other_placeholder) = VALUES[seeded.below(6)];
            let (mine, theirs) = match seeded.below(7) {
                0 => {
                    (format!("begins_with({path}, {literal})"), format!("begins_with({path}, {placeholder})"))
                }
                1 => (format!("contains({path}, {literal})"), format!("contains({path}, {placeholder})")),
                2 => (
                    format!("{path} BETWEEN {literal} AND {other}"),
                    format!("{path} BETWEEN {placeholder} AND {other_placeholder}"),
                ),
                3 => (
                    format!("{path} IN [{literal}, {other}]"),
                    format!("{path} IN ({placeholder}, {other_placeholder})"),
                ),
                4 => (format!("{path} IS MISSING"), format!("attribute_not_exists({path})")),
                _ => {
                    let operator = ["=", "<>", "<", "<=", ">", ">="][seeded.below(6)];
                    (format!("{path} {operator} {literal}"), format!("{path} {operator} {placeholder}"))
                }
            };
            statement.push_str(&format!("{joint}{not}{mine}"));
            expression.push_str(&format!("{joint}{not}{theirs}"));
        }
        let mut placeholders = Placeholders::new(None, Some(&values)).unwrap();
        let theirs = Condition::parse(Expression::Filter, &expression, &mut placeholders);
        let mine = parse(&format!("SELECT * FROM t WHERE {statement}"));
        match (mine, theirs) {
            (Ok(Statement::Select(select)), Ok(theirs)) => {
                let mine = select.filter.unwrap();
                for item in &items {
                    assert_eq!(mine.condition().eval(item), theirs.eval(item), "{statement}");
                }
                compared += 1;
            }
            (Err(mine), Err(theirs)) => {
                assert_eq!(format!("Invalid FilterExpression: {mine}"), theirs.to_string(), "{statement}");
            }
            (mine, theirs) => panic!("{statement}: {mine:?} {theirs:?}"),
        }
    }
    assert!(compared > 1_500, "{compared}");
}

/// Whatever comes in is answered: no panic, no exhausted stack.
#[test]
fn hostile_statements_are_answered() {
    let feed = |text: &str| {
        if let Ok(Statement::Select(Select { filter: Some(filter), .. })) = parse(text) {
            let _ = filter.access(&KEY).map(|access| access.unprojected(|_| false).len());
            filter.condition().eval(&Item::new());
            let _ = filter.item_key(&["pk", "sk"]);
        }
    };
    let test = move || {
        let prefix = "SELECT * FROM t WHERE ";
        for (open, inner, close) in [
            ("(", "", ""),
            ("(", "a=1", ")"),
            ("NOT ", "a=1", ""),
            ("NOT (", "a=1", ")"),
            ("[", "", ""),
            ("{'a':", "", ""),
            ("a.", "a", " = 1"),
            ("a[0]", "", ""),
            ("size(", "a", ")"),
            ("-", "1", ""),
            ("a BETWEEN ", "1", ""),
            ("a=1 AND ", "b=2", ""),
            ("pk='a' OR ", "pk='b'", ""),
            ("pk IN ['a','b'] AND ", "sk IN ['c','d']", ""),
            ("<<", "", ""),
            ("'", "", ""),
            ("\"", "", ""),
            ("/*", "", ""),
            ("?", "", ""),
        ] {
            for count in [1, 31, 33, 200, 299, 1000, 8000] {
                feed(&format!("{prefix}{}{inner}{}", open.repeat(count), close.repeat(count)));
                feed(&format!("UPDATE t SET a = {}{inner}{}", open.repeat(count), close.repeat(count)));
                feed(&format!("INSERT INTO t VALUE {{'a': {}{inner}", open.repeat(count)));
                feed(&open.repeat(count));
            }
        }
        feed(&format!("{prefix} a IN [{}1]", "1,".repeat(4000)));
        feed(&format!("SELECT {} FROM t", vec!["a"; 4000].join(",")));
        feed(&format!("UPDATE t {}", "SET a = 1 ".repeat(800)));
        pieces(feed);
    };
    std::thread::Builder::new().stack_size(256 << 10).spawn(test).unwrap().join().unwrap();
}

const PIECES: [&str; 56] = [
    "SELECT",
    "*",
    "FROM",
    "t",
    "WHERE",
    "pk",
    "sk",
    "a",
    "=",
    "<>",
    "<",
    "<=",
    "'x'",
    "1",
    "-",
    "+",
    "?",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "<<",
    ">>",
    ",",
    ":",
    ".",
    ";",
    "AND",
    "OR",
    "NOT",
    "IN",
    "BETWEEN",
    "IS",
    "MISSING",
    "NULL",
    "UPDATE",
    "SET",
    "REMOVE",
    "DELETE",
    "INSERT",
    "INTO",
    "VALUE",
    "RETURNING",
    "ALL",
    "OLD",
    "ORDER",
    "BY",
    "EXISTS",
    "size",
    "contains",
    "list_append",
    "set_add",
    "é",
    "\"q\"",
];

fn pieces(feed: impl Fn(&str)) {
    const STARTS: [&str; 5] = [
        "",
        "SELECT * FROM t WHERE ",
        "UPDATE t SET a = ",
        "INSERT INTO t VALUE {'a': ",
        "DELETE FROM t WHERE ",
    ];
    let mut seeded = Seeded(5);
    for _ in 0..15_000 {
        let mut text = STARTS[seeded.below(STARTS.len())].to_owned();
        for _ in 0..seeded.below(14) {
            text.push_str(PIECES[seeded.below(PIECES.len())]);
            text.push_str(["", " "][seeded.below(2)]);
        }
        feed(&text);
    }
    let text = "SELECT a.b[0], \"c d\" FROM \"t\".\"i\" WHERE pk = 'it''s' AND sk BETWEEN 1e3 AND -.5 AND NOT x IN [<<'a'>>, {'k': [1]}]";
    for end in 0..=text.len() {
        feed(&text[..end]);
        feed(&text[end..]);
    }
}
