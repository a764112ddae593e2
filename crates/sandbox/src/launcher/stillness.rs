//! Watches that what was told to stand still does. A stop is undone by any signal to go on, and a process can have the
//! kernel send itself one (a timer's signal may be SIGCONT): there is nothing to keep it from that, so it is seen.
//!
//! What stands still takes no processor time, sleeps for nothing and starts nothing. Knows `/proc` and no signal.

use std::collections::HashMap;
use std::fs;
use std::time::{Duration, Instant};

use rustix::event::Timespec;

/// When the first two looks are; each pause after that is twice as long as the one before.
const FIRST: Duration = Duration::from_millis(250);

/// Clock ticks that a thread may take between two looks: it may have been in the middle of a long call.
const TICKS_MAX: u64 = 10;

/// `PF_EXITING`: a process on its way out does not stop before.
const EXITING: u64 = 4;

#[derive(Debug)]
pub(super) struct Stillness {
    due: Instant,
    pause: Duration,
    /// By thread, as they were first seen.
    seen: Option<HashMap<u32, Thread>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Thread {
    ticks: u64,
    sleeps: bool,
    ends: bool,
}

impl Stillness {
    /// From now on.
    pub(super) fn begin() -> Self {
        Self { due: Instant::now() + FIRST, pause: FIRST, seen: None }
    }

    /// How long until the next look.
    pub(super) fn patience(&self) -> Timespec {
        let left = self.due.saturating_duration_since(Instant::now());
        Timespec { tv_sec: left.as_secs().cast_signed(), tv_nsec: i64::from(left.subsec_nanos()) }
    }

    /// Looks, when it is time; false when something has moved.
    pub(super) fn holds(&mut self) -> bool {
        if Instant::now() < self.due {
            return true;
        }
        self.pause *= 2;
        self.due = Instant::now() + self.pause;
        self.compare(threads())
    }

    fn compare(&mut self, now: HashMap<u32, Thread>) -> bool {
        let Some(before) = &mut self.seen else {
            self.seen = Some(now);
            return true;
        };
        for (id, thread) in now {
            let Some(first) = before.get_mut(&id) else { return false };
            let worked = thread.ticks.saturating_sub(first.ticks) > TICKS_MAX;
            // Twice: it may have been seen just before it stopped.
            if !thread.ends && (worked || thread.sleeps && first.sleeps) {
                return false;
            }
            first.sleeps = thread.sleeps;
        }
        true
    }
}

/// All threads of this jail but those of its pid 1.
fn threads() -> HashMap<u32, Thread> {
    let mut all = HashMap::new();
    let numbers = |folder: &str| {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()).collect::<Vec<_>>()
    };
    for process in numbers("/proc").into_iter().filter(|&process| process != 1) {
        for thread in numbers(&format!("/proc/{process}/task")) {
            let text = fs::read_to_string(format!("/proc/{process}/task/{thread}/stat"));
            all.extend(text.ok().and_then(|text| Some((thread, parse(&text)?))));
        }
    }
    all
}

/// A line of `stat` (proc(5)). The name of the program is in brackets and may be anything.
fn parse(stat: &str) -> Option<Thread> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
    Some(Thread {
        ticks: number(11)? + number(12)?,
        sleeps: fields.first() == Some(&"S"),
        ends: number(6)? & EXITING != 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(state: &str, flags: u64, ticks: u64) -> HashMap<u32, Thread> {
        let stat = format!("7 (a) S b) {state} 1 7 7 0 -1 {flags} 0 0 0 0 {ticks} 0 0 0 20 0 1 0");
        HashMap::from([(7, parse(&stat).unwrap())])
    }

    #[test]
    fn what_moves_is_told_from_what_stands() {
        let none = HashMap::new;
        for (looks, stands) in [
            (vec![look("T", 0, 5), look("T", 0, 5), look("T", 0, 5)], true),
            // Not stopped yet, in the middle of a call, on its way out, gone.
            (vec![look("S", 0, 5), look("T", 0, 5), look("S", 0, 5), look("T", 0, 5)], true),
            (vec![look("R", 0, 5), look("R", 0, 15)], true),
            (vec![look("D", 0, 5), look("D", 0, 5)], true),
            (vec![look("S", EXITING, 5), look("S", EXITING, 500)], true),
            (vec![look("T", 0, 5), none()], true),
            (vec![look("S", 0, 5), look("S", 0, 5)], false),
            (vec![look("T", 0, 5), look("T", 0, 10), look("T", 0, 16)], false),
            (vec![none(), look("T", 0, 0)], false),
        ] {
            let mut stillness = Stillness::begin();
            let told = looks.iter().all(|look| stillness.compare(look.clone()));
            assert_eq!(told, stands, "{looks:?}");
        }
    }
}
