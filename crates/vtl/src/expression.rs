//! Expressions, parameters and the steps of references, after the grammar of Velocity 1.7: parameters of methods,
//! lists and maps are values alone, operators stand in `#set` and `#if`. Knows no values.

use crate::jsonpath::JsonPath;
use crate::number::{self, Sum};
use crate::parser::{Parser, Result};
use crate::regex::JavaRegex;
use crate::scan;
use crate::tree::{Constant, Expr, Method, Operator, Step};
use crate::value::Value;

/// The ranks of operators, the loosest first.
const RANKS: usize = 6;

impl Parser<'_> {
    pub(crate) fn space(&mut self) {
        self.at += scan::span(self.bytes(), self.at, scan::is_space);
    }

    pub(crate) fn expression(&mut self) -> Result<Expr> {
        self.deeper(|parser| parser.rank(0))
    }

    fn rank(&mut self, rank: usize) -> Result<Expr> {
        if rank == RANKS {
            return self.unary();
        }
        let first = self.rank(rank + 1)?;
        let mut rest = Vec::new();
        while let Some((operator, length)) = self.operator(rank) {
            self.at += length;
            rest.push((operator, self.rank(rank + 1)?));
        }
        Ok(if rest.is_empty() { first } else { Expr::Chain(Box::new(first), rest.into()) })
    }

    /// The operator of this rank that stands here.
    fn operator(&mut self, rank: usize) -> Option<(Operator, usize)> {
        self.space();
        let word = self.slice(self.at, self.at + scan::word(self.bytes(), self.at));
        let next = self.peek_at(1);
        let pair = |second| if next == Some(second) { 2 } else { 0 };
        let found = match (self.peek()?, word) {
            (b'|', _) => (0, Operator::Or, pair(b'|')),
            (_, "or") => (0, Operator::Or, 2),
            (b'&', _) => (1, Operator::And, pair(b'&')),
            (_, "and") => (1, Operator::And, 3),
            (b'=', _) => (2, Operator::Equal, pair(b'=')),
            (_, "eq") => (2, Operator::Equal, 2),
            (b'!', _) => (2, Operator::NotEqual, pair(b'=')),
            (_, "ne") => (2, Operator::NotEqual, 2),
            (b'<', _) if next == Some(b'=') => (3, Operator::LessOrEqual, 2),
            (b'<', _) => (3, Operator::Less, 1),
            (b'>', _) if next == Some(b'=') => (3, Operator::GreaterOrEqual, 2),
            (b'>', _) => (3, Operator::Greater, 1),
            (_, "lt") => (3, Operator::Less, 2),
            (_, "le") => (3, Operator::LessOrEqual, 2),
            (_, "gt") => (3, Operator::Greater, 2),
            (_, "ge") => (3, Operator::GreaterOrEqual, 2),
            (b'+', _) => (4, Operator::Sum(Sum::Add), 1),
            // `-1` is a number, so that `$a -1` is no subtraction.
            (b'-', _) if !next.is_some_and(|byte| byte.is_ascii_digit()) => {
                (4, Operator::Sum(Sum::Subtract), 1)
            }
            (b'*', _) => (5, Operator::Sum(Sum::Multiply), 1),
            (b'/', _) => (5, Operator::Sum(Sum::Divide), 1),
            (b'%', _) => (5, Operator::Sum(Sum::Remainder), 1),
            _ => return None,
        };
        (found.0 == rank && found.2 > 0).then_some((found.1, found.2))
    }

    fn unary(&mut self) -> Result<Expr> {
        self.space();
        let word = self.slice(self.at, self.at + scan::word(self.bytes(), self.at));
        let length = match (self.peek(), word) {
            (Some(b'!'), _) => 1,
            (_, "not") => 3,
            _ => return self.primary(),
        };
        self.at += length;
        let inner = self.deeper(Self::unary)?;
        Ok(Expr::Not(Box::new(inner)))
    }

    fn primary(&mut self) -> Result<Expr> {
        if self.peek() != Some(b'(') {
            return self.deeper(Self::parameter);
        }
        self.at += 1;
        let inner = self.expression()?;
        self.space();
        self.close()?;
        Ok(inner)
    }

    /// A value: what may stand in a method's parentheses, a list or a map.
    pub(crate) fn parameter(&mut self) -> Result<Expr> {
        self.space();
        let value = match self.peek() {
            Some(quote @ (b'"' | b'\'')) => self.string(quote)?,
            Some(b'$') => self.reference()?,
            Some(b'[') => self.list()?,
            Some(b'{') => self.map()?,
            Some(b'-' | b'.' | b'0'..=b'9') => self.number()?,
            _ => self.word()?,
        };
        self.space();
        Ok(value)
    }

    fn word(&mut self) -> Result<Expr> {
        let length = scan::word(self.bytes(), self.at);
        let value = match self.slice(self.at, self.at + length) {
            "true" => true,
            "false" => false,
            _ => return Err(self.unexpected("a value")),
        };
        self.at += length;
        Ok(Expr::Bool(value))
    }

    fn reference(&mut self) -> Result<Expr> {
        match self.reference_at(self.at)? {
            Some((reference, _)) => Ok(Expr::Reference(Box::new(reference))),
            None => Err(self.unexpected("a reference")),
        }
    }

    fn number(&mut self) -> Result<Expr> {
        let from = self.at;
        let digits = |parser: &Self| scan::span(parser.bytes(), parser.at, |byte| byte.is_ascii_digit());
        self.at += usize::from(self.peek() == Some(b'-'));
        let whole = digits(self);
        self.at += whole;
        let range = self.peek() == Some(b'.') && self.peek_at(1) == Some(b'.');
        let mut fraction = 0;
        if self.peek() == Some(b'.') && !range {
            self.at += 1;
            fraction = digits(self);
            self.at += fraction;
        }
        if whole + fraction == 0 {
            self.at = from;
            return Err(self.unexpected("a number"));
        }
        if matches!(self.peek(), Some(b'e' | b'E')) && !range {
            let sign = usize::from(matches!(self.peek_at(1), Some(b'+' | b'-')));
            let exponent = scan::span(self.bytes(), self.at + 1 + sign, |byte| byte.is_ascii_digit());
            if exponent > 0 {
                self.at += 1 + sign + exponent;
            }
        }
        Ok(match number::parse(self.slice(from, self.at)) {
            Value::Int(number) => Expr::Int(number),
            Value::Float(number) => Expr::Float(number),
            Value::Big(digits) => Expr::Big(digits),
            _ => Expr::Null,
        })
    }

    /// A string: doubled quotes are one, backslashes are themselves; in double quotes references and directives work.
    fn string(&mut self, quote: u8) -> Result<Expr> {
        let start = self.at;
        let end = self.string_end(quote)?;
        let image = self.slice(start + 1, end);
        self.at = end + 1;
        let (double, single) = if quote == b'"' { ("\"\"", "\"") } else { ("''", "'") };
        let interpolates = quote == b'"' && image.contains(['$', '#']);
        let unescaped = if quote == b'"' { unescape(image) } else { image.to_owned() };
        let text = unescaped.replace(double, single);
        if !interpolates {
            return Ok(Expr::Text(text.into()));
        }
        let outer = Some(self.outer.unwrap_or((self.text, start)));
        let depth = self.depth;
        let dialect = self.dialect;
        let mut inner =
            Parser { text: &text, at: 0, names: self.names, macros: self.macros, dialect, depth, outer };
        Ok(Expr::Interpolated(inner.deeper(Parser::template)?))
    }

    /// The closing quote of the string that begins here: the longest string that can be read.
    fn string_end(&self, quote: u8) -> Result<usize> {
        let mut at = self.at + 1;
        let mut last = None;
        loop {
            match self.bytes().get(at) {
                Some(byte) if *byte == quote && self.bytes().get(at + 1) == Some(&quote) => {
                    last = Some(at + 1);
                    at += 2;
                }
                Some(byte) if *byte == quote => return Ok(at),
                Some(_) => at += 1,
                None => return last.ok_or_else(|| self.error("The string is not closed")),
            }
        }
    }

    /// `[1, 2]` or `[1..9]`.
    fn list(&mut self) -> Result<Expr> {
        self.at += 1;
        self.space();
        let mut items = Vec::new();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Expr::List(items.into()));
        }
        loop {
            items.push(self.deeper(Self::parameter)?);
            if items.len() == 1 && self.peek() == Some(b'.') && self.peek_at(1) == Some(b'.') {
                self.at += 2;
                let last = self.deeper(Self::parameter)?;
                self.expect(b']')?;
                return Ok(Expr::Range(Box::new((items.pop().unwrap_or(Expr::Null), last))));
            }
            match self.peek() {
                Some(b',') => self.at += 1,
                _ => {
                    self.expect(b']')?;
                    return Ok(Expr::List(items.into()));
                }
            }
        }
    }

    fn expect(&mut self, wanted: u8) -> Result<()> {
        if self.peek() != Some(wanted) {
            return Err(self.unexpected(&format!("\"{}\"", char::from(wanted))));
        }
        self.at += 1;
        Ok(())
    }

    fn map(&mut self) -> Result<Expr> {
        self.at += 1;
        self.space();
        let mut entries = Vec::new();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Expr::Map(entries.into()));
        }
        loop {
            let key = self.deeper(Self::parameter)?;
            self.expect(b':')?;
            entries.push((key, self.deeper(Self::parameter)?));
            match self.peek() {
                Some(b',') => self.at += 1,
                _ => {
                    self.expect(b'}')?;
                    return Ok(Expr::Map(entries.into()));
                }
            }
        }
    }

    /// Properties, methods and indexes behind a reference's name.
    pub(crate) fn steps(&mut self) -> Result<Box<[Step]>> {
        let mut steps = Vec::new();
        loop {
            match self.peek() {
                Some(b'[') => {
                    self.at += 1;
                    let index = self.deeper(Self::parameter)?;
                    if matches!(index, Expr::List(_) | Expr::Map(_) | Expr::Range(_) | Expr::Float(_)) {
                        return Err(self.error("An index is a string, a whole number or a reference"));
                    }
                    self.expect(b']')?;
                    steps.push(Step::Index(index));
                }
                Some(b'.') if self.peek_at(1).is_some_and(scan::is_letter) => {
                    self.at += 1;
                    let length = scan::identifier(self.bytes(), self.at);
                    let name = self.slice(self.at, self.at + length);
                    self.at += length;
                    steps.push(match self.peek() {
                        Some(b'(') => Step::Method(self.method(name)?),
                        _ => Step::Property(name.into()),
                    });
                }
                _ => return Ok(steps.into()),
            }
        }
    }

    fn method(&mut self, name: &str) -> Result<Method> {
        self.at += 1;
        self.space();
        let mut arguments = Vec::new();
        if self.peek() == Some(b')') {
            self.at += 1;
        } else {
            loop {
                arguments.push(self.deeper(Self::parameter)?);
                match self.peek() {
                    Some(b',') => self.at += 1,
                    _ => {
                        self.expect(b')')?;
                        break;
                    }
                }
            }
        }
        let constant = match (name, arguments.first()) {
            ("path" | "json", Some(Expr::Text(path))) => Constant::Path(JsonPath::parse(path)),
            ("matches" | "replaceAll" | "replaceFirst" | "split", Some(Expr::Text(pattern))) => {
                Constant::Regex(JavaRegex::new(pattern))
            }
            _ => Constant::None,
        };
        Ok(Method { name: name.into(), arguments: arguments.into(), constant })
    }
}

/// `\u0041` is the one escape that strings have.
fn unescape(image: &str) -> String {
    let mut text = String::with_capacity(image.len());
    let mut rest = image;
    while let Some(at) = rest.find("\\u") {
        let (before, escape) = rest.split_at(at);
        text.push_str(before);
        let digits = escape.get(2..6).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let c = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()).and_then(char::from_u32);
        match c {
            Some(c) => {
                text.push(c);
                rest = &escape[6..];
            }
            None => {
                text.push_str("\\u");
                rest = &escape[2..];
            }
        }
    }
    text.push_str(rest);
    text
}
