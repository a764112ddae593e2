//! The matcher: instructions over text, with a stack of what to try next. Every step is counted.

use std::ops::Range;

use super::MatchError;
use super::class::Fold;
use super::compile::{Bounds, Instruction, One, Program, Within};
use super::parser::{Assert, Greed};

/// What is to be tried, or undone.
const STACK_MAX: usize = 400_000;

type Groups = Vec<Option<Range<usize>>>;

/// When a match is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Prefix,
    Whole,
    /// It ends here: of lookbehind.
    EndsAt(usize),
}

enum Undo {
    Try {
        code: usize,
        at: usize,
    },
    /// A greedy run gives back one character at a time.
    Shrink {
        code: usize,
        least: usize,
        at: usize,
    },
    /// A lazy run takes one more.
    Grow {
        code: usize,
        at: usize,
        taken: u32,
    },
    Slot(usize, Option<usize>),
    Register(usize, usize),
}

pub(super) struct Machine<'m> {
    program: &'m Program,
    text: &'m str,
    /// Where the last match ended.
    last: usize,
    slots: Vec<Option<usize>>,
    registers: Vec<usize>,
    steps: &'m mut u32,
}

impl<'m> Machine<'m> {
    pub(super) fn new(program: &'m Program, text: &'m str, last: usize, steps: &'m mut u32) -> Self {
        Self {
            program,
            text,
            last,
            slots: vec![None; 2 * program.groups],
            registers: vec![usize::MAX; program.registers],
            steps,
        }
    }

    /// The groups of a match that begins at `start`.
    pub(super) fn run(mut self, start: usize, mode: Mode) -> Result<Option<Groups>, MatchError> {
        let Some(end) = self.execute(0, start, mode)? else { return Ok(None) };
        let mut groups: Groups = vec![Some(start..end)];
        groups.extend(self.slots.chunks_exact(2).skip(1).map(|pair| match pair {
            [Some(from), Some(to)] if from <= to => Some(*from..*to),
            _ => None,
        }));
        Ok(Some(groups))
    }

    /// Runs from an instruction to its Accept; where the match ends.
    fn execute(&mut self, mut code: usize, mut at: usize, mode: Mode) -> Result<Option<usize>, MatchError> {
        let mut stack: Vec<Undo> = Vec::new();
        loop {
            *self.steps = self.steps.checked_sub(1).ok_or(MatchError::Steps)?;
            let program = self.program;
            let next = match &program.code[code] {
                Instruction::Accept => match mode {
                    Mode::Whole if at != self.text.len() => None,
                    Mode::EndsAt(end) if at != end => None,
                    _ => return Ok(Some(at)),
                },
                Instruction::One(one) => self.one(one, at).map(|at| (code + 1, at)),
                Instruction::Run { one, bounds } => self.repeat((code, at), one, *bounds, &mut stack)?,
                Instruction::Assert(assert) => self.holds(*assert, at).then_some((code + 1, at)),
                Instruction::Save(slot) => {
                    stack.push(Undo::Slot(*slot, self.slots[*slot]));
                    self.slots[*slot] = Some(at);
                    Some((code + 1, at))
                }
                Instruction::Back(group, fold) => self.back(*group, *fold, at)?.map(|at| (code + 1, at)),
                Instruction::Split(first, second) => {
                    stack.push(Undo::Try { code: *second, at });
                    Some((*first, at))
                }
                Instruction::Jump(to) => Some((*to, at)),
                Instruction::Mark(register) => {
                    stack.push(Undo::Register(*register, self.registers[*register]));
                    self.registers[*register] = at;
                    Some((code + 1, at))
                }
                Instruction::LeaveIfStuck(register, end) => {
                    Some(if self.registers[*register] == at { (*end, at) } else { (code + 1, at) })
                }
                Instruction::Within { kind, next } => {
                    self.within(code + 1, at, *kind, &mut stack)?.map(|at| (*next, at))
                }
            };
            if stack.len() > STACK_MAX {
                return Err(MatchError::Steps);
            }
            match next.or_else(|| self.undo(&mut stack)) {
                Some(next) => (code, at) = next,
                None => return Ok(None),
            }
        }
    }

    /// The next thing to try.
    fn undo(&mut self, stack: &mut Vec<Undo>) -> Option<(usize, usize)> {
        loop {
            match stack.pop()? {
                Undo::Try { code, at } => return Some((code, at)),
                Undo::Slot(slot, before) => self.slots[slot] = before,
                Undo::Register(register, before) => self.registers[register] = before,
                Undo::Shrink { code, least, at } => {
                    let before = self.text[..at].chars().next_back().map_or(0, char::len_utf8);
                    let at = at - before;
                    if at > least {
                        stack.push(Undo::Shrink { code, least, at });
                    }
                    return Some((code, at));
                }
                Undo::Grow { code, at, taken } => {
                    let Instruction::Run { one, bounds: Bounds { max, .. } } = &self.program.code[code]
                    else {
                        continue;
                    };
                    if let Some(at) = self.one(one, at) {
                        if max.is_none_or(|max| taken + 1 < max) {
                            stack.push(Undo::Grow { code, at, taken: taken + 1 });
                        }
                        return Some((code + 1, at));
                    }
                }
            }
        }
    }

    fn char_at(&self, at: usize) -> Option<char> {
        match *self.text.as_bytes().get(at)? {
            byte if byte.is_ascii() => Some(char::from(byte)),
            _ => self.text[at..].chars().next(),
        }
    }

    /// Behind the character, if it is one of these.
    fn one(&self, one: &One, at: usize) -> Option<usize> {
        let c = self.char_at(at)?;
        let fits = match one {
            One::Char(wanted, fold) => fold.same(*wanted, c),
            One::Class(class) => class.has(c),
            One::Dot { all: true, .. } => true,
            One::Dot { unix: true, .. } => c != '\n',
            One::Dot { .. } => !is_line_end(c),
        };
        fits.then(|| at + c.len_utf8())
    }

    /// As many characters as a repetition takes; what it may give back, or take besides, goes on the stack.
    fn repeat(
        &mut self,
        (code, start): (usize, usize),
        one: &One,
        Bounds { min, max, greed }: Bounds,
        stack: &mut Vec<Undo>,
    ) -> Result<Option<(usize, usize)>, MatchError> {
        let (mut at, mut taken, mut least) = (start, 0, start);
        let wanted = if greed == Greed::Lazy { Some(min) } else { max };
        while wanted.is_none_or(|wanted| taken < wanted) {
            let Some(next) = self.one(one, at) else { break };
            at = next;
            taken += 1;
            if taken == min {
                least = at;
            }
        }
        *self.steps = self.steps.checked_sub(taken / 8).ok_or(MatchError::Steps)?;
        if taken < min {
            return Ok(None);
        }
        match greed {
            Greed::Greedy if at > least => stack.push(Undo::Shrink { code: code + 1, least, at }),
            Greed::Lazy if max.is_none_or(|max| taken < max) => stack.push(Undo::Grow { code, at, taken }),
            _ => {}
        }
        Ok(Some((code + 1, at)))
    }

    /// A group that did not take part matches nothing, as in Java.
    fn back(&mut self, group: usize, fold: Fold, at: usize) -> Result<Option<usize>, MatchError> {
        let (Some(Some(from)), Some(Some(to))) = (self.slots.get(2 * group), self.slots.get(2 * group + 1))
        else {
            return Ok(None);
        };
        let (Some(wanted), Some(rest)) = (self.text.get(*from..*to), self.text.get(at..)) else {
            return Ok(None);
        };
        let cost = u32::try_from(wanted.len() / 8).unwrap_or(u32::MAX);
        *self.steps = self.steps.checked_sub(cost).ok_or(MatchError::Steps)?;
        let mut found = rest.chars();
        let same = wanted.chars().all(|c| found.next().is_some_and(|other| fold.same(c, other)));
        Ok(same.then(|| self.text.len() - found.as_str().len()))
    }

    fn within(
        &mut self,
        code: usize,
        at: usize,
        kind: Within,
        stack: &mut Vec<Undo>,
    ) -> Result<Option<usize>, MatchError> {
        *self.steps = self.steps.checked_sub(self.program.setup()).ok_or(MatchError::Steps)?;
        let before = self.slots.clone();
        let found = match kind {
            Within::Atomic | Within::Ahead { .. } => self.execute(code, at, Mode::Prefix)?,
            Within::Behind { min, max, .. } => self.behind(code, at, min, max)?,
        };
        let (goes_on, keeps) = match kind {
            Within::Atomic => (found, true),
            Within::Ahead { negative } | Within::Behind { negative, .. } => {
                (found.is_some().ne(&negative).then_some(at), !negative)
            }
        };
        if goes_on.is_some() && keeps {
            // What the inner match captured is undone with what came before it.
            for (slot, old) in before.iter().enumerate().filter(|(slot, old)| self.slots[*slot] != **old) {
                stack.push(Undo::Slot(slot, *old));
            }
        } else {
            self.slots = before;
        }
        Ok(goes_on)
    }

    fn behind(&mut self, code: usize, at: usize, min: u32, max: u32) -> Result<Option<usize>, MatchError> {
        let mut start = at;
        for length in 0..=max {
            if length >= min
                && let Some(end) = self.execute(code, start, Mode::EndsAt(at))?
            {
                return Ok(Some(end));
            }
            match self.text[..start].chars().next_back() {
                Some(c) => start -= c.len_utf8(),
                None => break,
            }
        }
        Ok(None)
    }

    fn holds(&self, assert: Assert, at: usize) -> bool {
        let before = || self.text[..at].chars().next_back();
        let after = || self.char_at(at);
        let is_end = |c: char, unix: bool| if unix { c == '\n' } else { is_line_end(c) };
        match assert {
            Assert::Start => at == 0,
            Assert::LineStart { unix } => {
                let in_crlf = before() == Some('\r') && after() == Some('\n') && !unix;
                // Not behind a line terminator that ends the text.
                at == 0 || (before().is_some_and(|c| is_end(c, unix)) && !in_crlf && at < self.text.len())
            }
            Assert::VeryEnd => at == self.text.len(),
            Assert::End { unix } => {
                let rest = &self.text[at..];
                let in_crlf = !unix && before() == Some('\r') && rest == "\n";
                let mut chars = rest.chars();
                rest.is_empty()
                    || (rest == "\r\n" && !unix)
                    || (!in_crlf
                        && chars.next().is_some_and(|c| is_end(c, unix))
                        && chars.as_str().is_empty())
            }
            Assert::LineEnd { unix } => {
                let in_crlf = !unix && before() == Some('\r') && after() == Some('\n');
                after().is_none_or(|c| is_end(c, unix)) && !in_crlf
            }
            Assert::Word => is_word(before()) != is_word(after()),
            Assert::NotWord => is_word(before()) == is_word(after()),
            Assert::LastMatch => at == self.last,
        }
    }
}

fn is_word(c: Option<char>) -> bool {
    c.is_some_and(|c| c.is_alphanumeric() || c == '_')
}

fn is_line_end(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}
