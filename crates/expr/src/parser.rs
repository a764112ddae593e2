//! Tokens to a tree. Open parentheses and half-read operators wait on a stack of its own, so that no text can
//! exhaust the thread's. Knows no placeholder and no type.

use crate::token::{Kind, Tokens};
use crate::tree::{Action, Comparator, Node, NodeId, Part, Section, Sign, Tree};
use crate::{EXPRESSION_BYTES_MAX, Fault, OPERATORS_MAX};

type Parse<T> = Result<T, Fault>;

#[derive(Debug)]
pub(crate) struct Parser<'t> {
    tokens: Tokens<'t>,
    at: usize,
    tree: Tree<'t>,
}

/// What an expression is read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Goal {
    Condition,
    /// What a SET assigns: an operand, or a sum or difference of two.
    Assigned,
}

/// What is open around the place where the parser reads.
#[derive(Debug)]
enum Frame<'t> {
    Group { operand: bool },
    Not { start: usize },
    And(NodeId),
    Or(NodeId),
    Compare(Comparator, NodeId),
    BetweenLow(NodeId),
    BetweenHigh(NodeId, NodeId),
    In(NodeId, Vec<NodeId>),
    Call { start: usize, name: &'t str, operands: Vec<NodeId> },
    Arithmetic(Sign, NodeId),
}

/// What was just read in full.
#[derive(Debug, Clone, Copy)]
struct Phrase {
    node: NodeId,
    sort: Sort,
    /// Stands in parentheses of its own.
    wrapped: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    Operand,
    /// An operand or a condition: its place will tell.
    Call,
    Condition,
    /// A sum or difference: no operand of another.
    Arithmetic,
}

impl Phrase {
    fn new(node: NodeId, sort: Sort) -> Self {
        Self { node, sort, wrapped: false }
    }
}

impl<'t> Parser<'t> {
    /// A parser of `text`, unless it is empty or too long.
    pub(crate) fn new(text: &'t str) -> Parse<Self> {
        match text.len() {
            0 => Err(Fault::Empty),
            size if size > EXPRESSION_BYTES_MAX => Err(Fault::Size(size)),
            _ => Ok(Self { tokens: Tokens::read(text), at: 0, tree: Tree::default() }),
        }
    }

    /// The whole text as a condition; returns its root.
    pub(crate) fn condition(mut self) -> Parse<(Tree<'t>, NodeId)> {
        let root = self.phrase(Goal::Condition)?;
        Ok((self.finish()?, root))
    }

    /// The whole text as a list of paths, each a node of its own.
    pub(crate) fn projection(mut self) -> Parse<Tree<'t>> {
        loop {
            self.path()?;
            if !self.accept(Kind::Comma) {
                return self.finish();
            }
        }
    }

    /// The whole text as an update.
    pub(crate) fn update(mut self) -> Parse<(Tree<'t>, Vec<Action>)> {
        let mut actions = Vec::new();
        let mut clause = 0;
        while self.kind() != Kind::End || clause == 0 {
            let section = match self.kind() {
                Kind::Set => Section::Set,
                Kind::Remove => Section::Remove,
                Kind::Add => Section::Add,
                Kind::Delete => Section::Delete,
                _ => return Err(self.fault()),
            };
            self.at += 1;
            loop {
                if matches!(self.kind(), Kind::Set | Kind::Remove | Kind::Add | Kind::Delete) {
                    return Err(self.fault());
                }
                let path = self.path()?;
                let value = self.assigned(section)?;
                actions.push(Action { section, clause, path, value });
                if !self.accept(Kind::Comma) {
                    break;
                }
            }
            clause += 1;
        }
        Ok((self.finish()?, actions))
    }

    fn assigned(&mut self, section: Section) -> Parse<Option<NodeId>> {
        match section {
            Section::Remove => Ok(None),
            Section::Set => {
                self.expect(Kind::Equal)?;
                self.phrase(Goal::Assigned).map(Some)
            }
            Section::Add | Section::Delete => {
                let start = self.expect(Kind::Value)?;
                Ok(Some(self.tree.push(start, Node::Value(self.tokens.text(start)))))
            }
        }
    }

    fn finish(self) -> Parse<Tree<'t>> {
        if self.kind() != Kind::End {
            return Err(self.fault());
        }
        if self.tree.operators > OPERATORS_MAX {
            return Err(Fault::Operators(self.tree.operators));
        }
        Ok(self.tree)
    }

    fn phrase(&mut self, goal: Goal) -> Parse<NodeId> {
        let mut frames = Vec::new();
        loop {
            if let Some(phrase) = self.begin(&mut frames, goal)?
                && let Some(root) = self.go_on(&mut frames, phrase, goal)?
            {
                return Ok(root);
            }
        }
    }

    /// Reads where an operand or condition is due: one that is complete, or the opening of something larger.
    fn begin(&mut self, frames: &mut Vec<Frame<'t>>, goal: Goal) -> Parse<Option<Phrase>> {
        let operand = operand_due(frames, goal);
        let start = self.at;
        match self.kind() {
            Kind::Open => {
                self.at += 1;
                frames.push(Frame::Group { operand });
                Ok(None)
            }
            Kind::Not if !operand => {
                self.at += 1;
                frames.push(Frame::Not { start });
                Ok(None)
            }
            Kind::Value => {
                self.at += 1;
                let node = self.tree.push(start, Node::Value(self.tokens.text(start)));
                Ok(Some(Phrase::new(node, Sort::Operand)))
            }
            Kind::Word if self.tokens.kind(start + 1) == Kind::Open => {
                self.at += 2;
                frames.push(Frame::Call { start, name: self.tokens.text(start), operands: Vec::new() });
                Ok(None)
            }
            // Keywords of updates can only be names here, and are refused as the reserved words that they are.
            Kind::Word | Kind::Name | Kind::Set | Kind::Add | Kind::Delete => {
                Ok(Some(Phrase::new(self.path()?, Sort::Operand)))
            }
            _ => Err(self.fault()),
        }
    }

    /// Goes on behind a complete phrase, closing what it completes. Returns the root when all is read, nothing when a
    /// further phrase is due.
    fn go_on(
        &mut self,
        frames: &mut Vec<Frame<'t>>,
        mut phrase: Phrase,
        goal: Goal,
    ) -> Parse<Option<NodeId>> {
        loop {
            if goal == Goal::Condition {
                self.go_on_with_path(&mut phrase)?;
            }
            match self.complete(frames, phrase)? {
                Completed::More => return Ok(None),
                Completed::Phrase(larger) => {
                    phrase = larger;
                    continue;
                }
                Completed::Nothing => {}
            }
            let operand = operand_due(frames, goal);
            if phrase.sort != Sort::Condition && self.open_operator(frames, phrase, operand, goal)? {
                return Ok(None);
            }
            if !operand && matches!(phrase.sort, Sort::Call | Sort::Condition) {
                match self.join(frames, phrase) {
                    Completed::More => return Ok(None),
                    Completed::Phrase(larger) => {
                        phrase = larger;
                        continue;
                    }
                    Completed::Nothing => {}
                }
            }
            if matches!(frames.last(), Some(Frame::Group { .. })) && self.accept(Kind::Close) {
                if phrase.wrapped {
                    return Err(Fault::RedundantParentheses);
                }
                frames.pop();
                phrase.wrapped = true;
                continue;
            }
            return self.root(frames, phrase, goal).map(Some);
        }
    }

    /// The phrase as the whole, if nothing is open any more.
    fn root(&mut self, frames: &[Frame<'t>], phrase: Phrase, goal: Goal) -> Parse<NodeId> {
        let complete = match goal {
            Goal::Assigned => true,
            Goal::Condition => phrase.sort != Sort::Operand && self.kind() == Kind::End,
        };
        if !frames.is_empty() || !complete {
            return Err(self.fault());
        }
        if goal == Goal::Condition {
            self.use_as_condition(phrase.node);
        }
        Ok(phrase.node)
    }

    /// Gives the phrase to a frame that waits for an operand.
    fn complete(&mut self, frames: &mut Vec<Frame<'t>>, phrase: Phrase) -> Parse<Completed> {
        let node = phrase.node;
        match frames.pop() {
            Some(Frame::Compare(comparator, left)) => {
                Ok(self.condition_node(left, Node::Compare(comparator, left, node)))
            }
            Some(Frame::BetweenLow(left)) => {
                self.expect(Kind::And)?;
                frames.push(Frame::BetweenHigh(left, node));
                Ok(Completed::More)
            }
            Some(Frame::BetweenHigh(left, low)) => {
                Ok(self.condition_node(left, Node::Between(left, low, node)))
            }
            Some(Frame::In(left, mut operands)) => {
                operands.push(node);
                if self.accept(Kind::Comma) {
                    frames.push(Frame::In(left, operands));
                    return Ok(Completed::More);
                }
                self.expect(Kind::Close)?;
                Ok(self.condition_node(left, Node::In(left, operands)))
            }
            Some(Frame::Call { start, name, mut operands }) => {
                operands.push(node);
                if self.accept(Kind::Comma) {
                    frames.push(Frame::Call { start, name, operands });
                    return Ok(Completed::More);
                }
                self.expect(Kind::Close)?;
                let node = self.tree.push(start, Node::Call { name, operands, as_condition: false });
                Ok(Completed::Phrase(Phrase::new(node, Sort::Call)))
            }
            Some(Frame::Arithmetic(sign, left)) => {
                let node = self.tree.push(self.tree.starts[left], Node::Arithmetic(sign, left, node));
                Ok(Completed::Phrase(Phrase::new(node, Sort::Arithmetic)))
            }
            other => {
                frames.extend(other);
                Ok(Completed::Nothing)
            }
        }
    }

    fn condition_node(&mut self, first: NodeId, node: Node<'t>) -> Completed {
        let node = self.tree.push(self.tree.starts[first], node);
        Completed::Phrase(Phrase::new(node, Sort::Condition))
    }

    /// Opens a comparison or a sum whose left operand is the phrase, if its operator is next.
    fn open_operator(
        &mut self,
        frames: &mut Vec<Frame<'t>>,
        phrase: Phrase,
        operand: bool,
        goal: Goal,
    ) -> Parse<bool> {
        let left = phrase.node;
        let kind = self.kind();
        let frame = match (kind, comparator(kind)) {
            (_, Some(comparator)) if !operand => Frame::Compare(comparator, left),
            (Kind::Between, _) if !operand => Frame::BetweenLow(left),
            (Kind::In, _) if !operand => {
                self.at += 1;
                if self.kind() != Kind::Open {
                    return Err(self.fault());
                }
                Frame::In(left, Vec::new())
            }
            (Kind::Plus | Kind::Minus, _)
                if goal == Goal::Assigned
                    && phrase.sort != Sort::Arithmetic
                    && frames.iter().all(|frame| matches!(frame, Frame::Group { .. })) =>
            {
                Frame::Arithmetic(if kind == Kind::Plus { Sign::Plus } else { Sign::Minus }, left)
            }
            _ => return Ok(false),
        };
        self.at += 1;
        frames.push(frame);
        Ok(true)
    }

    /// Joins a condition with what stands before it, or opens a junction that follows.
    fn join(&mut self, frames: &mut Vec<Frame<'t>>, phrase: Phrase) -> Completed {
        let node = phrase.node;
        let joined = match frames.last() {
            Some(Frame::Not { start }) => Some((*start, Node::Not(node))),
            Some(Frame::And(left)) => Some((self.tree.starts[*left], Node::And(*left, node))),
            Some(Frame::Or(left)) if self.kind() != Kind::And => {
                Some((self.tree.starts[*left], Node::Or(*left, node)))
            }
            _ => None,
        };
        if let Some((start, joined)) = joined {
            self.use_as_condition(node);
            frames.pop();
            let node = self.tree.push(start, joined);
            return Completed::Phrase(Phrase::new(node, Sort::Condition));
        }
        match self.kind() {
            Kind::And => frames.push(Frame::And(node)),
            Kind::Or => frames.push(Frame::Or(node)),
            _ => return Completed::Nothing,
        }
        self.use_as_condition(node);
        self.at += 1;
        Completed::More
    }

    fn use_as_condition(&mut self, node: NodeId) {
        if let Node::Call { as_condition, .. } = &mut self.tree.nodes[node] {
            *as_condition = true;
        }
    }

    /// A document path.
    fn path(&mut self) -> Parse<NodeId> {
        let start = self.at;
        let mut parts = vec![self.name()?];
        self.steps(&mut parts)?;
        Ok(self.tree.push(start, Node::Path(parts)))
    }

    /// `(a.b).c`: conditions let a path in parentheses go on behind them.
    fn go_on_with_path(&mut self, phrase: &mut Phrase) -> Parse<()> {
        if phrase.wrapped
            && matches!(self.kind(), Kind::Dot | Kind::OpenIndex)
            && let Node::Path(parts) = &mut self.tree.nodes[phrase.node]
        {
            let mut parts = std::mem::take(parts);
            self.steps(&mut parts)?;
            self.tree.nodes[phrase.node] = Node::Path(parts);
            phrase.wrapped = false;
        }
        Ok(())
    }

    fn steps(&mut self, parts: &mut Vec<Part<'t>>) -> Parse<()> {
        loop {
            if self.accept(Kind::Dot) {
                parts.push(self.name()?);
            } else if self.accept(Kind::OpenIndex) {
                let index = self.expect(Kind::Integer)?;
                parts.push(Part::Index(self.tokens.text(index)));
                self.expect(Kind::CloseIndex)?;
            } else {
                return Ok(());
            }
        }
    }

    fn name(&mut self) -> Parse<Part<'t>> {
        let text = self.tokens.text(self.at);
        let part = match self.kind() {
            Kind::Word | Kind::Set | Kind::Add | Kind::Delete => Part::Word(text),
            Kind::Name => Part::Name(text),
            _ => return Err(self.fault()),
        };
        self.at += 1;
        Ok(part)
    }

    fn kind(&self) -> Kind {
        self.tokens.kind(self.at)
    }

    fn accept(&mut self, kind: Kind) -> bool {
        let found = self.kind() == kind;
        self.at += usize::from(found);
        found
    }

    /// Steps over a token of this kind and returns its index.
    fn expect(&mut self, kind: Kind) -> Parse<usize> {
        if self.accept(kind) { Ok(self.at - 1) } else { Err(self.fault()) }
    }

    fn fault(&self) -> Fault {
        self.tokens.syntax_fault(self.at)
    }
}

/// What became of a phrase.
enum Completed {
    /// It opened something: a further phrase is due.
    More,
    /// It became part of a larger one.
    Phrase(Phrase),
    /// Nothing.
    Nothing,
}

/// Whether only an operand, no condition, may stand where the parser reads.
fn operand_due(frames: &[Frame<'_>], goal: Goal) -> bool {
    match frames.last() {
        None => goal == Goal::Assigned,
        Some(Frame::Group { operand }) => *operand,
        Some(Frame::Not { .. } | Frame::And(_) | Frame::Or(_)) => false,
        Some(_) => true,
    }
}

fn comparator(kind: Kind) -> Option<Comparator> {
    Some(match kind {
        Kind::Equal => Comparator::Equal,
        Kind::NotEqual => Comparator::NotEqual,
        Kind::Less => Comparator::Less,
        Kind::LessEqual => Comparator::LessEqual,
        Kind::Greater => Comparator::Greater,
        Kind::GreaterEqual => Comparator::GreaterEqual,
        _ => return None,
    })
}
