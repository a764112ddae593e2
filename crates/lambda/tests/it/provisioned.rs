//! Provisioned concurrency and SnapStart: environments initialised before they are needed.

use std::sync::{Arc, Mutex};

use api::lambda::ProvisionedConcurrencyStatusEnum as Status;
use api::lambda::*;
use sandbox::{FaultKind, InitType};
use tokio::sync::mpsc;
use wire::Failure;

use crate::fixture::{Answer, World, check_failure, function, settle};

async fn publish(world: &World) {
    let input = PublishVersionInput { function_name: "f".to_owned(), ..Default::default() };
    world.lambda.publish_version(&world.cx, input).await.unwrap();
}

async fn alias(world: &World, name: &str, version: &str) {
    let input = CreateAliasInput {
        function_name: "f".to_owned(),
        name: name.to_owned(),
        function_version: version.to_owned(),
        ..Default::default()
    };
    world.lambda.create_alias(&world.cx, input).await.unwrap();
}

async fn put(
    world: &World,
    qualifier: &str,
    count: i32,
) -> Result<PutProvisionedConcurrencyConfigOutput, Failure> {
    let input = PutProvisionedConcurrencyConfigInput {
        function_name: "f".to_owned(),
        qualifier: qualifier.to_owned(),
        provisioned_concurrent_executions: count,
    };
    world.lambda.put_provisioned_concurrency_config(&world.cx, input).await
}

async fn get(world: &World, qualifier: &str) -> Result<GetProvisionedConcurrencyConfigOutput, Failure> {
    let input = GetProvisionedConcurrencyConfigInput {
        function_name: "f".to_owned(),
        qualifier: qualifier.to_owned(),
    };
    world.lambda.get_provisioned_concurrency_config(&world.cx, input).await
}

async fn delete(world: &World, qualifier: &str) {
    let input = DeleteProvisionedConcurrencyConfigInput {
        function_name: "f".to_owned(),
        qualifier: qualifier.to_owned(),
    };
    world.lambda.delete_provisioned_concurrency_config(&world.cx, input).await.unwrap();
}

async fn reserve(world: &World, count: i32) -> Result<PutFunctionConcurrencyOutput, Failure> {
    let input =
        PutFunctionConcurrencyInput { function_name: "f".to_owned(), reserved_concurrent_executions: count };
    world.lambda.put_function_concurrency(&world.cx, input).await
}

/// Status, allocated, available.
async fn progress(world: &World, qualifier: &str) -> (Status, i32, i32) {
    settle().await;
    let config = get(world, qualifier).await.unwrap();
    (
        config.status.unwrap(),
        config.allocated_provisioned_concurrent_executions.unwrap(),
        config.available_provisioned_concurrent_executions.unwrap(),
    )
}

#[tokio::test]
async fn environments_are_initialised_ahead_and_others_made_when_they_are_busy() {
    let world = World::new().await;
    world.create("f").await;
    publish(&world).await;
    let types: Arc<Mutex<Vec<InitType>>> = Arc::default();
    let (gate, _open) = gated(&world, &types);
    let answer = put(&world, "1", 2).await.unwrap();
    assert_eq!(answer.status, Some(Status::InProgress));
    assert_eq!(answer.requested_provisioned_concurrent_executions, Some(2));
    assert_eq!(answer.allocated_provisioned_concurrent_executions, Some(0));
    assert_eq!(progress(&world, "1").await, (Status::Ready, 2, 2));
    assert_eq!(world.executor.launched(), 2);

    let calls: Vec<_> = (0..3)
        .map(|_| {
            let (lambda, call) = (world.lambda.clone(), world.call("f:1", "{}"));
            tokio::spawn(async move { ports::Invoke::invoke(&*lambda, call).await.unwrap() })
        })
        .collect();
    settle().await;
    assert_eq!(*types.lock().unwrap(), [InitType::Provisioned, InitType::Provisioned, InitType::OnDemand]);
    drop(gate);
    for call in calls {
        call.await.unwrap();
    }
    world.clock.advance(std::time::Duration::from_secs(3600));
    settle().await;
    assert_eq!(world.executor.alive(), 2, "what is provisioned stays, however idle");
    delete(&world, "1").await;
    assert_eq!(world.executor.alive(), 0);
    check_failure(
        get(&world, "1").await,
        "ProvisionedConcurrencyConfigNotFoundException",
        404,
        "No Provisioned Concurrency Config found for this function",
    );
    delete(&world, "1").await;
}

type Gate = mpsc::Sender<()>;

/// Invocations note what their environment was made for, and wait until the gate is dropped.
fn gated(world: &World, types: &Arc<Mutex<Vec<InitType>>>) -> (Gate, ()) {
    let (gate, opened) = mpsc::channel::<()>(1);
    let (opened, types) = (Arc::new(tokio::sync::Mutex::new(opened)), types.clone());
    world.executor.answer(move |spec, invocation| {
        if &invocation.payload[..] != b"init" {
            types.lock().unwrap().push(spec.init_type);
        }
        let (done, wait) = mpsc::channel(1);
        let opened = opened.clone();
        tokio::spawn(async move {
            let _held = done;
            opened.lock().await.recv().await;
        });
        Answer::Later(wait)
    });
    (gate, ())
}

#[tokio::test]
async fn an_alias_takes_its_environments_to_another_version_and_over_a_restart() {
    let world = World::new().await;
    world.create("f").await;
    publish(&world).await;
    alias(&world, "live", "1").await;
    put(&world, "live", 3).await.unwrap();
    assert_eq!(progress(&world, "live").await, (Status::Ready, 3, 3));
    let code = UpdateFunctionCodeInput {
        function_name: "f".to_owned(),
        zip_file: Some(crate::fixture::zip("other")),
        publish: Some(true),
        ..Default::default()
    };
    world.lambda.update_function_code(&world.cx, code).await.unwrap();
    let input = UpdateAliasInput {
        function_name: "f".to_owned(),
        name: "live".to_owned(),
        function_version: Some("2".to_owned()),
        ..Default::default()
    };
    world.lambda.update_alias(&world.cx, input).await.unwrap();
    assert_eq!(world.executor.alive(), 0, "of the version that the alias has left");
    assert_eq!(progress(&world, "live").await, (Status::Ready, 3, 3));
    assert_eq!((world.executor.launched(), world.executor.alive()), (6, 3));

    let again = world.reopened().await;
    assert_eq!(progress(&again, "live").await, (Status::Ready, 3, 3));
    let input =
        ListProvisionedConcurrencyConfigsInput { function_name: "f".to_owned(), ..Default::default() };
    let listed = again.lambda.list_provisioned_concurrency_configs(&again.cx, input).await.unwrap();
    let listed = listed.provisioned_concurrency_configs.unwrap();
    let arn = "arn:aws:lambda:us-east-1:000000000000:function:f:live";
    assert_eq!(listed[0].function_arn.as_deref(), Some(arn));
    assert_eq!(listed[0].status, Some(Status::Ready));
}

#[tokio::test]
async fn a_handler_that_cannot_be_loaded_is_told() {
    let world = World::new().await;
    world.create("f").await;
    publish(&world).await;
    world.executor.answer(|_, _| Answer::Fault(FaultKind::Init, "{}".to_owned()));
    put(&world, "1", 2).await.unwrap();
    assert_eq!(progress(&world, "1").await, (Status::Failed, 0, 0));
    assert_eq!(get(&world, "1").await.unwrap().status_reason.as_deref(), Some("FUNCTION_ERROR_INIT_FAILURE"));
    world.executor.answer(|_, _| crate::fixture::null());
    put(&world, "1", 2).await.unwrap();
    settle().await;
    assert_eq!(progress(&world, "1").await.0, Status::Ready);
}

#[tokio::test]
async fn what_cannot_be_provisioned_is_refused() {
    let world = World::new().await;
    world.create("f").await;
    publish(&world).await;
    alias(&world, "live", "1").await;
    alias(&world, "head", "$LATEST").await;
    let invalid = "InvalidParameterValueException";
    for (qualifier, count, code, status, message) in [
        (
            "$LATEST",
            1,
            invalid,
            400,
            "Provisioned Concurrency Configs cannot be applied to unpublished function versions.",
        ),
        (
            "head",
            1,
            invalid,
            400,
            "Provisioned Concurrency Configs cannot be applied to unpublished function versions.",
        ),
        (
            "9",
            1,
            "ResourceNotFoundException",
            404,
            "Function not found: arn:aws:lambda:us-east-1:000000000000:function:f:9",
        ),
        (
            "gone",
            1,
            "ResourceNotFoundException",
            404,
            "Cannot find alias arn: arn:aws:lambda:us-east-1:000000000000:function:f:gone",
        ),
        (
            "1",
            1001,
            invalid,
            400,
            "Specified ConcurrentExecutions for function is greater than account's unreserved concurrency [1000].",
        ),
        (
            "1",
            901,
            invalid,
            400,
            "Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [100].",
        ),
    ] {
        check_failure(put(&world, qualifier, count).await, code, status, message);
    }
    let message = "The function resource provided must be an alias or a published version.";
    check_failure(get(&world, "$LATEST").await, invalid, 400, message);

    put(&world, "1", 3).await.unwrap();
    let message =
        "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version";
    check_failure(put(&world, "live", 1).await, "ResourceConflictException", 409, message);
    delete(&world, "1").await;
    put(&world, "live", 3).await.unwrap();
    let message = "Version is pointed by a Provisioned Concurrency alias";
    check_failure(put(&world, "1", 1).await, "ResourceConflictException", 409, message);
    let message = " ReservedConcurrentExecutions  2 should not be lower than function's total provisioned concurrency [3].";
    check_failure(reserve(&world, 2).await, invalid, 400, message);
    reserve(&world, 4).await.unwrap();
    let message = "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function";
    check_failure(put(&world, "live", 5).await, invalid, 400, message);
    put(&world, "live", 4).await.unwrap();
}

#[tokio::test]
async fn a_version_with_snap_start_is_ready_when_it_is_published() {
    let world = World::new().await;
    let snap_start = SnapStart { apply_on: Some(SnapStartApplyOn::PublishedVersions) };
    let runtime = Some("python3.13".to_owned());
    let input = CreateFunctionInput { snap_start: Some(snap_start), runtime, ..function("f") };
    world.lambda.create_function(&world.cx, input).await.unwrap();
    let types: Arc<Mutex<Vec<InitType>>> = Arc::default();
    let seen = types.clone();
    world.executor.answer(move |spec, _| {
        seen.lock().unwrap().push(spec.init_type);
        crate::fixture::null()
    });
    publish(&world).await;
    settle().await;
    assert_eq!(world.executor.launched(), 1);
    world.invoke("f:1", "{}").await.unwrap();
    assert_eq!(world.executor.launched(), 1);
    world.invoke("f", "{}").await.unwrap();
    let on_demand = [InitType::SnapStart, InitType::SnapStart, InitType::OnDemand];
    assert_eq!(*types.lock().unwrap(), on_demand, "loaded, invoked, and $LATEST");
}

#[tokio::test]
async fn a_scaling_configuration_keeps_its_least_environments() {
    let world = World::new().await;
    world.create("f").await;
    publish(&world).await;
    let put = |qualifier: &str, min, max| {
        let input = PutFunctionScalingConfigInput {
            function_name: "f".to_owned(),
            qualifier: qualifier.to_owned(),
            function_scaling_config: Some(FunctionScalingConfig {
                min_execution_environments: Some(min),
                max_execution_environments: Some(max),
            }),
        };
        world.lambda.put_function_scaling_config(&world.cx, input)
    };
    put("1", 2, 5).await.unwrap();
    settle().await;
    assert_eq!(world.executor.alive(), 2);
    let missing = "Function not found: arn:aws:lambda:us-east-1:000000000000:function:f:7";
    check_failure(put("7", 1, 2).await, "ResourceNotFoundException", 404, missing);
    let message = "MinExecutionEnvironments cannot be greater than MaxExecutionEnvironments.";
    check_failure(put("1", 3, 2).await, "InvalidParameterValueException", 400, message);
    let input = GetFunctionScalingConfigInput { function_name: "f".to_owned(), qualifier: "1".to_owned() };
    let got = world.lambda.get_function_scaling_config(&world.cx, input).await.unwrap();
    assert_eq!(got.function_arn.as_deref(), Some("arn:aws:lambda:us-east-1:000000000000:function:f:1"));
    assert_eq!(got.applied_function_scaling_config.unwrap().min_execution_environments, Some(2));
}
