//! The tree that a statement grows: the same nodes as those of expressions, but with paths and values in place of
//! placeholders. It goes through the same checks into the same programs.

use std::sync::Arc;

use item::Value;

use crate::analysis::{self, Analysed, Leaf};
use crate::function::Function;
use crate::path::Path;
use crate::tree::{Action, Node, NodeId, Tree};
use crate::{Fault, OPERATORS_MAX, Update};

#[derive(Debug, Default)]
pub(super) struct Grown {
    tree: Tree<'static>,
    /// One a node.
    leaves: Vec<Leaf>,
}

impl Grown {
    pub(super) fn node(&mut self, start: usize, node: Node<'static>) -> NodeId {
        self.leaves.push(Leaf::None);
        self.tree.push(start, node)
    }

    pub(super) fn path(&mut self, start: usize, path: Path) -> NodeId {
        self.leaves.push(Leaf::Path(path));
        self.tree.push(start, Node::Path(Vec::new()))
    }

    pub(super) fn value(&mut self, start: usize, value: Value) -> NodeId {
        self.leaves.push(Leaf::Value(Arc::new(value)));
        self.tree.push(start, Node::Value(""))
    }

    pub(super) fn call(&mut self, start: usize, function: Function, operands: Vec<NodeId>) -> NodeId {
        let name = function.as_str();
        self.node(start, Node::Call { name, operands, as_condition: function.is_condition() })
    }

    pub(super) fn leaf(&self, node: NodeId) -> &Leaf {
        &self.leaves[node]
    }

    pub(super) fn value_of(&self, node: NodeId) -> Option<&Value> {
        if let Leaf::Value(value) = &self.leaves[node] { Some(value) } else { None }
    }

    /// Where a node begins, in tokens.
    pub(super) fn start(&self, node: NodeId) -> usize {
        self.tree.starts[node]
    }

    pub(super) fn condition(self) -> Result<Analysed<'static>, Fault> {
        self.check_operators()?;
        analysis::grown(self.tree, self.leaves)
    }

    pub(super) fn update(self, actions: &[Action]) -> Result<Update, Fault> {
        self.check_operators()?;
        let analysed = analysis::grown_update(self.tree, self.leaves, actions)?;
        Ok(Update::of(analysed, actions))
    }

    fn check_operators(&self) -> Result<(), Fault> {
        match self.tree.operators {
            count if count > OPERATORS_MAX => Err(Fault::Operators(count)),
            _ => Ok(()),
        }
    }
}
