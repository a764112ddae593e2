//! Folders that functions are served from while they are being written. Knows no watcher and no compiler.

use std::fmt;
use std::path::Path;

use crate::BoxFuture;

/// What is known of such folders. Implemented by `rushlight dev`; asked by `lambda` before each invocation of a function
/// that is served from a folder instead of a package.
pub trait LiveFolders: Send + Sync + fmt::Debug {
    /// A number that is another one after anything in `folder` was saved, deleted or moved. Everything that happened
    /// before the call counts, and what has to be built from it is built when the answer comes.
    ///
    /// # Errors
    /// What a person should know: the folder has gone, or the compiler's own words.
    fn generation<'a>(&'a self, folder: &'a Path) -> BoxFuture<'a, Result<u64, String>>;

    /// The port on loopback at which the debugger of `function`'s environment shall listen, if it shall.
    fn inspect_port(&self, function: &str) -> Option<u16>;
}
