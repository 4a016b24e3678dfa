"""Keys of several attributes, ceilings of on-demand tables, warm throughput and endpoints, as boto3 sees them."""

import boto3
import pytest
from boto3.dynamodb.conditions import Key

from support import eventually, refused

INVALID = "One or more parameter values were invalid: "


@pytest.fixture
def dynamodb(platform):
    return platform.client("dynamodb", retries={"total_max_attempts": 1})


def keys(text):
    """`h:HASH a:RANGE` as a key schema."""
    return [{"AttributeName": part.split(":")[0], "KeyType": part.split(":")[1]} for part in text.split()]


def strings(names):
    return [{"AttributeName": name, "AttributeType": "S"} for name in names]


def make(dynamodb, name, index=None, **more):
    dynamodb.create_table(TableName=name, BillingMode="PAY_PER_REQUEST", KeySchema=keys("p:HASH"),
                          AttributeDefinitions=strings("p" + ("tru" + "xy" if index else "")),
                          **({"GlobalSecondaryIndexes": [index]} if index else {}), **more)


def test_an_index_with_a_key_of_several_attributes(platform, dynamodb, name):
    schema = keys("t:HASH r:HASH u:RANGE x:RANGE y:RANGE")
    make(dynamodb, name, {"IndexName": "wide", "KeySchema": schema, "Projection": {"ProjectionType": "ALL"}})
    described = dynamodb.describe_table(TableName=name)["Table"]["GlobalSecondaryIndexes"][0]
    assert described["KeySchema"] == schema
    table = platform.resource("dynamodb").Table(name)
    for p, u, x, y in [("1", "final", "b", "2"), ("2", "final", "b", "1"), ("3", "final", "a", "9"), ("4", "first", "z", "z")]:
        table.put_item(Item={"p": p, "t": "W24", "r": "EU", "u": u, "x": x, "y": y})
    table.put_item(Item={"p": "5", "t": "W24", "r": "EU", "u": "final"})
    whole = Key("t").eq("W24") & Key("r").eq("EU")

    def found(condition, **more):
        return [item["p"] for item in table.query(IndexName="wide", KeyConditionExpression=condition, **more)["Items"]]

    assert found(whole) == ["3", "2", "1", "4"]
    assert found(whole & Key("u").eq("final") & Key("x").gt("a"), ScanIndexForward=False) == ["1", "2"]
    pages = dynamodb.get_paginator("query").paginate(
        TableName=name, IndexName="wide", KeyConditionExpression="t = :t AND r = :r", PaginationConfig={"PageSize": 1},
        ExpressionAttributeValues={":t": {"S": "W24"}, ":r": {"S": "EU"}})
    assert [item["p"]["S"] for page in pages for item in page["Items"]] == ["3", "2", "1", "4"]
    query = {"TableName": name, "IndexName": "wide", "ExpressionAttributeValues": {":a": {"S": "W24"}}}
    assert refused(dynamodb.query, "ValidationException", KeyConditionExpression="t = :a", **query) == \
        "HASH key attributes r must have equality conditions specified in the query"
    assert refused(dynamodb.query, "ValidationException", KeyConditionExpression="t = :a AND r = :a AND y = :a", **query).startswith(
        "RANGE key attributes u, x must have equality conditions specified in the query")


def test_an_on_demand_table_keeps_to_its_ceiling(dynamodb, name):
    make(dynamodb, name, OnDemandThroughput={"MaxReadRequestUnits": 1, "MaxWriteRequestUnits": 1})
    dynamodb.put_item(TableName=name, Item={"p": {"S": "a"}, "v": {"S": "x" * 399_000}})
    with pytest.raises(dynamodb.exceptions.ThrottlingException) as caught:
        dynamodb.put_item(TableName=name, Item={"p": {"S": "b"}})
    arn = dynamodb.describe_table(TableName=name)["Table"]["TableArn"]
    assert caught.value.response["throttlingReasons"] == [{"reason": "TableWriteMaxOnDemandThroughputExceeded", "resource": arn}]
    told = dynamodb.update_table(TableName=name, OnDemandThroughput={"MaxWriteRequestUnits": -1})["TableDescription"]
    assert told["OnDemandThroughput"] == {"MaxReadRequestUnits": 1, "MaxWriteRequestUnits": -1}
    dynamodb.put_item(TableName=name, Item={"p": {"S": "b"}})
    assert dynamodb.describe_table(TableName=name)["Table"]["OnDemandThroughput"] == {"MaxReadRequestUnits": 1}


def test_provisioned_throughput_names_what_ran_out(dynamodb, name):
    dynamodb.create_table(TableName=name, KeySchema=keys("p:HASH"), AttributeDefinitions=strings("p"),
                          ProvisionedThroughput={"ReadCapacityUnits": 1, "WriteCapacityUnits": 1})
    dynamodb.put_item(TableName=name, Item={"p": {"S": "a"}, "v": {"S": "x" * 399_000}})
    with pytest.raises(dynamodb.exceptions.ProvisionedThroughputExceededException) as caught:
        dynamodb.put_item(TableName=name, Item={"p": {"S": "b"}})
    assert caught.value.response["ThrottlingReasons"][0]["reason"] == "TableWriteProvisionedThroughputExceeded"


def test_what_a_table_is_ready_for_only_grows(dynamodb, name):
    make(dynamodb, name)
    assert dynamodb.describe_table(TableName=name)["Table"]["WarmThroughput"] == \
        {"ReadUnitsPerSecond": 12000, "WriteUnitsPerSecond": 4000, "Status": "ACTIVE"}
    dynamodb.update_table(TableName=name, WarmThroughput={"ReadUnitsPerSecond": 13000})
    eventually(lambda: dynamodb.describe_table(TableName=name)["Table"]["WarmThroughput"]["ReadUnitsPerSecond"] == 13000)
    assert refused(dynamodb.update_table, "ValidationException", TableName=name, WarmThroughput={"ReadUnitsPerSecond": 12000}) == \
        INVALID + "Requested ReadUnitsPerSecond for WarmThroughput for table is lower than current WarmThroughput, decreasing WarmThroughput is not supported"


def test_the_managed_key_is_told_and_no_other_taken(dynamodb, name):
    make(dynamodb, name, SSESpecification={"Enabled": True, "SSEType": "KMS"})
    told = dynamodb.describe_table(TableName=name)["Table"]["SSEDescription"]
    assert (told["Status"], told["SSEType"]) == ("ENABLED", "KMS")
    assert told["KMSMasterKeyArn"].startswith("arn:aws:kms:us-east-1:")
    message = refused(dynamodb.update_table, "ValidationException", TableName=name,
                      SSESpecification={"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": "alias/own"})
    assert "alias/own" in message and "does not exist" in message
    assert refused(dynamodb.update_table, "ValidationException", TableName=name, SSESpecification={"Enabled": True, "SSEType": "AES256"}) == \
        INVALID + "SSEType AES256 is not supported"


def test_the_endpoint_that_is_told_is_this_platform(platform, dynamodb):
    [endpoint] = dynamodb.describe_endpoints()["Endpoints"]
    assert endpoint["CachePeriodInMinutes"] == 1440
    assert endpoint["Address"].rsplit(":", 1)[1] == platform.endpoint.rsplit(":", 1)[1]
    key, secret = platform.root()
    again = boto3.client("dynamodb", endpoint_url=endpoint["Address"], region_name="us-east-1",
                         aws_access_key_id=key, aws_secret_access_key=secret)
    assert "TableNames" in again.list_tables()
