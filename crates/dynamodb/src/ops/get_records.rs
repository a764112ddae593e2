//! GetRecords.

use api::dynamodbstreams::{GetRecordsInput, GetRecordsOutput};
use base::Cx;

use crate::error::{Error, Result};
use crate::iterator::ShardIterator;
use crate::{DynamoDb, streams};

pub(crate) async fn run(db: &DynamoDb, cx: &Cx, input: GetRecordsInput) -> Result<GetRecordsOutput> {
    let now = db.clock.now();
    let iterator = ShardIterator::parse(&input.shard_iterator, now)?;
    let limit = match input.limit.map(usize::try_from) {
        None => streams::RECORDS_MAX,
        Some(Ok(limit)) if (1..=streams::RECORDS_MAX).contains(&limit) => limit,
        Some(_) => {
            return Err(Error::invalid(format!(
                "1 validation error detected: Value '{}' at 'limit' failed to satisfy constraint: Member must \
                 have value less than or equal to {}",
                input.limit.unwrap_or_default(),
                streams::RECORDS_MAX
            )));
        }
    };
    let stream = db.stream(cx, &iterator.stream_arn).await?;
    let page = streams::read(&db.store, &stream, iterator.shard, iterator.after, (limit, now)).await?;
    if page.trimmed {
        return Err(Error::Trimmed);
    }
    let mut records = Vec::with_capacity(page.records.len());
    for (sequence, record) in &page.records {
        records.push(record.shape(&cx.scope, &stream, *sequence)?);
    }
    let next = ShardIterator { after: page.after, issued: now, ..iterator };
    Ok(GetRecordsOutput { records: Some(records), next_shard_iterator: (!page.ended).then(|| next.print()) })
}
