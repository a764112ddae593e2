//! The Runtime API as a program of the function's own sees it: written in Bash, which needs nothing but a socket.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use expect_test::{Expect, expect};
use sandbox::{FunctionSpec, SandboxMode};

use crate::world::{World, invocation, show};

/// A client of the API: `get PATH`, `post PATH BODY [FIELD]`, `next`; the answer is in STATUS, BODY, ID.
const CLIENT: &str = r##"#!/bin/bash
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
fn provided(world: &World, text: &str) -> FunctionSpec {
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
