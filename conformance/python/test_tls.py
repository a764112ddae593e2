"""TLS on the port that also speaks plain HTTP: certificates by name and their renewal, custom domains, mutual TLS."""

import asyncio
import json
import socket
import ssl
import subprocess
from pathlib import Path

import boto3
import pytest
import requests
import websockets
from botocore.exceptions import SSLError

from conftest import BINARY, ROLE, Server, wait_for, zipped

CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc")


class Authority:
    """Signs certificates, as a company's own does."""

    def __init__(self, folder, name="Test CA"):
        folder.mkdir()
        self.folder, self.pem = folder, folder / "ca.pem"
        openssl("req", "-x509", *CURVE, "-keyout", folder / "ca.key", "-out", self.pem, "-days", "2",
                "-subj", f"/C=US/O=Example/CN={name}")

    def sign(self, stem, name, subject="/CN=any", serial=None):
        """Writes `stem`.pem and `stem`.key."""
        request, extensions = self.folder / "request.pem", self.folder / "extensions"
        extensions.write_text(f"subjectAltName=DNS:{name}\n")
        openssl("req", *CURVE, "-keyout", f"{stem}.key", "-out", request, "-subj", subject)
        number = ("-set_serial", serial) if serial else ("-CAcreateserial",)
        openssl("x509", "-req", "-in", request, "-CA", self.pem, "-CAkey", self.folder / "ca.key", "-out", f"{stem}.pem",
                "-days", "2", "-extfile", extensions, *number)


def openssl(*words):
    done = subprocess.run(["openssl", *map(str, words)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("tls") / "ca")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory, authority):
    folder = tmp_path_factory.mktemp("certificates")
    for name in ("localhost", "api.example.com", "mutual.example.com"):
        authority.sign(folder / name, name)
    (folder / "mutual.example.com.truststore.pem").write_bytes(authority.pem.read_bytes())
    return folder


@pytest.fixture(scope="module")
def tls(tmp_path_factory, certificates):
    server = Server(tmp_path_factory.mktemp("server") / "data", "--certificates", certificates).start()
    server.https = f"https://localhost:{server.port}"
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def names(monkeypatch):
    """Names below example.com are this machine's."""
    real = socket.getaddrinfo

    def resolve(host, *more, **others):
        return real("127.0.0.1" if str(host).endswith("example.com") else host, *more, **others)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)


def client(server, service, verify):
    return boto3.client(service, endpoint_url=server.https, region_name="us-east-1", verify=verify,
                        aws_access_key_id="test", aws_secret_access_key="test")


def certificate_of(server, name, authority):
    """The serial number of what the server shows to who asks for `name`."""
    context = ssl.create_default_context(cafile=authority.pem)
    with socket.create_connection(("127.0.0.1", server.port)) as raw:
        with context.wrap_socket(raw, server_hostname=name) as stream:
            return stream.getpeercert()["serialNumber"]


def test_clients_come_by_https(tls, authority):
    v2 = client(tls, "apigatewayv2", str(authority.pem))
    made = v2.create_api(Name="a", ProtocolType="HTTP")
    assert made["ApiEndpoint"] == f"{tls.https}/_aws/execute-api/{made['ApiId']}"
    # The same port speaks plain HTTP.
    plain = tls.client("apigatewayv2").get_api(ApiId=made["ApiId"])
    assert plain["ApiEndpoint"].startswith(f"http://127.0.0.1:{tls.port}/")
    with pytest.raises(SSLError):
        client(tls, "apigatewayv2", True).get_apis()
    with pytest.raises(requests.exceptions.SSLError, match="(?i)unrecognized.name"):
        requests.get(f"https://other.example.com:{tls.port}/", verify=str(authority.pem))
    assert f"https://api.example.com:{tls.port}" in tls.log_text()
    v2.delete_api(ApiId=made["ApiId"])


def test_websockets_come_by_wss(tls, authority):
    v2 = client(tls, "apigatewayv2", str(authority.pem))
    api = v2.create_api(Name="ws", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action")
    assert api["ApiEndpoint"].startswith("wss://")
    v2.create_stage(ApiId=api["ApiId"], StageName="dev", AutoDeploy=True)

    async def talk():
        context = ssl.create_default_context(cafile=authority.pem)
        async with websockets.connect(api["ApiEndpoint"] + "/dev", ssl=context) as ws:
            await ws.send("hello")
            return json.loads(await ws.recv())

    assert asyncio.run(talk())["message"] == "Forbidden"
    v2.delete_api(ApiId=api["ApiId"])


def test_renewed_certificates_are_taken_up(tls, authority, certificates):
    before = certificate_of(tls, "api.example.com", authority)
    authority.sign(certificates / "api.example.com", "api.example.com")
    wait_for(lambda: certificate_of(tls, "api.example.com", authority) != before, 20)
    renewed = certificate_of(tls, "api.example.com", authority)
    (certificates / "api.example.com.pem").write_text("no certificate")
    wait_for(lambda: "api.example.com.pem: there is no certificate in it" in tls.log_text(), 20)
    assert certificate_of(tls, "api.example.com", authority) == renewed


def test_a_folder_that_cannot_be_used(tmp_path):
    (tmp_path / "api.example.com.pem").write_text("no certificate")
    done = subprocess.run([BINARY, "start", "--memory", "--listen", "127.0.0.1:0", "--certificates", tmp_path],
                          capture_output=True, text=True, timeout=20)
    assert done.returncode != 0
    assert f"cannot use {tmp_path}/api.example.com.key: No such file or directory" in done.stderr


@pytest.fixture(scope="module")
def domains(tls, authority):
    """An HTTP API at `api` and `mutual`.example.com, whose function tells its event; closed at its own endpoint."""
    lam, v2 = tls.client("lambda"), tls.client("apigatewayv2")
    code = zipped(index_js="exports.handler = async (event) => event.requestContext;")
    made = lam.create_function(FunctionName="echo", Runtime="nodejs20.x", Role=ROLE, Handler="index.handler",
                               Code={"ZipFile": code})
    lam.get_waiter("function_active_v2").wait(FunctionName="echo", WaiterConfig={"Delay": 1})
    lam.add_permission(FunctionName="echo", StatementId="any", Action="lambda:InvokeFunction",
                       Principal="apigateway.amazonaws.com")
    api = v2.create_api(Name="web", ProtocolType="HTTP", Target=made["FunctionArn"], DisableExecuteApiEndpoint=True)
    for name in ("api.example.com", "mutual.example.com", "unserved.example.com"):
        trust = {} if name.startswith("api") else {"TruststoreUri": "s3://trust/store.pem"}
        v2.create_domain_name(DomainName=name, DomainNameConfigurations=[{"EndpointType": "REGIONAL"}],
                              **({"MutualTlsAuthentication": trust} if trust else {}))
        v2.create_api_mapping(DomainName=name, ApiId=api["ApiId"], Stage="$default")
    return api


def get(tls, authority, name, pair=None, host=None):
    """By a client that shows the certificate `pair`, and asks for another host than for `name` if it says one."""
    cert = (f"{pair}.pem", f"{pair}.key") if pair else None
    url = f"https://{name}:{tls.port}/a"
    return requests.get(url, verify=str(authority.pem), cert=cert, headers={"host": host} if host else {}, timeout=30)


def test_custom_domains_by_https(tls, authority, domains):
    context = get(tls, authority, "api.example.com").json()
    assert context["domainName"] == "api.example.com" and "authentication" not in context
    by_endpoint = requests.get(domains["ApiEndpoint"] + "/a")
    assert (by_endpoint.status_code, by_endpoint.json()) == (404, {"message": "Not Found"})


def test_mutual_tls(tls, authority, domains, tmp_path):
    pair, name = tmp_path / "client", "mutual.example.com"
    authority.sign(pair, "client", "/C=US/O=Example, Inc./CN=client", serial=7)
    shown = get(tls, authority, name, pair).json()["authentication"]["clientCert"]
    pem = Path(f"{pair}.pem").read_text()
    assert shown["clientCertPem"].split() == pem[pem.index("-----BEGIN"):].split()
    assert shown["subjectDN"] == "C=US,O=Example\\, Inc.,CN=client"
    assert shown["issuerDN"] == "C=US,O=Example,CN=Test CA"
    assert shown["serialNumber"] == "7"
    dates = openssl("x509", "-in", f"{pair}.pem", "-noout", "-dates").split("\n")
    assert [f"{key}={shown['validity'][key]}" for key in ("notBefore", "notAfter")] == dates[:2]

    Authority(tmp_path / "other", "Other CA").sign(tmp_path / "foreign", "client")
    for refused in (None, tmp_path / "foreign"):
        with pytest.raises(requests.exceptions.ConnectionError, match="(?i)certificate.required|unknown.ca"):
            get(tls, authority, name, refused)
    # Nobody comes round by another name, in the clear, or because a truststore is missing.
    forbidden = (403, {"message": "Forbidden"})
    round_about = [
        get(tls, authority, "api.example.com", pair, host=name),
        requests.get(f"http://{name}:{tls.port}/a"),
        requests.get(f"http://unserved.example.com:{tls.port}/a"),
    ]
    assert [(answer.status_code, answer.json()) for answer in round_about] == [forbidden] * 3
