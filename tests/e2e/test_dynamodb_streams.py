"""Streams of DynamoDB, driven by unmodified boto3."""

import pytest

from support import eventually, refused


@pytest.fixture
def stream(platform, name):
    client = platform.client("dynamodb")
    made = client.create_table(
        TableName=name, BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"})["TableDescription"]
    yield made["LatestStreamArn"]
    client.delete_table(TableName=name)


def read(client, arn, kind="TRIM_HORIZON", **place):
    shard = client.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
    iterator = client.get_shard_iterator(StreamArn=arn, ShardId=shard, ShardIteratorType=kind, **place)["ShardIterator"]
    return client.get_records(ShardIterator=iterator)


def test_what_happens_to_items_is_read_in_order(platform, name, stream):
    client, streams = platform.client("dynamodb"), platform.client("dynamodbstreams")
    described = streams.describe_stream(StreamArn=stream)["StreamDescription"]
    assert (described["StreamStatus"], described["TableName"], described["StreamViewType"]) == ("ENABLED", name, "NEW_AND_OLD_IMAGES")
    assert [each["StreamArn"] for each in streams.list_streams(TableName=name)["Streams"]] == [stream]
    client.put_item(TableName=name, Item={"id": {"S": "a"}, "v": {"N": "1"}})
    client.update_item(TableName=name, Key={"id": {"S": "a"}}, UpdateExpression="SET v = v + :one", ExpressionAttributeValues={":one": {"N": "1"}})
    client.transact_write_items(TransactItems=[{"Put": {"TableName": name, "Item": {"id": {"S": "b"}}}}, {"Delete": {"TableName": name, "Key": {"id": {"S": "a"}}}}])
    answer = read(streams, stream)
    assert [(each["eventName"], each["dynamodb"]["Keys"]["id"]["S"]) for each in answer["Records"]] == [
        ("INSERT", "a"), ("MODIFY", "a"), ("INSERT", "b"), ("REMOVE", "a")]
    changed = answer["Records"][1]["dynamodb"]
    assert (changed["OldImage"]["v"], changed["NewImage"]["v"]) == ({"N": "1"}, {"N": "2"})
    after = read(streams, stream, "AFTER_SEQUENCE_NUMBER", SequenceNumber=changed["SequenceNumber"])
    assert len(after["Records"]) == 2 and after["NextShardIterator"]
    assert read(streams, stream, "LATEST")["Records"] == []


def test_changes_survive_a_kill(fresh, name):
    fresh.start()
    client = fresh.client("dynamodb")
    arn = client.create_table(TableName=name, BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
                              AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
                              StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"})["TableDescription"]["LatestStreamArn"]
    for number in range(20):
        client.put_item(TableName=name, Item={"id": {"S": str(number)}})
    fresh.kill()
    fresh.start()
    client, streams = fresh.client("dynamodb"), fresh.client("dynamodbstreams")
    client.put_item(TableName=name, Item={"id": {"S": "20"}})
    numbers = [record["dynamodb"]["SequenceNumber"] for record in read(streams, arn)["Records"]]
    assert len(numbers) == 21 and numbers == sorted(numbers)


def test_a_stream_needs_its_own_leave(platform, name, stream):
    table = stream.split("/stream")[0]
    key = platform.user(f"s-{name}"[:60], {"Effect": "Allow", "Action": "dynamodb:*", "Resource": table})
    refused(platform.client("dynamodbstreams", *key).describe_stream, "AccessDeniedException", StreamArn=stream)
    key = platform.user(f"t-{name}"[:60], {"Effect": "Allow", "Action": "dynamodb:*", "Resource": f"{table}/stream/*"})
    assert read(platform.client("dynamodbstreams", *key), stream)["Records"] == []
    streams = platform.client("dynamodbstreams")
    refused(streams.get_records, "ValidationException", ShardIterator="none")
    platform.client("dynamodb").update_table(TableName=name, StreamSpecification={"StreamEnabled": False})
    eventually(lambda: streams.describe_stream(StreamArn=stream)["StreamDescription"]["StreamStatus"] == "DISABLED")
