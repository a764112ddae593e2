//! How requests name tables, indexes and streams: by name or by ARN. Pure; knows not which exist.

use base::{Arn, Scope};

use crate::error::{Error, Result, text};
use crate::policy::Slot;
use crate::table::Table;

/// The name of the table that `text`, a name or an ARN, means to a caller of `scope`. `api` has checked which characters
/// it has and how many.
pub(crate) fn table_name<'a>(scope: &Scope, text: &'a str) -> Result<&'a str> {
    match text.starts_with("arn:") {
        false => Ok(text),
        true => {
            let resource = resource_of(scope, text)?;
            let name = resource.strip_prefix("table/").filter(|name| !name.contains('/'));
            name.ok_or_else(|| violation(format_args!("Invalid resource type in '{text}'")))
        }
    }
}

/// The table that a tag operation's ARN names.
pub(crate) fn tagged_table<'a>(scope: &Scope, arn: &'a str) -> Result<&'a str> {
    let parsed = dynamodb_arn(arn)?;
    if parsed.region != scope.region.as_str() {
        return Err(Error::invalid(format!("Invalid TableArn: Invalid ResourceArn provided as input {arn}")));
    }
    let name = arn.splitn(6, ':').nth(5).and_then(|resource| resource.strip_prefix("table/"));
    match name.filter(|name| !name.contains('/')) {
        _ if parsed.account != scope.account.to_string() => Err(Error::access_denied()),
        Some(name) => Ok(name),
        // Streams have no tags.
        None if arn.contains("/stream/") => Err(no_tagged(arn)),
        None => Err(no_table_or_stream(arn)),
    }
}

/// What may have a resource policy.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PolicyTarget<'a> {
    pub(crate) table: &'a str,
    /// The label of a stream of the table, if that is meant.
    pub(crate) stream: Option<&'a str>,
}

impl<'a> PolicyTarget<'a> {
    pub(crate) fn of(scope: &Scope, arn: &'a str) -> Result<Self> {
        let parsed = dynamodb_arn(arn)?;
        if parsed.region != scope.region.as_str() || !arn.starts_with("arn:aws:") {
            return Err(Error::parameter(format_args!("Invalid resource Arn: {arn}")));
        }
        if parsed.account != scope.account.to_string() {
            return Err(Error::invalid(
                "This action is only supported by accounts that match the resource owner\u{2019}s account.",
            ));
        }
        let foreign = || Error::parameter(format_args!("Provided Arn is not a DynamoDB resource arn: {arn}"));
        let resource = arn.splitn(6, ':').nth(5).and_then(|resource| resource.strip_prefix("table/"));
        let mut parts = resource.ok_or_else(foreign)?.splitn(3, '/');
        let table = parts.next().filter(|name| !name.is_empty()).ok_or_else(foreign)?;
        match (parts.next(), parts.next()) {
            (None, _) => Ok(Self { table, stream: None }),
            (Some("stream"), Some(label)) => Ok(Self { table, stream: Some(label) }),
            (Some("index"), _) => Err(no_table_or_stream(arn)),
            _ => Err(foreign()),
        }
    }
}

/// The table of `target`, if it and its stream are there.
pub(crate) fn policy_table<'t>(table: Option<&'t Table>, target: PolicyTarget<'_>) -> Result<&'t Table> {
    let table = table.ok_or_else(|| Error::NotFound(text::no_table(target.table)))?;
    let Some(label) = target.stream else { return Ok(table) };
    match &table.stream {
        Some(stream) if stream.label == label => Ok(table),
        _ => Err(Error::NotFound(format!(
            "Requested resource not found: Stream: {label} not found for Table: {}",
            target.table
        ))),
    }
}

/// Where `table` keeps the policy of `target`.
pub(crate) fn policy_slot<'t>(table: &'t Table, target: PolicyTarget<'_>) -> Option<&'t Slot> {
    let settings = table.settings.as_ref()?;
    target.stream.map_or(Some(&settings.policy), |label| settings.stream_policies.get(label))
}

fn no_table_or_stream(arn: &str) -> Error {
    Error::parameter(format_args!(
        "Invalid resource arn provided, only table or stream is accepted. Provided resource arn: {arn}"
    ))
}

fn dynamodb_arn(arn: &str) -> Result<Arn> {
    if !arn.starts_with("arn:") {
        return Err(Error::parameter(format_args!("ARNs must start with 'arn:': {arn}")));
    }
    let Ok(parsed) = arn.parse::<Arn>() else {
        return Err(Error::parameter(format_args!("Invalid resource Arn: {arn}")));
    };
    if parsed.service != "dynamodb" {
        return Err(Error::parameter(format_args!("Provided Arn is not a DynamoDB resource arn: {arn}")));
    }
    Ok(parsed)
}

pub(crate) fn no_tagged(arn: &str) -> Error {
    Error::NotFound(format!("{}: ResourceArn: {arn} not found", text::NO_RESOURCE))
}

/// Table name and label of the stream that `arn` names.
pub(crate) fn stream_parts<'a>(scope: &Scope, arn: &'a str) -> Result<(&'a str, &'a str)> {
    let resource = resource_of(scope, arn)?;
    resource.strip_prefix("table/").and_then(|rest| rest.split_once("/stream/")).ok_or_else(|| {
        Error::invalid(format!("Invalid StreamArn: Invalid ResourceArn provided as input {arn}"))
    })
}

/// Whose stream `arn` is; ports are not asked who calls.
pub(crate) fn scope_of(arn: &str) -> Option<Scope> {
    let parsed = arn.parse::<Arn>().ok()?;
    let account = parsed.account.parse().ok()?;
    Some(Scope { account, region: base::Region::new(&parsed.region) })
}

fn resource_of<'a>(scope: &Scope, arn: &'a str) -> Result<&'a str> {
    let bad = || violation(format_args!("Valid ARN format is expected, got '{arn}'"));
    let parsed: Arn = arn.parse().map_err(|_| bad())?;
    if parsed.service != "dynamodb" {
        return Err(bad());
    }
    if parsed.region != scope.region.as_str() {
        return Err(violation(format_args!("Invalid AWS region in '{arn}'")));
    }
    if parsed.account != scope.account.to_string() {
        return Err(Error::access_denied());
    }
    arn.splitn(6, ':').nth(5).ok_or_else(bad)
}

fn violation(what: std::fmt::Arguments<'_>) -> Error {
    Error::invalid(format!("1 validation error detected: {what}"))
}
