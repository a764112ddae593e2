//! ListStreams.

use api::dynamodbstreams::{ListStreamsInput, ListStreamsOutput, Stream};
use base::Cx;

use crate::error::Result;
use crate::{DynamoDb, name, streams};

const STREAMS_MAX: usize = 100;

pub(crate) async fn run(db: &DynamoDb, cx: &Cx, input: ListStreamsInput) -> Result<ListStreamsOutput> {
    if let Some(start) = &input.exclusive_start_stream_arn {
        name::stream_parts(&cx.scope, start)?;
    }
    let limit =
        input.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(STREAMS_MAX).min(STREAMS_MAX);
    let found = streams::list(&db.store, &cx.scope, input.table_name.as_deref(), db.clock.now()).await?;
    let arns: Vec<String> = found.iter().map(|stream| stream.arn(&cx.scope)).collect();
    let start = match &input.exclusive_start_stream_arn {
        Some(last) => arns.iter().position(|arn| arn == last).map_or(arns.len(), |at| at + 1),
        None => 0,
    };
    let end = (start + limit).min(arns.len());
    let listed = (start..end).map(|at| Stream {
        stream_arn: Some(arns[at].clone()),
        table_name: Some(found[at].table_name.clone()),
        stream_label: Some(found[at].label.clone()),
    });
    Ok(ListStreamsOutput {
        streams: Some(listed.collect()),
        last_evaluated_stream_arn: if end < arns.len() { arns[start..end].last().cloned() } else { None },
    })
}
