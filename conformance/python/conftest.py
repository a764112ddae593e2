"""Starts the release binary as a user would and hands out official clients that know nothing but its address."""

import io
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request
import zipfile
from pathlib import Path

import boto3
import pytest
from botocore.config import Config

from database import Database

ROOT = Path(__file__).resolve().parents[2]
FUNCTIONS = ROOT / "conformance" / "functions"
BINARY = Path(os.environ.get("RUSHLIGHT_BIN", ROOT / "target" / "release" / "rushlight"))
ROLE = "arn:aws:iam::000000000000:role/any"


def pytest_addoption(parser):
    parser.addoption(
        "--postgres", action="store_true", help="servers keep their state in a PostgreSQL database, not in their folders"
    )


def pytest_configure(config):
    if config.getoption("--postgres"):
        Server.database = Database()


def pytest_unconfigure():
    if Server.database:
        Server.database.remove()
        Server.database = None


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """One server process over one data folder; `kill` is SIGKILL, and it can be started again on the same data."""

    # Where those keep their state that are not told where.
    database = None

    def __init__(self, data, *flags):
        self.data, self.flags = Path(data), flags
        if self.database and not {"--store", "--memory"} & set(flags):
            self.flags = (*flags, "--store", self.database.empty(), "--objects", self.data / "objects")
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = None

    def start(self):
        self.log = open(self.data.parent / f"server-{self.port}.log", "ab")
        self.process = subprocess.Popen(
            [BINARY, "start", "--listen", f"127.0.0.1:{self.port}", "--data", self.data, *self.flags],
            stdout=self.log, stderr=self.log, env=self.environment(bare=True),
        )
        wait_for(self.healthy, 20, lambda: self.log_text())
        return self

    def healthy(self):
        if self.process.poll() is not None:
            raise AssertionError(f"the server ended: {self.log_text()}")
        try:
            with urllib.request.urlopen(self.url + "/_rushlight/health", timeout=2) as reply:
                return reply.status == 200
        except OSError:
            return False

    def log_text(self):
        return Path(self.log.name).read_text(errors="replace")[-4000:]

    def kill(self):
        self.process.kill()
        self.process.wait(10)

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(20)

    def environment(self, bare=False):
        """What a user's shell has: an endpoint, any credentials, a region; nothing else of AWS."""
        env = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "RUSHLIGHT_"))}
        if not bare:
            env |= {
                "AWS_ENDPOINT_URL": self.url,
                "AWS_ACCESS_KEY_ID": "test",
                "AWS_SECRET_ACCESS_KEY": "test",
                "AWS_DEFAULT_REGION": "us-east-1",
                "AWS_PAGER": "",
            }
        return env

    def client(self, service, **config):
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"max_attempts": 1}, read_timeout=70, **config),
        )


def wait_for(check, seconds, why=lambda: ""):
    """Polls until `check` is true; the state waited for has no event that a client could await."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = check()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"not true after {seconds} s: {why()}")


def zipped(**files):
    """The bytes of a zip; `index_js="..."` becomes `index.js`."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            stem, _, extension = name.rpartition("_")
            archive.writestr(f"{stem}.{extension}", text)
    return buffer.getvalue()


def source(name):
    return (FUNCTIONS / name).read_text()


@pytest.fixture(scope="session")
def server():
    folder = tempfile.mkdtemp(prefix="rushlight-")
    running = Server(Path(folder) / "data").start()
    yield running
    running.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def own_server(tmp_path):
    """A server that the test may kill."""
    running = Server(tmp_path / "data").start()
    yield running
    running.stop()


@pytest.fixture
def lam(server):
    return server.client("lambda")


@pytest.fixture
def dynamodb(server):
    return server.client("dynamodb")


@pytest.fixture
def deploy(server):
    """Makes a function for one test and deletes it afterwards."""
    lam = server.client("lambda")
    made = []

    def make(code, runtime="nodejs20.x", handler="index.handler", file=None, **more):
        name = f"f-{os.urandom(6).hex()}"
        if isinstance(code, str):
            code = zipped(**{file or ("index_js" if runtime.startswith("node") else "index_py"): code})
        lam.create_function(
            FunctionName=name, Runtime=runtime, Role=ROLE, Handler=handler, Code={"ZipFile": code}, **more)
        made.append(name)
        return name

    yield make
    for name in made:
        lam.delete_function(FunctionName=name)


@pytest.fixture
def invoke(lam):
    """Invokes and returns (payload, error header, last log lines)."""
    import base64

    def call(name, event=None, **more):
        payload = event if isinstance(event, (bytes, str)) else json.dumps(event)
        reply = lam.invoke(FunctionName=name, Payload=payload, LogType="Tail", **more)
        body = reply["Payload"].read()
        log = base64.b64decode(reply.get("LogResult", "")).decode()
        return (json.loads(body) if body else None), reply.get("FunctionError"), log

    return call
