//! GetSdk: a client of what a stage runs.

use api::apigateway::{GetSdkInput, GetSdkOutput};
use base::Cx;

use crate::Gateway;
use crate::error::{GatewayError, Result};
use crate::rest::sdk::{Subject, javascript};
use crate::rest::{rows, sdk_type, view};

pub(super) async fn run(gateway: &Gateway, cx: &Cx, input: GetSdkInput) -> Result<GetSdkOutput> {
    let known = sdk_type::all().into_iter().find(|known| known.id.as_deref() == Some(&input.sdk_type));
    let known = known.ok_or_else(|| GatewayError::bad_request("Invalid SDK type specified"))?;
    let (api, stage, snapshot) =
        rows::read_deployed(&gateway.store, &cx.scope, &input.rest_api_id, &input.stage_name).await?;
    if input.sdk_type != "javascript" {
        let name = known.friendly_name.unwrap_or_default();
        let text =
            format!("Clients in {name} are not generated here. The SDK type that is served is javascript");
        return Err(GatewayError::bad_request(text));
    }
    let url = format!("{}/_aws/execute-api/{}/{}", cx.origin(), api.id, stage.name);
    let subject = Subject { api: &api, stage: &stage.name, snapshot: &snapshot, url: &url };
    let (year, month, day, hour, minute, ..) = view::date(gateway.clock.now().as_millis()).civil();
    let now = format!("{year:04}-{month:02}-{day:02}_{hour:02}-{minute:02}Z");
    Ok(GetSdkOutput {
        content_type: Some("application/octet-stream".to_owned()),
        content_disposition: Some(format!("attachment; filename=\"javascript_{now}.zip\"")),
        body: Some(javascript(&subject).into()),
    })
}
