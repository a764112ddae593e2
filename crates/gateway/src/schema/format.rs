//! What `format` can ask of a text, as the validator of AWS knows it; of a name that it does not know nothing is asked.

use std::net::{Ipv4Addr, Ipv6Addr};

use vtl::JavaRegex;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    DateTime,
    Email,
    Hostname,
    Ipv4,
    Ipv6,
    Regex,
    Uri,
    Uuid,
}

impl Format {
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "date-time" => Self::DateTime,
            "email" => Self::Email,
            "hostname" => Self::Hostname,
            "ipv4" => Self::Ipv4,
            "ipv6" => Self::Ipv6,
            "regex" => Self::Regex,
            "uri" => Self::Uri,
            "uuid" => Self::Uuid,
            _ => return None,
        })
    }

    /// What is wrong with a text.
    pub(super) fn complaint(self, text: &str) -> Option<String> {
        let (valid, complaint) = match self {
            Self::DateTime => (
                is_date_time(text),
                "is invalid against requested date format(s) [yyyy-MM-dd'T'HH:mm:ssZ, \
                 yyyy-MM-dd'T'HH:mm:ss.[0-9]{1,12}Z]",
            ),
            Self::Email => (is_email(text), "is not a valid email address"),
            Self::Hostname => (is_hostname(text), "is not a valid hostname"),
            Self::Ipv4 => (text.parse::<Ipv4Addr>().is_ok(), "is not a valid IPv4 address"),
            Self::Ipv6 => (text.parse::<Ipv6Addr>().is_ok(), "is not a valid IPv6 address"),
            Self::Regex => (JavaRegex::new(text).is_ok(), "is not a valid ECMA 262 regular expression"),
            Self::Uri => (text.parse::<http::Uri>().is_ok(), "is not a valid URI"),
            Self::Uuid => (is_uuid(text), "is not a valid UUID"),
        };
        match (valid, self) {
            (true, _) => None,
            (false, Self::Uuid) => Some(format!("input string \"{text}\" {complaint}")),
            (false, _) => Some(format!("string \"{text}\" {complaint}")),
        }
    }
}

/// `2026-11-23T17:21:00.123+01:00`, or with `Z` or `+0100`.
fn is_date_time(text: &str) -> bool {
    let bytes = text.as_bytes();
    let digits = |from: usize, to: usize, min: u32, max: u32| {
        let part = bytes.get(from..to).filter(|part| part.iter().all(u8::is_ascii_digit));
        let number = part.and_then(|part| std::str::from_utf8(part).ok()).and_then(|part| part.parse().ok());
        number.filter(|number| (min..=max).contains(number))
    };
    let mark = |at: usize, wanted: u8| bytes.get(at) == Some(&wanted);
    let (Some(year), Some(month), Some(day)) =
        (digits(0, 4, 0, 9999), digits(5, 7, 1, 12), digits(8, 10, 1, 31))
    else {
        return false;
    };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    let time = digits(11, 13, 0, 23).and(digits(14, 16, 0, 59)).and(digits(17, 19, 0, 59));
    let marks = mark(4, b'-') && mark(7, b'-') && mark(10, b'T') && mark(13, b':') && mark(16, b':');
    if day > days || time.is_none() || !marks {
        return false;
    }
    let rest = text.get(19..).unwrap_or_default();
    let zone = match rest.strip_prefix('.') {
        None => rest,
        Some(fraction) => {
            let zone = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
            if !(1..=12).contains(&(fraction.len() - zone.len())) {
                return false;
            }
            zone
        }
    };
    is_zone(zone)
}

fn is_zone(zone: &str) -> bool {
    let Some(offset) = zone.strip_prefix(['+', '-']) else { return zone == "Z" };
    let digits: String = offset.chars().filter(|c| *c != ':').collect();
    let form = offset.len() == 4 || (offset.len() == 5 && offset.as_bytes().get(2) == Some(&b':'));
    form && digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_email(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_graphic() && !"()<>[]:;,@\\\"".contains(c);
    text.rsplit_once('@').is_some_and(|(local, domain)| {
        !local.is_empty() && !domain.is_empty() && local.chars().all(plain) && domain.chars().all(plain)
    })
}

fn is_hostname(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    text.len() <= 253 && text.split('.').all(label)
}

fn is_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups.iter().all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_known() {
        for (format, valid, invalid) in [
            ("date-time", "2026-11-23T17:21:00Z", "2026-11-23"),
            ("date-time", "2024-02-29T23:59:59.123456+01:00", "2023-02-29T00:00:00Z"),
            ("date-time", "2024-02-29T23:59:59+0100", "2024-02-29T24:00:00Z"),
            ("email", "a.b+c@example.com", "a"),
            ("hostname", "a-b.example.com", "-a.example"),
            ("ipv4", "127.0.0.1", "127.0.0.256"),
            ("ipv6", "::1", "::x"),
            ("regex", "^a+$", "("),
            ("uri", "https://example.com/a?b", "a b"),
            ("uuid", "01234567-89ab-cdef-0123-456789abcdef", "x"),
        ] {
            let format = Format::named(format).unwrap();
            assert_eq!(format.complaint(valid), None, "{valid}");
            assert!(format.complaint(invalid).is_some(), "{invalid}");
        }
        assert_eq!(Format::named("int32"), None);
    }
}
