use lambda_runtime::streaming::{channel, Body, Response};
use lambda_runtime::{service_fn, Error, LambdaEvent};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| {
        let (mut pieces, answer) = channel();
        tokio::spawn(async move {
            for n in 0..event.payload["pieces"].as_u64().unwrap_or(0) {
                if pieces.send_data(format!("piece {n}\n").into()).await.is_err() {
                    return;
                }
            }
        });
        Ok::<Response<Body>, Error>(Response::from(answer))
    }))
    .await
}
