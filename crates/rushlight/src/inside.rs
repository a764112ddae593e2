//! Calls of services by services, in process: what would go to a host of AWS goes to the service here that has its
//! name. Knows the names of services and how they tell operations; no operation.

use std::sync::Weak;

use base::trace::SpanKind;
use base::{Cx, Trace};
use bytes::BytesMut;
use futures_util::StreamExt;
use http::{HeaderMap, HeaderName, HeaderValue};
use ports::{BoxFuture, Call, ServiceCall, ServiceNotServed, ServiceReply};
use server::{Backends, Service};

use crate::wiring::Wiring;

/// What a gateway passes on: of a stream that is longer, it could use nothing.
const REPLY_BYTES_MAX: usize = 10 << 20;

/// The services, as long as they are there.
#[derive(Debug)]
pub(crate) struct Inside(Weak<Wiring>);

impl Inside {
    pub(crate) fn new(wiring: Weak<Wiring>) -> Self {
        Self(wiring)
    }
}

impl Call for Inside {
    fn call<'a>(
        &'a self,
        cx: &'a Cx,
        call: ServiceCall,
    ) -> BoxFuture<'a, Result<ServiceReply, ServiceNotServed>> {
        Box::pin(async move {
            let missing = || ServiceNotServed(call.service.clone());
            let wiring = self.0.upgrade().ok_or_else(missing)?;
            let service = served(&call).ok_or_else(missing)?;
            let span =
                cx.trace.span(SpanKind::Call, call.action.clone().unwrap_or_else(|| call.service.clone()));
            span.set("service", service.name());
            span.set_request(&call.body);
            let cx = &Cx { trace: Trace::clone(&span), ..cx.clone() };
            let response = Backends::call(&*wiring, service, cx, request(service, call)).await;
            let reply = whole(cx, response).await;
            span.set_status(reply.status);
            span.set_response(&reply.body);
            Ok(reply)
        })
    }
}

/// By the name in its host. Both API Gateways have the same: the path tells them apart.
fn served(call: &ServiceCall) -> Option<Service> {
    match call.service.as_str() {
        "apigateway" if call.path.starts_with("/v2/") => Some(Service::ApiGatewayV2),
        "streams.dynamodb" => Some(Service::DynamoDbStreams),
        "apigatewayv2" | "dynamodbstreams" => None,
        name => Service::from_name(name),
    }
}

/// The operation's name stands where the service looks for it: of some it is a header, of others it is in the query
/// already.
fn request(service: Service, call: ServiceCall) -> wire::Request {
    let mut headers = HeaderMap::with_capacity(call.headers.len() + 1);
    for (name, value) in &call.headers {
        let name = HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value)) {
            headers.append(name, value);
        }
    }
    let prefix = match service {
        Service::DynamoDb => Some("DynamoDB_20120810"),
        Service::DynamoDbStreams => Some("DynamoDBStreams_20120810"),
        Service::Logs => Some("Logs_20140328"),
        Service::Sts | Service::Lambda | Service::ApiGateway | Service::ApiGatewayV2 => None,
    };
    if let (Some(prefix), Some(action)) = (prefix, &call.action)
        && let Ok(target) = HeaderValue::from_str(&format!("{prefix}.{action}"))
    {
        headers.entry("x-amz-target").or_insert(target);
    }
    let method = call.method.parse().unwrap_or(http::Method::POST);
    wire::Request { method, path: call.path, query: call.query, headers, body: call.body }
}

/// The answer with its whole body, and with what the server's chain says of every answer.
async fn whole(cx: &Cx, response: wire::Response) -> ServiceReply {
    let mut body = BytesMut::from(&*response.body);
    let mut status = response.status;
    if let Some(mut pieces) = response.stream.and_then(|stream| stream.take()) {
        while let Some(piece) = pieces.next().await {
            match piece {
                Ok(piece) if body.len() + piece.len() <= REPLY_BYTES_MAX => body.extend_from_slice(&piece),
                // Nobody may take a half answer for a whole one.
                Ok(_) | Err(_) => {
                    status = 500;
                    break;
                }
            }
        }
    }
    let listed = response.headers.iter();
    let listed = listed.map(|(name, value)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    let mut headers: Vec<(String, String)> = listed.collect();
    if !response.headers.contains_key("x-amzn-requestid") {
        headers.push(("x-amzn-requestid".to_owned(), cx.request_id.to_string()));
    }
    ServiceReply { status, headers, body: body.freeze() }
}
