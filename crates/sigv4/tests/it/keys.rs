//! Signatures against the key pairs that are known: AWS's published examples, and every way to be wrong.

use base::{AccountId, Timestamp};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use sigv4::{Keys, KeysError, Signed, sign};

/// The pair of AWS's examples.
const FILE: &str = "# people\n[default]\naws_access_key_id = AKIDEXAMPLE\n\
                    aws_secret_access_key = wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY\nregion = eu-west-1\n\
                    [other]\naws_access_key_id=111122223333\naws_secret_access_key=s\n\
                    ; with an account of its own\n[third]\naws_access_key_id=AKIATHIRD\naws_secret_access_key=t\n\
                    aws_account_id=444455556666\n";

fn keys() -> Keys {
    Keys::parse(FILE).expect("a good file")
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse_iso8601(text).expect("a time")
}

/// A request as lines: `GET /path?query`, headers, and a body after an empty line.
struct Text {
    method: Method,
    path: String,
    query: String,
    headers: HeaderMap,
    body: String,
}

impl Text {
    fn new(text: &str) -> Self {
        let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
        let mut lines = head.lines();
        let (method, target) = lines.next().and_then(|line| line.split_once(' ')).expect("GET /path");
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut headers = HeaderMap::new();
        for line in lines {
            let (name, value) = line.split_once(": ").expect("name: value");
            let name: HeaderName = name.parse().expect("a header name");
            headers.append(name, HeaderValue::from_str(value).expect("a header value"));
        }
        let (path, query, body) = (path.to_owned(), query.to_owned(), body.to_owned());
        Self { method: method.parse().expect("a method"), path, query, headers, body }
    }

    fn signed(&self) -> Signed<'_> {
        Signed {
            method: &self.method,
            path: &self.path,
            query: &self.query,
            host: self.headers.get("host").map_or("", |host| host.to_str().expect("text")),
            headers: &self.headers,
            body: self.body.as_bytes(),
        }
    }

    fn sign(&mut self, key: (&str, &str), now: Timestamp) {
        for (name, value) in sign(&self.signed(), key, ("us-east-1", "execute-api"), now) {
            self.headers.insert(name, HeaderValue::from_str(&value).expect("text"));
        }
    }

    /// Who signed it, or why nobody is believed to have.
    fn signer(&self, keys: &Keys, now: Timestamp) -> String {
        match keys.signature(&self.signed(), now) {
            Ok(Some(signer)) => {
                format!(
                    "{} {} {} {}",
                    signer.access_key,
                    signer.account,
                    signer.region.as_str(),
                    signer.service
                )
            }
            Ok(None) => "nobody".to_owned(),
            Err(error) => format!("{}: {error}", error.code()),
        }
    }
}

#[test]
fn examples_that_aws_published() {
    let authorization = |service: &str, headers: &str, signature: &str| {
        format!(
            "authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/{service}/aws4_request, \
             SignedHeaders={headers}, Signature={signature}"
        )
    };
    let now = at("2015-08-30T12:36:00Z");
    let users = authorization(
        "iam",
        "content-type;host;x-amz-date",
        "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
    );
    let users = Text::new(&format!(
        "GET /?Action=ListUsers&Version=2010-05-08\ncontent-type: application/x-www-form-urlencoded; charset=utf-8\n\
         host: iam.amazonaws.com\nx-amz-date: 20150830T123600Z\n{users}"
    ));
    assert_eq!(users.signer(&keys(), now), "AKIDEXAMPLE 000000000000 us-east-1 iam");
    let vanilla = authorization(
        "service",
        "host;x-amz-date",
        "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
    );
    let vanilla =
        Text::new(&format!("GET /\nhost: example.amazonaws.com\nx-amz-date: 20150830T123600Z\n{vanilla}"));
    assert_eq!(vanilla.signer(&keys(), now), "AKIDEXAMPLE 000000000000 us-east-1 service");
}

#[test]
fn whoever_changes_a_request_has_not_signed_it() {
    const MISMATCH: &str = "InvalidSignature: The request signature we calculated does not match the signature you \
                            provided. Check your AWS Secret Access Key and signing method. Consult the service \
                            documentation for details.";
    let (keys, now) = (keys(), at("2026-11-23T10:00:00Z"));
    let signed = || {
        let mut text =
            Text::new("POST /dev//pets/%C3%BC?b=2&a=1%2B1\nhost: localhost:4566\n\n{\"name\":\"sy\"}");
        text.sign(("AKIATHIRD", "t"), now);
        text
    };
    assert_eq!(signed().signer(&keys, now), "AKIATHIRD 444455556666 us-east-1 execute-api");
    type Change = fn(&mut Text);
    let changes: [(&str, Change); 5] = [
        ("method", |text| text.method = Method::PUT),
        ("path", |text| text.path.push('x')),
        ("query", |text| text.query.push_str("&c=3")),
        ("host", |text| _ = text.headers.insert("host", HeaderValue::from_static("elsewhere"))),
        ("body", |text| text.body.push(' ')),
    ];
    for (what, change) in changes {
        let mut text = signed();
        change(&mut text);
        assert_eq!(text.signer(&keys, now), MISMATCH, "{what}");
    }
    let mut text = signed();
    text.sign(("AKIATHIRD", "another secret"), now);
    assert_eq!(text.signer(&keys, now), MISMATCH);
    text.sign(("AKIANOBODY", "t"), now);
    assert_eq!(
        text.signer(&keys, now),
        "UnrecognizedClient: The security token included in the request is invalid."
    );
    // Without keys a claim is believed, whatever its signature.
    assert_eq!(text.signer(&Keys::default(), now), "AKIANOBODY 000000000000 us-east-1 execute-api");
}

#[test]
fn signatures_are_good_for_five_minutes() {
    let (keys, signed_at) = (keys(), at("2026-11-23T10:00:00Z"));
    let mut text = Text::new("GET /\nhost: a");
    text.sign(("111122223333", "s"), signed_at);
    for (now, wanted) in [
        ("2026-11-23T10:05:00Z", "111122223333 111122223333 us-east-1 execute-api"),
        ("2026-11-23T09:55:00Z", "111122223333 111122223333 us-east-1 execute-api"),
        (
            "2026-11-23T10:05:01Z",
            "InvalidSignature: Signature expired: 20261123T100000Z is now earlier than 20261123T100001Z \
             (20261123T100501Z - 5 min.)",
        ),
        (
            "2026-11-23T09:54:59Z",
            "InvalidSignature: Signature not yet current: 20261123T100000Z is still later than 20261123T095959Z \
             (20261123T095459Z + 5 min.)",
        ),
    ] {
        assert_eq!(text.signer(&keys, at(now)), wanted, "{now}");
    }
}

#[test]
fn claims_that_contradict_themselves() {
    let now = at("2026-11-23T10:00:00Z");
    for (date, headers, wanted) in [
        (
            "20261123T100000Z",
            "x-amz-date",
            "InvalidSignature: 'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.",
        ),
        (
            "20261122T235959Z",
            "host",
            "InvalidSignature: Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from \
             HTTP: '20261123' != '20261122', from '20261122T235959Z'.",
        ),
        (
            "Mon, 23 Nov 2026 10:00:00 GMT",
            "host",
            "IncompleteSignature: Date must be in ISO-8601 'basic format'. Got 'Mon, 23 Nov 2026 10:00:00 GMT'. See \
             http://en.wikipedia.org/wiki/ISO_8601",
        ),
    ] {
        let text = Text::new(&format!(
            "GET /\nhost: a\nx-amz-date: {date}\nauthorization: AWS4-HMAC-SHA256 \
             Credential=AKIDEXAMPLE/20261123/us-east-1/lambda/aws4_request, SignedHeaders={headers}, Signature=00"
        ));
        assert_eq!(text.signer(&keys(), now), wanted);
    }
}

#[test]
fn functions_have_pairs_of_their_own() {
    let (keys, now) = (keys(), at("2026-11-23T10:00:00Z"));
    let account: AccountId = "444455556666".parse().expect("12 digits");
    let pair = keys.of_functions(account).expect("keys are known");
    let mut text = Text::new("GET /\nhost: a");
    text.sign((&pair.access_key, &pair.secret), now);
    assert_eq!(text.signer(&keys, now), "ASIA444455556666 444455556666 us-east-1 execute-api");
    // Not those of a server with other pairs, and of no other account.
    let others = Keys::parse("[a]\naws_access_key_id=A\naws_secret_access_key=b").expect("a good file");
    assert_ne!(others.of_functions(account), Some(pair.clone()));
    text.sign(("ASIA111122223333", &pair.secret), now);
    assert!(text.signer(&keys, now).starts_with("InvalidSignature: The request signature we calculated"));
    assert_eq!(Keys::default().of_functions(account), None);
}

#[test]
fn files() {
    let pair = "aws_access_key_id=A\naws_secret_access_key=b";
    for (text, wanted) in [
        (String::new(), KeysError::Empty),
        ("aws_access_key_id=A".to_owned(), KeysError::Line(1)),
        ("[a]\nwhat".to_owned(), KeysError::Line(2)),
        ("[a]\naws_access_key_id=A".to_owned(), KeysError::Lacks("a".into(), "aws_secret_access_key")),
        ("[a]\naws_secret_access_key=b".to_owned(), KeysError::Lacks("a".into(), "aws_access_key_id")),
        (format!("[a]\n{pair}\n[b]\n{pair}"), KeysError::Twice("b".into())),
        (
            format!("[a]\n{pair}\naws_account_id=12"),
            KeysError::Account { profile: "a".into(), text: "12".into() },
        ),
    ] {
        assert_eq!(Keys::parse(&text).err(), Some(wanted), "{text}");
    }
    assert_eq!(keys().first().map(|pair| pair.access_key), Some("AKIDEXAMPLE".to_owned()));
}
