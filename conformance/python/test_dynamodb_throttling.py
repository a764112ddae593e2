"""What a client does whose table has too little throughput: it is told, waits and tries again."""

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from conftest import Server


@pytest.fixture(scope="module")
def throttled(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("throttled") / "data", "--memory", "--throttle").start()
    yield server
    server.stop()


@pytest.fixture
def table(throttled):
    """Ten writes and ten reads a second, and the second it begins with."""
    client = throttled.client("dynamodb")
    client.create_table(
        TableName="scarce", AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        ProvisionedThroughput={"ReadCapacityUnits": 10, "WriteCapacityUnits": 10})
    yield client
    client.delete_table(TableName="scarce")


def item(number):
    return {"pk": {"S": str(number)}}


def test_the_reason_is_told(table):
    with pytest.raises(table.exceptions.ProvisionedThroughputExceededException) as refusal:
        # The first takes the table's capacity of ten seconds, so the second is refused however slow the machine is.
        for number in range(2):
            table.put_item(TableName="scarce", Item=item(number) | {"v": {"S": "v" * 100_000}})
    answer = refusal.value.response
    assert "UpdateTable" in answer["Error"]["Message"]
    assert answer["ThrottlingReasons"][0]["reason"] == "TableWriteProvisionedThroughputExceeded"
    assert answer["ThrottlingReasons"][0]["resource"].endswith(":table/scarce")
    assert answer["ResponseMetadata"]["RetryAttempts"] == 1


def test_who_tries_again_gets_through(throttled, table):
    patient = boto3.client(
        "dynamodb", endpoint_url=throttled.url, region_name="us-east-1", aws_access_key_id="test",
        aws_secret_access_key="test", config=Config(retries={"mode": "standard", "max_attempts": 12}))
    tries = [patient.put_item(TableName="scarce", Item=item(n))["ResponseMetadata"]["RetryAttempts"] for n in range(25)]
    assert sum(tries) > 0


def test_a_batch_writer_brings_all_of_it(throttled, table):
    resource = boto3.resource(
        "dynamodb", endpoint_url=throttled.url, region_name="us-east-1", aws_access_key_id="test",
        aws_secret_access_key="test", config=Config(retries={"mode": "standard", "max_attempts": 12}))
    answer = table.batch_write_item(
        RequestItems={"scarce": [{"PutRequest": {"Item": item(n)}} for n in range(25)]})
    assert len(answer["UnprocessedItems"]["scarce"]) >= 10
    with resource.Table("scarce").batch_writer() as batch:
        for number in range(25):
            batch.put_item(Item={"pk": f"b{number}"})
    counted = resource.Table("scarce").scan(Select="COUNT")["Count"]
    assert counted >= 25


def test_a_cancelled_transaction_says_which_action_has_to_wait(table):
    with pytest.raises(ClientError) as refusal:
        for number in range(100):
            table.transact_write_items(TransactItems=[
                {"Put": {"TableName": "scarce", "Item": item(f"{number} {action}")}} for action in range(5)])
    answer = refusal.value.response
    assert answer["Error"]["Code"] == "TransactionCanceledException"
    assert {reason["Code"] for reason in answer["CancellationReasons"]} == {"ProvisionedThroughputExceeded"}
