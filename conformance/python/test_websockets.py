"""WebSocket APIs by a real client, functions that speak back through `@connections`, and several nodes."""
import asyncio
import contextlib
import json
from pathlib import Path
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from conftest import ROLE, Server, wait_for, zipped
from database import Database

# Lets in who knows the word, answers what it is told, and tells a watcher who has gone.
CHAT = """
import boto3, json, os
def handler(event, context):
    at = event["requestContext"]
    route = at["routeKey"]
    if route == "$connect":
        return {"statusCode": 200 if (event.get("queryStringParameters") or {}).get("word") == "please" else 403}
    endpoint = f"{os.environ['AWS_ENDPOINT_URL']}/_aws/execute-api/{at['apiId']}/{at['stage']}"
    client = boto3.client("apigatewaymanagementapi", endpoint_url=endpoint)
    if route == "$disconnect":
        watcher = os.environ.get("WATCHER")
        if watcher and watcher != at["connectionId"]:
            told = json.dumps([at["connectionId"], at["disconnectStatusCode"], at["disconnectReason"]])
            client.post_to_connection(ConnectionId=watcher, Data=told.encode())
        return {}
    if route == "send":
        said = json.loads(event["body"])
        client.post_to_connection(ConnectionId=said.get("to", at["connectionId"]), Data=said["text"].encode())
        return {"statusCode": 200}
    return {"statusCode": 200, "body": json.dumps({"id": at["connectionId"], "said": event["body"]})}
"""


class Chat:
    """An API with a stage `dev` whose routes all lead to one function."""

    def __init__(self, server, name):
        self.server, self.lam, self.v2 = server, server.client("lambda"), server.client("apigatewayv2")
        self.name = name
        function = self.lam.get_function(FunctionName=name)["Configuration"]["FunctionArn"]
        self.lam.add_permission(
            FunctionName=name, StatementId="api", Action="lambda:InvokeFunction", Principal="apigateway.amazonaws.com")
        made = self.v2.create_api(
            Name="chat", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action")
        self.id, self.endpoint = made["ApiId"], made["ApiEndpoint"]
        uri = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{function}/invocations"
        there = self.v2.create_integration(ApiId=self.id, IntegrationType="AWS_PROXY", IntegrationUri=uri)
        for key in ("$connect", "$disconnect", "$default", "send"):
            route = self.v2.create_route(
                ApiId=self.id, RouteKey=key, Target="integrations/" + there["IntegrationId"],
                **({"RouteResponseSelectionExpression": "$default"} if key == "$default" else {}))
            if key == "$default":
                self.v2.create_route_response(
                    ApiId=self.id, RouteId=route["RouteId"], RouteResponseKey="$default")
        self.v2.create_stage(ApiId=self.id, StageName="dev", AutoDeploy=True)

    def connect(self, word="please", server=None):
        base = (server or self.server).url.replace("http", "ws")
        return connect(f"{base}/_aws/execute-api/{self.id}/dev?word={word}", compression=None)

    def who(self, socket):
        socket.send("who am I?")
        return json.loads(socket.recv(timeout=30))["id"]

    def connections(self, server=None):
        return boto3.client(
            "apigatewaymanagementapi", endpoint_url=f"{(server or self.server).url}/_aws/execute-api/{self.id}/dev",
            region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test",
            config=Config(retries={"max_attempts": 1}))

    def remove(self):
        self.v2.delete_api(ApiId=self.id)


@pytest.fixture
def chat(server, deploy):
    made = Chat(server, deploy(CHAT, runtime="python3.12", Timeout=20))
    yield made
    made.remove()


def gone(connections, connection):
    with pytest.raises(ClientError) as refused:
        connections.post_to_connection(ConnectionId=connection, Data=b"x")
    return refused.value.response["Error"]["Code"]


def test_a_conversation(chat):
    with chat.connect() as first, chat.connect() as second:
        to = chat.who(second)
        first.send(json.dumps({"action": "send", "text": "to myself"}))
        assert first.recv(timeout=30) == "to myself"
        first.send(json.dumps({"action": "send", "to": to, "text": "grüße"}))
        assert second.recv(timeout=30) == "grüße"
        # Pings are answered, and long messages come in fragments of at most 32 KB.
        assert first.ping().wait(10)
        first.send(["x" * 30_000, "y" * 30_000])
        assert json.loads(first.recv(timeout=30))["said"] == "x" * 30_000 + "y" * 30_000


def test_the_end_is_told(chat):
    with chat.connect() as watcher, contextlib.ExitStack() as stack:
        chat.lam.update_function_configuration(
            FunctionName=chat.name, Environment={"Variables": {"WATCHER": chat.who(watcher)}})
        for close, told in [
            (lambda socket: socket.close(4001, "tired"), [4001, "tired"]),
            (lambda socket: socket.socket.close(), [1006, "Connection Closed Abnormally"]),
            (lambda socket: chat.connections().delete_connection(ConnectionId=chat.who(socket)),
             [1000, "Connection Closed Normally"]),
        ]:
            socket = stack.enter_context(chat.connect())
            connection = chat.who(socket)
            close(socket)
            assert json.loads(watcher.recv(timeout=30)) == [connection, *told]
            assert gone(chat.connections(), connection) == "GoneException"


def test_connections_are_managed(chat):
    connections = chat.connections()
    with chat.connect() as socket:
        connection = chat.who(socket)
        seen = connections.get_connection(ConnectionId=connection)
        assert seen["Identity"]["SourceIp"] == "127.0.0.1" and "websockets" in seen["Identity"]["UserAgent"]
        assert seen["ConnectedAt"] <= seen["LastActiveAt"]
        connections.post_to_connection(ConnectionId=connection, Data=b"z" * 131072)
        assert socket.recv(timeout=30) == "z" * 131072
        connections.delete_connection(ConnectionId=connection)
        with pytest.raises(ConnectionClosed):
            socket.recv(timeout=30)
    wait_for(lambda: gone(connections, connection) == "GoneException", 10)
    with pytest.raises(ClientError, match="Invalid connectionId: nobody") as refused:
        connections.get_connection(ConnectionId="nobody")
    assert refused.value.response["Error"]["Code"] == "BadRequestException"


def test_who_is_refused(chat):
    for url, status in [
        (chat.endpoint + "/dev?word=now", 403),
        (chat.endpoint + "/none", 403),
    ]:
        with pytest.raises(InvalidStatus) as refused:
            connect(url, compression=None)
        assert refused.value.response.status_code == status
    with chat.connect() as socket:
        socket.send("x" * 33_000)
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=30)
        assert closed.value.rcvd.code == 1009
    with chat.connect() as socket:
        socket.send(b"binary")
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=30)
        assert closed.value.rcvd.code == 1003


def test_any_node_reaches_a_connection(tmp_path):
    database = Database()
    nodes = []
    try:
        for name in ("a", "b"):
            (tmp_path / name).mkdir()
            nodes.append(Server(tmp_path / name / "data", "--store", database.url()).start())
        name = "chat"
        nodes[0].client("lambda").create_function(
            FunctionName=name, Runtime="python3.12", Role=ROLE, Handler="index.handler", Timeout=20,
            Code={"ZipFile": zipped(index_py=CHAT)})
        chat = Chat(nodes[0], name)
        with chat.connect() as here, chat.connect(server=nodes[1]) as there:
            for socket, other in ((here, nodes[1]), (there, nodes[0])):
                connection = chat.who(socket)
                chat.connections(other).post_to_connection(ConnectionId=connection, Data=b"from afar")
                assert socket.recv(timeout=30) == "from afar"
            connection = chat.who(there)
            nodes[1].kill()
            wait_for(lambda: gone(chat.connections(nodes[0]), connection) == "GoneException", 30)
            # Started again it knows nothing of those it had, and reaches those of the other.
            nodes[1].start()
            assert gone(chat.connections(nodes[1]), connection) == "GoneException"
            chat.connections(nodes[1]).post_to_connection(ConnectionId=chat.who(here), Data=b"from afar again")
            assert here.recv(timeout=30) == "from afar again"
    finally:
        for node in nodes:
            node.stop()
        database.remove()


HANDSHAKE = (
    "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nUser-Agent: idle\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
PING, PONG_BYTES = bytes([0x89, 0x84, 1, 2, 3, 4, 5, 6, 7, 8]), 6


def resident_kb(process):
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


async def hold(url, count, measure):
    """Opens `count` connections that have said something once, and measures while they are idle."""
    at, narrow = urlsplit(url), asyncio.Semaphore(32)

    async def one():
        async with narrow:
            reader, writer = await asyncio.open_connection(at.hostname, at.port)
            writer.write(HANDSHAKE.format(path=at.path, host=at.netloc).encode() + PING)
            head = await reader.readuntil(b"\r\n\r\n")
            assert b" 101 " in head, head
            await reader.readexactly(PONG_BYTES)
            return writer

    held = await asyncio.gather(*(one() for _ in range(count)))
    measured = measure()
    for writer in held:
        writer.close()
    return measured


def test_idle_connections_are_small(own_server):
    v2 = own_server.client("apigatewayv2")
    api = v2.create_api(Name="idle", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action")["ApiId"]
    mock = v2.create_integration(
        ApiId=api, IntegrationType="MOCK", TemplateSelectionExpression="\\$default",
        RequestTemplates={"$default": '{"statusCode": 200}'})
    v2.create_route(ApiId=api, RouteKey="$connect", Target="integrations/" + mock["IntegrationId"])
    v2.create_stage(ApiId=api, StageName="dev", AutoDeploy=True)
    url, measure = f"{own_server.url}/_aws/execute-api/{api}/dev", lambda: resident_kb(own_server.process)
    # What the first ones need once is not counted.
    few, many = (asyncio.run(hold(url, count, measure)) for count in (100, 500))
    assert (many - few) / 400 < 20, f"{few} KB with 100, {many} KB with 500"
