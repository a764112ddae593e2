//! An item that may still be in its stored form: what reads hand to the protocol layer, so that an item that
//! nobody looks into goes from the store to the wire without being built.

use bytes::Bytes;
use wire::Violations;
use wire::json::{JsonError, ReadJson, Reader, WriteJson, Writer};

use crate::codec::{self, CodecError};
use crate::{Item, Value};

/// An item, built or as stored. Writes the same JSON either way.
#[derive(Debug, Clone)]
pub enum Image {
    Item(Item),
    Stored(Stored),
}

/// The bytes of a stored item, checked to be one.
#[derive(Debug, Clone)]
pub struct Stored(Bytes);

impl Stored {
    /// Checks the whole structure and that texts are UTF-8, so that nothing after this can fail.
    pub fn new(bytes: Bytes) -> Result<Self, CodecError> {
        codec::check(&bytes)?;
        Ok(Self(bytes))
    }

    pub fn bytes(&self) -> &Bytes {
        &self.0
    }
}

impl Image {
    /// An image of stored bytes; fails if they are no item of a known version.
    pub fn stored(bytes: Bytes) -> Result<Self, CodecError> {
        Stored::new(bytes).map(Self::Stored)
    }

    /// The item's size by DynamoDB's rules; of stored bytes without reading them.
    pub fn size(&self) -> usize {
        match self {
            Self::Item(item) => item.size(),
            Self::Stored(Stored(bytes)) => codec::size(bytes).unwrap_or(0),
        }
    }

    /// One attribute.
    pub fn get(&self, name: &str) -> Result<Option<Value>, CodecError> {
        match self {
            Self::Item(item) => Ok(item.get(name).cloned()),
            Self::Stored(Stored(bytes)) => codec::get(bytes, name),
        }
    }

    /// The item, built.
    pub fn into_item(self) -> Result<Item, CodecError> {
        match self {
            Self::Item(item) => Ok(item),
            Self::Stored(Stored(bytes)) => codec::decode(&bytes),
        }
    }

    /// The item, built.
    pub fn to_item(&self) -> Result<Item, CodecError> {
        self.clone().into_item()
    }
}

impl Default for Image {
    fn default() -> Self {
        Self::Item(Item::default())
    }
}

impl From<Item> for Image {
    fn from(item: Item) -> Self {
        Self::Item(item)
    }
}

/// By content, whatever the form.
impl PartialEq for Image {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Item(a), Self::Item(b)) => a == b,
            (Self::Stored(a), Self::Stored(b)) if a.0 == b.0 => true,
            _ => self.to_item() == other.to_item(),
        }
    }
}

impl ReadJson for Image {
    fn read_json(reader: &mut Reader<'_>, violations: &mut Violations) -> Result<Option<Self>, JsonError> {
        Ok(Item::read_json(reader, violations)?.map(Self::Item))
    }
}

impl WriteJson for Image {
    fn write_json(&self, writer: &mut Writer) {
        match self {
            Self::Item(item) => item.write_json(writer),
            Self::Stored(Stored(bytes)) => codec::write_checked(bytes, writer),
        }
    }
}
