//! Extensions, external and internal, beside programs of the function's own and beside Node.js and Python.

use std::path::PathBuf;

use expect_test::expect;
use sandbox::{FunctionSpec, LateLines, SandboxMode};

use crate::runtime_api::{CLIENT, provided, write_program};
use crate::world::{World, invocation, show};

/// What an external extension is written with: `register EVENTS`, `event`.
const EXTENSION: &str = r#"
X=/2020-01-01/extension
register() { post $X/register "{\"events\":[$1]}" "Lambda-Extension-Name: ${2-${0##*/}}"; }
event() { get $X/event/next "Lambda-Extension-Identifier: $EXTENSION"; }
"#;

/// A layer with extensions of these names and texts.
fn layer(world: &World, extensions: &[(&str, &str)]) -> PathBuf {
    let layer = world.folder.path().join(format!("layer-{}", base::RequestId::random()));
    for (name, text) in extensions {
        write_program(&layer.join("extensions").join(name), &format!("{CLIENT}{EXTENSION}{text}"));
    }
    layer
}

pub(crate) fn with_extension(world: &World, mut spec: FunctionSpec, text: &str) -> FunctionSpec {
    spec.layers.push(layer(world, &[("watcher", text)]));
    spec
}

const SERVES: &str = r#"while next; do echo "runtime $BODY"; answer "$BODY"; done"#;

#[tokio::test]
async fn an_extension_hears_of_every_invocation() {
    let world = World::new(SandboxMode::BestEffort).await;
    let watcher = r#"
        register '"INVOKE","SHUTDOWN"'; echo "$STATUS $BODY ${_HANDLER-none} ${AWS_LAMBDA_FUNCTION_NAME}"
        register '"INVOKE"'; echo "$STATUS $BODY"
        while event; do echo "$BODY" | sed 's/"deadlineMs":[0-9]*/"deadlineMs":0/'; done"#;
    let spec = with_extension(&world, provided(&world, SERVES), watcher);
    let mut environment = world.launch(spec).await;
    let first = show(&environment.invoke(invocation("1")).await);
    expect![[r#"
        ok 1
        < 200 {"functionVersion":"$LATEST","functionName":"fn","handler":"index.handler"} none fn
        < 403 {"errorMessage":"State transition from Registered to Registered failed for extension watcher. Error: State transition is not allowed","errorType":"Extension.InvalidExtensionState"}
        | runtime 1
        | {"eventType":"INVOKE","deadlineMs":0,"requestId":"ID","invokedFunctionArn":"arn:aws:lambda:us-east-1:000000000000:function:fn","tracing":{"type":"X-Amzn-Trace-Id","value":"Root=1-2-3"}}"#]]
    .assert_eq(&sorted(&first));
    assert!(environment.invoke(invocation("2")).await.reusable);
}

/// The two processes write to pipes of their own, whose order is not theirs.
fn sorted(text: &str) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_by_key(|line| (!line.starts_with("ok"), line.starts_with('|'), line.contains("{\"eventType")));
    lines.join("\n")
}

#[tokio::test]
async fn extensions_stand_beside_node_and_python() {
    let world = World::new(SandboxMode::BestEffort).await;
    let watcher = "register '\"INVOKE\"'; while event; do echo heard; done";
    for (runtime, file, code) in [
        ("nodejs20.x", "index.js", "exports.handler = async e => e + 1"),
        ("python3.12", "index.py", "def handler(e, c):\n    return e + 1"),
    ] {
        let spec = with_extension(&world, world.function(runtime, &[(file, code)]), watcher);
        let mut environment = world.launch(spec).await;
        for n in 1..3 {
            let outcome = environment.invoke(invocation(&n.to_string())).await;
            assert_eq!(show(&outcome), format!("ok {}\n| heard", n + 1), "{runtime}");
        }
    }
}

#[tokio::test]
async fn an_extension_that_fails_ends_the_environment() {
    let world = World::new(SandboxMode::BestEffort).await;
    for (text, expected) in [
        (
            "exit 5",
            expect![[
                r#"{"errorType":"Extension.Crash","errorMessage":"RequestId: ID Error: exit status 5"}"#
            ]],
        ),
        (
            "register '\"INVOKE\"'; post $X/init/error '{}' $'Lambda-Extension-Function-Error-Type: My.Reason\\r\\nLambda-Extension-Identifier: '\"$EXTENSION\"; event",
            expect![[
                r#"{"errorType":"Extension.InitError","errorMessage":"RequestId: ID Error: My.Reason"}"#
            ]],
        ),
        (
            "register '\"INVOKE\"'; event; post $X/exit/error '{}' $'Lambda-Extension-Function-Error-Type: My.Reason\\r\\nLambda-Extension-Identifier: '\"$EXTENSION\"; event",
            expect![[
                r#"{"errorType":"Extension.ExitError","errorMessage":"RequestId: ID Error: My.Reason"}"#
            ]],
        ),
        (
            "register '\"INVOKE\"'; event; exit 0",
            expect![[r#"{"errorType":"Extension.Crash","errorMessage":"RequestId: ID Error: exit code 0"}"#]],
        ),
    ] {
        let hangs = provided(&world, "next; sleep 5");
        let outcome = world.once(with_extension(&world, hangs, text), "{}").await;
        assert!(!outcome.reusable);
        let body = outcome.result.unwrap_err().body;
        expected.assert_eq(&String::from_utf8_lossy(&body).replace(crate::world::ID, "ID"));
    }
    let mut spec = provided(&world, SERVES);
    let folder = layer(&world, &[]);
    std::fs::create_dir_all(folder.join("extensions")).unwrap();
    std::fs::write(folder.join("extensions/plain"), "x").unwrap();
    spec.layers.push(folder);
    let body = world.once(spec, "{}").await.result.unwrap_err().body;
    let launch = "Error: fork/exec /opt/extensions/plain: permission denied\"}";
    assert!(body.ends_with(launch.as_bytes()), "{body:?}");
}

#[tokio::test]
async fn an_extension_is_told_of_the_end_and_what_it_says_of_it_is_kept() {
    for (runtime, ends, reason) in [
        (SERVES, false, "spindown"),
        ("next; exit 3", true, "failure"),
        ("next; while :; do sleep 1; done", true, "timeout"),
    ] {
        let world = World::new(SandboxMode::BestEffort).await;
        let watcher = "register '\"SHUTDOWN\"'; event; echo \"$BODY\"";
        let (said, mut heard) = tokio::sync::mpsc::unbounded_channel();
        let mut spec = with_extension(&world, provided(&world, runtime), watcher);
        spec.timeout_ms = 1000;
        spec.late_lines = Some(LateLines::new(move |lines| drop(said.send(lines))));
        let mut environment = world.launch(spec).await;
        assert_eq!(environment.invoke(invocation("1")).await.reusable, !ends);
        drop(environment);
        let lines = heard.recv().await.unwrap();
        let text = String::from_utf8_lossy(&lines[0].bytes).into_owned();
        assert!(text.starts_with("{\"eventType\":\"SHUTDOWN\",\"deadlineMs\":"), "{text}");
        assert!(text.ends_with(&format!(",\"shutdownReason\":\"{reason}\"}}")), "{text}");
    }
}

/// All have two seconds, and who does not end by himself is ended.
#[tokio::test]
async fn an_extension_that_does_not_end_is_ended() {
    let world = World::new(SandboxMode::BestEffort).await;
    let watcher = "trap '' TERM; register '\"SHUTDOWN\"'; event; echo told; while :; do sleep 0.1; done";
    let (said, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let mut spec = with_extension(&world, provided(&world, SERVES), watcher);
    spec.late_lines = Some(LateLines::new(move |lines| drop(said.send(lines))));
    let mut environment = world.launch(spec).await;
    assert!(environment.invoke(invocation("1")).await.reusable);
    let began = std::time::Instant::now();
    drop(environment);
    let lines = heard.recv().await.unwrap();
    let took = began.elapsed();
    assert_eq!(lines[0].bytes, "told");
    assert!(took.as_millis() >= 1900 && took.as_secs() < 10, "{took:?}");
}

#[tokio::test]
async fn an_answer_is_told_before_the_extensions_are_done() {
    let world = World::new(SandboxMode::Off).await;
    let go = world.folder.path().join("go");
    let watcher =
        format!("register '\"INVOKE\"'; event; until [ -e {} ]; do sleep 0.01; done; event", go.display());
    let mut environment = world.launch(with_extension(&world, provided(&world, SERVES), &watcher)).await;
    let (answered, mut answer) = tokio::sync::mpsc::channel(1);
    let mut first = invocation("1");
    first.answered = Some(answered);
    let invoked = environment.invoke(first);
    tokio::pin!(invoked);
    let told = tokio::select! {
        told = answer.recv() => told.unwrap(),
        _ = &mut invoked => panic!("over before the extension was done"),
    };
    assert_eq!(told.unwrap(), "1");
    std::fs::write(go, "").unwrap();
    let outcome = invoked.await;
    assert!(outcome.reusable && outcome.phases.extension_overhead.unwrap() <= outcome.duration);
}

#[tokio::test]
async fn a_part_of_the_runtime_may_be_an_extension() {
    let world = World::new(SandboxMode::BestEffort).await;
    let text = r#"
        register '"SHUTDOWN"' inner; echo "$STATUS $BODY"
        register '"INVOKE"' inner; echo "$STATUS"
        own=$EXTENSION
        exec 4<>"/dev/tcp/${AWS_LAMBDA_RUNTIME_API%:*}/${AWS_LAMBDA_RUNTIME_API#*:}"
        ask() { printf 'GET %s/event/next HTTP/1.1\r\nLambda-Extension-Identifier: %s\r\n\r\n' $X "$own" >&4; }
        ask
        while next; do
            read -r _ status _ <&4; echo "inner $status"
            while IFS= read -r line <&4; do [ "$line" = $'\r' ] && break; case $line in Content-Length*) n=${line#*: };; esac; done
            read -r -N "${n%$'\r'}" event <&4
            answer 1; ask
        done"#;
    let spec = provided(&world, &format!("{EXTENSION}{text}"));
    let mut environment = world.launch(spec).await;
    expect![[r#"
        ok 1
        < 403 {"errorMessage":"SHUTDOWN: ShutdownEventNotSupportedForInternalExtension","errorType":"Extension.InvalidEventType"}
        < 200
        | inner 200"#]]
    .assert_eq(&show(&environment.invoke(invocation("1")).await));
    expect![[r#"
        ok 1
        | inner 200"#]]
    .assert_eq(&show(&environment.invoke(invocation("2")).await));
}

#[tokio::test]
async fn a_wrapper_starts_the_runtime() {
    let world = World::new(SandboxMode::BestEffort).await;
    for (runtime, file, code) in [
        ("nodejs20.x", "index.js", "exports.handler = async () => process.env.FROM_WRAPPER"),
        ("python3.12", "index.py", "import os\ndef handler(e, c):\n    return os.environ['FROM_WRAPPER']"),
    ] {
        let mut spec = world.function(runtime, &[(file, code)]);
        write_program(
            &spec.code_dir.join("wrapper"),
            "#!/bin/bash\necho wrapped \"$#\" \"$_HANDLER\"\nexport FROM_WRAPPER=yes\nexec \"$@\"\n",
        );
        spec.env.push(("AWS_LAMBDA_EXEC_WRAPPER".to_owned(), "/var/task/wrapper".to_owned()));
        let outcome = world.once(spec, "{}").await;
        assert_eq!(outcome.result.as_ref().unwrap(), "\"yes\"", "{runtime}");
        assert!(show(&outcome).contains("< wrapped "), "{}", show(&outcome));
    }
}
