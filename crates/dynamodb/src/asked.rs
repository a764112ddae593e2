//! What requests ask for with expressions and the parameters before them, each kind in one shape whichever operation
//! brings it. Knows how the operations' inputs are made, not what expressions mean.

use std::collections::BTreeMap;

use api::dynamodb as shape;
use api::dynamodb::{ConditionalOperator, ReturnValuesOnConditionCheckFailure};
use item::{Item, Values};

/// What a request says with placeholders.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Maps<'a> {
    pub(crate) names: Option<&'a BTreeMap<String, String>>,
    pub(crate) values: Option<&'a Item>,
}

/// A write's update and condition.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct AskedWrite<'a> {
    pub(crate) update: Option<&'a str>,
    pub(crate) updates: Option<&'a BTreeMap<String, shape::AttributeValueUpdate>>,
    pub(crate) condition: Option<&'a str>,
    pub(crate) expected: Option<&'a BTreeMap<String, shape::ExpectedAttributeValue>>,
    pub(crate) operator: Option<ConditionalOperator>,
    pub(crate) on_failure: Option<ReturnValuesOnConditionCheckFailure>,
    pub(crate) maps: Maps<'a>,
}

/// A read's projection, filter and key condition.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct AskedRead<'a> {
    pub(crate) projection: Option<&'a str>,
    pub(crate) attributes: Option<&'a [String]>,
    pub(crate) filter: Option<&'a str>,
    /// `QueryFilter` or `ScanFilter`, with its name.
    pub(crate) filters: Option<(&'static str, &'a BTreeMap<String, shape::Condition>)>,
    pub(crate) operator: Option<ConditionalOperator>,
    pub(crate) key: Option<&'a str>,
    pub(crate) keys: Option<&'a BTreeMap<String, shape::Condition>>,
    pub(crate) maps: Maps<'a>,
}

impl<'a> Maps<'a> {
    pub(crate) fn new(names: &'a Option<BTreeMap<String, String>>, values: &'a Option<Values>) -> Self {
        Self { names: names.as_ref(), values: values.as_deref() }
    }

    fn names(names: &'a Option<BTreeMap<String, String>>) -> Self {
        Self { names: names.as_ref(), values: None }
    }

    /// An action of a transaction may bring placeholders that no expression could use.
    fn unless_without(self, expression: &Option<String>) -> Self {
        if expression.is_some() { self } else { Self::default() }
    }
}

impl<'a> From<&'a shape::PutItemInput> for AskedWrite<'a> {
    fn from(input: &'a shape::PutItemInput) -> Self {
        Self {
            condition: input.condition_expression.as_deref(),
            expected: input.expected.as_ref(),
            operator: input.conditional_operator,
            on_failure: input.return_values_on_condition_check_failure,
            maps: Maps::new(&input.expression_attribute_names, &input.expression_attribute_values),
            ..Self::default()
        }
    }
}

impl<'a> From<&'a shape::DeleteItemInput> for AskedWrite<'a> {
    fn from(input: &'a shape::DeleteItemInput) -> Self {
        Self {
            condition: input.condition_expression.as_deref(),
            expected: input.expected.as_ref(),
            operator: input.conditional_operator,
            on_failure: input.return_values_on_condition_check_failure,
            maps: Maps::new(&input.expression_attribute_names, &input.expression_attribute_values),
            ..Self::default()
        }
    }
}

impl<'a> From<&'a shape::UpdateItemInput> for AskedWrite<'a> {
    fn from(input: &'a shape::UpdateItemInput) -> Self {
        Self {
            update: input.update_expression.as_deref(),
            updates: input.attribute_updates.as_ref(),
            condition: input.condition_expression.as_deref(),
            expected: input.expected.as_ref(),
            operator: input.conditional_operator,
            on_failure: input.return_values_on_condition_check_failure,
            maps: Maps::new(&input.expression_attribute_names, &input.expression_attribute_values),
        }
    }
}

impl<'a> From<&'a shape::Put> for AskedWrite<'a> {
    fn from(action: &'a shape::Put) -> Self {
        Self {
            condition: action.condition_expression.as_deref(),
            on_failure: action.return_values_on_condition_check_failure,
            maps: Maps::new(&action.expression_attribute_names, &action.expression_attribute_values)
                .unless_without(&action.condition_expression),
            ..Self::default()
        }
    }
}

impl<'a> From<&'a shape::Delete> for AskedWrite<'a> {
    fn from(action: &'a shape::Delete) -> Self {
        Self {
            condition: action.condition_expression.as_deref(),
            on_failure: action.return_values_on_condition_check_failure,
            maps: Maps::new(&action.expression_attribute_names, &action.expression_attribute_values)
                .unless_without(&action.condition_expression),
            ..Self::default()
        }
    }
}

impl<'a> From<&'a shape::Update> for AskedWrite<'a> {
    fn from(action: &'a shape::Update) -> Self {
        Self {
            update: Some(&action.update_expression),
            condition: action.condition_expression.as_deref(),
            on_failure: action.return_values_on_condition_check_failure,
            maps: Maps::new(&action.expression_attribute_names, &action.expression_attribute_values),
            ..Self::default()
        }
    }
}

impl<'a> From<&'a shape::ConditionCheck> for AskedWrite<'a> {
    fn from(action: &'a shape::ConditionCheck) -> Self {
        Self {
            condition: Some(&action.condition_expression),
            on_failure: action.return_values_on_condition_check_failure,
            maps: Maps::new(&action.expression_attribute_names, &action.expression_attribute_values),
            ..Self::default()
        }
    }
}

impl<'a> From<&'a shape::GetItemInput> for AskedRead<'a> {
    fn from(input: &'a shape::GetItemInput) -> Self {
        Self {
            projection: input.projection_expression.as_deref(),
            attributes: input.attributes_to_get.as_deref(),
            maps: Maps::names(&input.expression_attribute_names),
            ..Self::default()
        }
    }
}

impl<'a> From<&'a shape::KeysAndAttributes> for AskedRead<'a> {
    fn from(asked: &'a shape::KeysAndAttributes) -> Self {
        Self {
            projection: asked.projection_expression.as_deref(),
            attributes: asked.attributes_to_get.as_deref(),
            maps: Maps::names(&asked.expression_attribute_names),
            ..Self::default()
        }
    }
}

impl<'a> From<&'a shape::Get> for AskedRead<'a> {
    fn from(action: &'a shape::Get) -> Self {
        Self {
            projection: action.projection_expression.as_deref(),
            maps: Maps::names(&action.expression_attribute_names)
                .unless_without(&action.projection_expression),
            ..Self::default()
        }
    }
}

impl<'a> From<&'a shape::QueryInput> for AskedRead<'a> {
    fn from(input: &'a shape::QueryInput) -> Self {
        Self {
            projection: input.projection_expression.as_deref(),
            attributes: input.attributes_to_get.as_deref(),
            filter: input.filter_expression.as_deref(),
            filters: input.query_filter.as_ref().map(|filter| ("QueryFilter", filter)),
            operator: input.conditional_operator,
            key: input.key_condition_expression.as_deref(),
            keys: input.key_conditions.as_ref(),
            maps: Maps::new(&input.expression_attribute_names, &input.expression_attribute_values),
        }
    }
}

impl<'a> From<&'a shape::ScanInput> for AskedRead<'a> {
    fn from(input: &'a shape::ScanInput) -> Self {
        Self {
            projection: input.projection_expression.as_deref(),
            attributes: input.attributes_to_get.as_deref(),
            filter: input.filter_expression.as_deref(),
            filters: input.scan_filter.as_ref().map(|filter| ("ScanFilter", filter)),
            operator: input.conditional_operator,
            maps: Maps::new(&input.expression_attribute_names, &input.expression_attribute_values),
            ..Self::default()
        }
    }
}
