"""Random operations, a kill in the middle of them, a restart: tables, indexes and streams say the same, and nothing acknowledged is missing."""

import random
import threading
import time

import botocore.exceptions
import pytest

TABLE = "recovery"
KEYS = ("p", "s")


def make(client):
    element = lambda name, kind: {"AttributeName": name, "KeyType": kind}  # noqa: E731
    made = client.create_table(
        TableName=TABLE, BillingMode="PAY_PER_REQUEST", KeySchema=[element("p", "HASH"), element("s", "RANGE")],
        AttributeDefinitions=[{"AttributeName": each, "AttributeType": "S"} for each in ("p", "s", "g", "l")],
        LocalSecondaryIndexes=[{"IndexName": "local", "KeySchema": [element("p", "HASH"), element("l", "RANGE")], "Projection": {"ProjectionType": "ALL"}}],
        GlobalSecondaryIndexes=[{"IndexName": "global", "KeySchema": [element("g", "HASH"), element("s", "RANGE")], "Projection": {"ProjectionType": "ALL"}}],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"})
    return made["TableDescription"]["LatestStreamArn"]


def place(item):
    return tuple(item[key]["S"] for key in KEYS)


def changed(model, change):
    """The model after a change, which is a list of (key, item or nothing)."""
    after = dict(model)
    for key, item in change:
        after.pop(key, None)
        if item is not None:
            after[key] = item
    return after


def step(chance, model, client):
    """A random operation: what it changes, and the call."""
    def fresh():
        item = {"p": {"S": str(chance.randrange(4))}, "s": {"S": str(chance.randrange(6))}, "v": {"N": str(chance.randrange(1000))}}
        for name in ("g", "l"):
            if chance.random() < 0.6:
                item[name] = {"S": str(chance.randrange(3))}
        return item

    kind, item = chance.choice(["put", "update", "delete", "transact", "batch", "statement"]), fresh()
    key = {name: item[name] for name in KEYS}
    if kind == "put":
        return [(place(item), item)], lambda: client.put_item(TableName=TABLE, Item=item)
    if kind == "update":
        after = {**model.get(place(item), key), "g": {"S": str(chance.randrange(3))}}
        after.pop("l", None)
        return [(place(item), after)], lambda: client.update_item(
            TableName=TABLE, Key=key, UpdateExpression="SET g = :g REMOVE l", ExpressionAttributeValues={":g": after["g"]})
    if kind == "delete":
        return [(place(item), None)], lambda: client.delete_item(TableName=TABLE, Key=key)
    if kind == "statement":
        return [(place(item), None)], lambda: client.execute_statement(
            Statement=f"DELETE FROM {TABLE} WHERE p = ? AND s = ?", Parameters=[item["p"], item["s"]])
    others = {place(each): each for each in (fresh() for _ in range(3)) if place(each) != place(item)}
    change = [(place(item), None), *others.items()]
    if kind == "transact":
        actions = [{"Put": {"TableName": TABLE, "Item": each}} for each in others.values()]
        return change, lambda: client.transact_write_items(TransactItems=[{"Delete": {"TableName": TABLE, "Key": key}}, *actions])
    requests = [{"PutRequest": {"Item": each}} for each in others.values()]
    return change, lambda: client.batch_write_item(RequestItems={TABLE: [{"DeleteRequest": {"Key": key}}, *requests]})


def scanned(client, **index):
    items = client.scan(TableName=TABLE, ConsistentRead=not index.get("IndexName") == "global", **index)["Items"]
    found = {place(item): item for item in items}
    assert len(found) == len(items)
    return found


def replayed(streams, arn):
    """What the stream says that the table holds."""
    found = {}
    for shard in streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]:
        iterator = streams.get_shard_iterator(StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
        while iterator:
            page = streams.get_records(ShardIterator=iterator)
            for record in page["Records"]:
                key = place(record["dynamodb"]["Keys"])
                found.pop(key, None)
                if record["eventName"] != "REMOVE":
                    found[key] = record["dynamodb"]["NewImage"]
            iterator = page.get("NextShardIterator") if page["Records"] else None
    return found


@pytest.mark.parametrize("seed", range(3))
def test_a_kill_between_random_operations_loses_nothing(fresh, seed):
    chance = random.Random(seed)
    fresh.start()
    client = fresh.client("dynamodb")
    arn = make(client)
    model, possible = {}, []
    for _ in range(2):
        kill_after, killer = chance.randrange(20, 400), threading.Timer(chance.uniform(0, 0.02), fresh.kill)
        done, until = 0, time.monotonic() + 300
        while time.monotonic() < until:
            if done == kill_after:
                killer.start()
            change, call = step(chance, model, client)
            after = changed(model, change)
            try:
                call()
            except botocore.exceptions.ClientError:
                raise
            except botocore.exceptions.BotoCoreError:
                # Not acknowledged: done wholly, or not at all.
                possible = [model, after]
                break
            model, done = after, done + 1
        killer.join()
        assert possible, "the kill came in the middle"
        fresh.start()
        client = fresh.client("dynamodb")
        found = scanned(client)
        assert found in possible
        model, possible = found, []
        for index, name in (("global", "g"), ("local", "l")):
            assert scanned(client, IndexName=index) == {key: item for key, item in found.items() if name in item}, index
        assert replayed(fresh.client("dynamodbstreams"), arn) == found
