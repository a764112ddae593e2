"""Event source mappings with each setting, on tables' streams and real Node.js functions. A function tells what it was
given in its log; a bucket, which is a folder of the server, takes what is given up."""

import json
import statistics
import time
import uuid

import pytest
from botocore.exceptions import ClientError

from conftest import ROLE, Server, wait_for, zipped
from database import Database

# Prints each event as one line, then does what its CODE says.
TELL = "exports.handler = async (event) => { console.log('SAW ' + Date.now() + ' ' + JSON.stringify(event)); %s };"


@pytest.fixture
def table(dynamodb):
    """Its items are in one partition, and so in one shard."""
    name = f"m-{uuid.uuid4().hex[:8]}"
    made = dynamodb.create_table(
        TableName=name, BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "id", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in ("pk", "id")],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"})
    yield name, made["TableDescription"]["LatestStreamArn"]
    dynamodb.delete_table(TableName=name)


@pytest.fixture
def trigger(lam, deploy, table):
    made = []

    def make(code="", **settings):
        name = deploy(TELL % code)
        settings = {"StartingPosition": "TRIM_HORIZON", **settings}
        uuid_ = lam.create_event_source_mapping(FunctionName=name, EventSourceArn=table[1], **settings)["UUID"]
        made.append(uuid_)
        wait_for(lambda: lam.get_event_source_mapping(UUID=uuid_)["State"] == "Enabled", 10)
        return name, uuid_

    yield make
    for uuid_ in made:
        lam.delete_event_source_mapping(UUID=uuid_)


@pytest.fixture
def seen(server):
    logs = server.client("logs")

    def read(name):
        try:
            events = logs.filter_log_events(logGroupName=f"/aws/lambda/{name}", filterPattern="SAW")["events"]
        except ClientError as error:
            assert error.response["Error"]["Code"] == "ResourceNotFoundException"
            return []
        told = [e["message"].split("SAW ", 1)[1].split(" ", 1) for e in events if "SAW " in e["message"]]
        return [(int(at), json.loads(event)) for at, event in told]

    return read


def ids(event):
    return [record["dynamodb"]["Keys"]["id"]["S"] for record in event["Records"]]


def put(dynamodb, table, key, **more):
    dynamodb.put_item(TableName=table[0], Item={"pk": {"S": "p"}, "id": {"S": key}, **more})


def test_filters_choose_records(dynamodb, table, trigger, seen):
    patterns = [
        {"eventName": ["INSERT"], "dynamodb": {"NewImage": {"kind": {"S": [{"prefix": "o"}, {"anything-but": ["x", "y"]}]}}}},
        {"$or": [{"eventName": ["REMOVE"]}, {"dynamodb": {"Keys": {"id": {"S": [{"wildcard": "w*d"}]}}}}]},
    ]
    name, uuid_ = trigger(FilterCriteria={"Filters": [{"Pattern": json.dumps(p)} for p in patterns]})
    for key, kind in [("1", "order"), ("2", "x"), ("wild", "y"), ("3", "z"), ("2", "x")]:
        put(dynamodb, table, key, kind={"S": kind})
    dynamodb.delete_item(TableName=table[0], Key={"pk": {"S": "p"}, "id": {"S": "2"}})
    wanted = ["1", "wild", "3", "2"]
    wait_for(lambda: sum((ids(event) for _, event in seen(name)), []) == wanted, 10, lambda: seen(name))


def test_a_bad_pattern_is_refused(lam, deploy, table):
    name = deploy(TELL % "")
    with pytest.raises(ClientError) as refused:
        lam.create_event_source_mapping(
            FunctionName=name, EventSourceArn=table[1], StartingPosition="LATEST",
            FilterCriteria={"Filters": [{"Pattern": '{"a": "b"}'}]})
    error = refused.value.response["Error"]
    assert (error["Code"], error["Message"]) == ("InvalidParameterValueException", "Invalid filter pattern definition.")


def test_what_fails_is_split_and_goes_to_the_bucket(server, lam, dynamodb, table, trigger, seen):
    fail = "if (event.Records.some(r => r.dynamodb.Keys.id.S === 'bad')) throw new Error('no');"
    for key in ["1", "bad", "2"]:
        put(dynamodb, table, key)
    name, uuid_ = trigger(
        fail, MaximumRetryAttempts=0, BisectBatchOnFunctionError=True,
        DestinationConfig={"OnFailure": {"Destination": "arn:aws:s3:::lost"}})
    folder = server.data / "objects" / "lost" / "aws" / "lambda" / uuid_
    (record,) = wait_for(lambda: [json.loads(p.read_text()) for p in folder.rglob("20*-*-*T*") if p.is_file()], 15)
    assert record["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert record["responseContext"] == {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"}
    assert record["DDBStreamBatchInfo"]["batchSize"] == 1 and record["DDBStreamBatchInfo"]["streamArn"] == table[1]
    assert ids(json.loads(record["payload"])) == ["bad"]
    wait_for(lambda: ["2"] in [ids(event) for _, event in seen(name)], 10)
    assert lam.get_event_source_mapping(UUID=uuid_)["LastProcessingResult"] == "OK"


def test_reported_items_are_tried_again(dynamodb, table, trigger, seen):
    report = """globalThis.n = (globalThis.n || 0) + 1; const r = event.Records[1];
      return n > 1 || !r ? {} : {batchItemFailures: [{itemIdentifier: r.dynamodb.SequenceNumber}]};"""
    for key in ["1", "2", "3"]:
        put(dynamodb, table, key)
    name, _ = trigger(report, FunctionResponseTypes=["ReportBatchItemFailures"])
    wait_for(lambda: [ids(event) for _, event in seen(name)] == [["1", "2", "3"], ["2", "3"]], 10)


def test_keys_run_beside_each_other(dynamodb, table, trigger, seen):
    wait = "await new Promise(r => setTimeout(r, 300));"
    for key in range(16):
        put(dynamodb, table, str(key))
    name, _ = trigger(wait, ParallelizationFactor=8, BatchSize=1)
    wait_for(lambda: len(seen(name)) == 16, 20)
    starts = sorted(at for at, _ in seen(name))
    at_once = max(sum(1 for other in starts if at <= other < at + 300) for at in starts)
    assert 2 <= at_once <= 8, starts


def test_a_window_counts_and_ends(dynamodb, table, trigger, seen):
    count = "return {state: {n: (event.state.n || 0) + event.Records.length}};"
    name, _ = trigger(count, TumblingWindowInSeconds=2)
    for key in range(5):
        put(dynamodb, table, str(key))

    def finals():
        return [event for _, event in seen(name) if event["isFinalInvokeForWindow"]]

    wait_for(lambda: sum(event["state"]["n"] for event in finals()) == 5, 15)
    for event in finals():
        assert event["Records"] == [] and not event["isWindowTerminatedEarly"]
        assert event["eventSourceARN"] == table[1] and event["window"]["end"] > event["window"]["start"]


def test_a_change_reaches_an_idle_function_at_once(dynamodb, table, trigger, seen):
    name, _ = trigger(StartingPosition="LATEST")
    put(dynamodb, table, "warm")
    wait_for(lambda: len(seen(name)) == 1, 10)
    sent = {}
    for key in range(20):
        put(dynamodb, table, str(key))
        sent[str(key)] = time.time() * 1000
        time.sleep(0.02)
    wait_for(lambda: sum(len(ids(event)) for _, event in seen(name)) == 21, 10)
    delays = [at - sent[key] for at, event in seen(name) for key in ids(event) if key in sent]
    print(f"from the answer of PutItem to the handler: {statistics.median(delays):.1f} ms p50, {max(delays):.1f} ms max")
    assert statistics.median(delays) < 50


@pytest.fixture
def nodes(tmp_path):
    database = Database()
    started = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        started.append(Server(tmp_path / name / "data", "--store", database.url()).start())
    yield started
    for node in started:
        node.stop()
    database.remove()


def invoked(node, name):
    """The ids that the function saw on this node; each node has its own part of the log."""
    try:
        events = node.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
    except ClientError:
        return []
    told = [e["message"].split("SAW ", 1)[1].split(" ", 1)[1] for e in events if "SAW " in e["message"]]
    return sum((ids(json.loads(event)) for event in told), [])


def test_another_node_goes_on_where_a_killed_one_was(nodes):
    one, two = nodes
    db, lam = one.client("dynamodb"), one.client("lambda")
    stream = db.create_table(
        TableName="shared", BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "id", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in ("pk", "id")],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"})["TableDescription"]["LatestStreamArn"]
    lam.create_function(
        FunctionName="f", Runtime="nodejs20.x", Role=ROLE, Handler="index.handler",
        Code={"ZipFile": zipped(index_js=TELL % "")})
    lam.create_event_source_mapping(FunctionName="f", EventSourceArn=stream, StartingPosition="TRIM_HORIZON")
    for key in ("1", "2", "3"):
        put(db, ("shared", stream), key)
    wait_for(lambda: sorted(invoked(one, "f")) == ["1", "2", "3"], 15, lambda: invoked(one, "f"))
    time.sleep(0.2)
    one.kill()
    put(two.client("dynamodb"), ("shared", stream), "4")
    wait_for(lambda: "4" in invoked(two, "f"), 30, lambda: (invoked(two, "f"), two.log_text()))
    assert invoked(two, "f").count("4") == 1


def result(lam, uuid_):
    told = lam.get_event_source_mapping(UUID=uuid_)
    return told["State"], told["LastProcessingResult"]


def test_a_stream_that_is_disabled_is_read_to_its_end(dynamodb, table, trigger, seen, lam):
    fails = "if (Date.now() < %d) throw new Error('not yet');"
    name, uuid_ = trigger(fails % ((time.time() + 1.5) * 1000))
    put(dynamodb, table, "1")
    off = {"StreamEnabled": False}
    dynamodb.update_table(TableName=table[0], StreamSpecification=off)
    put(dynamodb, table, "2")
    assert result(lam, uuid_)[0] == "Enabled"
    # What was written before is tried again until it succeeds; what came after is nobody's.
    wait_for(lambda: result(lam, uuid_) == ("Enabled", "OK"), 20)
    on = {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}
    wait_for(lambda: dynamodb.describe_table(TableName=table[0])["Table"]["TableStatus"] == "ACTIVE", 10)
    again = dynamodb.update_table(TableName=table[0], StreamSpecification=on)["TableDescription"]["LatestStreamArn"]
    assert again != table[1]
    put(dynamodb, table, "3")
    other = lam.create_event_source_mapping(FunctionName=name, EventSourceArn=again, StartingPosition="TRIM_HORIZON")
    assert other["UUID"] != uuid_
    wait_for(lambda: ids(seen(name)[-1][1]) == ["3"], 10)
    told = [(event["Records"][0]["eventSourceARN"], ids(event)) for _, event in seen(name)]
    assert set((arn, tuple(keys)) for arn, keys in told) == {(table[1], ("1",)), (again, ("3",))}
    assert result(lam, uuid_) == ("Enabled", "OK")
    lam.delete_event_source_mapping(UUID=other["UUID"])


def test_a_mapping_outlives_its_table(server, dynamodb, lam, deploy, seen):
    name = f"gone-{uuid.uuid4().hex[:8]}"

    def make():
        made = dynamodb.create_table(
            TableName=name, BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"})
        return made["TableDescription"]["LatestStreamArn"]

    stream = make()
    function = deploy(TELL % "")
    uuid_ = lam.create_event_source_mapping(
        FunctionName=function, EventSourceArn=stream, StartingPosition="TRIM_HORIZON")["UUID"]
    dynamodb.put_item(TableName=name, Item={"id": {"S": "1"}})
    wait_for(lambda: len(seen(function)) == 1, 10)
    dynamodb.delete_table(TableName=name)
    dynamodb.get_waiter("table_not_exists").wait(TableName=name, WaiterConfig={"Delay": 1})
    # Its successor of the same name has another stream, which is not the mapping's.
    assert make() != stream
    dynamodb.put_item(TableName=name, Item={"id": {"S": "2"}})
    assert result(lam, uuid_) == ("Enabled", "OK")
    off = lam.update_event_source_mapping(UUID=uuid_, Enabled=False)
    assert off["State"] == "Disabling"
    wait_for(lambda: result(lam, uuid_)[0] == "Disabled", 10)
    deleted = lam.delete_event_source_mapping(UUID=uuid_)
    assert (deleted["State"], deleted["EventSourceArn"]) == ("Deleting", stream)

    def is_gone():
        try:
            lam.get_event_source_mapping(UUID=uuid_)
            return False
        except lam.exceptions.ResourceNotFoundException:
            return True

    wait_for(is_gone, 10)
    assert [ids(event) for _, event in seen(function)] == [["1"]]
    dynamodb.delete_table(TableName=name)
