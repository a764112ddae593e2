//! Constraints and both wordings.

use wire::json::{ReadJson, Reader};
use wire::rule::{Each, Pattern, Rule, Set};
use wire::{Refusal, Slot, Violations, Wording, json, rule};

static NAME: Rule = Rule::patterned(Some(1), Some(5), Pattern::new("[a-z]+", "[a-z]+", Some("no")));
static COLOUR: Set = Set::bare("RED, GREEN", "GREEN, RED");
static ITEMS: Rule = Rule::new(None, Some(1));

/// A shape with a required name, a colour and a list of colours.
#[derive(Debug, PartialEq)]
struct Shape {
    name: String,
    colour: Option<u8>,
    colours: Option<Vec<u8>>,
}

impl ReadJson for Shape {
    fn read_json(
        reader: &mut Reader<'_>,
        violations: &mut Violations,
    ) -> Result<Option<Self>, json::JsonError> {
        let mark = violations.mark();
        let mut name = Slot::default();
        let mut colour = Slot::default();
        let mut colours = Slot::default();
        reader.begin_object()?;
        while let Some(key) = reader.next_key()? {
            match key.as_ref() {
                "Name" => name.read(reader, violations, "name", |r, v| json::string(r, v, &NAME))?,
                "Colour" => {
                    colour.read(reader, violations, "colour", |r, v| json::enumeration(r, v, &COLOUR))?
                }
                "Colours" => colours.read(reader, violations, "colours", |r, v| {
                    json::list(r, v, (&ITEMS, Each::Set(&COLOUR)), |r, v| {
                        json::enumeration::<u8>(r, v, &COLOUR)
                    })
                })?,
                _ => reader.skip()?,
            }
        }
        let name = name.required(violations, "name");
        violations.alone(mark, "name");
        violations.in_order(mark, &["colour", "colours", "name"]);
        Ok(name.map(|name| Self { name, colour: colour.optional(), colours: colours.optional() }))
    }
}

fn read(text: &str, wording: Wording) -> Result<Shape, Refusal> {
    json::document(text.as_bytes(), 8, wording)
}

fn check(text: &str, newer: &str, older: &str) {
    assert_eq!(read(text, Wording::Newer), Err(Refusal::Invalid(newer.to_owned())));
    assert_eq!(read(text, Wording::Older), Err(Refusal::Invalid(older.to_owned())));
}

#[test]
fn both_wordings() {
    let missing = "1 validation error detected: Value null at 'name' failed to satisfy constraint: Member must not be null";
    check("{}", missing, missing);
    check("{\"Name\":null}", missing, missing);
    check(
        r#"{"Name":"","Colour":"x"}"#,
        "1 validation error detected: Value at 'Name' failed to satisfy constraint: Member must have length greater than or equal to 1",
        "2 validation errors detected: Value 'x' at 'colour' failed to satisfy constraint: Member must satisfy enum value set: [GREEN, RED]; Value '' at 'name' failed to satisfy constraint: Member must have length greater than or equal to 1",
    );
    check(
        r#"{"Name":"a","Colour":"x"}"#,
        "1 validation error detected: Failed to satisfy constraint: Member must satisfy enum value set: [RED, GREEN]",
        "1 validation error detected: Value 'x' at 'colour' failed to satisfy constraint: Member must satisfy enum value set: [GREEN, RED]",
    );
}

#[test]
fn collections_tell_of_their_elements() {
    let text = r#"{"Name":"a","Colours":["1","x"]}"#;
    let of_lists = "2 validation errors detected: Value '[1, x]' at 'colours' failed to satisfy constraint: Member must satisfy constraint: [Member must satisfy enum value set: [RED, GREEN]]; Value '[1, x]' at 'colours' failed to satisfy constraint: Member must have length less than or equal to 1";
    check(text, of_lists, &of_lists.replace("RED, GREEN", "GREEN, RED"));
    let rest = of_lists.replace("GREEN]];", "GREEN], Member must not be null];");
    assert_eq!(read(text, Wording::Rest), Err(Refusal::Invalid(rest)));
}

#[test]
fn the_last_of_two_members_counts() {
    let shape = read(r#"{"Name":"a","Colours":["1"],"Name":"b"}"#, Wording::Newer).unwrap();
    assert_eq!(shape, Shape { name: "b".to_owned(), colour: None, colours: Some(vec![1]) });
}

#[test]
fn patterns_match_the_whole_value() {
    for (value, good) in
        [("abc", true), ("abcdef", false), ("ab1", false), ("a\n", false), ("no", false), ("nov", true)]
    {
        assert_eq!(NAME.string(value.to_owned(), &mut Violations::default()).is_some(), good, "{value:?}");
    }
    assert!(rule::is_name("a.b-C_9") && !rule::is_name("") && !rule::is_name("a b") && !rule::is_name("é"));
}

/// Java counts UTF-16 units, and so do AWS's limits.
#[test]
fn lengths_are_counted_as_java_counts() {
    let rule = Rule::new(None, Some(2));
    let mut violations = Violations::default();
    assert!(rule.string("éé".to_owned(), &mut violations).is_some());
    assert!(rule.string("😀".to_owned(), &mut violations).is_some());
    assert!(rule.string("😀a".to_owned(), &mut violations).is_none());
}
