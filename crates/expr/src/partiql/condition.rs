//! WHERE: a condition like any other, and what it says of the keys of a table or index. As in DynamoDB, equalities
//! of the partition key make reads of their own, one for each way in which the condition can hold; without one for
//! every way all is scanned.

use item::{Item, KeyKind, KeyRole, Name, Value, key_check};

use super::fault::AccessFault;
use super::grown::Grown;
use crate::analysis::{Analysed, Leaf};
use crate::function::Function;
use crate::placeholders::java_slot;
use crate::tree::{Comparator, Node, NodeId};
use crate::{Condition, Fault, KeyAttribute, KeySchema, SortRange};

/// Reads that one SELECT becomes at most.
const READS_MAX: usize = 50;

/// What follows WHERE.
#[derive(Debug, Clone)]
pub struct Where {
    condition: Condition,
    analysed: Analysed<'static>,
    root: NodeId,
}

/// How a SELECT gets at its items.
#[derive(Debug, Clone, PartialEq)]
pub enum Access {
    Scan,
    Reads(Vec<Read>),
}

/// One of the ways in which a condition can hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Read {
    pub partition: Value,
    /// All of them hold.
    pub sort: Vec<SortRange>,
    /// It asks for two partition keys at once: nothing is read.
    pub is_empty: bool,
    /// It says of the sort key what it is not: then other reads may overlap with it.
    pub negates_sort: bool,
    /// It says something that is no condition of a key.
    pub is_filtered: bool,
    /// The attributes that what is no condition of a key looks at.
    filtered: Vec<Name>,
}

impl Where {
    pub(super) fn new(grown: Grown, root: NodeId) -> Result<Self, Fault> {
        let analysed = grown.condition()?;
        Ok(Self { condition: Condition::of(analysed.clone(), root), analysed, root })
    }

    /// The whole of it: it holds for all items that are meant, key conditions included.
    pub fn condition(&self) -> &Condition {
        &self.condition
    }

    /// The key of the one item that a write is about: the equalities that must hold.
    pub fn item_key(&self, names: &[&str]) -> Result<Item, AccessFault> {
        let (key, several) = self.equalities(names);
        match several {
            Some(name) => Err(AccessFault::SeveralKeys(name.to_string())),
            None if key.len() < names.len() => Err(AccessFault::NoKey),
            None => Ok(key),
        }
    }

    /// The key of the one item that EXISTS asks about, and whether it asks for anything but the key. Of two values for
    /// one attribute the first is meant.
    pub fn checked_key(&self, names: &[&str]) -> Option<Item> {
        let (key, _) = self.equalities(names);
        let asks_more = self.conjuncts().into_iter().any(|node| self.key_equality(node, names).is_none());
        (key.len() == names.len() && asks_more).then_some(key)
    }

    /// Values of key attributes that every item must have, and an attribute that must have two.
    fn equalities(&self, names: &[&str]) -> (Item, Option<Name>) {
        let mut key = Item::new();
        let mut several = None;
        for node in self.conjuncts() {
            let Some((name, value)) = self.key_equality(node, names) else { continue };
            match key.get(name) {
                Some(known) if known != value => several = several.or_else(|| Some(name.clone())),
                Some(_) => {}
                None => {
                    key.insert(name.clone(), value.clone());
                }
            }
        }
        (key, several)
    }

    /// What is joined by AND, in the order of the text.
    fn conjuncts(&self) -> Vec<NodeId> {
        let mut conjuncts = Vec::new();
        let mut work = vec![self.root];
        while let Some(node) = work.pop() {
            match self.analysed.tree.nodes[node] {
                Node::And(left, right) => work.extend([right, left]),
                _ => conjuncts.push(node),
            }
        }
        conjuncts
    }

    fn key_equality(&self, node: NodeId, names: &[&str]) -> Option<(&Name, &Value)> {
        let Node::Compare(Comparator::Equal, left, right) = self.analysed.tree.nodes[node] else {
            return None;
        };
        let (name, value) = attribute_and_value(&self.analysed, left, right)
            .or_else(|| attribute_and_value(&self.analysed, right, left))?;
        names.contains(&name.as_str()).then_some((name, value))
    }

    /// How to read what the condition means through a key with one partition attribute.
    pub fn access(&self, key: &KeySchema<'_>) -> Result<Access, AccessFault> {
        let plan = Plan { analysed: &self.analysed, key };
        let mut forms: Vec<Form> = Vec::with_capacity(self.root + 1);
        for node in 0..=self.root {
            let form = plan.form(node, &forms);
            forms.push(form);
        }
        match forms.pop() {
            Some(Form::TooMany { keyed: true }) => Err(AccessFault::TooManyReads),
            Some(Form::Reads(partials)) if partials.iter().all(|partial| partial.partition.is_some()) => {
                let reads =
                    partials.into_iter().map(|partial| partial.read(key)).collect::<Result<_, _>>()?;
                Ok(Access::Reads(reads))
            }
            _ => Ok(Access::Scan),
        }
    }
}

impl Access {
    /// Attributes outside of `projects` that the reads filter by, in the order in which AWS lists them. Only told if each
    /// of the reads has one, and then those of the read with the greatest partition key.
    pub fn unprojected(&self, projects: impl Fn(&str) -> bool) -> Vec<&str> {
        let Self::Reads(reads) = self else { return Vec::new() };
        let missing = |read: &Read| read.filtered.iter().any(|name| !projects(name));
        let last = reads.iter().max_by(|a, b| {
            crate::relation::order(&a.partition, &b.partition).unwrap_or(std::cmp::Ordering::Equal)
        });
        let Some(last) = last.filter(|_| reads.iter().all(missing)) else { return Vec::new() };
        let mut names: Vec<&str> = Vec::new();
        for name in &last.filtered {
            if !projects(name) && !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
        let total = names.len();
        names.sort_by_key(|name| java_slot(name, total));
        names
    }
}

impl Read {
    /// The key of the item, if the read names one item by its whole key and asks for nothing else.
    pub fn item_key(&self, key: &KeySchema<'_>) -> Option<Item> {
        if self.is_empty || self.is_filtered || self.negates_sort {
            return None;
        }
        let mut item = Item::new();
        item.insert(key.partition.first()?.name, self.partition.clone());
        if let Some(attribute) = key.sort.first() {
            let (SortRange::Equal(value), rest) = self.sort.split_first()? else { return None };
            if rest.iter().any(|range| *range != SortRange::Equal(value.clone())) {
                return None;
            }
            item.insert(attribute.name, value.clone());
        }
        Some(item)
    }
}

/// `attribute = value`, with a whole attribute.
fn attribute_and_value<'a>(
    analysed: &'a Analysed<'_>,
    path: NodeId,
    value: NodeId,
) -> Option<(&'a Name, &'a Value)> {
    let (Leaf::Path(path), Leaf::Value(value)) = (&analysed.leaves[path], &analysed.leaves[value]) else {
        return None;
    };
    (!path.is_nested()).then_some((&path.head, value))
}

/// A way in which a part of the condition can hold.
#[derive(Debug, Clone, Default)]
struct Partial {
    partition: Option<Value>,
    is_empty: bool,
    sort: Vec<SortRange>,
    negates_sort: bool,
    is_filtered: bool,
    filtered: Vec<Name>,
}

/// What a part of the condition says of the key.
#[derive(Debug, Clone)]
enum Form {
    /// Nothing.
    Plain {
        filtered: Vec<Name>,
        names_sort: bool,
        negates_sort: bool,
    },
    Reads(Vec<Partial>),
    /// More than [`READS_MAX`]; whether each has a partition key.
    TooMany {
        keyed: bool,
    },
}

struct Plan<'a> {
    analysed: &'a Analysed<'static>,
    key: &'a KeySchema<'a>,
}

impl Plan<'_> {
    /// The form of a node whose children's are known.
    fn form(&self, node: NodeId, forms: &[Form]) -> Form {
        match &self.analysed.tree.nodes[node] {
            Node::Path(_) => self.path_form(node),
            Node::Value(_) => Form::plain(),
            Node::And(left, right) => forms[*left].clone().and(forms[*right].clone()),
            Node::Or(left, right) => forms[*left].clone().or(forms[*right].clone()),
            Node::Not(inner) => forms[*inner].clone().not(),
            leaf => self.key_form(leaf).unwrap_or_else(|| self.leaf_form(leaf, forms)),
        }
    }

    fn path_form(&self, node: NodeId) -> Form {
        let Leaf::Path(path) = &self.analysed.leaves[node] else { return Form::plain() };
        let head = path.head.as_str();
        let is_key = self.is_partition(head) || self.sort_named(head).is_some();
        Form::Plain {
            filtered: if is_key { Vec::new() } else { vec![path.head.clone()] },
            names_sort: self.sort_named(head).is_some(),
            negates_sort: false,
        }
    }

    /// What is no condition of a key looks at what its operands look at.
    fn leaf_form(&self, leaf: &Node<'static>, forms: &[Form]) -> Form {
        let operands: Vec<NodeId> = match leaf {
            Node::Compare(_, a, b) | Node::Arithmetic(_, a, b) => vec![*a, *b],
            Node::Between(a, b, c) => vec![*a, *b, *c],
            Node::In(a, members) => std::iter::once(*a).chain(members.iter().copied()).collect(),
            Node::Call { operands, .. } => operands.clone(),
            _ => Vec::new(),
        };
        let form = operands.into_iter().fold(Form::plain(), |form, operand| form.and(forms[operand].clone()));
        match (leaf, form) {
            (Node::Compare(Comparator::NotEqual, ..), Form::Plain { filtered, names_sort, .. }) => {
                Form::Plain { filtered, names_sort, negates_sort: names_sort }
            }
            (_, form) => form,
        }
    }

    /// The reads of a condition of a key.
    fn key_form(&self, leaf: &Node<'static>) -> Option<Form> {
        let analysed = self.analysed;
        let pair = |path, value| attribute_and_value(analysed, path, value);
        match leaf {
            Node::Compare(comparator, left, right) => {
                let (comparator, (name, value)) = match pair(*left, *right) {
                    Some(found) => (*comparator, found),
                    None => (comparator.swapped(), pair(*right, *left)?),
                };
                self.compared(comparator, name, value).map(|partial| Form::Reads(vec![partial]))
            }
            Node::In(operand, members) => {
                let partials = members.iter().map(|member| {
                    let (name, value) = pair(*operand, *member)?;
                    self.compared(Comparator::Equal, name, value)
                });
                let partials = partials.collect::<Option<Vec<_>>>()?;
                Some(Form::of(partials))
            }
            Node::Between(operand, low, high) => {
                let (name, low) = pair(*operand, *low)?;
                let (_, high) = pair(*operand, *high)?;
                self.sort_named(name)?;
                Some(Form::sort(SortRange::Between(low.clone(), high.clone())))
            }
            Node::Call { name: function, operands, .. } if *function == Function::BeginsWith.as_str() => {
                let (name, prefix) = pair(operands[0], operands[1])?;
                self.sort_named(name)?;
                Some(Form::sort(SortRange::BeginsWith(prefix.clone())))
            }
            _ => None,
        }
    }

    fn compared(&self, comparator: Comparator, name: &Name, value: &Value) -> Option<Partial> {
        if self.is_partition(name) {
            return (comparator == Comparator::Equal)
                .then(|| Partial { partition: Some(value.clone()), ..Partial::default() });
        }
        self.sort_named(name)?;
        let value = value.clone();
        let range = match comparator {
            Comparator::Equal => SortRange::Equal(value),
            Comparator::NotEqual => return None,
            Comparator::Less => SortRange::Less(value),
            Comparator::LessEqual => SortRange::LessEqual(value),
            Comparator::Greater => SortRange::Greater(value),
            Comparator::GreaterEqual => SortRange::GreaterEqual(value),
        };
        Some(Partial { sort: vec![range], ..Partial::default() })
    }

    fn is_partition(&self, name: &str) -> bool {
        self.key.partition.iter().any(|attribute| attribute.name == name)
    }

    fn sort_named(&self, name: &str) -> Option<&KeyAttribute<'_>> {
        self.key.sort.iter().find(|attribute| attribute.name == name)
    }
}

impl Form {
    fn plain() -> Self {
        Self::Plain { filtered: Vec::new(), names_sort: false, negates_sort: false }
    }

    fn sort(range: SortRange) -> Self {
        Self::Reads(vec![Partial { sort: vec![range], ..Partial::default() }])
    }

    fn of(partials: Vec<Partial>) -> Self {
        if partials.len() > READS_MAX {
            return Self::TooMany { keyed: partials.iter().all(|partial| partial.partition.is_some()) };
        }
        Self::Reads(partials)
    }

    fn is_keyed(&self) -> bool {
        match self {
            Self::Plain { .. } => false,
            Self::Reads(partials) => partials.iter().all(|partial| partial.partition.is_some()),
            Self::TooMany { keyed } => *keyed,
        }
    }

    /// As ways of holding; a plain one is one way.
    fn partials(self) -> Vec<Partial> {
        match self {
            Self::Plain { filtered, negates_sort, .. } => {
                vec![Partial { filtered, negates_sort, is_filtered: true, ..Partial::default() }]
            }
            Self::Reads(partials) => partials,
            Self::TooMany { .. } => Vec::new(),
        }
    }

    fn and(self, other: Self) -> Self {
        match (self, other) {
            (
                Self::Plain { mut filtered, names_sort, negates_sort },
                Self::Plain { filtered: more, names_sort: also_names, negates_sort: also_negates },
            ) => {
                filtered.extend(more);
                Self::Plain {
                    filtered,
                    names_sort: names_sort || also_names,
                    negates_sort: negates_sort || also_negates,
                }
            }
            (left @ Self::TooMany { .. }, right) | (left, right @ Self::TooMany { .. }) => {
                Self::TooMany { keyed: left.is_keyed() || right.is_keyed() }
            }
            (left, right) => {
                let keyed = left.is_keyed() || right.is_keyed();
                let (left, right) = (left.partials(), right.partials());
                if left.len() * right.len() > READS_MAX {
                    return Self::TooMany { keyed };
                }
                let pairs = left.iter().flat_map(|a| right.iter().map(move |b| a.and(b)));
                Self::Reads(pairs.collect())
            }
        }
    }

    fn or(self, other: Self) -> Self {
        match (self, other) {
            (left @ Self::Plain { .. }, right @ Self::Plain { .. }) => left.and(right),
            (left @ Self::TooMany { .. }, right) | (left, right @ Self::TooMany { .. }) => {
                Self::TooMany { keyed: left.is_keyed() && right.is_keyed() }
            }
            (left, right) => {
                let mut partials = left.partials();
                partials.extend(right.partials());
                Self::of(partials)
            }
        }
    }

    fn not(self) -> Self {
        match self {
            Self::Plain { filtered, names_sort, negates_sort } => {
                Self::Plain { filtered, names_sort, negates_sort: negates_sort || names_sort }
            }
            Self::Reads(partials) => {
                let negates_sort =
                    partials.iter().any(|partial| partial.negates_sort || !partial.sort.is_empty());
                let filtered = partials.into_iter().flat_map(|partial| partial.filtered).collect();
                Self::Plain { filtered, names_sort: negates_sort, negates_sort }
            }
            Self::TooMany { .. } => Self::plain(),
        }
    }
}

impl Partial {
    fn and(&self, other: &Self) -> Self {
        let mut both = self.clone();
        match (&self.partition, &other.partition) {
            (Some(a), Some(b)) if a != b => both.is_empty = true,
            (None, _) => both.partition = other.partition.clone(),
            _ => {}
        }
        both.is_empty |= other.is_empty;
        both.sort.extend(other.sort.iter().cloned());
        both.negates_sort |= other.negates_sort;
        both.is_filtered |= other.is_filtered;
        both.filtered.extend(other.filtered.iter().cloned());
        both
    }

    /// The read, if its values can be keys.
    fn read(self, key: &KeySchema<'_>) -> Result<Read, AccessFault> {
        let (Some(partition), Some(attribute)) = (self.partition, key.partition.first()) else {
            return Err(AccessFault::NoKey);
        };
        check_value(attribute, KeyRole::Partition, &partition)?;
        if let Some(attribute) = key.sort.first() {
            for value in self.sort.iter().flat_map(SortRange::values) {
                check_value(attribute, KeyRole::Sort, value)?;
            }
        }
        Ok(Read {
            partition,
            sort: self.sort,
            is_empty: self.is_empty,
            negates_sort: self.negates_sort,
            is_filtered: self.is_filtered,
            filtered: self.filtered,
        })
    }
}

fn check_value(attribute: &KeyAttribute<'_>, role: KeyRole, value: &Value) -> Result<(), AccessFault> {
    if KeyKind::of(value) != Some(attribute.kind) {
        return Err(AccessFault::KeyKind(attribute.name.to_owned()));
    }
    Ok(key_check(attribute.name, role, value)?)
}
