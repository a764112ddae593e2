//! `$input`, `$context` and `$stageVariables`.

use crate::sample::check;

#[test]
fn params_are_found_in_order() {
    check(
        "",
        &[
            (
                "$input.params('id') $input.params('q') $input.params('Accept') $input.params('accept')",
                "p1 a b */* */*",
            ),
            ("$input.params('both'), [$input.params('nothing')]", "of path, []"),
            (
                "$input.params().path.id $input.params().querystring.get('q') $input.params().header['X-Both']",
                "p1 a b h",
            ),
            ("$input.params().header.keySet()", "[Accept, X-Both, both]"),
            (
                "$input.params()",
                "{path={id=p1, both=of path}, querystring={q=a b, both=of query, quote=it's \"so\"}, header={Accept=*/*, X-Both=h, both=of header}}",
            ),
            (
                "$stageVariables.color ${stageVariables.host} $stageVariables",
                "blue example.com {color=blue, host=example.com}",
            ),
            (
                "$context.stage $context.identity.sourceIp $context.requestTimeEpoch [$context.nothing]",
                "dev 127.0.0.1 1700000000000 []",
            ),
        ],
    );
}

#[test]
fn bodies() {
    check(
        "",
        &[
            ("[$input.body]", "[]"),
            ("$input.json('$')", "{}"),
            ("[$input.path('$')][$input.path('$.a')]", "[][]"),
            ("$input.json('$.a')", "\"\""),
        ],
    );
    check(
        r#" {"a" : "\u00e9\ud83e\udd80\n", "n": -0.5e2, "i": 007} "#,
        &[(
            "$input.json('$.a')",
            "ERROR Could not parse request body into json: Invalid numeric value: Leading zeroes not allowed\n at [Source: (String); line: 1, column: 54] at line 1, column 1",
        )],
    );
    check(
        r#" {"a" : "\u00e9\ud83e\udd80\n\"", "n": -0.5e2, "big": 1234567890123456789012, "deep": {"x": [[]]}} "#,
        &[
            (
                "$input.json('$')",
                "{\"a\":\"é🦀\\n\\\"\",\"n\":-50.0,\"big\":1234567890123456789012,\"deep\":{\"x\":[[]]}}",
            ),
            ("$input.path('$.n') $input.path('$.big')", "-50.0 1234567890123456789012"),
            ("#set($p = '$.n')$input.path($p)", "-50.0"),
            (
                "$input.path('$.')",
                "ERROR Invocation of method 'path' threw exception com.jayway.jsonpath.InvalidPathException: Path must not end with a '.' or '..' at position 2 at line 1, column 1",
            ),
        ],
    );
}

#[test]
fn names_that_were_read_before_are_read_again() {
    let list = r#"[{"a":1,"b\"c":2},{"a":3,"b\"c":4,"ab":5}]"#;
    check(list, &[("$input.json('$')", list), ("$input.json('$[*].a')", "[1,3]")]);
    check(
        r#"[{"b\"c":1},{"b"c":2}]"#,
        &[(
            "$input.json('$')",
            "ERROR Could not parse request body into json: Unexpected character ('c' (code 99)): was expecting a colon to \
             separate field name and value\n at [Source: (String); line: 1, column: 17] at line 1, column 1",
        )],
    );
}
