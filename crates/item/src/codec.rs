//! The form in which items are stored. Versioned, compact, read without building a tree where only JSON or
//! single attributes are wanted. Knows nothing of where the bytes lie.
//!
//! Version 1: `01`, the item's size by DynamoDB's rules (u32), a map body. All integers little-endian;
//! lengths and counts are LEB128 varints where not said otherwise.
//!
//! - map body: count, then for each attribute, sorted by name: length and bytes of the name, the value
//! - value: a tag, then
//!   null, false, true: nothing; S, B: length and bytes; M: u32 length of the body, map body;
//!   L: u32 length of the body, count, values; SS, BS: count, each length and bytes; NS: count, numbers
//! - number: a head byte (`80` negative, `40` an exponent follows, low bits: bytes of the coefficient), the
//!   exponent (i16), the coefficient

use bytes::Bytes;
use wire::json::Writer;

use crate::json::write_number;
use crate::{DEPTH_MAX, Item, Kind, Name, Number, Value};

pub const VERSION: u8 = 1;

/// Why bytes are not a stored item. They come from the store, so this is damage or a newer version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    #[error("the stored item has format version {0}; this program knows {VERSION}")]
    Version(u8),
    #[error("the stored item is damaged {0} bytes before its end")]
    Damaged(usize),
}

const HEAD: usize = 5;
const NULL: u8 = 0;
const FALSE: u8 = 1;
const TRUE: u8 = 2;
const S: u8 = 3;
const N: u8 = 4;
const B: u8 = 5;
const M: u8 = 6;
const L: u8 = 7;
const SS: u8 = 8;
const NS: u8 = 9;
const BS: u8 = 10;

const NEGATIVE: u8 = 0x80;
const EXPONENT: u8 = 0x40;
const LENGTH: u8 = 0x1f;

/// The stored form of `item`.
pub fn encode(item: &Item) -> Vec<u8> {
    let size = item.size();
    let mut out = Vec::with_capacity(size + size / 8 + 32);
    out.push(VERSION);
    out.extend_from_slice(&u32::try_from(size).unwrap_or(u32::MAX).to_le_bytes());
    push_map(item, &mut out);
    out
}

pub fn decode(stored: &[u8]) -> Result<Item, CodecError> {
    let mut source = Source::open(stored)?;
    let item = source.map(0)?;
    source.finish()?;
    Ok(item)
}

/// The item's size by DynamoDB's rules, without reading the item.
pub fn size(stored: &[u8]) -> Result<usize, CodecError> {
    let source = Source::open(stored)?;
    let size = &stored[1..HEAD];
    let size = size.try_into().map_err(|_| source.damaged())?;
    Ok(u32::from_le_bytes(size) as usize)
}

/// One attribute, without reading the others.
pub fn get(stored: &[u8], name: &str) -> Result<Option<Value>, CodecError> {
    let mut source = Source::open(stored)?;
    for _ in 0..source.count()? {
        let candidate = source.chunk()?;
        if candidate == name.as_bytes() {
            return source.value(0).map(Some);
        }
        if candidate > name.as_bytes() {
            return Ok(None);
        }
        source.skip(0)?;
    }
    Ok(None)
}

/// The attributes that `wanted` says yes to, without building the others.
pub fn decode_some(stored: &[u8], wanted: impl Fn(&str) -> bool) -> Result<Item, CodecError> {
    let mut source = Source::open(stored)?;
    let mut attributes = Vec::new();
    for _ in 0..source.count()? {
        let name = source.text()?;
        if wanted(name) {
            attributes.push((Name::new(name), source.value(0)?));
        } else {
            source.skip(0)?;
        }
    }
    Ok(Item::from_unsorted(attributes))
}

/// Writes the item as DynamoDB JSON, straight from the stored bytes.
pub fn write_json(stored: &[u8], writer: &mut Writer) -> Result<(), CodecError> {
    Source::open(stored)?.write_map(0, writer)
}

/// Checks all that reading could complain of, in a fraction of its time: nothing is allocated.
pub fn check(stored: &[u8]) -> Result<(), CodecError> {
    let mut source = Source::open(stored)?;
    source.skip_map(0)?;
    source.finish()
}

fn push_map(item: &Item, out: &mut Vec<u8>) {
    push_varint(item.len(), out);
    for (name, value) in item {
        push_chunk(name.as_bytes(), out);
        push_value(value, out);
    }
}

fn push_value(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.push(NULL),
        Value::Bool(truth) => out.push(if *truth { TRUE } else { FALSE }),
        Value::S(text) => {
            out.push(S);
            push_chunk(text.as_bytes(), out);
        }
        Value::N(number) => {
            out.push(N);
            push_number(number, out);
        }
        Value::B(bytes) => {
            out.push(B);
            push_chunk(bytes, out);
        }
        Value::M(item) => push_body(M, out, |out| push_map(item, out)),
        Value::L(list) => push_body(L, out, |out| {
            push_varint(list.len(), out);
            list.iter().for_each(|element| push_value(element, out));
        }),
        Value::Ss(members) => {
            push_set(SS, members.len(), out);
            members.iter().for_each(|member| push_chunk(member.as_bytes(), out));
        }
        Value::Ns(members) => {
            push_set(NS, members.len(), out);
            members.iter().for_each(|member| push_number(member, out));
        }
        Value::Bs(members) => {
            push_set(BS, members.len(), out);
            members.iter().for_each(|member| push_chunk(member, out));
        }
    }
}

fn push_set(tag: u8, len: usize, out: &mut Vec<u8>) {
    out.push(tag);
    push_varint(len, out);
}

/// A tag, the length of what `write` appends, and that.
fn push_body(tag: u8, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    out.push(tag);
    let at = out.len();
    out.extend_from_slice(&[0; 4]);
    write(out);
    let len = u32::try_from(out.len() - at - 4).unwrap_or(u32::MAX);
    out[at..at + 4].copy_from_slice(&len.to_le_bytes());
}

fn push_number(number: &Number, out: &mut Vec<u8>) {
    let coefficient = number.coefficient().to_le_bytes();
    let len = coefficient.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let negative = if number.is_negative() { NEGATIVE } else { 0 };
    let exponent = number.exponent() as i16;
    out.push(negative | if exponent == 0 { 0 } else { EXPONENT } | len as u8);
    if exponent != 0 {
        out.extend_from_slice(&exponent.to_le_bytes());
    }
    out.extend_from_slice(&coefficient[..len]);
}

fn push_chunk(bytes: &[u8], out: &mut Vec<u8>) {
    push_varint(bytes.len(), out);
    out.extend_from_slice(bytes);
}

fn push_varint(mut value: usize, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// What is left to read.
struct Source<'a> {
    rest: &'a [u8],
}

impl<'a> Source<'a> {
    fn open(stored: &'a [u8]) -> Result<Self, CodecError> {
        match stored.first() {
            Some(&VERSION) if stored.len() > HEAD => Ok(Self { rest: &stored[HEAD..] }),
            Some(&version) if version != VERSION => Err(CodecError::Version(version)),
            _ => Err(CodecError::Damaged(stored.len())),
        }
    }

    fn damaged(&self) -> CodecError {
        CodecError::Damaged(self.rest.len())
    }

    fn finish(&self) -> Result<(), CodecError> {
        if self.rest.is_empty() { Ok(()) } else { Err(self.damaged()) }
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], CodecError> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or_else(|| self.damaged())?;
        self.rest = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, CodecError> {
        let (byte, rest) = self.rest.split_first().ok_or_else(|| self.damaged())?;
        self.rest = rest;
        Ok(*byte)
    }

    fn varint(&mut self) -> Result<usize, CodecError> {
        let mut value = 0;
        for shift in (0..32).step_by(7) {
            let byte = self.byte()?;
            value |= usize::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(self.damaged())
    }

    /// A number of parts, each of at least one byte.
    fn count(&mut self) -> Result<usize, CodecError> {
        let count = self.varint()?;
        if count > self.rest.len() { Err(self.damaged()) } else { Ok(count) }
    }

    fn chunk(&mut self) -> Result<&'a [u8], CodecError> {
        let len = self.varint()?;
        self.take(len)
    }

    fn text(&mut self) -> Result<&'a str, CodecError> {
        let chunk = self.chunk()?;
        std::str::from_utf8(chunk).map_err(|_| self.damaged())
    }

    /// Reads the body of a map or list, to its end.
    fn within<T>(
        &mut self,
        depth: usize,
        read: impl FnOnce(&mut Source<'a>) -> Result<T, CodecError>,
    ) -> Result<T, CodecError> {
        if depth >= DEPTH_MAX {
            return Err(self.damaged());
        }
        let len = self.take(4)?.try_into().map_err(|_| self.damaged())?;
        let mut body = Source { rest: self.take(u32::from_le_bytes(len) as usize)? };
        let value = read(&mut body)?;
        body.finish()?;
        Ok(value)
    }

    fn number(&mut self) -> Result<Number, CodecError> {
        let head = self.byte()?;
        let exponent = if head & EXPONENT == 0 {
            0
        } else {
            i16::from_le_bytes(self.take(2)?.try_into().map_err(|_| self.damaged())?)
        };
        let len = usize::from(head & LENGTH);
        let mut coefficient = [0; 16];
        if len > coefficient.len() {
            return Err(self.damaged());
        }
        coefficient[..len].copy_from_slice(self.take(len)?);
        Number::new(u128::from_le_bytes(coefficient), i32::from(exponent), head & NEGATIVE != 0)
            .map_err(|_| self.damaged())
    }

    fn map(&mut self, depth: usize) -> Result<Item, CodecError> {
        let count = self.count()?;
        let mut attributes = Vec::with_capacity(count);
        for _ in 0..count {
            let name = Name::new(self.text()?);
            attributes.push((name, self.value(depth)?));
        }
        Ok(Item::from_unsorted(attributes))
    }

    fn value(&mut self, depth: usize) -> Result<Value, CodecError> {
        Ok(match self.byte()? {
            NULL => Value::Null,
            FALSE => Value::Bool(false),
            TRUE => Value::Bool(true),
            S => Value::S(self.text()?.to_owned()),
            N => Value::N(self.number()?),
            B => Value::B(Bytes::copy_from_slice(self.chunk()?)),
            M => Value::M(self.within(depth, |body| body.map(depth + 1))?),
            L => Value::L(self.within(depth, |body| body.many(|source| source.value(depth + 1)))?),
            SS => Value::Ss(self.many(|source| source.text().map(str::to_owned))?),
            NS => Value::Ns(self.many(Self::number)?),
            BS => Value::Bs(self.many(|source| source.chunk().map(Bytes::copy_from_slice))?),
            _ => return Err(self.damaged()),
        })
    }

    fn many<T>(
        &mut self,
        mut read: impl FnMut(&mut Self) -> Result<T, CodecError>,
    ) -> Result<Vec<T>, CodecError> {
        let count = self.count()?;
        let mut parts = Vec::with_capacity(count.min(1024));
        for _ in 0..count {
            parts.push(read(self)?);
        }
        Ok(parts)
    }

    /// Steps over a value, checking lengths and tags on the way.
    fn skip(&mut self, depth: usize) -> Result<(), CodecError> {
        match self.byte()? {
            NULL | FALSE | TRUE => Ok(()),
            S => self.text().map(drop),
            B => self.chunk().map(drop),
            N => self.number().map(drop),
            M => self.within(depth, |body| body.skip_map(depth + 1)),
            L => self.within(depth, |body| {
                for _ in 0..body.count()? {
                    body.skip(depth + 1)?;
                }
                Ok(())
            }),
            SS => {
                for _ in 0..self.count()? {
                    self.text()?;
                }
                Ok(())
            }
            BS => {
                for _ in 0..self.count()? {
                    self.chunk()?;
                }
                Ok(())
            }
            NS => {
                for _ in 0..self.count()? {
                    self.number()?;
                }
                Ok(())
            }
            _ => Err(self.damaged()),
        }
    }

    fn skip_map(&mut self, depth: usize) -> Result<(), CodecError> {
        for _ in 0..self.count()? {
            self.text()?;
            self.skip(depth)?;
        }
        Ok(())
    }

    fn write_map(&mut self, depth: usize, writer: &mut Writer) -> Result<(), CodecError> {
        writer.begin_object();
        for _ in 0..self.count()? {
            writer.key(self.text()?);
            self.write_value(depth, writer)?;
        }
        writer.end_object();
        Ok(())
    }

    fn write_value(&mut self, depth: usize, writer: &mut Writer) -> Result<(), CodecError> {
        let tag = self.byte()?;
        writer.begin_object();
        writer.key(kind_of(tag).ok_or_else(|| self.damaged())?.as_str());
        match tag {
            S => writer.string(self.text()?),
            N => write_number(self.number()?, writer),
            B => writer.blob(self.chunk()?),
            M => self.within(depth, |body| body.write_map(depth + 1, writer))?,
            L => self.within(depth, |body| {
                body.write_many(writer, |source, writer| source.write_value(depth + 1, writer))
            })?,
            SS => self.write_many(writer, |source, writer| {
                writer.string(source.text()?);
                Ok(())
            })?,
            NS => self.write_many(writer, |source, writer| {
                write_number(source.number()?, writer);
                Ok(())
            })?,
            BS => self.write_many(writer, |source, writer| {
                writer.blob(source.chunk()?);
                Ok(())
            })?,
            FALSE => writer.boolean(false),
            _ => writer.boolean(true),
        }
        writer.end_object();
        Ok(())
    }

    fn write_many(
        &mut self,
        writer: &mut Writer,
        mut write: impl FnMut(&mut Self, &mut Writer) -> Result<(), CodecError>,
    ) -> Result<(), CodecError> {
        writer.begin_array();
        for _ in 0..self.count()? {
            write(self, writer)?;
        }
        writer.end_array();
        Ok(())
    }
}

fn kind_of(tag: u8) -> Option<Kind> {
    Some(match tag {
        NULL => Kind::Null,
        FALSE | TRUE => Kind::Bool,
        S => Kind::S,
        N => Kind::N,
        B => Kind::B,
        M => Kind::M,
        L => Kind::L,
        SS => Kind::Ss,
        NS => Kind::Ns,
        BS => Kind::Bs,
        _ => return None,
    })
}

/// Writes an item whose bytes [`check`] has seen.
pub(crate) fn write_checked(stored: &[u8], writer: &mut Writer) {
    if write_json(stored, writer).is_err() {
        debug_assert!(false, "checked bytes are written to their end");
    }
}
