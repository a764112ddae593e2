//! Key conditions: which partition a Query reads, and which range of it. Knows how keys sort, not where they
//! lie.

use std::sync::Arc;

use item::key::{self, KeyError};
use item::{KeyKind, KeyRole, Name, Place, Value, key_check};

use crate::analysis::{self, Analysed};
use crate::function::Function;
use crate::placeholders::Placeholders;
use crate::tree::{Comparator, Node, NodeId};
use crate::{ExprError, Expression, KeyFault};

/// A key attribute of a table or index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyAttribute<'a> {
    pub name: &'a str,
    pub kind: KeyKind,
}

/// The key of the table or index that a Query reads, each part in its order.
#[derive(Debug, Clone, Copy)]
pub struct KeySchema<'a> {
    pub partition: &'a [KeyAttribute<'a>],
    pub sort: &'a [KeyAttribute<'a>],
}

/// A KeyConditionExpression (or the legacy KeyConditions), not yet held against a key schema.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyCondition {
    /// Or why the expression is no key condition of any schema.
    parts: Result<Vec<Part>, KeyFault>,
}

#[derive(Debug, Clone, PartialEq)]
struct Part {
    name: Name,
    range: SortRange,
}

/// One condition on one key attribute.
#[derive(Debug, Clone, PartialEq)]
pub enum SortRange {
    Equal(Value),
    Less(Value),
    LessEqual(Value),
    Greater(Value),
    GreaterEqual(Value),
    Between(Value, Value),
    BeginsWith(Value),
}

/// What a Query reads.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyPlan {
    /// The value of each partition key attribute.
    pub partition: Vec<Value>,
    /// Conditions on the first sort key attributes, in order: all but the last are [`SortRange::Equal`].
    pub sort: Vec<SortRange>,
}

/// Half-open bounds of encoded keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyBounds {
    pub start: Vec<u8>,
    /// None: no upper bound (the prefix was empty or all `FF`).
    pub end: Option<Vec<u8>>,
}

impl KeyCondition {
    /// Parses a KeyConditionExpression. AWS's order is then: the request's other expressions and
    /// [`Placeholders::finish`], [`Self::check`], the table, [`Self::plan`].
    pub fn parse(text: &str, placeholders: &mut Placeholders<'_>) -> Result<Self, ExprError> {
        Self::parse_as(Expression::KeyCondition, text, placeholders)
    }

    /// Parses a SearchConditionExpression, which has the same form.
    pub fn parse_search(text: &str, placeholders: &mut Placeholders<'_>) -> Result<Self, ExprError> {
        Self::parse_as(Expression::SearchCondition, text, placeholders)
    }

    fn parse_as(
        which: Expression,
        text: &str,
        placeholders: &mut Placeholders<'_>,
    ) -> Result<Self, ExprError> {
        let (mut analysed, root) = analysis::condition(which, text, placeholders)?;
        Ok(Self { parts: parts_of(&mut analysed, root) })
    }

    /// What each attribute must equal, if the condition says nothing else.
    pub fn equalities(self) -> Result<Vec<(String, Value)>, KeyFault> {
        let equality = |part: Part| match part.range {
            SortRange::Equal(value) => Ok((part.name.to_string(), value)),
            _ => Err(KeyFault::Unsupported),
        };
        self.parts?.into_iter().map(equality).collect()
    }

    /// From conditions that came in another form (the legacy KeyConditions).
    pub fn of(parts: impl IntoIterator<Item = (String, SortRange)>) -> Self {
        Self { parts: Ok(parts.into_iter().map(|(name, range)| Part { name: name.into(), range }).collect()) }
    }

    /// Refuses what is no key condition, whatever the table.
    pub fn check(&self) -> Result<(), KeyFault> {
        self.parts.as_ref().map(drop).map_err(Clone::clone)
    }

    /// What the condition says for a table or index with this key.
    pub fn plan(self, schema: &KeySchema<'_>) -> Result<KeyPlan, KeyFault> {
        let mut named = self.parts?;
        if named.len() > schema.partition.len() + schema.sort.len().max(1) {
            return Err(KeyFault::Count);
        }
        let mut take = |attribute: &KeyAttribute<'_>| {
            let index = named.iter().position(|part| part.name == attribute.name)?;
            Some(named.swap_remove(index).range)
        };
        let mut partition = Vec::with_capacity(schema.partition.len());
        for attribute in schema.partition {
            let range = take(attribute).ok_or_else(|| KeyFault::Missed(attribute.name.to_owned()))?;
            let SortRange::Equal(value) = range else { return Err(KeyFault::Unsupported) };
            check_value(attribute, KeyRole::Partition, &value)?;
            partition.push(value);
        }
        let mut sort = Vec::new();
        for attribute in schema.sort {
            let Some(range) = take(attribute) else { break };
            range.check(attribute)?;
            let is_equal = matches!(range, SortRange::Equal(_));
            sort.push(range);
            if !is_equal {
                break;
            }
        }
        match (named.is_empty(), schema.sort.get(sort.len())) {
            (true, _) => Ok(KeyPlan { partition, sort }),
            (false, Some(missed)) if sort.iter().all(|range| matches!(range, SortRange::Equal(_))) => {
                Err(KeyFault::Missed(missed.name.to_owned()))
            }
            (false, _) => Err(KeyFault::Unsupported),
        }
    }
}

fn check_value(attribute: &KeyAttribute<'_>, role: KeyRole, value: &Value) -> Result<(), KeyFault> {
    if KeyKind::of(value) != Some(attribute.kind) {
        return Err(KeyFault::Type);
    }
    Ok(key_check(attribute.name, role, value)?)
}

/// The conditions joined by AND, in the order of the text; anything else is refused at the first place where it
/// is met, walking from the root to the left.
fn parts_of(analysed: &mut Analysed<'_>, root: NodeId) -> Result<Vec<Part>, KeyFault> {
    let refuse = |operator: &str| Err(KeyFault::Operator(operator.to_owned()));
    let mut parts: Vec<Part> = Vec::new();
    let mut work = vec![root];
    while let Some(node) = work.pop() {
        match &analysed.tree.nodes[node] {
            Node::And(left, right) => {
                work.extend([*right, *left]);
                continue;
            }
            Node::Or(..) => return refuse("OR"),
            Node::Not(_) => return refuse("NOT"),
            Node::In(..) => return refuse("IN"),
            Node::Compare(Comparator::NotEqual, ..) => return refuse("<>"),
            Node::Call { name, .. } if *name != Function::BeginsWith.as_str() => return refuse(name),
            _ => {}
        }
        let part = Part::new(analysed, node)?;
        if parts.iter().any(|other| other.name == part.name) {
            return Err(KeyFault::Twice);
        }
        parts.push(part);
    }
    Ok(parts)
}

impl Part {
    fn new(analysed: &mut Analysed<'_>, node: NodeId) -> Result<Self, KeyFault> {
        let (operands, needs_path_first) = match &analysed.tree.nodes[node] {
            Node::Compare(_, left, right) => (vec![*left, *right], None),
            Node::Between(operand, low, high) => (vec![*operand, *low, *high], Some("BETWEEN")),
            Node::Call { operands, .. } => (operands.clone(), Some(Function::BeginsWith.as_str())),
            _ => (Vec::new(), None),
        };
        if let (Some(operator), Some(first)) = (needs_path_first, operands.first())
            && analysed.path(*first).is_none()
        {
            return Err(KeyFault::FirstOperand(operator));
        }
        let named = the_path(analysed, &operands)?;
        let name = analysed.take_path(operands[named]).ok_or(KeyFault::NoName)?.head;
        let mut values =
            operands.iter().filter_map(|operand| analysed.take_value(*operand).map(Arc::unwrap_or_clone));
        let first = values.next().ok_or(KeyFault::Unsupported)?;
        let second = values.next();
        let range = match (&analysed.tree.nodes[node], second) {
            (_, Some(high)) => SortRange::Between(first, high),
            // `:v < pk` says `pk > :v`.
            (Node::Compare(comparator, ..), None) if named == 1 => range(comparator.swapped(), first),
            (Node::Compare(comparator, ..), None) => range(*comparator, first),
            (_, None) => SortRange::BeginsWith(first),
        };
        Ok(Self { name, range })
    }
}

/// Which of a condition's operands is its one attribute.
fn the_path(analysed: &Analysed<'_>, operands: &[NodeId]) -> Result<usize, KeyFault> {
    let mut found = None;
    for (index, operand) in operands.iter().enumerate() {
        if matches!(analysed.tree.nodes[*operand], Node::Call { .. }) {
            return Err(KeyFault::Nested);
        }
        let Some(path) = analysed.path(*operand) else { continue };
        if found.is_some() {
            return Err(KeyFault::SeveralNames);
        }
        if path.is_nested() {
            return Err(KeyFault::NestedAttribute);
        }
        found = Some(index);
    }
    found.ok_or(KeyFault::NoName)
}

fn range(comparator: Comparator, value: Value) -> SortRange {
    match comparator {
        Comparator::Less => SortRange::Less(value),
        Comparator::LessEqual => SortRange::LessEqual(value),
        Comparator::Greater => SortRange::Greater(value),
        Comparator::GreaterEqual => SortRange::GreaterEqual(value),
        Comparator::Equal | Comparator::NotEqual => SortRange::Equal(value),
    }
}

impl SortRange {
    pub(crate) fn values(&self) -> impl Iterator<Item = &Value> {
        let (first, second) = match self {
            Self::Equal(value)
            | Self::Less(value)
            | Self::LessEqual(value)
            | Self::Greater(value)
            | Self::GreaterEqual(value)
            | Self::BeginsWith(value) => (value, None),
            Self::Between(low, high) => (low, Some(high)),
        };
        std::iter::once(first).chain(second)
    }

    fn check(&self, attribute: &KeyAttribute<'_>) -> Result<(), KeyFault> {
        self.values().try_for_each(|value| check_value(attribute, KeyRole::Sort, value))
    }

    /// Narrows the keys that begin with `prefix`, in which this attribute comes next at `place`.
    fn bounds(&self, prefix: Vec<u8>, place: Place) -> Result<KeyBounds, KeyError> {
        let at = |value: &Value| {
            let mut bytes = prefix.clone();
            key::encode(value, place, &mut bytes).map(|()| bytes)
        };
        // The first key behind all keys with this value.
        let behind = |value: &Value| {
            let mut bytes = at(value)?;
            Ok(match place {
                Place::Inner => key::successor(bytes),
                Place::Last => {
                    bytes.push(0);
                    Some(bytes)
                }
            })
        };
        let end = || key::successor(prefix.clone());
        // Nothing lies behind a key that has no successor.
        let from = |start: Option<Vec<u8>>| match start {
            Some(start) => KeyBounds { start, end: end() },
            None => KeyBounds { start: Vec::new(), end: Some(Vec::new()) },
        };
        Ok(match self {
            Self::Equal(value) => KeyBounds { start: at(value)?, end: behind(value)? },
            Self::Less(value) => KeyBounds { start: prefix.clone(), end: Some(at(value)?) },
            Self::LessEqual(value) => KeyBounds { start: prefix.clone(), end: behind(value)? },
            Self::Greater(value) => from(behind(value)?),
            Self::GreaterEqual(value) => from(Some(at(value)?)),
            Self::Between(low, high) => KeyBounds { start: at(low)?, end: behind(high)? },
            Self::BeginsWith(value) => {
                let mut start = prefix.clone();
                key::encode_prefix(value, place, &mut start)?;
                KeyBounds { end: key::successor(start.clone()), start }
            }
        })
    }
}

impl KeyPlan {
    /// The one value of a key with one partition attribute.
    pub fn partition_value(&self) -> Option<&Value> {
        self.partition.first()
    }

    /// The keys to read. `prefix` is the encoded key up to and with the partition key; `last` is where
    /// the last sort key attribute of the schema stands: [`Place::Last`] in a table, [`Place::Inner`] in
    /// an index, where the table's key follows. `sort_attributes` is how many the schema has.
    pub fn bounds(
        &self,
        prefix: Vec<u8>,
        sort_attributes: usize,
        last: Place,
    ) -> Result<KeyBounds, KeyError> {
        let mut prefix = prefix;
        let place = |index: usize| if index + 1 == sort_attributes { last } else { Place::Inner };
        for (index, range) in self.sort.iter().enumerate() {
            match range {
                SortRange::Equal(value) if index + 1 < self.sort.len() => {
                    key::encode(value, place(index), &mut prefix)?;
                }
                range => return range.bounds(prefix, place(index)),
            }
        }
        Ok(KeyBounds { end: key::successor(prefix.clone()), start: prefix })
    }
}
