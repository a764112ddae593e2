//! The expressions of a request, and the older parameters that say the same, parsed to one plan in AWS's order.
//! Pure; knows no table until a plan is held against one.

use std::collections::{BTreeMap, BTreeSet};

use api::dynamodb::ReturnValuesOnConditionCheckFailure;
use expr::{Condition, ExprError, Expression, KeyCondition, KeyFault, Placeholders, Projection, Update};
use item::Item;

use crate::asked::{AskedRead, AskedWrite, Maps};
use crate::error::{Error, Result};
use crate::table::{Index, KeySchema, Table};
use crate::translation;

/// Whether the texts about expressions come in the envelope of constraint violations, as writes have them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Envelope {
    Enveloped,
    Bare,
}

/// The parameters of one request: which of the two kinds it uses.
#[derive(Debug, Default)]
pub(crate) struct Kinds {
    expressions: Vec<&'static str>,
    parameters: Vec<&'static str>,
}

/// What a statement demands of its item before it looks at its condition.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Demand {
    #[default]
    Nothing,
    Absent,
    Present,
    /// Without an item the condition holds.
    HoldsIfPresent,
}

/// The condition of a write.
#[derive(Debug, Default)]
pub(crate) struct WriteCondition {
    demand: Demand,
    condition: Option<Condition>,
    shows_item: bool,
}

/// The expressions of a read, parsed.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) filter: Option<Condition>,
    pub(crate) projection: Option<Projection>,
    pub(crate) key: Option<KeyCondition>,
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
    /// `shows_item`: a refusal carries the item as it stood.
    pub(crate) fn new(condition: Option<Condition>, shows_item: bool) -> Self {
        Self::of_statement(Demand::Nothing, condition, shows_item)
    }

    pub(crate) fn of_statement(demand: Demand, condition: Option<Condition>, shows_item: bool) -> Self {
        Self { demand, condition, shows_item }
    }

    pub(crate) fn is_none(&self) -> bool {
        self.condition.is_none() && self.demand == Demand::Nothing
    }

    pub(crate) fn check_keys(&self, table: &Table) -> Result<()> {
        match &self.condition {
            Some(condition) => condition.check_keys(&key_names(&table.key)).map_err(key_fault),
            None => Ok(()),
        }
    }

    /// Refuses the write if its condition does not hold for `old`.
    pub(crate) fn check(&self, old: Option<&Item>) -> Result<()> {
        let shown = || old.filter(|_| self.shows_item).map(|item| Box::new(item.clone()));
        match (self.demand, old) {
            (Demand::Absent, Some(_)) => return Err(Error::DuplicateItem),
            (Demand::Present, None) => return Err(Error::ConditionFailed(None)),
            (Demand::HoldsIfPresent, None) => return Ok(()),
            _ => {}
        }
        let Some(condition) = &self.condition else { return Ok(()) };
        let holds = match old {
            Some(item) => condition.eval(item),
            None => condition.eval(&Item::new()),
        };
        if holds { Ok(()) } else { Err(Error::ConditionFailed(shown())) }
    }
}

impl AskedWrite<'_> {
    /// Update before condition, then what no expression used, then the older parameters.
    pub(crate) fn parse(&self, envelope: Envelope) -> Result<(Option<Update>, WriteCondition)> {
        Kinds::default()
            .expression("UpdateExpression", self.update.is_some())
            .expression("ConditionExpression", self.condition.is_some())
            .parameter("AttributeUpdates", self.updates.is_some())
            .parameter("Expected", self.expected.is_some())
            .parameter("ConditionalOperator", self.operator.is_some())
            .check(self.maps, envelope)?;
        let refuse = |error| envelope.refuse(error);
        let mut placeholders = Placeholders::new(self.maps.names, self.maps.values).map_err(refuse)?;
        let mut update =
            self.update.map(|text| Update::parse(text, &mut placeholders)).transpose().map_err(refuse)?;
        let mut condition = self
            .condition
            .map(|text| Condition::parse(Expression::Condition, text, &mut placeholders))
            .transpose()
            .map_err(refuse)?;
        placeholders.finish().map_err(refuse)?;
        translation::check_operator(self.operator, self.expected.map_or(0, BTreeMap::len))?;
        if let Some(expected) = self.expected {
            condition = translation::expected(expected, self.operator).map_err(enveloped)?;
        }
        if let Some(updates) = self.updates {
            update = translation::updates(updates)?;
        }
        let shows_item = self.on_failure == Some(ReturnValuesOnConditionCheckFailure::AllOld);
        Ok((update, WriteCondition::new(condition, shows_item)))
    }
}

/// What is wrong with the older parameters of a write is told in the envelope too.
fn enveloped(error: Error) -> Error {
    match error {
        Error::Validation(message) => Envelope::Enveloped.invalid(&message),
        error => error,
    }
}

impl AskedRead<'_> {
    pub(crate) fn kinds(&self) -> Kinds {
        Kinds::default()
            .expression("ProjectionExpression", self.projection.is_some())
            .expression("FilterExpression", self.filter.is_some())
            .expression("KeyConditionExpression", self.key.is_some())
            .parameter("AttributesToGet", self.attributes.is_some())
            .parameter(self.filters.map_or("", |(name, _)| name), self.filters.is_some())
            .parameter("ConditionalOperator", self.operator.is_some())
            // Alone they may stand beside any expression.
            .parameter("KeyConditions", self.keys.is_some() && self.key.is_some())
    }

    /// Filter before projection before key condition, then what no expression used.
    pub(crate) fn parse(&self) -> Result<Reading> {
        let envelope = Envelope::Bare;
        let refuse = |error| envelope.refuse(error);
        self.kinds().check(self.maps, envelope)?;
        let mut placeholders = Placeholders::new(self.maps.names, self.maps.values).map_err(refuse)?;
        let filter = self.parse_filter(&mut placeholders)?;
        let projection = self.parse_projection(&mut placeholders)?;
        let key = self.key.map(|text| KeyCondition::parse(text, &mut placeholders)).transpose();
        let key = key.and_then(|key| placeholders.finish().map(|()| key)).map_err(refuse)?;
        let key = match self.keys {
            Some(conditions) => Some(translation::key_conditions(conditions)?),
            None => key,
        };
        Ok(Reading { filter, projection, key })
    }

    fn parse_filter(&self, placeholders: &mut Placeholders<'_>) -> Result<Option<Condition>> {
        translation::check_operator(self.operator, self.filters.map_or(0, |(_, filters)| filters.len()))?;
        if let Some((_, conditions)) = self.filters {
            return translation::filter(conditions, self.operator);
        }
        let parsed = self.filter.map(|text| Condition::parse(Expression::Filter, text, placeholders));
        parsed.transpose().map_err(|error| Envelope::Bare.refuse(error))
    }

    fn parse_projection(&self, placeholders: &mut Placeholders<'_>) -> Result<Option<Projection>> {
        if let Some(names) = self.attributes {
            let mut seen = BTreeSet::new();
            if let Some(twice) = names.iter().find(|name| !seen.insert(name.as_str())) {
                return Err(Error::parameter(format_args!("Duplicate value in attribute name: {twice}")));
            }
            return Ok(Some(Projection::of_attributes(names.iter().map(String::as_str))));
        }
        let parsed = self.projection.map(|text| Projection::parse(text, placeholders)).transpose();
        parsed.map_err(|error| Envelope::Bare.refuse(error))
    }
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

pub(crate) fn key_names(key: &KeySchema) -> Vec<&str> {
    key.parts().map(|part| part.name.as_str()).collect()
}

/// The key attributes of the table and of `index`.
pub(crate) fn all_key_names<'t>(table: &'t Table, index: Option<&'t Index>) -> Vec<&'t str> {
    let mut names = key_names(&table.key);
    names.extend(index.into_iter().flat_map(|index| key_names(&index.key)));
    names
}
