//! Secrets, out of what is shown: values of names that are known to carry them, in JSON text (whole or cut off), in lines
//! of headers and in queries. Pure.

/// In lower case, without dashes and underscores.
const SECRETS: [&str; 22] = [
    "authorization",
    "proxyauthorization",
    "authorizationtoken",
    "cookie",
    "setcookie",
    "cookies",
    "xapikey",
    "apikey",
    "xamzsecuritytoken",
    "xamzsignature",
    "password",
    "passwd",
    "passphrase",
    "secret",
    "clientsecret",
    "secretaccesskey",
    "sessiontoken",
    "accesstoken",
    "refreshtoken",
    "idtoken",
    "privatekey",
    "secretkey",
];

const MASK: &str = "***";

fn is_secret(name: &[u8]) -> bool {
    let plain = |name: &mut dyn Iterator<Item = u8>, secret: &str| name.eq(secret.bytes());
    SECRETS.iter().any(|secret| {
        let mut letters = name.iter().filter(|byte| !matches!(byte, b'-' | b'_')).map(u8::to_ascii_lowercase);
        plain(&mut letters, secret)
    })
}

/// JSON with the texts below secret names replaced; anything else as it is. It may end anywhere.
pub(crate) fn json(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    // The depth of brackets below a secret name, once its value has begun.
    let mut below: Option<usize> = None;
    while at < text.len() {
        let byte = text[at];
        if byte == b'"' {
            let end = end_of_string(text, at);
            let inner = &text[at + 1..end.saturating_sub(1).max(at + 1)];
            let is_name = next_token(text, end) == Some(b':');
            match below {
                Some(depth) if !is_name => {
                    out.extend_from_slice(format!("\"{MASK}\"").as_bytes());
                    below = (depth > 0).then_some(depth);
                }
                _ => out.extend_from_slice(&text[at..end]),
            }
            at = end;
            if is_name && below.is_none() && is_secret(inner) {
                below = Some(0);
            }
            continue;
        }
        below = match (below, byte) {
            (Some(depth), b'{' | b'[') => Some(depth + 1),
            (Some(depth), b'}' | b']') => depth.checked_sub(1).filter(|depth| *depth > 0),
            // A number or a word was the value.
            (Some(0), b',') => None,
            (below, _) => below,
        };
        out.push(byte);
        at += 1;
    }
    out
}

/// Behind the closing quote of the string that begins at `at`, or the end of the text.
fn end_of_string(text: &[u8], at: usize) -> usize {
    let mut end = at + 1;
    while end < text.len() {
        match text[end] {
            b'\\' => end += 2,
            b'"' => return end + 1,
            _ => end += 1,
        }
    }
    text.len()
}

fn next_token(text: &[u8], from: usize) -> Option<u8> {
    text.get(from..)?.iter().copied().find(|byte| !byte.is_ascii_whitespace())
}

/// Lines `name: value`.
pub(crate) fn header_lines(text: &str) -> String {
    let lines = text.lines().map(|line| match line.split_once(": ") {
        Some((name, _)) if is_secret(name.as_bytes()) => format!("{name}: {MASK}"),
        _ => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// `a=1&b=2`
pub(crate) fn query(text: &str) -> String {
    let pairs = text.split('&').map(|pair| match pair.split_once('=') {
        Some((name, _)) if is_secret(name.as_bytes()) => format!("{name}={MASK}"),
        _ => pair.to_owned(),
    });
    pairs.collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked_wherever_they_stand() {
        let cases = [
            (r#"{"a":"b"}"#, r#"{"a":"b"}"#),
            (r#"{"Authorization":"Bearer x","a":"b"}"#, r#"{"Authorization":"***","a":"b"}"#),
            (
                r#"{"headers":{"authorization" : "x\"y","a":"b"}}"#,
                r#"{"headers":{"authorization" : "***","a":"b"}}"#,
            ),
            (
                r#"{"multiValueHeaders":{"Cookie":["a=1","b=2"],"X":["1"]}}"#,
                r#"{"multiValueHeaders":{"Cookie":["***","***"],"X":["1"]}}"#,
            ),
            (r#"{"password":{"S":"x"},"name":{"S":"y"}}"#, r#"{"password":{"S":"***"},"name":{"S":"y"}}"#),
            (r#"{"x-api-key":1,"a":"b"}"#, r#"{"x-api-key":1,"a":"b"}"#),
            (r#"{"X-Api-Key":null,"a":"b"}"#, r#"{"X-Api-Key":null,"a":"b"}"#),
            // Cut off.
            (r#"{"Authorization":"Bear"#, r#"{"Authorization":"***""#),
            (r#"{"Authorization":"Bear\"#, r#"{"Authorization":"***""#),
            (r#"{"a":"Author"#, r#"{"a":"Author"#),
            (r#"{"a":"password"}"#, r#"{"a":"password"}"#),
            ("plain text with Authorization: x", "plain text with Authorization: x"),
            (r#""""#, r#""""#),
            (r#"""#, r#"""#),
            ("", ""),
        ];
        for (text, expected) in cases {
            assert_eq!(String::from_utf8(json(text.as_bytes())).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn headers_and_queries_have_secrets_too() {
        assert_eq!(
            header_lines("host: a\nauthorization: Basic x\ncookie: y"),
            "host: a\nauthorization: ***\ncookie: ***"
        );
        assert_eq!(
            query("a=1&X-Amz-Signature=f00&access_token=2"),
            "a=1&X-Amz-Signature=***&access_token=***"
        );
        assert_eq!(query(""), "");
    }
}
