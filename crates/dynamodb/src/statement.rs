//! A statement of PartiQL held against its table. A write becomes a plan, as those of PutItem, UpdateItem and DeleteItem
//! do. A SELECT becomes ranges of keys: a condition that names partition keys one read for each way in which it can
//! hold, all else a scan. Knows no request; how a WHERE is taken apart is `expr`'s.

use std::sync::Arc;

use api::dynamodb::{ConsumedCapacity, ReturnConsumedCapacity};
use base::Cx;
use bytes::Bytes;
use expr::{
    Access, AccessFault, KeyAttribute, KeyFault, KeyPlan, KeySchema, OrderTerm, Projection, Read, Returning,
    Select, Side, SortRange, Statement, Where,
};
use item::{Image, Item, Parameters, Place, Value, key};
use store::KeyRange;

use crate::capacity::Tally;
use crate::change::Outcome;
use crate::error::{Error, Result, text};
use crate::page::{self, PAGE_BYTES_MAX, Sweep};
use crate::plan::{Plan, Surface};
use crate::request::{Demand, WriteCondition, all_key_names, key_fault, key_names};
use crate::table::{Index, KeyPart, Reach, Table};
use crate::{DynamoDb, layout};

/// A SELECT that is known to make sense for its table.
#[derive(Debug)]
pub(crate) struct Reading<'s> {
    pub(crate) table: Arc<Table>,
    select: &'s Select,
    /// In the order in which they are read.
    spans: Vec<Span>,
    reverse: bool,
    consistent: bool,
}

/// A range of rows to read.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Span {
    rows: KeyRange,
    /// It holds one row at most: after it nothing follows.
    is_single: bool,
}

/// How far a SELECT was read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Position {
    pub(crate) span: u16,
    /// None: the span has not been begun.
    pub(crate) after: Option<Item>,
}

/// A page of a SELECT.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) items: Vec<Image>,
    pub(crate) next: Option<Position>,
    tally: Tally,
}

impl<'s> Reading<'s> {
    pub(crate) async fn new(db: &DynamoDb, cx: &Cx, select: &'s Select, consistent: bool) -> Result<Self> {
        let table = db.table(cx, &select.table).await?;
        let index = index_to_read(&table, select.index.as_deref(), consistent)?;
        let key = index.map_or(&table.key, |index| &index.key);
        let (partition, sort) = (key_attributes(&key.hash), key_attributes(&key.range));
        let schema = KeySchema { partition: &partition, sort: &sort };
        check_paths(select, &table, index)?;
        check_order(&select.order, &select.filter, &schema)?;
        let access = match &select.filter {
            Some(filter) => filter.access(&schema).map_err(access_fault)?,
            None => Access::Scan,
        };
        check_access(&select.order, &access, &schema)?;
        if let Some(index) = index {
            check_projected(&access, &table, index)?;
        }
        let reverse = reverse(&select.order, &schema);
        let spans = match &access {
            Access::Scan => {
                let number = index.map_or(layout::BASE, |index| index.number);
                vec![Span { rows: KeyRange::prefix(layout::space(table.id, number)), is_single: false }]
            }
            Access::Reads(reads) => {
                let descending =
                    select.order.iter().any(|term| is_of(term, &schema.partition[0]) && term.descending);
                spans(&table, index, reads, &schema)?.in_order(descending, reverse)
            }
        };
        Ok(Self { table, select, spans, reverse, consistent })
    }

    fn index(&self) -> Option<&Index> {
        self.select.index.as_deref().and_then(|name| self.table.index(name))
    }

    /// Reads on from `start` until the limit, the size of a page or the end.
    pub(crate) async fn page(
        &self,
        db: &DynamoDb,
        start: Option<Position>,
        limit: Option<i32>,
    ) -> Result<Page> {
        let index = self.index();
        let wanted =
            self.select.columns.as_ref().map(|columns| Projection::of_attributes(columns.attributes()));
        let mut page = Page { items: Vec::new(), next: None, tally: Tally::default() };
        let mut left = limit.unwrap_or(i32::MAX);
        let mut bytes = 0;
        let (first, mut after) = start.map_or((0, None), |start| (usize::from(start.span), start.after));
        for (number, span) in self.spans.iter().enumerate().skip(first) {
            let position =
                |number: usize, after| Position { span: u16::try_from(number).unwrap_or(u16::MAX), after };
            if left == 0 || bytes >= PAGE_BYTES_MAX {
                page.next = Some(position(number, None));
                break;
            }
            let sweep = Sweep {
                table: &self.table,
                index,
                range: self.rest(span, after.take())?,
                reverse: self.reverse,
                limit: Some(left),
                bytes_max: PAGE_BYTES_MAX - bytes,
                filter: self.select.filter.as_ref().map(Where::condition),
                view: page::view(&self.table, index, None, wanted.as_ref())?,
                consistent: self.consistent,
            };
            let answer = match sweep.run(db).await {
                Err(Error::Throttled(_)) if number > first => {
                    page.next = Some(position(number, None));
                    break;
                }
                answer => answer?,
            };
            page.tally.merge(&answer.tally);
            page.items.extend(answer.items.into_iter().flatten());
            left -= answer.scanned;
            bytes += answer.bytes;
            if let Some(last) = answer.last_key.filter(|_| !span.is_single) {
                page.next = Some(position(number, Some(last)));
                break;
            }
        }
        if let Some(columns) = &self.select.columns {
            for item in &mut page.items {
                let whole = std::mem::take(item).into_item();
                let whole = whole.map_err(|error| Error::Corrupt(error.to_string()))?;
                *item = columns.apply(&whole).into();
            }
        }
        Ok(page)
    }

    /// What of a span lies behind the item at `after`.
    fn rest(&self, span: &Span, after: Option<Item>) -> Result<KeyRange> {
        let Some(after) = after else { return Ok(span.rows.clone()) };
        let start =
            page::start_key(&self.table, self.index(), &after).map_err(|_| Error::invalid(MISMATCH))?;
        if !span.rows.contains(&start) {
            return Err(Error::invalid(MISMATCH));
        }
        Ok(page::after(span.rows.clone(), &start, self.reverse))
    }
}

impl Page {
    pub(crate) fn consumed(
        &self,
        reading: &Reading<'_>,
        wanted: Option<ReturnConsumedCapacity>,
    ) -> Option<ConsumedCapacity> {
        self.tally.told(&reading.table, &reading.select.table, wanted)
    }
}

/// What is said of a token that another statement's answer brought.
pub(crate) const MISMATCH: &str = "NextToken does not match request";

/// A write, or the condition that EXISTS is. `shows_item`: a failed condition tells the item as it is.
pub(crate) fn plan(table: Arc<Table>, statement: Statement, shows_item: bool) -> Result<Plan> {
    let under = |demand, filter: &Option<Where>| {
        let condition = filter.as_ref().map(|filter| filter.condition().clone());
        WriteCondition::of_statement(demand, condition, shows_item)
    };
    match statement {
        Statement::Insert(insert) => {
            insert.item.size_check().map_err(|_| Error::invalid(text::ITEM_SIZE))?;
            Plan::put(table, insert.item, under(Demand::Absent, &None))
        }
        Statement::Update(update) => {
            let key = written_key(&table, &update.filter)?;
            let condition = under(Demand::Present, &update.filter);
            Plan::update(table, key, (Some(update.update), Surface::Statement), condition)
        }
        Statement::Delete(delete) => {
            let key = written_key(&table, &delete.filter)?;
            Plan::delete(table, key, under(Demand::HoldsIfPresent, &delete.filter))
        }
        Statement::Select(select) | Statement::Exists(select) => {
            let key = checked_key(&select, &table)?;
            Plan::check(table, key, under(Demand::Present, &select.filter))
        }
    }
}

/// The key of the item that EXISTS asks about.
pub(crate) fn checked_key(select: &Select, table: &Table) -> Result<Item> {
    let key = select.filter.as_ref().and_then(|filter| filter.checked_key(&key_names(&table.key)));
    key.ok_or_else(|| Error::invalid("EXISTS() must contain a single item read with additional condition"))
}

fn written_key(table: &Table, filter: &Option<Where>) -> Result<Item> {
    let filter = filter.as_ref().ok_or(AccessFault::NoKey).map_err(access_fault)?;
    filter.item_key(&key_names(&table.key)).map_err(access_fault)
}

/// What RETURNING shows of a write.
pub(crate) fn returned(plan: &Plan, outcome: &Outcome, returning: Option<Returning>) -> Option<Item> {
    let returning = returning?;
    let kept = match returning.side {
        Side::Old => outcome.old.as_ref(),
        Side::New => outcome.new.as_ref(),
    };
    let item = &kept?.item;
    let shown = if returning.whole { item.clone() } else { plan.updates()?.touched().apply(item) };
    (!shown.is_empty()).then_some(shown)
}

/// What the statement wants to be shown.
pub(crate) fn returning(statement: &Statement) -> Option<Returning> {
    match statement {
        Statement::Update(update) => update.returning,
        Statement::Delete(delete) => delete.returns_old.then_some(Returning { whole: true, side: Side::Old }),
        Statement::Select(_) | Statement::Insert(_) | Statement::Exists(_) => None,
    }
}

/// The key of the one item that a SELECT in a batch or transaction reads: its WHERE says the whole key and nothing
/// else. `refusal` is told if it does not. None: a value is none for a key of this table.
pub(crate) fn item_key(select: &Select, table: &Table, refusal: &'static str) -> Result<Option<Item>> {
    let (partition, sort) = (key_attributes(&table.key.hash), key_attributes(&table.key.range));
    let schema = KeySchema { partition: &partition, sort: &sort };
    let Some(filter) = &select.filter else { return Err(Error::invalid(refusal)) };
    let reads = match filter.access(&schema) {
        Ok(Access::Reads(reads)) => reads,
        Ok(Access::Scan) => return Err(Error::invalid(refusal)),
        Err(AccessFault::KeyKind(_)) => return Ok(None),
        Err(fault) => return Err(access_fault(fault)),
    };
    // Reads that overlap are told first.
    spans(table, None, &reads, &schema)?;
    match &reads[..] {
        [read] => read.item_key(&schema).map(Some).ok_or_else(|| Error::invalid(refusal)),
        _ => Err(Error::invalid(refusal)),
    }
}

/// The index that a statement may read.
pub(crate) fn index_to_read<'t>(
    table: &'t Table,
    name: Option<&str>,
    consistent: bool,
) -> Result<Option<&'t Index>> {
    let Some(name) = name else { return Ok(None) };
    let Some(index) = table.index(name) else {
        return Err(Error::invalid("The table does not have the specified index"));
    };
    if index.key.hash.len() > 1 || index.key.range.len() > 1 {
        return Err(Error::invalid(
            "PartiQL statements cannot be executed on tables with multi-attribute HASH keys or multi-attribute RANGE \
             keys.",
        ));
    }
    if consistent && index.reach == Reach::Global {
        return Err(Error::invalid("Strongly consistent read is not supported on Global Secondary Indexes"));
    }
    page::index_to_read(table, Some(name), false)
}

/// The values for a statement's `?`. What is wrong with one is told before the statement is read.
pub(crate) fn values(parameters: &Option<Parameters>) -> Result<&[Value]> {
    let values = parameters.as_ref().map_or(Ok(&[][..]), Parameters::values);
    values.map_err(|fault| Error::invalid(fault.to_string()))
}

pub(crate) fn parse(text: &str, parameters: &Option<Parameters>) -> Result<Statement> {
    Statement::parse(text, values(parameters)?).map_err(|fault| Error::invalid(fault.to_string()))
}

pub(crate) fn access_fault(fault: AccessFault) -> Error {
    Error::invalid(fault.to_string())
}

fn key_attributes(parts: &[KeyPart]) -> Vec<KeyAttribute<'_>> {
    parts.iter().map(|part| KeyAttribute { name: &part.name, kind: part.kind.key_kind() }).collect()
}

/// Refuses paths that go into a key attribute.
fn check_paths(select: &Select, table: &Table, index: Option<&Index>) -> Result<()> {
    let keys = all_key_names(table, index);
    if let Some(filter) = &select.filter {
        filter.condition().check_keys(&keys).map_err(key_fault)?;
    }
    let nested = select.columns.iter().flat_map(|columns| columns.nested()).find(|name| keys.contains(name));
    nested.map_or(Ok(()), |name| Err(key_fault(KeyFault::NotScalar(name.to_owned()))))
}

fn is_of(term: &OrderTerm, attribute: &KeyAttribute<'_>) -> bool {
    !term.path.is_nested() && term.path.head == attribute.name
}

fn check_order(order: &[OrderTerm], filter: &Option<Where>, key: &KeySchema<'_>) -> Result<()> {
    if !order.is_empty() && filter.is_none() {
        return Err(access_fault(AccessFault::OrderWithoutWhere));
    }
    let is_key =
        |term: &&OrderTerm| key.partition.iter().chain(key.sort).any(|attribute| is_of(term, attribute));
    match order.iter().find(|term| !is_key(term)) {
        Some(term) => Err(access_fault(AccessFault::OrderAttribute(term.path.head.to_string()))),
        None => Ok(()),
    }
}

/// Several partitions have an order only if it is said.
fn check_access(order: &[OrderTerm], access: &Access, key: &KeySchema<'_>) -> Result<()> {
    if order.is_empty() {
        return Ok(());
    }
    let Access::Reads(reads) = access else { return Err(access_fault(AccessFault::OrderWithoutKey)) };
    let several = reads.windows(2).any(|pair| pair[0].partition != pair[1].partition);
    if several && !order.iter().any(|term| is_of(term, &key.partition[0])) {
        return Err(access_fault(AccessFault::OrderWithoutHash));
    }
    Ok(())
}

/// Refuses reads of an index that filter by what the index does not have. A scan finds the attribute missing.
fn check_projected(access: &Access, table: &Table, index: &Index) -> Result<()> {
    let missing = access.unprojected(|name| index.projects(table, name));
    if missing.is_empty() {
        return Ok(());
    }
    Err(Error::parameter(format_args!(
        "Secondary index {} does not project one or more filter attributes: [{}]",
        index.name,
        missing.join(", ")
    )))
}

/// An order that does not name the sort key reads backwards: so it was seen of DynamoDB.
fn reverse(order: &[OrderTerm], key: &KeySchema<'_>) -> bool {
    let of_sort = order.iter().find(|term| key.sort.iter().any(|attribute| is_of(term, attribute)));
    !order.is_empty() && of_sort.is_none_or(|term| term.descending)
}

/// The spans of one partition.
struct Partition {
    /// Sorts as the partition key does.
    order: Vec<u8>,
    /// Ascending, and apart from each other.
    spans: Vec<Span>,
}

/// Partitions in ascending order.
struct Partitions(Vec<Partition>);

impl Partitions {
    fn in_order(mut self, descending: bool, reverse: bool) -> Vec<Span> {
        if descending {
            self.0.reverse();
        }
        let ordered = self.0.into_iter().flat_map(|mut partition| {
            if reverse {
                partition.spans.reverse();
            }
            partition.spans
        });
        ordered.collect()
    }
}

/// What `reads` read. Refused if two may read the same item, but for those that negate their sort key: these join.
fn spans(table: &Table, index: Option<&Index>, reads: &[Read], key: &KeySchema<'_>) -> Result<Partitions> {
    let mut strict: Vec<KeyRange> = Vec::new();
    let mut partitions: Vec<Partition> = Vec::new();
    for read in reads.iter().filter(|read| !read.is_empty) {
        let rows = rows(table, index, read)?;
        if rows.is_empty() {
            continue;
        }
        if !read.negates_sort {
            if strict.iter().any(|other| overlap(other, &rows)) {
                return Err(Error::invalid(
                    "Overlapping conditions with range keys are not supported in where clause",
                ));
            }
            strict.push(rows.clone());
        }
        let mut order = Vec::new();
        key::encode(&read.partition, Place::Inner, &mut order)
            .map_err(|error| Error::Corrupt(error.to_string()))?;
        let names_sort = read.sort.iter().any(|range| matches!(range, SortRange::Equal(_)));
        let is_single = index.is_none() && (key.sort.is_empty() || names_sort);
        let span = Span { rows, is_single };
        match partitions.iter_mut().find(|partition| partition.order == order) {
            Some(partition) => partition.spans.push(span),
            None => partitions.push(Partition { order, spans: vec![span] }),
        }
    }
    partitions.sort_by(|a, b| a.order.cmp(&b.order));
    for partition in &mut partitions {
        partition.spans.sort_by(|a, b| a.rows.start.cmp(&b.rows.start));
        partition.spans.dedup_by(|later, earlier| {
            let joins = overlap(&earlier.rows, &later.rows);
            if joins {
                earlier.is_single = earlier.is_single && earlier.rows == later.rows;
                earlier.rows.end = earlier.rows.end.clone().max(later.rows.end.clone());
            }
            joins
        });
    }
    Ok(Partitions(partitions))
}

fn overlap(a: &KeyRange, b: &KeyRange) -> bool {
    a.start < b.end && b.start < a.end
}

/// The rows that hold all that a read says of its keys.
fn rows(table: &Table, index: Option<&Index>, read: &Read) -> Result<KeyRange> {
    let number = index.map_or(layout::BASE, |index| index.number);
    let unkeyed = |error: key::KeyError| Error::Corrupt(error.to_string());
    let partition = layout::partition(table.id, number, [&read.partition]).map_err(unkeyed)?;
    let (attributes, last) = match index {
        None => (table.key.range.len(), Place::Last),
        Some(index) => (index.key.range.len(), Place::Inner),
    };
    let mut rows = KeyRange::prefix(partition.clone());
    for range in &read.sort {
        let plan = KeyPlan { partition: vec![read.partition.clone()], sort: vec![range.clone()] };
        let bounds = plan.bounds(partition.clone(), attributes, last).map_err(unkeyed)?;
        rows.start = rows.start.max(bounds.start.into());
        if let Some(end) = bounds.end {
            rows.end = rows.end.min(Bytes::from(end));
        }
    }
    Ok(rows)
}
