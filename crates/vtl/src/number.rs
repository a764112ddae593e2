//! Numbers as Java and Velocity have them: how they print, how they compare, what their sums are.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::value::Value;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sum {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

/// `Double.toString`.
pub(crate) fn float_text(number: f64) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    if number == 0.0 {
        return if number.is_sign_negative() { "-0.0" } else { "0.0" }.to_owned();
    }
    let size = number.abs();
    if (1e-3..1e7).contains(&size) {
        let text = number.to_string();
        return if text.contains('.') { text } else { text + ".0" };
    }
    let text = format!("{number:E}");
    match text.split_once('E') {
        Some((digits, exponent)) if !digits.contains('.') => format!("{digits}.0E{exponent}"),
        _ => text,
    }
}

/// A number written in a template or in JSON.
pub(crate) fn parse(digits: &str) -> Value {
    if digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') {
        return digits.parse().map_or_else(|_| Value::Big(whole_digits(digits)), Value::Int);
    }
    // More digits than a double holds stay as they are.
    let count =
        digits.split(['e', 'E']).next().unwrap_or_default().bytes().filter(u8::is_ascii_digit).count();
    match digits.parse::<f64>() {
        Ok(number) if number.is_finite() && count <= 18 => Value::Float(number),
        _ => Value::Big(digits.into()),
    }
}

fn whole_digits(digits: &str) -> Arc<str> {
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |digits| ("-", digits));
    format!("{sign}{}", digits.trim_start_matches('0')).into()
}

fn as_whole(value: &Value) -> Option<i128> {
    match value {
        Value::Int(number) => Some(i128::from(*number)),
        Value::Big(digits) => digits.parse().ok(),
        _ => None,
    }
}

pub(crate) fn as_float(value: &Value) -> Option<f64> {
    match value {
        Value::Int(number) => Some(*number as f64),
        Value::Float(number) => Some(*number),
        Value::Big(digits) => digits.parse().ok(),
        _ => None,
    }
}

pub(crate) fn is_number(value: &Value) -> bool {
    matches!(value, Value::Int(_) | Value::Float(_) | Value::Big(_))
}

fn of_whole(number: i128) -> Value {
    i64::try_from(number).map_or_else(|_| Value::Big(number.to_string().into()), Value::Int)
}

/// The order of two numbers; none if one is no number.
pub(crate) fn compare(one: &Value, other: &Value) -> Option<Ordering> {
    match (as_whole(one), as_whole(other)) {
        (Some(one), Some(other)) => Some(one.cmp(&other)),
        _ => as_float(one)?.partial_cmp(&as_float(other)?),
    }
}

/// A sum of two numbers: whole if both are, else a double. None for what Velocity answers null to: a division by
/// zero, or a whole number of more than 127 bits.
pub(crate) fn calculate(sum: Sum, one: &Value, other: &Value) -> Option<Value> {
    if let (Some(one), Some(other)) = (as_whole(one), as_whole(other)) {
        return match sum {
            Sum::Add => one.checked_add(other),
            Sum::Subtract => one.checked_sub(other),
            Sum::Multiply => one.checked_mul(other),
            Sum::Divide => one.checked_div(other),
            Sum::Remainder => one.checked_rem(other),
        }
        .map(of_whole);
    }
    let (one, other) = (as_float(one)?, as_float(other)?);
    Some(Value::Float(match sum {
        Sum::Add => one + other,
        Sum::Subtract => one - other,
        Sum::Multiply => one * other,
        Sum::Divide | Sum::Remainder if other == 0.0 => return None,
        Sum::Divide => one / other,
        Sum::Remainder => one % other,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_print_as_java_prints_them() {
        let table = [
            (1.0, "1.0"),
            (1.5, "1.5"),
            (-0.001, "-0.001"),
            (0.0001, "1.0E-4"),
            (1.234e-5, "1.234E-5"),
            (9_999_999.0, "9999999.0"),
            (1e7, "1.0E7"),
            (1.234_567_89e8, "1.23456789E8"),
            (1e21, "1.0E21"),
            (f64::INFINITY, "Infinity"),
        ];
        for (number, expected) in table {
            assert_eq!(float_text(number), expected);
        }
    }
}
