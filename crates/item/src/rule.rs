//! What DynamoDB refuses in a value, in AWS's words. Knows no table: who calls says which attributes are keys.

use crate::{DEPTH_MAX, Item, Kind, NumberError, Value};

/// Why a value is refused. Answer these as `ValidationException`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    #[error("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")]
    NoKind,
    #[error(
        "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes"
    )]
    SeveralKinds,
    #[error(
        "One or more parameter values were invalid: Null attribute value types must have the value of true"
    )]
    NullFalse,
    #[error(
        "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond supported limit"
    )]
    TooDeep,
    #[error("One or more parameter values were invalid: {}", empty_set(*.0))]
    EmptySet(Kind),
    #[error("One or more parameter values were invalid: {}", null_member(*.0))]
    NullMember(Kind),
    #[error("Empty attribute name")]
    EmptyName,
    #[error("Attribute name is too large, must be less than 65536 bytes")]
    NameSize,
    /// The set, and its members as they came.
    #[error("{}", duplicates(*.0, .1))]
    Duplicates(Kind, String),
    #[error(transparent)]
    Number(#[from] NumberError),
    #[error(
        "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty {} value. Key: {name}",
        if *.kind == Kind::B { "binary" } else { "string" }
    )]
    EmptyKey { name: String, kind: Kind },
    #[error(
        "One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit of2048 bytes"
    )]
    PartitionKeySize,
    #[error(
        "One or more parameter values were invalid: Aggregated size of all range keys has exceeded the size limit of 1024 bytes"
    )]
    SortKeySize,
    #[error("Item size has exceeded the maximum allowed size")]
    ItemSize,
    #[error("Item size to update has exceeded the maximum allowed size")]
    UpdatedItemSize,
}

/// The doubled space is AWS's.
fn empty_set(kind: Kind) -> &'static str {
    match kind {
        Kind::Ns => "An number set  may not be empty",
        Kind::Bs => "Binary sets should not be empty",
        _ => "An string set  may not be empty",
    }
}

fn null_member(kind: Kind) -> &'static str {
    match kind {
        Kind::Ns => "An number set may not have a null string as a member",
        Kind::Bs => "Binary sets may not contain null or empty values",
        _ => "An string set may not have a null string as a member",
    }
}

fn duplicates(kind: Kind, members: &str) -> String {
    match kind {
        Kind::Ns => "Input collection contains duplicates".to_owned(),
        Kind::Bs => format!(
            "One or more parameter values were invalid: Input collection [{members}]of type BS contains duplicates."
        ),
        _ => format!(
            "One or more parameter values were invalid: Input collection [{members}] contains duplicates."
        ),
    }
}

impl ValueError {
    /// The text as AWS answers it when it finds this while it validates the request: for these families inside
    /// an envelope (captures of 2026), for the others bare.
    pub fn request_message(&self) -> String {
        match self {
            Self::NullFalse
            | Self::TooDeep
            | Self::EmptySet(_)
            | Self::NullMember(_)
            | Self::Duplicates(..) => {
                format!("1 validation error detected: {self}")
            }
            _ => self.to_string(),
        }
    }

    /// The same of a value in `ExpressionAttributeValues`.
    pub fn placeholder_message(&self, key: &str) -> String {
        let message = format!("ExpressionAttributeValues contains invalid value: {self} for key {key}");
        match self {
            Self::NullFalse | Self::TooDeep => self.request_message(),
            Self::EmptySet(_) | Self::NullMember(_) | Self::Duplicates(..) => {
                format!("1 validation error detected: {message}")
            }
            _ => message,
        }
    }
}

/// Longest name of an attribute in bytes. Source: as below.
pub(crate) const NAME_BYTES_MAX: usize = 65_535;
/// Longest partition key in bytes. Source:
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html>
pub(crate) const PARTITION_KEY_BYTES_MAX: usize = 2048;
/// Longest sort key in bytes.
pub(crate) const SORT_KEY_BYTES_MAX: usize = 1024;

/// Which of a table's keys an attribute is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyRole {
    Partition,
    Sort,
}

/// Refuses an empty or too long value of the key attribute `name`. Its type is checked by who knows the table.
pub fn key_check(name: &str, role: KeyRole, value: &Value) -> Result<(), ValueError> {
    let len = match value {
        Value::S(text) => text.len(),
        Value::B(bytes) => bytes.len(),
        _ => return Ok(()),
    };
    match role {
        _ if len == 0 => Err(ValueError::EmptyKey { name: name.to_owned(), kind: value.kind() }),
        KeyRole::Partition if len > PARTITION_KEY_BYTES_MAX => Err(ValueError::PartitionKeySize),
        KeyRole::Sort if len > SORT_KEY_BYTES_MAX => Err(ValueError::SortKeySize),
        _ => Ok(()),
    }
}

/// Refuses an item whose maps and lists nest deeper than DynamoDB allows. Reading JSON and applying an update
/// check this already.
pub fn depth_check(item: &Item) -> Result<(), ValueError> {
    if item.values().all(|value| value.fits_depth(DEPTH_MAX)) { Ok(()) } else { Err(ValueError::TooDeep) }
}

impl Value {
    /// Whether the value's maps and lists nest at most `levels` deep. Recursion ends there.
    pub fn fits_depth(&self, levels: usize) -> bool {
        match self {
            Self::M(item) => levels > 0 && item.values().all(|inner| inner.fits_depth(levels - 1)),
            Self::L(list) => levels > 0 && list.iter().all(|inner| inner.fits_depth(levels - 1)),
            _ => true,
        }
    }
}

/// The first member that equals one before it (in order of members for short sets, of values for long ones).
pub(crate) fn first_duplicate<T: Ord>(members: &[T]) -> Option<&T> {
    if members.len() <= 8 {
        return members.iter().enumerate().find(|(i, m)| members[..*i].contains(m)).map(|(_, m)| m);
    }
    let mut sorted: Vec<&T> = members.iter().collect();
    sorted.sort_unstable();
    sorted.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
}
