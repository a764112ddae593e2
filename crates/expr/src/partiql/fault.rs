//! What is wrong with a statement, in AWS's words (captures of September and October 2026). All of it is answered as
//! `ValidationException`, or inside a batch as `ValidationError`.

use std::fmt;

use item::{NumberError, ValueError};

use crate::Fault;

/// Where a token stands: line and column from 1, and its length, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub line: usize,
    pub column: usize,
    pub length: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.line, self.column, self.length)
    }
}

/// Why a statement is refused, whatever the tables are.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatementFault {
    /// No statement of the language. AWS's parser says nothing more of a token that it cannot read.
    #[error("Statement wasn't well formed, can't be processed: {0}")]
    Malformed(&'static str),
    #[error("Aliasing is not supported")]
    Alias,
    #[error("Path component cannot be an empty string")]
    EmptyComponent,
    #[error("A path may contain at most 2 components in the FROM clause")]
    Components,
    #[error("FROM clause may only contain a single table name")]
    InsertIntoIndex,
    #[error("This operation is not supported on an index")]
    WriteToIndex,
    #[error("Unsupported clause: {0} at {1}")]
    Clause(&'static str, Place),
    #[error("Unsupported operation: {0}")]
    Operation(&'static str),
    #[error("Unexpected path component at {0}")]
    PathComponent(Place),
    #[error("Other attributes should not be present in the projection when '*' is used.")]
    StarAndOthers,
    #[error("Duplicate identifiers in select clause: {0}")]
    DuplicateColumn(String),
    #[error("Unrecognized function: {0} at {1}")]
    Function(String, Place),
    #[error("The first argument to {0} must equal the assignment value at {1}")]
    SetTarget(&'static str, Place),
    #[error("The second argument to {0} must be a value with type SET at {1}")]
    SetOperand(&'static str, Place),
    #[error("{0} must have exactly two arguments at {1}")]
    SetOperands(&'static str, Place),
    #[error(
        "Invalid returning clause: RETURNING {0} *. Only RETURNING ALL OLD * is allowed in DELETE statements."
    )]
    DeleteReturning(&'static str),
    #[error("Number of parameters in request and statement don't match.")]
    Parameters,
    #[error("Unsupported data type: {0} under key {1} at {2}")]
    Value(String, String, Place),
    #[error("Nesting Levels have exceeded supported limits under {0}")]
    Nesting(String),
    #[error("{0} under {1}")]
    Number(NumberError, String),
    #[error("Empty bags are not supported")]
    EmptyBag,
    #[error("Unsupported data type in Bag. DynamoDB only supports either numbers or strings in bags")]
    BagMember,
    #[error("One or more parameter values were invalid: Input collection [{0}] contains duplicates{1}")]
    BagDuplicates(String, &'static str),
    #[error("Unsupported operator in Condition Expression. Operator: {0}")]
    ConditionOperator(&'static str),
    #[error(
        "Unsupported data type for IS operator: {0}. Supported data types are [MISSING, NULL, BOOLEAN, BLOB, STRING, NUMERIC, STRUCT, TUPLE, LIST]"
    )]
    IsType(String),
    #[error("{0} at {1}")]
    Index(Fault, Place),
    #[error("{}", expression_text(.0))]
    Expression(Fault),
    #[error(transparent)]
    Literal(#[from] ValueError),
}

impl From<Fault> for StatementFault {
    fn from(fault: Fault) -> Self {
        Self::Expression(fault)
    }
}

/// The same faults as in expressions, but without the parameter's name before them, and a set of types that AWS
/// prints in another order.
fn expression_text(fault: &Fault) -> String {
    match fault {
        Fault::TypeName(name) => format!(
            "Invalid attribute type name found; type: {name}, valid types: {{N,BS,L,B,NULL,M,S,SS,NS,BOOL}}"
        ),
        fault => fault.to_string(),
    }
}

/// Why a statement's WHERE cannot be read by the keys of a table or index.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccessFault {
    #[error("Where clause does not contain a mandatory equality on all key attributes")]
    NoKey,
    #[error("Multiple conditions on same key {0}. Only single item Update/Insert/Delete are supported")]
    SeveralKeys(String),
    #[error("Key attribute's data type should match its data type in table's schema: Key {0}")]
    KeyKind(String),
    #[error("Too many decomposed read operations for a given query.")]
    TooManyReads,
    #[error("Must have WHERE clause in the statement when using ORDER BY clause.")]
    OrderWithoutWhere,
    #[error("Attribute {0} in ORDER BY clause must be part of the primary key")]
    OrderAttribute(String),
    #[error(
        "Must have at least one non-optional hash key condition in WHERE clause when using ORDER BY clause."
    )]
    OrderWithoutKey,
    #[error(
        "Must have hash key in ORDER BY clause when more than one hash key condition specified in WHERE clause."
    )]
    OrderWithoutHash,
    #[error(transparent)]
    Value(#[from] ValueError),
}
