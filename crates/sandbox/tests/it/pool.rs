//! Functions that use the AWS SDK get processes that have it loaded, and nothing of them shows.

use std::sync::Arc;
use std::time::Duration;

use sandbox::{FunctionSpec, InitType, SandboxMode};

use crate::needs::needs;
use crate::world::{World, invocation, show};

/// Waits until the pool has a process ready: a launch from it has its SDK loaded.
async fn answer(world: &World, spec: FunctionSpec, expected: &str) {
    let mut said = String::new();
    world.sandbox.warm(&spec.runtime, spec.memory_mib, true);
    for _ in 0..100 {
        let mut environment = world.sandbox.launch(Arc::new(spec.clone())).await.unwrap();
        said = show(&environment.invoke(invocation("{}")).await);
        if said == expected {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(said, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sdk_of_node_is_loaded_already() {
    let world = World::with(SandboxMode::BestEffort, |c| c.pool_size = 1).await;
    let code = "const held = Object.keys(require.cache).some((f) => f.includes('client-dynamodb'));
        const { DynamoDBClient } = require('@aws-sdk/client-dynamodb');
        exports.handler = async () => {
          const { accessKeyId } = await new DynamoDBClient({}).config.credentials();
          const region = await new DynamoDBClient({}).config.region();
          return [held, region, accessKeyId, process.env.AWS_CONFIG_FILE ?? null];
        };";
    let mut spec = world.function("nodejs20.x", &[("index.js", code)]);
    spec.uses_sdk = true;
    spec.env = vec![("NODE_NO_WARNINGS".to_owned(), "1".to_owned())];
    answer(&world, spec, r#"ok [true,"us-east-1","000000000000",null]"#).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn boto3_is_loaded_already() {
    let world = World::with(SandboxMode::BestEffort, |c| c.pool_size = 1).await;
    let code = "import sys
held = 'botocore.client' in sys.modules
import boto3
client = boto3.client('dynamodb')
def handler(event, context):
    keys = boto3.Session().get_credentials()
    return [held, client.meta.region_name, keys.access_key, client._get_credentials().access_key]
";
    let mut spec = world.function("python3.11", &[("index.py", code)]);
    spec.uses_sdk = true;
    spec.init_type = InitType::Provisioned;
    let missing = world.once(spec.clone(), "{}").await;
    let has_boto3 = !show(&missing).contains("No module named");
    if !needs("boto3", has_boto3, "apt-get install python3-boto3") {
        return;
    }
    answer(&world, spec, r#"ok [true, "us-east-1", "000000000000", "000000000000"]"#).await;
}
