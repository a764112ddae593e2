"""Transactions through boto3: all or nothing, reasons, tokens over kill -9, capacity, and many callers at once."""

import threading
import uuid

import boto3
import pytest
from botocore.exceptions import ClientError


@pytest.fixture
def client(server):
    return boto3.client(
        "dynamodb", endpoint_url=server.url, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test")


@pytest.fixture
def name(client):
    name = f"accounts-{uuid.uuid4().hex[:8]}"
    client.create_table(
        TableName=name, BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}])
    client.get_waiter("table_exists").wait(TableName=name)
    yield name
    client.delete_table(TableName=name)


def put(name, pk, **more):
    return {"Put": {"TableName": name, "Item": {"pk": {"S": pk}}, **more}}


def add(name, pk, amount, least=0):
    return {"Update": {
        "TableName": name, "Key": {"pk": {"S": pk}}, "UpdateExpression": "SET n = n + :amount",
        "ConditionExpression": "n >= :least",
        "ExpressionAttributeValues": {":amount": {"N": str(amount)}, ":least": {"N": str(least)}}}}


def get(name, pk):
    return {"Get": {"TableName": name, "Key": {"pk": {"S": pk}}}}


def test_reasons_are_in_the_order_of_the_actions(client, name):
    client.put_item(TableName=name, Item={"pk": {"S": "old"}, "v": {"N": "1"}})
    with pytest.raises(client.exceptions.TransactionCanceledException) as refusal:
        client.transact_write_items(TransactItems=[
            put(name, "new"),
            put(name, "old", ConditionExpression="attribute_not_exists(pk)", ReturnValuesOnConditionCheckFailure="ALL_OLD"),
            {"ConditionCheck": {"TableName": name, "Key": {"pk": {"S": "none"}}, "ConditionExpression": "attribute_exists(pk)"}},
        ])
    reply = refusal.value.response
    assert reply["Error"]["Message"] == (
        "Transaction cancelled, please refer cancellation reasons for specific reasons "
        "[None, ConditionalCheckFailed, ConditionalCheckFailed]")
    message = "The conditional request failed"
    assert reply["CancellationReasons"] == [
        {"Code": "None"},
        {"Code": "ConditionalCheckFailed", "Message": message, "Item": {"pk": {"S": "old"}, "v": {"N": "1"}}},
        {"Code": "ConditionalCheckFailed", "Message": message}]
    found = client.transact_get_items(TransactItems=[get(name, "new"), get(name, "old")])
    assert found["Responses"] == [{}, {"Item": {"pk": {"S": "old"}, "v": {"N": "1"}}}]


def test_two_actions_on_one_item_are_refused(client, name):
    with pytest.raises(ClientError) as refusal:
        client.transact_write_items(TransactItems=[put(name, "a"), put(name, "a")])
    assert refusal.value.response["Error"] == {
        "Code": "ValidationException",
        "Message": "Transaction request cannot include multiple operations on one item"}


def test_capacity_is_doubled_and_a_replay_costs_reads(client, name):
    request = {"TransactItems": [put(name, "a"), put(name, "b")], "ClientRequestToken": uuid.uuid4().hex,
               "ReturnConsumedCapacity": "TOTAL"}
    first, again = client.transact_write_items(**request), client.transact_write_items(**request)
    assert first["ConsumedCapacity"] == [{"TableName": name, "CapacityUnits": 4.0, "WriteCapacityUnits": 4.0}]
    assert again["ConsumedCapacity"] == [{"TableName": name, "CapacityUnits": 4.0, "ReadCapacityUnits": 4.0}]
    with pytest.raises(client.exceptions.IdempotentParameterMismatchException):
        client.transact_write_items(**{**request, "TransactItems": [put(name, "c")]})
    read = client.transact_get_items(TransactItems=[get(name, "a"), get(name, "none")], ReturnConsumedCapacity="TOTAL")
    assert read["ConsumedCapacity"] == [{"TableName": name, "CapacityUnits": 4.0, "ReadCapacityUnits": 4.0}]


def test_money_is_neither_made_nor_lost(client, name):
    accounts = [str(n) for n in range(4)]
    for account in accounts:
        client.put_item(TableName=name, Item={"pk": {"S": account}, "n": {"N": "100"}})
    failures = []

    def total():
        found = client.transact_get_items(TransactItems=[get(name, account) for account in accounts])
        return sum(int(one["Item"]["n"]["N"]) for one in found["Responses"])

    def transfer(worker):
        for n in range(25):
            amount, source = 7 * (worker + n) % 40 + 1, (worker + n) % 4
            try:
                client.transact_write_items(TransactItems=[
                    add(name, accounts[source], -amount, least=amount), add(name, accounts[(source + 1) % 4], amount)])
            except client.exceptions.TransactionCanceledException as refusal:
                if "ConditionalCheckFailed" not in str(refusal):
                    failures.append(refusal)
            if total() != 400:
                failures.append("a read saw half a transfer")

    workers = [threading.Thread(target=transfer, args=[worker]) for worker in range(4)]
    [worker.start() for worker in workers]
    [worker.join() for worker in workers]
    assert not failures and total() == 400
