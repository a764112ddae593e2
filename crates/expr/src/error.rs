//! What is wrong with an expression, in AWS's words. All of it is answered as `ValidationException`.

use std::fmt;

use item::{Kind, NumberError, Value, ValueError};

/// Which parameter an expression came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Expression {
    Condition,
    Filter,
    KeyCondition,
    Projection,
    SearchCondition,
    Update,
}

impl Expression {
    /// The request parameter.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Condition => "ConditionExpression",
            Self::Filter => "FilterExpression",
            Self::KeyCondition => "KeyConditionExpression",
            Self::Projection => "ProjectionExpression",
            Self::SearchCondition => "SearchConditionExpression",
            Self::Update => "UpdateExpression",
        }
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why an expression is refused. `Display` is AWS's message without the envelope
/// ([`Self::enveloped`]) that writes put around it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExprError {
    #[error("Invalid {}: {}", .0, told(*.0, .1))]
    Invalid(Expression, Fault),
    #[error(transparent)]
    Placeholders(#[from] PlaceholderFault),
    #[error(transparent)]
    Key(#[from] KeyFault),
}

impl ExprError {
    /// The message as PutItem, UpdateItem and DeleteItem answer it (captures of 2026); reads answer it bare.
    pub fn enveloped(&self) -> String {
        match self {
            Self::Key(_) => self.to_string(),
            _ => format!("1 validation error detected: {self}"),
        }
    }
}

/// How long an expression is that is too long is told of conditions only.
fn told(expression: Expression, fault: &Fault) -> String {
    match (expression, fault) {
        (Expression::Condition | Expression::Filter, Fault::Size(size)) => {
            format!("{fault} expression size: {size}")
        }
        _ => fault.to_string(),
    }
}

/// What is wrong inside one expression, whatever item it meets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("The expression can not be empty;")]
    Empty,
    #[error("Expression size has exceeded the maximum allowed size;")]
    Size(usize),
    #[error("Syntax error; token: \"{token}\", near: \"{near}\"")]
    Syntax { token: String, near: String },
    #[error("The expression has redundant parentheses;")]
    RedundantParentheses,
    #[error("The expression contains too many operators; operator count: {0}")]
    Operators(usize),
    #[error("Attribute name is a reserved keyword; reserved keyword: {0}")]
    Reserved(String),
    #[error("List index is not within the allowable range; index: [{0}]")]
    Index(String),
    #[error("Invalid function name; function: {0}")]
    UnknownFunction(String),
    #[error("The function is not allowed in a condition expression; function: {0}")]
    NotInCondition(String),
    #[error("The function is not allowed in an update expression; function: {0}")]
    NotInUpdate(String),
    #[error("The function is not allowed to be used this way in an expression; function: {0}")]
    Misused(String),
    #[error(
        "Incorrect number of operands for operator or function; operator or function: {operator}, number of operands: {count}"
    )]
    OperandCount { operator: &'static str, count: usize },
    #[error(
        "Incorrect operand type for operator or function; operator or function: {operator}, operand type: {kind}"
    )]
    OperandKind { operator: &'static str, kind: &'static str },
    #[error(
        "Incorrect operand type for operator or function; operator: {section}, operand type: {}, typeSet: ALLOWED_FOR_{section}_OPERAND",
        .kind.long_name()
    )]
    SectionOperandKind { section: &'static str, kind: Kind },
    #[error("Operator or function requires a document path; operator or function: {0}")]
    NeedsPath(&'static str),
    #[error(
        "The first operand must be distinct from the remaining operands for this operator or function; operator: {operator}, first operand: {operand}"
    )]
    SameOperand { operator: &'static str, operand: String },
    #[error("Invalid attribute type name found; type: {0}, valid types: {{B,NULL,SS,BOOL,L,BS,N,NS,S,M}}")]
    TypeName(String),
    #[error(
        "The BETWEEN operator requires same data type for lower and upper bounds; lower bound operand: {0}, upper bound operand: {1}"
    )]
    BoundKinds(String, String),
    #[error(
        "The BETWEEN operator requires upper bound to be greater than or equal to lower bound; lower bound operand: {0}, upper bound operand: {1}"
    )]
    BoundOrder(String, String),
    #[error("The IN operator is provided with too many operands; number of operands: {0}")]
    InOperands(usize),
    #[error("An expression attribute name used in the document path is not defined; attribute name: {0}")]
    UndefinedName(String),
    #[error("An expression attribute value used in expression is not defined; attribute value: {0}")]
    UndefinedValue(String),
    #[error("The document path has too many nesting levels; nesting levels: {0}")]
    PathDepth(usize),
    #[error("The \"{0}\" section can only be used once in an update expression;")]
    RepeatedSection(&'static str),
    #[error(
        "Two document paths overlap with each other; must remove or rewrite one of these paths; path one: {0}, path two: {1}"
    )]
    Overlap(String, String),
    #[error(
        "Two document paths conflict with each other; must remove or rewrite one of these paths; path one: {0}, path two: {1}"
    )]
    Conflict(String, String),
}

/// What is wrong with the maps of names and values themselves.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlaceholderFault {
    #[error("{0} must not be empty")]
    EmptyMap(&'static str),
    #[error("{map} contains invalid key: Syntax error; key: \"{key}\"")]
    KeySyntax { map: &'static str, key: String },
    #[error(
        "ExpressionAttributeNames contains invalid key: The expression attribute map contains a key that is too long; size of key: {0}"
    )]
    NameKeySize(usize),
    /// AWS leaves the size out here.
    #[error(
        "ExpressionAttributeValues contains invalid key: The expression attribute map contains a key that is too long;"
    )]
    ValueKeySize,
    #[error("{0} exceeds max size")]
    MapSize(&'static str),
    #[error("Combined size of ExpressionAttributeNames and ExpressionAttributeValues exceeds max size")]
    MapsSize,
    #[error("ExpressionAttributeNames contains invalid value: Empty attribute name for key {0}")]
    EmptyName(String),
    #[error("Value provided in {map} unused in expressions: keys: {{{keys}}}")]
    Unused { map: &'static str, keys: String },
}

/// What is wrong with an expression for a given key schema.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    #[error("Invalid operator used in KeyConditionExpression: {0}")]
    Operator(String),
    #[error("KeyConditionExpressions cannot contain nested operations")]
    Nested,
    #[error(
        "Invalid condition in KeyConditionExpression: {0} operator must have the key attribute as its first operand"
    )]
    FirstOperand(&'static str),
    #[error("Invalid condition in KeyConditionExpression: Multiple attribute names used in one condition")]
    SeveralNames,
    #[error("Invalid condition in KeyConditionExpression: No key attribute specified")]
    NoName,
    #[error(
        "Invalid KeyConditionExpression: KeyConditionExpressions cannot have conditions on nested attributes"
    )]
    NestedAttribute,
    #[error("KeyConditionExpressions must only contain one condition per key")]
    Twice,
    #[error("Conditions can be of length 1 or 2 only")]
    Count,
    #[error("Query condition missed key schema element: {0}")]
    Missed(String),
    #[error("Query key condition not supported")]
    Unsupported,
    #[error("One or more parameter values were invalid: Condition parameter type does not match schema type")]
    Type,
    #[error(transparent)]
    Value(#[from] ValueError),
    #[error(
        "Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: Key: {0}"
    )]
    NotScalar(String),
    #[error("Filter Expression can only contain non-primary key attributes: Primary key attribute: {0}")]
    Filtered(String),
    #[error(
        "One or more parameter values were invalid: Cannot update attribute {0}. This attribute is part of the key"
    )]
    Updated(String),
}

/// Why an update does not fit the item it met.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UpdateFault {
    #[error("The document path provided in the update expression is invalid for update")]
    Path,
    #[error("An operand in the update expression has an incorrect data type")]
    OperandKind,
    #[error("The provided expression refers to an attribute that does not exist in the item")]
    Missing,
    #[error(transparent)]
    Number(#[from] NumberError),
    #[error(transparent)]
    Value(#[from] ValueError),
}

/// A value as AWS's texts about BETWEEN show it.
pub(crate) fn bound_text(value: &Value) -> String {
    let kind = value.kind().as_str();
    match value {
        Value::S(text) => format!("AttributeValue: {{S:{text}}}"),
        Value::N(number) => format!("AttributeValue: {{N:{number}}}"),
        Value::B(bytes) => {
            let len = bytes.len();
            format!("AttributeValue: {{B:java.nio.HeapByteBuffer[pos=0 lim={len} cap={len}]}}")
        }
        Value::Bool(truth) => format!("AttributeValue: {{BOOL:{truth}}}"),
        _ => format!("AttributeValue: {{{kind}}}"),
    }
}
