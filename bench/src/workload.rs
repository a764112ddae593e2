//! The DynamoDB requests that are measured, over tables whose items are `ROWS_A_PARTITION` to a partition. Knows no
//! server and no clock.

use std::rc::Rc;

use serde_json::{Value, json};

use crate::client::aws_json;
use crate::template::Template;

/// Items that one Query answers, and that one BatchWriteItem writes.
pub(crate) const ROWS_A_PARTITION: usize = 25;
/// Sort keys begin here, so that all have the same number of digits.
const FIRST_SORT_KEY: usize = 100;

pub(crate) const TABLE: &str = "bench";
pub(crate) const INDEXED_TABLE: &str = "bench-gsi";

/// One kind of request: what it looks like, and which numbers the n-th has in its places.
#[derive(Clone)]
pub(crate) struct Workload {
    pub(crate) name: &'static str,
    template: Template,
    numbers: Numbers,
    /// Reused for every request.
    filling: Vec<usize>,
}

type Numbers = Rc<dyn Fn(usize, &mut Vec<usize>)>;

impl std::fmt::Debug for Workload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Workload").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Workload {
    fn new(
        name: &'static str,
        operation: &str,
        body: &Value,
        numbers: impl Fn(usize, &mut Vec<usize>) + 'static,
    ) -> Self {
        let template = Template::new(call(operation, body));
        Self { name, template, numbers: Rc::new(numbers), filling: Vec::new() }
    }

    /// The n-th request.
    pub(crate) fn fill(&mut self, n: usize) -> &[u8] {
        self.filling.clear();
        (self.numbers)(n, &mut self.filling);
        self.template.filled(&self.filling)
    }
}

pub(crate) fn call(operation: &str, body: &Value) -> Vec<u8> {
    aws_json(&format!("DynamoDB_20120810.{operation}"), &body.to_string())
}

/// The workloads over a table of `rows` items, reads first: writes leave the items there, changed.
pub(crate) fn all(rows: usize) -> Vec<Workload> {
    vec![
        Workload::new("get", "GetItem", &json!({"Key": key(), "TableName": TABLE}), move |n, out| {
            push_key(scattered(n, rows), out);
        }),
        query(rows),
        Workload::new("put", "PutItem", &json!({"Item": item(), "TableName": TABLE}), move |n, out| {
            push_item(scattered(n, rows), n, out);
        }),
        update(rows),
        batch(rows),
        transact(rows),
        put_indexed(rows),
    ]
}

pub(crate) fn query(rows: usize) -> Workload {
    let body = json!({
        "ExpressionAttributeValues": {":p": {"S": "p~~~~~~~"}},
        "KeyConditionExpression": "pk = :p",
        "TableName": TABLE,
    });
    Workload::new("query of 25", "Query", &body, move |n, out| {
        out.push(scattered(n, rows / ROWS_A_PARTITION));
    })
}

/// Overwrites `rows` items in turn.
pub(crate) fn overwrite(rows: usize) -> Workload {
    Workload::new("overwrite", "PutItem", &json!({"Item": item(), "TableName": TABLE}), move |n, out| {
        push_item(n % rows, n, out);
    })
}

/// Writes an item that was not there before, for as long as it is asked.
pub(crate) fn insert(first: usize) -> Workload {
    Workload::new("insert", "PutItem", &json!({"Item": item(), "TableName": TABLE}), move |n, out| {
        push_item(first + n, n, out);
    })
}

fn update(rows: usize) -> Workload {
    let body = json!({
        "ExpressionAttributeNames": {"#c": "count"},
        "ExpressionAttributeValues": {":one": {"N": "1"}, ":v": {"S": "v~~~~~~~"}},
        "Key": key(),
        "TableName": TABLE,
        "UpdateExpression": "SET #c = #c + :one, marked = :v",
    });
    Workload::new("update", "UpdateItem", &body, move |n, out| {
        out.push(n);
        push_key(scattered(n, rows), out);
    })
}

/// The n-th writes partition n.
pub(crate) fn batch(rows: usize) -> Workload {
    let put = json!({"PutRequest": {"Item": item()}});
    let body = json!({"RequestItems": {TABLE: vec![put; ROWS_A_PARTITION]}});
    Workload::new("batch of 25", "BatchWriteItem", &body, move |n, out| {
        let partition = n % (rows / ROWS_A_PARTITION).max(1);
        for row in 0..ROWS_A_PARTITION {
            push_item(partition * ROWS_A_PARTITION + row, n, out);
        }
    })
}

fn transact(rows: usize) -> Workload {
    const ITEMS: usize = 4;
    let put = json!({"Put": {"Item": item(), "TableName": TABLE}});
    let body = json!({"TransactItems": vec![put; ITEMS]});
    Workload::new("transact of 4", "TransactWriteItems", &body, move |n, out| {
        // Apart by a quarter of the table: never the same item twice.
        let first = scattered(n, rows / ITEMS);
        for part in 0..ITEMS {
            push_item(first + part * (rows / ITEMS), n, out);
        }
    })
}

fn put_indexed(rows: usize) -> Workload {
    let mut item = item();
    item["group"] = json!({"S": "g~~~~~"});
    let body = json!({"Item": item, "TableName": INDEXED_TABLE});
    Workload::new("put with a GSI", "PutItem", &body, move |n, out| {
        let row = scattered(n, rows);
        out.push(n);
        out.push(row % 1_000);
        push_key(row, out);
    })
}

pub(crate) fn tables() -> [Value; 2] {
    let name = |name: &str, kind: &str| json!({"AttributeName": name, "AttributeType": kind});
    let key = |name: &str, kind: &str| json!({"AttributeName": name, "KeyType": kind});
    let plain = json!({
        "TableName": TABLE,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [name("pk", "S"), name("sk", "N")],
        "KeySchema": [key("pk", "HASH"), key("sk", "RANGE")],
    });
    let mut indexed = plain.clone();
    indexed["TableName"] = json!(INDEXED_TABLE);
    indexed["AttributeDefinitions"] = json!([name("pk", "S"), name("sk", "N"), name("group", "S")]);
    indexed["GlobalSecondaryIndexes"] = json!([{
        "IndexName": "by-group", "KeySchema": [key("group", "HASH")], "Projection": {"ProjectionType": "ALL"},
    }]);
    [plain, indexed]
}

fn key() -> Value {
    json!({"pk": {"S": "p~~~~~~~"}, "sk": {"N": "~~~"}})
}

/// About 1 KB. Members are printed in the order of their names, so the places are: count, partition, sort key.
fn item() -> Value {
    let mut item = key();
    item["count"] = json!({"N": "1~~~~~~~~"});
    item["data"] = json!({"S": "d".repeat(900)});
    item["list"] = json!({"L": [{"S": "a"}, {"BOOL": true}]});
    item
}

fn push_key(row: usize, out: &mut Vec<usize>) {
    out.extend([row / ROWS_A_PARTITION, FIRST_SORT_KEY + row % ROWS_A_PARTITION]);
}

fn push_item(row: usize, n: usize, out: &mut Vec<usize>) {
    out.push(n);
    push_key(row, out);
}

/// The n-th of all numbers below `count`, in no order.
fn scattered(n: usize, count: usize) -> usize {
    let mixed = (n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
    usize::try_from(mixed % count.max(1) as u64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The places are found by their order, which is that of the JSON.
    #[test]
    fn every_place_has_its_number() {
        let text = |mut workload: Workload, n: usize| String::from_utf8_lossy(workload.fill(n)).into_owned();
        for workload in all(1_000).into_iter().chain([overwrite(1_000), insert(2_000)]) {
            assert!(!text(workload, 3).contains('~'));
        }
        let third = text(overwrite(1_000), 30);
        assert!(third.contains(r#""count":{"N":"100000030"}"#), "{third}");
        assert!(third.contains(r#""pk":{"S":"p0000001"},"sk":{"N":"105"}"#), "{third}");
        let indexed = text(put_indexed(1_000), 3);
        assert!(indexed.contains(r#""group":{"S":"g00"#), "{indexed}");
    }
}
