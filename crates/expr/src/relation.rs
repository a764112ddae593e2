//! How DynamoDB compares values: order within one scalar type, containment, beginnings, sizes.

use std::cmp::Ordering;

use item::{Number, Value};

/// The order of two values of one scalar type; none if they have none.
pub(crate) fn order(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::S(a), Value::S(b)) => Some(a.as_bytes().cmp(b.as_bytes())),
        (Value::N(a), Value::N(b)) => Some(a.cmp(b)),
        (Value::B(a), Value::B(b)) => Some(a.cmp(b)),
        _ => None,
    }
}

pub(crate) fn begins_with(value: &Value, prefix: &Value) -> bool {
    match (value, prefix) {
        (Value::S(text), Value::S(prefix)) => text.starts_with(prefix.as_str()),
        (Value::B(bytes), Value::B(prefix)) => bytes.starts_with(prefix),
        _ => false,
    }
}

/// Part of a string or binary, member of a set, element of a list.
pub(crate) fn contains(value: &Value, part: &Value) -> bool {
    match (value, part) {
        (Value::S(text), Value::S(part)) => text.contains(part.as_str()),
        // In linear time, whatever both hold.
        (Value::B(bytes), Value::B(part)) => memchr::memmem::find(bytes, part).is_some(),
        (Value::Ss(members), Value::S(part)) => members.contains(part),
        (Value::Ns(members), Value::N(part)) => members.contains(part),
        (Value::Bs(members), Value::B(part)) => members.contains(part),
        (Value::L(elements), part) => elements.contains(part),
        _ => false,
    }
}

/// What `size` says of a value; none for what has no size.
pub(crate) fn size(value: &Value) -> Option<Number> {
    Some(Number::from(match value {
        // Java's length: UTF-16 units.
        Value::S(text) if text.is_ascii() => text.len(),
        Value::S(text) => text.encode_utf16().count(),
        Value::B(bytes) => bytes.len(),
        Value::M(map) => map.len(),
        Value::L(list) => list.len(),
        Value::Ss(members) => members.len(),
        Value::Ns(members) => members.len(),
        Value::Bs(members) => members.len(),
        Value::N(_) | Value::Bool(_) | Value::Null => return None,
    }))
}
