//! Updates: what an UpdateExpression makes of an item. All values are worked out from the item as it was, then
//! all are written.

use std::sync::Arc;

use item::{DEPTH_MAX, ITEM_BYTES_MAX, Item, Name, Number, Value, ValueError};

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
    Add(Arc<Value>),
    Delete(Arc<Value>),
}

/// What a SET assigns: a program for a stack of values, so that no nesting of the text becomes recursion here.
#[derive(Debug, Clone)]
struct Term(Vec<Instruction>);

#[derive(Debug, Clone)]
enum Instruction {
    Value(Arc<Value>),
    Load(Path),
    /// if_not_exists: what is there, going on behind its alternative; else the alternative, which follows.
    LoadOr(Path, usize),
    /// The end of that alternative.
    Join,
    ListAppend,
    Arithmetic(Sign),
}

/// A change worked out: what the path holds afterwards.
enum Write {
    Put(Value),
    Remove,
    Nothing,
}

/// How much an update may copy before it is clear that the item grows too large: what is copied stays in it. A text of
/// 4 KB can name an attribute or a value of 400 KB hundreds of times.
struct Room {
    /// None: so few copies need no look.
    bytes: Option<usize>,
}

impl Room {
    const COPIES: usize = 8;

    fn of(copies: usize) -> Self {
        Self { bytes: (copies > Self::COPIES).then_some(2 * ITEM_BYTES_MAX) }
    }

    fn take(&mut self, value: Option<&Value>) -> Result<(), ValueError> {
        if let (Some(bytes), Some(value)) = (&mut self.bytes, value) {
            *bytes = bytes.checked_sub(value.size()).ok_or(ValueError::UpdatedItemSize)?;
        }
        Ok(())
    }
}

impl Update {
    /// Parses an UpdateExpression.
    pub fn parse(text: &str, placeholders: &mut Placeholders<'_>) -> Result<Self, ExprError> {
        let (analysed, parsed) = analysis::update(text, placeholders)?;
        Ok(Self::of(analysed, &parsed))
    }

    pub(crate) fn of(mut analysed: Analysed<'_>, parsed: &[tree::Action]) -> Self {
        let actions = parsed.iter().filter_map(|action| Action::new(&mut analysed, action)).collect();
        Self { actions }
    }

    /// The paths it writes, as they are written.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.actions.iter().map(|action| &action.path)
    }

    /// The parts it writes: of the item before and after, these are UPDATED_OLD and UPDATED_NEW.
    pub fn touched(&self) -> Projection {
        Projection::of(self.paths())
    }

    /// What DynamoDB weighs of the update itself against the limit of an item: the attributes it sets, as they are in
    /// `item` afterwards, and so much for each action. Attributes it leaves alone are not in it. Measured at the
    /// limit; no page tells it.
    pub fn weight(&self, item: &Item) -> usize {
        const UPDATE: usize = 3;
        const PUT: usize = 19;
        const REMOVAL: usize = 2;
        let mut set: Vec<&Name> = Vec::new();
        let mut weight = UPDATE;
        for Action { path, change, .. } in &self.actions {
            weight += match change {
                Change::Set(_) | Change::Add(_) => {
                    set.push(&path.head);
                    let indexed = path.steps.iter().any(|step| matches!(step, Step::Index(_)));
                    PUT + usize::from(indexed)
                }
                Change::Remove | Change::Delete(_) => REMOVAL,
            };
        }
        set.sort_unstable();
        set.dedup();
        let bytes = |name: &&Name| item.get(name).map_or(0, |value| name.len() + value.size());
        weight + set.iter().map(bytes).sum::<usize>()
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
        let mut room = Room::of(self.actions.len());
        for action in &self.actions {
            let write = action.work_out(item);
            match &write {
                Err(fault @ (UpdateFault::OperandKind | UpdateFault::Value(_))) => return Err(fault.clone()),
                Ok(Write::Put(value)) => room.take(Some(value))?,
                _ => {}
            }
            writes.push(write);
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
            (Section::Set, Some(node)) => Change::Set(Term::new(analysed, parsed.path + 1, node)?),
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
            (Change::Add(value), None) => Ok(Write::Put(Value::clone(value))),
            (Change::Add(value), Some(current)) => add(current, value).map(Write::Put),
            (Change::Delete(_), None) => Ok(Write::Nothing),
            (Change::Delete(value), Some(current)) => delete(current, value),
        }
    }
}

impl Term {
    /// The term at `root`, whose nodes begin at `first`: one instruction a node, in their order.
    fn new(analysed: &mut Analysed<'_>, first: NodeId, root: NodeId) -> Option<Self> {
        let mut program = Vec::with_capacity(root + 1 - first);
        for node in first..=root {
            let instruction = match &analysed.tree.nodes[node] {
                Node::Path(_) => Instruction::Load(analysed.take_path(node)?),
                Node::Value(_) => Instruction::Value(analysed.take_value(node)?),
                Node::Arithmetic(sign, ..) => Instruction::Arithmetic(*sign),
                Node::Call { name, operands, .. } => match Function::from_name(name)? {
                    Function::IfNotExists => {
                        let load: &mut Instruction = program.get_mut(operands[0] - first)?;
                        let Instruction::Load(path) = load else { return None };
                        *load = Instruction::LoadOr(std::mem::take(path), node - first + 1);
                        Instruction::Join
                    }
                    _ => Instruction::ListAppend,
                },
                _ => return None,
            };
            program.push(instruction);
        }
        Some(Self(program))
    }

    /// The value for this item. A wrong type is told before a missing attribute.
    fn eval(&self, item: &Item) -> Result<Value, UpdateFault> {
        if let [Instruction::Value(value)] = &self.0[..] {
            return Ok(Value::clone(value));
        }
        // None: missing, and what is worked out from it.
        let mut stack: Vec<Option<Value>> = Vec::new();
        let mut room = Room::of(self.0.len());
        let mut at = 0;
        while let Some(instruction) = self.0.get(at) {
            at += 1;
            let value = match instruction {
                Instruction::Value(value) => Some(Value::clone(value)),
                Instruction::Load(path) => path.get(item).cloned(),
                Instruction::LoadOr(path, behind) => match path.get(item) {
                    Some(value) => {
                        at = *behind;
                        Some(value.clone())
                    }
                    None => continue,
                },
                Instruction::Join => continue,
                Instruction::ListAppend | Instruction::Arithmetic(_) => {
                    let right = stack.pop().flatten();
                    let left = stack.pop().flatten();
                    stack.push(instruction.combine(left, right)?);
                    continue;
                }
            };
            room.take(value.as_ref())?;
            stack.push(value);
        }
        stack.pop().flatten().ok_or(UpdateFault::Missing)
    }

    fn check_keys(&self, keys: &[&str]) -> Result<(), KeyFault> {
        for instruction in &self.0 {
            if let Instruction::Load(path) | Instruction::LoadOr(path, _) = instruction
                && path.is_nested()
                && keys.contains(&&*path.head)
            {
                return Err(KeyFault::NotScalar(path.head.to_string()));
            }
        }
        Ok(())
    }
}

impl Instruction {
    fn combine(&self, left: Option<Value>, right: Option<Value>) -> Result<Option<Value>, UpdateFault> {
        let fits = |value: &Option<Value>| match (self, value) {
            (_, None) => true,
            (Self::ListAppend, Some(value)) => matches!(value, Value::L(_)),
            (_, Some(value)) => matches!(value, Value::N(_)),
        };
        if !fits(&left) || !fits(&right) {
            return Err(UpdateFault::OperandKind);
        }
        Ok(match (left, right) {
            (Some(Value::L(mut list)), Some(Value::L(tail))) => {
                list.extend(tail);
                Some(Value::L(list))
            }
            (Some(Value::N(left)), Some(Value::N(right))) => {
                let minus = matches!(self, Self::Arithmetic(Sign::Minus));
                Some(Value::N(if minus { left.sub(&right)? } else { left.add(&right)? }))
            }
            _ => None,
        })
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
