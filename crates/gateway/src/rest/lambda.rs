//! Lambda integrations, proxy and plain: the function is called through `ports::Invoke` with the gateway as its
//! caller, so that the function's resource policy is asked.

use base::Clock;
use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use ports::{InvokeCall, InvokeError, InvokeKind, InvokeReply, InvokeSource};
use vtl::Overrides;
use wire::json::Reader;

use crate::rest::answer::Answer;
use crate::rest::call::Call;
use crate::rest::fault::Fault;
use crate::rest::headers::{self, Origin};
use crate::rest::mapping::Place;
use crate::rest::program::{Lambda, Mapping};
use crate::rest::template::Mapped;
use crate::rest::{event, execution_log, respond, transform};
use crate::{Gateway, StageResponse, exchange};

/// AWS's event for the function, and its answer as the answer.
pub(crate) async fn proxy(
    gateway: &Gateway,
    call: &Call<'_>,
    lambda: &Lambda,
) -> Result<StageResponse, Fault> {
    let event = event::write(call, &lambda.parameters);
    let reply = invoke(gateway, call, lambda, event, InvokeKind::RequestResponse).await?;
    if let Some(fault) = failed(call, &reply) {
        return Err(fault);
    }
    let answer = Answer::parse(&reply.payload).map_err(|error| Fault::BadGateway(error.to_string()))?;
    // AWS looks at the first media type of Accept alone.
    let accepted = call.request.header("accept").and_then(|accept| accept.split(',').next());
    let as_binary = call.release.program.binary.matches(accepted.map(exchange::media_type));
    // Of all that can be wrong with an answer this alone is no bad gateway on AWS, but a 500.
    let body = answer.body(as_binary).map_err(|error| Fault::Internal(error.to_string()))?;
    let mut response = StageResponse::new(answer.status, answer.headers, body);
    headers::remap(&mut response.headers, Origin::Integration);
    Ok(response)
}

/// What came of a function that failed.
pub(crate) fn failed(call: &Call<'_>, reply: &InvokeReply) -> Option<Fault> {
    let kind = reply.function_error?;
    let error = error_message(&reply.payload).unwrap_or_else(|| kind.to_owned());
    Some(Fault::Function(format!("{error}. Lambda request id: {}", call.ticket.request_id)))
}

/// The body, or what a template makes of it, and the function's result through an integration response.
pub(crate) async fn plain(
    gateway: &Gateway,
    call: &Call<'_>,
    lambda: &Lambda,
    mapping: &Mapping,
) -> Result<StageResponse, Fault> {
    let Mapped { body: mut payload, overrides } = transform::request(call, mapping)?;
    if payload.is_empty() {
        payload = Bytes::from_static(b"{}");
    }
    let kind = invocation_kind(call, lambda, &overrides);
    let reply = invoke(gateway, call, lambda, payload, kind).await?;
    // The status of an invocation is 200 whatever the function does: patterns look at its error message.
    let selected = match (reply.function_error, kind) {
        (Some(_), _) => error_message(&reply.payload).unwrap_or_default(),
        (None, InvokeKind::RequestResponse) => "200".to_owned(),
        (None, InvokeKind::Event) => "202".to_owned(),
    };
    let headers = told(call, &reply).into_iter().filter_map(|(name, value)| {
        Some((HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_str(&value).ok()?))
    });
    let headers = Some(headers.collect());
    let integration = respond::IntegrationAnswer { headers, body: reply.payload, overrides };
    respond::respond(call, mapping, &selected, &integration)
}

/// Whether the function is waited for: by the header `X-Amz-Invocation-Type`, overridden or mapped.
fn invocation_kind(call: &Call<'_>, lambda: &Lambda, overrides: &Overrides) -> InvokeKind {
    let is_kind = |name: &str| name.eq_ignore_ascii_case("x-amz-invocation-type");
    let overridden = overrides.request_headers.iter().find(|(name, _)| is_kind(name));
    let values = match overridden {
        Some((_, value)) => value.texts(),
        None => {
            let mapped = lambda.parameters.iter();
            let mapped = mapped.filter(|(place, _)| matches!(place, Place::Header(name) if is_kind(name)));
            mapped.flat_map(|(_, source)| call.values(source)).collect()
        }
    };
    if values.iter().any(|value| value == "Event") { InvokeKind::Event } else { InvokeKind::RequestResponse }
}

async fn invoke(
    gateway: &Gateway,
    call: &Call<'_>,
    lambda: &Lambda,
    payload: Bytes,
    kind: InvokeKind,
) -> Result<InvokeReply, Fault> {
    let invocation = invocation(call, lambda, payload, kind)?;
    let function = invocation.function.clone();
    let began = gateway.clock.now();
    say_request(call, &invocation);
    let done = within(&gateway.clock, call.method.timeout, gateway.invoke.invoke(invocation)).await?;
    let reply = done.map_err(|error| refused(error, &function))?;
    let status = *call.integration_status.get_or_init(|| if kind == InvokeKind::Event { 202 } else { 200 });
    call.endpoint_request_id.get_or_init(|| call.ticket.request_id.to_string());
    let latency = gateway.clock.now().since(began);
    execution_log::answered(call, (status, latency), told(call, &reply), &reply.payload);
    Ok(reply)
}

/// What a function is called with.
pub(crate) fn invocation(
    call: &Call<'_>,
    lambda: &Lambda,
    payload: Bytes,
    kind: InvokeKind,
) -> Result<InvokeCall, Fault> {
    // In a role's name, the function's own policy is not asked.
    let source = match &lambda.credentials {
        Some(credentials) => {
            credentials.check(call)?;
            None
        }
        None => Some(InvokeSource { service: "apigateway.amazonaws.com", source_arn: call.source_arn() }),
    };
    Ok(InvokeCall {
        scope: call.stage.scope.clone(),
        function: lambda.function.fill(&call.release.variables, |_| None)?,
        payload,
        kind,
        source,
        request_id: call.ticket.request_id,
        trace: call.trace().clone(),
    })
}

/// The headers that Lambda's answer would have over the wire.
pub(crate) fn told(call: &Call<'_>, reply: &InvokeReply) -> Vec<(String, String)> {
    let headers = [
        ("Content-Type", Some("application/json".to_owned())),
        ("Content-Length", Some(reply.payload.len().to_string())),
        ("x-amzn-RequestId", Some(call.ticket.request_id.to_string())),
        ("X-Amz-Executed-Version", Some(reply.executed_version.clone())),
        ("X-Amz-Function-Error", reply.function_error.map(str::to_owned)),
    ];
    headers.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

/// For the log: what would go to Lambda over the wire.
pub(crate) fn say_request(call: &Call<'_>, invocation: &InvokeCall) {
    if call.journal.is_none() {
        return;
    }
    let region = &call.stage.scope.region;
    let host = format!("lambda.{region}.amazonaws.com");
    let uri = format!("https://{host}/2015-03-31/functions/{}/invocations", invocation.function);
    let headers = [
        ("x-amzn-lambda-integration-tag", call.ticket.request_id.to_string()),
        ("x-amzn-apigateway-api-id", call.stage.api_id.clone()),
        ("X-Amz-Source-Arn", call.source_arn()),
        ("Accept", "application/json".to_owned()),
        ("User-Agent", format!("AmazonAPIGateway_{}", call.stage.api_id)),
        ("Host", host),
        ("X-Amzn-Trace-Id", call.ticket.trace.header().to_string()),
    ];
    let headers = headers.map(|(name, value)| (name.to_owned(), value));
    execution_log::sending(call, &uri, headers, &invocation.payload);
}

/// The result of `work`, or a timeout by the gateway's clock. Work that is large is pinned by who has it: taken by
/// value it would be in this future twice.
pub(crate) async fn within<T>(
    clock: &Clock,
    timeout: std::time::Duration,
    work: impl Future<Output = T> + Unpin,
) -> Result<T, Fault> {
    tokio::select! {
        biased;
        done = work => Ok(done),
        () = clock.sleep(timeout) => Err(Fault::Timeout),
    }
}

/// What AWS makes of an invocation that Lambda refused: it is the API's configuration that is wrong.
pub(crate) fn refused(error: InvokeError, function: &str) -> Fault {
    match error {
        // The console adds the permission unasked, so that who comes to the command line has never heard of it.
        InvokeError::AccessDenied(_) => Fault::Configuration(format!(
            "Invalid permissions on Lambda function: {error}; to let APIs call it: aws lambda add-permission --function-name {function} --statement-id api \
             --action lambda:InvokeFunction --principal apigateway.amazonaws.com"
        )),
        InvokeError::NotFound(_) | InvokeError::Throttled(_) => Fault::Configuration(error.to_string()),
        InvokeError::TooLarge(what) => Fault::EventTooLarge(what),
        // What a template made is no JSON: the caller is told so in Lambda's words, as AWS does.
        InvokeError::BadPayload(what) => Fault::BadBody(what),
        InvokeError::Unavailable(_) | InvokeError::Internal(_) => Fault::Internal(error.to_string()),
    }
}

/// `errorMessage` of a function's error.
fn error_message(payload: &Bytes) -> Option<String> {
    let mut reader = Reader::new(payload, 32).ok()?;
    reader.begin_object().ok()?;
    while let Some(key) = reader.next_key().ok()? {
        if key == "errorMessage" {
            return reader.string().ok().map(std::borrow::Cow::into_owned);
        }
        reader.skip().ok()?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_permission_is_logged_with_the_way_out() {
        let fault = refused(InvokeError::AccessDenied("no".into()), "f:live");
        assert!(matches!(fault, Fault::Configuration(_)));
        assert!(fault.to_string().contains("aws lambda add-permission --function-name f:live "), "{fault}");
    }
}
