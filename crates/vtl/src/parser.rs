//! Templates as trees, after the grammar of Velocity 1.7: text, references and directives. Which mode reads what is
//! as in Velocity's lexer, above all where blanks and line ends belong to a directive. Expressions are in
//! `expression`. Knows no values.

use std::sync::Arc;

use crate::error::{TemplateError, position};
use crate::limits::NESTING_MAX;
use crate::scan;
use crate::template::Dialect;
use crate::tree::{Block, Call, Define, Expr, Foreach, Macro, Macros, Names, Node, Print, Reference, Slot};

/// The directives that a backslash in front of them escapes.
const DIRECTIVES: [&str; 14] = [
    "if", "else", "elseif", "end", "set", "stop", "foreach", "break", "define", "macro", "evaluate",
    "include", "parse", "literal",
];

pub(crate) type Result<T> = std::result::Result<T, TemplateError>;

pub(crate) struct Parser<'p> {
    pub(crate) text: &'p str,
    pub(crate) at: usize,
    pub(crate) names: &'p mut Names,
    pub(crate) macros: &'p mut Macros,
    pub(crate) dialect: Dialect,
    pub(crate) depth: u32,
    /// The template around an interpolated string, and where the string stands in it.
    pub(crate) outer: Option<(&'p str, usize)>,
}

/// What ended a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Closed {
    End,
    Else,
    ElseIf,
    Text,
}

/// A block under construction: neighbouring texts are one node.
#[derive(Default)]
struct Nodes {
    list: Vec<Node>,
    text: String,
}

impl Nodes {
    fn push(&mut self, node: Node) {
        self.flush();
        self.list.push(node);
    }

    fn flush(&mut self) {
        if !self.text.is_empty() {
            self.list.push(Node::Text(std::mem::take(&mut self.text).into()));
        }
    }

    fn finish(mut self) -> Block {
        self.flush();
        self.list.into()
    }
}

impl<'p> Parser<'p> {
    pub(crate) fn bytes(&self) -> &'p [u8] {
        self.text.as_bytes()
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.bytes().get(self.at).copied()
    }

    pub(crate) fn peek_at(&self, ahead: usize) -> Option<u8> {
        self.bytes().get(self.at + ahead).copied()
    }

    pub(crate) fn slice(&self, from: usize, to: usize) -> &'p str {
        self.text.get(from..to).unwrap_or_default()
    }

    /// Where something stands in the template, also within an interpolated string.
    pub(crate) fn place(&self, at: usize) -> usize {
        self.outer.map_or(at, |(_, from)| from + 1 + at)
    }

    pub(crate) fn error(&self, message: impl Into<String>) -> TemplateError {
        self.error_at(self.at, message)
    }

    pub(crate) fn error_at(&self, at: usize, message: impl Into<String>) -> TemplateError {
        let whole = self.outer.map_or(self.text, |(whole, _)| whole);
        let (line, column) = position(whole, self.place(at));
        TemplateError { line, column, message: message.into() }
    }

    /// Encountered what, where this was expected.
    pub(crate) fn unexpected(&self, wanted: &str) -> TemplateError {
        match self.text.get(self.at..).and_then(|rest| rest.chars().next()) {
            Some(c) => self.error(format!("Encountered \"{}\": was expecting {wanted}", c.escape_default())),
            None => self.error(format!("Encountered the end of the template: was expecting {wanted}")),
        }
    }

    pub(crate) fn deeper<T>(&mut self, inner: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.depth += 1;
        if self.depth > NESTING_MAX {
            return Err(self.error(format!("The template nests deeper than {NESTING_MAX}")));
        }
        let found = inner(self);
        self.depth -= 1;
        found
    }

    /// The whole template.
    pub(crate) fn template(&mut self) -> Result<Block> {
        match self.block()? {
            (block, Closed::Text) => Ok(block),
            (_, closed) => {
                Err(self.error(format!("Encountered {closed:?} without a directive to belong to")))
            }
        }
    }

    /// Statements up to what ends them. Every turn of the loop begins at the beginning of one of Velocity's tokens.
    fn block(&mut self) -> Result<(Block, Closed)> {
        let mut nodes = Nodes::default();
        let closed = loop {
            if let Some(length) = scan::set(self.bytes(), self.at) {
                self.at += length;
                let node = self.deeper(Self::set)?;
                nodes.push(node);
                continue;
            }
            match self.peek() {
                None => break Closed::Text,
                Some(b'$') => self.dollar(&mut nodes, 0)?,
                Some(b'\\') => self.backslashes(&mut nodes)?,
                Some(b'#') => {
                    if let Some(closed) = self.hash(&mut nodes)? {
                        break closed;
                    }
                }
                Some(_) => {
                    let length =
                        scan::span(self.bytes(), self.at, |byte| !matches!(byte, b'$' | b'#' | b'\\'));
                    nodes.text.push_str(self.slice(self.at, self.at + length));
                    self.at += length;
                }
            }
        };
        Ok((nodes.finish(), closed))
    }

    /// A block that `#end` closes.
    fn ended_block(&mut self) -> Result<Block> {
        match self.deeper(Self::block)? {
            (block, Closed::End) => Ok(block),
            (_, Closed::Text) => Err(self.unexpected("#end")),
            (_, closed) => Err(self.error(format!("Encountered {closed:?}: was expecting #end"))),
        }
    }

    /// A run of backslashes: it may escape a reference or a directive behind it, or be text.
    fn backslashes(&mut self, nodes: &mut Nodes) -> Result<()> {
        let count = scan::span(self.bytes(), self.at, |byte| byte == b'\\');
        let run = self.slice(self.at, self.at + count);
        match self.peek_at(count) {
            Some(b'$') => {
                self.at += count;
                self.dollar(nodes, count)
            }
            Some(b'#') if let Some((name, length)) = scan::directive(self.bytes(), self.at + count + 1) => {
                let known = DIRECTIVES.contains(&name) || self.macros.contains_key(name);
                let hash = self.at + count;
                self.at = hash;
                let is_set = scan::set(self.bytes(), hash).is_some();
                let halved = if count % 2 == 1 { known } else { known && !is_set };
                nodes.text.push_str(if halved { &run[..count / 2] } else { run });
                if count % 2 == 1 {
                    self.at = hash + 1 + length;
                    nodes.text.push_str(self.slice(hash, self.at));
                }
                Ok(())
            }
            _ => {
                nodes.text.push_str(run);
                self.at += count;
                Ok(())
            }
        }
    }

    /// A dollar, behind so many backslashes: a reference, or text.
    fn dollar(&mut self, nodes: &mut Nodes, slashes: usize) -> Result<()> {
        let dollars = scan::span(self.bytes(), self.at, |byte| byte == b'$');
        let start = self.at + dollars - 1;
        if self.bytes().len() == start + 1 && self.outer.is_none() {
            return Err(self.error_at(start, "Encountered the end of the template behind a \"$\""));
        }
        match self.reference_at(start)? {
            Some((reference, quiet)) => nodes.push(Node::Print(Box::new(Print {
                reference,
                quiet,
                escaped: slashes % 2 == 1,
                slashes: "\\".repeat(slashes / 2).into(),
                more: "$".repeat(dollars - 1).into(),
            }))),
            None => {
                let bang = scan::span(self.bytes(), start + 1, |byte| byte == b'\\');
                let after = start + 1 + bang;
                nodes.text.push_str(&"\\".repeat(slashes));
                // `$\!name` is how a quiet reference is escaped: one backslash goes.
                let kept = if bang > 0 && self.bytes().get(after) == Some(&b'!') { bang - 1 } else { bang };
                nodes.text.push_str(self.slice(self.at, start + 1));
                nodes.text.push_str(&"\\".repeat(kept));
                self.at = after;
                if bang > 0 && kept < bang {
                    nodes.text.push('!');
                    self.at += 1;
                } else if self.peek() == Some(b'!') && bang == 0 {
                    nodes.text.push('!');
                    self.at += 1;
                    if self.at == self.text.len() && self.outer.is_none() {
                        return Err(self.unexpected("a reference"));
                    }
                } else if bang > 0 {
                    // Backslashes that belong to what follows are read again with it.
                    let length = nodes.text.len() - bang;
                    nodes.text.truncate(length);
                    self.at -= bang;
                }
            }
        }
        Ok(())
    }

    /// The reference whose dollar stands at `start`, and whether it is quiet; none if it is text.
    pub(crate) fn reference_at(&mut self, start: usize) -> Result<Option<(Reference, bool)>> {
        let mut at = start + 1;
        let quiet = self.bytes().get(at) == Some(&b'!');
        at += usize::from(quiet);
        let formal = self.bytes().get(at) == Some(&b'{');
        at += usize::from(formal);
        let length = scan::identifier(self.bytes(), at);
        if length == 0 {
            return Ok(None);
        }
        let root = self.names.slot(self.slice(at, at + length));
        self.at = at + length;
        let steps = self.steps()?;
        if formal {
            if self.peek() != Some(b'}') {
                return Err(self.unexpected("\"}\""));
            }
            self.at += 1;
        }
        let literal = self.slice(start, self.at).into();
        Ok(Some((Reference { root, steps, literal, at: self.place(start) }, quiet)))
    }

    /// A hash: a comment, a directive, or text. What it closed, if it closed the block.
    fn hash(&mut self, nodes: &mut Nodes) -> Result<Option<Closed>> {
        let start = self.at;
        match self.peek_at(1) {
            Some(b'#') => {
                let length = scan::span(self.bytes(), start, |byte| !matches!(byte, b'\n' | b'\r'));
                self.at += length + scan::newline(self.bytes(), start + length);
            }
            Some(b'*') => self.at = self.behind("*#", 2)?,
            Some(b'[') if self.peek_at(2) == Some(b'[') => {
                let end = self.behind("]]#", 3)?;
                nodes.text.push_str(self.slice(start + 3, end - 3));
                self.at = end;
            }
            None if self.outer.is_none() => {
                return Err(self.error("Encountered the end of the template behind a \"#\""));
            }
            _ => match scan::directive(self.bytes(), start + 1) {
                Some((name, length)) => {
                    self.at += 1 + length;
                    return self.directive(nodes, start, name);
                }
                None => {
                    nodes.text.push('#');
                    self.at += 1;
                }
            },
        }
        Ok(None)
    }

    /// Behind the next `close`, `skip` bytes from here on.
    fn behind(&self, close: &str, skip: usize) -> Result<usize> {
        let rest = self.text.get(self.at + skip..).unwrap_or_default();
        let found = rest.find(close).ok_or_else(|| self.error(format!("\"{close}\" is missing")))?;
        Ok(self.at + skip + found + close.len())
    }

    fn directive(&mut self, nodes: &mut Nodes, start: usize, name: &str) -> Result<Option<Closed>> {
        match name {
            "end" | "else" => {
                self.at += scan::rest_of_line(self.bytes(), self.at);
                return Ok(Some(if name == "end" { Closed::End } else { Closed::Else }));
            }
            "elseif" => return Ok(Some(Closed::ElseIf)),
            "if" => {
                let node = self.deeper(Self::r#if)?;
                nodes.push(node);
            }
            "stop" | "break" => {
                if self.opens() {
                    self.arguments()?;
                }
                nodes.push(if name == "stop" { Node::Stop } else { Node::Break });
            }
            "foreach" => {
                let node = self.foreach(start)?;
                nodes.push(node);
            }
            "define" => {
                let node = self.define()?;
                nodes.push(node);
            }
            "macro" => self.r#macro()?,
            "literal" => self.literal(nodes)?,
            "evaluate" if self.dialect == Dialect::Velocity => {
                let at = self.place(start);
                let mut arguments = self.opened_arguments("#evaluate")?;
                match (arguments.pop(), arguments.is_empty()) {
                    (Some(Argument::Value(text)), true) => nodes.push(Node::Evaluate(text, at)),
                    _ => return Err(self.error_at(start, "#evaluate takes one argument")),
                }
            }
            "include" | "parse" if self.dialect == Dialect::Velocity => {
                return Err(
                    self.error_at(start, format!("#{name} is not available: there are no other templates"))
                );
            }
            _ => self.call(nodes, start, name)?,
        }
        Ok(None)
    }

    /// Whether a parenthesis opens here, perhaps behind white space.
    fn opens(&self) -> bool {
        let space = scan::span(self.bytes(), self.at, scan::is_space);
        self.peek_at(space) == Some(b'(')
    }

    /// The opening parenthesis of a directive.
    fn open(&mut self, name: &str) -> Result<()> {
        self.at += scan::span(self.bytes(), self.at, scan::is_space);
        if self.peek() != Some(b'(') {
            return Err(self.unexpected(&format!("\"(\" behind {name}")));
        }
        self.at += 1;
        Ok(())
    }

    /// The closing one, with the rest of its line if that is blank.
    pub(crate) fn close(&mut self) -> Result<()> {
        if self.peek() != Some(b')') {
            return Err(self.unexpected("\")\""));
        }
        self.at += 1;
        self.at += scan::rest_of_line(self.bytes(), self.at);
        Ok(())
    }

    /// Behind `#set(`.
    fn set(&mut self) -> Result<Node> {
        self.space();
        if self.peek() != Some(b'$') {
            return Err(self.unexpected("a reference to set"));
        }
        let start = self.at;
        let Some((target, _)) = self.reference_at(start)? else {
            return Err(self.unexpected("a reference to set"));
        };
        self.space();
        if self.peek() != Some(b'=') || self.peek_at(1) == Some(b'=') {
            return Err(self.unexpected("\"=\""));
        }
        self.at += 1;
        let value = self.expression()?;
        self.close()?;
        Ok(Node::Set { target, value })
    }

    fn condition(&mut self, name: &str) -> Result<Expr> {
        self.open(name)?;
        let condition = self.expression()?;
        self.close()?;
        Ok(condition)
    }

    fn r#if(&mut self) -> Result<Node> {
        let mut branches = Vec::new();
        let mut condition = self.condition("#if")?;
        loop {
            let (block, closed) = self.deeper(Self::block)?;
            branches.push((condition, block));
            match closed {
                Closed::End => return Ok(Node::If { branches, otherwise: None }),
                Closed::Else => {
                    let otherwise = Some(self.ended_block()?);
                    return Ok(Node::If { branches, otherwise });
                }
                Closed::ElseIf => condition = self.condition("#elseif")?,
                Closed::Text => return Err(self.unexpected("#end")),
            }
        }
    }

    fn foreach(&mut self, start: usize) -> Result<Node> {
        let at = self.place(start);
        let mut arguments = self.opened_arguments("#foreach")?.into_iter();
        let item = match arguments.next() {
            Some(Argument::Value(Expr::Reference(item))) => item.root,
            _ => return Err(self.error_at(start, "Expected argument 1 of #foreach to be a reference")),
        };
        if !matches!(arguments.next(), Some(Argument::Word)) {
            return Err(self.error_at(start, "Expected word 'in' at argument position 2 in #foreach"));
        }
        let Some(Argument::Value(list)) = arguments.next() else {
            return Err(self.error_at(start, "Too few arguments to the #foreach directive"));
        };
        let body = self.ended_block()?;
        Ok(Node::Foreach(Box::new(Foreach { item, list, body, at })))
    }

    fn define(&mut self) -> Result<Node> {
        let start = self.at;
        let slot = match self.opened_arguments("#define")?.as_slice() {
            [Argument::Value(Expr::Reference(name)), ..] => name.root,
            _ => return Err(self.error_at(start, "#define takes a reference")),
        };
        let body = self.ended_block()?;
        Ok(Node::Define { slot, body: Arc::new(Define { body }) })
    }

    /// API Gateway reads macros and forgets them.
    fn r#macro(&mut self) -> Result<()> {
        let start = self.at;
        self.open("#macro")?;
        self.space();
        let length = scan::word(self.bytes(), self.at);
        if length == 0 {
            return Err(self.unexpected("the name of a macro"));
        }
        let name = self.slice(self.at, self.at + length);
        self.at += length;
        let parameters: Option<Vec<Slot>> = self
            .arguments_until_close()?
            .into_iter()
            .map(|argument| match argument {
                Argument::Value(Expr::Reference(parameter)) => Some(parameter.root),
                _ => None,
            })
            .collect();
        let parameters = parameters
            .ok_or_else(|| self.error_at(start, "the parameters of a macro are references"))?
            .into();
        if DIRECTIVES.contains(&name) {
            return Err(self.error_at(start, format!("#{name} is a directive and no name for a macro")));
        }
        let body = self.ended_block()?;
        if self.dialect == Dialect::Velocity {
            self.macros.entry(name.into()).or_insert_with(|| Arc::new(Macro { parameters, body }));
        }
        Ok(())
    }

    /// `#literal() ... #end`: its text as it stands.
    fn literal(&mut self, nodes: &mut Nodes) -> Result<()> {
        self.opened_arguments("#literal")?;
        let start = self.at;
        self.ended_block()?;
        let whole = self.slice(start, self.at);
        let end = whole.rfind("#end").or_else(|| whole.rfind("#{end}")).unwrap_or(whole.len());
        nodes.text.push_str(&whole[..end]);
        Ok(())
    }

    /// A directive that nobody knows: a macro's call, and its source where there is no such macro.
    fn call(&mut self, nodes: &mut Nodes, start: usize, name: &str) -> Result<()> {
        let mut arguments = Vec::new();
        let mut block = None;
        if self.opens() {
            for argument in self.opened_arguments("a macro")? {
                match argument {
                    Argument::Value(value) => arguments.push(value),
                    Argument::Word => arguments.push(Expr::Null),
                }
            }
            if name.starts_with('@') {
                block = Some(Arc::new(Define { body: self.ended_block()? }));
            }
        }
        let literal = self.slice(start, self.at);
        if self.dialect == Dialect::ApiGateway {
            nodes.text.push_str(literal);
            return Ok(());
        }
        nodes.push(Node::Call(Box::new(Call {
            name: name.trim_start_matches('@').into(),
            arguments: arguments.into(),
            body: block,
            literal: literal.into(),
            at: self.place(start),
        })));
        Ok(())
    }

    fn opened_arguments(&mut self, name: &str) -> Result<Vec<Argument>> {
        self.open(name)?;
        self.arguments_until_close()
    }

    fn arguments(&mut self) -> Result<Vec<Argument>> {
        self.opened_arguments("a directive")
    }

    /// What a directive's parentheses hold: values and words, perhaps with commas.
    fn arguments_until_close(&mut self) -> Result<Vec<Argument>> {
        let mut arguments = Vec::new();
        loop {
            self.space();
            if self.peek() == Some(b',') {
                self.at += 1;
                self.space();
            }
            if self.peek() == Some(b')') {
                self.close()?;
                return Ok(arguments);
            }
            let length = scan::word(self.bytes(), self.at);
            let word = self.slice(self.at, self.at + length);
            if length > 0 && !matches!(word, "true" | "false") {
                self.at += length;
                arguments.push(Argument::Word);
            } else {
                arguments.push(Argument::Value(self.deeper(Self::parameter)?));
            }
        }
    }
}

/// What a directive is given.
pub(crate) enum Argument {
    Value(Expr),
    Word,
}
