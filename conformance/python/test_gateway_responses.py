"""Gateway responses of REST APIs: the operations, by the real client."""
import pytest
from botocore.exceptions import ClientError


def test_gateway_responses(server):
    gateway = server.client("apigateway")
    api = gateway.create_rest_api(name="answers")["id"]
    assert len(gateway.get_gateway_responses(restApiId=api, limit=500)["items"]) == 21
    at = {"restApiId": api, "responseType": "DEFAULT_4XX"}
    cors = {"gatewayresponse.header.Access-Control-Allow-Origin": "'*'"}
    made = gateway.put_gateway_response(**at, responseParameters=cors)
    assert made["responseParameters"] == cors and not made["defaultResponse"]
    change = [{"op": "replace", "path": "/statusCode", "value": "418"}]
    assert gateway.update_gateway_response(**at, patchOperations=change)["statusCode"] == "418"
    assert gateway.get_gateway_response(**at)["statusCode"] == "418"
    gateway.delete_gateway_response(**at)
    assert gateway.get_gateway_response(**at)["defaultResponse"]
    with pytest.raises(ClientError, match="Gateway response type not defined on api"):
        gateway.delete_gateway_response(**at)
