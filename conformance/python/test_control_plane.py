"""The operations that tools call around the walk-through: what they describe, list, change and delete."""

import time
import uuid

import pytest
from botocore.exceptions import ClientError

from conftest import wait_for, zipped


def refused(call, **arguments):
    with pytest.raises(ClientError) as refusal:
        call(**arguments)
    return refusal.value.response["Error"]["Code"]


def test_what_terraform_asks_of_a_table(dynamodb):
    name = f"t-{uuid.uuid4().hex[:8]}"
    made = dynamodb.create_table(
        TableName=name, BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}], Tags=[{"Key": "team", "Value": "a"}])
    arn = made["TableDescription"]["TableArn"]
    ttl = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    assert ttl == {"TimeToLiveStatus": "DISABLED"}
    backups = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "DISABLED"
    assert dynamodb.list_tags_of_resource(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "a"}]
    dynamodb.tag_resource(ResourceArn=arn, Tags=[{"Key": "cost", "Value": "1"}])
    dynamodb.untag_resource(ResourceArn=arn, TagKeys=["team"])
    assert dynamodb.list_tags_of_resource(ResourceArn=arn)["Tags"] == [{"Key": "cost", "Value": "1"}]
    assert dynamodb.describe_limits()["AccountMaxReadCapacityUnits"] > 0
    assert dynamodb.describe_endpoints()["Endpoints"][0]["CachePeriodInMinutes"] > 0
    items = [{"PutRequest": {"Item": {"id": {"S": str(n)}}}} for n in range(25)]
    assert dynamodb.batch_write_item(RequestItems={name: items})["UnprocessedItems"] == {}
    assert refused(dynamodb.batch_write_item, RequestItems={name: items[:2] * 13}) == "ValidationException"
    dynamodb.delete_table(TableName=name)


def test_what_tools_ask_of_a_function(lam, server, dynamodb, deploy):
    name = deploy("exports.handler = async () => 1;", Description="first", Layers=[])
    assert lam.get_function_configuration(FunctionName=name)["Description"] == "first"
    assert name in [f["FunctionName"] for p in lam.get_paginator("list_functions").paginate() for f in p["Functions"]]
    lam.publish_version(FunctionName=name)
    lam.create_alias(FunctionName=name, Name="live", FunctionVersion="1", Description="d")
    assert lam.get_alias(FunctionName=name, Name="live")["FunctionVersion"] == "1"
    assert [a["Name"] for a in lam.list_aliases(FunctionName=name)["Aliases"]] == ["live"]
    lam.delete_alias(FunctionName=name, Name="live")
    assert refused(lam.get_alias, FunctionName=name, Name="live") == "ResourceNotFoundException"
    arn = lam.get_function(FunctionName=name)["Configuration"]["FunctionArn"]
    lam.tag_resource(Resource=arn, Tags={"a": "1", "b": "2"})
    lam.untag_resource(Resource=arn, TagKeys=["a"])
    assert lam.list_tags(Resource=arn)["Tags"] == {"b": "2"}
    assert lam.get_account_settings()["AccountLimit"]["ConcurrentExecutions"] == 1000
    assert "ReservedConcurrentExecutions" not in lam.get_function_concurrency(FunctionName=name)
    assert lam.get_function_code_signing_config(FunctionName=name)["FunctionName"] == name
    code = zipped(index_js="exports.handler = async () => 2;")
    changed = lam.update_function_code(FunctionName=name, ZipFile=code, Publish=True)
    assert changed["Version"] == "2" and changed["CodeSize"] == len(code)


def test_event_source_mappings_change_and_go(lam, dynamodb, deploy):
    table = f"t-{uuid.uuid4().hex[:8]}"
    stream = dynamodb.create_table(
        TableName=table, BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"})["TableDescription"]["LatestStreamArn"]
    name = deploy("exports.handler = async () => {};")
    uuid_ = lam.create_event_source_mapping(FunctionName=name, EventSourceArn=stream, StartingPosition="LATEST", Enabled=False)["UUID"]
    changed = lam.update_event_source_mapping(UUID=uuid_, BatchSize=7)
    assert changed["BatchSize"] == 7
    assert refused(lam.create_event_source_mapping, FunctionName=name, EventSourceArn=stream, StartingPosition="LATEST") == "ResourceConflictException"
    assert lam.list_event_source_mappings(EventSourceArn=stream)["EventSourceMappings"][0]["UUID"] == uuid_
    assert lam.delete_event_source_mapping(UUID=uuid_)["State"] == "Deleting"
    wait_for(lambda: not lam.list_event_source_mappings(EventSourceArn=stream)["EventSourceMappings"], 10)
    assert refused(lam.get_event_source_mapping, UUID=uuid_) == "ResourceNotFoundException"
    dynamodb.delete_table(TableName=table)


def test_every_part_of_an_api_is_read_changed_and_deleted(server):
    api = server.client("apigateway")
    made = api.create_rest_api(name="parts", description="d", tags={"a": "1"})
    id_ = made["id"]
    assert id_ in [a["id"] for p in api.get_paginator("get_rest_apis").paginate() for a in p["items"]]
    root = api.get_resources(restApiId=id_)["items"][0]["id"]
    resource = api.create_resource(restApiId=id_, parentId=root, pathPart="x")["id"]
    moved = api.update_resource(restApiId=id_, resourceId=resource, patchOperations=[{"op": "replace", "path": "/pathPart", "value": "y"}])
    assert moved["path"] == "/y"
    at = {"restApiId": id_, "resourceId": resource, "httpMethod": "GET"}
    api.put_method(**at, authorizationType="NONE")
    assert api.update_method(**at, patchOperations=[{"op": "replace", "path": "/operationName", "value": "Get"}])["operationName"] == "Get"
    api.put_method_response(**at, statusCode="200")
    api.update_method_response(**at, statusCode="200", patchOperations=[
        {"op": "add", "path": "/responseParameters/method.response.header.x", "value": "true"}])
    assert api.get_method_response(**at, statusCode="200")["responseParameters"] == {"method.response.header.x": True}
    api.put_integration(**at, type="MOCK", requestTemplates={"application/json": '{"statusCode": 200}'})
    api.update_integration(**at, patchOperations=[{"op": "add", "path": "/requestTemplates/text~1plain", "value": '{"statusCode": 200}'}])
    assert set(api.get_integration(**at)["requestTemplates"]) == {"application/json", "text/plain"}
    api.put_integration_response(**at, statusCode="200")
    api.update_integration_response(**at, statusCode="200", patchOperations=[
        {"op": "add", "path": "/responseTemplates/application~1json", "value": "{}"}])
    assert api.get_integration_response(**at, statusCode="200")["responseTemplates"] == {"application/json": "{}"}
    assert api.get_method(**at)["methodIntegration"]["integrationResponses"]["200"]["statusCode"] == "200"

    deployment = api.create_deployment(restApiId=id_, description="one")["id"]
    api.update_deployment(restApiId=id_, deploymentId=deployment, patchOperations=[{"op": "replace", "path": "/description", "value": "two"}])
    assert api.get_deployment(restApiId=id_, deploymentId=deployment)["description"] == "two"
    api.create_stage(restApiId=id_, stageName="s", deploymentId=deployment, variables={"v": "1"})
    assert [s["stageName"] for s in api.get_stages(restApiId=id_)["item"]] == ["s"]
    assert refused(api.create_stage, restApiId=id_, stageName="s", deploymentId=deployment) == "ConflictException"
    api.update_stage(restApiId=id_, stageName="s", patchOperations=[{"op": "replace", "path": "/variables/v", "value": "2"}])
    assert api.get_stage(restApiId=id_, stageName="s")["variables"] == {"v": "2"}

    arn = f"arn:aws:apigateway:us-east-1::/restapis/{id_}"
    api.tag_resource(resourceArn=arn, tags={"b": "2"})
    api.untag_resource(resourceArn=arn, tagKeys=["a"])
    assert api.get_tags(resourceArn=arn)["tags"] == {"b": "2"}
    assert "throttleSettings" in api.get_account()

    api.delete_integration_response(**at, statusCode="200")
    assert refused(api.get_integration_response, **at, statusCode="200") == "NotFoundException"
    api.delete_method_response(**at, statusCode="200")
    assert refused(api.get_method_response, **at, statusCode="200") == "NotFoundException"
    api.delete_integration(**at)
    assert refused(api.get_integration, **at) == "NotFoundException"
    api.delete_method(**at)
    assert refused(api.get_method, **at) == "NotFoundException"
    api.delete_stage(restApiId=id_, stageName="s")
    api.delete_deployment(restApiId=id_, deploymentId=deployment)
    assert api.get_deployments(restApiId=id_)["items"] == []
    api.delete_rest_api(restApiId=id_)
    assert refused(api.get_rest_api, restApiId=id_) == "NotFoundException"


def test_log_groups(server):
    logs = server.client("logs")
    group = f"g-{uuid.uuid4().hex[:8]}"
    logs.create_log_group(logGroupName=group)
    assert refused(logs.create_log_group, logGroupName=group) == "ResourceAlreadyExistsException"
    logs.create_log_stream(logGroupName=group, logStreamName="s")
    now = int(time.time() * 1000)
    logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=[{"timestamp": now + n, "message": f"line {n}"} for n in range(5)])
    assert [e["message"] for e in logs.get_log_events(logGroupName=group, logStreamName="s", startFromHead=True)["events"]] == [f"line {n}" for n in range(5)]
    assert len(logs.filter_log_events(logGroupName=group, filterPattern="3")["events"]) == 1
    logs.put_retention_policy(logGroupName=group, retentionInDays=7)
    assert logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]["retentionInDays"] == 7
    logs.delete_log_stream(logGroupName=group, logStreamName="s")
    assert logs.describe_log_streams(logGroupName=group)["logStreams"] == []
    logs.delete_log_group(logGroupName=group)
    assert logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"] == []
