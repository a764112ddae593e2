//! Where records of invocations go: another function, a queue, a topic, a bus, a bucket. Queues, topics and buses
//! are behind an endpoint that speaks AWS's protocols; this server has none. Knows no record's content.

use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use base::trace::SpanKind;
use base::{Arn, RequestId, Scope, Timestamp, Trace};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{Request, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use ports::{Invoke, InvokeCall, InvokeError, InvokeKind, ObjectError};
use wire::json::{Reader, Writer};

use crate::Lambda;

/// An endpoint that is silent for so long is taken for dead.
const ENDPOINT_TIMEOUT: Duration = Duration::from_secs(10);
const ANSWER_BYTES_MAX: usize = 256 << 10;
const ANSWER_DEPTH_MAX: usize = 16;

/// What an ARN names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DestinationKind {
    Function,
    Queue,
    Topic,
    Bus,
    Bucket,
}

impl DestinationKind {
    /// None for an ARN that cannot be a destination.
    pub(crate) fn of(arn: &str) -> Option<Self> {
        let mut parts = arn.splitn(6, ':');
        let (_, partition, service) = (parts.next().filter(|s| *s == "arn")?, parts.next()?, parts.next()?);
        let resource = parts.nth(2).filter(|resource| !resource.is_empty())?;
        match service {
            _ if !partition.starts_with("aws") => None,
            "lambda" if resource.starts_with("function:") => Some(Self::Function),
            "sqs" => Some(Self::Queue),
            "sns" => Some(Self::Topic),
            "events" if resource.starts_with("event-bus/") => Some(Self::Bus),
            "s3" => Some(Self::Bucket),
            _ => None,
        }
    }
}

/// What is delivered.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    /// JSON.
    pub(crate) body: Bytes,
    /// Message attributes of queues and topics: name, data type, value.
    pub(crate) attributes: Vec<(&'static str, &'static str, String)>,
    /// What a bus calls the event.
    pub(crate) detail_type: &'static str,
    /// The ARNs of the resources that a bus names with the event.
    pub(crate) resources: Vec<String>,
    /// What an object's key begins with; the day, the time and a random id follow.
    pub(crate) object_prefix: String,
    pub(crate) trace: Trace,
    /// Whose record it is: for destinations whose ARN has no region and account.
    pub(crate) scope: Scope,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum DeliveryError {
    #[error("{0} is no destination that there is")]
    NoDestination(String),
    #[error("no endpoint is set for queues, topics and buses (destination-endpoint)")]
    NoEndpoint,
    #[error("no folder is set for objects (objects)")]
    NoObjects,
    #[error("the endpoint could not be reached: {0}")]
    Unreachable(String),
    #[error("refused with {status}: {answer}")]
    Refused { status: u16, answer: String },
    #[error(transparent)]
    Object(#[from] ObjectError),
    #[error(transparent)]
    Invoke(#[from] InvokeError),
}

/// The way to queues, topics and buses.
pub(crate) struct Endpoint {
    /// Without a slash at the end; none if it was not set.
    url: Option<String>,
    client: OnceLock<Client<HttpConnector, Full<Bytes>>>,
    /// Records that reached no destination.
    pub(crate) lost: AtomicU64,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint").field("url", &self.url).finish_non_exhaustive()
    }
}

/// A call of an AWS operation.
struct WireCall {
    service: &'static str,
    path: String,
    content_type: &'static str,
    /// `X-Amz-Target`; the query protocol has none.
    target: Option<&'static str>,
    body: Vec<u8>,
}

impl Endpoint {
    pub(crate) fn new(url: Option<&str>) -> Self {
        let url = url.map(|url| url.trim_end_matches('/').to_owned());
        Self { url, client: OnceLock::new(), lost: AtomicU64::new(0) }
    }

    async fn send(
        &self,
        scope: &Scope,
        now: Timestamp,
        trace: &Trace,
        call: WireCall,
    ) -> Result<Bytes, DeliveryError> {
        let url = self.url.as_ref().ok_or(DeliveryError::NoEndpoint)?;
        let unreachable = |error: &dyn fmt::Display| DeliveryError::Unreachable(error.to_string());
        let uri: Uri = format!("{url}{}", call.path).parse().map_err(|error| unreachable(&error))?;
        let mut request = Request::post(uri)
            .header(CONTENT_TYPE, call.content_type)
            .header(AUTHORIZATION, credential(scope, now, call.service))
            .header("x-amzn-trace-id", trace.header())
            .body(Full::new(Bytes::from(call.body)))
            .map_err(|error| unreachable(&error))?;
        if let Some(target) = call.target {
            request.headers_mut().insert("x-amz-target", HeaderValue::from_static(target));
        }
        let client = self.client.get_or_init(|| {
            Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(HttpConnector::new())
        });
        let exchange = async {
            let response = client.request(request).await.map_err(|error| unreachable(&error))?;
            let status = response.status().as_u16();
            let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
            let body = body.map_err(|error| unreachable(&error))?.to_bytes();
            if status < 300 {
                return Ok(body);
            }
            let answer = String::from_utf8_lossy(&body).chars().take(500).collect();
            Err(DeliveryError::Refused { status, answer })
        };
        let answered = tokio::time::timeout(ENDPOINT_TIMEOUT, exchange).await;
        answered.unwrap_or_else(|_| Err(DeliveryError::Unreachable("it did not answer in time".to_owned())))
    }
}

/// Emulators route by the scope that a signature names, and verify none; this one says so of itself.
fn credential(scope: &Scope, now: Timestamp, service: &str) -> String {
    let (year, month, day, ..) = now.civil();
    let (account, region) = (scope.account, scope.region.as_str());
    format!(
        "AWS4-HMAC-SHA256 Credential={account}/{year:04}{month:02}{day:02}/{region}/{service}/aws4_request, \
         SignedHeaders=host, Signature=unsigned"
    )
}

impl Lambda {
    /// Brings `record` to the destination `arn`. Returns when it has it; tries once.
    pub(crate) async fn deliver(&self, arn: &str, record: &Record) -> Result<(), DeliveryError> {
        let no_destination = || DeliveryError::NoDestination(arn.to_owned());
        let kind = DestinationKind::of(arn).ok_or_else(no_destination)?;
        let parsed: Arn = arn.parse().map_err(|_| no_destination())?;
        let scope = parsed.scope(&record.scope);
        let now = self.config.clock.now();
        let call = match kind {
            DestinationKind::Function => return self.deliver_to_function(arn, scope, record).await,
            DestinationKind::Bucket => return self.deliver_to_bucket(arn, now, record).await,
            DestinationKind::Queue => {
                let name = arn.rsplit(':').next().unwrap_or_default();
                let queue =
                    format!("{}/{}/{name}", self.endpoint.url.as_deref().unwrap_or_default(), scope.account);
                send_message(&queue, record)
            }
            DestinationKind::Topic => publish(arn, record),
            DestinationKind::Bus => put_events(arn, record),
        };
        let answer = self.endpoint.send(&scope, now, &record.trace, call).await?;
        if kind == DestinationKind::Bus && refused_entries(&answer) > 0 {
            let answer = String::from_utf8_lossy(&answer).into_owned();
            return Err(DeliveryError::Refused { status: 200, answer });
        }
        Ok(())
    }

    /// As [`deliver`](Self::deliver), by AWS's rules for a record that cannot be brought: it is lost, and counted.
    pub(crate) async fn deliver_or_drop(&self, arn: &str, record: &Record) -> bool {
        match self.deliver(arn, record).await {
            Ok(()) => true,
            Err(error) => {
                let lost = self.endpoint.lost.fetch_add(1, Ordering::Relaxed) + 1;
                tracing::warn!(%arn, %error, lost, "a record could not be brought to its destination, and is dropped");
                false
            }
        }
    }

    /// The same, as a step of what the record tells of.
    pub(crate) async fn deliver_traced(&self, arn: &str, record: &Record, trace: &Trace) -> bool {
        let span = trace.span(SpanKind::Destination, "Destination");
        if span.is_recorded() {
            span.set("destination", arn.to_owned());
            span.set_request(&record.body);
        }
        let delivered = self.deliver_or_drop(arn, record).await;
        if !delivered {
            span.fail("DestinationDeliveryFailure", "the record is lost; the server's log says why");
        }
        delivered
    }

    async fn deliver_to_function(
        &self,
        arn: &str,
        scope: Scope,
        record: &Record,
    ) -> Result<(), DeliveryError> {
        let call = InvokeCall {
            scope,
            function: arn.to_owned(),
            payload: record.body.clone(),
            kind: InvokeKind::Event,
            source: None,
            request_id: RequestId::random(),
            trace: record.trace.clone(),
        };
        self.invoke(call).await?;
        Ok(())
    }

    async fn deliver_to_bucket(
        &self,
        arn: &str,
        now: Timestamp,
        record: &Record,
    ) -> Result<(), DeliveryError> {
        let objects = self.config.objects.as_ref().ok_or(DeliveryError::NoObjects)?;
        let bucket = arn.rsplit(':').next().unwrap_or_default();
        let mut writer = objects.create(bucket, &object_key(&record.object_prefix, now)).await?;
        writer.write(record.body.clone()).await?;
        writer.finish().await?;
        Ok(())
    }
}

/// `<prefix>YYYY/MM/DD/YYYY-MM-DDTHH.MM.SS-<id>`.
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html>
fn object_key(prefix: &str, now: Timestamp) -> String {
    let (year, month, day, hour, minute, second, _) = now.civil();
    let id = RequestId::random();
    format!(
        "{prefix}{year:04}/{month:02}/{day:02}/{year:04}-{month:02}-{day:02}T{hour:02}.{minute:02}.{second:02}-{id}"
    )
}

fn text(bytes: &Bytes) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

fn send_message(queue_url: &str, record: &Record) -> WireCall {
    let mut json = Writer::new();
    json.begin_object();
    json.member("QueueUrl", queue_url);
    json.member("MessageBody", &*text(&record.body));
    if !record.attributes.is_empty() {
        json.key("MessageAttributes");
        json.begin_object();
        for (name, data_type, value) in &record.attributes {
            json.key(name);
            json.begin_object();
            json.member("DataType", *data_type);
            json.member("StringValue", value.as_str());
            json.end_object();
        }
        json.end_object();
    }
    json.end_object();
    WireCall {
        service: "sqs",
        path: "/".to_owned(),
        content_type: "application/x-amz-json-1.0",
        target: Some("AmazonSQS.SendMessage"),
        body: json.into_vec(),
    }
}

fn publish(topic: &str, record: &Record) -> WireCall {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("Action", "Publish").append_pair("Version", "2010-03-31").append_pair("TopicArn", topic);
    form.append_pair("Message", &text(&record.body));
    for (index, (name, data_type, value)) in (1..).zip(&record.attributes) {
        let entry = format!("MessageAttributes.entry.{index}");
        form.append_pair(&format!("{entry}.Name"), name);
        form.append_pair(&format!("{entry}.Value.DataType"), data_type);
        form.append_pair(&format!("{entry}.Value.StringValue"), value);
    }
    WireCall {
        service: "sns",
        path: "/".to_owned(),
        content_type: "application/x-www-form-urlencoded; charset=utf-8",
        target: None,
        body: form.finish().into_bytes(),
    }
}

fn put_events(bus: &str, record: &Record) -> WireCall {
    let mut json = Writer::new();
    json.begin_object();
    json.key("Entries");
    json.begin_array();
    json.begin_object();
    json.member("Source", "lambda");
    json.member("DetailType", record.detail_type);
    json.member("Detail", &*text(&record.body));
    json.member("EventBusName", bus);
    json.key("Resources");
    json.begin_array();
    record.resources.iter().for_each(|arn| json.string(arn));
    json.end_array();
    json.member("TraceHeader", record.trace.header());
    json.end_object();
    json.end_array();
    json.end_object();
    WireCall {
        service: "events",
        path: "/".to_owned(),
        content_type: "application/x-amz-json-1.1",
        target: Some("AWSEvents.PutEvents"),
        body: json.into_vec(),
    }
}

/// A bus answers 200 and says in it how many events it refused.
fn refused_entries(answer: &[u8]) -> u64 {
    let read = || -> Result<u64, wire::json::JsonError> {
        let mut reader = Reader::new(answer, ANSWER_DEPTH_MAX)?;
        reader.begin_object()?;
        while let Some(key) = reader.next_key()? {
            if key == "FailedEntryCount" {
                return Ok(reader.number()?.parse().unwrap_or(1));
            }
            reader.skip()?;
        }
        Ok(0)
    };
    read().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_arns_name() {
        for (arn, kind) in [
            ("arn:aws:lambda:us-east-1:000000000000:function:f:1", Some(DestinationKind::Function)),
            ("arn:aws:sqs:us-east-1:000000000000:q", Some(DestinationKind::Queue)),
            ("arn:aws-cn:sns:cn-north-1:000000000000:t", Some(DestinationKind::Topic)),
            ("arn:aws:events:us-east-1:000000000000:event-bus/default", Some(DestinationKind::Bus)),
            ("arn:aws:s3:::bucket", Some(DestinationKind::Bucket)),
            ("arn:aws:kinesis:us-east-1:000000000000:stream/s", None),
            ("arn:aws:s3:::", None),
            ("q", None),
        ] {
            assert_eq!(DestinationKind::of(arn), kind, "{arn}");
        }
    }

    #[test]
    fn a_bus_tells_what_it_refused() {
        assert_eq!(refused_entries(br#"{"Entries":[{"EventId":"1"}],"FailedEntryCount":0}"#), 0);
        assert_eq!(refused_entries(br#"{"FailedEntryCount":1,"Entries":[{"ErrorCode":"x"}]}"#), 1);
    }

    #[test]
    fn objects_are_kept_by_day() {
        let key = object_key("aws/lambda/async/f/", Timestamp(1_795_454_460_123));
        assert!(key.starts_with("aws/lambda/async/f/2026/11/23/2026-11-23T"), "{key}");
        assert_eq!(key.len(), "aws/lambda/async/f/2026/11/23/2026-11-23T00.00.00-".len() + 36);
    }
}
