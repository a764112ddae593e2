"""Stages of REST APIs by boto3: their logs, and methods that are tried out."""

import json
import time
import urllib.error
import urllib.request

import pytest

MOCK = {"application/json": '{"statusCode":200}'}


@pytest.fixture
def apigateway(server):
    return server.client("apigateway")


@pytest.fixture
def logs(server):
    return server.client("logs")


@pytest.fixture
def api(apigateway):
    made = apigateway.create_rest_api(name="stages")["id"]
    root = apigateway.get_resources(restApiId=made)["items"][0]["id"]
    apigateway.put_method(restApiId=made, resourceId=root, httpMethod="GET", authorizationType="NONE")
    apigateway.put_method_response(restApiId=made, resourceId=root, httpMethod="GET", statusCode="200")
    apigateway.put_integration(
        restApiId=made, resourceId=root, httpMethod="GET", type="MOCK", requestTemplates=MOCK)
    apigateway.put_integration_response(
        restApiId=made, resourceId=root, httpMethod="GET", statusCode="200",
        responseTemplates={"application/json": '{"id":"$context.requestId","v":"$stageVariables.v"}'})
    apigateway.create_deployment(restApiId=made, stageName="dev", variables={"v": "1"})
    yield made, root
    apigateway.delete_rest_api(restApiId=made)


def get(server, api, path="/", headers={}):
    request = urllib.request.Request(f"{server.url}/restapis/{api}/dev/_user_request_{path}", headers=headers)
    try:
        with urllib.request.urlopen(request) as reply:
            return reply.status, reply.headers, reply.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def patch(apigateway, api, **values):
    operations = [{"op": "replace", "path": path, "value": value} for path, value in values.items()]
    return apigateway.update_stage(restApiId=api, stageName="dev", patchOperations=operations)


def lines(logs, group):
    for _ in range(100):
        try:
            found = [event["message"] for event in logs.filter_log_events(logGroupName=group)["events"]]
        except logs.exceptions.ResourceNotFoundException:
            found = []
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"nothing in {group}")


def test_a_method_is_tried_out(apigateway, api):
    made, root = api
    tried = apigateway.test_invoke_method(
        restApiId=made, resourceId=root, httpMethod="GET", pathWithQueryString="/?a=1", headers={"X-A": "b"},
        stageVariables={"v": "2"})
    assert tried["status"] == 200 and json.loads(tried["body"])["v"] == "2"
    assert tried["headers"]["Content-Type"] == "application/json" and tried["latency"] >= 0
    assert "Method request query string: {a=1}\n" in tried["log"]
    assert "Method request headers: {X-A=b}\n" in tried["log"]
    assert tried["log"].endswith(" : Successfully completed execution\n" + tried["log"].splitlines()[-1] + "\n")
    assert tried["log"].splitlines()[-1].endswith(" : Method completed with status: 200")


def test_stages_write_logs(server, apigateway, logs, api):
    made, _ = api
    apigateway.update_account(patchOperations=[
        {"op": "replace", "path": "/cloudwatchRoleArn", "value": "arn:aws:iam::000000000000:role/logs"}])
    patch(apigateway, made, **{
        "/accessLogSettings/destinationArn": "arn:aws:logs:us-east-1:000000000000:log-group:stages-access",
        "/accessLogSettings/format": '{"id":"$context.requestId","status":"$context.status","none":"$context.authorizer.x"}',
        "/*/*/logging/loglevel": "INFO",
        "/*/*/logging/dataTrace": "true",
    })
    status, headers, body = get(server, made, headers={"Authorization": "Bearer 0123456789"})
    assert status == 200
    request_id = json.loads(body)["id"]
    assert headers["x-amzn-RequestId"] == request_id
    access = json.loads(lines(logs, "stages-access")[0])
    assert access == {"id": request_id, "status": "200", "none": "-"}
    execution = lines(logs, f"API-Gateway-Execution-Logs_{made}/dev")
    assert all(line.startswith(f"({request_id}) ") for line in execution)
    assert any("Authorization=***********456789" in line for line in execution)
    assert f"({request_id}) Method completed with status: 200" in execution


def test_answers_are_cached(server, apigateway, api):
    made, _ = api
    stage = patch(apigateway, made, **{"/cacheClusterEnabled": "true", "/*/*/caching/enabled": "true"})
    assert (stage["cacheClusterStatus"], stage["cacheClusterSize"]) == ("AVAILABLE", "0.5")
    first = get(server, made)[2]
    assert get(server, made)[2] == first
    _, headers, body = get(server, made, headers={"Cache-Control": "max-age=0"})
    assert body == first and headers["Warning"].startswith("199 Cache-control headers were ignored")
    apigateway.flush_stage_cache(restApiId=made, stageName="dev")
    assert get(server, made)[2] != first
    with pytest.raises(apigateway.exceptions.NotFoundException):
        apigateway.flush_stage_cache(restApiId=made, stageName="nope")


def test_sdk_types(apigateway):
    known = {item["id"]: item for item in apigateway.get_sdk_types()["items"]}
    assert set(known) == {"android", "java", "javascript", "objectivec", "ruby", "swift"}
    swift = apigateway.get_sdk_type(id="swift")
    assert swift["configurationProperties"][0]["name"] == "classPrefix"
    with pytest.raises(apigateway.exceptions.NotFoundException):
        apigateway.get_sdk_type(id="cobol")
