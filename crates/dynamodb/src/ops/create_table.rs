//! CreateTable.

use api::dynamodb::{CreateTableInput, CreateTableOutput, StreamSpecification, StreamViewType, TableStatus};
use base::{Cx, Scope, Timestamp};
use store::Batch;

use crate::catalogue::{Decision, allocate_id, begin_stream};
use crate::error::{Error, Result};
use crate::table::{Stream, StreamView, Table};
use crate::{DynamoDb, describe, layout, name, quota, schema, streams};

pub(crate) async fn run(db: &DynamoDb, cx: &Cx, input: CreateTableInput) -> Result<CreateTableOutput> {
    let now = db.clock.now();
    let table_name = name::table_name(&cx.scope, &input.table_name)?.to_owned();
    let mut table = schema::declare(&cx.scope, &CreateTableInput { table_name, ..input.clone() }, now)?;
    let view = stream_view(input.stream_specification.as_ref())?;

    if db.catalogue.fresh(&cx.scope, &table.name).await?.is_some() {
        return Err(in_use(&table.name));
    }
    let known = db.catalogue.names(&cx.scope);
    quota::check(&table, None, &known.values().map(|other| &**other).collect::<Vec<_>>())?;
    table.id = allocate_id(&db.store).await?;
    let mut batch = Batch::new();
    if let Some(view) = view {
        let start = stream_start(db, &cx.scope, &table.name, now).await?;
        let stream = Stream::begun(&table, view, start);
        batch = begin_stream(batch, &cx.scope, &stream);
        table.stream = Some(stream);
    }
    let decide = |before: Option<&Table>| match before {
        Some(_) => Err(in_use(&table.name)),
        None => Ok(Decision::becomes(table.clone()).with(batch.clone())),
    };
    db.catalogue.alter(&cx.scope, &table.name, decide).await?;
    let standing = describe::Standing { status: TableStatus::Creating, now, counts: &[] };
    let mut told = describe::table(&table, &standing);
    // AWS comes to know these while it makes the table: recorded in October 2026.
    told.warm_throughput = told.warm_throughput.filter(|_| input.warm_throughput.is_some());
    if let Some(billing) = &mut told.billing_mode_summary {
        billing.last_update_to_pay_per_request_date_time = None;
    }
    Ok(CreateTableOutput { table_description: Some(told) })
}

fn in_use(name: &str) -> Error {
    Error::InUse(format!("Table already exists: {name}"))
}

fn stream_view(asked: Option<&StreamSpecification>) -> Result<Option<StreamView>> {
    match asked {
        None => Ok(None),
        Some(StreamSpecification { stream_enabled: true, stream_view_type: None }) => {
            Err(Error::parameter("Table is being created with a stream enabled, UpdateViewType is required"))
        }
        Some(StreamSpecification { stream_enabled: false, stream_view_type: Some(_) }) => {
            Err(Error::parameter(
                "Table is being created with a stream disabled, UpdateViewType should not be specified",
            ))
        }
        Some(StreamSpecification { stream_view_type, .. }) => Ok(stream_view_type.map(view_of)),
    }
}

pub(crate) fn view_of(view: StreamViewType) -> StreamView {
    match view {
        StreamViewType::KeysOnly => StreamView::KeysOnly,
        StreamViewType::NewImage => StreamView::NewImage,
        StreamViewType::OldImage => StreamView::OldImage,
        StreamViewType::NewAndOldImages => StreamView::NewAndOldImages,
    }
}

/// When a stream that is made now begins.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StreamStart {
    created_ms: i64,
    first_seq: u64,
}

pub(crate) async fn stream_start(
    db: &DynamoDb,
    scope: &Scope,
    table_name: &str,
    now: Timestamp,
) -> Result<StreamStart> {
    // The label is the time, but no two streams of tables of one name may have the same.
    let mut created_ms = now.0;
    let label_at = |ms| streams::label(Timestamp(ms));
    while db.store.get(&layout::stream(scope, table_name, &label_at(created_ms))).await?.is_some() {
        created_ms += 1;
    }
    Ok(StreamStart { created_ms, first_seq: db.store.safe_seq().await? })
}

impl Stream {
    pub(crate) fn begun(table: &Table, view: StreamView, start: StreamStart) -> Self {
        let before = table.stream.as_ref();
        Self {
            table_id: table.id,
            table_name: table.name.clone(),
            number: before.map_or(0, |before| before.number.wrapping_add(1)),
            label: streams::label(Timestamp(start.created_ms)),
            view,
            shards: streams::shards_for(table),
            created_ms: start.created_ms,
            disabled_ms: None,
            first_seq: start.first_seq,
            last_seq: None,
            key: table.key.clone(),
        }
    }
}
