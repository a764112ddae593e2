//! DescribeLogStreams, by name or by the time of the last event.

use api::logs::{DescribeLogStreamsInput, DescribeLogStreamsOutput, LogStream, OrderBy};
use base::Cx;
use store::KeyRange;
use wire::Failure;

use crate::record::{self, StreamRecord};
use crate::{Journal, error};

use super::{group_arn, group_name, limit};

/// Streams of one group that are looked at; the newest function has seldom more environments than that.
const STREAMS_MAX: usize = 100_000;

pub(super) async fn run(
    journal: &Journal,
    cx: &Cx,
    input: DescribeLogStreamsInput,
) -> Result<DescribeLogStreamsOutput, Failure> {
    let group = group_name(input.log_group_name, input.log_group_identifier)?;
    let by_time = input.order_by == Some(OrderBy::LastEventTime);
    let prefix = input.log_stream_name_prefix.unwrap_or_default();
    if by_time && !prefix.is_empty() {
        return Err(error::invalid("Cannot order by LastEventTime with a logStreamNamePrefix."));
    }
    journal.flush().await;
    let record = journal.read_group(&cx.scope, &group).await?;
    let range = KeyRange::prefix(record::stream_key(record.id, &prefix));
    let rows = journal.scan_all(range, STREAMS_MAX).await?;
    let mut streams: Vec<(String, StreamRecord)> = Vec::with_capacity(rows.len());
    for (key, value) in rows {
        let stream = record::decode(&value).map_err(error::store)?;
        streams.push((record::stream_name(&key).to_owned(), stream));
    }
    if by_time {
        streams.sort_by(|a, b| (a.1.last_ms, &a.0).cmp(&(b.1.last_ms, &b.0)));
    }
    if input.descending == Some(true) {
        streams.reverse();
    }
    let start = match input.next_token {
        Some(token) => token.parse::<usize>().map_err(|_| error::bad_token())?,
        None => 0,
    };
    let end = start.saturating_add(limit(input.limit, 50)).min(streams.len());
    let next_token = (end < streams.len()).then(|| end.to_string());
    let page = streams.get(start..end).unwrap_or_default();
    let arn = group_arn(cx, &group);
    let described = page.iter().map(|(name, stream)| describe(&arn, name, stream)).collect();
    Ok(DescribeLogStreamsOutput { log_streams: Some(described), next_token })
}

fn describe(group_arn: &str, name: &str, stream: &StreamRecord) -> LogStream {
    LogStream {
        log_stream_name: Some(name.to_owned()),
        creation_time: Some(stream.created_ms),
        first_event_timestamp: stream.first_ms,
        last_event_timestamp: stream.last_ms,
        last_ingestion_time: stream.ingested_ms,
        upload_sequence_token: None,
        arn: Some(format!("{group_arn}:log-stream:{name}")),
        // AWS has answered zero for streams since 2019.
        stored_bytes: Some(0),
    }
}
