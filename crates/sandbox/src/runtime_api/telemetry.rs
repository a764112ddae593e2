//! Logs API (2020-08-15) and Telemetry API (2022-07-01): who has subscribed to what, and the records for each. Records
//! are made once and given to all; a subscriber that falls behind loses records and is told so.
//! <https://docs.aws.amazon.com/lambda/latest/dg/telemetry-api.html>

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base::{Clock, Timestamp};
use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use wire::json::{JsonError, Reader};

use super::delivery::{self, Destination, Order, Road};
use crate::platform;

/// Records that wait for one subscriber, and their bytes: one that does not take them must not fill the server's memory.
const QUEUE_MAX: usize = 10_000;
const QUEUE_BYTES_MAX: usize = 8 << 20;

/// What is kept for those who subscribe while the environment is being initialised.
const BACKLOG_MAX: usize = 1000;
const BACKLOG_BYTES_MAX: usize = 4 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Category {
    Platform,
    Function,
    Extension,
}

impl Category {
    const ALL: [Self; 3] = [Self::Platform, Self::Function, Self::Extension];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Platform => "platform",
            Self::Function => "function",
            Self::Extension => "extension",
        }
    }
}

/// Which API a record is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Audience {
    Both,
    Logs,
    Telemetry,
}

#[derive(Debug, Clone)]
pub(super) struct Record {
    category: Category,
    audience: Audience,
    pub(super) json: Bytes,
}

/// A record and the room that it takes in a queue until it is delivered or given up.
#[derive(Debug)]
pub(super) struct Queued {
    pub(super) json: Bytes,
    _room: OwnedSemaphorePermit,
}

#[derive(Debug)]
pub(crate) struct Telemetry {
    inner: Mutex<Inner>,
    /// Whether a record is worth being made.
    wanted: AtomicBool,
    /// Whether lines that are JSON objects are given as such.
    json: bool,
    clock: Clock,
}

#[derive(Debug)]
struct Inner {
    subscribers: Vec<Subscriber>,
    backlog: Vec<Record>,
    backlog_bytes: usize,
    closed: bool,
    road: Road,
}

#[derive(Debug)]
struct Subscriber {
    extension: String,
    audience: Audience,
    categories: Vec<Category>,
    queue: mpsc::Sender<Queued>,
    /// Bytes that the queue still takes.
    room: Arc<Semaphore>,
    dropped: (u64, u64),
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Telemetry {
    /// `road`: how the environment's own ports are reached.
    pub(super) fn new(road: Road, json: bool, clock: Clock) -> Self {
        let inner =
            Inner { subscribers: Vec::new(), backlog: Vec::new(), backlog_bytes: 0, closed: false, road };
        Self { inner: Mutex::new(inner), wanted: AtomicBool::new(true), json, clock }
    }

    pub(crate) fn is_wanted(&self) -> bool {
        self.wanted.load(Ordering::Relaxed)
    }

    pub(crate) fn platform(&self, audience: Audience, json: Vec<u8>) {
        self.publish(Record { category: Category::Platform, audience, json: Bytes::from(json) });
    }

    pub(crate) fn line(&self, category: Category, time: Timestamp, line: &[u8]) {
        if self.is_wanted() {
            let json =
                platform::line(time, category.name(), line, self.json && category == Category::Function);
            self.publish(Record { category, audience: Audience::Both, json: Bytes::from(json) });
        }
    }

    fn publish(&self, record: Record) {
        let (mut inner, now) = (self.lock(), self.clock.now());
        for subscriber in &mut inner.subscribers {
            subscriber.give(&record, now);
        }
        let bytes = inner.backlog_bytes + record.json.len();
        if !inner.closed && inner.backlog.len() < BACKLOG_MAX && bytes <= BACKLOG_BYTES_MAX {
            inner.backlog_bytes = bytes;
            inner.backlog.push(record);
        }
    }

    /// The environment is initialised: nobody may subscribe any more.
    pub(super) fn close(&self) {
        let mut inner = self.lock();
        inner.closed = true;
        inner.backlog = Vec::new();
        self.wanted.store(!inner.subscribers.is_empty(), Ordering::Relaxed);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Subscribes an extension, in place of what it subscribed to before. `now`: of the record that says so.
    pub(super) fn subscribe(&self, extension: &str, asked: Subscription, now: Timestamp) {
        let (queue, records) = mpsc::channel(QUEUE_MAX);
        let mut inner = self.lock();
        let task = tokio::spawn(delivery::deliver(asked.order, inner.road.clone(), records));
        let mut subscriber = Subscriber {
            extension: extension.to_owned(),
            audience: asked.audience,
            categories: asked.categories,
            queue,
            room: Arc::new(Semaphore::new(QUEUE_BYTES_MAX)),
            dropped: (0, 0),
            task,
        };
        for record in &inner.backlog {
            subscriber.give(record, now);
        }
        inner.subscribers.retain(|other| other.extension != extension);
        let names: Vec<&str> = subscriber.categories.iter().map(|category| category.name()).collect();
        let kind = match asked.audience {
            Audience::Logs => "platform.logsSubscription",
            Audience::Both | Audience::Telemetry => "platform.telemetrySubscription",
        };
        let said = platform::subscription(now, kind, extension, &names);
        inner.subscribers.push(subscriber);
        drop(inner);
        self.platform(asked.audience, said);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Subscriber {
    fn give(&mut self, record: &Record, now: Timestamp) {
        let for_it = record.audience == Audience::Both || record.audience == self.audience;
        if !for_it || !self.categories.contains(&record.category) {
            return;
        }
        // What was lost is told once there is room for what follows, too.
        if self.dropped.0 > 0 && record.json.len() < self.room.available_permits() {
            let (records, bytes) = self.dropped;
            if self.queue(platform::logs_dropped(now, records, bytes).into()) {
                self.dropped = (0, 0);
            }
        }
        if !self.queue(record.json.clone()) {
            self.dropped.0 += 1;
            self.dropped.1 += record.json.len() as u64;
        }
    }

    /// Whether there is room for it.
    fn queue(&self, json: Bytes) -> bool {
        let Ok(bytes) = u32::try_from(json.len()) else { return false };
        let Ok(room) = Arc::clone(&self.room).try_acquire_many_owned(bytes) else { return false };
        self.queue.try_send(Queued { json, _room: room }).is_ok()
    }
}

/// What an extension asks for.
#[derive(Debug)]
pub(super) struct Subscription {
    audience: Audience,
    categories: Vec<Category>,
    order: Order,
}

/// A request that does not fit the schema.
#[derive(Debug, thiserror::Error)]
pub(super) enum SubscriptionError {
    #[error("{0}")]
    Json(#[from] JsonError),
    #[error("types: unknown type {0}")]
    Type(String),
    #[error("types: at least one is needed")]
    NoTypes,
    #[error("schemaVersion {0} is not supported")]
    Version(String),
    #[error("buffering.{name}: {value} is not between {min} and {max}")]
    Buffering { name: &'static str, value: u64, min: u64, max: u64 },
    #[error("destination: {0}")]
    Destination(&'static str),
}

impl Subscription {
    pub(super) fn read(body: &[u8], audience: Audience) -> Result<Self, SubscriptionError> {
        let mut reader = Reader::new(body, base::Limits::default().json_depth_max)?;
        let (mut categories, mut destination) = (Vec::new(), None);
        let mut order = Order::default();
        reader.begin_object()?;
        while let Some(key) = reader.next_key()? {
            match &*key {
                "schemaVersion" => check_version(&reader.string()?, audience)?,
                "types" => categories = read_types(&mut reader)?,
                "buffering" => read_buffering(&mut reader, &mut order)?,
                "destination" => destination = Some(read_destination(&mut reader)?),
                _ => reader.skip()?,
            }
        }
        reader.end()?;
        if categories.is_empty() {
            return Err(SubscriptionError::NoTypes);
        }
        order.destination = destination.ok_or(SubscriptionError::Destination("it is needed"))?;
        Ok(Self { audience, categories, order })
    }
}

fn check_version(version: &str, audience: Audience) -> Result<(), SubscriptionError> {
    let known: &[&str] = match audience {
        Audience::Logs => &["2020-08-15", "2021-03-18"],
        Audience::Both | Audience::Telemetry => &["2022-07-01", "2022-12-13", "2025-01-29"],
    };
    if known.contains(&version) { Ok(()) } else { Err(SubscriptionError::Version(version.to_owned())) }
}

fn read_types(reader: &mut Reader<'_>) -> Result<Vec<Category>, SubscriptionError> {
    let mut types = Vec::new();
    reader.begin_array()?;
    while reader.next_element()? {
        let name = reader.string()?;
        let category = Category::ALL.into_iter().find(|category| category.name() == name);
        types.push(category.ok_or_else(|| SubscriptionError::Type(name.into_owned()))?);
    }
    Ok(types)
}

fn read_buffering(reader: &mut Reader<'_>, order: &mut Order) -> Result<(), SubscriptionError> {
    reader.begin_object()?;
    while let Some(key) = reader.next_key()? {
        let mut number = |name, min, max| {
            let value = reader.number()?.parse().unwrap_or(u64::MAX);
            if (min..=max).contains(&value) {
                Ok(value)
            } else {
                Err(SubscriptionError::Buffering { name, value, min, max })
            }
        };
        let size = |value| usize::try_from(value).unwrap_or(usize::MAX);
        match &*key {
            "maxItems" => order.items_max = size(number("maxItems", 1000, 10_000)?),
            "maxBytes" => order.bytes_max = size(number("maxBytes", 262_144, 1_048_576)?),
            "timeoutMs" => order.timeout = Duration::from_millis(number("timeoutMs", 25, 30_000)?),
            _ => reader.skip()?,
        }
    }
    Ok(())
}

fn read_destination(reader: &mut Reader<'_>) -> Result<Destination, SubscriptionError> {
    let (mut protocol, mut uri, mut port) = (String::new(), String::new(), 0);
    reader.begin_object()?;
    while let Some(key) = reader.next_key()? {
        match &*key {
            "protocol" => protocol = reader.string()?.into_owned(),
            "URI" | "uri" => uri = reader.string()?.into_owned(),
            "port" => port = reader.number()?.parse().unwrap_or(0),
            _ => reader.skip()?,
        }
    }
    match protocol.as_str() {
        "HTTP" => parse_uri(&uri),
        "TCP" if port > 0 => Ok(Destination::Tcp { port }),
        "TCP" => Err(SubscriptionError::Destination("port is needed for TCP")),
        _ => Err(SubscriptionError::Destination("protocol must be HTTP or TCP")),
    }
}

/// Names of the environment itself.
const OWN_NAMES: [&str; 3] = ["sandbox.localdomain", "sandbox.local", "sandbox"];

fn parse_uri(uri: &str) -> Result<Destination, SubscriptionError> {
    let refused = SubscriptionError::Destination("URI must be http://sandbox.localdomain:PORT/...");
    let Some(rest) = uri.strip_prefix("http://") else { return Err(refused) };
    let (host, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
    let (name, port) = host.split_once(':').unwrap_or((host, "80"));
    match port.parse() {
        Ok(port) if port > 0 && OWN_NAMES.contains(&name) && !path.contains(char::is_whitespace) => {
            Ok(Destination::Http { port, host: host.to_owned(), path: path.to_owned() })
        }
        _ => Err(refused),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_subscriptions() {
        let asked = Subscription::read(
            br#"{"schemaVersion":"2022-12-13","types":["platform","function"],"buffering":{"timeoutMs":25,
                "maxItems":1000},"destination":{"protocol":"HTTP","URI":"http://sandbox.localdomain:8080/x"}}"#,
            Audience::Telemetry,
        )
        .unwrap();
        assert_eq!(asked.categories, [Category::Platform, Category::Function]);
        assert_eq!((asked.order.items_max, asked.order.timeout), (1000, Duration::from_millis(25)));
        let there = Destination::Http {
            port: 8080,
            host: "sandbox.localdomain:8080".to_owned(),
            path: "/x".to_owned(),
        };
        assert_eq!(asked.order.destination, there);
    }

    /// Nobody takes anything: the task that would never runs.
    #[tokio::test]
    async fn what_waits_is_bounded_and_what_is_lost_is_told() {
        let telemetry = Telemetry::new(Road::None, false, Clock::virtual_at(Timestamp(0)));
        let line = vec![b'x'; 256 * 1024];
        let publish = || {
            for _ in 0..100 {
                telemetry.line(Category::Function, Timestamp(0), &line);
            }
        };
        publish();
        assert!(telemetry.lock().backlog_bytes <= BACKLOG_BYTES_MAX);
        assert_eq!(telemetry.lock().backlog.len(), BACKLOG_BYTES_MAX / line.len() - 1);
        let asked = Subscription {
            audience: Audience::Telemetry,
            categories: vec![Category::Function],
            order: Order::default(),
        };
        telemetry.subscribe("x", asked, Timestamp(0));
        publish();
        let inner = telemetry.lock();
        let subscriber = &inner.subscribers[0];
        assert!(subscriber.room.available_permits() < line.len() + 100);
        let (kept, lost) = (QUEUE_MAX - subscriber.queue.capacity(), subscriber.dropped.0);
        assert_eq!((kept as u64 + lost, lost > 70), (115, true), "{kept} {lost}");
    }

    #[test]
    fn refuses_what_does_not_fit() {
        for bad in [
            "",
            "{}",
            r#"{"types":[]}"#,
            r#"{"types":["other"]}"#,
            r#"{"types":["platform"]}"#,
            r#"{"types":["platform"],"schemaVersion":"2020-08-15"}"#,
            r#"{"types":["platform"],"destination":{"protocol":"UDP"}}"#,
            r#"{"types":["platform"],"destination":{"protocol":"TCP"}}"#,
            r#"{"types":["platform"],"destination":{"protocol":"HTTP","URI":"http://10.0.0.1:80"}}"#,
            r#"{"types":["platform"],"destination":{"protocol":"HTTP","URI":"http://sandbox:80/a b"}}"#,
            r#"{"types":["platform"],"destination":{"protocol":"TCP","port":1},"buffering":{"timeoutMs":1}}"#,
        ] {
            assert!(Subscription::read(bad.as_bytes(), Audience::Telemetry).is_err(), "{bad}");
        }
    }
}
