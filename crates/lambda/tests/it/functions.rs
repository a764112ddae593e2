//! The life of a function: create, look, change, list, delete.

use std::collections::BTreeMap;

use api::lambda::*;
use bytes::Bytes;

use crate::fixture::{World, check_failure, function, zip};

#[tokio::test]
async fn a_new_function_says_all_that_aws_says() {
    let world = World::new().await;
    let made = world.create("f").await;
    assert_eq!(made.code_sha256.as_ref().map(String::len), Some(44));
    assert_eq!(made.revision_id.as_ref().map(String::len), Some(36));
    assert!(made.code_size.unwrap() > 100);
    let runtime =
        made.runtime_version_config.as_ref().and_then(|c| c.runtime_version_arn.as_deref()).unwrap();
    assert!(runtime.starts_with("arn:aws:lambda:us-east-1::runtime:"), "{runtime}");
    let expected = FunctionConfiguration {
        function_name: Some("f".to_owned()),
        function_arn: Some("arn:aws:lambda:us-east-1:000000000000:function:f".to_owned()),
        runtime: Some("nodejs22.x".to_owned()),
        role: Some("arn:aws:iam::000000000000:role/r".to_owned()),
        handler: Some("index.handler".to_owned()),
        description: Some(String::new()),
        timeout: Some(3),
        memory_size: Some(128),
        last_modified: Some("2026-11-23T17:21:00.123+0000".to_owned()),
        version: Some("$LATEST".to_owned()),
        tracing_config: Some(TracingConfigResponse { mode: Some(TracingMode::PassThrough) }),
        state: Some(State::Pending),
        state_reason: Some("The function is being created.".to_owned()),
        state_reason_code: Some(StateReasonCode::Creating),
        package_type: Some(PackageType::Zip),
        architectures: Some(vec![Architecture::X8664]),
        ephemeral_storage: Some(EphemeralStorage { size: 512 }),
        snap_start: Some(SnapStartResponse {
            apply_on: Some(SnapStartApplyOn::None),
            optimization_status: Some(SnapStartOptimizationStatus::Off),
        }),
        logging_config: Some(LoggingConfig {
            log_format: Some(LogFormat::Text),
            log_group: Some("/aws/lambda/f".to_owned()),
            ..LoggingConfig::default()
        }),
        code_sha256: made.code_sha256.clone(),
        code_size: made.code_size,
        revision_id: made.revision_id.clone(),
        runtime_version_config: made.runtime_version_config.clone(),
        ..FunctionConfiguration::default()
    };
    assert_eq!(made, expected);
    let input = GetFunctionConfigurationInput { function_name: "f".to_owned(), qualifier: None };
    let active = FunctionConfiguration {
        state: Some(State::Active),
        state_reason: None,
        state_reason_code: None,
        last_update_status: Some(LastUpdateStatus::Successful),
        ..made
    };
    assert_eq!(world.lambda.get_function_configuration(&world.cx, input).await.unwrap(), active);
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one table")]
async fn what_create_refuses() {
    let world = World::new().await;
    world.create("taken").await;
    let invalid = "InvalidParameterValueException";
    let unzip = "Could not unzip uploaded file. Please check your file, then try to upload again.";
    let code = |zip: Bytes| FunctionCode { zip_file: Some(zip), ..FunctionCode::default() };
    let with = |change: fn(&mut CreateFunctionInput)| {
        let mut input = function("f");
        change(&mut input);
        input
    };
    for (input, code, status, message) in [
        (function("taken"), "ResourceConflictException", 409, "Function already exist: taken"),
        (
            CreateFunctionInput { code: code(Bytes::from_static(b"no zip")), ..function("f") },
            invalid,
            400,
            unzip,
        ),
        (
            CreateFunctionInput { code: code(Bytes::new()), ..function("f") },
            invalid,
            400,
            "Uploaded file must be a non-empty zip",
        ),
        (
            with(|f| f.code = FunctionCode::default()),
            invalid,
            400,
            "Please provide a source for function code.",
        ),
        (
            with(|f| f.handler = None),
            invalid,
            400,
            "Runtime and Handler are mandatory parameters for functions created with deployment packages.",
        ),
        (
            with(|f| {
                f.environment = Some(Environment {
                    variables: Some(BTreeMap::from([("NAME".to_owned(), "a\0b".to_owned())])),
                })
            }),
            invalid,
            400,
            "Lambda was unable to configure your environment variables because the environment variables you have provided contains a null character.",
        ),
        (
            with(|f| f.function_name = "n".repeat(65)),
            invalid,
            400,
            "1 validation error detected: Value 'nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn' at 'functionName' failed to satisfy constraint: Member must have length less than or equal to 64",
        ),
        (
            with(|f| f.timeout = Some(901)),
            "ValidationException",
            400,
            "1 validation error detected: Value '901' at 'timeout' failed to satisfy constraint: Member must have value less than or equal to 900",
        ),
        (
            with(|f| f.layers = Some(vec!["arn:aws:lambda:us-east-1:1:layer:l:1".to_owned()])),
            invalid,
            400,
            "Layer version arn:aws:lambda:us-east-1:1:layer:l:1 does not exist.",
        ),
        (
            with(|f| {
                f.environment = Some(Environment {
                    variables: Some(BTreeMap::from([("AWS_REGION".to_owned(), "x".to_owned())])),
                })
            }),
            invalid,
            400,
            "Lambda was unable to configure your environment variables because the environment variables you have provided contains reserved keys that are currently not supported for modification. Reserved keys used in this request: AWS_REGION",
        ),
        (
            with(|f| f.code.s3_bucket = Some("b".to_owned())),
            invalid,
            400,
            "Please do not provide other FunctionCode parameters when providing a ZipFile.",
        ),
        (
            with(|f| f.function_name = "arn:aws:lambda:eu-west-1:000000000000:function:f".to_owned()),
            "ResourceNotFoundException",
            404,
            "Functions from 'eu-west-1' are not reachable in this region ('us-east-1')",
        ),
    ] {
        check_failure(world.lambda.create_function(&world.cx, input).await, code, status, message);
    }
    let mut big = function("big");
    big.environment =
        Some(Environment { variables: Some(BTreeMap::from([("A".to_owned(), "x".repeat(4096))])) });
    let refused = world.lambda.create_function(&world.cx, big).await.unwrap_err();
    assert!(
        refused.message.contains("exceeded the 4KB limit. String measured: {\"A\":\"xxx"),
        "{}",
        refused.message
    );
    let unknown =
        world.lambda.create_function(&world.cx, with(|f| f.runtime = Some("cobol".to_owned()))).await;
    assert!(
        unknown.unwrap_err().message.starts_with("Value cobol at 'runtime' failed to satisfy constraint")
    );
}

#[tokio::test]
async fn updates_change_what_they_name() {
    let world = World::new().await;
    let made = world.create("f").await;
    let change = UpdateFunctionConfigurationInput {
        function_name: "f".to_owned(),
        timeout: Some(30),
        environment: Some(Environment {
            variables: Some(BTreeMap::from([("A".to_owned(), "1".to_owned())])),
        }),
        logging_config: Some(LoggingConfig { log_format: Some(LogFormat::Json), ..LoggingConfig::default() }),
        ..UpdateFunctionConfigurationInput::default()
    };
    let changed = world.lambda.update_function_configuration(&world.cx, change.clone()).await.unwrap();
    assert_eq!((changed.timeout, changed.memory_size), (Some(30), Some(128)));
    assert_ne!(changed.revision_id, made.revision_id);
    assert_eq!(changed.code_sha256, made.code_sha256);
    assert_eq!(changed.logging_config.unwrap().system_log_level, Some(SystemLogLevel::Info));
    let stale = UpdateFunctionConfigurationInput { revision_id: made.revision_id, ..change };
    check_failure(
        world.lambda.update_function_configuration(&world.cx, stale).await,
        "PreconditionFailedException",
        412,
        "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id",
    );
    let code = UpdateFunctionCodeInput {
        function_name: "f".to_owned(),
        zip_file: Some(zip("other")),
        ..Default::default()
    };
    let dry = UpdateFunctionCodeInput { dry_run: Some(true), ..code.clone() };
    assert_ne!(
        world.lambda.update_function_code(&world.cx, dry).await.unwrap().code_sha256,
        made.code_sha256
    );
    let input = GetFunctionInput { function_name: "f".to_owned(), qualifier: None };
    let before = world.lambda.get_function(&world.cx, input.clone()).await.unwrap();
    assert_eq!(before.configuration.unwrap().code_sha256, made.code_sha256);
    let updated = world.lambda.update_function_code(&world.cx, code).await.unwrap();
    assert_eq!(updated.environment.unwrap().variables.unwrap().len(), 1);

    let seen = world.lambda.get_function(&world.cx, input).await.unwrap();
    let location = seen.code.unwrap().location.unwrap();
    let name = location.strip_prefix("http://127.0.0.1:4566/_rushlight/lambda/code/").unwrap();
    assert_eq!(world.lambda.code_package(name).await.unwrap(), Some(zip("other")));
    for name in ["", "zz", "../../etc/passwd", &"0".repeat(64), &"0".repeat(66)] {
        assert_eq!(world.lambda.code_package(name).await.unwrap(), None, "{name}");
    }
}

#[tokio::test]
async fn lists_come_in_pages() {
    let world = World::new().await;
    for name in ["c", "a", "b"] {
        world.create(name).await;
    }
    let mut marker = None;
    let mut names = Vec::new();
    loop {
        let input = ListFunctionsInput { marker, max_items: Some(2), ..ListFunctionsInput::default() };
        let page = world.lambda.list_functions(&world.cx, input).await.unwrap();
        names.extend(page.functions.unwrap().into_iter().map(|f| f.function_name.unwrap()));
        match page.next_marker {
            Some(next) => marker = Some(next),
            None => break,
        }
    }
    assert_eq!(names, ["a", "b", "c"]);
    let other =
        base::Cx::internal(base::Scope { region: base::Region::new("eu-west-1"), ..Default::default() });
    let page = world.lambda.list_functions(&other, ListFunctionsInput::default()).await.unwrap();
    assert_eq!(page.functions, Some(vec![]));
}

#[tokio::test]
async fn a_deleted_function_leaves_nothing() {
    let world = World::new().await;
    world.create("f").await;
    world.invoke("f", "{}").await.unwrap();
    assert_eq!(world.executor.alive(), 1);
    let input = DeleteFunctionInput { function_name: "f".to_owned(), qualifier: None };
    let deleted = world.lambda.delete_function(&world.cx, input.clone()).await.unwrap();
    assert_eq!(deleted.status_code, Some(204));
    assert_eq!(world.executor.alive(), 0);
    let rows =
        world.store.scan(store::KeyRange::new(&b"\x20"[..], &b"\x30"[..]), Default::default()).await.unwrap();
    assert_eq!(rows.entries.len(), 0, "{rows:?}");
    let missing = "Function not found: arn:aws:lambda:us-east-1:000000000000:function:f";
    check_failure(
        world.lambda.delete_function(&world.cx, input).await,
        "ResourceNotFoundException",
        404,
        missing,
    );
}

#[tokio::test]
async fn tags() {
    let world = World::new().await;
    let arn = world.create("f").await.function_arn.unwrap();
    let tag = |key: &str, value: &str| TagResourceInput {
        resource: arn.clone(),
        tags: BTreeMap::from([(key.to_owned(), value.to_owned())]),
    };
    world.lambda.tag_resource(&world.cx, tag("a", "1")).await.unwrap();
    world.lambda.tag_resource(&world.cx, tag("b", "2")).await.unwrap();
    world.lambda.tag_resource(&world.cx, tag("a", "3")).await.unwrap();
    let untag = UntagResourceInput { resource: arn.clone(), tag_keys: vec!["b".to_owned(), "x".to_owned()] };
    world.lambda.untag_resource(&world.cx, untag).await.unwrap();
    let tags = world
        .lambda
        .list_tags(&world.cx, ListTagsInput { resource: arn.clone() })
        .await
        .unwrap()
        .tags
        .unwrap();
    assert_eq!(tags, BTreeMap::from([("a".to_owned(), "3".to_owned())]));
    check_failure(
        world.lambda.list_tags(&world.cx, ListTagsInput { resource: format!("{arn}:1") }).await,
        "InvalidParameterValueException",
        400,
        "Tags on function aliases and versions are not supported. Please specify a function ARN.",
    );
}

#[tokio::test]
async fn account_settings_and_empty_answers() {
    let world = World::new().await;
    world.create("f").await;
    let settings = world.lambda.get_account_settings(&world.cx, GetAccountSettingsInput {}).await.unwrap();
    assert_eq!(settings.account_usage.unwrap().function_count, Some(1));
    assert_eq!(settings.account_limit.unwrap().unreserved_concurrent_executions, Some(1000));
    let input = GetFunctionConcurrencyInput { function_name: "f".to_owned() };
    let concurrency = world.lambda.get_function_concurrency(&world.cx, input).await.unwrap();
    assert_eq!(concurrency.reserved_concurrent_executions, None);
    let input = GetFunctionCodeSigningConfigInput { function_name: "f".to_owned() };
    assert_eq!(
        world.lambda.get_function_code_signing_config(&world.cx, input).await.unwrap().function_name,
        "f"
    );
}
