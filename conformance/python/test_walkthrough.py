"""The document's walk-through, once with boto3 and once with the AWS CLI: handlers, a table, a trigger, a REST API,
deployment to a stage, and everything again after kill -9 on the same data."""

import json
import re
import subprocess
import sys

import pytest
import requests
from botocore.exceptions import ClientError

from conftest import ROLE, source, wait_for, zipped

MEMBER = {"id": "sy", "name": "So-yeon"}


class Boto3:
    """Each step with boto3."""

    def __init__(self, server):
        self.server = server
        self.lam, self.db = server.client("lambda"), server.client("dynamodb")
        self.api, self.logs = server.client("apigateway"), server.client("logs")

    def function(self, name, code, env=None):
        made = self.lam.create_function(
            FunctionName=name, Runtime="nodejs20.x", Role=ROLE, Handler="index.handler",
            Code={"ZipFile": zipped(index_js=code)}, Timeout=15, Environment={"Variables": env or {}})
        self.lam.get_waiter("function_active_v2").wait(FunctionName=name)
        return made["FunctionArn"]

    def test(self, name, payload):
        return self.lam.invoke(FunctionName=name, Payload=payload)["Payload"].read().decode()

    def refused(self, name, payload):
        with pytest.raises(ClientError) as refusal:
            self.lam.invoke(FunctionName=name, Payload=payload)
        error = refusal.value.response
        assert error["ResponseMetadata"]["HTTPStatusCode"] == 400
        return f"{error['Error']['Code']}: {error['Error']['Message']}"

    def table(self, name):
        self.db.create_table(
            TableName=name, BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"})
        self.db.get_waiter("table_exists").wait(TableName=name)
        return self.db.describe_table(TableName=name)["Table"]["LatestStreamArn"]

    def trigger(self, function, stream):
        uuid = self.lam.create_event_source_mapping(
            FunctionName=function, EventSourceArn=stream, StartingPosition="TRIM_HORIZON", BatchSize=10)["UUID"]
        wait_for(lambda: self.lam.get_event_source_mapping(UUID=uuid)["State"] == "Enabled", 10)

    def rest_api(self, name):
        api = self.api.create_rest_api(name=name)["id"]
        root = self.api.get_resources(restApiId=api)["items"]
        assert [r["path"] for r in root] == ["/"]
        resource = self.api.create_resource(restApiId=api, parentId=root[0]["id"], pathPart="members")["id"]
        return api, resource

    def post_method(self, api, resource, function_arn):
        self.api.put_method(restApiId=api, resourceId=resource, httpMethod="POST", authorizationType="NONE")
        self.integrate(api, resource, function_arn)
        self.lam.add_permission(
            FunctionName=function_arn, StatementId=f"api-{api}", Action="lambda:InvokeFunction",
            Principal="apigateway.amazonaws.com",
            SourceArn=f"arn:aws:execute-api:us-east-1:000000000000:{api}/*/POST/members")

    def integrate(self, api, resource, function_arn):
        self.api.put_integration(
            restApiId=api, resourceId=resource, httpMethod="POST", type="AWS_PROXY", integrationHttpMethod="POST",
            uri=f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{function_arn}/invocations")

    def make_mock(self, api, resource):
        self.api.put_integration(
            restApiId=api, resourceId=resource, httpMethod="POST", type="MOCK",
            requestTemplates={"application/json": '{"statusCode": 200}'})
        self.api.put_method_response(restApiId=api, resourceId=resource, httpMethod="POST", statusCode="200")
        self.api.put_integration_response(
            restApiId=api, resourceId=resource, httpMethod="POST", statusCode="200",
            responseTemplates={"application/json": '{"mock": true}'})

    def deploy(self, api, stage):
        self.api.create_deployment(restApiId=api, stageName=stage)

    def item(self, table, key):
        return self.db.get_item(TableName=table, Key={"id": {"S": key}}, ConsistentRead=True).get("Item")

    def put(self, table, item):
        self.db.put_item(TableName=table, Item={k: {"S": v} for k, v in item.items()})

    def delete(self, table, key):
        self.db.delete_item(TableName=table, Key={"id": {"S": key}})

    def log_lines(self, function):
        events = self.logs.filter_log_events(logGroupName=f"/aws/lambda/{function}")["events"]
        return [e["message"] for e in events]


class Cli:
    """Each step with the AWS CLI v1, as a person types it."""

    def __init__(self, server, folder):
        self.server, self.folder = server, folder

    def run(self, *words, ok=True):
        """Its JSON, or its error text where `ok` is False."""
        command = [sys.executable, "-m", "awscli", *words]
        done = subprocess.run(command, env=self.server.environment(), capture_output=True, text=True, timeout=90)
        if not ok:
            assert done.returncode != 0, done.stdout
            return done.stderr
        assert done.returncode == 0, f"{' '.join(map(str, words))}: {done.stderr}"
        return json.loads(done.stdout) if done.stdout.strip() else None

    def file(self, name, content):
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    def function(self, name, code, env=None):
        package = self.file(f"{name}.zip", zipped(index_js=code))
        made = self.run(
            "lambda", "create-function", "--function-name", name, "--runtime", "nodejs20.x", "--role", ROLE,
            "--handler", "index.handler", "--zip-file", f"fileb://{package}", "--timeout", "15",
            "--environment", json.dumps({"Variables": env or {}}))
        self.run("lambda", "wait", "function-active-v2", "--function-name", name)
        return made["FunctionArn"]

    def test(self, name, payload):
        out = self.folder / "out.json"
        self.run("lambda", "invoke", "--function-name", name, "--payload", payload, str(out))
        return out.read_text()

    def refused(self, name, payload):
        text = self.run(
            "lambda", "invoke", "--function-name", name, "--payload", payload, str(self.folder / "out.json"), ok=False)
        return re.sub(r"^.*\((\w+)\) when calling the Invoke operation: ", r"\1: ", text.strip(), flags=re.S)

    def table(self, name):
        self.run(
            "dynamodb", "create-table", "--table-name", name, "--billing-mode", "PAY_PER_REQUEST",
            "--attribute-definitions", "AttributeName=id,AttributeType=S",
            "--key-schema", "AttributeName=id,KeyType=HASH",
            "--stream-specification", "StreamEnabled=true,StreamViewType=NEW_AND_OLD_IMAGES")
        self.run("dynamodb", "wait", "table-exists", "--table-name", name)
        return self.run("dynamodb", "describe-table", "--table-name", name)["Table"]["LatestStreamArn"]

    def trigger(self, function, stream):
        uuid = self.run(
            "lambda", "create-event-source-mapping", "--function-name", function, "--event-source-arn", stream,
            "--starting-position", "TRIM_HORIZON", "--batch-size", "10")["UUID"]
        wait_for(
            lambda: self.run("lambda", "get-event-source-mapping", "--uuid", uuid)["State"] == "Enabled", 20)

    def rest_api(self, name):
        api = self.run("apigateway", "create-rest-api", "--name", name)["id"]
        root = self.run("apigateway", "get-resources", "--rest-api-id", api)["items"]
        assert [r["path"] for r in root] == ["/"]
        resource = self.run(
            "apigateway", "create-resource", "--rest-api-id", api, "--parent-id", root[0]["id"],
            "--path-part", "members")["id"]
        return api, resource

    def post_method(self, api, resource, function_arn):
        self.run("apigateway", "put-method", "--rest-api-id", api, "--resource-id", resource,
                 "--http-method", "POST", "--authorization-type", "NONE")
        self.integrate(api, resource, function_arn)
        self.run("lambda", "add-permission", "--function-name", function_arn, "--statement-id", f"api-{api}",
                 "--action", "lambda:InvokeFunction", "--principal", "apigateway.amazonaws.com", "--source-arn",
                 f"arn:aws:execute-api:us-east-1:000000000000:{api}/*/POST/members")

    def integrate(self, api, resource, function_arn):
        self.run("apigateway", "put-integration", "--rest-api-id", api, "--resource-id", resource,
                 "--http-method", "POST", "--type", "AWS_PROXY", "--integration-http-method", "POST", "--uri",
                 f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{function_arn}/invocations")

    def make_mock(self, api, resource):
        common = ("--rest-api-id", api, "--resource-id", resource, "--http-method", "POST")
        self.run("apigateway", "put-integration", *common, "--type", "MOCK",
                 "--request-templates", json.dumps({"application/json": '{"statusCode": 200}'}))
        self.run("apigateway", "put-method-response", *common, "--status-code", "200")
        self.run("apigateway", "put-integration-response", *common, "--status-code", "200",
                 "--response-templates", json.dumps({"application/json": '{"mock": true}'}))

    def deploy(self, api, stage):
        self.run("apigateway", "create-deployment", "--rest-api-id", api, "--stage-name", stage)

    def item(self, table, key):
        found = self.run("dynamodb", "get-item", "--table-name", table, "--consistent-read",
                         "--key", json.dumps({"id": {"S": key}}))
        return found.get("Item") if found else None

    def put(self, table, item):
        self.run("dynamodb", "put-item", "--table-name", table,
                 "--item", json.dumps({k: {"S": v} for k, v in item.items()}))

    def delete(self, table, key):
        self.run("dynamodb", "delete-item", "--table-name", table, "--key", json.dumps({"id": {"S": key}}))

    def log_lines(self, function):
        events = self.run("logs", "filter-log-events", "--log-group-name", f"/aws/lambda/{function}")["events"]
        return [e["message"] for e in events]


@pytest.fixture(params=["boto3", "cli"])
def client(request, own_server, tmp_path):
    return Boto3(own_server) if request.param == "boto3" else Cli(own_server, tmp_path)


def changes(client, function):
    """What the function behind the stream saw, in order."""
    lines = [line for line in client.log_lines(function) if "CHANGE " in line]
    return [json.loads(line.split("CHANGE ", 1)[1]) for line in lines]


def seen(client, function):
    return [(c["name"], c["key"], c.get("old"), c.get("new")) for c in changes(client, function)]


def test_the_whole_way(client):
    server = client.server

    # A handler, tested with an event.
    client.function("event", source("seed_event.js"))
    answer = json.loads(client.test("event", '{"key1": "value1"}'))
    assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}", answer)
    logged = "".join(client.log_lines("event"))
    assert 'EVENT: \n{\n  "key1": "value1"\n}' in logged.replace("\r", "\n")

    client.function("hello", source("seed_hello.js"))
    assert client.test("hello", '{ "name" : "sy" }') == '"Hello sy"'
    assert client.test("hello", "{}") == '"Hello no name"'

    # The document's mistake: single quotes are no JSON.
    refusal = client.refused("hello", "{'name':'sy'}")
    assert refusal.startswith(
        "InvalidRequestContentException: Could not parse request body into json: Could not parse payload into json: "
        "Unexpected character (''' (code 39)): was expecting double-quote to start field name"), refusal

    # A table with one key, a function with a trigger on it.
    stream = client.table("members")
    client.function("changes", source("record_changes.js"))
    client.trigger("changes", stream)

    # A function that puts the posted member into the table, behind POST on a child resource.
    function_arn = client.function("save-member", source("put_member.js"), {"TABLE": "members"})
    api, resource = client.rest_api("members")
    client.post_method(api, resource, function_arn)
    urls = [
        f"{server.url}/restapis/{api}/dev/_user_request_/members",
        f"{server.url}/_aws/execute-api/{api}/dev/members",
    ]

    # Nothing answers before the deployment, everything after.
    for url in urls:
        before = requests.post(url, json=MEMBER)
        assert (before.status_code, before.json()) == (403, {"message": "Forbidden"})
        assert before.headers["x-amzn-ErrorType"] == "ForbiddenException"
    client.deploy(api, "dev")
    for url in urls:
        saved = requests.post(url, json=MEMBER)
        assert saved.status_code == 201, saved.text
        assert saved.json() == {"saved": "sy", "stage": "dev", "path": "/members"}
        assert saved.headers["content-type"] == "application/json"
        assert saved.headers["x-amzn-RequestId"] and saved.headers["x-amz-apigw-id"]
    host_style = requests.post(
        f"{server.url}/dev/members", json=MEMBER,
        headers={"Host": f"{api}.execute-api.localhost.localstack.cloud:{server.port}"})
    assert host_style.status_code == 201
    assert client.item("members", "sy") == {"id": {"S": "sy"}, "name": {"S": "So-yeon"}}
    missing = requests.get(urls[0])
    assert (missing.status_code, missing.json()) == (403, {"message": "Missing Authentication Token"})
    assert missing.headers["x-amzn-ErrorType"] == "MissingAuthenticationTokenException"

    # A change is invisible until the next deployment.
    client.make_mock(api, resource)
    assert requests.post(urls[0], json=MEMBER).status_code == 201
    client.deploy(api, "dev")
    mock = requests.post(urls[0], json=MEMBER)
    assert (mock.status_code, mock.json()) == (200, {"mock": True})
    client.integrate(api, resource, function_arn)
    client.deploy(api, "dev")
    assert requests.post(urls[0], json=MEMBER).status_code == 201

    # The function behind the stream sees INSERT, MODIFY, REMOVE in order; equal puts leave no record.
    client.put("members", {"id": "sy", "name": "Soyeon"})
    client.delete("members", "sy")
    expected = [
        ("INSERT", "sy", None, "So-yeon"), ("MODIFY", "sy", "So-yeon", "Soyeon"), ("REMOVE", "sy", "Soyeon", None)]
    wait_for(lambda: len(seen(client, "changes")) >= 3, 20, lambda: str(client.log_lines("changes")))
    assert seen(client, "changes") == expected

    # kill -9 and a restart on the same data: all of it is still there and works on.
    server.kill()
    server.start()
    assert client.test("hello", '{ "name" : "sy" }') == '"Hello sy"'
    assert requests.post(urls[0], json={"id": "after", "name": "restart"}).status_code == 201
    assert client.item("members", "after") == {"id": {"S": "after"}, "name": {"S": "restart"}}
    wait_for(lambda: len(seen(client, "changes")) >= 4, 20, lambda: str(client.log_lines("changes")))
    assert seen(client, "changes")[-1] == ("INSERT", "after", None, "restart")
    assert [c for c in seen(client, "changes") if c[1] == "sy"] == expected
