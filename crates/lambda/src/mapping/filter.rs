//! Which records a mapping wants: EventBridge's pattern language, compiled once and matched while the record's JSON is
//! read, without a tree of it. Pure; knows no stream.

use std::borrow::Cow;
use std::net::IpAddr;

use wire::json::{JsonError, Kind, Reader};

/// AWS's bound on the text of a pattern.
pub(crate) const PATTERN_BYTES_MAX: usize = 4096;
const PATTERN_DEPTH_MAX: usize = 64;
/// Of a record: an item nests at most 32 levels, each of two of JSON's.
const RECORD_DEPTH_MAX: usize = 256;
/// AWS's bounds on a number that is compared.
const NUMBER_MAX: f64 = 5e9;

/// A compiled pattern.
#[derive(Debug, Clone, PartialEq)]
pub struct Pattern(Fields);

/// Not a pattern; AWS says no more than that.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Invalid filter pattern definition.")]
pub struct PatternError;

/// All fields match, and of each `$or` at least one.
#[derive(Debug, Clone, PartialEq, Default)]
struct Fields {
    fields: Vec<(String, Node)>,
    either: Vec<Vec<Fields>>,
}

#[derive(Debug, Clone, PartialEq)]
enum Node {
    Fields(Fields),
    /// One of them matches.
    Leaf(Vec<Test>),
}

#[derive(Debug, Clone, PartialEq)]
enum Test {
    Text(Text),
    /// As it is written: to AWS 300 and 300.0 are not the same.
    Number(String),
    Boolean(bool),
    Null,
    Range {
        low: Option<Bound>,
        high: Option<Bound>,
    },
    Exists(bool),
    Cidr {
        network: IpAddr,
        bits: u8,
    },
    /// The field is there and none of them matches.
    AnythingBut(Vec<Test>),
}

#[derive(Debug, Clone, PartialEq)]
enum Text {
    Exact(String),
    ExactAnyCase(String),
    Prefix(String),
    PrefixAnyCase(String),
    Suffix(String),
    SuffixAnyCase(String),
    /// The pieces between the asterisks.
    Wildcard(Vec<String>),
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Bound {
    at: f64,
    inclusive: bool,
}

/// A value of a record that has no parts.
enum Scalar<'a> {
    Text(Cow<'a, str>),
    Number(&'a str),
    Boolean(bool),
    Null,
}

impl From<JsonError> for PatternError {
    fn from(_: JsonError) -> Self {
        Self
    }
}

impl Pattern {
    pub fn compile(text: &str) -> Result<Self, PatternError> {
        if text.len() > PATTERN_BYTES_MAX {
            return Err(PatternError);
        }
        let mut reader = Reader::new(text.as_bytes(), PATTERN_DEPTH_MAX)?;
        let fields = parse_fields(&mut reader)?;
        reader.end()?;
        Ok(Self(fields))
    }

    /// Whether the record, a JSON object, is wanted. What is not JSON is not.
    pub fn matches(&self, record: &[u8]) -> bool {
        let Ok(mut reader) = Reader::new(record, RECORD_DEPTH_MAX) else { return false };
        self.0.matches(&mut reader).unwrap_or(false)
    }
}

fn parse_fields(reader: &mut Reader<'_>) -> Result<Fields, PatternError> {
    let mut fields = Fields::default();
    reader.begin_object()?;
    while let Some(key) = reader.next_key()? {
        let raw = reader.raw()?;
        let alternatives = if key == "$or" { parse_either(raw)? } else { None };
        match alternatives {
            Some(alternatives) => fields.either.push(alternatives),
            None => {
                let node = parse_node(&mut Reader::new(raw.as_bytes(), PATTERN_DEPTH_MAX)?)?;
                // As in any JSON of AWS's the last of two equal keys counts.
                fields.fields.retain(|(known, _)| *known != *key);
                fields.fields.push((key.into_owned(), node));
            }
        }
    }
    if fields.fields.is_empty() && fields.either.is_empty() {
        return Err(PatternError);
    }
    Ok(fields)
}

/// Two or more patterns; none if this is a list of values for a field whose name happens to be `$or`.
fn parse_either(raw: &str) -> Result<Option<Vec<Fields>>, PatternError> {
    let mut reader = Reader::new(raw.as_bytes(), PATTERN_DEPTH_MAX)?;
    let mut alternatives = Vec::new();
    if reader.peek()? != Kind::Array {
        return Ok(None);
    }
    reader.begin_array()?;
    while reader.next_element()? {
        if reader.peek()? != Kind::Object {
            return Ok(None);
        }
        match parse_fields(&mut reader) {
            Ok(fields) => alternatives.push(fields),
            // `[{"prefix": "x"}]`, say; where it is neither, the values' parser says so.
            Err(PatternError) => return Ok(None),
        }
    }
    Ok((alternatives.len() >= 2).then_some(alternatives))
}

fn parse_node(reader: &mut Reader<'_>) -> Result<Node, PatternError> {
    match reader.peek()? {
        Kind::Object => Ok(Node::Fields(parse_fields(reader)?)),
        Kind::Array => Ok(Node::Leaf(parse_list(reader, parse_test)?)),
        _ => Err(PatternError),
    }
}

/// One or more.
fn parse_list<'a, T>(
    reader: &mut Reader<'a>,
    parse: impl Fn(&mut Reader<'a>) -> Result<T, PatternError>,
) -> Result<Vec<T>, PatternError> {
    let mut list = Vec::new();
    reader.begin_array()?;
    while reader.next_element()? {
        list.push(parse(reader)?);
    }
    if list.is_empty() { Err(PatternError) } else { Ok(list) }
}

/// One, or a list of them.
fn parse_some<'a, T>(
    reader: &mut Reader<'a>,
    parse: impl Fn(&mut Reader<'a>) -> Result<T, PatternError>,
) -> Result<Vec<T>, PatternError> {
    if reader.peek()? == Kind::Array { parse_list(reader, parse) } else { Ok(vec![parse(reader)?]) }
}

fn parse_test(reader: &mut Reader<'_>) -> Result<Test, PatternError> {
    match reader.peek()? {
        Kind::String => Ok(Test::Text(Text::Exact(reader.string()?.into_owned()))),
        Kind::Number => Ok(Test::Number(reader.number()?.to_owned())),
        Kind::True | Kind::False => Ok(Test::Boolean(reader.boolean()?)),
        Kind::Null => reader.null().map(|_| Test::Null).map_err(Into::into),
        Kind::Object => parse_operator(reader, |reader, name| match name {
            "exists" => Ok(Test::Exists(reader.boolean()?)),
            "numeric" => parse_range(reader),
            "cidr" => parse_cidr(&reader.string()?),
            "anything-but" => Ok(Test::AnythingBut(parse_anything_but(reader)?)),
            name => parse_text(reader, name).map(Test::Text),
        }),
        Kind::Array => Err(PatternError),
    }
}

/// `{"name": ..}` with exactly one name.
fn parse_operator<'a, T>(
    reader: &mut Reader<'a>,
    parse: impl FnOnce(&mut Reader<'a>, &str) -> Result<T, PatternError>,
) -> Result<T, PatternError> {
    reader.begin_object()?;
    let name = reader.next_key()?.ok_or(PatternError)?;
    let test = parse(reader, &name)?;
    if reader.next_key()?.is_some() { Err(PatternError) } else { Ok(test) }
}

fn parse_text(reader: &mut Reader<'_>, name: &str) -> Result<Text, PatternError> {
    let nested = reader.peek()? == Kind::Object;
    match name {
        "prefix" | "suffix" if nested => {
            let text = parse_operator(reader, |reader, inner| match inner {
                "equals-ignore-case" => Ok(lower(&reader.string()?)),
                _ => Err(PatternError),
            })?;
            Ok(if name == "prefix" { Text::PrefixAnyCase(text) } else { Text::SuffixAnyCase(text) })
        }
        "prefix" => Ok(Text::Prefix(reader.string()?.into_owned())),
        "suffix" => Ok(Text::Suffix(reader.string()?.into_owned())),
        "equals-ignore-case" => Ok(Text::ExactAnyCase(lower(&reader.string()?))),
        "wildcard" => parse_wildcard(&reader.string()?),
        _ => Err(PatternError),
    }
}

fn parse_anything_but(reader: &mut Reader<'_>) -> Result<Vec<Test>, PatternError> {
    if reader.peek()? != Kind::Object {
        return parse_some(reader, |reader| match parse_test(reader)? {
            test @ (Test::Text(Text::Exact(_)) | Test::Number(_)) => Ok(test),
            _ => Err(PatternError),
        });
    }
    parse_operator(reader, |reader, name| {
        // `{"prefix": {"equals-ignore-case": ..}}` is one, `{"prefix": [..]}` several.
        let texts = parse_some(reader, |reader| parse_text(reader, name))?;
        let is_empty = |text: &Text| match text {
            Text::Prefix(text) | Text::Suffix(text) => text.is_empty(),
            Text::PrefixAnyCase(text) | Text::SuffixAnyCase(text) => text.is_empty(),
            _ => false,
        };
        if texts.iter().any(is_empty) {
            return Err(PatternError);
        }
        Ok(texts.into_iter().map(Test::Text).collect())
    })
}

/// Asterisks stand for any text; `\*` and `\\` for themselves; two asterisks in a row are refused.
fn parse_wildcard(text: &str) -> Result<Text, PatternError> {
    let mut pieces = vec![String::new()];
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let piece = pieces.last_mut().ok_or(PatternError)?;
        match c {
            '*' if chars.peek() == Some(&'*') => return Err(PatternError),
            '*' => pieces.push(String::new()),
            '\\' => match chars.next() {
                Some(escaped @ ('*' | '\\')) => piece.push(escaped),
                _ => return Err(PatternError),
            },
            c => piece.push(c),
        }
    }
    Ok(Text::Wildcard(pieces))
}

/// `[">", 0, "<=", 5]`: one comparison, or a lower and an upper bound.
fn parse_range(reader: &mut Reader<'_>) -> Result<Test, PatternError> {
    let (mut low, mut high) = (None, None);
    let mut exact = false;
    reader.begin_array()?;
    while reader.next_element()? {
        let operator = reader.string()?;
        if !reader.next_element()? {
            return Err(PatternError);
        }
        let at: f64 = reader.number()?.parse().map_err(|_| PatternError)?;
        let bound = |inclusive| Some(Bound { at, inclusive });
        let closed = exact || high.is_some();
        match &*operator {
            _ if closed || at.abs() > NUMBER_MAX => return Err(PatternError),
            "=" if low.is_none() => {
                (low, high) = (bound(true), bound(true));
                exact = true;
            }
            ">" if low.is_none() => low = bound(false),
            ">=" if low.is_none() => low = bound(true),
            "<" => high = bound(false),
            "<=" => high = bound(true),
            _ => return Err(PatternError),
        }
    }
    match (low, high) {
        (None, None) => Err(PatternError),
        (Some(low), Some(high)) if !exact && low.at >= high.at => Err(PatternError),
        (low, high) => Ok(Test::Range { low, high }),
    }
}

fn parse_cidr(text: &str) -> Result<Test, PatternError> {
    let (network, bits) = text.split_once('/').ok_or(PatternError)?;
    let network: IpAddr = network.parse().map_err(|_| PatternError)?;
    let bits: u8 = bits.parse().map_err(|_| PatternError)?;
    let bits_max = if network.is_ipv4() { 32 } else { 128 };
    if bits > bits_max { Err(PatternError) } else { Ok(Test::Cidr { network, bits }) }
}

impl Fields {
    /// Reads one value, which should be an object, or a list with one that matches as a whole.
    fn matches(&self, reader: &mut Reader<'_>) -> Result<bool, JsonError> {
        match reader.peek()? {
            Kind::Object if self.either.is_empty() => self.own_match(reader),
            Kind::Object => {
                // Read more than once, for each `$or`.
                let raw = reader.raw()?;
                let again = || Reader::new(raw.as_bytes(), RECORD_DEPTH_MAX);
                if !self.own_match(&mut again()?)? {
                    return Ok(false);
                }
                for alternatives in &self.either {
                    let mut one = false;
                    for alternative in alternatives {
                        one = one || alternative.matches(&mut again()?)?;
                    }
                    if !one {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Kind::Array => {
                let (mut one, mut empty) = (false, true);
                reader.begin_array()?;
                while reader.next_element()? {
                    empty = false;
                    if one {
                        reader.skip()?;
                    } else {
                        one = self.matches(reader)?;
                    }
                }
                Ok(one || (empty && self.bears_absence()))
            }
            _ => {
                reader.skip()?;
                Ok(self.bears_absence())
            }
        }
    }

    /// The fields without `$or`, of an object.
    fn own_match(&self, reader: &mut Reader<'_>) -> Result<bool, JsonError> {
        let mut all = true;
        let mut seen = vec![false; self.fields.len()];
        reader.begin_object()?;
        while let Some(key) = reader.next_key()? {
            match self.fields.iter().position(|(name, _)| *name == *key) {
                Some(field) if all => {
                    seen[field] = true;
                    all = self.fields[field].1.matches(reader)?;
                }
                _ => reader.skip()?,
            }
        }
        let absent = self.fields.iter().zip(seen).filter(|(_, seen)| !seen);
        Ok(all && absent.into_iter().all(|((_, node), _)| node.bears_absence()))
    }

    fn bears_absence(&self) -> bool {
        self.fields.iter().all(|(_, node)| node.bears_absence())
            && self.either.iter().all(|alternatives| alternatives.iter().any(Self::bears_absence))
    }
}

impl Node {
    fn matches(&self, reader: &mut Reader<'_>) -> Result<bool, JsonError> {
        match self {
            Node::Fields(fields) => fields.matches(reader),
            Node::Leaf(tests) => {
                let mut found = Found::default();
                found.read(tests, reader)?;
                Ok(found.matched || (!found.present && self.bears_absence()))
            }
        }
    }

    fn bears_absence(&self) -> bool {
        match self {
            Node::Fields(fields) => fields.bears_absence(),
            Node::Leaf(tests) => tests.contains(&Test::Exists(false)),
        }
    }
}

/// What a leaf's tests found. Objects are nothing to a leaf: AWS matches values only.
#[derive(Debug, Default)]
struct Found {
    present: bool,
    matched: bool,
}

impl Found {
    fn read(&mut self, tests: &[Test], reader: &mut Reader<'_>) -> Result<(), JsonError> {
        let scalar = match reader.peek()? {
            Kind::Object => return reader.skip(),
            Kind::Array => {
                reader.begin_array()?;
                while reader.next_element()? {
                    self.read(tests, reader)?;
                }
                return Ok(());
            }
            Kind::String => Scalar::Text(reader.string()?),
            Kind::Number => Scalar::Number(reader.number()?),
            Kind::True | Kind::False => Scalar::Boolean(reader.boolean()?),
            Kind::Null => reader.null().map(|_| Scalar::Null)?,
        };
        self.present = true;
        self.matched = self.matched || tests.iter().any(|test| test.matches(&scalar));
        Ok(())
    }
}

impl Test {
    fn matches(&self, value: &Scalar<'_>) -> bool {
        match (self, value) {
            (Test::Exists(wanted), _) => *wanted,
            (Test::AnythingBut(tests), value) => !tests.iter().any(|test| test.matches(value)),
            (Test::Text(test), Scalar::Text(text)) => test.matches(text),
            (Test::Number(number), Scalar::Number(text)) => number == text,
            (Test::Boolean(wanted), Scalar::Boolean(value)) => wanted == value,
            (Test::Null, Scalar::Null) => true,
            (Test::Range { low, high }, Scalar::Number(text)) => text.parse().is_ok_and(|number: f64| {
                low.is_none_or(|low| number > low.at || (low.inclusive && number == low.at))
                    && high.is_none_or(|high| number < high.at || (high.inclusive && number == high.at))
            }),
            (Test::Cidr { network, bits }, Scalar::Text(text)) => {
                text.parse().is_ok_and(|address| is_within(address, *network, *bits))
            }
            _ => false,
        }
    }
}

impl Text {
    fn matches(&self, text: &str) -> bool {
        match self {
            Text::Exact(wanted) => text == wanted,
            Text::ExactAnyCase(wanted) => lower(text) == *wanted,
            Text::Prefix(prefix) => text.starts_with(prefix),
            Text::PrefixAnyCase(prefix) => lower(text).starts_with(prefix),
            Text::Suffix(suffix) => text.ends_with(suffix),
            Text::SuffixAnyCase(suffix) => lower(text).ends_with(suffix),
            Text::Wildcard(pieces) => wildcard_matches(pieces, text),
        }
    }
}

/// The first piece begins the text, the last ends it, the others follow each other in between.
fn wildcard_matches(pieces: &[String], text: &str) -> bool {
    let [first, middle @ .., last] = pieces else {
        return pieces.first().is_some_and(|piece| piece == text);
    };
    let Some(mut rest) = text.strip_prefix(&**first) else { return false };
    for piece in middle {
        let Some(at) = rest.find(&**piece) else { return false };
        rest = &rest[at + piece.len()..];
    }
    rest.ends_with(&**last)
}

fn is_within(address: IpAddr, network: IpAddr, bits: u8) -> bool {
    let shift = |width: u32| width - u32::from(bits);
    match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => {
            let differing = address.to_bits() ^ network.to_bits();
            differing.checked_shr(shift(32)).unwrap_or(0) == 0
        }
        (IpAddr::V6(address), IpAddr::V6(network)) => {
            let differing = address.to_bits() ^ network.to_bits();
            differing.checked_shr(shift(128)).unwrap_or(0) == 0
        }
        _ => false,
    }
}

fn lower(text: &str) -> String {
    text.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: &str = r#"{"eventName":"INSERT","n":5,"dynamodb":{"Keys":{"id":{"S":"a1"}},"NewImage":{"x":{"S":"Hello.World"},
        "list":{"L":[{"S":"u"},{"N":"7"}]},"set":{"SS":["p","q"]},"no":{"NULL":true},"b":{"BOOL":false},"ip":{"S":"10.0.3.9"},
        "ip6":{"S":"2001:db8::7"}}},"e":null,"arr":[],"price":300.0,"objs":[{"a":1,"b":2},{"a":3,"b":4}]}"#;

    #[test]
    fn patterns_match_as_eventbridge_does() {
        let image = |rest: &str| format!(r#"{{"dynamodb":{{"NewImage":{rest}}}}}"#);
        let x = |test: &str| image(&format!(r#"{{"x":{{"S":[{test}]}}}}"#));
        check(&[
            (r#"{"eventName":["INSERT"]}"#.to_owned(), true),
            (r#"{"eventName":["MODIFY","INSERT"]}"#.to_owned(), true),
            (r#"{"eventName":["insert"]}"#.to_owned(), false),
            (r#"{"eventName":["INSERT"],"n":[6]}"#.to_owned(), false),
            (r#"{"e":[null]}"#.to_owned(), true),
            (r#"{"eventName":[null]}"#.to_owned(), false),
            (r#"{"price":[300]}"#.to_owned(), false),
            (r#"{"price":[300.0]}"#.to_owned(), true),
            (r#"{"price":[{"numeric":["=",300]}]}"#.to_owned(), true),
            (x(r#""Hello.World""#), true),
            (x(r#"{"prefix":"Hello"}"#), true),
            (x(r#"{"prefix":"hello"}"#), false),
            (x(r#"{"prefix":{"equals-ignore-case":"hELLO"}}"#), true),
            (x(r#"{"suffix":"World"}"#), true),
            (x(r#"{"suffix":{"equals-ignore-case":".wORLD"}}"#), true),
            (x(r#"{"equals-ignore-case":"hello.world"}"#), true),
            (x(r#"{"anything-but":"Hello.World"}"#), false),
            (x(r#"{"anything-but":["a","b"]}"#), true),
            (x(r#"{"anything-but":[1,2]}"#), true),
            (x(r#"{"anything-but":{"prefix":"Hello"}}"#), false),
            (x(r#"{"anything-but":{"prefix":["a","Hello"]}}"#), false),
            (x(r#"{"anything-but":{"suffix":["a","b"]}}"#), true),
            (x(r#"{"anything-but":{"equals-ignore-case":["HELLO.WORLD"]}}"#), false),
            (x(r#"{"anything-but":{"wildcard":"*.World"}}"#), false),
            (x(r#"{"anything-but":{"wildcard":["*x","y*"]}}"#), true),
            (x(r#"{"anything-but":{"prefix":{"equals-ignore-case":"HELLO"}}}"#), false),
            (x(r#"{"wildcard":"H*o.*d"}"#), true),
            (x(r#"{"wildcard":"*"}"#), true),
            (x(r#"{"wildcard":"Hello.World*"}"#), true),
            (x(r#"{"wildcard":"Hello*Hello*"}"#), false),
            (x(r#"{"wildcard":"Hello\\*"}"#), false),
            (x(r#"{"exists":true}"#), true),
            (x(r#"{"exists":false}"#), false),
            (image(r#"{"y":{"S":[{"exists":false}]}}"#), true),
            (image(r#"{"y":{"S":[{"exists":true}]}}"#), false),
            (image(r#"{"y":{"S":[{"anything-but":"z"}]}}"#), false),
            (image(r#"{"x":[{"exists":true}]}"#), false),
            (r#"{"dynamodb":{"OldImage":{"x":{"S":[{"exists":false}]}}}}"#.to_owned(), true),
            (image(r#"{"list":{"L":{"S":["u"]}}}"#), true),
            (image(r#"{"list":{"L":{"N":["7"]}}}"#), true),
            (image(r#"{"list":{"L":{"N":["7"],"S":["u"]}}}"#), false),
            (image(r#"{"set":{"SS":["q"]}}"#), true),
            (image(r#"{"set":{"SS":[{"anything-but":["p","q"]}]}}"#), false),
            (image(r#"{"no":{"NULL":[true]}}"#), true),
            (image(r#"{"b":{"BOOL":[true]}}"#), false),
            (image(r#"{"ip":{"S":[{"cidr":"10.0.0.0/22"}]}}"#), true),
            (image(r#"{"ip":{"S":[{"cidr":"10.0.4.0/22"}]}}"#), false),
            (image(r#"{"ip":{"S":[{"cidr":"0.0.0.0/0"}]}}"#), true),
            (image(r#"{"ip6":{"S":[{"cidr":"2001:db8::/32"}]}}"#), true),
            (image(r#"{"x":{"S":[{"cidr":"10.0.0.0/8"}]}}"#), false),
        ]);
    }

    #[test]
    fn numbers_lists_and_alternatives_match_as_eventbridge_does() {
        let image = |rest: &str| format!(r#"{{"dynamodb":{{"NewImage":{rest}}}}}"#);
        let n = |test: &str| format!(r#"{{"n":[{test}]}}"#);
        check(&[
            (n("5"), true),
            (n("\"5\""), false),
            (n(r#"{"numeric":[">",4]}"#), true),
            (n(r#"{"numeric":[">",5]}"#), false),
            (n(r#"{"numeric":[">=",5,"<",6]}"#), true),
            (n(r#"{"numeric":[">",0,"<=",4.5]}"#), false),
            (n(r#"{"anything-but":5}"#), false),
            (r#"{"arr":[{"exists":true}]}"#.to_owned(), false),
            (r#"{"objs":{"a":[1],"b":[4]}}"#.to_owned(), false),
            (r#"{"objs":{"a":[3],"b":[4]}}"#.to_owned(), true),
            (r#"{"$or":[{"n":[1]},{"eventName":["INSERT"]}]}"#.to_owned(), true),
            (r#"{"$or":[{"n":[1]},{"eventName":["REMOVE"]}]}"#.to_owned(), false),
            (r#"{"n":[5],"$or":[{"n":[1]},{"price":[{"numeric":[">",1]}]}]}"#.to_owned(), true),
            (r#"{"n":[6],"$or":[{"n":[5]},{"n":[6]}]}"#.to_owned(), false),
            (image(r#"{"$or":[{"x":{"S":["no"]}},{"set":{"SS":["p"]}}]}"#), true),
            (r#"{"$or":[{"n":[1]},{"$or":[{"n":[2]},{"n":[5]}]}]}"#.to_owned(), true),
        ]);
    }

    fn check(cases: &[(String, bool)]) {
        for (pattern, expected) in cases {
            let compiled = Pattern::compile(pattern).unwrap_or_else(|_| panic!("refused: {pattern}"));
            assert_eq!(compiled.matches(RECORD.as_bytes()), *expected, "{pattern}");
        }
    }

    #[test]
    fn what_is_no_pattern() {
        for pattern in [
            "",
            "{}",
            "[]",
            "null",
            "\"x\"",
            r#"{"a":"b"}"#,
            r#"{"a":[]}"#,
            r#"{"a":{}}"#,
            r#"{"a":[[1]]}"#,
            r#"{"a":["b"]"#,
            r#"{"a":[{"prefix":1}]}"#,
            r#"{"a":[{"prefix":"x","suffix":"y"}]}"#,
            r#"{"a":[{"unknown":"x"}]}"#,
            r#"{"a":[{}]}"#,
            r#"{"a":[{"numeric":[]}]}"#,
            r#"{"a":[{"numeric":["<"]}]}"#,
            r#"{"a":[{"numeric":["<",1,">",0]}]}"#,
            r#"{"a":[{"numeric":[">",5,"<",1]}]}"#,
            r#"{"a":[{"numeric":["!",5]}]}"#,
            r#"{"a":[{"numeric":["=",5000000001]}]}"#,
            r#"{"a":[{"exists":"yes"}]}"#,
            r#"{"a":[{"cidr":"10.0.0.0"}]}"#,
            r#"{"a":[{"cidr":"10.0.0.0/33"}]}"#,
            r#"{"a":[{"wildcard":"a**b"}]}"#,
            r#"{"a":[{"wildcard":"a\\b"}]}"#,
            r#"{"a":[{"anything-but":[]}]}"#,
            r#"{"a":[{"anything-but":{"prefix":""}}]}"#,
            r#"{"a":[{"anything-but":[{"prefix":"x"}]}]}"#,
            r#"{"a":[{"anything-but":true}]}"#,
            r#"{"$or":[{"a":[1]}]}"#,
            r#"{"$or":[{"a":[1]},{}]}"#,
            r#"{"a":["x"]} y"#,
        ] {
            assert_eq!(Pattern::compile(pattern), Err(PatternError), "{pattern}");
        }
        assert_eq!(Pattern::compile(&format!("{{\"a\":[\"{}\"]}}", "x".repeat(4096))), Err(PatternError));
    }
}
