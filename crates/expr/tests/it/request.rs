//! Requests in the form of DynamoDB's JSON.

use std::collections::BTreeMap;

use expr::{Condition, ExprError, Expression, Placeholders};
use item::Item;
use wire::Violations;
use wire::json::{ReadJson, Reader, WriteJson, Writer};

pub(crate) fn item(text: &str) -> Item {
    let mut reader = Reader::new(text.as_bytes(), 200).unwrap();
    let mut violations = Violations::default();
    let item = Item::read_json(&mut reader, &mut violations).unwrap();
    assert_eq!(violations.message(wire::Wording::Newer), None, "{text}");
    item.unwrap()
}

pub(crate) fn json(item: &Item) -> String {
    let mut writer = Writer::new();
    item.write_json(&mut writer);
    String::from_utf8(writer.into_vec()).unwrap()
}

/// The names used throughout.
pub(crate) fn names() -> BTreeMap<String, String> {
    [("#s", "status"), ("#d", "with.dot"), ("#a", "a"), ("#b", "b"), ("#é", "é")]
        .into_iter()
        .filter(|(key, _)| key.is_ascii())
        .map(|(key, name)| (key.to_owned(), name.to_owned()))
        .collect()
}

/// The values used throughout: one of every type, and numbers around 5.
pub(crate) fn values() -> Item {
    item(
        r#"{":s":{"S":"text"},":p":{"S":"te"},":empty":{"S":""},":n":{"N":"5"},":4":{"N":"4"},":6":{"N":"6.0"},":b":{"B":"AAE="},
            ":true":{"BOOL":true},":null":{"NULL":true},":l":{"L":[{"N":"1"},{"S":"x"}]},":m":{"M":{"k":{"S":"v"}}},
            ":ss":{"SS":["b","a"]},":ns":{"NS":["1","2"]},":bs":{"BS":["AAE="]},":x":{"S":"x"},":tN":{"S":"N"},":tQ":{"S":"Q"},
            ":big":{"N":"9E125"},":nines":{"N":"99999999999999999999999999999999999999"},":1":{"N":"1"}}"#,
    )
}

pub(crate) fn condition(text: &str) -> Result<Condition, ExprError> {
    let (names, values) = (names(), values());
    let mut placeholders = Placeholders::new(Some(&names), Some(&values)).unwrap();
    Condition::parse(Expression::Condition, text, &mut placeholders)
}

/// Xorshift: random inputs that are the same on every run.
pub(crate) struct Seeded(pub(crate) u64);

impl Seeded {
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % end
    }
}
