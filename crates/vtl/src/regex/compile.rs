//! From a pattern's tree to the instructions of the machine. Counted repetitions are written out, within a limit.

use super::PatternError;
use super::class::{Class, Fold};
use super::parser::{self, Assert, Greed, Tree};

/// Instructions of one pattern: `(a{1000}){1000}` is refused instead of written out.
const INSTRUCTIONS_MAX: usize = 30_000;

/// What matches one character.
#[derive(Debug, Clone)]
pub(super) enum One {
    Char(char, Fold),
    Class(Class),
    Dot { all: bool, unix: bool },
}

/// How often something repeats.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) min: u32,
    pub(super) max: Option<u32>,
    pub(super) greed: Greed,
}

#[derive(Debug, Clone)]
pub(super) enum Instruction {
    One(One),
    /// A repetition of one character, which needs no stack while it runs.
    Run {
        one: One,
        bounds: Bounds,
    },
    Assert(Assert),
    Save(usize),
    Back(usize, Fold),
    /// Goes on at the first, and at the second if that fails.
    Split(usize, usize),
    Jump(usize),
    /// Notes where an iteration begins, in this register.
    Mark(usize),
    /// Leaves a loop whose iteration took nothing, and goes on there.
    LeaveIfStuck(usize, usize),
    /// Runs what follows up to its Accept as a match of its own, and goes on at `next`.
    Within {
        kind: Within,
        next: usize,
    },
    Accept,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Within {
    Atomic,
    Ahead {
        negative: bool,
    },
    /// Of at least and at most so many characters.
    Behind {
        negative: bool,
        min: u32,
        max: u32,
    },
}

#[derive(Debug)]
pub(super) struct Program {
    pub(super) code: Vec<Instruction>,
    pub(super) groups: usize,
    pub(super) registers: usize,
    pub(super) names: Vec<(String, usize)>,
    /// The byte with which every match begins.
    pub(super) first: Option<u8>,
}

impl Program {
    /// What beginning a match costs, in steps.
    pub(super) fn setup(&self) -> u32 {
        u32::try_from(1 + (self.groups + self.registers) / 16).unwrap_or(u32::MAX)
    }
}

pub(super) fn compile(pattern: &str) -> Result<Program> {
    let parsed = parser::parse(pattern)?;
    let mut compiler = Compiler { code: Vec::new(), registers: 0, length: pattern.chars().count() };
    compiler.emit(&parsed.tree)?;
    compiler.push(Instruction::Accept)?;
    Ok(Program {
        first: first(&parsed.tree),
        code: compiler.code,
        groups: parsed.groups,
        registers: compiler.registers,
        names: parsed.names,
    })
}

fn first(tree: &Tree) -> Option<u8> {
    match tree {
        Tree::Char(c, Fold::Exact) => c.is_ascii().then_some(*c as u8),
        Tree::Concat(parts) => first(parts.first()?),
        Tree::Group(inner, _) => first(inner),
        Tree::Repeat { inner, min, .. } if *min > 0 => first(inner),
        _ => None,
    }
}

struct Compiler {
    code: Vec<Instruction>,
    registers: usize,
    length: usize,
}

type Result<T> = std::result::Result<T, PatternError>;

impl Compiler {
    fn push(&mut self, instruction: Instruction) -> Result<usize> {
        if self.code.len() >= INSTRUCTIONS_MAX {
            return Err(PatternError { at: self.length, message: "The pattern is too large".to_owned() });
        }
        self.code.push(instruction);
        Ok(self.code.len() - 1)
    }

    fn emit(&mut self, tree: &Tree) -> Result<()> {
        match tree {
            Tree::Empty => {}
            Tree::Char(..) | Tree::Class(_) | Tree::Dot { .. } => {
                if let Some(one) = one(tree) {
                    self.push(Instruction::One(one))?;
                }
            }
            Tree::Assert(assert) => drop(self.push(Instruction::Assert(*assert))?),
            Tree::Concat(parts) => parts.iter().try_for_each(|part| self.emit(part))?,
            Tree::Alternate(branches) => self.alternate(branches)?,
            Tree::Group(inner, number) => {
                self.push(Instruction::Save(2 * number))?;
                self.emit(inner)?;
                self.push(Instruction::Save(2 * number + 1))?;
            }
            Tree::Back(number, fold) => drop(self.push(Instruction::Back(*number, *fold))?),
            Tree::Atomic(inner) => self.within(Within::Atomic, inner)?,
            Tree::Look { inner, ahead: true, negative } => {
                self.within(Within::Ahead { negative: *negative }, inner)?;
            }
            Tree::Look { inner, ahead: false, negative } => {
                let (min, max) = width(inner);
                let Some(max) = max else {
                    let message = "Look-behind group does not have an obvious maximum length".to_owned();
                    return Err(PatternError { at: self.length, message });
                };
                self.within(Within::Behind { negative: *negative, min, max }, inner)?;
            }
            Tree::Repeat { inner, min, max, greed } => self.repeat(inner, *min, *max, *greed)?,
        }
        Ok(())
    }

    fn alternate(&mut self, branches: &[Tree]) -> Result<()> {
        let mut ends = Vec::with_capacity(branches.len());
        for (number, branch) in branches.iter().enumerate() {
            if number + 1 == branches.len() {
                self.emit(branch)?;
                break;
            }
            let split = self.push(Instruction::Split(0, 0))?;
            self.emit(branch)?;
            ends.push(self.push(Instruction::Jump(0))?);
            self.code[split] = Instruction::Split(split + 1, self.code.len());
        }
        let end = self.code.len();
        ends.into_iter().for_each(|jump| self.code[jump] = Instruction::Jump(end));
        Ok(())
    }

    fn within(&mut self, kind: Within, inner: &Tree) -> Result<()> {
        let within = self.push(Instruction::Accept)?;
        self.emit(inner)?;
        self.push(Instruction::Accept)?;
        self.code[within] = Instruction::Within { kind, next: self.code.len() };
        Ok(())
    }

    fn repeat(&mut self, inner: &Tree, min: u32, max: Option<u32>, greed: Greed) -> Result<()> {
        if let Some(one) = one(inner) {
            self.push(Instruction::Run { one, bounds: Bounds { min, max, greed } })?;
            return Ok(());
        }
        if greed == Greed::Possessive {
            let greedy = Tree::Repeat { inner: Box::new(inner.clone()), min, max, greed: Greed::Greedy };
            return self.within(Within::Atomic, &greedy);
        }
        let before = self.code.len();
        for _ in 0..min {
            self.emit(inner)?;
            // What takes no instruction would be written out for ever.
            if self.code.len() == before {
                return Ok(());
            }
        }
        match max {
            None => self.endless(inner, greed),
            Some(max) => self.optional(inner, max - min, greed),
        }
    }

    fn endless(&mut self, inner: &Tree, greed: Greed) -> Result<()> {
        let register = self.registers;
        self.registers += 1;
        let split = self.push(Instruction::Split(0, 0))?;
        self.push(Instruction::Mark(register))?;
        self.emit(inner)?;
        let check = self.push(Instruction::LeaveIfStuck(register, 0))?;
        self.push(Instruction::Jump(split))?;
        let end = self.code.len();
        self.code[check] = Instruction::LeaveIfStuck(register, end);
        self.code[split] = split_of(greed, split + 1, end);
        Ok(())
    }

    fn optional(&mut self, inner: &Tree, times: u32, greed: Greed) -> Result<()> {
        let mut splits = Vec::new();
        for _ in 0..times {
            let split = self.push(Instruction::Split(0, 0))?;
            splits.push(split);
            self.emit(inner)?;
            if self.code.len() == split + 1 {
                break;
            }
        }
        let end = self.code.len();
        splits.into_iter().for_each(|split| self.code[split] = split_of(greed, split + 1, end));
        Ok(())
    }
}

fn split_of(greed: Greed, inner: usize, end: usize) -> Instruction {
    if greed == Greed::Lazy { Instruction::Split(end, inner) } else { Instruction::Split(inner, end) }
}

fn one(tree: &Tree) -> Option<One> {
    Some(match tree {
        Tree::Char(c, fold) => One::Char(*c, *fold),
        Tree::Class(class) => One::Class(class.clone()),
        Tree::Dot { all, unix } => One::Dot { all: *all, unix: *unix },
        _ => return None,
    })
}

/// How many characters a tree takes at least and at most.
fn width(tree: &Tree) -> (u32, Option<u32>) {
    match tree {
        Tree::Empty | Tree::Assert(_) | Tree::Look { .. } => (0, Some(0)),
        Tree::Char(..) | Tree::Class(_) | Tree::Dot { .. } => (1, Some(1)),
        Tree::Group(inner, _) | Tree::Atomic(inner) => width(inner),
        Tree::Back(..) => (0, None),
        Tree::Concat(parts) => parts.iter().map(width).fold((0, Some(0)), |(min, max), (more, most)| {
            (min.saturating_add(more), max.zip(most).and_then(|(max, most)| max.checked_add(most)))
        }),
        Tree::Alternate(branches) => {
            let widths: Vec<_> = branches.iter().map(width).collect();
            let min = widths.iter().map(|(min, _)| *min).min().unwrap_or(0);
            let max = widths.iter().map(|(_, max)| *max).collect::<Option<Vec<_>>>();
            (min, max.map(|all| all.into_iter().max().unwrap_or(0)))
        }
        Tree::Repeat { inner, min, max, .. } => {
            let (least, most) = width(inner);
            let max = max.zip(most).and_then(|(max, most)| max.checked_mul(most));
            (least.saturating_mul(*min), max)
        }
    }
}
