//! What a durable function is given and what it answers. Pure.

use api::lambda::ErrorObject;
use bytes::Bytes;
use wire::json::{JsonError, Reader, Writer};

use super::operation::{ErrorRecord, Operation};
use super::state::State;

/// Operations that do not fit are fetched by the function, page by page.
const PAGE_BYTES: usize = 4 << 20;
const ANSWER_DEPTH_MAX: usize = 64;

/// What an invocation came to.
#[derive(Debug, PartialEq)]
pub(super) enum Answer {
    Succeeded(Option<String>),
    Failed(ErrorRecord),
    /// It waits for something.
    Pending,
    /// Not what a durable function answers.
    Strange,
}

/// The event of an invocation; `updated` are the operations that changed since the last one.
pub(super) fn event(state: &State, arn: &str, token: &str, updated: &[usize]) -> Bytes {
    let mut json = Writer::new();
    json.begin_object();
    json.key("DurableExecutionArn");
    json.string(arn);
    json.key("CheckpointToken");
    json.string(token);
    json.key("InitialExecutionState");
    json.begin_object();
    json.key("Operations");
    json.begin_array();
    let (page, next) = page(&state.operations, 0, usize::MAX);
    for operation in page {
        operation.write_event(&mut json);
    }
    json.end_array();
    json.key("NextMarker");
    json.string(&next.unwrap_or_default());
    json.end_object();
    json.key("UpdatedOperationIds");
    json.begin_array();
    for &place in updated {
        json.string(&state.operations[place].id);
    }
    json.end_array();
    json.end_object();
    json.into_bytes()
}

/// The operations from `start` on that fit in an answer, at least one, and the marker of those after.
pub(crate) fn page(
    operations: &[Operation],
    start: usize,
    count_max: usize,
) -> (&[Operation], Option<String>) {
    let rest = operations.get(start..).unwrap_or_default();
    let mut bytes = 0;
    let fitting = rest.iter().take(count_max).take_while(|operation| {
        bytes += operation.size();
        bytes <= PAGE_BYTES
    });
    let count = fitting.count().max(usize::from(!rest.is_empty()));
    let next = (count < rest.len()).then(|| (start + count).to_string());
    (&rest[..count], next)
}

pub(super) fn answer(payload: &[u8]) -> Answer {
    read(payload).unwrap_or(Answer::Strange)
}

fn read(payload: &[u8]) -> Result<Answer, JsonError> {
    let (mut status, mut result, mut error) = (None, None, None);
    let mut reader = Reader::new(payload, ANSWER_DEPTH_MAX)?;
    reader.begin_object()?;
    while let Some(key) = reader.next_key()? {
        match &*key {
            "Status" => status = Some(reader.string()?.into_owned()),
            "Result" if !reader.null()? => result = Some(reader.string()?.into_owned()),
            "Error" if !reader.null()? => error = Some(read_error(&mut reader)?),
            "Result" | "Error" => {}
            _ => reader.skip()?,
        }
    }
    reader.end()?;
    Ok(match status.as_deref() {
        Some("SUCCEEDED") => Answer::Succeeded(result),
        Some("FAILED") => Answer::Failed(error.unwrap_or_default()),
        Some("PENDING") => Answer::Pending,
        _ => Answer::Strange,
    })
}

fn read_error(reader: &mut Reader<'_>) -> Result<ErrorRecord, JsonError> {
    let mut error = ErrorObject::default();
    reader.begin_object()?;
    while let Some(key) = reader.next_key()? {
        if reader.null()? {
            continue;
        }
        match &*key {
            "ErrorMessage" => error.error_message = Some(reader.string()?.into_owned()),
            "ErrorType" => error.error_type = Some(reader.string()?.into_owned()),
            "ErrorData" => error.error_data = Some(reader.string()?.into_owned()),
            "StackTrace" => {
                let mut stack = Vec::new();
                reader.begin_array()?;
                while reader.next_element()? {
                    stack.push(reader.string()?.into_owned());
                }
                error.stack_trace = Some(stack);
            }
            _ => reader.skip()?,
        }
    }
    Ok(error.into())
}

/// The error of an ordinary function's answer.
pub(super) fn function_error(payload: &[u8]) -> ErrorRecord {
    read_function_error(payload).unwrap_or_else(|_| ErrorRecord {
        data: Some(String::from_utf8_lossy(payload).into_owned()),
        ..ErrorRecord::default()
    })
}

fn read_function_error(payload: &[u8]) -> Result<ErrorRecord, JsonError> {
    let mut error = ErrorRecord::default();
    let mut reader = Reader::new(payload, ANSWER_DEPTH_MAX)?;
    reader.begin_object()?;
    while let Some(key) = reader.next_key()? {
        match &*key {
            "errorMessage" if !reader.null()? => error.message = Some(reader.string()?.into_owned()),
            "errorType" if !reader.null()? => error.kind = Some(reader.string()?.into_owned()),
            "errorMessage" | "errorType" => {}
            _ => reader.skip()?,
        }
    }
    Ok(error)
}

/// An execution's error as Invoke answers it.
pub(super) fn error_payload(error: &ErrorRecord) -> Bytes {
    let mut json = Writer::new();
    json.begin_object();
    json.optional("errorMessage", &error.message);
    json.optional("errorType", &error.kind);
    json.optional("errorData", &error.data);
    json.optional("stackTrace", &error.stack);
    json.end_object();
    json.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_functions_answer() {
        for (payload, expected) in [
            (
                r#"{"Status":"SUCCEEDED","Result":"{\"a\":1}"}"#,
                Answer::Succeeded(Some("{\"a\":1}".to_owned())),
            ),
            (r#"{"Status":"SUCCEEDED"}"#, Answer::Succeeded(None)),
            (r#"{"Status":"PENDING","Result":null}"#, Answer::Pending),
            (
                r#"{"Error":{"ErrorType":"E","ErrorMessage":"m","StackTrace":["a"],"More":{}},"Status":"FAILED"}"#,
                Answer::Failed(ErrorRecord {
                    stack: Some(vec!["a".to_owned()]),
                    ..ErrorRecord::new("E", "m")
                }),
            ),
            (r#"{"Status":"DONE"}"#, Answer::Strange),
            (r#""ok""#, Answer::Strange),
            ("null", Answer::Strange),
        ] {
            assert_eq!(answer(payload.as_bytes()), expected, "{payload}");
        }
        let said = function_error(br#"{"errorType":"Error","errorMessage":"no","trace":[]}"#);
        assert_eq!(said, ErrorRecord::new("Error", "no"));
    }
}
