//! Text made to hurt: deep, long, cut off, not UTF-8. Nothing panics, nothing recurses without a bound.

use wire::json::{JsonError, Reader};

fn skip(bytes: &[u8], depth_max: usize) -> Result<(), JsonError> {
    let mut reader = Reader::new(bytes, depth_max)?;
    reader.skip()?;
    reader.end()
}

#[test]
fn depth_is_bounded() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        for depth in [1, 127, 128] {
            let text = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            assert_eq!(skip(text.as_bytes(), 128), Ok(()), "{depth}");
        }
        for depth in [129, 4096, 1_000_000] {
            assert_eq!(
                skip(open.repeat(depth).as_bytes(), 128),
                Err(JsonError::TooDeep { max: 128 }),
                "{depth}"
            );
        }
    }
}

#[test]
fn skipping_does_not_recurse() {
    let depth = 1_000_000;
    let text = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(skip(text.as_bytes(), depth), Ok(()));
}

#[test]
fn depth_counts_what_is_open_not_what_was() {
    let text = format!("[{}]", vec!["[{}]"; 1000].join(","));
    assert_eq!(skip(text.as_bytes(), 3), Ok(()));
    assert_eq!(skip(text.as_bytes(), 2), Err(JsonError::TooDeep { max: 2 }));
}

#[test]
fn every_cut_is_an_error() {
    let text = r#"{"a":[1.5e3,"x\u0041\ud83d\ude00é",true,false,null,{}],"b":{"c":"","d":[[]]}}"#;
    for cut in 0..text.len() {
        assert!(skip(&text.as_bytes()[..cut], 16).is_err(), "cut at {cut}");
    }
    assert_eq!(skip(text.as_bytes(), 16), Ok(()));
}

#[test]
fn bytes_that_are_not_utf8_are_refused() {
    for bytes in [
        &b"\"\xff\""[..],
        b"\"\xc3\"",
        b"\"\xed\xa0\x80\"",
        b"\"\xf4\x90\x80\x80\"",
        b"\"\xc0\x80\"",
        b"\xfe\xff\x00{",
    ] {
        assert!(matches!(skip(bytes, 4), Err(JsonError::Utf8 { .. })), "{bytes:?}");
    }
}

#[test]
fn long_strings_and_numbers_are_read() {
    let plain = format!("\"{}\"", "a".repeat(10 << 20));
    assert_eq!(Reader::new(plain.as_bytes(), 1).unwrap().string().unwrap().len(), 10 << 20);
    let escaped = format!("\"{}\"", "\\u0061".repeat(1 << 20));
    assert_eq!(Reader::new(escaped.as_bytes(), 1).unwrap().string().unwrap().len(), 1 << 20);
    let digits = "9".repeat(1 << 20);
    assert_eq!(Reader::new(digits.as_bytes(), 1).unwrap().number().unwrap(), digits);
    let mut violations = wire::Violations::default();
    let mut reader = Reader::new(digits.as_bytes(), 1).unwrap();
    let value = wire::json::integer(&mut reader, &mut violations, &wire::rule::NONE).unwrap();
    assert_eq!(value, Some(i32::MAX));
}
