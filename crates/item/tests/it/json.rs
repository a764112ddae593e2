//! Items as they stand on the wire, and the words in which malformed ones are refused.

use item::{Item, Value};
use wire::Violations;
use wire::json::{ReadJson, Reader, WriteJson, Writer};

use crate::seeded::Seeded;

/// The item, or AWS's message, or the reader's error.
pub(crate) fn read(text: &str) -> Result<Item, String> {
    read_as(text)
}

fn read_as<T: ReadJson>(text: &str) -> Result<T, String> {
    let mut violations = Violations::default();
    let mut reader = Reader::new(text.as_bytes(), 128).map_err(|error| error.to_string())?;
    let value = T::read_json(&mut reader, &mut violations).map_err(|error| error.to_string())?;
    reader.end().map_err(|error| error.to_string())?;
    match violations.message(wire::Wording::Newer) {
        Some(message) => Err(message),
        None => Ok(value.expect("no violation, so a value")),
    }
}

pub(crate) fn write(value: &impl WriteJson) -> String {
    let mut writer = Writer::new();
    value.write_json(&mut writer);
    String::from_utf8(writer.into_vec()).unwrap()
}

#[test]
fn reads_and_writes_every_type() {
    let text = concat!(
        r#"{"b":{"B":"AAH/"},"bool":{"BOOL":false},"bs":{"BS":["AA==",""]},"l":{"L":[{"S":"x"},{"L":[]}]},"#,
        r#""m":{"M":{"":{"N":"-1.5"},"k\"":{"NULL":true}}},"n":{"N":"100"},"ns":{"NS":["3","1"]},"null":{"NULL":true},"#,
        r#""s":{"S":""},"ss":{"SS":["","b"]}}"#
    );
    assert_eq!(write(&read(text).unwrap()), text);
}

#[test]
fn writes_sorted_by_name_and_numbers_canonically() {
    let item =
        read(r#" { "b" : {"N":"1.500e1"} , "a":{"S":"\u00e9\n"}, "c":{"S":null,"BOOL":true} } "#).unwrap();
    assert_eq!(write(&item), r#"{"a":{"S":"é\n"},"b":{"N":"15"},"c":{"BOOL":true}}"#);
}

#[test]
fn refuses_in_the_words_of_aws() {
    let empty = "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes";
    let several = "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes";
    let enveloped = "1 validation error detected: One or more parameter values were invalid: ";
    let cases = [
        (r#"{"a":{}}"#, empty.to_owned()),
        (r#"{"a":null}"#, empty.to_owned()),
        (r#"{"a":{"S":null}}"#, empty.to_owned()),
        (r#"{"a":{"X":"y"}}"#, empty.to_owned()),
        (r#"{"a":{"S":"x","N":"1"}}"#, several.to_owned()),
        (r#"{"a":{"L":[{"S":"x","B":"AA=="}]}}"#, several.to_owned()),
        (
            r#"{"a":{"NULL":false}}"#,
            format!("{enveloped}Null attribute value types must have the value of true"),
        ),
        (r#"{"a":{"SS":[]}}"#, format!("{enveloped}An string set  may not be empty")),
        (r#"{"a":{"NS":[]}}"#, format!("{enveloped}An number set  may not be empty")),
        (
            r#"{"a":{"SS":["x",null]}}"#,
            format!("{enveloped}An string set may not have a null string as a member"),
        ),
        (
            r#"{"a":{"NS":[null]}}"#,
            format!("{enveloped}An number set may not have a null string as a member"),
        ),
        (r#"{"a":{"BS":[null]}}"#, format!("{enveloped}Binary sets may not contain null or empty values")),
        (r#"{"":{"S":"x"}}"#, "Empty attribute name".into()),
        (r#"{"a":{"BS":[]}}"#, format!("{enveloped}Binary sets should not be empty")),
        (
            r#"{"a":{"SS":["a","a"]}}"#,
            format!(r#"{enveloped}Input collection ["a", "a"] contains duplicates."#),
        ),
        (
            r#"{"a":{"NS":["1","1.0"]}}"#,
            "1 validation error detected: Input collection contains duplicates".into(),
        ),
        (
            r#"{"a":{"BS":["AA==","AA=="]}}"#,
            format!("{enveloped}Input collection [AA==, AA==]of type BS contains duplicates."),
        ),
        (r#"{"a":{"N":"abc"}}"#, "The parameter cannot be converted to a numeric value: abc".into()),
        (r#"{"a":{"NS":["1",""]}}"#, "The parameter cannot be converted to a numeric value".into()),
        (
            r#"{"a":{"N":"1e200"}}"#,
            "Number overflow. Attempting to store a number with magnitude larger than supported range".into(),
        ),
        (r#"{"a":{"N":1}}"#, "Number where String is expected".into()),
        (r#"{"a":{"S":true}}"#, "True where String is expected".into()),
        (r#"{"a":{"BOOL":"true"}}"#, "String where Boolean is expected".into()),
        (r#"{"a":{"SS":"x"}}"#, "String where Array is expected".into()),
        (r#"{"a":{"M":[]}}"#, "Array where Object is expected".into()),
        (r#"{"a":"x"}"#, "String where Object is expected".into()),
        (r#"{"a":{"B":"A"}}"#, "not base64: A".into()),
    ];
    for (text, message) in cases {
        assert_eq!(read(text).unwrap_err(), message, "{text}");
    }
    // The first complaint is the one that is told.
    assert_eq!(
        read(r#"{"a":{"SS":[]},"b":{}}"#).unwrap_err(),
        format!("{enveloped}An string set  may not be empty")
    );
}

#[test]
fn names_have_a_greatest_length() {
    let named = |bytes: usize| read(&format!(r#"{{"{}":{{"S":"x"}}}}"#, "n".repeat(bytes)));
    assert!(named(65_535).is_ok());
    assert_eq!(named(65_536).unwrap_err(), "Attribute name is too large, must be less than 65536 bytes");
}

#[test]
fn placeholders_are_named_in_complaints() {
    let wrapped =
        |fault: &str| format!("ExpressionAttributeValues contains invalid value: {fault} for key :b");
    for (value, message) in [
        (r#"{"N":"b"}"#, wrapped("The parameter cannot be converted to a numeric value: b")),
        (r#"{"S":"a","N":""}"#, wrapped("The parameter cannot be converted to a numeric value")),
        (r#"{"L":[{"M":{":x":{"NS":["1","b"]}}}]}"#, wrapped("The parameter cannot be converted to a numeric value: b")),
        (r#"{"S":"a","N":"1"}"#, wrapped("Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes")),
        ("null", wrapped("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")),
        (r#"{"SS":[]}"#, format!("1 validation error detected: {}", wrapped("One or more parameter values were invalid: An string set  may not be empty"))),
        (r#"{"NULL":false}"#, "1 validation error detected: One or more parameter values were invalid: Null attribute value types must have the value of true".to_owned()),
    ] {
        let text = format!(r#"{{":a":{{"S":"x"}},":b":{value},":c":{{}}}}"#);
        assert_eq!(read_as::<item::Values>(&text), Err(message), "{value}");
    }
    let values = read_as::<item::Values>(r#"{":a":{"S":"x"}}"#).unwrap();
    assert_eq!(values.get(":a"), Some(&Value::from("x")));
    assert_eq!(write(&values), r#"{":a":{"S":"x"}}"#);
}

#[test]
fn nests_32_deep_and_no_deeper() {
    let nested = |levels: usize| {
        let (open, close): (String, String) = (0..levels)
            .map(|level| if level % 2 == 0 { (r#"{"L":["#, "]}") } else { (r#"{"M":{"a":"#, "}}") })
            .fold((String::new(), String::new()), |(open, close), (o, c)| (open + o, c.to_owned() + &close));
        read(&format!(r#"{{"a":{open}{{"NULL":true}}{close}}}"#))
    };
    assert!(nested(32).is_ok());
    let message = "1 validation error detected: Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond supported limit";
    for levels in [33, 40, 60] {
        assert_eq!(nested(levels).unwrap_err(), message);
    }
    assert_eq!(nested(5_000).unwrap_err(), "JSON nests deeper than 128 levels");
}

#[test]
fn the_last_of_two_attributes_with_one_name_wins() {
    let item = read(r#"{"b":{"S":"1"},"a":{"S":"2"},"b":{"S":"3"}}"#).unwrap();
    assert_eq!(item.len(), 2);
    assert_eq!(item.get("b"), Some(&Value::from("3")));
}

#[test]
fn what_is_written_reads_back() {
    let mut seeded = Seeded::new(5);
    for _ in 0..3_000 {
        let mut item = seeded.item(3);
        item.remove("");
        assert_eq!(read(&write(&item)), Ok(item));
    }
}

#[test]
fn truncated_and_spoilt_json_is_an_error_or_an_item() {
    let mut seeded = Seeded::new(6);
    for _ in 0..300 {
        let text = write(&seeded.item(2)).into_bytes();
        for len in 0..text.len() {
            if let Ok(text) = std::str::from_utf8(&text[..len]) {
                assert!(read(text).is_err());
            }
        }
        for _ in 0..50 {
            let mut spoilt = text.clone();
            let at = seeded.below(spoilt.len());
            spoilt[at] = seeded.next() as u8;
            if let Ok(text) = std::str::from_utf8(&spoilt) {
                let _ = read(text);
            }
        }
    }
}
