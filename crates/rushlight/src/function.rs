//! Deploys a function through the same public API that any client uses, as often as one likes. Knows no package.

use std::time::Duration;

use anyhow::{Result, bail};
use http::Method;
use serde_json::{Value, json};

use crate::client::{Client, encode};

/// Members of CreateFunction that UpdateFunctionConfiguration takes too.
const CONFIGURATION: [&str; 6] = ["Role", "Handler", "Runtime", "Timeout", "MemorySize", "Environment"];

/// What a function acts as, where nobody asks.
pub(crate) const ROLE: &str = "arn:aws:iam::000000000000:role/rushlight";

/// Makes the function that `definition`, the body of a CreateFunction, describes; one that is there takes its code and
/// configuration. Answers its ARN when it can be invoked.
pub(crate) async fn put(client: &Client, definition: &Value) -> Result<String> {
    let name = definition["FunctionName"].as_str().unwrap_or_default();
    let answer = client.rest("lambda", Method::POST, "/2015-03-31/functions", Some(definition)).await?;
    let path = format!("/2015-03-31/functions/{}", encode(name));
    if answer.status == 409 {
        let code =
            client.rest("lambda", Method::PUT, &format!("{path}/code"), Some(&definition["Code"])).await?;
        code.success(&format!("the function {name} was not updated"))?;
        wait_until_active(client, name, &path).await?;
        let members = CONFIGURATION.into_iter().filter(|member| !definition[member].is_null());
        let configuration: serde_json::Map<String, Value> =
            members.map(|member| (member.to_owned(), definition[member].clone())).collect();
        let update = json!(configuration);
        let answer =
            client.rest("lambda", Method::PUT, &format!("{path}/configuration"), Some(&update)).await?;
        answer.success(&format!("the configuration of {name} was not updated"))?;
    } else {
        answer.success(&format!("the function {name} was not created"))?;
    }
    wait_until_active(client, name, &path).await
}

async fn wait_until_active(client: &Client, name: &str, path: &str) -> Result<String> {
    for _ in 0..500 {
        let answer = client.rest("lambda", Method::GET, &format!("{path}/configuration"), None).await?;
        let function = answer.success("the function cannot be read")?.json()?;
        let failed = function["State"] == "Failed" || function["LastUpdateStatus"] == "Failed";
        if failed {
            bail!(
                "the function {name} failed: {}{}",
                function["StateReason"],
                function["LastUpdateStatusReason"]
            );
        }
        if function["State"] == "Active" && function["LastUpdateStatus"] != "InProgress" {
            return Ok(function["FunctionArn"].as_str().unwrap_or_default().to_owned());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    bail!("the function {name} did not become active")
}

/// The URL at which anybody may call the function; made if there is none.
pub(crate) async fn url(client: &Client, name: &str) -> Result<String> {
    let path = format!("/2021-10-31/functions/{}/url", encode(name));
    let answer = client.rest("lambda", Method::POST, &path, Some(&json!({ "AuthType": "NONE" }))).await?;
    let answer = match answer.status {
        409 => client.rest("lambda", Method::GET, &path, None).await?,
        _ => answer,
    };
    let config = answer.success(&format!("the function {name} got no URL"))?.json()?;
    for (statement, action, more) in [
        ("url", "lambda:InvokeFunctionUrl", json!({ "FunctionUrlAuthType": "NONE" })),
        ("url-function", "lambda:InvokeFunction", json!({ "InvokedViaFunctionUrl": true })),
    ] {
        let mut permission = json!({ "StatementId": statement, "Action": action, "Principal": "*" });
        if let (Some(permission), Some(more)) = (permission.as_object_mut(), more.as_object()) {
            permission.extend(more.clone());
        }
        let path = format!("/2015-03-31/functions/{}/policy", encode(name));
        let answer = client.rest("lambda", Method::POST, &path, Some(&permission)).await?;
        if answer.status != 409 {
            answer.success(&format!("the function {name} may not be called by its URL"))?;
        }
    }
    Ok(config["FunctionUrl"].as_str().unwrap_or_default().to_owned())
}
