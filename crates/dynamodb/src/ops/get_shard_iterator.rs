//! GetShardIterator.

use api::dynamodbstreams::{GetShardIteratorInput, GetShardIteratorOutput, ShardIteratorType};
use base::Cx;

use crate::error::{Error, Result};
use crate::iterator::ShardIterator;
use crate::{DynamoDb, record, streams};

pub(crate) async fn run(
    db: &DynamoDb,
    cx: &Cx,
    input: GetShardIteratorInput,
) -> Result<GetShardIteratorOutput> {
    let stream = db.stream(cx, &input.stream_arn).await?;
    let shard = stream.shard_number(&input.shard_id).ok_or_else(|| {
        Error::NotFound(format!(
            "Requested resource not found: Shard: {} in Stream: {} not found",
            input.shard_id, input.stream_arn
        ))
    })?;
    let after = match input.shard_iterator_type {
        ShardIteratorType::TrimHorizon => 0,
        ShardIteratorType::Latest => streams::latest(&db.store).await?,
        ShardIteratorType::AtSequenceNumber => sequence(&input)?.saturating_sub(1),
        ShardIteratorType::AfterSequenceNumber => sequence(&input)?,
        ShardIteratorType::AtTimestamp => {
            let Some(from) = input.timestamp else {
                return Err(Error::invalid(
                    "The timestamp must be specified when ShardIteratorType is AT_TIMESTAMP",
                ));
            };
            // What is past its day is not asked for.
            let from = from.max(streams::oldest_kept(db.clock.now()));
            streams::before(&db.store, &stream, shard, from).await?
        }
    };
    let iterator = ShardIterator { stream_arn: input.stream_arn, shard, after, issued: db.clock.now() };
    Ok(GetShardIteratorOutput { shard_iterator: Some(iterator.print()) })
}

fn sequence(input: &GetShardIteratorInput) -> Result<u64> {
    let Some(text) = &input.sequence_number else {
        return Err(Error::invalid(format!(
            "The sequence number must be specified when ShardIteratorType is {}",
            input.shard_iterator_type.as_str()
        )));
    };
    record::parse_sequence_number(text)
        .ok_or_else(|| Error::invalid(format!("Invalid SequenceNumber: {text}")))
}
