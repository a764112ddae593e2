"""Tables and items through boto3: expressions, indexes, paging, batches, streams, and AWS's refusals word for word."""

import uuid
from decimal import Decimal

import boto3
import pytest
from boto3.dynamodb.conditions import Attr, Key
from botocore.exceptions import ClientError


@pytest.fixture
def resource(server):
    return boto3.resource(
        "dynamodb", endpoint_url=server.url, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test")


@pytest.fixture
def table(resource):
    """Orders: hash and range key, a GSI and an LSI, a stream."""
    made = resource.create_table(
        TableName=f"orders-{uuid.uuid4().hex[:8]}",
        AttributeDefinitions=[{"AttributeName": n, "AttributeType": t} for n, t in
                              [("customer", "S"), ("number", "N"), ("status", "S"), ("total", "N")]],
        KeySchema=[{"AttributeName": "customer", "KeyType": "HASH"}, {"AttributeName": "number", "KeyType": "RANGE"}],
        GlobalSecondaryIndexes=[{
            "IndexName": "by-status", "Projection": {"ProjectionType": "ALL"},
            "KeySchema": [{"AttributeName": "status", "KeyType": "HASH"}, {"AttributeName": "total", "KeyType": "RANGE"}],
            "ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}}],
        LocalSecondaryIndexes=[{
            "IndexName": "by-total", "Projection": {"ProjectionType": "KEYS_ONLY"},
            "KeySchema": [{"AttributeName": "customer", "KeyType": "HASH"}, {"AttributeName": "total", "KeyType": "RANGE"}]}],
        ProvisionedThroughput={"ReadCapacityUnits": 5, "WriteCapacityUnits": 5},
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"})
    made.wait_until_exists()
    yield made
    made.delete()


def fill(table, count=30):
    with table.batch_writer() as batch:
        for n in range(count):
            batch.put_item(Item={"customer": f"c{n % 3}", "number": n, "status": "open" if n % 2 else "paid",
                                 "total": Decimal(n) / 4, "note": "x" * 50})


def refused(call, **arguments):
    with pytest.raises(ClientError) as refusal:
        call(**arguments)
    error = refusal.value.response["Error"]
    return f"{error['Code']}: {error['Message']}"


def test_every_type_comes_back(table):
    item = {"customer": "c", "number": Decimal("-1.5E-20"), "b": b"\x00\xff", "t": True, "n": None, "ss": {"a", "b"},
            "ns": {Decimal("1"), Decimal("99999999999999999999999999999999999999")}, "bs": {b"x"}, "l": [1, "two", [None]],
            "m": {"deep": {"er": []}, "": "empty name"}, "empty": ""}
    table.put_item(Item=item)
    assert table.get_item(Key={"customer": "c", "number": Decimal("-1.5E-20")}, ConsistentRead=True)["Item"] == item


def test_query_scan_and_their_paging(table):
    fill(table)
    numbers = lambda reply: [int(i["number"]) for i in reply["Items"]]
    assert numbers(table.query(KeyConditionExpression=Key("customer").eq("c1"))) == list(range(1, 30, 3))
    assert numbers(table.query(KeyConditionExpression=Key("customer").eq("c1") & Key("number").between(4, 10),
                               ScanIndexForward=False)) == [10, 7, 4]
    pages, start = [], {}
    while True:
        reply = table.query(KeyConditionExpression=Key("customer").eq("c0"), Limit=4, **start)
        pages.append(numbers(reply))
        if "LastEvaluatedKey" not in reply:
            break
        start = {"ExclusiveStartKey": reply["LastEvaluatedKey"]}
    assert [len(p) for p in pages] == [4, 4, 2]
    filtered = table.query(KeyConditionExpression=Key("customer").eq("c0"), FilterExpression=Attr("status").eq("open"))
    assert (filtered["Count"], filtered["ScannedCount"]) == (5, 10)
    by_status = table.query(IndexName="by-status", KeyConditionExpression=Key("status").eq("paid") & Key("total").gte(5))
    assert numbers(by_status) == [20, 22, 24, 26, 28]
    by_total = table.query(IndexName="by-total", KeyConditionExpression=Key("customer").eq("c2"), Limit=2)
    assert by_total["Items"] == [{"customer": "c2", "number": n, "total": Decimal(n) / 4} for n in (2, 5)]
    assert table.scan()["Count"] == 30
    assert table.scan(Select="COUNT", FilterExpression=Attr("number").lt(5))["Count"] == 5
    segments = [table.scan(Segment=s, TotalSegments=4)["Count"] for s in range(4)]
    assert sum(segments) == 30


def test_updates(table):
    key = {"customer": "c", "number": 1}
    update = lambda expression, values=None, names=None, **more: table.update_item(
        Key=key, UpdateExpression=expression, ReturnValues="ALL_NEW",
        **({"ExpressionAttributeValues": values} if values else {}),
        **({"ExpressionAttributeNames": names} if names else {}), **more)["Attributes"]
    assert update("SET a = :a, l = :l", {":a": 1, ":l": [1, 2, 3]}) == {**key, "a": 1, "l": [1, 2, 3]}
    assert update("SET a = a + :one, b = a, m = :m REMOVE l[0]", {":one": 1, ":m": {"x": 1}})["b"] == 1
    assert update("SET m.#y = if_not_exists(m.#y, :v), l = list_append(l, :l)", {":v": 7, ":l": [4]}, {"#y": "y"})["l"] == [2, 3, 4]
    assert update("ADD a :n, tags :s", {":n": 5, ":s": {"p", "q"}})["a"] == 7
    assert update("DELETE tags :s", {":s": {"p"}})["tags"] == {"q"}
    old = table.update_item(Key=key, UpdateExpression="SET a = :v", ExpressionAttributeValues={":v": 0}, ReturnValues="UPDATED_OLD")
    assert old["Attributes"] == {"a": 7}
    reply = refused(table.update_item, Key=key, UpdateExpression="SET a = :v", ConditionExpression="a > :v",
                    ExpressionAttributeValues={":v": 3})
    assert reply == "ConditionalCheckFailedException: The conditional request failed"


def test_capacity(table):
    item = {"customer": "c", "number": 1, "pad": "x" * 5000}
    wrote = table.put_item(Item=item, ReturnConsumedCapacity="TOTAL")["ConsumedCapacity"]
    assert wrote["CapacityUnits"] == 5
    read = table.get_item(Key={"customer": "c", "number": 1}, ReturnConsumedCapacity="TOTAL")["ConsumedCapacity"]
    assert read["CapacityUnits"] == 1
    read = table.get_item(Key={"customer": "c", "number": 1}, ConsistentRead=True, ReturnConsumedCapacity="TOTAL")
    assert read["ConsumedCapacity"]["CapacityUnits"] == 2


def test_batches(table, dynamodb):
    fill(table)
    keys = [{"customer": {"S": f"c{n % 3}"}, "number": {"N": str(n)}} for n in range(40)]
    found = dynamodb.batch_get_item(RequestItems={table.name: {"Keys": keys}})
    assert len(found["Responses"][table.name]) == 30 and found["UnprocessedKeys"] == {}
    reply = refused(dynamodb.batch_get_item, RequestItems={table.name: {"Keys": [keys[0], keys[0]]}})
    assert reply == "ValidationException: Provided list of item keys contains duplicates"


def test_the_stream_in_order(server, table, dynamodb):
    table.put_item(Item={"customer": "c", "number": 1, "v": 1})
    table.put_item(Item={"customer": "c", "number": 1, "v": 1})  # nothing changes: no record
    table.put_item(Item={"customer": "c", "number": 1, "v": 2})
    table.delete_item(Key={"customer": "c", "number": 1})
    streams = server.client("dynamodbstreams")
    arn = table.latest_stream_arn
    assert [s["StreamArn"] for s in streams.list_streams(TableName=table.name)["Streams"]] == [arn]
    described = streams.describe_stream(StreamArn=arn)["StreamDescription"]
    records = []
    for shard in described["Shards"]:
        iterator = streams.get_shard_iterator(StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")
        records += streams.get_records(ShardIterator=iterator["ShardIterator"])["Records"]
    assert [r["eventName"] for r in records] == ["INSERT", "MODIFY", "REMOVE"]
    assert records[1]["dynamodb"]["OldImage"]["v"] == {"N": "1"} and records[1]["dynamodb"]["NewImage"]["v"] == {"N": "2"}
    assert "NewImage" not in records[2]["dynamodb"]
    numbers = [int(r["dynamodb"]["SequenceNumber"]) for r in records]
    assert numbers == sorted(numbers)


def test_tables(dynamodb):
    name = f"t-{uuid.uuid4().hex[:8]}"
    shape = dict(TableName=name, AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
                 KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}], BillingMode="PAY_PER_REQUEST")
    made = dynamodb.create_table(**shape)["TableDescription"]
    assert made["TableStatus"] in ("CREATING", "ACTIVE")
    assert made["TableArn"] == f"arn:aws:dynamodb:us-east-1:000000000000:table/{name}"
    assert refused(dynamodb.create_table, **shape) == f"ResourceInUseException: Table already exists: {name}"
    assert name in dynamodb.list_tables()["TableNames"]
    on = dynamodb.update_table(TableName=name, StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"})
    assert on["TableDescription"]["LatestStreamArn"]
    dynamodb.update_table(TableName=name, StreamSpecification={"StreamEnabled": False})
    dynamodb.delete_table(TableName=name)
    assert refused(dynamodb.describe_table, TableName=name) == (
        f"ResourceNotFoundException: Requested resource not found: Table: {name} not found")
    assert refused(dynamodb.get_item, TableName=name, Key={"id": {"S": "x"}}) == (
        "ResourceNotFoundException: Requested resource not found")


V = "ValidationException: "
W = "1 validation error detected: "
REFUSALS = [
    ("put_item", {"Item": {"number": 1}},
     V + "One or more parameter values were invalid: Missing the key customer in the item"),
    ("put_item", {"Item": {"customer": 1, "number": 1}},
     V + "One or more parameter values were invalid: Type mismatch for key customer expected: S actual: N"),
    ("put_item", {"Item": {"customer": "", "number": 1}},
     V + "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: customer"),
    ("get_item", {"Key": {"customer": "c"}}, V + "The provided key element does not match the schema"),
    ("put_item", {"Item": {"customer": "c", "number": 1}, "ConditionExpression": "INVALID SYNTAX"},
     V + W + 'Invalid ConditionExpression: Syntax error; token: "SYNTAX", near: "INVALID SYNTAX"'),
    ("put_item", {"Item": {"customer": "c", "number": 1}, "ConditionExpression": "status = :v", "ExpressionAttributeValues": {":v": 1}},
     V + W + "Invalid ConditionExpression: Attribute name is a reserved keyword; reserved keyword: status"),
    ("update_item", {"Key": {"customer": "c", "number": 1}, "UpdateExpression": "SET a = :v"},
     V + W + "Invalid UpdateExpression: An expression attribute value used in expression is not defined; attribute value: :v"),
    ("update_item", {"Key": {"customer": "c", "number": 1}, "UpdateExpression": "SET customer = :v", "ExpressionAttributeValues": {":v": "x"}},
     V + "One or more parameter values were invalid: Cannot update attribute customer. This attribute is part of the key"),
    ("update_item", {"Key": {"customer": "c", "number": 1}, "UpdateExpression": ""},
     V + W + "Invalid UpdateExpression: The expression can not be empty;"),
    ("query", {"KeyConditionExpression": "nothing = :v", "ExpressionAttributeValues": {":v": "x"}},
     V + "Query condition missed key schema element: customer"),
    ("put_item", {"Item": {"customer": "c", "number": 1}, "ConditionExpression": "(" * 2000 + "a = :v" + ")" * 2000, "ExpressionAttributeValues": {":v": 1}},
     None),
    ("put_item", {"Item": {"customer": "c", "number": 1, "big": "x" * 409_600}}, V + "Item size has exceeded the maximum allowed size"),
]


@pytest.mark.parametrize("call,arguments,expected", REFUSALS, ids=[str(n) for n in range(len(REFUSALS))])
def test_refusals(table, call, arguments, expected):
    reply = refused(getattr(table, call), **arguments)
    assert reply.startswith(V) if expected is None else reply == expected


def test_accounts_and_regions_do_not_see_each_other(server):
    def client(key, region):
        return boto3.client("dynamodb", endpoint_url=server.url, region_name=region, aws_access_key_id=key, aws_secret_access_key="x")

    ours = client("111122223333", "eu-west-1")
    made = ours.create_table(TableName="apart", BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
                             AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}])
    assert made["TableDescription"]["TableArn"] == "arn:aws:dynamodb:eu-west-1:111122223333:table/apart"
    for other in (client("test", "eu-west-1"), client("111122223333", "us-east-1")):
        assert "apart" not in other.list_tables()["TableNames"]
    ours.delete_table(TableName="apart")


def test_validation_words(dynamodb):
    short = refused(dynamodb.create_table, TableName="ab", BillingMode="PAY_PER_REQUEST",
                    KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
                    AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}])
    assert short == V + (W + "Value 'ab' at 'tableName' failed to satisfy constraint: "
                         "Member must have length greater than or equal to 3")
