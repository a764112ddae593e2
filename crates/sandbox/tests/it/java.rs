//! Java handlers: every form, events of every type, errors word for word, output. Compiled once with the host's JDK;
//! where there is none this says so and tests nothing.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use expect_test::{Expect, expect};
use sandbox::{FunctionSpec, Outcome, SandboxMode};
use tempfile::TempDir;

use crate::needs::needs;
use crate::world::{World, invocation, show, write_files};

const SOURCES: &[(&str, &str)] = &[
    (
        "app/Echo.java",
        r#"package app;
import com.amazonaws.services.lambda.runtime.*;
import java.io.*;
import java.util.*;

public class Echo implements RequestHandler<Map<String, Object>, Object> {
    public Object handleRequest(Map<String, Object> event, Context context) { return event; }

    public static class Stream implements RequestStreamHandler {
        public void handleRequest(InputStream in, OutputStream out, Context context) throws IOException {
            out.write('<'); in.transferTo(out); out.write('>');
        }
    }
    public static class Point {
        private int x; private Double y; private String label; public List<Point> next; private Kind kind;
        public int getX() { return x; } public void setX(int x) { this.x = x; }
        public Double getY() { return y; } public void setY(Double y) { this.y = y; }
        public String getLabel() { return label; } public void setLabel(String label) { this.label = label; }
        public Kind getKind() { return kind; } public void setKind(Kind kind) { this.kind = kind; }
        public boolean isOrigin() { return x == 0; }
    }
    public enum Kind { A, B }
    public record Pair(String name, List<Integer> values) {}

    public Point point(Point p) { return p; }
    public Pair pair(Pair p) { return p; }
    public String text(String s) { return s + "!"; }
    public Integer number(Integer n) { return n + 1; }
    public List<Integer> list(List<Integer> l) { Collections.reverse(l); return l; }
    public static void nothing() {}
    public Object object(Object o, Context c) { return o == null ? "none" : o.getClass().getSimpleName(); }
    public void raw(InputStream in, OutputStream out, Context c) throws IOException { in.transferTo(out); }
    public Object written(Object o) throws Exception {
        Map<String, Object> m = new LinkedHashMap<>();
        m.put("date", new Date(5)); m.put("at", java.time.Instant.ofEpochSecond(1, 500000000)); m.put("nan", Double.NaN);
        m.put("bytes", new byte[] {1, 2}); m.put("none", null); m.put("maybe", Optional.of(1)); m.put("text", "ü\n\u0001");
        return m;
    }
    public Map<String, Object> context(Object o, Context c) {
        Map<String, Object> m = new TreeMap<>();
        m.put("id", c.getAwsRequestId()); m.put("name", c.getFunctionName()); m.put("version", c.getFunctionVersion());
        m.put("arn", c.getInvokedFunctionArn()); m.put("memory", c.getMemoryLimitInMB()); m.put("group", c.getLogGroupName());
        m.put("stream", c.getLogStreamName()); m.put("time", c.getRemainingTimeInMillis() > 5000);
        m.put("identity", c.getIdentity()); m.put("env", System.getenv("MINE") + System.getenv().get("AWS_EXECUTION_ENV"));
        return m;
    }
    public void logs(Object o, Context c) {
        c.getLogger().log("one\nline"); LambdaRuntime.getLogger().log("two\n");
        c.getLogger().log("three", com.amazonaws.services.lambda.runtime.logging.LogLevel.WARN);
    }
    public void prints() {
        System.out.println("one\ntwo"); System.out.print("three");
    }
    public void fails(Object o) { throw new IllegalStateException("bad", new RuntimeException("inner")); }
    public void checked() throws Exception { throw new Mine(); }
    public static class Mine extends Exception {}
    public void exits() { System.exit(7); }
    public void runsOut() { List<byte[]> l = new ArrayList<>(); while (true) l.add(new byte[1 << 20]); }
    public String large() { return "x".repeat(7 << 20); }
    private void hidden() {}
    public void far(int a, int b, int c, int d) {}
    public String heap() { return Runtime.getRuntime().maxMemory() / 1024 / 1024 + " " + java.util.TimeZone.getDefault().getID(); }
    public String files() throws IOException { return new BufferedReader(new InputStreamReader(Echo.class.getResourceAsStream("/note.txt"))).readLine(); }
}
"#,
    ),
    (
        "app/Broken.java",
        "package app; public class Broken { public Broken() { throw new IllegalArgumentException(\"no\"); } public void run() {} }",
    ),
    (
        "app/Static.java",
        "package app; public class Static { static { if (true) throw new RuntimeException(\"early\"); } public void run() {} }",
    ),
    (
        "com/amazonaws/services/lambda/runtime/events/SQSEvent.java",
        "package com.amazonaws.services.lambda.runtime.events; import java.util.*;
public class SQSEvent { private List<SQSMessage> records;
  public List<SQSMessage> getRecords() { return records; } public void setRecords(List<SQSMessage> records) { this.records = records; }
  public static class SQSMessage { private String eventSourceArn, body; public String getEventSourceArn() { return eventSourceArn; }
    public void setEventSourceArn(String a) { eventSourceArn = a; } public String getBody() { return body; } public void setBody(String b) { body = b; } } }",
    ),
    (
        "app/Queue.java",
        "package app; import com.amazonaws.services.lambda.runtime.*; import com.amazonaws.services.lambda.runtime.events.SQSEvent;
public class Queue implements RequestHandler<SQSEvent, String> { public String handleRequest(SQSEvent e, Context c) {
  return e.getRecords().get(0).getEventSourceArn() + \" \" + e.getRecords().get(0).getBody(); } }",
    ),
];

/// Folder with the compiled classes; `None` without a JDK.
static CLASSES: LazyLock<Option<TempDir>> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let sources = folder.path().join("sources");
    write_files(&sources, SOURCES);
    write_files(&folder.path().join("classes"), &[("note.txt", "a note")]);
    let archive = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../runtimes/java/bootstrap.jar");
    let mut javac = Command::new("javac");
    javac
        .args(["--release", "17", "-proc:none", "-cp"])
        .arg(archive)
        .arg("-d")
        .arg(folder.path().join("classes"));
    javac.args(SOURCES.iter().map(|(name, _)| sources.join(name)));
    let compiled = javac.status();
    if !needs("javac", compiled.is_ok(), "apt-get install openjdk-17-jdk-headless") {
        return None;
    }
    assert!(compiled.is_ok_and(|status| status.success()), "the handlers do not compile");
    Some(folder)
});

fn spec(world: &World, handler: &str) -> Option<FunctionSpec> {
    let classes: PathBuf = CLASSES.as_ref()?.path().join("classes");
    let mut spec = world.function("java17", &[]);
    spec.code_dir = classes;
    spec.handler = handler.to_owned();
    spec.memory_mib = 128;
    spec.env = vec![("MINE".to_owned(), "mine ".to_owned())];
    Some(spec)
}

fn shown(outcome: &Outcome) -> String {
    let text = show(outcome);
    // Frames of the JDK differ by version.
    let own = |line: &&str| !line.contains("at java.base/") && !line.ends_with(" more");
    text.lines().filter(own).collect::<Vec<_>>().join("\n")
}

async fn check(handler: &str, payload: &str, expected: Expect) {
    let world = World::new(SandboxMode::BestEffort).await;
    let Some(spec) = spec(&world, handler) else { return };
    expected.assert_eq(&shown(&world.once(spec, payload).await));
}

#[tokio::test]
async fn handlers_answer() {
    for (handler, payload, expected) in [
        (
            "app.Echo",
            r#"{"b":[1,2.5,"ü",true,{"c":12345678901}],"none":null}"#,
            expect![[r#"ok {"b":[1,2.5,"ü",true,{"c":12345678901}]}"#]],
        ),
        ("app.Echo::handleRequest", r#"{"a":1}"#, expect![[r#"ok {"a":1}"#]]),
        ("app.Echo$Stream", r#"{"a": 1}"#, expect![[r#"ok <{"a": 1}>"#]]),
        ("app.Echo::raw", r#"{"a": 1}"#, expect![[r#"ok {"a": 1}"#]]),
        (
            "app.Echo::point",
            r#"{"x":"3","y":1,"label":7,"next":[{"x":0}],"kind":"B","unknown":{}}"#,
            expect![[
                r#"ok {"x":3,"y":1.0,"label":"7","next":[{"x":0,"origin":true}],"kind":"B","origin":false}"#
            ]],
        ),
        (
            "app.Echo::pair",
            r#"{"name":"n","values":[1,"2"]}"#,
            expect![[r#"ok {"name":"n","values":[1,2]}"#]],
        ),
        ("app.Echo::text", r#""a""#, expect![[r#"ok "a!""#]]),
        ("app.Echo::number", "41", expect!["ok 42"]),
        ("app.Echo::list", "[1,2,3]", expect!["ok [3,2,1]"]),
        ("app.Echo::nothing", "{}", expect!["ok null"]),
        ("app.Echo::object", "1.5", expect![[r#"ok "Double""#]]),
        (
            "app.Echo::written",
            "{}",
            expect![[
                r#"ok {"date":5,"at":1.500000000,"nan":"NaN","bytes":"AQI=","maybe":1,"text":"ü\n\u0001"}"#
            ]],
        ),
        (
            "app.Echo::context",
            "{}",
            expect![[
                r#"ok {"arn":"arn:aws:lambda:us-east-1:000000000000:function:fn","env":"mine AWS_Lambda_java17","group":"/aws/lambda/fn","id":"ID","memory":128,"name":"fn","stream":"2026/01/01/[$LATEST]abc","time":true,"version":"$LATEST"}"#
            ]],
        ),
        (
            "app.Echo::logs",
            "{}",
            expect![[r#"
            ok null
            | one
            line
            | two
            | [WARN] three"#]],
        ),
        (
            "app.Echo::prints",
            "{}",
            expect![[r#"
            ok null
            | one
            | two
            | three"#]],
        ),
        ("app.Echo::heap", "{}", expect![[r#"ok "106 UTC""#]]),
        ("app.Echo::files", "{}", expect![[r#"ok "a note""#]]),
        (
            "app.Queue",
            r#"{"Records":[{"eventSourceARN":"arn:q","body":"hi"}]}"#,
            expect![[r#"ok "arn:q hi""#]],
        ),
    ] {
        check(handler, payload, expected).await;
    }
}

#[tokio::test]
async fn failures_are_told_as_on_aws() {
    for (handler, payload, expected) in [
        (
            "app.Echo::fails",
            "{}",
            expect![[r#"
                Handler {"errorMessage":"bad","errorType":"java.lang.IllegalStateException","stackTrace":["app.Echo.fails(Echo.java:54)"..],"cause":{"errorMessage":"inner","errorType":"java.lang.RuntimeException","stackTrace":["app.Echo.fails(Echo.java:54)"..]}}
                | bad: java.lang.IllegalStateException
                java.lang.IllegalStateException: bad
                	at app.Echo.fails(Echo.java:54)
                Caused by: java.lang.RuntimeException: inner"#]],
        ),
        (
            "app.Echo::checked",
            "{}",
            expect![[r#"
                Handler {"errorMessage":"app.Echo$Mine","errorType":"app.Echo$Mine","stackTrace":["app.Echo.checked(Echo.java:55)"..]}
                | app.Echo$Mine: app.Echo$Mine
                app.Echo$Mine
                	at app.Echo.checked(Echo.java:55)"#]],
        ),
        (
            "app.Echo::exits",
            "{}",
            expect![[r#"
            Exit {"errorType":"Runtime.ExitError","errorMessage":"RequestId: ID Error: Runtime exited with error: exit status 7"}
            (ended)"#]],
        ),
        (
            "app.Echo::large",
            "{}",
            expect![[
                r#"ResponseTooLarge {"errorType":"Function.ResponseSizeTooLarge","errorMessage":"Response payload size exceeded maximum allowed payload size (6291556 bytes)."}"#
            ]],
        ),
        (
            "app.Echo::number",
            r#""x""#,
            expect![[r#"
                Handler {"errorMessage":"An error occurred during JSON parsing","errorType":"java.lang.RuntimeException","stackTrace":[],"cause":{"errorMessage":"java.io.IOException: Cannot deserialize value of type `java.lang.Integer` from String \"x\": not a valid `java.lang.Integer` value","errorType":"java.io.UncheckedIOException","stackTrace":[],"cause":{"errorMessage":"Cannot deserialize value of type `java.lang.Integer` from String \"x\": not a valid `java.lang.Integer` value","errorType":"java.io.IOException","stackTrace":[]}}}
                | An error occurred during JSON parsing: java.lang.RuntimeException
                java.lang.RuntimeException: An error occurred during JSON parsing
                Caused by: java.io.UncheckedIOException: java.io.IOException: Cannot deserialize value of type `java.lang.Integer` from String "x": not a valid `java.lang.Integer` value
                Caused by: java.io.IOException: Cannot deserialize value of type `java.lang.Integer` from String "x": not a valid `java.lang.Integer` value"#]],
        ),
        (
            "app.Echo::text",
            "{}",
            expect![[r#"
            Handler {"errorMessage":"An error occurred during JSON parsing","errorType":"java.lang.RuntimeException","stackTrace":[],"cause":{"errorMessage":"java.io.IOException: Cannot deserialize value of type `java.lang.String` from Object value (token `JsonToken.START_OBJECT`)\n at [Source: (ByteArrayInputStream); line: 1, column: 1]","errorType":"java.io.UncheckedIOException","stackTrace":[],"cause":{"errorMessage":"Cannot deserialize value of type `java.lang.String` from Object value (token `JsonToken.START_OBJECT`)\n at [Source: (ByteArrayInputStream); line: 1, column: 1]","errorType":"java.io.IOException","stackTrace":[]}}}
            | An error occurred during JSON parsing: java.lang.RuntimeException
            java.lang.RuntimeException: An error occurred during JSON parsing
            Caused by: java.io.UncheckedIOException: java.io.IOException: Cannot deserialize value of type `java.lang.String` from Object value (token `JsonToken.START_OBJECT`)
             at [Source: (ByteArrayInputStream); line: 1, column: 1]
            Caused by: java.io.IOException: Cannot deserialize value of type `java.lang.String` from Object value (token `JsonToken.START_OBJECT`)
             at [Source: (ByteArrayInputStream); line: 1, column: 1]"#]],
        ),
        (
            "app.Echo::hidden",
            "{}",
            expect![[r#"
            Handler {"errorMessage":"No public method named hidden with appropriate method signature found on class app.Echo"}
            | No public method named hidden with appropriate method signature found on class app.Echo"#]],
        ),
        (
            "app.Echo::far",
            "{}",
            expect![[r#"
            Handler {"errorMessage":"No public method named far with appropriate method signature found on class app.Echo"}
            < Ignoring an overload of method far because its signature is none of a handler's
            | No public method named far with appropriate method signature found on class app.Echo"#]],
        ),
        (
            "app.Nowhere::run",
            "{}",
            expect![[r#"
            Handler {"errorMessage":"Class not found: app.Nowhere","errorType":"java.lang.ClassNotFoundException"}
            | Class not found: app.Nowhere: java.lang.ClassNotFoundException
            java.lang.ClassNotFoundException: app.Nowhere"#]],
        ),
        (
            "app.Queue::",
            "{}",
            expect![[r#"
            Handler {"errorMessage":"Invalid handler: `app.Queue::'"}
            | Invalid handler: `app.Queue::'"#]],
        ),
        (
            "app.Echo$Point",
            "{}",
            expect![[r#"
            Handler {"errorMessage":"Class does not implement an appropriate handler interface: app.Echo$Point"}
            | Class does not implement an appropriate handler interface: app.Echo$Point"#]],
        ),
        (
            "app.Broken::run",
            "{}",
            expect![[r#"
                Init {"errorMessage":"no","errorType":"java.lang.IllegalArgumentException"}
                < no: java.lang.IllegalArgumentException
                java.lang.IllegalArgumentException: no
                	at app.Broken.<init>(Broken.java:1)
                < no: java.lang.IllegalArgumentException
                java.lang.IllegalArgumentException: no
                	at app.Broken.<init>(Broken.java:1)
                (ended)"#]],
        ),
        (
            "app.Static::run",
            "{}",
            expect![[r#"
                Init {"errorMessage":"Error loading class app.Static","errorType":"java.lang.ExceptionInInitializerError"}
                < Error loading class app.Static: java.lang.ExceptionInInitializerError
                java.lang.ExceptionInInitializerError
                Caused by: java.lang.RuntimeException: early
                	at app.Static.<clinit>(Static.java:1)
                < Error loading class app.Static: java.lang.ExceptionInInitializerError
                java.lang.ExceptionInInitializerError
                Caused by: java.lang.RuntimeException: early
                	at app.Static.<clinit>(Static.java:1)
                (ended)"#]],
        ),
    ] {
        check(handler, payload, expected).await;
    }
}

#[tokio::test]
async fn an_error_of_the_machine_ends_it() {
    let world = World::new(SandboxMode::BestEffort).await;
    let Some(spec) = spec(&world, "app.Echo::runsOut") else { return };
    let outcome = world.once(spec, "{}").await;
    let fault = String::from_utf8(outcome.result.unwrap_err().body.to_vec()).unwrap();
    // Which of the two is first depends on what else of the process takes memory.
    assert!(fault.contains("java.lang.OutOfMemoryError") || fault.contains("signal: killed"), "{fault}");
    assert!(!outcome.reusable);
}

#[tokio::test]
async fn the_pool_serves_and_environments_serve_again() {
    let world = World::with(SandboxMode::BestEffort, |config| config.pool_size = 1).await;
    let Some(spec) = spec(&world, "app.Echo::context") else { return };
    for _ in 0..2 {
        let mut environment = world.launch(spec.clone()).await;
        for _ in 0..3 {
            let outcome = environment.invoke(invocation("{}")).await;
            let body = String::from_utf8(outcome.result.unwrap().to_vec()).unwrap();
            assert!(body.contains(r#""env":"mine AWS_Lambda_java17""#), "{body}");
        }
    }
}
