//! The name of the operation that a request means, for metrics and the access log. Only names of the models are given
//! out, so that a caller cannot invent series.

use crate::Service;

/// `unknown` if the model has no such operation.
pub(crate) fn name(service: Service, request: &wire::Request) -> &'static str {
    named(service, request).unwrap_or("unknown")
}

fn named(service: Service, request: &wire::Request) -> Option<&'static str> {
    match service {
        Service::DynamoDb => Some(api::dynamodb::Op::from_name(target(request)?)?.name()),
        Service::DynamoDbStreams => Some(api::dynamodbstreams::Op::from_name(target(request)?)?.name()),
        Service::Logs => Some(api::logs::Op::from_name(target(request)?)?.name()),
        Service::Sts => Some(api::sts::Op::from_name(action(request)?)?.name()),
        Service::Lambda => Some(api::lambda::route(&request.method, &request.path, &request.query)?.0.name()),
        Service::ApiGateway => {
            Some(api::apigateway::route(&request.method, &request.path, &request.query)?.0.name())
        }
        Service::ApiGatewayV2 => {
            Some(api::apigatewayv2::route(&request.method, &request.path, &request.query)?.0.name())
        }
    }
}

/// What follows the dot of `X-Amz-Target`.
fn target(request: &wire::Request) -> Option<&str> {
    request.header("x-amz-target")?.split_once('.').map(|(_, operation)| operation)
}

/// `Action` of a form or a query.
fn action(request: &wire::Request) -> Option<&str> {
    let form = std::str::from_utf8(&request.body).unwrap_or_default();
    let mut pairs = form.split('&').chain(request.query.split('&'));
    pairs.find_map(|pair| pair.strip_prefix("Action="))
}
