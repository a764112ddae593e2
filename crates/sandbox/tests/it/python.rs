//! Python handlers: results, every error word for word, output.

use expect_test::{Expect, expect};
use sandbox::{SandboxConfig, SandboxMode, find_runtimes};

use crate::world::{ID, World, invocation, show};

async fn check_with(handler: &str, files: &[(&str, &str)], payload: &str, expected: Expect) {
    let world = World::new(SandboxMode::BestEffort).await;
    let mut spec = world.function("python3.11", files);
    spec.handler = handler.to_owned();
    spec.timeout_ms = 5000;
    expected.assert_eq(&settled(&show(&world.once(spec, payload).await)));
}

/// Without what differs by interpreter: the import machinery's lines. Spaces that do not break are shown as dots.
fn settled(text: &str) -> String {
    let mut out = Vec::new();
    for line in text.lines() {
        if line.contains("importlib") && !line.contains("Init {") || line.contains("_gcd_import(") {
            continue;
        }
        let line = match line.split_once("LAMBDA_WARNING: Unhandled exception. ") {
            Some((before, said)) if said.ends_with("runtimes-update.html") => {
                format!("{before}LAMBDA_WARNING")
            }
            _ => line.replace('\u{a0}', "·"),
        };
        // "stackTrace": ["  File \".../importlib/__init__.py\"..]
        let line = match (line.find("[\"  File"), line.find("/importlib/")) {
            (Some(from), Some(to)) => format!("{}[\"  File ..{}", &line[..from], &line[to..]),
            _ => line,
        };
        out.push(line);
    }
    out.join("\n")
}

#[tokio::test]
async fn handlers_answer() {
    for (code, expected) in [
        ("def handler(e, c): return e", expect![[r#"ok {"k": [1, "\u00fc"]}"#]]),
        ("def handler(e, c): pass", expect!["ok null"]),
        (
            "import decimal\ndef handler(e, c): return {'a': decimal.Decimal('1.5'), 'b': (1, 2)}",
            expect![[r#"ok {"a": 1.5, "b": [1, 2]}"#]],
        ),
        (
            "import decimal\nD = decimal.Decimal\ndef handler(e, c): return [D('1.10'), D('12345678901234567890.123'), D('NaN'), D('1E+3')]",
            expect!["ok [1.10, 12345678901234567890.123, NaN, 1E+3]"],
        ),
        (
            "import collections\nP = collections.namedtuple('P', 'x y')\ndef handler(e, c): return {'p': [P(1, (P(2, 3),))], 'q': {'r': (1,)}}",
            expect![[r#"ok {"p": [{"x": 1, "y": [{"x": 2, "y": 3}]}], "q": {"r": [1]}}"#]],
        ),
        (
            "def handler(e, c): return [b'text', 'é\\U0001f600', float('inf')]",
            expect![[r#"ok ["text", "\u00e9\ud83d\ude00", Infinity]"#]],
        ),
        ("def handler(e, c): return b'{\"raw\":1}'", expect![[r#"ok {"raw":1}"#]]),
        (
            "def handler(e, c): return {'a': b'\\xff'}",
            expect![[r#"
            Handler {"errorMessage": "Unable to marshal response: 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte", "errorType": "Runtime.MarshalError", "requestId": "ID", "stackTrace": []}
            | [ERROR] Runtime.MarshalError: Unable to marshal response: 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte
            Traceback (most recent call last):"#]],
        ),
        (
            "import collections\nP = collections.namedtuple('P', 'x')\ndef handler(e, c):\n  a = []; a.append(a)\n  return a",
            expect![[r#"
                Handler {"errorMessage": "Unable to marshal response: Circular reference detected", "errorType": "Runtime.MarshalError", "requestId": "ID", "stackTrace": []}
                | [ERROR] Runtime.MarshalError: Unable to marshal response: Circular reference detected
                Traceback (most recent call last):"#]],
        ),
        (
            "def handler(e, c): c.log('one'); c.log({'a': 1}); print(c.identity, c.client_context, c.w3c(), c.tenant_id)",
            expect![[r#"
                ok null
                | one
                | {'a': 1}
                | CognitoIdentity([cognito_identity_id=None,cognito_identity_pool_id=None]) None {} None"#]],
        ),
        (
            "def handler(e, c): print(c)",
            expect![[r#"
            ok null
            | LambdaContext([aws_request_id=ID,log_group_name=/aws/lambda/fn,log_stream_name=2026/01/01/[$LATEST]abc,function_name=fn,memory_limit_in_mb=256,function_version=$LATEST,invoked_function_arn=arn:aws:lambda:us-east-1:000000000000:function:fn,client_context=None,identity=CognitoIdentity([cognito_identity_id=None,cognito_identity_pool_id=None]),tenant_id=None])"#]],
        ),
        (
            "handler = None",
            expect![[r#"
            Handler {"errorMessage": "'NoneType' object is not callable", "errorType": "TypeError", "requestId": "ID", "stackTrace": []}
            | [ERROR] TypeError: 'NoneType' object is not callable
            Traceback (most recent call last):"#]],
        ),
        (
            "def handler(e, c): return {1, 2}",
            expect![[r#"
                Handler {"errorMessage": "Unable to marshal response: Object of type set is not JSON serializable", "errorType": "Runtime.MarshalError", "requestId": "ID", "stackTrace": []}
                | [ERROR] Runtime.MarshalError: Unable to marshal response: Object of type set is not JSON serializable
                Traceback (most recent call last):"#]],
        ),
        (
            "def handler(e, c): raise ValueError('bad')",
            expect![[r#"
                Handler {"errorMessage": "bad", "errorType": "ValueError", "requestId": "ID", "stackTrace": ["  File \"/var/task/index.py\"..]}
                | [ERROR] ValueError: bad
                Traceback (most recent call last):
                ··File "/var/task/index.py", line 1, in handler
                ····def handler(e, c): raise ValueError('bad')"#]],
        ),
        (
            "class Mine(Exception): pass\ndef handler(e, c):\n  inner()\ndef inner(): raise Mine",
            expect![[r#"
                Handler {"errorMessage": "", "errorType": "Mine", "requestId": "ID", "stackTrace": ["  File \"/var/task/index.py\"..]}
                | [ERROR] Mine
                Traceback (most recent call last):
                ··File "/var/task/index.py", line 3, in handler
                ····inner()
                ··File "/var/task/index.py", line 4, in inner
                ····def inner(): raise Mine"#]],
        ),
        (
            "import sys\ndef handler(e, c): sys.exit(0)",
            expect![[r#"
                Exit {"errorType":"Runtime.ExitError","errorMessage":"RequestId: ID Error: Runtime exited without providing a reason"}
                (ended)"#]],
        ),
        (
            "import sys\ndef handler(e, c): sys.exit(1)",
            expect![[r#"
                Exit {"errorType":"Runtime.ExitError","errorMessage":"RequestId: ID Error: Runtime exited with error: exit status 1"}
                (ended)"#]],
        ),
        (
            "import os\ndef handler(e, c): os._exit(3)",
            expect![[r#"
                Exit {"errorType":"Runtime.ExitError","errorMessage":"RequestId: ID Error: Runtime exited with error: exit status 3"}
                (ended)"#]],
        ),
        (
            "import os\ndef handler(e, c): os.kill(os.getpid(), 9)",
            expect![[r#"
                Exit {"errorType":"Runtime.ExitError","errorMessage":"RequestId: ID Error: Runtime exited with error: signal: killed"}
                (ended)"#]],
        ),
        (
            "class Mute(Exception):\n  def __str__(self): raise ValueError\ndef handler(e, c): raise Mute",
            expect![[r#"
                Handler {"errorMessage": "<ValueError while the message was made>", "errorType": "Mute", "requestId": "ID", "stackTrace": ["  File \"/var/task/index.py\"..]}
                | [ERROR] Mute: <ValueError while the message was made>
                Traceback (most recent call last):
                ··File "/var/task/index.py", line 3, in handler
                ····def handler(e, c): raise Mute"#]],
        ),
        (
            "def handler(e): return 1",
            expect![[r#"
                Handler {"errorMessage": "handler() takes 1 positional argument but 2 were given", "errorType": "TypeError", "requestId": "ID", "stackTrace": []}
                | [ERROR] TypeError: handler() takes 1 positional argument but 2 were given
                Traceback (most recent call last):"#]],
        ),
    ] {
        check_with("index.handler", &[("index.py", code)], r#"{"k":[1,"ü"]}"#, expected).await;
    }
}

#[tokio::test]
async fn handlers_that_cannot_be_loaded() {
    for (handler, name, code, expected) in [
        (
            "index.handler",
            "other.py",
            "",
            expect![[r#"
                Init {"errorMessage": "Unable to import module 'index': No module named 'index'", "errorType": "Runtime.ImportModuleError", "requestId": "", "stackTrace": []}
                < [WARNING]	T		LAMBDA_WARNING
                < [ERROR] Runtime.ImportModuleError: Unable to import module 'index': No module named 'index'
                Traceback (most recent call last):
                < [WARNING]	T		LAMBDA_WARNING
                < [ERROR] Runtime.ImportModuleError: Unable to import module 'index': No module named 'index'
                Traceback (most recent call last):
                (ended)"#]],
        ),
        (
            "index.handler",
            "index.py",
            "import not_there",
            expect![[r#"
                Init {"errorMessage": "Unable to import module 'index': No module named 'not_there'", "errorType": "Runtime.ImportModuleError", "requestId": "", "stackTrace": []}
                < [WARNING]	T		LAMBDA_WARNING
                < [ERROR] Runtime.ImportModuleError: Unable to import module 'index': No module named 'not_there'
                Traceback (most recent call last):
                < [WARNING]	T		LAMBDA_WARNING
                < [ERROR] Runtime.ImportModuleError: Unable to import module 'index': No module named 'not_there'
                Traceback (most recent call last):
                (ended)"#]],
        ),
        (
            "index.handler",
            "index.py",
            "x = 1",
            expect![[r#"
                Init {"errorMessage": "Handler 'handler' missing on module 'index'", "errorType": "Runtime.HandlerNotFound", "requestId": "", "stackTrace": []}
                < [WARNING]	T		LAMBDA_WARNING
                < [ERROR] Runtime.HandlerNotFound: Handler 'handler' missing on module 'index'
                Traceback (most recent call last):
                < [WARNING]	T		LAMBDA_WARNING
                < [ERROR] Runtime.HandlerNotFound: Handler 'handler' missing on module 'index'
                Traceback (most recent call last):
                (ended)"#]],
        ),
        (
            "index.handler",
            "index.py",
            "def handler(e, c) return",
            expect![[r#"
                Init {"errorMessage": "Syntax error in module 'index': expected ':' (index.py, line 1)", "errorType": "Runtime.UserCodeSyntaxError", "requestId": "", "stackTrace": ["  File \"/var/task/index.py\" Line 1\n    def handler(e, c) return"]}
                < [WARNING]	T		LAMBDA_WARNING
                < [ERROR] Runtime.UserCodeSyntaxError: Syntax error in module 'index': expected ':' (index.py, line 1)
                Traceback (most recent call last):
                ··File "/var/task/index.py" Line 1
                ····def handler(e, c) return
                < [WARNING]	T		LAMBDA_WARNING
                < [ERROR] Runtime.UserCodeSyntaxError: Syntax error in module 'index': expected ':' (index.py, line 1)
                Traceback (most recent call last):
                ··File "/var/task/index.py" Line 1
                ····def handler(e, c) return
                (ended)"#]],
        ),
        (
            "index.handler",
            "index.py",
            "raise KeyError('at init')",
            expect![[r#"
                Init {"errorMessage": "'at init'", "errorType": "KeyError", "requestId": "", "stackTrace": ["  File ../importlib/__init__.py\"..]}
                < [WARNING]	T		LAMBDA_WARNING
                < [ERROR] KeyError: 'at init'
                Traceback (most recent call last):
                ··File "/var/task/index.py", line 1, in <module>
                ····raise KeyError('at init')
                < [WARNING]	T		LAMBDA_WARNING
                < [ERROR] KeyError: 'at init'
                Traceback (most recent call last):
                ··File "/var/task/index.py", line 1, in <module>
                ····raise KeyError('at init')
                (ended)"#]],
        ),
        (
            "index.handler",
            "index.py",
            "import sys; sys.exit(2)",
            expect![[r#"
                Exit {"errorType":"Runtime.ExitError","errorMessage":"RequestId: ID Error: Runtime exited with error: exit status 2"}
                (ended)"#]],
        ),
        (
            "index.",
            "index.py",
            "",
            expect![[r#"
            Init {"errorMessage": "Handler '' missing on module 'index'", "errorType": "Runtime.HandlerNotFound", "requestId": "", "stackTrace": []}
            < [WARNING]	T		LAMBDA_WARNING
            < [ERROR] Runtime.HandlerNotFound: Handler '' missing on module 'index'
            Traceback (most recent call last):
            < [WARNING]	T		LAMBDA_WARNING
            < [ERROR] Runtime.HandlerNotFound: Handler '' missing on module 'index'
            Traceback (most recent call last):
            (ended)"#]],
        ),
        (
            "sys.handler",
            "index.py",
            "",
            expect![[r#"
            Init {"errorMessage": "Cannot use built-in module sys as a handler module", "errorType": "Runtime.BuiltInModuleConflict", "requestId": "", "stackTrace": []}
            < [WARNING]	T		LAMBDA_WARNING
            < [ERROR] Runtime.BuiltInModuleConflict: Cannot use built-in module sys as a handler module
            Traceback (most recent call last):
            < [WARNING]	T		LAMBDA_WARNING
            < [ERROR] Runtime.BuiltInModuleConflict: Cannot use built-in module sys as a handler module
            Traceback (most recent call last):
            (ended)"#]],
        ),
        (
            "nope/deep.handler",
            "index.py",
            "",
            expect![[r#"
            Init {"errorMessage": "Unable to import module 'nope/deep': No module named 'nope'", "errorType": "Runtime.ImportModuleError", "requestId": "", "stackTrace": []}
            < [WARNING]	T		LAMBDA_WARNING
            < [ERROR] Runtime.ImportModuleError: Unable to import module 'nope/deep': No module named 'nope'
            Traceback (most recent call last):
            < [WARNING]	T		LAMBDA_WARNING
            < [ERROR] Runtime.ImportModuleError: Unable to import module 'nope/deep': No module named 'nope'
            Traceback (most recent call last):
            (ended)"#]],
        ),
        (
            "index",
            "index.py",
            "",
            expect![[r#"
                Init {"errorMessage": "Bad handler 'index': not enough values to unpack (expected 2, got 1)", "errorType": "Runtime.MalformedHandlerName", "requestId": "", "stackTrace": []}
                < [WARNING]	T		LAMBDA_WARNING
                < [ERROR] Runtime.MalformedHandlerName: Bad handler 'index': not enough values to unpack (expected 2, got 1)
                Traceback (most recent call last):
                < [WARNING]	T		LAMBDA_WARNING
                < [ERROR] Runtime.MalformedHandlerName: Bad handler 'index': not enough values to unpack (expected 2, got 1)
                Traceback (most recent call last):
                (ended)"#]],
        ),
    ] {
        check_with(handler, &[(name, code)], "{}", expected).await;
    }
}

#[tokio::test]
async fn packages_and_layers_are_found() {
    let files = [
        ("pkg/__init__.py", ""),
        ("pkg/mod.py", "from . import dep\ndef handler(e, c): return dep.x"),
        ("pkg/dep.py", "x = 5"),
    ];
    check_with("pkg.mod.handler", &files, "{}", expect!["ok 5"]).await;
    check_with("pkg/mod.handler", &files, "{}", expect!["ok 5"]).await;
}

#[tokio::test]
async fn boto3_is_found_or_asked_for() {
    let world = World::new(SandboxMode::BestEffort).await;
    let code = "import boto3\ndef handler(e, c): return boto3.client('dynamodb').meta.endpoint_url";
    let mut spec = world.function("python3.12", &[("index.py", code)]);
    spec.env.push(("AWS_ENDPOINT_URL".to_owned(), "http://127.0.0.1:1".to_owned()));
    let text = show(&world.once(spec, "{}").await);
    assert!(text == r#"ok "http://127.0.0.1:1""# || text.contains("pip install boto3"), "{text}");
}

/// A Python that has no packages of its own is lent those of one that has.
#[tokio::test]
async fn an_interpreter_without_boto3_is_lent_it() {
    let world = World::new(SandboxMode::BestEffort).await;
    let lent = find_runtimes(&SandboxConfig::new(world.folder.path().join("scratch")), Some("python")).await;
    let lent = lent.into_iter().find(|found| found.family == "python" && found.lent_sdk.is_some());
    let Some(lent) = lent else { return }; // each Python of this host has boto3, or none
    let code = "
import boto3, os, sys
client = boto3.client('dynamodb')
def handler(e, c):
    where = os.path.dirname(os.path.dirname(boto3.__file__))
    names = [finder for finder in sys.meta_path if type(finder).__name__ == '_LentSdk'][0].names
    return [where, where in sys.path, os.access(boto3.__file__, os.W_OK), len(names), 'pip' in names]
";
    let spec = world.function(lent.runtime, &[("index.py", code)]);
    let folder = lent.lent_sdk.unwrap();
    let answer = show(&world.once(spec, "{}").await);
    assert_eq!(answer, format!(r#"ok ["{}", false, false, 7, false]"#, folder.display()));
}

/// What the runtime loads late, or from bytecode of its own, is what a runtime has that loads everything first.
#[tokio::test]
async fn what_is_loaded_late_is_not_the_packages() {
    let own = "raise Exception('not to be loaded')";
    let code = "
import json, logging, sys, token
def handler(e, c):
    names = [m for m in ('json', 'logging', 'token', 'traceback', 're') if 'task' in sys.modules[m].__file__]
    logging.warning('said %s', json.dumps(e))
    return [names, callable(exit), callable(help), type(logging.__loader__).__name__]
";
    check_with(
        "index.handler",
        &[("index.py", code), ("token.py", own), ("traceback.py", own), ("logging.py", own), ("re.py", own)],
        r#" {"k":[1]} "#,
        expect![[r#"
            ok [[], true, true, "SourceFileLoader"]
            | [WARNING]	T	ID	said {"k": [1]}"#]],
    )
    .await;
    check_with(
        "index.handler",
        &[("index.py", "def handler(e, c): return e['k']"), ("traceback.py", own), ("token.py", own)],
        "{}",
        expect![[r#"
            Handler {"errorMessage": "'k'", "errorType": "KeyError", "requestId": "ID", "stackTrace": ["  File \"/var/task/index.py\"..]}
            | [ERROR] KeyError: 'k'
            Traceback (most recent call last):
            ··File "/var/task/index.py", line 1, in handler
            ····def handler(e, c): return e['k']"#]],
    )
    .await;
    for (payload, expected) in [
        (
            "",
            expect![[r#"
                Handler {"errorMessage": "Unable to unmarshal input: Expecting value: line 1 column 1 (char 0)", "errorType": "Runtime.UnmarshalError", "requestId": "ID", "stackTrace": []}
                | [ERROR] Runtime.UnmarshalError: Unable to unmarshal input: Expecting value: line 1 column 1 (char 0)
                Traceback (most recent call last):"#]],
        ),
        (
            "{\"a\": nul}",
            expect![[r#"
                Handler {"errorMessage": "Unable to unmarshal input: Expecting value: line 1 column 7 (char 6)", "errorType": "Runtime.UnmarshalError", "requestId": "ID", "stackTrace": []}
                | [ERROR] Runtime.UnmarshalError: Unable to unmarshal input: Expecting value: line 1 column 7 (char 6)
                Traceback (most recent call last):"#]],
        ),
        (
            " [1, 2] 3",
            expect![[r#"
                Handler {"errorMessage": "Unable to unmarshal input: Extra data: line 1 column 9 (char 8)", "errorType": "Runtime.UnmarshalError", "requestId": "ID", "stackTrace": []}
                | [ERROR] Runtime.UnmarshalError: Unable to unmarshal input: Extra data: line 1 column 9 (char 8)
                Traceback (most recent call last):"#]],
        ),
        (
            " [NaN, -1e400, 12345678901234567890, \"\\ud83d\\ude00\"]\n",
            expect![[r#"ok [NaN, -Infinity, 12345678901234567890, "\ud83d\ude00"]"#]],
        ),
    ] {
        check_with("index.handler", &[("index.py", "def handler(e, c): return e")], payload, expected).await;
    }
}

/// Neither is the bootstrap compiled at each start, nor does a function wait for what the host's packages want to do then.
#[tokio::test]
async fn a_start_does_no_work_twice() {
    let code = "
import os, sys
early = sorted({'json', 'logging', 're', 'traceback', 'typing'} & set(sys.modules))
def handler(e, c):
    own = sys.modules['rushlight_runtime']
    return [early, sys.flags.no_site, os.path.exists(own.__cached__), own.main.__code__.co_filename == own.__file__]
";
    for runtime in ["python3.9", "python3.10", "python3.11", "python3.12", "python3.13"] {
        let world = World::new(SandboxMode::BestEffort).await;
        let answer = show(&world.once(world.function(runtime, &[("index.py", code)]), "{}").await);
        assert_eq!(answer, "ok [[], 1, true, true]", "{runtime}");
    }
}

#[tokio::test]
async fn the_context_and_output() {
    let code = "
import logging, os, sys, time
log = logging.getLogger()
log.setLevel('INFO')
print('at init')
def handler(e, c):
    log.info('said %s', e['k'])
    logging.getLogger('mine').warning('two\\nlines')
    log.debug('not shown')
    return [c.function_name, c.function_version, c.invoked_function_arn, c.memory_limit_in_mb, c.aws_request_id, c.log_group_name,
        c.log_stream_name, c.get_remaining_time_in_millis() > 4000, c.client_context, os.environ['AWS_EXECUTION_ENV'], os.environ['_HANDLER'], time.tzname[0]]
";
    check_with("index.handler", &[("index.py", code)], r#"{"k":1}"#, expect![[r#"
        ok ["fn", "$LATEST", "arn:aws:lambda:us-east-1:000000000000:function:fn", "256", "ID", "/aws/lambda/fn", "2026/01/01/[$LATEST]abc", true, null, "AWS_Lambda_python3.11", "index.handler", "UTC"]
        < at init
        | [INFO]	T	ID	said 1
        | [WARNING]	T	ID	two
        lines"#]]).await;
    let code = "
import os, sys
def handler(e, c):
    os.system('echo child'); print('one'); print('two', 'parts'); sys.stdout.write('no newline')
";
    check_with(
        "index.handler",
        &[("index.py", code)],
        r#"{"k":1}"#,
        expect![[r#"
            ok null
            | child
            | one
            | two parts
            | no newline"#]],
    )
    .await;
}

/// To ask all that a host has takes seconds.
#[tokio::test]
async fn only_interpreters_of_the_language_in_question_are_asked() {
    let folder = tempfile::tempdir().unwrap();
    let asked = folder.path().join("asked");
    let mut config = SandboxConfig::new(folder.path().join("scratch"));
    let program = folder.path().join("python3");
    crate::runtime_api::write_program(&program, &format!("#!/bin/sh\ntouch {}\n", asked.display()));
    config.python = Some(program);
    for (family, is_asked) in [("node", false), ("python", true)] {
        let found = find_runtimes(&config, Some(family)).await;
        assert!(!found.is_empty() && found.iter().all(|found| found.family == family));
        assert_eq!(asked.exists(), is_asked);
    }
}

/// What is printed, logged and told of the end stands in order, also of a process that gave no notice of its end; and what
/// children had written before.
#[tokio::test]
async fn output_stands_in_the_order_in_which_it_was_made() {
    let code = "
import logging, os, sys
def handler(e, c):
    os.system('echo child')
    if os.fork() == 0:
        print('forked')
        os._exit(0)
    os.wait()
    for n in range(2):
        print('out', n)
        print('err', n, file=sys.stderr)
        logging.getLogger().error('log %d', n)
    sys.stdout.buffer.write(b'bytes \\xff\\n')
    sys.stdout.write('unfinished')
    if e == 'exit': os._exit(3)
    if e == 'kill': os.kill(os.getpid(), 9)
    raise ValueError('x')
";
    for (event, expected) in [
        (
            "raise",
            expect![[r#"
        Handler {"errorMessage": "x", "errorType": "ValueError", "requestId": "ID", "stackTrace": ["  File \"/var/task/index.py\"..]}
        | child
        | forked
        | out 0
        | err 0
        | [ERROR]	T	ID	log 0
        | out 1
        | err 1
        | [ERROR]	T	ID	log 1
        | bytes �
        | [ERROR] ValueError: x
        Traceback (most recent call last):
        ··File "/var/task/index.py", line 17, in handler
        ····raise ValueError('x')
        | unfinished"#]],
        ),
        (
            "exit",
            expect![[r#"
        Exit {"errorType":"Runtime.ExitError","errorMessage":"RequestId: ID Error: Runtime exited with error: exit status 3"}
        | child
        | forked
        | out 0
        | err 0
        | [ERROR]	T	ID	log 0
        | out 1
        | err 1
        | [ERROR]	T	ID	log 1
        | bytes �
        | unfinished
        (ended)"#]],
        ),
        (
            "kill",
            expect![[r#"
        Exit {"errorType":"Runtime.ExitError","errorMessage":"RequestId: ID Error: Runtime exited with error: signal: killed"}
        | child
        | forked
        | out 0
        | err 0
        | [ERROR]	T	ID	log 0
        | out 1
        | err 1
        | [ERROR]	T	ID	log 1
        | bytes �
        | unfinished
        (ended)"#]],
        ),
    ] {
        check_with("index.handler", &[("index.py", code)], &format!("{event:?}"), expected).await;
    }
}

/// Frames of several threads do not get into each other.
#[tokio::test]
async fn threads_print_while_a_large_answer_leaves() {
    let world = World::new(SandboxMode::BestEffort).await;
    let code = "
import threading
stop = False
def chatter():
    while not stop: print('x' * 5000)
def handler(e, c):
    global stop
    stop = False
    threads = [threading.Thread(target=chatter) for _ in range(4)]
    for thread in threads: thread.start()
    for n in range(20): print('y' * 200000)
    threading.Timer(0.05, lambda: globals().update(stop=True)).start()
    return 'z' * 6000000
";
    let mut environment = world.launch(world.function("python3.12", &[("index.py", code)])).await;
    for _ in 0..2 {
        let outcome = environment.invoke(invocation("{}")).await;
        assert_eq!(outcome.result.map(|body| body.len()), Ok(6_000_002));
        assert!(outcome.logs.iter().all(|line| line.bytes.len() < 300_000));
    }
}

/// As `json` reads and writes it, whatever the invocation before came to.
#[tokio::test]
async fn events_and_answers_are_read_and_written_anew() {
    let world = World::new(SandboxMode::BestEffort).await;
    let code = "
import os
def handler(e, c):
    if e == 'circle':
        e = []
        e.append(e)
    if e == 'trace': return [os.environ['_X_AMZN_TRACE_ID'], os.getenv('_X_AMZN_TRACE_ID') == os.popen('echo $_X_AMZN_TRACE_ID').read().strip()]
    return float('nan') if e == 'nan' else {None: {1: e}} if e == 'keys' else {1, 2} if e == 'set' else e";
    let mut environment = world.launch(world.function("python3.11", &[("index.py", code)])).await;
    let mut all = Vec::new();
    for payload in [
        " {\"a\" : [ 1.50, true, null ] }\n",
        "\"circle\"",
        "\"\\ud83d\\ude00 \u{fc}\\u0001\"",
        "\"set\"",
        "\"nan\"",
        "\"keys\"",
        "\"trace\"",
        "7",
        "{\"a\":1} x",
        "\u{feff}1",
        "",
        "[[]]",
    ] {
        let mut invocation = invocation(payload);
        invocation.trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0".to_owned();
        let shown = show(&environment.invoke(invocation).await);
        all.push(shown.lines().next().unwrap_or_default().to_owned());
    }
    expect![[r#"
        ok {"a": [1.5, true, null]}
        Handler {"errorMessage": "Unable to marshal response: Circular reference detected", "errorType": "Runtime.MarshalError", "requestId": "ID", "stackTrace": []}
        ok "\ud83d\ude00 \u00fc\u0001"
        Handler {"errorMessage": "Unable to marshal response: Object of type set is not JSON serializable", "errorType": "Runtime.MarshalError", "requestId": "ID", "stackTrace": []}
        ok NaN
        ok {"null": {"1": "keys"}}
        ok ["Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0", true]
        ok 7
        Handler {"errorMessage": "Unable to unmarshal input: Extra data: line 1 column 9 (char 8)", "errorType": "Runtime.UnmarshalError", "requestId": "ID", "stackTrace": []}
        Handler {"errorMessage": "Unable to unmarshal input: Unexpected UTF-8 BOM (decode using utf-8-sig): line 1 column 1 (char 0)", "errorType": "Runtime.UnmarshalError", "requestId": "ID", "stackTrace": []}
        Handler {"errorMessage": "Unable to unmarshal input: Expecting value: line 1 column 1 (char 0)", "errorType": "Runtime.UnmarshalError", "requestId": "ID", "stackTrace": []}
        ok [[]]"#]].assert_eq(&all.join("\n"));
}

#[tokio::test]
async fn an_environment_keeps_its_state() {
    let world = World::new(SandboxMode::BestEffort).await;
    let code = "n = 0\ndef handler(e, c):\n  global n\n  n += e\n  print(n, end='')\n  if e == 2: raise RuntimeError(n)\n  return n";
    let mut environment = world.launch(world.function("python3.11", &[("index.py", code)])).await;
    let mut all = Vec::new();
    for payload in ["1", "2", "3"] {
        all.push(show(&environment.invoke(invocation(payload)).await));
    }
    expect![[r#"
        ok 1
        | 1
        Handler {"errorMessage": "3", "errorType": "RuntimeError", "requestId": "ID", "stackTrace": ["  File \"/var/task/index.py\"..]}
        | [ERROR] RuntimeError: 3
        Traceback (most recent call last):
          File "/var/task/index.py", line 6, in handler
            if e == 2: raise RuntimeError(n)
        | 3
        ok 6
        | 6"#]].assert_eq(&all.join("\n"));
}

/// On AWS such a child asks for the next event as its parent does, and takes events away from it.
#[tokio::test]
async fn a_forked_child_never_answers() {
    let world = World::new(SandboxMode::BestEffort).await;
    let code = "import os\ndef handler(e, c):\n  pid = os.fork()\n  if pid == 0 and e == 'raises': raise KeyError\n  if pid: os.waitpid(pid, 0)\n  return 'parent' if pid else 'child'";
    let mut environment = world.launch(world.function("python3.12", &[("index.py", code)])).await;
    for event in ["\"returns\"", "\"raises\"", "\"returns\""] {
        assert_eq!(show(&environment.invoke(invocation(event)).await), "ok \"parent\"");
    }
}

#[tokio::test]
async fn json_logs_are_as_aws_writes_them() {
    let world = World::new(SandboxMode::BestEffort).await;
    let code = "import logging\nlog = logging.getLogger()\ndef handler(e, c):\n    log.info('no')\n    log.warning('a %d', 1)\n    print('plain')";
    let mut spec = world.function("python3.12", &[("index.py", code)]);
    spec.env.push(("AWS_LAMBDA_LOG_FORMAT".to_owned(), "JSON".to_owned()));
    spec.env.push(("AWS_LAMBDA_LOG_LEVEL".to_owned(), "WARN".to_owned()));
    let outcome = world.once(spec, "{}").await;
    let lines: Vec<_> = outcome.logs.iter().map(|line| String::from_utf8_lossy(&line.bytes)).collect();
    let record = lines.iter().find(|line| line.starts_with('{')).unwrap();
    assert!(
        record.ends_with(&format!(
            r#""level": "WARNING", "message": "a 1", "logger": "root", "requestId": "{ID}"}}"#
        )),
        "{lines:?}"
    );
    assert!(lines.iter().any(|line| line == "plain") && lines.len() == 2, "{lines:?}");
}

/// From Python 3.12 on an answer has characters as they are; before, escapes. An error in JSON is one line of the log.
#[tokio::test]
async fn what_differs_by_runtime_and_log_format() {
    let world = World::new(SandboxMode::BestEffort).await;
    let code = "import logging\ndef handler(e, c):\n    if e == 1: raise ValueError('é')\n    logging.warning({'d': 'é'})\n    logging.error('more', extra={'kept': 2})\n    return 'é'";
    for (runtime, body) in [("python3.11", r#"ok "\u00e9""#), ("python3.12", r#"ok "é""#)] {
        let outcome = world.once(world.function(runtime, &[("index.py", code)]), "0").await;
        assert!(show(&outcome).starts_with(body), "{runtime}");
    }
    let mut spec = world.function("python3.12", &[("index.py", code)]);
    spec.env.push(("AWS_LAMBDA_LOG_FORMAT".to_owned(), "JSON".to_owned()));
    let mut environment = world.launch(spec).await;
    for (event, told) in [
        (
            "0",
            vec![
                r#""level": "WARNING", "message": {"d": "é"}, "logger": "root", "requestId": "#,
                r#""level": "ERROR", "message": "more", "logger": "root", "requestId": "#,
            ],
        ),
        ("1", vec![r#""level": "ERROR", "errorMessage": "é", "errorType": "ValueError", "requestId": "#]),
    ] {
        let outcome = environment.invoke(invocation(event)).await;
        assert_eq!(outcome.logs.len(), told.len(), "{}", show(&outcome));
        for (line, told) in outcome.logs.iter().zip(told) {
            assert!(String::from_utf8_lossy(&line.bytes).contains(told), "{}", show(&outcome));
        }
    }
}
