"""Event source mappings: functions run with what DynamoDB streams hold, driven by unmodified boto3."""

import json

import pytest

from support import SEEN, eventually, logged, make_seen, package, refused, seen, trust

KEEP = """import json
def handler(event, context):
    print("GOT " + json.dumps(event))
"""
# Fails for the items that say so; tells which where it is asked to.
PARTIAL = """import json
def handler(event, context):
    failed = [r["dynamodb"]["SequenceNumber"] for r in event["Records"] if r["dynamodb"]["Keys"]["id"]["S"].startswith("bad")]
    print("GOT " + json.dumps([r["dynamodb"]["Keys"]["id"]["S"] for r in event["Records"]]))
    return {"batchItemFailures": [{"itemIdentifier": each} for each in failed]}
"""
RAISE = """import json
def handler(event, context):
    ids = [r["dynamodb"]["Keys"]["id"]["S"] for r in event["Records"]]
    print("GOT " + json.dumps(ids))
    if any(each.startswith("bad") for each in ids): raise ValueError("bad")
"""


def lines(platform, function):
    found = logged(platform.client("logs"), f"/aws/lambda/{function}")
    return [json.loads(line.removeprefix("GOT ")) for line in found if line.startswith("GOT ")]


@pytest.fixture
def setting(platform, name):
    """A table with a stream, a role that may read it, and a way to make functions."""
    return Setting(platform, name)


class Setting:
    def __init__(self, platform, name, may_read=True):
        self.platform, self.name, self.client = platform, name, platform.client("lambda")
        self.dynamodb = platform.client("dynamodb")
        table = self.dynamodb.create_table(
            TableName=name, BillingMode="PAY_PER_REQUEST", AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}], StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"})
        self.stream = table["TableDescription"]["LatestStreamArn"]
        iam = platform.client("iam")
        self.role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust({"Service": "lambda.amazonaws.com"}))["Role"]["Arn"]
        iam.attach_role_policy(RoleName=name, PolicyArn="arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole")
        if may_read:
            actions = ["dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:DescribeStream", "dynamodb:ListStreams"]
            statement = {"Effect": "Allow", "Action": actions, "Resource": f"arn:aws:dynamodb:us-east-1:000000000000:table/{name}/stream/*"}
            iam.put_role_policy(RoleName=name, PolicyName="read", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))

    def function(self, code):
        self.client.create_function(FunctionName=self.name, Runtime="python3.12", Role=self.role, Handler="app.handler", Timeout=60, Code={"ZipFile": package(app__py=code)})
        return self.name

    def put(self, *ids, **more):
        for each in ids:
            self.dynamodb.put_item(TableName=self.name, Item={"id": {"S": each}, **more})

    def map(self, **settings):
        return self.client.create_event_source_mapping(FunctionName=self.name, EventSourceArn=self.stream, **{"StartingPosition": "TRIM_HORIZON", **settings})["UUID"]


def test_changes_reach_the_function_in_order(setting):
    function = setting.function(KEEP)
    setting.put("before", v={"N": "1"})
    made = setting.client.create_event_source_mapping(FunctionName=function, EventSourceArn=setting.stream, StartingPosition="TRIM_HORIZON", BatchSize=10)
    assert (made["State"], made["BatchSize"], made["MaximumRetryAttempts"]) == ("Creating", 10, -1)
    setting.put("one", v={"N": "2"}, b={"B": b"\x00\xff"})
    setting.dynamodb.delete_item(TableName=setting.name, Key={"id": {"S": "one"}})
    records = eventually(lambda: (found := [r for event in lines(setting.platform, function) for r in event["Records"]]) and len(found) >= 3 and found, timeout_s=40)
    assert [(r["eventName"], r["dynamodb"]["Keys"]["id"]["S"]) for r in records] == [("INSERT", "before"), ("INSERT", "one"), ("REMOVE", "one")]
    insert = records[1]
    assert (insert["eventSource"], insert["eventSourceARN"], insert["awsRegion"]) == ("aws:dynamodb", setting.stream, "us-east-1")
    assert insert["dynamodb"]["NewImage"]["b"] == {"B": "AP8="} and isinstance(insert["dynamodb"]["ApproximateCreationDateTime"], int)
    shown = setting.client.get_event_source_mapping(UUID=made["UUID"])
    assert (shown["State"], shown["FunctionArn"].rsplit(":", 1)[1]) == ("Enabled", function)
    eventually(lambda: setting.client.get_event_source_mapping(UUID=made["UUID"])["LastProcessingResult"] == "OK")


def test_filters_let_through_what_they_say(setting):
    function = setting.function(KEEP)
    pattern = {"eventName": ["INSERT"], "dynamodb": {"NewImage": {"kind": {"S": [{"prefix": "or"}]}}}}
    setting.map(FilterCriteria={"Filters": [{"Pattern": json.dumps(pattern)}]})
    setting.put("a", kind={"S": "other"})
    setting.put("b", kind={"S": "order"})
    setting.put("b", kind={"S": "order"}, again={"BOOL": True})
    setting.put("last", kind={"S": "or"})
    seen = eventually(lambda: (found := [r["dynamodb"]["Keys"]["id"]["S"] for event in lines(setting.platform, function) for r in event["Records"]]) and "last" in found and found, timeout_s=40)
    assert seen == ["b", "last"]
    message = refused(setting.client.create_event_source_mapping, "InvalidParameterValueException", FunctionName=function, EventSourceArn=setting.stream + "x",
                      StartingPosition="LATEST", FilterCriteria={"Filters": [{"Pattern": "{\"a\": 1}"}]})
    assert message == "Invalid filter pattern definition."


def test_a_function_says_which_records_failed(setting):
    function = setting.function(PARTIAL)
    setting.put("a", "bad", "c")
    setting.map(FunctionResponseTypes=["ReportBatchItemFailures"], MaximumRetryAttempts=1)
    eventually(lambda: len(lines(setting.platform, function)) >= 2, timeout_s=40)
    setting.put("d")
    seen = eventually(lambda: (found := lines(setting.platform, function)) and ["d"] in found and found, timeout_s=40)
    assert seen == [["a", "bad", "c"], ["bad", "c"], ["d"]]


def test_a_failing_batch_is_split_until_the_bad_record_stands_alone(setting):
    function = setting.function(RAISE)
    setting.put("a", "b", "bad", "d")
    setting.map(BisectBatchOnFunctionError=True, MaximumRetryAttempts=0)
    setting_lines = eventually(lambda: (found := lines(setting.platform, function)) and ["d"] in found and found, timeout_s=60)
    assert setting_lines == [["a", "b", "bad", "d"], ["a", "b"], ["bad", "d"], ["bad"], ["d"]]


def test_mappings_are_changed_listed_and_deleted(setting):
    function = setting.function(KEEP)
    uuid = setting.map(Enabled=False)
    refused(setting.client.create_event_source_mapping, "ResourceConflictException", FunctionName=function, EventSourceArn=setting.stream, StartingPosition="LATEST")
    assert setting.client.get_event_source_mapping(UUID=uuid)["State"] == "Disabled"
    setting.put("x")
    changed = setting.client.update_event_source_mapping(UUID=uuid, Enabled=True, BatchSize=7, MaximumBatchingWindowInSeconds=1)
    assert (changed["State"], changed["BatchSize"]) == ("Updating", 7)
    eventually(lambda: lines(setting.platform, function), timeout_s=40)
    assert [each["UUID"] for each in setting.client.list_event_source_mappings(FunctionName=function)["EventSourceMappings"]] == [uuid]
    assert [each["UUID"] for each in setting.client.list_event_source_mappings(EventSourceArn=setting.stream)["EventSourceMappings"]] == [uuid]
    assert setting.client.delete_event_source_mapping(UUID=uuid)["State"] == "Deleting"
    refused(setting.client.get_event_source_mapping, "ResourceNotFoundException", UUID=uuid)
    message = refused(setting.client.create_event_source_mapping, "InvalidParameterValueException", FunctionName=function, EventSourceArn=setting.stream,
                      StartingPosition="LATEST", StartingPositionTimestamp=1)
    assert message == "Timestamp only valid with StartingPosition AT_TIMESTAMP"
    message = refused(setting.client.create_event_source_mapping, "InvalidParameterValueException", FunctionName=function,
                      EventSourceArn="arn:aws:sqs:us-east-1:000000000000:q")
    assert "no event source of sqs yet" in message


def test_a_role_that_may_not_read_gets_no_mapping(platform, name):
    setting = Setting(platform, name, may_read=False)
    setting.function(KEEP)
    message = refused(setting.client.create_event_source_mapping, "InvalidParameterValueException", FunctionName=name, EventSourceArn=setting.stream,
                      StartingPosition="LATEST")
    assert message.startswith(f"Cannot access stream {setting.stream}.")


NOTE = """def handler(event, context):
    for record in event["Records"]:
        put(record["dynamodb"]["Keys"]["id"]["S"] + " " + context.aws_request_id)
"""


def test_reading_goes_on_where_it_was_after_kill_9(fresh):
    fresh.start()
    setting = Setting(fresh, "orders")
    make_seen(setting.dynamodb)
    fresh.client("iam").put_role_policy(RoleName="orders", PolicyName="note", PolicyDocument=json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "dynamodb:PutItem", "Resource": "*"}]}))
    setting.function(SEEN + NOTE)
    setting.map()
    setting.put(*[f"a{n}" for n in range(20)])

    def ids():
        return [each.split()[0] for each in seen(setting.dynamodb)]

    eventually(lambda: len(ids()) >= 20, timeout_s=40)
    setting.put(*[f"b{n}" for n in range(20)])
    fresh.kill()
    fresh.start()
    setting.dynamodb = fresh.client("dynamodb")
    setting.put("last")
    eventually(lambda: "last" in ids(), timeout_s=60)
    assert set(ids()) == {f"{part}{n}" for part in "ab" for n in range(20)} | {"last"}
    assert len([each for each in ids() if each.startswith("a")]) < 40, "what was over was read again from the start"
