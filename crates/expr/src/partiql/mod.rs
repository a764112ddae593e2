//! PartiQL: DynamoDB's statements. Only another way of writing: conditions become [`Condition`]s, updates
//! [`Update`]s, and what is left for a statement of its own is which table, which columns, which order.
//!
//! The road of a statement: text -> tokens ([`token`]) -> one pass of the parser ([`parser`], [`expression`],
//! [`literal`]) -> the tree of expressions ([`grown`], [`crate::tree`]) -> their analysis and programs. What a WHERE says
//! of keys is found out when a table is known ([`Where::access`], [`Where::item_key`]).
//!
//! Nothing here recurses as deep as a statement says, but for literals, which are bounded.

mod columns;
mod condition;
mod expression;
mod fault;
mod grown;
mod keyword;
mod literal;
mod parser;
mod token;

use item::{Item, Value};

pub use columns::Columns;
pub use condition::{Access, Read, Where};
pub use fault::{AccessFault, Place, StatementFault};

use crate::Update;
use crate::path::Path;

/// One statement, its parameters filled in.
#[derive(Debug, Clone)]
pub enum Statement {
    Select(Select),
    Insert(Insert),
    Update(StatementUpdate),
    Delete(Delete),
    /// A condition of a transaction: that the SELECT finds something.
    Exists(Select),
}

#[derive(Debug, Clone)]
pub struct Select {
    pub table: String,
    pub index: Option<String>,
    /// None: whole items.
    pub columns: Option<Columns>,
    pub filter: Option<Where>,
    pub order: Vec<OrderTerm>,
}

/// A term of ORDER BY.
#[derive(Debug, Clone, PartialEq)]
pub struct OrderTerm {
    pub path: Path,
    pub descending: bool,
}

#[derive(Debug, Clone)]
pub struct Insert {
    pub table: String,
    pub item: Item,
}

#[derive(Debug, Clone)]
pub struct StatementUpdate {
    pub table: String,
    pub update: Update,
    pub filter: Option<Where>,
    pub returning: Option<Returning>,
}

#[derive(Debug, Clone)]
pub struct Delete {
    pub table: String,
    pub filter: Option<Where>,
    pub returns_old: bool,
}

/// `RETURNING ALL OLD *` and its like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Returning {
    /// ALL, not MODIFIED.
    pub whole: bool,
    pub side: Side,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Old,
    New,
}

impl Returning {
    pub fn as_str(self) -> &'static str {
        match (self.whole, self.side) {
            (true, Side::Old) => "ALL OLD",
            (true, Side::New) => "ALL NEW",
            (false, Side::Old) => "MODIFIED OLD",
            (false, Side::New) => "MODIFIED NEW",
        }
    }
}

impl Statement {
    /// Parses a statement and fills in its parameters.
    pub fn parse(text: &str, parameters: &[Value]) -> Result<Self, StatementFault> {
        parser::statement(text, parameters)
    }

    pub fn table(&self) -> &str {
        match self {
            Self::Select(select) | Self::Exists(select) => &select.table,
            Self::Insert(insert) => &insert.table,
            Self::Update(update) => &update.table,
            Self::Delete(delete) => &delete.table,
        }
    }
}
