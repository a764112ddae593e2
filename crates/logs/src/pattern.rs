//! Filter patterns of terms: `word "a phrase" ?either -not`. Patterns over JSON (`{ $.x = 1 }`), fields (`[a, b]`) and
//! regular expressions (`%x%`) are refused, not guessed. Pure.
//!
//! Source: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html>

/// A parsed pattern.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Pattern {
    required: Vec<String>,
    any_of: Vec<String>,
    excluded: Vec<String>,
}

/// A kind of pattern that is not served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unsupported(pub(crate) &'static str);

impl Pattern {
    pub(crate) fn parse(text: &str) -> Result<Self, Unsupported> {
        let text = text.trim();
        match text.chars().next() {
            Some('{') => return Err(Unsupported("patterns over JSON ({ ... })")),
            Some('[') => return Err(Unsupported("patterns over fields ([ ... ])")),
            Some('%') => return Err(Unsupported("regular expressions (%...%)")),
            _ => {}
        }
        let mut pattern = Self::default();
        let mut rest = text;
        while !rest.is_empty() {
            let (terms, after) = match rest.as_bytes()[0] {
                b'?' => (&mut pattern.any_of, &rest[1..]),
                b'-' => (&mut pattern.excluded, &rest[1..]),
                _ => (&mut pattern.required, rest),
            };
            let (term, after) = split_term(after);
            if !term.is_empty() {
                terms.push(term);
            }
            rest = after.trim_start();
        }
        Ok(pattern)
    }

    /// Terms are looked for anywhere in the message, case by case. Beside required terms the `?` terms decide nothing.
    pub(crate) fn matches(&self, message: &str) -> bool {
        let has = |term: &String| message.contains(term.as_str());
        let any = self.any_of.is_empty() || !self.required.is_empty() || self.any_of.iter().any(has);
        any && self.required.iter().all(has) && !self.excluded.iter().any(has)
    }
}

/// A quoted phrase (with `\"` for a quote) or all up to the next space; and what follows.
fn split_term(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(char::is_whitespace).unwrap_or(text.len());
        return (text[..end].to_owned(), &text[end..]);
    };
    let mut term = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (term, &quoted[at + 1..]),
            '\\' => term.extend(chars.next().map(|(_, c)| c)),
            _ => term.push(c),
        }
    }
    (term, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_terms() {
        for (pattern, message, expected) in [
            ("", "anything", true),
            ("ERROR", "an ERROR here", true),
            ("ERROR", "an error here", false),
            ("a b", "b then a", true),
            ("a b", "a", false),
            ("\"a b\"", "x a b y", true),
            ("\"a b\"", "a x b", false),
            ("\"say \\\"x\\\"\"", "say \"x\"", true),
            ("?a ?b", "b", true),
            ("?a ?b", "c", false),
            ("a ?b", "a", true),
            ("a -b", "a", true),
            ("a -b", "a b", false),
            ("-\"x y\"", "x y", false),
            ("\"unclosed", "unclosed", true),
            ("? - \"\"", "anything", true),
        ] {
            let parsed = Pattern::parse(pattern).expect("terms");
            assert_eq!(parsed.matches(message), expected, "{pattern} on {message}");
        }
        for pattern in ["{ $.a = 1 }", "[a, b]", "%x%"] {
            assert!(Pattern::parse(pattern).is_err(), "{pattern}");
        }
    }
}
