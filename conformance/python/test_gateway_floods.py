"""Hostile input from many sides at once: what it costs the server's memory, and whether others are answered meanwhile."""

import contextlib
import http.client
import json
import resource
import socket
import threading
import time
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from conftest import wait_for

MIB = 1 << 20
# Of each harm: slow connections, connections with large bodies, bombs, WebSockets.
COUNTS = {"slow_connections": 2_000, "large_bodies": 50, "bombs": 6, "messages": 20}
BOMB = "#foreach($a in [1..1000])#foreach($b in [1..1000])xxxxxxxxxxxxxxxx#end#end"
DOUBLING = '#set($s = "xxxxxxxxxxxxxxxx")#foreach($a in [1..1000])#set($s = "$s$s")#end$s'
BACKTRACKING = """#if($input.body.matches('"(a+)+b"'))x#end{"statusCode":200}"""


def memory_mib(server):
    lines = Path(f"/proc/{server.process.pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS:")).split()[1]) / 1024


def ask(server, path, body=None, timeout=30):
    """The status of an answer; 0 if there was none."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=timeout)
    try:
        connection.request("POST", path, body=body, headers={"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        return answer.status
    except OSError:
        return 0
    finally:
        connection.close()


def beside(work, count):
    """`work(number)` in `count` threads."""
    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    return threads


@pytest.fixture(scope="module")
def hostile(server):
    """The path of a stage with a method of each kind that can be harmed."""
    rest = server.client("apigateway")
    api = rest.create_rest_api(name="hostile")["id"]
    root = rest.get_resources(restApiId=api)["items"][0]["id"]
    for name, template in [("ok", '{"statusCode":200}'), ("bomb", BOMB), ("doubling", DOUBLING), ("pattern", BACKTRACKING)]:
        resource_id = rest.create_resource(restApiId=api, parentId=root, pathPart=name)["id"]
        at = {"restApiId": api, "resourceId": resource_id, "httpMethod": "POST"}
        rest.put_method(**at, authorizationType="NONE")
        rest.put_integration(**at, type="MOCK", requestTemplates={"application/json": template})
        rest.put_method_response(**at, statusCode="200")
        rest.put_integration_response(**at, statusCode="200", responseTemplates={"application/json": "{}"})
    rest.create_deployment(restApiId=api, stageName="dev")
    yield f"/_aws/execute-api/{api}/dev"
    rest.delete_rest_api(restApiId=api)


@pytest.fixture(scope="module")
def chat(server):
    """The URL of a WebSocket API that answers nothing."""
    v2 = server.client("apigatewayv2")
    api = v2.create_api(Name="flood", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.do")
    integration = v2.create_integration(
        ApiId=api["ApiId"], IntegrationType="MOCK", RequestTemplates={"200": '{"statusCode":200}'},
        TemplateSelectionExpression="200")["IntegrationId"]
    v2.create_route(ApiId=api["ApiId"], RouteKey="$default", Target=f"integrations/{integration}")
    v2.create_stage(ApiId=api["ApiId"], StageName="dev")
    v2.create_deployment(ApiId=api["ApiId"], StageName="dev")
    yield f"ws://127.0.0.1:{server.port}/_aws/execute-api/{api['ApiId']}/dev"
    v2.delete_api(ApiId=api["ApiId"])


@contextlib.contextmanager
def slow_connections(server, path, count):
    """Connections that have begun a request, and end it never."""
    limit, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count + 1_000
    if limit < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, most), most))
    sockets = []
    try:
        for _ in range(count):
            slow = socket.create_connection(("127.0.0.1", server.port), timeout=30)
            sockets.append(slow)
            slow.sendall(f"POST {path} HTTP/1.1\r\nHost: localhost\r\nX-A: ".encode())
        yield
    finally:
        for slow in sockets:
            slow.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, most))


@contextlib.contextmanager
def large_bodies(server, path, count):
    """Connections that send a body of 10 MB each, and one more byte, twice."""
    body = b"x" * (10 * MIB)
    statuses = []

    def send(_):
        statuses.extend([ask(server, f"{path}/ok", body), ask(server, f"{path}/ok", body + b"x")])

    threads = beside(send, count)
    yield
    for thread in threads:
        thread.join()
    assert set(statuses) <= {200, 413}, statuses
    assert statuses.count(200) == statuses.count(413) == count


@contextlib.contextmanager
def bombs(server, path, count):
    """Templates without an end and patterns that go back and forth."""
    statuses = []
    names = ["bomb", "doubling", "pattern"]
    threads = beside(lambda n: statuses.append(ask(server, f"{path}/{names[n % 3]}", b'"' + b"a" * 5_000 + b'"')), count)
    yield
    for thread in threads:
        thread.join()
    assert len(statuses) == count and set(statuses) <= {200, 400, 500}, statuses


@contextlib.contextmanager
def messages(url, count):
    """WebSockets that send as fast as they can, and then more than may be."""
    codes = []

    def flood(_):
        with connect(url, max_size=None) as socket:
            try:
                for _ in range(100):
                    socket.send(json.dumps({"do": "x" * 30_000}))
                socket.send("x" * (33 << 10))
                while True:
                    socket.recv(timeout=30)
            except ConnectionClosed as closed:
                codes.append(closed.rcvd and closed.rcvd.code)

    threads = beside(flood, count)
    yield
    for thread in threads:
        thread.join()
    assert codes == [1009] * count


@pytest.mark.parametrize("harm, count", COUNTS.items())
def test_a_flood_harms_nobody(server, hostile, chat, harm, count):
    def flood(count):
        where = (chat,) if harm == "messages" else (server, hostile + ("/ok" if harm == "slow_connections" else ""))
        return globals()[harm](*where, count)

    # What a first time costs once and for all: threads, caches, what the allocator keeps.
    with flood(count):
        pass
    before, peak, slowest = memory_mib(server), 0, 0
    with flood(count):
        for _ in range(20):
            began = time.monotonic()
            assert ask(server, hostile + "/ok", b"{}") == 200
            slowest = max(slowest, time.monotonic() - began)
            peak = max(peak, memory_mib(server))

    def figures():
        return f"{harm}: {before:.0f} MiB before, {peak:.0f} at most, {memory_mib(server):.0f} now, slowest {slowest:.2f} s"

    print(figures())
    assert slowest < 5, figures()
    # A thread gives back what it freed when it next has something to do.
    wait_for(lambda: ask(server, hostile + "/ok", b"{}") == 200 and memory_mib(server) < before + 64, 20, figures)
