//! UpdateTimeToLive. On AWS a table's setting can be changed again after half an hour; here as soon as the last
//! change is carried out, so that deployments can be taken back at once.

use api::dynamodb::{TimeToLiveSpecification, UpdateTimeToLiveInput, UpdateTimeToLiveOutput};
use base::Cx;

use crate::catalogue::Decision;
use crate::error::{Error, Result, text};
use crate::table::{Expiry, ExpiryPhase, Table};
use crate::{DynamoDb, name};

pub(crate) async fn run(
    db: &DynamoDb,
    cx: &Cx,
    input: UpdateTimeToLiveInput,
) -> Result<UpdateTimeToLiveOutput> {
    let asked = input.time_to_live_specification;
    let name = name::table_name(&cx.scope, &input.table_name)?;
    let decide = |before: Option<&Table>| {
        let table = before.ok_or_else(|| Error::NotFound(text::no_table(name)))?;
        let expiry = Some(changed(table.expiry.as_ref(), &asked)?);
        let table = Table { expiry, ..table.clone() };
        Ok(Decision::becomes(table.clone()).answering(table))
    };
    let table = db.catalogue.alter(&cx.scope, name, decide).await?;
    db.upkeep.tend(&table).await;
    Ok(UpdateTimeToLiveOutput { time_to_live_specification: Some(asked) })
}

/// What the request makes of the setting. What it says is checked before whether the time is right, as on AWS.
fn changed(current: Option<&Expiry>, asked: &TimeToLiveSpecification) -> Result<Expiry> {
    let TimeToLiveSpecification { enabled, attribute_name } = asked;
    let live = current.filter(|current| current.phase != ExpiryPhase::Disabling);
    match live {
        Some(live) if live.attribute != *attribute_name => {
            return Err(Error::invalid(format!(
                "TimeToLive is active on a different AttributeName: current AttributeName is {}",
                live.attribute
            )));
        }
        Some(_) if *enabled => return Err(Error::invalid("TimeToLive is already enabled")),
        None if !*enabled => return Err(Error::invalid("TimeToLive is already disabled")),
        _ => {}
    }
    if current.is_some_and(|current| current.phase != ExpiryPhase::Enabled) {
        return Err(Error::invalid("Time to live has been modified multiple times within a fixed interval"));
    }
    let phase = if *enabled { ExpiryPhase::Enabling } else { ExpiryPhase::Disabling };
    Ok(Expiry { attribute: attribute_name.clone(), phase })
}
