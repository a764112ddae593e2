//! Templates and patterns, which a caller can make work for long: a few milliseconds of it are done at once, the rest
//! beside the runtime, so that nobody else's request waits for it.

use tokio::runtime::{Handle, RuntimeFlavor};
use vtl::{Fault, JavaRegex, Limits, MatchError, Message, Overrides, RenderError, Rendered, Template};

/// What rendering may take at once.
const RENDER_STEPS: u64 = 20_000;
/// What the patterns of one question may take: at once, and together.
const MATCH_STEPS: u32 = 50_000;
const MATCH_STEPS_MAX: u32 = 2_000_000;

/// What the template makes of a message. What takes longer begins anew.
pub(crate) fn render(
    template: &Template,
    message: &dyn Message,
    overrides: &Overrides,
) -> Result<Rendered, RenderError> {
    let limits = Limits { steps: RENDER_STEPS, ..Limits::default() };
    match template.render(message, overrides, &limits) {
        Err(RenderError { fault: Fault::Limit(..), .. }) => {
            apart(|| template.render(message, overrides, &Limits::default()))
        }
        rendered => rendered,
    }
}

/// Whether the whole text matches.
pub(crate) fn is_match(pattern: &JavaRegex, text: &str) -> Result<bool, MatchError> {
    search(|steps| pattern.matches_within(text, steps))
}

/// What `search` finds by patterns, all of which share the steps.
pub(crate) fn search<T>(search: impl Fn(&mut u32) -> Result<T, MatchError>) -> Result<T, MatchError> {
    match search(&mut { MATCH_STEPS }) {
        Err(MatchError::Steps) => apart(|| search(&mut { MATCH_STEPS_MAX })),
        found => found,
    }
}

/// Does what takes longer than a request may keep a thread of the runtime to itself.
pub(crate) fn apart<T>(work: impl FnOnce() -> T) -> T {
    match Handle::try_current().map(|runtime| runtime.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        // There is no other thread that could do anything meanwhile.
        _ => work(),
    }
}
