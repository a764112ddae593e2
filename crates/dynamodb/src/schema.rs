//! A request to make a table or an index, checked: what DynamoDB refuses in a declaration, in its words and in
//! its order. Pure; knows no store.

use std::collections::{BTreeMap, BTreeSet};

use api::dynamodb as shape;
use api::dynamodb::{BillingMode, CreateTableInput, KeyType, ProjectionType, ScalarAttributeType};
use base::{Scope, Timestamp};

use crate::error::{Error, Result};
use crate::hold::Hold;
use crate::policy;
use crate::quota::Place;
use crate::settings::Settings;
use crate::table::{
    Billing, Class, Encryption, Index, IndexPhase, KeyPart, KeySchema, OnDemand, PartKind, Projection, Reach,
    Table, Throughput,
};
use crate::tag;
use crate::vector::{DIMENSIONS_MAX, Distance, Vector};
use crate::warm;

const LOCALS_MAX: usize = 5;
pub(crate) const GLOBALS_MAX: usize = 20;
pub(crate) const VECTORS_MAX: usize = 5;
const UNITS_MAX: i64 = 1_000_000_000_000;
const INDEX_PARTS_MAX: usize = 4;

/// The table that `input` declares; id and stream are given later.
pub(crate) fn declare(scope: &Scope, input: &CreateTableInput, now: Timestamp) -> Result<Table> {
    check_served(input)?;
    let billing = billing(input, now)?;
    let attributes = attributes(required(&input.attribute_definitions, "attributeDefinitions")?)?;
    let elements = required(&input.key_schema, "keySchema")?;
    let key = table_key(elements, &attributes)?;
    let locals = input.local_secondary_indexes.as_deref();
    let globals = input.global_secondary_indexes.as_deref();
    let vectors = input.vector_indexes.as_deref();
    let bare = locals.is_none() && globals.is_none() && vectors.is_none();
    if bare && key.len() != attributes.len() {
        return Err(Error::parameter(
            "Number of attributes in KeySchema does not exactly match number of attributes defined in \
             AttributeDefinitions",
        ));
    }
    let mut indexes = local_indexes(locals, &key, &attributes)?;
    indexes.extend(global_indexes(globals, &attributes, &billing, &indexes)?);
    let vectors = vector_indexes(vectors.unwrap_or_default(), &attributes, &billing, &indexes)?;
    indexes.extend(vectors);
    check_all_used(&attributes, &key, &indexes)?;
    let warm = input.warm_throughput.as_ref();
    let warm =
        warm.map(|asked| warm::declared(asked, billing.provisioned.as_ref(), Place::Table)).transpose()?;
    Ok(Table {
        scope: scope.clone(),
        hold: Hold::default(),
        id: 0,
        name: input.table_name.clone(),
        uuid: base::RequestId::random().to_string(),
        created_ms: now.0,
        attributes,
        next_index: u8::try_from(indexes.len() + 1).unwrap_or(u8::MAX),
        key,
        indexes,
        on_demand: on_demand(input.on_demand_throughput.as_ref(), billing.provisioned.is_some(), "")?,
        billing,
        stream: None,
        class: input.table_class.map(|class| class_of(class, None)),
        deletion_protection: input.deletion_protection_enabled.unwrap_or(false),
        tags: tag::added(input.tags.as_deref().unwrap_or_default(), BTreeMap::new())?,
        encryption: encryption(scope, input.sse_specification.as_ref())?,
        warm,
        expiry: None,
        recovery: None,
        settings: Settings::begun(input.resource_policy.as_deref().map(policy::document).transpose()?, now),
        phase: None,
    })
}

/// What Rushlight cannot do yet is refused rather than left out in silence.
fn check_served(input: &CreateTableInput) -> Result<()> {
    let unserved = [("GlobalTableSourceArn", input.global_table_source_arn.is_some())];
    match unserved.iter().find(|(_, present)| *present) {
        Some((name, _)) => Err(Error::parameter(format_args!("Rushlight does not support {name} yet"))),
        None => Ok(()),
    }
}

fn required<'a, T>(member: &'a Option<Vec<T>>, name: &str) -> Result<&'a [T]> {
    member.as_deref().ok_or_else(|| {
        Error::invalid(format!(
            "1 validation error detected: Value null at '{name}' failed to satisfy constraint: Member must not \
             be null"
        ))
    })
}

fn billing(input: &CreateTableInput, now: Timestamp) -> Result<Billing> {
    let asked = input.provisioned_throughput.as_ref();
    if input.billing_mode == Some(BillingMode::PayPerRequest) {
        if asked.is_some() {
            return Err(Error::parameter(
                "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is \
                 PAY_PER_REQUEST",
            ));
        }
        return Ok(Billing { provisioned: None, on_demand_since_ms: Some(now.0) });
    }
    let asked = asked.ok_or_else(|| {
        Error::parameter(
            "ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED",
        )
    })?;
    Ok(Billing { provisioned: Some(throughput(asked)?), on_demand_since_ms: None })
}

pub(crate) fn throughput(asked: &shape::ProvisionedThroughput) -> Result<Throughput> {
    for (units, name) in
        [(asked.read_capacity_units, "ReadCapacityUnits"), (asked.write_capacity_units, "WriteCapacityUnits")]
    {
        if units > UNITS_MAX {
            return Err(Error::invalid(format!("Given value {units} for {name} is out of bounds")));
        }
    }
    Ok(Throughput::new(asked.read_capacity_units, asked.write_capacity_units))
}

pub(crate) fn attributes(definitions: &[shape::AttributeDefinition]) -> Result<Vec<KeyPart>> {
    let mut seen = BTreeSet::new();
    let mut attributes = Vec::with_capacity(definitions.len());
    for definition in definitions {
        let name = &definition.attribute_name;
        if !seen.insert(name) {
            return Err(Error::invalid(format!("Attribute Name is duplicated: {name}")));
        }
        let kind = match definition.attribute_type {
            ScalarAttributeType::S => PartKind::S,
            ScalarAttributeType::N => PartKind::N,
            ScalarAttributeType::B => PartKind::B,
        };
        attributes.push(KeyPart { name: name.clone(), kind });
    }
    Ok(attributes)
}

fn table_key(elements: &[shape::KeySchemaElement], attributes: &[KeyPart]) -> Result<KeySchema> {
    if elements.len() > attributes.len() {
        return Err(Error::invalid("Invalid KeySchema: Some index key attribute have no definition"));
    }
    key_schema(elements, attributes)
}

/// A key of a hash element and perhaps a range element, in this order.
fn key_schema(elements: &[shape::KeySchemaElement], attributes: &[KeyPart]) -> Result<KeySchema> {
    check_defined(elements, attributes)?;
    if elements.len() == 2 && elements[0].attribute_name == elements[1].attribute_name {
        return Err(Error::invalid(
            "Both the Hash Key and the Range Key element in the KeySchema have the same name",
        ));
    }
    if elements.first().is_none_or(|element| element.key_type != KeyType::Hash) {
        return Err(Error::invalid("Invalid KeySchema: The first KeySchemaElement is not a HASH key type"));
    }
    if elements.get(1).is_some_and(|element| element.key_type != KeyType::Range) {
        return Err(Error::invalid("Invalid KeySchema: The second KeySchemaElement is not a RANGE key type"));
    }
    Ok(key_of(elements, attributes))
}

/// A key of up to four hash elements and then up to four range elements: global indexes may have it.
fn wide_key_schema(elements: &[shape::KeySchemaElement], attributes: &[KeyPart]) -> Result<KeySchema> {
    if elements.len() <= 2 && elements.iter().filter(|e| e.key_type == KeyType::Hash).count() < 2 {
        return key_schema(elements, attributes);
    }
    check_defined(elements, attributes)?;
    let names: BTreeSet<&str> = elements.iter().map(|element| element.attribute_name.as_str()).collect();
    if names.len() != elements.len() {
        return Err(Error::invalid("The KeySchema contains multiple key attributes with the same name"));
    }
    if elements[0].key_type != KeyType::Hash {
        return Err(Error::invalid("Invalid KeySchema: The first KeySchemaElement is not a HASH key type"));
    }
    if !elements.is_sorted_by_key(|element| element.key_type == KeyType::Range) {
        return Err(Error::parameter(
            "All HASH key attributes must precede RANGE key attributes in the KeySchema",
        ));
    }
    for (key_type, name) in [(KeyType::Hash, "HASH"), (KeyType::Range, "RANGE")] {
        if elements.iter().filter(|element| element.key_type == key_type).count() > INDEX_PARTS_MAX {
            return Err(Error::parameter(format_args!(
                "The KeySchema exceeds the maximum allowed number of {name} key attributes"
            )));
        }
    }
    Ok(key_of(elements, attributes))
}

fn check_defined(elements: &[shape::KeySchemaElement], attributes: &[KeyPart]) -> Result<()> {
    let defined = |name: &str| attributes.iter().any(|attribute| attribute.name == name);
    if elements.iter().all(|element| defined(&element.attribute_name)) {
        return Ok(());
    }
    let keys: Vec<&str> = elements.iter().map(|element| element.attribute_name.as_str()).collect();
    Err(Error::parameter(format_args!(
        "Some index key attributes are not defined in AttributeDefinitions. Keys: [{}], AttributeDefinitions: \
         [{}]",
        keys.join(", "),
        names(attributes)
    )))
}

fn key_of(elements: &[shape::KeySchemaElement], attributes: &[KeyPart]) -> KeySchema {
    let part = |key_type: KeyType| {
        elements
            .iter()
            .filter(|element| element.key_type == key_type)
            .filter_map(|element| attributes.iter().find(|part| part.name == element.attribute_name).cloned())
            .collect()
    };
    KeySchema { hash: part(KeyType::Hash), range: part(KeyType::Range) }
}

fn names(attributes: &[KeyPart]) -> String {
    attributes.iter().map(|attribute| attribute.name.as_str()).collect::<Vec<_>>().join(", ")
}

fn local_indexes(
    asked: Option<&[shape::LocalSecondaryIndex]>,
    table_key: &KeySchema,
    attributes: &[KeyPart],
) -> Result<Vec<Index>> {
    let Some(asked) = asked else { return Ok(Vec::new()) };
    if asked.is_empty() {
        return Err(Error::parameter("List of LocalSecondaryIndexes is empty"));
    }
    if table_key.range.is_empty() {
        return Err(Error::parameter(
            "Table KeySchema does not have a range key, which is required when specifying a \
             LocalSecondaryIndex",
        ));
    }
    let mut indexes: Vec<Index> = Vec::with_capacity(asked.len());
    for local in asked {
        let key = key_schema(&local.key_schema, attributes)?;
        let name = &local.index_name;
        if key.range.is_empty() {
            return Err(Error::parameter(format_args!(
                "Index KeySchema does not have a range key for index: {name}"
            )));
        }
        if key.hash != table_key.hash {
            return Err(Error::parameter(format_args!(
                "Index KeySchema does not have the same leading hash key as table KeySchema for index: {name}. \
                 index hash key: {}, table hash key: {}",
                key.hash[0].name, table_key.hash[0].name
            )));
        }
        check_new_name(name, &indexes)?;
        indexes.push(Index {
            number: number_of(indexes.len()),
            name: name.clone(),
            key,
            projection: projection(&local.projection)?,
            reach: Reach::Local,
            throughput: None,
            on_demand: None,
            warm: None,
            building: false,
            phase: None,
            vector: None,
        });
    }
    if indexes.len() > LOCALS_MAX {
        return Err(Error::parameter(format_args!(
            "Number of LocalSecondaryIndexes exceeds per-table limit of {LOCALS_MAX}"
        )));
    }
    Ok(indexes)
}

fn global_indexes(
    asked: Option<&[shape::GlobalSecondaryIndex]>,
    attributes: &[KeyPart],
    billing: &Billing,
    locals: &[Index],
) -> Result<Vec<Index>> {
    let Some(asked) = asked else { return Ok(Vec::new()) };
    if asked.is_empty() {
        return Err(Error::parameter("List of GlobalSecondaryIndexes is empty"));
    }
    let mut indexes: Vec<Index> = Vec::with_capacity(asked.len());
    for global in asked {
        let name = &global.index_name;
        let key = wide_key_schema(&global.key_schema, attributes)?;
        let projection = projection(&global.projection)?;
        let throughput = match (&billing.provisioned, &global.provisioned_throughput) {
            (Some(_), Some(asked)) => Some(self::throughput(asked)?),
            (Some(_), None) => {
                return Err(Error::parameter(format_args!(
                    "ProvisionedThroughput is not specified for index: {name}"
                )));
            }
            (None, Some(_)) => {
                return Err(Error::parameter(format_args!(
                    "ProvisionedThroughput should not be specified for index: {name} when BillingMode is \
                     PAY_PER_REQUEST"
                )));
            }
            (None, None) => None,
        };
        check_new_name(name, locals)?;
        check_new_name(name, &indexes)?;
        let warm = global.warm_throughput.as_ref();
        let warm =
            warm.map(|asked| warm::declared(asked, throughput.as_ref(), Place::Index(name))).transpose()?;
        let provisioned = billing.provisioned.is_some();
        indexes.push(Index {
            number: number_of(locals.len() + indexes.len()),
            name: name.clone(),
            key,
            projection,
            reach: Reach::Global,
            throughput,
            on_demand: on_demand(
                global.on_demand_throughput.as_ref(),
                provisioned,
                &format!(" for index : {name}"),
            )?,
            warm,
            building: false,
            phase: None,
            vector: None,
        });
    }
    if indexes.len() > GLOBALS_MAX {
        return Err(Error::parameter(format_args!(
            "GlobalSecondaryIndex count exceeds the per-table limit of {GLOBALS_MAX}"
        )));
    }
    Ok(indexes)
}

fn vector_indexes(
    asked: &[shape::VectorIndex],
    attributes: &[KeyPart],
    billing: &Billing,
    others: &[Index],
) -> Result<Vec<Index>> {
    let mut indexes: Vec<Index> = Vec::with_capacity(asked.len());
    for asked in asked {
        let number = number_of(others.len() + indexes.len());
        let mut index = vector_index(asked, attributes, billing, number)?;
        index.building = false;
        index.phase = None;
        check_new_name(&index.name, others)?;
        check_new_name(&index.name, &indexes)?;
        check_same_dimensions(&index, &indexes)?;
        indexes.push(index);
    }
    if indexes.len() > VECTORS_MAX {
        return Err(Error::parameter(format_args!(
            "VectorIndex count exceeds the per-table limit of {VECTORS_MAX}"
        )));
    }
    Ok(indexes)
}

pub(crate) fn provisioned_vectors() -> Error {
    Error::parameter("Vector indexes are only supported for PAY_PER_REQUEST tables")
}

/// Refuses two sizes of vectors in one attribute.
pub(crate) fn check_same_dimensions(index: &Index, others: &[Index]) -> Result<()> {
    let Some(vector) = &index.vector else { return Ok(()) };
    let clashes =
        |other: &Vector| other.attribute == vector.attribute && other.dimensions != vector.dimensions;
    if others.iter().filter_map(|other| other.vector.as_ref()).any(clashes) {
        return Err(Error::parameter(format_args!(
            "Conflicting attribute definition for '{}'. All VectorIndexes on the same vector attribute must use the \
             same dimensions.",
            vector.attribute
        )));
    }
    Ok(())
}

/// An index of vectors, still to be filled.
pub(crate) fn vector_index(
    asked: &shape::VectorIndex,
    attributes: &[KeyPart],
    billing: &Billing,
    number: u8,
) -> Result<Index> {
    if billing.provisioned.is_some() {
        return Err(provisioned_vectors());
    }
    let dimensions = u32::try_from(asked.dimensions).ok().filter(|_| asked.dimensions <= DIMENSIONS_MAX);
    let dimensions = dimensions.ok_or_else(|| {
        Error::parameter(format_args!(
            "Number of dimensions must be between 1 and {DIMENSIONS_MAX} inclusive."
        ))
    })?;
    let (mut hash, mut filters) = (Vec::new(), Vec::new());
    for element in asked.search_schema.iter().flatten() {
        let part = attributes.iter().find(|part| part.name == element.attribute_name).ok_or_else(|| {
            Error::parameter("One element in SearchSchema is not defined in attribute definitions")
        })?;
        match element.search_schema_element_type {
            shape::SearchSchemaElementType::Hash => hash.push(part.clone()),
            shape::SearchSchemaElementType::InlineFilter => filters.push(part.clone()),
        }
    }
    Ok(Index {
        number,
        name: asked.index_name.clone(),
        key: KeySchema { hash, range: Vec::new() },
        projection: projection(&asked.projection)?,
        reach: Reach::Vector,
        throughput: None,
        on_demand: None,
        warm: None,
        building: true,
        phase: Some(IndexPhase::Allocating),
        vector: Some(Vector {
            attribute: asked.vector_attribute.attribute_name.clone(),
            dimensions,
            distance: match asked.distance_function {
                shape::VectorDistanceFunction::Cosine => Distance::Cosine,
                shape::VectorDistanceFunction::DotProduct => Distance::DotProduct,
                shape::VectorDistanceFunction::Euclidean => Distance::Euclidean,
            },
            filters,
        }),
    })
}

/// The index that UpdateTable adds to `table`, whose attributes are `attributes` by then.
pub(crate) fn added_index(
    table: &Table,
    asked: &shape::CreateGlobalSecondaryIndexAction,
    attributes: &[KeyPart],
) -> Result<Index> {
    let name = &asked.index_name;
    let key = wide_key_schema(&asked.key_schema, attributes)?;
    let projection = projection(&asked.projection)?;
    let throughput = match (&table.billing.provisioned, &asked.provisioned_throughput) {
        (Some(_), Some(asked)) => Some(self::throughput(asked)?),
        (Some(_), None) => {
            return Err(Error::parameter(format_args!(
                "Both ReadCapacityUnits and WriteCapacityUnits must be specified for index: {name}"
            )));
        }
        (None, Some(_)) => {
            return Err(Error::parameter(format_args!(
                "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified for index: {name} when \
                 BillingMode is PAY_PER_REQUEST"
            )));
        }
        (None, None) => None,
    };
    let provisioned = table.billing.provisioned.is_some();
    let place = format!(" for index : {name}");
    let warm = asked.warm_throughput.as_ref();
    let warm =
        warm.map(|asked| warm::declared(asked, throughput.as_ref(), Place::Index(name))).transpose()?;
    Ok(Index {
        number: table.next_index,
        name: name.clone(),
        key,
        projection,
        reach: Reach::Global,
        throughput,
        on_demand: on_demand(asked.on_demand_throughput.as_ref(), provisioned, &place)?,
        warm,
        building: true,
        phase: Some(IndexPhase::Allocating),
        vector: None,
    })
}

fn number_of(index: usize) -> u8 {
    u8::try_from(index + 1).unwrap_or(u8::MAX)
}

fn check_new_name(name: &str, indexes: &[Index]) -> Result<()> {
    if indexes.iter().any(|index| index.name == name) {
        return Err(Error::parameter(format_args!("Duplicate index name: {name}")));
    }
    Ok(())
}

fn projection(asked: &shape::Projection) -> Result<Projection> {
    let names = asked.non_key_attributes.as_deref();
    let Some(kind) = asked.projection_type else {
        return Err(Error::parameter("Unknown ProjectionType: null"));
    };
    match (kind, names) {
        (ProjectionType::All, None) => Ok(Projection::All),
        (ProjectionType::KeysOnly, None) => Ok(Projection::KeysOnly),
        (ProjectionType::Include, None) => {
            Err(Error::parameter("ProjectionType is INCLUDE, but NonKeyAttributes is not specified"))
        }
        (ProjectionType::Include, Some(names)) => {
            let mut seen = BTreeSet::new();
            match names.iter().find(|name| !seen.insert(name.as_str())) {
                Some(twice) => {
                    Err(Error::parameter(format_args!("Duplicate element in NonKeyAttributes: {twice}")))
                }
                None => Ok(Projection::Include(names.to_vec())),
            }
        }
        (kind, Some(_)) => Err(Error::parameter(format_args!(
            "ProjectionType is {}, but NonKeyAttributes is specified",
            kind.as_str()
        ))),
    }
}

fn check_all_used(attributes: &[KeyPart], key: &KeySchema, indexes: &[Index]) -> Result<()> {
    let used = |name: &str| key.has(name) || indexes.iter().any(|index| index.uses(name));
    if attributes.iter().all(|attribute| used(&attribute.name)) {
        return Ok(());
    }
    let mut defined: Vec<&str> = attributes.iter().map(|attribute| attribute.name.as_str()).collect();
    defined.sort_unstable();
    let keys: Vec<&str> = defined.iter().copied().filter(|name| used(name)).collect();
    Err(Error::parameter(format_args!(
        "Some AttributeDefinitions are not used. AttributeDefinitions: [{}], keys used: [{}]",
        defined.join(", "),
        keys.join(", ")
    )))
}

/// `place` names the index, or is empty for the table.
pub(crate) fn on_demand(
    asked: Option<&shape::OnDemandThroughput>,
    provisioned: bool,
    place: &str,
) -> Result<Option<OnDemand>> {
    let Some(asked) = asked else { return Ok(None) };
    let limits = [
        ("MaxReadRequestUnits", asked.max_read_request_units),
        ("MaxWriteRequestUnits", asked.max_write_request_units),
    ];
    for (name, units) in limits {
        let Some(units) = units else { continue };
        if provisioned {
            return Err(Error::parameter(format_args!(
                "{name} for OnDemandThroughput cannot be specified{place} when the table BillingMode is \
                 PROVISIONED"
            )));
        }
        if units == 0 || units < -1 {
            let place = if place.is_empty() { " for table" } else { place };
            return Err(Error::parameter(format_args!(
                "Requested {name} for OnDemandThroughput{place} is outside of valid range"
            )));
        }
    }
    let limit = |units: Option<i64>| units.filter(|units| *units > 0);
    Ok(Some(OnDemand { read_max: limit(limits[0].1), write_max: limit(limits[1].1) }))
}

pub(crate) fn class_of(class: shape::TableClass, changed: Option<Timestamp>) -> Class {
    Class {
        infrequent: class == shape::TableClass::StandardInfrequentAccess,
        changed_ms: changed.map(Timestamp::as_millis),
    }
}

pub(crate) fn encryption(
    scope: &Scope,
    asked: Option<&shape::SSESpecification>,
) -> Result<Option<Encryption>> {
    let Some(asked) = asked else { return Ok(None) };
    let kms = asked.sse_type == Some(shape::SSEType::Kms);
    if asked.sse_type == Some(shape::SSEType::Aes256) {
        return Err(Error::parameter("SSEType AES256 is not supported"));
    }
    if asked.enabled == Some(false) {
        if asked.sse_type.is_some() {
            return Err(Error::parameter("SSEType can not be specified if Enabled is false"));
        }
        if asked.kms_master_key_id.is_some() {
            return Err(Error::parameter("KMSMasterKeyId can not be specified if Enabled is false"));
        }
        return Ok(None);
    }
    if asked.kms_master_key_id.is_some() && !kms {
        return Err(Error::parameter("SSEType KMS is required if KMSMasterKeyId is specified"));
    }
    if asked.enabled.is_none() && !kms {
        return Ok(None);
    }
    let id = asked.kms_master_key_id.as_deref().unwrap_or("alias/aws/dynamodb");
    let key_arn = match id {
        arn if arn.starts_with("arn:") => arn.to_owned(),
        alias if alias.starts_with("alias/") => base::Arn::new("kms", scope, alias).to_string(),
        id => base::Arn::new("kms", scope, format!("key/{id}")).to_string(),
    };
    Ok(Some(Encryption { key_arn }))
}
