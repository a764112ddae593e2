//! JSON as AWS's Java services print values in errors: `[a, b]`, `{k=v}`, `Shape(member=v, other=null)`, strings
//! without quotes. Knows no shape; the generated code describes those that errors can show.

use crate::json::{Kind, Reader};

/// More than this of a value is not shown.
const SHOWN_MAX: usize = 8192;

/// What a value is, for printing it.
#[derive(Debug)]
pub enum Shown {
    /// A string, number or whatever needs no description.
    Plain,
    List(&'static Shown),
    Map(&'static Shown),
    /// The shape's name and its members, all of which are printed, in this order.
    Structure(&'static str, &'static [(&'static str, &'static Shown)]),
}

/// `json` (one value, already read once) as errors show it. Recursion ends where the reader's depth does.
pub(crate) fn print(json: &str, shown: &Shown) -> String {
    let mut out = String::new();
    let depth_max = base::Limits::default().json_depth_max;
    let reader = Reader::new(json.as_bytes(), depth_max);
    // What could not be printed was not JSON, which was told before.
    let _ = reader.and_then(|mut reader| value(&mut reader, shown, &mut out));
    if let Some((cut, _)) = out.char_indices().nth(SHOWN_MAX) {
        out.truncate(cut);
    }
    out
}

fn value(reader: &mut Reader<'_>, shown: &Shown, out: &mut String) -> Result<(), crate::json::JsonError> {
    match (reader.peek()?, shown) {
        (Kind::Object, Shown::Structure(name, members)) => structure(reader, name, members, out)?,
        (Kind::Object, Shown::Map(inner)) => map(reader, inner, out)?,
        (Kind::Object, _) => map(reader, &Shown::Plain, out)?,
        (Kind::Array, shown) => {
            let inner = if let Shown::List(inner) = shown { inner } else { &Shown::Plain };
            list(reader, inner, out)?;
        }
        (Kind::String, _) => out.push_str(&reader.string()?),
        _ => out.push_str(reader.raw()?),
    }
    Ok(())
}

fn list(reader: &mut Reader<'_>, inner: &Shown, out: &mut String) -> Result<(), crate::json::JsonError> {
    reader.begin_array()?;
    out.push('[');
    let mut first = true;
    while reader.next_element()? {
        out.push_str(if std::mem::take(&mut first) { "" } else { ", " });
        value(reader, inner, out)?;
    }
    out.push(']');
    Ok(())
}

fn map(reader: &mut Reader<'_>, inner: &Shown, out: &mut String) -> Result<(), crate::json::JsonError> {
    reader.begin_object()?;
    out.push('{');
    let mut first = true;
    while let Some(key) = reader.next_key()? {
        out.push_str(if std::mem::take(&mut first) { "" } else { ", " });
        out.extend([&key, "="]);
        value(reader, inner, out)?;
    }
    out.push('}');
    Ok(())
}

fn structure(
    reader: &mut Reader<'_>,
    name: &str,
    members: &[(&'static str, &'static Shown)],
    out: &mut String,
) -> Result<(), crate::json::JsonError> {
    let mut printed = vec![String::from("null"); members.len()];
    reader.begin_object()?;
    while let Some(key) = reader.next_key()? {
        match members.iter().position(|(member, _)| *member == key) {
            Some(i) => {
                printed[i].clear();
                value(reader, members[i].1, &mut printed[i])?;
            }
            None => reader.skip()?,
        }
    }
    let texts: Vec<String> =
        members.iter().zip(&printed).map(|((name, _), text)| format!("{}={text}", small(name))).collect();
    out.extend([name, "(", &texts.join(", "), ")"]);
    Ok(())
}

fn small(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_ascii_lowercase().to_string() + letters.as_str())
}
