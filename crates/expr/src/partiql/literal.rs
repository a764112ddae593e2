//! Values written into a statement: texts, numbers, truths, lists, maps, bags. Bags are sets; a parameter stands for
//! a whole value, never for part of one.

use std::fmt::Write;

use item::{Item, Number, NumberError, Value};

use super::fault::StatementFault;
use super::parser::{Parse, Reader};
use super::token::Kind;

/// Lists and maps of a literal nest to this depth: one less than those of an item.
const DEPTH_MAX: usize = 31;

/// Where in a literal a value stands, as AWS's texts tell it: `root.a[0]`.
#[derive(Debug)]
pub(super) struct Trail {
    text: String,
    depth: usize,
}

impl Trail {
    pub(super) fn root() -> Self {
        Self { text: "root".to_owned(), depth: 0 }
    }

    /// Reads what stands one step down.
    fn within<T>(
        &mut self,
        step: std::fmt::Arguments<'_>,
        read: impl FnOnce(&mut Self) -> Parse<T>,
    ) -> Parse<T> {
        let len = self.text.len();
        write!(self.text, "{step}").expect("text is written to memory");
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        self.text.truncate(len);
        result
    }
}

impl Reader<'_, '_> {
    /// Whether a literal begins here.
    pub(super) fn at_literal(&self) -> bool {
        match self.kind() {
            Kind::Text | Kind::Number | Kind::OpenList | Kind::OpenMap | Kind::OpenBag => true,
            Kind::Plus | Kind::Minus => true,
            _ => ["TRUE", "FALSE", "NULL", "MISSING"].iter().any(|word| self.is_word(word)),
        }
    }

    /// A literal. Recursion ends at [`DEPTH_MAX`].
    pub(super) fn literal(&mut self, trail: &mut Trail) -> Parse<Value> {
        if trail.depth > DEPTH_MAX {
            return Err(StatementFault::Nesting(trail.text.clone()));
        }
        let at = self.at();
        match self.kind() {
            Kind::Text => Ok(Value::S(self.take_unquoted())),
            Kind::Number | Kind::Plus | Kind::Minus => self.number(trail),
            Kind::OpenList => self.list(trail),
            Kind::OpenMap => self.map(trail).map(Value::M),
            Kind::OpenBag => self.bag(trail),
            Kind::Parameter => {
                let fault = StatementFault::Value("Parameter".to_owned(), trail.text.clone(), self.place(at));
                self.note(fault);
                self.parameter()
            }
            _ if self.accept_word("TRUE") => Ok(Value::Bool(true)),
            _ if self.accept_word("FALSE") => Ok(Value::Bool(false)),
            _ if self.accept_word("NULL") => Ok(Value::Null),
            _ if self.accept_word("MISSING") => {
                self.note(StatementFault::Value("MISSING".to_owned(), trail.text.clone(), self.place(at)));
                Ok(Value::Null)
            }
            Kind::Word | Kind::Keyword if self.kind_behind(1) == Kind::Open => Err(StatementFault::Value(
                self.text(at).to_ascii_lowercase(),
                trail.text.clone(),
                self.place(at),
            )),
            _ => Err(self.unexpected_term()),
        }
    }

    /// A number with any signs before it.
    fn number(&mut self, trail: &Trail) -> Parse<Value> {
        let mut negative = false;
        while matches!(self.kind(), Kind::Plus | Kind::Minus) {
            negative ^= self.kind() == Kind::Minus;
            self.step();
        }
        if self.kind() != Kind::Number {
            return Err(StatementFault::Expression(crate::Fault::OperandCount { operator: "-", count: 1 }));
        }
        let at = self.at();
        self.step();
        match parse_number(self.text(at)) {
            Ok(number) => Ok(Value::N(if negative { number.negate() } else { number })),
            Err(error) => {
                self.note(StatementFault::Number(error, trail.text.clone()));
                Ok(Value::N(Number::default()))
            }
        }
    }

    fn list(&mut self, trail: &mut Trail) -> Parse<Value> {
        self.step();
        let mut list = Vec::new();
        while self.kind() != Kind::CloseList {
            let index = list.len();
            list.push(trail.within(format_args!("[{index}]"), |trail| self.literal(trail))?);
            if !self.accept(Kind::Comma) {
                break;
            }
        }
        self.expect(Kind::CloseList, "Expected RIGHT_BRACKET")?;
        Ok(Value::L(list))
    }

    fn map(&mut self, trail: &mut Trail) -> Parse<Item> {
        self.step();
        let mut map = Item::new();
        while self.kind() != Kind::CloseMap {
            let name = self.map_name()?;
            let value = trail.within(format_args!(".{name}"), |trail| self.literal(trail))?;
            map.insert(name, value);
            if !self.accept(Kind::Comma) {
                break;
            }
        }
        self.expect(Kind::CloseMap, "Expected RIGHT_CURLY")?;
        Ok(map)
    }

    /// The item of an INSERT. Its attributes may be parameters, and each is a literal of its own.
    pub(super) fn item(&mut self) -> Parse<Item> {
        self.expect(Kind::OpenMap, "Expected an item")?;
        let mut item = Item::new();
        while self.kind() != Kind::CloseMap {
            let name = self.map_name()?;
            let value = match self.kind() {
                Kind::Parameter => self.parameter()?,
                _ => self.literal(&mut Trail::root())?,
            };
            item.insert(name, value);
            if !self.accept(Kind::Comma) {
                break;
            }
        }
        self.expect(Kind::CloseMap, "Expected RIGHT_CURLY")?;
        Ok(item)
    }

    fn map_name(&mut self) -> Parse<String> {
        if self.kind() != Kind::Text {
            return Err(self.unexpected_term());
        }
        let name = self.take_unquoted();
        self.expect(Kind::Colon, "Expected COLON")?;
        Ok(name)
    }

    fn bag(&mut self, trail: &mut Trail) -> Parse<Value> {
        self.step();
        let mut texts = Vec::new();
        let mut numbers = Vec::new();
        let mut written = Vec::new();
        while self.kind() != Kind::CloseBag {
            let at = self.at();
            match trail.within(format_args!("[{}]", written.len()), |trail| self.literal(trail))? {
                Value::S(text) => texts.push(text),
                Value::N(number) => numbers.push(number),
                _ => self.note(StatementFault::BagMember),
            }
            written.push(match self.kind_at(at) {
                Kind::Text => self.unquoted(at),
                _ => (at..self.at()).map(|token| self.text(token)).collect(),
            });
            if !self.accept(Kind::Comma) {
                break;
            }
        }
        self.expect(Kind::CloseBag, "Expected RIGHT_DOUBLE_ANGLE_BRACKET")?;
        if written.is_empty() {
            self.note(StatementFault::EmptyBag);
        } else if !texts.is_empty() && !numbers.is_empty() {
            self.note(StatementFault::BagMember);
        } else if repeats(&texts) {
            self.note(StatementFault::BagDuplicates(written.join(", "), "."));
        } else if repeats(&numbers) {
            // AWS's own text, of numbers only.
            self.note(StatementFault::BagDuplicates(written.join(", "), "! under root"));
        }
        Ok(if numbers.is_empty() { Value::Ss(texts) } else { Value::Ns(numbers) })
    }
}

fn repeats<T: Ord>(members: &[T]) -> bool {
    let mut sorted: Vec<&T> = members.iter().collect();
    sorted.sort_unstable();
    sorted.windows(2).any(|pair| pair[0] == pair[1])
}

/// `.5` and `5.` are numbers here.
fn parse_number(text: &str) -> Result<Number, NumberError> {
    let (mantissa, exponent) = text.split_at(text.find(['e', 'E']).unwrap_or(text.len()));
    let mantissa = mantissa.strip_suffix('.').unwrap_or(mantissa);
    let zero = if mantissa.starts_with('.') { "0" } else { "" };
    Number::parse(&format!("{zero}{mantissa}{exponent}"))
}
