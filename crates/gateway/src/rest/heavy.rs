//! Work that a caller can make long: a few milliseconds of it are done at once, the rest beside the runtime, so that
//! nobody else's request waits for it. Knows no template and no pattern.

use tokio::runtime::{Handle, RuntimeFlavor};

/// Does what takes longer than a request may keep a thread of the runtime to itself.
pub(crate) fn apart<T>(work: impl FnOnce() -> T) -> T {
    match Handle::try_current().map(|runtime| runtime.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        // There is no other thread that could do anything meanwhile.
        _ => work(),
    }
}
