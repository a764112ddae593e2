"""What belongs to a REST API or an account beside its methods: documentation, VPC links."""
import pytest
from botocore.exceptions import ClientError


@pytest.fixture
def gateway(server):
    return server.client("apigateway")


def test_documentation_parts(gateway):
    api = gateway.create_rest_api(name="documented")["id"]
    location = {"type": "METHOD", "path": "/pets", "method": "GET"}
    part = gateway.create_documentation_part(restApiId=api, location=location, properties='{"description":"pets"}')
    assert part["location"] == location
    at = {"restApiId": api, "documentationPartId": part["id"]}
    assert gateway.get_documentation_part(**at)["properties"] == '{"description":"pets"}'
    listed = gateway.get_documentation_parts(restApiId=api, type="METHOD", path="/pets")["items"]
    assert [one["id"] for one in listed] == [part["id"]]
    change = [{"op": "replace", "path": "/properties", "value": "{}"}]
    assert gateway.update_documentation_part(**at, patchOperations=change)["properties"] == "{}"
    gateway.delete_documentation_part(**at)
    with pytest.raises(ClientError, match="Invalid Documentation part identifier specified"):
        gateway.get_documentation_part(**at)


def test_vpc_links(gateway):
    target = "arn:aws:elasticloadbalancing:us-east-1:000000000000:loadbalancer/net/n/1"
    link = gateway.create_vpc_link(name="link", targetArns=[target])["id"]
    assert gateway.get_vpc_link(vpcLinkId=link)["status"] == "AVAILABLE"
    assert link in [one["id"] for one in gateway.get_vpc_links(limit=500)["items"]]
    change = [{"op": "replace", "path": "/name", "value": "other"}]
    assert gateway.update_vpc_link(vpcLinkId=link, patchOperations=change)["name"] == "other"
    gateway.delete_vpc_link(vpcLinkId=link)
    with pytest.raises(ClientError, match="Invalid VPC link identifier specified"):
        gateway.get_vpc_link(vpcLinkId=link)
