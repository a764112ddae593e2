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

    let (range, forward) =
        range(&token, input.start_from_head.unwrap_or(false), [input.start_time, input.end_time]);
    let range = KeyRange::new(
        record::order_key(record.id, stream.id, &range.0),
        record::order_key(record.id, stream.id, &range.1),
    );
    let (start, end) = (range.start.clone(), range.end.clone());
    let mut places = read_places(journal, range, forward, limit(input.limit, EVENTS_MAX)).await?;
    if !forward {
        places.reverse();
    }
    let keys: Vec<Bytes> = places.iter().map(|place| record::event_key(record.id, place)).collect();
    let (events, kept) = read_events(journal, &keys, forward).await?;
    let places = &places[kept];
    let tokens = match (places.first(), places.last()) {
        (Some(first), Some(last)) => (Token::after(last), Token::Backward(first.to_vec())),
        _ if forward => same(record::order_place(&start)),
        _ => same(record::order_place(&end)),
    };
    Ok(GetLogEventsOutput {
        events: Some(events),
        next_forward_token: Some(tokens.0.print()),
        next_backward_token: Some(tokens.1.print()),
    })
}

/// Nothing was found: both directions go on from here.
fn same(place: &[u8]) -> (Token, Token) {
    (Token::Forward(place.to_vec()), Token::Backward(place.to_vec()))
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

async fn read_places(
    journal: &Journal,
    mut range: KeyRange,
    forward: bool,
    limit: usize,
) -> Result<Vec<Bytes>, Failure> {
    let mut places = Vec::new();
    while places.len() < limit && !range.is_empty() {
        let options = ScanOptions { reverse: !forward, ..ScanOptions::limit(limit - places.len()) };
        let page = journal.store.scan(range.clone(), options).await.map_err(error::store)?;
        places.extend(page.entries.iter().map(|(key, _)| key.slice(key.len() - record::PLACE_BYTES..)));
        match page.next {
            Some(next) => range = range.resume(next, !forward),
            None => break,
        }
    }
    Ok(places)
}

/// The events of a page, cut to its bound in bytes at the end that is read last; and which of the keys they are.
async fn read_events(
    journal: &Journal,
    keys: &[Bytes],
    forward: bool,
) -> Result<(Vec<OutputLogEvent>, std::ops::Range<usize>), Failure> {
    let rows = journal.store.multi_get(keys).await.map_err(error::store)?;
    let mut events = Vec::with_capacity(rows.len());
    for (key, row) in keys.iter().zip(rows) {
        // Deleted between the two reads.
        let Some(row) = row else { continue };
        let event = EventRow::decode(&row.value).map_err(error::store)?;
        events.push(OutputLogEvent {
            timestamp: Some(record::read_u64(key, 9).map_err(error::store)?.cast_signed()),
            message: Some(String::from_utf8_lossy(&event.message).into_owned()),
            ingestion_time: Some(event.ingested_ms),
        });
    }
    let bytes = |event: &OutputLogEvent| event.message.as_ref().map_or(0, String::len) + 26;
    let total = events.len();
    let mut left = BYTES_MAX;
    let mut fits = |event: &OutputLogEvent| {
        let fitted = left >= bytes(event);
        left = left.saturating_sub(bytes(event));
        fitted
    };
    if forward {
        let count = events.iter().take_while(|event| fits(event)).count().max(total.min(1));
        events.truncate(count);
        return Ok((events, 0..if count == total { keys.len() } else { count }));
    }
    let count = events.iter().rev().take_while(|event| fits(event)).count().max(total.min(1));
    events.drain(..total - count);
    Ok((events, if count == total { 0..keys.len() } else { keys.len() - count..keys.len() }))
}
