//! BatchGetItem: one snapshot, up to 16 MB. What does not fit is left to be asked for again.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::dynamodb::{BatchGetItemInput, BatchGetItemOutput, KeysAndAttributes};
use base::Cx;
use bytes::Bytes;
use expr::Projection;
use item::Image;
use store::Entry;

use crate::asked::AskedRead;
use crate::capacity::{Tally, read_units};
use crate::error::{Error, Result, text};
use crate::ops::get_item::{projected, stored};
use crate::request::{Envelope, Kinds, check_projection};
use crate::table::Table;
use crate::throttle::Way;
use crate::{DynamoDb, write};

const KEYS_MAX: usize = 100;
const ANSWER_BYTES_MAX: usize = 16 << 20;

/// The part of a request about one table, checked.
struct Part {
    table: Arc<Table>,
    projection: Option<Projection>,
    keys: Vec<Bytes>,
}

/// What is answered of one table.
#[derive(Default)]
struct Taken {
    items: Vec<Image>,
    tally: Tally,
    /// Keys that are answered, whether or not there is an item.
    keys: usize,
    /// Why there are no more, if the capacity was used up.
    throttled: Option<Error>,
}

pub(crate) async fn run(db: &DynamoDb, cx: &Cx, input: BatchGetItemInput) -> Result<BatchGetItemOutput> {
    check(&input)?;
    let mut parts = Vec::with_capacity(input.request_items.len());
    for (name, asked) in &input.request_items {
        parts.push(part(db, cx, name, asked).await?);
    }
    let keys: Vec<Bytes> = parts.iter().flat_map(|part| part.keys.iter().cloned()).collect();
    let mut found = db.store.multi_get(&keys).await?.into_iter();

    let mut responses = BTreeMap::new();
    let mut unprocessed = BTreeMap::new();
    let mut consumed = Vec::new();
    let mut room = ANSWER_BYTES_MAX;
    let (mut answered, mut throttled) = (0, None);
    for ((name, mut asked), part) in input.request_items.into_iter().zip(parts) {
        let rows: Vec<Option<Entry>> = found.by_ref().take(part.keys.len()).collect();
        let taken = part.take(db, rows, asked.consistent_read.unwrap_or(false), &mut room)?;
        answered += taken.keys;
        throttled = taken.throttled.or(throttled);
        if taken.keys > 0 {
            consumed.extend(taken.tally.told(&part.table, &name, input.return_consumed_capacity));
        }
        responses.insert(name.clone(), taken.items);
        asked.keys.drain(..taken.keys);
        if !asked.keys.is_empty() {
            unprocessed.insert(name, asked);
        }
    }
    if let Some(error) = throttled.filter(|_| answered == 0) {
        return Err(error);
    }
    Ok(BatchGetItemOutput {
        responses: Some(responses),
        unprocessed_keys: Some(unprocessed),
        consumed_capacity: (!consumed.is_empty()).then_some(consumed),
    })
}

fn check(input: &BatchGetItemInput) -> Result<()> {
    if input.request_items.is_empty() {
        return Err(Error::invalid("The requestItems parameter is required for BatchGetItem"));
    }
    if let Some((name, _)) = input.request_items.iter().find(|(_, asked)| asked.keys.len() > KEYS_MAX) {
        return Err(Error::invalid(format!(
            "1 validation error detected: Value at 'RequestItems.{name}.member.Keys' failed to satisfy constraint: \
             Member must have length less than or equal to {KEYS_MAX}"
        )));
    }
    if input.request_items.values().map(|asked| asked.keys.len()).sum::<usize>() > KEYS_MAX {
        return Err(Error::invalid("Too many items requested for the BatchGetItem call"));
    }
    kinds(input).check_mix(Envelope::Bare)
}

impl Part {
    /// Takes what there is `room` and capacity for, in the order of the keys.
    fn take(
        &self,
        db: &DynamoDb,
        rows: Vec<Option<Entry>>,
        consistent: bool,
        room: &mut usize,
    ) -> Result<Taken> {
        let mut taken = Taken::default();
        let admission = db.admission();
        for row in rows {
            let image = row.map(|entry| stored(entry.value)).transpose()?;
            let size = image.as_ref().map_or(0, Image::size);
            let Some(left) = room.checked_sub(size) else { break };
            taken.throttled = admission.check(&self.table, None, Way::Read).err();
            if taken.throttled.is_some() {
                break;
            }
            *room = left;
            taken.keys += 1;
            let tally = Tally::of_table(read_units(size, consistent));
            admission.charge(&self.table, Way::Read, &tally);
            taken.tally.merge(&tally);
            if let Some(image) = image {
                taken.items.push(projected(image, self.projection.as_ref())?);
            }
        }
        Ok(taken)
    }
}

/// Which kinds of parameters are used for any of the tables.
fn kinds(input: &BatchGetItemInput) -> Kinds {
    let uses = |wanted: fn(&KeysAndAttributes) -> bool| input.request_items.values().any(wanted);
    Kinds::default()
        .expression("ProjectionExpression", uses(|asked| asked.projection_expression.is_some()))
        .parameter("AttributesToGet", uses(|asked| asked.attributes_to_get.is_some()))
}

async fn part(db: &DynamoDb, cx: &Cx, name: &str, asked: &KeysAndAttributes) -> Result<Part> {
    let projection = AskedRead::from(asked).parse()?.projection;
    // AWS looks for these before it looks for the table.
    if (1..asked.keys.len()).any(|at| asked.keys[..at].contains(&asked.keys[at])) {
        return Err(Error::invalid(text::DUPLICATE_KEYS));
    }
    let table = db.table(cx, name).await?;
    check_projection(projection.as_ref(), &table, None)?;
    let keys = asked.keys.iter().map(|key| write::request_key(&table, key)).collect::<Result<_>>()?;
    Ok(Part { table, projection, keys })
}
