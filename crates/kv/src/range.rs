//! Ranges of keys and bounded pages of rows. Plain data; knows no engine.

use bytes::{Bytes, BytesMut};

/// Half-open: from `start`, up to and without `end`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KeyRange {
    pub start: Bytes,
    pub end: Bytes,
}

impl KeyRange {
    pub fn new(start: impl Into<Bytes>, end: impl Into<Bytes>) -> Self {
        Self { start: start.into(), end: end.into() }
    }

    /// Every key that begins with `prefix`. Prefixes of nothing but 0xFF bytes do not exist: key spaces end below 0x50.
    pub fn prefix(prefix: impl Into<Bytes>) -> Self {
        let start: Bytes = prefix.into();
        let end = successor(&start);
        Self { start, end }
    }

    pub fn is_empty(&self) -> bool {
        self.start >= self.end
    }

    pub fn contains(&self, key: &[u8]) -> bool {
        self.start.as_ref() <= key && key < self.end.as_ref()
    }

    /// What is left of this range after a page whose `next` was this.
    pub fn resume(&self, next: Bytes, reverse: bool) -> Self {
        if reverse {
            Self { start: self.start.clone(), end: next }
        } else {
            Self { start: next, end: self.end.clone() }
        }
    }
}

/// The smallest key above all keys with this prefix.
fn successor(prefix: &Bytes) -> Bytes {
    match prefix.iter().rposition(|byte| *byte != u8::MAX) {
        Some(last) => {
            let mut end = BytesMut::from(&prefix[..=last]);
            end[last] += 1;
            end.freeze()
        }
        None => Bytes::from_static(&[u8::MAX; 8]),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScanOptions {
    /// From the end of the range to its start.
    pub reverse: bool,
    /// Rows at most; an engine may answer fewer, [`Page::next`] tells. 0 counts as 1.
    pub limit: usize,
    /// Bytes of keys and values at most; a single larger row is answered alone.
    pub max_bytes: usize,
    /// Only rows below the safe horizon of the page's own snapshot, see [`crate::Kv::safe_seq`]: who reads appended rows
    /// so, and goes on after the last one, misses none. On an embedded engine every visible row is.
    pub settled: bool,
}

impl Default for ScanOptions {
    fn default() -> Self {
        Self { reverse: false, limit: 1_000, max_bytes: 1 << 20, settled: false }
    }
}

impl ScanOptions {
    /// An upper bound of one page, whatever is asked: about a millisecond of a runtime worker. An embedded scan is
    /// ready at once and never yields, so who reads many pages yields between them.
    pub const LIMIT_MAX: usize = 2_000;
    pub const BYTES_MAX: usize = 2 << 20;

    pub fn limit(limit: usize) -> Self {
        Self { limit, ..Self::default() }
    }

    pub fn reversed(self) -> Self {
        Self { reverse: true, ..self }
    }

    pub fn settled(self) -> Self {
        Self { settled: true, ..self }
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// In the order of the scan.
    pub entries: Vec<(Bytes, Bytes)>,
    /// There is more: the start key (reverse: the end bound) to go on with, see [`KeyRange::resume`].
    /// `None` means that the range is exhausted, exactly.
    pub next: Option<Bytes>,
}

/// Fills a page up to its bounds; the same for every engine, so that paging is.
#[derive(Debug)]
pub struct PageBuilder {
    page: Page,
    options: ScanOptions,
    bytes: usize,
}

impl PageBuilder {
    pub fn new(options: ScanOptions) -> Self {
        let limit = options.limit.clamp(1, ScanOptions::LIMIT_MAX);
        let max_bytes = options.max_bytes.min(ScanOptions::BYTES_MAX);
        let options = ScanOptions { limit, max_bytes, ..options };
        let page = Page { entries: Vec::with_capacity(limit.min(64)), next: None };
        Self { page, options, bytes: 0 }
    }

    /// Takes the row, or says that the page is full: then the row begins the next page.
    #[must_use]
    pub fn push(&mut self, key: Bytes, value: Bytes) -> bool {
        let bytes = self.bytes + key.len() + value.len();
        let entries = &mut self.page.entries;
        let full =
            entries.len() >= self.options.limit || (bytes > self.options.max_bytes && !entries.is_empty());
        if full {
            return self.end_at(key);
        }
        self.bytes = bytes;
        entries.push((key, value));
        true
    }

    /// The page ends before this row, which is known to be over its bounds. Answers false, as [`Self::push`] does.
    pub fn end_at(&mut self, key: Bytes) -> bool {
        let last = self.page.entries.last().map(|(key, _)| key.clone());
        self.page.next = if self.options.reverse { last } else { Some(key) };
        false
    }

    pub fn finish(self) -> Page {
        self.page
    }
}
