//! DescribeContributorInsights.

use api::dynamodb::{
    ContributorInsightsStatus, DescribeContributorInsightsInput, DescribeContributorInsightsOutput,
};
use base::{Cx, Timestamp};

use crate::DynamoDb;
use crate::error::Result;
use crate::insights::{Insights, Subject};

pub(crate) async fn run(
    db: &DynamoDb,
    cx: &Cx,
    input: DescribeContributorInsightsInput,
) -> Result<DescribeContributorInsightsOutput> {
    let table = db.named_table(cx, &input.table_name).await?;
    let subject = Subject::of(&table, input.index_name.as_deref())?;
    let known = table.settings.as_ref().and_then(|settings| settings.insights.get(&subject.number));
    Ok(DescribeContributorInsightsOutput {
        table_name: Some(table.name.clone()),
        index_name: subject.index.map(str::to_owned),
        contributor_insights_rule_list: known.and_then(|known| known.rules(&table, subject)),
        contributor_insights_status: Some(
            known.map_or(ContributorInsightsStatus::Disabled, Insights::status),
        ),
        last_update_date_time: known.map(|known| Timestamp(known.changed_ms)),
        failure_exception: None,
        contributor_insights_mode: known.map(Insights::mode),
    })
}
