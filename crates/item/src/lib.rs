//! DynamoDB's data: values, items, 38-digit numbers, the sortable form of keys and the form in which items
//! are stored. Pure: knows no table, no expression and no store; of JSON only what `wire`'s reader and
//! writer offer.
//!
//! - [`Value`], [`Item`], [`Name`]: one attribute value, a map of them, an attribute's name
//! - [`Number`]: exact decimal arithmetic
//! - [`key`]: bytes that sort as the values do
//! - [`codec`]: the storage format; [`Image`]: an item that may still be in that form
//! - [`size`](Item::size): what an item weighs against DynamoDB's limits

pub mod codec;
mod image;
mod item;
mod json;
pub mod key;
mod name;
mod number;
mod rule;
mod size;
mod value;

pub use image::{Image, Stored};
pub use item::{Item, Parameters, Values};
pub use key::{KeyKind, Place};
pub use name::Name;
pub use number::{Number, NumberError, NumberText};
pub use rule::{KeyRole, ValueError, depth_check, key_check};
pub use value::{Kind, Value};

/// The largest item, names and values counted: 400 KB.
/// Source: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html>
pub const ITEM_BYTES_MAX: usize = 409_600;

/// How deep maps and lists nest inside an item.
pub const DEPTH_MAX: usize = 32;
