//! Where Lambda's rows are in the store: key space 0x20 to 0x2f. Pure.

use base::Scope;
use bytes::Bytes;

/// A function: its `$LATEST`, aliases, policies, tags.
const FUNCTION: u8 = 0x20;
/// A published version.
const VERSION: u8 = 0x21;
/// The last version number given; outlives its function, as numbers are never used twice.
const NUMBERS: u8 = 0x22;
const CODE: u8 = 0x23;
const CODE_CHUNK: u8 = 0x24;
/// Asynchronous invocations: by the slot of a node, then by the time they are due.
const QUEUE: u8 = 0x25;
/// Who serves a slot of the queue.
const QUEUE_LEASE: u8 = 0x2b;
const MAPPING: u8 = 0x26;
const POSITION: u8 = 0x27;
/// Layers: their versions, and the last number that each name was given.
const LAYER: u8 = 0x28;
/// Code signing configurations and capacity providers.
const NAMED: u8 = 0x29;
/// What event source mappings are in the middle of: lanes of shards, the last result, leases of nodes.
const PROGRESS: u8 = 0x2e;

/// Written with each change of a function or layer, where several nodes share the store.
const EPOCH: u8 = 0x2a;

/// A durable execution.
const EXECUTION: u8 = 0x2c;
/// Its operations and its events: a byte tells which.
const EXECUTION_PART: u8 = 0x2d;
const OPERATIONS: u8 = 1;
const EVENTS: u8 = 2;

pub(crate) fn functions() -> Bytes {
    Bytes::from_static(&[FUNCTION])
}

pub(crate) fn function(scope: &Scope, name: &str) -> Bytes {
    scoped(FUNCTION, scope, name).into()
}

pub(crate) fn epoch() -> Bytes {
    Bytes::from_static(&[EPOCH])
}

pub(crate) fn versions() -> Bytes {
    Bytes::from_static(&[VERSION])
}

pub(crate) fn versions_of(scope: &Scope, name: &str) -> Bytes {
    let mut key = scoped(VERSION, scope, name);
    key.push(0);
    key.into()
}

pub(crate) fn version(scope: &Scope, name: &str, number: u64) -> Bytes {
    let mut key = scoped(VERSION, scope, name);
    key.push(0);
    key.extend_from_slice(&number.to_be_bytes());
    key.into()
}

pub(crate) fn numbers(scope: &Scope, name: &str) -> Bytes {
    scoped(NUMBERS, scope, name).into()
}

pub(crate) fn codes() -> Bytes {
    Bytes::from_static(&[CODE])
}

pub(crate) fn code(sha256: &[u8; 32]) -> Bytes {
    [&[CODE][..], sha256].concat().into()
}

pub(crate) fn code_chunk(sha256: &[u8; 32], chunk: u32) -> Bytes {
    [&[CODE_CHUNK][..], sha256, &chunk.to_be_bytes()].concat().into()
}

pub(crate) fn queue() -> Bytes {
    Bytes::from_static(&[QUEUE])
}

pub(crate) fn queue_slot(slot: u8) -> Bytes {
    Bytes::copy_from_slice(&[QUEUE, slot])
}

/// What stands before the commit's sequence in the key of an event in `slot` due at `due_ms`.
pub(crate) fn queue_due(slot: u8, due_ms: u64) -> Bytes {
    let due = due_ms.to_be_bytes();
    // The first byte of such a time is 0 for the next two million years: slot 0 was made of it.
    if slot == 0 { [&[QUEUE][..], &due].concat().into() } else { [&[QUEUE, slot][..], &due].concat().into() }
}

/// When the event at this key is due; none for a key of another kind.
pub(crate) fn due_of(key: &[u8]) -> Option<u64> {
    let due = if *key.get(1)? == 0 { key.get(1..9) } else { key.get(2..10) };
    due.and_then(|due| due.try_into().ok()).map(u64::from_be_bytes)
}

pub(crate) fn queue_leases() -> Bytes {
    Bytes::from_static(&[QUEUE_LEASE])
}

pub(crate) fn mappings() -> Bytes {
    Bytes::from_static(&[MAPPING])
}

pub(crate) fn mapping(uuid: &str) -> Bytes {
    [&[MAPPING][..], uuid.as_bytes()].concat().into()
}

pub(crate) fn positions(uuid: &str) -> Bytes {
    [&[POSITION][..], uuid.as_bytes(), &[0]].concat().into()
}

pub(crate) fn position(uuid: &str, shard: &str) -> Bytes {
    [&positions(uuid)[..], shard.as_bytes()].concat().into()
}

pub(crate) fn layer_versions() -> Bytes {
    Bytes::from_static(&[LAYER, 0])
}

pub(crate) fn layer_version(scope: &Scope, name: &str, number: u64) -> Bytes {
    [&[LAYER, 0][..], &scoped(0, scope, name)[1..], &[0], &number.to_be_bytes()].concat().into()
}

/// Outlives the layer, as numbers are never used twice.
pub(crate) fn layer_numbers(scope: &Scope, name: &str) -> Bytes {
    [&[LAYER, 1][..], &scoped(0, scope, name)[1..]].concat().into()
}

pub(crate) fn signing_config(arn: &str) -> Bytes {
    [&[NAMED, 0][..], arn.as_bytes()].concat().into()
}

pub(crate) fn capacity_provider(arn: &str) -> Bytes {
    [&[NAMED, 1][..], arn.as_bytes()].concat().into()
}

pub(crate) fn executions() -> Bytes {
    Bytes::from_static(&[EXECUTION])
}

pub(crate) fn execution(scope: &Scope, name: &str) -> Bytes {
    scoped(EXECUTION, scope, name).into()
}

pub(crate) fn execution_operations(scope: &Scope, name: &str) -> Bytes {
    execution_part(OPERATIONS, scope, name)
}

pub(crate) fn execution_operation(scope: &Scope, name: &str, place: u32) -> Bytes {
    [&execution_operations(scope, name)[..], &place.to_be_bytes()].concat().into()
}

pub(crate) fn execution_events(scope: &Scope, name: &str) -> Bytes {
    execution_part(EVENTS, scope, name)
}

pub(crate) fn execution_event(scope: &Scope, name: &str, number: i32) -> Bytes {
    [&execution_events(scope, name)[..], &number.to_be_bytes()].concat().into()
}

fn execution_part(part: u8, scope: &Scope, name: &str) -> Bytes {
    [&[EXECUTION_PART, part][..], &scoped(EXECUTION, scope, name)[1..], &[0]].concat().into()
}

/// Everything that a mapping is in the middle of.
pub(crate) fn progress(uuid: &str) -> Bytes {
    [&[PROGRESS][..], uuid.as_bytes(), &[0]].concat().into()
}

pub(crate) fn lane(uuid: &str, shard: &str, lane: u8) -> Bytes {
    [&progress(uuid)[..], shard.as_bytes(), &[0, lane]].concat().into()
}

/// The lanes of one shard.
pub(crate) fn lanes(uuid: &str, shard: &str) -> Bytes {
    [&progress(uuid)[..], shard.as_bytes(), &[0]].concat().into()
}

/// What became of the last invocation. No shard's name is empty.
pub(crate) fn last_result(uuid: &str) -> Bytes {
    [&progress(uuid)[..], &[0]].concat().into()
}

/// Leases on the right to read for a part of all mappings. No mapping's id is empty.
pub(crate) fn mapping_leases() -> Bytes {
    Bytes::from_static(&[PROGRESS, 0])
}

/// The account, region and name in the key of a function or version.
pub(crate) fn parse_scoped(key: &[u8]) -> Option<(Scope, String)> {
    let account = u64::from_be_bytes(key.get(1..9)?.try_into().ok()?);
    let rest = &key[9..];
    let end = rest.iter().position(|&b| b == 0)?;
    let region = std::str::from_utf8(&rest[..end]).ok()?;
    let name = rest[end + 1..].split(|&b| b == 0).next()?;
    let scope = Scope { account: format!("{account:012}").parse().ok()?, region: base::Region::new(region) };
    Some((scope, std::str::from_utf8(name).ok()?.to_owned()))
}

fn scoped(space: u8, scope: &Scope, name: &str) -> Vec<u8> {
    let region = scope.region.as_str().as_bytes();
    [&[space][..], &scope.account.as_u64().to_be_bytes(), region, &[0], name.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scope_and_name_come_back_from_a_key() {
        let scope =
            Scope { account: "000000000042".parse().unwrap(), region: base::Region::new("eu-west-1") };
        for key in [function(&scope, "f"), version(&scope, "f", 7), version(&scope, "f", 0x0041_0000)] {
            assert_eq!(parse_scoped(&key), Some((scope.clone(), "f".to_owned())));
        }
        for slot in [0, 1, 200] {
            assert_eq!(due_of(&queue_due(slot, 77)), Some(77));
        }
        assert_eq!(parse_scoped(b"\x20short"), None);
    }
}
