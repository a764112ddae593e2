//! What nobody should send, and the edges of what one may.

use serde_json::{Value, json};

use crate::world::World;

async fn world() -> World {
    let world = World::new().await;
    world
        .ok(
            "CreateTable",
            json!({"TableName": "edge", "BillingMode": "PAY_PER_REQUEST",
                "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
                "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}, {"AttributeName": "sk", "AttributeType": "B"}]}),
        )
        .await;
    world
}

fn put(more: Value) -> Value {
    let mut item = json!({"pk": {"S": "a"}, "sk": {"B": "AA=="}});
    item.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"TableName": "edge", "Item": item})
}

/// An item of `bytes` in all.
fn sized(bytes: usize) -> Value {
    // "pk" + "a" + "sk" + one byte + "v"
    put(json!({"v": {"S": "x".repeat(bytes - 7)}}))
}

#[tokio::test]
async fn an_item_has_at_most_400_kilobytes() {
    let world = world().await;
    world.ok("PutItem", sized(409_600)).await;
    let too_large = "ValidationException: Item size has exceeded the maximum allowed size";
    assert_eq!(world.refused("PutItem", sized(409_601)).await, too_large);
    let batch = |item: Value| json!({"RequestItems": {"edge": [{"PutRequest": {"Item": item["Item"]}}]}});
    world.ok("BatchWriteItem", batch(sized(409_600))).await;
    assert_eq!(world.refused("BatchWriteItem", batch(sized(409_601))).await, too_large);
    let key = json!({"pk": {"S": "a"}, "sk": {"B": "AA=="}});
    let update = |value: &str| json!({"TableName": "edge", "Key": key, "UpdateExpression": "SET w = :w", "ExpressionAttributeValues": {":w": {"S": value}}});
    let refused = world.refused("UpdateItem", update("x")).await;
    assert_eq!(refused, "ValidationException: Item size to update has exceeded the maximum allowed size");
    let read =
        json!({"TableName": "edge", "Key": key, "ConsistentRead": true, "ReturnConsumedCapacity": "TOTAL"});
    assert_eq!(world.ok("GetItem", read).await["ConsumedCapacity"]["CapacityUnits"], 100.0);
}

/// An update weighs what it sets and something for each action; key and untouched attributes are not in it.
#[tokio::test]
async fn an_update_weighs_what_it_sets() {
    let world = world().await;
    let key = json!({"pk": {"S": "a"}, "sk": {"B": "AA=="}});
    let too_large = "ValidationException: Item size to update has exceeded the maximum allowed size";
    for (expression, spare) in [
        ("SET b = :pad", 3 + 19),
        ("SET b = :pad, c = :c", 3 + 2 * 19 + 2),
        ("SET b = :pad REMOVE r", 3 + 19 + 2),
        ("SET b = :pad, d[0] = :c", 3 + 19 + 20 + "d".len() + 3 + 1 + 1),
    ] {
        let update = |bytes: usize| {
            let pad = "x".repeat(bytes - spare - "b".len());
            let mut values = json!({":pad": {"S": pad}});
            if expression.contains(":c") {
                values[":c"] = json!({"S": "y"});
            }
            json!({"TableName": "edge", "Key": key, "UpdateExpression": expression, "ExpressionAttributeValues": values})
        };
        world.ok("PutItem", put(json!({"r": {"S": "z"}, "d": {"L": []}}))).await;
        assert_eq!(world.refused("UpdateItem", update(409_601)).await, too_large, "{expression}");
        world.ok("UpdateItem", update(409_600)).await;
    }
}

#[tokio::test]
async fn keys_have_their_lengths() {
    let world = world().await;
    let item = |hash: usize, range: usize| {
        let sort = format!("{}==", "AAAA".repeat(range / 3) + "AA");
        let sort = if range.is_multiple_of(3) { "AAAA".repeat(range / 3) } else { sort };
        json!({"TableName": "edge", "Item": {"pk": {"S": "p".repeat(hash)}, "sk": {"B": sort}}})
    };
    world.ok("PutItem", item(2048, 1024)).await;
    assert_eq!(
        world.refused("PutItem", item(2049, 1)).await,
        "ValidationException: One or more parameter values were invalid: Size of hashkey has exceeded the maximum \
         size limit of2048 bytes"
    );
    assert_eq!(
        world.refused("PutItem", item(1, 1026)).await,
        "ValidationException: One or more parameter values were invalid: Aggregated size of all range keys has \
         exceeded the size limit of 1024 bytes"
    );
}

#[tokio::test]
async fn values_nest_to_32_levels() {
    let world = world().await;
    let nested = |levels: usize| (0..levels).fold(json!({"S": "x"}), |inner, _| json!({"L": [inner]}));
    world.ok("PutItem", put(json!({"v": nested(32)}))).await;
    let refused = world.refused("PutItem", put(json!({"v": nested(33)}))).await;
    assert!(refused.contains("Nesting Levels have exceeded supported limits"), "{refused}");
    // An update cannot build deeper either.
    let update = json!({"TableName": "edge", "Key": {"pk": {"S": "a"}, "sk": {"B": "AA=="}},
        "UpdateExpression": "SET v[0] = :v", "ExpressionAttributeValues": {":v": nested(32)}});
    let refused = world.refused("UpdateItem", update).await;
    assert!(refused.contains("Nesting Levels have exceeded supported limits"), "{refused}");
    let bottomless = format!(
        r#"{{"TableName": "edge", "Item": {{"pk": {{"S": "a"}}, "v": {}1{} }}}}"#,
        r#"{"L": ["#.repeat(200_000),
        "]}".repeat(200_000)
    );
    let reply = world.call("PutItem", &bottomless).await;
    assert_eq!(reply.status, 400);
}

#[tokio::test]
async fn parentheses_do_not_end_the_process() {
    let world = world().await;
    for text in
        ["(".repeat(4096), "(".repeat(2000) + "a" + &")".repeat(2000), "NOT ".repeat(1024), "a[".repeat(2048)]
    {
        for (operation, member) in [("Scan", "FilterExpression"), ("Scan", "ProjectionExpression")] {
            let refused = world.refused(operation, json!({"TableName": "edge", member: text})).await;
            assert!(refused.starts_with("ValidationException"), "{refused}");
        }
        let mut request = put(json!({}));
        request["ConditionExpression"] = json!(text);
        let refused = world.refused("PutItem", request).await;
        assert!(refused.starts_with("ValidationException"), "{refused}");
        let update = json!({"TableName": "edge", "Key": {"pk": {"S": "a"}, "sk": {"B": "AA=="}}, "UpdateExpression": format!("SET a = {text}")});
        let refused = world.refused("UpdateItem", update).await;
        assert!(refused.starts_with("ValidationException"), "{refused}");
        let query = json!({"TableName": "edge", "KeyConditionExpression": text});
        assert!(world.refused("Query", query).await.starts_with("ValidationException"));
    }
}

#[tokio::test]
async fn pages_end_at_a_megabyte() {
    let world = world().await;
    for number in 0..12u8 {
        let item = json!({"pk": {"S": "a"}, "sk": {"B": format!("A{}A=", char::from(b'A' + number))}, "v": {"S": "x".repeat(100_000)}});
        world.ok("PutItem", json!({"TableName": "edge", "Item": item})).await;
    }
    let query = json!({"TableName": "edge", "KeyConditionExpression": "pk = :p", "ExpressionAttributeValues": {":p": {"S": "a"}},
        "FilterExpression": "attribute_not_exists(v)", "ReturnConsumedCapacity": "TOTAL"});
    let page = world.ok("Query", query).await;
    assert_eq!((page["Count"].as_i64(), page["ScannedCount"].as_i64()), (Some(0), Some(11)));
    assert!(page["LastEvaluatedKey"].is_object());
    assert_eq!(page["ConsumedCapacity"]["CapacityUnits"], 134.5);
}

#[tokio::test]
async fn malformed_requests_are_refused() {
    let world = world().await;
    for body in [
        "",
        "{",
        "[]",
        "null",
        "{\"TableName\": 1}",
        "{\"TableName\": \"edge\", \"Key\": []}",
        "\u{0}",
        "{\"TableName\": \"edge\"} x",
    ] {
        for operation in ["GetItem", "PutItem", "Query", "CreateTable", "GetRecords"] {
            let reply = world.call(operation, body).await;
            assert_eq!(reply.status, 400, "{operation} {body}");
        }
    }
    for iterator in [
        "|1|",
        "arn:aws:dynamodb:us-east-1:000000000000:table/edge/stream/x|1|00ffffffffffffffff0000000000000000",
    ] {
        assert_eq!(
            world.call("GetRecords", &json!({"ShardIterator": iterator}).to_string()).await.status,
            400
        );
    }
}

#[tokio::test]
async fn the_largest_batch_is_written() {
    let world = World::new().await;
    let indexes: Vec<Value> = (0..20)
        .map(|number| {
            json!({"IndexName": format!("index{number}"), "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"}})
        })
        .collect();
    world
        .ok(
            "CreateTable",
            json!({"TableName": "wide", "BillingMode": "PAY_PER_REQUEST", "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
                "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}, {"AttributeName": "g", "AttributeType": "S"}],
                "GlobalSecondaryIndexes": indexes}),
        )
        .await;
    let puts: Vec<Value> = (0..25)
        .map(|number| json!({"PutRequest": {"Item": {"pk": {"S": number.to_string()}, "g": {"S": "g"}, "v": {"S": "x".repeat(400_000)}}}}))
        .collect();
    let told = world
        .ok("BatchWriteItem", json!({"RequestItems": {"wide": puts}, "ReturnConsumedCapacity": "TOTAL"}))
        .await;
    assert_eq!(told["ConsumedCapacity"][0]["CapacityUnits"], 25.0 * 391.0 * 21.0);
    let count = json!({"TableName": "wide", "IndexName": "index19", "Select": "COUNT"});
    assert_eq!(world.ok("Scan", count).await["Count"], 3);
}
