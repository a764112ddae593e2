"""Functions as their users write them: every form of handler, AWS's exact errors, logs, versions and aliases."""

import base64
import io
import json
import re
import threading
import time
import zipfile

import pytest
from botocore.exceptions import ClientError

from conftest import ROLE, wait_for, zipped

# (what, file, handler, code, event, expected payload)
NODE_ANSWERS = [
    ("async", "index_js", "index.handler", "exports.handler = async (e) => ({ got: e });", {"a": 1}, {"got": {"a": 1}}),
    ("callback", "index_js", "index.handler", "exports.handler = (e, c, cb) => cb(null, e.n + 1);", {"n": 1}, 2),
    ("callback later", "index_js", "index.handler",
     "exports.handler = (e, c, cb) => { setTimeout(() => cb(null, 'late'), 20); };", {}, "late"),
    ("succeed", "index_js", "index.handler", "exports.handler = (e, c) => c.succeed('done');", {}, "done"),
    ("done", "index_js", "index.handler", "exports.handler = (e, c) => c.done(null, [1, 2]);", {}, [1, 2]),
    ("undefined", "index_js", "index.handler", "exports.handler = async () => {};", {}, None),
    ("mjs", "index_mjs", "index.handler", "export const handler = async (e) => `hi ${e.name}`;", {"name": "sy"}, "hi sy"),
    ("top-level await", "index_mjs", "index.handler",
     "const x = await Promise.resolve(7); export const handler = async () => x;", {}, 7),
    ("mjs with the SDK", "index_mjs", "index.handler",
     "import { DynamoDBClient } from '@aws-sdk/client-dynamodb'; export const handler = async () => DynamoDBClient.name;",
     {}, "DynamoDBClient"),
    ("nested exports", "app_js", "app.a.b", "exports.a = { b: async () => 'nested' };", {}, "nested"),
    ("number", "index_js", "index.handler", "exports.handler = async () => 1.5;", {}, 1.5),
    ("unicode", "index_js", "index.handler", "exports.handler = async (e) => e.text;", {"text": "안녕 🎉"}, "안녕 🎉"),
    ("not waiting", "index_js", "index.handler",
     "exports.handler = (e, c, cb) => { c.callbackWaitsForEmptyEventLoop = false; setInterval(() => {}, 50); cb(null, 'now'); };",
     {}, "now"),
    ("context", "index_js", "index.handler",
     "exports.handler = async (e, c) => [c.memoryLimitInMB, c.functionVersion, typeof c.awsRequestId, c.getRemainingTimeInMillis() > 0];",
     {}, ["128", "$LATEST", "string", True]),
]


@pytest.mark.parametrize("what,file,handler,code,event,expected", NODE_ANSWERS, ids=[row[0] for row in NODE_ANSWERS])
def test_node_answers(deploy, invoke, what, file, handler, code, event, expected):
    name = deploy(code, file=file, handler=handler)
    for _ in range(2):  # cold, then warm
        payload, error, log = invoke(name, event)
        assert (payload, error) == (expected, None), log


# (what, code, errorType, errorMessage)
NODE_ERRORS = [
    ("throw", "exports.handler = async () => { throw new RangeError('bad'); };", "RangeError", "bad"),
    ("sync throw", "exports.handler = () => { throw new Error('sync'); };", "Error", "sync"),
    ("fail", "exports.handler = (e, c) => c.fail(new TypeError('failed'));", "TypeError", "failed"),
    ("callback error", "exports.handler = (e, c, cb) => cb(new Error('cb'));", "Error", "cb"),
    ("exit", "exports.handler = async () => { process.exit(3); };", "Runtime.ExitError",
     "RequestId: ID Error: Runtime exited with error: exit status 3"),
    ("exit 0", "exports.handler = async () => { process.exit(0); };", "Runtime.ExitError",
     "RequestId: ID Error: Runtime exited without providing a reason"),
    ("timeout", "exports.handler = async () => { await new Promise(() => setTimeout(() => {}, 60000)); };",
     "Sandbox.Timedout", "RequestId: ID Error: Task timed out after 1.00 seconds"),
    ("busy loop", "exports.handler = async () => { for (;;); };",
     "Sandbox.Timedout", "RequestId: ID Error: Task timed out after 1.00 seconds"),
    ("syntax", "exports.handler = async () => {", "Runtime.UserCodeSyntaxError", "SyntaxError: Unexpected end of input"),
    ("no module", "require('nothing-here');", "Runtime.ImportModuleError",
     re.compile(r"Error: Cannot find module 'nothing-here'\nRequire stack:.*", re.S)),
    ("no handler", "exports.other = 1;", "Runtime.HandlerNotFound", "index.handler is undefined or not exported"),
    ("rejection", "exports.handler = (e, c, cb) => { Promise.reject(new Error('lost')); };",
     "Runtime.UnhandledPromiseRejection", "Error: lost"),
    ("signal", "exports.handler = async () => { process.kill(process.pid, 'SIGKILL'); };", "Runtime.ExitError",
     "RequestId: ID Error: Runtime exited with error: signal: killed"),
]


@pytest.mark.parametrize("what,code,kind,message", NODE_ERRORS, ids=[row[0] for row in NODE_ERRORS])
def test_node_errors(deploy, invoke, what, code, kind, message):
    name = deploy(code, Timeout=1 if kind == "Sandbox.Timedout" else 10)
    for _ in range(2):  # the environment that failed does no harm to the next invocation
        payload, error, log = invoke(name, {})
        assert error == "Unhandled"
        assert payload["errorType"] == kind, (payload, log)
        text = re.sub(r"RequestId: [0-9a-f-]{36}", "RequestId: ID", payload["errorMessage"])
        assert message.fullmatch(text) if isinstance(message, re.Pattern) else text == message, payload


def test_out_of_memory_ends_the_environment_and_nothing_else(deploy, invoke):
    code = "exports.handler = async (e) => { if (e.eat) { const a = []; for (;;) a.push(Buffer.alloc(8 << 20, 1)); } return 'fine'; };"
    name = deploy(code, Timeout=20)
    assert invoke(name, {})[0] == "fine"
    payload, error, _ = invoke(name, {"eat": True})
    assert (error, payload["errorType"]) == ("Unhandled", "Runtime.ExitError")
    assert payload["errorMessage"].endswith("Error: Runtime exited with error: signal: killed")
    assert invoke(name, {})[0] == "fine"


PYTHON = [
    ("dict", "def handler(event, context):\n    return {'got': event}", {"a": [1, None]}, {"got": {"a": [1, None]}}, None),
    ("none", "def handler(event, context):\n    pass", {}, None, None),
    ("context", "def handler(e, c):\n    return [c.memory_limit_in_mb, c.function_version, c.get_remaining_time_in_millis() > 0]",
     {}, ["128", "$LATEST", True], None),
    ("raise", "def handler(e, c):\n    raise ValueError('bad')", {},
     {"errorMessage": "bad", "errorType": "ValueError"}, "Unhandled"),
    ("import", "import nothing_here\ndef handler(e, c):\n    pass", {},
     {"errorMessage": "Unable to import module 'index': No module named 'nothing_here'",
      "errorType": "Runtime.ImportModuleError"}, "Unhandled"),
    ("missing", "def other(e, c):\n    pass", {},
     {"errorMessage": "Handler 'handler' missing on module 'index'", "errorType": "Runtime.HandlerNotFound"}, "Unhandled"),
    ("not json", "def handler(e, c):\n    return {1, 2}", {}, {"errorType": "Runtime.MarshalError"}, "Unhandled"),
    ("exit", "import sys\ndef handler(e, c):\n    sys.exit(4)", {}, {"errorType": "Runtime.ExitError"}, "Unhandled"),
]


@pytest.mark.parametrize("what,code,event,expected,fault", PYTHON, ids=[row[0] for row in PYTHON])
def test_python(deploy, invoke, what, code, event, expected, fault):
    name = deploy(code, runtime="python3.11")
    for _ in range(2):
        payload, error, log = invoke(name, event)
        assert error == fault, (payload, log)
        if fault:
            assert expected.items() <= payload.items(), payload
        else:
            assert payload == expected


def test_logs_of_an_invocation(server, deploy, invoke):
    name = deploy("exports.handler = async () => { console.log('one\\ntwo'); console.error('three'); process.stdout.write('raw\\n'); };")
    _, _, tail = invoke(name, {})
    request = re.match(r"START RequestId: ([0-9a-f-]{36}) Version: \$LATEST\n", tail)[1]
    assert f"\t{request}\tINFO\tone\ntwo\n" in tail and f"\t{request}\tERROR\tthree\n" in tail and "raw\n" in tail
    assert f"END RequestId: {request}\n" in tail
    report = rf"REPORT RequestId: {request}\tDuration: \d+\.\d\d ms\tBilled Duration: \d+ ms\tMemory Size: 128 MB\tMax Memory Used: \d+ MB\tInit Duration: \d+\.\d\d ms\t\n"
    assert re.search(report, tail), tail
    assert "Init Duration" not in invoke(name, {})[2]
    logs = server.client("logs")
    group = f"/aws/lambda/{name}"
    assert [g["logGroupName"] for g in logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]] == [group]
    stream = logs.describe_log_streams(logGroupName=group)["logStreams"][0]["logStreamName"]
    events = logs.get_log_events(logGroupName=group, logStreamName=stream, startFromHead=True)["events"]
    assert events[0]["message"].startswith("INIT_START Runtime Version: ")
    assert events[1]["message"].startswith("START RequestId")
    assert len(logs.filter_log_events(logGroupName=group, filterPattern="three")["events"]) == 2


def test_payload_that_is_no_json(lam, deploy):
    name = deploy("exports.handler = async () => 1;")
    for payload in ["{'name':'sy'}", "{", "nope", '{"a":1}}', b"\xff"]:
        with pytest.raises(ClientError) as refusal:
            lam.invoke(FunctionName=name, Payload=payload)
        error = refusal.value.response
        assert error["Error"]["Code"] == "InvalidRequestContentException"
        assert error["Error"]["Message"].startswith("Could not parse request body into json: Could not parse payload into json: ")


def test_too_large(lam, deploy, invoke):
    name = deploy("exports.handler = async (e) => 'x'.repeat(e.n);")
    payload, error, _ = invoke(name, {"n": 7 << 20})
    assert (error, payload["errorType"]) == ("Unhandled", "Function.ResponseSizeTooLarge")
    assert payload["errorMessage"] == "Response payload size exceeded maximum allowed payload size (6291556 bytes)."
    with pytest.raises(ClientError) as refusal:
        lam.invoke(FunctionName=name, Payload=json.dumps("x" * (7 << 20)))
    assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413


def test_event_and_dry_run(lam, server, deploy):
    name = deploy("exports.handler = async (e) => { console.log('saw ' + e.n); };")
    assert lam.invoke(FunctionName=name, InvocationType="DryRun")["StatusCode"] == 204
    for n in range(5):
        assert lam.invoke(FunctionName=name, InvocationType="Event", Payload=json.dumps({"n": n}))["StatusCode"] == 202
    logs = server.client("logs")

    def seen():
        try:
            events = logs.filter_log_events(logGroupName=f"/aws/lambda/{name}", filterPattern="saw")["events"]
        except ClientError:
            return set()
        return {re.search(r"saw (\d)", e["message"])[1] for e in events}

    wait_for(lambda: seen() == set("01234"), 20, lambda: str(seen()))


def test_versions_and_aliases(lam, deploy, invoke):
    name = deploy("exports.handler = async (e, c) => 'one ' + c.functionVersion;")
    assert lam.publish_version(FunctionName=name)["Version"] == "1"
    assert lam.publish_version(FunctionName=name)["Version"] == "1"  # nothing changed
    lam.update_function_code(FunctionName=name, ZipFile=zipped(index_js="exports.handler = async (e, c) => 'two ' + c.functionVersion;"))
    lam.get_waiter("function_updated_v2").wait(FunctionName=name)
    assert lam.publish_version(FunctionName=name)["Version"] == "2"
    assert invoke(name, {})[0] == "two $LATEST"
    assert invoke(name, {}, Qualifier="1")[0] == "one 1"
    alias = lam.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    assert invoke(alias["AliasArn"], {})[0] == "one 1"
    lam.update_alias(FunctionName=name, Name="live", FunctionVersion="2")
    assert invoke(f"{name}:live", {})[0] == "two 2"
    assert [v["Version"] for v in lam.list_versions_by_function(FunctionName=name)["Versions"]] == ["$LATEST", "1", "2"]
    with pytest.raises(lam.exceptions.ResourceNotFoundException) as missing:
        lam.invoke(FunctionName=f"{name}:9")
    assert f"Function not found: arn:aws:lambda:us-east-1:000000000000:function:{name}:9" in str(missing.value)


def test_environment_and_configuration(lam, deploy, invoke):
    name = deploy("exports.handler = async () => [process.env.COLOR, process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE];",
                  Environment={"Variables": {"COLOR": "red"}})
    assert invoke(name, {})[0] == ["red", "128"]
    lam.update_function_configuration(FunctionName=name, MemorySize=256, Environment={"Variables": {"COLOR": "blue"}})
    lam.get_waiter("function_updated_v2").wait(FunctionName=name)
    assert invoke(name, {})[0] == ["blue", "256"]
    found = lam.get_function(FunctionName=name)
    assert found["Configuration"]["State"] == "Active" and found["Code"]["Location"].startswith("http")


def test_policy_and_tags(lam, deploy):
    name = deploy("exports.handler = async () => 1;", Tags={"team": "a"})
    arn = lam.get_function(FunctionName=name)["Configuration"]["FunctionArn"]
    lam.add_permission(FunctionName=name, StatementId="s1", Action="lambda:InvokeFunction", Principal="events.amazonaws.com")
    statement = json.loads(lam.get_policy(FunctionName=name)["Policy"])["Statement"][0]
    assert statement == {"Sid": "s1", "Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"},
                         "Action": "lambda:InvokeFunction", "Resource": arn}
    with pytest.raises(lam.exceptions.ResourceConflictException):
        lam.add_permission(FunctionName=name, StatementId="s1", Action="lambda:InvokeFunction", Principal="events.amazonaws.com")
    lam.remove_permission(FunctionName=name, StatementId="s1")
    with pytest.raises(lam.exceptions.ResourceNotFoundException):
        lam.get_policy(FunctionName=name)
    lam.tag_resource(Resource=arn, Tags={"b": "2"})
    assert lam.list_tags(Resource=arn)["Tags"] == {"team": "a", "b": "2"}


def test_concurrent_invocations_each_have_an_environment(deploy, lam):
    name = deploy("exports.handler = async () => { await new Promise((r) => setTimeout(r, 300)); return process.pid; };", Timeout=10)
    answers, start = [], time.monotonic()
    threads = [threading.Thread(target=lambda: answers.append(lam.invoke(FunctionName=name)["Payload"].read())) for _ in range(8)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert len(answers) == 8 and time.monotonic() - start < 8 * 0.3 + 1


def broken_zip():
    return zipped(index_js="x")[:-30]


def climbing_zip(name):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, "owned")
        archive.writestr("index.js", "exports.handler = async () => 1;")
    return buffer.getvalue()


@pytest.mark.parametrize("package", [b"", b"not a zip", broken_zip(), climbing_zip("../../evil.js"), climbing_zip("/etc/evil")],
                         ids=["empty", "text", "truncated", "climbs", "absolute"])
def test_packages_that_are_refused(lam, package):
    with pytest.raises(ClientError) as refusal:
        lam.create_function(FunctionName="never", Runtime="nodejs20.x", Role=ROLE, Handler="index.handler", Code={"ZipFile": package})
    assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    with pytest.raises(lam.exceptions.ResourceNotFoundException):
        lam.get_function(FunctionName="never")


def test_the_jail_from_inside(server, deploy, invoke):
    code = """
const fs = require('fs');
const attempt = (f) => { try { return f() ?? 'ok'; } catch (e) { return e.code || e.message; } };
exports.handler = async (e) => ({
  shadow: attempt(() => { fs.readFileSync('/etc/shadow'); }),
  data: attempt(() => { fs.readdirSync(e.data); }),
  task: attempt(() => { fs.writeFileSync('/var/task/x', 'x'); }),
  usr: attempt(() => { fs.writeFileSync('/usr/x', 'x'); }),
  tmp: attempt(() => { fs.writeFileSync('/tmp/x', 'x'); return fs.readdirSync('/tmp').join(); }),
  processes: fs.readdirSync('/proc').filter((n) => /^\\d+$/.test(n)).length,
});
"""
    payload, error, _ = invoke(deploy(code), {"data": str(server.data)})
    assert error is None
    assert payload["shadow"] in ("ENOENT", "EACCES") and payload["data"] in ("ENOENT", "EACCES")
    assert payload["task"] in ("EROFS", "EACCES", "EPERM") and payload["usr"] in ("EROFS", "EACCES", "EPERM")
    assert payload["tmp"] == "x" and payload["processes"] <= 4
