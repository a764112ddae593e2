"""APIs of several nodes on one database, and of one that is killed: what is acknowledged is served, and nothing by halves."""

import json
import os
import threading
import time

import pytest
import requests
from botocore.exceptions import BotoCoreError, ClientError

from conftest import Server, wait_for
from database import Database

PATHS = 40


@pytest.fixture(scope="module")
def nodes(tmp_path_factory):
    database, started = Database(), []
    try:
        for name in ("a", "b"):
            folder = tmp_path_factory.mktemp(name)
            started.append(Server(folder / "data", "--store", database.url()).start())
        yield started
    finally:
        for node in started:
            node.stop()
        database.remove()


def definition(version, paths=1):
    """An OpenAPI document whose every path answers its version and the request's number."""
    answer = {"application/json": json.dumps({
        "version": version, "variable": "$stageVariables.v", "request": "$context.requestId"})}
    operation = {
        "responses": {"200": {"description": "OK"}},
        "x-amazon-apigateway-integration": {
            "type": "mock", "requestTemplates": {"application/json": '{"statusCode":200}'},
            "responses": {"default": {"statusCode": "200", "responseTemplates": answer}},
        },
    }
    return json.dumps({
        "openapi": "3.0.1", "info": {"title": "nodes", "version": str(version)},
        "paths": {f"/p{n}": {"get": operation} for n in range(paths)},
    }).encode()


def get(node, api, path="/p0", stage="dev"):
    reply = requests.get(f"{node.url}/_aws/execute-api/{api}/{stage}{path}", timeout=10)
    return reply.json() if reply.status_code == 200 else reply.status_code


def patch(node, api, **values):
    operations = [{"op": "replace", "path": path, "value": value} for path, value in values.items()]
    node.client("apigateway").update_stage(restApiId=api, stageName="dev", patchOperations=operations)


def test_edits_of_one_node_are_served_by_the_other(nodes):
    clients = [node.client("apigateway") for node in nodes]
    api = clients[0].import_rest_api(body=definition(0))["id"]
    clients[1].create_deployment(restApiId=api, stageName="dev", variables={"v": "0"})
    for node in nodes:
        assert get(node, api)["version"] == 0
    for n in range(1, 5):
        here, there = nodes if n % 2 else reversed(nodes)
        client = here.client("apigateway")
        client.put_rest_api(restApiId=api, mode="overwrite", body=definition(n))
        old = get(there, api)
        assert (old["version"], old["variable"]) == (n - 1, str(n - 1))
        client.create_deployment(restApiId=api, stageName="dev")
        wait_for(lambda: get(there, api)["version"] == n, 5)
        patch(here, api, **{"/variables/v": str(n)})
        wait_for(lambda: get(there, api)["variable"] == str(n), 5)
    clients[0].delete_rest_api(restApiId=api)
    wait_for(lambda: get(nodes[1], api) == 403, 5)


def test_a_flush_on_one_node_empties_the_cache_of_all(nodes):
    client = nodes[0].client("apigateway")
    api = client.import_rest_api(body=definition(0))["id"]
    client.create_deployment(restApiId=api, stageName="dev", variables={"v": "0"})
    patch(nodes[0], api, **{"/cacheClusterEnabled": "true", "/*/*/caching/enabled": "true"})

    def cached(node):
        first = get(node, api)["request"]
        return first if get(node, api)["request"] == first else None

    kept = [wait_for(lambda node=node: cached(node), 5) for node in nodes]
    client.flush_stage_cache(restApiId=api, stageName="dev")
    for node, old in zip(nodes, kept):
        wait_for(lambda: get(node, api)["request"] != old, 5)


def test_http_apis_are_those_of_all_nodes(nodes):
    here, there = nodes
    backend = nodes[1].url + "/_rushlight/health"
    v2 = here.client("apigatewayv2")
    made = v2.create_api(Name="h", ProtocolType="HTTP", Target=backend, RouteKey="GET /health")
    api = made["ApiId"]

    def status(path):
        return requests.get(f"{there.url}/_aws/execute-api/{api}/$default{path}", timeout=10).status_code

    wait_for(lambda: status("/health") == 200, 5)
    assert status("/other") == 404
    integration = v2.get_integrations(ApiId=api)["Items"][0]["IntegrationId"]
    v2.create_route(ApiId=api, RouteKey="GET /other", Target=f"integrations/{integration}")
    wait_for(lambda: status("/other") == 200, 5)
    v2.update_api(ApiId=api, CorsConfiguration={"AllowOrigins": ["https://page.example"]})
    wait_for(lambda: requests.get(
        f"{there.url}/_aws/execute-api/{api}/$default/health", headers={"Origin": "https://page.example"}, timeout=10,
    ).headers.get("Access-Control-Allow-Origin") == "https://page.example", 5)
    v2.delete_api(ApiId=api)
    wait_for(lambda: status("/health") in (403, 404), 5)


def test_keys_throttles_and_domains_are_those_of_all_nodes(nodes):
    here, there = nodes
    ours, theirs = (node.client("apigateway") for node in nodes)
    api = ours.import_rest_api(body=definition(0))["id"]
    want_keys(ours, api)
    plan, key, headers = subscribe(ours, api)

    def status(node, path=f"/_aws/execute-api/{api}/dev/p0", **more):
        return requests.get(node.url + path, headers=headers | more, timeout=10).status_code

    def replace(path, value):
        return {"op": "replace", "path": path, "value": value}

    wait_for(lambda: status(there) == 200, 5)
    theirs.update_api_key(apiKey=key, patchOperations=[replace("/enabled", "false")])
    wait_for(lambda: status(here) == 403, 5)
    ours.update_api_key(apiKey=key, patchOperations=[replace("/enabled", "true")])
    wait_for(lambda: status(there) == 200, 5)
    slow = [replace("/throttle/rateLimit", "0.01"), replace("/throttle/burstLimit", "1")]
    ours.update_usage_plan(usagePlanId=plan, patchOperations=slow)
    wait_for(lambda: status(there) == 429, 5)
    theirs.update_usage_plan(usagePlanId=plan, patchOperations=[{"op": "remove", "path": "/throttle"}])
    wait_for(lambda: [status(here) for _ in range(3)] == [200] * 3, 5)

    host = {"Host": "nodes.example.test"}
    ours.create_domain_name(domainName=host["Host"], endpointConfiguration={"types": ["REGIONAL"]})
    theirs.create_base_path_mapping(domainName=host["Host"], restApiId=api, stage="dev", basePath="v1")
    for node in nodes:
        wait_for(lambda: status(node, "/v1/p0", **host) == 200, 5)
    theirs.update_base_path_mapping(
        domainName=host["Host"], basePath="v1", patchOperations=[replace("/basePath", "v2")])
    wait_for(lambda: [status(here, path, **host) for path in ("/v1/p0", "/v2/p0")] == [403, 200], 5)
    ours.delete_domain_name(domainName=host["Host"])
    wait_for(lambda: status(there, "/v2/p0", **host) != 200, 5)


def deploy_until_it_dies(server, api, acknowledged):
    client = server.client("apigateway")
    try:
        for version in range(1, 1_000_000):
            client.put_rest_api(restApiId=api, mode="overwrite", body=definition(version, PATHS))
            client.create_deployment(restApiId=api, stageName="dev", description=str(version))
            acknowledged.append(version)
    except (ClientError, BotoCoreError, ConnectionError):
        return


def test_a_kill_leaves_no_half_of_an_import_or_a_deployment(own_server):
    client = own_server.client("apigateway")
    api = client.import_rest_api(body=definition(0, PATHS))["id"]
    client.create_deployment(restApiId=api, stageName="dev", description="0")
    for _ in range(3):
        acknowledged = []
        thread = threading.Thread(target=deploy_until_it_dies, args=(own_server, api, acknowledged))
        thread.start()
        wait_for(lambda: len(acknowledged) >= 3, 30)
        own_server.kill()
        thread.join()
        own_server.start()
        client = own_server.client("apigateway")
        served = {get(own_server, api, f"/p{n}")["version"] for n in range(PATHS)}
        assert served in ({acknowledged[-1]}, {acknowledged[-1] + 1})
        stage = client.get_stage(restApiId=api, stageName="dev")
        deployments = client.get_deployments(restApiId=api, limit=500)["items"]
        assert {one["description"] for one in deployments if one["id"] == stage["deploymentId"]} == {
            str(version) for version in served}
        assert {str(version) for version in acknowledged} <= {one["description"] for one in deployments}
        # What was imported is whole too: one version in every path.
        resources = client.get_resources(restApiId=api, limit=500, embed=["methods"])["items"]
        answers = [
            method["methodIntegration"]["integrationResponses"]["200"]["responseTemplates"]["application/json"]
            for one in resources for method in one.get("resourceMethods", {}).values()]
        assert len(answers) == PATHS and len(set(answers)) == 1
        assert json.loads(answers[0])["version"] - acknowledged[-1] in (0, 1)


def want_keys(client, api):
    resource = next(one["id"] for one in client.get_resources(restApiId=api)["items"] if one["path"] == "/p0")
    client.update_method(restApiId=api, resourceId=resource, httpMethod="GET", patchOperations=[
        {"op": "replace", "path": "/apiKeyRequired", "value": "true"}])
    client.create_deployment(restApiId=api, stageName="dev")


def subscribe(client, api, **plan):
    """A plan, a key of it, and the headers of who has the key."""
    value = os.urandom(12).hex()
    plan = client.create_usage_plan(name="p", apiStages=[{"apiId": api, "stage": "dev"}], **plan)["id"]
    key = client.create_api_key(name="k", enabled=True, value=value)["id"]
    client.create_usage_plan_key(usagePlanId=plan, keyId=key, keyType="API_KEY")
    return plan, key, {"x-api-key": value}


def test_what_was_counted_a_second_ago_survives_a_kill(own_server):
    client = own_server.client("apigateway")
    api = client.import_rest_api(body=definition(0))["id"]
    want_keys(client, api)
    _, _, headers = subscribe(client, api, quota={"limit": 5, "period": "MONTH"})

    def statuses(count):
        url = f"{own_server.url}/_aws/execute-api/{api}/dev/p0"
        return [requests.get(url, headers=headers, timeout=10).status_code for _ in range(count)]

    assert statuses(3) == [200] * 3
    # Counts reach the store a second later at most; no answer tells when.
    time.sleep(1.5)
    own_server.kill()
    own_server.start()
    assert statuses(3) == [200, 200, 429]


def add_routes_until_it_dies(server, api, target, acknowledged):
    v2 = server.client("apigatewayv2")
    try:
        for n in range(1_000):
            v2.create_route(ApiId=api, RouteKey=f"GET /r{n}", Target=target)
            acknowledged.append(n)
    except (ClientError, BotoCoreError):
        return


def test_a_kill_takes_no_route_that_was_acknowledged(own_server):
    v2 = own_server.client("apigatewayv2")
    made = v2.create_api(Name="h", ProtocolType="HTTP", Target=own_server.url + "/_rushlight/health", RouteKey="GET /")
    api = made["ApiId"]
    target = "integrations/" + v2.get_integrations(ApiId=api)["Items"][0]["IntegrationId"]
    acknowledged = []
    thread = threading.Thread(target=add_routes_until_it_dies, args=(own_server, api, target, acknowledged))
    thread.start()
    wait_for(lambda: len(acknowledged) >= 20, 30)
    own_server.kill()
    thread.join()
    own_server.start()
    v2 = own_server.client("apigatewayv2")
    known = {one["RouteKey"] for one in v2.get_routes(ApiId=api, MaxResults="1000")["Items"]} - {"GET /"}
    # What was under way is there or not; whatever is there is served, for the stage deploys itself.
    assert {f"GET /r{n}" for n in acknowledged} <= known <= {f"GET /r{n}" for n in range(len(acknowledged) + 1)}
    for key in known:
        reply = requests.get(f"{own_server.url}/_aws/execute-api/{api}/$default{key[4:]}", timeout=10)
        assert reply.status_code == 200, key
    v2.create_route(ApiId=api, RouteKey="GET /after", Target=target)
    assert requests.get(f"{own_server.url}/_aws/execute-api/{api}/$default/after", timeout=10).status_code == 200
