//! Mapping templates, as far as they need no template engine: literal text and the two idioms that hand the
//! body through. Anything else is kept, and says of itself that it is not evaluated.

use bytes::Bytes;

/// A compiled mapping template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Template {
    /// Text without references or directives: the template is its own result.
    Literal(Bytes),
    /// `$input.body` or `$input.json('$')` and nothing else.
    Body,
    /// Needs a template engine, which is not here yet.
    Unsupported,
}

impl Template {
    pub(crate) fn compile(text: &str) -> Self {
        match text.trim() {
            "$input.body" | "$input.json('$')" | "$input.json(\"$\")" => Self::Body,
            _ if needs_engine(text) => Self::Unsupported,
            _ => Self::Literal(Bytes::copy_from_slice(text.as_bytes())),
        }
    }
}

/// Whether Velocity would see a reference (`$name`, `${`, `$!`) or a directive or comment (`#set`, `##`, `#*`).
fn needs_engine(text: &str) -> bool {
    text.as_bytes().windows(2).any(|pair| match pair {
        [b'$', next] => next.is_ascii_alphabetic() || matches!(next, b'_' | b'{' | b'!'),
        [b'#', next] => next.is_ascii_alphabetic() || matches!(next, b'#' | b'*' | b'@' | b'{' | b'['),
        _ => false,
    })
}

/// The `statusCode` of a MOCK integration's request. AWS reads it leniently: quotes of either kind or none.
pub(crate) fn mock_status(text: &str) -> Option<u16> {
    let name = text.find("statusCode")?;
    let rest = text[name + "statusCode".len()..].trim_start_matches(['"', '\'']).trim_start();
    let rest = rest.strip_prefix(':')?.trim_start().trim_start_matches(['"', '\'']);
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok().filter(|status| (100..600).contains(status))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_told_from_velocity() {
        for literal in ["{\"statusCode\": 200}", "", "price: $5 and 5$", "a # b #1", "#"] {
            assert!(matches!(Template::compile(literal), Template::Literal(_)), "{literal}");
        }
        for text in ["$input.path('$.a')", "${x}", "$!x", "#set($a = 1)", "## note", "a $context.stage"] {
            assert_eq!(Template::compile(text), Template::Unsupported, "{text}");
        }
        assert_eq!(Template::compile(" $input.json('$')\n"), Template::Body);
    }

    #[test]
    fn mock_templates_name_a_status() {
        let table = [
            ("{\"statusCode\": 200}", Some(200)),
            ("{statusCode:404}", Some(404)),
            ("{ 'statusCode' : '201' }", Some(201)),
            ("{\n  \"a\": 1, \"statusCode\" : \"500\" }", Some(500)),
            ("{}", None),
            ("{\"statusCode\": \"abc\"}", None),
            ("{\"statusCode\": 99999}", None),
        ];
        for (text, expected) in table {
            assert_eq!(mock_status(text), expected, "{text}");
        }
    }
}
