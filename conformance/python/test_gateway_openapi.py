"""API definitions, imported, put and exported by the real client."""
import json

import pytest
from botocore.exceptions import ClientError

INTEGRATION = {
    "type": "mock",
    "requestTemplates": {"application/json": '{"statusCode": 200}'},
    "responses": {"default": {"statusCode": "200"}},
}
OPERATION = {"responses": {"200": {"description": "ok"}}, "x-amazon-apigateway-integration": INTEGRATION}
YAML = """
openapi: 3.0.1
info: {title: by hand, version: '1'}
paths:
  /pets:
    get: &operation
      responses:
        200: {description: ok}
      x-amazon-apigateway-integration:
        type: mock
        requestTemplates:
          application/json: '{"statusCode": 200}'
        responses:
          default: {statusCode: 200}
    post: *operation
"""


def paths(gateway, api):
    items = gateway.get_resources(restApiId=api)["items"]
    return {item["path"]: sorted(item.get("resourceMethods", {})) for item in items}


def test_definitions(server):
    gateway = server.client("apigateway")
    body = {"swagger": "2.0", "info": {"title": "pets", "version": "1"}, "paths": {"/pets": {"get": OPERATION}}}
    api = gateway.import_rest_api(
        body=json.dumps(body), failOnWarnings=True, parameters={"endpointConfigurationTypes": "REGIONAL"})
    assert api["name"] == "pets" and api["endpointConfiguration"]["types"] == ["REGIONAL"]
    api = api["id"]
    assert paths(gateway, api) == {"/": [], "/pets": ["GET"]}
    more = {**body, "basePath": "/v1", "paths": {"/shops": {"get": OPERATION}}}
    gateway.put_rest_api(restApiId=api, mode="merge", body=json.dumps(more), parameters={"basepath": "prepend"})
    assert paths(gateway, api) == {"/": [], "/pets": ["GET"], "/v1": [], "/v1/shops": ["GET"]}
    gateway.put_rest_api(restApiId=api, mode="overwrite", body=YAML)
    assert paths(gateway, api) == {"/": [], "/pets": ["GET", "POST"]}
    with pytest.raises(ClientError, match="Invalid OpenAPI input."):
        gateway.put_rest_api(restApiId=api, mode="merge", body="{}")


def test_exports(server):
    gateway = server.client("apigateway")
    api = gateway.import_rest_api(body=YAML)["id"]
    gateway.create_deployment(restApiId=api, stageName="dev")
    at = {"restApiId": api, "stageName": "dev", "parameters": {"extensions": "integrations"}}
    made = gateway.get_export(**at, exportType="oas30", accepts="application/json")
    assert made["contentType"] == "application/octet-stream"
    assert made["contentDisposition"].startswith('attachment; filename="oas30_')
    exported = json.loads(made["body"].read())
    assert exported["paths"]["/pets"]["get"]["x-amazon-apigateway-integration"]["type"] == "mock"
    as_yaml = gateway.get_export(**at, exportType="oas30", accepts="application/yaml")["body"].read()
    assert as_yaml.startswith(b"---\nopenapi:")
    # Both forms mean the same API.
    again = gateway.import_rest_api(body=as_yaml)["id"]
    assert paths(gateway, again) == paths(gateway, api)
    swagger = gateway.get_export(**at, exportType="swagger")["body"].read()
    assert json.loads(swagger)["basePath"] == "/dev"


HTTP_API = """
openapi: 3.0.1
info: {title: shop, version: 1.0}
x-amazon-apigateway-cors: {allowOrigins: ['*'], allowMethods: [GET]}
paths:
  /pets:
    get:
      x-amazon-apigateway-integration:
        type: HTTP_PROXY
        httpMethod: GET
        payloadFormatVersion: '1.0'
        uri: https://www.example.com
"""


def test_http_apis(server):
    gateway = server.client("apigatewayv2")
    with pytest.raises(ClientError, match="Warnings found during import") as refused:
        gateway.import_api(Body=HTTP_API + "  /none:\n    get: {}\n", FailOnWarnings=True)
    assert refused.value.response["Error"]["Code"] == "BadRequestException"
    api = gateway.import_api(Body=HTTP_API)
    assert (api["Name"], api["Version"], api["ProtocolType"]) == ("shop", "1.0", "HTTP")
    assert api["CorsConfiguration"] == {"AllowMethods": ["GET"], "AllowOrigins": ["*"]}
    at = {"ApiId": api["ApiId"], "Specification": "OAS30", "OutputType": "JSON"}
    made = json.loads(gateway.export_api(**at)["body"].read())
    assert list(made["paths"]) == ["/pets"] and made["servers"] == [{"url": api["ApiEndpoint"]}]
    made["paths"] = {"/dogs": made["paths"]["/pets"]}
    again = gateway.reimport_api(ApiId=api["ApiId"], Body=json.dumps(made))
    assert (again["ApiId"], again["CreatedDate"]) == (api["ApiId"], api["CreatedDate"])
    assert [route["RouteKey"] for route in gateway.get_routes(ApiId=api["ApiId"])["Items"]] == ["GET /dogs"]
    text = gateway.export_api(**{**at, "OutputType": "YAML", "IncludeExtensions": False})["body"].read().decode()
    assert "/dogs" in text and "x-amazon" not in text
