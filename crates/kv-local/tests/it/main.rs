//! The embedded engine: the suite of all engines, and what only an engine with a folder has.

mod contract;
