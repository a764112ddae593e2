//! UpdateContinuousBackups: point-in-time recovery on and off. It is on when this answers: whatever is written from
//! then on is in the history.

use api::dynamodb::{UpdateContinuousBackupsInput, UpdateContinuousBackupsOutput};
use base::Cx;

use super::describe_continuous_backups::description;
use crate::catalogue::Decision;
use crate::error::{Error, Result};
use crate::recovery::{DAYS, Recovery};
use crate::table::Table;
use crate::{DynamoDb, layout, name};

pub(crate) async fn run(
    db: &DynamoDb,
    cx: &Cx,
    input: UpdateContinuousBackupsInput,
) -> Result<UpdateContinuousBackupsOutput> {
    let name = name::table_name(&cx.scope, &input.table_name)?;
    let asked = &input.point_in_time_recovery_specification;
    if asked.recovery_period_in_days.is_some() && !asked.point_in_time_recovery_enabled {
        return Err(Error::invalid(
            "RecoveryPeriodInDays can only be specified when PointInTimeRecoveryEnabled is true",
        ));
    }
    let days = asked.recovery_period_in_days.and_then(|days| u8::try_from(days).ok());
    let newest = db.store.safe_seq().await?;
    let decide = |before: Option<&Table>| {
        let table = before.filter(|table| table.making().is_none());
        let before = table.ok_or_else(|| Error::TableNotFound(name.to_owned()))?;
        let kept = before.recovery.clone().unwrap_or_default();
        let changed = match asked.point_in_time_recovery_enabled {
            // Until all requests know it, this is the newest time that is not whole.
            true => Recovery {
                since_ms: kept.since_ms.or(Some(db.clock.now().0)),
                days: days.unwrap_or(if kept.since_ms.is_some() { kept.days } else { DAYS }),
                ..kept.clone()
            },
            false => Recovery { since_ms: None, days: 0, ..kept.clone() },
        };
        let table = Table {
            recovery: Some(changed.clone()).filter(|kept| *kept != Recovery::default()),
            ..before.clone()
        };
        if changed == kept {
            return Ok(Decision::stays().answering((table, false)));
        }
        let forgets = before.records_history() && !table.records_history();
        Ok(Decision::becomes(table.clone()).answering((table, forgets)))
    };
    let (table, forgets) = db.catalogue.alter(&cx.scope, name, decide).await?;
    if table.records_history() {
        // Writes that know the table as it was keep no history.
        db.catalogue.quiesce(table.id).await?;
    } else if forgets {
        let (store, id) = (db.store.clone(), table.id);
        tokio::spawn(async move {
            if let Err(error) = store.delete_range(layout::history_between(id, 0, newest)).await {
                tracing::warn!(%error, "history that is not wanted waits for the next sweep");
            }
        });
    }
    Ok(UpdateContinuousBackupsOutput {
        continuous_backups_description: Some(description(&table, db.clock.now())),
    })
}
