//! Time that tests can turn: all of Rushlight reads the wall clock through [`Clock`].

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(pub i64);

impl Timestamp {
    pub fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(1000))
    }

    /// Seconds with a fraction, the form of AWS's JSON protocols.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1000.0
    }

    pub fn as_secs(self) -> i64 {
        self.0.div_euclid(1000)
    }

    pub fn as_millis(self) -> i64 {
        self.0
    }

    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }

    /// How long after `earlier`; zero if it is not after.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// The calendar fields in UTC: (year, month, day, hour, minute, second, millisecond).
    pub fn civil(self) -> (i64, u32, u32, u32, u32, u32, u32) {
        let days = self.0.div_euclid(86_400_000);
        let ms = u32::try_from(self.0.rem_euclid(86_400_000)).unwrap_or(0);
        let (year, month, day) = civil_from_days(days);
        (year, month, day, ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60, ms % 1000)
    }

    /// `2026-11-22T17:21:00.123Z`.
    pub fn iso8601(self) -> String {
        let (y, mo, d, h, mi, s, ms) = self.civil();
        format!("{y:04}-{mo:02}-{d:02}T{h:02}:{mi:02}:{s:02}.{ms:03}Z")
    }

    /// `2026-11-23T17:21:00Z`, as API Gateway's version 2 writes it.
    pub fn iso8601_secs(self) -> String {
        let (y, mo, d, h, mi, s, _) = self.civil();
        format!("{y:04}-{mo:02}-{d:02}T{h:02}:{mi:02}:{s:02}Z")
    }

    /// `20261123T172100Z`, as signatures write it.
    pub fn iso8601_basic(self) -> String {
        let (y, mo, d, h, mi, s, _) = self.civil();
        format!("{y:04}{mo:02}{d:02}T{h:02}{mi:02}{s:02}Z")
    }

    /// Reads what [`iso8601`](Self::iso8601) writes, with any number of decimals, and other zones (`+01:00`) too.
    pub fn parse_iso8601(text: &str) -> Option<Self> {
        let digits = |at: std::ops::Range<usize>| -> Option<i64> {
            let text = text.get(at)?;
            text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
        };
        let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
        if separators.iter().any(|&(at, byte)| text.as_bytes().get(at) != Some(&byte)) {
            return None;
        }
        let (year, month, day) = (digits(0..4)?, digits(5..7)?, digits(8..10)?);
        let (hour, minute, second) = (digits(11..13)?, digits(14..16)?, digits(17..19)?);
        if !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 60 {
            return None;
        }
        let rest = text.get(19..)?;
        let decimals = rest.strip_prefix('.').unwrap_or("");
        let decimals = &decimals[..decimals.bytes().take_while(u8::is_ascii_digit).count()];
        let ms =
            decimals.bytes().chain(*b"000").take(3).fold(0, |ms, digit| ms * 10 + i64::from(digit - b'0'));
        let zone = if decimals.is_empty() { rest } else { &rest[1 + decimals.len()..] };
        let seconds = days_from_civil(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
        Some(Self((seconds - parse_zone(zone)?) * 1000 + ms))
    }
}

/// `Z`, `+hh:mm` or `-hh:mm`, in seconds east of Greenwich.
fn parse_zone(zone: &str) -> Option<i64> {
    if zone.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let sign = match zone.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    let two = |text: &str| text.parse::<u8>().ok().filter(|_| text.len() == 2).map(i64::from);
    Some(sign * (two(hours)? * 3600 + two(minutes)? * 60))
}

/// Days since the epoch to a proleptic Gregorian date, by 400-year eras that start in March.
fn civil_from_days(days: i64) -> (i64, u32, u32) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + i64::from(month <= 2);
    (year, u32::try_from(month).unwrap_or(1), u32::try_from(day).unwrap_or(1))
}

/// The inverse of [`civil_from_days`].
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let yoe = year.rem_euclid(400);
    let doy = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719_468
}

/// Where "now" comes from. Cheap to clone.
#[derive(Clone, Default)]
pub enum Clock {
    #[default]
    System,
    Virtual(Arc<VirtualClock>),
}

/// A clock that stands until a test advances it.
#[derive(Debug, Default)]
pub struct VirtualClock {
    now_ms: AtomicI64,
    turned: Notify,
}

impl Clock {
    /// A virtual clock that stands at `start`.
    pub fn virtual_at(start: Timestamp) -> Self {
        Self::Virtual(Arc::new(VirtualClock { now_ms: AtomicI64::new(start.0), turned: Notify::new() }))
    }

    #[expect(clippy::disallowed_methods, reason = "the one place where the wall clock is read")]
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => {
                let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
                Timestamp(since.map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX)))
            }
            Self::Virtual(clock) => Timestamp(clock.now_ms.load(Ordering::Acquire)),
        }
    }

    /// Returns when this clock shows `when` or later.
    pub async fn sleep_until(&self, when: Timestamp) {
        match self {
            Self::System => tokio::time::sleep(when.since(self.now())).await,
            Self::Virtual(clock) => {
                let turned = clock.turned.notified();
                tokio::pin!(turned);
                while self.now() < when {
                    turned.as_mut().enable();
                    if self.now() >= when {
                        return;
                    }
                    turned.as_mut().await;
                    turned.set(clock.turned.notified());
                }
            }
        }
    }

    pub async fn sleep(&self, duration: Duration) {
        self.sleep_until(self.now().plus(duration)).await;
    }

    /// Turns a virtual clock forward and wakes its sleepers; a system clock cannot be turned.
    ///
    /// # Panics
    /// On the system clock: only tests call this, with a clock they made.
    pub fn advance(&self, duration: Duration) {
        let Self::Virtual(clock) = self else { panic!("the system clock cannot be advanced") };
        let ms = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        clock.now_ms.fetch_add(ms, Ordering::AcqRel);
        clock.turned.notify_waiters();
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System => f.write_str("Clock::System"),
            Self::Virtual(_) => write!(f, "Clock::Virtual({:?})", self.now()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_dates() {
        for (ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_795_454_460_123, "2026-11-23T17:21:00.123Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(Timestamp(ms).iso8601(), text);
            assert_eq!(Timestamp::parse_iso8601(text), Some(Timestamp(ms)));
        }
    }

    #[test]
    fn reads_dates() {
        for (text, ms) in [
            ("2026-11-23T17:21:00Z", Some(1_795_454_460_000)),
            ("2026-11-23T17:21:00.12Z", Some(1_795_454_460_120)),
            ("2026-11-23T17:21:00.123456z", Some(1_795_454_460_123)),
            ("2026-11-23T18:51:00+01:30", Some(1_795_454_460_000)),
            ("2026-11-23T12:21:00-05:00", Some(1_795_454_460_000)),
            ("2026-11-23T17:21:00", None),
            ("2026-11-23T17:21:00.Z", None),
            ("2026-13-23T17:21:00Z", None),
            ("2026-11-23 17:21:00Z", None),
            ("2026-11-23T17:21:00+1:30", None),
            ("2026-11-2\u{e9}T17:21:00Z", None),
            ("+026-11-23T17:21:00Z", None),
            ("", None),
        ] {
            assert_eq!(Timestamp::parse_iso8601(text), ms.map(Timestamp), "{text}");
        }
    }

    #[tokio::test]
    async fn a_virtual_sleeper_wakes_when_the_clock_is_turned() {
        let clock = Clock::virtual_at(Timestamp(1000));
        let sleeper = clock.clone();
        let task = tokio::spawn(async move { sleeper.sleep(Duration::from_secs(60)).await });
        tokio::task::yield_now().await;
        clock.advance(Duration::from_secs(59));
        tokio::task::yield_now().await;
        assert!(!task.is_finished());
        clock.advance(Duration::from_secs(1));
        task.await.unwrap();
    }
}
