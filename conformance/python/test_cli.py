"""The binary's own verbs, as typed in a shell."""

import json
import os
import subprocess

import pytest
import requests

from conftest import BINARY, Server, free_port, source, zipped, ROLE


def rushlight(*words, env=None, ok=True, **more):
    done = subprocess.run([BINARY, *map(str, words)], capture_output=True, text=True, timeout=60, env=env, **more)
    assert (done.returncode == 0) == ok, done.stdout + done.stderr
    return done.stdout if ok else done.stderr


@pytest.fixture
def at(server):
    return ["--listen", f"127.0.0.1:{server.port}"]


def test_config_says_where_each_value_is_from(tmp_path):
    (tmp_path / "rushlight.toml").write_text('durability = "relaxed"\nlisten = "127.0.0.1:5000"\n')
    env = {**os.environ, "RUSHLIGHT_LISTEN": "127.0.0.1:5001"}
    shown = json.loads(rushlight("config", "--json", env=env, cwd=tmp_path))
    by_name = {row["name"]: row for row in shown} if isinstance(shown, list) else shown
    assert by_name["listen"]["value"] == "127.0.0.1:5001" and "RUSHLIGHT_LISTEN" in by_name["listen"]["origin"]
    assert by_name["durability"]["value"] == "relaxed" and "rushlight.toml" in by_name["durability"]["origin"]
    assert by_name["memory"]["origin"] == "default"


def test_a_taken_port_is_told_with_its_owner(server, tmp_path):
    said = rushlight("start", "--listen", f"127.0.0.1:{server.port}", "--data", tmp_path, ok=False)
    assert str(server.port) in said and str(server.process.pid) in said and "--listen" in said


def test_the_data_folder_is_not_shared(server):
    said = rushlight("start", "--listen", f"127.0.0.1:{free_port()}", "--data", server.data, ok=False)
    assert str(server.data) in said


def test_an_open_address_needs_a_decision(tmp_path):
    said = rushlight("start", "--listen", f"0.0.0.0:{free_port()}", "--data", tmp_path, ok=False)
    assert "--auth" in said


def test_invoke_logs_urls_env(server, at):
    lam = server.client("lambda")
    lam.create_function(FunctionName="cli-hello", Runtime="nodejs20.x", Role=ROLE, Handler="index.handler",
                        Code={"ZipFile": zipped(index_js=source("seed_hello.js"))})
    assert rushlight("invoke", "cli-hello", "-e", '{"name":"sy"}', *at).strip() == '"Hello sy"'
    assert "REPORT RequestId" in rushlight("logs", "cli-hello", *at)
    assert f"AWS_ENDPOINT_URL={server.url}" in rushlight("env", *at).replace('"', "").replace("'", "")
    inner = rushlight("run", *at, "--", "sh", "-c", "echo $AWS_ENDPOINT_URL")
    assert inner.strip() == server.url
    assert isinstance(json.loads(rushlight("urls", "--json", *at)), (list, dict))
    lam.delete_function(FunctionName="cli-hello")


def test_status_and_stop(tmp_path):
    server = Server(tmp_path / "data").start()
    at = ["--listen", f"127.0.0.1:{server.port}"]
    assert json.loads(rushlight("status", "--json", *at))
    rushlight("stop", *at)
    server.process.wait(10)
    assert server.process.returncode == 0
    assert "not" in rushlight("status", *at, ok=False)


def test_doctor_and_completions():
    said = rushlight("doctor")
    assert "node" in said and ("pip install boto3" in said or "boto3        1." in said)
    assert "rushlight" in rushlight("completions", "bash")


def test_demo_serves_its_stage(tmp_path):
    port = free_port()
    log = open(tmp_path / "log", "w+")
    demo = subprocess.Popen([BINARY, "demo", "--listen", f"127.0.0.1:{port}", "--data", tmp_path / "data"],
                            stdout=log, stderr=subprocess.STDOUT)
    try:
        from conftest import wait_for

        text = lambda: open(tmp_path / "log").read()
        wait_for(lambda: "curl" in text(), 30, text)
        lines = text().splitlines()
        curl = " ".join(lines[next(i for i, l in enumerate(lines) if "curl" in l):])
        command = curl[curl.index("curl"):].split("#")[0]
        done = subprocess.run(["sh", "-c", command.replace("curl", "curl -s", 1)], capture_output=True, text=True, timeout=30)
        assert done.returncode == 0 and done.stdout.strip().startswith("{"), (command, done)
    finally:
        demo.terminate()
        demo.wait(20)
