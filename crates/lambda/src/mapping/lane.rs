//! A lane: the records of some of a shard's keys, in order, one batch of them at a time. Decides what comes next and
//! what an ended invocation changes. Pure: knows no store, no function and no clock but the time it is told.

use std::collections::VecDeque;
use std::time::Duration;

use base::Timestamp;
use ports::FeedRecord;

use super::batch::{Condition, LastCall, Verdict, fitting};
use super::position::{LaneState, Part};
use super::settings::Rules;
use super::window::Window;

/// A failed batch is tried again after this, then after twice as long each time up to the last.
pub(crate) const RETRY_FIRST: Duration = Duration::from_secs(1);
pub(crate) const RETRY_LAST: Duration = Duration::from_secs(60);
/// A stream keeps its records for so long, so no record is tried for longer.
const RECORD_EXPIRY: Duration = Duration::from_secs(24 * 3600);

#[derive(Debug, Default)]
pub(crate) struct Lane {
    /// What was read and is not done, in order.
    pub(crate) queue: VecDeque<FeedRecord>,
    pub(crate) state: LaneState,
    /// A step of it is being taken.
    pub(crate) busy: bool,
    /// A row of it is in the store.
    pub(crate) kept: bool,
    pub(crate) last_call: Option<LastCall>,
    /// When the first record of the next batch came.
    since: Option<Timestamp>,
    paused_until: Option<Timestamp>,
    pauses: u32,
}

/// What is known of the shard.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sight {
    pub(crate) now: Timestamp,
    pub(crate) read_to: u64,
    /// There is nothing after `read_to` yet.
    pub(crate) caught_up: bool,
    /// There never will be.
    pub(crate) ended: bool,
    pub(crate) payload_bytes_max: usize,
}

/// Something to do with the first `count` records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Call {
        count: usize,
    },
    /// The last invocation for a window, without records.
    Finish,
    Discard {
        count: usize,
        condition: Condition,
    },
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    Now(Step),
    At(Timestamp),
    /// Nothing, until a record comes or the step that is being taken ends.
    Idle,
}

impl Lane {
    pub(crate) fn new(state: LaneState) -> Self {
        Self { kept: !state.is_plain(), state, ..Self::default() }
    }

    pub(crate) fn push(&mut self, record: FeedRecord, now: Timestamp) {
        self.since.get_or_insert(now);
        self.queue.push_back(record);
    }

    pub(crate) fn is_done(&self) -> bool {
        self.queue.is_empty() && !self.busy && self.state.window.is_none()
    }

    pub(crate) fn next(&mut self, rules: &Rules, sight: &Sight) -> Next {
        if self.busy {
            return Next::Idle;
        }
        if let Some(until) = self.paused_until.filter(|until| *until > sight.now) {
            return Next::At(until);
        }
        if let Some(step) = self.discard_old(rules, sight) {
            return Next::Now(step);
        }
        while let Some(part) = self.state.parts.first().copied() {
            let count = self.queue.iter().take_while(|record| record.sequence <= part.last).count();
            if sight.read_to < part.last && !sight.ended {
                return Next::Idle;
            }
            if count > 0 {
                return Next::Now(self.go_on(part, count, rules, sight));
            }
            // Its records are no longer in the stream.
            self.state.parts.remove(0);
        }
        self.begin(rules, sight)
    }

    /// A batch that was begun: what is left of it, or it is given up.
    fn go_on(&mut self, part: Part, count: usize, rules: &Rules, sight: &Sight) -> Step {
        if is_exhausted(&part, rules) {
            return Step::Discard { count, condition: Condition::RetryAttemptsExhausted };
        }
        let fits = fitting(self.queue.iter().take(count), self.payload_room(sight));
        if fits < count {
            self.split(fits);
        }
        Step::Call { count: fits.min(count) }
    }

    /// A new batch, if there is one, or the end of a window.
    fn begin(&mut self, rules: &Rules, sight: &Sight) -> Next {
        let tumbling_s = rules.tumbling_s;
        let first = self.queue.front().map(|record| record.created);
        if tumbling_s == 0 {
            self.state.window = None;
        } else if let Some(window) = &self.state.window {
            let end = window.end(tumbling_s);
            let is_over = match first {
                Some(created) => !window.takes(created, tumbling_s),
                None => sight.ended || (sight.caught_up && sight.now >= end),
            };
            if is_over || window.is_too_large() {
                return Next::Now(Step::Finish);
            }
            if first.is_none() {
                return if sight.now >= end { Next::Idle } else { Next::At(end) };
            }
        }
        let Some(created) = first else { return Next::Idle };
        let window = (tumbling_s > 0)
            .then(|| self.state.window.get_or_insert_with(|| Window::of(created, tumbling_s)).clone());
        let belongs = |record: &&FeedRecord| {
            window.as_ref().is_none_or(|window| window.takes(record.created, tumbling_s))
        };
        let batch_size = rules.batch_size as usize;
        let count = self.queue.iter().take(batch_size).take_while(belongs).count();
        let fits = fitting(self.queue.iter().take(count), self.payload_room(sight)).min(count);
        let since = self.since.unwrap_or(sight.now);
        let mut until = since.plus(Duration::from_secs(u64::from(rules.window_s)));
        if let Some(window) = &window {
            until = until.min(window.end(tumbling_s));
        }
        let is_full = fits == batch_size || fits < self.queue.len();
        if !is_full && !sight.ended && sight.now < until {
            return Next::At(until);
        }
        let last = self.queue[fits - 1].sequence;
        self.state.parts.push(Part { last, failures: 0, calls: 0 });
        Next::Now(Step::Call { count: fits })
    }

    /// What the records may take beside the state of their window.
    fn payload_room(&self, sight: &Sight) -> usize {
        let window = self.state.window.as_ref().map_or(0, |window| window.state.len() + 1024);
        sight.payload_bytes_max.saturating_sub(window)
    }

    fn discard_old(&self, rules: &Rules, sight: &Sight) -> Option<Step> {
        let age = u64::try_from(rules.record_age_s).map_or(RECORD_EXPIRY, Duration::from_secs);
        let age = age.min(RECORD_EXPIRY);
        let is_old = |record: &&FeedRecord| sight.now.since(record.created) > age;
        let count = self.queue.iter().take(rules.batch_size as usize).take_while(is_old).count();
        (count > 0).then_some(Step::Discard { count, condition: Condition::RecordAgeExceeded })
    }

    /// The first `count` records of the first part become a part of their own.
    fn split(&mut self, count: usize) {
        let Some(part) = self.state.parts.first().copied() else { return };
        self.state.parts.insert(0, Part { last: self.queue[count - 1].sequence, ..part });
    }

    /// The function took them, or they were given up.
    pub(crate) fn finish(&mut self, count: usize, now: Timestamp) -> usize {
        let mut bytes = 0;
        for record in self.queue.drain(..count) {
            bytes += record.event_json.len();
            self.state.after = record.sequence;
        }
        let after = self.state.after;
        self.state.parts.retain(|part| part.last > after);
        self.since = (!self.queue.is_empty()).then_some(now);
        (self.paused_until, self.pauses) = (None, 0);
        bytes
    }

    /// After an invocation with the first `count` records. Answers how many bytes are done, and whether the function
    /// is to be blamed.
    pub(crate) fn settle(
        &mut self,
        count: usize,
        verdict: &Verdict,
        state: Option<Vec<u8>>,
        (rules, now): (&Rules, Timestamp),
    ) -> usize {
        if let (Some(window), Some(state)) = (&mut self.state.window, state) {
            window.state = state;
        }
        if *verdict != Verdict::NotRun
            && let Some(part) = self.state.parts.first_mut()
        {
            part.calls += 1;
        }
        let fail = |lane: &mut Self| {
            if let Some(part) = lane.state.parts.first_mut() {
                part.failures += 1;
            }
            lane.pause(rules, now);
        };
        match verdict {
            Verdict::Taken => return self.finish(count, now),
            Verdict::TakenBefore(taken) => {
                let bytes = self.finish(*taken, now);
                if rules.bisect {
                    // The batch is split where the function says, which costs no attempt.
                    self.pause(rules, now);
                } else {
                    fail(self);
                }
                return bytes;
            }
            Verdict::Failed if rules.bisect && count > 1 => {
                self.split(count / 2);
                self.pause(rules, now);
            }
            Verdict::Failed => fail(self),
            Verdict::NotRun => self.pause(rules, now),
        }
        0
    }

    /// After the last invocation for a window.
    pub(crate) fn close_window(&mut self, verdict: &Verdict, rules: &Rules, now: Timestamp) {
        if *verdict != Verdict::Taken {
            // AWS goes on when it succeeds, and not before.
            return self.pause(rules, now);
        }
        (self.paused_until, self.pauses) = (None, 0);
        // One that grew too large goes on with an empty state until its time is over.
        self.state.window = match self.state.window.take() {
            Some(window) if window.is_too_large() => Some(Window { state: b"{}".to_vec(), ..window }),
            _ => None,
        };
    }

    /// Waits longer after every failure, unless there is nothing more to wait for.
    fn pause(&mut self, rules: &Rules, now: Timestamp) {
        if self.state.parts.first().is_some_and(|part| is_exhausted(part, rules)) {
            self.paused_until = None;
            return;
        }
        let wait = RETRY_FIRST.saturating_mul(1 << self.pauses.min(16)).min(RETRY_LAST);
        self.pauses += 1;
        self.paused_until = Some(now.plus(wait));
    }
}

fn is_exhausted(part: &Part, rules: &Rules) -> bool {
    rules.retries >= 0 && i64::from(part.failures) > i64::from(rules.retries)
}
