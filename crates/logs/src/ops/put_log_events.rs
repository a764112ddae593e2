//! PutLogEvents, into a stream that is there. Events too old or too new for AWS are left out and told of.

use std::sync::Arc;

use api::logs::{PutLogEventsInput, PutLogEventsOutput, RejectedLogEventsInfo};
use base::{Cx, Timestamp};
use bytes::Bytes;
use ports::{LogBatch, LogEvent};
use wire::Failure;

use crate::writer::Change;
use crate::{Journal, error};

/// Source: <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html>
const EVENTS_MAX: usize = 10_000;
const BYTES_MAX: usize = 1_048_576;
const AGE_MS_MAX: i64 = 14 * 86_400_000;
const AHEAD_MS_MAX: i64 = 2 * 3_600_000;

pub(super) async fn run(
    journal: &Journal,
    cx: &Cx,
    input: PutLogEventsInput,
) -> Result<PutLogEventsOutput, Failure> {
    let events = input.log_events;
    let bytes: usize = events.iter().map(|event| event.message.len() + 26).sum();
    if events.len() > EVENTS_MAX || bytes > BYTES_MAX {
        return Err(error::invalid(format!("Upload too large: {bytes} bytes exceeds limit of {BYTES_MAX}")));
    }
    if events.windows(2).any(|pair| pair[0].timestamp > pair[1].timestamp) {
        return Err(error::invalid(
            "Log events in a single PutLogEvents request must be in chronological order.",
        ));
    }
    let now = journal.clock.now().as_millis();
    let old = events.partition_point(|event| event.timestamp < now - AGE_MS_MAX);
    let new = events.partition_point(|event| event.timestamp <= now + AHEAD_MS_MAX).max(old);
    let rejected = rejected(old, new, events.len());
    let taken = events.into_iter().take(new).skip(old).map(|event| LogEvent {
        timestamp: Timestamp(event.timestamp),
        message: journal.cut(Bytes::from(event.message)),
    });
    let batch = Arc::new(LogBatch {
        scope: cx.scope.clone(),
        group: input.log_group_name.into(),
        stream: input.log_stream_name.into(),
        events: taken.collect(),
    });
    journal.change(cx, Change::Put { batch: Arc::clone(&batch) }).await?;
    journal.publish(&batch);
    Ok(PutLogEventsOutput { rejected_log_events_info: rejected, ..PutLogEventsOutput::default() })
}

fn rejected(old: usize, new: usize, total: usize) -> Option<RejectedLogEventsInfo> {
    let index = |at: usize| i32::try_from(at).ok();
    (old > 0 || new < total).then(|| RejectedLogEventsInfo {
        too_old_log_event_end_index: if old > 0 { index(old) } else { None },
        too_new_log_event_start_index: if new < total { index(new) } else { None },
        expired_log_event_end_index: None,
    })
}
