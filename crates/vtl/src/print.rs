//! Values as text: `toString` of Java, and JSON as json-smart writes it. Lists that came from JSON print as JSON,
//! other lists and all maps as Java does: `{a=1, b=[1,2]}`.

use std::fmt::Write;

use crate::error::Fault;
use crate::limits::VALUE_DEPTH_MAX;
use crate::number::float_text;
use crate::value::{Heap, ListId, MapId, Value};

/// Which characters JSON texts escape besides those they must.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Escape {
    /// What `$input.json` writes.
    Plain,
    /// What a list's `toString` writes: slashes too.
    Web,
}

/// Text that grows up to a limit.
pub(crate) struct Sink<'s> {
    pub(crate) text: &'s mut String,
    pub(crate) bytes_max: usize,
}

impl Sink<'_> {
    fn push(&mut self, text: &str) -> Result<(), Fault> {
        if self.text.len() + text.len() > self.bytes_max {
            return Err(too_long(self.bytes_max));
        }
        self.text.push_str(text);
        Ok(())
    }

    fn number(&mut self, number: i64) -> Result<(), Fault> {
        self.push("")?;
        let _ = write!(self.text, "{number}");
        Ok(())
    }
}

pub(crate) fn too_long(bytes_max: usize) -> Fault {
    Fault::Limit("the length of the output in bytes", bytes_max as u64)
}

fn too_deep() -> Fault {
    Fault::Limit("the depth of lists and maps", u64::from(VALUE_DEPTH_MAX))
}

impl Heap {
    /// `toString`.
    pub(crate) fn print(&self, value: &Value, sink: &mut Sink<'_>) -> Result<(), Fault> {
        self.print_at(value, sink, 0)
    }

    fn print_at(&self, value: &Value, sink: &mut Sink<'_>, depth: u32) -> Result<(), Fault> {
        match value {
            Value::Null => sink.push("null"),
            Value::Bool(true) => sink.push("true"),
            Value::Bool(false) => sink.push("false"),
            Value::Int(number) => sink.number(*number),
            Value::Float(number) => sink.push(&float_text(*number)),
            Value::Big(text) | Value::Text(text) => sink.push(text),
            _ if depth > VALUE_DEPTH_MAX => Err(too_deep()),
            Value::List(id) if self.list(*id).json => self.json_list(*id, sink, Escape::Web, depth),
            Value::List(id) => {
                sink.push("[")?;
                for (number, item) in self.list(*id).items.iter().enumerate() {
                    sink.push(if number > 0 { ", " } else { "" })?;
                    self.print_at(item, sink, depth + 1)?;
                }
                sink.push("]")
            }
            Value::Map(id) => {
                sink.push("{")?;
                for (number, (key, value)) in self.map(*id).iter().enumerate() {
                    sink.push(if number > 0 { ", " } else { "" })?;
                    self.print_at(key, sink, depth + 1)?;
                    sink.push("=")?;
                    self.print_at(value, sink, depth + 1)?;
                }
                sink.push("}")
            }
            Value::Entry(id) => {
                for (number, part) in self.list(*id).items.iter().enumerate() {
                    sink.push(if number > 0 { "=" } else { "" })?;
                    self.print_at(part, sink, depth + 1)?;
                }
                Ok(())
            }
            Value::Iterator(_) | Value::Loop(_) | Value::Block(_) | Value::Input | Value::Util => Ok(()),
        }
    }

    /// The value as JSON.
    pub(crate) fn print_json(&self, value: &Value, sink: &mut Sink<'_>) -> Result<(), Fault> {
        self.json_at(value, sink, Escape::Plain, 0)
    }

    fn json_at(&self, value: &Value, sink: &mut Sink<'_>, escape: Escape, depth: u32) -> Result<(), Fault> {
        match value {
            _ if depth > VALUE_DEPTH_MAX => Err(too_deep()),
            Value::Float(number) if !number.is_finite() => sink.push("null"),
            Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Big(_) => {
                self.print_at(value, sink, depth)
            }
            Value::List(id) => self.json_list(*id, sink, escape, depth),
            Value::Map(id) => self.json_map(*id, sink, escape, depth),
            Value::Text(text) => json_text(text, sink, escape),
            other => {
                let mut text = String::new();
                self.print_at(other, &mut Sink { text: &mut text, bytes_max: sink.bytes_max }, depth + 1)?;
                json_text(&text, sink, escape)
            }
        }
    }

    fn json_list(&self, id: ListId, sink: &mut Sink<'_>, escape: Escape, depth: u32) -> Result<(), Fault> {
        sink.push("[")?;
        for (number, item) in self.list(id).items.iter().enumerate() {
            sink.push(if number > 0 { "," } else { "" })?;
            self.json_at(item, sink, escape, depth + 1)?;
        }
        sink.push("]")
    }

    fn json_map(&self, id: MapId, sink: &mut Sink<'_>, escape: Escape, depth: u32) -> Result<(), Fault> {
        sink.push("{")?;
        for (number, (key, value)) in self.map(id).iter().enumerate() {
            sink.push(if number > 0 { "," } else { "" })?;
            match key {
                Value::Text(key) => json_text(key, sink, escape)?,
                other => {
                    sink.push("\"")?;
                    self.print_at(other, sink, depth + 1)?;
                    sink.push("\"")?;
                }
            }
            sink.push(":")?;
            self.json_at(value, sink, escape, depth + 1)?;
        }
        sink.push("}")
    }
}

fn json_text(text: &str, sink: &mut Sink<'_>, escape: Escape) -> Result<(), Fault> {
    sink.push("\"")?;
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| needs_escape(c, escape)) {
        let (plain, special) = rest.split_at(at);
        sink.push(plain)?;
        let Some(c) = special.chars().next() else { break };
        match c {
            '"' => sink.push("\\\"")?,
            '\\' => sink.push("\\\\")?,
            '/' => sink.push("\\/")?,
            '\u{8}' => sink.push("\\b")?,
            '\u{c}' => sink.push("\\f")?,
            '\n' => sink.push("\\n")?,
            '\r' => sink.push("\\r")?,
            '\t' => sink.push("\\t")?,
            c => sink.push(&format!("\\u{:04X}", u32::from(c)))?,
        }
        rest = &special[c.len_utf8()..];
    }
    sink.push(rest)?;
    sink.push("\"")
}

/// json-smart escapes the control characters of Latin-1 and the general punctuation.
fn needs_escape(c: char, escape: Escape) -> bool {
    match c {
        '"' | '\\' => true,
        '/' => escape == Escape::Web,
        c => matches!(c, '\0'..='\x1f' | '\x7f'..='\u{9f}' | '\u{2000}'..='\u{20ff}'),
    }
}
