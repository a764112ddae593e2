//! Texts with places to fill: `${stageVariables.x}` and, in the URIs of HTTP integrations, `{name}`. Pure.

use std::collections::BTreeMap;

use crate::rest::fault::Fault;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    StageVariable(String),
    PathParameter(String),
}

/// A compiled text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern {
    pieces: Vec<Piece>,
}

impl Pattern {
    /// Parses a text in which braces alone mean nothing: ARNs, credentials.
    pub(crate) fn of_arn(text: &str) -> Self {
        Self::parse(text, false)
    }

    /// Parses the URI of an HTTP integration.
    pub(crate) fn of_uri(text: &str) -> Self {
        Self::parse(text, true)
    }

    fn parse(text: &str, braces: bool) -> Self {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            let variable = rest.strip_prefix("${stageVariables.").and_then(|rest| rest.split_once('}'));
            let parameter = rest.strip_prefix('{').filter(|_| braces).and_then(|rest| rest.split_once('}'));
            let (piece, after) = match (variable, parameter) {
                (Some((name, after)), _) => (Piece::StageVariable(name.to_owned()), after),
                (None, Some((name, after))) => {
                    (Piece::PathParameter(name.trim_end_matches('+').to_owned()), after)
                }
                (None, None) => {
                    plain.push(c);
                    rest = &rest[c.len_utf8()..];
                    continue;
                }
            };
            if !plain.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut plain)));
            }
            pieces.push(piece);
            rest = after;
        }
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        Self { pieces }
    }

    /// Fills the places. A stage variable or a parameter that is not there makes the URI invalid, as on AWS.
    pub(crate) fn fill(
        &self,
        variables: &BTreeMap<String, String>,
        parameter: impl Fn(&str) -> Option<String>,
    ) -> Result<String, Fault> {
        let mut text = String::with_capacity(64);
        for piece in &self.pieces {
            match piece {
                Piece::Text(plain) => text.push_str(plain),
                Piece::StageVariable(name) => text.push_str(
                    variables
                        .get(name)
                        .ok_or_else(|| Fault::Configuration(format!("stage variable {name} is not set")))?,
                ),
                Piece::PathParameter(name) => {
                    text.push_str(&parameter(name).ok_or_else(|| {
                        Fault::Configuration(format!("nothing fills {{{name}}} of the URI"))
                    })?)
                }
            }
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_filled() {
        let variables = BTreeMap::from([("fn".to_owned(), "hello".to_owned())]);
        let parameter = |name: &str| (name == "id").then(|| "7".to_owned());
        let table = [
            ("http://h/a", Some("http://h/a")),
            ("http://h/{id}/x", Some("http://h/7/x")),
            ("http://${stageVariables.fn}.h/{id}", Some("http://hello.h/7")),
            ("http://h/{none}", None),
            ("http://${stageVariables.none}/", None),
            ("http://h/{unclosed", Some("http://h/{unclosed")),
            ("", Some("")),
        ];
        for (text, expected) in table {
            assert_eq!(Pattern::of_uri(text).fill(&variables, parameter).ok().as_deref(), expected, "{text}");
        }
        let arn = "arn:aws:lambda:r:0:function:${stageVariables.fn}";
        let filled = Pattern::of_arn(arn).fill(&variables, |_| None);
        assert_eq!(filled.unwrap(), "arn:aws:lambda:r:0:function:hello");
    }
}
