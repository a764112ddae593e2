//! The reader against serde_json: the same texts are accepted, and the same values seen.

use serde_json::{Map, Number, Value, json};
use wire::json::{JsonError, Kind, Reader};

/// Builds a tree, which nothing but a test does.
fn tree(reader: &mut Reader<'_>) -> Result<Value, JsonError> {
    Ok(match reader.peek()? {
        Kind::Object => {
            let mut map = Map::new();
            reader.begin_object()?;
            while let Some(key) = reader.next_key()? {
                map.insert(key.into_owned(), tree(reader)?);
            }
            Value::Object(map)
        }
        Kind::Array => {
            let mut list = Vec::new();
            reader.begin_array()?;
            while reader.next_element()? {
                list.push(tree(reader)?);
            }
            Value::Array(list)
        }
        Kind::String => Value::String(reader.string()?.into_owned()),
        Kind::Number => {
            Number::from_f64(reader.number()?.parse().unwrap()).map_or(Value::Null, Value::Number)
        }
        Kind::True | Kind::False => Value::Bool(reader.boolean()?),
        Kind::Null => {
            reader.null()?;
            Value::Null
        }
    })
}

fn read(text: &str) -> Result<Value, JsonError> {
    let mut reader = Reader::new(text.as_bytes(), 100)?;
    let value = tree(&mut reader)?;
    reader.end()?;
    Ok(value)
}

fn skip(text: &str) -> Result<(), JsonError> {
    let mut reader = Reader::new(text.as_bytes(), 100)?;
    reader.skip()?;
    reader.end()
}

/// Numbers as doubles, for comparison.
fn doubles(value: Value) -> Value {
    match value {
        Value::Number(number) => {
            number.as_f64().and_then(Number::from_f64).map_or(Value::Null, Value::Number)
        }
        Value::Array(list) => list.into_iter().map(doubles).collect(),
        Value::Object(map) => map.into_iter().map(|(key, value)| (key, doubles(value))).collect(),
        other => other,
    }
}

const TEXTS: &[&str] = &[
    "{}",
    "[]",
    "null",
    "true",
    "false",
    "0",
    "-0",
    "-1",
    "10",
    "1.5",
    "1e3",
    "1E+3",
    "1.0e-3",
    "\"\"",
    "\"a\"",
    " [ 1 , 2 ] ",
    "{\"a\":{\"b\":[{}, [], null]}}",
    "\t{\r\n\"a\" : 1 }\n",
    "{\"a\":1,\"a\":2}",
    r#""\"\\\/\b\f\n\r\tA\u00e9\ud83d\ude00é😀""#,
    r#""tail\\""#,
    r#""\\\"\\""#,
    // What is not JSON.
    "",
    " ",
    "{",
    "}",
    "[",
    "]",
    "[1",
    "[1,",
    "[1,]",
    "[,1]",
    "[,]",
    "{\"a\"}",
    "{\"a\":}",
    "{\"a\":1,}",
    "{,\"a\":1}",
    "{a:1}",
    "{'a':1}",
    "{\"a\":1 \"b\":2}",
    "[1 2]",
    "01",
    "-",
    "1.",
    ".5",
    "+1",
    "1e",
    "1e+",
    "0x1",
    "NaN",
    "Infinity",
    "nul",
    "nulll",
    "tru",
    "True",
    "\"",
    "\"\\",
    "\"\\x\"",
    "\"\\u12\"",
    "\"\\u12g4\"",
    "\"\\ud800\"",
    "\"\\ud800x\"",
    "\"\\ud800\\u0041\"",
    "\"\\udc00\"",
    "\"a\nb\"",
    "\"\u{1}\"",
    "{} {}",
    "[]]",
    "[}",
    "{]",
    "{\"a\":[}",
    "1 1",
    "/**/1",
    "\u{feff}{}",
    "{1:2}",
    "{null:1}",
    "[\"a\",",
    "{\"a\":tru}",
    "\u{a0}1",
];

#[test]
fn agrees_with_serde_json() {
    for text in TEXTS {
        let ours = read(text);
        let theirs = serde_json::from_str::<Value>(text).map(doubles);
        assert_eq!(ours.is_ok(), theirs.is_ok(), "{text}: {ours:?} against {theirs:?}");
        assert_eq!(ours.is_ok(), skip(text).is_ok(), "skipping {text}");
        if let (Ok(ours), Ok(theirs)) = (ours, theirs) {
            assert_eq!(ours, theirs, "{text}");
        }
    }
}

/// Every text with one byte changed, taken out or put in, for a set of bytes that matter.
#[test]
fn agrees_with_serde_json_on_mutations() {
    let seed = r#"{"a":[1,-2.5e3,"x\n\u0041",true,null],"b":{"c":""}}"#;
    for i in 0..seed.len() {
        for letter in
            ["", "{", "}", "[", "]", ",", ":", "\"", "\\", "0", "1", "-", ".", "e", "t", "n", " ", "\n", "é"]
        {
            for taken in 0..2 {
                let text = format!("{}{letter}{}", &seed[..i], &seed[i + taken..]);
                let ours = read(&text).ok();
                let theirs = serde_json::from_str::<Value>(&text).map(doubles).ok();
                assert_eq!(ours, theirs, "{text}");
                assert_eq!(ours.is_some(), skip(&text).is_ok(), "skipping {text}");
            }
        }
    }
}

#[test]
fn strings_without_escapes_are_borrowed() {
    let mut reader = Reader::new(br#"["plain","esc\u0061ped"]"#, 8).unwrap();
    reader.begin_array().unwrap();
    assert!(reader.next_element().unwrap());
    assert!(matches!(reader.string().unwrap(), std::borrow::Cow::Borrowed("plain")));
    assert!(reader.next_element().unwrap());
    assert_eq!(reader.string().unwrap(), "escaped");
    assert!(!reader.next_element().unwrap());
    reader.end().unwrap();
}

#[test]
fn raw_values_are_the_text() {
    let mut reader = Reader::new(br#" {"a": [1, {"b" : "]"}] } "#, 8).unwrap();
    reader.begin_object().unwrap();
    assert_eq!(reader.next_key().unwrap().unwrap(), "a");
    assert_eq!(reader.raw().unwrap(), r#"[1, {"b" : "]"}]"#);
    assert_eq!(reader.next_key().unwrap(), None);
    assert_eq!(read("[1,{}]").unwrap(), json!([1.0, {}]));
}

#[test]
fn blobs_are_strict() {
    for (text, bytes) in
        [("\"\"", Some(&b""[..])), ("\"AA==\"", Some(&b"\0"[..])), ("\"/+8=\"", Some(&b"\xff\xef"[..]))]
    {
        assert_eq!(Reader::new(text.as_bytes(), 1).unwrap().blob().ok().as_deref(), bytes);
    }
    for text in ["\"AA\"", "\"AA=\"", "\"AB==\"", "\"A A=\"", "\"-_8=\"", "\"====\"", "1"] {
        assert!(Reader::new(text.as_bytes(), 1).unwrap().blob().is_err(), "{text}");
    }
}
