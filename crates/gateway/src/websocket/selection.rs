//! Selection expressions of WebSocket APIs: `$request.body.action`, `${request.header.a}-${context.stage}`, `$default`.
//! Pure; what a variable's value is, is asked.
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-selection-expressions.html>

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Expression {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Variable(String),
}

/// What the names of variables begin with.
const ROOTS: [&str; 4] = ["request.", "integration.", "context.", "stageVariables."];

impl Expression {
    pub(crate) fn parse(text: &str) -> Self {
        let is_variable = |name: &str| ROOTS.iter().any(|root| name.starts_with(root));
        if let Some(name) = text.strip_prefix('$').filter(|name| is_variable(name)) {
            return Self { pieces: vec![Piece::Variable(bare(name))] };
        }
        let (mut pieces, mut plain, mut rest) = (Vec::new(), String::new(), text);
        while let Some(c) = rest.chars().next() {
            let variable = rest.strip_prefix("${").and_then(|rest| rest.split_once('}'));
            if let Some((name, after)) = variable.filter(|(name, _)| is_variable(name)) {
                if !plain.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut plain)));
                }
                pieces.push(Piece::Variable(name.to_owned()));
                rest = after;
                continue;
            }
            // `\$default` is how the console writes what begins with a dollar.
            if !rest.starts_with("\\$") {
                plain.push(c);
            }
            rest = &rest[c.len_utf8()..];
        }
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        Self { pieces }
    }

    /// The text that it selects; none if a variable of it has no value.
    pub(crate) fn select(&self, value: impl Fn(&str) -> Option<String>) -> Option<String> {
        let mut text = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(plain) => text.push_str(plain),
                Piece::Variable(name) => text.push_str(&value(name)?),
            }
        }
        Some(text)
    }
}

/// `request.body.{action}` is another way to write `request.body.action`.
fn bare(name: &str) -> String {
    name.replace(['{', '}'], "")
}

/// What a path such as `action` or `a.b` finds in a JSON text.
pub(crate) fn find_in_body(body: &str, path: &str) -> Option<String> {
    vtl::select(body, &format!("$.{path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_select() {
        let value = |name: &str| match name {
            "request.header.x" => Some("h".to_owned()),
            "context.stage" => Some("dev".to_owned()),
            name => {
                let path = name.strip_prefix("request.body.")?;
                find_in_body(r#"{"action":"go","n":7,"a":{"b":"c"},"o":{},"none":null}"#, path)
            }
        };
        for (text, expected) in [
            ("$request.body.action", Some("go")),
            ("$request.body.{action}", Some("go")),
            ("${request.body.action}", Some("go")),
            ("$request.body.n", Some("7")),
            ("$request.body.a.b", Some("c")),
            ("$request.body.o", Some("{}")),
            ("$request.body.none", None),
            ("$request.body.other", None),
            ("${request.header.x}-${context.stage}", Some("h-dev")),
            ("${request.header.x}-${request.header.y}", None),
            ("$default", Some("$default")),
            ("\\$default", Some("$default")),
            ("plain", Some("plain")),
            ("${unknown.x}", Some("${unknown.x}")),
        ] {
            assert_eq!(Expression::parse(text).select(value).as_deref(), expected, "{text}");
        }
    }
}
