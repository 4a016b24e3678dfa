"""Where DynamoDB refuses: one action of a transaction, a table that contradicts itself, a policy that is another's."""

import json

import pytest
from botocore.exceptions import ClientError

from support import refused

MISMATCH = "The provided key element does not match the schema"
EMPTY = "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: id"


@pytest.fixture
def client(platform, name):
    client = platform.client("dynamodb")
    client.create_table(
        TableName=name, BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": each, "AttributeType": "S"} for each in ("id", "g")],
        GlobalSecondaryIndexes=[{"IndexName": "by-g", "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}], "Projection": {"ProjectionType": "ALL"}}])
    yield client
    client.delete_table(TableName=name)


def cancelled(call, **parameters):
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    answer = caught.value.response
    assert answer["Error"]["Code"] == "TransactionCanceledException", answer
    return [(each["Code"], each.get("Message")) for each in answer["CancellationReasons"]]


def test_an_action_that_does_not_fit_cancels_with_its_reason(client, name):
    good = {"Put": {"TableName": name, "Item": {"id": {"S": "good"}}}}
    number = {"id": {"N": "5"}}
    mismatch = "One or more parameter values were invalid: Type mismatch for key id expected: S actual: N"
    check = {"ConditionExpression": "attribute_not_exists(id)"}
    update = {"UpdateExpression": "SET a = :a", "ExpressionAttributeValues": {":a": {"S": "x"}}}
    for action, message in [
        ({"Put": {"TableName": name, "Item": number}}, mismatch),
        ({"Put": {"TableName": name, "Item": {"g": {"S": "x"}}}}, "One or more parameter values were invalid: Missing the key id in the item"),
        ({"Delete": {"TableName": name, "Key": number}}, MISMATCH),
        ({"Update": {"TableName": name, "Key": number, **update}}, MISMATCH),
        ({"ConditionCheck": {"TableName": name, "Key": {"id": {"S": "a"}, "x": {"S": "b"}}, **check}}, MISMATCH),
    ]:
        assert cancelled(client.transact_write_items, TransactItems=[good, action]) == [("None", None), ("ValidationError", message)]
    gets = [{"Get": {"TableName": name, "Key": {"id": {"S": "a"}}}}, {"Get": {"TableName": name, "Key": number}}]
    assert cancelled(client.transact_get_items, TransactItems=gets) == [("None", None), ("ValidationError", MISMATCH)]
    assert client.scan(TableName=name)["Count"] == 0, "nothing was written"
    empty = {"id": {"S": ""}}
    for action in ({"Put": {"TableName": name, "Item": empty}}, {"Delete": {"TableName": name, "Key": empty}}):
        assert refused(client.transact_write_items, "ValidationException", TransactItems=[good, action]) == EMPTY
    assert refused(client.get_item, "ValidationException", TableName=name, Key=empty) == EMPTY
    indexed = {"Put": {"TableName": name, "Item": {"id": {"S": "a"}, "g": {"S": ""}}}}
    assert refused(client.transact_write_items, "ValidationException", TransactItems=[indexed]).endswith("IndexName: by-g, IndexKey: g")
    assert "should contain Delete or Put or Update request" in refused(client.transact_write_items, "ValidationException", TransactItems=[{}])
    assert refused(client.batch_write_item, "ValidationException", RequestItems={name: [{"PutRequest": {"Item": number}}]}) == MISMATCH


def test_transactions_tell_what_they_read_and_wrote(client, name):
    put = {"TransactItems": [{"Put": {"TableName": name, "Item": {"id": {"S": "a"}}}}], "ClientRequestToken": "once", "ReturnConsumedCapacity": "TOTAL"}
    first = client.transact_write_items(**put)["ConsumedCapacity"]
    assert first == [{"TableName": name, "CapacityUnits": 2.0, "WriteCapacityUnits": 2.0}]
    again = client.transact_write_items(**put)["ConsumedCapacity"]
    assert again == [{"TableName": name, "CapacityUnits": 2.0, "ReadCapacityUnits": 2.0}], "nothing is written again"
    get = [{"Get": {"TableName": name, "Key": {"id": {"S": "a"}}}}]
    read = client.transact_get_items(TransactItems=get, ReturnConsumedCapacity="INDEXES")["ConsumedCapacity"][0]
    assert (read["ReadCapacityUnits"], read["Table"]) == (2.0, {"CapacityUnits": 2.0, "ReadCapacityUnits": 2.0})


def test_values_of_any_depth_are_refused_as_too_deep(client, name):
    def nested(levels):
        value = {"S": "x"}
        for _ in range(levels):
            value = {"L": [value]}
        return value

    client.put_item(TableName=name, Item={"id": {"S": "deep"}, "v": nested(31)})
    for levels in (33, 39, 40, 45, 60):
        message = refused(client.put_item, "ValidationException", TableName=name, Item={"id": {"S": "deep"}, "v": nested(levels)})
        assert message.startswith("Nesting Levels have exceeded supported limits"), message


def test_a_table_defines_each_attribute_once(platform, name):
    key = {"AttributeName": "p", "AttributeType": "S"}
    message = refused(platform.client("dynamodb").create_table, "ValidationException", TableName=name, BillingMode="PAY_PER_REQUEST",
                      KeySchema=[{"AttributeName": "p", "KeyType": "HASH"}], AttributeDefinitions=[key, key])
    assert message == "Attribute Name is duplicated: p"


def test_policies_of_tables_are_held_to_their_table(client, name):
    arn = client.describe_table(TableName=name)["Table"]["TableArn"]

    def put(effect, action, resource=arn, **more):
        statement = {"Effect": effect, "Principal": "*", "Action": action, "Resource": resource}
        return dict(ResourceArn=arn, Policy=json.dumps({"Version": "2012-10-17", "Statement": statement}), **more)

    message = refused(client.put_resource_policy, "ValidationException", **put("Allow", ["dynamodb:GetItem", "dynamodb:GetRecords", "s3:GetObject"]))
    assert message == ('One or more parameter values were invalid: Invalid policy document: The following action names are invalid: '
                       '"dynamodb:GetRecords", "s3:GetObject"')
    refused(client.put_resource_policy, "ValidationException", **put("Allow", "dynamodb:GetItem", arn + "-other"))
    shut = put("Deny", "dynamodb:PutResourcePolicy")
    assert "ConfirmRemoveSelfResourceAccess" in refused(client.put_resource_policy, "ValidationException", **shut)
    first = client.put_resource_policy(**put("Deny", "dynamodb:DeleteItem"))["RevisionId"]
    assert client.put_resource_policy(**put("Deny", "dynamodb:DeleteItem"))["RevisionId"] == first
    message = refused(client.put_resource_policy, "PolicyNotFoundException", **put("Deny", "dynamodb:PutItem", ExpectedRevisionId="7"))
    assert message == ("Resource-based policy not found for the provided ResourceArn: Requested update for policy with revision id 7, "
                       f"but the policy associated to target table {name} has revision id {first}.")
    client.put_resource_policy(**shut, ConfirmRemoveSelfResourceAccess=True)
    refused(client.put_resource_policy, "AccessDeniedException", **put("Deny", "dynamodb:DeleteItem"))
    client.delete_resource_policy(ResourceArn=arn)
    unknown = arn.replace(name, "none")
    message = refused(client.get_resource_policy, "ResourceNotFoundException", ResourceArn=unknown)
    assert message == "Requested resource not found: Table: none not found"
