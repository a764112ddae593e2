//! An asynchronous event: one attempt to run it, what comes after, and the records of its end.

use std::sync::Arc;
use std::time::Duration;

use base::trace::SpanKind;
use base::{RequestId, Scope, Timestamp, Trace};
use bytes::Bytes;
use minicbor::{Decode, Encode};
use ports::{InvokeError, InvokeReply};
use store::KvError;
use wire::json::{JsonError, Reader, Writer};

use crate::catalogue::Function;
use crate::destination::Record;
use crate::event_config::EventConfig;
use crate::invoke::Target;
use crate::name::FunctionRef;
use crate::queue::Next;
use crate::runner::Run;
use crate::{Lambda, lineage};

/// An event that the platform could not run waits twice as long each time, between these.
const BACKOFF_FIRST: Duration = Duration::from_secs(1);
const BACKOFF_LAST: Duration = Duration::from_secs(300);
const ERROR_DEPTH_MAX: usize = 64;
/// AWS cuts the attribute of a dead letter.
const ERROR_MESSAGE_BYTES_MAX: usize = 1024;

/// An accepted event.
#[derive(Debug, Clone, Encode, Decode)]
pub(crate) struct Event {
    #[n(0)]
    account: String,
    #[n(1)]
    region: String,
    /// Name and, if there is one, qualifier.
    #[n(2)]
    function: String,
    #[cbor(n(3), with = "minicbor::bytes")]
    payload: Vec<u8>,
    #[cbor(n(4), with = "minicbor::bytes")]
    request_id: [u8; 16],
    #[n(5)]
    trace: String,
    #[n(6)]
    accepted_ms: i64,
    /// Failures of the function so far.
    #[n(7)]
    failures: u32,
    /// Attempts that did not come to the function.
    #[n(8)]
    throttles: u32,
    #[n(9)]
    client_context: Option<String>,
}

/// An event that waits for its turn, for who looks at the queue.
#[derive(Debug, Clone)]
pub struct WaitingEvent {
    pub request_id: RequestId,
    /// The function's ARN, with the qualifier if there is one.
    pub function: String,
    pub payload: Bytes,
    pub accepted: Timestamp,
    /// When it is tried next.
    pub due: Timestamp,
    /// Attempts in which the function failed.
    pub failures: u32,
    /// Attempts that did not come to the function.
    pub throttles: u32,
    pub trace: Trace,
}

/// What an event asks to run.
#[derive(Debug)]
pub(crate) struct EventCall {
    pub(crate) scope: Scope,
    pub(crate) function: String,
    pub(crate) payload: Bytes,
    pub(crate) request_id: RequestId,
    pub(crate) trace: Trace,
    pub(crate) client_context: Option<String>,
}

/// How an event ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Condition {
    Success,
    RetriesExhausted,
    EventAgeExceeded,
    RecursiveInvocation,
}

impl Condition {
    fn as_str(self) -> &'static str {
        match self {
            Self::Success => "Success",
            Self::RetriesExhausted => "RetriesExhausted",
            Self::EventAgeExceeded => "EventAgeExceeded",
            Self::RecursiveInvocation => "RecursiveInvocation",
        }
    }
}

/// What an event runs, and by which rules.
struct Rules {
    target: Target,
    config: EventConfig,
}

/// The end of an event, of which records are made.
struct End<'a> {
    event: &'a Event,
    function: &'a Arc<Function>,
    condition: Condition,
    now: Timestamp,
    /// The last answer, if the function came to answer.
    reply: Option<&'a InvokeReply>,
}

impl EventCall {
    pub(crate) fn into_event(self, now: Timestamp) -> Event {
        Event {
            account: self.scope.account.to_string(),
            region: self.scope.region.to_string(),
            function: self.function,
            payload: self.payload.to_vec(),
            request_id: self.request_id.0.to_be_bytes(),
            trace: self.trace.passed_on().into_owned(),
            accepted_ms: now.0,
            failures: 0,
            throttles: 0,
            client_context: self.client_context,
        }
    }
}

impl Event {
    fn scope(&self) -> Option<Scope> {
        Some(Scope { account: self.account.parse().ok()?, region: base::Region::new(&self.region) })
    }

    fn id(&self) -> RequestId {
        RequestId(u128::from_be_bytes(self.request_id))
    }

    fn trace(&self) -> Trace {
        Trace::new(self.trace.as_str())
    }

    fn waiting(self, due: Timestamp) -> WaitingEvent {
        WaitingEvent {
            request_id: self.id(),
            trace: self.trace(),
            accepted: Timestamp(self.accepted_ms),
            due,
            failures: self.failures,
            throttles: self.throttles,
            function: self.function,
            payload: self.payload.into(),
        }
    }

    /// When the next attempt is due after one that did not come to the function.
    fn back_off(&mut self, now: Timestamp) -> Timestamp {
        let wait = BACKOFF_FIRST.saturating_mul(1 << self.throttles.min(16)).min(BACKOFF_LAST);
        self.throttles += 1;
        now.plus(wait)
    }

    fn is_older_than(&self, age: Duration, at: Timestamp) -> bool {
        at.since(Timestamp(self.accepted_ms)) > age
    }
}

impl Lambda {
    /// Events of a scope that wait, at most `limit` of the first that are found: of one function, if it is named.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn waiting_events(
        &self,
        scope: &Scope,
        function: &str,
        limit: usize,
    ) -> Result<Vec<WaitingEvent>, KvError> {
        let is_own = |event: &Event| event.scope().as_ref() == Some(scope);
        let is_named = |event: &Event| {
            let parsed = FunctionRef::parse(&event.function, scope);
            function.is_empty() || parsed.is_ok_and(|found| found.name == function)
        };
        let found = self.queue.waiting(limit, |event| is_own(event) && is_named(event)).await?;
        let mut found: Vec<_> = found.into_iter().map(|(due, event)| event.waiting(due)).collect();
        found.sort_by_key(|event| event.due);
        Ok(found)
    }

    /// Returns once the event is durable.
    pub(crate) async fn accept(&self, call: EventCall) -> Result<(), InvokeError> {
        self.queue.accept(call.into_event(self.config.clock.now())).await
    }

    /// One attempt at an event. Its records have been delivered when it has come to its end.
    pub(crate) async fn attempt(&self, event: Event) -> Next {
        let now = self.config.clock.now();
        let span = self.config.recorder.begin(&event.trace(), now, (SpanKind::Event, "Asynchronous event"));
        if span.is_recorded() {
            span.set("attempt", i64::from(event.failures + event.throttles) + 1);
            span.set("waitedMs", now.0 - event.accepted_ms);
            span.set_request(&event.payload);
        }
        let next = self.attempt_traced(event, &span).await;
        if let Next::Again(due, _) = &next {
            span.set("retryAt", due.iso8601());
        }
        next
    }

    async fn attempt_traced(&self, mut event: Event, trace: &Trace) -> Next {
        let scope = event.scope();
        let reference = scope.as_ref().and_then(|scope| FunctionRef::parse(&event.function, scope).ok());
        let Some(reference) = reference else {
            tracing::error!(function = %event.function, "an event of no function is dropped");
            return Next::Done;
        };
        let target = match self.event_target(&reference, event.id()).await {
            Ok(target) => target,
            Err(error) => {
                tracing::debug!(%error, "an event waits for the store");
                let due = event.back_off(self.config.clock.now());
                return Next::Again(due, event);
            }
        };
        let Some(target) = target else {
            // Nothing that comes later brings a deleted function back to this event.
            tracing::warn!(function = %event.function, "an event of a function that is gone is dropped");
            trace.fail("ResourceNotFoundException", "the function is gone");
            return Next::Done;
        };
        let qualifier = reference.qualifier.unwrap_or("$LATEST");
        let config = target.function.event_configs.get(qualifier).cloned().unwrap_or_default();
        let rules = Rules { target, config };
        if event.is_older_than(rules.config.age(), self.config.clock.now()) {
            return self.end((&event, trace), &rules, Condition::EventAgeExceeded, None).await;
        }
        let function = &rules.target.function;
        trace.belongs_to(function.scope.account);
        trace.set_resource("lambda", &function.name);
        if !function.allows_loops && lineage::is_loop(&event.trace(), &function.arn()) {
            tracing::warn!(function = %event.function, "a recursive loop of invocations was cut");
            return self.end((&event, trace), &rules, Condition::RecursiveInvocation, None).await;
        }
        let result = self.run_event(&event, &rules.target, trace).await;
        if result.is_ok() && rules.target.version.record.settings.durable.is_some() {
            // It has begun; its end is the execution's own, and no destination is told of it.
            return Next::Done;
        }
        self.after((event, trace), &rules, result).await
    }

    /// What an event runs, if it is still there; another node may have taken the event, and know what this one does not.
    async fn event_target(
        &self,
        reference: &FunctionRef<'_>,
        id: RequestId,
    ) -> Result<Option<Target>, KvError> {
        if let Ok(target) = self.target(reference, id) {
            return Ok(Some(target));
        }
        self.catalogue.bring(&reference.scope, reference.name).await?;
        Ok(self.target(reference, id).ok())
    }

    async fn run_event(
        &self,
        event: &Event,
        target: &Target,
        trace: &Trace,
    ) -> Result<InvokeReply, InvokeError> {
        if target.version.record.settings.durable.is_some() {
            let payload = Bytes::from(event.payload.clone());
            // Named so that an event that comes again after a crash finds the execution that it began.
            let name = Some(event.id().to_string());
            return Ok(self.invoke_durable(target, name, (&payload, trace), false).await?.0);
        }
        let run = Run {
            function: target.function.clone(),
            version: target.version.clone(),
            function_arn: target.arn.clone(),
            payload: event.payload.clone().into(),
            request_id: event.id(),
            client_context: event.client_context.clone(),
            trace: trace.clone(),
        };
        self.runner.run(run).await
    }

    async fn after(
        &self,
        (mut event, trace): (Event, &Trace),
        rules: &Rules,
        result: Result<InvokeReply, InvokeError>,
    ) -> Next {
        let now = self.config.clock.now();
        let (due, reply) = match result {
            Ok(reply) if reply.function_error.is_none() => {
                return self.end((&event, trace), rules, Condition::Success, Some(&reply)).await;
            }
            Ok(reply) => {
                event.failures += 1;
                (now.plus(self.config.retry_wait * event.failures), Some(reply))
            }
            Err(InvokeError::Throttled(_) | InvokeError::Internal(_) | InvokeError::Unavailable(_)) => {
                (event.back_off(now), None)
            }
            Err(error) => {
                tracing::warn!(function = %event.function, %error, "an event that cannot be run is dropped");
                return Next::Done;
            }
        };
        if reply.is_some() && event.failures > rules.config.retries() {
            return self.end((&event, trace), rules, Condition::RetriesExhausted, reply.as_ref()).await;
        }
        if event.is_older_than(rules.config.age(), due) {
            return self.end((&event, trace), rules, Condition::EventAgeExceeded, reply.as_ref()).await;
        }
        Next::Again(due, event)
    }

    /// Delivers the records of the end, if somebody wants them.
    async fn end(
        &self,
        (event, trace): (&Event, &Trace),
        rules: &Rules,
        condition: Condition,
        reply: Option<&InvokeReply>,
    ) -> Next {
        let Rules { target, config } = rules;
        let end = End { event, function: &target.function, condition, now: self.config.clock.now(), reply };
        let failed = condition != Condition::Success;
        trace.set("condition", condition.as_str());
        if failed {
            trace.fail(condition.as_str(), "the event was given up");
            tracing::warn!(
                function = %event.function,
                condition = condition.as_str(),
                "an asynchronous event was given up"
            );
        }
        let destination = if failed { &config.on_failure } else { &config.on_success };
        if let Some(arn) = destination {
            self.deliver_traced(arn, &end.record(arn), trace).await;
        }
        if let Some(arn) = target.version.record.settings.dead_letter_arn.as_ref().filter(|_| failed) {
            self.deliver_traced(arn, &end.dead_letter(), trace).await;
        }
        Next::Done
    }
}

impl End<'_> {
    /// Attempts that came to the function.
    fn count(&self) -> u32 {
        self.event.failures + u32::from(self.condition == Condition::Success)
    }

    fn qualified_arn(&self) -> String {
        let arn = &self.event.function;
        // The eighth part of a function's ARN is its qualifier.
        if arn.split(':').count() > 7 { arn.clone() } else { format!("{arn}:$LATEST") }
    }

    /// Source: <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html>
    fn record(&self, destination: &str) -> Record {
        let mut json = Writer::with_capacity(512 + self.event.payload.len());
        json.begin_object();
        json.member("version", "1.0");
        json.member("timestamp", self.now.iso8601().as_str());
        json.key("requestContext");
        json.begin_object();
        json.member("requestId", self.event.id().to_string().as_str());
        json.member("functionArn", self.qualified_arn().as_str());
        json.member("condition", self.condition.as_str());
        json.key("approximateInvokeCount");
        json.integer(self.count().into());
        json.end_object();
        json.key("requestPayload");
        json.raw(&self.event.payload);
        if let Some(reply) = self.reply {
            json.key("responseContext");
            json.begin_object();
            json.key("statusCode");
            json.integer(200);
            json.member("executedVersion", reply.executed_version.as_str());
            if let Some(error) = reply.function_error {
                json.member("functionError", error);
            }
            json.end_object();
            json.key("responsePayload");
            json.raw(if reply.payload.is_empty() { b"null" } else { &reply.payload });
        }
        json.end_object();
        let failed = self.condition != Condition::Success;
        Record {
            body: json.into_bytes(),
            attributes: Vec::new(),
            detail_type: if failed {
                "Lambda Function Invocation Result - Failure"
            } else {
                "Lambda Function Invocation Result - Success"
            },
            resources: vec![self.qualified_arn(), destination.to_owned()],
            ..self.bare_record()
        }
    }

    /// The event as it was, with what went wrong beside it.
    /// Source: <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html#invocation-dlq>
    fn dead_letter(&self) -> Record {
        let message = match (self.reply, self.condition) {
            (Some(reply), _) => error_message(&reply.payload),
            (None, condition) => condition.as_str().to_owned(),
        };
        let cut = message.floor_char_boundary(ERROR_MESSAGE_BYTES_MAX);
        let code = if self.reply.is_some() { "200" } else { "429" };
        let attributes = vec![
            ("RequestID", "String", self.event.id().to_string()),
            ("ErrorCode", "Number", code.to_owned()),
            ("ErrorMessage", "String", message[..cut].to_owned()),
        ];
        Record { body: self.event.payload.clone().into(), attributes, ..self.bare_record() }
    }

    fn bare_record(&self) -> Record {
        Record {
            body: Bytes::new(),
            attributes: Vec::new(),
            detail_type: "",
            resources: Vec::new(),
            object_prefix: format!("aws/lambda/async/{}/", self.function.name),
            trace: Trace::new(lineage::passed_on(&self.event.trace(), &self.function.arn())),
            scope: self.function.scope.clone(),
        }
    }
}

/// `errorMessage` of an error that a function answered; all of it, when it is something else.
pub(crate) fn error_message(payload: &[u8]) -> String {
    let read = || -> Result<Option<String>, JsonError> {
        let mut reader = Reader::new(payload, ERROR_DEPTH_MAX)?;
        reader.begin_object()?;
        while let Some(key) = reader.next_key()? {
            if key == "errorMessage" {
                return Ok(Some(reader.string()?.into_owned()));
            }
            reader.skip()?;
        }
        Ok(None)
    };
    read().ok().flatten().unwrap_or_else(|| String::from_utf8_lossy(payload).into_owned())
}
