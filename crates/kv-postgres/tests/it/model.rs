//! The same batches and scans on this engine and the one in memory give the same rows.

use bytes::Bytes;
use kv::{Batch, KeyRange, Kv, Memory, ScanOptions};

use crate::fresh;

struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }
}

/// Short keys, and long ones whose beginnings are the same.
fn keys() -> Vec<Bytes> {
    let mut keys: Vec<Vec<u8>> = (0..12).map(|at| format!("k{at:02}").into_bytes()).collect();
    for beginning in [b'a', b'k', b'z'] {
        let long = vec![beginning; 2_400];
        for tail in [&b""[..], b"\0", b"1", b"2", b"\xff\xff", &[7; 700]] {
            keys.push([&long[..], tail].concat());
        }
        keys.push(long[..2_399].to_vec());
        keys.push([&long[..2_399], &[beginning + 1]].concat());
    }
    keys.into_iter().map(Bytes::from).collect()
}

fn batch(random: &mut Random, keys: &[Bytes]) -> Batch {
    let mut batch = Batch::new();
    for _ in 0..=random.below(5) {
        let key = keys[random.below(keys.len())].clone();
        batch = match random.below(4) {
            0 => batch.delete(key),
            1 => batch.add(format!("n/{}", random.below(3)), random.below(1_000) as i64 - 500),
            _ => batch.put(key, vec![b'v'; random.below(300)]),
        };
    }
    batch
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_are_those_of_the_engine_in_memory() {
    let (engine, memory) = (fresh().await, Memory::new());
    let keys = keys();
    let mut random = Random(11);
    for round in 0..60 {
        let batch = batch(&mut random, &keys);
        engine.commit(batch.clone()).await.unwrap();
        memory.commit(batch).await.unwrap();
        for _ in 0..3 {
            let bound = |random: &mut Random| match random.below(4) {
                0 => Bytes::from_static(b"a"),
                1 => Bytes::from_static(b"zzzz"),
                _ => keys[random.below(keys.len())].clone(),
            };
            let range = KeyRange::new(bound(&mut random), bound(&mut random));
            let options = ScanOptions {
                reverse: random.below(2) == 0,
                limit: 1 + random.below(12),
                max_bytes: 200 + random.below(12_000),
                settled: false,
            };
            let found = pages(&engine, range.clone(), options).await;
            let expected = pages(&memory, range.clone(), options).await;
            assert_eq!(found, expected, "round {round}, {range:?}, {options:?}");
        }
    }
    let read = |rows: Vec<Option<kv::Entry>>| {
        rows.into_iter().map(|row| row.map(|row| row.value)).collect::<Vec<_>>()
    };
    let rows = read(engine.multi_get(&keys).await.unwrap());
    assert_eq!(rows, read(memory.multi_get(&keys).await.unwrap()));
}

/// All pages of the range. They may end elsewhere, for the engines count bytes differently.
async fn pages<K: Kv>(engine: &K, range: KeyRange, options: ScanOptions) -> Vec<(Bytes, Bytes)> {
    let mut found = Vec::new();
    let mut rest = Some(range);
    while let Some(range) = rest {
        let page = engine.scan(range.clone(), options).await.unwrap();
        assert!(page.next.is_none() || !page.entries.is_empty());
        assert!(page.entries.len() <= options.limit);
        found.extend(page.entries);
        rest = page.next.map(|next| range.resume(next, options.reverse));
    }
    found
}
