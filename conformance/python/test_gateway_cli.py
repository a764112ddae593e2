"""API Gateway by the AWS CLI, as a shell script would: an API of each kind, and curl on every address that it has."""

import contextlib
import io
import json
import subprocess

import pytest
from awscli.clidriver import create_clidriver
from websockets.sync.client import connect

ANSWER = json.dumps({"application/json": json.dumps({"from": "$context.stage"})})


def curl(*words):
    done = subprocess.run(["curl", "-sS", "--max-time", "10", *words], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.fixture
def aws(server, monkeypatch):
    """The CLI in this process: to start it takes longer than what it does. Returns its JSON, or its error text."""
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    driver = create_clidriver()

    def run(*words, ok=True):
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = driver.main(list(words))
        assert (code == 0) == ok, f"{words}: {err.getvalue()}"
        if not ok:
            return err.getvalue()
        return json.loads(out.getvalue()) if out.getvalue().strip() else None

    return run


def rest_api(aws):
    cli = lambda *words: aws("apigateway", *words)
    api = cli("create-rest-api", "--name", "shell")
    id, at = api["id"], ("--rest-api-id", api["id"], "--resource-id", api["rootResourceId"], "--http-method", "GET")
    cli("put-method", *at, "--authorization-type", "NONE")
    cli("put-integration", *at, "--type", "MOCK", "--request-templates", '{"application/json":"{\\"statusCode\\":200}"}')
    cli("put-method-response", *at, "--status-code", "200", "--response-models", "application/json=Empty")
    cli("put-integration-response", *at, "--status-code", "200", "--response-templates", ANSWER)
    cli("create-deployment", "--rest-api-id", id, "--stage-name", "dev")
    return id


def test_a_rest_api_from_a_shell(server, aws, tmp_path):
    cli = lambda *words, **more: aws("apigateway", *words, **more)
    id = rest_api(aws)
    tried = cli("test-invoke-method", "--rest-api-id", id, "--http-method", "GET", "--resource-id",
                cli("get-resources", "--rest-api-id", id)["items"][0]["id"])
    assert tried["status"] == 200 and "Successfully completed execution" in tried["log"]
    cli("create-domain-name", "--domain-name", "shell.example.test", "--endpoint-configuration", "types=REGIONAL")
    cli("create-base-path-mapping", "--domain-name", "shell.example.test", "--rest-api-id", id, "--stage", "dev",
        "--base-path", "v1")
    port = server.port
    named = f"{id}.execute-api.localhost:{port}"
    for words in [
        [f"{server.url}/restapis/{id}/dev/_user_request_/"],
        [f"{server.url}/_aws/execute-api/{id}/dev"],
        [f"{server.url}/dev", "--header", f"Host: {id}.execute-api.us-east-1.amazonaws.com"],
        ["--resolve", f"{named}:127.0.0.1", f"http://{named}/dev"],
        [f"{server.url}/v1", "--header", "Host: shell.example.test"],
    ]:
        assert curl(*words) == {"from": "dev"}, words
    exported = tmp_path / "api.json"
    cli("get-export", "--rest-api-id", id, "--stage-name", "dev", "--export-type", "oas30", "--parameters",
        "extensions=apigateway", str(exported))
    again = cli("import-rest-api", "--body", f"fileb://{exported}", "--fail-on-warnings")["id"]
    cli("create-deployment", "--rest-api-id", again, "--stage-name", "two")
    assert curl(f"{server.url}/_aws/execute-api/{again}/two") == {"from": "two"}
    refused = cli("get-stage", "--rest-api-id", id, "--stage-name", "none", ok=False)
    assert "An error occurred (NotFoundException) when calling the GetStage operation: Invalid stage identifier specified" in refused
    cli("delete-domain-name", "--domain-name", "shell.example.test")
    for api in (id, again):
        cli("delete-rest-api", "--rest-api-id", api)


def test_http_and_websocket_apis_from_a_shell(server, aws):
    cli = lambda *words: aws("apigatewayv2", *words)
    page = cli("create-api", "--name", "page", "--protocol-type", "HTTP", "--target", f"{server.url}/_rushlight/health",
               "--cors-configuration", "AllowOrigins=https://page.example")
    assert curl(page["ApiEndpoint"])["status"] == "ok"
    assert curl(server.url, "--header", f"Host: {page['ApiId']}.execute-api.localhost")["status"] == "ok"
    cli("delete-api", "--api-id", page["ApiId"])

    id = cli("create-api", "--name", "chat", "--protocol-type", "WEBSOCKET", "--route-selection-expression",
             "$request.body.action")["ApiId"]
    mock = cli("create-integration", "--api-id", id, "--integration-type", "MOCK", "--template-selection-expression",
               "\\$default", "--request-templates", json.dumps({"$default": '{"statusCode":200}'}))["IntegrationId"]
    cli("create-integration-response", "--api-id", id, "--integration-id", mock, "--integration-response-key",
        "$default", "--template-selection-expression", "\\$default", "--response-templates",
        json.dumps({"$default": "$context.connectionId"}))
    route = cli("create-route", "--api-id", id, "--route-key", "$default", "--target", f"integrations/{mock}",
                "--route-response-selection-expression", "$default")["RouteId"]
    cli("create-route-response", "--api-id", id, "--route-id", route, "--route-response-key", "$default")
    cli("create-stage", "--api-id", id, "--stage-name", "dev", "--auto-deploy")
    at = f"{server.url}/_aws/execute-api/{id}/dev"
    with connect(at.replace("http", "ws"), compression=None) as socket:
        socket.send("who am I?")
        connection = socket.recv(timeout=10)
        manage = lambda verb, *words, **more: aws(
            "apigatewaymanagementapi", verb, "--endpoint-url", at, f"--connection-id={connection}", *words, **more)
        manage("post-to-connection", "--data", "hello")
        assert socket.recv(timeout=10) == "hello"
        assert manage("get-connection")["Identity"]["SourceIp"] == "127.0.0.1"
        manage("delete-connection")
        assert "(GoneException)" in manage("get-connection", ok=False)
    cli("delete-api", "--api-id", id)
