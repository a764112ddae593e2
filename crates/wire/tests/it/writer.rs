//! What the writer writes, another parser reads back.

use base::Timestamp;
use bytes::Bytes;
use serde_json::{Value, json};
use wire::json::{WriteJson, Writer};

fn written(write: impl FnOnce(&mut Writer)) -> String {
    let mut writer = Writer::new();
    write(&mut writer);
    String::from_utf8(writer.into_vec()).unwrap()
}

#[test]
fn commas_come_by_themselves() {
    let text = written(|w| {
        w.begin_object();
        w.member("a", &vec![1_i32, 2]);
        w.optional::<String>("none", &None);
        w.key("b");
        w.begin_array();
        w.begin_object();
        w.end_object();
        w.null();
        w.raw(b"{\"x\":1}");
        w.string("],[");
        w.end_array();
        w.member("c", &true);
        w.end_object();
    });
    assert_eq!(text, r#"{"a":[1,2],"b":[{},null,{"x":1},"],["],"c":true}"#);
}

#[test]
fn strings_survive() {
    for text in ["", "\"\\/\u{8}\u{c}\n\r\t\u{0}\u{1f}\u{7f}", "é😀\u{2028}", "{[,:"] {
        let json = written(|w| w.string(text));
        assert_eq!(serde_json::from_str::<Value>(&json).unwrap(), json!(text));
    }
}

#[test]
fn simple_values() {
    for (json, expected) in [
        (written(|w| i64::MIN.write_json(w)), "-9223372036854775808"),
        (written(|w| 0.5_f64.write_json(w)), "0.5"),
        (written(|w| 3.0_f64.write_json(w)), "3.0"),
        (written(|w| f64::NAN.write_json(w)), "\"NaN\""),
        (written(|w| f64::NEG_INFINITY.write_json(w)), "\"-Infinity\""),
        (written(|w| Bytes::from_static(b"\0\xff").write_json(w)), "\"AP8=\""),
        (written(|w| Bytes::new().write_json(w)), "\"\""),
        (written(|w| Timestamp(1_500_000_000_000).write_json(w)), "1500000000"),
        (written(|w| Timestamp(1_500_000_000_120).write_json(w)), "1500000000.12"),
        (written(|w| Timestamp(-1500).write_json(w)), "-1.5"),
    ] {
        assert_eq!(json, expected);
    }
}
