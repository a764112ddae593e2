//! Statements beside the operations that they stand for: pages over many partitions, tokens over a restart, sizes,
//! and what nobody should send.

use serde_json::{Value, json};
use store::Store;

use crate::world::World;

async fn world(store: Store) -> World {
    let world = World::on(store).await;
    world
        .ok(
            "CreateTable",
            json!({"TableName": "table", "BillingMode": "PAY_PER_REQUEST",
                "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
                "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}, {"AttributeName": "sk", "AttributeType": "N"}]}),
        )
        .await;
    world
}

fn select(statement: &str) -> Value {
    json!({"Statement": statement, "ReturnConsumedCapacity": "TOTAL"})
}

async fn insert(world: &World, partition: usize, sort: usize, pad: &str) {
    let parameters = json!([{"S": format!("p{partition}")}, {"N": sort.to_string()}, {"S": pad}]);
    let statement = "INSERT INTO \"table\" VALUE {'pk': ?, 'sk': ?, 'pad': ?}";
    world.ok("ExecuteStatement", json!({"Statement": statement, "Parameters": parameters})).await;
}

/// All pages of a statement, one after the other.
async fn walk(world: &World, statement: &str, limit: i32) -> Vec<String> {
    let mut request = json!({"Statement": statement, "Limit": limit});
    let mut seen = Vec::new();
    loop {
        let page = world.ok("ExecuteStatement", request.clone()).await;
        for item in page["Items"].as_array().unwrap() {
            seen.push(format!("{}/{}", item["pk"]["S"].as_str().unwrap(), item["sk"]["N"].as_str().unwrap()));
        }
        match page.get("NextToken") {
            Some(token) => request["NextToken"] = token.clone(),
            None => return seen,
        }
    }
}

#[tokio::test]
async fn pages_of_any_size_make_up_the_whole() {
    let world = world(Store::memory()).await;
    for partition in 0..4 {
        for sort in 0..7 {
            insert(&world, partition, sort, "").await;
        }
    }
    for (filter, count) in [
        ("", 28),
        (" WHERE pk = 'p1'", 7),
        (" WHERE pk = 'p1' AND sk = 3", 1),
        (" WHERE pk IN ['p2', 'p0', 'nobody', 'p3']", 21),
        (" WHERE pk IN ['p2', 'p0'] AND sk IN [1, 3, 9]", 4),
        (" WHERE pk IN ['p2', 'p0'] AND (sk < 2 OR sk > 5) ORDER BY pk DESC, sk DESC", 6),
        (" WHERE pk = 'p1' AND NOT sk = 2 OR pk = 'p1' AND sk = 4", 6),
        (" WHERE pk IN ['p2', 'p0'] AND sk >= 1 AND sk <= 4 AND sk BETWEEN 2 AND 9 ORDER BY pk, sk", 6),
        (" WHERE sk = 3", 4),
        (" WHERE NOT pk = 'p1' AND sk > 4", 6),
    ] {
        let statement = format!("SELECT pk, sk FROM \"table\"{filter}");
        let whole = walk(&world, &statement, 1000).await;
        assert_eq!(whole.len(), count, "{filter}: {whole:?}");
        for limit in 1..9 {
            assert_eq!(walk(&world, &statement, limit).await, whole, "{filter} by {limit}");
        }
    }
}

#[tokio::test]
async fn tokens_outlive_a_restart() {
    let store = Store::memory();
    let before = world(store.clone()).await;
    for sort in 0..4 {
        insert(&before, 0, sort, "").await;
    }
    let statement = "SELECT sk FROM \"table\" WHERE pk = 'p0'";
    let page = before.ok("ExecuteStatement", json!({"Statement": statement, "Limit": 3})).await;
    let after = World::on(store).await;
    let rest =
        after.ok("ExecuteStatement", json!({"Statement": statement, "NextToken": page["NextToken"]})).await;
    assert_eq!(rest["Items"], json!([{"sk": {"N": "3"}}]));
}

#[tokio::test]
async fn pages_end_at_a_megabyte() {
    let world = world(Store::memory()).await;
    let pad = "x".repeat(100_000);
    for partition in 0..2 {
        for sort in 0..8 {
            insert(&world, partition, sort, &pad).await;
        }
    }
    let statement = "SELECT sk FROM \"table\" WHERE pk IN ['p0', 'p1']";
    let page = world.ok("ExecuteStatement", select(statement)).await;
    let count = page["Items"].as_array().unwrap().len();
    assert!(page["NextToken"].is_string());
    assert_eq!(count, 11);
    assert_eq!(walk(&world, "SELECT * FROM \"table\" WHERE pk IN ['p0', 'p1']", 1000).await.len(), 16);
    assert_eq!(walk(&world, "SELECT * FROM \"table\"", 1000).await.len(), 16);
}

#[tokio::test]
async fn an_item_has_at_most_400_kilobytes() {
    let world = world(Store::memory()).await;
    let statement = "INSERT INTO \"table\" VALUE {'pk': 'a', 'sk': 1, 'v': ?}";
    let sized = |bytes: usize| json!({"Statement": statement, "Parameters": [{"S": "x".repeat(bytes - 8)}]});
    assert_eq!(
        world.refused("ExecuteStatement", sized(409_601)).await,
        "ValidationException: Item size has exceeded the maximum allowed size"
    );
    world.ok("ExecuteStatement", sized(409_600)).await;
    let update = "UPDATE \"table\" SET w = 'x' WHERE pk = 'a' AND sk = 1";
    assert_eq!(
        world.refused("ExecuteStatement", json!({"Statement": update})).await,
        "ValidationException: Item size to update has exceeded the maximum allowed size"
    );
}

#[tokio::test]
async fn values_nest_to_32_levels() {
    let world = world(Store::memory()).await;
    insert(&world, 0, 0, "").await;
    let nested = |levels: usize| (0..levels).fold(json!({"S": "x"}), |inner, _| json!({"M": {"a": inner}}));
    let update = |path: &str, levels: usize| {
        let statement = format!("UPDATE \"table\" SET {path} = ? WHERE pk = 'p0' AND sk = 0");
        json!({"Statement": statement, "Parameters": [nested(levels)]})
    };
    world.ok("ExecuteStatement", update("m", 32)).await;
    assert_eq!(
        world.refused("ExecuteStatement", update("m.a", 32)).await,
        "ValidationException: Nesting Levels have exceeded supported limits"
    );
    let refused = world.refused("ExecuteStatement", update("m", 33)).await;
    assert!(refused.contains("Nesting Levels have exceeded supported limits: Attributes"), "{refused}");
}

#[tokio::test]
async fn hostile_statements_do_not_end_the_process() {
    let world = world(Store::memory()).await;
    let many = (0..1500).map(|n| format!("'{n}'")).collect::<Vec<_>>().join(",");
    for text in [
        "(".repeat(8192),
        format!("SELECT * FROM \"table\" WHERE {}", "(".repeat(8000)),
        format!("SELECT * FROM \"table\" WHERE {}pk='a'{}", "(".repeat(4000), ")".repeat(4000)),
        format!("SELECT * FROM \"table\" WHERE {}pk='a'", "NOT ".repeat(2000)),
        format!("SELECT * FROM \"table\" WHERE pk IN [{many}]"),
        format!("SELECT * FROM \"table\" WHERE {}pk='a'", "pk='a' OR ".repeat(700)),
        format!("SELECT * FROM \"table\" WHERE {}sk=1", "pk IN ['a','b','c'] AND ".repeat(300)),
        format!("INSERT INTO \"table\" VALUE {{'pk': {}", "[".repeat(8000)),
        format!("INSERT INTO \"table\" VALUE {{'pk': '{}", "x".repeat(8000)),
        format!("UPDATE \"table\" SET a = {}1", "-".repeat(8000)),
        format!("UPDATE \"table\" SET a{} = 1 WHERE pk = 'a' AND sk = 1", "[0]".repeat(2000)),
        "\u{0}".repeat(8192),
        "é\"'`".to_owned(),
    ] {
        let body = json!({"Statement": text});
        let reply = world.call("ExecuteStatement", &body.to_string()).await;
        assert!(reply.status == 400 || text.contains("pk='a'"), "{} {text:.80}", reply.body);
        world.call("BatchExecuteStatement", &json!({"Statements": [body]}).to_string()).await;
        world.call("ExecuteTransaction", &json!({"TransactStatements": [body]}).to_string()).await;
    }
    let refused = world.refused("ExecuteStatement", json!({"Statement": "x".repeat(8193)})).await;
    assert!(refused.contains("Member must have length less than or equal to 8192"), "{refused}");
    for token in ["", "zz", "00", &"0".repeat(40), &"f".repeat(3000)] {
        let body = json!({"Statement": "SELECT * FROM \"table\"", "NextToken": token});
        assert_eq!(world.call("ExecuteStatement", &body.to_string()).await.status, 400);
    }
}
