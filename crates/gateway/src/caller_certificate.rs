//! What a client's certificate says, in the words in which AWS passes it on. Pure; whether it is to be trusted was decided
//! when it was shown.
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/rest-api-mutual-tls.html>

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use wire::json::Writer;
use yasna::models::ObjectIdentifier;
use yasna::{ASN1Error, ASN1ErrorKind, ASN1Result, BERReader, BERReaderSeq, Tag};

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/// The names of attributes that have one; the others go by their numbers.
const ATTRIBUTES: [(&[u64], &str); 15] = [
    (&[2, 5, 4, 3], "CN"),
    (&[2, 5, 4, 4], "SN"),
    (&[2, 5, 4, 5], "serialNumber"),
    (&[2, 5, 4, 6], "C"),
    (&[2, 5, 4, 7], "L"),
    (&[2, 5, 4, 8], "ST"),
    (&[2, 5, 4, 9], "street"),
    (&[2, 5, 4, 10], "O"),
    (&[2, 5, 4, 11], "OU"),
    (&[2, 5, 4, 12], "title"),
    (&[2, 5, 4, 42], "GN"),
    (&[2, 5, 4, 46], "dnQualifier"),
    (&[0, 9, 2342, 19_200_300, 100, 1, 1], "UID"),
    (&[0, 9, 2342, 19_200_300, 100, 1, 25], "DC"),
    (&[1, 2, 840, 113_549, 1, 9, 1], "emailAddress"),
];

/// A certificate that a client has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallerCertificate {
    pem: String,
    /// `C=US,O=Example,CN=client`: in the certificate's own order.
    subject: String,
    issuer: String,
    /// Decimal up to 8 bytes, longer ones as `a1:a1:...`.
    serial: String,
    /// `May 28 12:30:02 2019 GMT`
    not_before: String,
    not_after: String,
}

impl CallerCertificate {
    /// None if it is no X.509 certificate.
    pub fn read(der: &[u8]) -> Option<Self> {
        yasna::parse_der(der, |reader| {
            reader.read_sequence(|parts| {
                let read = parts.next().read_sequence(|signed| read_signed(signed, der))?;
                // The signature.
                parts.next().read_der()?;
                parts.next().read_der()?;
                Ok(read)
            })
        })
        .ok()
    }

    /// The value of `$context.identity.clientCert.NAME`.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        Some(match name {
            "clientCertPem" => &self.pem,
            "subjectDN" => &self.subject,
            "issuerDN" => &self.issuer,
            "serialNumber" => &self.serial,
            "validity.notBefore" => &self.not_before,
            "validity.notAfter" => &self.not_after,
            _ => return None,
        })
    }

    /// `"clientCert":{...}`
    pub(crate) fn write(&self, w: &mut Writer) {
        w.key("clientCert");
        w.begin_object();
        write_all(
            w,
            &[
                ("clientCertPem", &self.pem),
                ("subjectDN", &self.subject),
                ("issuerDN", &self.issuer),
                ("serialNumber", &self.serial),
            ],
        );
        w.key("validity");
        w.begin_object();
        write_all(w, &[("notBefore", &self.not_before), ("notAfter", &self.not_after)]);
        w.end_object();
        w.end_object();
    }
}

fn write_all(w: &mut Writer, entries: &[(&str, &str)]) {
    for (key, value) in entries {
        w.key(key);
        w.string(value);
    }
}

/// What an authority has signed: version, serial number, algorithm, issuer, validity, subject, and more that nobody asks for.
/// Source: RFC 5280, section 4.1
fn read_signed(signed: &mut BERReaderSeq<'_, '_>, der: &[u8]) -> ASN1Result<CallerCertificate> {
    signed.read_optional(|version| version.read_tagged(Tag::context(0), |number| number.read_i64()))?;
    let (serial, _) = signed.next().read_bigint_bytes()?;
    signed.next().read_der()?;
    let issuer = read_name(signed.next())?;
    let (not_before, not_after) =
        signed.next().read_sequence(|times| Ok((read_time(times.next())?, read_time(times.next())?)))?;
    let subject = read_name(signed.next())?;
    while signed.read_optional(|more| more.read_der())?.is_some() {}
    Ok(CallerCertificate {
        pem: pem(der),
        subject,
        issuer,
        serial: show_serial(&serial),
        not_before,
        not_after,
    })
}

fn pem(der: &[u8]) -> String {
    let base64 = STANDARD.encode(der);
    let mut pem = "-----BEGIN CERTIFICATE-----\n".to_owned();
    let mut rest = base64.as_str();
    while !rest.is_empty() {
        let (line, more) = rest.split_at(rest.len().min(64));
        pem.push_str(line);
        pem.push('\n');
        rest = more;
    }
    pem + "-----END CERTIFICATE-----\n"
}

/// As OpenSSL prints it. A number's first byte is zero where it would be negative without.
fn show_serial(serial: &[u8]) -> String {
    let digits = match serial {
        [0, rest @ ..] if !rest.is_empty() => rest,
        all => all,
    };
    if digits.len() <= 8 {
        return digits.iter().fold(0u64, |number, byte| number << 8 | u64::from(*byte)).to_string();
    }
    digits.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":")
}

/// `C=US,O=Example,CN=client`; what has several attributes at one place joins them by `+`.
fn read_name(reader: BERReader<'_, '_>) -> ASN1Result<String> {
    let places = reader.collect_sequence_of(|place| {
        let attributes = place.collect_set_of(|attribute| {
            attribute.read_sequence(|parts| {
                let name = attribute_name(&parts.next().read_oid()?);
                let value = parts.next().read_tagged_der()?;
                Ok(format!("{name}={}", escape(&text_of(value.tag().tag_number, value.value()))))
            })
        })?;
        Ok(attributes.join("+"))
    })?;
    Ok(places.join(","))
}

fn attribute_name(id: &ObjectIdentifier) -> String {
    let numbers = id.components();
    let named = ATTRIBUTES.iter().find(|(known, _)| known == numbers);
    let dotted = || numbers.iter().map(u64::to_string).collect::<Vec<_>>().join(".");
    named.map_or_else(dotted, |(_, name)| (*name).to_owned())
}

/// The text of a string of any of ASN.1's kinds.
fn text_of(tag: u64, bytes: &[u8]) -> String {
    const T61: u64 = 20;
    const BMP: u64 = 30;
    match tag {
        T61 => bytes.iter().map(|byte| char::from(*byte)).collect(),
        BMP => {
            let units = bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
            char::decode_utf16(units).map(|read| read.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
        }
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}

/// Source: RFC 4514, section 2.4
fn escape(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    let last = value.chars().count().saturating_sub(1);
    for (at, char) in value.chars().enumerate() {
        let at_an_end = char == ' ' && (at == 0 || at == last) || char == '#' && at == 0;
        if at_an_end || matches!(char, ',' | '+' | '"' | '\\' | '<' | '>' | ';') {
            escaped.push('\\');
        }
        escaped.push(char);
    }
    escaped
}

/// `YYMMDDhhmmssZ` until 2049, `YYYYMMDDhhmmssZ` afterwards.
fn read_time(reader: BERReader<'_, '_>) -> ASN1Result<String> {
    let time = reader.read_tagged_der()?;
    let text = std::str::from_utf8(time.value()).ok();
    text.and_then(show_time).ok_or_else(|| ASN1Error::new(ASN1ErrorKind::Invalid))
}

fn show_time(text: &str) -> Option<String> {
    let digits = text.strip_suffix('Z').filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    let (year, rest) = match digits.len() {
        12 if digits < "50" => (format!("20{}", &digits[..2]), &digits[2..]),
        12 => (format!("19{}", &digits[..2]), &digits[2..]),
        14 => (digits[..4].to_owned(), &digits[4..]),
        _ => return None,
    };
    let month = MONTHS.get(rest[..2].parse::<usize>().ok()?.checked_sub(1)?)?;
    let day: u8 = rest[2..4].parse().ok()?;
    Some(format!("{month} {day:2} {}:{}:{} {year} GMT", &rest[4..6], &rest[6..8], &rest[8..10]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, DistinguishedName, DnType, DnValue, KeyPair, SerialNumber};

    fn read(params: &CertificateParams) -> CallerCertificate {
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        let read = CallerCertificate::read(certificate.der()).unwrap();
        assert_eq!(read.pem, certificate.pem().replace('\r', ""));
        read
    }

    #[test]
    fn what_is_read() {
        let mut params = CertificateParams::new(vec!["a.example.com".to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(2019, 5, 28);
        params.not_after = rcgen::date_time_ymd(2120, 8, 5);
        params.serial_number = Some(SerialNumber::from_slice(&[0xa1; 16]));
        params.distinguished_name = DistinguishedName::new();
        for (kind, value) in [
            (DnType::CountryName, DnValue::PrintableString("US".try_into().unwrap())),
            (DnType::OrganizationName, DnValue::Utf8String("Exämple, Inc.".to_owned())),
            (DnType::OrganizationalUnitName, DnValue::BmpString("Büro".try_into().unwrap())),
            (DnType::from_oid(&[2, 5, 4, 97]), DnValue::Utf8String("#1 ".to_owned())),
            (DnType::CommonName, DnValue::TeletexString("T61".try_into().unwrap())),
        ] {
            params.distinguished_name.push(kind, value);
        }
        let read = read(&params);
        let name = r"C=US,O=Exämple\, Inc.,OU=Büro,2.5.4.97=\#1\ ,CN=T61";
        assert_eq!((&*read.subject, &*read.issuer), (name, name));
        assert_eq!(read.serial, ["a1"; 16].join(":"));
        let validity = [&*read.not_before, &*read.not_after];
        assert_eq!(validity, ["May 28 00:00:00 2019 GMT", "Aug  5 00:00:00 2120 GMT"]);
        assert_eq!(read.value("validity.notAfter"), Some(&*read.not_after));
        assert_eq!(read.value("validity"), None);
    }

    #[test]
    fn serial_numbers() {
        for (bytes, expected) in [
            (&[1][..], "1"),
            (&[0, 0xff], "255"),
            (&[0], "0"),
            (&[0, 0xff, 1, 2, 3, 4, 5, 6, 7], "18374970166623929863"),
            (&[1, 2, 3, 4, 5, 6, 7, 8, 9], "01:02:03:04:05:06:07:08:09"),
        ] {
            assert_eq!(show_serial(bytes), expected, "{bytes:?}");
        }
    }

    #[test]
    fn times() {
        for (text, expected) in [
            ("190528123002Z", Some("May 28 12:30:02 2019 GMT")),
            ("500101000000Z", Some("Jan  1 00:00:00 1950 GMT")),
            ("21200805093604Z", Some("Aug  5 09:36:04 2120 GMT")),
            ("191328123002Z", None),
            ("190028123002Z", None),
            ("1905281230Z", None),
            ("190528123002+0100", None),
        ] {
            assert_eq!(show_time(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_none() {
        let params = CertificateParams::new(Vec::new()).unwrap();
        let whole = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        for end in 0..whole.der().len() {
            assert_eq!(CallerCertificate::read(&whole.der()[..end]), None, "{end}");
        }
    }
}
