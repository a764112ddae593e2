//! Statements of PartiQL: what parses is held against a key and evaluated.

use expr::{Access, KeyAttribute, KeyPlan, KeySchema, Read, Statement, Where};
use item::{DEPTH_MAX, Item, KeyKind, Place, Value, codec, key};

use crate::expressions::{number, samples, values};

const KEY: KeySchema<'static> = KeySchema {
    partition: &[KeyAttribute { name: "pk", kind: KeyKind::S }],
    sort: &[KeyAttribute { name: "a", kind: KeyKind::N }],
};

/// No read misses an item that its condition holds for; what an update makes can be stored.
pub(crate) fn partiql(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let parameters: Vec<Value> = values().values().cloned().collect();
    let Ok(statement) = Statement::parse(text, &parameters) else { return };
    match statement {
        Statement::Select(select) | Statement::Exists(select) => {
            for item in samples() {
                select.columns.iter().for_each(|columns| drop(columns.apply(&item)));
            }
            select.filter.iter().for_each(|filter| filtered(filter, text));
        }
        Statement::Insert(insert) => {
            assert!(insert.item.values().all(|value| value.fits_depth(DEPTH_MAX)), "{text:?}");
            let stored = codec::encode(&insert.item);
            assert_eq!(codec::decode(&stored).expect("what was just stored"), insert.item, "{text:?}");
        }
        Statement::Update(update) => {
            update.filter.iter().for_each(|filter| filtered(filter, text));
            for mut item in samples() {
                if update.update.apply(&mut item).is_ok() {
                    update.update.touched().apply(&item);
                    let stored = codec::encode(&item);
                    assert_eq!(codec::decode(&stored).expect("what was just stored"), item, "{text:?}");
                }
            }
        }
        Statement::Delete(delete) => delete.filter.iter().for_each(|filter| filtered(filter, text)),
    }
}

fn filtered(filter: &Where, text: &str) {
    let access = filter.access(&KEY);
    let mut items = samples();
    items.extend(["p", "text", ""].into_iter().flat_map(|pk| {
        ["-12.5", "0", "1", "3"].map(|a| [("a", number(a)), ("pk", Value::from(pk))].into_iter().collect())
    }));
    for item in items.iter().filter(|item| filter.condition().eval(item)) {
        if let Ok(key) = filter.item_key(&["pk", "a"]) {
            assert!(key.iter().all(|(name, value)| item.get(name) == Some(value)), "{text:?} on {item:?}");
        }
        let (Ok(Access::Reads(reads)), Some(Value::S(_)), Some(Value::N(_))) =
            (&access, item.get("pk"), item.get("a"))
        else {
            continue;
        };
        assert!(reads.iter().any(|read| meets(read, item)), "{text:?} on {item:?}");
    }
    if let Ok(access) = access {
        access.unprojected(|name| name == "b");
    }
}

/// Whether `read` finds `item`.
fn meets(read: &Read, item: &Item) -> bool {
    let mut sort = vec![7];
    let encoded = item.get("a").map(|value| key::encode(value, Place::Last, &mut sort));
    let within = |range: &expr::SortRange| {
        let plan = KeyPlan { partition: Vec::new(), sort: vec![range.clone()] };
        let bounds = plan.bounds(vec![7], 1, Place::Last).expect("values of the key's type");
        bounds.start <= sort && bounds.end.is_none_or(|end| sort < end)
    };
    encoded.is_some_and(|encoded| encoded.is_ok())
        && !read.is_empty
        && item.get("pk") == Some(&read.partition)
        && read.sort.iter().all(within)
}
