//! Counters of the server, without locks, and their Prometheus text. A series is made at its first request and found
//! again by hash; its names are static, so that no caller can make the table grow.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Slots of the table; more than there are operations, so that a search is short.
const SLOTS: usize = 1024;

/// Counted one by one; the others by their hundred.
const STATUSES: [u16; 20] =
    [200, 201, 202, 204, 304, 400, 401, 403, 404, 405, 408, 409, 412, 413, 415, 429, 500, 501, 503, 504];

/// Upper bounds in microseconds.
const BUCKETS_US: [u64; 14] =
    [50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 500_000, 2_500_000, 10_000_000];

#[derive(Debug)]
pub(crate) struct Metrics {
    series: Box<[OnceLock<Series>]>,
    in_flight: AtomicI64,
    connections: AtomicI64,
    connections_total: AtomicU64,
    panics: AtomicU64,
}

#[derive(Debug)]
struct Series {
    service: &'static str,
    operation: &'static str,
    statuses: [AtomicU64; STATUSES.len()],
    /// 1xx to 5xx, for statuses that are not in the list.
    hundreds: [AtomicU64; 5],
    buckets: [AtomicU64; BUCKETS_US.len() + 1],
    sum_us: AtomicU64,
}

impl Series {
    fn new(service: &'static str, operation: &'static str) -> Self {
        Self {
            service,
            operation,
            statuses: Default::default(),
            hundreds: Default::default(),
            buckets: Default::default(),
            sum_us: AtomicU64::new(0),
        }
    }

    fn count(&self, status: u16, took: Duration) {
        match STATUSES.binary_search(&status) {
            Ok(index) => &self.statuses[index],
            Err(_) => &self.hundreds[usize::from((status / 100).clamp(1, 5)) - 1],
        }
        .fetch_add(1, Relaxed);
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = BUCKETS_US.partition_point(|&bound| bound < us);
        self.buckets[bucket].fetch_add(1, Relaxed);
        self.sum_us.fetch_add(us, Relaxed);
    }
}

impl Metrics {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            series: (0..SLOTS).map(|_| OnceLock::new()).collect(),
            in_flight: AtomicI64::new(0),
            connections: AtomicI64::new(0),
            connections_total: AtomicU64::new(0),
            panics: AtomicU64::new(0),
        })
    }

    pub(crate) fn count(&self, service: &'static str, operation: &'static str, status: u16, took: Duration) {
        let start = hash(service, operation);
        for step in 0..SLOTS {
            let slot = &self.series[(start + step) % SLOTS];
            let series = slot.get_or_init(|| Series::new(service, operation));
            if series.service == service && series.operation == operation {
                return series.count(status, took);
            }
        }
    }

    pub(crate) fn panicked(&self) {
        self.panics.fetch_add(1, Relaxed);
    }

    pub(crate) fn request(self: &Arc<Self>) -> InFlight {
        self.in_flight.fetch_add(1, Relaxed);
        InFlight(Arc::clone(self))
    }

    pub(crate) fn connection(self: &Arc<Self>) -> Connected {
        self.connections.fetch_add(1, Relaxed);
        self.connections_total.fetch_add(1, Relaxed);
        Connected(Arc::clone(self))
    }

    /// The exposition text of Prometheus, version 0.0.4.
    pub(crate) fn render(&self) -> String {
        let mut text = String::with_capacity(8 << 10);
        let gauges = [
            ("rushlight_requests_in_flight", "gauge", self.in_flight.load(Relaxed).to_string()),
            ("rushlight_connections", "gauge", self.connections.load(Relaxed).to_string()),
            ("rushlight_connections_total", "counter", self.connections_total.load(Relaxed).to_string()),
            ("rushlight_panics_total", "counter", self.panics.load(Relaxed).to_string()),
            ("process_resident_memory_bytes", "gauge", resident_bytes().to_string()),
        ];
        for (name, kind, value) in gauges {
            _ = writeln!(text, "# TYPE {name} {kind}\n{name} {value}");
        }
        let mut series: Vec<&Series> = self.series.iter().filter_map(OnceLock::get).collect();
        series.sort_by_key(|series| (series.service, series.operation));
        text += "# TYPE rushlight_requests_total counter\n";
        for series in &series {
            render_statuses(&mut text, series);
        }
        text += "# TYPE rushlight_request_duration_seconds histogram\n";
        for series in &series {
            render_durations(&mut text, series);
        }
        text
    }
}

fn render_statuses(text: &mut String, series: &Series) {
    let Series { service, operation, .. } = series;
    let listed = STATUSES.iter().map(u16::to_string).zip(&series.statuses);
    let hundreds = (1..=5).map(|hundred| format!("{hundred}xx")).zip(&series.hundreds);
    for (status, count) in listed.chain(hundreds) {
        let count = count.load(Relaxed);
        if count > 0 {
            _ = writeln!(
                text,
                "rushlight_requests_total{{service=\"{service}\",operation=\"{operation}\",status=\"{status}\"}} {count}"
            );
        }
    }
}

fn render_durations(text: &mut String, series: &Series) {
    const NAME: &str = "rushlight_request_duration_seconds";
    let labels = format!("service=\"{}\",operation=\"{}\"", series.service, series.operation);
    let mut total = 0;
    for (index, count) in series.buckets.iter().enumerate() {
        total += count.load(Relaxed);
        let bound = BUCKETS_US.get(index).map_or("+Inf".to_owned(), |us| (*us as f64 / 1e6).to_string());
        _ = writeln!(text, "{NAME}_bucket{{{labels},le=\"{bound}\"}} {total}");
    }
    let sum = series.sum_us.load(Relaxed) as f64 / 1e6;
    _ = writeln!(text, "{NAME}_sum{{{labels}}} {sum}\n{NAME}_count{{{labels}}} {total}");
}

/// FNV-1a over both names.
fn hash(service: &str, operation: &str) -> usize {
    let bytes = service.bytes().chain(operation.bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    usize::try_from(hash >> 32).unwrap_or(0)
}

/// Resident memory; 0 where the system does not say.
fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|text| text.split_whitespace().next()).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0)
        * 1024
}

/// A request between its head and the end of its answer.
#[derive(Debug)]
pub(crate) struct InFlight(Arc<Metrics>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Relaxed);
    }
}

/// An open connection.
#[derive(Debug)]
pub(crate) struct Connected(Arc<Metrics>);

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Relaxed);
    }
}
