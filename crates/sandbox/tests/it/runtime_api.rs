//! The Runtime API as a program of the function's own sees it: written in Bash, which needs nothing but a socket.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use expect_test::{Expect, expect};
use sandbox::{FunctionNetwork, FunctionSpec, SandboxConfig, SandboxMode};

use crate::world::{ID, World, invocation, show};

/// A client of the API: `get PATH`, `post PATH BODY [FIELD]`, `next`; the answer is in STATUS, BODY, ID.
pub(crate) const CLIENT: &str = r##"#!/bin/bash
exec 3<>"/dev/tcp/${AWS_LAMBDA_RUNTIME_API%:*}/${AWS_LAMBDA_RUNTIME_API#*:}"
read_reply() {
  local line length=0
  HEADERS=
  read -r _ STATUS _ <&3 || exit 9
  while IFS= read -r line <&3; do
    line=${line%$'\r'}
    [ -z "$line" ] && break
    HEADERS+="$line"$'\n'
    case $line in
      Content-Length:*) length=${line#*: } ;;
      Lambda-Runtime-Aws-Request-Id:*) ID=${line#*: } ;;
      Lambda-Extension-Identifier:*) EXTENSION=${line#*: } ;;
    esac
  done
  BODY=
  [ "$length" -gt 0 ] && IFS= LC_ALL=C read -r -d '' -N "$length" BODY <&3
  BODY=${BODY%$'\n'}
}
send() {
  local LC_ALL=C
  printf '%s %s HTTP/1.1\r\nHost: x\r\n%sContent-Length: %s\r\n\r\n%s' "$1" "$2" "${4:+$4$'\r\n'}" "${#3}" "$3" >&3
}
get() { send GET "$1" '' "$2"; read_reply; }
post() { send POST "$1" "$2" "$3"; read_reply; }
put() { send PUT "$1" "$2" "$3"; read_reply; }
R=/2018-06-01/runtime
next() { get $R/invocation/next; }
answer() { post "$R/invocation/$ID/response" "$1"; }
"##;

pub(crate) fn write_program(file: &Path, text: &str) {
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, text).unwrap();
    fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
}

/// A function whose bootstrap is the client and `text` after it.
pub(crate) fn provided(world: &World, text: &str) -> FunctionSpec {
    let spec = world.function("provided.al2023", &[("data", "x")]);
    write_program(&spec.code_dir.join("bootstrap"), &format!("{CLIENT}{text}"));
    spec
}

async fn check(text: &str, payload: &str, expected: Expect) {
    let world = World::new(SandboxMode::BestEffort).await;
    let outcome = world.once(provided(&world, text), payload).await;
    expected.assert_eq(&show(&outcome));
}

#[tokio::test]
async fn a_program_serves_events() {
    let world = World::new(SandboxMode::BestEffort).await;
    let spec = provided(
        &world,
        r#"echo loaded; while next; do echo "got $BODY"; answer "{\"you\":$BODY}"; echo after; done"#,
    );
    let mut environment = world.launch(spec).await;
    let first = environment.invoke(invocation("1")).await;
    expect![[r#"
        ok {"you":1}
        < loaded
        | got 1
        | after"#]]
    .assert_eq(&show(&first));
    assert!(first.init_duration.is_some() && first.max_memory_mib > 0 && first.reusable);
    let large = format!("\"{}\"", "x".repeat(200_000));
    let second = environment.invoke(invocation(&large)).await;
    assert_eq!(second.result.unwrap(), format!("{{\"you\":{large}}}"));
    assert!(environment.is_alive());
}

/// A runtime of its own does not say how much it takes, and the first answer may come at once.
#[tokio::test]
async fn memory_is_told_of_the_quickest_program() {
    let world = World::new(SandboxMode::BestEffort).await;
    let outcome = world.once(provided(&world, "while next; do answer 1; done"), "{}").await;
    assert!(outcome.max_memory_mib > 0, "{outcome:?}");
}

#[tokio::test]
async fn an_event_has_its_headers() {
    check(
        r#"next; while IFS= read -r line; do case $line in *Deadline*) line=${line%%[0-9]*};; esac; echo "$line"; done <<<"$HEADERS"; echo "$_HANDLER $LAMBDA_TASK_ROOT $PWD"; answer 1; next"#,
        "{}",
        expect![[r#"
            ok 1
            | Content-Type: application/json
            | Lambda-Runtime-Aws-Request-Id: ID
            | Lambda-Runtime-Deadline-Ms: 
            | Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:us-east-1:000000000000:function:fn
            | Lambda-Runtime-Trace-Id: Root=1-2-3
            | Content-Length: 2
            | 
            | index.handler /var/task /var/task"#]],
    )
    .await;
}

#[tokio::test]
async fn a_runtime_may_do_only_what_is_its_turn() {
    let text = r#"
        say() { echo "$STATUS $BODY"; }
        get /2018-06-01/ping; say
        get /2018-06-01/none; say
        get $R/init/error; say
        post "$R/invocation/x/response" 1; say
        next; first=$BODY
        post $R/init/error '{}'; say
        next; echo "again: $BODY"
        post "$R/invocation/x/response" 1; say
        answer 2; say
        answer 3; say
        post "$R/invocation/$ID/error" '{}'; say
        next"#;
    check(
        text,
        "[1]",
        expect![[r#"
            ok 2
            < 200 pong
            < 404 404 page not found
            < 405 
            < 400 {"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}
            | 403 {"errorMessage":"State transition from Running to InitError failed for runtime. Error: State transition is not allowed","errorType":"InvalidStateTransition"}
            | again: [1]
            | 400 {"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}
            | 202 {"status":"OK"}
            | 403 {"errorMessage":"State transition from RuntimeResponseSentState to InvocationResponse failed for runtime. Error: State transition is not allowed","errorType":"InvalidStateTransition"}
            | 403 {"errorMessage":"State transition from RuntimeResponseSentState to InvocationErrorResponse failed for runtime. Error: State transition is not allowed","errorType":"InvalidStateTransition"}"#]],
    )
    .await;
}

#[tokio::test]
async fn faults_are_told_as_on_aws() {
    let error = r#"next; post "$R/invocation/$ID/error" '{"errorType":"My.Error","errorMessage":"no"}' 'Lambda-Runtime-Function-Error-Type: My.Error'; next"#;
    for (text, expected) in [
        (error, expect![[r#"Handler {"errorType":"My.Error","errorMessage":"no"}"#]]),
        (
            r#"post $R/init/error '{"errorType":"Init.Error","errorMessage":"no"}'; exit 1"#,
            expect![[r#"
                Init {"errorType":"Init.Error","errorMessage":"no"}
                (ended)"#]],
        ),
        (
            "exit 3",
            expect![[r#"
                Exit {"errorType":"Runtime.ExitError","errorMessage":"RequestId: ID Error: Runtime exited with error: exit status 3"}
                (ended)"#]],
        ),
        (
            "next; echo bye; exit 0",
            expect![[r#"
                Exit {"errorType":"Runtime.ExitError","errorMessage":"RequestId: ID Error: Runtime exited without providing a reason"}
                | bye
                (ended)"#]],
        ),
        (
            r#"next; printf 'garbage\r\n\r\n' >&3; cat <&3; exit 4"#,
            expect![[r#"
                Exit {"errorType":"Runtime.ExitError","errorMessage":"RequestId: ID Error: Runtime exited with error: exit status 4"}
                (ended)"#]],
        ),
        // The answer stands, whatever becomes of the runtime after it.
        (
            "next; answer 1; exit 1",
            expect![[r#"
            ok 1
            (ended)"#]],
        ),
    ] {
        check(text, "{}", expected).await;
    }
}

#[tokio::test]
async fn a_program_that_cannot_be_started_is_named() {
    let world = World::new(SandboxMode::BestEffort).await;
    let missing = world.function("provided.al2023", &[("data", "x")]);
    let plain = world.function("provided.al2", &[("bootstrap", "x")]);
    let not_a_program = world.function("provided", &[("data", "x")]);
    write_program(&not_a_program.code_dir.join("bootstrap"), "no program");
    let no_interpreter = world.function("provided", &[("data", "x")]);
    write_program(&no_interpreter.code_dir.join("bootstrap"), "#!/nowhere/sh\n");
    for (spec, why) in [
        (missing, "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]"),
        (plain, "fork/exec /var/task/bootstrap: permission denied"),
        (not_a_program, "fork/exec /var/task/bootstrap: exec format error"),
        (no_interpreter, "fork/exec /var/task/bootstrap: no such file or directory"),
    ] {
        let body = world.once(spec, "{}").await.result.unwrap_err().body;
        assert_eq!(
            body,
            format!(
                r#"{{"errorType":"Runtime.InvalidEntrypoint","errorMessage":"RequestId: {ID} Error: {why}"}}"#
            )
        );
    }
}

#[tokio::test]
async fn a_layer_may_bring_the_program() {
    let world = World::new(SandboxMode::BestEffort).await;
    let mut spec = world.function("provided.al2023", &[("data", "x")]);
    let layer = world.folder.path().join("layer");
    write_program(&layer.join("bootstrap"), &format!("{CLIENT}next; answer \"\\\"$PWD\\\"\"; next"));
    spec.layers.push(layer);
    assert_eq!(world.once(spec, "{}").await.result.unwrap(), "\"/var/task\"");
}

#[tokio::test]
async fn a_program_that_hangs_is_ended() {
    let world = World::new(SandboxMode::BestEffort).await;
    let mut spec = provided(&world, "next; while :; do read -t 1 -u 3 x; done");
    spec.timeout_ms = 300;
    expect![[r#"
        Timeout {"errorType":"Sandbox.Timedout","errorMessage":"RequestId: ID Error: Task timed out after 0.30 seconds"}
        (ended)"#]]
    .assert_eq(&show(&world.once(spec, "{}").await));
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_refused() {
    let world = World::with(SandboxMode::BestEffort, |c| c.response_bytes_max = 100).await;
    let text = r#"next; answer "$(printf '%0101d' 1)"; echo "$STATUS $BODY"; next; answer 2; next"#;
    let mut environment = world.launch(provided(&world, text)).await;
    expect![[r#"
        ResponseTooLarge {"errorType":"Function.ResponseSizeTooLarge","errorMessage":"Response payload size exceeded maximum allowed payload size (100 bytes)."}
        | 413 {"errorMessage":"Exceeded maximum allowed payload size (100 bytes).","errorType":"RequestEntityTooLarge"}"#]]
    .assert_eq(&show(&environment.invoke(invocation("1")).await));
    expect!["ok 2"].assert_eq(&show(&environment.invoke(invocation("2")).await));
}

/// An answer in chunks: `stream FIELD PIECE...`, then the trailers.
const STREAM: &str = r##"
begin() { printf 'POST %s HTTP/1.1\r\nTransfer-Encoding: chunked\r\nLambda-Runtime-Function-Response-Mode: %s\r\nContent-Type: text/plain\r\n\r\n' "$R/invocation/$ID/response" "${1-streaming}" >&3; }
chunk() { printf '%x\r\n%s\r\n' "${#1}" "$1" >&3; }
end() { printf '0\r\n%s\r\n' "$1" >&3; read_reply; echo "$STATUS $BODY"; }
"##;

/// The first claims the state before its body is read, so that many cannot fill the server's memory.
#[tokio::test]
async fn one_error_of_the_init_is_read_at_a_time() {
    let text = r#"
exec 4<>"/dev/tcp/${AWS_LAMBDA_RUNTIME_API%:*}/${AWS_LAMBDA_RUNTIME_API#*:}"
printf 'POST %s/init/error HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 22\r\n\r\n' $R >&4
read -r _ GO _ <&4; read -r _ <&4
post $R/init/error '{"errorType":"Second"}'
echo "$GO $STATUS ${BODY##*,}"
printf '{"errorType":"Waited"}' >&4; read -r _ <&4
exit 1"#;
    check(
        text,
        "{}",
        expect![[r#"
        Init {"errorType":"Waited"}
        < 100 403 "errorType":"InvalidStateTransition"}
        < 100 403 "errorType":"InvalidStateTransition"}
        (ended)"#]],
    )
    .await;
}

#[tokio::test]
async fn an_answer_may_come_in_chunks() {
    let world = World::new(SandboxMode::BestEffort).await;
    let text = format!(
        "{STREAM}next; begin; chunk one; chunk two; end; next; begin; chunk half; end $'Lambda-Runtime-Function-Error-Type: My.Error\\r\\nLambda-Runtime-Function-Error-Body: eyJlcnJvclR5cGUiOiJNeS5FcnJvciJ9\\r\\n'; next; begin other; chunk x; end; next"
    );
    let mut environment = world.launch(provided(&world, &text)).await;
    let (to, mut from) = tokio::sync::mpsc::channel(16);
    let mut streamed = invocation("1");
    streamed.stream = Some(to);
    let outcome = environment.invoke(streamed).await;
    assert!(outcome.streamed);
    let mut pieces = Vec::new();
    while let Ok(piece) = from.try_recv() {
        pieces.push(piece);
    }
    assert_eq!(pieces[0], sandbox::StreamPiece::Head { content_type: "text/plain".to_owned() });
    let data: Vec<u8> = pieces
        .iter()
        .filter_map(
            |piece| if let sandbox::StreamPiece::Data(data) = piece { Some(data.to_vec()) } else { None },
        )
        .flatten()
        .collect();
    assert_eq!(data, b"onetwo");
    expect![[r#"
        Handler {"errorType":"My.Error"}
        | 202 {"status":"OK"}"#]]
    .assert_eq(&show(&environment.invoke(invocation("2")).await));
    expect![[r#"
        Handler {"errorType":"Runtime.InvalidResponseModeHeader","errorMessage":""}
        | 400 {"errorMessage":"Invalid function response mode","errorType":"InvalidFunctionResponseMode"}"#]]
    .assert_eq(&show(&environment.invoke(invocation("3")).await));
}

#[tokio::test]
async fn a_runtime_may_wait_to_be_restored() {
    let text =
        r#"get $R/restore/next; echo "$STATUS"; get $R/restore/next; echo "$STATUS"; next; answer 1; next"#;
    let restored = expect![[r#"
        ok 1
        < 200
        < 403"#]];
    check(text, "{}", restored).await;
    let text =
        r#"get $R/restore/next; post $R/restore/error '{"errorType":"Hook","errorMessage":"x"}'; next"#;
    let failed = expect![[r#"
        Init {"errorType":"Hook","errorMessage":"x"}
        (ended)"#]];
    check(text, "{}", failed).await;
}

/// Where the loopback is shared: one function cannot take another's events.
#[tokio::test]
async fn a_stranger_is_turned_away() {
    let shared = |c: &mut SandboxConfig| c.network = FunctionNetwork::Host;
    let world = World::with(SandboxMode::BestEffort, shared).await;
    let jailed = world.sandbox.report().await.missing().all(|layer| layer.layer.name() != "namespaces");
    let text = r#"next; answer "\"$AWS_LAMBDA_RUNTIME_API\""; next"#;
    let mut other = world.launch(provided(&world, text)).await;
    let address = String::from_utf8(other.invoke(invocation("1")).await.result.unwrap().to_vec()).unwrap();
    let thief = r#"
        trap '' PIPE
        next
        there=${BODY//\"/}
        exec 4<>"/dev/tcp/${there%:*}/${there#*:}" && printf 'GET /2018-06-01/ping HTTP/1.1\r\n\r\n' >&4
        read -r _ status _ <&4
        answer "\"${status:-nothing}\""; next"#;
    let heard = world.once(provided(&world, thief), &address).await.result.unwrap();
    assert_eq!(heard, if jailed { "\"nothing\"" } else { "\"200\"" });
}
