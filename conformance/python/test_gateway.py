"""REST APIs as their users deploy them: routes, integrations, stages, and the bodies of refusals."""

import http.server
import json
import socket
import threading

import pytest
import requests
from botocore.exceptions import ClientError

ECHO = """
exports.handler = async (event) => ({
  statusCode: 200,
  headers: { 'x-resource': event.resource },
  multiValueHeaders: { 'set-cookie': ['a=1', 'b=2'] },
  body: JSON.stringify({
    resource: event.resource, path: event.path, method: event.httpMethod, parameters: event.pathParameters,
    query: event.queryStringParameters, multi: event.multiValueQueryStringParameters, body: event.body,
    base64: event.isBase64Encoded, stage: event.requestContext.stage, variables: event.stageVariables,
    header: event.headers['x-test'] ?? null, ip: event.requestContext.identity.sourceIp,
    names: Object.keys(event.headers),
  }),
});
"""


class Api:
    """A REST API under construction."""

    def __init__(self, server, **settings):
        self.client, self.server = server.client("apigateway"), server
        self.id = self.client.create_rest_api(name="t", **settings)["id"]
        self.ids = {"/": self.client.get_resources(restApiId=self.id)["items"][0]["id"]}

    def resource(self, path):
        if path not in self.ids:
            parent, _, part = path.rpartition("/")
            made = self.client.create_resource(restApiId=self.id, parentId=self.resource(parent or "/"), pathPart=part)
            self.ids[path] = made["id"]
        return self.ids[path]

    def method(self, verb, path, **integration):
        at = {"restApiId": self.id, "resourceId": self.resource(path), "httpMethod": verb}
        self.client.put_method(**at, authorizationType="NONE", requestParameters=integration.pop("parameters", {}))
        self.client.put_integration(**at, **integration)
        return at

    def function(self, verb, path, name):
        self.method(verb, path, type="AWS_PROXY", integrationHttpMethod="POST", uri=uri(name))
        try:
            self.server.client("lambda").add_permission(
                FunctionName=name, StatementId=f"s{self.id}", Action="lambda:InvokeFunction",
                Principal="apigateway.amazonaws.com",
                SourceArn=f"arn:aws:execute-api:us-east-1:000000000000:{self.id}/*")
        except ClientError as error:
            assert "ResourceConflict" in str(error)

    def deploy(self, stage="dev", **more):
        return self.client.create_deployment(restApiId=self.id, stageName=stage, **more)["id"]

    def url(self, path, stage="dev"):
        return f"{self.server.url}/restapis/{self.id}/{stage}/_user_request_{path}"


def uri(name):
    arn = f"arn:aws:lambda:us-east-1:000000000000:function:{name}"
    return f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{arn}/invocations"


@pytest.fixture
def api(server):
    made = Api(server)
    yield made
    made.client.delete_rest_api(restApiId=made.id)


def test_routes_and_the_proxy_event(api, deploy):
    name = deploy(ECHO)
    for verb, path in [("GET", "/pets"), ("ANY", "/pets/{id}"), ("GET", "/pets/best"), ("ANY", "/files/{proxy+}"), ("GET", "/")]:
        api.function(verb, path, name)
    api.deploy(variables={"color": "red"})
    seen = lambda verb, path, **more: requests.request(verb, api.url(path), **more).json()
    assert seen("GET", "/pets")["resource"] == "/pets"
    assert seen("GET", "/pets/7")["parameters"] == {"id": "7"}
    assert seen("DELETE", "/pets/a%20b")["parameters"] == {"id": "a%20b"}  # REST APIs pass it on encoded
    assert seen("GET", "/pets/best")["resource"] == "/pets/best"
    assert seen("POST", "/pets/best")["resource"] == "/pets/{id}"
    assert seen("PUT", "/files/a/b/c.txt")["parameters"] == {"proxy": "a/b/c.txt"}
    whole = seen("GET", "/pets/7?a=1&a=2&b=%26", headers={"x-test": "yes", "X-UPPER": "1"})
    assert whole["query"] == {"a": "2", "b": "&"} and whole["multi"] == {"a": ["1", "2"], "b": ["&"]}
    assert (whole["header"], whole["stage"], whole["variables"], whole["body"]) == ("yes", "dev", {"color": "red"}, None)
    assert {"x-test", "X-UPPER"} <= set(whole["names"])  # as they were written
    assert whole["ip"] == "127.0.0.1" and whole["path"] == "/pets/7"
    answer = requests.get(api.url("/pets"))
    assert answer.headers["x-resource"] == "/pets" and answer.cookies.get_dict() == {"a": "1", "b": "2"}
    missing = requests.get(api.url("/nowhere"))
    assert (missing.status_code, missing.text) == (403, '{"message":"Missing Authentication Token"}')
    assert requests.post(api.url("/pets")).status_code == 403


# what a function may answer and what it may not: (answer, status, body)
ANSWERS = [
    ("{ statusCode: 204 }", 204, ""),
    ("{ statusCode: '201', body: 'made' }", 201, "made"),
    ("{ statusCode: 200, body: Buffer.from('hi').toString('base64'), isBase64Encoded: true }", 200, "hi"),
    ("'just text'", 502, '{"message": "Internal server error"}'),
    ("{ body: 'no status' }", 200, "no status"),
    ("{ statusCode: 200, nothingKnown: 1 }", 502, '{"message": "Internal server error"}'),
    ("{ statusCode: 200, body: { not: 'text' } }", 502, '{"message": "Internal server error"}'),
    ("(() => { throw new Error('x') })()", 502, '{"message": "Internal server error"}'),
]


def test_answers_of_a_function(server, deploy):
    api = Api(server, binaryMediaTypes=["*/*"])  # without it AWS passes base64 on as it is
    table = ", ".join(f"() => ({answer})" for answer, _, _ in ANSWERS)
    name = deploy(f"const t = [{table}]; exports.handler = async (e) => t[Number(e.queryStringParameters.n)]();")
    api.function("GET", "/", name)
    api.deploy()
    for n, (_, status, body) in enumerate(ANSWERS):
        answer = requests.get(api.url(f"/?n={n}"))
        assert answer.status_code == status, (n, answer.text)
        if body.startswith('{"message"'):
            assert answer.json() == json.loads(body)
            assert answer.headers["x-amzn-ErrorType"] == "InternalServerErrorException"
        else:
            assert answer.text == body


def test_without_permission_the_function_is_not_called(api, deploy):
    name = deploy(ECHO)
    api.method("GET", "/", type="AWS_PROXY", integrationHttpMethod="POST", uri=uri(name))
    api.deploy()
    answer = requests.get(api.url("/"))
    assert (answer.status_code, answer.json()) == (500, {"message": "Internal server error"})


def test_mock_as_cors_preflight(api):
    at = api.method("OPTIONS", "/pets", type="MOCK", requestTemplates={"application/json": '{"statusCode": 200}'})
    names = ["Access-Control-Allow-Origin", "Access-Control-Allow-Headers"]
    api.client.put_method_response(**at, statusCode="200", responseParameters={f"method.response.header.{n}": True for n in names})
    api.client.put_integration_response(
        **at, statusCode="200", responseParameters={f"method.response.header.{n}": "'*'" for n in names})
    api.deploy()
    answer = requests.options(api.url("/pets"))
    assert answer.status_code == 200 and all(answer.headers[n] == "*" for n in names)


class Backend(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        text = json.dumps({"method": self.command, "path": self.path, "body": body.decode(), "x": self.headers.get("x-test")})
        self.send_response(418)
        self.send_header("content-length", str(len(text)))
        self.send_header("x-backend", "yes")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text.encode())

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = answer

    def log_message(self, *_):
        pass


@pytest.fixture
def backend():
    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Backend)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{running.server_port}"
    running.shutdown()


def test_http_proxy(api, backend):
    api.method("ANY", "/web/{proxy+}", type="HTTP_PROXY", integrationHttpMethod="ANY", uri=backend + "/base/{proxy}",
               parameters={"method.request.path.proxy": True},
               requestParameters={"integration.request.path.proxy": "method.request.path.proxy"})
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        dead = closed.getsockname()[1]
    api.method("GET", "/dead", type="HTTP_PROXY", integrationHttpMethod="GET", uri=f"http://127.0.0.1:{dead}/")
    api.deploy()
    answer = requests.post(api.url("/web/a/b?q=1"), data="body", headers={"x-test": "t"})
    assert (answer.status_code, answer.headers["x-backend"]) == (418, "yes")
    assert answer.json() == {"method": "POST", "path": "/base/a/b?q=1", "body": "body", "x": "t"}
    answer = requests.get(api.url("/dead"))
    assert (answer.status_code, answer.json()) == (504, {"message": "Network error communicating with endpoint"})


def test_a_deployment_is_frozen_and_a_stage_rolls_back(api):
    def mock(text):
        at = api.method("GET", "/v", type="MOCK", requestTemplates={"application/json": '{"statusCode": 200}'}) \
            if "/v" not in api.ids else {"restApiId": api.id, "resourceId": api.ids["/v"], "httpMethod": "GET"}
        if text == "one":
            api.client.put_method_response(**at, statusCode="200")
        api.client.put_integration_response(**at, statusCode="200", responseTemplates={"application/json": text})

    mock("one")
    first = api.deploy()
    mock("two")
    assert requests.get(api.url("/v")).text == "one"
    second = api.deploy()
    assert requests.get(api.url("/v")).text == "two"
    assert {d["id"] for d in api.client.get_deployments(restApiId=api.id)["items"]} == {first, second}
    api.client.update_stage(restApiId=api.id, stageName="dev", patchOperations=[
        {"op": "replace", "path": "/deploymentId", "value": first}])
    assert requests.get(api.url("/v")).text == "one"
    with pytest.raises(api.client.exceptions.BadRequestException) as refusal:
        api.client.delete_deployment(restApiId=api.id, deploymentId=first)
    assert "Active stages pointing to this deployment must be moved or deleted" in str(refusal.value)
    api.client.delete_stage(restApiId=api.id, stageName="dev")
    assert requests.get(api.url("/v")).json() == {"message": "Forbidden"}


def test_control_plane_refusals(api):
    for call, code, text in [
        (lambda: api.client.get_rest_api(restApiId="nothing000"), "NotFoundException", "Invalid API identifier specified"),
        (lambda: api.client.get_resource(restApiId=api.id, resourceId="nope"), "NotFoundException", "Invalid Resource identifier specified"),
        (lambda: api.client.get_stage(restApiId=api.id, stageName="nope"), "NotFoundException", "Invalid stage identifier specified"),
        (lambda: api.client.create_deployment(restApiId=api.id, stageName="dev"), "BadRequestException", "The REST API doesn't contain any methods"),
    ]:
        with pytest.raises(ClientError) as refusal:
            call()
        assert refusal.value.response["Error"]["Code"] == code
        assert text in refusal.value.response["Error"]["Message"]
    api.resource("/a")
    with pytest.raises(api.client.exceptions.ConflictException) as refusal:
        api.client.create_resource(restApiId=api.id, parentId=api.ids["/"], pathPart="a")
    assert "Another resource with the same parent already has this name: a" in str(refusal.value)


def test_patches_tags_and_paging(api):
    patch = [{"op": "replace", "path": "/name", "value": "renamed"}, {"op": "replace", "path": "/description", "value": "d"}]
    assert api.client.update_rest_api(restApiId=api.id, patchOperations=patch)["name"] == "renamed"
    for part in "abcdef":
        api.resource(f"/{part}")
    pages = list(api.client.get_paginator("get_resources").paginate(restApiId=api.id, PaginationConfig={"PageSize": 2}))
    assert len(pages) > 2 and {i["path"] for p in pages for i in p["items"]} == {"/", *(f"/{c}" for c in "abcdef")}
    api.client.delete_resource(restApiId=api.id, resourceId=api.ids["/a"])
    assert "/a" not in [i["path"] for i in api.client.get_resources(restApiId=api.id, limit=500)["items"]]


def test_an_api_id_can_be_chosen(server):
    made = Api(server, tags={"_custom_id_": "petstore"})
    assert made.id == "petstore"
    made.client.delete_rest_api(restApiId="petstore")
