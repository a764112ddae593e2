"""What the server tells of what it did: the steps of a request across gateway, function and table, of events and batches,
on the step that failed why; secrets left out, memory bounded, a collector told."""

import json
import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from conftest import ROLE, Server, wait_for, zipped

PUT = """
const { DynamoDBClient, PutItemCommand } = require("@aws-sdk/client-dynamodb");
const client = new DynamoDBClient({});
exports.handler = async (event) => {
  const { id, fail } = JSON.parse(event.body ?? "{}");
  if (fail) throw new TypeError(fail);
  await client.send(new PutItemCommand({ TableName: "members", Item: { id: { S: id }, password: { S: "hunter2" } } }));
  console.log("saved", id);
  return { statusCode: 201, body: "{}" };
};
"""
REFUSE = 'exports.handler = async () => { throw "Unauthorized"; };'
CHANGED = "exports.handler = async (event) => { if (event.Records[0].dynamodb.Keys.id.S === 'bad') throw new Error('bad record'); };"
FAIL = "exports.handler = async () => { throw new Error('no luck'); };"


class World:
    """A stage before functions, which write to a table that has a trigger."""

    def __init__(self, server):
        self.server, self.lam, self.db = server, server.client("lambda"), server.client("dynamodb")
        self.gateway = server.client("apigateway")
        stream = self.db.create_table(
            TableName="members", BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )["TableDescription"]["LatestStreamArn"]
        for name, code in {"put": PUT, "refuse": REFUSE, "changed": CHANGED, "fail": FAIL}.items():
            self.lam.create_function(
                FunctionName=name, Runtime="nodejs20.x", Role=ROLE, Handler="index.handler", Timeout=10,
                Code={"ZipFile": zipped(index_js=code)})
        self.lam.create_event_source_mapping(
            FunctionName="changed", EventSourceArn=stream, StartingPosition="TRIM_HORIZON", MaximumRetryAttempts=1)
        self.api = self.gateway.create_rest_api(name="members")["id"]
        self.root = self.gateway.get_resources(restApiId=self.api)["items"][0]["id"]
        for name in ("put", "refuse"):
            self.lam.add_permission(
                FunctionName=name, StatementId="api", Action="lambda:InvokeFunction", Principal="apigateway.amazonaws.com")

    def method(self, path, uri, kind="AWS_PROXY", **more):
        resource = self.gateway.create_resource(restApiId=self.api, parentId=self.root, pathPart=path)["id"]
        at = {"restApiId": self.api, "resourceId": resource, "httpMethod": "POST"}
        self.gateway.put_method(**at, **({"authorizationType": "NONE"} | more))
        self.gateway.put_integration(**at, type=kind, integrationHttpMethod="POST", uri=uri)

    @staticmethod
    def function(name):
        return f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:000000000000:function:{name}/invocations"

    def deploy(self):
        self.gateway.create_deployment(restApiId=self.api, stageName="dev")

    def post(self, path, body=None, **headers):
        url = f"{self.server.url}/restapis/{self.api}/dev/_user_request_/{path}"
        request = urllib.request.Request(url, method="POST", data=json.dumps(body or {}).encode(), headers=headers)
        try:
            with urllib.request.urlopen(request) as reply:
                return reply.status
        except urllib.error.HTTPError as error:
            return error.code


def get(server, path, expect=200):
    try:
        with urllib.request.urlopen(f"{server.url}/_rushlight/{path}") as reply:
            assert reply.status == expect
            text = reply.read().decode()
    except urllib.error.HTTPError as error:
        assert error.code == expect, (error.code, error.read())
        return json.loads(error.read())
    return json.loads(text) if reply.headers["content-type"] == "application/json" else text


def newest(server, kind, wanted=lambda trace: True):
    """The newest trace of a kind, whole."""
    def look():
        found = [t for t in get(server, "traces")["traces"] if t["kind"] == kind and wanted(t)]
        return found and get(server, f"traces/{found[0]['id']}")

    return wait_for(look, 10, lambda: get(server, "traces"))


def only(trace, kind, name=None):
    [span] = [s for s in trace["spans"] if s["kind"] == kind and (name is None or s["name"] == name)]
    return span


def to_stage(path):
    return lambda trace: trace["name"] == f"POST {path}" or trace["name"].endswith(f"_user_request_{path}")


@pytest.fixture
def world(tmp_path):
    server = Server(tmp_path / "data", "--quick-retries").start()
    yield World(server)
    server.stop()


def test_one_tree_from_the_stage_to_the_table(world):
    server = world.server
    world.method("members", world.function("put"))
    world.deploy()
    assert world.post("members", {"id": "1"}, authorization="Bearer s3cret") == 201
    cold = newest(server, "request", to_stage("/members"))
    request, integration = cold["spans"][0], only(cold, "integration")
    invocation, item = only(cold, "invocation"), only(cold, "request", "PutItem")
    assert (request["status"], request["resource"]) == (201, f"apigateway:{world.api}/dev")
    assert request["attributes"]["route"] == "POST /members"
    assert integration["parent"] == request["id"] and invocation["parent"] == integration["id"]
    assert (invocation["resource"], invocation["attributes"]["coldStart"]) == ("lambda:put", True)
    assert {only(cold, kind)["parent"] for kind in ("environment", "init", "handler")} == {invocation["id"]}
    assert (item["parent"], item["resource"], item["attributes"]["capacityUnits"]) == (invocation["id"], "dynamodb:members", 1)
    for span in cold["spans"]:
        above = [s for s in cold["spans"] if s["id"] == span.get("parent")]
        # A step lies within the one that it is of; half a millisecond is the rounding of what processes tell.
        for parent in above:
            assert span["startUs"] + span["durationUs"] <= parent["startUs"] + parent["durationUs"] + 500, (span, parent)

    assert world.post("members", {"id": "2"}) == 201
    warm = newest(server, "request", to_stage("/members"))
    assert not [s for s in warm["spans"] if s["kind"] in ("environment", "init")]
    assert only(warm, "invocation")["attributes"]["coldStart"] is False

    # Payloads are had by themselves, and tell no secrets.
    part = lambda span, name: get(server, f"traces/{cold['id']}/spans/{span['id']}/{name}")
    event = json.loads(part(invocation, "request"))
    assert event["body"] == '{"id": "1"}' and event["headers"]["Authorization"] == "***"
    assert json.loads(part(item, "request"))["Item"] == {"id": {"S": "1"}, "password": {"S": "***"}}
    assert "saved 1" in part(invocation, "log") and "REPORT RequestId" in part(invocation, "log")
    assert "authorization: ***" in request["attributes"]["headers"]
    assert "s3cret" not in json.dumps(cold)
    assert get(server, f"traces/{cold['id']}/spans/{item['id']}/log", 404)["__type"] == "TraceNotKept"

    # The table's change came to the trigger, which is a trace of its own.
    batch = newest(server, "batch")
    assert batch["spans"][0]["resource"] == "dynamodb:members"
    assert batch["spans"][0]["attributes"]["verdict"] == "Taken"
    edges = {(e["from"], e["to"]): e["count"] for e in get(server, "map")["edges"]}
    stage = f"apigateway:{world.api}/dev"
    assert edges[("client", stage)] == 2 and edges[(stage, "lambda:put")] == 2
    assert edges[("lambda:put", "dynamodb:members")] == 2 and ("dynamodb:members", "lambda:changed") in edges

    count = lambda resource, name: sum(p[name] for p in get(server, f"monitor?resource={resource}")["points"])
    assert (count("lambda:put", "count"), count("lambda:put", "coldStarts"), count("lambda:put", "failed")) == (2, 1, 0)
    assert count(stage, "count") == 2 and count("dynamodb:members", "capacityUnits") >= 2
    assert get(server, "monitor?resource=nobody", 400)["__type"] == "BadRequest"


def test_the_step_that_failed_says_why(world):
    server = world.server
    function = "arn:aws:lambda:us-east-1:000000000000:function:refuse"
    authorizer = world.gateway.create_authorizer(
        restApiId=world.api, name="refuse", type="TOKEN", identitySource="method.request.header.authorization",
        authorizerUri=f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{function}/invocations")["id"]
    world.method("members", world.function("put"))
    world.method("closed", world.function("put"), authorizationType="CUSTOM", authorizerId=authorizer)
    world.method("keyed", world.function("put"), apiKeyRequired=True)
    world.method("gone", world.function("no-such-function"))
    world.method("away", "http://127.0.0.1:1/", kind="HTTP_PROXY")
    world.deploy()

    cases = [
        ("nowhere", {}, 403, "phase", "MISSING_AUTHENTICATION_TOKEN", "no such route"),
        ("closed", {"authorization": "Bearer x"}, 401, "authorizer", "UNAUTHORIZED", "no identity"),
        ("keyed", {}, 403, "phase", "INVALID_API_KEY", "no API key"),
        ("gone", {}, 500, "integration", "API_CONFIGURATION_ERROR", "Function not found"),
        ("away", {}, 504, "integration", "INTEGRATION_FAILURE", "cannot be reached"),
    ]
    for path, headers, status, kind, code, message in cases:
        assert world.post(path, **headers) == status
        trace = newest(server, "request", to_stage(f"/{path}"))
        failed = [s for s in trace["spans"] if s["kind"] == kind and "failure" in s]
        assert failed and failed[0]["failure"]["code"] == code, (path, trace)
        assert message in failed[0]["failure"]["message"], (path, failed)

    assert world.post("members", {"fail": "what is this"}) == 502
    trace = newest(server, "request", to_stage("/members"))
    assert only(trace, "handler")["failure"] == {"code": "Unhandled", "message": "what is this"}
    assert only(trace, "integration")["failure"]["code"] == "DEFAULT_5XX"
    [summary] = get(server, "traces?q=what+is+this&failed=1&limit=1")["traces"]
    assert summary["id"] == trace["id"] and summary["status"] == 502

    # A service's own error is read out of its answer.
    with pytest.raises(world.db.exceptions.ResourceNotFoundException):
        world.db.get_item(TableName="nobody", Key={"id": {"S": "1"}})
    trace = newest(server, "request", lambda t: t["name"] == "GetItem")
    assert trace["spans"][0]["failure"]["code"] == "ResourceNotFoundException"


def test_events_and_batches_with_their_attempts(world):
    server, lam = world.server, world.lam
    lam.put_function_event_invoke_config(
        FunctionName="fail", MaximumRetryAttempts=1,
        DestinationConfig={"OnFailure": {"Destination": "arn:aws:lambda:us-east-1:000000000000:function:changed"}})
    lam.put_function_concurrency(FunctionName="fail", ReservedConcurrentExecutions=0)
    lam.invoke(FunctionName="fail", InvocationType="Event", Payload=b'{"password": "hunter2", "n": 1}')
    throttled = lambda: [e for e in get(server, "events?function=fail")["events"] if e["throttles"]]
    [waiting] = wait_for(throttled, 10)
    assert waiting["function"].endswith(":function:fail") and waiting["failures"] == 0
    assert json.loads(waiting["payload"]) == {"password": "***", "n": 1}
    assert get(server, "events?function=put")["events"] == []
    lam.delete_function_concurrency(FunctionName="fail")

    def ended():
        trace = get(server, f"traces/{waiting['trace']}")
        attempts = [s for s in trace["spans"] if s["kind"] == "event" and s.get("resource") == "lambda:fail"]
        return attempts if attempts and attempts[-1]["attributes"].get("condition") else None

    attempts = wait_for(ended, 15, lambda: get(server, f"traces/{waiting['trace']}"))
    assert attempts[-1]["attributes"]["condition"] == "RetriesExhausted"
    assert attempts[-1]["failure"]["code"] == "RetriesExhausted"
    assert all("retryAt" in s["attributes"] for s in attempts[:-1]) and len(attempts) >= 3, attempts
    trace = get(server, f"traces/{waiting['trace']}")
    failures = [s["failure"] for s in trace["spans"] if s["kind"] == "invocation" and s.get("resource") == "lambda:fail"]
    assert {f["code"] for f in failures} == {"TooManyRequestsException", "Unhandled"}
    destination = [s for s in trace["spans"] if s["kind"] == "destination"][0]
    assert destination["attributes"]["destination"].endswith(":function:changed") and "failure" not in destination
    # The first span is the request that was accepted, and the attempts are below it.
    assert (trace["spans"][0]["name"], {s["parent"] for s in attempts}) == ("Invoke", {trace["spans"][0]["id"]})

    world.db.put_item(TableName="members", Item={"id": {"S": "bad"}})
    failed = lambda: [
        t for t in get(server, "traces")["traces"] if t["kind"] == "batch" and "failure" in t]
    batches = wait_for(lambda: (found := failed()) and len(found) >= 2 and found, 15)
    spans = [get(server, f"traces/{t['id']}")["spans"][0] for t in batches]
    assert sorted(s["attributes"]["attempt"] for s in spans)[:2] == [1, 2]
    assert {s["attributes"]["verdict"] for s in spans} == {"Failed"}
    assert all(s["attributes"]["iteratorAgeMs"] >= 0 and s["attributes"]["records"] == 1 for s in spans)


class Backend(ThreadingHTTPServer):
    """Keeps what it is sent."""

    daemon_threads = True

    def __init__(self):
        self.got = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(handler):
                body = handler.rfile.read(int(handler.headers["content-length"] or 0))
                self.got.append((handler.path, dict(handler.headers), body))
                handler.send_response(200)
                handler.send_header("content-length", "2")
                handler.end_headers()
                handler.wfile.write(b"{}")

            def log_message(handler, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"


def test_traces_come_in_and_go_on_in_both_forms(world):
    backend = Backend()
    world.method("proxy", f"{backend.url}/x?access_token=t", kind="HTTP_PROXY")
    world.deploy()
    root, parent = "5759e988bd862e3fe1be46a994272793", "53995c3f42cd8ad8"
    amazon = f"1-{root[:8]}-{root[8:]}"
    assert world.post("proxy", traceparent=f"00-{root}-{parent}-01") == 200
    _, sent, _ = backend.got.pop()
    sent = {name.lower(): value for name, value in sent.items()}
    trace = wait_for(lambda: get(world.server, f"traces/{amazon}"), 5)
    integration = only(trace, "integration")
    assert trace["spans"][0]["parent"] == parent
    assert sent["traceparent"] == f"00-{root}-{integration['id']}-01"
    assert sent["x-amzn-trace-id"] == f"Root={amazon};Parent={integration['id']};Sampled=1"
    assert integration["attributes"]["uri"] == f"{backend.url}/x?access_token=***"
    edges = get(world.server, "map")["edges"]
    assert [e["to"] for e in edges if e["to"].startswith("http:")] == [f"http:127.0.0.1:{backend.server_address[1]}"]

    # Who sends none gets none of the W3C's, and AWS's all the same.
    assert world.post("proxy") == 200
    _, sent, _ = backend.got.pop()
    assert "traceparent" not in {name.lower() for name in sent}
    backend.shutdown()


def test_what_ends_is_followed(world):
    world.method("members", world.function("put"))
    world.deploy()
    tail = urllib.request.urlopen(f"{world.server.url}/_rushlight/traces/tail?resource=lambda:put", timeout=20)
    world.db.list_tables()
    assert world.post("members", {"id": "7"}) == 201
    line = json.loads(tail.readline())
    assert line["spans"][0]["resource"] == f"apigateway:{world.api}/dev" and "saved 7" in line["log"]
    assert line["trace"] == newest(world.server, "request", to_stage("/members"))["id"]
    tail.close()


def test_a_collector_is_told(tmp_path):
    collector = Backend()
    server = Server(tmp_path / "data", "--otlp-endpoint", collector.url).start()
    server.client("dynamodb").list_tables()
    path, headers, body = wait_for(lambda: collector.got and collector.got[0], 10)
    assert (path, headers["content-type"]) == ("/v1/traces", "application/json")
    [resource] = json.loads(body)["resourceSpans"]
    assert {"key": "service.name", "value": {"stringValue": "rushlight"}} in resource["resource"]["attributes"]
    [scope] = resource["scopeSpans"]
    [span] = [s for s in scope["spans"] if s["name"] == "ListTables"]
    assert len(span["traceId"]) == 32 and len(span["spanId"]) == 16 and span["kind"] == 2
    assert int(span["endTimeUnixNano"]) >= int(span["startTimeUnixNano"]) > 1_700_000_000 * 10**9
    assert {"key": "http.response.status_code", "value": {"intValue": "200"}} in span["attributes"]
    # One that has gone holds nobody up.
    collector.shutdown()
    collector.server_close()
    for _ in range(20):
        server.client("dynamodb").list_tables()
    server.stop()


def test_what_is_kept_has_bounds_and_may_be_nothing(tmp_path):
    server = Server(tmp_path / "data", "--trace-memory", "1", "--trace-payloads", "1").start()
    db = server.client("dynamodb")
    db.create_table(
        TableName="things", BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}])
    for i in range(1500):
        db.put_item(TableName="things", Item={"id": {"S": str(i)}, "more": {"S": "x" * 5000}})
    kept = get(server, "traces?limit=1000")["traces"]
    # A record of these takes some 1.5 KB, of which payloads are 1 KB.
    assert 100 < len(kept) < 900, len(kept)
    span = get(server, f"traces/{kept[0]['id']}")["spans"][0]
    assert span["request"]["bytes"] > 5000 and span["request"]["whole"] is False
    assert len(get(server, f"traces/{kept[0]['id']}/spans/{span['id']}/request")) == 1024
    # Counts go on where records do not.
    assert sum(p["count"] for p in get(server, "monitor?resource=dynamodb:things")["points"]) >= 1500
    page = get(server, "traces?limit=40")
    rest = get(server, f"traces?limit=40&before={page['next']}")["traces"]
    assert not {t["id"] for t in page["traces"]} & {t["id"] for t in rest} and len(rest) == 40
    # Who only looks is not seen.
    request = urllib.request.Request(
        server.url, method="POST", data=b"{}",
        headers={"x-amz-target": "DynamoDB_20120810.DescribeLimits", "x-rushlight-untraced": "1"})
    urllib.request.urlopen(request).read()
    assert "DescribeLimits" not in {t["name"] for t in get(server, "traces")["traces"]}
    server.stop()

    off = Server(tmp_path / "off", "--trace-memory", "0").start()
    off.client("dynamodb").list_tables()
    for path in ("traces", "traces/tail", "map", "monitor?resource=lambda:f"):
        assert get(off, path, 404)["__type"] == "TracingIsOff"
    off.stop()


def test_traces_are_of_an_account_and_not_for_everybody(tmp_path):
    server = Server(tmp_path / "data").start()
    server.client("dynamodb").list_tables()
    other = urllib.request.Request(f"{server.url}/_rushlight/traces")
    other.add_header(
        "authorization",
        "AWS4-HMAC-SHA256 Credential=111111111111/20261124/us-east-1/lambda/aws4_request, SignedHeaders=host, Signature=00")
    other.add_header("x-amz-date", "20261124T000000Z")
    assert json.loads(urllib.request.urlopen(other).read()) == {"traces": []}
    assert get(server, "traces")["traces"]
    server.stop()

    closed = Server(tmp_path / "closed", "--auth", "required").start()
    for path in ("traces", "traces/tail", "map", "monitor?resource=lambda:f", "events"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{closed.url}/_rushlight/{path}")
        assert refused.value.code == 403, path
    closed.stop()
