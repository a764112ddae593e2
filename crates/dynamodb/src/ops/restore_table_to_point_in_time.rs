//! RestoreTableToPointInTime. The source goes on being written; the table is CREATING until all of it is there.

use api::dynamodb::{RestoreTableToPointInTimeInput, RestoreTableToPointInTimeOutput, TableStatus, errors};
use base::{Cx, Timestamp};

use crate::catalogue::{Decision, allocate_id};
use crate::error::{Error, Result};
use crate::job::{self, Job, RestoreFrom, RestoreWork, TableRef, Work};
use crate::recovery::{Making, Restored, Window};
use crate::restore::{self, Overrides};
use crate::table::Table;
use crate::{DynamoDb, describe, name};

pub(crate) async fn run(
    db: &DynamoDb,
    cx: &Cx,
    input: RestoreTableToPointInTimeInput,
) -> Result<RestoreTableToPointInTimeOutput> {
    let now = db.clock.now();
    check_time(&input)?;
    let source_name = source_name(cx, &input)?;
    let source = db.backed_up_table(cx, source_name).await?;
    let window = window(&source, now)?;
    let when = when(&input, window, now)?;
    let restored = Restored { backup_arn: None, table_arn: source.arn(), when_ms: when.0 };
    let overrides = Overrides {
        billing_mode: input.billing_mode_override,
        globals: input.global_secondary_index_override.as_deref(),
        locals: input.local_secondary_index_override.as_deref(),
        vectors: input.vector_index_override.as_deref(),
        throughput: input.provisioned_throughput_override.as_ref(),
        on_demand: input.on_demand_throughput_override.as_ref(),
        sse: input.sse_specification_override.as_ref(),
    };
    let id = job::new_id(now);
    let making = Making { job: id.clone(), restored: Some(restored) };
    restore::check_target(&db.jobs, &cx.scope, &input.target_table_name)?;
    let mut table = restore::declare(&source, &input.target_table_name, &overrides, (making, now))?;
    let source = TableRef::of(&source);

    table.id = allocate_id(&db.store).await?;
    // From here on the history of the source stays, whatever becomes of it.
    let decide = |before: Option<&Table>| {
        let before = before.filter(|before| before.id == source.id);
        let before = before.ok_or_else(|| Error::TableNotFound(source_name.to_owned()))?;
        self::window(before, now)?;
        Ok(Decision::becomes(before.held_for(&id)))
    };
    db.catalogue.alter(&cx.scope, source_name, decide).await?;
    let target = TableRef::of(&table);
    let work = Work::Restore(RestoreWork { target, from: RestoreFrom::Time { when_ms: when.0 } });
    let job = Job { id: id.clone(), ..Job::new(&cx.scope, now, source, work) };
    if let Err(error) = restore::begin(&db.jobs, &table, job.clone()).await {
        db.jobs.let_go(&job).await?;
        return Err(error);
    }
    let standing = describe::Standing { status: TableStatus::Creating, now, counts: &[] };
    Ok(RestoreTableToPointInTimeOutput { table_description: Some(describe::table(&table, &standing)) })
}

fn check_time(input: &RestoreTableToPointInTimeInput) -> Result<()> {
    match (input.restore_date_time, input.use_latest_restorable_time) {
        (Some(_), Some(true)) => Err(Error::invalid(
            "Invalid Request: Both RestoreDateTime and UseLatestRestorableTime cannot be set for point-in-time \
             restore request. Please specify only one of them.",
        )),
        (None, None | Some(false)) => Err(Error::invalid(
            "Invalid Request: Either one of RestoreDateTime or UseLatestRestorableTime must be specified, but not \
             both",
        )),
        _ => Ok(()),
    }
}

fn source_name<'a>(cx: &Cx, input: &'a RestoreTableToPointInTimeInput) -> Result<&'a str> {
    match (&input.source_table_name, &input.source_table_arn) {
        (Some(_), Some(_)) => {
            Err(Error::invalid("Must provide exactly one of: sourceTableArn, sourceTableName"))
        }
        (None, None) => Err(Error::invalid("The parameter 'TableName' is required")),
        (Some(name), None) => Ok(name),
        (None, Some(arn)) if arn.starts_with("arn:") => name::table_name(&cx.scope, arn),
        (None, Some(_)) => Err(Error::parameter("sourceTableArn is not a valid ARN")),
    }
}

fn window(source: &Table, now: Timestamp) -> Result<Window> {
    source.recovery_window(now).ok_or_else(|| recovery_is_off(&source.name))
}

pub(crate) fn recovery_is_off(name: &str) -> Error {
    let message = format!("Point in time recovery is not enabled for table '{name}'");
    Error::shaped(errors::point_in_time_recovery_unavailable(message))
}

fn when(input: &RestoreTableToPointInTimeInput, window: Window, now: Timestamp) -> Result<Timestamp> {
    let Some(when) = input.restore_date_time else { return Ok(now) };
    if when.0 < window.earliest.0 || when.0 > now.0 {
        let second = |time: Timestamp| super::describe_continuous_backups::second(time);
        return Err(Error::shaped(errors::invalid_restore_time(format!(
            "RestoreDateTime '{}' must be within EarliestRestorableDateTime '{}' and LatestRestorableDateTime '{}'",
            second(when),
            second(window.earliest),
            second(window.latest)
        ))));
    }
    Ok(when)
}
