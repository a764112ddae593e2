//! The operations of a history: made at random, written as requests, made simpler one change at a time. Knows no engine.

use serde_json::{Value as Json, json};

use super::dice::Dice;
use super::expression::{Action, Condition, Names};
use super::value::{Item, Key, PARTITIONS, Value, item_json};

pub(super) const TABLE: &str = "model";

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Write {
    Put(Item),
    Update(Key, Vec<Action>),
    Delete(Key),
    /// Of transactions alone.
    Check(Key),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Guarded {
    pub(super) write: Write,
    pub(super) condition: Option<Condition>,
}

/// What a Query or Scan reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Table,
    /// `byg`: hash `g`, range `h`, all attributes.
    Global,
    /// `byl`: hash `pk`, range `l`, keys only.
    Local,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Reading {
    pub(super) source: Source,
    pub(super) filter: Option<Condition>,
    pub(super) limit: Option<usize>,
}

/// The condition on the sort key, in hundredths.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Range {
    Compare(&'static str, i64),
    Between(i64, i64),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    Write(Guarded),
    Get(Key),
    BatchWrite(Vec<Write>),
    BatchGet(Vec<Key>),
    TransactWrite(Vec<Guarded>),
    TransactGet(Vec<Key>),
    Query { reading: Reading, hash: String, range: Option<Range>, forward: bool },
    Scan { reading: Reading, segments: usize },
}

impl Write {
    fn random(dice: &mut Dice) -> Self {
        let key = Key::random(dice);
        match dice.below(5) {
            0 | 1 => Self::Put(random_item(&key, dice)),
            2 | 3 => Self::Update(key, Action::random_list(dice)),
            _ => Self::Delete(key),
        }
    }

    fn random_put_or_delete(dice: &mut Dice) -> Self {
        let key = Key::random(dice);
        if dice.one_in(3) { Self::Delete(key) } else { Self::Put(random_item(&key, dice)) }
    }

    pub(super) fn key(&self) -> Key {
        match self {
            Self::Put(item) => Key::of(item),
            Self::Update(key, _) | Self::Delete(key) | Self::Check(key) => key.clone(),
        }
    }

    /// This write in one way smaller.
    fn simpler(&self) -> Vec<Self> {
        match self {
            Self::Put(item) => {
                let optional = item.keys().filter(|name| !["pk", "sk"].contains(&name.as_str()));
                let without = |name: &String| {
                    let mut item = item.clone();
                    item.remove(name);
                    Self::Put(item)
                };
                optional.map(without).collect()
            }
            Self::Update(key, actions) => {
                (0..actions.len()).map(|at| Self::Update(key.clone(), without(actions, at))).collect()
            }
            Self::Delete(_) | Self::Check(_) => Vec::new(),
        }
    }
}

fn without<T: Clone>(list: &[T], at: usize) -> Vec<T> {
    let mut list = list.to_vec();
    list.remove(at);
    list
}

fn random_item(key: &Key, dice: &mut Dice) -> Item {
    let mut item = key.item();
    if dice.below(3) > 0 {
        item.insert("g".to_owned(), Value::S(dice.pick(&["x", "y"]).to_owned()));
    }
    for name in ["h", "l", "n"] {
        if dice.below(3) > 0 {
            item.insert(name.to_owned(), Value::number(dice));
        }
    }
    for name in ["v", "w", "m"] {
        if dice.below(3) > 0 {
            item.insert(name.to_owned(), Value::random(dice, 2));
        }
    }
    item
}

impl Guarded {
    fn random(dice: &mut Dice) -> Self {
        let condition = dice.one_in(3).then(|| Condition::random(dice, 2));
        Self { write: Write::random(dice), condition }
    }

    fn random_of_transaction(dice: &mut Dice) -> Self {
        match dice.one_in(5) {
            true => {
                Self { write: Write::Check(Key::random(dice)), condition: Some(Condition::random(dice, 1)) }
            }
            false => Self::random(dice),
        }
    }

    /// The members of the single operation, and of the transaction's action.
    pub(super) fn request(&self) -> (&'static str, Json) {
        let mut names = Names::default();
        let (operation, mut request) = match &self.write {
            Write::Put(item) => ("Put", json!({"TableName": TABLE, "Item": item_json(item)})),
            Write::Update(key, actions) => {
                let mut request = json!({"TableName": TABLE, "Key": key.json()});
                if !actions.is_empty() {
                    request["UpdateExpression"] = json!(Action::expression(actions, &mut names));
                }
                ("Update", request)
            }
            Write::Delete(key) => ("Delete", json!({"TableName": TABLE, "Key": key.json()})),
            Write::Check(key) => ("ConditionCheck", json!({"TableName": TABLE, "Key": key.json()})),
        };
        if let Some(condition) = &self.condition {
            request["ConditionExpression"] = json!(condition.text(&mut names));
        }
        names.put_into(&mut request);
        (operation, request)
    }

    fn simpler(&self) -> Vec<Self> {
        let mut simpler: Vec<Self> = self
            .write
            .simpler()
            .into_iter()
            .map(|write| Self { write, condition: self.condition.clone() })
            .collect();
        if self.condition.is_some() && !matches!(self.write, Write::Check(_)) {
            simpler.push(Self { write: self.write.clone(), condition: None });
        }
        simpler
    }
}

impl Source {
    pub(super) fn index(self) -> Option<&'static str> {
        match self {
            Self::Table => None,
            Self::Global => Some("byg"),
            Self::Local => Some("byl"),
        }
    }

    /// Its hash and range attributes.
    pub(super) fn keys(self) -> (&'static str, &'static str) {
        match self {
            Self::Table => ("pk", "sk"),
            Self::Global => ("g", "h"),
            Self::Local => ("pk", "l"),
        }
    }
}

impl Reading {
    fn random(dice: &mut Dice) -> Self {
        let source = dice.pick(&[Source::Table, Source::Table, Source::Global, Source::Local]);
        // A local index of keys alone has nothing to filter by.
        let filtered = source != Source::Local && dice.one_in(3);
        let filter = filtered.then(|| Condition::random(dice, 1));
        Self { source, filter, limit: dice.one_in(2).then(|| dice.below(4) + 1) }
    }

    fn request(&self, mut names: Names, mut request: Json) -> Json {
        if let Some(index) = self.source.index() {
            request["IndexName"] = json!(index);
        }
        if let Some(filter) = &self.filter {
            request["FilterExpression"] = json!(filter.text(&mut names));
        }
        if let Some(limit) = self.limit {
            request["Limit"] = json!(limit);
        }
        names.put_into(&mut request);
        request
    }

    fn simpler(&self) -> Vec<Self> {
        let mut simpler = Vec::new();
        if self.filter.is_some() {
            simpler.push(Self { filter: None, ..self.clone() });
        }
        if self.limit.is_some() {
            simpler.push(Self { limit: None, ..self.clone() });
        }
        simpler
    }
}

impl Range {
    fn random(dice: &mut Dice) -> Self {
        let bounds = [-2_150, -150, -50, 0, 1, 100, 700, 400_000_000_000];
        let (one, other) = (dice.pick(&bounds), dice.pick(&bounds));
        match dice.below(6) {
            0 => Self::Between(one.min(other), one.max(other)),
            at => Self::Compare(["=", "<", "<=", ">", ">="][at - 1], one),
        }
    }

    pub(super) fn holds(self, value: i64) -> bool {
        match self {
            Self::Between(low, high) => (low..=high).contains(&value),
            Self::Compare("=", bound) => value == bound,
            Self::Compare("<", bound) => value < bound,
            Self::Compare("<=", bound) => value <= bound,
            Self::Compare(">", bound) => value > bound,
            Self::Compare(_, bound) => value >= bound,
        }
    }

    fn text(self, attribute: &str, names: &mut Names) -> String {
        match self {
            Self::Between(low, high) => {
                format!(
                    "{attribute} BETWEEN {} AND {}",
                    names.value(&Value::N(low)),
                    names.value(&Value::N(high))
                )
            }
            Self::Compare(operator, bound) => {
                format!("{attribute} {operator} {}", names.value(&Value::N(bound)))
            }
        }
    }
}

/// Up to `max` of what `make` makes, each with a key of its own.
fn with_own_keys<T>(
    dice: &mut Dice,
    max: usize,
    make: impl Fn(&mut Dice) -> T,
    key: impl Fn(&T) -> Key,
) -> Vec<T> {
    let mut made: Vec<T> = Vec::new();
    for _ in 0..=dice.below(max) {
        let next = make(dice);
        if made.iter().all(|other| key(other) != key(&next)) {
            made.push(next);
        }
    }
    made
}

impl Step {
    pub(super) fn random(dice: &mut Dice) -> Self {
        match dice.below(20) {
            0..=8 => Self::Write(Guarded::random(dice)),
            9 => Self::Get(Key::random(dice)),
            10 => Self::BatchWrite(with_own_keys(dice, 8, Write::random_put_or_delete, Write::key)),
            11 => Self::BatchGet(with_own_keys(dice, 8, Key::random, Key::clone)),
            12 | 13 => {
                Self::TransactWrite(with_own_keys(dice, 4, Guarded::random_of_transaction, |action| {
                    action.write.key()
                }))
            }
            14 => Self::TransactGet(with_own_keys(dice, 4, Key::random, Key::clone)),
            15..=17 => {
                let reading = Reading::random(dice);
                let hashes =
                    if reading.source == Source::Global { &["x", "y", "z"] } else { &PARTITIONS[..3] };
                let hash = dice.pick(hashes).to_owned();
                let range = dice.one_in(2).then(|| Range::random(dice));
                Self::Query { reading, hash, range, forward: dice.one_in(2) }
            }
            _ => Self::Scan { reading: Reading::random(dice), segments: dice.below(3) + 1 },
        }
    }

    pub(super) fn query_request(reading: &Reading, hash: &str, range: Option<Range>, forward: bool) -> Json {
        let mut names = Names::default();
        let (hash_name, range_name) = reading.source.keys();
        let mut condition = format!("{hash_name} = {}", names.value(&Value::S(hash.to_owned())));
        if let Some(range) = range {
            condition = format!("{condition} AND {}", range.text(range_name, &mut names));
        }
        reading.request(
            names,
            json!({"TableName": TABLE, "KeyConditionExpression": condition, "ScanIndexForward": forward}),
        )
    }

    pub(super) fn scan_request(reading: &Reading, segment: usize, segments: usize) -> Json {
        let request = json!({"TableName": TABLE, "Segment": segment, "TotalSegments": segments});
        reading.request(Names::default(), request)
    }

    /// This step, in one way smaller.
    pub(super) fn simpler(&self) -> Vec<Self> {
        match self {
            Self::Write(write) => write.simpler().into_iter().map(Self::Write).collect(),
            Self::BatchWrite(writes) => {
                smaller(writes, Write::simpler).into_iter().map(Self::BatchWrite).collect()
            }
            Self::TransactWrite(actions) => {
                smaller(actions, Guarded::simpler).into_iter().map(Self::TransactWrite).collect()
            }
            Self::BatchGet(keys) => smaller(keys, |_| Vec::new()).into_iter().map(Self::BatchGet).collect(),
            Self::TransactGet(keys) => {
                smaller(keys, |_| Vec::new()).into_iter().map(Self::TransactGet).collect()
            }
            Self::Get(_) => Vec::new(),
            Self::Query { reading, hash, range, forward } => {
                let with =
                    |reading, range| Self::Query { reading, hash: hash.clone(), range, forward: *forward };
                let mut simpler: Vec<Self> =
                    reading.simpler().into_iter().map(|reading| with(reading, *range)).collect();
                simpler.extend(range.map(|_| with(reading.clone(), None)));
                simpler
            }
            Self::Scan { reading, segments } => {
                let mut simpler: Vec<Self> = reading
                    .simpler()
                    .into_iter()
                    .map(|reading| Self::Scan { reading, segments: *segments })
                    .collect();
                if *segments > 1 {
                    simpler.push(Self::Scan { reading: reading.clone(), segments: 1 });
                }
                simpler
            }
        }
    }
}

/// `list` with one element left out, or one element simpler; never empty.
fn smaller<T: Clone>(list: &[T], simpler: impl Fn(&T) -> Vec<T>) -> Vec<Vec<T>> {
    let mut smaller = Vec::new();
    for at in 0..list.len() {
        if list.len() > 1 {
            smaller.push(without(list, at));
        }
        for element in simpler(&list[at]) {
            let mut list = list.to_vec();
            list[at] = element;
            smaller.push(list);
        }
    }
    smaller
}
