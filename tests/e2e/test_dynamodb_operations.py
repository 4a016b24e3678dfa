"""Every operation of dynamodb, driven by unmodified boto3 and the `aws` CLI."""

import json
import time

import botocore.exceptions
import pytest

from support import eventually, listed, refused

ARN = "arn:aws:dynamodb:us-east-1:000000000000:table/"
KEYS = {"AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}], "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}]}


@pytest.fixture
def client(platform):
    return platform.client("dynamodb")


@pytest.fixture
def table(client, name):
    client.create_table(TableName=name, BillingMode="PAY_PER_REQUEST", **KEYS)
    yield name
    client.delete_table(TableName=name)


def put(table, key, **attributes):
    return {"Put": {"TableName": table, "Item": {"id": {"S": key}, **attributes}}}


def test_a_table_is_created_updated_protected_and_deleted(client, name):
    made = client.create_table(TableName=name, ProvisionedThroughput={"ReadCapacityUnits": 1, "WriteCapacityUnits": 2}, DeletionProtectionEnabled=True,
                               Tags=[{"Key": "a", "Value": "1"}], **KEYS)["TableDescription"]
    assert (made["TableArn"], made["ItemCount"]) == (ARN + name, 0)
    eventually(lambda: client.describe_table(TableName=name)["Table"]["TableStatus"] == "ACTIVE")
    assert client.list_tables(ExclusiveStartTableName=name[:-1], Limit=1)["TableNames"] == [name]
    client.update_table(TableName=name, ProvisionedThroughput={"ReadCapacityUnits": 3, "WriteCapacityUnits": 4})
    throughput = client.describe_table(TableName=name)["Table"]["ProvisionedThroughput"]
    assert (throughput["ReadCapacityUnits"], throughput["WriteCapacityUnits"]) == (3, 4)
    client.update_table(TableName=name, BillingMode="PAY_PER_REQUEST")
    assert client.describe_table(TableName=name)["Table"]["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    refused(client.delete_table, "ValidationException", TableName=name)
    client.update_table(TableName=name, DeletionProtectionEnabled=False)
    assert client.delete_table(TableName=name)["TableDescription"]["TableStatus"] == "DELETING"
    eventually(lambda: name not in listed(client, "list_tables", "TableNames"))
    for call in (client.delete_table, client.describe_table, client.describe_time_to_live):
        refused(call, "ResourceNotFoundException", TableName=name)
    refused(client.update_table, "ResourceNotFoundException", TableName=name, BillingMode="PAY_PER_REQUEST")


def test_the_account_tells_its_limits_and_endpoints(client, table):
    limits = client.describe_limits()
    assert limits["TableMaxReadCapacityUnits"] == 40_000 and limits["AccountMaxWriteCapacityUnits"] == 80_000
    assert client.describe_endpoints()["Endpoints"][0]["CachePeriodInMinutes"] > 0
    described = client.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
    assert described["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "DISABLED"
    refused(client.describe_continuous_backups, "TableNotFoundException", TableName="never-made")


def test_tags_come_and_go(client, table):
    client.tag_resource(ResourceArn=ARN + table, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    client.tag_resource(ResourceArn=ARN + table, Tags=[{"Key": "a", "Value": "3"}])
    client.untag_resource(ResourceArn=ARN + table, TagKeys=["b", "never"])
    assert client.list_tags_of_resource(ResourceArn=ARN + table)["Tags"] == [{"Key": "a", "Value": "3"}]
    refused(client.tag_resource, "ResourceNotFoundException", ResourceArn=ARN + "never-made", Tags=[{"Key": "a", "Value": "1"}])


def test_items_expire_once_told_to(client, table):
    refused(client.update_time_to_live, "ValidationException", TableName=table, TimeToLiveSpecification={"Enabled": False, "AttributeName": "ttl"})
    told = client.update_time_to_live(TableName=table, TimeToLiveSpecification={"Enabled": True, "AttributeName": "ttl"})
    assert told["TimeToLiveSpecification"] == {"Enabled": True, "AttributeName": "ttl"}
    described = client.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    assert described == {"TimeToLiveStatus": "ENABLED", "AttributeName": "ttl"}
    message = refused(client.update_time_to_live, "ValidationException", TableName=table, TimeToLiveSpecification={"Enabled": True, "AttributeName": "ttl"})
    assert message == "TimeToLive is already enabled"
    client.put_item(TableName=table, Item={"id": {"S": "kept"}, "ttl": {"N": str(int(time.time()) + 3600)}})
    assert client.get_item(TableName=table, Key={"id": {"S": "kept"}})["Item"]


def test_a_tables_own_policy_lets_a_user_in_and_keeps_another_out(platform, client, table, name):
    key, secret = platform.user(name)
    mine = platform.client("dynamodb", key, secret)
    read = {"TableName": table, "Key": {"id": {"S": "1"}}}
    refused(mine.get_item, "AccessDeniedException", **read)
    refused(client.get_resource_policy, "PolicyNotFoundException", ResourceArn=ARN + table)
    statement = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::000000000000:user/{name}"}, "Action": "dynamodb:GetItem", "Resource": ARN + table}
    document = {"Version": "2012-10-17", "Statement": [statement]}
    revision = client.put_resource_policy(ResourceArn=ARN + table, Policy=json.dumps(document))["RevisionId"]
    shown = client.get_resource_policy(ResourceArn=ARN + table)
    assert (json.loads(shown["Policy"]), shown["RevisionId"]) == (document, revision)
    assert "Item" not in mine.get_item(**read)
    refused(mine.put_item, "AccessDeniedException", TableName=table, Item={"id": {"S": "1"}})
    refused(client.put_resource_policy, "PolicyNotFoundException", ResourceArn=ARN + table, Policy=json.dumps(document), ExpectedRevisionId="1")
    refused(client.put_resource_policy, "ValidationException", ResourceArn=ARN + table, Policy="{")
    client.delete_resource_policy(ResourceArn=ARN + table, ExpectedRevisionId=revision)
    refused(mine.get_item, "AccessDeniedException", **read)
    refused(client.get_resource_policy, "PolicyNotFoundException", ResourceArn=ARN + table)


def test_batches_write_and_read(client, table):
    puts = [{"PutRequest": {"Item": {"id": {"S": str(n)}, "v": {"N": str(n)}}}} for n in range(25)]
    assert client.batch_write_item(RequestItems={table: puts})["UnprocessedItems"] == {}
    client.batch_write_item(RequestItems={table: [{"DeleteRequest": {"Key": {"id": {"S": "0"}}}}]})
    wanted = [{"id": {"S": str(n)}} for n in range(25)]
    found = client.batch_get_item(RequestItems={table: {"Keys": wanted, "ProjectionExpression": "v"}}, ReturnConsumedCapacity="TOTAL")
    assert sorted(int(item["v"]["N"]) for item in found["Responses"][table]) == list(range(1, 25))
    assert found["UnprocessedKeys"] == {} and found["ConsumedCapacity"][0]["TableName"] == table
    loose = {"RequestItems": {table: puts[:1] * 2}}
    assert "Provided list of item keys contains duplicates" in refused(client.batch_write_item, "ValidationException", **loose)
    refused(client.batch_write_item, "ValidationException", RequestItems={table: puts + puts[:1]})
    refused(client.batch_get_item, "ValidationException", RequestItems={table: {"Keys": [{"id": {"S": str(n)}} for n in range(101)]}})
    refused(client.batch_get_item, "ResourceNotFoundException", RequestItems={"never-made": {"Keys": wanted[:1]}})


def test_a_transaction_writes_all_or_nothing(client, table):
    only_once = {"ConditionExpression": "attribute_not_exists(id)"}
    first = put(table, "a", v={"N": "1"})
    first["Put"].update(only_once)
    client.transact_write_items(TransactItems=[first, put(table, "b", v={"N": "1"})])
    update = {"Update": {"TableName": table, "Key": {"id": {"S": "b"}}, "UpdateExpression": "ADD v :one", "ExpressionAttributeValues": {":one": {"N": "1"}}}}
    check = {"ConditionCheck": {"TableName": table, "Key": {"id": {"S": "c"}}, "ConditionExpression": "attribute_exists(id)"}}
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        client.transact_write_items(TransactItems=[update, check, {"Delete": {"TableName": table, "Key": {"id": {"S": "a"}}}}])
    assert caught.value.response["Error"]["Code"] == "TransactionCanceledException"
    assert [reason["Code"] for reason in caught.value.response["CancellationReasons"]] == ["None", "ConditionalCheckFailed", "None"]
    gets = [{"Get": {"TableName": table, "Key": {"id": {"S": each}}}} for each in "abc"]
    answers = client.transact_get_items(TransactItems=gets)["Responses"]
    assert [answer.get("Item", {}).get("v") for answer in answers] == [{"N": "1"}, {"N": "1"}, None]
    token = {"ClientRequestToken": "the-same-token"}
    for _ in range(2):
        client.transact_write_items(TransactItems=[update], **token)
    assert client.get_item(TableName=table, Key={"id": {"S": "b"}})["Item"]["v"] == {"N": "2"}
    refused(client.transact_write_items, "IdempotentParameterMismatchException", TransactItems=[put(table, "z")], **token)
    twice = refused(client.transact_write_items, "ValidationException", TransactItems=[update, update])
    assert twice == "Transaction request cannot include multiple operations on one item"


def test_items_are_put_updated_queried_scanned_and_deleted(client, table):
    key = {"id": {"S": "1"}}
    client.put_item(TableName=table, Item={**key, "v": {"N": "1"}})
    old = client.put_item(TableName=table, Item={**key, "v": {"N": "2"}}, ReturnValues="ALL_OLD", ReturnConsumedCapacity="TOTAL")
    assert old["Attributes"]["v"] == {"N": "1"} and old["ConsumedCapacity"] == {"TableName": table, "CapacityUnits": 1.0}
    changed = client.update_item(TableName=table, Key=key, UpdateExpression="SET w = :w REMOVE v", ExpressionAttributeValues={":w": {"BOOL": True}}, ReturnValues="UPDATED_NEW")
    assert changed["Attributes"] == {"w": {"BOOL": True}}
    found = client.query(TableName=table, KeyConditionExpression="id = :id", ExpressionAttributeValues={":id": {"S": "1"}})
    assert found["Items"] == client.scan(TableName=table)["Items"] == [{**key, "w": {"BOOL": True}}]
    assert client.delete_item(TableName=table, Key=key, ReturnValues="ALL_OLD")["Attributes"]["w"] == {"BOOL": True}
    assert "Attributes" not in client.delete_item(TableName=table, Key=key, ReturnValues="ALL_OLD")
    refused(client.scan, "ValidationException", TableName=table, Segment=3, TotalSegments=2)


def test_what_is_not_offered_is_refused_by_name(client, table, name):
    message = refused(client.create_table, "ValidationException", TableName=name + "-2", BillingMode="PAY_PER_REQUEST",
                      SSESpecification={"Enabled": True, "KMSMasterKeyId": "alias/own"}, **KEYS)
    assert "KMSMasterKeyId" in message
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        client.update_contributor_insights(TableName=table, ContributorInsightsAction="ENABLE")
    assert "contributor insights" in caught.value.response["Error"]["Message"], caught.value.response


def test_the_cli_makes_and_reads_a_table(platform, name):
    made = platform.aws("dynamodb", "create-table", "--table-name", name, "--billing-mode", "PAY_PER_REQUEST", "--attribute-definitions",
                        "AttributeName=id,AttributeType=S", "--key-schema", "AttributeName=id,KeyType=HASH")
    assert made.returncode == 0, made.stderr
    items = json.dumps({name: [{"PutRequest": {"Item": {"id": {"S": "x"}}}}]})
    assert platform.aws("dynamodb", "batch-write-item", "--request-items", items).returncode == 0
    scanned = platform.aws("dynamodb", "scan", "--table-name", name, "--output", "json")
    assert json.loads(scanned.stdout)["Items"] == [{"id": {"S": "x"}}], scanned.stderr
    missing = platform.aws("dynamodb", "scan", "--table-name", name + "-none")
    assert missing.returncode != 0 and "(ResourceNotFoundException)" in missing.stderr
