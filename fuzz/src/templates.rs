//! Mapping templates, JSONPaths and Java's patterns: any bytes are one or are refused; what they make is made again, and
//! ends within its limits.

use std::borrow::Cow;

use vtl::{Data, Dialect, JavaRegex, Limits, Message, Overrides, Params, Template};

const BODY: &str = r#"{"s":"text ü","n":3,"f":2.5,"t":true,"z":null,"l":[1,"two",{"three":3},[4]],"m":{"a":{"b":"c"},"k y":1}}"#;

const LIMITS: Limits =
    Limits { steps: 20_000, iterations: 50, output_bytes: 100_000, memory_bytes: 1_000_000 };

struct Sample;

impl Message for Sample {
    fn body(&self) -> Cow<'_, str> {
        Cow::Borrowed(BODY)
    }

    fn params(&self) -> Params {
        let pair = |key: &str, value: &str| vec![(key.to_owned(), value.to_owned())];
        Params { path: pair("p", "1"), querystring: pair("q", "2"), header: pair("H", "3") }
    }

    fn context(&self) -> Data {
        Data::Map(vec![("stage".to_owned(), "dev".into())])
    }

    fn stage_variables(&self) -> Data {
        Data::Map(vec![("v".to_owned(), "1".into())])
    }
}

/// A template, in both dialects.
pub(crate) fn template(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for dialect in [Dialect::ApiGateway, Dialect::Velocity] {
        let Ok(template) = Template::compile_as(text, dialect) else { continue };
        let first = template.render(&Sample, &Overrides::default(), &LIMITS);
        if let Ok(rendered) = &first {
            assert!(rendered.text.len() <= LIMITS.output_bytes, "{text:?}");
            assert!(template.constant().is_none_or(|constant| constant == rendered.text), "{text:?}");
        }
        assert_eq!(template.render(&Sample, &Overrides::default(), &LIMITS), first, "{text:?}");
    }
}

/// A path into a JSON text.
pub(crate) fn json_path(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (path, body) = text.split_once('\0').unwrap_or((text, BODY));
    assert_eq!(vtl::select(body, path), vtl::select(body, path), "{path:?}");
}

/// A pattern, a zero byte, and a text.
pub(crate) fn java_regex(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (pattern, text) = text.split_once('\0').unwrap_or((text, "aab-ü1"));
    let text: String = text.chars().take(24).collect();
    let Ok(regex) = JavaRegex::new(pattern) else { return };
    let found = regex.find(&text, 0);
    if let Ok(Some(found)) = &found {
        assert!(text.get(found.range()).is_some(), "{pattern:?} on {text:?}");
        for group in (0..12).filter_map(|number| found.group(number)) {
            assert!(text.get(group).is_some(), "{pattern:?} on {text:?}");
        }
    }
    if regex.matches(&text) == Ok(true) {
        assert_ne!(found, Ok(None), "{pattern:?} on {text:?}");
    }
    let _ = regex.split(&text, 0);
}
