"""Backups and point-in-time recovery, driven by unmodified boto3."""

import datetime
import time

import botocore.exceptions
import pytest

from support import eventually, refused

ELEMENT = lambda name, kind: {"AttributeName": name, "KeyType": kind}  # noqa: E731


@pytest.fixture
def client(platform):
    return platform.client("dynamodb")


@pytest.fixture
def table(client, name):
    client.create_table(
        TableName=name, BillingMode="PAY_PER_REQUEST", KeySchema=[ELEMENT("p", "HASH"), ELEMENT("s", "RANGE")],
        AttributeDefinitions=[{"AttributeName": each, "AttributeType": "S"} for each in ("p", "s", "g", "l")],
        LocalSecondaryIndexes=[{"IndexName": "local", "KeySchema": [ELEMENT("p", "HASH"), ELEMENT("l", "RANGE")], "Projection": {"ProjectionType": "ALL"}}],
        GlobalSecondaryIndexes=[{"IndexName": "global", "KeySchema": [ELEMENT("g", "HASH")], "Projection": {"ProjectionType": "KEYS_ONLY"}}])
    yield name
    delete(client, name)


def delete(client, name):
    client.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": False})
    client.delete_table(TableName=name)


def fill(client, table, numbers, **more):
    for n in numbers:
        client.put_item(TableName=table, Item={"p": {"S": str(n % 3)}, "s": {"S": f"{n:04}"}, "g": {"S": "G"}, "l": {"S": str(n % 5)}, **more})


def items(client, table, **index):
    pages = client.get_paginator("scan").paginate(TableName=table, **index)
    return sorted((item for page in pages for item in page["Items"]), key=lambda item: (item["p"]["S"], item["s"]["S"]))


def active(client, table):
    eventually(lambda: client.describe_table(TableName=table)["Table"]["TableStatus"] == "ACTIVE")
    return client.describe_table(TableName=table)["Table"]


def test_a_backup_is_made_described_listed_restored_and_deleted(client, table):
    fill(client, table, range(60))
    before = items(client, table)
    arn = client.create_backup(TableName=table, BackupName="first")["BackupDetails"]["BackupArn"]
    fill(client, table, range(50, 90), changed={"BOOL": True})
    client.delete_item(TableName=table, Key={"p": {"S": "0"}, "s": {"S": "0000"}})
    details = lambda: client.describe_backup(BackupArn=arn)["BackupDescription"]  # noqa: E731
    eventually(lambda: details()["BackupDetails"]["BackupStatus"] == "AVAILABLE")
    assert details()["SourceTableDetails"]["ItemCount"] == 60 and details()["BackupDetails"]["BackupType"] == "USER"
    listed = client.list_backups(TableName=table)["BackupSummaries"]
    assert [each["BackupArn"] for each in listed] == [arn] and listed[0]["BackupName"] == "first"
    assert client.list_backups(TableName=table, TimeRangeLowerBound=datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1))["BackupSummaries"] == []
    restored = table + "-r"
    client.restore_table_from_backup(TargetTableName=restored, BackupArn=arn, GlobalSecondaryIndexOverride=[])
    described = active(client, restored)
    assert described["RestoreSummary"]["SourceBackupArn"] == arn and not described["RestoreSummary"]["RestoreInProgress"]
    assert "GlobalSecondaryIndexes" not in described and described["ItemCount"] == 60
    assert items(client, restored) == before == items(client, restored, IndexName="local")
    refused(client.restore_table_from_backup, "TableAlreadyExistsException", TargetTableName=restored, BackupArn=arn)
    assert client.delete_backup(BackupArn=arn)["BackupDescription"]["BackupDetails"]["BackupStatus"] == "DELETED"
    for call in (client.describe_backup, client.delete_backup):
        refused(call, "BackupNotFoundException", BackupArn=arn)
    assert items(client, restored) == before, "the table is its own"
    client.delete_table(TableName=restored)


def test_any_second_of_the_past_is_restored(client, table):
    fill(client, table, range(10))
    specification = {"PointInTimeRecoveryEnabled": True, "RecoveryPeriodInDays": 7}
    client.update_continuous_backups(TableName=table, PointInTimeRecoverySpecification=specification)
    moments = []
    for step in range(3):
        fill(client, table, range(step * 5, step * 5 + 10), step={"N": str(step)})
        client.delete_item(TableName=table, Key={"p": {"S": str(step)}, "s": {"S": f"{step:04}"}})
        time.sleep(1.1)
        moments.append((datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0), items(client, table)))
        time.sleep(1.1)
    window = client.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
    assert window["PointInTimeRecoveryStatus"] == "ENABLED" and window["RecoveryPeriodInDays"] == 7
    assert window["EarliestRestorableDateTime"] <= moments[0][0] <= window["LatestRestorableDateTime"]
    for number, (moment, expected) in enumerate(moments):
        name = f"{table}-{number}"
        client.restore_table_to_point_in_time(SourceTableName=table, TargetTableName=name, RestoreDateTime=moment)
        assert active(client, name)["RestoreSummary"]["RestoreDateTime"] == moment
        assert items(client, name) == expected
        assert len(items(client, name, IndexName="global")) == len(expected)
        client.delete_table(TableName=name)
    refused(client.restore_table_to_point_in_time, "InvalidRestoreTimeException", SourceTableName=table, TargetTableName=table + "-x",
            RestoreDateTime=moments[0][0] - datetime.timedelta(days=1))
    latest = table + "-latest"
    client.restore_table_to_point_in_time(SourceTableName=table, TargetTableName=latest, UseLatestRestorableTime=True,
                                          BillingModeOverride="PROVISIONED", ProvisionedThroughputOverride={"ReadCapacityUnits": 9, "WriteCapacityUnits": 9},
                                          GlobalSecondaryIndexOverride=[], LocalSecondaryIndexOverride=[])
    assert active(client, latest)["ProvisionedThroughput"]["ReadCapacityUnits"] == 9
    assert items(client, latest) == items(client, table)
    client.delete_table(TableName=latest)


def test_the_backup_of_a_deleted_table_brings_it_back(client, name):
    client.create_table(TableName=name, BillingMode="PAY_PER_REQUEST", KeySchema=[ELEMENT("p", "HASH")],
                        AttributeDefinitions=[{"AttributeName": "p", "AttributeType": "S"}])
    client.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True})
    client.put_item(TableName=name, Item={"p": {"S": "kept"}})
    client.delete_table(TableName=name)
    backup = client.list_backups(TableName=name, BackupType="SYSTEM")["BackupSummaries"][0]
    assert backup["BackupName"] == f"{name}$DeletedTableBackup"
    assert 34 < (backup["BackupExpiryDateTime"] - backup["BackupCreationDateTime"]).days <= 35
    refused(client.delete_backup, "ValidationException", BackupArn=backup["BackupArn"])
    client.restore_table_from_backup(TargetTableName=name, BackupArn=backup["BackupArn"])
    active(client, name)
    assert client.scan(TableName=name)["Items"] == [{"p": {"S": "kept"}}]
    client.delete_table(TableName=name)


def test_a_restore_needs_leave_for_what_it_reads_and_what_it_makes(platform, client, table, name):
    fill(client, table, range(3))
    arn = client.create_backup(TableName=table, BackupName="one")["BackupDetails"]["BackupArn"]
    eventually(lambda: client.describe_backup(BackupArn=arn)["BackupDescription"]["BackupDetails"]["BackupStatus"] == "AVAILABLE")
    mine = "arn:aws:dynamodb:us-east-1:000000000000:table/" + table
    allow = lambda actions, resource: {"Effect": "Allow", "Action": actions, "Resource": resource}  # noqa: E731
    half = platform.client("dynamodb", *platform.user(name + "-h", allow(["dynamodb:RestoreTableFromBackup"], "*")))
    refused(half.restore_table_from_backup, "AccessDeniedException", TargetTableName=table + "-x", BackupArn=arn)
    whole = platform.client("dynamodb", *platform.user(name + "-w", allow(
        ["dynamodb:RestoreTableFromBackup", "dynamodb:BatchWriteItem", "dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query",
         "dynamodb:Scan", "dynamodb:UpdateItem"], [arn, mine + "-x"])))
    refused(whole.restore_table_from_backup, "AccessDeniedException", TargetTableName=table + "-y", BackupArn=arn)
    refused(whole.restore_table_from_backup, "AccessDeniedException", TargetTableName=table + "-x", BackupArn=arn[:-8] + "00000000")
    for call in (whole.describe_backup, whole.delete_backup):
        refused(call, "AccessDeniedException", BackupArn=arn)
    whole.restore_table_from_backup(TargetTableName=table + "-x", BackupArn=arn)
    active(client, table + "-x")
    client.delete_table(TableName=table + "-x")
    client.delete_backup(BackupArn=arn)


def test_a_table_is_switched_to_on_demand_four_times_a_day(client, name):
    units = {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5}
    client.create_table(TableName=name, ProvisionedThroughput=units, KeySchema=[ELEMENT("p", "HASH")],
                        AttributeDefinitions=[{"AttributeName": "p", "AttributeType": "S"}])
    for _ in range(4):
        client.update_table(TableName=name, BillingMode="PAY_PER_REQUEST")
        client.update_table(TableName=name, BillingMode="PROVISIONED", ProvisionedThroughput=units)
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        client.update_table(TableName=name, BillingMode="PAY_PER_REQUEST")
    assert caught.value.response["Error"]["Code"] == "LimitExceededException"
    for lower in (4, 3, 2, 1):
        client.update_table(TableName=name, ProvisionedThroughput={"ReadCapacityUnits": lower, "WriteCapacityUnits": 5})
    refused(client.update_table, "LimitExceededException", TableName=name, ProvisionedThroughput={"ReadCapacityUnits": 1, "WriteCapacityUnits": 1})
    client.update_table(TableName=name, ProvisionedThroughput={"ReadCapacityUnits": 8, "WriteCapacityUnits": 5})
    described = client.describe_table(TableName=name)["Table"]["ProvisionedThroughput"]
    assert described["NumberOfDecreasesToday"] == 4 and described["LastIncreaseDateTime"] >= described["LastDecreaseDateTime"]
    client.delete_table(TableName=name)
