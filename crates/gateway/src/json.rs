//! JSON texts as trees: what bodies are validated as, and what API definitions are read from and written to. Names keep
//! their order; of a name that stands twice the last value counts. Knows no shape.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use wire::json::{JsonError, Kind, Reader, Writer};

type Text<'a> = Cow<'a, str>;

#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) enum Json<'a> {
    #[default]
    Null,
    Bool(bool),
    /// As it is written.
    Number(Text<'a>),
    String(Text<'a>),
    Array(Vec<Json<'a>>),
    Object(Vec<(Text<'a>, Json<'a>)>),
}

/// A text that is no JSON, or more of it than is taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ParseError {
    #[error(transparent)]
    Json(#[from] JsonError),
    #[error("the JSON has more than {max} values")]
    Values { max: usize },
}

/// How much of a text is taken.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) depth_max: usize,
    pub(crate) values_max: usize,
}

impl<'a> Json<'a> {
    /// One value and nothing behind it.
    pub(crate) fn parse(text: &'a [u8], bounds: Bounds) -> Result<Self, ParseError> {
        let mut reader = Reader::new(text, bounds.depth_max)?;
        let mut left = bounds.values_max;
        let value = read(&mut reader, &mut left).map_err(|error| match error {
            ParseError::Values { .. } => ParseError::Values { max: bounds.values_max },
            other => other,
        })?;
        reader.end()?;
        Ok(value)
    }

    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::String(Cow::Owned(text.into()))
    }

    pub(crate) fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    pub(crate) fn as_array(&self) -> Option<&[Json<'a>]> {
        match self {
            Self::Array(elements) => Some(elements),
            _ => None,
        }
    }

    pub(crate) fn as_object(&self) -> Option<&[(Text<'a>, Json<'a>)]> {
        match self {
            Self::Object(members) => Some(members),
            _ => None,
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Json<'a>> {
        self.as_object()?.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// What a JSON pointer leads to.
    pub(crate) fn pointer(&self, pointer: &str) -> Option<&Json<'a>> {
        let mut at = self;
        for part in pointer.split('/').skip(1) {
            let name = part.replace("~1", "/").replace("~0", "~");
            at = match at {
                Self::Object(_) => at.get(&name)?,
                Self::Array(elements) => elements.get(name.parse::<usize>().ok()?)?,
                _ => return None,
            };
        }
        Some(at)
    }

    /// The same that borrows nothing.
    pub(crate) fn into_owned(self) -> Json<'static> {
        let owned = |text: Text<'a>| Cow::Owned(text.into_owned());
        match self {
            Self::Null => Json::Null,
            Self::Bool(value) => Json::Bool(value),
            Self::Number(text) => Json::Number(owned(text)),
            Self::String(text) => Json::String(owned(text)),
            Self::Array(elements) => Json::Array(elements.into_iter().map(Json::into_owned).collect()),
            Self::Object(members) => Json::Object(
                members.into_iter().map(|(name, value)| (owned(name), value.into_owned())).collect(),
            ),
        }
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        match self {
            Self::Null => writer.null(),
            Self::Bool(value) => writer.boolean(*value),
            Self::Number(text) => writer.number(text),
            Self::String(text) => writer.string(text),
            Self::Array(elements) => {
                writer.begin_array();
                elements.iter().for_each(|element| element.write(writer));
                writer.end_array();
            }
            Self::Object(members) => {
                writer.begin_object();
                for (name, value) in members {
                    writer.key(name);
                    value.write(writer);
                }
                writer.end_object();
            }
        }
    }

    /// Without a space.
    pub(crate) fn to_text(&self) -> String {
        let mut writer = Writer::new();
        self.write(&mut writer);
        String::from_utf8(writer.into_vec()).expect("what is written of text is text")
    }
}

/// The reader bounds the depth.
fn read<'a>(reader: &mut Reader<'a>, left: &mut usize) -> Result<Json<'a>, ParseError> {
    *left = left.checked_sub(1).ok_or(ParseError::Values { max: 0 })?;
    Ok(match reader.peek()? {
        Kind::Null => {
            reader.null()?;
            Json::Null
        }
        Kind::True | Kind::False => Json::Bool(reader.boolean()?),
        Kind::Number => Json::Number(Cow::Borrowed(reader.number()?)),
        Kind::String => Json::String(reader.string()?),
        Kind::Array => {
            reader.begin_array()?;
            let mut elements = Vec::new();
            while reader.next_element()? {
                elements.push(read(reader, left)?);
            }
            Json::Array(elements)
        }
        Kind::Object => {
            reader.begin_object()?;
            let mut members = Vec::new();
            while let Some(name) = reader.next_key()? {
                members.push((name, read(reader, left)?));
            }
            Json::Object(last_of_each(members))
        }
    })
}

/// A name that stands twice keeps its first place and its last value.
fn last_of_each<'a>(members: Vec<(Text<'a>, Json<'a>)>) -> Vec<(Text<'a>, Json<'a>)> {
    let names: HashSet<&str> = members.iter().map(|(name, _)| &**name).collect();
    if names.len() == members.len() {
        return members;
    }
    let mut kept: Vec<(Text<'a>, Json<'a>)> = Vec::with_capacity(names.len());
    let mut places: HashMap<Text<'a>, usize> = HashMap::with_capacity(names.len());
    for (name, value) in members {
        match places.get(&name) {
            Some(&place) => kept[place].1 = value,
            None => {
                places.insert(name.clone(), kept.len());
                kept.push((name, value));
            }
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { depth_max: 4, values_max: 8 };

    #[test]
    fn trees_are_read_and_written() {
        for (text, written) in [
            (r#" {"b" : [1.50, null, true], "a":"x\u0041"} "#, Some(r#"{"b":[1.50,null,true],"a":"xA"}"#)),
            (r#"{"a":1,"b":2,"a":3}"#, Some(r#"{"a":3,"b":2}"#)),
            ("[[[[1]]]]", Some("[[[[1]]]]")),
            ("[[[[[1]]]]]", None),
            ("[1,2,3,4,5,6,7]", Some("[1,2,3,4,5,6,7]")),
            ("[1,2,3,4,5,6,7,8]", None),
            ("{} {}", None),
            ("", None),
        ] {
            let read = Json::parse(text.as_bytes(), BOUNDS).ok().map(|json| json.to_text());
            assert_eq!(read.as_deref(), written, "{text}");
        }
    }

    #[test]
    fn pointers_lead_into_trees() {
        let json = Json::parse(br#"{"a/b":{"~":[0,"x"]}}"#, BOUNDS).unwrap();
        for (pointer, found) in
            [("/a~1b/~0/1", Some("x")), ("/a~1b/~0/2", None), ("/a", None), ("/a~1b/x", None)]
        {
            assert_eq!(json.pointer(pointer).and_then(Json::as_str), found, "{pointer}");
        }
        assert_eq!(json.pointer(""), Some(&json));
    }
}
