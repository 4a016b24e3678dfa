"""Event source mappings further: batches at once, tumbling windows, what is told of failures, tags; driven by unmodified boto3."""

import json

import pytest

from support import eventually, package, refused, trust
from test_lambda_streams import RAISE, Setting, lines

# Tells when it began and ended with which items; those of `slow` take a while.
TIMES = """import json, time
def handler(event, context):
    ids = [r["dynamodb"]["Keys"]["id"]["S"] for r in event["Records"]]
    began = time.time()
    time.sleep(1.5)
    print("GOT " + json.dumps([ids, [r["dynamodb"]["NewImage"]["v"]["N"] for r in event["Records"]], began, time.time()]))
"""
# Counts in the window's state.
COUNT = """import json
def handler(event, context):
    state = event["state"]
    state["count"] = state.get("count", 0) + len(event["Records"])
    if any("large" in r["dynamodb"]["NewImage"] for r in event["Records"]): state["fill"] = "x" * (1024 * 1024)
    told = {key: value for key, value in event.items() if key not in ("Records", "state")}
    print("GOT " + json.dumps({**told, "count": state["count"], "records": len(event["Records"])}))
    return {"state": state}
"""
STATELESS = """import json
def handler(event, context):
    print("GOT " + json.dumps(event["isFinalInvokeForWindow"]))
    return {}
"""


@pytest.fixture
def setting(platform, name):
    return Setting(platform, name)


def allow_bucket(setting, bucket, *actions):
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]}
    setting.platform.client("iam").put_role_policy(RoleName=setting.name, PolicyName="tell", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))


def test_batches_of_one_shard_run_at_once_and_an_item_stays_in_order(setting):
    function = setting.function(TIMES)
    for version in range(3):
        for item in range(6):
            setting.put(f"i{item}", v={"N": str(version)})
    made = setting.client.create_event_source_mapping(FunctionName=function, EventSourceArn=setting.stream, StartingPosition="TRIM_HORIZON", BatchSize=3, ParallelizationFactor=10)
    assert made["ParallelizationFactor"] == 10
    seen = eventually(lambda: (found := lines(setting.platform, function)) and sum(len(ids) for ids, *_ in found) >= 18 and found, timeout_s=60)
    order = {}
    for ids, versions, *_ in sorted(seen, key=lambda one: one[2]):
        for item, version in zip(ids, versions):
            order.setdefault(item, []).append(int(version))
    assert order == {f"i{item}": [0, 1, 2] for item in range(6)}, "an item's records are in order, each seen once"
    at_once = max(sum(1 for _, _, began, ended in seen if began <= at < ended) for _, _, at, _ in seen)
    assert at_once >= 2, seen
    items_at_once = [(set(a), set(b)) for a, _, a0, a1 in seen for b, _, b0, _ in seen if a0 < b0 < a1]
    assert all(not (one & other) for one, other in items_at_once), "one item is never in two batches at once"
    changed = setting.client.update_event_source_mapping(UUID=made["UUID"], ParallelizationFactor=1)
    assert changed["ParallelizationFactor"] == 1
    refused(setting.client.update_event_source_mapping, "ValidationException", UUID=made["UUID"], ParallelizationFactor=11)


def test_a_tumbling_window_keeps_its_state_and_tells_its_end(setting):
    function = setting.function(COUNT)
    uuid = setting.map(TumblingWindowInSeconds=5, BatchSize=2)
    assert setting.client.get_event_source_mapping(UUID=uuid)["TumblingWindowInSeconds"] == 5
    # Of one time, as they are of one transaction: in one window wherever that begins.
    items = [{"Put": {"TableName": setting.name, "Item": {"id": {"S": each}, "v": {"N": "1"}}}} for each in "abc"]
    setting.dynamodb.transact_write_items(TransactItems=items)
    told = eventually(lambda: (found := lines(setting.platform, function)) and found[-1]["isFinalInvokeForWindow"] and found, timeout_s=40)
    *runs, final = told
    assert [run["isFinalInvokeForWindow"] for run in runs] == [False] * len(runs) and not final["isWindowTerminatedEarly"]
    assert (final["count"], final["records"], sum(run["records"] for run in runs)) == (3, 0, 3)
    assert len({json.dumps(run["window"]) for run in told}) == 1 and final["eventSourceARN"] == setting.stream and final["shardId"].startswith("shardId-")
    assert final["window"]["start"].endswith("Z") and int(final["window"]["start"][17:19]) % 5 == 0
    setting.put("d", v={"N": "1"})
    again = eventually(lambda: (found := lines(setting.platform, function)[len(told):]) and found[-1]["isFinalInvokeForWindow"] and found, timeout_s=40)
    assert again[-1]["count"] == 1, "a new window begins without a state"


def test_a_window_with_too_large_a_state_ends_early(setting):
    function = setting.function(COUNT)
    setting.map(TumblingWindowInSeconds=600)
    setting.put("a", large={"BOOL": True})
    told = eventually(lambda: (found := lines(setting.platform, function)) and len(found) >= 2 and found, timeout_s=40)
    assert [(each["isFinalInvokeForWindow"], each["isWindowTerminatedEarly"], each["count"]) for each in told] == [(False, False, 1), (True, True, 1)]


def test_an_answer_without_a_state_is_a_failure(setting):
    function = setting.function(STATELESS)
    uuid = setting.map(TumblingWindowInSeconds=600, MaximumRetryAttempts=1)
    setting.put("a")
    eventually(lambda: len(lines(setting.platform, function)) >= 2, timeout_s=40)
    assert lines(setting.platform, function) == [False, False]
    eventually(lambda: setting.client.get_event_source_mapping(UUID=uuid)["LastProcessingResult"] == "PROBLEM: Function call failed")


def test_records_that_are_given_up_are_told_to_a_bucket(setting):
    function, s3 = setting.function(RAISE), setting.platform.client("s3")
    bucket = setting.name.lower()
    s3.create_bucket(Bucket=bucket)
    to = {"OnFailure": {"Destination": f"arn:aws:s3:::{bucket}"}}
    message = refused(setting.client.create_event_source_mapping, "InvalidParameterValueException", FunctionName=function, EventSourceArn=setting.stream,
                      StartingPosition="TRIM_HORIZON", DestinationConfig=to)
    assert "permissions" in message
    allow_bucket(setting, bucket, "s3:PutObject", "s3:ListBucket")
    uuid = setting.map(DestinationConfig=to, MaximumRetryAttempts=1, BisectBatchOnFunctionError=True)
    assert setting.client.get_event_source_mapping(UUID=uuid)["DestinationConfig"] == to
    setting.put("a", "bad", "c")
    keys = eventually(lambda: [each["Key"] for each in s3.list_objects_v2(Bucket=bucket).get("Contents", [])], timeout_s=60)
    assert len(keys) == 1 and keys[0].startswith(f"aws/lambda/{uuid}/shardId-")
    stored = s3.get_object(Bucket=bucket, Key=keys[0])
    record = json.loads(stored["Body"].read())
    info = record["DDBStreamBatchInfo"]
    assert record["requestContext"] | {"requestId": ""} == {"requestId": "", "functionArn": f"arn:aws:lambda:us-east-1:000000000000:function:{function}",
                                                          "condition": "RetryAttemptsExhausted", "approximateInvokeCount": 2}
    assert record["responseContext"] == {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"} and record["version"] == "1.0"
    assert (info["batchSize"], info["streamArn"], info["startSequenceNumber"]) == (1, setting.stream, info["endSequenceNumber"])
    assert info["shardId"] == keys[0].split("/")[3] and info["approximateArrivalOfFirstRecord"].endswith("Z")
    assert [r["dynamodb"]["Keys"]["id"]["S"] for r in json.loads(record["payload"])["Records"]] == ["bad"]
    eventually(lambda: ["c"] in lines(setting.platform, function), timeout_s=40)


def test_records_that_are_too_old_are_told_too(setting):
    function, s3 = setting.function(RAISE), setting.platform.client("s3")
    bucket = setting.name.lower()
    s3.create_bucket(Bucket=bucket)
    allow_bucket(setting, bucket, "s3:PutObject", "s3:ListBucket")
    refused(setting.client.create_event_source_mapping, "InvalidParameterValueException", FunctionName=function, EventSourceArn=setting.stream,
            StartingPosition="TRIM_HORIZON", MaximumRecordAgeInSeconds=59)
    setting.put("bad")
    setting.map(DestinationConfig={"OnFailure": {"Destination": f"arn:aws:s3:::{bucket}"}}, MaximumRecordAgeInSeconds=60)
    keys = eventually(lambda: [each["Key"] for each in s3.list_objects_v2(Bucket=bucket).get("Contents", [])], timeout_s=150)
    record = json.loads(s3.get_object(Bucket=bucket, Key=keys[0])["Body"].read())
    assert record["requestContext"]["condition"] == "RecordAgeExceeded" and record["requestContext"]["approximateInvokeCount"] >= 1
    assert record["responseContext"]["functionError"] == "Unhandled"


def test_other_destinations_are_refused_by_name(setting):
    function = setting.function(RAISE)
    for destination, part in (("arn:aws:sqs:us-east-1:000000000000:q", "no sqs service yet"), ("arn:aws:sns:us-east-1:000000000000:t", "no sns service yet"),
                              (f"arn:aws:lambda:us-east-1:000000000000:function:{function}", "a function is no destination"), ("arn:aws:s3:::never-made-bucket", "")):
        message = refused(setting.client.create_event_source_mapping, "InvalidParameterValueException", FunctionName=function, EventSourceArn=setting.stream,
                          StartingPosition="LATEST", DestinationConfig={"OnFailure": {"Destination": destination}})
        assert part in message
    message = refused(setting.client.create_event_source_mapping, "InvalidParameterValueException", FunctionName=function, EventSourceArn=setting.stream,
                      StartingPosition="LATEST", DestinationConfig={"OnSuccess": {"Destination": "arn:aws:s3:::some-bucket"}})
    assert "OnSuccess" in message


def test_mappings_carry_tags_and_policies_see_them(setting):
    function, client = setting.function(RAISE), setting.client
    uuid = setting.map(Enabled=False, Tags={"team": "red", "other": "1"})
    arn = client.get_event_source_mapping(UUID=uuid)["EventSourceMappingArn"]
    assert client.list_tags(Resource=arn)["Tags"] == {"team": "red", "other": "1"}
    client.tag_resource(Resource=arn, Tags={"team": "blue"})
    client.untag_resource(Resource=arn, TagKeys=["other"])
    assert client.list_tags(Resource=arn)["Tags"] == {"team": "blue"}
    refused(client.tag_resource, "ResourceNotFoundException", Resource=arn[:-4] + "ffff", Tags={"a": "b"})
    refused(client.tag_resource, "InvalidParameterValueException", Resource=arn, Tags={"aws:mine": "1"})
    iam = setting.platform.client("iam")
    iam.create_user(UserName=setting.name)
    statement = {"Effect": "Allow", "Action": ["lambda:TagResource", "lambda:ListTags", "lambda:GetEventSourceMapping"], "Resource": "*",
                 "Condition": {"StringEquals": {"aws:ResourceTag/team": "blue"}}}
    iam.put_user_policy(UserName=setting.name, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    key = iam.create_access_key(UserName=setting.name)["AccessKey"]
    mine = setting.platform.client("lambda", key["AccessKeyId"], key["SecretAccessKey"])
    assert mine.get_event_source_mapping(UUID=uuid)["FunctionArn"].endswith(function)
    mine.tag_resource(Resource=arn, Tags={"team": "red"})
    refused(mine.list_tags, "AccessDeniedException", Resource=arn)
