//! libFuzzer on the target that `FUZZ_TARGET` names.

#![no_main]

use std::sync::OnceLock;

static RUN: OnceLock<fn(&[u8])> = OnceLock::new();

fn target() -> fn(&[u8]) {
    let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
    let found = fuzz::TARGETS.iter().find(|(of, _)| *of == name);
    found.unwrap_or_else(|| panic!("no target {name:?}")).1
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| RUN.get_or_init(target)(data));
