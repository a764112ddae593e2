//! Lets this test program serve as launcher, though its `main` is the test harness's.
#![allow(unsafe_code, reason = "a test harness has no main of its own to begin with")]

extern "C" fn before_main() {
    sandbox::maybe_run_launcher();
}

// SAFETY: the loader calls it once, before main, on the only thread; what it does needs nothing that main sets up.
// JUSTIFICATION: the launcher must be this program, and libtest's main cannot be changed.
#[unsafe(link_section = ".init_array")]
#[used]
static BEFORE_MAIN: extern "C" fn() = before_main;
