//! YAML texts as trees, and trees as YAML: API definitions are written in either. Of YAML 1.2 what JSON can say, with
//! anchors, aliases and merge keys, all of it bounded: an alias counts as many values as it stands for. Knows no shape.

use std::borrow::Cow;
use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle};

use crate::json::{Bounds, Json};

/// Why a text is no YAML that is taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum YamlError {
    #[error("{0}")]
    Syntax(String),
    #[error("the YAML nests deeper than {max} levels")]
    Depth { max: usize },
    #[error("the YAML has more than {max} values")]
    Values { max: usize },
    #[error("the YAML has an alias of nothing")]
    Alias,
}

type Result<T> = std::result::Result<T, YamlError>;

/// The first document of a text.
pub(crate) fn parse(text: &str, bounds: Bounds) -> Result<Json<'static>> {
    let mut reader =
        YamlReader { parser: Parser::new_from_str(text), bounds, values: 0, anchors: HashMap::new() };
    loop {
        match reader.next()? {
            Event::StreamStart | Event::DocumentStart(_) | Event::Nothing => {}
            Event::StreamEnd | Event::DocumentEnd => return Ok(Json::Null),
            first => return reader.value(first, 0),
        }
    }
}

struct YamlReader<'t> {
    parser: Parser<'t, saphyr_parser::StrInput<'t>>,
    bounds: Bounds,
    values: usize,
    anchors: HashMap<usize, Json<'static>>,
}

impl<'t> YamlReader<'t> {
    fn next(&mut self) -> Result<Event<'t>> {
        match self.parser.next_event() {
            Some(Ok((event, _))) => Ok(event),
            Some(Err(error)) => Err(YamlError::Syntax(error.to_string())),
            None => Ok(Event::StreamEnd),
        }
    }

    fn count(&mut self, values: usize) -> Result<()> {
        self.values += values;
        let max = self.bounds.values_max;
        if self.values > max { Err(YamlError::Values { max }) } else { Ok(()) }
    }

    fn value(&mut self, first: Event<'t>, depth: usize) -> Result<Json<'static>> {
        let max = self.bounds.depth_max;
        if depth > max {
            return Err(YamlError::Depth { max });
        }
        self.count(1)?;
        let (value, anchor) = match first {
            Event::Alias(anchor) => {
                let known = self.anchors.get(&anchor).ok_or(YamlError::Alias)?;
                let (size, inner) = extent(known);
                if depth + inner > max {
                    return Err(YamlError::Depth { max });
                }
                let value = known.clone();
                self.count(size)?;
                return Ok(value);
            }
            Event::Scalar(text, style, anchor, tag) => {
                let is_text = style != ScalarStyle::Plain || tag.is_some_and(|tag| tag.suffix == "str");
                (if is_text { Json::text(text) } else { plain(&text) }, anchor)
            }
            Event::SequenceStart(anchor, _) => {
                let mut elements = Vec::new();
                loop {
                    match self.next()? {
                        Event::SequenceEnd => break,
                        event => elements.push(self.value(event, depth + 1)?),
                    }
                }
                (Json::Array(elements), anchor)
            }
            Event::MappingStart(anchor, _) => (self.mapping(depth)?, anchor),
            _ => return Err(YamlError::Syntax("a value is missing".to_owned())),
        };
        if anchor > 0 {
            self.count(extent(&value).0)?;
            self.anchors.insert(anchor, value.clone());
        }
        Ok(value)
    }

    fn mapping(&mut self, depth: usize) -> Result<Json<'static>> {
        let mut members: Vec<(Cow<'static, str>, Json<'static>)> = Vec::new();
        let mut merged = Vec::new();
        let mut places = HashMap::new();
        loop {
            let name = match self.next()? {
                Event::MappingEnd => break,
                Event::Scalar(name, ..) => name.into_owned(),
                _ => return Err(YamlError::Syntax("a name is no text".to_owned())),
            };
            let event = self.next()?;
            let value = self.value(event, depth + 1)?;
            match (&*name, value) {
                ("<<", Json::Object(inner)) => merged.extend(inner),
                ("<<", Json::Array(all)) => merged.extend(all.into_iter().flat_map(|one| match one {
                    Json::Object(inner) => inner,
                    _ => Vec::new(),
                })),
                (_, value) => match places.get(&name) {
                    Some(&at) => {
                        let (_, known): &mut (_, Json<'static>) = &mut members[at];
                        *known = value;
                    }
                    None => {
                        places.insert(name.clone(), members.len());
                        members.push((name.into(), value));
                    }
                },
            }
        }
        for (name, value) in merged {
            if !places.contains_key(&*name) {
                places.insert(name.to_string(), members.len());
                members.push((name, value));
            }
        }
        Ok(Json::Object(members))
    }
}

/// How many values a tree has, and how deep it is.
fn extent(json: &Json<'_>) -> (usize, usize) {
    let sum = |inner: &mut dyn Iterator<Item = (usize, usize)>| {
        inner.fold((1, 1), |(size, depth), (more, below)| (size + more, depth.max(below + 1)))
    };
    match json {
        Json::Array(elements) => sum(&mut elements.iter().map(extent)),
        Json::Object(members) => sum(&mut members.iter().map(|(_, value)| extent(value))),
        _ => (1, 1),
    }
}

/// A scalar without quotes.
fn plain(text: &str) -> Json<'static> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Json::Null,
        "true" | "True" | "TRUE" => Json::Bool(true),
        "false" | "False" | "FALSE" => Json::Bool(false),
        _ if is_number(text) => Json::Number(text.to_owned().into()),
        _ => Json::text(text),
    }
}

/// Whether JSON has this number.
fn is_number(text: &str) -> bool {
    let rest = text.strip_prefix('-').unwrap_or(text);
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (mantissa, power) = rest.split_once(['e', 'E']).map_or((rest, None), |(m, p)| (m, Some(p)));
    let (whole, fraction) = mantissa.split_once('.').map_or((mantissa, None), |(w, f)| (w, Some(f)));
    let power = power.map(|power| power.strip_prefix(['+', '-']).unwrap_or(power));
    digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && power.is_none_or(digits)
}

/// A tree as YAML, in blocks.
pub(crate) fn write(json: &Json<'_>) -> String {
    let mut text = String::from("---\n");
    block(json, 0, &mut text);
    text
}

fn block(json: &Json<'_>, indent: usize, text: &mut String) {
    let pad = " ".repeat(indent);
    match json {
        Json::Object(members) if !members.is_empty() => {
            for (name, value) in members {
                text.push_str(&pad);
                text.push_str(&scalar(name));
                text.push(':');
                below(value, indent + 2, text);
            }
        }
        Json::Array(elements) if !elements.is_empty() => {
            for element in elements {
                text.push_str(&pad);
                text.push('-');
                match element {
                    Json::Object(members) if !members.is_empty() => {
                        let mut inner = String::new();
                        block(element, indent + 2, &mut inner);
                        text.push(' ');
                        text.push_str(inner.trim_start());
                    }
                    _ => below(element, indent + 2, text),
                }
            }
        }
        _ => below(json, indent, text),
    }
}

fn below(json: &Json<'_>, indent: usize, text: &mut String) {
    match json {
        Json::Object(members) if members.is_empty() => text.push_str(" {}\n"),
        Json::Array(elements) if elements.is_empty() => text.push_str(" []\n"),
        Json::Object(_) | Json::Array(_) => {
            text.push('\n');
            block(json, indent, text);
        }
        Json::String(value) => text.push_str(&format!(" {}\n", quoted(value))),
        other => text.push_str(&format!(" {}\n", other.to_text())),
    }
}

/// A name: without quotes where nobody could take it for something else.
fn scalar(name: &str) -> String {
    let simple = |c: char| c.is_ascii_alphanumeric() || "_-/{}.$".contains(c);
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '$');
    let is_word = matches!(plain(name), Json::String(_));
    let bare = starts && is_word && name.chars().all(simple);
    if bare { name.to_owned() } else { quoted(name) }
}

/// YAML's double quotes take what JSON's do.
fn quoted(text: &str) -> String {
    Json::String(Cow::Borrowed(text)).to_text()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { depth_max: 8, values_max: 100 };

    #[test]
    fn yaml_is_read() {
        for (text, json) in [
            ("a: 1\nb:\n  - x\n  - 'y'\n  - \"1\"\n", r#"{"a":1,"b":["x","y","1"]}"#),
            ("{a: [true, null, ~, 1.5, 007, 1e3]}", r#"{"a":[true,null,null,1.5,"007",1e3]}"#),
            ("200:\n  description: ok\n", r#"{"200":{"description":"ok"}}"#),
            ("a: |\n  one\n  two\nb: >-\n  one\n  two\n", r#"{"a":"one\ntwo\n","b":"one two"}"#),
            ("a: &x {b: 1}\nc: *x\nd:\n  <<: *x\n  e: 2\n", r#"{"a":{"b":1},"c":{"b":1},"d":{"e":2,"b":1}}"#),
            ("a: !!str 1\n", r#"{"a":"1"}"#),
            ("", "null"),
            (r#"{"a": {"b": [1, "x"]}}"#, r#"{"a":{"b":[1,"x"]}}"#),
        ] {
            assert_eq!(parse(text, BOUNDS).unwrap().to_text(), json, "{text}");
        }
    }

    #[test]
    fn yaml_is_bounded() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x]\n".to_owned();
        for at in 1..30 {
            let last = at - 1;
            bomb.push_str(&format!("a{at}: &a{at} [*a{last}, *a{last}, *a{last}, *a{last}]\n"));
        }
        for text in
            [bomb, "[".repeat(5000), format!("{}x", "- ".repeat(5000)), "a: [".to_owned(), "a: *b".to_owned()]
        {
            assert!(parse(&text, BOUNDS).is_err(), "{}", &text[..text.len().min(40)]);
        }
    }

    #[test]
    fn yaml_is_written() {
        let text = r#"{"a":{"b":[],"c":{},"200":"x: y","/p/{id}":[{"d":1,"e":[1,[2]]},"z"]},"true":null,"f":"1\n2"}"#;
        let json = Json::parse(text.as_bytes(), BOUNDS).unwrap();
        let written = write(&json);
        assert!(written.contains("  /p/{id}:\n    - d: 1\n      e:\n"), "{written}");
        assert_eq!(parse(&written, BOUNDS).unwrap(), json.into_owned());
    }
}
