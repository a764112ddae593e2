//! Versions and aliases.

use std::collections::BTreeMap;

use api::lambda::*;
use base::RequestId;
use ports::Invoke;

use crate::fixture::{World, check_failure, function, zip};

async fn publish(world: &World, description: Option<&str>) -> FunctionConfiguration {
    let input = PublishVersionInput {
        function_name: "f".to_owned(),
        description: description.map(str::to_owned),
        ..PublishVersionInput::default()
    };
    world.lambda.publish_version(&world.cx, input).await.unwrap()
}

async fn new_code(world: &World, content: &str) {
    let input = UpdateFunctionCodeInput {
        function_name: "f".to_owned(),
        zip_file: Some(zip(content)),
        ..UpdateFunctionCodeInput::default()
    };
    world.lambda.update_function_code(&world.cx, input).await.unwrap();
}

#[tokio::test]
async fn a_version_comes_only_with_a_change() {
    let world = World::new().await;
    world.create("f").await;
    let first = publish(&world, Some("one")).await;
    assert_eq!(first.version.as_deref(), Some("1"));
    assert_eq!(first.description.as_deref(), Some("one"));
    assert_eq!(first.function_arn.as_deref(), Some("arn:aws:lambda:us-east-1:000000000000:function:f:1"));
    assert_eq!(publish(&world, Some("again")).await, first);
    new_code(&world, "other").await;
    assert_eq!(publish(&world, None).await.version.as_deref(), Some("2"));

    let input = ListVersionsByFunctionInput { function_name: "f".to_owned(), ..Default::default() };
    let listed = world.lambda.list_versions_by_function(&world.cx, input).await.unwrap().versions.unwrap();
    let arns: Vec<_> =
        listed.iter().map(|v| v.function_arn.as_deref().unwrap().rsplit(':').next().unwrap()).collect();
    assert_eq!(arns, ["$LATEST", "1", "2"]);
    assert_eq!(listed[1].state, None);
    let input = PublishVersionInput {
        function_name: "f".to_owned(),
        code_sha256: Some("x".to_owned()),
        ..PublishVersionInput::default()
    };
    let sha = listed[2].code_sha256.clone().unwrap();
    check_failure(
        world.lambda.publish_version(&world.cx, input).await,
        "InvalidParameterValueException",
        400,
        &format!(
            "CodeSHA256 (x) is different from current CodeSHA256 in $LATEST ({sha}). Please try again with the CodeSHA256 in $LATEST."
        ),
    );
}

#[tokio::test]
async fn numbers_are_never_used_twice() {
    let world = World::new().await;
    let publishing = CreateFunctionInput { publish: Some(true), ..function("f") };
    let made = world.lambda.create_function(&world.cx, publishing.clone()).await.unwrap();
    assert_eq!(made.version.as_deref(), Some("1"));
    let delete = DeleteFunctionInput { function_name: "f".to_owned(), qualifier: None };
    world.lambda.delete_function(&world.cx, delete).await.unwrap();
    let made = world.lambda.create_function(&world.cx, publishing).await.unwrap();
    assert_eq!(made.version.as_deref(), Some("2"));
}

fn alias(name: &str, version: &str, weights: &[(&str, f64)]) -> CreateAliasInput {
    let weights: BTreeMap<String, f64> = weights.iter().map(|(v, w)| ((*v).to_owned(), *w)).collect();
    CreateAliasInput {
        function_name: "f".to_owned(),
        name: name.to_owned(),
        function_version: version.to_owned(),
        description: None,
        routing_config: (!weights.is_empty())
            .then_some(AliasRoutingConfiguration { additional_version_weights: Some(weights) }),
    }
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one table")]
async fn aliases_and_what_they_refuse() {
    let world = World::new().await;
    world.create("f").await;
    publish(&world, None).await;
    new_code(&world, "two").await;
    publish(&world, None).await;
    let made = world.lambda.create_alias(&world.cx, alias("live", "1", &[])).await.unwrap();
    assert_eq!(made.alias_arn.as_deref(), Some("arn:aws:lambda:us-east-1:000000000000:function:f:live"));
    let arn = "arn:aws:lambda:us-east-1:000000000000:function:f";
    let invalid = "InvalidParameterValueException";
    for (input, code, status, message) in [
        (
            alias("live", "1", &[]),
            "ResourceConflictException",
            409,
            format!("Alias already exists: {arn}:live"),
        ),
        (alias("a", "9", &[]), "ResourceNotFoundException", 404, format!("Function not found: {arn}:9")),
        (
            alias("a", "1", &[("9", 0.5)]),
            "ResourceNotFoundException",
            404,
            format!("Function not found: {arn}:9"),
        ),
        (
            alias("a", "$LATEST", &[("1", 0.5)]),
            invalid,
            400,
            "$LATEST is not supported for an alias pointing to more than 1 version".to_owned(),
        ),
        (
            alias("a", "1", &[("1", 0.5)]),
            invalid,
            400,
            "Invalid function version 1. Function version 1 is already included in routing configuration."
                .to_owned(),
        ),
        (
            alias("a", "1", &[("1", 0.5), ("2", 0.1)]),
            invalid,
            400,
            "Number of items in AdditionalVersionWeights cannot be greater than 1".to_owned(),
        ),
    ] {
        check_failure(world.lambda.create_alias(&world.cx, input).await, code, status, &message);
    }
    let update = UpdateAliasInput {
        function_name: "f".to_owned(),
        name: "live".to_owned(),
        function_version: Some("2".to_owned()),
        ..Default::default()
    };
    assert_eq!(
        world.lambda.update_alias(&world.cx, update).await.unwrap().function_version.as_deref(),
        Some("2")
    );
    let input =
        GetFunctionConfigurationInput { function_name: "f".to_owned(), qualifier: Some("live".to_owned()) };
    let through = world.lambda.get_function_configuration(&world.cx, input).await.unwrap();
    assert_eq!(
        (through.function_arn.as_deref(), through.version.as_deref()),
        (Some(&*format!("{arn}:live")), Some("2"))
    );
    let version = |number: &str| DeleteFunctionInput {
        function_name: "f".to_owned(),
        qualifier: Some(number.to_owned()),
    };
    check_failure(
        world.lambda.delete_function(&world.cx, version("2")).await,
        "ResourceConflictException",
        409,
        "Unable to delete version because the following aliases reference it: [live]",
    );
    world.lambda.delete_function(&world.cx, version("1")).await.unwrap();
    let delete = DeleteAliasInput { function_name: "f".to_owned(), name: "live".to_owned() };
    world.lambda.delete_alias(&world.cx, delete.clone()).await.unwrap();
    world.lambda.delete_alias(&world.cx, delete).await.unwrap();
    let get = GetAliasInput { function_name: "f".to_owned(), name: "live".to_owned() };
    check_failure(
        world.lambda.get_alias(&world.cx, get).await,
        "ResourceNotFoundException",
        404,
        &format!("Cannot find alias arn: {arn}:live"),
    );
    let list = ListAliasesInput { function_name: "f".to_owned(), ..Default::default() };
    assert_eq!(world.lambda.list_aliases(&world.cx, list).await.unwrap().aliases, Some(vec![]));
}

#[tokio::test]
async fn an_alias_with_weights_shares_its_invocations() {
    let world = World::new().await;
    world.create("f").await;
    publish(&world, None).await;
    new_code(&world, "two").await;
    publish(&world, None).await;
    world.lambda.create_alias(&world.cx, alias("live", "1", &[("2", 0.25)])).await.unwrap();
    // The ids are the dice: a fixed series of them is a fixed series of versions.
    let mut state = 1u128;
    let mut second = 0;
    for _ in 0..400 {
        state = state.wrapping_mul(0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645).wrapping_add(1);
        let call = ports::InvokeCall { request_id: RequestId(state >> 64), ..world.call("f:live", "{}") };
        let reply = Invoke::invoke(&*world.lambda, call).await.unwrap();
        second += usize::from(reply.executed_version == "2");
    }
    assert!((80..120).contains(&second), "{second}");
}
