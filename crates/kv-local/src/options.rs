//! How a data folder is opened. Plain data.

use std::{fmt, str::FromStr};

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
    /// Cache of blocks read from the disk; filled only as blocks are read.
    pub cache_bytes: u64,
    /// Rows gathered in memory before they go into a sorted file; one such table is being filled and at most four
    /// wait, which bounds the memory under a write load. Against 32 MiB the default costs a tenth of the highest
    /// write rate and saves three quarters of the memory and of the time that opening after a crash takes.
    pub memtable_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { durability: Durability::Strict, cache_bytes: 64 << 20, memtable_bytes: 16 << 20 }
    }
}
