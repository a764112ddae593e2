//! Updates: what an UpdateExpression makes of an item. All values are worked out from the item as it was, then
//! all are written.

use item::{DEPTH_MAX, Item, Number, Value, ValueError};

use crate::analysis::{self, Analysed};
use crate::function::Function;
use crate::path::{Path, Step, descending};
use crate::placeholders::Placeholders;
use crate::tree::{self, Node, NodeId, Section, Sign};
use crate::{ExprError, KeyFault, Projection, UpdateFault};

/// A planned update.
#[derive(Debug, Clone)]
pub struct Update {
    actions: Vec<Action>,
}

#[derive(Debug, Clone)]
struct Action {
    path: Path,
    /// Which section of the expression, as written: failures are found from the last to the first.
    clause: usize,
    change: Change,
}

#[derive(Debug, Clone)]
enum Change {
    Set(Term),
    Remove,
    Add(Value),
    Delete(Value),
}

/// What a SET assigns. As deep as the expression has operators, at most.
#[derive(Debug, Clone)]
enum Term {
    Value(Value),
    Path(Path),
    IfNotExists(Path, Box<Term>),
    ListAppend(Box<Term>, Box<Term>),
    Arithmetic(Sign, Box<Term>, Box<Term>),
}

/// A change worked out: what the path holds afterwards.
enum Write {
    Put(Value),
    Remove,
    Nothing,
}

impl Update {
    /// Parses an UpdateExpression.
    pub fn parse(text: &str, placeholders: &mut Placeholders<'_>) -> Result<Self, ExprError> {
        let (mut analysed, parsed) = analysis::update(text, placeholders)?;
        let actions = parsed.iter().filter_map(|action| Action::new(&mut analysed, action)).collect();
        Ok(Self { actions })
    }

    /// The paths it writes, as they are written.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.actions.iter().map(|action| &action.path)
    }

    /// The parts it writes: of the item before and after, these are UPDATED_OLD and UPDATED_NEW.
    pub fn touched(&self) -> Projection {
        Projection::of(self.paths())
    }

    /// Refuses an update that writes a key attribute, or looks into one.
    pub fn check_keys(&self, keys: &[&str]) -> Result<(), KeyFault> {
        for action in &self.actions {
            if let Change::Set(term) = &action.change {
                term.check_keys(keys)?;
            }
        }
        match self.paths().find(|path| keys.contains(&&*path.head)) {
            Some(path) => Err(KeyFault::Updated(path.head.to_string())),
            None => Ok(()),
        }
    }

    /// Applies the update. On an error the item is as it was.
    ///
    /// Who calls checks the size of the result.
    pub fn apply(&self, item: &mut Item) -> Result<(), UpdateFault> {
        let writes = self.work_out(item)?;
        let mut appends: Vec<(&Path, Value)> = Vec::new();
        let mut removals: Vec<&Path> = Vec::new();
        for (action, write) in self.actions.iter().zip(writes) {
            let path = &action.path;
            let exists = path.get(item).is_some();
            match write {
                Write::Put(value) if !exists && matches!(path.steps.last(), Some(Step::Index(_))) => {
                    appends.push((path, value));
                }
                Write::Put(value) => put(item, path, value),
                Write::Remove if exists => removals.push(path),
                Write::Remove | Write::Nothing => {}
            }
        }
        // Elements behind a list's end are appended in the order of their indexes.
        appends.sort_by_key(|(path, _)| *path);
        for (path, value) in appends {
            if let Some(Value::L(list)) = path.parent_mut(item) {
                list.push(value);
            }
        }
        // Indexes mean positions before the update: the last goes first.
        removals.sort_by(|a, b| descending(a, b));
        for path in removals {
            remove(item, path);
        }
        Ok(())
    }

    /// What each action writes. AWS finds failures in this order: paths through a wrong type, wrong operand
    /// types, then from the last section to the first paths to nowhere and missing attributes.
    fn work_out(&self, item: &Item) -> Result<Vec<Write>, UpdateFault> {
        for action in &self.actions {
            if action.path.parent(item).is_some() && !writable(&action.path, item) {
                return Err(UpdateFault::Path);
            }
        }
        let mut writes = Vec::with_capacity(self.actions.len());
        for action in &self.actions {
            match action.work_out(item) {
                Err(fault @ UpdateFault::OperandKind) => return Err(fault),
                result => writes.push(result),
            }
        }
        let clauses = self.actions.last().map_or(0, |action| action.clause + 1);
        for clause in (0..clauses).rev() {
            let of_clause = || self.actions.iter().zip(&writes).filter(|(action, _)| action.clause == clause);
            if of_clause().any(|(action, _)| !writable(&action.path, item)) {
                return Err(UpdateFault::Path);
            }
            if of_clause().any(|(_, write)| matches!(write, Err(UpdateFault::Missing))) {
                return Err(UpdateFault::Missing);
            }
        }
        let writes = writes.into_iter().collect::<Result<Vec<_>, _>>()?;
        for (action, write) in self.actions.iter().zip(&writes) {
            if let Write::Put(value) = write
                && !value.fits_depth(DEPTH_MAX.saturating_sub(action.path.steps.len()))
            {
                return Err(ValueError::TooDeep.into());
            }
        }
        Ok(writes)
    }
}

/// Whether the place that a path names can be written: what it stands in is there and of the right type.
fn writable(path: &Path, item: &Item) -> bool {
    matches!(
        (path.steps.last(), path.parent(item)),
        (None, _) | (Some(Step::Name(_)), Some(Value::M(_))) | (Some(Step::Index(_)), Some(Value::L(_)))
    )
}

fn put(item: &mut Item, path: &Path, value: Value) {
    let Some(last) = path.steps.last() else {
        item.insert(path.head.clone(), value);
        return;
    };
    match (last, path.parent_mut(item)) {
        (Step::Name(name), Some(Value::M(map))) => {
            map.insert(name.clone(), value);
        }
        (Step::Index(index), Some(Value::L(list))) => {
            if let Some(element) = list.get_mut(*index as usize) {
                *element = value;
            }
        }
        _ => {}
    }
}

fn remove(item: &mut Item, path: &Path) {
    let Some(last) = path.steps.last() else {
        item.remove(&path.head);
        return;
    };
    match (last, path.parent_mut(item)) {
        (Step::Name(name), Some(Value::M(map))) => {
            map.remove(name);
        }
        (Step::Index(index), Some(Value::L(list))) if (*index as usize) < list.len() => {
            list.remove(*index as usize);
        }
        _ => {}
    }
}

impl Action {
    /// The analysis has seen that every action has what its section needs.
    fn new(analysed: &mut Analysed<'_>, parsed: &tree::Action) -> Option<Self> {
        let path = analysed.take_path(parsed.path)?;
        let change = match (parsed.section, parsed.value) {
            (Section::Remove, _) => Change::Remove,
            (Section::Set, Some(node)) => Change::Set(term(analysed, parsed.path + 1, node)?),
            (Section::Add, Some(node)) => Change::Add(analysed.take_value(node)?),
            (Section::Delete, Some(node)) => Change::Delete(analysed.take_value(node)?),
            _ => return None,
        };
        Some(Self { path, clause: parsed.clause, change })
    }

    fn work_out(&self, item: &Item) -> Result<Write, UpdateFault> {
        let current = self.path.get(item);
        match (&self.change, current) {
            (Change::Set(term), _) => term.eval(item).map(Write::Put),
            (Change::Remove, _) => Ok(Write::Remove),
            (Change::Add(value), None) => Ok(Write::Put(value.clone())),
            (Change::Add(value), Some(current)) => add(current, value).map(Write::Put),
            (Change::Delete(_), None) => Ok(Write::Nothing),
            (Change::Delete(value), Some(current)) => delete(current, value),
        }
    }
}

/// Builds the term at `root`, whose nodes begin at `first`, bottom up.
fn term(analysed: &mut Analysed<'_>, first: NodeId, root: NodeId) -> Option<Term> {
    let mut terms: Vec<Option<Term>> = Vec::with_capacity(root + 1 - first);
    for node in first..=root {
        let mut take = |node: NodeId| terms.get_mut(node - first)?.take().map(Box::new);
        let term = match &analysed.tree.nodes[node] {
            Node::Path(_) => analysed.take_path(node).map(Term::Path),
            Node::Value(_) => analysed.take_value(node).map(Term::Value),
            Node::Arithmetic(sign, left, right) => Some(Term::Arithmetic(*sign, take(*left)?, take(*right)?)),
            Node::Call { name, operands, .. } => {
                let (first, second) = (take(operands[0])?, take(operands[1])?);
                match (Function::from_name(name)?, *first) {
                    (Function::IfNotExists, Term::Path(path)) => Some(Term::IfNotExists(path, second)),
                    (_, first) => Some(Term::ListAppend(Box::new(first), second)),
                }
            }
            _ => None,
        };
        terms.push(term);
    }
    terms.pop()?
}

impl Term {
    fn eval(&self, item: &Item) -> Result<Value, UpdateFault> {
        match self {
            Self::Value(value) => Ok(value.clone()),
            Self::Path(path) => path.get(item).cloned().ok_or(UpdateFault::Missing),
            Self::IfNotExists(path, otherwise) => match path.get(item) {
                Some(value) => Ok(value.clone()),
                None => otherwise.eval(item),
            },
            Self::ListAppend(first, second) => {
                let Value::L(mut list) = first.eval(item)? else { return Err(UpdateFault::OperandKind) };
                let Value::L(tail) = second.eval(item)? else { return Err(UpdateFault::OperandKind) };
                list.extend(tail);
                Ok(Value::L(list))
            }
            Self::Arithmetic(sign, left, right) => {
                let Value::N(left) = left.eval(item)? else { return Err(UpdateFault::OperandKind) };
                let Value::N(right) = right.eval(item)? else { return Err(UpdateFault::OperandKind) };
                let result = match sign {
                    Sign::Plus => left.add(&right),
                    Sign::Minus => left.sub(&right),
                };
                Ok(Value::N(result?))
            }
        }
    }

    fn check_keys(&self, keys: &[&str]) -> Result<(), KeyFault> {
        let (path, inner): (Option<&Path>, [Option<&Term>; 2]) = match self {
            Self::Value(_) => (None, [None, None]),
            Self::Path(path) => (Some(path), [None, None]),
            Self::IfNotExists(path, otherwise) => (Some(path), [Some(otherwise), None]),
            Self::ListAppend(first, second) | Self::Arithmetic(_, first, second) => {
                (None, [Some(first), Some(second)])
            }
        };
        match path {
            Some(path) if path.is_nested() && keys.contains(&&*path.head) => {
                Err(KeyFault::NotScalar(path.head.to_string()))
            }
            _ => inner.into_iter().flatten().try_for_each(|term| term.check_keys(keys)),
        }
    }
}

/// ADD: sums numbers, unites sets.
fn add(current: &Value, value: &Value) -> Result<Value, UpdateFault> {
    Ok(match (current, value) {
        (Value::N(a), Value::N(b)) => Value::N(Number::add(a, b)?),
        (Value::Ss(a), Value::Ss(b)) => Value::Ss(union(a, b)),
        (Value::Ns(a), Value::Ns(b)) => Value::Ns(union(a, b)),
        (Value::Bs(a), Value::Bs(b)) => Value::Bs(union(a, b)),
        _ => return Err(UpdateFault::OperandKind),
    })
}

/// DELETE: takes members out of a set; an empty set is no value.
fn delete(current: &Value, value: &Value) -> Result<Write, UpdateFault> {
    let left = match (current, value) {
        (Value::Ss(a), Value::Ss(b)) => difference(a, b).map(Value::Ss),
        (Value::Ns(a), Value::Ns(b)) => difference(a, b).map(Value::Ns),
        (Value::Bs(a), Value::Bs(b)) => difference(a, b).map(Value::Bs),
        _ => return Err(UpdateFault::OperandKind),
    };
    Ok(left.map_or(Write::Remove, Write::Put))
}

fn union<T: Ord + Clone>(a: &[T], b: &[T]) -> Vec<T> {
    let mut known: Vec<&T> = a.iter().collect();
    known.sort_unstable();
    let fresh = b.iter().filter(|member| known.binary_search(member).is_err());
    a.iter().chain(fresh).cloned().collect()
}

fn difference<T: Ord + Clone>(a: &[T], b: &[T]) -> Option<Vec<T>> {
    let mut gone: Vec<&T> = b.iter().collect();
    gone.sort_unstable();
    let left: Vec<T> = a.iter().filter(|member| gone.binary_search(member).is_err()).cloned().collect();
    (!left.is_empty()).then_some(left)
}
