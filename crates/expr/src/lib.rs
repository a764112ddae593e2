//! DynamoDB's expressions: condition, filter, projection, update and key condition, and PartiQL. Pure: knows values and items,
//! no table, no store, no JSON.
//!
//! The road of an expression: text -> tokens ([`token`]) -> tree ([`parser`], [`tree`]) -> checked against the
//! placeholders of the request ([`analysis`], [`Placeholders`]) -> a plan that owns all it needs and is
//! evaluated as often as one likes ([`Condition`], [`Projection`], [`Update`], [`KeyCondition`]).
//!
//! Statements of PartiQL ([`Statement`]) are another way of writing the same: they grow the same tree.
//!
//! Nothing here recurses as deep as a request says: the parser keeps its own stack, conditions are flat programs,
//! and what does recurse is bounded by [`OPERATORS_MAX`] or [`item::DEPTH_MAX`].
//!
//! Use: [`Placeholders::new`], parse each expression of the request in AWS's order (update before condition;
//! filter, projection, key condition), then [`Placeholders::finish`].

mod analysis;
mod condition;
mod error;
mod function;
mod key_condition;
mod parser;
mod partiql;
mod path;
mod placeholders;
mod projection;
mod relation;
mod reserved;
mod token;
mod tree;
mod update;

pub use condition::Condition;
pub use error::{ExprError, Expression, Fault, KeyFault, PlaceholderFault, UpdateFault};
pub use key_condition::{KeyAttribute, KeyBounds, KeyCondition, KeyPlan, KeySchema, SortRange};
pub use partiql::{
    Access, AccessFault, Columns, Delete, Insert, OrderTerm, Place, Read, Returning, Select, Side, Statement,
    StatementFault, StatementUpdate, Where,
};
pub use path::{Path, Step};
pub use placeholders::Placeholders;
pub use projection::Projection;
pub use reserved::is_reserved;
pub use update::Update;

/// Longest text of an expression, before names are substituted.
/// Source: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html>
pub const EXPRESSION_BYTES_MAX: usize = 4096;
/// Operators and functions of one expression.
pub const OPERATORS_MAX: usize = 300;
/// Operands of `IN`.
pub const IN_OPERANDS_MAX: usize = 100;
