//! ExecuteTransaction: statements that all happen or none, or reads of one moment.

use api::dynamodb::{
    ExecuteTransactionInput, ExecuteTransactionOutput, ItemResponse, ParameterizedStatement,
};
use base::Cx;
use expr::{Select, Statement, Where};

use crate::error::{Error, Result, text};
use crate::ops::execute_statement::shows_item;
use crate::request::key_names;
use crate::statement;
use crate::table::Table;
use crate::token::{Fingerprint, Token};
use crate::transaction::{self, Action, Aimed, Get, Reason};
use crate::{DynamoDb, write};

const KEYED: &str =
    "Select statements within ExecuteTransaction must specify the primary key in the where clause.";

pub(crate) async fn run(
    db: &DynamoDb,
    cx: &Cx,
    input: ExecuteTransactionInput,
) -> Result<ExecuteTransactionOutput> {
    let mut payload = 0;
    for asked in &input.transact_statements {
        payload += statement::values(&asked.parameters)?.iter().map(item::Value::size).sum::<usize>();
    }
    if payload > transaction::BYTES_MAX {
        return Err(Error::invalid(text::TRANSACTION_SIZE));
    }
    let mut statements = Vec::with_capacity(input.transact_statements.len());
    for (at, asked) in input.transact_statements.iter().enumerate() {
        let parsed = statement::parse(&asked.statement, &asked.parameters);
        statements.push(parsed.map_err(|error| numbered(at, error))?);
    }
    let reads = statements.iter().filter(|statement| matches!(statement, Statement::Select(_))).count();
    match reads {
        0 => execute(db, cx, statements, &input).await,
        _ if reads == statements.len() => read(db, cx, statements, &input).await,
        _ => Err(Error::invalid(
            "ExecuteTransaction API does not support both read and write operations in the same request.",
        )),
    }
}

async fn read(
    db: &DynamoDb,
    cx: &Cx,
    statements: Vec<Statement>,
    input: &ExecuteTransactionInput,
) -> Result<ExecuteTransactionOutput> {
    let mut selects = Vec::with_capacity(statements.len());
    let mut gets = Vec::with_capacity(statements.len());
    for (at, statement) in statements.into_iter().enumerate() {
        let Statement::Select(select) = statement else { continue };
        gets.push(get(db, cx, at, &select).await?);
        selects.push(select);
    }
    let gets = ready(gets)?;
    let found = transaction::read(db, &gets, input.return_consumed_capacity).await?;
    let mut responses = Vec::with_capacity(selects.len());
    for (select, image) in selects.iter().zip(found.items) {
        let item = match (&select.columns, image) {
            (Some(columns), Some(image)) => {
                let item = image.into_item().map_err(|error| Error::Corrupt(error.to_string()))?;
                Some(columns.apply(&item).into())
            }
            (_, image) => image,
        };
        responses.push(ItemResponse { item });
    }
    Ok(ExecuteTransactionOutput { responses: Some(responses), consumed_capacity: found.consumed })
}

async fn get(db: &DynamoDb, cx: &Cx, at: usize, select: &Select) -> Result<Result<Get>> {
    let table = match db.table(cx, &select.table).await {
        Ok(table) => table,
        Err(error) => return Ok(Err(error)),
    };
    if select.index.is_some() {
        return Err(numbered(at, Error::invalid("Reads on indices are not supported within transactions.")));
    }
    let key = statement::item_key(select, &table, KEYED).map_err(|error| numbered(at, error))?;
    Ok(match key {
        Some(key) => write::request_key(&table, &key).map(|key| Get {
            name: select.table.clone(),
            table,
            key,
            projection: None,
        }),
        None => Err(Error::invalid(text::KEY_SCHEMA)),
    })
}

async fn execute(
    db: &DynamoDb,
    cx: &Cx,
    statements: Vec<Statement>,
    input: &ExecuteTransactionInput,
) -> Result<ExecuteTransactionOutput> {
    let mut planned = Vec::with_capacity(statements.len());
    for (at, (statement, asked)) in statements.into_iter().zip(&input.transact_statements).enumerate() {
        planned.push(action(db, cx, at, (statement, asked)).await?);
    }
    let actions = ready(planned)?;
    let token = input.client_request_token.as_deref().map(|token| {
        let mut request = Fingerprint::default();
        input.transact_statements.iter().for_each(|asked| note(asked, &mut request));
        Token::new(&cx.scope, token, request, db.clock.now())
    });

    let applied = transaction::write(db, &actions, token.as_ref()).await?;
    Ok(ExecuteTransactionOutput {
        responses: Some(Vec::new()),
        consumed_capacity: applied.consumed(&actions, input.return_consumed_capacity),
    })
}

/// The outer error refuses the request, the inner one cancels the transaction.
async fn action(
    db: &DynamoDb,
    cx: &Cx,
    at: usize,
    (statement, asked): (Statement, &ParameterizedStatement),
) -> Result<Result<Action>> {
    let name = statement.table().to_owned();
    let table = match db.table(cx, &name).await {
        Ok(table) => table,
        Err(error) => return Ok(Err(error)),
    };
    check(&statement, &table).map_err(|error| numbered(at, error))?;
    let filter = match &statement {
        Statement::Update(update) => Some(&update.filter),
        Statement::Delete(delete) => Some(&delete.filter),
        _ => None,
    };
    let names = key_names(&table.key);
    let is_keyed =
        |filter: &Option<Where>| filter.as_ref().is_some_and(|filter| filter.item_key(&names).is_ok());
    if filter.is_some_and(|filter| !is_keyed(filter)) {
        return Ok(Err(Error::invalid(text::KEY_SCHEMA)));
    }
    let shows_item = shows_item(asked.return_values_on_condition_check_failure);
    Ok(statement::plan(table, statement, shows_item).map(|plan| Action { name, plan }))
}

/// Refuses what is a statement, but none of a transaction.
fn check(statement: &Statement, table: &Table) -> Result<()> {
    if statement::returning(statement).is_some() {
        return Err(Error::invalid("RETURNING clause is not supported in ExecuteTransaction."));
    }
    let Statement::Exists(select) = statement else { return Ok(()) };
    if select.index.is_some() {
        return Err(Error::invalid("Operations on indices are not supported in transactions"));
    }
    statement::checked_key(select, table).map(drop)
}

/// The members, unless one of them cancels the transaction; then each that does has its reason.
fn ready<T: Aimed>(members: Vec<Result<T>>) -> Result<Vec<T>> {
    if members.iter().all(Result::is_ok) {
        return transaction::gather(members.into_iter());
    }
    let reason = |member: Result<T>| member.map_or_else(Reason::of, |_| Ok(Reason::NONE));
    Err(Error::Cancelled(members.into_iter().map(reason).collect::<Result<_>>()?))
}

/// What is wrong with one statement as such refuses the request, and says which it is.
fn numbered(at: usize, error: Error) -> Error {
    match error {
        Error::Validation(message) => {
            Error::invalid(format!("Validation failed in TransactStatements[{at}]: {message}"))
        }
        error => error,
    }
}

fn note(asked: &ParameterizedStatement, request: &mut Fingerprint) {
    request.text(&asked.statement);
    request.text(asked.return_values_on_condition_check_failure.map_or("", |asked| asked.as_str()));
    request.values(statement::values(&asked.parameters).unwrap_or_default());
}
