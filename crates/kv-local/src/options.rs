//! How a data folder is opened. Plain data.

use std::{fmt, fs, str::FromStr};

const CACHE_BYTES_MIN: u64 = 64 << 20;
const CACHE_BYTES_MAX: u64 = 1 << 30;

/// When a write is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// After fsync: survives a power loss.
    #[default]
    Strict,
    /// After the operating system has it: survives the end of the process in any way, but a power loss takes the
    /// last tenth of a second.
    Relaxed,
}

impl Durability {
    pub fn as_str(self) -> &'static str {
        match self {
            Durability::Strict => "strict",
            Durability::Relaxed => "relaxed",
        }
    }
}

impl fmt::Display for Durability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Durability {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "strict" => Ok(Durability::Strict),
            "relaxed" => Ok(Durability::Relaxed),
            other => Err(format!("`{other}` is neither `strict` nor `relaxed`")),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    pub durability: Durability,
    /// Cache of blocks read from the disk; filled only as blocks are read. By default an eighth of the memory, from
    /// 64 MiB to 1 GiB.
    pub cache_bytes: u64,
    /// Rows gathered in memory before they go into a sorted file; one such table is being filled and at most four
    /// wait, which bounds the memory under a write load. Against 32 MiB the default costs a tenth of the highest
    /// write rate and saves three quarters of the memory and of the time that opening after a crash takes.
    pub memtable_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { durability: Durability::Strict, cache_bytes: cache_bytes(), memtable_bytes: 16 << 20 }
    }
}

/// An eighth of the memory that this process may have, within bounds.
fn cache_bytes() -> u64 {
    let machine = fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        let kib = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
        kib.trim_end_matches("kB").trim().parse::<u64>().ok()?.checked_mul(1024)
    });
    // `max` where there is no limit.
    let group =
        fs::read_to_string("/sys/fs/cgroup/memory.max").ok().and_then(|text| text.trim().parse::<u64>().ok());
    let memory = machine.into_iter().chain(group).min().unwrap_or_default();
    (memory / 8).clamp(CACHE_BYTES_MIN, CACHE_BYTES_MAX)
}
