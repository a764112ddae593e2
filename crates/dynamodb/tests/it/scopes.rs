//! Accounts and regions do not see each other's tables.

use base::{Cx, Region, Scope};
use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn a_table_is_seen_in_its_account_and_region_alone() {
    let mut world = World::new().await;
    let home = Scope::default();
    let abroad = Scope { region: Region::new("eu-west-1"), ..home.clone() };
    let other = Scope { account: "123456789012".parse().unwrap(), ..home.clone() };
    let table = json!({"TableName": "mine", "BillingMode": "PAY_PER_REQUEST", "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "StreamSpecification": {"StreamEnabled": true, "StreamViewType": "KEYS_ONLY"}});
    for (number, scope) in [home, abroad, other].into_iter().enumerate() {
        world.cx = Cx::internal(scope.clone());
        assert_eq!(world.ok("ListTables", json!({})).await["TableNames"], json!([]));
        assert_eq!(world.ok("ListStreams", json!({})).await["Streams"], json!([]));
        let made = world.ok("CreateTable", table.clone()).await;
        let arn = format!("arn:aws:dynamodb:{}:{}:table/mine", scope.region, scope.account);
        assert_eq!(made["TableDescription"]["TableArn"], arn);
        let item = json!({"pk": {"S": "a"}, "n": {"N": number.to_string()}});
        assert_eq!(world.ok("Scan", json!({"TableName": "mine"})).await["Count"], 0);
        world.ok("PutItem", json!({"TableName": arn, "Item": item})).await;
        assert_eq!(world.ok("Scan", json!({"TableName": "mine"})).await["Items"], json!([item]));
    }
    // By ARN neither.
    let foreign = json!({"TableName": "arn:aws:dynamodb:us-east-1:000000000000:table/mine"});
    assert_eq!(world.refused("Scan", foreign).await, "AccessDeniedException: Access is denied");
}
