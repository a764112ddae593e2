//! Statements of PartiQL as DynamoDB knows them, read in one pass. What is wrong with the form of a statement is
//! told before what is wrong with its meaning, so the first fault of meaning waits until all is read.
//!
//! Source: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.html>

use item::{DEPTH_MAX, Value};

use super::columns::Columns;
use super::condition::Where;
use super::fault::{Place, StatementFault};
use super::grown::Grown;
use super::token::{Kind, Tokens};
use super::{Delete, Insert, OrderTerm, Returning, Select, Side, Statement, StatementUpdate};
use crate::Fault;
use crate::path::{Path, Step};
use crate::tree::{Action, Section};

pub(super) type Parse<T> = Result<T, StatementFault>;

const LEFTOVER: StatementFault = StatementFault::Malformed("Unexpected token after expression");

/// Steps through the tokens of a statement and gives out its parameters.
#[derive(Debug)]
pub(super) struct Reader<'t, 'p> {
    tokens: Tokens<'t>,
    at: usize,
    parameters: &'p [Value],
    used: usize,
    noted: Option<StatementFault>,
}

/// What a statement is about.
struct Source {
    table: String,
    index: Option<String>,
}

/// A whole statement.
pub(super) fn statement(text: &str, parameters: &[Value]) -> Parse<Statement> {
    let mut reader = Reader { tokens: Tokens::read(text)?, at: 0, parameters, used: 0, noted: None };
    let statement = reader.statement()?;
    reader.accept(Kind::Semicolon);
    match (reader.kind(), reader.noted) {
        (Kind::End, None) => Ok(statement),
        (Kind::End, Some(fault)) => Err(fault),
        _ => Err(LEFTOVER),
    }
}

impl<'t> Reader<'t, '_> {
    fn statement(&mut self) -> Parse<Statement> {
        if self.accept_word("SELECT") {
            return self.select().map(Statement::Select);
        }
        if self.accept_word("INSERT") {
            return self.insert().map(Statement::Insert);
        }
        if self.accept_word("UPDATE") {
            let source = self.written_source()?;
            let (grown, actions) = self.update_clauses()?;
            let filter = self.filter()?;
            return self.update(source, (grown, actions), filter);
        }
        if self.accept_word("FROM") {
            let source = self.written_source()?;
            let filter = self.filter()?;
            let clauses = self.update_clauses()?;
            return self.update(source, clauses, filter);
        }
        if self.accept_word("DELETE") {
            return self.delete().map(Statement::Delete);
        }
        if self.is_word("EXISTS") && self.kind_behind(1) == Kind::Open {
            self.at += 2;
            if !self.accept_word("SELECT") {
                return Err(self.unexpected_term());
            }
            let select = self.select()?;
            self.expect(Kind::Close, "Expected RIGHT_PAREN")?;
            return Ok(Statement::Exists(select));
        }
        Err(StatementFault::Malformed("Expected data manipulation"))
    }

    fn select(&mut self) -> Parse<Select> {
        let columns = self.columns()?;
        if !self.accept_word("FROM") {
            return Err(StatementFault::Malformed("Expected FROM after SELECT list"));
        }
        if !matches!(self.kind(), Kind::Word | Kind::Quoted) {
            return Err(self.unexpected_term());
        }
        let source = self.source()?;
        self.alias();
        let filter = self.filter()?;
        let order = self.order()?;
        if self.accept_word("LIMIT") {
            self.note(StatementFault::Clause("LIMIT", self.place(self.at)));
            self.at += 1;
        }
        Ok(Select { table: source.table, index: source.index, columns, filter, order })
    }

    /// None: `*`.
    fn columns(&mut self) -> Parse<Option<Columns>> {
        let mut star = false;
        let mut paths = Vec::new();
        loop {
            let at = self.at;
            if self.accept(Kind::Star) {
                star = true;
            } else if matches!(self.kind(), Kind::Word | Kind::Keyword) && self.kind_behind(1) == Kind::Open {
                return Err(StatementFault::PathComponent(self.place(at)));
            } else {
                paths.push(self.path()?);
            }
            if self.is_word("AS") || matches!(self.kind(), Kind::Word | Kind::Quoted) {
                self.alias();
            }
            if !self.accept(Kind::Comma) {
                break;
            }
        }
        if star && !paths.is_empty() {
            self.note(StatementFault::StarAndOthers);
        }
        let columns = Columns::of(paths);
        if let Some(name) = columns.repeated() {
            self.note(StatementFault::DuplicateColumn(name.to_owned()));
        }
        Ok((!star).then_some(columns))
    }

    fn order(&mut self) -> Parse<Vec<OrderTerm>> {
        let mut terms = Vec::new();
        if !self.accept_word("ORDER") {
            return Ok(terms);
        }
        self.expect_word("BY", "Expected BY")?;
        loop {
            let path = self.path()?;
            let descending = self.accept_word("DESC");
            if !descending {
                self.accept_word("ASC");
            }
            terms.push(OrderTerm { path, descending });
            if !self.accept(Kind::Comma) {
                return Ok(terms);
            }
        }
    }

    fn insert(&mut self) -> Parse<Insert> {
        self.expect_word("INTO", "Expected INTO")?;
        if !matches!(self.kind(), Kind::Word | Kind::Quoted) {
            return Err(StatementFault::Malformed("Expected identifier for simple path"));
        }
        let source = self.source()?;
        if source.index.is_some() {
            self.note(StatementFault::InsertIntoIndex);
        }
        if !self.accept_word("VALUE") {
            return Err(LEFTOVER);
        }
        Ok(Insert { table: source.table, item: self.item()? })
    }

    fn delete(&mut self) -> Parse<Delete> {
        self.expect_word("FROM", "Expected FROM")?;
        let source = self.written_source()?;
        let filter = self.filter()?;
        let returning = self.returning()?;
        if let Some(returning) = returning
            && returning != (Returning { whole: true, side: Side::Old })
        {
            self.note(StatementFault::DeleteReturning(returning.as_str()));
        }
        Ok(Delete { table: source.table, filter, returns_old: returning.is_some() })
    }

    fn update(
        &mut self,
        source: Source,
        (grown, actions): (Grown, Vec<Action>),
        filter: Option<Where>,
    ) -> Parse<Statement> {
        let returning = self.returning()?;
        let update = match grown.update(&actions) {
            Ok(update) => update,
            Err(fault) => {
                self.note(fault.into());
                return Err(self.first_noted());
            }
        };
        Ok(Statement::Update(StatementUpdate { table: source.table, update, filter, returning }))
    }

    /// SET and REMOVE, as often as one likes and in any order.
    fn update_clauses(&mut self) -> Parse<(Grown, Vec<Action>)> {
        let mut grown = Grown::default();
        let mut actions = Vec::new();
        let mut clause = 0;
        loop {
            let section = if self.accept_word("SET") {
                Section::Set
            } else if self.accept_word("REMOVE") {
                Section::Remove
            } else if clause == 0 {
                return Err(StatementFault::Malformed("Expected SET or REMOVE"));
            } else {
                return Ok((grown, actions));
            };
            loop {
                let start = self.at;
                let target = self.path()?;
                let path = grown.path(start, target.clone());
                let (section, value) = match section {
                    Section::Set => {
                        self.expect(Kind::Equal, "Expected EQ")?;
                        self.assigned(&mut grown, &target)?
                    }
                    section => (section, None),
                };
                actions.push(Action { section, clause, path, value });
                if !self.accept(Kind::Comma) {
                    break;
                }
            }
            clause += 1;
        }
    }

    fn returning(&mut self) -> Parse<Option<Returning>> {
        if !self.accept_word("RETURNING") {
            return Ok(None);
        }
        let whole = self.accept_word("ALL");
        if !whole {
            self.expect_word("MODIFIED", "Expected ALL or MODIFIED")?;
        }
        let side = if self.accept_word("OLD") {
            Side::Old
        } else {
            self.expect_word("NEW", "Expected OLD or NEW")?;
            Side::New
        };
        self.expect(Kind::Star, "Expected STAR")?;
        Ok(Some(Returning { whole, side }))
    }

    fn filter(&mut self) -> Parse<Option<Where>> {
        if !self.accept_word("WHERE") {
            return Ok(None);
        }
        let (grown, root) = self.condition()?;
        match Where::new(grown, root) {
            Ok(filter) => Ok(Some(filter)),
            Err(fault) => {
                self.note(fault.into());
                Ok(None)
            }
        }
    }

    /// The table that a write is about.
    fn written_source(&mut self) -> Parse<Source> {
        if !matches!(self.kind(), Kind::Word | Kind::Quoted) {
            return Err(StatementFault::Malformed("Expected identifier for simple path"));
        }
        let source = self.source()?;
        if source.index.is_some() {
            self.note(StatementFault::WriteToIndex);
        }
        self.alias();
        Ok(source)
    }

    fn source(&mut self) -> Parse<Source> {
        let mut components = vec![self.take_name()?];
        while self.accept(Kind::Dot) {
            components.push(self.take_name()?);
        }
        if components.len() > 2 {
            self.note(StatementFault::Components);
        }
        if components.iter().any(String::is_empty) {
            self.note(StatementFault::EmptyComponent);
        }
        let mut components = components.into_iter();
        Ok(Source { table: components.next().unwrap_or_default(), index: components.next() })
    }

    fn alias(&mut self) {
        let named = self.accept_word("AS");
        if named || matches!(self.kind(), Kind::Word | Kind::Quoted) && !self.is_clause() {
            self.note(StatementFault::Alias);
            self.at += usize::from(matches!(self.kind(), Kind::Word | Kind::Quoted));
        }
    }

    /// Words that are no keywords but begin a clause.
    fn is_clause(&self) -> bool {
        self.is_word("REMOVE") || self.is_word("RETURNING") || self.is_word("LIMIT")
    }

    /// A document path: `a.b[0]."c d"`.
    pub(super) fn path(&mut self) -> Parse<Path> {
        if !matches!(self.kind(), Kind::Word | Kind::Quoted) {
            return Err(self.unexpected_term());
        }
        let mut path = Path::attribute(self.take_name()?);
        loop {
            if self.accept(Kind::Dot) {
                if !matches!(self.kind(), Kind::Word | Kind::Quoted) {
                    return Err(StatementFault::Malformed("Invalid path dot component"));
                }
                path.steps.push(Step::Name(self.take_name()?.into()));
            } else if self.accept(Kind::OpenList) {
                path.steps.push(Step::Index(self.index()?));
                self.expect(Kind::CloseList, "Expected RIGHT_BRACKET")?;
            } else {
                break;
            }
        }
        if path.depth() > DEPTH_MAX {
            self.note(Fault::PathDepth(path.depth()).into());
        }
        Ok(path)
    }

    fn index(&mut self) -> Parse<u32> {
        let negative = self.accept(Kind::Minus);
        let text = self.text(self.at);
        if self.kind() != Kind::Number || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(self.unexpected_term());
        }
        let at = self.at;
        self.at += 1;
        let index = text.parse::<i32>().ok().and_then(|index| u32::try_from(index).ok());
        match index {
            Some(index) if !negative || index == 0 => Ok(index),
            _ => {
                let shown = format!("{}{text}", if negative { "-" } else { "" });
                self.note(StatementFault::Index(Fault::Index(shown), self.place(at)));
                Ok(0)
            }
        }
    }

    /// The value of the next `?`.
    pub(super) fn parameter(&mut self) -> Parse<Value> {
        self.at += 1;
        let value = self.parameters.get(self.used).cloned();
        self.used += 1;
        Ok(value.unwrap_or_else(|| {
            self.note(StatementFault::Parameters);
            Value::Null
        }))
    }

    /// Keeps a fault of meaning, unless there was one before.
    pub(super) fn note(&mut self, fault: StatementFault) {
        self.noted.get_or_insert(fault);
    }

    fn first_noted(&mut self) -> StatementFault {
        self.noted.take().unwrap_or(LEFTOVER)
    }

    /// What is told of a token at which no term can begin.
    pub(super) fn unexpected_term(&self) -> StatementFault {
        const OPERATORS: [&str; 6] = ["IS", "IN", "LIKE", "BETWEEN", "AND", "OR"];
        StatementFault::Malformed(match self.kind() {
            Kind::Keyword if OPERATORS.iter().any(|word| self.is_word(word)) => "Unexpected operator",
            Kind::Keyword => "Unexpected keyword",
            Kind::Equal
            | Kind::NotEqual
            | Kind::Less
            | Kind::LessEqual
            | Kind::Greater
            | Kind::GreaterEqual
            | Kind::Star
            | Kind::Operator => "Unexpected operator",
            _ => "Unexpected term",
        })
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn step(&mut self) {
        self.at += 1;
    }

    pub(super) fn kind(&self) -> Kind {
        self.tokens.kind(self.at)
    }

    pub(super) fn kind_at(&self, index: usize) -> Kind {
        self.tokens.kind(index)
    }

    pub(super) fn kind_behind(&self, tokens: usize) -> Kind {
        self.tokens.kind(self.at + tokens)
    }

    pub(super) fn text(&self, index: usize) -> &'t str {
        self.tokens.text(index)
    }

    pub(super) fn unquoted(&self, index: usize) -> String {
        self.tokens.unquoted(index)
    }

    pub(super) fn place(&self, index: usize) -> Place {
        self.tokens.place(index)
    }

    pub(super) fn is_word(&self, word: &str) -> bool {
        self.tokens.is_word(self.at, word)
    }

    pub(super) fn accept(&mut self, kind: Kind) -> bool {
        let found = self.kind() == kind;
        self.at += usize::from(found);
        found
    }

    pub(super) fn accept_word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        self.at += usize::from(found);
        found
    }

    pub(super) fn expect(&mut self, kind: Kind, complaint: &'static str) -> Parse<()> {
        if self.accept(kind) { Ok(()) } else { Err(StatementFault::Malformed(complaint)) }
    }

    fn expect_word(&mut self, word: &str, complaint: &'static str) -> Parse<()> {
        if self.accept_word(word) { Ok(()) } else { Err(StatementFault::Malformed(complaint)) }
    }

    /// What is in the quotes of the token here.
    pub(super) fn take_unquoted(&mut self) -> String {
        self.at += 1;
        self.tokens.unquoted(self.at - 1)
    }

    fn take_name(&mut self) -> Parse<String> {
        match self.kind() {
            Kind::Quoted => Ok(self.take_unquoted()),
            Kind::Word => {
                self.at += 1;
                Ok(self.tokens.text(self.at - 1).to_owned())
            }
            _ => Err(self.unexpected_term()),
        }
    }
}
