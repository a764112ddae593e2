//! ListContributorInsights: those that are on, by table and index.

use api::dynamodb::{
    ContributorInsightsSummary, ListContributorInsightsInput, ListContributorInsightsOutput,
};
use base::Cx;

use crate::error::Result;
use crate::table::Table;
use crate::{DynamoDb, layout};

const PAGE_MAX: usize = 100;

pub(crate) async fn run(
    db: &DynamoDb,
    cx: &Cx,
    input: ListContributorInsightsInput,
) -> Result<ListContributorInsightsOutput> {
    let mut all: Vec<ContributorInsightsSummary> = match &input.table_name {
        Some(name) => summaries(&*db.named_table(cx, name).await?).collect(),
        None => {
            db.catalogue.look().await?;
            db.catalogue.names(&cx.scope).values().flat_map(|table| summaries(table)).collect()
        }
    };
    if let Some(token) = &input.next_token {
        let after = all.iter().position(|summary| place(summary) == *token).map_or(all.len(), |at| at + 1);
        all.drain(..after);
    }
    let limit = input.max_results.and_then(|limit| usize::try_from(limit).ok()).filter(|limit| *limit > 0);
    let limit = limit.unwrap_or(PAGE_MAX).min(PAGE_MAX);
    let more = all.len() > limit;
    all.truncate(limit);
    Ok(ListContributorInsightsOutput {
        next_token: all.last().filter(|_| more).map(place),
        contributor_insights_summaries: Some(all),
    })
}

fn summaries(table: &Table) -> impl Iterator<Item = ContributorInsightsSummary> + '_ {
    let known = table.settings.iter().flat_map(|settings| &settings.insights);
    known.filter(|(_, insights)| insights.enabled).filter_map(|(number, insights)| {
        let index = table.indexes.iter().find(|index| index.number == *number);
        // An index that has gone has none.
        if *number != layout::BASE && index.is_none() {
            return None;
        }
        Some(ContributorInsightsSummary {
            table_name: Some(table.name.clone()),
            index_name: index.map(|index| index.name.clone()),
            contributor_insights_status: Some(insights.status()),
            contributor_insights_mode: Some(insights.mode()),
        })
    })
}

/// Where a summary stands in the list.
fn place(summary: &ContributorInsightsSummary) -> String {
    let name = |name: &Option<String>| name.clone().unwrap_or_default();
    format!("{}/{}", name(&summary.table_name), name(&summary.index_name))
}
