//! The store's contract: ordered byte keys, snapshots, atomic batches with guards, and sequences in commit order.
//! One narrow trait, [`Kv`], that every engine implements, the in-memory engine ([`Memory`]) and the suite that
//! every engine passes ([`suite`]). Knows no AWS service and no encoding of values.
