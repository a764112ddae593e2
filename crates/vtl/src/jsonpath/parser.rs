//! Paths and filters as trees. Knows no values but those that a filter holds.

use super::filter::{Comparison, Condition, Operand};
use super::function::{Function, Named};
use super::{JsonPath, Segment};
use crate::number;
use crate::regex::JavaRegex;
use crate::value::Value;

/// How deep filters nest.
const DEPTH_MAX: u32 = 24;

pub(super) fn parse(text: &str) -> Result<JsonPath> {
    let text = text.trim();
    if text.is_empty() {
        return Err("json can not be null or empty".to_owned());
    }
    // What does not begin at the root does so all the same.
    let prefixed = if text.starts_with(['$', '@']) { text.to_owned() } else { format!("$.{text}") };
    let mut parser = Parser { text: &prefixed, at: 1, depth: 0, cost: 0 };
    let mut path = parser.path()?;
    path.cost = parser.cost;
    if parser.at < prefixed.len() {
        return Err(parser.fail("Could not parse token"));
    }
    Ok(path)
}

struct Parser<'p> {
    text: &'p str,
    at: usize,
    depth: u32,
    /// The size of the patterns so far.
    cost: usize,
}

type Result<T> = std::result::Result<T, String>;

impl<'p> Parser<'p> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'p str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn eat(&mut self, wanted: &str) -> bool {
        let found = self.rest().starts_with(wanted);
        self.at += if found { wanted.len() } else { 0 };
        found
    }

    fn expect(&mut self, wanted: &str) -> Result<()> {
        if self.eat(wanted) { Ok(()) } else { Err(self.fail(&format!("Expected '{wanted}'"))) }
    }

    fn fail(&self, what: &str) -> String {
        format!("{what} at position {}", self.at)
    }

    fn space(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn deeper<T>(&mut self, inner: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.fail("The path nests too deep"));
        }
        let result = inner(self);
        self.depth -= 1;
        result
    }

    /// Behind `$` or `@`, as far as it goes.
    fn path(&mut self) -> Result<JsonPath> {
        let mut segments: Vec<Segment> = Vec::new();
        let mut function = None;
        loop {
            match self.peek() {
                Some(b'[') => {
                    self.at += 1;
                    let segment = self.deeper(Self::bracket)?;
                    segments.push(segment);
                }
                Some(b'.') => {
                    self.at += 1;
                    if self.eat(".") {
                        segments.push(Segment::Scan);
                        if self.peek() == Some(b'[') {
                            continue;
                        }
                    }
                    if self.eat("*") {
                        segments.push(Segment::Wildcard);
                        continue;
                    }
                    let name = self.name()?;
                    if self.peek() == Some(b'(') {
                        function = Some(self.deeper(|parser| parser.function(name))?);
                        break;
                    }
                    segments.push(Segment::Key(name.into()));
                }
                _ => break,
            }
        }
        let last = segments.len().saturating_sub(1);
        let definite = segments.iter().enumerate().all(|(place, segment)| match segment {
            Segment::Key(_) | Segment::Index(_) => true,
            Segment::Keys(_) => place == last,
            _ => false,
        });
        Ok(JsonPath { segments, function, definite, cost: 0 })
    }

    /// A name behind a dot.
    fn name(&mut self) -> Result<&'p str> {
        let rest = self.rest();
        let ends = |c: char| {
            matches!(c, '.' | '[' | '(' | ')' | ']' | ',' | '=' | '!' | '<' | '>' | '&' | '|' | '~')
                || c.is_whitespace()
        };
        let length = rest.find(ends).unwrap_or(rest.len());
        if length == 0 {
            return Err(self.fail("Path must not end with a '.' or '..'"));
        }
        self.at += length;
        Ok(&rest[..length])
    }

    /// Behind `[`.
    fn bracket(&mut self) -> Result<Segment> {
        self.space();
        let segment = match self.peek() {
            Some(b'*') => {
                self.at += 1;
                Segment::Wildcard
            }
            Some(b'\'' | b'"') => {
                let mut keys = vec![self.quoted()?.into()];
                self.space();
                while self.eat(",") {
                    self.space();
                    keys.push(self.quoted()?.into());
                    self.space();
                }
                match keys.len() {
                    1 => Segment::Key(keys.remove(0)),
                    _ => Segment::Keys(keys),
                }
            }
            Some(b'?') => {
                self.at += 1;
                self.space();
                self.expect("(")?;
                let condition = self.or()?;
                self.space();
                self.expect(")")?;
                Segment::Filter(condition)
            }
            _ => self.places()?,
        };
        self.space();
        self.expect("]")?;
        Ok(segment)
    }

    /// Indexes or a slice.
    fn places(&mut self) -> Result<Segment> {
        let first = self.integer()?;
        self.space();
        if self.eat(":") {
            self.space();
            return Ok(Segment::Slice { from: first, to: self.integer()? });
        }
        let Some(first) = first else { return Err(self.fail("Could not parse token")) };
        let mut all = vec![first];
        while self.eat(",") {
            self.space();
            all.push(self.integer()?.ok_or_else(|| self.fail("Expected an index"))?);
            self.space();
        }
        Ok(match all.as_slice() {
            [only] => Segment::Index(*only),
            _ => Segment::Indexes(all),
        })
    }

    fn integer(&mut self) -> Result<Option<i64>> {
        let rest = self.rest();
        let length = rest.find(|c: char| !c.is_ascii_digit() && c != '-').unwrap_or(rest.len());
        if length == 0 {
            return Ok(None);
        }
        let parsed = rest[..length].parse().map_err(|_| self.fail("Failed to parse an index"))?;
        self.at += length;
        Ok(Some(parsed))
    }

    /// A text in quotes of either kind.
    fn quoted(&mut self) -> Result<String> {
        let quote = match self.rest().chars().next() {
            Some(quote @ ('\'' | '"')) => quote,
            _ => return Err(self.fail("Expected a quoted name")),
        };
        let mut text = String::new();
        let mut chars = self.rest().char_indices().skip(1);
        while let Some((offset, c)) = chars.next() {
            match c {
                '\\' => match chars.next() {
                    Some((_, 'n')) => text.push('\n'),
                    Some((_, 't')) => text.push('\t'),
                    Some((_, c)) => text.push(c),
                    None => break,
                },
                c if c == quote => {
                    self.at += offset + 1;
                    return Ok(text);
                }
                c => text.push(c),
            }
        }
        Err(self.fail("Property has not been closed"))
    }

    fn function(&mut self, name: &str) -> Result<Function> {
        let named = Named::of(name)
            .ok_or_else(|| self.fail(&format!("Function with name: {name} does not exist.")))?;
        self.expect("(")?;
        let mut parameters = Vec::new();
        self.space();
        while self.peek() != Some(b')') {
            parameters.push(self.operand()?);
            self.space();
            if !self.eat(",") {
                break;
            }
            self.space();
        }
        self.expect(")")?;
        Ok(Function { named, parameters })
    }

    fn or(&mut self) -> Result<Condition> {
        let mut all = vec![self.and()?];
        loop {
            self.space();
            if !self.eat("||") {
                return Ok(if all.len() == 1 { all.remove(0) } else { Condition::Or(all) });
            }
            all.push(self.and()?);
        }
    }

    fn and(&mut self) -> Result<Condition> {
        let mut all = vec![self.deeper(Self::condition)?];
        loop {
            self.space();
            if !self.eat("&&") {
                return Ok(if all.len() == 1 { all.remove(0) } else { Condition::And(all) });
            }
            all.push(self.deeper(Self::condition)?);
        }
    }

    fn condition(&mut self) -> Result<Condition> {
        self.space();
        if self.peek() == Some(b'!') {
            self.at += 1;
            return Ok(Condition::Not(Box::new(self.deeper(Self::condition)?)));
        }
        if self.eat("(") {
            let inner = self.or()?;
            self.space();
            self.expect(")")?;
            return Ok(inner);
        }
        let left = self.operand()?;
        self.space();
        let Some(comparison) = self.comparison() else {
            return match left {
                Operand::Path { .. } => Ok(Condition::Exists(left)),
                other => Ok(Condition::Truth(other)),
            };
        };
        self.space();
        let right = self.operand()?;
        Ok(Condition::Compare(left, comparison, right))
    }

    fn comparison(&mut self) -> Option<Comparison> {
        const SIGNS: [(&str, Comparison); 9] = [
            ("===", Comparison::SameType),
            ("!==", Comparison::NotSameType),
            ("==", Comparison::Equal),
            ("!=", Comparison::NotEqual),
            ("=~", Comparison::Matches),
            ("<=", Comparison::LessOrEqual),
            (">=", Comparison::GreaterOrEqual),
            ("<", Comparison::Less),
            (">", Comparison::Greater),
        ];
        if let Some((sign, comparison)) = SIGNS.iter().find(|(sign, _)| self.rest().starts_with(sign)) {
            self.at += sign.len();
            return Some(*comparison);
        }
        let rest = self.rest();
        let length = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let comparison = match rest[..length].to_ascii_uppercase().as_str() {
            "IN" => Comparison::In,
            "NIN" => Comparison::NotIn,
            "CONTAINS" => Comparison::Contains,
            "ALL" => Comparison::All,
            "SIZE" => Comparison::Size,
            "EMPTY" => Comparison::Empty,
            "EXISTS" => Comparison::Exists,
            "TYPE" => Comparison::Type,
            "SUBSETOF" => Comparison::SubsetOf,
            "ANYOF" => Comparison::AnyOf,
            "NONEOF" => Comparison::NoneOf,
            _ => return None,
        };
        self.at += length;
        Some(comparison)
    }

    /// A path, a literal, a pattern or a list.
    fn operand(&mut self) -> Result<Operand> {
        self.space();
        match self.peek() {
            Some(start @ (b'$' | b'@')) => {
                self.at += 1;
                let path = self.deeper(Self::path)?;
                Ok(Operand::Path { path, from_root: start == b'$' })
            }
            Some(b'\'' | b'"') => Ok(Operand::Value(Value::text(&self.quoted()?))),
            Some(b'/') => self.pattern(),
            Some(b'[') => {
                self.at += 1;
                let mut items = Vec::new();
                self.space();
                while self.peek() != Some(b']') {
                    items.push(self.deeper(Self::operand)?);
                    self.space();
                    if !self.eat(",") {
                        break;
                    }
                    self.space();
                }
                self.expect("]")?;
                Ok(Operand::List(items))
            }
            _ => self.literal(),
        }
    }

    fn literal(&mut self) -> Result<Operand> {
        let rest = self.rest();
        let ends = |c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.'));
        let word = &rest[..rest.find(ends).unwrap_or(rest.len())];
        let value = match word {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            "null" => Value::Null,
            digits if digits.parse::<f64>().is_ok() && !digits.contains(['n', 'N', 'i', 'I']) => {
                number::parse(digits)
            }
            _ => return Err(self.fail("Expected a value")),
        };
        self.at += word.len();
        Ok(Operand::Value(value))
    }

    /// `/pattern/flags`
    fn pattern(&mut self) -> Result<Operand> {
        let rest = self.rest();
        let mut escaped = false;
        let close = rest.char_indices().skip(1).find(|(_, c)| {
            let closes = *c == '/' && !escaped;
            escaped = *c == '\\' && !escaped;
            closes
        });
        let Some((close, _)) = close else { return Err(self.fail("The pattern is not closed")) };
        let flags_from = &rest[close + 1..];
        let flags =
            &flags_from[..flags_from.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(flags_from.len())];
        self.at += close + 1 + flags.len();
        let source = rest[1..close].replace("\\/", "/");
        let source = if flags.is_empty() { source } else { format!("(?{flags}){source}") };
        let pattern = JavaRegex::new(&source).map_err(|error| self.fail(&error.to_string()))?;
        self.cost += pattern.size();
        Ok(Operand::Pattern(pattern))
    }
}
