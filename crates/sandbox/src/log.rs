//! Collects the log lines of one invocation, bounded: a function that prints without end costs the server no more
//! than [`LogCollector`]'s limit. Lines are kept whole. Knows no process.

use std::sync::Arc;

use base::Timestamp;
use bytes::Bytes;

use crate::outcome::LogLine;
use crate::runtime_api::{Category, Telemetry};

/// Longest line kept in one piece (CloudWatch's limit of an event).
const LINE_BYTES_MAX: usize = 256 * 1024;

/// What a line costs beside its bytes, so that a flood of empty lines is bounded as well.
const LINE_OVERHEAD: usize = 64;

#[derive(Debug)]
pub(crate) struct LogCollector {
    lines: Vec<LogLine>,
    bytes: usize,
    bytes_max: usize,
    dropped_lines: u64,
    dropped_bytes: u64,
    /// Hears every line as it comes.
    tap: Option<Arc<Telemetry>>,
}

impl LogCollector {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { lines: Vec::new(), bytes: 0, bytes_max, dropped_lines: 0, dropped_bytes: 0, tap: None }
    }

    pub(crate) fn tap(&mut self, telemetry: Arc<Telemetry>) {
        self.tap = Some(telemetry);
    }

    pub(crate) fn push(&mut self, timestamp: Timestamp, bytes: Bytes) {
        self.push_from(Category::Function, timestamp, bytes);
    }

    fn push_from(&mut self, category: Category, timestamp: Timestamp, bytes: Bytes) {
        if let Some(telemetry) = &self.tap {
            telemetry.line(category, timestamp, &bytes);
        }
        let cost = bytes.len() + LINE_OVERHEAD;
        if self.bytes + cost > self.bytes_max {
            self.drop_line(bytes.len());
            return;
        }
        self.bytes += cost;
        self.lines.push(LogLine { timestamp, bytes });
    }

    /// Copies only what is kept or heard: of a flood that is next to nothing.
    fn copy_from(&mut self, category: Category, timestamp: Timestamp, line: &[u8]) {
        if self.tap.is_none() && self.bytes + line.len() + LINE_OVERHEAD > self.bytes_max {
            self.drop_line(line.len());
        } else {
            self.push_from(category, timestamp, Bytes::copy_from_slice(line));
        }
    }

    fn drop_line(&mut self, len: usize) {
        self.dropped_lines += 1;
        self.dropped_bytes += len as u64;
    }

    /// The lines so far, with a last one that says what was dropped; the collector is empty after.
    pub(crate) fn take(&mut self, now: Timestamp) -> Vec<LogLine> {
        let mut lines = std::mem::take(&mut self.lines);
        if self.dropped_lines > 0 {
            let said = format!(
                "[rushlight] {} log lines ({} bytes) dropped: an invocation may log {} bytes",
                self.dropped_lines, self.dropped_bytes, self.bytes_max
            );
            lines.push(LogLine { timestamp: now, bytes: Bytes::from(said) });
        }
        (self.bytes, self.dropped_lines, self.dropped_bytes) = (0, 0, 0);
        lines
    }
}

/// Cuts a pipe's bytes into lines.
#[derive(Debug)]
pub(crate) struct LineSplitter {
    partial: Vec<u8>,
    /// Whose lines they are.
    category: Category,
}

impl LineSplitter {
    pub(crate) fn of(category: Category) -> Self {
        Self { partial: Vec::new(), category }
    }

    pub(crate) fn feed(&mut self, mut bytes: &[u8], now: Timestamp, into: &mut LogCollector) {
        while let Some(end) = memchr::memchr(b'\n', bytes) {
            let (line, rest) = bytes.split_at(end);
            if self.partial.is_empty() {
                into.copy_from(self.category, now, without_return(line));
            } else {
                self.partial.extend_from_slice(line);
                self.flush_line(now, into);
            }
            bytes = &rest[1..];
        }
        self.partial.extend_from_slice(bytes);
        while self.partial.len() >= LINE_BYTES_MAX {
            let rest = self.partial.split_off(LINE_BYTES_MAX);
            self.flush_line(now, into);
            self.partial = rest;
        }
    }

    /// Gives the last line that has no newline, at the end of an invocation.
    pub(crate) fn finish(&mut self, now: Timestamp, into: &mut LogCollector) {
        if !self.partial.is_empty() {
            self.flush_line(now, into);
        }
    }

    fn flush_line(&mut self, now: Timestamp, into: &mut LogCollector) {
        into.copy_from(self.category, now, without_return(&self.partial));
        self.partial.clear();
    }
}

fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(pieces: &[&str], bytes_max: usize) -> Vec<String> {
        let (mut splitter, mut log) = (LineSplitter::of(Category::Function), LogCollector::new(bytes_max));
        for piece in pieces {
            splitter.feed(piece.as_bytes(), Timestamp(0), &mut log);
        }
        splitter.finish(Timestamp(0), &mut log);
        log.take(Timestamp(0)).iter().map(|l| String::from_utf8_lossy(&l.bytes).into_owned()).collect()
    }

    #[test]
    fn keeps_lines_whole() {
        assert_eq!(lines(&["a\nb", "c\r\n", "\nend"], 1000), ["a", "bc", "", "end"]);
        let long = "x".repeat(LINE_BYTES_MAX + 5);
        assert_eq!(lines(&[&long], 1 << 20).iter().map(String::len).collect::<Vec<_>>(), [LINE_BYTES_MAX, 5]);
    }

    #[test]
    fn says_what_it_dropped() {
        let said = "[rushlight] 2 log lines (4 bytes) dropped: an invocation may log 70 bytes";
        assert_eq!(lines(&["one\ntwo\n3\n"], 70), ["one", said]);
    }
}
