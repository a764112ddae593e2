//! Values and items of the reference model: plain maps. Numbers are hundredths, so that sums are exact without any
//! arithmetic of ours. Knows no engine.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json, json};

use super::dice::Dice;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    S(String),
    /// In hundredths.
    N(i64),
    Bool(bool),
    Null,
    L(Vec<Value>),
    M(Item),
    Ss(BTreeSet<String>),
    Ns(BTreeSet<i64>),
}

pub(super) type Item = BTreeMap<String, Value>;

/// A table's primary key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) pk: String,
    pub(super) sk: i64,
}

pub(super) const PARTITIONS: &[&str] = &["a", "ab", "b", "c\u{0}d", "ü"];
const SORTS: &[i64] = &[-100_000_000, -2_150, -300, 0, 1, 700, 1_000, 400_000_000_000];
const WORDS: &[&str] = &["", "x", "xy", "xyz", "y", "zebra"];
/// Attributes that are no keys of anything.
pub(super) const ATTRIBUTES: &[&str] = &["v", "w", "m", "n"];

impl Key {
    pub(super) fn random(dice: &mut Dice) -> Self {
        Self { pk: dice.pick(PARTITIONS).to_owned(), sk: dice.pick(SORTS) }
    }

    pub(super) fn of(item: &Item) -> Self {
        match (&item["pk"], &item["sk"]) {
            (Value::S(pk), Value::N(sk)) => Self { pk: pk.clone(), sk: *sk },
            other => panic!("no key: {other:?}"),
        }
    }

    pub(super) fn item(&self) -> Item {
        [("pk".to_owned(), Value::S(self.pk.clone())), ("sk".to_owned(), Value::N(self.sk))].into()
    }

    pub(super) fn json(&self) -> Json {
        item_json(&self.item())
    }
}

impl Value {
    pub(super) fn word(dice: &mut Dice) -> Self {
        Self::S(dice.pick(WORDS).to_owned())
    }

    pub(super) fn number(dice: &mut Dice) -> Self {
        Self::N(dice.below(7) as i64 * 50 - 150)
    }

    pub(super) fn random(dice: &mut Dice, depth: usize) -> Self {
        let sides = if depth == 0 { 6 } else { 8 };
        match dice.below(sides) {
            0 | 1 => Self::word(dice),
            2 => Self::number(dice),
            3 => Self::Bool(dice.below(2) == 0),
            4 => match dice.below(2) {
                0 => Self::Ss((0..=dice.below(3)).map(|_| dice.pick(WORDS).to_owned()).collect()),
                _ => Self::Ns((0..=dice.below(3)).map(|_| dice.below(5) as i64 * 100).collect()),
            },
            5 => Self::Null,
            6 => Self::L((0..dice.below(4)).map(|_| Self::random(dice, depth - 1)).collect()),
            _ => {
                let names = ["a", "b", "c"];
                Self::M(
                    names[..dice.below(4)]
                        .iter()
                        .map(|n| ((*n).to_owned(), Self::random(dice, depth - 1)))
                        .collect(),
                )
            }
        }
    }

    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::S(_) => "S",
            Self::N(_) => "N",
            Self::Bool(_) => "BOOL",
            Self::Null => "NULL",
            Self::L(_) => "L",
            Self::M(_) => "M",
            Self::Ss(_) => "SS",
            Self::Ns(_) => "NS",
        }
    }

    pub(super) fn json(&self) -> Json {
        match self {
            Self::S(text) => json!({"S": text}),
            Self::N(hundredths) => json!({"N": decimal(*hundredths)}),
            Self::Bool(value) => json!({"BOOL": value}),
            Self::Null => json!({"NULL": true}),
            Self::L(values) => json!({"L": values.iter().map(Self::json).collect::<Vec<_>>()}),
            Self::M(values) => json!({"M": item_json(values)}),
            Self::Ss(members) => json!({"SS": members}),
            Self::Ns(members) => json!({"NS": members.iter().map(|n| decimal(*n)).collect::<Vec<_>>()}),
        }
    }
}

/// As DynamoDB prints a number of hundredths.
fn decimal(hundredths: i64) -> String {
    let (sign, size) = (if hundredths < 0 { "-" } else { "" }, hundredths.unsigned_abs());
    let text = format!("{sign}{}.{:02}", size / 100, size % 100);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

pub(super) fn item_json(item: &Item) -> Json {
    Json::Object(item.iter().map(|(name, value)| (name.clone(), value.json())).collect::<Map<_, _>>())
}

/// With the members of sets in one order: theirs is nobody's promise.
pub(super) fn normal(json: &Json) -> Json {
    match json {
        Json::Object(members) => {
            let mut normal: Map<String, Json> =
                members.iter().map(|(name, value)| (name.clone(), self::normal(value))).collect();
            for name in ["SS", "NS", "BS"] {
                if let Some(Json::Array(values)) = normal.get_mut(name) {
                    values.sort_by_key(Json::to_string);
                }
            }
            Json::Object(normal)
        }
        Json::Array(values) => Json::Array(values.iter().map(normal).collect()),
        other => other.clone(),
    }
}
