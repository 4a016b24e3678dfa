"""Kills while backups are made and tables restored: what was promised is there afterwards, as it was at its moment."""

import datetime
import random
import threading
import time

import botocore.exceptions
import pytest

from support import eventually

KEYS = {"KeySchema": [{"AttributeName": "p", "KeyType": "HASH"}, {"AttributeName": "s", "KeyType": "RANGE"}]}
DEFINITIONS = [{"AttributeName": each, "AttributeType": "S"} for each in ("p", "s", "g")]


def items(client, table, **index):
    pages = client.get_paginator("scan").paginate(TableName=table, **index)
    return {(item["p"]["S"], item["s"]["S"]): item for page in pages for item in page["Items"]}


def churn(client, chance, until):
    """Writes until the platform is gone."""
    while not until.is_set():
        key = {"p": {"S": str(chance.randrange(5))}, "s": {"S": str(chance.randrange(300))}}
        try:
            if chance.random() < 0.2:
                client.delete_item(TableName="source", Key=key)
            else:
                client.put_item(TableName="source", Item={**key, "g": {"S": str(chance.randrange(3))}, "v": {"N": str(chance.random())}})
        except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError):
            return


@pytest.mark.parametrize("seed", range(2))
def test_a_kill_while_copies_are_made_loses_none(fresh, seed):
    chance = random.Random(seed)
    fresh.start()
    client = fresh.client("dynamodb")
    client.create_table(TableName="source", BillingMode="PAY_PER_REQUEST", AttributeDefinitions=DEFINITIONS, **KEYS, GlobalSecondaryIndexes=[
        {"IndexName": "global", "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}], "Projection": {"ProjectionType": "ALL"}}])
    client.update_continuous_backups(TableName="source", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True})
    time.sleep(1.1)
    for start in range(0, 1200, 25):
        puts = [{"PutRequest": {"Item": {"p": {"S": str(n % 5)}, "s": {"S": str(n)}, "g": {"S": "g"}, "pad": {"S": "x" * 300}}}} for n in range(start, start + 25)]
        client.batch_write_item(RequestItems={"source": puts})
    time.sleep(1.1)
    moment, then = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0), items(client, "source")
    time.sleep(1.1)
    for n in range(40):
        client.delete_item(TableName="source", Key={"p": {"S": str(n % 5)}, "s": {"S": str(n)}})
    now = items(client, "source")
    stop = threading.Event()
    backup = client.create_backup(TableName="source", BackupName="one")["BackupDetails"]["BackupArn"]
    writer = threading.Thread(target=churn, args=(fresh.client("dynamodb"), chance, stop))
    writer.start()
    client.restore_table_to_point_in_time(SourceTableName="source", TargetTableName="past", RestoreDateTime=moment)
    for _ in range(3):
        time.sleep(chance.uniform(0, 0.15))
        fresh.kill()
        stop.set()
        writer.join()
        fresh.start()
        client = fresh.client("dynamodb")
    eventually(lambda: client.describe_backup(BackupArn=backup)["BackupDescription"]["BackupDetails"]["BackupStatus"] == "AVAILABLE")
    eventually(lambda: client.describe_table(TableName="past")["Table"]["TableStatus"] == "ACTIVE")
    client.restore_table_from_backup(TargetTableName="kept", BackupArn=backup)
    eventually(lambda: client.describe_table(TableName="kept")["Table"]["TableStatus"] == "ACTIVE")
    for table, expected in (("past", then), ("kept", now)):
        assert items(client, table) == expected, table
        assert items(client, table, IndexName="global") == expected, table
    # The past from before the kills is still there.
    client.restore_table_to_point_in_time(SourceTableName="source", TargetTableName="again", RestoreDateTime=moment)
    eventually(lambda: client.describe_table(TableName="again")["Table"]["TableStatus"] == "ACTIVE")
    assert items(client, "again") == then
    client.delete_table(TableName="source")
