"""What is stored of a table and told back, vector indexes, and the calls that Terraform makes of a table, through boto3."""

import json
import uuid

import boto3
import pytest
from botocore.exceptions import ClientError


@pytest.fixture
def client(server):
    return boto3.client(
        "dynamodb", endpoint_url=server.url, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test")


def make(client, **more):
    name = f"settings-{uuid.uuid4().hex[:8]}"
    return client.create_table(
        TableName=name, KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}], BillingMode="PAY_PER_REQUEST", **more)["TableDescription"]


@pytest.fixture
def table(client):
    made = make(client)
    yield made
    client.delete_table(TableName=made["TableName"])


def refused(call, **arguments):
    with pytest.raises(ClientError) as refusal:
        call(**arguments)
    return refusal.value.response["Error"]["Code"]


def test_terraform_creates_reads_changes_and_reads_again(client):
    made = make(client, Tags=[{"Key": "by", "Value": "terraform"}], DeletionProtectionEnabled=True,
                StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"})
    name, arn = made["TableName"], made["TableArn"]

    def read():
        described = client.describe_table(TableName=name)["Table"]
        assert described["TableStatus"] == "ACTIVE"
        backups = client.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
        assert backups["ContinuousBackupsStatus"] == "ENABLED"
        assert "TimeToLiveStatus" in client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
        assert client.list_tags_of_resource(ResourceArn=arn)["Tags"] == [{"Key": "by", "Value": "terraform"}]
        assert client.describe_kinesis_streaming_destination(TableName=name)["KinesisDataStreamDestinations"] == []
        assert client.describe_contributor_insights(TableName=name)["ContributorInsightsStatus"] == "DISABLED"
        assert refused(client.get_resource_policy, ResourceArn=arn) == "PolicyNotFoundException"
        return described

    assert read()["DeletionProtectionEnabled"] is True
    client.update_table(TableName=name, DeletionProtectionEnabled=False)
    assert read()["DeletionProtectionEnabled"] is False
    client.delete_table(TableName=name)
    client.get_waiter("table_not_exists").wait(TableName=name)
    assert refused(client.get_resource_policy, ResourceArn=arn) == "ResourceNotFoundException"


def test_resource_policies(client, table):
    arn = table["TableArn"]
    policy = {"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"AWS": "000000000000"}, "Action": "dynamodb:GetItem", "Resource": arn}]}
    put = client.put_resource_policy(ResourceArn=arn, Policy=json.dumps(policy, indent=2), ExpectedRevisionId="NO_POLICY")
    got = client.get_resource_policy(ResourceArn=arn)
    assert json.loads(got["Policy"]) == policy and got["RevisionId"] == put["RevisionId"]
    assert refused(client.put_resource_policy, ResourceArn=arn, Policy=json.dumps(policy),
                   ExpectedRevisionId="1") == "PolicyNotFoundException"
    assert client.delete_resource_policy(ResourceArn=arn)["RevisionId"] == put["RevisionId"]
    assert refused(client.get_resource_policy, ResourceArn=arn) == "PolicyNotFoundException"
    assert refused(client.put_resource_policy, ResourceArn=arn, Policy=" " * 20_481) == "ValidationException"


def test_kinesis_destinations(client, table):
    name, stream = table["TableName"], "arn:aws:kinesis:us-east-1:000000000000:stream/changes"
    assert client.enable_kinesis_streaming_destination(TableName=name, StreamArn=stream)["DestinationStatus"] == "ENABLING"
    told = client.describe_kinesis_streaming_destination(TableName=name)["KinesisDataStreamDestinations"]
    assert told == [{"StreamArn": stream, "DestinationStatus": "ACTIVE"}]
    client.update_kinesis_streaming_destination(TableName=name, StreamArn=stream, UpdateKinesisStreamingConfiguration={
        "ApproximateCreationDateTimePrecision": "MICROSECOND"})
    assert client.disable_kinesis_streaming_destination(TableName=name, StreamArn=stream)["DestinationStatus"] == "DISABLING"
    told = client.describe_kinesis_streaming_destination(TableName=name)["KinesisDataStreamDestinations"]
    assert told == [{"StreamArn": stream, "DestinationStatus": "DISABLED"}]


def test_contributor_insights(client, table):
    name = table["TableName"]
    client.update_contributor_insights(TableName=name, ContributorInsightsAction="ENABLE")
    told = client.describe_contributor_insights(TableName=name)
    assert told["ContributorInsightsStatus"] == "ENABLED" and len(told["ContributorInsightsRuleList"]) == 2
    listed = client.list_contributor_insights()["ContributorInsightsSummaries"]
    assert name in [summary["TableName"] for summary in listed]
    client.update_contributor_insights(TableName=name, ContributorInsightsAction="DISABLE")
    assert client.list_contributor_insights(TableName=name)["ContributorInsightsSummaries"] == []


def test_global_tables_are_those_of_one_region(client, table):
    name = table["TableName"]
    assert client.list_global_tables()["GlobalTables"] == []
    assert refused(client.describe_global_table, GlobalTableName=name) == "GlobalTableNotFoundException"
    assert refused(client.create_global_table, GlobalTableName=name,
                   ReplicationGroup=[{"RegionName": "us-east-1"}]) == "ValidationException"
    assert refused(client.describe_table_replica_auto_scaling, TableName=name) == "ResourceNotFoundException"


def test_vectors(client):
    if not hasattr(client, "search_vectors"):
        pytest.skip("this boto3 knows no SearchVectors")

    def vector(*numbers):
        return [{"N": str(number)} for number in numbers]

    name = make(client, VectorIndexes=[{
        "IndexName": "near", "VectorAttribute": {"AttributeName": "embedding"}, "Dimensions": 3,
        "DistanceFunction": "COSINE", "Projection": {"ProjectionType": "ALL"}}])["TableName"]
    for pk, numbers in {"a": (1, 0, 0), "b": (0, 1, 0), "c": (-1, 0, 0)}.items():
        client.put_item(TableName=name, Item={"pk": {"S": pk}, "embedding": {"L": vector(*numbers)}})
    found = client.search_vectors(TableName=name, IndexName="near", SearchVector=vector(1, 0, 0), TopK=2)["SearchResults"]
    assert [(result["Item"]["pk"]["S"], result["Score"]) for result in found] == [("a", 0), ("b", 1)]
    client.delete_table(TableName=name)
