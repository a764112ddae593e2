//! GetLogEvents: a page of one stream, oldest first whichever way it is read. At the end of the stream the forward
//! token is the one that was given, which is how clients know that they have all there is yet.

use api::logs::{GetLogEventsInput, GetLogEventsOutput, OutputLogEvent};
use base::Cx;
use bytes::Bytes;
use store::{KeyRange, ScanOptions};
use wire::Failure;

use crate::record::{self, EventRow};
use crate::token::Token;
use crate::{Journal, error};

use super::{group_name, limit};

const EVENTS_MAX: usize = 10_000;
const BYTES_MAX: usize = 1 << 20;

pub(super) async fn run(
    journal: &Journal,
    cx: &Cx,
    input: GetLogEventsInput,
) -> Result<GetLogEventsOutput, Failure> {
    let group = group_name(input.log_group_name, input.log_group_identifier)?;
    let token = input.next_token.as_deref().map(Token::parse).transpose()?;
    journal.flush().await;
    let record = journal.read_group(&cx.scope, &group).await?;
    let stream = journal.read_stream(record.id, &input.log_stream_name).await?;

    let ((low, high), forward) =
        range(&token, input.start_from_head.unwrap_or(false), [input.start_time, input.end_time]);
    let limit = limit(input.limit, EVENTS_MAX);
    let (from, to) = record::rows_between(&low, &high);
    let rows = KeyRange::new(
        record::order_key(record.id, stream.id, &from),
        record::order_key(record.id, stream.id, &to),
    );
    // One more: all events of the first may have been passed.
    let mut rows = read_rows(journal, rows, forward, limit + 1).await?;
    if !forward {
        rows.reverse();
    }
    let mut events = read_events(journal, record.id, &rows).await?;
    events.retain(|(place, _)| *place >= low && *place < high);
    let events = cut(events, forward, limit);
    let tokens = match (events.first(), events.last()) {
        (Some((first, _)), Some((last, _))) => (Token::after(last), Token::Backward(first.clone())),
        _ => {
            // Nothing was found: both directions go on from here.
            let here = if forward { low } else { high };
            (Token::Forward(here.clone()), Token::Backward(here))
        }
    };
    Ok(GetLogEventsOutput {
        events: Some(events.into_iter().map(|(_, event)| event).collect()),
        next_forward_token: Some(tokens.0.print()),
        next_backward_token: Some(tokens.1.print()),
    })
}

/// The places to read between, and whether from the first of them on.
fn range(token: &Option<Token>, from_head: bool, times: [Option<i64>; 2]) -> ((Vec<u8>, Vec<u8>), bool) {
    let [start, end] = times.map(|time| time.map(|ms| record::time_place(ms).to_vec()));
    let (low, high) = (start.unwrap_or_default(), end.unwrap_or_else(|| vec![u8::MAX; record::PLACE_BYTES]));
    match token {
        Some(Token::Forward(place)) => ((low.max(place.clone()), high), true),
        Some(Token::Backward(place)) => ((low, high.min(place.clone())), false),
        None => ((low, high), from_head),
    }
}

async fn read_rows(
    journal: &Journal,
    mut range: KeyRange,
    forward: bool,
    limit: usize,
) -> Result<Vec<Bytes>, Failure> {
    let mut rows = Vec::new();
    while rows.len() < limit && !range.is_empty() {
        let options = ScanOptions { reverse: !forward, ..ScanOptions::limit(limit - rows.len()) };
        let page = journal.store.scan(range.clone(), options).await.map_err(error::store)?;
        rows.extend(page.entries.iter().map(|(key, _)| key.slice(key.len() - record::PLACE_BYTES..)));
        match page.next {
            Some(next) => range = range.resume(next, !forward),
            None => break,
        }
    }
    Ok(rows)
}

type Placed = (Vec<u8>, OutputLogEvent);

/// All events of the rows, with their places.
async fn read_events(journal: &Journal, group_id: u64, rows: &[Bytes]) -> Result<Vec<Placed>, Failure> {
    let keys: Vec<Bytes> = rows.iter().map(|row| record::event_key(group_id, row)).collect();
    let found = journal.store.multi_get(&keys).await.map_err(error::store)?;
    let mut events = Vec::with_capacity(found.len());
    for (row, found) in rows.iter().zip(found) {
        // Deleted between the two reads.
        let Some(found) = found else { continue };
        let timestamp = record::read_u64(row, 0).map_err(error::store)?.cast_signed();
        let held = EventRow::decode(&found.value).map_err(error::store)?;
        for (n, message) in held.messages.iter().enumerate() {
            let event = OutputLogEvent {
                timestamp: Some(timestamp),
                message: Some(String::from_utf8_lossy(message).into_owned()),
                ingestion_time: Some(held.ingested_ms),
            };
            events.push((record::event_in_row(row, n), event));
        }
    }
    Ok(events)
}

/// A page: no more than `limit` events, and no more than its bound in bytes, from the end that is read first.
fn cut(mut events: Vec<Placed>, forward: bool, limit: usize) -> Vec<Placed> {
    let bytes = |event: &OutputLogEvent| event.message.as_ref().map_or(0, String::len) + 26;
    let total = events.len();
    let mut left = BYTES_MAX;
    let mut fits = |(_, event): &&Placed| {
        let fitted = left >= bytes(event);
        left = left.saturating_sub(bytes(event));
        fitted
    };
    if forward {
        let count = events.iter().take(limit).take_while(|event| fits(event)).count().max(total.min(1));
        events.truncate(count);
    } else {
        let count = events.iter().rev().take(limit).take_while(|event| fits(event)).count().max(total.min(1));
        events.drain(..total - count);
    }
    events
}
