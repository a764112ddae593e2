//! Scans: both directions, paging exactly, bounds, deleting ranges.

use bytes::Bytes;

use super::{Factory, key, put};
use crate::{Batch, KeyRange, Kv, Page, ScanOptions};

fn names(page: &Page) -> Vec<String> {
    page.entries.iter().map(|(key, _)| String::from_utf8(key.to_vec()).unwrap()).collect()
}

async fn all_pages<K: Kv>(engine: &K, range: &KeyRange, options: ScanOptions) -> (Vec<String>, usize) {
    let (mut found, mut pages) = (Vec::new(), 0);
    let mut rest = Some(range.clone());
    while let Some(range) = rest {
        let page = engine.scan(range.clone(), options).await.unwrap();
        found.extend(names(&page));
        pages += 1;
        rest = page.next.map(|next| range.resume(next, options.reverse));
    }
    (found, pages)
}

/// Every limit, both directions: the pages together are the range, none is empty, and the last one says so.
pub async fn scans_page_exactly<F: Factory>(factory: &F) {
    let engine = factory.make();
    let rows: Vec<String> = (0..12).map(|at| format!("k/{at:02}")).collect();
    for row in rows.iter().rev() {
        put(&*engine, row, "value").await;
    }
    put(&*engine, "j", "before").await;
    put(&*engine, "k0", "after").await;
    engine.commit(Batch::new().delete("k/gone")).await.unwrap();
    let range = KeyRange::prefix("k/");
    for limit in 1..=13 {
        for reverse in [false, true] {
            let options = ScanOptions { reverse, limit, ..ScanOptions::default() };
            let (mut found, pages) = all_pages(&*engine, &range, options).await;
            if reverse {
                found.reverse();
            }
            assert_eq!(found, rows, "limit {limit}, reverse {reverse}");
            assert_eq!(pages, rows.len().div_ceil(limit), "limit {limit}, reverse {reverse}");
        }
    }
}

pub async fn scans_respect_bytes<F: Factory>(factory: &F) {
    let engine = factory.make();
    for (at, size) in [(0, 100), (1, 100), (2, 5_000), (3, 100), (4, 0)] {
        engine.commit(Batch::new().put(format!("k{at}"), Bytes::from(vec![7; size]))).await.unwrap();
    }
    let range = KeyRange::prefix("k");
    let mut sizes = Vec::new();
    let mut rest = Some(range.clone());
    while let Some(range) = rest {
        let options = ScanOptions { max_bytes: 204, ..ScanOptions::default() };
        let page = engine.scan(range.clone(), options).await.unwrap();
        sizes.push(page.entries.len());
        rest = page.next.map(|next| range.resume(next, false));
    }
    assert_eq!(sizes, [2, 1, 2], "a row over the bound comes alone");
}

pub async fn scans_of_odd_ranges<F: Factory>(factory: &F) {
    let engine = factory.make();
    put(&*engine, "a", "1").await;
    put(&*engine, "b", "2").await;
    let scan = async |start: &'static [u8], end: &'static [u8], options| {
        names(&engine.scan(KeyRange::new(start, end), options).await.unwrap())
    };
    let forward = ScanOptions::default();
    let none: [String; 0] = [];
    assert_eq!(scan(b"", b"\xff", forward).await, ["a", "b"], "an engine's own rows are not seen");
    assert_eq!(scan(b"", b"\xff", forward.reversed()).await, ["b", "a"]);
    assert_eq!(scan(b"a", b"b", forward).await, ["a"]);
    assert_eq!(scan(b"a\0", b"b\0", forward.reversed()).await, ["b"]);
    assert_eq!(scan(b"b", b"a", forward).await, none);
    assert_eq!(scan(b"a", b"a", forward.reversed()).await, none);
    assert_eq!(scan(b"c", b"d", forward).await, none);
    assert_eq!(scan(b"a", b"c", ScanOptions::limit(0)).await, ["a"]);
    assert_eq!(KeyRange::prefix(vec![1, 255]).end.as_ref(), [2]);
}

pub async fn delete_range_deletes_what_was_there<F: Factory>(factory: &F) {
    let engine = factory.make();
    let mut batch = Batch::new().put("j", "keep").put("k0", "keep");
    for at in 0..2_500 {
        batch = batch.put(format!("k/{at:04}"), "gone");
    }
    engine.commit(batch).await.unwrap();
    assert_eq!(engine.delete_range(KeyRange::prefix("k/")).await.unwrap(), 2_500);
    assert_eq!(engine.delete_range(KeyRange::prefix("k/")).await.unwrap(), 0);
    let left = engine.scan(KeyRange::new("a", "z"), ScanOptions::default()).await.unwrap();
    assert_eq!(names(&left), ["j", "k0"]);
    assert_eq!(engine.get(&key("k/0000")).await.unwrap(), None);
}
