"""Asynchronous invocations by the official client: none is lost, failures are told, loops are cut."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from conftest import ROLE, Server, wait_for, zipped
from database import Database

# Counts in a table how often it was given each event.
COUNTING = """
const { DynamoDBClient, UpdateItemCommand } = require("@aws-sdk/client-dynamodb");
const client = new DynamoDBClient({});
exports.handler = async ({ id, wait }) => {
  await new Promise((done) => setTimeout(done, wait ?? 0));
  await client.send(new UpdateItemCommand({
    TableName: "seen", Key: { id: { S: id } }, UpdateExpression: "ADD times :one",
    ExpressionAttributeValues: { ":one": { N: "1" } },
  }));
};
"""

# Counts, and invokes itself.
LOOPING = COUNTING.replace("exports.handler", "const count") + """
const { LambdaClient, InvokeCommand } = require("@aws-sdk/client-lambda");
const lambda = new LambdaClient({});
exports.handler = async (event, context) => {
  await count(event);
  await lambda.send(new InvokeCommand({
    FunctionName: context.functionName, InvocationType: "Event", Payload: JSON.stringify(event),
  }));
};
"""


def prepare(server, code, name="f"):
    server.client("dynamodb").create_table(
        TableName="seen",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )
    server.client("lambda").create_function(
        FunctionName=name, Runtime="nodejs22.x", Role=ROLE, Handler="index.handler", Timeout=10,
        Code={"ZipFile": zipped(index_js=code)},
    )


def seen(server):
    pages = server.client("dynamodb").get_paginator("scan").paginate(TableName="seen", ConsistentRead=True)
    return {item["id"]["S"]: int(item["times"]["N"]) for page in pages for item in page["Items"]}


def send_all(server, count, **event):
    """The ids of the events that the server accepted."""
    lam = server.client("lambda")

    def send(number):
        payload = json.dumps({"id": str(number), **event})
        try:
            reply = lam.invoke(FunctionName="f", InvocationType="Event", Payload=payload)
            return str(number) if reply["StatusCode"] == 202 else None
        except (BotoCoreError, ClientError):
            return None

    with ThreadPoolExecutor(8) as pool:
        return {id for id in pool.map(send, range(count)) if id is not None}


def test_every_accepted_event_runs_though_the_server_is_killed(own_server):
    prepare(own_server, COUNTING)
    killer = threading.Timer(0.4, own_server.kill)
    killer.start()
    accepted = send_all(own_server, 600)
    killer.join()
    assert accepted, "nothing was accepted before the kill"
    own_server.start()
    wait_for(lambda: accepted <= set(seen(own_server)), 60)


def test_another_node_runs_what_a_killed_one_had_accepted(tmp_path):
    database = Database()
    nodes = []
    try:
        for name in ("a", "b"):
            (tmp_path / name).mkdir()
            nodes.append(Server(tmp_path / name / "data", "--store", database.url()).start())
            if name == "a":
                prepare(nodes[0], COUNTING)
        accepted = send_all(nodes[0], 60, wait=500)
        nodes[0].kill()
        assert len(accepted) == 60
        wait_for(lambda: accepted <= set(seen(nodes[1])), 60)
    finally:
        for node in nodes:
            node.stop()
        database.remove()


@pytest.fixture
def endpoint():
    """What queues, topics and buses are behind: keeps the requests that it is sent."""
    kept = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            kept.append((dict(self.headers), body))
            self.send_response(200)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_):
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{running.server_port}", kept
    running.shutdown()


def test_a_failure_is_told_to_a_queue_after_three_tries(tmp_path, endpoint):
    url, kept = endpoint
    server = Server(tmp_path / "data", "--quick-retries", "--destination-endpoint", url).start()
    try:
        lam = server.client("lambda")
        queue = "arn:aws:sqs:us-east-1:000000000000:failures"
        lam.create_function(
            FunctionName="f", Runtime="nodejs22.x", Role=ROLE, Handler="index.handler",
            Code={"ZipFile": zipped(index_js="exports.handler = async () => { throw new TypeError('no') }")},
        )
        config = lam.put_function_event_invoke_config(
            FunctionName="f", MaximumEventAgeInSeconds=60, DestinationConfig={"OnFailure": {"Destination": queue}}
        )
        assert config["FunctionArn"].endswith(":function:f:$LATEST")
        lam.get_waiter("function_active_v2").wait(FunctionName="f")
        reply = lam.invoke(FunctionName="f", InvocationType="Event", Payload=b'{"a": 1}')
        headers, body = wait_for(lambda: kept and kept[0], 20)
        assert headers["x-amz-target"] == "AmazonSQS.SendMessage"
        message = json.loads(body)
        assert message["QueueUrl"] == f"{url}/000000000000/failures"
        record = json.loads(message["MessageBody"])
        assert record["requestContext"] == {
            "requestId": reply["ResponseMetadata"]["RequestId"],
            "functionArn": config["FunctionArn"],
            "condition": "RetriesExhausted",
            "approximateInvokeCount": 3,
        }
        assert record["requestPayload"] == {"a": 1}
        assert record["responseContext"] == {
            "statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"
        }
        assert record["responsePayload"]["errorType"] == "TypeError"
    finally:
        server.stop()


def test_a_function_that_invokes_itself_is_stopped_by_the_lineage_that_the_sdk_passes_on(own_server):
    prepare(own_server, LOOPING)
    lam = own_server.client("lambda")
    lam.invoke(FunctionName="f", InvocationType="Event", Payload=b'{"id": "loop"}')
    wait_for(lambda: "recursive loop" in own_server.log_text(), 30, own_server.log_text)
    # The sixteenth invocation ended before its successor could be cut.
    assert seen(own_server) == {"loop": 16}
