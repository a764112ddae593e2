//! JSON as AWS's protocols use it: a pull [`Reader`] and a push [`Writer`] over bytes, no tree between.
//! Knows no shape; shapes implement [`ReadJson`] and [`WriteJson`].

mod leaf;
mod reader;
mod writer;

use std::collections::BTreeMap;

pub use leaf::{MapRules, blob, boolean, double, enumeration, integer, list, long, map, string, timestamp};
pub use reader::{JsonError, Kind, Reader};
pub use writer::Writer;

use crate::{Refusal, Violations, Wording};

/// A type that reads itself from JSON.
pub trait ReadJson: Sized {
    /// Reads one value and leaves the reader behind it, or fails for text that is not JSON or of a wrong type.
    /// A value that violates a constraint is `None`, with the reason in `violations`; the reader is behind it all the same.
    fn read_json(reader: &mut Reader<'_>, violations: &mut Violations) -> Result<Option<Self>, JsonError>;
}

/// A type that writes itself as one JSON value.
pub trait WriteJson {
    fn write_json(&self, writer: &mut Writer);
}

/// Reads a whole document: one value of `T` and nothing behind it. An empty body is an empty object.
pub fn document<T: ReadJson>(body: &[u8], depth_max: usize, wording: Wording) -> Result<T, Refusal> {
    let body = if body.is_empty() { b"{}" } else { body };
    let mut reader = Reader::new(body, depth_max)?;
    let mut violations = Violations::default();
    let value = T::read_json(&mut reader, &mut violations)?;
    reader.end()?;
    violations.settle(value, wording)
}

impl WriteJson for str {
    fn write_json(&self, writer: &mut Writer) {
        writer.string(self);
    }
}

impl WriteJson for String {
    fn write_json(&self, writer: &mut Writer) {
        writer.string(self);
    }
}

impl WriteJson for i32 {
    fn write_json(&self, writer: &mut Writer) {
        writer.integer(i64::from(*self));
    }
}

impl WriteJson for i64 {
    fn write_json(&self, writer: &mut Writer) {
        writer.integer(*self);
    }
}

impl WriteJson for f64 {
    fn write_json(&self, writer: &mut Writer) {
        writer.float(*self);
    }
}

impl WriteJson for bool {
    fn write_json(&self, writer: &mut Writer) {
        writer.boolean(*self);
    }
}

/// Seconds since the epoch, the JSON protocols' default.
impl WriteJson for base::Timestamp {
    fn write_json(&self, writer: &mut Writer) {
        writer.timestamp(*self);
    }
}

/// Blobs are base64.
impl WriteJson for bytes::Bytes {
    fn write_json(&self, writer: &mut Writer) {
        writer.blob(self);
    }
}

impl<T: WriteJson> WriteJson for Vec<T> {
    fn write_json(&self, writer: &mut Writer) {
        writer.begin_array();
        for element in self {
            element.write_json(writer);
        }
        writer.end_array();
    }
}

impl<T: WriteJson> WriteJson for BTreeMap<String, T> {
    fn write_json(&self, writer: &mut Writer) {
        writer.begin_object();
        for (key, value) in self {
            writer.key(key);
            value.write_json(writer);
        }
        writer.end_object();
    }
}
