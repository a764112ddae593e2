//! `@connections`: what backends say to connections, whichever node holds them.
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html>

use api::apigatewaymanagementapi as aws;
use api::apigatewaymanagementapi::errors;
use base::{Cx, Scope};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};
use wire::Failure;

use crate::rest::authorize::require_signature;
use crate::rest::fault::Fault;
use crate::websocket::context::is_id;
use crate::websocket::live::SocketStage;
use crate::websocket::registry::{Errand, Seen};
use crate::{Gateway, StageRequest, StageResponse};

/// The connections of a stage.
struct Management<'a> {
    gateway: &'a Gateway,
    stage: &'a SocketStage,
}

pub(crate) async fn serve(gateway: &Gateway, request: &StageRequest, stage: &SocketStage) -> StageResponse {
    if let Err(fault) = authorize(request, stage) {
        return fault.answer();
    }
    let cx = Cx { request_id: request.request_id, ..Cx::internal(stage.scope.clone()) };
    if request.method == http::Method::POST && request.body.len() > gateway.limits.websocket_message_bytes_max
    {
        return too_large();
    }
    let id = request.path.trim_matches('/').split_once('/').map_or("", |(_, id)| id);
    let request = wire::Request {
        method: request.method.clone(),
        path: format!("/@connections/{id}"),
        query: request.query.clone(),
        headers: request.headers.clone(),
        body: request.body.clone(),
    };
    let response = aws::dispatch(&Management { gateway, stage }, &cx, request).await;
    // AWS says no more of a connection that is not there than that.
    let is_gone = response.status == 410;
    let body = if is_gone { Bytes::new() } else { response.body };
    StageResponse::new(response.status, response.headers, body)
}

/// Who signs as the API's own account may speak to its connections.
fn authorize(request: &StageRequest, stage: &SocketStage) -> Result<(), Fault> {
    let signer = require_signature(request)?;
    let Scope { account, region } = &stage.scope;
    if signer.account == account.to_string() {
        return Ok(());
    }
    let partition = region.partition();
    let resource =
        format!("arn:{partition}:execute-api:{region}:{account}:{}/{}/*", stage.api_id, stage.name);
    let (who, method) = (&signer.arn, &request.method);
    Err(Fault::AccessDenied(format!(
        "User: {who} is not authorized to perform: execute-api:ManageConnections on resource: {resource} ({method})"
    )))
}

/// Before the model's own bound is asked, which has another answer.
fn too_large() -> StageResponse {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert("x-amzn-errortype", HeaderValue::from_static("PayloadTooLargeException"));
    let body = Bytes::from_static(br#"{"message": "Message too long"}"#);
    StageResponse::new(413, headers, body)
}

impl Management<'_> {
    async fn send(&self, connection_id: &str, errand: Errand) -> Result<Seen, Failure> {
        if !is_id(connection_id) {
            // The model has no such error; AWS answers it all the same.
            let message = format!("Invalid connectionId: {connection_id}");
            return Err(Failure::client("BadRequestException", 400, message));
        }
        let (gateway, stage) = (self.gateway, self.stage);
        let at = (stage.api_id.as_str(), stage.name.as_str());
        gateway.connections.send(gateway, at, connection_id, errand).await?.ok_or_else(|| errors::gone(""))
    }
}

impl aws::ApiGatewayManagementApi for Management<'_> {
    async fn post_to_connection(
        &self,
        _: &Cx,
        input: aws::PostToConnectionInput,
    ) -> Result<aws::PostToConnectionOutput, Failure> {
        self.send(&input.connection_id, Errand::Say(input.data)).await?;
        Ok(aws::PostToConnectionOutput {})
    }

    async fn get_connection(
        &self,
        _: &Cx,
        input: aws::GetConnectionInput,
    ) -> Result<aws::GetConnectionOutput, Failure> {
        let seen = self.send(&input.connection_id, Errand::Look).await?;
        let identity = aws::Identity { source_ip: seen.source_ip, user_agent: seen.user_agent };
        Ok(aws::GetConnectionOutput {
            connected_at: Some(base::Timestamp(seen.connected_ms)),
            identity: Some(identity),
            last_active_at: Some(base::Timestamp(seen.active_ms)),
        })
    }

    async fn delete_connection(
        &self,
        _: &Cx,
        input: aws::DeleteConnectionInput,
    ) -> Result<aws::DeleteConnectionOutput, Failure> {
        self.send(&input.connection_id, Errand::HangUp).await?;
        Ok(aws::DeleteConnectionOutput {})
    }
}
