"""The control plane of HTTP and WebSocket APIs by boto3."""
import pytest
from botocore.exceptions import ClientError


@pytest.fixture
def v2(server):
    return server.client("apigatewayv2")


def test_apis(v2):
    web = v2.create_api(Name="web", ProtocolType="HTTP", CorsConfiguration={"AllowOrigins": ["https://a.b"]})
    socket = v2.create_api(Name="s", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action")
    assert web["ApiEndpoint"].startswith(f"https://{web['ApiId']}.execute-api.us-east-1.")
    assert socket["ApiEndpoint"].startswith("wss://")
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
