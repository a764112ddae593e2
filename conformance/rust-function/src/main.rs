use lambda_runtime::{service_fn, Error, LambdaEvent};
use serde_json::{json, Value};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| {
        println!("handling {}", event.context.request_id);
        if event.payload["fail"] == true {
            return Err(Error::from("asked to fail"));
        }
        Ok(json!({ "you": event.payload, "id": event.context.request_id }))
    }))
    .await
}
