//! What tests need of the machine: a missing thing fails them, so that nobody takes silence for a proof. Who means to go
//! without says so, and what for: `RUSHLIGHT_TESTS_WITHOUT=ruby,cgroup cargo test`.

/// Whether to test what needs `thing`.
pub(crate) fn needs(thing: &str, is_there: bool, way_out: &str) -> bool {
    let without = std::env::var("RUSHLIGHT_TESTS_WITHOUT").unwrap_or_default();
    let is_left_out = without.split(',').any(|left_out| left_out.trim() == thing);
    assert!(
        is_there || is_left_out,
        "these tests need {thing}: {way_out}, or leave them out by RUSHLIGHT_TESTS_WITHOUT={thing}"
    );
    is_there
}
