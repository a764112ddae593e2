//! A table as DescribeTable and its relatives show it. Pure: sizes and status are given.

use api::dynamodb as shape;
use api::dynamodb::{BillingMode, IndexStatus, KeyType, ProjectionType, TableStatus};
use base::Timestamp;

use crate::census::Count;
use crate::recovery::Restored;
use crate::table::{
    Index, KeyPart, KeySchema, PartKind, Projection, Reach, StreamView, Table, TablePhase, Throughput,
};
use crate::vector::Distance;
use crate::warm;

/// What is told of a table beside its declaration.
pub(crate) struct Standing<'a> {
    pub(crate) status: TableStatus,
    pub(crate) now: Timestamp,
    /// By index number; 0 is the table. What is missing is empty.
    pub(crate) counts: &'a [(u8, Count)],
}

/// The status of a table that nobody is just changing.
pub(crate) fn status(table: &Table) -> TableStatus {
    match table.phase {
        Some(TablePhase::Creating) => TableStatus::Creating,
        Some(TablePhase::Deleting) => TableStatus::Deleting,
        None if table.indexes.iter().any(|index| index.phase.is_some()) => TableStatus::Updating,
        None => TableStatus::Active,
    }
}

pub(crate) fn table(table: &Table, standing: &Standing<'_>) -> shape::TableDescription {
    let making = table.making();
    let count = standing.count(0);
    let provisioned = table.billing.provisioned.as_ref();
    let described = |reach: Reach| table.indexes.iter().filter(move |index| index.reach == reach);
    let globals: Vec<_> =
        described(Reach::Global).map(|index| global_index(table, index, standing)).collect();
    let locals: Vec<_> = described(Reach::Local).map(|index| local_index(table, index, standing)).collect();
    let vectors = described(Reach::Vector);
    let vectors: Vec<_> = vectors.filter_map(|index| vector_index(table, index, standing)).collect();
    shape::TableDescription {
        vector_indexes: (!vectors.is_empty()).then_some(vectors),
        attribute_definitions: Some(attributes(table)),
        table_name: Some(table.name.clone()),
        key_schema: Some(key_schema(&table.key)),
        table_status: Some(standing.status),
        creation_date_time: Some(Timestamp(table.created_ms)),
        provisioned_throughput: Some(throughput(provisioned, standing.now)),
        table_size_bytes: Some(count.bytes),
        item_count: Some(count.items),
        table_arn: Some(table.arn()),
        table_id: Some(table.uuid.clone()),
        billing_mode_summary: billing(table),
        local_secondary_indexes: (!locals.is_empty()).then_some(locals),
        global_secondary_indexes: (!globals.is_empty()).then_some(globals),
        stream_specification: table.live_stream().map(|stream| shape::StreamSpecification {
            stream_enabled: true,
            stream_view_type: Some(view(stream.view)),
        }),
        latest_stream_label: table.stream.as_ref().map(|stream| stream.label.clone()),
        latest_stream_arn: table.stream.as_ref().map(|stream| stream.arn(&table.scope)),
        sse_description: encryption(table),
        table_class_summary: class(table),
        deletion_protection_enabled: Some(table.deletion_protection),
        on_demand_throughput: on_demand(table.on_demand.as_ref()),
        // Told while the restore goes on, and never after.
        restore_summary: making.and_then(|making| making.restored.as_ref()).map(restore_summary),
        warm_throughput: Some(warm(table, standing.status)),
        ..shape::TableDescription::default()
    }
}

fn restore_summary(restored: &Restored) -> shape::RestoreSummary {
    shape::RestoreSummary {
        source_backup_arn: restored.backup_arn.clone(),
        source_table_arn: Some(restored.table_arn.clone()),
        restore_date_time: Timestamp(restored.when_ms),
        restore_in_progress: true,
    }
}

fn attributes(table: &Table) -> Vec<shape::AttributeDefinition> {
    table
        .attributes
        .iter()
        .map(|part| shape::AttributeDefinition {
            attribute_name: part.name.clone(),
            attribute_type: match part.kind {
                PartKind::S => shape::ScalarAttributeType::S,
                PartKind::N => shape::ScalarAttributeType::N,
                PartKind::B => shape::ScalarAttributeType::B,
            },
        })
        .collect()
}

pub(crate) fn key_schema(key: &KeySchema) -> Vec<shape::KeySchemaElement> {
    let hash = key.hash.iter().map(|part| (part, KeyType::Hash));
    let range = key.range.iter().map(|part| (part, KeyType::Range));
    hash.chain(range)
        .map(|(part, key_type)| shape::KeySchemaElement { attribute_name: part.name.clone(), key_type })
        .collect()
}

fn throughput(units: Option<&Throughput>, now: Timestamp) -> shape::ProvisionedThroughputDescription {
    shape::ProvisionedThroughputDescription {
        last_increase_date_time: units.and_then(|units| units.increased_ms).map(Timestamp),
        last_decrease_date_time: units.and_then(|units| units.decreased_ms).map(Timestamp),
        number_of_decreases_today: Some(units.map_or(0, |units| i64::from(units.decreases_on(now)))),
        read_capacity_units: Some(units.map_or(0, |units| units.read)),
        write_capacity_units: Some(units.map_or(0, |units| units.write)),
    }
}

/// Told of tables that are, or once were, on demand.
fn billing(table: &Table) -> Option<shape::BillingModeSummary> {
    let since = table.billing.on_demand_since_ms?;
    let mode = match table.billing.provisioned {
        Some(_) => BillingMode::Provisioned,
        None => BillingMode::PayPerRequest,
    };
    Some(shape::BillingModeSummary {
        billing_mode: Some(mode),
        last_update_to_pay_per_request_date_time: Some(Timestamp(since)),
    })
}

fn projection(index: &Index) -> shape::Projection {
    let (kind, names) = match &index.projection {
        Projection::All => (ProjectionType::All, None),
        Projection::KeysOnly => (ProjectionType::KeysOnly, None),
        Projection::Include(names) => (ProjectionType::Include, Some(names.clone())),
    };
    shape::Projection { projection_type: Some(kind), non_key_attributes: names }
}

fn global_index(
    table: &Table,
    index: &Index,
    standing: &Standing<'_>,
) -> shape::GlobalSecondaryIndexDescription {
    let count = standing.count(index.number);
    let status = standing.status_of(index);
    let (read, write) = warm::units(index.warm.as_ref(), index.throughput.as_ref());
    shape::GlobalSecondaryIndexDescription {
        index_name: Some(index.name.clone()),
        key_schema: Some(key_schema(&index.key)),
        projection: Some(projection(index)),
        index_status: Some(status),
        backfilling: backfilling(index),
        provisioned_throughput: Some(throughput(index.throughput.as_ref(), standing.now)),
        index_size_bytes: Some(count.bytes),
        item_count: Some(count.items),
        index_arn: Some(index.arn(table)),
        on_demand_throughput: on_demand(index.on_demand.as_ref()),
        warm_throughput: Some(shape::GlobalSecondaryIndexWarmThroughputDescription {
            read_units_per_second: Some(read),
            write_units_per_second: Some(write),
            status: Some(status),
        }),
    }
}

fn backfilling(index: &Index) -> Option<bool> {
    (index.building && !index.is_deleting()).then_some(index.phase.is_none())
}

fn vector_index(
    table: &Table,
    index: &Index,
    standing: &Standing<'_>,
) -> Option<shape::VectorIndexDescription> {
    let vector = index.vector.as_ref()?;
    let count = standing.count(index.number);
    let hash = index.key.hash.iter().map(|part| (part, shape::SearchSchemaElementType::Hash));
    let filters = vector.filters.iter().map(|part| (part, shape::SearchSchemaElementType::InlineFilter));
    let element = |(part, kind): (&KeyPart, _)| shape::SearchSchemaElement {
        attribute_name: part.name.clone(),
        search_schema_element_type: kind,
    };
    let schema: Vec<_> = hash.chain(filters).map(element).collect();
    Some(shape::VectorIndexDescription {
        index_name: Some(index.name.clone()),
        search_schema: (!schema.is_empty()).then_some(schema),
        projection: Some(projection(index)),
        vector_attribute: Some(shape::VectorAttributeDefinition { attribute_name: vector.attribute.clone() }),
        dimensions: Some(vector.dimensions.into()),
        distance_function: Some(match vector.distance {
            Distance::Cosine => shape::VectorDistanceFunction::Cosine,
            Distance::DotProduct => shape::VectorDistanceFunction::DotProduct,
            Distance::Euclidean => shape::VectorDistanceFunction::Euclidean,
        }),
        index_status: Some(standing.status_of(index)),
        backfilling: backfilling(index),
        index_size_bytes: Some(count.bytes),
        item_count: Some(count.items),
        index_arn: Some(index.arn(table)),
    })
}

fn local_index(
    table: &Table,
    index: &Index,
    standing: &Standing<'_>,
) -> shape::LocalSecondaryIndexDescription {
    let count = standing.count(index.number);
    shape::LocalSecondaryIndexDescription {
        index_name: Some(index.name.clone()),
        key_schema: Some(key_schema(&index.key)),
        projection: Some(projection(index)),
        index_size_bytes: Some(count.bytes),
        item_count: Some(count.items),
        index_arn: Some(index.arn(table)),
    }
}

fn view(view: StreamView) -> shape::StreamViewType {
    match view {
        StreamView::KeysOnly => shape::StreamViewType::KeysOnly,
        StreamView::NewImage => shape::StreamViewType::NewImage,
        StreamView::OldImage => shape::StreamViewType::OldImage,
        StreamView::NewAndOldImages => shape::StreamViewType::NewAndOldImages,
    }
}

fn encryption(table: &Table) -> Option<shape::SSEDescription> {
    let encryption = table.encryption.as_ref()?;
    Some(shape::SSEDescription {
        status: Some(shape::SSEStatus::Enabled),
        sse_type: Some(shape::SSEType::Kms),
        kms_master_key_arn: Some(encryption.key_arn.clone()),
        ..shape::SSEDescription::default()
    })
}

fn class(table: &Table) -> Option<shape::TableClassSummary> {
    let class = table.class.as_ref()?;
    Some(shape::TableClassSummary {
        table_class: Some(match class.infrequent {
            true => shape::TableClass::StandardInfrequentAccess,
            false => shape::TableClass::Standard,
        }),
        last_update_date_time: class.changed_ms.map(Timestamp),
    })
}

fn on_demand(limits: Option<&crate::table::OnDemand>) -> Option<shape::OnDemandThroughput> {
    let limits = limits?;
    // AWS shows a limit that is not set as -1.
    Some(shape::OnDemandThroughput {
        max_read_request_units: Some(limits.read_max.unwrap_or(-1)),
        max_write_request_units: Some(limits.write_max.unwrap_or(-1)),
    })
}

fn warm(table: &Table, status: TableStatus) -> shape::TableWarmThroughputDescription {
    let (read, write) = warm::units(table.warm.as_ref(), table.billing.provisioned.as_ref());
    shape::TableWarmThroughputDescription {
        read_units_per_second: Some(read),
        write_units_per_second: Some(write),
        status: Some(status),
    }
}

impl Standing<'_> {
    fn status_of(&self, index: &Index) -> IndexStatus {
        match self.status {
            TableStatus::Creating => IndexStatus::Creating,
            TableStatus::Deleting => IndexStatus::Deleting,
            _ if index.is_deleting() => IndexStatus::Deleting,
            _ if index.building => IndexStatus::Creating,
            _ => IndexStatus::Active,
        }
    }

    fn count(&self, number: u8) -> Count {
        self.counts.iter().find(|(known, _)| *known == number).map(|(_, count)| *count).unwrap_or_default()
    }
}
