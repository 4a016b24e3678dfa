"""Secondary indexes of DynamoDB, driven by unmodified boto3 (client and resource)."""

import boto3.dynamodb.conditions as conditions
import pytest

from support import eventually, refused


def element(name, kind):
    return {"AttributeName": name, "KeyType": kind}


@pytest.fixture
def table(platform, name):
    client = platform.client("dynamodb")
    client.create_table(
        TableName=name, BillingMode="PAY_PER_REQUEST", KeySchema=[element("customer", "HASH"), element("order", "RANGE")],
        AttributeDefinitions=[{"AttributeName": each, "AttributeType": "S"} for each in ("customer", "order", "status", "day")],
        LocalSecondaryIndexes=[{"IndexName": "by-day", "KeySchema": [element("customer", "HASH"), element("day", "RANGE")],
                                "Projection": {"ProjectionType": "KEYS_ONLY"}}],
        GlobalSecondaryIndexes=[{"IndexName": "by-status", "KeySchema": [element("status", "HASH"), element("day", "RANGE")],
                                 "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["total"]}}])
    client.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1})
    yield platform.resource("dynamodb").Table(name)
    client.delete_table(TableName=name)


def fill(table):
    with table.batch_writer() as batch:
        for number in range(40):
            item = {"customer": f"c{number % 4}", "order": f"{number:03}", "day": f"2026-01-{number % 28 + 1:02}", "total": number, "note": "n" * 50}
            if number % 2:
                item["status"] = "open"
            batch.put_item(Item=item)


def test_a_global_index_is_sparse_ordered_and_paged(table):
    fill(table)
    found, start = [], {}
    while True:
        page = table.query(IndexName="by-status", KeyConditionExpression=conditions.Key("status").eq("open"), Limit=7, **start)
        found += page["Items"]
        if "LastEvaluatedKey" not in page:
            break
        assert set(page["LastEvaluatedKey"]) == {"customer", "order", "status", "day"}
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
    assert len(found) == 20 and all(set(item) == {"customer", "order", "status", "day", "total"} for item in found)
    assert [item["day"] for item in found] == sorted(item["day"] for item in found)
    segments = [table.scan(IndexName="by-status", Segment=each, TotalSegments=3)["Count"] for each in range(3)]
    assert sum(segments) == 20
    table.update_item(Key={"customer": "c1", "order": "001"}, UpdateExpression="SET #s = :s", ExpressionAttributeNames={"#s": "status"},
                      ExpressionAttributeValues={":s": "sent"})
    sent = table.query(IndexName="by-status", KeyConditionExpression=conditions.Key("status").eq("sent"))["Items"]
    assert [item["order"] for item in sent] == ["001"]


def test_a_local_index_reads_consistently_and_fetches_the_rest(table):
    fill(table)
    answer = table.query(IndexName="by-day", KeyConditionExpression=conditions.Key("customer").eq("c0") & conditions.Key("day").begins_with("2026-01-0"),
                         ConsistentRead=True, Select="ALL_ATTRIBUTES", ReturnConsumedCapacity="INDEXES")
    assert answer["Items"] and all(item["note"] == "n" * 50 for item in answer["Items"])
    assert answer["ConsumedCapacity"]["LocalSecondaryIndexes"]["by-day"]["CapacityUnits"] >= 1
    keys = table.query(IndexName="by-day", KeyConditionExpression=conditions.Key("customer").eq("c0"))["Items"]
    assert all(set(item) == {"customer", "order", "day"} for item in keys)
    put = table.put_item(Item={"customer": "c9", "order": "1"}, ReturnItemCollectionMetrics="SIZE")
    assert put["ItemCollectionMetrics"]["ItemCollectionKey"] == {"customer": "c9"}


def test_an_index_is_added_to_a_full_table_and_removed(platform, table):
    fill(table)
    client = platform.client("dynamodb")
    made = client.update_table(
        TableName=table.name, AttributeDefinitions=[{"AttributeName": each, "AttributeType": "S"} for each in ("customer", "order", "status", "day")],
        GlobalSecondaryIndexUpdates=[{"Create": {"IndexName": "late", "KeySchema": [element("day", "HASH")], "Projection": {"ProjectionType": "ALL"}}}])
    assert {index["IndexName"]: index["IndexStatus"] for index in made["TableDescription"]["GlobalSecondaryIndexes"]}["late"] == "CREATING"

    def status():
        indexes = client.describe_table(TableName=table.name)["Table"]["GlobalSecondaryIndexes"]
        return {index["IndexName"]: index["IndexStatus"] for index in indexes}.get("late")

    eventually(lambda: status() == "ACTIVE")
    assert table.query(IndexName="late", KeyConditionExpression=conditions.Key("day").eq("2026-01-01"))["Count"] == 2
    client.update_table(TableName=table.name, GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "late"}}])
    eventually(lambda: status() is None)
    refused(client.scan, "ValidationException", TableName=table.name, IndexName="late")


def test_leave_for_an_index_is_not_leave_for_its_table(platform, table):
    fill(table)
    arn = f"arn:aws:dynamodb:us-east-1:000000000000:table/{table.name}"
    key = platform.user(f"reader-{table.name}"[:60], {
        "Effect": "Allow", "Action": "dynamodb:Query", "Resource": f"{arn}/index/by-status",
        "Condition": {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["open"]}, "Null": {"dynamodb:LeadingKeys": "false"}}})
    reader = platform.client("dynamodb", *key)
    query = {"TableName": table.name, "IndexName": "by-status", "KeyConditionExpression": "#s = :s", "ExpressionAttributeNames": {"#s": "status"}}
    assert reader.query(**query, ExpressionAttributeValues={":s": {"S": "open"}})["Count"] == 20
    refused(reader.query, "AccessDeniedException", **query, ExpressionAttributeValues={":s": {"S": "sent"}})
    refused(reader.scan, "AccessDeniedException", TableName=table.name, IndexName="by-status")
    refused(reader.query, "AccessDeniedException", TableName=table.name, KeyConditionExpression="customer = :c",
            ExpressionAttributeValues={":c": {"S": "open"}})
