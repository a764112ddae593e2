//! The change feed that event source mappings read. Positions are sequences; records come as Lambda event JSON.
//! Knows no function.

use base::Scope;
use ports::{BoxFuture, ChangeFeed, FeedError, FeedPage, FeedPosition, FeedRecord, FeedStart, Shard};

use crate::error::{Error, Result};
use crate::table::Stream;
use crate::{DynamoDb, layout, name, record, streams};

impl ChangeFeed for DynamoDb {
    fn shards<'a>(&'a self, stream_arn: &'a str) -> BoxFuture<'a, Result<Vec<Shard>, FeedError>> {
        Box::pin(async move {
            let (_, stream) = self.feed_stream(stream_arn).await?;
            let closed = stream.disabled_ms.is_some();
            let shard = |shard| Shard { id: stream.shard_id(shard), parent: None, closed };
            Ok((0..stream.shards).map(shard).collect())
        })
    }

    fn position<'a>(
        &'a self,
        stream_arn: &'a str,
        shard: &'a str,
        start: FeedStart,
    ) -> BoxFuture<'a, Result<FeedPosition, FeedError>> {
        Box::pin(async move {
            let (_, stream) = self.feed_stream(stream_arn).await?;
            feed_shard(&stream, shard)?;
            let after = match start {
                FeedStart::TrimHorizon => 0,
                FeedStart::Latest => streams::latest(&self.store).await?,
            };
            Ok(FeedPosition { shard: shard.to_owned(), after })
        })
    }

    fn read<'a>(
        &'a self,
        stream_arn: &'a str,
        position: &'a FeedPosition,
        records_max: usize,
    ) -> BoxFuture<'a, Result<FeedPage, FeedError>> {
        Box::pin(async move {
            let (scope, stream) = self.feed_stream(stream_arn).await?;
            let shard = feed_shard(&stream, &position.shard)?;
            let bounds = (records_max, self.clock.now());
            let page = streams::read(&self.store, &stream, shard, position.after, bounds).await?;
            let mut records = Vec::with_capacity(page.records.len());
            for (sequence, record) in page.records {
                records.push(FeedRecord {
                    sequence,
                    sequence_number: record::sequence_number(sequence),
                    created: base::Timestamp(record.created_ms),
                    event_json: record.event_json(&scope, &stream, sequence)?,
                });
            }
            let next = FeedPosition { shard: position.shard.clone(), after: page.after };
            Ok(FeedPage { records, next, ended: page.ended })
        })
    }

    /// The watch is made now, not when the future is first polled: call this, read, and wait if nothing was read.
    fn changed<'a>(&'a self, stream_arn: &'a str) -> BoxFuture<'a, ()> {
        let watched = self.watched_prefixes(stream_arn);
        Box::pin(async move {
            match watched {
                Some((mut records, mut table)) => {
                    // The store ends watches only when it closes: then nothing changes any more.
                    let woken = tokio::select! {
                        woken = records.changed() => woken,
                        woken = table.changed() => woken,
                    };
                    if woken.is_err() {
                        std::future::pending::<()>().await;
                    }
                }
                None => std::future::pending().await,
            }
        })
    }
}

impl DynamoDb {
    async fn feed_stream(&self, arn: &str) -> Result<(Scope, Stream)> {
        let none = || Error::NotFound(no_stream(arn));
        let scope = name::scope_of(arn).ok_or_else(none)?;
        let parts = name::stream_parts(&scope, arn)?;
        let stream = streams::find(&self.store, &scope, parts, self.clock.now()).await?.ok_or_else(none)?;
        Ok((scope, stream))
    }

    /// Watches of the stream's records and of the stream itself, which may be disabled or deleted.
    fn watched_prefixes(&self, arn: &str) -> Option<(store::Watch, store::Watch)> {
        let scope = name::scope_of(arn)?;
        let (table_name, label) = name::stream_parts(&scope, arn).ok()?;
        let stream_key = layout::stream(&scope, table_name, label);
        let table = self.catalogue.get(&scope, table_name);
        let stream = table.as_ref().and_then(|table| table.stream.as_ref());
        let records = match stream.filter(|stream| stream.label == label) {
            Some(stream) => layout::records(stream.table_id, stream.number),
            // Another node may have just made it: whatever comes wakes the reader.
            None if self.catalogue.is_shared() => layout::all_records(),
            // An older stream gets no more records; only its end is news.
            None => stream_key.clone(),
        };
        Some((self.store.watch(records), self.store.watch(stream_key)))
    }
}

pub(crate) fn no_stream(arn: &str) -> String {
    format!("Requested resource not found: Stream: {arn} not found")
}

fn feed_shard(stream: &Stream, id: &str) -> Result<u8, FeedError> {
    stream.shard_number(id).ok_or_else(|| FeedError::NotFound(format!("Shard not found: {id}")))
}

impl From<Error> for FeedError {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound(message) => Self::NotFound(message),
            error => Self::Internal(error.to_string()),
        }
    }
}
