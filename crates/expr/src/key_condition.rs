//! Key conditions: which partition a Query reads, and which range of it. Knows how keys sort, not where they
//! lie.

use item::key::{self, KeyError};
use item::{KeyKind, KeyRole, Place, Value, key_check};

use crate::analysis::{self, Analysed};
use crate::function::Function;
use crate::path::Path;
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
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq)]
struct Part {
    /// None where neither side is a path.
    path: Option<Path>,
    /// None where a path stands in place of a value.
    range: Option<SortRange>,
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
    /// Parses a KeyConditionExpression. [`Self::plan`] it when all expressions of the request are parsed and
    /// [`Placeholders::finish`] has passed: that is AWS's order.
    pub fn parse(text: &str, placeholders: &mut Placeholders<'_>) -> Result<Self, ExprError> {
        let (mut analysed, root) = analysis::condition(Expression::KeyCondition, text, placeholders)?;
        let mut parts = Vec::new();
        for node in conjuncts(&analysed, root)? {
            parts.push(Part::new(&mut analysed, node)?);
        }
        Ok(Self { parts })
    }

    /// From conditions that came in another form (the legacy KeyConditions).
    pub fn of(parts: impl IntoIterator<Item = (String, SortRange)>) -> Self {
        let parts = parts
            .into_iter()
            .map(|(name, range)| Part { path: Some(Path::attribute(name)), range: Some(range) });
        Self { parts: parts.collect() }
    }

    /// What the condition says for a table or index with this key.
    pub fn plan(self, schema: &KeySchema<'_>) -> Result<KeyPlan, KeyFault> {
        let mut named: Vec<(Path, Option<SortRange>)> = Vec::with_capacity(self.parts.len());
        for part in self.parts {
            let path = part.path.ok_or(KeyFault::Unsupported)?;
            if path.is_nested() && is_key(schema, &path.head) {
                return Err(KeyFault::NotScalar(path.head.to_string()));
            }
            if named.iter().any(|(other, _)| *other == path) {
                return Err(KeyFault::Twice);
            }
            named.push((path, part.range));
        }
        if named.len() > schema.partition.len() + schema.sort.len().max(1) {
            return Err(KeyFault::Count);
        }
        let mut take = |attribute: &KeyAttribute<'_>| {
            let index =
                named.iter().position(|(path, _)| path.head == attribute.name && !path.is_nested())?;
            Some(named.swap_remove(index).1)
        };
        let mut partition = Vec::with_capacity(schema.partition.len());
        for attribute in schema.partition {
            let range = take(attribute).ok_or_else(|| KeyFault::Missed(attribute.name.to_owned()))?;
            let Some(SortRange::Equal(value)) = range else { return Err(KeyFault::Unsupported) };
            check_value(attribute, KeyRole::Partition, &value)?;
            partition.push(value);
        }
        let mut sort = Vec::new();
        for attribute in schema.sort {
            let Some(range) = take(attribute) else { break };
            let range = range.ok_or(KeyFault::Unsupported)?;
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

fn is_key(schema: &KeySchema<'_>, name: &str) -> bool {
    schema.partition.iter().chain(schema.sort).any(|attribute| attribute.name == name)
}

fn check_value(attribute: &KeyAttribute<'_>, role: KeyRole, value: &Value) -> Result<(), KeyFault> {
    if KeyKind::of(value) != Some(attribute.kind) {
        return Err(KeyFault::Type);
    }
    Ok(key_check(attribute.name, role, value)?)
}

/// The conditions joined by AND, in the order of the text; any other junction is refused.
fn conjuncts(analysed: &Analysed<'_>, root: NodeId) -> Result<Vec<NodeId>, KeyFault> {
    let refuse = |operator: &str| Err(KeyFault::Operator(operator.to_owned()));
    let mut found = Vec::new();
    let mut work = vec![root];
    while let Some(node) = work.pop() {
        match &analysed.tree.nodes[node] {
            Node::And(left, right) => work.extend([*right, *left]),
            Node::Or(..) => return refuse("OR"),
            Node::Not(_) => return refuse("NOT"),
            Node::In(..) => return refuse("IN"),
            Node::Compare(Comparator::NotEqual, ..) => return refuse("<>"),
            Node::Call { name, .. } if *name != Function::BeginsWith.as_str() => return refuse(name),
            _ => found.push(node),
        }
    }
    Ok(found)
}

impl Part {
    fn new(analysed: &mut Analysed<'_>, node: NodeId) -> Result<Self, KeyFault> {
        let operands: Vec<NodeId> = match &analysed.tree.nodes[node] {
            Node::Compare(_, left, right) => vec![*left, *right],
            Node::Between(operand, low, high) => vec![*operand, *low, *high],
            Node::Call { operands, .. } => operands.clone(),
            _ => Vec::new(),
        };
        if operands.iter().any(|operand| matches!(analysed.tree.nodes[*operand], Node::Call { .. })) {
            return Err(KeyFault::Nested);
        }
        let comparator = match analysed.tree.nodes[node] {
            Node::Compare(comparator, ..) => Some(comparator),
            _ => None,
        };
        let is_between = matches!(analysed.tree.nodes[node], Node::Between(..));
        Ok(match operands[..] {
            [left, right] => match comparator {
                // `:v < pk` says `pk > :v`.
                Some(comparator) if analysed.path(left).is_none() => {
                    Self::compare(analysed, right, comparator.swapped(), left)
                }
                Some(comparator) => Self::compare(analysed, left, comparator, right),
                None => Self {
                    path: analysed.take_path(left),
                    range: analysed.take_value(right).map(SortRange::BeginsWith),
                },
            },
            [operand, low, high] if is_between => Self {
                path: analysed.take_path(operand),
                range: analysed
                    .take_value(low)
                    .zip(analysed.take_value(high))
                    .map(|(low, high)| SortRange::Between(low, high)),
            },
            _ => Self { path: None, range: None },
        })
    }

    fn compare(analysed: &mut Analysed<'_>, path: NodeId, comparator: Comparator, value: NodeId) -> Self {
        let make = match comparator {
            Comparator::Less => SortRange::Less,
            Comparator::LessEqual => SortRange::LessEqual,
            Comparator::Greater => SortRange::Greater,
            Comparator::GreaterEqual => SortRange::GreaterEqual,
            Comparator::Equal | Comparator::NotEqual => SortRange::Equal,
        };
        Self { path: analysed.take_path(path), range: analysed.take_value(value).map(make) }
    }
}

impl SortRange {
    fn values(&self) -> impl Iterator<Item = &Value> {
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
