//! The operations, one a file: read the request, decide, write or read, reply.

mod create_log_group;
mod create_log_stream;
mod delete_log_group;
mod delete_log_stream;
mod describe_log_groups;
mod describe_log_streams;
mod filter_log_events;
mod get_log_events;
mod put_log_events;
mod put_retention_policy;

use api::logs::*;
use base::Cx;
use wire::Failure;

use crate::{Journal, error};

impl Logs for Journal {
    async fn create_log_group(
        &self,
        cx: &Cx,
        input: CreateLogGroupInput,
    ) -> Result<CreateLogGroupOutput, Failure> {
        create_log_group::run(self, cx, input).await
    }

    async fn create_log_stream(
        &self,
        cx: &Cx,
        input: CreateLogStreamInput,
    ) -> Result<CreateLogStreamOutput, Failure> {
        create_log_stream::run(self, cx, input).await
    }

    async fn delete_log_group(
        &self,
        cx: &Cx,
        input: DeleteLogGroupInput,
    ) -> Result<DeleteLogGroupOutput, Failure> {
        delete_log_group::run(self, cx, input).await
    }

    async fn delete_log_stream(
        &self,
        cx: &Cx,
        input: DeleteLogStreamInput,
    ) -> Result<DeleteLogStreamOutput, Failure> {
        delete_log_stream::run(self, cx, input).await
    }

    async fn describe_log_groups(
        &self,
        cx: &Cx,
        input: DescribeLogGroupsInput,
    ) -> Result<DescribeLogGroupsOutput, Failure> {
        describe_log_groups::run(self, cx, input).await
    }

    async fn describe_log_streams(
        &self,
        cx: &Cx,
        input: DescribeLogStreamsInput,
    ) -> Result<DescribeLogStreamsOutput, Failure> {
        describe_log_streams::run(self, cx, input).await
    }

    async fn filter_log_events(
        &self,
        cx: &Cx,
        input: FilterLogEventsInput,
    ) -> Result<FilterLogEventsOutput, Failure> {
        filter_log_events::run(self, cx, input).await
    }

    async fn get_log_events(&self, cx: &Cx, input: GetLogEventsInput) -> Result<GetLogEventsOutput, Failure> {
        get_log_events::run(self, cx, input).await
    }

    async fn put_log_events(&self, cx: &Cx, input: PutLogEventsInput) -> Result<PutLogEventsOutput, Failure> {
        put_log_events::run(self, cx, input).await
    }

    async fn put_retention_policy(
        &self,
        cx: &Cx,
        input: PutRetentionPolicyInput,
    ) -> Result<PutRetentionPolicyOutput, Failure> {
        put_retention_policy::run(self, cx, input).await
    }
}

/// A group is given by its name or by its name or ARN as identifier, never by both.
fn group_name(name: Option<String>, identifier: Option<String>) -> Result<String, Failure> {
    match (name, identifier) {
        (Some(name), None) => Ok(name),
        (None, Some(identifier)) => Ok(match identifier.split_once(":log-group:") {
            Some((_, name)) => name.trim_end_matches(":*").to_owned(),
            None => identifier,
        }),
        (Some(_), Some(_)) => {
            Err(error::invalid("LogGroup name and LogGroup ARN are mutually exclusive parameters."))
        }
        (None, None) => Err(error::invalid("Either logGroupName or logGroupIdentifier must be given.")),
    }
}

/// `limit`, or the operation's own when none is given.
fn limit(given: Option<i32>, max: usize) -> usize {
    given.and_then(|limit| usize::try_from(limit).ok()).map_or(max, |limit| limit.clamp(1, max))
}

/// `arn:aws:logs:REGION:ACCOUNT:log-group:NAME`.
fn group_arn(cx: &Cx, group: &str) -> String {
    base::Arn::new("logs", &cx.scope, format!("log-group:{group}")).to_string()
}
