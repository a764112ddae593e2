//! What another process finds.

use std::collections::BTreeMap;
use std::time::Duration;

use api::lambda::*;

use crate::fixture::{Answer, World, zip};

#[tokio::test]
async fn everything_is_there_again() {
    let world = World::new().await;
    world.create("f").await;
    let publish = PublishVersionInput { function_name: "f".to_owned(), ..Default::default() };
    world.lambda.publish_version(&world.cx, publish).await.unwrap();
    let code = UpdateFunctionCodeInput {
        function_name: "f".to_owned(),
        zip_file: Some(zip("new")),
        ..Default::default()
    };
    world.lambda.update_function_code(&world.cx, code).await.unwrap();
    let alias = CreateAliasInput {
        function_name: "f".to_owned(),
        name: "live".to_owned(),
        function_version: "1".to_owned(),
        ..CreateAliasInput::default()
    };
    world.lambda.create_alias(&world.cx, alias).await.unwrap();
    let tags = TagResourceInput {
        resource: "arn:aws:lambda:us-east-1:000000000000:function:f".to_owned(),
        tags: BTreeMap::from([("a".to_owned(), "1".to_owned())]),
    };
    world.lambda.tag_resource(&world.cx, tags).await.unwrap();
    let permission = AddPermissionInput {
        function_name: "f".to_owned(),
        statement_id: "s".to_owned(),
        action: "lambda:InvokeFunction".to_owned(),
        principal: "*".to_owned(),
        ..AddPermissionInput::default()
    };
    world.lambda.add_permission(&world.cx, permission).await.unwrap();

    let before = look(&world).await;
    world.lambda.stop(Duration::from_secs(2)).await;
    let next = world.reopened().await;
    assert_eq!(look(&next).await, before);
    next.executor.answer(|spec, _| {
        let code = std::fs::read_to_string(spec.code_dir.join("index.js")).unwrap();
        Answer::Json(format!("\"{code} {}\"", spec.version))
    });
    assert_eq!(next.invoke("f", "{}").await.unwrap().payload, "\"new $LATEST\"");
    assert_eq!(next.invoke("f:live", "{}").await.unwrap().payload, "\"f 1\"");
}

async fn look(world: &World) -> String {
    let (lambda, cx) = (&world.lambda, &world.cx);
    let name = || "f".to_owned();
    let function =
        lambda.get_function(cx, GetFunctionInput { function_name: name(), qualifier: None }).await.unwrap();
    let list = ListVersionsByFunctionInput { function_name: name(), ..Default::default() };
    let versions = lambda.list_versions_by_function(cx, list).await.unwrap();
    let aliases = lambda
        .list_aliases(cx, ListAliasesInput { function_name: name(), ..Default::default() })
        .await
        .unwrap();
    let policy =
        lambda.get_policy(cx, GetPolicyInput { function_name: name(), qualifier: None }).await.unwrap();
    format!("{function:#?}{versions:#?}{aliases:#?}{policy:#?}")
}
