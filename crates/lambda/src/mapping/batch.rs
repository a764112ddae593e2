//! Batches: the event that a function gets, what its answer says of it, and the record of one that is discarded. Pure.

use base::{RequestId, Timestamp};
use bytes::Bytes;
use ports::{FeedRecord, InvokeError, InvokeReply};
use wire::json::{JsonError, Reader, Writer};

use super::window::Window;

const EVENT_START: &[u8] = b"{\"Records\":[";
/// What is around the records of a batch of a tumbling window, but for its state.
const FRAME_BYTES: usize = 512;

/// How an invocation for a batch ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Taken,
    /// The function took the records before this one, and these are one or more.
    TakenBefore(usize),
    Failed,
    /// It did not run, for want of room or of the function; not a failure of it.
    NotRun,
}

impl Verdict {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Taken => "Taken",
            Self::TakenBefore(_) => "TakenInPart",
            Self::Failed => "Failed",
            Self::NotRun => "NotRun",
        }
    }
}

/// What goes with the records into the event of a tumbling window.
#[derive(Debug)]
pub(crate) struct Frame<'a> {
    pub(crate) window: &'a Window,
    pub(crate) seconds: u32,
    pub(crate) shard: &'a str,
    pub(crate) stream_arn: &'a str,
    pub(crate) is_final: bool,
}

pub(crate) fn event<'a>(
    records: impl Iterator<Item = &'a FeedRecord> + Clone,
    frame: Option<&Frame<'_>>,
) -> Bytes {
    let bytes: usize = records.clone().map(|record| record.event_json.len() + 1).sum();
    let more = frame.map_or(2, |frame| FRAME_BYTES + frame.window.state.len());
    let mut json = Vec::with_capacity(bytes + EVENT_START.len() + more);
    json.extend_from_slice(EVENT_START);
    for (i, record) in records.enumerate() {
        if i > 0 {
            json.push(b',');
        }
        json.extend_from_slice(&record.event_json);
    }
    json.push(b']');
    if let Some(frame) = frame {
        json.push(b',');
        json.extend_from_slice(&frame.members());
    }
    json.push(b'}');
    json.into()
}

impl Frame<'_> {
    /// The members beside `Records`.
    fn members(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.begin_object();
        writer.key("window");
        writer.begin_object();
        writer.key("start");
        writer.string(&to_the_second(Timestamp(self.window.start_ms)));
        writer.key("end");
        writer.string(&to_the_second(self.window.end(self.seconds)));
        writer.end_object();
        writer.key("state");
        writer.raw(&self.window.state);
        writer.key("shardId");
        writer.string(self.shard);
        writer.key("eventSourceARN");
        writer.string(self.stream_arn);
        writer.key("isFinalInvokeForWindow");
        writer.boolean(self.is_final);
        writer.key("isWindowTerminatedEarly");
        writer.boolean(self.is_final && self.window.is_too_large());
        writer.end_object();
        let json = writer.into_vec();
        json[1..json.len() - 1].to_vec()
    }
}

/// How many of `records` fit into one invocation's payload. One alone always goes: its error then says what is wrong.
pub(crate) fn fitting<'a>(records: impl Iterator<Item = &'a FeedRecord>, bytes_max: usize) -> usize {
    let mut bytes = EVENT_START.len() + 2;
    let fitting = records.take_while(|record| {
        bytes += record.event_json.len() + 1;
        bytes <= bytes_max
    });
    fitting.count().max(1)
}

/// What the function's answer says, and its state if there is a window.
pub(crate) fn verdict(
    reply: &Result<InvokeReply, InvokeError>,
    sequence_numbers: &[String],
    reports_items: bool,
    has_window: bool,
) -> (Verdict, Option<Vec<u8>>) {
    let answer = match reply {
        Ok(InvokeReply { function_error: Some(_), .. }) => return (Verdict::Failed, None),
        Ok(_) if !reports_items && !has_window => return (Verdict::Taken, None),
        Ok(reply) => parse_answer(&reply.payload),
        Err(InvokeError::Throttled(_) | InvokeError::NotFound(_)) => return (Verdict::NotRun, None),
        Err(_) => return (Verdict::Failed, None),
    };
    // AWS: a batch of a window whose answer has no state has failed.
    let Ok(Answer { failures, state }) = answer else { return (Verdict::Failed, None) };
    if has_window && state.is_none() {
        return (Verdict::Failed, None);
    }
    let failures = if reports_items { failures } else { Vec::new() };
    if failures.is_empty() {
        return (Verdict::Taken, state);
    }
    // AWS: an item that is not in the batch fails it as a whole.
    let place = |item: &String| sequence_numbers.iter().position(|number| number == item);
    match failures.iter().map(place).collect::<Option<Vec<_>>>().and_then(|places| places.into_iter().min()) {
        Some(first) if first > 0 => (Verdict::TakenBefore(first), state),
        _ => (Verdict::Failed, None),
    }
}

#[derive(Debug, Default)]
struct Answer {
    /// The `itemIdentifier`s of `batchItemFailures`; none for null or an empty answer.
    failures: Vec<String>,
    /// JSON; none for null.
    state: Option<Vec<u8>>,
}

fn parse_answer(json: &[u8]) -> Result<Answer, JsonError> {
    let mut answer = Answer::default();
    if json.is_empty() {
        return Ok(answer);
    }
    let mut reader = Reader::new(json, base::Limits::default().json_depth_max)?;
    // AWS takes an empty list for an empty answer.
    if reader.null()? || json.trim_ascii() == b"[]" {
        return Ok(answer);
    }
    reader.begin_object()?;
    while let Some(key) = reader.next_key()? {
        match &*key {
            "batchItemFailures" if reader.null()? => {}
            "batchItemFailures" => answer.failures = parse_failures(&mut reader)?,
            "state" if reader.null()? => {}
            "state" => answer.state = Some(reader.raw()?.as_bytes().to_vec()),
            _ => reader.skip()?,
        }
    }
    Ok(answer)
}

fn parse_failures(reader: &mut Reader<'_>) -> Result<Vec<String>, JsonError> {
    let mut items = Vec::new();
    reader.begin_array()?;
    while reader.next_element()? {
        reader.begin_object()?;
        let mut item = String::new();
        while let Some(key) = reader.next_key()? {
            match (&*key, reader.null()?) {
                (_, true) => {}
                ("itemIdentifier", false) => item = reader.string()?.into_owned(),
                _ => reader.skip()?,
            }
        }
        items.push(item);
    }
    Ok(items)
}

/// Why records are given up, in AWS's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Condition {
    RetryAttemptsExhausted,
    RecordAgeExceeded,
}

impl Condition {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::RetryAttemptsExhausted => "RetryAttemptsExhausted",
            Self::RecordAgeExceeded => "RecordAgeExceeded",
        }
    }
}

/// The last call with a batch that was given up.
#[derive(Debug, Clone)]
pub(crate) struct LastCall {
    pub(crate) request_id: RequestId,
    pub(crate) executed_version: String,
    pub(crate) function_error: Option<&'static str>,
}

/// Records that are given up.
#[derive(Debug)]
pub(crate) struct Discarded<'a> {
    pub(crate) records: &'a [FeedRecord],
    pub(crate) condition: Condition,
    pub(crate) calls: u32,
    /// None if the function never ran with them in this process.
    pub(crate) last_call: Option<LastCall>,
    pub(crate) function_arn: &'a str,
    pub(crate) shard: &'a str,
    pub(crate) stream_arn: &'a str,
    pub(crate) now: Timestamp,
    /// The whole event, for a bucket.
    pub(crate) payload: Option<Bytes>,
}

impl Discarded<'_> {
    /// The document that AWS brings to the destination.
    pub(crate) fn to_json(&self) -> Bytes {
        let mut writer = Writer::new();
        let request_id = self.last_call.as_ref().map_or_else(RequestId::random, |call| call.request_id);
        writer.begin_object();
        writer.key("requestContext");
        writer.begin_object();
        writer.key("requestId");
        writer.string(&request_id.to_string());
        writer.key("functionArn");
        writer.string(self.function_arn);
        writer.key("condition");
        writer.string(self.condition.as_str());
        writer.key("approximateInvokeCount");
        writer.integer(i64::from(self.calls));
        writer.end_object();
        if let Some(call) = &self.last_call {
            writer.key("responseContext");
            writer.begin_object();
            writer.key("statusCode");
            writer.integer(200);
            writer.key("executedVersion");
            writer.string(&call.executed_version);
            writer.key("functionError");
            match call.function_error {
                Some(error) => writer.string(error),
                None => writer.null(),
            }
            writer.end_object();
        }
        writer.key("version");
        writer.string("1.0");
        writer.key("timestamp");
        writer.string(&self.now.iso8601());
        writer.key("DDBStreamBatchInfo");
        self.write_batch(&mut writer);
        if let Some(payload) = &self.payload {
            writer.key("payload");
            writer.string(&String::from_utf8_lossy(payload));
        }
        writer.end_object();
        writer.into_bytes()
    }

    fn write_batch(&self, writer: &mut Writer) {
        writer.begin_object();
        writer.key("shardId");
        writer.string(self.shard);
        if let [first, ..] = self.records
            && let [.., last] = self.records
        {
            writer.key("startSequenceNumber");
            writer.string(&first.sequence_number);
            writer.key("endSequenceNumber");
            writer.string(&last.sequence_number);
            writer.key("approximateArrivalOfFirstRecord");
            writer.string(&to_the_second(first.created));
            writer.key("approximateArrivalOfLastRecord");
            writer.string(&to_the_second(last.created));
        }
        writer.key("batchSize");
        writer.integer(i64::try_from(self.records.len()).unwrap_or(i64::MAX));
        writer.key("streamArn");
        writer.string(self.stream_arn);
        writer.end_object();
    }
}

fn to_the_second(at: Timestamp) -> String {
    let text = at.iso8601();
    text.split_once('.').map_or(text.clone(), |(seconds, _)| format!("{seconds}Z"))
}

/// The lane of a record's key: the same one for all changes of an item.
pub(crate) fn lane_of(record: &FeedRecord, lanes: u32) -> usize {
    if lanes <= 1 {
        return 0;
    }
    let keys = keys_of(&record.event_json).ok().flatten().unwrap_or_default();
    // FNV-1a: it must be the same after a restart.
    let hash = keys.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    ((hash ^ (hash >> 32)) % u64::from(lanes)) as usize
}

/// `dynamodb.Keys`, as it is written.
fn keys_of(event: &[u8]) -> Result<Option<&str>, JsonError> {
    let mut reader = Reader::new(event, base::Limits::default().json_depth_max)?;
    reader.begin_object()?;
    while let Some(key) = reader.next_key()? {
        if key != "dynamodb" {
            reader.skip()?;
            continue;
        }
        reader.begin_object()?;
        while let Some(key) = reader.next_key()? {
            if key == "Keys" {
                return reader.raw().map(Some);
            }
            reader.skip()?;
        }
        return Ok(None);
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(n: u64, json: &'static str) -> FeedRecord {
        let event_json = Bytes::from_static(json.as_bytes());
        FeedRecord {
            sequence: n,
            sequence_number: n.to_string(),
            created: Timestamp(1_573_690_999_000),
            event_json,
        }
    }

    fn reply(payload: &str, function_error: Option<&'static str>) -> Result<InvokeReply, InvokeError> {
        Ok(InvokeReply {
            payload: Bytes::copy_from_slice(payload.as_bytes()),
            function_error,
            executed_version: String::new(),
            log_tail: Bytes::new(),
        })
    }

    #[test]
    fn what_a_function_reports_of_its_batch() {
        let numbers = ["10", "11", "12"].map(str::to_owned);
        for (payload, expected) in [
            ("", Verdict::Taken),
            ("null", Verdict::Taken),
            ("{}", Verdict::Taken),
            ("[]", Verdict::Taken),
            (r#"{"batchItemFailures":null}"#, Verdict::Taken),
            (r#"{"batchItemFailures":[]}"#, Verdict::Taken),
            (
                r#"{"x":{"y":[1]},"batchItemFailures":[{"itemIdentifier":"12"},{"itemIdentifier":"11"}]}"#,
                Verdict::TakenBefore(1),
            ),
            (r#"{"batchItemFailures":[{"itemIdentifier":"10"}]}"#, Verdict::Failed),
            (r#"{"batchItemFailures":[{"itemIdentifier":"9"}]}"#, Verdict::Failed),
            (r#"{"batchItemFailures":[{"itemIdentifier":""}]}"#, Verdict::Failed),
            (r#"{"batchItemFailures":[{"itemIdentifier":null}]}"#, Verdict::Failed),
            (r#"{"batchItemFailures":[{"wrong":"10"}]}"#, Verdict::Failed),
            (r#"{"batchItemFailures":["10"]}"#, Verdict::Failed),
            ("[1]", Verdict::Failed),
        ] {
            assert_eq!(verdict(&reply(payload, None), &numbers, true, false).0, expected, "{payload}");
            assert_eq!(verdict(&reply(payload, None), &numbers, false, false).0, Verdict::Taken);
        }
        assert_eq!(verdict(&reply("{}", Some("Unhandled")), &numbers, true, false).0, Verdict::Failed);
        let state = |payload| verdict(&reply(payload, None), &numbers, true, true);
        assert_eq!(state(r#"{"state":{"a":1}}"#), (Verdict::Taken, Some(br#"{"a":1}"#.to_vec())));
        assert_eq!(state("{}"), (Verdict::Failed, None));
    }

    #[test]
    fn events_and_records_of_what_is_discarded() {
        let records = [record(10, "{}"), record(11, "{}")];
        assert_eq!(event(records.iter(), None), r#"{"Records":[{},{}]}"#);
        let window = Window { start_ms: 1_596_128_400_000, state: b"{\"1\":2}".to_vec() };
        let frame = Frame { window: &window, seconds: 300, shard: "s", stream_arn: "arn", is_final: false };
        assert_eq!(
            event(records[..1].iter(), Some(&frame)),
            r#"{"Records":[{}],"window":{"start":"2020-07-30T17:00:00Z","end":"2020-07-30T17:05:00Z"},"state":{"1":2},"shardId":"s","eventSourceARN":"arn","isFinalInvokeForWindow":false,"isWindowTerminatedEarly":false}"#
        );
        let discarded = Discarded {
            records: &records,
            condition: Condition::RetryAttemptsExhausted,
            calls: 2,
            last_call: Some(LastCall {
                request_id: RequestId(0),
                executed_version: "$LATEST".to_owned(),
                function_error: Some("Unhandled"),
            }),
            function_arn: "arn:f",
            shard: "shardId-1",
            stream_arn: "arn:s",
            now: Timestamp(1_573_690_430_717),
            payload: None,
        };
        let id = RequestId(0);
        let expected = format!(
            r#"{{"requestContext":{{"requestId":"{id}","functionArn":"arn:f","condition":"RetryAttemptsExhausted","approximateInvokeCount":2}},"responseContext":{{"statusCode":200,"executedVersion":"$LATEST","functionError":"Unhandled"}},"version":"1.0","timestamp":"2019-11-14T00:13:50.717Z","DDBStreamBatchInfo":{{"shardId":"shardId-1","startSequenceNumber":"10","endSequenceNumber":"11","approximateArrivalOfFirstRecord":"2019-11-14T00:23:19Z","approximateArrivalOfLastRecord":"2019-11-14T00:23:19Z","batchSize":2,"streamArn":"arn:s"}}}}"#
        );
        assert_eq!(discarded.to_json(), expected);
    }

    #[test]
    fn an_item_stays_in_its_lane() {
        let one = record(1, r#"{"eventName":"INSERT","dynamodb":{"Keys":{"id":{"S":"a"}},"NewImage":{}}}"#);
        let two = record(2, r#"{"eventName":"REMOVE","dynamodb":{"Keys":{"id":{"S":"a"}}}}"#);
        assert_eq!(lane_of(&one, 10), lane_of(&two, 10));
        assert_eq!(lane_of(&record(3, "7"), 10), lane_of(&record(4, "8"), 10));
    }
}
