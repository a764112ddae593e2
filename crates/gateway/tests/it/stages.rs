//! What stages do beside answering: they write logs, keep answers and split their traffic.

use crate::world::{Play, World};

const GROUP: &str = "arn:aws:logs:us-east-1:000000000000:log-group:apis";

impl World {
    /// PATCH operations on the stage `dev`; `path value` sets, `- path` removes.
    async fn set(&self, changes: &[(&str, &str)]) {
        let operations = changes
            .iter()
            .map(|(path, value)| serde_json::json!({ "op": "replace", "path": path, "value": value }));
        let body = serde_json::json!({ "patchOperations": operations.collect::<Vec<_>>() });
        self.make("stage", &format!("PATCH /restapis/$api/stages/dev {body}")).await;
    }
}

#[tokio::test]
async fn access_logs_say_how_requests_ended() {
    let world = World::new();
    world.functions.set("one", Play::Answer(r#"{"body":"one"}"#));
    world.functions.set("bad", Play::Fail(r#"{"errorMessage":"no"}"#));
    world.make("api", r#"POST /restapis {"name":"x"}"#).await;
    world.add_method("GET", "/a/{id}", &World::lambda("one")).await;
    world.add_method("POST", "/bad", &World::lambda("bad")).await;
    world.deploy("dev").await;
    let format = "$context.requestId $context.httpMethod $context.path $context.resourcePath $context.status \
                  $context.responseLength $context.integrationStatus $context.error.responseType \
                  $context.error.messageString $context.authorizer.principalId $context.isCanaryRequest \
                  [$context.requestTime] $context.identity.sourceIp $context.identity.userAgent $context.wafResponseCode";
    world.set(&[("/accessLogSettings/destinationArn", GROUP), ("/accessLogSettings/format", format)]).await;
    for line in ["GET /dev/a/1?b=2", "POST /dev/bad", "GET /dev/nowhere"] {
        world.get(line).await;
    }
    let id = "00000000-0000-0000-0000-000000000007";

    let lines = world.logs.take("apis").into_iter();
    let lines = lines.map(|line| line.replace(id, "ID").split(" [").next().unwrap().to_owned());

    assert_eq!(
        lines.collect::<Vec<_>>(),
        [
            "ID GET /dev/a/1 /a/{id} 200 3 200 - - - -",
            r#"ID POST /dev/bad /bad 502 36 200 DEFAULT_5XX "Internal server error" - -"#,
            r#"ID GET /dev/nowhere - 403 42 - MISSING_AUTHENTICATION_TOKEN "Missing Authentication Token" - -"#,
        ]
    );
}
