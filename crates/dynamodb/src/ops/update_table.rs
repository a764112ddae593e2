//! UpdateTable: one concern a call, as AWS has it.

use api::dynamodb as shape;
use api::dynamodb::{BillingMode, TableStatus, UpdateTableInput, UpdateTableOutput};
use base::{Cx, Region, Timestamp};
use store::Batch;

use crate::catalogue::{Decision, begin_stream, put_stream};
use crate::error::{Error, Result, text};
use crate::ops::create_table::{StreamStart, stream_start, view_of};
use crate::quota::Place;
use crate::table::{Billing, Index, IndexPhase, KeyPart, OnDemand, Reach, Stream, Table, TablePhase};
use crate::{DynamoDb, describe, name, quota, schema, warm};

pub(crate) async fn run(db: &DynamoDb, cx: &Cx, input: UpdateTableInput) -> Result<UpdateTableOutput> {
    check_served(&input)?;
    check_replicas(&cx.scope.region, input.replica_updates.as_deref())?;
    check_alone(&input)?;
    let now = db.clock.now();
    let name = name::table_name(&cx.scope, &input.table_name)?;
    let enabled = input.stream_specification.as_ref().is_some_and(|asked| asked.stream_enabled);
    let start = if enabled { Some(stream_start(db, &cx.scope, name, now).await?) } else { None };
    let known = db.catalogue.names(&cx.scope);
    let others: Vec<&Table> =
        known.values().map(|other| &**other).filter(|other| other.name != name).collect();
    let decide = |before: Option<&Table>| {
        let mut table = before.ok_or_else(|| Error::NotFound(text::no_table(name)))?.clone();
        check_phase(&table, &input)?;
        change_billing(&mut table, &input, now)?;
        change_settings(&mut table, &input, now)?;
        let stream = change_stream(&mut table, &input, start, now)?;
        change_indexes(&mut table, &input, now)?;
        check_billed(&table)?;
        quota::check(&table, before, &others)?;
        let batch = match &stream {
            Some(stream) if stream.disabled_ms.is_none() => begin_stream(Batch::new(), &table.scope, stream),
            Some(stream) => put_stream(Batch::new(), &table.scope, stream),
            None => Batch::new(),
        };
        Ok(Decision::becomes(table.clone()).with(batch).answering(table))
    };
    let table = db.catalogue.alter(&cx.scope, name, decide).await?;

    let status = match input.deletion_protection_enabled {
        Some(_) => TableStatus::Active,
        None => TableStatus::Updating,
    };
    let counts = db.census.of(&table).await?;
    let described = describe::table(&table, &describe::Standing { status, now, counts: &counts });
    db.upkeep.tend(&table).await;
    Ok(UpdateTableOutput { table_description: Some(described) })
}

/// Refuses what has to wait until another change of the table is carried out.
fn check_phase(table: &Table, input: &UpdateTableInput) -> Result<()> {
    let in_use =
        |what: &str| Err(Error::InUse(format!("Attempt to change a resource which is still in use: {what}")));
    match table.phase {
        Some(TablePhase::Creating) => return in_use(&format!("Table is being created: {}", table.name)),
        Some(TablePhase::Deleting) => return in_use(&format!("Table is being deleted: {}", table.name)),
        None => {}
    }
    let deleting = table.indexes.iter().filter(|index| index.is_deleting());
    let deleting: Vec<&str> = deleting.map(|index| index.name.as_str()).collect();
    let on_demand = input.billing_mode == Some(BillingMode::PayPerRequest);
    let switched = on_demand && table.billing.provisioned.is_some();
    if !deleting.is_empty() && (input.provisioned_throughput.is_some() || switched) {
        return in_use(&format!(
            "Can't change table IOPS when an index is being deleted. Table: {} Indexes: [{}]",
            table.name,
            deleting.join(", ")
        ));
    }
    Ok(())
}

fn check_served(input: &UpdateTableInput) -> Result<()> {
    let unserved = [
        ("MultiRegionConsistency", input.multi_region_consistency.is_some()),
        ("GlobalTableWitnessUpdates", input.global_table_witness_updates.is_some()),
    ];
    match unserved.iter().find(|(_, present)| *present) {
        Some((name, _)) => Err(Error::parameter(format_args!("Rushlight does not support {name} yet"))),
        None => Ok(()),
    }
}

/// A table has no replicas: another region is one where global tables are not supported, as AWS has such regions.
fn check_replicas(region: &Region, updates: Option<&[shape::ReplicationGroupUpdate]>) -> Result<()> {
    let Some(updates) = updates else { return Ok(()) };
    let first = updates.first().and_then(|update| {
        let create = update.create.as_ref().map(|action| (&action.region_name, true));
        let change = update.update.as_ref().map(|action| (&action.region_name, false));
        let delete = update.delete.as_ref().map(|action| (&action.region_name, false));
        create.or(change).or(delete)
    });
    Err(Error::invalid(match first {
        None => "There are no actions specified in the Replica Update Action of the request.".to_owned(),
        Some((named, _)) if named == region.as_str() => "Cannot add or delete the local region through \
             ReplicaUpdates. Use CreateTable, DeleteTable, or UpdateTable as required."
            .to_owned(),
        Some((named, true)) => format!(
            "Region {named} is not supported. The latest version of global tables are only supported in the following \
             regions: [{}]",
            region.as_str()
        ),
        Some((named, false)) => format!(
            "Update global table operation failed because one or more replicas were not part of the global table. \
             Please retry the request without these replicas: [{named}]."
        ),
    }))
}

/// Most changes must be the only one of a request.
fn check_alone(input: &UpdateTableInput) -> Result<()> {
    let throughput =
        input.provisioned_throughput.is_some() || input.billing_mode == Some(BillingMode::Provisioned);
    let stream = input.stream_specification.is_some();
    let index = input.global_secondary_index_updates.is_some() || input.vector_index_updates.is_some();
    // A list of nothing is nothing, but beside something it is refused.
    let nothing = input.global_secondary_index_updates.as_ref().is_some_and(Vec::is_empty);
    let alone = [
        (input.sse_specification.is_some(), "Server-Side Encryption modification"),
        (input.table_class.is_some(), "TableClass modification"),
        (input.deletion_protection_enabled.is_some(), "DeletionProtection modification"),
        (input.warm_throughput.is_some(), "WarmThroughput"),
    ];
    let others = [
        input.provisioned_throughput.is_some(),
        input.billing_mode.is_some(),
        stream,
        index,
        input.on_demand_throughput.is_some(),
    ];
    let changes = alone.iter().map(|(present, _)| *present).chain(others).filter(|present| *present).count();
    if changes == 0 || (changes == 1 && nothing) {
        return Err(Error::invalid(
            "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, \
             GlobalSecondaryIndexUpdates, SSESpecification, ReplicaUpdates, MultiAccountReplicaReady, \
             ReplicaTransitRoleArn, MultiRegionConsistency, DeletionProtectionEnabled, OnDemandThroughput, \
             WarmThroughput or TableClass is required",
        ));
    }
    if nothing {
        return Err(no_updates());
    }
    let creates = input.global_secondary_index_updates.iter().flatten().any(|update| update.create.is_some());
    if creates && input.warm_throughput.is_some() {
        return Err(Error::parameter(
            "Create global secondary index cannot be specified when updating WarmThroughput",
        ));
    }
    if let Some((_, name)) = alone.iter().find(|(present, _)| *present && changes > 1) {
        return Err(Error::parameter(format_args!("{name} must be the only operation in the request")));
    }
    if input.on_demand_throughput.is_some() && (stream || input.provisioned_throughput.is_some()) {
        return Err(Error::parameter(
            "OnDemandThroughput can only be combined with BillingMode in an UpdateTable request",
        ));
    }
    if throughput && stream {
        return Err(Error::parameter("You cannot modify stream status while updating table IOPS"));
    }
    check_restructured(input, throughput, stream)
}

/// Refuses an index that comes or goes with another change.
fn check_restructured(input: &UpdateTableInput, throughput: bool, stream: bool) -> Result<()> {
    let restructured = input
        .global_secondary_index_updates
        .iter()
        .flatten()
        .any(|update| update.create.is_some() || update.delete.is_some());
    if restructured && throughput {
        return Err(Error::parameter("You cannot create or delete index while updating table IOPS"));
    }
    if restructured && stream {
        return Err(Error::parameter("You cannot create or delete index while changing stream status"));
    }
    Ok(())
}

fn change_billing(table: &mut Table, input: &UpdateTableInput, now: Timestamp) -> Result<()> {
    let asked = input.provisioned_throughput.as_ref();
    let mode = input.billing_mode.unwrap_or(match table.billing.provisioned {
        Some(_) => BillingMode::Provisioned,
        None => BillingMode::PayPerRequest,
    });
    match (mode, asked) {
        (BillingMode::PayPerRequest, Some(_)) => Err(Error::parameter(
            "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is \
             PAY_PER_REQUEST",
        )),
        (BillingMode::PayPerRequest, None) => {
            if table.billing.provisioned.is_some() {
                table.billing = Billing { provisioned: None, on_demand_since_ms: Some(now.0) };
                table.indexes.iter_mut().for_each(|index| index.throughput = None);
            }
            Ok(())
        }
        (_, None) if table.billing.provisioned.is_some() => Ok(()),
        (_, None) => {
            Err(Error::parameter("ProvisionedThroughput must be specified when BillingMode is PROVISIONED"))
        }
        (_, Some(_)) if table.indexes.iter().any(|index| index.vector.is_some()) => {
            Err(schema::provisioned_vectors())
        }
        (_, Some(asked)) => {
            let asked = schema::throughput(asked)?;
            let changed = match &table.billing.provisioned {
                Some(current) => quota::changed(current, &asked, Place::Table, now)?,
                None => asked,
            };
            // Limits of requests end with the mode that has them.
            table.on_demand = None;
            table.indexes.iter_mut().for_each(|index| index.on_demand = None);
            table.billing.provisioned = Some(changed);
            Ok(())
        }
    }
}

/// Refuses a table that is to be provisioned with an index that is not: nothing is provisioned unasked.
fn check_billed(table: &Table) -> Result<()> {
    let unbilled = table.globals().find(|index| index.throughput.is_none() && !index.is_deleting());
    match unbilled.filter(|_| table.billing.provisioned.is_some()) {
        Some(index) => Err(Error::parameter(format_args!(
            "ProvisionedThroughput must be specified for index: {}",
            index.name
        ))),
        None => Ok(()),
    }
}

/// What the request leaves out stays; -1 ends a limit.
fn changed_limits(
    current: Option<&OnDemand>,
    asked: &shape::OnDemandThroughput,
    provisioned: bool,
    place: &str,
) -> Result<Option<OnDemand>> {
    let checked = schema::on_demand(Some(asked), provisioned, place)?;
    let merged = |own: fn(&OnDemand) -> Option<i64>, named: bool| match named {
        true => checked.as_ref().and_then(own),
        false => current.and_then(own),
    };
    let read_max = merged(|limits| limits.read_max, asked.max_read_request_units.is_some());
    let write_max = merged(|limits| limits.write_max, asked.max_write_request_units.is_some());
    Ok((read_max.is_some() || write_max.is_some()).then_some(OnDemand { read_max, write_max }))
}

fn change_settings(table: &mut Table, input: &UpdateTableInput, now: Timestamp) -> Result<()> {
    if let Some(protected) = input.deletion_protection_enabled {
        table.deletion_protection = protected;
    }
    if let Some(class) = input.table_class {
        let class = schema::class_of(class, Some(now));
        // The standard class is not told of a table that never had another.
        if class.infrequent || table.class.is_some() {
            table.class = Some(class);
        }
    }
    if let Some(asked) = &input.sse_specification {
        let encryption = schema::encryption(&table.scope, Some(asked))?;
        if encryption.is_none() && table.encryption.is_none() {
            return Err(Error::parameter("Table is already encrypted by default"));
        }
        if encryption == table.encryption && asked.kms_master_key_id.is_some() {
            return Err(Error::parameter(
                "Table is already encrypted with given KMSMasterKeyId. Use KMSMasterKeyId parameter if you want \
                 to change Master Key",
            ));
        }
        table.encryption = encryption;
    }
    if let Some(asked) = &input.warm_throughput {
        let current = warm::units(table.warm.as_ref(), table.billing.provisioned.as_ref());
        table.warm = Some(warm::changed(asked, current, Place::Table)?);
    }
    if let Some(asked) = &input.on_demand_throughput {
        let provisioned = table.billing.provisioned.is_some();
        table.on_demand = changed_limits(table.on_demand.as_ref(), asked, provisioned, "")?;
    }
    Ok(())
}

/// The stream as it is to be stored, if the request changes it.
fn change_stream(
    table: &mut Table,
    input: &UpdateTableInput,
    start: Option<StreamStart>,
    now: Timestamp,
) -> Result<Option<Stream>> {
    let Some(asked) = &input.stream_specification else { return Ok(None) };
    let live = table.live_stream();
    let changed = match (start, asked.stream_view_type, live) {
        (Some(_), None, _) => {
            return Err(Error::parameter("If stream is being enabled then UpdateViewType is required"));
        }
        (None, Some(_), _) => {
            return Err(Error::parameter(
                "If stream is being disabled, then UpdateViewType must not be specified",
            ));
        }
        (Some(_), Some(_), Some(_)) => {
            return Err(Error::invalid(format!(
                "Table already has an enabled stream: TableName: {}",
                table.name
            )));
        }
        (None, None, None) => {
            return Err(Error::invalid(format!("Table has no stream to disable: TableName: {}", table.name)));
        }
        (Some(start), Some(view), None) => Stream::begun(table, view_of(view), start),
        (None, None, Some(live)) => live.disabled(now),
    };
    table.stream = Some(changed.clone());
    Ok(Some(changed))
}

fn change_indexes(table: &mut Table, input: &UpdateTableInput, now: Timestamp) -> Result<()> {
    change_vector_indexes(table, input)?;
    let Some(updates) = &input.global_secondary_index_updates else { return Ok(()) };
    check_updates(updates)?;
    for update in updates {
        if let Some(asked) = &update.update {
            update_index(table, asked, now)?;
        }
        if let Some(asked) = &update.create {
            create_index(table, asked, input.attribute_definitions.as_deref())?;
        }
        if let Some(asked) = &update.delete {
            delete_index(table, &asked.index_name, Reach::Global)?;
        }
    }
    Ok(())
}

fn change_vector_indexes(table: &mut Table, input: &UpdateTableInput) -> Result<()> {
    let updates = input.vector_index_updates.as_deref().unwrap_or_default();
    let others = input.global_secondary_index_updates.iter().flatten();
    let restructured = others.filter(|update| update.update.is_none()).count();
    if !updates.is_empty() && updates.len() + restructured > 1 {
        return Err(one_at_a_time());
    }
    for update in updates {
        match (&update.create, &update.delete) {
            (Some(asked), None) => create_vector_index(table, asked, input.attribute_definitions.as_deref())?,
            (None, Some(asked)) => delete_index(table, &asked.index_name, Reach::Vector)?,
            _ => {
                return Err(Error::parameter(
                    "One of VectorIndexUpdate.Create, VectorIndexUpdate.Delete must not be null",
                ));
            }
        }
    }
    Ok(())
}

fn create_vector_index(
    table: &mut Table,
    asked: &shape::CreateVectorIndexAction,
    definitions: Option<&[shape::AttributeDefinition]>,
) -> Result<()> {
    check_room(table, &asked.index_name)?;
    if table.indexes.iter().filter(|index| index.vector.is_some()).count() >= schema::VECTORS_MAX {
        return Err(Error::Limit(format!(
            "VectorIndex count exceeds the per-table limit of {}",
            schema::VECTORS_MAX
        )));
    }
    let attributes = merged_attributes(table, definitions.unwrap_or_default())?;
    let asked = shape::VectorIndex {
        index_name: asked.index_name.clone(),
        vector_attribute: asked.vector_attribute.clone(),
        search_schema: asked.search_schema.clone(),
        projection: asked.projection.clone(),
        dimensions: asked.dimensions,
        distance_function: asked.distance_function,
    };
    let index = schema::vector_index(&asked, &attributes, &table.billing, table.next_index)?;
    schema::check_same_dimensions(&index, &table.indexes)?;
    add_index(table, index, attributes);
    Ok(())
}

/// Refuses a further index of this name while another is being made, or for ever.
fn check_room(table: &Table, name: &str) -> Result<()> {
    if table.index(name).is_some() {
        return Err(Error::invalid("Attempting to create an index which already exists"));
    }
    if table.indexes.iter().any(|index| index.building || index.is_deleting()) {
        return Err(one_at_a_time());
    }
    if table.next_index == u8::MAX {
        return Err(Error::Limit("This table has had 254 indexes; make a new table".to_owned()));
    }
    Ok(())
}

/// The attributes of the table and those of `definitions` that it does not know.
fn merged_attributes(table: &Table, definitions: &[shape::AttributeDefinition]) -> Result<Vec<KeyPart>> {
    let mut attributes = table.attributes.clone();
    for part in schema::attributes(definitions)? {
        if attributes.iter().all(|known| known.name != part.name) {
            attributes.push(part);
        }
    }
    Ok(attributes)
}

fn add_index(table: &mut Table, index: Index, attributes: Vec<KeyPart>) {
    table.indexes.push(index);
    table.next_index += 1;
    table.attributes = attributes;
    table.drop_unused_attributes();
}

fn check_updates(updates: &[shape::GlobalSecondaryIndexUpdate]) -> Result<()> {
    if updates.is_empty() {
        return Err(no_updates());
    }
    let mut names = Vec::with_capacity(updates.len());
    let mut restructured = 0;
    for update in updates {
        let named = [
            update.update.as_ref().map(|update| &update.index_name),
            update.create.as_ref().map(|create| &create.index_name),
            update.delete.as_ref().map(|delete| &delete.index_name),
        ];
        let mut named = named.into_iter().flatten();
        let Some(name) = named.next() else {
            return Err(Error::parameter(
                "One of GlobalSecondaryIndexUpdate.Update, GlobalSecondaryIndexUpdate.Create, \
                 GlobalSecondaryIndexUpdate.Delete must not be null",
            ));
        };
        if named.next().is_some() {
            return Err(Error::parameter(
                "Only one global secondary index action is allowed per GlobalSecondaryIndexUpdate object",
            ));
        }
        if names.contains(&name) {
            return Err(Error::parameter(format_args!(
                "Only one global secondary index update per index is allowed simultaneously. Index: {name}"
            )));
        }
        names.push(name);
        restructured += usize::from(update.update.is_none());
    }
    if restructured > 1 {
        return Err(one_at_a_time());
    }
    Ok(())
}

fn no_updates() -> Error {
    Error::parameter("List of GlobalSecondaryIndexUpdates is empty")
}

fn no_index(name: &str, table: &str) -> Error {
    Error::NotFound(format!("{}: Index {name} for table {table}", text::NO_RESOURCE))
}

fn one_at_a_time() -> Error {
    Error::Limit(
        "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table"
            .to_owned(),
    )
}

/// Refuses a change of an index that is to go.
fn check_stays(table: &Table, index: &Index) -> Result<()> {
    if !index.is_deleting() {
        return Ok(());
    }
    Err(Error::InUse(format!(
        "Attempt to change a resource which is still in use: Index is being deleted. Table: {} Index: {}",
        table.name, index.name
    )))
}

fn update_index(
    table: &mut Table,
    asked: &shape::UpdateGlobalSecondaryIndexAction,
    now: Timestamp,
) -> Result<()> {
    let name = &asked.index_name;
    let provisioned = table.billing.provisioned.is_some();
    if let Some(index) = table.index(name) {
        check_stays(table, index)?;
    }
    let index = match table.indexes.iter_mut().find(|index| index.name == *name) {
        Some(index) if index.reach == Reach::Global => index,
        Some(_) => {
            return Err(Error::invalid(format!(
                "Cannot update an index that is not a GlobalSecondaryIndex: {name}"
            )));
        }
        None => return Err(no_index(name, &table.name)),
    };
    if let Some(asked) = &asked.provisioned_throughput {
        if !provisioned {
            return Err(Error::parameter(format_args!(
                "The only Updates for index: {name} when TableThroughputMode is PAY_PER_REQUEST can be to \
                 OnDemandThroughput, WarmThroughput"
            )));
        }
        let asked = schema::throughput(asked)?;
        index.throughput = Some(match &index.throughput {
            Some(current) => quota::changed(current, &asked, Place::Index(name), now)?,
            None => asked,
        });
    }
    if let Some(asked) = &asked.on_demand_throughput {
        let place = format!(" for index : {name}");
        index.on_demand = changed_limits(index.on_demand.as_ref(), asked, provisioned, &place)?;
    }
    if let Some(asked) = &asked.warm_throughput {
        let current = warm::units(index.warm.as_ref(), index.throughput.as_ref());
        index.warm = Some(warm::changed(asked, current, Place::Index(name))?);
    }
    Ok(())
}

fn create_index(
    table: &mut Table,
    asked: &shape::CreateGlobalSecondaryIndexAction,
    definitions: Option<&[shape::AttributeDefinition]>,
) -> Result<()> {
    check_room(table, &asked.index_name)?;
    if table.globals().count() >= schema::GLOBALS_MAX {
        return Err(Error::Limit(format!(
            "Subscriber limit exceeded: Number of global secondary indexes exceeds per-table limit of {}",
            schema::GLOBALS_MAX
        )));
    }
    let Some(definitions) = definitions else {
        return Err(Error::parameter(format_args!(
            "AttributeDefinitions is not specified for index: {}",
            asked.index_name
        )));
    };
    let attributes = merged_attributes(table, definitions)?;
    let index = schema::added_index(table, asked, &attributes)?;
    add_index(table, index, attributes);
    Ok(())
}

fn delete_index(table: &mut Table, name: &str, reach: Reach) -> Result<()> {
    let index = table.index(name).ok_or_else(|| no_index(name, &table.name))?;
    if index.reach != reach {
        let kind = if reach == Reach::Vector { "VectorIndex" } else { "GlobalSecondaryIndex" };
        return Err(Error::invalid(format!("Cannot delete an index that is not a {kind}: {name}")));
    }
    check_stays(table, index)?;
    if index.phase == Some(IndexPhase::Allocating) {
        return Err(Error::InUse(format!(
            "Attempt to change a resource which is still in use: Index creation is in resource allocation phase. \
             Retry deletion during backfilling phase or when the index is active. Table: {} Index: {name}",
            table.name
        )));
    }
    if table.indexes.iter().any(|other| other.name != name && (other.building || other.is_deleting())) {
        return Err(one_at_a_time());
    }
    for index in table.indexes.iter_mut().filter(|index| index.name == name) {
        index.phase = Some(IndexPhase::Deleting);
    }
    Ok(())
}
