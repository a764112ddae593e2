//! Resource policies: what is written, what is refused, who gets in.

use api::lambda::*;
use ports::{Invoke, InvokeCall, InvokeError, InvokeSource};

use crate::fixture::{World, check_failure};

fn permission(sid: &str) -> AddPermissionInput {
    AddPermissionInput {
        function_name: "f".to_owned(),
        statement_id: sid.to_owned(),
        action: "lambda:InvokeFunction".to_owned(),
        principal: "apigateway.amazonaws.com".to_owned(),
        source_arn: Some("arn:aws:execute-api:us-east-1:000000000000:abc/*".to_owned()),
        ..AddPermissionInput::default()
    }
}

#[tokio::test]
async fn statements_come_and_go() {
    let world = World::new().await;
    world.create("f").await;
    let get = GetPolicyInput { function_name: "f".to_owned(), qualifier: None };
    let none = "The resource you requested does not exist.";
    check_failure(
        world.lambda.get_policy(&world.cx, get.clone()).await,
        "ResourceNotFoundException",
        404,
        none,
    );
    let made = world.lambda.add_permission(&world.cx, permission("a")).await.unwrap().statement.unwrap();
    assert_eq!(
        made,
        r#"{"Sid":"a","Effect":"Allow","Principal":{"Service":"apigateway.amazonaws.com"},"Action":"lambda:InvokeFunction","Resource":"arn:aws:lambda:us-east-1:000000000000:function:f","Condition":{"ArnLike":{"AWS:SourceArn":"arn:aws:execute-api:us-east-1:000000000000:abc/*"}}}"#
    );
    check_failure(
        world.lambda.add_permission(&world.cx, permission("a")).await,
        "ResourceConflictException",
        409,
        "The statement id (a) provided already exists. Please provide a new statement id, or remove the existing statement.",
    );
    check_failure(
        world
            .lambda
            .add_permission(&world.cx, AddPermissionInput { principal: "me".to_owned(), ..permission("b") })
            .await,
        "InvalidParameterValueException",
        400,
        "The provided principal was invalid. Please check the principal and try again.",
    );
    let policy = world.lambda.get_policy(&world.cx, get.clone()).await.unwrap();
    let json: serde_json::Value = serde_json::from_str(&policy.policy.unwrap()).unwrap();
    assert_eq!(json["Statement"][0]["Sid"], "a");
    let remove = |sid: &str, revision_id: Option<String>| RemovePermissionInput {
        function_name: "f".to_owned(),
        statement_id: sid.to_owned(),
        qualifier: None,
        revision_id,
    };
    check_failure(
        world.lambda.remove_permission(&world.cx, remove("x", None)).await,
        "ResourceNotFoundException",
        404,
        "Statement x is not found in resource policy.",
    );
    let stale = world.lambda.remove_permission(&world.cx, remove("a", Some("old".to_owned()))).await;
    assert_eq!(stale.unwrap_err().code, "PreconditionFailedException");
    world.lambda.remove_permission(&world.cx, remove("a", policy.revision_id)).await.unwrap();
    check_failure(world.lambda.get_policy(&world.cx, get).await, "ResourceNotFoundException", 404, none);
    let mut too_long = Ok(AddPermissionOutput::default());
    for i in 0..100 {
        too_long = world.lambda.add_permission(&world.cx, permission(&format!("s{i}"))).await;
        if too_long.is_err() {
            break;
        }
    }
    assert_eq!(too_long.unwrap_err().code, "PolicyLengthExceededException");
}

#[tokio::test]
async fn who_gets_in_when_policies_are_enforced() {
    for (enforced, allowed_arn) in [(true, false), (false, true)] {
        let world = World::with(|config| config.enforce_policies = enforced).await;
        world.create("f").await;
        world.lambda.add_permission(&world.cx, permission("a")).await.unwrap();
        let call = |api: &str| InvokeCall {
            source: Some(InvokeSource {
                service: "apigateway.amazonaws.com",
                source_arn: format!("arn:aws:execute-api:us-east-1:000000000000:{api}/prod/GET/"),
            }),
            ..world.call("f", "{}")
        };
        assert!(Invoke::invoke(&*world.lambda, call("abc")).await.is_ok());
        let other = Invoke::invoke(&*world.lambda, call("xyz")).await;
        assert_eq!(!matches!(other, Err(InvokeError::AccessDenied(_))), allowed_arn);
    }
}
