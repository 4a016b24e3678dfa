"""Attempts to reach items around what a policy allows: through statements, tokens, iterators and indexes."""

import pytest

from support import refused

OTHER = "999999999999"


@pytest.fixture
def table(platform, name):
    client = platform.client("dynamodb")
    made = client.create_table(
        TableName=name, BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": each, "AttributeType": "S"} for each in ("owner", "id", "kind")],
        KeySchema=[{"AttributeName": "owner", "KeyType": "HASH"}, {"AttributeName": "id", "KeyType": "RANGE"}],
        GlobalSecondaryIndexes=[{"IndexName": "by-kind", "KeySchema": [{"AttributeName": "kind", "KeyType": "HASH"}], "Projection": {"ProjectionType": "ALL"}}],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"})["TableDescription"]
    for owner in ("me", "them"):
        for number in range(3):
            client.put_item(TableName=name, Item={"owner": {"S": owner}, "id": {"S": str(number)}, "kind": {"S": "note"}})
    yield made
    client.delete_table(TableName=name)


@pytest.fixture
def mine(platform, table, name):
    """A client of someone who may do everything with the items of `me`, by whatever operation."""
    condition = {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["me"]}, "Null": {"dynamodb:LeadingKeys": "false"}}
    statement = {"Effect": "Allow", "Action": "dynamodb:*", "Resource": [table["TableArn"], table["TableArn"] + "/index/*"], "Condition": condition}
    return platform.client("dynamodb", *platform.user(f"m-{name}"[:60], statement))


def test_statements_do_not_reach_other_partitions(mine, name):
    found = mine.execute_statement(Statement=f"SELECT * FROM \"{name}\" WHERE owner = 'me'")["Items"]
    assert {item["owner"]["S"] for item in found} == {"me"}
    for where in ("", "WHERE owner = 'them'", "WHERE owner IN ['me', 'them']", "WHERE owner = 'me' OR owner = 'them'", "WHERE owner = 'me' OR 1 = 1",
                  "WHERE NOT owner = 'me'", "WHERE owner >= 'me'", "WHERE begins_with(owner, 'me')", "WHERE \"owner\" = 'them' AND id = 'me'"):
        refused(mine.execute_statement, "AccessDeniedException", Statement=f'SELECT * FROM "{name}" {where}')
    refused(mine.execute_statement, "AccessDeniedException", Statement=f"SELECT * FROM \"{name}\".\"by-kind\" WHERE kind = 'note'")
    both = [{"Statement": f"SELECT * FROM \"{name}\" WHERE owner = '{owner}' AND id = '1'"} for owner in ("me", "them")]
    own, others = mine.batch_execute_statement(Statements=both)["Responses"]
    assert "Error" not in own and others["Error"]["Code"] == "AccessDenied" and "Item" not in others
    refused(mine.batch_execute_statement, "AccessDeniedException", Statements=both[1:])
    refused(mine.execute_transaction, "AccessDeniedException", TransactStatements=both)
    refused(mine.execute_statement, "AccessDeniedException", Statement=f"DELETE FROM \"{name}\" WHERE owner = 'them' AND id = '1'")
    refused(mine.execute_statement, "AccessDeniedException", Statement=f"INSERT INTO \"{name}\" VALUE {{'owner': 'them', 'id': '9'}}")


def test_a_page_of_one_statement_is_no_way_into_another(platform, mine, name):
    client = platform.client("dynamodb")
    token = client.execute_statement(Statement=f'SELECT * FROM "{name}"', Limit=4)["NextToken"]
    statement = f"SELECT * FROM \"{name}\" WHERE owner = 'me'"
    for forged in (token, "AAAA", "x" * 2000, token[:-4]):
        refused(mine.execute_statement, "ValidationException", Statement=statement, NextToken=forged)
    start = {"owner": {"S": "them"}, "id": {"S": "0"}}
    refused(mine.query, "ValidationException", TableName=name, KeyConditionExpression="#o = :o", ExpressionAttributeNames={"#o": "owner"},
            ExpressionAttributeValues={":o": {"S": "me"}}, ExclusiveStartKey=start)


def test_an_iterator_is_no_right(platform, mine, table, name):
    streams, arn = platform.client("dynamodbstreams"), table["LatestStreamArn"]
    shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
    iterator = streams.get_shard_iterator(StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    assert streams.get_records(ShardIterator=iterator)["Records"]
    nobody = platform.client("dynamodbstreams", *platform.user(f"n-{name}"[:60]))
    elsewhere = iterator.replace("000000000000", OTHER)
    refused(nobody.get_records, "AccessDeniedException", ShardIterator=iterator)
    refused(nobody.get_records, "AccessDeniedException", ShardIterator=iterator.replace(name, name[:-1]))
    refused(streams.get_records, "AccessDeniedException", ShardIterator=elsewhere)
    refused(streams.describe_stream, "AccessDeniedException", StreamArn=arn.replace("000000000000", OTHER))
    for forged in ("|1|", arn, arn + "|1|0.x", arn + "|1|zz.shard.1", "x" * 2048):
        refused(streams.get_records, "ValidationException", ShardIterator=forged)


def test_statements_of_another_account_and_hostile_ones_are_refused(platform, name):
    client = platform.client("dynamodb")
    refused(client.execute_statement, "AccessDeniedException", Statement=f'SELECT * FROM "arn:aws:dynamodb:us-east-1:{OTHER}:table/{name}"')
    for statement in ("SELECT * FROM Tab WHERE " + "(" * 8000, "INSERT INTO Tab VALUE {'a': " + "[" * 8000, "SELECT * FROM Tab WHERE a = '", "\0", "🦀",
                      "SELECT * FROM Tab WHERE " + "NOT " * 2000, "SELECT * FROM Tab WHERE a IN [" + "1," * 3000 + "1]"):
        refused(client.execute_statement, "ValidationException", Statement=statement)
