//! The web console as the server has it: the files of `console/dist`, and what the pages keep that no AWS API does.
//! The pages themselves speak AWS's APIs like everybody else; nothing here knows a service.
//!
//! Code map: `assets` (`/_console/`), `events` (`/_rushlight/test-events/`).

mod assets;
mod events;

use base::Cx;
use store::Store;
use wire::{Request, Response};

pub use events::TEST_EVENTS_PATH;

/// Where the console is.
pub const CONSOLE_PATH: &str = "/_console/";

/// The console of one server.
#[derive(Debug)]
pub struct Console {
    store: Store,
    assets: assets::Assets,
}

impl Console {
    pub fn new(store: Store) -> Self {
        Self { store, assets: assets::Assets::default() }
    }

    /// A file of the console, or the way to it.
    pub fn page(&self, request: &Request) -> Response {
        self.assets.answer(request)
    }

    /// Reads and writes the saved test events of a function of the caller's account and region.
    pub async fn test_events(&self, cx: &Cx, request: Request) -> Response {
        events::answer(&self.store, cx, request).await
    }
}
