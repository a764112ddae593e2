"""Backups, point-in-time recovery, export and import through boto3; the objects are in the server's data folder."""

import time
import uuid

import boto3
import pytest


@pytest.fixture
def client(server):
    return boto3.client(
        "dynamodb", endpoint_url=server.url, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test")


@pytest.fixture
def table(client):
    name = f"backup-{uuid.uuid4().hex[:8]}"
    made = client.create_table(
        TableName=name, KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}], BillingMode="PAY_PER_REQUEST")["TableDescription"]
    client.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True})
    for n in range(250):
        client.put_item(TableName=name, Item={"pk": {"S": str(n)}, "n": {"N": str(n)}})
    return made


def items(client, name):
    pages = client.get_paginator("scan").paginate(TableName=name)
    return {item["pk"]["S"]: item for page in pages for item in page["Items"]}


def until(ask, wanted):
    for _ in range(400):
        answer = ask()
        if answer in wanted:
            return answer
        time.sleep(0.05)
    raise AssertionError(answer)


def test_a_backup_and_a_point_in_time_are_restored(client, table):
    name = table["TableName"]
    before = items(client, name)
    arn = client.create_backup(TableName=name, BackupName="kept")["BackupDetails"]["BackupArn"]
    status = lambda: client.describe_backup(BackupArn=arn)["BackupDescription"]["BackupDetails"]["BackupStatus"]
    until(status, ["AVAILABLE"])
    client.put_item(TableName=name, Item={"pk": {"S": "later"}})
    client.restore_table_from_backup(TargetTableName=f"{name}-b", BackupArn=arn)
    client.restore_table_to_point_in_time(SourceTableName=name, TargetTableName=f"{name}-p", UseLatestRestorableTime=True)
    for copy in (f"{name}-b", f"{name}-p"):
        client.get_waiter("table_exists").wait(TableName=copy, WaiterConfig={"Delay": 1})
    assert items(client, f"{name}-b") == before
    assert items(client, f"{name}-p") == items(client, name)
    client.delete_backup(BackupArn=arn)


def test_an_export_is_imported_again(client, table):
    name, bucket = table["TableName"], f"bucket-{uuid.uuid4().hex[:8]}"
    made = client.export_table_to_point_in_time(TableArn=table["TableArn"], S3Bucket=bucket)["ExportDescription"]
    ask = lambda: client.describe_export(ExportArn=made["ExportArn"])["ExportDescription"]
    assert until(lambda: ask()["ExportStatus"], ["COMPLETED", "FAILED"]) == "COMPLETED"
    prefix = ask()["ExportManifest"].rsplit("/", 1)[0] + "/data/"
    done = client.import_table(
        S3BucketSource={"S3Bucket": bucket, "S3KeyPrefix": prefix}, InputFormat="DYNAMODB_JSON", InputCompressionType="GZIP",
        TableCreationParameters={
            "TableName": f"{name}-i", "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}], "BillingMode": "PAY_PER_REQUEST"})
    arn = done["ImportTableDescription"]["ImportArn"]
    ask = lambda: client.describe_import(ImportArn=arn)["ImportTableDescription"]
    assert until(lambda: ask()["ImportStatus"], ["COMPLETED", "FAILED"]) == "COMPLETED"
    assert items(client, f"{name}-i") == items(client, name)
