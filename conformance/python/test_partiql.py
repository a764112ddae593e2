"""PartiQL through boto3: statements with parameters, pages by NextToken, batches, transactions, and AWS's refusals."""

import uuid

import boto3
import pytest
from botocore.exceptions import ClientError


@pytest.fixture
def client(server):
    return boto3.client(
        "dynamodb", endpoint_url=server.url, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test")


@pytest.fixture
def music(client):
    """Songs of three artists, with an index by award."""
    name = f"music-{uuid.uuid4().hex[:8]}"
    client.create_table(
        TableName=name, BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": n, "AttributeType": t} for n, t in [("artist", "S"), ("song", "N"), ("award", "S")]],
        KeySchema=[{"AttributeName": "artist", "KeyType": "HASH"}, {"AttributeName": "song", "KeyType": "RANGE"}],
        GlobalSecondaryIndexes=[{
            "IndexName": "by-award", "Projection": {"ProjectionType": "ALL"},
            "KeySchema": [{"AttributeName": "award", "KeyType": "HASH"}]}])
    client.get_waiter("table_exists").wait(TableName=name)
    for start in range(0, 30, 25):
        client.batch_execute_statement(Statements=[
            {"Statement": f"INSERT INTO \"{name}\" VALUE {{'artist': ?, 'song': ?, 'award': ?, 'detail': {{'plays': 0, 'tags': ['x']}}}}",
             "Parameters": [{"S": f"artist{n % 3}"}, {"N": str(n)}, {"S": "gold" if n % 2 else "none"}]}
            for n in range(start, min(start + 25, 30))])
    yield name
    client.delete_table(TableName=name)


def refused(call, **arguments):
    with pytest.raises(ClientError) as refusal:
        call(**arguments)
    error = refusal.value.response["Error"]
    return f"{error['Code']}: {error['Message']}"


def songs(answer):
    return [int(item["song"]["N"]) for item in answer["Items"]]


def test_reads_with_parameters(client, music):
    run = client.execute_statement
    answer = run(Statement=f'SELECT song FROM "{music}" WHERE artist = ? AND song BETWEEN ? AND ?',
                 Parameters=[{"S": "artist1"}, {"N": "4"}, {"N": "12"}])
    assert songs(answer) == [4, 7, 10]
    answer = run(Statement=f'SELECT song FROM "{music}"."by-award" WHERE award = ? AND artist <> ?',
                 Parameters=[{"S": "gold"}, {"S": "artist0"}], ReturnConsumedCapacity="INDEXES")
    assert sorted(songs(answer)) == [n for n in range(30) if n % 2 and n % 3]
    assert answer["ConsumedCapacity"]["GlobalSecondaryIndexes"]["by-award"]["CapacityUnits"] > 0
    answer = run(Statement=f'SELECT detail.plays, detail.tags[0] FROM "{music}" WHERE artist = ? AND song = ?',
                 Parameters=[{"S": "artist0"}, {"N": "3"}])
    assert answer["Items"] == [{"plays": {"N": "0"}, "tags[0]": {"S": "x"}}]


def test_pages_by_next_token(client, music):
    request = {"Statement": f"SELECT song FROM \"{music}\" WHERE artist IN ['artist0', 'artist2'] ORDER BY artist DESC, song ASC", "Limit": 3}
    seen = []
    while True:
        page = client.execute_statement(**request)
        assert len(page["Items"]) <= 3
        seen += songs(page)
        if "NextToken" not in page:
            break
        request["NextToken"] = page["NextToken"]
    assert seen == [n for n in range(30) if n % 3 == 2] + [n for n in range(30) if n % 3 == 0]
    page = client.execute_statement(Statement=f'SELECT * FROM "{music}"', Limit=1)
    assert refused(client.execute_statement, Statement=f'SELECT song FROM "{music}"', NextToken=page["NextToken"]) == \
        "ValidationException: NextToken does not match request"


def test_writes(client, music):
    run = client.execute_statement
    where = "WHERE artist = 'artist0' AND song = 0"
    answer = run(Statement=f'UPDATE "{music}" SET detail.plays = detail.plays + ?, fans = set_add(fans, ?) {where} RETURNING MODIFIED NEW *',
                 Parameters=[{"N": "5"}, {"SS": ["ann"]}])
    assert answer["Items"] == [{"detail": {"M": {"plays": {"N": "5"}}}, "fans": {"SS": ["ann"]}}]
    assert run(Statement=f'UPDATE "{music}" REMOVE detail, fans {where} AND award = ? RETURNING ALL NEW *',
               Parameters=[{"S": "none"}])["Items"] == [{"artist": {"S": "artist0"}, "song": {"N": "0"}, "award": {"S": "none"}}]
    with pytest.raises(client.exceptions.ConditionalCheckFailedException) as failed:
        run(Statement=f"DELETE FROM \"{music}\" {where} AND award = 'gold'", ReturnValuesOnConditionCheckFailure="ALL_OLD")
    assert failed.value.response["Item"]["award"] == {"S": "none"}
    with pytest.raises(client.exceptions.DuplicateItemException):
        run(Statement=f"INSERT INTO \"{music}\" VALUE {{'artist': 'artist0', 'song': 0}}")
    assert len(run(Statement=f'DELETE FROM "{music}" {where} RETURNING ALL OLD *')["Items"]) == 1
    assert run(Statement=f'SELECT * FROM "{music}" {where}')["Items"] == []
    assert refused(run, Statement=f"DELETE FROM \"{music}\" WHERE artist = 'artist0'") == \
        "ValidationException: Where clause does not contain a mandatory equality on all key attributes"
    assert refused(run, Statement=f'SELEC * FROM "{music}"') == \
        "ValidationException: Statement wasn't well formed, can't be processed: Expected data manipulation"


def test_batches(client, music):
    found = client.batch_execute_statement(Statements=[
        {"Statement": f'SELECT award FROM "{music}" WHERE artist = ? AND song = ?', "Parameters": [{"S": "artist1"}, {"N": "1"}]},
        {"Statement": f"SELECT * FROM \"{music}\" WHERE artist = 'artist1'"},
        {"Statement": "SELECT * FROM \"no-such-table\" WHERE artist = 'a' AND song = 1"}])["Responses"]
    assert found[0] == {"TableName": music, "Item": {"award": {"S": "gold"}}}
    assert [answer["Error"]["Code"] for answer in found[1:]] == ["ValidationError", "ResourceNotFound"]


def test_transactions(client, music):
    key = "WHERE artist = 'artist1' AND song = 1"
    update = {"Statement": f'UPDATE "{music}" SET detail.plays = detail.plays + 1 {key}'}
    exists = {"Statement": f"EXISTS(SELECT * FROM \"{music}\" WHERE artist = 'artist2' AND song = 2 AND fans IS MISSING)"}
    for _ in range(2):
        client.execute_transaction(TransactStatements=[exists, update], ClientRequestToken="once-only-" + music)
    read = {"Statement": f'SELECT detail.plays FROM "{music}" {key}'}
    assert client.execute_transaction(TransactStatements=[read])["Responses"] == [{"Item": {"plays": {"N": "1"}}}]
    insert = {"Statement": f"INSERT INTO \"{music}\" VALUE {{'artist': 'artist2', 'song': 2}}"}
    with pytest.raises(client.exceptions.TransactionCanceledException) as cancelled:
        client.execute_transaction(TransactStatements=[update, insert])
    assert [reason["Code"] for reason in cancelled.value.response["CancellationReasons"]] == ["None", "DuplicateItem"]
    assert client.execute_transaction(TransactStatements=[read])["Responses"] == [{"Item": {"plays": {"N": "1"}}}]
