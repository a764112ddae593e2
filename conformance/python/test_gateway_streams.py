"""Streamed answers of REST APIs: what a function or a backend says reaches the client while it speaks."""

import http.client
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest

# Says its second half once it is called again: nothing here waits for a clock.
STREAMS = """
const { DynamoDBClient, GetItemCommand } = require('@aws-sdk/client-dynamodb')
exports.handler = awslambda.streamifyResponse(async (event, stream) => {
  const head = { statusCode: 207, headers: { 'x-a': 'b' }, multiValueHeaders: { 'set-cookie': ['c=1', 'd=2'] } }
  stream = awslambda.HttpResponseStream.from(stream, head)
  stream.write('first ' + event.httpMethod)
  const client = new DynamoDBClient({})
  const Key = { id: { S: event.queryStringParameters.gate } }
  while (!(await client.send(new GetItemCommand({ TableName: 'gates', Key, ConsistentRead: true }))).Item) {
    await new Promise((done) => setTimeout(done, 5))
  }
  stream.write('x'.repeat(Number(event.queryStringParameters.size)))
  stream.end()
})
"""


@pytest.fixture(scope="module")
def gates(server):
    dynamodb = server.client("dynamodb")
    dynamodb.create_table(
        TableName="gates", BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )
    yield dynamodb
    dynamodb.delete_table(TableName="gates")


def deployed(server, **integration):
    """The path of a stage whose ANY / is this integration."""
    gateway = server.client("apigateway")
    api = gateway.create_rest_api(name="streams")["id"]
    root = gateway.get_resources(restApiId=api)["items"][0]["id"]
    gateway.put_method(restApiId=api, resourceId=root, httpMethod="ANY", authorizationType="NONE")
    gateway.put_integration(restApiId=api, resourceId=root, httpMethod="ANY", responseTransferMode="STREAM", **integration)
    gateway.create_deployment(restApiId=api, stageName="dev")
    return f"/_aws/execute-api/{api}/dev/"


def asked(server, path, method="GET"):
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=20)
    connection.request(method, path)
    return connection.getresponse()


def test_a_function_behind_a_rest_api_streams(server, lam, deploy, gates):
    name = deploy(STREAMS, Timeout=20)
    arn = lam.get_function(FunctionName=name)["Configuration"]["FunctionArn"]
    lam.add_permission(FunctionName=name, StatementId="api", Action="lambda:InvokeFunction", Principal="apigateway.amazonaws.com")
    path = deployed(
        server, type="AWS_PROXY", integrationHttpMethod="POST", timeoutInMillis=900_000,
        uri=f"arn:aws:apigateway:us-east-1:lambda:path/2021-11-15/functions/{arn}/response-streaming-invocations",
    )
    # More than AWS buffers, and than an invocation may answer whole.
    size = 12_000_000
    reply = asked(server, f"{path}?gate=g1&size={size}")
    assert (reply.status, reply.getheader("x-a")) == (207, "b")
    assert reply.headers.get_all("set-cookie") == ["c=1", "d=2"]
    assert reply.read(9) == b"first GET"
    gates.put_item(TableName="gates", Item={"id": {"S": "g1"}})
    assert len(reply.read()) == size


def test_a_function_that_does_not_stream_is_a_bad_gateway(server, lam, deploy):
    name = deploy("exports.handler = async () => ({ statusCode: 200, body: 'whole' })")
    arn = lam.get_function(FunctionName=name)["Configuration"]["FunctionArn"]
    lam.add_permission(FunctionName=name, StatementId="api", Action="lambda:InvokeFunction", Principal="apigateway.amazonaws.com")
    path = deployed(
        server, type="AWS_PROXY", integrationHttpMethod="POST",
        uri=f"arn:aws:apigateway:us-east-1:lambda:path/2021-11-15/functions/{arn}/response-streaming-invocations",
    )
    reply = asked(server, path)
    assert (reply.status, json.load(reply)) == (502, {"message": "Internal server error"})


class Backend(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        self.chunk(b"first")
        assert self.server.gate.wait(20)
        self.chunk(b"y" * 11_000_000)
        self.wfile.write(b"0\r\n\r\n")

    def chunk(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def log_message(self, *_):
        pass


def test_a_backend_behind_a_rest_api_streams(server):
    backend = ThreadingHTTPServer(("127.0.0.1", 0), Backend)
    backend.gate = threading.Event()
    threading.Thread(target=backend.serve_forever, daemon=True).start()
    path = deployed(server, type="HTTP_PROXY", integrationHttpMethod="GET", uri=f"http://127.0.0.1:{backend.server_port}/")
    reply = asked(server, path)
    assert reply.read(5) == b"first"
    backend.gate.set()
    assert len(reply.read()) == 11_000_000
    backend.shutdown()
