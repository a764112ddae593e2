//! The methods of `java.lang.String`. Positions are UTF-16 units.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::sync::Arc;

use super::{Call, as_int};
use crate::number::{as_float, float_text};
use crate::regex::{JavaRegex, MatchError, STEPS_MAX};
use crate::render::{Machine, Result};
use crate::text::{byte_of, length, unit_of};
use crate::tree::Constant;
use crate::value::Value;

impl Machine<'_> {
    pub(crate) fn text_method(&mut self, text: &Arc<str>, call: &Call<'_>) -> Result<Option<Value>> {
        self.spend(text.len() / 64)?;
        if let Some(found) = self.text_test(text, call) {
            return Ok(Some(found));
        }
        let made = match (call.name, call.arguments) {
            ("toString" | "intern", []) => return Ok(Some(Value::Text(Arc::clone(text)))),
            ("toLowerCase", []) => text.to_lowercase(),
            ("toUpperCase", []) => text.to_uppercase(),
            ("trim", []) => text.trim_matches(|c: char| c <= ' ').to_owned(),
            ("substring" | "subSequence", [from]) => cut(text, call, as_int(from), None)?,
            ("substring" | "subSequence", [from, to]) => cut(text, call, as_int(from), as_int(to))?,
            ("charAt", [Value::Int(at)]) => char_at(text, call, *at)?,
            ("concat", [Value::Text(other)]) => return self.joined(text, other).map(Some),
            ("replace", [Value::Text(from), Value::Text(to)]) => self.replaced(text, from, to)?,
            ("replaceAll" | "replaceFirst", [Value::Text(pattern), Value::Text(with)]) => {
                let regex = self.regex(pattern, call)?;
                let bytes_max = self.limits.output_bytes;
                let matches_max = if call.name == "replaceAll" { usize::MAX } else { 1 };
                self.matching(call, |steps| regex.replace((text, with), matches_max, bytes_max, steps))?
            }
            ("matches", [Value::Text(pattern)]) => {
                let regex = self.regex(pattern, call)?;
                let matches = self.matching(call, |steps| regex.matches_within(text, steps))?;
                return Ok(Some(Value::Bool(matches)));
            }
            ("split", [Value::Text(pattern)]) => return self.split(text, pattern, 0, call).map(Some),
            ("split", [Value::Text(pattern), Value::Int(limit)]) => {
                return self.split(text, pattern, *limit, call).map(Some);
            }
            ("toCharArray", []) => {
                let chars = text.chars().map(|c| Value::text(c.encode_utf8(&mut [0; 4]))).collect::<Vec<_>>();
                self.spend(chars.len())?;
                self.heap.charge(chars.len() * 40)?;
                return Ok(Some(self.heap.list_value(chars)?));
            }
            ("valueOf" | "copyValueOf", [value]) => return Ok(Some(Value::Text(self.text_of(value)?))),
            ("format", [Value::Text(format), rest @ ..]) => self.format(format, rest, call)?,
            ("join", [Value::Text(between), Value::List(list)]) => self.join(between, *list)?,
            _ => return Ok(None),
        };
        Ok(Some(self.heap.text(&made)?))
    }

    /// Methods that answer a number or a truth.
    fn text_test(&self, text: &str, call: &Call<'_>) -> Option<Value> {
        let position = |byte: Option<usize>| match byte {
            Some(byte) => Value::count(unit_of(text, byte)),
            None => Value::Int(-1),
        };
        Some(match (call.name, call.arguments) {
            ("length", []) => Value::count(length(text)),
            ("isEmpty", []) => Value::Bool(text.is_empty()),
            ("contains", [Value::Text(other)]) => Value::Bool(text.contains(&**other)),
            ("startsWith", [Value::Text(other)]) => Value::Bool(text.starts_with(&**other)),
            ("startsWith", [Value::Text(other), Value::Int(from)]) => {
                let from = usize::try_from(*from).ok().and_then(|from| byte_of(text, from));
                let rest = from.and_then(|from| text.get(from..));
                Value::Bool(rest.is_some_and(|rest| rest.starts_with(&**other)))
            }
            ("endsWith", [Value::Text(other)]) => Value::Bool(text.ends_with(&**other)),
            ("equals" | "contentEquals", [Value::Text(other)]) => Value::Bool(*text == **other),
            ("equals", [_]) => Value::Bool(false),
            ("equalsIgnoreCase", [other]) => {
                Value::Bool(matches!(other, Value::Text(other) if folded(text) == folded(other)))
            }
            ("compareTo", [Value::Text(other)]) => Value::Int(order(text, other)),
            ("compareToIgnoreCase", [Value::Text(other)]) => Value::Int(order(&folded(text), &folded(other))),
            ("indexOf", [wanted]) => position(text.find(&*needle(wanted)?)),
            ("lastIndexOf", [wanted]) => position(text.rfind(&*needle(wanted)?)),
            ("indexOf", [wanted, Value::Int(from)]) => {
                let from = byte_of(text, usize::try_from(*from).unwrap_or(0));
                let found = from.and_then(|from| Some(from + text.get(from..)?.find(&*needle(wanted)?)?));
                position(found)
            }
            ("lastIndexOf", [wanted, Value::Int(from)]) => {
                let wanted = needle(wanted)?;
                let from = usize::try_from(*from).ok().map(|from| byte_of(text, from).unwrap_or(text.len()));
                let end = from.map(|from| (from + wanted.len()).min(text.len()));
                position(end.and_then(|end| text.get(..end)?.rfind(&*wanted)))
            }
            ("codePointAt", [Value::Int(at)]) => {
                let at = usize::try_from(*at).ok().and_then(|at| byte_of(text, at))?;
                Value::Int(i64::from(u32::from(text.get(at..)?.chars().next()?)))
            }
            _ => return None,
        })
    }

    fn replaced(&mut self, text: &str, from: &str, to: &str) -> Result<String> {
        let count = text.matches(from).count();
        let length = text.len().saturating_add(count.saturating_mul(to.len()));
        if length > self.limits.output_bytes.saturating_mul(2) {
            return Err(crate::print::too_long(self.limits.output_bytes));
        }
        self.spend(length / 64)?;
        Ok(text.replace(from, to))
    }

    fn split(&mut self, text: &str, pattern: &str, limit: i64, call: &Call<'_>) -> Result<Value> {
        let regex = self.regex(pattern, call)?;
        let parts = self.matching(call, |steps| regex.split_within(text, limit, steps))?;
        self.spend(parts.len())?;
        let parts = parts.into_iter().map(|part| self.heap.text(part)).collect::<Result<Vec<_>>>()?;
        self.heap.list_value(parts)
    }

    /// Runs a pattern with the steps that are left.
    fn matching<T>(
        &mut self,
        call: &Call<'_>,
        run: impl FnOnce(&mut u32) -> std::result::Result<T, MatchError>,
    ) -> Result<T> {
        let before = u32::try_from(*self.steps_left()).unwrap_or(u32::MAX).min(STEPS_MAX);
        let mut left = before;
        let result = run(&mut left);
        self.spend((before - left) as usize)?;
        result.map_err(|error| thrown(call, &error))
    }

    /// The pattern: the one that was compiled with the template, if it stands there.
    fn regex<'c>(&mut self, pattern: &str, call: &'c Call<'_>) -> Result<Pattern<'c>> {
        let compiled = match call.constant {
            Constant::Regex(Ok(regex)) => return Ok(Pattern::Known(regex)),
            Constant::Regex(Err(error)) => Err(error.clone()),
            _ => {
                self.spend(pattern.len() * 4)?;
                JavaRegex::new(pattern)
            }
        };
        match compiled {
            Ok(regex) => {
                self.spend(regex.size())?;
                Ok(Pattern::Made(Box::new(regex)))
            }
            Err(error) => Err(call.throws(format!("java.util.regex.PatternSyntaxException: {error}"))),
        }
    }

    fn join(&mut self, between: &str, list: crate::value::ListId) -> Result<String> {
        let items = self.heap.list(list).items.clone();
        let mut joined = String::new();
        for (number, item) in items.iter().enumerate() {
            joined.push_str(if number > 0 { between } else { "" });
            joined.push_str(&self.text_of(item)?);
            if joined.len() > self.limits.output_bytes {
                return Err(crate::print::too_long(self.limits.output_bytes));
            }
        }
        Ok(joined)
    }

    /// `String.format` with `%s`, `%S`, `%d`, `%x`, `%f`, `%b`, `%c`, `%n` and `%%`, widths and precisions.
    fn format(&mut self, format: &str, arguments: &[Value], call: &Call<'_>) -> Result<String> {
        let mut arguments = arguments.iter();
        let mut made = String::new();
        let mut rest = format;
        while let Some(at) = rest.find('%') {
            made.push_str(&rest[..at]);
            let spec = &rest[at + 1..];
            let flags = spec.len() - spec.trim_start_matches(['-', '0', '+', ',', ' ', '#']).len();
            let numbers = spec[flags..].find(|c: char| !c.is_ascii_digit() && c != '.');
            let Some(kind_at) = numbers.map(|numbers| flags + numbers) else {
                return Err(call.throws("java.util.UnknownFormatConversionException: Conversion = '%'"));
            };
            let kind = spec[kind_at..].chars().next().unwrap_or('%');
            rest = &spec[kind_at + kind.len_utf8()..];
            if kind == '%' || kind == 'n' {
                made.push(if kind == 'n' { '\n' } else { '%' });
                continue;
            }
            let Some(value) = arguments.next() else {
                return Err(call.throws(format!(
                    "java.util.MissingFormatArgumentException: Format specifier '%{kind}'"
                )));
            };
            let (width, precision) =
                spec[flags..kind_at].split_once('.').unwrap_or((&spec[flags..kind_at], ""));
            let bounded = |digits: &str| digits.parse::<usize>().ok().map(|number| number.min(1_000));
            let piece = self.conversion(kind, value, bounded(precision), call)?;
            pad(&mut made, &piece, bounded(width).unwrap_or(0), &spec[..flags]);
            self.spend(1 + piece.len() / 64)?;
            if made.len() > self.limits.output_bytes {
                return Err(crate::print::too_long(self.limits.output_bytes));
            }
        }
        made.push_str(rest);
        Ok(made)
    }

    fn conversion(
        &mut self,
        kind: char,
        value: &Value,
        precision: Option<usize>,
        call: &Call<'_>,
    ) -> Result<String> {
        let wrong = || call.throws(format!("java.util.IllegalFormatConversionException: {kind}"));
        Ok(match kind {
            's' | 'S' => {
                let text = self.text_of(value)?;
                let text: String = text.chars().take(precision.unwrap_or(usize::MAX)).collect();
                if kind == 'S' { text.to_uppercase() } else { text }
            }
            'd' if matches!(value, Value::Int(_) | Value::Big(_)) => self.text_of(value)?.to_string(),
            'x' => match value {
                Value::Int(number) => match i32::try_from(*number) {
                    Ok(number) => format!("{number:x}"),
                    Err(_) => format!("{number:x}"),
                },
                _ => return Err(wrong()),
            },
            'f' => match value {
                Value::Float(number) => format!("{number:.*}", precision.unwrap_or(6).min(100)),
                _ => return Err(wrong()),
            },
            'b' => match value {
                Value::Bool(truth) => truth.to_string(),
                other => (!other.is_null()).to_string(),
            },
            'e' | 'g' => float_text(as_float(value).ok_or_else(wrong)?),
            _ => {
                return Err(
                    call.throws(format!("java.util.UnknownFormatConversionException: Conversion = '{kind}'"))
                );
            }
        })
    }
}

/// A pattern that the template holds, or one made for this call.
enum Pattern<'c> {
    Known(&'c JavaRegex),
    Made(Box<JavaRegex>),
}

impl std::ops::Deref for Pattern<'_> {
    type Target = JavaRegex;

    fn deref(&self) -> &JavaRegex {
        match self {
            Self::Known(regex) => regex,
            Self::Made(regex) => regex,
        }
    }
}

fn thrown(call: &Call<'_>, error: &MatchError) -> crate::Fault {
    match error {
        MatchError::Steps => call.throws(error.to_string()),
        MatchError::Replacement(what) => call.throws(format!("java.lang.IllegalArgumentException: {what}")),
    }
}

fn pad(made: &mut String, piece: &str, width: usize, flags: &str) {
    let missing = width.saturating_sub(length(piece));
    if flags.contains('-') {
        made.push_str(piece);
        made.extend(std::iter::repeat_n(' ', missing));
    } else if flags.contains('0') {
        let (sign, digits) = piece.strip_prefix('-').map_or(("", piece), |digits| ("-", digits));
        made.push_str(sign);
        made.extend(std::iter::repeat_n('0', missing));
        made.push_str(digits);
    } else {
        made.extend(std::iter::repeat_n(' ', missing));
        made.push_str(piece);
    }
}

/// What `indexOf` looks for: a text, or a character by its number.
fn needle(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::Text(text) => Some(Cow::Borrowed(text)),
        Value::Int(code) => {
            let c = u32::try_from(*code).ok().and_then(char::from_u32)?;
            Some(Cow::Owned(c.to_string()))
        }
        _ => None,
    }
}

fn folded(text: &str) -> String {
    if text.is_ascii() { text.to_ascii_lowercase() } else { text.to_uppercase().to_lowercase() }
}

/// `compareTo`: the difference of the first units that differ, or of the lengths.
fn order(one: &str, other: &str) -> i64 {
    let units = one.encode_utf16().zip(other.encode_utf16());
    match units.map(|(one, other)| i64::from(one) - i64::from(other)).find(|difference| *difference != 0) {
        Some(difference) => difference,
        None => match length(one).cmp(&length(other)) {
            Ordering::Equal => 0,
            _ => length(one) as i64 - length(other) as i64,
        },
    }
}

fn cut(text: &str, call: &Call<'_>, from: Option<i64>, to: Option<i64>) -> Result<String> {
    let whole = length(text);
    let (from, to) = (from.unwrap_or(-1), to.unwrap_or_else(|| i64::try_from(whole).unwrap_or(i64::MAX)));
    let place = |unit: i64| {
        usize::try_from(unit).ok().filter(|unit| *unit <= whole).and_then(|unit| byte_of(text, unit))
    };
    match (place(from), place(to)) {
        (Some(start), Some(end)) if from <= to => Ok(text.get(start..end).unwrap_or_default().to_owned()),
        _ => Err(call.throws(format!(
            "java.lang.StringIndexOutOfBoundsException: begin {from}, end {to}, length {whole}"
        ))),
    }
}

fn char_at(text: &str, call: &Call<'_>, at: i64) -> Result<String> {
    let byte = usize::try_from(at).ok().and_then(|at| byte_of(text, at));
    let found = byte.and_then(|byte| text.get(byte..)).and_then(|rest| rest.chars().next());
    found.map(String::from).ok_or_else(|| {
        call.throws(format!("java.lang.StringIndexOutOfBoundsException: String index out of range: {at}"))
    })
}
