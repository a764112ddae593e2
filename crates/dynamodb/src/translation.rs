//! What came before expressions (Expected, AttributeUpdates, KeyConditions, QueryFilter, ScanFilter), rewritten as
//! expressions with placeholders of their own, so that there is one evaluator. Pure.
//!
//! Source: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/LegacyConditionalParameters.html>

use std::collections::BTreeMap;

use api::dynamodb as shape;
use api::dynamodb::{AttributeAction, ComparisonOperator, ConditionalOperator};
use expr::{Condition, Expression, KeyCondition, Placeholders, SortRange, Update};
use item::{Item, Kind, Value};

use crate::error::{Error, Result};

/// An expression being written.
#[derive(Debug, Default)]
struct Text {
    terms: Vec<String>,
    names: BTreeMap<String, String>,
    values: Item,
}

impl Text {
    fn name(&mut self, attribute: &str) -> String {
        let placeholder = format!("#n{}", self.names.len());
        self.names.insert(placeholder.clone(), attribute.to_owned());
        placeholder
    }

    fn value(&mut self, value: &Value) -> String {
        let placeholder = format!(":v{}", self.values.len());
        self.values.insert(placeholder.as_str(), value.clone());
        placeholder
    }

    fn placeholders(&self) -> Result<Placeholders<'_>> {
        let values = (!self.values.is_empty()).then_some(&self.values);
        Placeholders::new(Some(&self.names), values).map_err(|error| Error::invalid(error.to_string()))
    }

    /// One comparison of an attribute.
    fn compare(&mut self, attribute: &str, operator: ComparisonOperator, values: &[Value]) {
        let name = self.name(attribute);
        let values: Vec<String> = values.iter().map(|value| self.value(value)).collect();
        let first = values.first().map_or("", String::as_str);
        self.terms.push(match operator {
            ComparisonOperator::Eq => format!("{name} = {first}"),
            ComparisonOperator::Ne => format!("{name} <> {first}"),
            ComparisonOperator::Le => format!("{name} <= {first}"),
            ComparisonOperator::Lt => format!("{name} < {first}"),
            ComparisonOperator::Ge => format!("{name} >= {first}"),
            ComparisonOperator::Gt => format!("{name} > {first}"),
            ComparisonOperator::In => format!("{name} IN ({})", values.join(", ")),
            ComparisonOperator::Between => format!("{name} BETWEEN {}", values.join(" AND ")),
            ComparisonOperator::NotNull => format!("attribute_exists({name})"),
            ComparisonOperator::Null => format!("attribute_not_exists({name})"),
            ComparisonOperator::Contains => format!("contains({name}, {first})"),
            ComparisonOperator::NotContains => format!("NOT contains({name}, {first})"),
            ComparisonOperator::BeginsWith => format!("begins_with({name}, {first})"),
        });
    }

    fn condition(
        self,
        operator: Option<ConditionalOperator>,
        which: Expression,
    ) -> Result<Option<Condition>> {
        if self.terms.is_empty() {
            return Ok(None);
        }
        let junction = if operator == Some(ConditionalOperator::Or) { " OR " } else { " AND " };
        let text = self.terms.join(junction);
        let parsed = Condition::parse(which, &text, &mut self.placeholders()?);
        parsed.map(Some).map_err(|error| Error::invalid(error.to_string()))
    }
}

/// How many values an operator takes: from, to.
fn operands(operator: ComparisonOperator) -> (usize, usize) {
    match operator {
        ComparisonOperator::Null | ComparisonOperator::NotNull => (0, 0),
        ComparisonOperator::In => (1, expr::IN_OPERANDS_MAX),
        ComparisonOperator::Between => (2, 2),
        _ => (1, 1),
    }
}

fn check_operands(operator: ComparisonOperator, values: &[Value]) -> Result<()> {
    let (min, max) = operands(operator);
    if !(min..=max).contains(&values.len()) {
        return Err(Error::parameter(format_args!(
            "Invalid number of argument(s) for the {} ComparisonOperator",
            operator.as_str()
        )));
    }
    let scalar = |value: &Value| matches!(value.kind(), Kind::S | Kind::N | Kind::B);
    let text = |value: &Value| matches!(value.kind(), Kind::S | Kind::B);
    let refused = values.iter().find(|value| match operator {
        ComparisonOperator::Le
        | ComparisonOperator::Lt
        | ComparisonOperator::Ge
        | ComparisonOperator::Gt
        | ComparisonOperator::Between
        | ComparisonOperator::In => !scalar(value),
        ComparisonOperator::BeginsWith => !text(value),
        _ => false,
    });
    if let Some(value) = refused {
        return Err(Error::parameter(format_args!(
            "ComparisonOperator {} is not valid for {} AttributeValue type",
            operator.as_str(),
            value.kind().as_str()
        )));
    }
    check_list(operator, values)
}

fn check_list(operator: ComparisonOperator, values: &[Value]) -> Result<()> {
    if values.windows(2).any(|pair| pair[0].kind() != pair[1].kind()) {
        return Err(Error::parameter(
            "AttributeValues inside AttributeValueList must all be of the same type",
        ));
    }
    let reversed = match values {
        [Value::S(low), Value::S(high)] => low > high,
        [Value::N(low), Value::N(high)] => low > high,
        [Value::B(low), Value::B(high)] => low > high,
        _ => false,
    };
    if operator == ComparisonOperator::Between && reversed {
        return Err(Error::invalid(
            "The BETWEEN condition was provided a range where the lower bound is greater than the upper bound",
        ));
    }
    Ok(())
}

/// Refuses an operator that joins nothing.
pub(crate) fn check_operator(operator: Option<ConditionalOperator>, conditions: usize) -> Result<()> {
    match (operator, conditions) {
        (Some(_), 0) => Err(Error::invalid("ConditionalOperator cannot be used without Filter or Expected")),
        (Some(_), 1) => Err(Error::invalid(
            "ConditionalOperator can only be used when Filter or Expected has two or more elements",
        )),
        _ => Ok(()),
    }
}

/// `Expected`, of a write.
pub(crate) fn expected(
    expected: &BTreeMap<String, shape::ExpectedAttributeValue>,
    operator: Option<ConditionalOperator>,
) -> Result<Option<Condition>> {
    let mut text = Text::default();
    for (attribute, asked) in expected {
        let list = asked.attribute_value_list.as_deref();
        let refuse = |what: &str| Err(Error::parameter(format_args!("{what} for Attribute: {attribute}")));
        match (asked.comparison_operator, list, &asked.value, asked.exists) {
            (Some(_), _, _, Some(_)) => {
                return refuse("Exists and ComparisonOperator cannot be used together");
            }
            (Some(_), Some(_), Some(_), None) => {
                return refuse("Value and AttributeValueList cannot be used together");
            }
            (Some(operator), None, None, None) if operands(operator).0 > 0 => {
                let operator = operator.as_str();
                return refuse(&format!(
                    "Value or AttributeValueList must be used with ComparisonOperator: {operator}"
                ));
            }
            (Some(operator), list, value, None) => {
                let values = list.or(value.as_ref().map(std::slice::from_ref)).unwrap_or_default();
                check_operands(operator, values)?;
                text.compare(attribute, operator, values);
            }
            (None, Some(_), _, _) => {
                return refuse("AttributeValueList can only be used with a ComparisonOperator");
            }
            (None, None, Some(_), Some(false)) => return refuse("Value cannot be used when Exists is false"),
            (None, None, None, Some(false)) => text.compare(attribute, ComparisonOperator::Null, &[]),
            (None, None, Some(value), _) => {
                text.compare(attribute, ComparisonOperator::Eq, std::slice::from_ref(value));
            }
            (None, None, None, exists) => {
                let exists = if exists.is_some() { "true" } else { "null" };
                return refuse(&format!("Value must be provided when Exists is {exists}"));
            }
        }
    }
    text.condition(operator, Expression::Condition)
}

/// `QueryFilter` and `ScanFilter`.
pub(crate) fn filter(
    conditions: &BTreeMap<String, shape::Condition>,
    operator: Option<ConditionalOperator>,
) -> Result<Option<Condition>> {
    let mut text = Text::default();
    for (attribute, asked) in conditions {
        let values = asked.attribute_value_list.as_deref().unwrap_or_default();
        check_operands(asked.comparison_operator, values)?;
        text.compare(attribute, asked.comparison_operator, values);
    }
    text.condition(operator, Expression::Filter)
}

/// `KeyConditions`, of a Query.
pub(crate) fn key_conditions(conditions: &BTreeMap<String, shape::Condition>) -> Result<KeyCondition> {
    if conditions.is_empty() || conditions.len() > 2 {
        return Err(Error::invalid("Conditions can be of length 1 or 2 only"));
    }
    let mut parts = Vec::with_capacity(conditions.len());
    for (attribute, asked) in conditions {
        let values = asked.attribute_value_list.as_deref().unwrap_or_default();
        check_operands(asked.comparison_operator, values)?;
        let range = match (asked.comparison_operator, values) {
            (ComparisonOperator::Eq, [value]) => SortRange::Equal(value.clone()),
            (ComparisonOperator::Lt, [value]) => SortRange::Less(value.clone()),
            (ComparisonOperator::Le, [value]) => SortRange::LessEqual(value.clone()),
            (ComparisonOperator::Gt, [value]) => SortRange::Greater(value.clone()),
            (ComparisonOperator::Ge, [value]) => SortRange::GreaterEqual(value.clone()),
            (ComparisonOperator::BeginsWith, [value]) => SortRange::BeginsWith(value.clone()),
            (ComparisonOperator::Between, [low, high]) => SortRange::Between(low.clone(), high.clone()),
            _ => {
                return Err(Error::invalid("Attempted conditional constraint is not an indexable operation"));
            }
        };
        parts.push((attribute.clone(), range));
    }
    Ok(KeyCondition::of(parts))
}

/// `AttributeUpdates`, of an UpdateItem. None: nothing is to be changed.
pub(crate) fn updates(updates: &BTreeMap<String, shape::AttributeValueUpdate>) -> Result<Option<Update>> {
    let mut text = Text::default();
    let (mut set, mut remove, mut add, mut delete) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (attribute, asked) in updates {
        let name = text.name(attribute);
        let action = asked.action.unwrap_or(AttributeAction::Put);
        match (action, &asked.value) {
            (AttributeAction::Delete, None) => remove.push(name),
            (_, None) => {
                return Err(Error::parameter(
                    "Only DELETE action is allowed when no attribute value is specified",
                ));
            }
            (AttributeAction::Put, Some(value)) => set.push(format!("{name} = {}", text.value(value))),
            (AttributeAction::Delete, Some(value)) => match value.kind() {
                Kind::Ss | Kind::Ns | Kind::Bs => delete.push(format!("{name} {}", text.value(value))),
                kind => {
                    return Err(Error::parameter(format_args!(
                        "DELETE action with value is not supported for the type {}",
                        kind.as_str()
                    )));
                }
            },
            (AttributeAction::Add, Some(value)) => match value.kind() {
                Kind::Ss | Kind::Ns | Kind::Bs | Kind::N => add.push(format!("{name} {}", text.value(value))),
                Kind::L => {
                    let (value, empty) = (text.value(value), text.value(&Value::L(Vec::new())));
                    set.push(format!("{name} = list_append(if_not_exists({name}, {empty}), {value})"));
                }
                kind => {
                    return Err(Error::parameter(format_args!(
                        "ADD action is not supported for the type {}",
                        kind.as_str()
                    )));
                }
            },
        }
    }
    let sections = [("SET", set), ("REMOVE", remove), ("ADD", add), ("DELETE", delete)];
    let sections: Vec<String> = sections
        .into_iter()
        .filter(|(_, actions)| !actions.is_empty())
        .map(|(section, actions)| format!("{section} {}", actions.join(", ")))
        .collect();
    if sections.is_empty() {
        return Ok(None);
    }
    let parsed = Update::parse(&sections.join(" "), &mut text.placeholders()?);
    parsed.map(Some).map_err(|error| Error::invalid(error.to_string()))
}
