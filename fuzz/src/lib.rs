//! What every parser must withstand. A target takes any bytes and panics when a promise is broken; the corpora of
//! `corpus/<target>` are replayed, and mutated, by the tests of this crate, and grown by `cargo xtask fuzz <target>`.
//! Knows pure code alone.

mod apis;
mod expressions;
mod filters;
mod items;
mod requests;
mod statements;
mod templates;

/// A target: its name and what it does with any input.
pub type Target = (&'static str, fn(&[u8]));

/// All targets, by the names of their corpora.
pub const TARGETS: &[Target] = &[
    ("condition", expressions::condition),
    ("update", expressions::update),
    ("projection", expressions::projection),
    ("key_condition", expressions::key_condition),
    ("partiql", statements::partiql),
    ("number", items::number),
    ("key", items::key),
    ("stored_item", items::stored_item),
    ("item_json", items::item_json),
    ("request", requests::request),
    ("filter", filters::filter),
    ("template", templates::template),
    ("json_path", templates::json_path),
    ("java_regex", templates::java_regex),
    ("definition", apis::definition),
    ("policy", apis::policy),
    ("model", apis::model),
    ("frame", apis::frame),
    ("token", apis::token),
    ("parameter_mapping", apis::parameter_mapping),
    ("selection", apis::selection),
    ("coding", apis::coding),
];
