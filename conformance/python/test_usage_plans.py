"""API keys and usage plans: who gets in, what is refused, and what is counted."""

import datetime
import json
import ssl

import pytest
import requests
from botocore.exceptions import ClientError

from conftest import Server, wait_for
from database import Database


@pytest.fixture(scope="module")
def client(server):
    return server.client("apigateway")


@pytest.fixture(scope="module")
def api(client):
    """A stage whose GET /pets wants an API key."""
    made = client.create_rest_api(name="keys")
    root = made["rootResourceId"]
    pets = client.create_resource(restApiId=made["id"], parentId=root, pathPart="pets")["id"]
    at = {"restApiId": made["id"], "resourceId": pets, "httpMethod": "GET"}
    client.put_method(**at, authorizationType="NONE", apiKeyRequired=True)
    client.put_integration(**at, type="MOCK", requestTemplates={"application/json": json.dumps({"statusCode": 200})})
    client.put_method_response(**at, statusCode="200")
    client.put_integration_response(**at, statusCode="200", responseTemplates={
        "application/json": "$context.identity.apiKeyId"})
    client.create_deployment(restApiId=made["id"], stageName="dev")
    return made["id"]


def subscribe(client, api, value, **plan):
    plan = client.create_usage_plan(name="plan", apiStages=[{"apiId": api, "stage": "dev"}], **plan)["id"]
    key = client.create_api_key(name=f"key of {plan}", enabled=True, value=value)["id"]
    client.create_usage_plan_key(usagePlanId=plan, keyId=key, keyType="API_KEY")
    return plan, key


def get(server, api, value):
    return requests.get(f"{server.url}/_aws/execute-api/{api}/dev/pets", headers={"x-api-key": value}, timeout=10)


def today():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d")


def test_a_quota_is_counted_and_ends(server, client, api):
    value = "quota-quota-quota-quota"
    plan, key = subscribe(client, api, value, quota={"limit": 2, "period": "MONTH"})
    assert [get(server, api, value).status_code for _ in range(2)] == [200, 200]
    refused = get(server, api, value)
    assert (refused.status_code, refused.text) == (429, '{"message":"Limit Exceeded"}')
    assert refused.headers["x-amzn-ErrorType"] == "LimitExceededException"
    usage = client.get_usage(usagePlanId=plan, startDate=today(), endDate=today())
    assert usage["items"] == {key: [[2, 0]]}
    given = client.update_usage(usagePlanId=plan, keyId=key, patchOperations=[
        {"op": "replace", "path": "/remaining", "value": "1"}])
    assert given["items"] == {key: [[2, 1]]}
    assert get(server, api, value).text == key
    assert get(server, api, value).status_code == 429


def test_a_plan_throttles(server, client, api):
    value = "throttle-throttle-throttle"
    subscribe(client, api, value, throttle={"rateLimit": 0.001, "burstLimit": 2})
    answers = [get(server, api, value) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].text == '{"message":"Too Many Requests"}'
    assert answers[2].headers["x-amzn-ErrorType"] == "TooManyRequestsException"


def test_without_a_key_it_is_forbidden(server, api):
    for value in ("", "nobody-nobody-nobody"):
        answer = get(server, api, value)
        assert (answer.status_code, answer.text) == (403, '{"message":"Forbidden"}')


def test_keys_are_edited_listed_and_deleted(client):
    key = client.create_api_key(name="edited", value="edited-edited-edited", customerId="c")
    assert (key["enabled"], key["value"]) == (False, "edited-edited-edited")
    with pytest.raises(ClientError) as error:
        client.create_api_key(name="twice", value="edited-edited-edited")
    assert error.value.response["Error"] == {"Code": "ConflictException", "Message": "API Key already exists"}
    client.update_api_key(apiKey=key["id"], patchOperations=[{"op": "replace", "path": "/enabled", "value": "true"}])
    assert client.get_api_key(apiKey=key["id"])["enabled"] is True
    assert "value" not in client.get_api_key(apiKey=key["id"])
    listed = client.get_api_keys(nameQuery="edit", includeValues=True)["items"]
    assert [one["value"] for one in listed] == ["edited-edited-edited"]
    client.delete_api_key(apiKey=key["id"])
    with pytest.raises(ClientError, match="Invalid API Key identifier specified"):
        client.get_api_key(apiKey=key["id"])


def test_plans_are_edited_and_deleted(client, api):
    plan, key = subscribe(client, api, "plans-plans-plans-plans")
    updated = client.update_usage_plan(usagePlanId=plan, patchOperations=[
        {"op": "replace", "path": "/throttle/burstLimit", "value": "5"},
        {"op": "replace", "path": f"/apiStages/{api}:dev/throttle//pets/GET/rateLimit", "value": "7.5"}])
    assert updated["throttle"]["burstLimit"] == 5
    assert updated["apiStages"][0]["throttle"]["/pets/GET"]["rateLimit"] == 7.5
    assert client.get_usage_plan(usagePlanId=plan)["apiStages"] == updated["apiStages"]
    assert [one["id"] for one in client.get_usage_plans(keyId=key)["items"]] == [plan]
    assert [one["id"] for one in client.get_usage_plan_keys(usagePlanId=plan)["items"]] == [key]
    assert client.get_usage_plan_key(usagePlanId=plan, keyId=key)["type"] == "API_KEY"
    with pytest.raises(ClientError, match=f"Cannot delete Usage Plan {plan} because there are API Stages associated"):
        client.delete_usage_plan(usagePlanId=plan)
    client.delete_usage_plan_key(usagePlanId=plan, keyId=key)
    client.update_usage_plan(usagePlanId=plan, patchOperations=[
        {"op": "remove", "path": "/apiStages", "value": f"{api}:dev"}])
    client.delete_usage_plan(usagePlanId=plan)
    with pytest.raises(ClientError, match="Invalid Usage Plan ID specified"):
        client.get_usage_plan(usagePlanId=plan)


def test_keys_are_imported(client):
    plan = client.create_usage_plan(name="imported")["id"]
    body = f"name,key,description,Enabled,usageplanIds\nA,imported-imported-imported,one,TRUE,\"{plan}\"\nB,short,,,\n"
    made = client.import_api_keys(body=body.encode(), format="csv")
    assert (len(made["ids"]), len(made["warnings"])) == (1, 1)
    assert [key["id"] for key in client.get_usage_plan_keys(usagePlanId=plan)["items"]] == made["ids"]
    with pytest.raises(ClientError, match="Warnings found during import"):
        client.import_api_keys(body=body.encode(), format="csv", failOnWarnings=True)


def test_client_certificates(client):
    made = client.generate_client_certificate(description="d", tags={"a": "b"})
    # OpenSSL reads it.
    ssl.create_default_context(cadata=made["pemEncodedCertificate"])
    assert b"ApiGateway" in ssl.PEM_cert_to_DER_cert(made["pemEncodedCertificate"])
    assert made["expirationDate"] > made["createdDate"]
    id = made["clientCertificateId"]
    assert client.get_client_certificate(clientCertificateId=id)["description"] == "d"
    client.update_client_certificate(clientCertificateId=id, patchOperations=[
        {"op": "replace", "path": "/description", "value": "e"}])
    assert [one["description"] for one in client.get_client_certificates()["items"]] == ["e"]
    client.delete_client_certificate(clientCertificateId=id)
    with pytest.raises(ClientError, match="Invalid Client Certificate identifier specified"):
        client.get_client_certificate(clientCertificateId=id)


def test_the_account_has_a_role(client):
    role = "arn:aws:iam::000000000000:role/logs"
    patch = {"op": "replace", "path": "/cloudwatchRoleArn", "value": role}
    assert client.update_account(patchOperations=[patch])["cloudwatchRoleArn"] == role
    assert client.get_account()["cloudwatchRoleArn"] == role


def make(client):
    """An API of its own with a quota of five requests a day for one key."""
    made = client.create_rest_api(name="nodes")
    at = {"restApiId": made["id"], "resourceId": client.create_resource(
        restApiId=made["id"], parentId=made["rootResourceId"], pathPart="pets")["id"], "httpMethod": "GET"}
    client.put_method(**at, authorizationType="NONE", apiKeyRequired=True)
    client.put_integration(**at, type="MOCK", requestTemplates={"application/json": '{"statusCode":200}'})
    client.put_method_response(**at, statusCode="200")
    client.put_integration_response(**at, statusCode="200")
    client.create_deployment(restApiId=made["id"], stageName="dev")
    plan, _ = subscribe(client, made["id"], "node-node-node-node-node", quota={"limit": 5, "period": "MONTH"})
    return made["id"], plan


def statuses(server, api, count):
    return [get(server, api, "node-node-node-node-node").status_code for _ in range(count)]


def used(server, plan):
    usage = server.client("apigateway").get_usage(usagePlanId=plan, startDate=today(), endDate=today())
    return sum(days[-1][0] for days in usage["items"].values())


def test_a_quota_survives_a_restart(tmp_path):
    server = Server(tmp_path / "data").start()
    try:
        api, plan = make(server.client("apigateway"))
        assert statuses(server, api, 3) == [200, 200, 200]
        server.stop()
        server.start()
        assert statuses(server, api, 4) == [200, 200, 429, 429]
        assert used(server, plan) == 5
    finally:
        server.stop()


def test_nodes_on_one_database_count_together(tmp_path):
    database = Database()
    nodes = []
    try:
        for name in ("a", "b"):
            (tmp_path / name).mkdir()
            nodes.append(Server(tmp_path / name / "data", "--store", database.url()).start())
        a, b = nodes
        api, plan = make(a.client("apigateway"))
        assert statuses(a, api, 3) == [200, 200, 200]
        wait_for(lambda: used(b, plan) == 3, 10)
        assert statuses(b, api, 3) == [200, 200, 429]
        wait_for(lambda: used(a, plan) == 5 and statuses(a, api, 1) == [429], 10)
    finally:
        for node in nodes:
            node.stop()
        database.remove()
