//! Tables made of what another was: declared from a request's overrides, filled by a job, and shown when whole.

use api::dynamodb as shape;
use api::dynamodb::BillingMode;
use api::dynamodb::errors;
use base::{Scope, Timestamp};
use store::Batch;

use crate::catalogue::Decision;
use crate::error::{Error, Result};
use crate::hold::Hold;
use crate::job::{Job, RestoreFrom, RestoreWork, TableRef};
use crate::jobs::{Jobs, Stop};
use crate::picture::{self, Source, Target};
use crate::recovery::{Making, Recovery};
use crate::table::{Billing, Index, Projection, Reach, Table, TablePhase, Throughput};
use crate::{history, layout, schema};

/// What a request wants to be other than in the source.
#[derive(Debug)]
pub(crate) struct Overrides<'a> {
    pub(crate) billing_mode: Option<BillingMode>,
    pub(crate) globals: Option<&'a [shape::GlobalSecondaryIndex]>,
    pub(crate) locals: Option<&'a [shape::LocalSecondaryIndex]>,
    pub(crate) vectors: Option<&'a [shape::VectorIndex]>,
    pub(crate) throughput: Option<&'a shape::ProvisionedThroughput>,
    pub(crate) on_demand: Option<&'a shape::OnDemandThroughput>,
    pub(crate) sse: Option<&'a shape::SSESpecification>,
}

/// The table `name` that is to be made of `source`. Streams, tags, time to live, recovery, deletion protection and the
/// class do not come along, as on AWS.
pub(crate) fn declare(
    source: &Table,
    name: &str,
    asked: &Overrides<'_>,
    (making, now): (Making, Timestamp),
) -> Result<Table> {
    let billing = billing(source, asked, now)?;
    let provisioned = billing.provisioned.is_some();
    let mut indexes = kept_locals(source, asked.locals)?;
    indexes.extend(kept_globals(source, asked, &billing)?);
    indexes.extend(kept_vectors(source, asked.vectors, &billing)?);
    let attributes = source.attributes.iter();
    let used = |name: &str| source.key.has(name) || indexes.iter().any(|index| index.uses(name));
    let attributes = attributes.filter(|attribute| used(&attribute.name)).cloned().collect();
    Ok(Table {
        scope: source.scope.clone(),
        hold: Hold::default(),
        id: 0,
        name: name.to_owned(),
        uuid: base::RequestId::random().to_string(),
        created_ms: now.0,
        attributes,
        key: source.key.clone(),
        indexes,
        next_index: source.next_index,
        stream: None,
        class: None,
        deletion_protection: false,
        tags: std::collections::BTreeMap::new(),
        encryption: match asked.sse {
            Some(sse) => schema::encryption(&source.scope, Some(sse))?,
            None => source.encryption.clone(),
        },
        on_demand: match asked.on_demand {
            Some(limits) => schema::on_demand(Some(limits), provisioned, "")?,
            None => source.on_demand.clone().filter(|_| !provisioned),
        },
        warm: None,
        billing,
        expiry: None,
        settings: None,
        phase: Some(TablePhase::Creating),
        recovery: Some(Recovery { making: Some(making), ..Recovery::default() }),
    })
}

fn billing(source: &Table, asked: &Overrides<'_>, now: Timestamp) -> Result<Billing> {
    let mode = asked.billing_mode.unwrap_or(match source.billing.provisioned {
        Some(_) => BillingMode::Provisioned,
        None => BillingMode::PayPerRequest,
    });
    match (mode, asked.throughput) {
        (BillingMode::PayPerRequest, Some(_)) => {
            Err(Error::invalid("Cannot override ProvisionedThroughput unless BillingMode is PROVISIONED"))
        }
        (BillingMode::PayPerRequest, None) => {
            Ok(Billing { provisioned: None, on_demand_since_ms: Some(now.0) })
        }
        (BillingMode::Provisioned, Some(units)) => {
            Ok(Billing { provisioned: Some(schema::throughput(units)?), on_demand_since_ms: None })
        }
        (BillingMode::Provisioned, None) if asked.billing_mode.is_some() => Err(Error::invalid(
            "Must override ProvisionedThroughput if BillingMode is overridden to PROVISIONED",
        )),
        (BillingMode::Provisioned, None) => {
            let units = source.billing.provisioned.as_ref();
            let units = units.map(|units| Throughput::new(units.read, units.write));
            Ok(Billing { provisioned: units, on_demand_since_ms: None })
        }
    }
}

fn kept_locals(source: &Table, asked: Option<&[shape::LocalSecondaryIndex]>) -> Result<Vec<Index>> {
    let Some(asked) = asked else { return Ok(source.locals().cloned().collect()) };
    let locals = asked.iter().map(|index| {
        let wanted =
            Wanted { name: &index.index_name, key: &index.key_schema, projection: &index.projection };
        wanted.find(source, Reach::Local)
    });
    locals.collect()
}

fn kept_globals(source: &Table, asked: &Overrides<'_>, billing: &Billing) -> Result<Vec<Index>> {
    let units = |own: Option<&Throughput>| {
        let units = own.or(billing.provisioned.as_ref());
        billing.provisioned.as_ref().and(units).map(|units| Throughput::new(units.read, units.write))
    };
    let provisioned = billing.provisioned.is_some();
    let whole = |index: &Index| Index {
        throughput: units(index.throughput.as_ref()),
        on_demand: index.on_demand.clone().filter(|_| !provisioned),
        warm: None,
        building: false,
        phase: None,
        ..index.clone()
    };
    let Some(asked) = asked.globals else { return Ok(source.globals().map(whole).collect()) };
    let globals = asked.iter().map(|index| {
        let wanted =
            Wanted { name: &index.index_name, key: &index.key_schema, projection: &index.projection };
        let mut found = whole(&wanted.find(source, Reach::Global)?);
        if let Some(throughput) = index.provisioned_throughput.as_ref().filter(|_| provisioned) {
            found.throughput = Some(schema::throughput(throughput)?);
        }
        if let Some(limits) = &index.on_demand_throughput {
            let place = format!(" for index : {}", index.index_name);
            found.on_demand = schema::on_demand(Some(limits), provisioned, &place)?;
        }
        Ok(found)
    });
    globals.collect()
}

fn kept_vectors(
    source: &Table,
    asked: Option<&[shape::VectorIndex]>,
    billing: &Billing,
) -> Result<Vec<Index>> {
    let whole = |index: &Index| Index { building: false, phase: None, ..index.clone() };
    let known: Vec<&Index> = source.kept_indexes().filter(|index| index.vector.is_some()).collect();
    let kept: Vec<Index> = match asked {
        None => known.into_iter().map(whole).collect(),
        Some(asked) => asked
            .iter()
            .map(|asked| {
                let wanted = schema::vector_index(asked, &source.attributes, billing, 0)?;
                let same = |index: &&Index| {
                    (&index.vector, &index.key, &index.projection)
                        == (&wanted.vector, &wanted.key, &wanted.projection)
                };
                let found = known.iter().copied().find(same).ok_or_else(|| unmatched(&wanted.name))?;
                Ok(Index { name: wanted.name, ..whole(found) })
            })
            .collect::<Result<_>>()?,
    };
    match billing.provisioned {
        Some(_) if !kept.is_empty() => Err(schema::provisioned_vectors()),
        _ => Ok(kept),
    }
}

/// An index that a request names: it must have been in the source, perhaps with another name.
struct Wanted<'a> {
    name: &'a str,
    key: &'a [shape::KeySchemaElement],
    projection: &'a shape::Projection,
}

impl Wanted<'_> {
    fn find(&self, source: &Table, reach: Reach) -> Result<Index> {
        let found = source.indexes.iter().find(|index| {
            index.reach == reach
                && crate::describe::key_schema(&index.key) == self.key
                && projects(&index.projection, self.projection)
        });
        let Some(found) = found else {
            return Err(unmatched(self.name));
        };
        Ok(Index { name: self.name.to_owned(), ..found.clone() })
    }
}

fn unmatched(name: &str) -> Error {
    Error::invalid(format!(
        "Index {name} does not match a secondary index that existed in the source table and cannot be created during \
         the restore operation"
    ))
}

fn projects(projection: &Projection, asked: &shape::Projection) -> bool {
    use api::dynamodb::ProjectionType;
    match (projection, asked.projection_type) {
        (Projection::All, Some(ProjectionType::All))
        | (Projection::KeysOnly, Some(ProjectionType::KeysOnly)) => true,
        (Projection::Include(names), Some(ProjectionType::Include)) => {
            let asked = asked.non_key_attributes.as_deref().unwrap_or_default();
            names.len() == asked.len() && names.iter().all(|name| asked.contains(name))
        }
        _ => false,
    }
}

/// Refuses a name that another table has.
pub(crate) fn check_target(jobs: &Jobs, scope: &Scope, name: &str) -> Result<()> {
    match jobs.catalogue.get(scope, name) {
        None => Ok(()),
        Some(table) => Err(taken(&table)),
    }
}

fn taken(table: &Table) -> Error {
    let restored = table.making().and_then(|making| making.restored.as_ref());
    let message = match restored.map(|restored| (&restored.backup_arn, &restored.table_arn)) {
        None => {
            let message = format!("Table already exists: {}", table.name);
            return Error::shaped(errors::table_already_exists(message));
        }
        Some((Some(arn), _)) => {
            format!("Table: {} is already being restored from backup: {arn}", table.name)
        }
        Some((None, arn)) => format!("Table: {} is already being restored from table: {arn}", table.name),
    };
    Error::shaped(errors::table_in_use(message))
}

/// Commits the new table with the job that fills it.
pub(crate) async fn begin(jobs: &Jobs, table: &Table, job: Job) -> Result<()> {
    let batch = job.begin(Batch::new());
    let decide = |before: Option<&Table>| match before {
        Some(before) => Err(taken(before)),
        None => Ok(Decision::becomes(table.clone()).with(batch.clone())),
    };
    jobs.catalogue.alter(&table.scope, &table.name, decide).await?;
    jobs.start(job);
    Ok(())
}

/// Fills the table.
pub(crate) async fn run(jobs: &Jobs, job: &mut Job, work: &RestoreWork) -> Result<(), Stop> {
    let source = match &work.from {
        RestoreFrom::Backup { number, .. } => Source::Aside(*number),
        RestoreFrom::Time { when_ms } => {
            if job.progress.cut.is_none() {
                let cut = history::cut(&jobs.store, job.table.id, Timestamp(*when_ms)).await?;
                job.progress.cut = Some(cut);
                jobs.save(job).await?;
            }
            Source::Table(job.table.id)
        }
    };
    picture::take(jobs, job, source, Target::Table(&work.target.name, work.target.id)).await?;
    if job.reads().is_some() {
        jobs.let_go(job).await?;
    }
    show(jobs, job, &work.target).await
}

/// Ends the job, and with that lets everybody use the table that it has made.
pub(crate) async fn show(jobs: &Jobs, job: &mut Job, target: &TableRef) -> Result<(), Stop> {
    let batch = jobs.ended(job, Batch::new());
    let decide = |before: Option<&Table>| {
        let Some(mut table) = before.filter(|table| table.id == target.id).cloned() else {
            return Ok(Decision::stays().with(batch.clone()));
        };
        if let Some(kept) = &mut table.recovery {
            kept.making = None;
        }
        table.recovery = table.recovery.filter(|kept| *kept != Recovery::default());
        table.phase = None;
        Ok(Decision::becomes(table).with(batch.clone()))
    };
    jobs.catalogue.alter(&job.scope, &target.name, decide).await?;
    Ok(())
}

/// Half a table is no table: it goes.
pub(crate) async fn give_up(jobs: &Jobs, job: &mut Job, target: &TableRef) -> Result<()> {
    if job.reads().is_some() {
        jobs.let_go(job).await?;
    }
    let batch = jobs.ended(job, Batch::new());
    let decide = |before: Option<&Table>| {
        let ours = before.is_some_and(|table| table.id == target.id);
        let decision = if ours { Decision::goes() } else { Decision::stays() };
        Ok(decision.with(batch.clone()))
    };
    jobs.catalogue.alter(&job.scope, &target.name, decide).await?;
    jobs.store.delete_range(store::KeyRange::prefix(layout::everything(target.id))).await?;
    Ok(())
}
