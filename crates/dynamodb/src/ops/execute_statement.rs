//! ExecuteStatement: one statement of PartiQL.

use api::dynamodb::{ExecuteStatementInput, ExecuteStatementOutput, ReturnValuesOnConditionCheckFailure};
use base::Cx;
use expr::{Select, Statement};

use crate::error::{Error, Result};
use crate::statement::{self, Reading};
use crate::{DynamoDb, change, next_token};

/// Where EXISTS is no condition of a transaction.
pub(crate) const EXISTS: &str = "EXISTS can only be used in ExecuteTransaction write requests.";

pub(crate) async fn run(
    db: &DynamoDb,
    cx: &Cx,
    input: ExecuteStatementInput,
) -> Result<ExecuteStatementOutput> {
    match statement::parse(&input.statement, &input.parameters)? {
        Statement::Select(select) => read(db, cx, &select, &input).await,
        Statement::Exists(_) => Err(Error::invalid(EXISTS)),
        write => execute(db, cx, write, &input).await,
    }
}

async fn read(
    db: &DynamoDb,
    cx: &Cx,
    select: &Select,
    input: &ExecuteStatementInput,
) -> Result<ExecuteStatementOutput> {
    let reading = Reading::new(db, cx, select, input.consistent_read.unwrap_or(false)).await?;
    let parameters = statement::values(&input.parameters)?;
    let fingerprint = next_token::fingerprint(&reading.table, select, (&input.statement, parameters));
    let start = input.next_token.as_deref().map(|text| next_token::parse(text, fingerprint)).transpose()?;

    let page = reading.page(db, start, input.limit).await?;
    Ok(ExecuteStatementOutput {
        consumed_capacity: page.consumed(&reading, input.return_consumed_capacity),
        items: Some(page.items),
        next_token: page.next.as_ref().map(|position| next_token::print(position, fingerprint)),
        last_evaluated_key: page.next.and_then(|position| position.after),
    })
}

async fn execute(
    db: &DynamoDb,
    cx: &Cx,
    write: Statement,
    input: &ExecuteStatementInput,
) -> Result<ExecuteStatementOutput> {
    let name = write.table().to_owned();
    let returning = statement::returning(&write);
    let shows_item = shows_item(input.return_values_on_condition_check_failure);
    let table = db.table(cx, &name).await?;
    let plan = statement::plan(table, write, shows_item)?;

    let outcome = change::commit(db, &plan, true).await?;
    let shown = statement::returned(&plan, &outcome, returning);
    Ok(ExecuteStatementOutput {
        items: Some(shown.into_iter().map(Into::into).collect()),
        consumed_capacity: outcome.tally.told(&plan.table, &name, input.return_consumed_capacity),
        ..ExecuteStatementOutput::default()
    })
}

pub(crate) fn shows_item(asked: Option<ReturnValuesOnConditionCheckFailure>) -> bool {
    asked == Some(ReturnValuesOnConditionCheckFailure::AllOld)
}
