//! CreateTable.

use api::dynamodb::{CreateTableInput, CreateTableOutput, StreamSpecification, StreamViewType, TableStatus};
use base::{Cx, Timestamp};
use store::{Batch, Expect};

use crate::catalogue::{allocate_id, is_conflict, put_stream};
use crate::error::{Error, Result};
use crate::table::{Stream, StreamView, Table};
use crate::{DynamoDb, describe, layout, name, schema, streams};

pub(crate) async fn run(db: &DynamoDb, cx: &Cx, input: CreateTableInput) -> Result<CreateTableOutput> {
    let now = db.clock.now();
    let table_name = name::table_name(&cx.scope, &input.table_name)?.to_owned();
    let mut table = schema::declare(&cx.scope, &CreateTableInput { table_name, ..input.clone() }, now)?;
    let view = stream_view(input.stream_specification.as_ref())?;

    let _changing = db.catalogue.change().await;
    if db.catalogue.get(&cx.scope, &table.name).is_some() {
        return Err(in_use(&table.name));
    }
    table.id = allocate_id(&db.store).await?;
    let mut batch = Batch::new().expect(layout::table(&table.scope, &table.name), Expect::Absent);
    if let Some(view) = view {
        let stream = new_stream(db, &table, view, now).await?;
        batch = put_stream(batch, &table.scope, &stream);
        table.stream = Some(stream);
    }
    let table_name = table.name.clone();
    let (table, _) = db
        .catalogue
        .commit(&db.store, batch, table)
        .await
        .map_err(|error| if is_conflict(&error) { in_use(&table_name) } else { error })?;
    let standing = describe::Standing { status: TableStatus::Creating, now, counts: &[] };
    Ok(CreateTableOutput { table_description: Some(describe::table(&table, &standing)) })
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

/// The stream that begins now.
pub(crate) async fn new_stream(
    db: &DynamoDb,
    table: &Table,
    view: StreamView,
    now: Timestamp,
) -> Result<Stream> {
    let before = table.stream.as_ref();
    // The label is the time, but no two streams of tables of one name may have the same.
    let mut created_ms = now.0;
    let label_at = |ms| streams::label(Timestamp(ms));
    while db.store.get(&layout::stream(&table.scope, &table.name, &label_at(created_ms))).await?.is_some() {
        created_ms += 1;
    }
    Ok(Stream {
        table_id: table.id,
        table_name: table.name.clone(),
        number: before.map_or(0, |before| before.number.wrapping_add(1)),
        label: label_at(created_ms),
        view,
        shards: streams::shards_for(table),
        created_ms,
        disabled_ms: None,
        first_seq: db.store.safe_seq().await?,
        last_seq: None,
        key: table.key.clone(),
    })
}
