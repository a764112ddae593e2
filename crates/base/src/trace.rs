//! What is recorded of a request on its way: [`Trace`] names the request and is where spans are begun; a [`Span`] is one
//! step of it with its times, what went in and came out, and why it failed. A [`Record`] is handed to a [`TraceSink`]
//! when the last who works for the request has let go. Knows no ring and no wire.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crate::id::push_hex;
use crate::{AccountId, RequestId, Timestamp};

/// More steps of one record are not kept.
const SPANS_MAX: usize = 1024;

/// A caller's header is not longer.
const HEADER_BYTES_MAX: usize = 256;

/// The id of a span, random: a call that a function makes names the span it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SpanId(pub u64);

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The request that something is done for. Prints nothing of itself but [`header`](Self::header); spans below it are
/// recorded if somebody records.
#[derive(Debug, Clone)]
pub struct Trace {
    header: Arc<str>,
    place: Option<Place>,
}

/// The span below which others are begun.
#[derive(Debug, Clone)]
struct Place {
    recording: Arc<Recording>,
    index: usize,
}

impl PartialEq for Trace {
    fn eq(&self, other: &Self) -> bool {
        self.header == other.header
    }
}

impl Eq for Trace {}

impl Trace {
    /// `X-Amzn-Trace-Id`: `Root=1-<8 hex>-<24 hex>;Parent=<16 hex>;Sampled=0`, as it came.
    pub fn new(header: impl Into<Arc<str>>) -> Self {
        Self { header: header.into(), place: None }
    }

    pub fn random() -> Self {
        let id = RequestId::random();
        Self::written(id.0 >> 96, RequestId::random().0 >> 32, id.0)
    }

    /// Of a request that came at `now`: as on AWS the root begins with the time in seconds.
    /// Source: <https://docs.aws.amazon.com/xray/latest/devguide/xray-api-sendingdata.html>
    pub fn at(now: Timestamp) -> Self {
        let (root, parent) = (RequestId::random().0, RequestId::random().0);
        Self::written(now.as_secs().unsigned_abs().into(), root >> 32, parent)
    }

    /// The same for a request that has an id: it is made of that.
    pub fn of(id: RequestId, now: Timestamp) -> Self {
        Self::written(now.as_secs().unsigned_abs().into(), id.0 >> 32, id.0)
    }

    /// The caller's trace, if it sent a sound one: `X-Amzn-Trace-Id`, or else the `traceparent` of the W3C.
    /// Source: <https://www.w3.org/TR/trace-context/#traceparent-header>
    pub fn sent(amazon: Option<&str>, traceparent: Option<&str>) -> Option<Self> {
        if let Some(text) = amazon.filter(|text| text.contains("Root=1-") && text.len() <= HEADER_BYTES_MAX) {
            return Some(Self::new(text));
        }
        let (root, parent, flags) = read_traceparent(traceparent?)?;
        let sampled = flags & 1;
        let (time, rest) = root.split_at(8);
        Some(Self::new(format!("Root=1-{time}-{rest};Parent={parent};Sampled={sampled}")))
    }

    /// Of each number as many of its last digits as there is room for.
    fn written(time: u128, root: u128, parent: u128) -> Self {
        let mut text = String::with_capacity(74);
        for (name, number, digits) in
            [("Root=1-", time, 8), ("-", root, 24), (";Parent=", parent, 16), (";Sampled=0", 0, 0)]
        {
            text.push_str(name);
            push_hex(&mut text, number, digits);
        }
        Self::new(text)
    }

    pub fn header(&self) -> &str {
        &self.header
    }

    /// The same place with another header.
    #[must_use]
    pub fn with_header(&self, header: impl Into<Arc<str>>) -> Self {
        Self { header: header.into(), place: self.place.clone() }
    }

    fn field(&self, name: &str) -> Option<&str> {
        let mut fields = self.header.split(';');
        fields.find_map(|field| field.trim().strip_prefix(name)?.strip_prefix('='))
    }

    /// `1-<8 hex>-<24 hex>`.
    pub fn root(&self) -> Option<&str> {
        self.field("Root")
    }

    /// The span that a caller of this process, or another, told.
    fn parent(&self) -> Option<SpanId> {
        u64::from_str_radix(self.field("Parent")?, 16).ok().map(SpanId)
    }

    /// The span below which this is, if it is recorded.
    pub fn span_id(&self) -> Option<SpanId> {
        self.place.as_ref().map(|place| place.recording.id(place.index))
    }

    /// Whether spans are kept, and what it costs to describe them is well spent.
    pub fn is_recorded(&self) -> bool {
        self.place.is_some()
    }

    /// The header for who is called from here: its parent is the span of this place.
    pub fn passed_on(&self) -> Cow<'_, str> {
        let Some(id) = self.span_id() else { return Cow::Borrowed(&self.header) };
        let Some(parent) = self.field("Parent") else {
            return Cow::Owned(format!("{};Parent={id}", self.header.trim_end_matches(';')));
        };
        Cow::Owned(self.header.replacen(&format!("Parent={parent}"), &format!("Parent={id}"), 1))
    }

    /// `00-<32 hex>-<16 hex>-<flags>` of this place; none of a root that is none of X-Ray's.
    pub fn traceparent(&self) -> Option<String> {
        let root: String = self.root()?.strip_prefix("1-")?.chars().filter(|c| *c != '-').collect();
        let parent = self.span_id().or_else(|| self.parent())?;
        let sampled = u8::from(self.field("Sampled") == Some("1"));
        let text = format!("00-{root}-{parent}-{sampled:02x}");
        read_traceparent(&text).is_some().then_some(text)
    }

    /// Begins a step below this place, now. It ends when it is dropped.
    pub fn span(&self, kind: SpanKind, name: impl Into<Cow<'static, str>>) -> Span {
        let Some(place) = &self.place else { return Span(self.clone()) };
        let index = place.recording.begin(Some(place.index), kind, name.into());
        Span(Self {
            header: Arc::clone(&self.header),
            place: index.map(|index| Place { recording: Arc::clone(&place.recording), index }),
        })
    }

    /// Whose record it is, when that was not known at its beginning.
    pub fn belongs_to(&self, account: AccountId) {
        if let Some(place) = &self.place {
            place.recording.account.get_or_init(|| account);
        }
    }

    /// Changes the span of this place.
    fn note(&self, change: impl FnOnce(&mut SpanRecord, usize)) {
        if let Some(Place { recording, index }) = &self.place {
            let mut spans = recording.spans.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(span) = spans.get_mut(*index) {
                change(span, recording.payload_bytes_max);
            }
        }
    }

    /// What the step works on: `lambda:hello`, `dynamodb:Users`, `apigateway:a1b2c3/dev`.
    pub fn set_resource(&self, service: &'static str, name: &str) {
        self.note(|span, _| {
            if span.resource.is_none() {
                span.resource = Some(Resource { service, name: name.into() });
            }
        });
    }

    pub fn set_name(&self, name: impl Into<Cow<'static, str>>) {
        self.note(|span, _| span.name = name.into());
    }

    /// The status of HTTP that came of it.
    pub fn set_status(&self, status: u16) {
        self.note(|span, _| span.status = Some(status));
    }

    pub fn set(&self, name: &'static str, value: impl Into<Attribute>) {
        self.note(|span, _| span.attributes.push((name, value.into())));
    }

    /// Why it failed: AWS's code, or a word of the same kind, and what a person is told.
    pub fn fail(&self, code: impl Into<Cow<'static, str>>, message: impl fmt::Display) {
        self.note(|span, _| {
            span.failure.get_or_insert_with(|| Failure { code: code.into(), message: message.to_string() });
        });
    }

    /// What went in.
    pub fn set_request(&self, bytes: &[u8]) {
        self.note(|span, max| span.request = Payload::of(bytes, max));
    }

    /// What came out.
    pub fn set_response(&self, bytes: &[u8]) {
        self.note(|span, max| span.response = Payload::of(bytes, max));
    }

    /// What it wrote to its log.
    pub fn set_log(&self, bytes: &[u8]) {
        self.note(|span, max| span.log = Payload::of(bytes, max));
    }

    /// A step that is over: it took so long, and ended `ago`.
    pub fn past(
        &self,
        kind: SpanKind,
        name: impl Into<Cow<'static, str>>,
        (took, ago): (Duration, Duration),
    ) -> Self {
        let span = self.span(kind, name);
        span.note(|record, _| {
            record.begun = record.begun.saturating_sub(took + ago);
            record.took = Some(took);
        });
        Self::clone(&span)
    }
}

/// A step that goes on as long as this lives. What it is for is done below it: it is a [`Trace`].
#[derive(Debug)]
pub struct Span(Trace);

impl Deref for Span {
    type Target = Trace;

    fn deref(&self) -> &Trace {
        &self.0
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        let Some(place) = &self.0.place else { return };
        let now = place.recording.begun.elapsed();
        self.0.note(|span, _| {
            span.took.get_or_insert_with(|| now.saturating_sub(span.begun));
        });
    }
}

/// Where records begin. Without a sink nothing is recorded.
#[derive(Debug, Clone, Default)]
pub struct Recorder(Option<Arc<dyn TraceSink>>);

impl Recorder {
    pub fn new(sink: Arc<dyn TraceSink>) -> Self {
        Self(Some(sink))
    }

    /// Begins a record of what came at `now` with the header of `trace`.
    pub fn begin(
        &self,
        trace: &Trace,
        now: Timestamp,
        (kind, name): (SpanKind, impl Into<Cow<'static, str>>),
    ) -> Span {
        let Some(sink) = &self.0 else { return Span(trace.clone()) };
        let recording = Arc::new(Recording {
            header: Arc::clone(&trace.header),
            // Spread so that the ids of two records do not meet.
            first: RequestId::random().0 as u64,
            parent: trace.parent(),
            started: now,
            begun: Instant::now(),
            account: OnceLock::new(),
            payload_bytes_max: sink.payload_bytes_max(),
            spans: Mutex::new(Vec::with_capacity(4)),
            sink: Arc::clone(sink),
        });
        let index = recording.begin(None, kind, name.into()).unwrap_or_default();
        Span(Trace { header: Arc::clone(&trace.header), place: Some(Place { recording, index }) })
    }
}

/// Takes what was recorded. Never blocks for long, and never fails.
pub trait TraceSink: Send + Sync + fmt::Debug {
    fn take(&self, record: Record);

    /// How much of a payload is kept; of none when it is 0.
    fn payload_bytes_max(&self) -> usize;
}

/// A record that is being made.
#[derive(Debug)]
struct Recording {
    header: Arc<str>,
    first: u64,
    parent: Option<SpanId>,
    started: Timestamp,
    begun: Instant,
    account: OnceLock<AccountId>,
    payload_bytes_max: usize,
    spans: Mutex<Vec<SpanRecord>>,
    sink: Arc<dyn TraceSink>,
}

impl Recording {
    fn id(&self, index: usize) -> SpanId {
        SpanId(self.first.wrapping_add(index as u64))
    }

    fn begin(&self, parent: Option<usize>, kind: SpanKind, name: Cow<'static, str>) -> Option<usize> {
        let begun = self.begun.elapsed();
        let mut spans = self.spans.lock().unwrap_or_else(PoisonError::into_inner);
        let index = spans.len();
        if index >= SPANS_MAX {
            return None;
        }
        spans.push(SpanRecord {
            id: self.id(index),
            parent: parent.map_or(self.parent, |parent| Some(self.id(parent))),
            kind,
            name,
            begun,
            took: None,
            resource: None,
            status: None,
            failure: None,
            attributes: Vec::new(),
            request: None,
            response: None,
            log: None,
        });
        Some(index)
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        let spans = std::mem::take(self.spans.get_mut().unwrap_or_else(PoisonError::into_inner));
        self.sink.take(Record {
            trace: Trace::new(Arc::clone(&self.header)),
            started: self.started,
            begun: self.begun,
            account: self.account.get().copied().unwrap_or_default(),
            spans,
        });
    }
}

/// What was done for one request, event or batch. The first span is the whole of it.
#[derive(Debug, Clone)]
pub struct Record {
    pub trace: Trace,
    pub started: Timestamp,
    /// The same on the clock that only goes forward, to set records beside each other.
    pub begun: Instant,
    pub account: AccountId,
    pub spans: Vec<SpanRecord>,
}

/// One step of a record.
#[derive(Debug, Clone)]
pub struct SpanRecord {
    pub id: SpanId,
    /// In the same record, but for the first.
    pub parent: Option<SpanId>,
    pub kind: SpanKind,
    pub name: Cow<'static, str>,
    /// After the record's beginning.
    pub begun: Duration,
    /// None if it was cut off.
    pub took: Option<Duration>,
    pub resource: Option<Resource>,
    pub status: Option<u16>,
    pub failure: Option<Failure>,
    pub attributes: Vec<(&'static str, Attribute)>,
    pub request: Option<Payload>,
    pub response: Option<Payload>,
    pub log: Option<Payload>,
}

/// A table, a function or a stage.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Resource {
    pub service: &'static str,
    pub name: Box<str>,
}

/// Why a step failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub code: Cow<'static, str>,
    pub message: String,
}

/// The beginning of what went in or came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload {
    pub kept: Box<[u8]>,
    /// Of the whole.
    pub bytes: usize,
}

impl Payload {
    fn of(bytes: &[u8], max: usize) -> Option<Self> {
        (max > 0).then(|| Self { kept: bytes[..bytes.len().min(max)].into(), bytes: bytes.len() })
    }

    pub fn is_whole(&self) -> bool {
        self.kept.len() == self.bytes
    }
}

/// What kind of step a span is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SpanKind {
    /// A request to this server, from its head to its answer.
    Request,
    /// A message of a WebSocket, or its beginning or end.
    Message,
    /// A phase of the gateway.
    Phase,
    Authorizer,
    Integration,
    /// A function's invocation.
    Invocation,
    /// Waiting for an environment, or for one to be made.
    Environment,
    /// The handler is loaded.
    Init,
    /// The handler runs.
    Handler,
    /// An operation of a service, called in process.
    Call,
    /// An attempt at an asynchronous event.
    Event,
    /// A batch of records of a stream.
    Batch,
    /// A record on its way to a destination or a dead letter queue.
    Destination,
}

impl SpanKind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Message => "message",
            Self::Phase => "phase",
            Self::Authorizer => "authorizer",
            Self::Integration => "integration",
            Self::Invocation => "invocation",
            Self::Environment => "environment",
            Self::Init => "init",
            Self::Handler => "handler",
            Self::Call => "call",
            Self::Event => "event",
            Self::Batch => "batch",
            Self::Destination => "destination",
        }
    }
}

/// What else is known of a step.
#[derive(Debug, Clone, PartialEq)]
pub enum Attribute {
    Text(Cow<'static, str>),
    Number(i64),
    Fraction(f64),
    Flag(bool),
}

impl From<&'static str> for Attribute {
    fn from(text: &'static str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Attribute {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl From<i64> for Attribute {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<f64> for Attribute {
    fn from(number: f64) -> Self {
        Self::Fraction(number)
    }
}

impl From<bool> for Attribute {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

/// Root, parent and flags of a sound `traceparent`.
fn read_traceparent(text: &str) -> Option<(&str, &str, u8)> {
    let mut parts = text.trim().split('-');
    let (version, root, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_hex = |text: &str, digits| {
        text.len() == digits && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    let is_zero = |text: &str| text.bytes().all(|b| b == b'0');
    let sound = is_hex(version, 2)
        && version != "ff"
        && (version != "00" || parts.next().is_none())
        && is_hex(root, 32)
        && !is_zero(root)
        && is_hex(parent, 16)
        && !is_zero(parent)
        && is_hex(flags, 2);
    if sound { Some((root, parent, u8::from_str_radix(flags, 16).ok()?)) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default)]
    struct Kept(Mutex<Vec<Record>>);

    impl TraceSink for Kept {
        fn take(&self, record: Record) {
            self.0.lock().unwrap().push(record);
        }

        fn payload_bytes_max(&self) -> usize {
            4
        }
    }

    #[test]
    fn a_trace_begins_with_its_second() {
        let trace = Trace::at(Timestamp(1_465_510_280_999));
        assert!(trace.header().starts_with("Root=1-5759e988-"), "{trace:?}");
        assert_eq!(
            trace.header().len(),
            "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0".len()
        );
        assert_eq!(trace.root().unwrap().len(), "1-5759e988-bd862e3fe1be46a994272793".len());
    }

    #[test]
    fn callers_bring_their_traces_in_both_forms() {
        let amazon = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
        let w3c = "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01";
        assert_eq!(Trace::sent(Some(amazon), None).unwrap().header(), amazon);
        assert_eq!(Trace::sent(None, Some(w3c)).unwrap().header(), amazon);
        assert_eq!(Trace::sent(Some("Root=x"), Some(w3c)).unwrap().header(), amazon);
        assert_eq!(Trace::new(amazon).traceparent().as_deref(), Some(w3c));
        assert_eq!(Trace::new("Root=1-zz;Parent=1").traceparent(), None);
        for unsound in [
            "",
            "00",
            "00-00000000000000000000000000000000-53995c3f42cd8ad8-01",
            "00-5759e988bd862e3fe1be46a994272793-0000000000000000-01",
            "00-5759E988BD862E3FE1BE46A994272793-53995c3f42cd8ad8-01",
            "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01-more",
            "ff-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01",
            "00-5759e988bd862e3fe1be46a99427279ä-53995c3f42cd8ad8-01",
        ] {
            assert_eq!(Trace::sent(None, Some(unsound)), None, "{unsound}");
        }
        // A later version may say more.
        assert!(Trace::sent(None, Some(&w3c.replacen("00", "01", 1))).is_some());
    }

    #[test]
    fn a_record_is_handed_over_when_the_last_has_let_go() {
        let kept = Arc::new(Kept::default());
        let recorder = Recorder::new(Arc::clone(&kept) as _);
        let sent = Trace::new("Root=1-5759e988-bd862e3fe1be46a994272793;Parent=00000000000000ff;Sampled=0");
        let whole = recorder.begin(&sent, Timestamp(7), (SpanKind::Request, "PutItem"));
        whole.set_resource("dynamodb", "Users");
        whole.set_request(b"12345");
        let late = whole.span(SpanKind::Call, "late");
        {
            let call = whole.span(SpanKind::Call, "call");
            call.fail("Throttled", "too fast");
            call.fail("Other", "the first reason stays");
            let header = call.passed_on().into_owned();
            assert_eq!(
                header,
                sent.header().replace("00000000000000ff", &call.span_id().unwrap().to_string())
            );
        }
        drop(whole);
        assert!(kept.0.lock().unwrap().is_empty());
        drop(late);
        let records = kept.0.lock().unwrap();
        let [record] = &records[..] else { panic!("{records:?}") };
        let [whole, late, call] = &record.spans[..] else { panic!("{record:?}") };
        assert_eq!(whole.parent, Some(SpanId(255)));
        assert_eq!((late.parent, call.parent), (Some(whole.id), Some(whole.id)));
        assert_eq!(whole.request, Some(Payload { kept: (*b"1234").into(), bytes: 5 }));
        assert_eq!(call.failure.as_ref().unwrap().code, "Throttled");
        assert!(record.spans.iter().all(|span| span.took.is_some()));
    }

    #[test]
    fn nothing_is_recorded_without_a_sink() {
        let sent = Trace::random();
        let whole = Recorder::default().begin(&sent, Timestamp(7), (SpanKind::Request, "x"));
        let call = whole.span(SpanKind::Call, "call");
        assert!(!call.is_recorded() && call.span_id().is_none());
        assert_eq!(call.passed_on(), sent.header());
    }

    #[test]
    fn a_record_has_a_bound() {
        let kept = Arc::new(Kept::default());
        let whole = Recorder::new(Arc::clone(&kept) as _).begin(
            &Trace::random(),
            Timestamp(7),
            (SpanKind::Batch, "x"),
        );
        for _ in 0..2 * SPANS_MAX {
            whole.span(SpanKind::Call, "call");
        }
        drop(whole);
        assert_eq!(kept.0.lock().unwrap()[0].spans.len(), SPANS_MAX);
    }
}
