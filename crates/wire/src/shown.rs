//! JSON as the older Java services print values in errors: `[a, b]`, `{k=v}`, strings without quotes.
//! Knows no shape.

use crate::json::{Kind, Reader};

/// More than this of a value is not shown; AWS cuts too, at a length it does not say.
const SHOWN_MAX: usize = 4096;

/// `json` (one value, already read once) as errors show it.
pub(crate) fn json(json: &str) -> String {
    let mut out = String::new();
    let mut open: Vec<Kind> = Vec::new();
    let Ok(mut reader) = Reader::new(json.as_bytes(), usize::MAX) else { return out };
    while out.len() < SHOWN_MAX && one(&mut reader, &mut open, &mut out).is_some() {}
    out
}

/// Prints the next scalar or opening bracket, then whatever closes behind it. None at the end.
fn one(reader: &mut Reader<'_>, open: &mut Vec<Kind>, out: &mut String) -> Option<()> {
    match reader.peek().ok()? {
        Kind::Object => {
            reader.begin_object().ok()?;
            out.push('{');
            open.push(Kind::Object);
        }
        Kind::Array => {
            reader.begin_array().ok()?;
            out.push('[');
            open.push(Kind::Array);
        }
        Kind::String => out.push_str(&reader.string().ok()?),
        _ => out.push_str(reader.raw().ok()?),
    }
    loop {
        let kind = *open.last()?;
        let more = match kind {
            Kind::Object => match reader.next_key().ok()? {
                Some(key) => {
                    separate(out);
                    out.push_str(&key);
                    out.push('=');
                    true
                }
                None => false,
            },
            _ => {
                let more = reader.next_element().ok()?;
                if more {
                    separate(out);
                }
                more
            }
        };
        if more {
            return Some(());
        }
        out.push(if kind == Kind::Object { '}' } else { ']' });
        open.pop();
    }
}

fn separate(out: &mut String) {
    if !out.ends_with(['{', '[']) {
        out.push_str(", ");
    }
}
