"""Custom domain names: both versions' control planes over one record, and requests by their hosts."""

import json

import pytest
import requests

from test_authorizers import permit, uri
from test_http_apis import refused

ECHO = "exports.handler = async (event) => ({ statusCode: 200, body: JSON.stringify(event) });"


@pytest.fixture
def v1(server):
    return server.client("apigateway")


@pytest.fixture
def v2(server):
    return server.client("apigatewayv2")


@pytest.fixture
def api(v2):
    made = v2.create_api(Name="web", ProtocolType="HTTP")["ApiId"]
    v2.create_stage(ApiId=made, StageName="$default", AutoDeploy=True)
    yield made
    v2.delete_api(ApiId=made)


def test_requests_by_a_domain(server, v2, api, deploy):
    echo = deploy(ECHO)
    there = v2.create_integration(
        ApiId=api, IntegrationType="AWS_PROXY", IntegrationUri=uri(echo), PayloadFormatVersion="2.0")
    v2.create_route(ApiId=api, RouteKey="GET /pets", Target=f"integrations/{there['IntegrationId']}")
    permit(server, echo, api)
    v2.create_domain_name(DomainName="api.example.com", DomainNameConfigurations=[{"EndpointType": "REGIONAL"}])
    mapping = v2.create_api_mapping(DomainName="api.example.com", ApiId=api, Stage="$default", ApiMappingKey="shop")

    def get(path):
        return requests.get(server.url + path, headers={"host": "api.example.com"})

    event = json.loads(get("/shop/pets").text)
    assert (event["rawPath"], event["requestContext"]["domainName"]) == ("/shop/pets", "api.example.com")
    assert (get("/pets").status_code, get("/pets").json()) == (403, {"message": "Forbidden"})
    # Not the server's own.
    assert get("/_rushlight/health").status_code == 403
    at = {"DomainName": "api.example.com", "ApiMappingId": mapping["ApiMappingId"]}
    assert v2.update_api_mapping(**at, ApiId=api, ApiMappingKey="")["ApiMappingKey"] == ""
    assert get("/pets").status_code == 200
    assert v2.get_api_mapping(**at)["Stage"] == "$default"
    assert len(v2.get_api_mappings(DomainName="api.example.com")["Items"]) == 1
    v2.delete_api_mapping(**at)
    v2.update_domain_name(DomainName="api.example.com", RoutingMode="ROUTING_RULE_ONLY")
    rule = v2.create_routing_rule(
        DomainName="api.example.com", Priority=1,
        Conditions=[{"MatchHeaders": {"AnyOf": [{"Header": "x-version", "ValueGlob": "2*"}]}}],
        Actions=[{"InvokeApi": {"ApiId": api, "Stage": "$default"}}])
    assert get("/pets").status_code == 403
    headers = {"host": "api.example.com", "x-version": "2.1"}
    assert requests.get(server.url + "/pets", headers=headers).status_code == 200
    of = {"DomainName": "api.example.com", "RoutingRuleId": rule["RoutingRuleId"]}
    v2.put_routing_rule(**of, Priority=2, Conditions=[], Actions=rule["Actions"])
    assert v2.get_routing_rule(**of)["Priority"] == 2
    assert len(v2.list_routing_rules(DomainName="api.example.com")["RoutingRules"]) == 1
    assert get("/pets").status_code == 200
    v2.delete_routing_rule(**of)
    v2.delete_domain_name(DomainName="api.example.com")
    refused(v2.get_domain_name, "NotFoundException", "Invalid domain name", DomainName="api.example.com")


def test_one_record_of_both_versions(v1, v2, api):
    made = v1.create_domain_name(
        domainName="both.example.com", regionalCertificateArn="arn:aws:acm:us-east-1:0:certificate/a",
        endpointConfiguration={"types": ["REGIONAL"]})
    assert made["regionalDomainName"].startswith("d-") and made["domainNameStatus"] == "AVAILABLE"
    assert v2.get_domain_name(DomainName="both.example.com")["DomainNameConfigurations"][0]["EndpointType"] == "REGIONAL"
    assert "both.example.com" in [known["DomainName"] for known in v2.get_domain_names()["Items"]]
    assert "both.example.com" in [known["domainName"] for known in v1.get_domain_names()["items"]]
    at = {"domainName": "both.example.com"}
    mapped = v1.create_base_path_mapping(**at, restApiId=api, stage="$default")
    assert mapped["basePath"] == "(none)"
    changed = v1.update_base_path_mapping(
        **at, basePath="(none)", patchOperations=[{"op": "replace", "path": "/basePath", "value": "a"}])
    assert changed["basePath"] == "a"
    assert v1.get_base_path_mapping(**at, basePath="a")["restApiId"] == api
    assert len(v1.get_base_path_mappings(**at)["items"]) == 1
    v1.delete_base_path_mapping(**at, basePath="a")
    patch = [{"op": "replace", "path": "/securityPolicy", "value": "TLS_1_0"}]
    assert v1.update_domain_name(**at, patchOperations=patch)["securityPolicy"] == "TLS_1_0"
    assert v1.get_domain_name(**at)["endpointConfiguration"]["types"] == ["REGIONAL"]
    v1.delete_domain_name(**at)


def test_private_domains_and_their_associations(v1):
    made = v1.create_domain_name(domainName="private.example.com", endpointConfiguration={"types": ["PRIVATE"]})
    arns = []
    for _ in range(2):
        association = v1.create_domain_name_access_association(
            domainNameArn=made["domainNameArn"], accessAssociationSourceType="VPCE", accessAssociationSource="vpce-1")
        arns.append(association["domainNameAccessAssociationArn"])
    assert len(v1.get_domain_name_access_associations()["items"]) == 2
    v1.delete_domain_name_access_association(domainNameAccessAssociationArn=arns[0])
    v1.reject_domain_name_access_association(
        domainNameAccessAssociationArn=arns[1], domainNameArn=made["domainNameArn"])
    assert v1.get_domain_name_access_associations()["items"] == []
    v1.delete_domain_name(domainName="private.example.com")
