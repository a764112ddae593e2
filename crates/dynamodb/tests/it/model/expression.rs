//! Conditions and updates as trees, written out as DynamoDB's expressions and evaluated the plain way. Knows no engine.

use serde_json::{Map, Value as Json, json};

use super::dice::Dice;
use super::value::{ATTRIBUTES, Item, Value};

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Path {
    Attribute(String),
    Member(String, String),
    Element(String, usize),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Condition {
    Exists(Path),
    NotExists(Path),
    Type(Path, &'static str),
    Compare(Path, &'static str, Value),
    ComparePaths(Path, &'static str, Path),
    Size(Path, &'static str, i64),
    Between(Path, Value, Value),
    In(Path, Vec<Value>),
    BeginsWith(Path, String),
    Contains(Path, Value),
    Not(Box<Condition>),
    And(Box<Condition>, Box<Condition>),
    Or(Box<Condition>, Box<Condition>),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Operand {
    Value(Value),
    Path(Path),
    Sum(Path, &'static str, i64),
    IfNotExists(Path, Value),
    Append(Path, Vec<Value>),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Action {
    Set(Path, Operand),
    Remove(Path),
    Add(String, Value),
    Delete(String, Value),
}

/// The update is not possible for the item as it is.
#[derive(Debug, PartialEq)]
pub(super) struct Invalid;

/// The placeholders of one request.
#[derive(Debug, Default)]
pub(super) struct Names {
    names: Map<String, Json>,
    values: Map<String, Json>,
}

impl Names {
    fn name(&mut self, name: &str) -> String {
        let placeholder = format!("#{name}");
        self.names.insert(placeholder.clone(), json!(name));
        placeholder
    }

    pub(super) fn value(&mut self, value: &Value) -> String {
        let placeholder = format!(":v{}", self.values.len());
        self.values.insert(placeholder.clone(), value.json());
        placeholder
    }

    pub(super) fn put_into(self, request: &mut Json) {
        for (member, map) in
            [("ExpressionAttributeNames", self.names), ("ExpressionAttributeValues", self.values)]
        {
            if !map.is_empty() {
                request[member] = Json::Object(map);
            }
        }
    }
}

impl Path {
    fn random(dice: &mut Dice) -> Self {
        let name = dice.pick(ATTRIBUTES).to_owned();
        match dice.below(5) {
            0 => Self::Member(name, dice.pick(&["a", "b", "c"]).to_owned()),
            1 => Self::Element(name, dice.below(3)),
            _ => Self::Attribute(name),
        }
    }

    fn head(&self) -> &str {
        match self {
            Self::Attribute(name) | Self::Member(name, _) | Self::Element(name, _) => name,
        }
    }

    fn text(&self, names: &mut Names) -> String {
        match self {
            Self::Attribute(name) => names.name(name),
            Self::Member(name, member) => format!("{}.{}", names.name(name), names.name(member)),
            Self::Element(name, index) => format!("{}[{index}]", names.name(name)),
        }
    }

    fn get<'i>(&self, item: &'i Item) -> Option<&'i Value> {
        match (self, item.get(self.head())?) {
            (Self::Attribute(_), value) => Some(value),
            (Self::Member(_, member), Value::M(members)) => members.get(member),
            (Self::Element(_, index), Value::L(elements)) => elements.get(*index),
            _ => None,
        }
    }
}

impl Condition {
    pub(super) fn random(dice: &mut Dice, depth: usize) -> Self {
        let path = Path::random(dice);
        match dice.below(if depth == 0 { 10 } else { 14 }) {
            0 => Self::Exists(path),
            1 => Self::NotExists(path),
            2 => Self::Type(path, dice.pick(&["S", "N", "M", "L", "BOOL", "NULL", "SS", "NS"])),
            3 => Self::Compare(path, dice.pick(&["=", "<>"]), Value::random(dice, 1)),
            4 => {
                let value = if dice.one_in(2) { Value::word(dice) } else { Value::number(dice) };
                Self::Compare(path, dice.pick(&["<", "<=", ">", ">="]), value)
            }
            5 => Self::Size(path, dice.pick(&["=", "<", ">="]), dice.below(4) as i64),
            6 => match dice.one_in(2) {
                true => {
                    let (low, high) = (dice.below(5) as i64, dice.below(5) as i64);
                    Self::Between(path, Value::N(low.min(high) * 50), Value::N(low.max(high) * 50))
                }
                false => Self::Between(path, Value::S("x".to_owned()), Value::S("xz".to_owned())),
            },
            7 => Self::In(path, (0..=dice.below(3)).map(|_| Value::random(dice, 0)).collect()),
            8 => Self::BeginsWith(path, dice.pick(&["x", "xy", "z"]).to_owned()),
            9 if dice.one_in(2) => Self::Contains(path, Value::random(dice, 0)),
            9 => match Path::random(dice) {
                same if same == path => Self::Exists(path),
                other => Self::ComparePaths(path, dice.pick(&["=", "<>", "<"]), other),
            },
            10 => Self::Not(Box::new(Self::random(dice, depth - 1))),
            11 | 12 => {
                Self::And(Box::new(Self::random(dice, depth - 1)), Box::new(Self::random(dice, depth - 1)))
            }
            _ => Self::Or(Box::new(Self::random(dice, depth - 1)), Box::new(Self::random(dice, depth - 1))),
        }
    }

    /// Parenthesised where the tree needs it and nowhere twice, which would be refused.
    pub(super) fn text(&self, names: &mut Names) -> String {
        let part = |inner: &Self, names: &mut Names| match inner {
            Self::Not(_) | Self::And(..) | Self::Or(..) => format!("({})", inner.text(names)),
            _ => inner.text(names),
        };
        match self {
            Self::Exists(path) => format!("attribute_exists({})", path.text(names)),
            Self::NotExists(path) => format!("attribute_not_exists({})", path.text(names)),
            Self::Type(path, kind) => {
                let path = path.text(names);
                format!("attribute_type({path}, {})", names.value(&Value::S((*kind).to_owned())))
            }
            Self::Compare(path, operator, value) => {
                format!("{} {operator} {}", path.text(names), names.value(value))
            }
            Self::ComparePaths(left, operator, right) => {
                format!("{} {operator} {}", left.text(names), right.text(names))
            }
            Self::Size(path, operator, size) => {
                format!("size({}) {operator} {}", path.text(names), names.value(&Value::N(size * 100)))
            }
            Self::Between(path, low, high) => {
                format!("{} BETWEEN {} AND {}", path.text(names), names.value(low), names.value(high))
            }
            Self::In(path, values) => {
                let path = path.text(names);
                let values: Vec<String> = values.iter().map(|value| names.value(value)).collect();
                format!("{path} IN ({})", values.join(", "))
            }
            Self::BeginsWith(path, start) => {
                format!("begins_with({}, {})", path.text(names), names.value(&Value::S(start.clone())))
            }
            Self::Contains(path, value) => format!("contains({}, {})", path.text(names), names.value(value)),
            Self::Not(inner) => format!("NOT {}", part(inner, names)),
            Self::And(left, right) => format!("{} AND {}", part(left, names), part(right, names)),
            Self::Or(left, right) => format!("{} OR {}", part(left, names), part(right, names)),
        }
    }

    pub(super) fn holds(&self, item: &Item) -> bool {
        match self {
            Self::Exists(path) => path.get(item).is_some(),
            Self::NotExists(path) => path.get(item).is_none(),
            Self::Type(path, kind) => path.get(item).is_some_and(|value| value.kind() == *kind),
            Self::Compare(path, operator, value) => compare(path.get(item), operator, Some(value)),
            Self::ComparePaths(left, operator, right) => compare(left.get(item), operator, right.get(item)),
            Self::Size(path, operator, wanted) => {
                let size = path.get(item).and_then(size).map(|size| Value::N(size * 100));
                size.is_some() && compare(size.as_ref(), operator, Some(&Value::N(wanted * 100)))
            }
            Self::Between(path, low, high) => {
                let value = path.get(item);
                compare(value, ">=", Some(low)) && compare(value, "<=", Some(high))
            }
            Self::In(path, values) => path.get(item).is_some_and(|value| values.contains(value)),
            Self::BeginsWith(path, start) => {
                matches!(path.get(item), Some(Value::S(text)) if text.starts_with(start.as_str()))
            }
            Self::Contains(path, wanted) => path.get(item).is_some_and(|value| contains(value, wanted)),
            Self::Not(inner) => !inner.holds(item),
            Self::And(left, right) => left.holds(item) && right.holds(item),
            Self::Or(left, right) => left.holds(item) || right.holds(item),
        }
    }
}

/// What is missing is equal to nothing, and unequal to everything.
fn compare(left: Option<&Value>, operator: &str, right: Option<&Value>) -> bool {
    let (Some(left), Some(right)) = (left, right) else { return operator == "<>" };
    let order = match (left, right) {
        (Value::S(left), Value::S(right)) => Some(left.as_bytes().cmp(right.as_bytes())),
        (Value::N(left), Value::N(right)) => Some(left.cmp(right)),
        _ => None,
    };
    match operator {
        "=" => left == right,
        "<>" => left != right,
        "<" => order.is_some_and(|order| order.is_lt()),
        "<=" => order.is_some_and(|order| order.is_le()),
        ">" => order.is_some_and(|order| order.is_gt()),
        ">=" => order.is_some_and(|order| order.is_ge()),
        other => panic!("{other}"),
    }
}

fn size(value: &Value) -> Option<i64> {
    let size = match value {
        Value::S(text) => text.len(),
        Value::L(elements) => elements.len(),
        Value::M(members) => members.len(),
        Value::Ss(members) => members.len(),
        Value::Ns(members) => members.len(),
        Value::N(_) | Value::Bool(_) | Value::Null => return None,
    };
    i64::try_from(size).ok()
}

fn contains(value: &Value, wanted: &Value) -> bool {
    match (value, wanted) {
        (Value::S(text), Value::S(part)) => text.contains(part.as_str()),
        (Value::Ss(members), Value::S(member)) => members.contains(member),
        (Value::Ns(members), Value::N(member)) => members.contains(member),
        (Value::L(elements), wanted) => elements.contains(wanted),
        _ => false,
    }
}

impl Action {
    /// Up to three actions on different attributes: overlapping paths are another test's matter.
    pub(super) fn random_list(dice: &mut Dice) -> Vec<Self> {
        let mut actions: Vec<Self> = Vec::new();
        for _ in 0..=dice.below(3) {
            let action = Self::random(dice);
            if actions.iter().all(|other| other.head() != action.head()) {
                actions.push(action);
            }
        }
        actions
    }

    fn random(dice: &mut Dice) -> Self {
        if dice.one_in(4) {
            return Self::random_on_key(dice);
        }
        let path = Path::random(dice);
        let name = path.head().to_owned();
        match dice.below(9) {
            0 | 1 => Self::Set(path, Operand::Value(Value::random(dice, 2))),
            2 => Self::Set(path, Operand::Path(Path::random(dice))),
            3 => Self::Set(path, Operand::Sum(Path::random(dice), dice.pick(&["+", "-"]), 150)),
            4 => Self::Set(path, Operand::IfNotExists(Path::random(dice), Value::random(dice, 1))),
            5 => Self::Set(path, Operand::Append(Path::random(dice), vec![Value::number(dice)])),
            6 => Self::Remove(path),
            7 => match dice.below(3) {
                0 => Self::Add(name, Value::Ss(["x".to_owned(), "new".to_owned()].into())),
                1 => Self::Add(name, Value::Ns([100, 900].into())),
                _ => Self::Add(name, Value::number(dice)),
            },
            _ => Self::Delete(name, Value::Ss(["x".to_owned(), "y".to_owned()].into())),
        }
    }

    /// On the keys of the indexes, whose values must be of their type.
    fn random_on_key(dice: &mut Dice) -> Self {
        let attribute = |name: &str| Path::Attribute(name.to_owned());
        match dice.below(5) {
            0 => Self::Set(attribute("g"), Operand::Value(Value::S(dice.pick(&["x", "y"]).to_owned()))),
            1 => Self::Remove(attribute("g")),
            2 => Self::Add("h".to_owned(), Value::number(dice)),
            3 => Self::Set(attribute("l"), Operand::Value(Value::number(dice))),
            _ => Self::Remove(attribute(dice.pick(&["h", "l"]))),
        }
    }

    fn head(&self) -> &str {
        match self {
            Self::Set(path, _) | Self::Remove(path) => path.head(),
            Self::Add(name, _) | Self::Delete(name, _) => name,
        }
    }

    fn clause(&self) -> &'static str {
        match self {
            Self::Set(..) => "SET",
            Self::Remove(_) => "REMOVE",
            Self::Add(..) => "ADD",
            Self::Delete(..) => "DELETE",
        }
    }

    fn text(&self, names: &mut Names) -> String {
        match self {
            Self::Set(path, operand) => format!("{} = {}", path.text(names), operand.text(names)),
            Self::Remove(path) => path.text(names),
            Self::Add(name, value) | Self::Delete(name, value) => {
                format!("{} {}", names.name(name), names.value(value))
            }
        }
    }

    /// The UpdateExpression of `actions`.
    pub(super) fn expression(actions: &[Self], names: &mut Names) -> String {
        let mut clauses = Vec::new();
        for clause in ["SET", "REMOVE", "ADD", "DELETE"] {
            let of_clause: Vec<String> = actions
                .iter()
                .filter(|action| action.clause() == clause)
                .map(|action| action.text(names))
                .collect();
            if !of_clause.is_empty() {
                clauses.push(format!("{clause} {}", of_clause.join(", ")));
            }
        }
        clauses.join(" ")
    }

    /// All right-hand sides see `item`, the changes go to `after`.
    pub(super) fn apply(&self, item: &Item, after: &mut Item) -> Result<(), Invalid> {
        match self {
            Self::Set(path, operand) => set(path, operand.value(item)?, after),
            Self::Remove(path) => remove(path, after),
            Self::Add(name, value) => {
                let sum = match (item.get(name), value) {
                    (None, value) => value.clone(),
                    (Some(Value::N(old)), Value::N(more)) => Value::N(old + more),
                    (Some(Value::Ss(old)), Value::Ss(more)) => Value::Ss(old.union(more).cloned().collect()),
                    (Some(Value::Ns(old)), Value::Ns(more)) => Value::Ns(old.union(more).copied().collect()),
                    _ => return Err(Invalid),
                };
                after.insert(name.clone(), sum);
                Ok(())
            }
            Self::Delete(name, value) => {
                let rest = match (item.get(name), value) {
                    (None, _) => return Ok(()),
                    (Some(Value::Ss(old)), Value::Ss(less)) => old.difference(less).cloned().collect(),
                    _ => return Err(Invalid),
                };
                set_or_remove(name, rest, after);
                Ok(())
            }
        }
    }
}

fn set_or_remove(name: &str, rest: std::collections::BTreeSet<String>, after: &mut Item) {
    match rest.is_empty() {
        true => drop(after.remove(name)),
        false => drop(after.insert(name.to_owned(), Value::Ss(rest))),
    }
}

fn set(path: &Path, value: Value, after: &mut Item) -> Result<(), Invalid> {
    match (path, after.get_mut(path.head())) {
        (Path::Attribute(name), _) => drop(after.insert(name.clone(), value)),
        (Path::Member(_, member), Some(Value::M(members))) => drop(members.insert(member.clone(), value)),
        (Path::Element(_, index), Some(Value::L(elements))) => match elements.get_mut(*index) {
            Some(element) => *element = value,
            None => elements.push(value),
        },
        _ => return Err(Invalid),
    }
    Ok(())
}

fn remove(path: &Path, after: &mut Item) -> Result<(), Invalid> {
    match (path, after.get_mut(path.head())) {
        (Path::Attribute(name), _) => drop(after.remove(name)),
        (Path::Member(_, member), Some(Value::M(members))) => drop(members.remove(member)),
        (Path::Element(_, index), Some(Value::L(elements))) => {
            if *index < elements.len() {
                elements.remove(*index);
            }
        }
        _ => return Err(Invalid),
    }
    Ok(())
}

impl Operand {
    fn text(&self, names: &mut Names) -> String {
        match self {
            Self::Value(value) => names.value(value),
            Self::Path(path) => path.text(names),
            Self::Sum(path, operator, by) => {
                format!("{} {operator} {}", path.text(names), names.value(&Value::N(*by)))
            }
            Self::IfNotExists(path, value) => {
                format!("if_not_exists({}, {})", path.text(names), names.value(value))
            }
            Self::Append(path, more) => {
                format!("list_append({}, {})", path.text(names), names.value(&Value::L(more.clone())))
            }
        }
    }

    fn value(&self, item: &Item) -> Result<Value, Invalid> {
        match self {
            Self::Value(value) => Ok(value.clone()),
            Self::Path(path) => path.get(item).cloned().ok_or(Invalid),
            Self::Sum(path, operator, by) => match path.get(item) {
                Some(Value::N(old)) => Ok(Value::N(if *operator == "+" { old + by } else { old - by })),
                _ => Err(Invalid),
            },
            Self::IfNotExists(path, value) => Ok(path.get(item).unwrap_or(value).clone()),
            Self::Append(path, more) => match path.get(item) {
                Some(Value::L(old)) => Ok(Value::L(old.iter().chain(more).cloned().collect())),
                _ => Err(Invalid),
            },
        }
    }
}
