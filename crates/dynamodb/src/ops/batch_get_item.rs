//! BatchGetItem: one snapshot a table, up to 16 MB.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::dynamodb::{BatchGetItemInput, BatchGetItemOutput, KeysAndAttributes};
use base::Cx;
use bytes::Bytes;
use expr::Projection;
use item::Image;

use crate::asked::AskedRead;
use crate::capacity::{Tally, read_units};
use crate::error::{Error, Result, text};
use crate::ops::get_item::{projected, stored};
use crate::request::{Envelope, Kinds, check_projection};
use crate::table::Table;
use crate::{DynamoDb, write};

const KEYS_MAX: usize = 100;
const ANSWER_BYTES_MAX: usize = 16 << 20;

/// The part of a request about one table, checked.
struct Part {
    table: Arc<Table>,
    projection: Option<Projection>,
    keys: Vec<Bytes>,
}

pub(crate) async fn run(db: &DynamoDb, cx: &Cx, input: BatchGetItemInput) -> Result<BatchGetItemOutput> {
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
    kinds(&input).check_mix(Envelope::Bare)?;
    let mut parts = Vec::with_capacity(input.request_items.len());
    for (name, asked) in &input.request_items {
        parts.push(part(db, cx, name, asked).await?);
    }
    let mut responses = BTreeMap::new();
    let mut unprocessed = BTreeMap::new();
    let mut consumed = Vec::new();
    let mut bytes = 0;
    for ((name, mut asked), part) in input.request_items.into_iter().zip(parts) {
        let found = db.store.multi_get(&part.keys).await?;
        let consistent = asked.consistent_read.unwrap_or(false);
        let mut tally = Tally::default();
        let mut items = Vec::new();
        let mut read = 0;
        for entry in found {
            let image = entry.map(|entry| stored(entry.value)).transpose()?;
            let size = image.as_ref().map_or(0, Image::size);
            if bytes + size > ANSWER_BYTES_MAX {
                break;
            }
            bytes += size;
            read += 1;
            tally.add_table(read_units(size, consistent));
            if let Some(image) = image {
                items.push(projected(image, part.projection.as_ref())?);
            }
        }
        consumed.extend(tally.told(&part.table, &name, input.return_consumed_capacity));
        responses.insert(name.clone(), items);
        asked.keys.drain(..read);
        if !asked.keys.is_empty() {
            unprocessed.insert(name, asked);
        }
    }
    Ok(BatchGetItemOutput {
        responses: Some(responses),
        unprocessed_keys: Some(unprocessed),
        consumed_capacity: (!consumed.is_empty()).then_some(consumed),
    })
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
