//! UpdateContributorInsights.

use api::dynamodb::{
    ContributorInsightsAction, ContributorInsightsStatus, UpdateContributorInsightsInput,
    UpdateContributorInsightsOutput,
};
use base::Cx;

use crate::catalogue::Decision;
use crate::error::{Error, Result, text};
use crate::insights::{Insights, Subject};
use crate::table::Table;
use crate::{DynamoDb, name};

pub(crate) async fn run(
    db: &DynamoDb,
    cx: &Cx,
    input: UpdateContributorInsightsInput,
) -> Result<UpdateContributorInsightsOutput> {
    let name = name::table_name(&cx.scope, &input.table_name)?;
    let now = db.clock.now();
    let enable = input.contributor_insights_action == ContributorInsightsAction::Enable;
    let decide = |before: Option<&Table>| {
        let before = before.ok_or_else(|| Error::NotFound(text::no_table(name)))?;
        let number = Subject::of(before, input.index_name.as_deref())?.number;
        let known = before.settings.as_ref().and_then(|settings| settings.insights.get(&number));
        let changed = match enable {
            true => Insights::enabled(known, input.contributor_insights_mode, now),
            false => Insights::disabled(known, now),
        };
        let Some(changed) = changed else {
            let status = known.map_or(ContributorInsightsStatus::Disabled, Insights::status);
            return Ok(Decision::stays().answering((status, known.map(Insights::mode))));
        };
        let status = match enable {
            true => ContributorInsightsStatus::Enabling,
            false => ContributorInsightsStatus::Disabling,
        };
        let answer = (status, Some(changed.mode()));
        let mut table = before.clone();
        table.settings.get_or_insert_default().insights.insert(number, changed);
        Ok(Decision::becomes(table).answering(answer))
    };
    let (status, mode) = db.catalogue.alter(&cx.scope, name, decide).await?;
    Ok(UpdateContributorInsightsOutput {
        table_name: Some(name.to_owned()),
        index_name: input.index_name,
        contributor_insights_status: Some(status),
        contributor_insights_mode: mode,
    })
}
