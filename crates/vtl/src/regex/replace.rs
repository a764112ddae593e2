//! `String.replaceAll`, `replaceFirst` and `split`, with Java's rules of replacements and of empty parts.

use super::{Found, JavaRegex, MatchError, STEPS_MAX};

/// What stands for a match.
enum Part {
    Text(String),
    Group(usize),
}

impl JavaRegex {
    /// At most so many matches, replaced. The result is at most `bytes_max` long.
    pub(crate) fn replace(
        &self,
        (text, replacement): (&str, &str),
        matches_max: usize,
        bytes_max: usize,
        steps: &mut u32,
    ) -> Result<String, MatchError> {
        let found = self.find_all(text, matches_max, steps)?;
        if found.is_empty() {
            return Ok(text.to_owned());
        }
        let parts = self.parts(replacement)?;
        let mut result = String::with_capacity(text.len());
        let mut from = 0;
        for one in &found {
            let range = one.range();
            result.push_str(text.get(from..range.start).unwrap_or_default());
            from = range.end;
            for part in &parts {
                result.push_str(part.of(text, one));
            }
            if result.len() > bytes_max {
                return Err(MatchError::Replacement("the result of a replacement is too long".to_owned()));
            }
        }
        result.push_str(text.get(from..).unwrap_or_default());
        Ok(result)
    }

    fn parts(&self, replacement: &str) -> Result<Vec<Part>, MatchError> {
        let fail = |what: &str| MatchError::Replacement(what.to_owned());
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut chars = replacement.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '\\' => literal.push(chars.next().ok_or_else(|| fail("character to be escaped is missing"))?),
                '$' => {
                    parts.push(Part::Text(std::mem::take(&mut literal)));
                    let number = match chars.next() {
                        Some('{') => {
                            let name: String = chars.by_ref().take_while(|c| *c != '}').collect();
                            let known = self.program.names.iter().find(|(known, _)| *known == name);
                            known.ok_or_else(|| fail(&format!("No group with name {{{name}}}")))?.1
                        }
                        Some(digit) if digit.is_ascii_digit() => {
                            let mut number = digit as usize - '0' as usize;
                            if number >= self.program.groups {
                                return Err(fail(&format!("No group {number}")));
                            }
                            while let Some(digit) = chars.peek().and_then(|c| c.to_digit(10)) {
                                let more = number * 10 + digit as usize;
                                if more >= self.program.groups {
                                    break;
                                }
                                number = more;
                                chars.next();
                            }
                            number
                        }
                        _ => return Err(fail("Illegal group reference")),
                    };
                    parts.push(Part::Group(number));
                }
                c => literal.push(c),
            }
        }
        parts.push(Part::Text(literal));
        Ok(parts)
    }

    /// The parts between matches: at most `limit` of them if it is positive; if it is zero, empty ones at the end
    /// are left out.
    pub fn split<'t>(&self, text: &'t str, limit: i64) -> Result<Vec<&'t str>, MatchError> {
        self.split_within(text, limit, &mut { STEPS_MAX })
    }

    pub(crate) fn split_within<'t>(
        &self,
        text: &'t str,
        limit: i64,
        steps: &mut u32,
    ) -> Result<Vec<&'t str>, MatchError> {
        let max =
            usize::try_from(limit).ok().filter(|limit| *limit > 0).map_or(usize::MAX, |limit| limit - 1);
        let mut parts = Vec::new();
        let mut from = 0;
        for found in self.find_all(text, max.saturating_add(1), steps)? {
            let range = found.range();
            // An empty match at the beginning never makes an empty part.
            let leading = range.end == 0;
            if parts.len() >= max || leading || (range.is_empty() && range.start >= text.len()) {
                continue;
            }
            parts.push(text.get(from..range.start).unwrap_or_default());
            from = range.end;
        }
        if parts.is_empty() {
            return Ok(vec![text]);
        }
        parts.push(text.get(from..).unwrap_or_default());
        if limit == 0 {
            let kept = parts.iter().rposition(|part| !part.is_empty()).map_or(0, |last| last + 1);
            parts.truncate(kept);
        }
        Ok(parts)
    }
}

impl Part {
    fn of<'a>(&'a self, text: &'a str, found: &Found) -> &'a str {
        match self {
            Self::Text(literal) => literal,
            Self::Group(number) => found.group(*number).and_then(|range| text.get(range)).unwrap_or_default(),
        }
    }
}
