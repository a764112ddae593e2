"""The control plane of HTTP and WebSocket APIs by boto3."""
import pytest
from botocore.exceptions import ClientError


@pytest.fixture
def v2(server):
    return server.client("apigatewayv2")


def test_apis(v2):
    web = v2.create_api(Name="web", ProtocolType="HTTP", CorsConfiguration={"AllowOrigins": ["https://a.b"]})
    socket = v2.create_api(Name="s", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action")
    assert web["ApiEndpoint"].endswith(f"/_aws/execute-api/{web['ApiId']}")
    assert socket["ApiEndpoint"].startswith("ws://")
    pages = v2.get_paginator("get_apis").paginate(PaginationConfig={"PageSize": 1})
    listed = [api["ApiId"] for page in pages for api in page["Items"]]
    assert {web["ApiId"], socket["ApiId"]} <= set(listed)
    assert v2.update_api(ApiId=web["ApiId"], Name="other")["CorsConfiguration"] == web["CorsConfiguration"]
    shown = v2.get_api(ApiId=web["ApiId"])
    assert (shown["Name"], shown["CreatedDate"]) == ("other", web["CreatedDate"])
    for api in (web, socket):
        v2.delete_api(ApiId=api["ApiId"])
        with pytest.raises(ClientError, match="Invalid API identifier specified") as refused:
            v2.get_api(ApiId=api["ApiId"])
        assert refused.value.response["Error"]["Code"] == "NotFoundException"


@pytest.fixture
def api(v2):
    made = v2.create_api(Name="web", ProtocolType="HTTP")["ApiId"]
    yield made
    v2.delete_api(ApiId=made)


@pytest.fixture
def socket(v2):
    made = v2.create_api(Name="s", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action")
    yield made["ApiId"]
    v2.delete_api(ApiId=made["ApiId"])


def refused(call, code, text, **given):
    with pytest.raises(ClientError, match=text) as error:
        call(**given)
    assert error.value.response["Error"]["Code"] == code


def test_routes_and_integrations(v2, api):
    there = v2.create_integration(
        ApiId=api, IntegrationType="HTTP_PROXY", IntegrationUri="http://h/", IntegrationMethod="GET",
        RequestParameters={"append:header.a": "b"},
    )
    assert (there["PayloadFormatVersion"], there["TimeoutInMillis"]) == ("1.0", 30000)
    at = {"ApiId": api, "IntegrationId": there["IntegrationId"]}
    updated = v2.update_integration(**at, RequestParameters={"append:header.a": ""}, TimeoutInMillis=50)
    assert "RequestParameters" not in updated
    assert v2.get_integration(**at)["TimeoutInMillis"] == 50
    route = v2.create_route(ApiId=api, RouteKey="GET /a", Target="integrations/" + there["IntegrationId"])
    assert (route["AuthorizationType"], route["ApiKeyRequired"]) == ("NONE", False)
    refused(v2.create_route, "ConflictException", "already exists", ApiId=api, RouteKey="GET /a")
    refused(v2.create_route, "BadRequestException", "not formatted properly", ApiId=api, RouteKey="a")
    of = {"ApiId": api, "RouteId": route["RouteId"]}
    assert v2.update_route(**of, RouteKey="ANY /{b+}")["RouteKey"] == "ANY /{b+}"
    assert v2.get_route(**of)["Target"] == route["Target"]
    assert [r["RouteId"] for r in v2.get_routes(ApiId=api)["Items"]] == [route["RouteId"]]
    refused(v2.delete_integration, "ConflictException", "Cannot delete Integration", **at)
    v2.delete_route(**of)
    v2.delete_integration(**at)
    assert v2.get_integrations(ApiId=api)["Items"] == []
    refused(v2.get_route, "NotFoundException", "Invalid Route identifier specified", **of)


def test_deployments_and_stages(v2, api):
    refused(v2.create_deployment, "BadRequestException", "At least one route", ApiId=api)
    v2.create_route(ApiId=api, RouteKey="$default")
    first = v2.create_deployment(ApiId=api, Description="first")
    assert (first["DeploymentStatus"], first["AutoDeployed"]) == ("DEPLOYED", False)
    at = {"ApiId": api, "DeploymentId": first["DeploymentId"]}
    assert v2.update_deployment(**at, Description="1st")["Description"] == "1st"
    assert v2.get_deployment(**at)["CreatedDate"] == first["CreatedDate"]
    stage = v2.create_stage(ApiId=api, StageName="dev", StageVariables={"a": "b"}, **{"DeploymentId": first["DeploymentId"]})
    assert stage["StageVariables"] == {"a": "b"}
    refused(v2.create_stage, "ConflictException", "Stage already exists", ApiId=api, StageName="dev")
    refused(v2.delete_deployment, "BadRequestException", "Active stages", **at)
    auto = v2.create_stage(ApiId=api, StageName="$default", AutoDeploy=True)
    assert auto["DeploymentId"] != first["DeploymentId"]
    v2.create_route(ApiId=api, RouteKey="GET /")
    newer = v2.get_stage(ApiId=api, StageName="$default")["DeploymentId"]
    assert newer != auto["DeploymentId"]
    assert {d["DeploymentId"] for d in v2.get_deployments(ApiId=api)["Items"]} >= {newer, first["DeploymentId"]}
    updated = v2.update_stage(ApiId=api, StageName="dev", StageVariables={"a": "", "c": "d"}, DeploymentId=newer)
    assert (updated["StageVariables"], updated["DeploymentId"]) == ({"c": "d"}, newer)
    v2.delete_deployment(**at)
    assert [s["StageName"] for s in v2.get_stages(ApiId=api)["Items"]] == ["$default", "dev"]
    v2.delete_stage(ApiId=api, StageName="dev")
    refused(v2.get_stage, "NotFoundException", "Invalid stage identifier", ApiId=api, StageName="dev")


def test_responses_of_websocket_apis(v2, socket):
    mock = v2.create_integration(ApiId=socket, IntegrationType="MOCK", RequestTemplates={"a": "{}"})
    at = {"ApiId": socket, "IntegrationId": mock["IntegrationId"]}
    made = v2.create_integration_response(**at, IntegrationResponseKey="$default")
    of = {**at, "IntegrationResponseId": made["IntegrationResponseId"]}
    v2.update_integration_response(**of, IntegrationResponseKey="/200/", ResponseTemplates={"a": "{}"})
    assert v2.get_integration_response(**of)["IntegrationResponseKey"] == "/200/"
    assert len(v2.get_integration_responses(**at)["Items"]) == 1
    v2.delete_integration_response(**of)
    refused(v2.get_integration_response, "NotFoundException", "Invalid IntegrationResponse", **of)
    route = v2.create_route(ApiId=socket, RouteKey="send", RouteResponseSelectionExpression="$default")
    at = {"ApiId": socket, "RouteId": route["RouteId"]}
    made = v2.create_route_response(**at, RouteResponseKey="$default")
    of = {**at, "RouteResponseId": made["RouteResponseId"]}
    v2.update_route_response(**of, ModelSelectionExpression="a")
    assert v2.get_route_response(**of)["ModelSelectionExpression"] == "a"
    assert len(v2.get_route_responses(**at)["Items"]) == 1
    v2.delete_route_response(**of)
    refused(v2.get_route_response, "NotFoundException", "Invalid RouteResponse", **of)
