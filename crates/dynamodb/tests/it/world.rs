//! A service on a store, with a clock that stands still, called through `api`'s dispatch.

use base::{Clock, Cx, Scope, Timestamp};
use dynamodb::DynamoDb;
use serde_json::Value;
use store::Store;

pub(crate) struct World {
    pub(crate) db: DynamoDb,
    pub(crate) clock: Clock,
    pub(crate) cx: Cx,
    pub(crate) store: Store,
}

/// 2026-11-22T17:21:00.123Z.
const START: Timestamp = Timestamp(1_795_368_060_123);

pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::on(Store::memory()).await
    }

    pub(crate) async fn on(store: Store) -> Self {
        let clock = Clock::virtual_at(START);
        let db = DynamoDb::new(store.clone(), clock.clone()).await.unwrap();
        Self { db, clock, cx: Cx::internal(Scope::default()), store }
    }

    /// With a folder of objects.
    pub(crate) async fn with_objects(store: Store, folder: &std::path::Path) -> Self {
        let world = Self::on(store).await;
        let objects = std::sync::Arc::new(objects::FolderObjects::new(folder));
        Self { db: world.db.with_objects(objects), ..world }
    }

    /// One of several services on `store`.
    pub(crate) async fn node(store: Store) -> Self {
        let clock = Clock::virtual_at(START);
        let db = DynamoDb::node(store.clone(), clock.clone()).await.unwrap();
        Self { db, clock, cx: Cx::internal(Scope::default()), store }
    }

    /// Returns when streams show what was written before. On a remote engine older writes of others delay that.
    pub(crate) async fn settle(&self) {
        self.store.settle().await.unwrap();
    }

    /// The same with throttling.
    pub(crate) fn throttled(self) -> Self {
        Self { db: self.db.with_throttling(), ..self }
    }

    pub(crate) async fn call(&self, operation: &str, body: &str) -> Reply {
        let streams =
            matches!(operation, "DescribeStream" | "GetRecords" | "GetShardIterator" | "ListStreams");
        let target = if streams { "DynamoDBStreams_20120810" } else { "DynamoDB_20120810" };
        let mut headers = http::HeaderMap::new();
        headers.insert("x-amz-target", format!("{target}.{operation}").parse().unwrap());
        headers.insert("content-type", "application/x-amz-json-1.0".parse().unwrap());
        let request = wire::Request {
            method: http::Method::POST,
            path: "/".to_owned(),
            query: String::new(),
            headers,
            body: body.to_owned().into(),
        };
        let response = if streams {
            self.db.answer_streams(&self.cx, request).await
        } else {
            self.db.answer(&self.cx, request).await
        };
        // Operations without an output answer nothing at all.
        let body = match response.body.is_empty() {
            true => Value::Object(serde_json::Map::new()),
            false => serde_json::from_slice(&response.body).expect("answers are JSON"),
        };
        Reply { status: response.status, body }
    }

    /// The answer of a call that must succeed.
    pub(crate) async fn ok(&self, operation: &str, body: Value) -> Value {
        let reply = self.call(operation, &body.to_string()).await;
        assert_eq!(reply.status, 200, "{operation} {body}: {}", reply.body);
        reply.body
    }

    /// `Code: message` of a call that must fail.
    pub(crate) async fn refused(&self, operation: &str, body: Value) -> String {
        let reply = self.call(operation, &body.to_string()).await;
        assert_ne!(reply.status, 200, "{operation} {body}");
        reply.refusal()
    }
}

impl Reply {
    /// `Code: message`, and what else the error carries.
    pub(crate) fn refusal(&self) -> String {
        let mut rest = self.body.as_object().cloned().unwrap_or_default();
        let code =
            rest.remove("__type").and_then(|code| code.as_str().map(str::to_owned)).unwrap_or_default();
        let code = code.rsplit('#').next().unwrap_or_default().to_owned();
        let message = rest.remove("message").or_else(|| rest.remove("Message"));
        let message = message.and_then(|text| text.as_str().map(str::to_owned)).unwrap_or_default();
        match rest.is_empty() {
            true => format!("{code}: {message}"),
            false => format!("{code}: {message} {}", Value::Object(rest)),
        }
    }
}
