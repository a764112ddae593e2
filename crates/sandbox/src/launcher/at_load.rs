//! For tests: makes every program that links this crate its own launcher, though its `main` is the test harness's.
#![allow(unsafe_code, reason = "a test harness has no main of its own to begin with")]

extern "C" fn before_main() {
    super::maybe_run_launcher();
}

// SAFETY: the loader calls it once, before main, on the only thread; what it does needs nothing that main sets up.
// JUSTIFICATION: the launcher must be the running program, and the test harness's main cannot be changed.
#[cfg_attr(target_os = "macos", unsafe(link_section = "__DATA,__mod_init_func"))]
#[cfg_attr(not(target_os = "macos"), unsafe(link_section = ".init_array"))]
#[used]
static BEFORE_MAIN: extern "C" fn() = before_main;
