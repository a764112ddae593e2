//! Thousands of random operations against a plain map: what is put, updated and deleted is what is got, queried and
//! scanned, in the table and in its index, in pages of any size.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::world::World;

const STEPS: usize = 1_500;

/// By partition and sort key.
type Items = BTreeMap<(String, i64), Map<String, Value>>;

/// A xorshift generator: the same steps in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 33) as usize % sides
    }

    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.roll(of.len())]
    }

    fn key(&mut self) -> (String, i64) {
        let partition = self.pick(&["a", "ab", "b", "c\u{0}d", "ü"]).to_owned();
        (partition, [-1_000_000, -21, -3, 0, 1, 7, 10, 4_000_000_000][self.roll(8)])
    }
}

#[tokio::test]
async fn the_table_behaves_as_a_map() {
    for seed in [1, 2] {
        run(seed).await;
    }
}

async fn run(seed: u64) {
    let world = World::new().await;
    world.ok("CreateTable", table()).await;
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let mut items = Items::new();
    for step in 0..STEPS {
        match dice.roll(12) {
            0..=3 => put(&world, &mut dice, &mut items).await,
            4..=5 => update(&world, &mut dice, &mut items).await,
            6 => delete(&world, &mut dice, &mut items).await,
            7 => get(&world, &mut dice, &items).await,
            8..=9 => query(&world, &mut dice, &items).await,
            10 => query_index(&world, &mut dice, &items).await,
            _ => scan(&world, &mut dice, &items).await,
        }
        if step % 500 == 0 {
            let told = world.ok("DescribeTable", json!({"TableName": "model"})).await;
            assert_eq!(told["Table"]["ItemCount"], items.len(), "step {step}");
        }
    }
}

fn table() -> Value {
    json!({
        "TableName": "model", "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}, {"AttributeName": "sk", "AttributeType": "N"},
            {"AttributeName": "g", "AttributeType": "S"}, {"AttributeName": "h", "AttributeType": "N"}],
        "GlobalSecondaryIndexes": [{"IndexName": "byg", "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["v"]},
            "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}, {"AttributeName": "h", "KeyType": "RANGE"}]}],
    })
}

fn key_json((partition, sort): &(String, i64)) -> Value {
    json!({"pk": {"S": partition}, "sk": {"N": sort.to_string()}})
}

async fn put(world: &World, dice: &mut Dice, items: &mut Items) {
    let key = dice.key();
    let mut item = key_json(&key).as_object().unwrap().clone();
    if dice.roll(3) > 0 {
        item.insert("g".to_owned(), json!({"S": dice.pick(&["x", "y"])}));
    }
    if dice.roll(3) > 0 {
        item.insert("h".to_owned(), json!({"N": (dice.roll(5) as i64 - 2).to_string()}));
    }
    item.insert("v".to_owned(), json!({"S": "v".repeat(dice.roll(40))}));
    item.insert("w".to_owned(), json!({"L": [{"NULL": true}, {"N": dice.roll(1000).to_string()}]}));
    let mut request = json!({"TableName": "model", "Item": item, "ReturnValues": "ALL_OLD"});
    let only_new = dice.roll(3) == 0;
    if only_new {
        request["ConditionExpression"] = json!("attribute_not_exists(pk)");
    }
    if only_new && items.contains_key(&key) {
        let refused = world.refused("PutItem", request).await;
        assert!(refused.starts_with("ConditionalCheckFailedException"), "{refused}");
        return;
    }
    let told = world.ok("PutItem", request).await;
    let old = items.insert(key, item);
    assert_eq!(told.get("Attributes").cloned(), old.map(Value::Object));
}

async fn update(world: &World, dice: &mut Dice, items: &mut Items) {
    let key = dice.key();
    let (expression, values): (&str, Value) = match dice.roll(4) {
        0 => ("SET v = :v", json!({":v": {"S": "set"}})),
        1 => ("SET g = :v REMOVE v", json!({":v": {"S": "z"}})),
        2 => ("REMOVE g", Value::Null),
        _ => ("ADD n :v", json!({":v": {"N": "5"}})),
    };
    let mut request = json!({"TableName": "model", "Key": key_json(&key), "UpdateExpression": expression, "ReturnValues": "ALL_NEW"});
    if !values.is_null() {
        request["ExpressionAttributeValues"] = values;
    }
    let told = world.ok("UpdateItem", request).await;
    let mut item = items.get(&key).cloned().unwrap_or_else(|| key_json(&key).as_object().unwrap().clone());
    match expression {
        "SET v = :v" => drop(item.insert("v".to_owned(), json!({"S": "set"}))),
        "SET g = :v REMOVE v" => {
            item.insert("g".to_owned(), json!({"S": "z"}));
            item.remove("v");
        }
        "REMOVE g" if items.contains_key(&key) => drop(item.remove("g")),
        "REMOVE g" => return,
        _ => {
            let old: i64 = item.get("n").map_or(0, |n| n["N"].as_str().unwrap().parse().unwrap());
            item.insert("n".to_owned(), json!({"N": (old + 5).to_string()}));
        }
    }
    assert_eq!(told["Attributes"], Value::Object(item.clone()));
    items.insert(key, item);
}

async fn delete(world: &World, dice: &mut Dice, items: &mut Items) {
    let key = dice.key();
    let request = json!({"TableName": "model", "Key": key_json(&key), "ReturnValues": "ALL_OLD"});
    let told = world.ok("DeleteItem", request).await;
    assert_eq!(told.get("Attributes").cloned(), items.remove(&key).map(Value::Object));
}

async fn get(world: &World, dice: &mut Dice, items: &Items) {
    let key = dice.key();
    let told = world.ok("GetItem", json!({"TableName": "model", "Key": key_json(&key)})).await;
    assert_eq!(told.get("Item").cloned(), items.get(&key).cloned().map(Value::Object));
}

/// All pages of a read.
async fn pages(world: &World, operation: &str, mut request: Value) -> Vec<Value> {
    let mut found = Vec::new();
    loop {
        let page = world.ok(operation, request.clone()).await;
        let items = page["Items"].as_array().unwrap();
        assert_eq!(page["Count"], items.len());
        found.extend(items.iter().cloned());
        match page.get("LastEvaluatedKey") {
            Some(last) => request["ExclusiveStartKey"] = last.clone(),
            None => return found,
        }
    }
}

async fn query(world: &World, dice: &mut Dice, items: &Items) {
    let (partition, bound) = dice.key();
    let (_, other) = dice.key();
    let (low, high) = (bound.min(other), bound.max(other));
    let (condition, fits): (&str, Box<dyn Fn(i64) -> bool>) = match dice.roll(6) {
        0 => ("", Box::new(|_| true)),
        1 => (" AND sk < :low", Box::new(move |sort| sort < low)),
        2 => (" AND sk <= :low", Box::new(move |sort| sort <= low)),
        3 => (" AND sk > :low", Box::new(move |sort| sort > low)),
        4 => (" AND sk >= :low", Box::new(move |sort| sort >= low)),
        _ => (" AND sk BETWEEN :low AND :high", Box::new(move |sort| (low..=high).contains(&sort))),
    };
    let mut values = json!({":p": {"S": partition}});
    for (name, value) in [(":low", low), (":high", high)] {
        if condition.contains(name) {
            values[name] = json!({"N": value.to_string()});
        }
    }
    let backward = dice.roll(2) == 0;
    let request = json!({"TableName": "model", "KeyConditionExpression": format!("pk = :p{condition}"),
        "ExpressionAttributeValues": values, "ScanIndexForward": !backward, "Limit": dice.roll(5) + 1});
    let found = pages(world, "Query", request).await;
    let mut expected: Vec<Value> = items
        .iter()
        .filter(|((of, sort), _)| *of == partition && fits(*sort))
        .map(|(_, item)| Value::Object(item.clone()))
        .collect();
    if backward {
        expected.reverse();
    }
    assert_eq!(found, expected, "{condition}");
}

async fn query_index(world: &World, dice: &mut Dice, items: &Items) {
    let group = dice.pick(&["x", "y", "z"]);
    let request = json!({"TableName": "model", "IndexName": "byg", "KeyConditionExpression": "g = :g AND h >= :h",
        "ExpressionAttributeValues": {":g": {"S": group}, ":h": {"N": "-1"}}, "Limit": dice.roll(5) + 1});
    let mut found = pages(world, "Query", request).await;
    let number = |item: &Value| item["h"]["N"].as_str().unwrap().parse::<i64>().unwrap();
    assert!(found.is_sorted_by_key(number));
    let mut expected: Vec<Value> = items
        .values()
        .filter(|item| item.get("g") == Some(&json!({"S": group})) && item.contains_key("h"))
        .map(|item| {
            let kept = item.iter().filter(|(name, _)| ["pk", "sk", "g", "h", "v"].contains(&name.as_str()));
            Value::Object(kept.map(|(name, value)| (name.clone(), value.clone())).collect())
        })
        .filter(|item| number(item) >= -1)
        .collect();
    found.sort_by_key(Value::to_string);
    expected.sort_by_key(Value::to_string);
    assert_eq!(found, expected);
}

async fn scan(world: &World, dice: &mut Dice, items: &Items) {
    let segments = dice.roll(3) + 1;
    let limit = dice.roll(9) + 1;
    let mut found = Vec::new();
    for segment in 0..segments {
        let request =
            json!({"TableName": "model", "Segment": segment, "TotalSegments": segments, "Limit": limit});
        found.extend(pages(world, "Scan", request).await);
    }
    let mut expected: Vec<Value> = items.values().cloned().map(Value::Object).collect();
    found.sort_by_key(Value::to_string);
    expected.sort_by_key(Value::to_string);
    assert_eq!(found, expected);
}
