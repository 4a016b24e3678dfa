"""DynamoDB, driven by unmodified boto3 (client and resource) and the `aws` CLI."""

import decimal
import json

import boto3.dynamodb.conditions as conditions
import botocore.exceptions
import pytest

from support import listed, refused


@pytest.fixture
def table(platform, name):
    client = platform.client("dynamodb")
    client.create_table(
        TableName=name, BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}, {"AttributeName": "sk", "AttributeType": "N"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}])
    client.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1})
    yield platform.resource("dynamodb").Table(name)
    client.delete_table(TableName=name)
    client.get_waiter("table_not_exists").wait(TableName=name, WaiterConfig={"Delay": 1})


def test_items_of_every_type_round_trip(table):
    item = {"pk": "a", "sk": decimal.Decimal("1"), "s": "text é 🦀", "n": decimal.Decimal("-1.5E-100"), "b": b"\x00\xff", "t": True,
            "nothing": None, "l": [decimal.Decimal(1), "x", [b"y"]], "m": {"a": {"b": "c"}}, "ss": {"a", "b"},
            "ns": {decimal.Decimal(1), decimal.Decimal(2)}, "bs": {b"1", b"2"}}
    table.put_item(Item=item)
    found = table.get_item(Key={"pk": "a", "sk": 1})["Item"]
    found["b"] = bytes(found["b"])
    found["l"][2][0] = bytes(found["l"][2][0])
    found["bs"] = {bytes(each) for each in found["bs"]}
    assert found == item


def test_thirty_eight_digits_are_kept_and_thirty_nine_refused(platform, table):
    digits = decimal.Decimal("1234567890123456789012345678901234567.8")
    table.put_item(Item={"pk": "n", "sk": 0, "n": digits})
    assert table.get_item(Key={"pk": "n", "sk": 0})["Item"]["n"] == digits
    for bad in ("123456789012345678901234567890123456789", "1E+126", "1E-131", "x", "", "NaN", "Infinity"):
        item = {"pk": {"S": "n"}, "sk": {"N": "0"}, "n": {"N": bad}}
        assert refused(platform.client("dynamodb").put_item, "ValidationException", TableName=table.name, Item=item), bad


def test_conditions_guard_writes(table):
    key = {"pk": "c", "sk": 1}
    table.put_item(Item={**key, "v": 1}, ConditionExpression="attribute_not_exists(pk)")
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        table.put_item(Item={**key, "v": 2}, ConditionExpression="attribute_not_exists(pk)", ReturnValuesOnConditionCheckFailure="ALL_OLD")
    error = caught.value.response
    assert error["Error"] == {"Code": "ConditionalCheckFailedException", "Message": "The conditional request failed"}
    assert error["Item"]["v"] == {"N": "1"} or error["Item"]["v"] == 1
    updated = table.update_item(Key=key, UpdateExpression="SET v = v + :one, #l = list_append(if_not_exists(#l, :none), :item) REMOVE gone ADD hits :one",
                                ConditionExpression="v BETWEEN :one AND :ten AND attribute_type(v, :number)",
                                ExpressionAttributeNames={"#l": "list"},
                                ExpressionAttributeValues={":one": 1, ":ten": 10, ":none": [], ":item": ["x"], ":number": "N"}, ReturnValues="ALL_NEW")
    assert updated["Attributes"] == {**key, "v": 2, "list": ["x"], "hits": 1}
    gone = table.delete_item(Key=key, ConditionExpression=conditions.Attr("hits").eq(1), ReturnValues="ALL_OLD")
    assert gone["Attributes"]["v"] == 2
    assert "Item" not in table.get_item(Key=key)


def test_queries_walk_a_partition_in_order(table):
    with table.batch_writer() as batch:
        for n in range(-20, 21):
            batch.put_item(Item={"pk": "q", "sk": n, "even": n % 2 == 0, "pad": "x" * 100})
        batch.put_item(Item={"pk": "other", "sk": 0})
    everything = table.query(KeyConditionExpression=conditions.Key("pk").eq("q"))
    assert [int(item["sk"]) for item in everything["Items"]] == list(range(-20, 21))
    page = table.query(KeyConditionExpression=conditions.Key("pk").eq("q") & conditions.Key("sk").between(-5, 5), ScanIndexForward=False, Limit=4,
                       FilterExpression=conditions.Attr("even").eq(True), ProjectionExpression="sk")
    assert (page["Items"], page["ScannedCount"]) == ([{"sk": 4}, {"sk": 2}], 4)
    following = table.query(KeyConditionExpression=conditions.Key("pk").eq("q") & conditions.Key("sk").between(-5, 5), ScanIndexForward=False,
                            Limit=100, ExclusiveStartKey=page["LastEvaluatedKey"], Select="COUNT")
    assert following["Count"] == 7 and "LastEvaluatedKey" not in following
    assert table.scan(Select="COUNT")["Count"] == 42


def test_pages_end_at_a_megabyte(table):
    with table.batch_writer() as batch:
        for n in range(12):
            batch.put_item(Item={"pk": "big", "sk": n, "pad": "x" * 200_000})
    pages = list(table.meta.client.get_paginator("query").paginate(TableName=table.name, KeyConditionExpression="pk = :p",
                                                                   ExpressionAttributeValues={":p": "big"}))
    assert sum(page["Count"] for page in pages) == 12 and len(pages) >= 3


@pytest.mark.parametrize("operation,arguments,part", [
    ("get_item", {"Key": {"pk": {"S": "a"}}}, "The provided key element does not match the schema"),
    ("put_item", {"Item": {"pk": {"S": ""}, "sk": {"N": "1"}}}, "empty string value"),
    ("put_item", {"Item": {"sk": {"N": "1"}}}, "Missing the key pk in the item"),
    ("put_item", {"Item": {"pk": {"S": "a"}, "sk": {"N": "1"}, "x": {"SS": []}}}, "empty"),
    ("put_item", {"Item": {"pk": {"S": "a"}, "sk": {"N": "1"}, "x": {"S": "y" * 410_000}}}, "Item size has exceeded the maximum allowed size"),
    ("put_item", {"Item": {"pk": {"S": "a"}, "sk": {"N": "1"}}, "ConditionExpression": "a ="}, "Invalid ConditionExpression: Syntax error"),
    ("put_item", {"Item": {"pk": {"S": "a"}, "sk": {"N": "1"}}, "ConditionExpression": "a = :x"}, ":x"),
    ("update_item", {"Key": {"pk": {"S": "a"}, "sk": {"N": "1"}}, "UpdateExpression": "SET pk = :x", "ExpressionAttributeValues": {":x": {"S": "b"}}},
     "Cannot update attribute pk. This attribute is part of the key"),
    ("update_item", {"Key": {"pk": {"S": "a"}, "sk": {"N": "1"}}, "UpdateExpression": "SET a = :x, a = :x", "ExpressionAttributeValues": {":x": {"S": "b"}}},
     "Two document paths overlap"),
    ("query", {"KeyConditionExpression": "sk = :x", "ExpressionAttributeValues": {":x": {"N": "1"}}}, "Query condition missed key schema element"),
    ("scan", {"FilterExpression": "size(name) > :x", "ExpressionAttributeValues": {":x": {"N": "1"}}}, "reserved keyword"),
    ("scan", {"Limit": 0}, "validation error detected"),
    ("get_item", {"Key": {"pk": {"S": "a"}, "sk": {"N": "1"}}, "ProjectionExpression": "(" * 500}, "ProjectionExpression"),
])
def test_bad_requests_get_dynamodbs_own_words(platform, table, operation, arguments, part):
    client = platform.client("dynamodb", parameter_validation=False)
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        getattr(client, operation)(TableName=table.name, **arguments)
    error = caught.value.response["Error"]
    assert error["Code"] == "ValidationException" and part in error["Message"], error


def test_tables_are_described_listed_tagged_and_refused(platform, table, name):
    client = platform.client("dynamodb")
    described = client.describe_table(TableName=name)["Table"]
    assert (described["TableStatus"], described["TableArn"]) == ("ACTIVE", f"arn:aws:dynamodb:us-east-1:000000000000:table/{name}")
    assert name in listed(client, "list_tables", "TableNames")
    refused(client.create_table, "ResourceInUseException", TableName=name, BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}], KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}])
    refused(client.describe_table, "ResourceNotFoundException", TableName="never-made")
    refused(client.get_item, "ResourceNotFoundException", TableName="never-made", Key={"pk": {"S": "a"}})
    client.tag_resource(ResourceArn=described["TableArn"], Tags=[{"Key": "k", "Value": "v"}])
    assert client.list_tags_of_resource(ResourceArn=described["TableArn"])["Tags"] == [{"Key": "k", "Value": "v"}]


def test_leading_keys_and_attributes_fence_a_user_in(platform, table, name):
    own = {"Effect": "Allow", "Action": ["dynamodb:GetItem", "dynamodb:Query", "dynamodb:PutItem"],
           "Resource": f"arn:aws:dynamodb:us-east-1:000000000000:table/{name}",
           "Condition": {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["mine"], "dynamodb:Attributes": ["pk", "sk", "v"]},
                         "StringEqualsIfExists": {"dynamodb:Select": "SPECIFIC_ATTRIBUTES"}}}
    client = platform.client("dynamodb", *platform.user(name, own))
    client.put_item(TableName=name, Item={"pk": {"S": "mine"}, "sk": {"N": "1"}, "v": {"S": "x"}})
    refused(client.put_item, "AccessDeniedException", TableName=name, Item={"pk": {"S": "yours"}, "sk": {"N": "1"}})
    refused(client.put_item, "AccessDeniedException", TableName=name, Item={"pk": {"S": "mine"}, "sk": {"N": "1"}, "secret": {"S": "x"}})
    values = {":p": {"S": "mine"}}
    found = client.query(TableName=name, KeyConditionExpression="pk = :p", ExpressionAttributeValues=values, ProjectionExpression="pk, sk, v")
    assert found["Count"] == 1
    refused(client.query, "AccessDeniedException", TableName=name, KeyConditionExpression="pk = :p", ExpressionAttributeValues=values)
    refused(client.query, "AccessDeniedException", TableName=name, KeyConditionExpression="pk = :p",
            ExpressionAttributeValues={":p": {"S": "yours"}}, ProjectionExpression="pk")
    refused(client.scan, "AccessDeniedException", TableName=name)


def test_the_cli_drives_dynamodb(platform, table, name):
    put = platform.aws("dynamodb", "put-item", "--table-name", name, "--item", '{"pk":{"S":"cli"},"sk":{"N":"7"}}')
    assert put.returncode == 0, put.stderr
    got = platform.aws("dynamodb", "get-item", "--table-name", name, "--key", '{"pk":{"S":"cli"},"sk":{"N":"7"}}', "--output", "json")
    assert json.loads(got.stdout)["Item"]["sk"] == {"N": "7"}
