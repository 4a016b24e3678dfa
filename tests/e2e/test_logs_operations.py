"""Every operation of logs, and cloudtrail's, driven by unmodified boto3 and the `aws` CLI."""

import datetime
import json
import time

import pytest

from support import refused

ARN = "arn:aws:logs:us-east-1:000000000000:log-group:"


def now_ms():
    return int(time.time() * 1000)


@pytest.fixture
def logs(platform):
    return platform.client("logs")


@pytest.fixture
def group(logs, name):
    logs.create_log_group(logGroupName=name, tags={"first": "1"})
    yield name
    logs.delete_log_group(logGroupName=name)


def test_groups_are_listed_and_described(logs, group):
    described = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    assert [(each["logGroupName"], each["arn"], each["storedBytes"]) for each in described] == [(group, f"{ARN}{group}:*", 0)]
    listed = logs.list_log_groups(logGroupNamePattern="^" + group[:20])["logGroups"]
    assert [(each["logGroupName"], each["logGroupArn"]) for each in listed] == [(group, ARN + group)]
    refused(logs.describe_log_groups, "InvalidParameterException", logGroupNamePrefix="a", logGroupNamePattern="b")
    refused(logs.create_log_group, "InvalidParameterException", logGroupName="a b")


def test_a_protected_group_stays(logs, group):
    logs.put_log_group_deletion_protection(logGroupIdentifier=group, deletionProtectionEnabled=True)
    assert logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]["deletionProtectionEnabled"] is True
    refused(logs.delete_log_group, "ValidationException", logGroupName=group)
    logs.put_log_group_deletion_protection(logGroupIdentifier=ARN + group, deletionProtectionEnabled=False)


def test_retention_is_put_and_deleted(logs, group):
    logs.put_retention_policy(logGroupName=group, retentionInDays=30)
    assert logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]["retentionInDays"] == 30
    logs.delete_retention_policy(logGroupName=group)
    for call, arguments in ((logs.delete_retention_policy, {}), (logs.put_retention_policy, {"retentionInDays": 1})):
        refused(call, "ResourceNotFoundException", logGroupName="never-made", **arguments)


def test_streams_are_made_described_and_deleted(logs, group):
    at = now_ms()
    for stream, offset in (("a", 0), ("b", 10), ("c", 5)):
        logs.create_log_stream(logGroupName=group, logStreamName=stream)
        logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=[{"timestamp": at - offset * 1000, "message": stream}])
    names = lambda **arguments: [each["logStreamName"] for each in logs.describe_log_streams(logGroupName=group, **arguments)["logStreams"]]
    assert names() == ["a", "b", "c"] and names(logStreamNamePrefix="b") == ["b"] and names(descending=True, limit=2) == ["c", "b"]
    assert names(orderBy="LastEventTime", descending=True) == ["a", "c", "b"]
    refused(logs.describe_log_streams, "InvalidParameterException", logGroupName=group, orderBy="LastEventTime", logStreamNamePrefix="a")
    assert logs.get_log_events(logGroupIdentifier=ARN + group, logStreamName="b")["events"][0]["message"] == "b"
    assert [event["message"] for event in logs.filter_log_events(logGroupName=group, logStreamNames=["a", "b"])["events"]] == ["b", "a"]
    logs.delete_log_stream(logGroupName=group, logStreamName="b")
    assert names() == ["a", "c"]
    for call in (logs.delete_log_stream, logs.get_log_events):
        refused(call, "ResourceNotFoundException", logGroupName=group, logStreamName="b")
    refused(logs.create_log_stream, "InvalidParameterException", logGroupName=group, logStreamName="a:b")
    refused(logs.filter_log_events, "InvalidParameterException", logGroupName=group, filterPattern="{ $.x = ")


ACCESS = '127.0.0.1 Prod frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534'
FAILED = "ERROR 09/25/2014 12:00:02 Failed to process request"
TRAIL = json.dumps({"eventType": "UpdateTrail", "sourceIPAddress": "111.111.111.111", "arrayKey": ["value", "another value"],
                    "objectList": [{"name": "a", "id": 1}, {"name": "b", "id": 2}], "SomeObject": None, "cluster.name": "c", "latency": 50.5})


def test_filter_patterns_find_what_they_are_documented_to(logs, group):
    logs.create_log_stream(logGroupName=group, logStreamName="s")
    at = now_ms()
    logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=[{"timestamp": at + place, "message": message} for place, message in enumerate((ACCESS, FAILED, TRAIL))])
    for pattern, expected in {
        '" "': [ACCESS, FAILED, TRAIL],
        "%[Ee]rror|ERR%": [FAILED],
        r"%^127\.0\.0\.[1-9]%": [ACCESS],
        "?%1534$% ?UpdateTrail": [ACCESS, TRAIL],
        r"[ip=%127\.0\.0\.[1-9]%, user, username, timestamp, request =*.html*, status_code = 4*, bytes]": [ACCESS],
        "[..., request =*.html*, status_code = 404 || status_code = 410, bytes > 1000]": [ACCESS],
        "[..., status_code = 5*, bytes]": [],
        "[w1=ERROR, w2]": [FAILED],
        "[w1=ERROR || w1=WARNING, ...]": [FAILED],
        "[w1!=ERROR && w1!=WARNING, w2]": [ACCESS, TRAIL],
        "{ $.eventType = %Trail% }": [TRAIL],
        "{ $.arrayKey[*] = %val.{2}% }": [TRAIL],
        "{ $.objectList[*].id = 2 && $.objectList[0].id = 1 }": [TRAIL],
        "{ $.objectList[*].id = 3 }": [],
        r"{ $.* = %111\.111\.111\.1[0-9]{1,2}% }": [TRAIL],
        "{ $.['cluster.name'] = \"c\" }": [TRAIL],
        "{ ($.SomeObject IS NULL || $.latency < 10) && $.SomeOtherObject NOT EXISTS }": [TRAIL],
        "{ $.latency >= 5.05e1 && $.sourceIPAddress != 123.123.* }": [TRAIL],
    }.items():
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group, filterPattern=pattern)
        assert [event["message"] for page in pages for event in page["events"]] == expected, pattern
    for pattern in ("%something!%", "%(a)%", "%a", "%a% %b% %c%", "[a, b", "[..., a, ...]", "{ $.a[*].b[*] = 1 }", "{ $.a = %[% }", "%.{1,1000}%"):
        assert refused(logs.filter_log_events, "InvalidParameterException", logGroupName=group, filterPattern=pattern).startswith("Invalid filter pattern"), pattern


def test_tags_by_arn_and_the_older_way(logs, group):
    logs.tag_resource(resourceArn=ARN + group, tags={"a": "1", "b": "2"})
    logs.untag_resource(resourceArn=ARN + group, tagKeys=["b"])
    assert logs.list_tags_for_resource(resourceArn=ARN + group)["tags"] == {"first": "1", "a": "1"}
    logs.tag_log_group(logGroupName=group, tags={"c": "3"})
    logs.untag_log_group(logGroupName=group, tags=["first"])
    assert logs.list_tags_log_group(logGroupName=group)["tags"] == {"a": "1", "c": "3"}
    refused(logs.list_tags_for_resource, "ResourceNotFoundException", resourceArn=ARN + "never-made")
    refused(logs.list_tags_log_group, "ResourceNotFoundException", logGroupName="never-made")


def test_a_user_writes_only_where_allowed(platform, logs, group, name):
    mine = platform.client("logs", *platform.user(name, {"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": f"{ARN}{group}:*"}))
    mine.create_log_stream(logGroupName=group, logStreamName="s")
    assert mine.put_log_events(logGroupName=group, logStreamName="s", logEvents=[{"timestamp": now_ms(), "message": "x"}])["nextSequenceToken"]
    refused(mine.get_log_events, "AccessDeniedException", logGroupName=group, logStreamName="s")
    refused(mine.create_log_stream, "AccessDeniedException", logGroupName=group + "-2", logStreamName="s")


@pytest.mark.parametrize("key", ["EventId", "EventName", "ReadOnly", "Username", "ResourceName", "ResourceType", "EventSource", "AccessKeyId"])
def test_the_trail_is_looked_up_by_every_attribute(platform, logs, group, key):
    trail = platform.client("cloudtrail")
    made = next(event for event in trail.lookup_events(LookupAttributes=[{"AttributeKey": "ResourceName", "AttributeValue": group}])["Events"]
                if event["EventName"] == "CreateLogGroup")
    value = made["Resources"][0][key] if key.startswith("Resource") else made[key]
    until = made["EventTime"] + datetime.timedelta(seconds=1)
    pages = trail.get_paginator("lookup_events").paginate(LookupAttributes=[{"AttributeKey": key, "AttributeValue": value}], StartTime=made["EventTime"], EndTime=until)
    assert made["EventId"] in [event["EventId"] for page in pages for event in page["Events"]]
    none = trail.lookup_events(LookupAttributes=[{"AttributeKey": key, "AttributeValue": value}], EndTime=made["EventTime"] - datetime.timedelta(days=1))
    assert none["Events"] == []
    refused(trail.lookup_events, "InvalidTimeRangeException", StartTime=until, EndTime=made["EventTime"])


def test_the_cli_writes_and_reads_logs(platform, name):
    for arguments in (["create-log-group"], ["create-log-stream", "--log-stream-name", "s"],
                      ["put-log-events", "--log-stream-name", "s", "--log-events", f"timestamp={now_ms()},message=hello"]):
        done = platform.aws("logs", arguments[0], "--log-group-name", name, *arguments[1:])
        assert done.returncode == 0, done.stderr
    got = platform.aws("logs", "get-log-events", "--log-group-name", name, "--log-stream-name", "s", "--output", "json")
    assert [event["message"] for event in json.loads(got.stdout)["events"]] == ["hello"], got.stderr
    again = platform.aws("logs", "create-log-group", "--log-group-name", name)
    assert again.returncode != 0 and "(ResourceAlreadyExistsException)" in again.stderr
