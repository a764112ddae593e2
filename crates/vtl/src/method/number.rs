//! The methods of `java.lang.Integer`, `Long` and `Double`, the static ones too: `$number.parseInt("5")`.

use std::cmp::Ordering;

use super::{Call, as_int};
use crate::number::{as_float, compare};
use crate::render::{Machine, Result};
use crate::value::Value;

impl Machine<'_> {
    pub(crate) fn number_method(&mut self, number: &Value, call: &Call<'_>) -> Result<Option<Value>> {
        let float = as_float(number).unwrap_or(0.0);
        let whole = as_int(number).unwrap_or(0);
        Ok(Some(match (call.name, call.arguments) {
            ("intValue", []) => Value::Int(i64::from(narrow(number, whole))),
            ("longValue", []) => Value::Int(whole),
            ("shortValue", []) => Value::Int(i64::from(whole as i16)),
            ("byteValue", []) => Value::Int(i64::from(whole as i8)),
            ("doubleValue" | "floatValue", []) => Value::Float(float),
            ("isNaN", []) => Value::Bool(float.is_nan()),
            ("isInfinite", []) => Value::Bool(float.is_infinite()),
            ("compareTo", [other]) => match compare(number, other) {
                Some(Ordering::Less) => Value::Int(-1),
                Some(Ordering::Equal) => Value::Int(0),
                Some(Ordering::Greater) => Value::Int(1),
                None => return Ok(None),
            },
            ("max" | "min" | "sum" | "compare", [Value::Int(one), Value::Int(other)]) => {
                Value::Int(match call.name {
                    "max" => *one.max(other),
                    "min" => *one.min(other),
                    "sum" => one.wrapping_add(*other),
                    _ => one.cmp(other) as i64,
                })
            }
            ("toString" | "toHexString" | "toBinaryString" | "toOctalString", [Value::Int(value)]) => {
                let bits = i32::try_from(*value).map_or(*value as u64, |value| u64::from(value as u32));
                let text = match call.name {
                    "toString" => value.to_string(),
                    "toHexString" => format!("{bits:x}"),
                    "toBinaryString" => format!("{bits:b}"),
                    _ => format!("{bits:o}"),
                };
                self.heap.text(&text)?
            }
            ("parseInt" | "parseLong" | "parseDouble" | "valueOf" | "parseFloat", _) => {
                return self.parsed(number, call).map(Some);
            }
            _ => return Ok(None),
        }))
    }

    fn parsed(&mut self, number: &Value, call: &Call<'_>) -> Result<Value> {
        let text = match call.arguments {
            [Value::Text(text)] => text,
            [value @ (Value::Int(_) | Value::Float(_))] if call.name == "valueOf" => return Ok(value.clone()),
            [Value::Text(text), Value::Int(radix)] => {
                let radix = u32::try_from(*radix).ok().filter(|radix| (2..=36).contains(radix)).unwrap_or(10);
                let parsed = i32::from_str_radix(text, radix).ok();
                return parsed.map(|number| Value::Int(i64::from(number))).ok_or_else(|| wrong(call, text));
            }
            _ => return Ok(Value::Null),
        };
        let float = matches!(call.name, "parseDouble" | "parseFloat")
            || (call.name == "valueOf" && matches!(number, Value::Float(_)));
        let parsed = match call.name {
            _ if float => text.trim().parse().ok().map(Value::Float),
            "parseLong" => text.parse().ok().map(Value::Int),
            _ => text.parse::<i32>().ok().map(|number| Value::Int(i64::from(number))),
        };
        parsed.ok_or_else(|| wrong(call, text))
    }
}

/// A double is cut to the range of an int, a long to its last bits.
fn narrow(number: &Value, whole: i64) -> i32 {
    match number {
        Value::Float(float) => *float as i32,
        _ => whole as i32,
    }
}

fn wrong(call: &Call<'_>, text: &str) -> crate::Fault {
    let shown: String = text.chars().take(64).collect();
    call.throws(format!("java.lang.NumberFormatException: For input string: \"{shown}\""))
}
