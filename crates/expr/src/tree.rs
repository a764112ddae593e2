//! What an expression says, before its placeholders are looked up. Nodes lie in one vector, each behind its
//! children, so that walking in order is walking bottom up and nothing recurses. Any parser may build it.

/// Index of a node.
pub(crate) type NodeId = usize;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparator {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

impl Comparator {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "<>",
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
        }
    }

    /// The comparator that says the same with its sides swapped.
    pub(crate) fn swapped(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::LessEqual => Self::GreaterEqual,
            Self::Greater => Self::Less,
            Self::GreaterEqual => Self::LessEqual,
            same => same,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sign {
    Plus,
    Minus,
}

/// A part of a document path as written.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Part<'t> {
    Word(&'t str),
    /// `#name`
    Name(&'t str),
    Index(&'t str),
}

#[derive(Debug, Clone)]
pub(crate) enum Node<'t> {
    Path(Vec<Part<'t>>),
    /// `:value`
    Value(&'t str),
    Call {
        name: &'t str,
        operands: Vec<NodeId>,
        /// Stands where a condition is expected, not an operand.
        as_condition: bool,
    },
    Compare(Comparator, NodeId, NodeId),
    Between(NodeId, NodeId, NodeId),
    In(NodeId, Vec<NodeId>),
    And(NodeId, NodeId),
    Or(NodeId, NodeId),
    Not(NodeId),
    Arithmetic(Sign, NodeId, NodeId),
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Tree<'t> {
    pub(crate) nodes: Vec<Node<'t>>,
    /// Where each node begins in the text, in tokens.
    pub(crate) starts: Vec<usize>,
    /// Operators and functions.
    pub(crate) operators: usize,
}

impl<'t> Tree<'t> {
    pub(crate) fn push(&mut self, start: usize, node: Node<'t>) -> NodeId {
        self.operators += usize::from(!matches!(node, Node::Path(_) | Node::Value(_)));
        self.nodes.push(node);
        self.starts.push(start);
        self.nodes.len() - 1
    }
}

/// A section of an update expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    Set,
    Remove,
    Add,
    Delete,
}

impl Section {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Set => "SET",
            Self::Remove => "REMOVE",
            Self::Add => "ADD",
            Self::Delete => "DELETE",
        }
    }
}

/// One action of an update. Its nodes are all those from `path` to the next action's.
#[derive(Debug)]
pub(crate) struct Action {
    pub(crate) section: Section,
    /// Which of the expression's sections, counted as they are written.
    pub(crate) clause: usize,
    pub(crate) path: NodeId,
    pub(crate) value: Option<NodeId>,
}
