"""PartiQL of DynamoDB, driven by unmodified boto3 and the `aws` CLI."""

import json

import botocore.exceptions
import pytest

from support import refused


@pytest.fixture
def client(platform, name):
    client = platform.client("dynamodb")
    client.create_table(
        TableName=name, BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": each, "AttributeType": "S"} for each in ("artist", "song", "genre")],
        KeySchema=[{"AttributeName": "artist", "KeyType": "HASH"}, {"AttributeName": "song", "KeyType": "RANGE"}],
        GlobalSecondaryIndexes=[{"IndexName": "by-genre", "KeySchema": [{"AttributeName": "genre", "KeyType": "HASH"}], "Projection": {"ProjectionType": "ALL"}}])
    yield client
    client.delete_table(TableName=name)


def test_statements_read_and_write_items(platform, client, name):
    insert = f"INSERT INTO \"{name}\" VALUE {{'artist': ?, 'song': ?, 'genre': ?, 'awards': 1}}"
    for artist, song, genre in (("A", "1", "rock"), ("A", "2", "folk"), ("B", "1", "rock")):
        client.execute_statement(Statement=insert, Parameters=[{"S": artist}, {"S": song}, {"S": genre}])
    refused(client.execute_statement, "DuplicateItemException", Statement=insert, Parameters=[{"S": "A"}, {"S": "1"}, {"S": "x"}])
    rock = client.execute_statement(Statement=f"SELECT artist FROM \"{name}\".\"by-genre\" WHERE genre = 'rock'")["Items"]
    assert sorted(item["artist"]["S"] for item in rock) == ["A", "B"]
    changed = client.execute_statement(Statement=f"UPDATE \"{name}\" SET awards = awards + 1 WHERE artist = 'A' AND song = '1' RETURNING MODIFIED NEW *")
    assert changed["Items"] == [{"awards": {"N": "2"}}]
    paged = client.execute_statement(Statement=f"SELECT * FROM \"{name}\"", Limit=2)
    rest = client.execute_statement(Statement=f"SELECT * FROM \"{name}\"", NextToken=paged["NextToken"])
    assert len(paged["Items"]) + len(rest["Items"]) == 3
    shown = platform.aws("dynamodb", "execute-statement", "--statement", f"SELECT song FROM \"{name}\" WHERE artist = 'B'")
    assert json.loads(shown.stdout)["Items"] == [{"song": {"S": "1"}}], shown.stderr
    client.execute_statement(Statement=f"DELETE FROM \"{name}\" WHERE artist = 'B' AND song = '1'")
    refused(client.execute_statement, "ConditionalCheckFailedException", Statement=f"UPDATE \"{name}\" SET awards = 1 WHERE artist = 'B' AND song = '1'")
    message = refused(client.execute_statement, "ValidationException", Statement=f"DELETE FROM \"{name}\" WHERE artist = 'A'")
    assert message == "Where clause does not contain a mandatory equality on all key attributes"


def test_an_order_is_of_both_keys(client, name):
    for artist, song in (("A", "1"), ("A", "2"), ("B", "1"), ("B", "2")):
        client.put_item(TableName=name, Item={"artist": {"S": artist}, "song": {"S": song}})

    def found(rest):
        return [item["artist"]["S"] + item["song"]["S"] for item in client.execute_statement(Statement=f"SELECT * FROM \"{name}\" WHERE {rest}")["Items"]]

    assert found("artist IN ['A', 'B'] ORDER BY artist DESC, song ASC") == ["B1", "B2", "A1", "A2"]
    assert found("artist IN ['B', 'A'] ORDER BY artist ASC, song DESC") == ["A2", "A1", "B2", "B1"]
    assert found("artist = 'A' AND song IN ['2', '1'] ORDER BY song") == ["A1", "A2"]
    message = refused(client.execute_statement, "ValidationException", Statement=f"SELECT * FROM \"{name}\" WHERE artist IN ['A', 'B'] ORDER BY song")
    assert message == "Must have hash key in ORDER BY clause when more than one hash key condition specified in WHERE clause."


def test_several_statements_at_once(client, name):
    statements = [{"Statement": f"INSERT INTO \"{name}\" VALUE {{'artist': 'A', 'song': '{each}'}}"} for each in range(3)]
    assert all("Error" not in each for each in client.batch_execute_statement(Statements=statements)["Responses"])
    again = client.batch_execute_statement(Statements=statements[:1])["Responses"]
    assert again[0]["Error"]["Code"] == "DuplicateItem"
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        client.execute_transaction(TransactStatements=[{"Statement": f"DELETE FROM \"{name}\" WHERE artist = 'A' AND song = '1'"}, statements[0]])
    assert [each["Code"] for each in caught.value.response["CancellationReasons"]] == ["None", "DuplicateItem"]
    client.execute_transaction(TransactStatements=[
        {"Statement": f"EXISTS(SELECT * FROM \"{name}\" WHERE artist = 'A' AND song = '0' AND genre IS MISSING)"},
        {"Statement": f"DELETE FROM \"{name}\" WHERE artist = 'A' AND song = '1'"}])
    left = client.execute_transaction(TransactStatements=[{"Statement": f"SELECT * FROM \"{name}\" WHERE artist = 'A' AND song = '{each}'"} for each in range(3)])
    assert ["Item" in each for each in left["Responses"]] == [True, False, True]


def test_a_policy_can_deny_full_scans(platform, client, name):
    arn = f"arn:aws:dynamodb:us-east-1:000000000000:table/{name}"
    key = platform.user(f"p-{name}"[:60], {"Effect": "Allow", "Action": "dynamodb:PartiQLSelect", "Resource": arn},
                        {"Effect": "Deny", "Action": "dynamodb:PartiQLSelect", "Resource": arn, "Condition": {"Bool": {"dynamodb:FullTableScan": "true"}}})
    reader = platform.client("dynamodb", *key)
    assert reader.execute_statement(Statement=f"SELECT * FROM \"{name}\" WHERE artist = 'A'")["Items"] == []
    refused(reader.execute_statement, "AccessDeniedException", Statement=f"SELECT * FROM \"{name}\"")
    refused(reader.execute_statement, "AccessDeniedException", Statement=f"DELETE FROM \"{name}\" WHERE artist = 'A' AND song = '1'")


def test_functions_comments_and_both_orders_of_an_update(client, name):
    def run(text, *parameters):
        more = {"Parameters": list(parameters)} if parameters else {}
        return client.execute_statement(Statement=text.replace("Tab", f'"{name}"'), **more)["Items"]

    run("INSERT INTO Tab VALUE {'artist': 'F', 'song': '1', 'genre': 'x', 'm': {'deep': 'er'}}")
    where = "WHERE artist = 'F' AND song = '1'"
    assert len(run(f"SELECT * FROM Tab {where} AND attribute_exists(genre) AND NOT attribute_exists(none) AND genre IS STRING -- a note")) == 1
    assert run(f"/* a note */ SELECT * FROM Tab {where} AND attribute_not_exists(genre)") == []
    assert run(f"SELECT m.deep FROM Tab {where}") == [{"deep": {"S": "er"}}]
    assert run(f"FROM Tab {where} AND attribute_exists(m) SET a = .5e1 REMOVE genre RETURNING MODIFIED NEW *") == [{"a": {"N": "5"}}]
    message = refused(client.execute_statement, "ValidationException", Statement="SELECT * FROM \"nosuch\" WHERE a < ?", Parameters=[{"BOOL": True}])
    assert message == "Incorrect operand type for operator or function; operator or function: <, operand type: BOOL"
    batch = client.batch_execute_statement(Statements=[{"Statement": "SLECT"}, {"Statement": f'SELECT * FROM "{name}" {where}'}])["Responses"]
    assert batch[0]["Error"]["Code"] == "ValidationError" and batch[1]["Item"]["a"] == {"N": "5"}
    message = refused(client.execute_transaction, "ValidationException",
                      TransactStatements=[{"Statement": f'EXISTS(SELECT * FROM "{name}" {where})'}, {"Statement": f'UPDATE "{name}" SET a = 1 {where}'}])
    assert message == "Validation failed in TransactStatements[0]: EXISTS() must contain a single item read with additional condition"
    written = client.execute_transaction(TransactStatements=[{"Statement": f'UPDATE "{name}" SET a = 1 {where}'}])
    assert written["Responses"] == []
    message = refused(client.execute_statement, "ValidationException", Statement=f'SELECT * FROM "{name}"."by-genre" WHERE genre = \'x\'', ConsistentRead=True)
    assert message == "Strongly consistent read is not supported on Global Secondary Indexes"
