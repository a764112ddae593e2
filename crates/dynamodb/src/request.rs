//! The expressions of a request, and the older parameters that say the same, parsed to one plan in AWS's order.
//! Pure; knows no table until a plan is held against one.

use std::collections::BTreeMap;

use api::dynamodb as shape;
use api::dynamodb::{ConditionalOperator, ReturnValuesOnConditionCheckFailure};
use expr::{Condition, ExprError, Expression, KeyCondition, KeyFault, Placeholders, Projection, Update};
use item::Item;

use crate::error::{Error, Result};
use crate::table::{Index, KeySchema, Table};
use crate::translation;

/// Whether the texts about expressions come in the envelope of constraint violations, as writes have them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Envelope {
    Enveloped,
    Bare,
}

/// What a request says with placeholders.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Maps<'a> {
    pub(crate) names: Option<&'a BTreeMap<String, String>>,
    pub(crate) values: Option<&'a Item>,
}

/// The parameters of one request: which of the two kinds it uses.
#[derive(Debug, Default)]
pub(crate) struct Kinds {
    expressions: Vec<&'static str>,
    parameters: Vec<&'static str>,
}

/// The condition of a write.
#[derive(Debug, Default)]
pub(crate) struct WriteCondition {
    condition: Option<Condition>,
    pub(crate) shows_item: bool,
}

/// The members of a write that make its condition.
#[derive(Debug)]
pub(crate) struct AskedCondition<'a> {
    pub(crate) expression: Option<&'a str>,
    pub(crate) expected: Option<&'a BTreeMap<String, shape::ExpectedAttributeValue>>,
    pub(crate) operator: Option<ConditionalOperator>,
    pub(crate) on_failure: Option<ReturnValuesOnConditionCheckFailure>,
}

impl Kinds {
    pub(crate) fn expression(mut self, name: &'static str, present: bool) -> Self {
        self.expressions.extend(present.then_some(name));
        self
    }

    pub(crate) fn parameter(mut self, name: &'static str, present: bool) -> Self {
        self.parameters.extend(present.then_some(name));
        self
    }

    /// Refuses a request that mixes the kinds.
    pub(crate) fn check_mix(&self, envelope: Envelope) -> Result<()> {
        if !self.expressions.is_empty() && !self.parameters.is_empty() {
            return Err(envelope.invalid(&format!(
                "Can not use both expression and non-expression parameters in the same request: Non-expression \
                 parameters: {{{}}} Expression parameters: {{{}}}",
                self.parameters.join(", "),
                self.expressions.join(", ")
            )));
        }
        Ok(())
    }

    /// Refuses a request that mixes the kinds, or brings placeholders for no expression.
    pub(crate) fn check(&self, maps: Maps<'_>, envelope: Envelope) -> Result<()> {
        self.check_mix(envelope)?;
        if self.expressions.is_empty() {
            for (present, name) in [
                (maps.names.is_some(), "ExpressionAttributeNames"),
                (maps.values.is_some(), "ExpressionAttributeValues"),
            ] {
                if present {
                    let message = format!("{name} can only be specified when using expressions");
                    return Err(envelope.invalid(&message));
                }
            }
        }
        Ok(())
    }
}

impl Envelope {
    pub(crate) fn invalid(self, message: &str) -> Error {
        Error::invalid(match self {
            Self::Enveloped => format!("1 validation error detected: {message}"),
            Self::Bare => message.to_owned(),
        })
    }

    pub(crate) fn refuse(self, error: ExprError) -> Error {
        Error::invalid(match self {
            Self::Enveloped => error.enveloped(),
            Self::Bare => error.to_string(),
        })
    }
}

pub(crate) fn key_fault(fault: KeyFault) -> Error {
    Error::invalid(fault.to_string())
}

impl WriteCondition {
    /// The condition of a Put or Delete.
    pub(crate) fn parse(asked: &AskedCondition<'_>, maps: Maps<'_>) -> Result<Self> {
        asked.kinds().check(maps, Envelope::Enveloped)?;
        let (_, condition) = parse_write(None, asked, maps)?;
        Ok(condition)
    }

    pub(crate) fn is_none(&self) -> bool {
        self.condition.is_none()
    }

    pub(crate) fn check_keys(&self, table: &Table) -> Result<()> {
        match &self.condition {
            Some(condition) => condition.check_keys(&key_names(&table.key)).map_err(key_fault),
            None => Ok(()),
        }
    }

    /// Refuses the write if its condition does not hold for `old`.
    pub(crate) fn check(&self, old: Option<&Item>) -> Result<()> {
        let Some(condition) = &self.condition else { return Ok(()) };
        let holds = match old {
            Some(item) => condition.eval(item),
            None => condition.eval(&Item::new()),
        };
        if holds {
            return Ok(());
        }
        let shown = old.filter(|_| self.shows_item).map(|item| Box::new(item.clone()));
        Err(Error::ConditionFailed(shown))
    }
}

impl AskedCondition<'_> {
    pub(crate) fn kinds(&self) -> Kinds {
        Kinds::default()
            .expression("ConditionExpression", self.expression.is_some())
            .parameter("Expected", self.expected.is_some())
            .parameter("ConditionalOperator", self.operator.is_some())
    }
}

/// What is wrong with the older parameters of a write is told in the envelope too.
fn enveloped(error: Error) -> Error {
    match error {
        Error::Validation(message) => Envelope::Enveloped.invalid(&message),
        error => error,
    }
}

/// Update before condition, then what no expression used.
fn parse_write(
    update: Option<&str>,
    asked: &AskedCondition<'_>,
    maps: Maps<'_>,
) -> Result<(Option<Update>, WriteCondition)> {
    let refuse = |error| Envelope::Enveloped.refuse(error);
    let mut placeholders = Placeholders::new(maps.names, maps.values).map_err(refuse)?;
    let update = update.map(|text| Update::parse(text, &mut placeholders)).transpose().map_err(refuse)?;
    let mut condition = asked
        .expression
        .map(|text| Condition::parse(Expression::Condition, text, &mut placeholders))
        .transpose()
        .map_err(refuse)?;
    placeholders.finish().map_err(refuse)?;
    translation::check_operator(asked.operator, asked.expected.map_or(0, BTreeMap::len))?;
    if let Some(expected) = asked.expected {
        condition = translation::expected(expected, asked.operator).map_err(enveloped)?;
    }
    let shows_item = asked.on_failure == Some(ReturnValuesOnConditionCheckFailure::AllOld);
    Ok((update, WriteCondition { condition, shows_item }))
}

/// What an UpdateItem does, and under which condition.
pub(crate) fn parse_update(input: &shape::UpdateItemInput) -> Result<(Option<Update>, WriteCondition)> {
    let maps = Maps {
        names: input.expression_attribute_names.as_ref(),
        values: input.expression_attribute_values.as_deref(),
    };
    let asked = AskedCondition {
        expression: input.condition_expression.as_deref(),
        expected: input.expected.as_ref(),
        operator: input.conditional_operator,
        on_failure: input.return_values_on_condition_check_failure,
    };
    let kinds = Kinds::default()
        .expression("UpdateExpression", input.update_expression.is_some())
        .expression("ConditionExpression", input.condition_expression.is_some())
        .parameter("AttributeUpdates", input.attribute_updates.is_some())
        .parameter("Expected", input.expected.is_some())
        .parameter("ConditionalOperator", input.conditional_operator.is_some());
    kinds.check(maps, Envelope::Enveloped)?;
    let (update, condition) = parse_write(input.update_expression.as_deref(), &asked, maps)?;
    match &input.attribute_updates {
        Some(updates) => Ok((translation::updates(updates)?, condition)),
        None => Ok((update, condition)),
    }
}

/// Which attributes a read wants.
pub(crate) fn parse_projection(
    expression: Option<&str>,
    attributes_to_get: Option<&[String]>,
    placeholders: &mut Placeholders<'_>,
    envelope: Envelope,
) -> Result<Option<Projection>> {
    if let Some(names) = attributes_to_get {
        let mut seen = std::collections::BTreeSet::new();
        if let Some(twice) = names.iter().find(|name| !seen.insert(name.as_str())) {
            return Err(Error::parameter(format_args!("Duplicate value in attribute name: {twice}")));
        }
        return Ok(Some(Projection::of_attributes(names.iter().map(String::as_str))));
    }
    let parsed = expression.map(|text| Projection::parse(text, placeholders)).transpose();
    parsed.map_err(|error| envelope.refuse(error))
}

/// Refuses a projection that goes into a key attribute.
pub(crate) fn check_projection(
    projection: Option<&Projection>,
    table: &Table,
    index: Option<&Index>,
) -> Result<()> {
    let is_key = |name: &&str| table.key.has(name) || index.is_some_and(|index| index.key.has(name));
    match projection.and_then(|projection| projection.nested().find(is_key)) {
        Some(name) => Err(key_fault(KeyFault::NotScalar(name.to_owned()))),
        None => Ok(()),
    }
}

/// The expressions of a Query or Scan.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) filter: Option<Condition>,
    pub(crate) projection: Option<Projection>,
    pub(crate) key: Option<KeyCondition>,
}

impl Reading {
    pub(crate) fn of_query(input: &shape::QueryInput) -> Result<Self> {
        let maps = Maps {
            names: input.expression_attribute_names.as_ref(),
            values: input.expression_attribute_values.as_deref(),
        };
        Kinds::default()
            .expression("ProjectionExpression", input.projection_expression.is_some())
            .expression("FilterExpression", input.filter_expression.is_some())
            .expression("KeyConditionExpression", input.key_condition_expression.is_some())
            .parameter("AttributesToGet", input.attributes_to_get.is_some())
            .parameter("QueryFilter", input.query_filter.is_some())
            .parameter("ConditionalOperator", input.conditional_operator.is_some())
            // Alone they may stand beside any expression.
            .parameter(
                "KeyConditions",
                input.key_conditions.is_some() && input.key_condition_expression.is_some(),
            )
            .check(maps, Envelope::Bare)?;
        let filter = (input.filter_expression.as_deref(), input.query_filter.as_ref());
        let mut placeholders =
            Placeholders::new(maps.names, maps.values).map_err(|error| Envelope::Bare.refuse(error))?;
        let filter = parse_filter(filter, input.conditional_operator, &mut placeholders)?;
        let projection = parse_projection(
            input.projection_expression.as_deref(),
            input.attributes_to_get.as_deref(),
            &mut placeholders,
            Envelope::Bare,
        )?;
        let key = input
            .key_condition_expression
            .as_deref()
            .map(|text| KeyCondition::parse(text, &mut placeholders))
            .transpose()
            .and_then(|key| placeholders.finish().map(|()| key))
            .map_err(|error| Envelope::Bare.refuse(error))?;
        let key = match &input.key_conditions {
            Some(conditions) => Some(translation::key_conditions(conditions)?),
            None => key,
        };
        Ok(Self { filter, projection, key })
    }

    pub(crate) fn of_scan(input: &shape::ScanInput) -> Result<Self> {
        let maps = Maps {
            names: input.expression_attribute_names.as_ref(),
            values: input.expression_attribute_values.as_deref(),
        };
        Kinds::default()
            .expression("ProjectionExpression", input.projection_expression.is_some())
            .expression("FilterExpression", input.filter_expression.is_some())
            .parameter("AttributesToGet", input.attributes_to_get.is_some())
            .parameter("ScanFilter", input.scan_filter.is_some())
            .parameter("ConditionalOperator", input.conditional_operator.is_some())
            .check(maps, Envelope::Bare)?;
        let filter = (input.filter_expression.as_deref(), input.scan_filter.as_ref());
        let mut placeholders =
            Placeholders::new(maps.names, maps.values).map_err(|error| Envelope::Bare.refuse(error))?;
        let filter = parse_filter(filter, input.conditional_operator, &mut placeholders)?;
        let projection = parse_projection(
            input.projection_expression.as_deref(),
            input.attributes_to_get.as_deref(),
            &mut placeholders,
            Envelope::Bare,
        )?;
        placeholders.finish().map_err(|error| Envelope::Bare.refuse(error))?;
        Ok(Self { filter, projection, key: None })
    }
}

fn parse_filter(
    (expression, conditions): (Option<&str>, Option<&BTreeMap<String, shape::Condition>>),
    operator: Option<ConditionalOperator>,
    placeholders: &mut Placeholders<'_>,
) -> Result<Option<Condition>> {
    translation::check_operator(operator, conditions.map_or(0, BTreeMap::len))?;
    if let Some(conditions) = conditions {
        return translation::filter(conditions, operator);
    }
    let parsed = expression.map(|text| Condition::parse(Expression::Filter, text, placeholders)).transpose();
    parsed.map_err(|error| Envelope::Bare.refuse(error))
}

pub(crate) fn key_names(key: &KeySchema) -> Vec<&str> {
    key.parts().map(|part| part.name.as_str()).collect()
}

/// The key attributes of the table and of `index`.
pub(crate) fn all_key_names<'t>(table: &'t Table, index: Option<&'t Index>) -> Vec<&'t str> {
    let mut names = key_names(&table.key);
    names.extend(index.into_iter().flat_map(|index| key_names(&index.key)));
    names
}
