"""HTTP APIs whole: what is made by boto3, and what answers over plain HTTP."""

import pytest
from botocore.exceptions import ClientError

from test_authorizers import uri


@pytest.fixture
def v2(server):
    return server.client("apigatewayv2")


@pytest.fixture
def api(v2):
    made = v2.create_api(Name="web", ProtocolType="HTTP")["ApiId"]
    yield made
    v2.delete_api(ApiId=made)


def refused(call, code, text, **given):
    with pytest.raises(ClientError, match=text) as error:
        call(**given)
    assert error.value.response["Error"]["Code"] == code


def test_authorizers(v2, api):
    jwt = v2.create_authorizer(
        ApiId=api, Name="j", AuthorizerType="JWT", IdentitySource=["$request.header.Authorization"],
        JwtConfiguration={"Issuer": "https://issuer.example", "Audience": ["a"]})
    at = {"ApiId": api, "AuthorizerId": jwt["AuthorizerId"]}
    assert v2.get_authorizer(**at)["JwtConfiguration"] == {"Issuer": "https://issuer.example", "Audience": ["a"]}
    made = v2.create_authorizer(
        ApiId=api, Name="f", AuthorizerType="REQUEST", IdentitySource=["$request.header.a"], AuthorizerUri=uri("f"),
        AuthorizerPayloadFormatVersion="2.0", EnableSimpleResponses=True)
    assert made["AuthorizerResultTtlInSeconds"] == 300
    changed = v2.update_authorizer(
        ApiId=api, AuthorizerId=made["AuthorizerId"], AuthorizerResultTtlInSeconds=0)
    assert (changed["AuthorizerResultTtlInSeconds"], changed["EnableSimpleResponses"]) == (0, True)
    assert len(v2.get_authorizers(ApiId=api)["Items"]) == 2
    route = v2.create_route(ApiId=api, RouteKey="GET /", AuthorizationType="JWT", AuthorizerId=jwt["AuthorizerId"])
    refused(v2.delete_authorizer, "ConflictException", "is referenced in route", **at)
    v2.delete_route(ApiId=api, RouteId=route["RouteId"])
    v2.delete_authorizer(**at)
    refused(v2.get_authorizer, "NotFoundException", "Invalid Authorizer identifier", **at)


def test_settings_are_taken_back(v2, api):
    stage = {"ApiId": api, "StageName": "dev"}
    v2.create_stage(
        **stage, RouteSettings={"GET /": {"ThrottlingBurstLimit": 1}},
        AccessLogSettings={"DestinationArn": "arn:aws:logs:us-east-1:000000000000:log-group:a", "Format": "$context.requestId"})
    v2.reset_authorizers_cache(**stage)
    v2.delete_route_settings(**stage, RouteKey="GET /")
    v2.delete_access_log_settings(**stage)
    shown = v2.get_stage(**stage)
    assert "AccessLogSettings" not in shown and shown["RouteSettings"] == {}
    v2.update_api(ApiId=api, CorsConfiguration={"AllowOrigins": ["*"]})
    v2.delete_cors_configuration(ApiId=api)
    assert "CorsConfiguration" not in v2.get_api(ApiId=api)
    socket = v2.create_api(Name="s", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.a")["ApiId"]
    parameter = "route.request.querystring.a"
    route = v2.create_route(ApiId=socket, RouteKey="$connect", RequestParameters={parameter: {"Required": True}})
    at = {"ApiId": socket, "RouteId": route["RouteId"]}
    v2.delete_route_request_parameter(**at, RequestParameterKey=parameter)
    assert "RequestParameters" not in v2.get_route(**at)
    v2.delete_api(ApiId=socket)


def test_models_links_and_tags(v2, api):
    schema = '{"type":"object","properties":{"n":{"type":"string"}}}'
    at = {"ApiId": api, "ModelId": v2.create_model(ApiId=api, Name="Pet", Schema=schema)["ModelId"]}
    assert v2.get_model(**at)["Schema"] == schema
    assert "$inputRoot" in v2.get_model_template(**at)["Value"]
    assert v2.update_model(**at, Description="d")["Name"] == "Pet"
    assert len(v2.get_models(ApiId=api)["Items"]) == 1
    v2.delete_model(**at)
    refused(v2.get_model, "NotFoundException", "Invalid Model identifier", **at)
    link = v2.create_vpc_link(Name="l", SubnetIds=["subnet-1"], Tags={"x": "y"})
    assert link["VpcLinkStatus"] == "AVAILABLE"
    of = {"VpcLinkId": link["VpcLinkId"]}
    assert v2.update_vpc_link(**of, Name="m")["SubnetIds"] == ["subnet-1"]
    assert v2.get_vpc_link(**of)["Name"] == "m"
    assert of["VpcLinkId"] in [known["VpcLinkId"] for known in v2.get_vpc_links()["Items"]]
    arn = f"arn:aws:apigateway:us-east-1::/vpclinks/{link['VpcLinkId']}"
    v2.tag_resource(ResourceArn=arn, Tags={"a": "b"})
    v2.untag_resource(ResourceArn=arn, TagKeys=["x"])
    assert v2.get_tags(ResourceArn=arn)["Tags"] == {"a": "b"}
    v2.delete_vpc_link(**of)
    refused(v2.get_vpc_link, "NotFoundException", "Invalid VpcLink identifier", **of)
