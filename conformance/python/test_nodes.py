"""Two servers on one PostgreSQL database: each sees at once what the other does, and outlives it."""

import threading

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from conftest import Server, wait_for
from database import Database

TABLE = {
    "TableName": "shared",
    "BillingMode": "PAY_PER_REQUEST",
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
    "AttributeDefinitions": [
        {"AttributeName": "pk", "AttributeType": "S"},
        {"AttributeName": "g", "AttributeType": "S"},
    ],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "byg",
            "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "ALL"},
        }
    ],
    "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
}


@pytest.fixture
def database():
    running = Database()
    yield running
    running.remove()


@pytest.fixture
def nodes(database, tmp_path):
    started = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        started.append(Server(tmp_path / name / "data", "--store", database.url()).start())
    yield started
    for node in started:
        node.stop()


def all_items(client, **which):
    pages = client.get_paginator("scan").paginate(TableName="shared", **which)
    return {item["pk"]["S"]: item for page in pages for item in page["Items"]}


def all_records(node, arn):
    """Every number that the stream tells of an item, in order."""
    streams = node.client("dynamodbstreams")
    told = {}
    for shard in streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]:
        iterator = streams.get_shard_iterator(
            StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        while iterator:
            page = streams.get_records(ShardIterator=iterator)
            iterator = page.get("NextShardIterator")
            for record in page["Records"]:
                image = record["dynamodb"]["NewImage"]
                told.setdefault(image["pk"]["S"], []).append(int(image["n"]["N"]))
    return told


def write(node, writer, acknowledged, end):
    client = node.client("dynamodb")
    for n in range(1, 1_000_000):
        if end.is_set():
            return
        pk = f"{writer}-{n % 20}"
        try:
            client.put_item(
                TableName="shared",
                Item={"pk": {"S": pk}, "g": {"S": str(n % 7)}, "n": {"N": str(n)}},
            )
        except (ClientError, BotoCoreError):
            if node.process.poll() is not None:
                return
            continue
        acknowledged.append((pk, n))


def test_a_node_dies_under_load_and_nothing_is_lost_or_doubled(nodes):
    dying, other = nodes
    arn = dying.client("dynamodb").create_table(**TABLE)["TableDescription"]["LatestStreamArn"]
    end, acknowledged = threading.Event(), {}
    threads = []
    for writer in range(6):
        acknowledged[writer] = []
        arguments = (nodes[writer % 2], writer, acknowledged[writer], end)
        threads.append(threading.Thread(target=write, args=arguments))
    for thread in threads:
        thread.start()
    wait_for(lambda: all(len(known) > 100 for known in acknowledged.values()), 60)
    dying.kill()
    before = len(acknowledged[1])
    wait_for(lambda: len(acknowledged[1]) > before + 100, 60)
    end.set()
    for thread in threads:
        thread.join()

    client = other.client("dynamodb")
    # The stream ends once no write of either node can come any more.
    client.update_table(TableName="shared", StreamSpecification={"StreamEnabled": False})
    items = all_items(client)
    assert all_items(client, IndexName="byg") == items
    told = all_records(other, arn)
    assert {pk: numbers[-1] for pk, numbers in told.items()} == {
        pk: int(item["n"]["N"]) for pk, item in items.items()
    }
    for pk, numbers in told.items():
        assert numbers == sorted(set(numbers)), pk
    for known in acknowledged.values():
        missing = [(pk, n) for pk, n in known if n not in told[pk]]
        assert not missing


def test_what_one_node_makes_the_other_has_at_once(nodes):
    here, there = (node.client("dynamodb") for node in nodes)
    here.create_table(**TABLE)
    there.put_item(TableName="shared", Item={"pk": {"S": "a"}, "n": {"N": "1"}})
    assert here.get_item(TableName="shared", Key={"pk": {"S": "a"}})["Item"]["n"] == {"N": "1"}
    there.update_table(TableName="shared", GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "byg"}}])
    wait_for(lambda: "GlobalSecondaryIndexes" not in here.describe_table(TableName="shared")["Table"], 10)
    here.delete_table(TableName="shared")
    there.get_waiter("table_not_exists").wait(TableName="shared", WaiterConfig={"Delay": 1, "MaxAttempts": 20})


def test_a_database_that_was_away_is_used_again(nodes, database):
    client = nodes[0].client("dynamodb")
    client.create_table(**TABLE)
    client.put_item(TableName="shared", Item={"pk": {"S": "a"}, "n": {"N": "1"}})
    database.stop()
    with pytest.raises(ClientError) as refused:
        client.get_item(TableName="shared", Key={"pk": {"S": "a"}})
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
    database.start()

    def answers():
        try:
            return client.get_item(TableName="shared", Key={"pk": {"S": "a"}})["Item"]["n"] == {"N": "1"}
        except ClientError:
            return False

    wait_for(answers, 20)
