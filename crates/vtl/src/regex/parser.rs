//! Patterns as trees: Java's syntax. Knows no text that is matched.

use super::PatternError;
use super::class::{Class, Fold, Item, Kind};

/// How deep groups and classes nest.
const DEPTH_MAX: u32 = 50;
const PATTERN_CHARS_MAX: usize = 20_000;

#[derive(Debug, Clone)]
pub(super) enum Tree {
    Empty,
    Char(char, Fold),
    Class(Class),
    /// Any character but line terminators: all of Java's, or the newline alone.
    Dot {
        all: bool,
        unix: bool,
    },
    Assert(Assert),
    Concat(Vec<Tree>),
    Alternate(Vec<Tree>),
    Group(Box<Tree>, usize),
    Atomic(Box<Tree>),
    Look {
        inner: Box<Tree>,
        ahead: bool,
        negative: bool,
    },
    Back(usize, Fold),
    Repeat {
        inner: Box<Tree>,
        min: u32,
        max: Option<u32>,
        greed: Greed,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Greed {
    Greedy,
    Lazy,
    Possessive,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Assert {
    Start,
    LineStart {
        unix: bool,
    },
    /// The end, or before a line terminator that ends the text.
    End {
        unix: bool,
    },
    LineEnd {
        unix: bool,
    },
    VeryEnd,
    Word,
    NotWord,
    LastMatch,
}

#[derive(Debug, Clone, Copy, Default)]
struct Flags {
    insensitive: bool,
    unicode_case: bool,
    multiline: bool,
    dot_all: bool,
    unix_lines: bool,
    comments: bool,
}

impl Flags {
    fn fold(self) -> Fold {
        match (self.insensitive, self.unicode_case) {
            (false, _) => Fold::Exact,
            (true, false) => Fold::Ascii,
            (true, true) => Fold::Unicode,
        }
    }
}

#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) tree: Tree,
    pub(super) groups: usize,
    pub(super) names: Vec<(String, usize)>,
}

pub(super) fn parse(pattern: &str) -> Result<Parsed> {
    let chars: Vec<char> = pattern.chars().collect();
    let mut parser =
        Parser { chars: &chars, at: 0, flags: Flags::default(), groups: 1, names: Vec::new(), depth: 0 };
    if chars.len() > PATTERN_CHARS_MAX {
        return Err(parser.error("The pattern is too long"));
    }
    let tree = parser.alternation()?;
    if parser.at < chars.len() {
        return Err(parser.error("Unmatched closing ')'"));
    }
    Ok(Parsed { tree, groups: parser.groups, names: parser.names })
}

struct Parser<'p> {
    chars: &'p [char],
    at: usize,
    flags: Flags,
    groups: usize,
    names: Vec<(String, usize)>,
    depth: u32,
}

type Result<T> = std::result::Result<T, PatternError>;

impl Parser<'_> {
    fn error(&self, message: impl Into<String>) -> PatternError {
        PatternError { at: self.at, message: message.into() }
    }

    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn peek_at(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn next(&mut self) -> Option<char> {
        let found = self.peek();
        self.at += usize::from(found.is_some());
        found
    }

    fn eat(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    fn deeper<T>(&mut self, inner: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.error("The pattern nests too deep"));
        }
        let found = inner(self);
        self.depth -= 1;
        found
    }

    fn alternation(&mut self) -> Result<Tree> {
        let mut branches = vec![self.sequence()?];
        while self.eat('|') {
            branches.push(self.sequence()?);
        }
        Ok(match branches.pop() {
            Some(only) if branches.is_empty() => only,
            Some(last) => {
                branches.push(last);
                Tree::Alternate(branches)
            }
            None => Tree::Empty,
        })
    }

    fn sequence(&mut self) -> Result<Tree> {
        let mut parts = Vec::new();
        loop {
            if self.flags.comments {
                self.skip_comments();
            }
            match self.peek() {
                None | Some('|' | ')') => break,
                Some('\\') if self.peek_at(1) == Some('Q') => self.quoted(&mut parts)?,
                Some(_) => {
                    let atom = self.atom()?;
                    parts.push(self.quantified(atom)?);
                }
            }
        }
        Ok(match parts.len() {
            0 => Tree::Empty,
            1 => parts.remove(0),
            _ => Tree::Concat(parts),
        })
    }

    fn skip_comments(&mut self) {
        loop {
            match self.peek() {
                Some(c) if c.is_ascii_whitespace() => self.at += 1,
                Some('#') => while self.next().is_some_and(|c| c != '\n') {},
                _ => return,
            }
        }
    }

    /// `\Q...\E`; a quantifier behind it is of its last character.
    fn quoted(&mut self, parts: &mut Vec<Tree>) -> Result<()> {
        self.at += 2;
        while let Some(c) = self.next() {
            if c == '\\' && self.eat('E') {
                break;
            }
            parts.push(Tree::Char(c, self.flags.fold()));
        }
        if let Some(last) = parts.pop() {
            let last = self.quantified(last)?;
            parts.push(last);
        }
        Ok(())
    }

    fn quantified(&mut self, atom: Tree) -> Result<Tree> {
        let mut tree = atom;
        // Java takes a quantifier of a quantified atom: a{2}{3}.
        for _ in 0..4 {
            if self.flags.comments {
                self.skip_comments();
            }
            let (min, max) = match self.peek() {
                Some('?') => (0, Some(1)),
                Some('*') => (0, None),
                Some('+') => (1, None),
                Some('{') => {
                    let bounds = self.bounds()?;
                    tree = self.repeat(tree, bounds);
                    continue;
                }
                _ => return Ok(tree),
            };
            self.at += 1;
            tree = self.repeat(tree, (min, max));
            if matches!(self.peek(), Some('?' | '*' | '+')) {
                return Err(self.error("Dangling meta character"));
            }
        }
        match self.peek() {
            Some('{') => Err(self.error("Too many quantifiers")),
            _ => Ok(tree),
        }
    }

    fn repeat(&mut self, inner: Tree, (min, max): (u32, Option<u32>)) -> Tree {
        let greed = match (self.eat('?'), self.peek()) {
            (true, _) => Greed::Lazy,
            (false, Some('+')) => {
                self.at += 1;
                Greed::Possessive
            }
            (false, _) => Greed::Greedy,
        };
        Tree::Repeat { inner: Box::new(inner), min, max, greed }
    }

    /// `{2}`, `{2,}`, `{2,5}`.
    fn bounds(&mut self) -> Result<(u32, Option<u32>)> {
        self.at += 1;
        let min = self.number()?.ok_or_else(|| self.error("Illegal repetition"))?;
        let max = if self.eat(',') { self.number()? } else { Some(min) };
        if !self.eat('}') {
            return Err(self.error("Unclosed counted closure"));
        }
        if max.is_some_and(|max| max < min) {
            return Err(self.error("Illegal repetition range"));
        }
        Ok((min, max))
    }

    fn number(&mut self) -> Result<Option<u32>> {
        let mut value: Option<u32> = None;
        while let Some(digit) = self.peek().and_then(|c| c.to_digit(10)) {
            self.at += 1;
            let more = value.unwrap_or(0).checked_mul(10).and_then(|value| value.checked_add(digit));
            value = Some(more.ok_or_else(|| self.error("Illegal repetition range"))?);
        }
        Ok(value)
    }

    fn atom(&mut self) -> Result<Tree> {
        let flags = self.flags;
        match self.next() {
            Some('.') => Ok(Tree::Dot { all: flags.dot_all, unix: flags.unix_lines }),
            Some('^') if flags.multiline => Ok(Tree::Assert(Assert::LineStart { unix: flags.unix_lines })),
            Some('^') => Ok(Tree::Assert(Assert::Start)),
            Some('$') if flags.multiline => Ok(Tree::Assert(Assert::LineEnd { unix: flags.unix_lines })),
            Some('$') => Ok(Tree::Assert(Assert::End { unix: flags.unix_lines })),
            Some('(') => self.deeper(Self::group),
            Some('[') => Ok(Tree::Class(self.deeper(Self::class)?)),
            Some('\\') => self.escape(),
            Some('*' | '+' | '?') => {
                self.at -= 1;
                Err(self.error("Dangling meta character"))
            }
            Some('{') => {
                self.at -= 1;
                Err(self.error("Illegal repetition"))
            }
            Some(c) => Ok(Tree::Char(c, flags.fold())),
            None => Err(self.error("Unexpected end of the pattern")),
        }
    }

    fn group(&mut self) -> Result<Tree> {
        let outer = self.flags;
        let tree = if self.eat('?') { self.special_group()? } else { self.numbered(None)? };
        match tree {
            Some(tree) => {
                if !self.eat(')') {
                    return Err(self.error("Unclosed group"));
                }
                self.flags = outer;
                Ok(tree)
            }
            // `(?i)`: the flags hold for the rest of the group around it.
            None => Ok(Tree::Empty),
        }
    }

    fn numbered(&mut self, name: Option<String>) -> Result<Option<Tree>> {
        let number = self.groups;
        self.groups += 1;
        if let Some(name) = name {
            self.names.push((name, number));
        }
        Ok(Some(Tree::Group(Box::new(self.alternation()?), number)))
    }

    fn special_group(&mut self) -> Result<Option<Tree>> {
        let look = |inner, ahead, negative| Tree::Look { inner: Box::new(inner), ahead, negative };
        Ok(Some(match (self.peek(), self.peek_at(1)) {
            (Some(':'), _) => {
                self.at += 1;
                self.alternation()?
            }
            (Some('>'), _) => {
                self.at += 1;
                Tree::Atomic(Box::new(self.alternation()?))
            }
            (Some(kind @ ('=' | '!')), _) => {
                self.at += 1;
                look(self.alternation()?, true, kind == '!')
            }
            (Some('<'), Some(kind @ ('=' | '!'))) => {
                self.at += 2;
                look(self.alternation()?, false, kind == '!')
            }
            (Some('<'), _) => {
                self.at += 1;
                let name = self.name('>')?;
                return self.numbered(Some(name));
            }
            _ => return self.flag_group(),
        }))
    }

    fn name(&mut self, close: char) -> Result<String> {
        let mut name = String::new();
        while let Some(c) = self.next() {
            match c {
                _ if c == close && !name.is_empty() => return Ok(name),
                c if c.is_ascii_alphanumeric() => name.push(c),
                _ => break,
            }
        }
        Err(self.error("The name of a group is not well formed"))
    }

    fn flag_group(&mut self) -> Result<Option<Tree>> {
        let mut on = true;
        loop {
            let flag = match self.next() {
                Some(')') => return Ok(None),
                Some(':') => return Ok(Some(self.alternation()?)),
                Some('-') => {
                    on = false;
                    continue;
                }
                Some('i') => &mut self.flags.insensitive,
                Some('u' | 'U') => &mut self.flags.unicode_case,
                Some('m') => &mut self.flags.multiline,
                Some('s') => &mut self.flags.dot_all,
                Some('d') => &mut self.flags.unix_lines,
                Some('x') => &mut self.flags.comments,
                _ => return Err(self.error("Unknown inline modifier")),
            };
            *flag = on;
        }
    }

    fn escape(&mut self) -> Result<Tree> {
        let unix = self.flags.unix_lines;
        let fold = self.flags.fold();
        Ok(match self.peek() {
            Some('b') => self.assert(Assert::Word),
            Some('B') => self.assert(Assert::NotWord),
            Some('A') => self.assert(Assert::Start),
            Some('Z') => self.assert(Assert::End { unix }),
            Some('z') => self.assert(Assert::VeryEnd),
            Some('G') => self.assert(Assert::LastMatch),
            Some('R') => {
                self.at += 1;
                let crlf = Tree::Concat(vec![Tree::Char('\r', Fold::Exact), Tree::Char('\n', Fold::Exact)]);
                let single = Tree::Class(Class::of(Kind::Vertical, false));
                Tree::Alternate(vec![crlf, single])
            }
            Some('k') => {
                self.at += 1;
                if !self.eat('<') {
                    return Err(self.error("\\k is not followed by '<' for named capturing group"));
                }
                let name = self.name('>')?;
                let known = self.names.iter().find(|(known, _)| *known == name);
                let number = known.ok_or_else(|| self.error("No such named group"))?.1;
                Tree::Back(number, fold)
            }
            Some('1'..='9') => Tree::Back(self.back_reference(), fold),
            _ => match self.class_escape()? {
                Some(class) => Tree::Class(class),
                None => Tree::Char(self.char_escape()?, fold),
            },
        })
    }

    fn assert(&mut self, assert: Assert) -> Tree {
        self.at += 1;
        Tree::Assert(assert)
    }

    /// One digit, and more as long as such a group exists.
    fn back_reference(&mut self) -> usize {
        let mut number = 0;
        while let Some(digit) = self.peek().and_then(|c| c.to_digit(10)) {
            let more = number * 10 + digit as usize;
            if number > 0 && more >= self.groups {
                break;
            }
            number = more;
            self.at += 1;
        }
        number
    }

    /// `\d`, `\p{...}` and the like, behind the backslash; none if it is another escape.
    fn class_escape(&mut self) -> Result<Option<Class>> {
        let (kind, negated) = match self.peek() {
            Some('d') => (Kind::Digit, false),
            Some('D') => (Kind::Digit, true),
            Some('w') => (Kind::Word, false),
            Some('W') => (Kind::Word, true),
            Some('s') => (Kind::Space, false),
            Some('S') => (Kind::Space, true),
            Some('h') => (Kind::Horizontal, false),
            Some('H') => (Kind::Horizontal, true),
            Some('v') => (Kind::Vertical, false),
            Some('V') => (Kind::Vertical, true),
            Some(letter @ ('p' | 'P')) => {
                self.at += 1;
                return Ok(Some(Class::of(self.property()?, letter == 'P')));
            }
            _ => return Ok(None),
        };
        self.at += 1;
        Ok(Some(Class::of(kind, negated)))
    }

    fn property(&mut self) -> Result<Kind> {
        let name = if self.eat('{') {
            let mut name = String::new();
            loop {
                match self.next() {
                    Some('}') => break name,
                    Some(c) => name.push(c),
                    None => return Err(self.error("Unclosed character family")),
                }
            }
        } else {
            self.next().map(String::from).unwrap_or_default()
        };
        Kind::named(&name).ok_or_else(|| self.error(format!("Unknown character property name {{{name}}}")))
    }

    fn char_escape(&mut self) -> Result<char> {
        Ok(match self.next() {
            Some('t') => '\t',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('f') => '\x0c',
            Some('a') => '\x07',
            Some('e') => '\x1b',
            Some('0') => {
                let first = self.peek().is_some_and(|c| c <= '3');
                self.code(8, 1, if first { 3 } else { 2 })?
            }
            Some('x') if self.eat('{') => {
                let c = self.code(16, 1, 6)?;
                if !self.eat('}') {
                    return Err(self.error("Unclosed hexadecimal escape sequence"));
                }
                c
            }
            Some('x') => self.code(16, 2, 2)?,
            Some('u') => self.code(16, 4, 4)?,
            Some('c') => match self.next() {
                Some(c) if c.is_ascii() => char::from(c as u8 ^ 64),
                _ => return Err(self.error("Illegal control escape sequence")),
            },
            Some(c) if c.is_ascii_alphabetic() => {
                return Err(self.error("Illegal/unsupported escape sequence"));
            }
            Some(c) => c,
            None => return Err(self.error("Unexpected internal error")),
        })
    }

    /// A character by its number, of `min` to `max` digits.
    fn code(&mut self, radix: u32, min: usize, max: usize) -> Result<char> {
        let (mut value, mut digits) = (0, 0);
        while digits < max
            && let Some(digit) = self.peek().and_then(|c| c.to_digit(radix))
        {
            value = value * radix + digit;
            digits += 1;
            self.at += 1;
        }
        let found = if digits < min { None } else { char::from_u32(value) };
        found.ok_or_else(|| self.error("Illegal character escape sequence"))
    }

    /// Behind `[`.
    fn class(&mut self) -> Result<Class> {
        let negated = self.eat('^');
        let mut class = Class { items: Vec::new(), also: Vec::new(), negated, fold: self.flags.fold() };
        loop {
            match (self.peek(), self.peek_at(1)) {
                (None, _) => return Err(self.error("Unclosed character class")),
                (Some(']'), _) if !class.items.is_empty() || !class.also.is_empty() => {
                    self.at += 1;
                    return Ok(class);
                }
                (Some('['), _) => {
                    self.at += 1;
                    let inner = self.deeper(Self::class)?;
                    class.items.push(Item::Class(inner));
                }
                (Some('&'), Some('&')) => {
                    self.at += 2;
                    let also = self.deeper(Self::intersection)?;
                    class.also.push(also);
                }
                _ => self.class_item(&mut class)?,
            }
        }
    }

    /// What stands behind `&&`, up to the next or the end of the class.
    fn intersection(&mut self) -> Result<Class> {
        let mut class =
            Class { items: Vec::new(), also: Vec::new(), negated: false, fold: self.flags.fold() };
        loop {
            match (self.peek(), self.peek_at(1)) {
                (None, _) => return Err(self.error("Unclosed character class")),
                (Some(']'), _) | (Some('&'), Some('&')) => return Ok(class),
                (Some('['), _) => {
                    self.at += 1;
                    let inner = self.deeper(Self::class)?;
                    class.items.push(Item::Class(inner));
                }
                _ => self.class_item(&mut class)?,
            }
        }
    }

    fn class_item(&mut self, class: &mut Class) -> Result<()> {
        if self.flags.comments && self.peek().is_some_and(|c| c.is_ascii_whitespace()) {
            self.at += 1;
            return Ok(());
        }
        let low = match self.next() {
            Some('\\') => match self.class_escape()? {
                Some(named) => {
                    class.items.push(Item::Class(named));
                    return Ok(());
                }
                None if self.peek() == Some('Q') => return self.class_quoted(class),
                None => self.char_escape()?,
            },
            Some(c) => c,
            None => return Err(self.error("Unclosed character class")),
        };
        let ranged = self.peek() == Some('-') && !matches!(self.peek_at(1), None | Some(']' | '['));
        let high = match ranged {
            false => low,
            true => {
                self.at += 1;
                match self.next() {
                    Some('\\') => self.char_escape()?,
                    Some(c) => c,
                    None => low,
                }
            }
        };
        if high < low {
            return Err(self.error("Illegal character range"));
        }
        class.items.push(Item::Range(low, high));
        Ok(())
    }

    fn class_quoted(&mut self, class: &mut Class) -> Result<()> {
        self.at += 1;
        while let Some(c) = self.next() {
            if c == '\\' && self.eat('E') {
                return Ok(());
            }
            class.items.push(Item::Range(c, c));
        }
        Err(self.error("Unclosed character class"))
    }
}
