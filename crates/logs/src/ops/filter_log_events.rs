//! FilterLogEvents: events of a group in the order of time, of all its streams or some, that match a pattern of terms.
//! A page may be empty and still have a token: one call looks at a bounded number of events.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use api::logs::{FilterLogEventsInput, FilterLogEventsOutput, FilteredLogEvent};
use base::Cx;
use bytes::Bytes;
use store::{KeyRange, ScanOptions};
use wire::Failure;

use crate::pattern::Pattern;
use crate::record::{self, EventRow};
use crate::token::Token;
use crate::{Journal, error};

use super::{group_name, limit};

const EVENTS_MAX: usize = 10_000;
const BYTES_MAX: usize = 1 << 20;
/// Events that one call looks at.
const LOOKED_AT_MAX: usize = 50_000;

/// The streams to look at.
enum Wanted {
    All,
    Ids(HashSet<u64>),
}

pub(super) async fn run(
    journal: &Journal,
    cx: &Cx,
    input: FilterLogEventsInput,
) -> Result<FilterLogEventsOutput, Failure> {
    let group = group_name(input.log_group_name.clone(), input.log_group_identifier.clone())?;
    let pattern = Pattern::parse(input.filter_pattern.as_deref().unwrap_or_default())
        .map_err(|kind| error::invalid(format!("Rushlight does not serve {} yet: use terms.", kind.0)))?;
    let token = input.next_token.as_deref().map(Token::parse).transpose()?;
    journal.flush().await;
    let record = journal.read_group(&cx.scope, &group).await?;
    let wanted = wanted(journal, record.id, &input).await?;

    let low = input.start_time.map_or(Vec::new(), |ms| record::time_place(ms).to_vec());
    let high = input
        .end_time
        .map_or(vec![u8::MAX; record::PLACE_BYTES], |ms| record::time_place(ms.saturating_add(1)).to_vec());
    let (low, high, reverse) = match token {
        Some(Token::Forward(place)) => (low.max(place), high, false),
        Some(Token::Backward(place)) => (low, high.min(place), true),
        None => (low, high, input.start_from_head == Some(false)),
    };
    let (from, to) = record::rows_between(&low, &high);
    let range = KeyRange::new(record::event_key(record.id, &from), record::event_key(record.id, &to));
    let limit = limit(input.limit, EVENTS_MAX);
    let search = Search { group_id: record.id, pattern, wanted, reverse, limit, between: (low, high) };
    let (events, next) = search.run(journal, range).await?;
    Ok(FilterLogEventsOutput {
        events: Some(events),
        searched_log_streams: Some(Vec::new()),
        next_token: next.map(|token| token.print()),
    })
}

async fn wanted(journal: &Journal, group_id: u64, input: &FilterLogEventsInput) -> Result<Wanted, Failure> {
    let mut ids = HashSet::new();
    match (&input.log_stream_names, &input.log_stream_name_prefix) {
        (Some(_), Some(_)) => {
            return Err(error::invalid(
                "logStreamNames and logStreamNamePrefix are mutually exclusive parameters.",
            ));
        }
        (Some(names), None) => {
            for name in names {
                ids.insert(journal.read_stream(group_id, name).await?.id);
            }
        }
        (None, Some(prefix)) => {
            let range = KeyRange::prefix(record::stream_key(group_id, prefix));
            for (_, value) in journal.scan_all(range, 100_000).await? {
                ids.insert(record::decode::<record::StreamRecord>(&value).map_err(error::store)?.id);
            }
        }
        (None, None) => return Ok(Wanted::All),
    }
    Ok(Wanted::Ids(ids))
}

struct Search {
    group_id: u64,
    pattern: Pattern,
    wanted: Wanted,
    reverse: bool,
    limit: usize,
    /// Places of events: the first, and the end.
    between: (Vec<u8>, Vec<u8>),
}

impl Search {
    /// The matches, and the token to go on with unless the range is exhausted.
    async fn run(
        &self,
        journal: &Journal,
        mut range: KeyRange,
    ) -> Result<(Vec<FilteredLogEvent>, Option<Token>), Failure> {
        let mut names = HashMap::new();
        let (mut found, mut bytes, mut looked_at) = (Vec::new(), 0, 0);
        while !range.is_empty() {
            let options = ScanOptions { reverse: self.reverse, ..ScanOptions::default() };
            let page = journal.store.scan(range.clone(), options).await.map_err(error::store)?;
            for (key, value) in page.entries {
                let row = EventRow::decode(&value).map_err(error::store)?;
                for n in self.in_order(row.messages.len()) {
                    let place = record::event_in_row(record::event_place(&key), n);
                    if place < self.between.0 || place >= self.between.1 {
                        continue;
                    }
                    looked_at += 1;
                    let message = String::from_utf8_lossy(&row.messages[n]);
                    if self.matches(row.stream_id, &message) {
                        bytes += message.len() + 26;
                        let name = self.name(journal, row.stream_id, &mut names).await?;
                        found.push(event(&place, name, message.into_owned(), row.ingested_ms)?);
                    }
                    if found.len() >= self.limit || bytes >= BYTES_MAX || looked_at >= LOOKED_AT_MAX {
                        return Ok((found, Some(self.token_after(place))));
                    }
                }
            }
            match page.next {
                Some(next) => range = range.resume(next, self.reverse),
                None => break,
            }
        }
        Ok((found, None))
    }

    fn matches(&self, stream_id: u64, message: &str) -> bool {
        let of_stream = match &self.wanted {
            Wanted::All => true,
            Wanted::Ids(ids) => ids.contains(&stream_id),
        };
        of_stream && self.pattern.matches(message)
    }

    fn in_order(&self, count: usize) -> impl Iterator<Item = usize> + use<> {
        let reverse = self.reverse;
        (0..count).map(move |n| if reverse { count - 1 - n } else { n })
    }

    fn token_after(&self, place: Vec<u8>) -> Token {
        if self.reverse { Token::Backward(place) } else { Token::after(&place) }
    }

    async fn name(
        &self,
        journal: &Journal,
        stream_id: u64,
        names: &mut HashMap<u64, Bytes>,
    ) -> Result<String, Failure> {
        let name = match names.entry(stream_id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                let key = record::stream_name_key(self.group_id, stream_id);
                let row = journal.store.get(&key).await.map_err(error::store)?;
                new.insert(row.map(|row| row.value).unwrap_or_default())
            }
        };
        Ok(String::from_utf8_lossy(name).into_owned())
    }
}

fn event(
    place: &[u8],
    stream: String,
    message: String,
    ingested_ms: i64,
) -> Result<FilteredLogEvent, Failure> {
    let time = record::read_u64(place, 0).map_err(error::store)?;
    let commit = record::read_u64(place, 8).map_err(error::store)?;
    let number =
        |at: usize| place.get(at..at + 4).and_then(|four| four.try_into().ok()).map_or(0, u32::from_be_bytes);
    let (row, n) = (number(16), number(20));
    Ok(FilteredLogEvent {
        log_stream_name: Some(stream),
        timestamp: Some(time.cast_signed()),
        message: Some(message),
        ingestion_time: Some(ingested_ms),
        // 56 digits, as AWS's are, and in the order of events.
        event_id: Some(format!("{time:020}{commit:020}{row:010}{n:06}")),
    })
}
