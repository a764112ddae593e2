"""Environments that are made ahead (provisioned concurrency, SnapStart), concurrency that is held, and what the server
says of its jail and lets functions reach: with real processes, as a user sets them up."""

import json
import socket
import subprocess
import threading
import time

import pytest

from conftest import BINARY, ROLE, Server, wait_for, zipped
from test_runtime_api import package
from test_runtimes import installed

TYPE = """
const begun = Date.now();
exports.handler = async () => [process.env.AWS_LAMBDA_INITIALIZATION_TYPE, process.env.AWS_LAMBDA_FUNCTION_VERSION, begun];
"""


def ready(lam, name, version, status="READY"):
    config = lam.get_provisioned_concurrency_config(FunctionName=name, Qualifier=version)
    assert config["Status"] != "FAILED", config
    return config if config["Status"] == status else None


def test_provisioned_environments_are_ahead(deploy, lam, invoke):
    name = deploy(TYPE)
    version = lam.publish_version(FunctionName=name)["Version"]
    put = lam.put_provisioned_concurrency_config(FunctionName=name, Qualifier=version, ProvisionedConcurrentExecutions=2)
    assert put["RequestedProvisionedConcurrentExecutions"] == 2
    config = wait_for(lambda: ready(lam, name, version), 20)
    assert (config["AllocatedProvisionedConcurrentExecutions"], config["AvailableProvisionedConcurrentExecutions"]) == (2, 2)
    called = time.time() * 1000
    (kind, of, begun), error, _ = invoke(name, {}, Qualifier=version)
    assert (kind, of, error) == ("provisioned-concurrency", version, None)
    assert begun < called, "it was initialised before anybody called"
    # Beside them a version is served on demand, and so is what nothing was provisioned for.
    called = time.time() * 1000
    (kind, of, begun), _, log = invoke(name, {})
    assert (kind, of) == ("on-demand", "$LATEST") and "Init Duration" in log and begun >= called - 1
    lam.delete_provisioned_concurrency_config(FunctionName=name, Qualifier=version)
    wait_for(lambda: invoke(name, {}, Qualifier=version)[0][0] == "on-demand", 20)


def test_provisioned_environments_come_back(own_server):
    lam = own_server.client("lambda")
    lam.create_function(
        FunctionName="f", Runtime="nodejs20.x", Role=ROLE, Handler="index.handler", Code={"ZipFile": zipped(index_js=TYPE)})
    version = lam.publish_version(FunctionName="f")["Version"]
    lam.put_provisioned_concurrency_config(FunctionName="f", Qualifier=version, ProvisionedConcurrentExecutions=1)
    wait_for(lambda: ready(lam, "f", version), 20)
    own_server.kill()
    own_server.start()
    wait_for(lambda: ready(lam, "f", version), 20)
    answer = json.loads(lam.invoke(FunctionName="f", Qualifier=version)["Payload"].read())
    assert answer[0] == "provisioned-concurrency"


PYTHON_TYPE = """
import os
def handler(event, context):
    return [os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"], os.environ["AWS_LAMBDA_FUNCTION_VERSION"], 0]
"""


def test_snap_start_is_served_ahead(deploy, lam, invoke):
    name = deploy(PYTHON_TYPE, runtime="python3.12", SnapStart={"ApplyOn": "PublishedVersions"})
    published = lam.publish_version(FunctionName=name)
    version = published["Version"]
    assert published["SnapStart"]["ApplyOn"] == "PublishedVersions"
    found = wait_for(
        lambda: (f := lam.get_function_configuration(FunctionName=name, Qualifier=version))["State"] == "Active" and f, 20)
    assert found["SnapStart"]["OptimizationStatus"] == "On"
    (kind, of, _), error, log = invoke(name, {}, Qualifier=version)
    assert (kind, of, error) == ("snap-start", version, None)
    assert "RESTORE_START" in log and "Restore Duration" in log and "Init Duration" not in log, log
    assert invoke(name, {})[0][0] == "on-demand"


def test_a_reservation_is_held(deploy, lam):
    slow = deploy("exports.handler = (event) => new Promise((done) => setTimeout(done, event.ms, 'done'));")
    lam.put_function_concurrency(FunctionName=slow, ReservedConcurrentExecutions=1)

    def try_for(ms):
        try:
            return lam.invoke(FunctionName=slow, Payload=json.dumps({"ms": ms})), None
        except lam.exceptions.TooManyRequestsException as refused:
            return None, refused.response

    # The one place may be taken by who asks whether it is: then the holder comes again.
    holder = threading.Thread(target=wait_for, args=(lambda: try_for(1500)[0], 20))
    holder.start()
    refused = wait_for(lambda: try_for(0)[1], 20)
    assert refused["ResponseMetadata"]["HTTPStatusCode"] == 429
    assert refused["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    holder.join()
    assert lam.invoke(FunctionName=slow, Payload=b'{"ms": 0}')["Payload"].read() == b'"done"'


CPP = r"""
// The Runtime API by plain sockets.
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <netdb.h>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

static std::string ask(const std::string& method, const std::string& path, const std::string& body) {
  std::string at = getenv("AWS_LAMBDA_RUNTIME_API");
  auto colon = at.rfind(':');
  addrinfo hints{}, *found;
  hints.ai_socktype = SOCK_STREAM;
  if (getaddrinfo(at.substr(0, colon).c_str(), at.substr(colon + 1).c_str(), &hints, &found)) exit(1);
  int s = socket(found->ai_family, SOCK_STREAM, 0);
  if (connect(s, found->ai_addr, found->ai_addrlen)) exit(2);
  freeaddrinfo(found);
  std::string sent = method + " /2018-06-01/runtime" + path + " HTTP/1.1\r\nHost: " + at +
                     "\r\nConnection: close\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  for (size_t done = 0; done < sent.size();) done += write(s, sent.data() + done, sent.size() - done);
  std::string answer;
  char part[65536];
  for (ssize_t n; (n = read(s, part, sizeof part)) > 0;) answer.append(part, n);
  close(s);
  return answer;
}

int main() {
  for (int n = 1;; n++) {
    std::string answer = ask("GET", "/invocation/next", "");
    auto split = answer.find("\r\n\r\n");
    std::string head = answer.substr(0, split), event = answer.substr(split + 4);
    const char* id = strcasestr(head.c_str(), "Lambda-Runtime-Aws-Request-Id:");
    if (!id) return 3;
    id += strlen("Lambda-Runtime-Aws-Request-Id:");
    while (*id == ' ') id++;
    std::string name(id, strcspn(id, "\r\n"));
    std::cout << "C++ handles " << name << std::endl;
    if (event == "\"fail\"")
      ask("POST", "/invocation/" + name + "/error", R"({"errorType":"Broken","errorMessage":"as asked"})");
    else
      ask("POST", "/invocation/" + name + "/response", "{\"n\":" + std::to_string(n) + ",\"event\":" + event + "}");
  }
}
"""


def test_cpp(deploy, invoke, tmp_path):
    installed("g++", "g++")
    (tmp_path / "main.cpp").write_text(CPP)
    subprocess.run(["g++", "-O1", "-static", "-w", "-o", tmp_path / "bootstrap", tmp_path / "main.cpp"], check=True)
    name = deploy(package({"bootstrap": (tmp_path / "bootstrap").read_bytes()}), runtime="provided.al2023", handler="any")
    answer, error, log = invoke(name, {"a": "ü"})
    assert (answer, error) == ({"n": 1, "event": {"a": "ü"}}, None) and "C++ handles" in log
    answer, error, _ = invoke(name, "\"fail\"")
    assert (answer, error) == ({"errorType": "Broken", "errorMessage": "as asked"}, "Unhandled")
    assert invoke(name, [])[0] == {"n": 3, "event": []}


LAYERS = {"namespaces", "privileges", "seccomp", "landlock", "network"}


def test_the_jail_is_told(tmp_path):
    said = subprocess.run([BINARY, "doctor", "--json"], capture_output=True, check=False, env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)})
    rows = {row["what"]: row for row in json.loads(said.stdout)}
    assert LAYERS | {"cgroup", "node", "python"} <= rows.keys()
    for layer in LAYERS:
        assert rows[layer]["ok"] and rows[layer]["said"].startswith("in force"), rows[layer]
    assert "another version for" in rows["node"]["said"], "what an interpreter of another version serves is said"
    running = Server(tmp_path / "data").start()
    try:
        line = wait_for(lambda: [line for line in running.log_text().splitlines() if "functions run in a jail" in line], 20)[0]
        assert all(layer in line for layer in LAYERS - {"network"}) and "isolated" in line, line
    finally:
        running.stop()


REACH = """
const { connect } = require("net");
const reach = (port, host) => new Promise((done) => {
  const socket = connect({ port, host, timeout: 1000 });
  for (const [event, said] of [["connect", "reached"], ["error", "refused"], ["timeout", "refused"]]) {
    socket.on(event, () => { socket.destroy(); done(said); });
  }
});
exports.handler = async ({ port }) => {
  const { hostname, port: own } = new URL(process.env.AWS_ENDPOINT_URL);
  return [await reach(port, "127.0.0.1"), await reach(Number(own), hostname)];
};
"""


@pytest.mark.parametrize("network, neighbour", [("host", "reached"), ("isolated", "refused"), ("none", "refused")])
def test_what_functions_reach(tmp_path, network, neighbour):
    running = Server(tmp_path / "data", "--function-network", network).start()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        try:
            lam = running.client("lambda")
            lam.create_function(
                FunctionName="reach", Runtime="nodejs20.x", Role=ROLE, Handler="index.handler", Timeout=10,
                Code={"ZipFile": zipped(index_js=REACH)})
            event = json.dumps({"port": listener.getsockname()[1]})
            answer = json.loads(lam.invoke(FunctionName="reach", Payload=event)["Payload"].read())
            assert answer == [neighbour, "reached"], "the server itself is always there"
        finally:
            running.stop()
