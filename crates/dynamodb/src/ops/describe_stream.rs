//! DescribeStream.

use api::dynamodbstreams::{
    DescribeStreamInput, DescribeStreamOutput, KeySchemaElement, KeyType, SequenceNumberRange, Shard,
    StreamDescription, StreamStatus, StreamViewType,
};
use base::{Cx, Timestamp};

use crate::DynamoDb;
use crate::error::Result;
use crate::table::{Stream, StreamView};

const SHARDS_MAX: usize = 100;

pub(crate) async fn run(db: &DynamoDb, cx: &Cx, input: DescribeStreamInput) -> Result<DescribeStreamOutput> {
    let stream = db.stream(cx, &input.stream_arn).await?;
    let limit =
        input.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(SHARDS_MAX).min(SHARDS_MAX);
    // Shards here have no children, so the filter for the children of one finds none.
    let shards = if input.shard_filter.is_some() { 0 } else { stream.shards };
    let ids: Vec<String> = (0..shards).map(|shard| stream.shard_id(shard)).collect();
    let start = match &input.exclusive_start_shard_id {
        Some(last) => ids.iter().position(|id| id == last).map_or(ids.len(), |at| at + 1),
        None => 0,
    };
    let end = (start + limit).min(ids.len());
    let shown = ids[start..end].iter().map(|id| Shard {
        shard_id: Some(id.clone()),
        sequence_number_range: Some(SequenceNumberRange {
            starting_sequence_number: Some(stream.starting_number()),
            ending_sequence_number: stream.ending_number(),
        }),
        parent_shard_id: None,
    });
    let shown = shown.collect();
    let last = if end < ids.len() { ids[start..end].last().cloned() } else { None };
    Ok(DescribeStreamOutput { stream_description: Some(describe(&stream, &input.stream_arn, shown, last)) })
}

fn describe(stream: &Stream, arn: &str, shards: Vec<Shard>, last: Option<String>) -> StreamDescription {
    let hash = stream.key.hash.iter().map(|part| (part, KeyType::Hash));
    let range = stream.key.range.iter().map(|part| (part, KeyType::Range));
    let key_schema = hash
        .chain(range)
        .map(|(part, key_type)| KeySchemaElement { attribute_name: part.name.clone(), key_type });
    StreamDescription {
        stream_arn: Some(arn.to_owned()),
        stream_label: Some(stream.label.clone()),
        stream_status: Some(match stream.disabled_ms {
            None => StreamStatus::Enabled,
            Some(_) => StreamStatus::Disabled,
        }),
        stream_view_type: Some(match stream.view {
            StreamView::KeysOnly => StreamViewType::KeysOnly,
            StreamView::NewImage => StreamViewType::NewImage,
            StreamView::OldImage => StreamViewType::OldImage,
            StreamView::NewAndOldImages => StreamViewType::NewAndOldImages,
        }),
        creation_request_date_time: Some(Timestamp(stream.created_ms)),
        table_name: Some(stream.table_name.clone()),
        key_schema: Some(key_schema.collect()),
        shards: Some(shards),
        last_evaluated_shard_id: last,
    }
}
