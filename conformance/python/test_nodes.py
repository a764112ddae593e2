"""Two servers on one PostgreSQL database: each sees at once what the other does, and outlives it."""

import json
import threading

import pytest
import requests
from botocore.exceptions import BotoCoreError, ClientError

from conftest import ROLE, Server, wait_for, zipped
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


def test_functions_are_those_of_all_nodes(nodes):
    here, there = (node.client("lambda") for node in nodes)

    def answer(client, name="f", **more):
        return client.invoke(FunctionName=name, **more)["Payload"].read()

    here.create_function(
        FunctionName="f", Runtime="nodejs20.x", Role=ROLE, Handler="index.handler",
        Code={"ZipFile": zipped(index_js="exports.handler = async () => 1;")})
    assert answer(there) == b"1"
    with pytest.raises(there.exceptions.ResourceConflictException):
        there.create_function(
            FunctionName="f", Runtime="nodejs20.x", Role=ROLE, Handler="index.handler",
            Code={"ZipFile": zipped(index_js="exports.handler = async () => 1;")})
    # What is acknowledged at one is in the next answer of the other, and runs there moments later.
    for n in range(2, 12):
        changing, asked = (here, there) if n % 2 else (there, here)
        changing.update_function_code(FunctionName="f", ZipFile=zipped(index_js=f"exports.handler = async () => {n};"))
        configuration = changing.update_function_configuration(FunctionName="f", Description=str(n))
        assert asked.get_function_configuration(FunctionName="f")["RevisionId"] == configuration["RevisionId"]
        assert answer(asked) == str(n).encode()
    layer = here.publish_layer_version(LayerName="l", Content={"ZipFile": zipped(l_js="")})["LayerVersionArn"]
    there.update_function_configuration(FunctionName="f", Layers=[layer])
    here.publish_version(FunctionName="f")
    there.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    assert answer(here, Qualifier="live") == b"11"

    # Of two that change it at once one is told to try again; no change undoes another.
    def add(client, sid):
        for _ in range(50):
            try:
                return client.add_permission(
                    FunctionName="f", StatementId=sid, Action="lambda:InvokeFunction", Principal="s3.amazonaws.com")
            except ClientError as error:
                assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 503

    threads = [threading.Thread(target=add, args=((here, there)[i % 2], f"s{i}")) for i in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    policies = [json.loads(client.get_policy(FunctionName="f")["Policy"]) for client in (here, there)]
    assert policies[0] == policies[1] and len(policies[0]["Statement"]) == 10
    here.delete_function(FunctionName="f")
    assert there.list_functions()["Functions"] == []
    with pytest.raises(there.exceptions.ResourceNotFoundException):
        answer(there)


def test_a_database_that_was_away_is_used_again(nodes, database):
    client = nodes[0].client("dynamodb")
    client.create_table(**TABLE)
    client.put_item(TableName="shared", Item={"pk": {"S": "a"}, "n": {"N": "1"}})
    database.stop()
    with pytest.raises(ClientError) as refused:
        client.get_item(TableName="shared", Key={"pk": {"S": "a"}})
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
    health = requests.get(nodes[0].url + "/_rushlight/health", timeout=10)
    assert (health.status_code, health.json()["status"]) == (503, "the store does not answer")
    database.start()

    def answers():
        try:
            return client.get_item(TableName="shared", Key={"pk": {"S": "a"}})["Item"]["n"] == {"N": "1"}
        except ClientError:
            return False

    wait_for(answers, 20)
    assert requests.get(nodes[0].url + "/_rushlight/health", timeout=10).json()["status"] == "ok"
