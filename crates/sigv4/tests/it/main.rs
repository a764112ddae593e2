//! Signatures as clients write them, and as they break them.

mod keys;

use expect_test::{Expect, expect};
use http::{HeaderMap, HeaderValue};

/// `headers` are lines `name: value`.
fn check(headers: &str, query: &str, expected: Expect) {
    let mut map = HeaderMap::new();
    for line in headers.lines() {
        let (name, value) = line.trim().split_once(": ").expect("name: value");
        let name: http::HeaderName = name.parse().expect("a header name");
        map.append(name, HeaderValue::from_str(value).expect("a header value"));
    }
    let answer = match sigv4::parse(&map, query) {
        Ok(None) => "unsigned".to_owned(),
        Ok(Some(c)) => format!(
            "{:?} {} {} {} {} [{}] {}",
            c.source,
            c.access_key,
            c.date,
            c.scope(),
            c.service,
            c.signed_headers,
            c.signature
        ),
        Err(error) => format!("{}: {error}", error.code()),
    };
    expected.assert_eq(&answer);
}

#[test]
fn the_header_of_an_sdk() {
    check(
        "x-amz-date: 20261122T172100Z\nauthorization: AWS4-HMAC-SHA256 \
         Credential=123456789012/20261122/eu-west-1/dynamodb/aws4_request, SignedHeaders=host;x-amz-date, Signature=ab12",
        "",
        expect!["Header 123456789012 20261122 123456789012/eu-west-1 dynamodb [host;x-amz-date] ab12"],
    );
}

#[test]
fn parts_without_spaces_and_a_key_that_is_no_account() {
    check(
        "date: x\nauthorization: AWS4-HMAC-SHA256 \
         Credential=AKIDEXAMPLE/20261122/us-east-1/lambda/aws4_request,SignedHeaders=host,Signature=cd",
        "",
        expect!["Header AKIDEXAMPLE 20261122 000000000000/us-east-1 lambda [host] cd"],
    );
}

#[test]
fn a_presigned_url() {
    check(
        "host: a",
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=111122223333%2F20261122%2Fus-east-1%2Fexecute-api%2F\
         aws4_request&X-Amz-Date=20261122T172100Z&X-Amz-SignedHeaders=host&X-Amz-Signature=ef",
        expect!["Query 111122223333 20261122 111122223333/us-east-1 execute-api [host] ef"],
    );
}

#[test]
fn other_schemes_are_not_signatures() {
    check("authorization: Bearer abc", "", expect!["unsigned"]);
    check("host: a", "", expect!["unsigned"]);
    check("authorization: Basic YTpi", "a=b&c", expect!["unsigned"]);
}

#[test]
fn what_is_missing_is_named() {
    check(
        "authorization: AWS4-HMAC-SHA256 Credential=a/b/c/d/aws4_request",
        "",
        expect![[
            r#"IncompleteSignature: Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter. Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. Authorization=AWS4-HMAC-SHA256 Credential=a/b/c/d/aws4_request"#
        ]],
    );
    check(
        "host: a",
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=1",
        expect![[
            r#"IncompleteSignature: AWS query-string parameters must include 'X-Amz-Credential'. AWS query-string parameters must include 'X-Amz-Signature'. AWS query-string parameters must include 'X-Amz-SignedHeaders'. Re-examine the query-string parameters."#
        ]],
    );
}

#[test]
fn contradictions() {
    check(
        "date: x\nauthorization: AWS4-HMAC-SHA256 Credential=a/b/c",
        "X-Amz-Algorithm=AWS4-HMAC-SHA256",
        expect![[
            r#"InvalidSignature: Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header."#
        ]],
    );
    check(
        "date: x\nauthorization: AWS4-HMAC-SHA256 Credential=a/b/c, SignedHeaders=a, Signature=b",
        "",
        expect![[
            r#"IncompleteSignature: Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got 'a/b/c'"#
        ]],
    );
    check(
        "date: x\nauthorization: AWS4-ECDSA Credential=a/b/c/d/aws4_request, SignedHeaders=a, Signature=b",
        "",
        expect![[r#"IncompleteSignature: Unsupported AWS 'algorithm': 'AWS4-ECDSA'."#]],
    );
    check(
        "authorization: AWS4-HMAC-SHA256",
        "",
        expect![[
            r#"IncompleteSignature: Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter. Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. Authorization=AWS4-HMAC-SHA256"#
        ]],
    );
}
