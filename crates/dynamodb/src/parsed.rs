//! The records of objects as items: DynamoDB JSON, and CSV. Pure.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use item::{Item, Number, Value};
use wire::Violations;
use wire::json::{ReadJson, Reader};

use crate::asked::{AskedWrite, Maps};
use crate::error::{Error, Result};
use crate::request::{Envelope, WriteCondition};
use crate::table::{PartKind, Table};

/// Deeper than any item may be.
const DEPTH_MAX: usize = 128;

/// What a record says.
#[derive(Debug)]
pub(crate) struct Put {
    pub(crate) item: Item,
    pub(crate) condition: WriteCondition,
}

/// Why a record gives no item.
#[derive(Debug)]
pub(crate) enum Fault {
    /// What follows in its object cannot be trusted either.
    Malformed(String),
    Invalid(Error),
}

/// `{"Item": {...}}`, and what a PutItem says with its condition.
pub(crate) fn json(line: &[u8]) -> Result<Put, Fault> {
    let malformed = |error: &dyn std::fmt::Display| Fault::Malformed(error.to_string());
    let mut reader = Reader::new(line, DEPTH_MAX).map_err(|error| malformed(&error))?;
    let mut violations = Violations::default();
    let mut item = None;
    let (mut names, mut values) = (None::<BTreeMap<String, String>>, None::<Item>);
    let mut condition = None;
    let mut read = || {
        reader.begin_object()?;
        while let Some(name) = reader.next_key()? {
            match name.as_ref() {
                "Item" => item = Item::read_json(&mut reader, &mut violations)?,
                "ConditionExpression" => condition = Some(reader.string()?.into_owned()),
                "ExpressionAttributeValues" => values = Item::read_json(&mut reader, &mut violations)?,
                "ExpressionAttributeNames" => {
                    let mut found = BTreeMap::new();
                    reader.begin_map()?;
                    while let Some(name) = reader.next_key()? {
                        let name = name.into_owned();
                        found.insert(name, reader.string()?.into_owned());
                    }
                    names = Some(found);
                }
                _ => reader.skip()?,
            }
        }
        reader.end()
    };
    read().map_err(|error| malformed(&error))?;
    if let Some(message) = violations.message(wire::Wording::Newer) {
        return Err(Fault::Invalid(Error::invalid(message)));
    }
    let item = item.ok_or_else(|| Fault::Invalid(Error::invalid("The record has no Item")))?;
    let asked = AskedWrite {
        condition: condition.as_deref(),
        on_failure: Some(api::dynamodb::ReturnValuesOnConditionCheckFailure::AllOld),
        maps: Maps { names: names.as_ref(), values: values.as_ref() },
        ..AskedWrite::default()
    };
    let (_, condition) = asked.parse(Envelope::Bare).map_err(Fault::Invalid)?;
    Ok(Put { item, condition })
}

/// The fields of a CSV record.
pub(crate) fn fields(line: &[u8], delimiter: u8) -> Result<Vec<String>, Fault> {
    let mut fields = Vec::new();
    let mut field = Vec::new();
    let (mut quoted, mut at) = (false, 0);
    while at < line.len() {
        match line[at] {
            b'"' if quoted && line.get(at + 1) == Some(&b'"') => {
                field.push(b'"');
                at += 1;
            }
            b'"' => quoted = !quoted,
            byte if byte == delimiter && !quoted => fields.push(std::mem::take(&mut field)),
            byte => field.push(byte),
        }
        at += 1;
    }
    fields.push(field);
    let text =
        |field| String::from_utf8(field).map_err(|_| Fault::Malformed("a field is not UTF-8".to_owned()));
    fields.into_iter().map(text).collect()
}

/// The item of a CSV record: texts, but for the keys of the table and its indexes, which have their types.
pub(crate) fn csv(table: &Table, header: &[String], fields: Vec<String>) -> Result<Put, Fault> {
    let invalid = |message: String| Fault::Invalid(Error::invalid(message));
    if fields.len() != header.len() {
        return Err(invalid(format!("{} fields and not {} as the header", fields.len(), header.len())));
    }
    let mut item = Item::with_capacity(fields.len());
    for (name, field) in header.iter().zip(fields) {
        let kind = table.attributes.iter().find(|part| part.name == *name).map(|part| part.kind);
        let value = match kind {
            None | Some(PartKind::S) => Value::from(field),
            Some(PartKind::N) => {
                Value::N(field.trim().parse::<Number>().map_err(|error| invalid(error.to_string()))?)
            }
            Some(PartKind::B) => {
                Value::B(STANDARD.decode(field).map_err(|error| invalid(error.to_string()))?.into())
            }
        };
        item.insert(name.as_str(), value);
    }
    Ok(Put { item, condition: WriteCondition::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_may_be_quoted() {
        for (line, expected) in [
            ("a,b", &["a", "b"][..]),
            ("", &[""]),
            (",", &["", ""]),
            ("\"a,b\",c", &["a,b", "c"]),
            ("\"say \"\"x\"\"\",\"two\nlines\"", &["say \"x\"", "two\nlines"]),
        ] {
            assert_eq!(fields(line.as_bytes(), b',').unwrap(), expected, "{line}");
        }
        assert!(fields(b"\xff", b',').is_err());
    }
}
