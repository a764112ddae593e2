"""Authorizers of REST APIs: functions that decide by a token, and policies of the API itself, by boto3 and plain HTTP."""

import json

import pytest
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

DECIDE = """
exports.handler = async (event) => {
  const token = event.authorizationToken;
  if (token === 'nobody') throw new Error('Unauthorized');
  if (token === 'broken') throw new Error('broken');
  return {
    principalId: 'user', context: { count: 7 },
    policyDocument: { Version: '2012-10-17', Statement: [
      { Action: 'execute-api:Invoke', Effect: token === 'allow' ? 'Allow' : 'Deny', Resource: event.methodArn },
    ] },
  };
};
"""
ECHO = """
exports.handler = async (event) => ({ statusCode: 200, body: JSON.stringify(event.requestContext) });
"""


def uri(function):
    return f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{function}/invocations"


@pytest.fixture
def apigateway(server):
    return server.client("apigateway")


def api_with(server, function, **settings):
    """An API whose one method calls `function`."""
    client = server.client("apigateway")
    api = client.create_rest_api(name="authorizers", **settings)["id"]
    root = client.get_resources(restApiId=api)["items"][0]["id"]
    at = {"restApiId": api, "resourceId": root, "httpMethod": "GET"}
    client.put_method(**at, authorizationType="NONE")
    client.put_integration(**at, type="AWS_PROXY", integrationHttpMethod="POST", uri=uri(function))
    return at


def permit(server, function, api):
    server.client("lambda").add_permission(
        FunctionName=function, StatementId=f"s{api}", Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com", SourceArn=f"arn:aws:execute-api:us-east-1:000000000000:{api}/*")


def url(server, api):
    return f"{server.url}/restapis/{api}/dev/_user_request_/"


def test_a_function_decides(server, deploy, apigateway):
    echo, decide = deploy(ECHO), deploy(DECIDE)
    at = api_with(server, echo)
    api = at["restApiId"]
    permit(server, echo, api)
    made = apigateway.create_authorizer(
        restApiId=api, name="a", type="TOKEN", authorizerUri=uri(decide),
        identitySource="method.request.header.Authorization")
    assert made["authorizerResultTtlInSeconds"] == 300 and made["authType"] == "custom"
    apigateway.update_method(**at, patchOperations=[
        {"op": "replace", "path": "/authorizationType", "value": "CUSTOM"},
        {"op": "replace", "path": "/authorizerId", "value": made["id"]}])
    apigateway.create_deployment(restApiId=api, stageName="dev")

    def get(token=None):
        answer = requests.get(url(server, api), headers={"authorization": token} if token else {})
        return answer.status_code, answer.json()

    assert get() == (401, {"message": "Unauthorized"})
    # The function's policy does not let the gateway call it yet.
    assert get("allow") == (500, {"message": None})
    permit(server, decide, api)
    status, context = get("allow")
    assert status == 200 and context["authorizer"]["principalId"] == "user" and context["authorizer"]["count"] == "7"
    assert get("deny") == (403, {"Message": "User is not authorized to access this resource with an explicit deny"})
    assert get("nobody") == (401, {"message": "Unauthorized"})
    assert get("broken") == (500, {"message": None})
    tried = apigateway.test_invoke_authorizer(
        restApiId=api, authorizerId=made["id"], headers={"Authorization": "deny"})
    assert tried["clientStatus"] == 0 and tried["principalId"] == "user" and "Deny" in tried["policy"]
    apigateway.flush_stage_authorizers_cache(restApiId=api, stageName="dev")
    assert get("allow")[0] == 200


def test_authorizers_are_kept_and_told(server, apigateway):
    api = apigateway.create_rest_api(name="x")["id"]
    made = apigateway.create_authorizer(
        restApiId=api, name="pool", type="COGNITO_USER_POOLS", identitySource="method.request.header.Authorization",
        providerARNs=["arn:aws:cognito-idp:us-east-1:000000000000:userpool/us-east-1_x"])
    found = apigateway.get_authorizer(restApiId=api, authorizerId=made["id"])
    assert found["providerARNs"] == made["providerARNs"] and found["type"] == "COGNITO_USER_POOLS"
    apigateway.update_authorizer(restApiId=api, authorizerId=made["id"], patchOperations=[
        {"op": "replace", "path": "/name", "value": "renamed"}])
    assert [item["name"] for item in apigateway.get_authorizers(restApiId=api)["items"]] == ["renamed"]
    apigateway.delete_authorizer(restApiId=api, authorizerId=made["id"])
    with pytest.raises(ClientError, match="Invalid Authorizer identifier specified"):
        apigateway.get_authorizer(restApiId=api, authorizerId=made["id"])


def test_who_signs_is_known(server, deploy, apigateway):
    echo = deploy(ECHO)
    at = api_with(server, echo)
    api = at["restApiId"]
    permit(server, echo, api)
    apigateway.update_method(**at, patchOperations=[
        {"op": "replace", "path": "/authorizationType", "value": "AWS_IAM"}])
    apigateway.create_deployment(restApiId=api, stageName="dev")
    assert requests.get(url(server, api)).json() == {"message": "Missing Authentication Token"}

    def signed(access_key):
        request = AWSRequest("GET", url(server, api))
        SigV4Auth(Credentials(access_key, "secret"), "execute-api", "us-east-1").add_auth(request)
        return requests.get(url(server, api), headers=dict(request.headers))

    assert signed("000000000000").json()["identity"]["accountId"] == "000000000000"
    assert signed("111111111111").status_code == 403


def test_the_policy_of_an_api(server, deploy, apigateway):
    echo = deploy(ECHO)
    policy = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": "*", "Action": "execute-api:Invoke", "Resource": "execute-api:/*",
         "Condition": {"IpAddress": {"aws:SourceIp": ["203.0.113.0/24"]}}}]}
    at = api_with(server, echo, policy=json.dumps(policy))
    api = at["restApiId"]
    permit(server, echo, api)
    apigateway.create_deployment(restApiId=api, stageName="dev")
    answer = requests.get(url(server, api))
    assert answer.status_code == 403
    assert answer.json()["Message"].startswith("User: anonymous is not authorized to perform: execute-api:Invoke")
    policy["Statement"][0]["Condition"]["IpAddress"]["aws:SourceIp"].append("127.0.0.1/32")
    apigateway.update_rest_api(restApiId=api, patchOperations=[
        {"op": "replace", "path": "/policy", "value": json.dumps(policy)}])
    apigateway.create_deployment(restApiId=api, stageName="dev")
    assert requests.get(url(server, api)).status_code == 200
