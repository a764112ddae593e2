//! Scan, in one go or in segments.

use api::dynamodb::{ScanInput, ScanOutput};
use base::Cx;
use store::KeyRange;

use crate::asked::AskedRead;
use crate::error::{Error, Result, text};
use crate::ops::query::projection_member;
use crate::page::{self, PAGE_BYTES_MAX, Sweep};
use crate::request::{all_key_names, key_fault};
use crate::table::{Index, Table};
use crate::{DynamoDb, layout};

/// Part of a parallel scan.
#[derive(Debug, Clone, Copy)]
struct Segment {
    number: u32,
    of: u32,
}

pub(crate) async fn run(db: &DynamoDb, cx: &Cx, input: ScanInput) -> Result<ScanOutput> {
    let reading = AskedRead::from(&input).parse()?;
    let projection = projection_member(&input.projection_expression, &input.attributes_to_get);
    page::check_select(input.select, input.index_name.is_some(), projection)?;
    let segment = segment(&input)?;
    let consistent = input.consistent_read.unwrap_or(false);
    let table = db.table(cx, &input.table_name).await?;
    let index = page::index_to_read(&table, input.index_name.as_deref(), consistent)?;
    if let Some(filter) = &reading.filter {
        filter.check_keys(&all_key_names(&table, index)).map_err(key_fault)?;
    }
    let view = page::view(&table, index, input.select, reading.projection.as_ref())?;
    let range = range(&table, index, segment, &input)?;

    let filter = reading.filter.as_ref();
    let sweep = Sweep {
        table: &table,
        index,
        range,
        reverse: false,
        limit: input.limit,
        bytes_max: PAGE_BYTES_MAX,
        filter,
        view,
        consistent,
    };
    let answer = sweep.run(db).await?;
    answer.tally.record(&cx.trace);
    Ok(ScanOutput {
        consumed_capacity: answer.consumed(&table, &input.table_name, input.return_consumed_capacity),
        items: answer.items,
        count: Some(answer.count),
        scanned_count: Some(answer.scanned),
        last_evaluated_key: answer.last_key,
    })
}

fn segment(input: &ScanInput) -> Result<Segment> {
    match (input.segment, input.total_segments) {
        (None, None) => Ok(Segment { number: 0, of: 1 }),
        (Some(_), None) => Err(Error::invalid(
            "The TotalSegments parameter is required but was not present in the request when Segment parameter is \
             present",
        )),
        (None, Some(_)) => Err(Error::invalid(
            "The Segment parameter is required but was not present in the request when parameter TotalSegments is \
             present",
        )),
        (Some(number), Some(of)) if number >= of => Err(Error::invalid(
            "The Segment parameter is zero-based and must be less than parameter TotalSegments",
        )),
        (Some(number), Some(of)) => {
            Ok(Segment { number: u32::try_from(number).unwrap_or(0), of: u32::try_from(of).unwrap_or(1) })
        }
    }
}

fn range(table: &Table, index: Option<&Index>, segment: Segment, input: &ScanInput) -> Result<KeyRange> {
    let number = index.map_or(layout::BASE, |index| index.number);
    let range = layout::segment(table.id, number, segment.number, segment.of);
    let Some(start) = &input.exclusive_start_key else { return Ok(range) };
    let start = page::start_key(table, index, start)?;
    if !range.contains(&start) {
        return Err(Error::invalid(format!(
            "{}: Invalid ExclusiveStartKey. Please use ExclusiveStartKey with correct Segment. TotalSegments: {} \
             Segment: {}",
            text::STARTING_KEY,
            segment.of,
            segment.number
        )));
    }
    Ok(page::after(range, &start, false))
}
