//! The logs as the API shows them, over the in-memory store.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::Arc;

use api::logs::*;
use base::{Clock, Cx, Scope, Timestamp};
use bytes::Bytes;
use logs::{Journal, JournalConfig, TailLine};
use ports::{LogBatch, LogEvent, LogSink};
use store::{Batch, KeyRange, ScanOptions, Store};

const START: i64 = 1_795_454_460_000;

fn journal(config: JournalConfig) -> (Arc<Journal>, Clock) {
    journal_over(Store::memory(), config)
}

fn journal_over(store: Store, config: JournalConfig) -> (Arc<Journal>, Clock) {
    let clock = Clock::virtual_at(Timestamp(START));
    (Journal::new(store, clock.clone(), config), clock)
}

fn cx() -> Cx {
    Cx::internal(Scope::default())
}

fn write(journal: &Journal, stream: &str, lines: &[(i64, &str)]) {
    let event = |(ms, text): &(i64, &str)| LogEvent {
        timestamp: Timestamp(START + ms),
        message: Bytes::from(text.to_string()),
    };
    journal.write(LogBatch {
        scope: Scope::default(),
        group: "/aws/lambda/f".into(),
        stream: stream.into(),
        events: lines.iter().map(event).collect(),
    });
}

fn get(stream: &str) -> GetLogEventsInput {
    GetLogEventsInput {
        log_group_name: Some("/aws/lambda/f".into()),
        log_stream_name: stream.into(),
        start_from_head: Some(true),
        ..GetLogEventsInput::default()
    }
}

fn texts(output: &GetLogEventsOutput) -> Vec<String> {
    output.events.iter().flatten().filter_map(|event| event.message.clone()).collect()
}

#[tokio::test]
async fn what_was_written_is_found_at_once_and_in_order() {
    let (journal, _) = journal(JournalConfig::default());
    write(&journal, "s", &[(5, "b"), (5, "c"), (9, "d")]);
    write(&journal, "s", &[(5, "c2"), (1, "a")]);
    let output = journal.get_log_events(&cx(), get("s")).await.unwrap();
    assert_eq!(texts(&output), ["a", "b", "c", "c2", "d"]);
    let first = &output.events.as_ref().unwrap()[0];
    assert_eq!((first.timestamp, first.ingestion_time), (Some(START + 1), Some(START)));
}

#[tokio::test]
async fn pages_forward_until_the_token_stays_the_same() {
    let (journal, _) = journal(JournalConfig::default());
    let lines: Vec<(i64, String)> = (0..10).map(|i| (i / 3, i.to_string())).collect();
    let lines: Vec<(i64, &str)> = lines.iter().map(|(ms, text)| (*ms, text.as_str())).collect();
    write(&journal, "s", &lines);
    let (mut token, mut seen) = (None, Vec::new());
    loop {
        let input = GetLogEventsInput { limit: Some(4), next_token: token.clone(), ..get("s") };
        let output = journal.get_log_events(&cx(), input).await.unwrap();
        seen.extend(texts(&output));
        if output.next_forward_token == token {
            break;
        }
        token = output.next_forward_token;
    }
    assert_eq!(seen.concat(), "0123456789");
    // What comes later is found by the same token.
    write(&journal, "s", &[(50, "later")]);
    let input = GetLogEventsInput { next_token: token, ..get("s") };
    let output = journal.get_log_events(&cx(), input).await.unwrap();
    assert_eq!(texts(&output), ["later"]);
}

#[tokio::test]
async fn pages_backward_from_the_tail() {
    let (journal, _) = journal(JournalConfig::default());
    write(&journal, "s", &[(0, "a"), (1, "b"), (1, "c"), (1, "d"), (4, "e")]);
    let last = GetLogEventsInput { limit: Some(2), start_from_head: None, ..get("s") };
    let output = journal.get_log_events(&cx(), last.clone()).await.unwrap();
    assert_eq!(texts(&output), ["d", "e"]);
    let mut seen = Vec::new();
    let mut token = output.next_backward_token;
    for _ in 0..3 {
        let input = GetLogEventsInput { next_token: token, ..last.clone() };
        let output = journal.get_log_events(&cx(), input).await.unwrap();
        seen.push(texts(&output).concat());
        token = output.next_backward_token;
    }
    assert_eq!(seen, ["bc", "a", ""]);
}

#[tokio::test]
async fn times_bound_what_is_read() {
    let (journal, _) = journal(JournalConfig::default());
    write(&journal, "s", &[(0, "a"), (1, "b"), (2, "c"), (3, "d")]);
    let input = GetLogEventsInput { start_time: Some(START + 1), end_time: Some(START + 3), ..get("s") };
    assert_eq!(texts(&journal.get_log_events(&cx(), input).await.unwrap()), ["b", "c"]);
    let filter =
        FilterLogEventsInput { start_time: Some(START + 1), end_time: Some(START + 2), ..filter("") };
    assert_eq!(found(&journal, filter).await, ["s:b", "s:c"]);
}

fn filter(pattern: &str) -> FilterLogEventsInput {
    FilterLogEventsInput {
        log_group_name: Some("/aws/lambda/f".into()),
        filter_pattern: Some(pattern.into()),
        ..FilterLogEventsInput::default()
    }
}

/// `stream:message` of every page.
async fn found(journal: &Journal, mut input: FilterLogEventsInput) -> Vec<String> {
    let mut all = Vec::new();
    loop {
        let output = journal.filter_log_events(&cx(), input.clone()).await.unwrap();
        for event in output.events.unwrap() {
            all.push(format!("{}:{}", event.log_stream_name.unwrap(), event.message.unwrap()));
        }
        match output.next_token {
            Some(token) => input.next_token = Some(token),
            None => return all,
        }
    }
}

#[tokio::test]
async fn filters_over_the_streams_of_a_group() {
    let (journal, _) = journal(JournalConfig::default());
    write(&journal, "one", &[(0, "START x"), (4, "END x")]);
    write(&journal, "two", &[(2, "START y"), (6, "END y")]);
    assert_eq!(found(&journal, filter("")).await, ["one:START x", "two:START y", "one:END x", "two:END y"]);
    assert_eq!(found(&journal, filter("START")).await, ["one:START x", "two:START y"]);
    assert_eq!(found(&journal, filter("-x END")).await, ["two:END y"]);
    let paged = FilterLogEventsInput { limit: Some(1), ..filter("END") };
    assert_eq!(found(&journal, paged).await, ["one:END x", "two:END y"]);
    let named = FilterLogEventsInput { log_stream_names: Some(vec!["two".into()]), ..filter("") };
    assert_eq!(found(&journal, named).await, ["two:START y", "two:END y"]);
    let prefixed = FilterLogEventsInput { log_stream_name_prefix: Some("on".into()), ..filter("") };
    assert_eq!(found(&journal, prefixed).await, ["one:START x", "one:END x"]);
    let newest = FilterLogEventsInput { start_from_head: Some(false), limit: Some(1), ..filter("") };
    assert_eq!(
        found(&journal, newest.clone()).await,
        ["two:END y", "one:END x", "two:START y", "one:START x"]
    );
    write(&journal, "two", &[(9, "a"), (9, "b"), (9, "c")]);
    assert_eq!(found(&journal, newest).await[..4], ["two:c", "two:b", "two:a", "two:END y"]);
    let refused = journal.filter_log_events(&cx(), filter("{ $.a = 1 }")).await.unwrap_err();
    assert_eq!(refused.code, "InvalidParameterException");
}

#[tokio::test]
async fn groups_and_streams_are_made_described_and_deleted() {
    let (journal, clock) = journal(JournalConfig::default());
    let group =
        |name: &str| CreateLogGroupInput { log_group_name: name.into(), ..CreateLogGroupInput::default() };
    for name in ["/a/1", "/a/2", "/b"] {
        journal.create_log_group(&cx(), group(name)).await.unwrap();
    }
    let again = journal.create_log_group(&cx(), group("/b")).await.unwrap_err();
    assert_eq!(again.code, "ResourceAlreadyExistsException");
    assert_eq!(groups(&journal, Some("/a"), 1).await, ["/a/1", "/a/2"]);
    assert_eq!(groups(&journal, None, 50).await, ["/a/1", "/a/2", "/b"]);

    let stream =
        |name: &str| CreateLogStreamInput { log_group_name: "/b".into(), log_stream_name: name.into() };
    for name in ["x", "y"] {
        journal.create_log_stream(&cx(), stream(name)).await.unwrap();
    }
    assert_eq!(
        journal.create_log_stream(&cx(), stream("x")).await.unwrap_err().code,
        "ResourceAlreadyExistsException"
    );
    let put = PutLogEventsInput {
        log_group_name: "/b".into(),
        log_stream_name: "x".into(),
        log_events: vec![InputLogEvent { timestamp: clock.now().as_millis(), message: "hello".into() }],
        ..PutLogEventsInput::default()
    };
    journal.put_log_events(&cx(), put.clone()).await.unwrap();
    assert_eq!(streams(&journal, Some(OrderBy::LastEventTime)).await, ["x", "y"]);
    assert_eq!(streams(&journal, None).await, ["y", "x"]);

    let gone = DeleteLogStreamInput { log_group_name: "/b".into(), log_stream_name: "x".into() };
    journal.delete_log_stream(&cx(), gone).await.unwrap();
    assert_eq!(journal.put_log_events(&cx(), put).await.unwrap_err().code, "ResourceNotFoundException");
    journal.delete_log_group(&cx(), DeleteLogGroupInput { log_group_name: "/b".into() }).await.unwrap();
    assert_eq!(groups(&journal, None, 50).await, ["/a/1", "/a/2"]);
}

async fn groups(journal: &Journal, prefix: Option<&str>, limit: i32) -> Vec<String> {
    let mut input = DescribeLogGroupsInput {
        log_group_name_prefix: prefix.map(str::to_owned),
        limit: Some(limit),
        ..DescribeLogGroupsInput::default()
    };
    let mut names = Vec::new();
    loop {
        let output = journal.describe_log_groups(&cx(), input.clone()).await.unwrap();
        names.extend(output.log_groups.unwrap().into_iter().filter_map(|group| group.log_group_name));
        match output.next_token {
            Some(token) => input.next_token = Some(token),
            None => return names,
        }
    }
}

/// Descending.
async fn streams(journal: &Journal, order_by: Option<OrderBy>) -> Vec<String> {
    let input = DescribeLogStreamsInput {
        log_group_name: Some("/b".into()),
        order_by,
        descending: Some(true),
        ..DescribeLogStreamsInput::default()
    };
    let output = journal.describe_log_streams(&cx(), input).await.unwrap();
    output.log_streams.unwrap().into_iter().filter_map(|stream| stream.log_stream_name).collect()
}

#[tokio::test]
async fn events_older_than_the_retention_go() {
    let (journal, clock) = journal(JournalConfig::default());
    write(&journal, "s", &[(0, "old")]);
    clock.advance(std::time::Duration::from_secs(2 * 86_400));
    write(&journal, "s", &[(2 * 86_400_000, "new")]);
    let policy = PutRetentionPolicyInput { log_group_name: "/aws/lambda/f".into(), retention_in_days: 1 };
    journal.put_retention_policy(&cx(), policy).await.unwrap();
    assert_eq!(texts(&journal.get_log_events(&cx(), get("s")).await.unwrap()), ["new"]);
    let policy = PutRetentionPolicyInput { log_group_name: "/aws/lambda/f".into(), retention_in_days: 2 };
    let refused = journal.put_retention_policy(&cx(), policy).await.unwrap_err();
    assert_eq!(refused.code, "InvalidParameterException");
}

#[tokio::test]
async fn a_full_group_lets_the_oldest_go() {
    let (journal, _) = journal(JournalConfig { group_bytes_max: 10_000, ..JournalConfig::default() });
    let text = "x".repeat(74);
    for round in 0..200 {
        write(&journal, "s", &[(round, &text)]);
        journal.flush().await;
    }
    let output = journal.get_log_events(&cx(), get("s")).await.unwrap();
    let events = output.events.unwrap();
    assert!(events.len() <= 100, "{}", events.len());
    assert_eq!(events.last().and_then(|event| event.timestamp), Some(START + 199));
}

/// What is read goes through the store's cache: a million invocations would fill it with what is deleted. So the rows of
/// events are made unreadable here.
#[tokio::test]
async fn the_oldest_go_without_being_read() {
    let store = Store::memory();
    let config = JournalConfig { group_bytes_max: 10_000, ..JournalConfig::default() };
    let (journal, clock) = journal_over(store.clone(), config);
    let text = "x".repeat(74);
    for round in 0..95 {
        write(&journal, if round % 2 == 0 { "s" } else { "t" }, &[(round, &text)]);
        journal.flush().await;
    }
    let events = KeyRange::prefix(vec![0x43]);
    let rows = store.scan(events.clone(), ScanOptions::default()).await.unwrap().entries;
    assert_eq!(rows.len(), 95);
    for (key, _) in &rows {
        store.commit(Batch::new().put(key.clone(), "damaged")).await.unwrap();
    }
    for round in 95..110 {
        write(&journal, "s", &[(round, &text)]);
        journal.flush().await;
    }
    let left = store.scan(events.clone(), ScanOptions::default()).await.unwrap().entries;
    assert!((90..=100).contains(&left.len()), "{}", left.len());
    let (oldest, _) = &left[0];
    let orders = store.scan(KeyRange::prefix(vec![0x44]), ScanOptions::default()).await.unwrap().entries;
    assert_eq!(orders.len(), left.len());
    assert!(rows.iter().position(|(key, _)| key == oldest) >= Some(10));

    let lists = KeyRange::prefix(vec![0x46]);
    clock.advance(std::time::Duration::from_secs(2 * 86_400));
    write(&journal, "s", &[(2 * 86_400_000, "new")]);
    let policy = PutRetentionPolicyInput { log_group_name: "/aws/lambda/f".into(), retention_in_days: 1 };
    journal.put_retention_policy(&cx(), policy).await.unwrap();
    assert_eq!(texts(&journal.get_log_events(&cx(), get("s")).await.unwrap()), ["new"]);
    assert_eq!(store.scan(lists.clone(), ScanOptions::default()).await.unwrap().entries.len(), 1);
    journal
        .delete_log_group(&cx(), DeleteLogGroupInput { log_group_name: "/aws/lambda/f".into() })
        .await
        .unwrap();
    for space in [events, lists] {
        assert_eq!(store.scan(space, ScanOptions::default()).await.unwrap().entries, []);
    }
}

/// A group whose record is from before its commits left lists.
#[tokio::test]
async fn a_group_without_lists_lets_the_oldest_go_too() {
    let store = Store::memory();
    let mut key = vec![0x40];
    key.extend_from_slice(Scope::default().to_string().as_bytes());
    key.extend_from_slice(b"\0/aws/lambda/f");
    // Of three members, in CBOR: 7, 0, null.
    store.commit(Batch::new().put(key, vec![0x83, 7, 0, 0xf6])).await.unwrap();
    let config = JournalConfig { group_bytes_max: 10_000, ..JournalConfig::default() };
    let (journal, _) = journal_over(store.clone(), config);
    let text = "x".repeat(74);
    for round in 0..200 {
        write(&journal, "s", &[(round, &text)]);
        journal.flush().await;
    }
    let events = journal.get_log_events(&cx(), get("s")).await.unwrap().events.unwrap();
    assert!((80..=100).contains(&events.len()), "{}", events.len());
    assert_eq!(store.scan(KeyRange::prefix(vec![0x46]), ScanOptions::default()).await.unwrap().entries, []);
}

#[tokio::test]
async fn a_follower_sees_lines_as_they_come() {
    let (journal, _) = journal(JournalConfig::default());
    let mut tail = journal.tail(&Scope::default(), "/aws/lambda/f");
    let mut other = journal.tail(&Scope::default(), "/other");
    write(&journal, "s", &[(0, "a")]);
    let lines = tail.next().await.unwrap();
    let [TailLine::Event { stream, message, .. }] = lines.as_slice() else { panic!("{lines:?}") };
    assert_eq!((&**stream, &message[..]), ("s", &b"a"[..]));
    drop(journal);
    assert!(other.next().await.is_none());
}

#[tokio::test]
async fn a_long_message_is_cut_between_characters() {
    let (journal, _) = journal(JournalConfig { message_bytes_max: 4, ..JournalConfig::default() });
    write(&journal, "s", &[(0, "ab\u{20ac}c")]);
    assert_eq!(texts(&journal.get_log_events(&cx(), get("s")).await.unwrap()), ["ab"]);
}

#[tokio::test]
async fn what_is_not_there_is_said() {
    let (journal, _) = journal(JournalConfig::default());
    let missing = journal.get_log_events(&cx(), get("s")).await.unwrap_err();
    assert_eq!(missing.message, "The specified log group does not exist.");
    write(&journal, "s", &[(0, "a")]);
    let missing = journal.get_log_events(&cx(), get("t")).await.unwrap_err();
    assert_eq!(missing.message, "The specified log stream does not exist.");
}
