"""The server under bytes that no client of good will sends, and its own pages."""

import json
import socket
import time

import pytest
import requests

from conftest import wait_for

AUTH = {"Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=00"}


def raw(server, data, timeout=10):
    """Sends bytes and returns all that comes back until the server closes or falls silent."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=timeout) as connection:
        connection.sendall(data)
        connection.settimeout(2)
        reply = b""
        try:
            while chunk := connection.recv(65536):
                reply += chunk
        except TimeoutError:
            pass
        return reply


def dynamodb(server, body, target="DynamoDB_20120810.PutItem"):
    return requests.post(server.url, data=body, headers={
        **AUTH, "X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.0"})


BODIES = [
    b"", b"{", b"[]", b"null", b'"text"', b'{"TableName": 5}', b'{"TableName": ["a"]}', b"[" * 100_000, b'{"a":' * 100_000,
    b'{"TableName":"t","Item":{"a":{"S":1}}}', b'{"TableName":"t","Item":{"a":{"B":"%%%"}}}', b'{"TableName":"\xff\xfe"}',
    b'{"TableName":"t","Item":{"a":{}}}', b'{"TableName":"t","Item":' + b'{"m":{"M":' * 5000,
]


@pytest.mark.parametrize("body", BODIES, ids=[str(n) for n in range(len(BODIES))])
def test_malformed_json(server, body):
    reply = dynamodb(server, body)
    assert reply.status_code == 400
    assert reply.json()["__type"].split("#")[1] in ("SerializationException", "ValidationException")
    assert reply.headers["x-amzn-RequestId"]


def test_unknown_operations(server):
    reply = dynamodb(server, b"{}", "DynamoDB_20120810.Nothing")
    assert reply.status_code == 400 and reply.json()["__type"].endswith("#UnknownOperationException")
    served = dynamodb(server, b"{}", "DynamoDB_20120810.ExecuteStatement")
    assert served.status_code in (400, 501)
    assert requests.get(server.url + "/no/such/path").status_code in (400, 403, 404)


def test_crc_and_gzip(server):
    import gzip
    import zlib

    reply = dynamodb(server, b"{}", "DynamoDB_20120810.ListTables")
    assert int(reply.headers["x-amz-crc32"]) == zlib.crc32(reply.content)
    assert reply.headers["content-type"] == "application/x-amz-json-1.0"
    zipped = requests.post(server.url, data=gzip.compress(b'{"Limit": 1}'), headers={
        **AUTH, "X-Amz-Target": "DynamoDB_20120810.ListTables", "Content-Encoding": "gzip"})
    assert zipped.status_code == 200, zipped.text


def test_half_open_and_broken_connections(server):
    idle = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(200)]
    for connection in idle[:100]:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
    assert requests.get(server.url + "/_rushlight/health", timeout=5).status_code == 200
    for connection in idle:
        connection.close()
    for data in [b"\x00" * 1000, b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
                 b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                 b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 20_000 + b"\r\n",
                 b"GET / HTTP/1.1\r\nx: " + b"y" * 1_000_000 + b"\r\n\r\n"]:
        reply = raw(server, data)
        assert reply == b"" or reply.startswith(b"HTTP/1.1 4"), reply[:100]
    assert requests.get(server.url + "/_rushlight/health", timeout=5).status_code == 200


def test_smuggling_forms(server):
    both = raw(server, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n")
    twice = raw(server, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde")
    assert both.count(b"HTTP/1.1 ") <= 2 and b" 400 " in twice.split(b"\r\n")[0]


def test_a_body_of_10_mb_to_a_stage_and_to_a_table(server):
    big = b'{"TableName":"t","Item":{"id":{"S":"' + b"x" * (10 << 20) + b'"}}}'
    assert dynamodb(server, big).status_code in (400, 413)
    reply = requests.post(server.url + "/restapis/none/dev/_user_request_/x", data=b"x" * ((10 << 20) + 1))
    assert reply.status_code in (403, 413)


def test_health_and_metrics(server):
    assert requests.get(server.url + "/_rushlight/health").json()["version"]
    assert requests.get(server.url + "/_localstack/health").json()["services"]["dynamodb"] in ("running", "available")
    text = requests.get(server.url + "/_rushlight/metrics").text
    assert "# TYPE" in text and "rushlight_requests_total" in text


def test_memory_stays_flat_under_garbage(server):
    def resident():
        status = open(f"/proc/{server.process.pid}/status").read()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024

    for _ in range(200):
        dynamodb(server, b'{"a":' * 10_000)
    before = resident()
    for _ in range(2000):
        dynamodb(server, b'{"a":' * 10_000)
    assert resident() < before + 40


def test_a_stop_takes_less_than_managers_give(own_server):
    """With a function that hangs for longer than the grace, and its client waiting."""
    import threading

    from conftest import ROLE, zipped

    lam = own_server.client("lambda")
    lam.create_function(FunctionName="hangs", Runtime="nodejs20.x", Role=ROLE, Handler="index.handler", Timeout=60,
                        Code={"ZipFile": zipped(index_js="exports.handler = () => new Promise(() => setInterval(() => {}, 1000));")})
    lam.invoke(FunctionName="hangs", InvocationType="Event")
    waiting = threading.Thread(target=lambda: pytest.raises(Exception, lam.invoke, FunctionName="hangs"))
    waiting.start()
    time.sleep(0.5)
    begun = time.monotonic()
    own_server.stop()
    assert time.monotonic() - begun < 10 and own_server.process.returncode == 0
    waiting.join()
