//! The functions at the end of a path: `$.list.length()`, `$..price.max()`.

use super::filter::Operand;
use super::read::Search;
use crate::error::Fault;
use crate::number::{self, as_float};
use crate::value::Value;

#[derive(Debug)]
pub(super) struct Function {
    pub(super) named: Named,
    pub(super) parameters: Vec<Operand>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Named {
    Length,
    Min,
    Max,
    Average,
    Deviation,
    Sum,
    Concat,
    Keys,
    Append,
    First,
    Last,
    Index,
}

impl Named {
    pub(super) fn of(name: &str) -> Option<Self> {
        Some(match name {
            "length" | "size" => Self::Length,
            "min" => Self::Min,
            "max" => Self::Max,
            "avg" => Self::Average,
            "stddev" => Self::Deviation,
            "sum" => Self::Sum,
            "concat" => Self::Concat,
            "keys" => Self::Keys,
            "append" => Self::Append,
            "first" => Self::First,
            "last" => Self::Last,
            "index" => Self::Index,
            _ => return None,
        })
    }
}

type Result<T> = std::result::Result<T, Fault>;

impl Search<'_> {
    /// The function's result on what the path before it found.
    pub(super) fn apply(&mut self, function: &Function, found: &Value) -> Result<Option<Value>> {
        let mut parameters = Vec::new();
        for parameter in &function.parameters {
            parameters.extend(self.operand(parameter, found)?);
        }
        let items = match found {
            Value::List(list) => self.heap.list(*list).items.clone(),
            _ => Vec::new(),
        };
        self.spend(items.len())?;
        Ok(match function.named {
            Named::Length => match parameters.first() {
                Some(parameter) => self.length(parameter).map(Value::count),
                None => self.length(found).map(Value::count),
            },
            Named::Keys => match found {
                Value::Map(map) => {
                    let keys = self.heap.map(*map).iter().map(|(key, _)| key.clone()).collect();
                    Some(Value::List(self.heap.new_list(keys, true)?))
                }
                _ => None,
            },
            Named::First => items.first().cloned(),
            Named::Last => items.last().cloned(),
            Named::Index => match parameters.first() {
                Some(Value::Int(at)) => {
                    let length = i64::try_from(items.len()).unwrap_or(i64::MAX);
                    let place = usize::try_from(if *at < 0 { length + at } else { *at }).ok();
                    place.and_then(|place| items.get(place).cloned())
                }
                _ => None,
            },
            Named::Append => {
                let all = items.into_iter().chain(parameters).collect();
                Some(Value::List(self.heap.new_list(all, true)?))
            }
            Named::Concat => {
                let mut text = String::new();
                for value in items.iter().chain(&parameters) {
                    if let Value::Text(part) = value {
                        self.spend(part.len() / 16)?;
                        text.push_str(part);
                    }
                }
                Some(self.heap.text(&text)?)
            }
            Named::Min | Named::Max | Named::Average | Named::Deviation | Named::Sum => {
                statistic(function.named, &self.numbers(&items, &parameters))?
            }
        })
    }

    fn numbers(&self, items: &[Value], parameters: &[Value]) -> Vec<f64> {
        let nested = parameters.iter().flat_map(|parameter| match parameter {
            Value::List(list) => self.heap.list(*list).items.clone(),
            other => vec![other.clone()],
        });
        let all = items.iter().cloned().chain(nested);
        all.filter(number::is_number).filter_map(|value| as_float(&value)).collect()
    }
}

/// All of them are doubles, as in Jayway.
fn statistic(named: Named, numbers: &[f64]) -> Result<Option<Value>> {
    if numbers.is_empty() {
        return Err(Fault::method(
            "path",
            "com.jayway.jsonpath.JsonPathException: Aggregation function attempted to calculate value using empty array",
        ));
    }
    let count = numbers.len() as f64;
    let sum: f64 = numbers.iter().sum();
    Ok(Some(Value::Float(match named {
        Named::Min => numbers.iter().copied().fold(f64::INFINITY, f64::min),
        Named::Max => numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        Named::Average => sum / count,
        Named::Deviation => {
            let squares: f64 = numbers.iter().map(|number| number * number).sum();
            (squares / count - (sum / count).powi(2)).max(0.0).sqrt()
        }
        _ => sum,
    })))
}
