//! BatchExecuteStatement: statements that each are about one item, all reads or all writes. What is wrong with one is
//! told in its place and hinders no other.

use std::sync::Arc;

use api::dynamodb::{
    BatchExecuteStatementInput, BatchExecuteStatementOutput, BatchStatementError,
    BatchStatementErrorCodeEnum, BatchStatementRequest, BatchStatementResponse, ConsumedCapacity,
    ReturnConsumedCapacity,
};
use base::Cx;
use bytes::Bytes;
use expr::{Select, Statement};
use item::Image;

use crate::capacity::{Tally, read_units};
use crate::error::{Error, Result, text};
use crate::ops::execute_statement::{EXISTS, shows_item};
use crate::ops::get_item::stored;
use crate::statement::{self, index_to_read};
use crate::table::Table;
use crate::throttle::{Admission, Way};
use crate::{DynamoDb, change, write};

const KEYED: &str =
    "Select statements within BatchExecuteStatement must specify the primary key in the where clause.";

/// What became of a statement.
#[derive(Default)]
struct Answer {
    response: BatchStatementResponse,
    consumed: Option<ConsumedCapacity>,
}

/// A SELECT of one item.
struct Get {
    select: Select,
    table: Arc<Table>,
    key: Bytes,
    consistent: bool,
}

pub(crate) async fn run(
    db: &DynamoDb,
    cx: &Cx,
    input: BatchExecuteStatementInput,
) -> Result<BatchExecuteStatementOutput> {
    let parsed: Vec<Result<Statement>> = input.statements.iter().map(parse).collect();
    let is_read = |statement: &Statement| matches!(statement, Statement::Select(_));
    let reads = parsed.iter().flatten().filter(|statement| is_read(statement)).count();
    if reads > 0 && reads < parsed.iter().flatten().count() {
        return Err(Error::invalid(
            "BatchExecuteStatement API does not support both read and write operations in the same request.",
        ));
    }
    let answers = match reads {
        0 => execute(db, cx, parsed, &input).await?,
        _ => read(db, cx, parsed, &input).await?,
    };
    let mut responses = Vec::with_capacity(answers.len());
    let mut consumed = Vec::new();
    for answer in answers {
        responses.push(answer.response);
        consumed.extend(answer.consumed);
    }
    Ok(BatchExecuteStatementOutput {
        responses: Some(responses),
        consumed_capacity: (!consumed.is_empty()).then_some(consumed),
    })
}

fn parse(request: &BatchStatementRequest) -> Result<Statement> {
    match statement::parse(&request.statement, &request.parameters)? {
        Statement::Exists(_) => Err(Error::invalid(EXISTS)),
        statement => Ok(statement),
    }
}

/// All reads see one moment.
async fn read(
    db: &DynamoDb,
    cx: &Cx,
    parsed: Vec<Result<Statement>>,
    input: &BatchExecuteStatementInput,
) -> Result<Vec<Answer>> {
    let mut gets = Vec::with_capacity(parsed.len());
    for (statement, request) in parsed.into_iter().zip(&input.statements) {
        gets.push(match statement {
            Ok(statement) => get(db, cx, statement, request).await,
            Err(error) => Err(error),
        });
    }
    let keys: Vec<Bytes> = gets.iter().flatten().map(|get| get.key.clone()).collect();
    let mut found = db.store.multi_get(&keys).await?.into_iter();
    let mut answers = Vec::with_capacity(gets.len());
    for get in gets {
        answers.push(match get {
            Ok(get) => {
                let image = found.next().flatten().map(|entry| stored(entry.value)).transpose()?;
                get.answer(image, (&db.admission(), input.return_consumed_capacity))?
            }
            Err(error) => Answer::refused(error, None)?,
        });
    }
    Ok(answers)
}

async fn get(db: &DynamoDb, cx: &Cx, statement: Statement, request: &BatchStatementRequest) -> Result<Get> {
    let Statement::Select(select) = statement else { return Err(Error::invalid(KEYED)) };
    let table = db.table(cx, &select.table).await?;
    let consistent = request.consistent_read.unwrap_or(false);
    if index_to_read(&table, select.index.as_deref(), consistent)?.is_some() {
        return Err(Error::invalid(KEYED));
    }
    let key = statement::item_key(&select, &table, KEYED)?.ok_or_else(|| Error::invalid(text::KEY_SCHEMA))?;
    let key = write::request_key(&table, &key)?;
    Ok(Get { select, table, key, consistent })
}

impl Get {
    fn answer(
        self,
        image: Option<Image>,
        (admission, wanted): (&Admission<'_>, Option<ReturnConsumedCapacity>),
    ) -> Result<Answer> {
        if let Err(error) = admission.check(&self.table, None, Way::Read) {
            return Answer::refused(error, Some(self.select.table));
        }
        let size = image.as_ref().map_or(0, Image::size);
        let tally = Tally::of_table(read_units(size, self.consistent));
        admission.charge(&self.table, Way::Read, &tally);
        let item =
            image.map(Image::into_item).transpose().map_err(|error| Error::Corrupt(error.to_string()))?;
        let item = match &self.select.columns {
            Some(columns) => item.map(|item| columns.apply(&item)),
            None => item,
        };
        Ok(Answer {
            consumed: tally.told(&self.table, &self.select.table, wanted),
            response: BatchStatementResponse { item, table_name: Some(self.select.table), error: None },
        })
    }
}

/// One after the other.
async fn execute(
    db: &DynamoDb,
    cx: &Cx,
    parsed: Vec<Result<Statement>>,
    input: &BatchExecuteStatementInput,
) -> Result<Vec<Answer>> {
    let mut answers = Vec::with_capacity(parsed.len());
    for (statement, request) in parsed.into_iter().zip(&input.statements) {
        answers.push(match statement {
            Ok(write) => execute_one(db, cx, write, (request, input.return_consumed_capacity)).await?,
            Err(error) => Answer::refused(error, None)?,
        });
    }
    Ok(answers)
}

async fn execute_one(
    db: &DynamoDb,
    cx: &Cx,
    write: Statement,
    (request, wanted): (&BatchStatementRequest, Option<ReturnConsumedCapacity>),
) -> Result<Answer> {
    let name = write.table().to_owned();
    let returning = statement::returning(&write);
    let shows_item = shows_item(request.return_values_on_condition_check_failure);
    let table = match db.table(cx, &name).await {
        Ok(table) => table,
        Err(error) => return Answer::refused(error, None),
    };
    let plan = match statement::plan(table, write, shows_item) {
        Ok(plan) => plan,
        Err(error) => return Answer::refused(error, None),
    };
    let outcome = match change::commit(db, &plan, true).await {
        Ok(outcome) => outcome,
        Err(error) => return Answer::refused(error, Some(name)),
    };
    let item = statement::returned(&plan, &outcome, returning);
    Ok(Answer {
        consumed: outcome.tally.told(&plan.table, &name, wanted),
        response: BatchStatementResponse { item, table_name: Some(name), error: None },
    })
}

impl Answer {
    /// The answer of a statement that was refused; what is not the statement's fault refuses the request. `ran_on`: the
    /// table, if the statement reached it.
    fn refused(error: Error, ran_on: Option<String>) -> Result<Self> {
        let message = Some(error.to_string());
        let (code, item) = match error {
            Error::Validation(_) | Error::EmptyKey(_) => (BatchStatementErrorCodeEnum::ValidationError, None),
            Error::NotFound(_) => (BatchStatementErrorCodeEnum::ResourceNotFound, None),
            Error::DuplicateItem => (BatchStatementErrorCodeEnum::DuplicateItem, None),
            Error::ConditionFailed(item) => (BatchStatementErrorCodeEnum::ConditionalCheckFailed, item),
            Error::Throttled(throttled) => (throttled.statement_code(), None),
            Error::CollectionSize => (BatchStatementErrorCodeEnum::ItemCollectionSizeLimitExceeded, None),
            error => return Err(error),
        };
        let error = BatchStatementError { code: Some(code), message, item: item.map(|item| *item) };
        let response = BatchStatementResponse { error: Some(error), table_name: ran_on, item: None };
        Ok(Self { response, consumed: None })
    }
}
