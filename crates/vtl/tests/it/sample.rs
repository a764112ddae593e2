//! The message that the tables are about, and how a row is checked.

use std::borrow::Cow;

use vtl::{Data, Dialect, Limits, Message, Overrides, Params, Template};

pub(crate) struct Sample<'s>(pub(crate) &'s str);

fn pairs(entries: &[(&str, &str)]) -> Vec<(String, String)> {
    entries.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

pub(crate) fn map(entries: &[(&str, &str)]) -> Data {
    Data::Map(entries.iter().map(|(key, value)| ((*key).to_owned(), Data::from(*value))).collect())
}

impl Message for Sample<'_> {
    fn body(&self) -> Cow<'_, str> {
        Cow::Borrowed(self.0)
    }

    fn params(&self) -> Params {
        Params {
            path: pairs(&[("id", "p1"), ("both", "of path")]),
            querystring: pairs(&[("q", "a b"), ("both", "of query"), ("quote", "it's \"so\"")]),
            header: pairs(&[("Accept", "*/*"), ("X-Both", "h"), ("both", "of header")]),
        }
    }

    fn context(&self) -> Data {
        let identity = map(&[("sourceIp", "127.0.0.1"), ("userAgent", "test")]);
        Data::Map(vec![
            ("stage".to_owned(), "dev".into()),
            ("requestId".to_owned(), "r-1".into()),
            ("requestTimeEpoch".to_owned(), Data::Int(1_700_000_000_000)),
            ("identity".to_owned(), identity),
        ])
    }

    fn stage_variables(&self) -> Data {
        map(&[("color", "blue"), ("host", "example.com")])
    }
}

/// What a template makes, or `ERROR` and why not.
pub(crate) fn render(template: &str, body: &str) -> String {
    match Template::compile(template) {
        Err(error) => format!("ERROR {error}"),
        Ok(template) => match template.render(&Sample(body), &Overrides::default(), &Limits::default()) {
            Ok(rendered) => rendered.text,
            Err(error) => format!("ERROR {error}"),
        },
    }
}

pub(crate) fn check(body: &str, table: &[(&str, &str)]) {
    let wrong: Vec<String> = table
        .iter()
        .map(|(template, expected)| (template, expected, render(template, body)))
        .filter(|(_, expected, made)| made != *expected)
        .map(|(template, expected, made)| {
            format!("{template:?}\n  expected {expected:?}\n  made     {made:?}")
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The same in plain Velocity, about these variables.
pub(crate) fn check_velocity(variables: &[(&str, Data)], table: &[(&str, &str)]) {
    let render = |template: &str| match Template::compile_as(template, Dialect::Velocity) {
        Err(error) => format!("ERROR {error}"),
        Ok(template) => match template.merge(variables, &Limits::default()) {
            Ok(text) => text,
            Err(error) => format!("ERROR {error}"),
        },
    };
    let wrong: Vec<String> = table
        .iter()
        .map(|(template, expected)| (template, expected, render(template)))
        .filter(|(_, expected, made)| made != *expected)
        .map(|(template, expected, made)| {
            format!("{template:?}\n  expected {expected:?}\n  made     {made:?}")
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
