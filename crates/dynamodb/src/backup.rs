//! Backups: the table as it was declared, its items aside, and how they are told. Made by a job; outlives its table.

use api::dynamodb as shape;
use api::dynamodb::{BackupStatus, BackupType, BillingMode, TableStatus, errors};
use base::{Arn, Scope, Timestamp};
use minicbor::{Decode, Encode};
use store::{Batch, KeyRange, ScanOptions, Store};

use crate::catalogue::{decode, encode};
use crate::error::{Error, Result};
use crate::job::{BackupWork, Job, TableRef, Work};
use crate::jobs::{Jobs, Stop};
use crate::picture::{self, Source, Target};
use crate::table::{Table, table_arn};
use crate::{describe, layout};

#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub(crate) struct Backup {
    /// Given by the key of the record.
    #[cbor(skip)]
    pub(crate) scope: Scope,
    #[n(0)]
    pub(crate) id: String,
    /// Of its items.
    #[n(1)]
    pub(crate) number: u32,
    #[n(2)]
    pub(crate) name: String,
    /// Made when a table was deleted that had point-in-time recovery.
    #[n(3)]
    pub(crate) system: bool,
    #[n(4)]
    pub(crate) created_ms: i64,
    #[n(5)]
    pub(crate) expires_ms: Option<i64>,
    #[n(6)]
    pub(crate) available: bool,
    #[n(7)]
    pub(crate) table: Table,
    #[n(8)]
    pub(crate) items: i64,
    #[n(9)]
    pub(crate) bytes: i64,
}

impl Backup {
    pub(crate) fn key(&self) -> bytes::Bytes {
        layout::backup(&self.scope, &self.table.name, &self.id)
    }

    pub(crate) fn put(&self, batch: Batch) -> Batch {
        batch.put(self.key(), encode(self))
    }

    pub(crate) fn arn(&self) -> String {
        format!("{}/backup/{}", table_arn(&self.scope, &self.table.name), self.id)
    }

    fn kind(&self) -> BackupType {
        if self.system { BackupType::System } else { BackupType::User }
    }

    fn status(&self) -> BackupStatus {
        if self.available { BackupStatus::Available } else { BackupStatus::Creating }
    }

    pub(crate) fn details(&self) -> shape::BackupDetails {
        shape::BackupDetails {
            backup_arn: self.arn(),
            backup_name: self.name.clone(),
            backup_size_bytes: Some(self.bytes),
            backup_status: self.status(),
            backup_type: self.kind(),
            backup_creation_date_time: Timestamp(self.created_ms),
            backup_expiry_date_time: self.expires_ms.map(Timestamp),
        }
    }

    pub(crate) fn summary(&self) -> shape::BackupSummary {
        shape::BackupSummary {
            table_name: Some(self.table.name.clone()),
            table_id: Some(self.table.uuid.clone()),
            table_arn: Some(table_arn(&self.scope, &self.table.name)),
            backup_arn: Some(self.arn()),
            backup_name: Some(self.name.clone()),
            backup_creation_date_time: Some(Timestamp(self.created_ms)),
            backup_expiry_date_time: self.expires_ms.map(Timestamp),
            backup_status: Some(self.status()),
            backup_type: Some(self.kind()),
            backup_size_bytes: Some(self.bytes),
        }
    }

    pub(crate) fn description(&self) -> shape::BackupDescription {
        let standing =
            describe::Standing { status: TableStatus::Active, now: Timestamp(self.created_ms), counts: &[] };
        let table = describe::table(&self.table, &standing);
        let provisioned = table.provisioned_throughput.as_ref();
        let units = |of: fn(&shape::ProvisionedThroughputDescription) -> Option<i64>| {
            provisioned.and_then(of).unwrap_or_default()
        };
        let details = shape::SourceTableDetails {
            table_name: self.table.name.clone(),
            table_id: self.table.uuid.clone(),
            table_arn: Some(table_arn(&self.scope, &self.table.name)),
            table_size_bytes: Some(self.bytes),
            key_schema: describe::key_schema(&self.table.key),
            table_creation_date_time: Timestamp(self.table.created_ms),
            provisioned_throughput: shape::ProvisionedThroughput {
                read_capacity_units: units(|units| units.read_capacity_units),
                write_capacity_units: units(|units| units.write_capacity_units),
            },
            on_demand_throughput: table.on_demand_throughput.clone(),
            item_count: Some(self.items),
            billing_mode: Some(match self.table.billing.provisioned {
                Some(_) => BillingMode::Provisioned,
                None => BillingMode::PayPerRequest,
            }),
        };
        shape::BackupDescription {
            backup_details: Some(self.details()),
            source_table_details: Some(details),
            source_table_feature_details: Some(features(&self.table, table)),
        }
    }
}

/// What AWS records of a table beside its key: what is not there is left out.
fn features(table: &Table, described: shape::TableDescription) -> shape::SourceTableFeatureDetails {
    let global = |index: shape::GlobalSecondaryIndexDescription| shape::GlobalSecondaryIndexInfo {
        index_name: index.index_name,
        key_schema: index.key_schema,
        projection: index.projection,
        provisioned_throughput: index.provisioned_throughput.map(|units| shape::ProvisionedThroughput {
            read_capacity_units: units.read_capacity_units.unwrap_or_default(),
            write_capacity_units: units.write_capacity_units.unwrap_or_default(),
        }),
        on_demand_throughput: index.on_demand_throughput,
    };
    let local = |index: shape::LocalSecondaryIndexDescription| shape::LocalSecondaryIndexInfo {
        index_name: index.index_name,
        key_schema: index.key_schema,
        projection: index.projection,
    };
    let vector = |index: shape::VectorIndexDescription| shape::VectorIndexInfo {
        index_name: index.index_name,
        vector_attribute: index.vector_attribute,
        search_schema: index.search_schema,
        projection: index.projection,
        dimensions: index.dimensions,
        distance_function: index.distance_function,
    };
    let vectors = described.vector_indexes;
    let locals = described.local_secondary_indexes;
    let globals = described.global_secondary_indexes;
    shape::SourceTableFeatureDetails {
        local_secondary_indexes: locals.map(|indexes| indexes.into_iter().map(local).collect()),
        global_secondary_indexes: globals.map(|indexes| indexes.into_iter().map(global).collect()),
        vector_indexes: vectors.map(|indexes| indexes.into_iter().map(vector).collect()),
        stream_description: described.stream_specification,
        time_to_live_description: table.live_expiry().map(|expiry| shape::TimeToLiveDescription {
            time_to_live_status: Some(shape::TimeToLiveStatus::Enabled),
            attribute_name: Some(expiry.attribute.clone()),
        }),
        sse_description: described.sse_description,
    }
}

/// Table name and id of the backup that `arn` names. As on AWS its region does not matter.
pub(crate) fn parts<'a>(scope: &Scope, arn: &'a str) -> Result<(&'a str, &'a str)> {
    resource_parts(scope, arn, "/backup/").map_err(|fault| match fault {
        ArnFault::Malformed => Error::invalid("Invalid Backup ARN"),
        ArnFault::Foreign => Error::access_denied(),
    })
}

/// What is wrong with the ARN of something that belongs to a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ArnFault {
    Malformed,
    Foreign,
}

/// Table name and id of the resource of a table that `arn` names.
pub(crate) fn resource_parts<'a>(
    scope: &Scope,
    arn: &'a str,
    kind: &str,
) -> std::result::Result<(&'a str, &'a str), ArnFault> {
    let parsed: Arn = arn.parse().map_err(|_| ArnFault::Malformed)?;
    let resource = arn.splitn(6, ':').nth(5).and_then(|resource| resource.strip_prefix("table/"));
    let parts = resource.and_then(|resource| resource.split_once(kind));
    let parts = parts.filter(|(table, id)| !table.contains('/') && !id.is_empty() && !id.contains('/'));
    match parts {
        Some(_) if parsed.service != "dynamodb" => Err(ArnFault::Malformed),
        Some(_) if parsed.account != scope.account.to_string() => Err(ArnFault::Foreign),
        Some(parts) => Ok(parts),
        None => Err(ArnFault::Malformed),
    }
}

/// The backup of this ARN, which must be there.
pub(crate) async fn find(store: &Store, scope: &Scope, arn: &str) -> Result<Backup> {
    let (table, id) = parts(scope, arn)?;
    let key = layout::backup(scope, table, id);
    match store.get(&key).await? {
        Some(entry) => stored(&key, &entry.value),
        None => Err(Error::shaped(errors::backup_not_found(format!("Backup not found: {arn}")))),
    }
}

/// The backups of a scope, or of one table's name, in the order of their creation.
pub(crate) async fn list(store: &Store, scope: &Scope, table: Option<&str>) -> Result<Vec<Backup>> {
    let mut backups = all_in(store, KeyRange::prefix(layout::backups(scope, table))).await?;
    backups.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(backups)
}

async fn all_in(store: &Store, mut range: KeyRange) -> Result<Vec<Backup>> {
    let mut backups = Vec::new();
    loop {
        let page = store.scan(range.clone(), ScanOptions::default()).await?;
        for (key, value) in &page.entries {
            backups.push(stored(key, value)?);
        }
        match page.next {
            Some(next) => range = range.resume(next, false),
            None => return Ok(backups),
        }
    }
}

fn stored(key: &[u8], value: &[u8]) -> Result<Backup> {
    let mut backup: Backup = decode(value)?;
    backup.scope = layout::scope_of_table(key).ok_or_else(|| Error::Corrupt(format!("backup at {key:?}")))?;
    backup.table.scope = backup.scope.clone();
    Ok(backup)
}

/// Days that the system keeps what could be restored of a deleted table.
const DELETED_DAYS: i64 = 35;

/// The backup that the system makes of a table that is deleted, and the job that makes it.
pub(crate) fn of_deleted(table: &Table, number: u32, now: Timestamp) -> (Backup, Job) {
    let job = Job::new(&table.scope, now, TableRef::of(table), Work::Backup(BackupWork { number }));
    let job = Job { id: format!("{:014}-00000000", now.0), ..job };
    let backup = Backup {
        scope: table.scope.clone(),
        id: job.id.clone(),
        number,
        name: format!("{}$DeletedTableBackup", table.name),
        system: true,
        created_ms: now.0,
        expires_ms: Some(now.0 + DELETED_DAYS * 86_400_000),
        available: false,
        table: table.clone(),
        items: 0,
        bytes: 0,
    };
    (backup, job)
}

/// Makes the backup.
pub(crate) async fn run(jobs: &Jobs, job: &mut Job, work: &BackupWork) -> Result<(), Stop> {
    if job.progress.cut.is_none() {
        // The last writers who know no hold keep no history.
        jobs.catalogue.quiesce(job.table.id).await?;
        job.progress.cut = Some(jobs.store.safe_seq().await.map_err(Error::from)?);
        jobs.save(job).await?;
    }
    picture::take(jobs, job, Source::Table(job.table.id), Target::Aside(work.number)).await?;
    jobs.let_go(job).await?;
    let (items, bytes) = picture::weigh(&jobs.store, work.number).await?;
    let key = layout::backup(&job.scope, &job.table.name, &job.id);
    let entry = jobs.store.get(&key).await.map_err(Error::from)?.ok_or(Stop::Gone)?;
    let backup = Backup { available: true, items, bytes, ..stored(&key, &entry.value)? };
    Ok(jobs.end(job, backup.put(Batch::new())).await?)
}

/// AWS shows no backup that failed: it is not there.
pub(crate) async fn give_up(jobs: &Jobs, job: &mut Job) -> Result<()> {
    jobs.let_go(job).await?;
    let key = layout::backup(&job.scope, &job.table.name, &job.id);
    jobs.end(job, Batch::new().delete(key)).await?;
    if let Some(number) = job.gathers() {
        jobs.store.delete_range(KeyRange::prefix(layout::aside(number))).await?;
    }
    Ok(())
}

/// Deletes the system's backups that have expired, and rows aside that belong to nothing.
pub(crate) async fn sweep(jobs: &Jobs) -> Result<()> {
    let store = &jobs.store;
    let now = jobs.clock.now();
    for backup in all_in(store, layout::all_backups()).await? {
        if backup.available && backup.expires_ms.is_some_and(|expires| expires <= now.0) {
            store.commit(Batch::new().delete(backup.key())).await?;
        }
    }
    let mut rest = KeyRange::prefix(layout::all_aside());
    loop {
        let page = store.scan(rest.clone(), ScanOptions::limit(1)).await?;
        let Some((key, _)) = page.entries.first() else { return Ok(()) };
        let number =
            layout::number_of_aside(key).ok_or_else(|| Error::Corrupt(format!("row aside at {key:?}")))?;
        let rows = KeyRange::prefix(layout::aside(number));
        // Looked for after a row was seen: rows come only after what they belong to.
        let unfinished = crate::job::unfinished(store).await?;
        let backups = all_in(store, layout::all_backups()).await?;
        let wanted = unfinished.iter().any(|job| job.gathers() == Some(number))
            || backups.iter().any(|backup| backup.number == number);
        rest.start = rows.end.clone();
        if !wanted {
            store.delete_range(rows).await?;
        }
    }
}
