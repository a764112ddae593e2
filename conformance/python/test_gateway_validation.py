"""Models and request validators of REST APIs: the operations, by the real client."""
import json

import pytest
from botocore.exceptions import ClientError

SCHEMA = {"$schema": "http://json-schema.org/draft-04/schema#", "type": "object", "required": ["name"]}


def test_models(server):
    gateway = server.client("apigateway")
    api = gateway.create_rest_api(name="models")["id"]
    made = gateway.create_model(restApiId=api, name="Pet", contentType="application/json", schema=json.dumps(SCHEMA))
    assert json.loads(made["schema"]) == SCHEMA
    at = {"restApiId": api, "modelName": "Pet"}
    change = [{"op": "replace", "path": "/description", "value": "of ours"}]
    assert gateway.update_model(**at, patchOperations=change)["description"] == "of ours"
    assert gateway.get_model(**at, flatten=True)["id"] == made["id"]
    assert sorted(model["name"] for model in gateway.get_models(restApiId=api)["items"]) == ["Empty", "Error", "Pet"]
    assert "$inputRoot" in gateway.get_model_template(**at)["value"]
    gateway.delete_model(**at)
    with pytest.raises(ClientError, match="Invalid model name specified: Pet"):
        gateway.get_model(**at)


def test_request_validators(server):
    gateway = server.client("apigateway")
    api = gateway.create_rest_api(name="validators")["id"]
    made = gateway.create_request_validator(restApiId=api, name="body", validateRequestBody=True)
    at = {"restApiId": api, "requestValidatorId": made["id"]}
    change = [{"op": "replace", "path": "/validateRequestParameters", "value": "true"}]
    assert gateway.update_request_validator(**at, patchOperations=change)["validateRequestParameters"]
    assert gateway.get_request_validator(**at)["validateRequestBody"]
    assert len(gateway.get_request_validators(restApiId=api)["items"]) == 1
    gateway.delete_request_validator(**at)
    with pytest.raises(ClientError, match="Invalid Request Validator identifier specified"):
        gateway.get_request_validator(**at)


def test_documentation_versions(server):
    gateway = server.client("apigateway")
    api = gateway.create_rest_api(name="documented")["id"]
    body = {"openapi": "3.0.1", "x-amazon-apigateway-documentation": {"documentationParts": [
        {"location": {"type": "API"}, "properties": {"description": "all of it"}},
        {"location": {"type": "RESOURCE", "path": "/pets"}, "properties": {"description": "pets"}},
    ]}}
    for mode in ["merge", "overwrite"]:
        made = gateway.import_documentation_parts(restApiId=api, mode=mode, body=json.dumps(body))
        assert len(made["ids"]) == 2 and made["warnings"] == []
    assert len(gateway.get_documentation_parts(restApiId=api)["items"]) == 2
    gateway.create_documentation_version(restApiId=api, documentationVersion="1")
    at = {"restApiId": api, "documentationVersion": "1"}
    change = [{"op": "replace", "path": "/description", "value": "first"}]
    assert gateway.update_documentation_version(**at, patchOperations=change)["description"] == "first"
    assert gateway.get_documentation_version(**at)["version"] == "1"
    assert len(gateway.get_documentation_versions(restApiId=api)["items"]) == 1
    gateway.delete_documentation_version(**at)
    with pytest.raises(ClientError, match="Invalid Documentation version specified"):
        gateway.get_documentation_version(**at)
