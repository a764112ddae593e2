//! DescribeLogGroups, by name, with a prefix or a pattern.

use api::logs::{DescribeLogGroupsInput, DescribeLogGroupsOutput, LogGroup, LogGroupClass};
use base::Cx;
use bytes::Bytes;
use store::{KeyRange, ScanOptions};
use wire::Failure;

use crate::record::{self, GroupRecord};
use crate::{Journal, error};

use super::{group_arn, limit};

pub(super) async fn run(
    journal: &Journal,
    cx: &Cx,
    input: DescribeLogGroupsInput,
) -> Result<DescribeLogGroupsOutput, Failure> {
    let (prefix, pattern) = (input.log_group_name_prefix, input.log_group_name_pattern);
    if prefix.is_some() && pattern.is_some() {
        return Err(error::invalid(
            "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.",
        ));
    }
    journal.flush().await;
    let limit = limit(input.limit, 50);
    let mut range = KeyRange::prefix(record::group_key(&cx.scope, prefix.as_deref().unwrap_or_default()));
    if let Some(after) = input.next_token {
        // Keys hold no zero byte after the name: this is the first key behind it.
        let start = [&record::group_key(&cx.scope, &after)[..], &[0]].concat();
        range = KeyRange::new(range.start.max(Bytes::from(start)), range.end);
    }
    let mut groups = Vec::new();
    loop {
        let page = journal.store.scan(range.clone(), ScanOptions::limit(100)).await.map_err(error::store)?;
        for (key, value) in &page.entries {
            let name = record::group_name(&cx.scope, key);
            if pattern.as_deref().is_some_and(|pattern| !contains(name, pattern)) {
                continue;
            }
            if groups.len() == limit {
                let next_token = last_name(&groups);
                return Ok(DescribeLogGroupsOutput { log_groups: Some(groups), next_token });
            }
            groups.push(describe(journal, cx, name, value).await?);
        }
        match page.next {
            Some(next) => range = range.resume(next, false),
            None => return Ok(DescribeLogGroupsOutput { log_groups: Some(groups), next_token: None }),
        }
    }
}

async fn describe(journal: &Journal, cx: &Cx, name: &str, value: &[u8]) -> Result<LogGroup, Failure> {
    let record: GroupRecord = record::decode(value).map_err(error::store)?;
    let bytes = journal.store.get(&record::group_bytes_key(record.id)).await.map_err(error::store)?;
    let bytes = bytes.and_then(|row| Some(i64::from_le_bytes(row.value.as_ref().try_into().ok()?)));
    let arn = group_arn(cx, name);
    Ok(LogGroup {
        log_group_name: Some(name.to_owned()),
        creation_time: Some(record.created_ms),
        retention_in_days: record.retention_days,
        metric_filter_count: Some(0),
        arn: Some(format!("{arn}:*")),
        log_group_arn: Some(arn),
        stored_bytes: Some(bytes.unwrap_or(0)),
        log_group_class: Some(LogGroupClass::Standard),
        ..LogGroup::default()
    })
}

fn last_name(groups: &[LogGroup]) -> Option<String> {
    groups.last().and_then(|group| group.log_group_name.clone())
}

/// AWS compares patterns without regard to case.
fn contains(name: &str, pattern: &str) -> bool {
    name.to_ascii_lowercase().contains(&pattern.to_ascii_lowercase())
}
