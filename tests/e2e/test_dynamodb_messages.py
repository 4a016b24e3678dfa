"""Bad requests, and DynamoDB's own words about them: sent as they are, past every client that would have refused them."""

import json

import pytest

from support import refused, signed_get

BAD_VALUES = "One or more parameter values were invalid: "
EMPTY = "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"
TWO = "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes"
DIGITS = "Attempting to store more than 38 significant digits in a Number"
OVERFLOW = "Number overflow. Attempting to store a number with magnitude larger than supported range"
UNDERFLOW = "Number underflow. Attempting to store a number with magnitude smaller than supported range"
ARGUMENTS = "The attempted filter operation is not supported for the provided filter argument count"
NOT_INDEXABLE = "Attempted conditional constraint is not an indexable operation"

VALUES = [
    ({}, EMPTY),
    ({"a": ""}, EMPTY),
    ({"NULL": False}, BAD_VALUES + "Null attribute value types must have the value of true"),
    ({"SS": []}, BAD_VALUES + "An string set  may not be empty"),
    ({"NS": []}, BAD_VALUES + "An number set  may not be empty"),
    ({"BS": []}, BAD_VALUES + "Binary sets should not be empty"),
    ({"SS": ["a", "a"]}, BAD_VALUES + "Input collection [a, a] contains duplicates."),
    ({"BS": ["Yg==", "Yg=="]}, BAD_VALUES + "Input collection [Yg==, Yg==]of type BS contains duplicates."),
    ({"NS": ["1", "1"]}, "Input collection contains duplicates"),
    ({"S": "a", "N": "1"}, TWO),
    ({"N": ""}, "The parameter cannot be converted to a numeric value"),
    ({"N": "b"}, "The parameter cannot be converted to a numeric value: b"),
    ({"NS": ["1", ""]}, "The parameter cannot be converted to a numeric value"),
    ({"NS": ["1", "b", "a"]}, "The parameter cannot be converted to a numeric value: b"),
    ({"N": "123456789012345678901234567890123456789"}, DIGITS),
    ({"N": "-1.23456789012345678901234567890123456789"}, DIGITS),
    ({"N": "1e126"}, OVERFLOW),
    ({"N": "-1e126"}, OVERFLOW),
    ({"N": "1e-131"}, UNDERFLOW),
    ({"N": "-1e-131"}, UNDERFLOW),
]
EXPECTED = [
    ({}, "Value must be provided when Exists is null for Attribute: a"),
    ({"Exists": True}, "Value must be provided when Exists is true for Attribute: a"),
    ({"Exists": False, "Value": {"S": "a"}}, "Value cannot be used when Exists is false for Attribute: a"),
    ({"ComparisonOperator": "LT"}, "Value or AttributeValueList must be used with ComparisonOperator: LT for Attribute: a"),
    ({"Exists": True, "ComparisonOperator": "LT"}, "Exists and ComparisonOperator cannot be used together for Attribute: a"),
    ({"AttributeValueList": [{"S": "a"}], "Value": {"S": "a"}, "ComparisonOperator": "LT"},
     "Value and AttributeValueList cannot be used together for Attribute: a"),
    ({"AttributeValueList": [{"S": "a"}]}, "AttributeValueList can only be used with a ComparisonOperator for Attribute: a"),
    ({"AttributeValueList": [], "ComparisonOperator": "EQ"}, "Invalid number of argument(s) for the EQ ComparisonOperator"),
    ({"AttributeValueList": [{"S": "a"}], "ComparisonOperator": "NULL"}, "Invalid number of argument(s) for the NULL ComparisonOperator"),
    ({"AttributeValueList": [], "ComparisonOperator": "IN"}, "Invalid number of argument(s) for the IN ComparisonOperator"),
    ({"AttributeValueList": [{"N": "1"}, {"N": "10"}, {"N": "12"}], "ComparisonOperator": "BETWEEN"},
     "Invalid number of argument(s) for the BETWEEN ComparisonOperator"),
    ({"Value": {"S": "a"}, "ComparisonOperator": "BETWEEN"}, "Invalid number of argument(s) for the BETWEEN ComparisonOperator"),
]
# Placeholders for the expressions below.
NAMES = {"#a": "a", "#b": "b"}
TYPED = {":a": {"S": "a"}, ":b": {"N": "1"}, ":c": {"B": "YQ=="}, ":d": {"BOOL": True}, ":e": {"NULL": True}, ":f": {"SS": ["a"]}, ":g": {"NS": ["1"]},
         ":h": {"BS": ["YQ=="]}, ":i": {"M": {}}, ":j": {"L": []}}
OPERAND = "Incorrect operand type for operator or function; "
UPDATES = [
    (" set #c = :c set abOrt = true ", "Attribute name is a reserved keyword; reserved keyword: abOrt"),
    (" remove Absolute ", "Attribute name is a reserved keyword; reserved keyword: Absolute"),
    ("set #c = if_not_exist(:c) set c = d", "Invalid function name; function: if_not_exist"),
    ("set a = #c set c = :d", 'The "SET" section can only be used once in an update expression;'),
    ("remove #d set a = b remove e", 'The "REMOVE" section can only be used once in an update expression;'),
    ("add #d :e set a = b add e :f", 'The "ADD" section can only be used once in an update expression;'),
    ("delete #d :e set a = b delete #e :f", 'The "DELETE" section can only be used once in an update expression;'),
    ("set c.b.#a = a, c = a, b = a", "Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [c, b, a], path two: [c]"),
    ("set a = b remove a, #b", "Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [a], path two: [a]"),
    ("remove a.#b set a[1] = c", "Two document paths conflict with each other; must remove or rewrite one of these paths; path one: [a, b], path two: [a, [1]]"),
    ("delete a.b :a", OPERAND + "operator: DELETE, operand type: STRING"),
    ("add a.b :a", OPERAND + "operator: ADD, operand type: STRING"),
    ("add a.b :e", OPERAND + "operator: ADD, operand type: NULL"),
    ("add a.b :d", OPERAND + "operator: ADD, operand type: BOOLEAN"),
    ("add a.b :c", OPERAND + "operator: ADD, operand type: BINARY"),
    ("add a.b :i", OPERAND + "operator: ADD, operand type: MAP"),
    ("add a.b :j", OPERAND + "operator: ADD, operand type: LIST"),
    ("delete a.b :b", OPERAND + "operator: DELETE, operand type: NUMBER"),
    ("set a = if_not_exists(c)", "Incorrect number of operands for operator or function; operator or function: if_not_exists, number of operands: 1"),
    ("set a = list_append(c)", "Incorrect number of operands for operator or function; operator or function: list_append, number of operands: 1"),
    ("set a = if_not_exists(:a, c)", "Operator or function requires a document path; operator or function: if_not_exists"),
    *((f"set a = list_append({value}, a)", OPERAND + f"operator or function: list_append, operand type: {kind}")
      for value, kind in ((":a", "S"), (":b", "N"), (":c", "B"), (":d", "BOOL"), (":e", "NULL"), (":f", "SS"), (":g", "NS"), (":h", "BS"), (":i", "M"))),
    *((f"set a = a {sign} {value}", OPERAND + f"operator or function: {sign}, operand type: {kind}")
      for sign in "+-" for value, kind in ((":a", "S"), (":c", "B"), (":d", "BOOL"), (":e", "NULL"), (":f", "SS"), (":i", "M"), (":j", "L"))),
    ("", "The expression can not be empty;"),
]
UPDATE_SYNTAX = ["whatever", "set a", "add a", "delete a", "set a=set", "remove a = b", "add a = b", "delete a b", "add abort b", "remove a b", "set :a = b",
                 "remove :a", "set a = b / c", 'set a[1] = "eight"', "set a[1] = 1", "set (a = (b + c))", "set a = (b.c).d + e", "set a = b + c + d"]
KEY_CONDITIONS = [
    ({}, "Conditions can be of length 1 or 2 only"),
    ({name: {"ComparisonOperator": "NULL"} for name in "abc"}, "Conditions can be of length 1 or 2 only"),
    ({"a": {"ComparisonOperator": "EQ"}}, ARGUMENTS),
    ({"a": {"ComparisonOperator": "EQ", "AttributeValueList": [{"S": "a"}, {"S": "a"}]}}, ARGUMENTS),
    ({"a": {"ComparisonOperator": "NULL", "AttributeValueList": [{"S": "a"}]}}, ARGUMENTS),
    *(({"a": {"ComparisonOperator": operator}}, ARGUMENTS) for operator in ("NE", "LE", "LT", "GE", "GT", "CONTAINS", "BEGINS_WITH", "IN", "BETWEEN")),
    *(({"a": {"ComparisonOperator": operator, "AttributeValueList": [{"S": "a"}]}}, NOT_INDEXABLE) for operator in ("CONTAINS", "NOT_CONTAINS", "IN")),
    *(({"a": {"ComparisonOperator": operator}}, NOT_INDEXABLE) for operator in ("NULL", "NOT_NULL")),
    *(({"a": {"ComparisonOperator": operator, "AttributeValueList": [{"S": "a"}]}}, "Query key condition not supported")
      for operator in ("LE", "LT", "GE", "GT", "BEGINS_WITH")),
    ({"a": {"ComparisonOperator": "EQ", "AttributeValueList": [{}]}}, EMPTY),
    ({"a": {"ComparisonOperator": "EQ", "AttributeValueList": [{"N": "b"}]}}, "The parameter cannot be converted to a numeric value: b"),
]
STARTS = [({"a": value}, "The provided starting key is invalid: " + message) for value, message in (
    ({}, EMPTY), ({"S": "a", "N": "1"}, TWO), ({"N": ""}, "The parameter cannot be converted to a numeric value"),
    ({"NS": ["1", "b"]}, "The parameter cannot be converted to a numeric value: b"))]


@pytest.fixture(scope="module")
def table(platform):
    client = platform.client("dynamodb")
    client.create_table(TableName="messages", BillingMode="PAY_PER_REQUEST", AttributeDefinitions=[{"AttributeName": "a", "AttributeType": "S"}],
                        KeySchema=[{"AttributeName": "a", "KeyType": "HASH"}])
    yield "messages"
    client.delete_table(TableName="messages")


def told(platform, operation, **request):
    headers = {"content-type": "application/x-amz-json-1.0", "x-amz-target": "DynamoDB_20120810." + operation}
    answer = signed_get(platform, "/", "POST", json.dumps(request).encode(), service="dynamodb", headers=headers)
    body = answer.json()
    assert answer.status_code == 400 and body["__type"].endswith("#ValidationException"), body
    return body["message"]


def differences(platform, cases):
    """What was said otherwise than DynamoDB says it, all of it at once."""
    found = [(request, told(platform, operation, **request), message) for operation, request, message in cases]
    return [each for each in found if each[1] != each[2]]


def test_values(platform, table):
    puts = [("PutItem", {"TableName": table, "Item": {"a": {"S": "k"}, "b": value}}, message) for value, message in VALUES]
    keys = [("UpdateItem", {"TableName": table, "Key": {"a": value}}, message) for value, message in VALUES]
    given = [("UpdateItem", {"TableName": table, "Key": {"a": {"S": "k"}}, "UpdateExpression": "set b = :b", "ExpressionAttributeValues": {":b": value}},
              f"ExpressionAttributeValues contains invalid value: {message} for key :b") for value, message in VALUES]
    assert differences(platform, puts + keys + given) == []


def test_expected(platform, table):
    key = {"a": {"S": "k"}}
    cases = [(operation, {"TableName": table, member: key, "Expected": {"a": expected}}, BAD_VALUES + message)
             for expected, message in EXPECTED for operation, member in (("PutItem", "Item"), ("DeleteItem", "Key"), ("UpdateItem", "Key"))]
    assert differences(platform, cases) == []


def test_attribute_updates(platform, table):
    update = lambda **update: {"TableName": table, "Key": {"a": {"S": "k"}}, "AttributeUpdates": {"b": update}}  # noqa: E731
    values = {"S": "1", "B": "Yg==", "NULL": True, "BOOL": True, "M": {}}
    cases = [("UpdateItem", update(x="whatever"), BAD_VALUES + "Only DELETE action is allowed when no attribute value is specified")]
    cases += [("UpdateItem", update(Action="ADD", Value={kind: value}), BAD_VALUES + f"ADD action is not supported for the type {kind}")
              for kind, value in values.items()]
    cases += [("UpdateItem", update(Action="DELETE", Value={kind: value}), BAD_VALUES + f"DELETE action with value is not supported for the type {kind}")
              for kind, value in {**values, "N": "1", "L": []}.items()]
    assert differences(platform, cases) == []


def test_placeholders(platform, table):
    request = {"TableName": table, "Key": {"a": {"S": "k"}}}
    both = {**request, "ConditionExpression": "a = :b", "UpdateExpression": "set b = :b"}
    cases = [
        ({**request, "Expected": {"a": {}}, "AttributeUpdates": {}, "UpdateExpression": "", "ConditionExpression": ""},
         "Can not use both expression and non-expression parameters in the same request: "
         "Non-expression parameters: {AttributeUpdates, Expected} Expression parameters: {UpdateExpression, ConditionExpression}"),
        ({**request, "ExpressionAttributeNames": {}}, "ExpressionAttributeNames can only be specified when using expressions"),
        ({**request, "ExpressionAttributeValues": {}},
         "ExpressionAttributeValues can only be specified when using expressions: UpdateExpression and ConditionExpression are null"),
        ({**both, "ExpressionAttributeNames": {}}, "ExpressionAttributeNames must not be empty"),
        ({**both, "ExpressionAttributeNames": {"a": "a"}}, 'ExpressionAttributeNames contains invalid key: Syntax error; key: "a"'),
        ({**both, "ExpressionAttributeValues": {}}, "ExpressionAttributeValues must not be empty"),
        ({**both, "ExpressionAttributeValues": {"b": {"S": "a"}}}, 'ExpressionAttributeValues contains invalid key: Syntax error; key: "b"'),
        ({**both, "ExpressionAttributeValues": {":b": {"S": "a"}}, "ExpressionAttributeNames": {"#x": "a"}},
         "Value provided in ExpressionAttributeNames unused in expressions: keys: {#x}"),
        ({**both, "ExpressionAttributeValues": {":b": {"S": "a"}, ":x": {"S": "a"}}},
         "Value provided in ExpressionAttributeValues unused in expressions: keys: {:x}"),
        ({**request, "UpdateExpression": "set b = :c", "ExpressionAttributeValues": {":b": {"S": "a"}}},
         "Invalid UpdateExpression: An expression attribute value used in expression is not defined; attribute value: :c"),
        ({**request, "UpdateExpression": "set #c = a", "ExpressionAttributeNames": NAMES},
         "Invalid UpdateExpression: An expression attribute name used in the document path is not defined; attribute name: #c"),
        ({**request, "ConditionExpression": ""}, "Invalid ConditionExpression: The expression can not be empty;"),
    ]
    assert differences(platform, [("UpdateItem", *case) for case in cases]) == []


def test_update_expressions(platform, table):
    request = {"TableName": table, "Key": {"a": {"S": "k"}}}
    cases = []
    for expression, message in UPDATES:
        given = {**request, "UpdateExpression": expression}
        if expression:
            given |= {"ExpressionAttributeNames": NAMES, "ExpressionAttributeValues": TYPED}
        cases.append(("UpdateItem", given, "Invalid UpdateExpression: " + message))
    assert differences(platform, cases) == []
    for expression in UPDATE_SYNTAX:
        message = told(platform, "UpdateItem", **request, UpdateExpression=expression)
        assert message.startswith("Invalid UpdateExpression: Syntax error; "), (expression, message)


def test_key_conditions_and_starts(platform, table):
    cases = [("Query", {"TableName": table, "KeyConditions": conditions}, message) for conditions, message in KEY_CONDITIONS]
    known = {"a": {"ComparisonOperator": "EQ", "AttributeValueList": [{"S": "a"}]}}
    cases += [("Query", {"TableName": table, "KeyConditions": known, "ExclusiveStartKey": start}, message) for start, message in STARTS]
    cases += [
        ("Query", {"TableName": table, "KeyConditions": known, "AttributesToGet": ["a", "a"]}, BAD_VALUES + "Duplicate value in attribute name: a"),
        ("Query", {"TableName": table, "KeyConditions": known, "IndexName": "whatever"}, "The table does not have the specified index: whatever"),
        ("Query", {"TableName": table}, "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request."),
    ]
    assert differences(platform, cases) == []


def test_items_are_as_deep_as_they_may_be_and_no_deeper(platform, table):
    """AWS stores a scalar below 31 lists or maps, and refuses it below 32, by whichever call it comes."""

    def wrapped(levels):
        value = {"S": "x"}
        for level in range(levels):
            value = {"L": [value]} if level % 2 else {"M": {"a": value}}
        return {"a": {"S": "deep"}, "deep": value}

    client = platform.client("dynamodb")
    calls = [lambda item: client.put_item(TableName=table, Item=item), lambda item: client.batch_write_item(RequestItems={table: [{"PutRequest": {"Item": item}}]}),
             lambda item: client.transact_write_items(TransactItems=[{"Put": {"TableName": table, "Item": item}}])]
    for call in calls:
        call(wrapped(31))
        assert client.get_item(TableName=table, Key={"a": {"S": "deep"}})["Item"] == wrapped(31)
        assert "Nesting Levels have exceeded supported limits" in refused(call, "ValidationException", item=wrapped(32))
