"""CloudWatch Logs and CloudTrail, driven by unmodified boto3 and the `aws` CLI."""

import json
import time

import pytest


from support import eventually, logged, package, refused, signed_get, trust


def now_ms():
    return int(time.time() * 1000)


@pytest.fixture
def group(platform, name):
    logs = platform.client("logs")
    logs.create_log_group(logGroupName=name)
    yield logs
    logs.delete_log_group(logGroupName=name)


def test_events_are_kept_in_order_and_found(group, name):
    group.create_log_stream(logGroupName=name, logStreamName="s")
    base = now_ms()
    group.put_log_events(logGroupName=name, logStreamName="s", logEvents=[{"timestamp": base + i, "message": f"line {i}{' ERROR' if i % 3 == 0 else ''}"} for i in range(10)])
    got = group.get_log_events(logGroupName=name, logStreamName="s", startFromHead=True, limit=4)
    assert [event["message"] for event in got["events"]] == ["line 0 ERROR", "line 1", "line 2", "line 3 ERROR"]
    more = group.get_log_events(logGroupName=name, logStreamName="s", startFromHead=True, nextToken=got["nextForwardToken"])
    assert len(more["events"]) == 6
    end = group.get_log_events(logGroupName=name, logStreamName="s", startFromHead=True, nextToken=more["nextForwardToken"])
    assert end["events"] == [] and end["nextForwardToken"] == more["nextForwardToken"]
    found = [event["message"] for page in group.get_paginator("filter_log_events").paginate(logGroupName=name, filterPattern="ERROR") for event in page["events"]]
    assert found == ["line 0 ERROR", "line 3 ERROR", "line 6 ERROR", "line 9 ERROR"]


def test_json_patterns_find_members(group, name):
    group.create_log_stream(logGroupName=name, logStreamName="s")
    group.put_log_events(logGroupName=name, logStreamName="s", logEvents=[{"timestamp": now_ms(), "message": json.dumps({"level": level, "ms": ms})} for level, ms in (("info", 3), ("warn", 30))])
    for pattern, count in (('{ $.level = "warn" }', 1), ("{ $.ms > 2 }", 2), ("{ $.ms > 29 }", 1)):
        assert len(group.filter_log_events(logGroupName=name, filterPattern=pattern)["events"]) == count, pattern


def test_what_is_refused(group, name):
    refused(group.create_log_group, "ResourceAlreadyExistsException", logGroupName=name)
    refused(group.put_log_events, "ResourceNotFoundException", logGroupName=name, logStreamName="none", logEvents=[{"timestamp": now_ms(), "message": "x"}])
    group.create_log_stream(logGroupName=name, logStreamName="s")
    refused(group.create_log_stream, "ResourceAlreadyExistsException", logGroupName=name, logStreamName="s")
    refused(group.put_log_events, "InvalidParameterException", logGroupName=name, logStreamName="s",
            logEvents=[{"timestamp": now_ms(), "message": "b"}, {"timestamp": now_ms() - 5000, "message": "a"}])
    old = group.put_log_events(logGroupName=name, logStreamName="s", logEvents=[{"timestamp": now_ms() - 15 * 86_400_000, "message": "old"}])
    assert old["rejectedLogEventsInfo"]["tooOldLogEventEndIndex"] >= 0
    refused(group.put_retention_policy, "InvalidParameterException", logGroupName=name, retentionInDays=2)
    refused(group.delete_log_group, "ResourceNotFoundException", logGroupName="never-made")


def test_retention_and_tags(group, name):
    group.put_retention_policy(logGroupName=name, retentionInDays=7)
    described = group.describe_log_groups(logGroupNamePrefix=name)["logGroups"][0]
    assert described["retentionInDays"] == 7
    arn = described["arn"].removesuffix(":*")
    group.tag_resource(resourceArn=arn, tags={"k": "v"})
    assert group.list_tags_for_resource(resourceArn=arn)["tags"] == {"k": "v"}
    group.delete_retention_policy(logGroupName=name)
    assert "retentionInDays" not in group.describe_log_groups(logGroupNamePrefix=name)["logGroups"][0]


def test_the_trail_shows_who_did_what_and_why_not(platform, name):
    key, secret = platform.user(name)
    refused(platform.client("dynamodb", key, secret).delete_table, "AccessDeniedException", TableName=name)
    found = platform.aws("cloudtrail", "lookup-events", "--lookup-attributes", f"AttributeKey=Username,AttributeValue={name}", "--output", "json")
    assert found.returncode == 0, found.stderr
    events = json.loads(found.stdout)["Events"]
    event = json.loads(next(e for e in events if e["EventName"] == "DeleteTable")["CloudTrailEvent"])
    assert event["errorCode"] == "AccessDeniedException" and "no identity-based policy allows" in event["errorMessage"]
    assert event["userIdentity"]["userName"] == name and event["sourceIPAddress"] == "127.0.0.1" and "Boto3" in event["userAgent"]
    assert event["requestParameters"] == {"tableName": name} and event["eventSource"] == "dynamodb.amazonaws.com"


def test_no_secret_is_in_the_trail(platform, name):
    _, secret = platform.user(name)
    session = platform.client("sts").get_session_token()["Credentials"]
    text = json.dumps(platform.events())
    assert secret not in text and session["SecretAccessKey"] not in text and session["SessionToken"] not in text
    root_key, root_secret = platform.root()
    assert root_key in text and root_secret not in text


def test_lookups_are_paged_and_bounded(platform, name):
    trail = platform.client("cloudtrail")
    first = trail.lookup_events(MaxResults=2)
    assert len(first["Events"]) == 2 and first["NextToken"]
    second = trail.lookup_events(MaxResults=2, NextToken=first["NextToken"])
    assert not {e["EventId"] for e in first["Events"]} & {e["EventId"] for e in second["Events"]}
    refused(platform.client("cloudtrail", parameter_validation=False).lookup_events, "InvalidMaxResultsException", MaxResults=51)
    refused(trail.lookup_events, "InvalidNextTokenException", NextToken="nonsense")


def test_what_means_no_operation_is_on_record(platform, name):
    key, secret = platform.user(name)
    json_1_0, form = ({"Content-Type": f"application/x-{kind}"} for kind in ("amz-json-1.0", "www-form-urlencoded"))
    for service, path, headers, body, asked in (
        ("sqs", "/", {"X-Amz-Target": "AmazonSQS.ListQueues", **json_1_0}, b"{}", "AmazonSQS.ListQueues"),
        ("iam", "/", form, b"Action=Nope&Version=2010-05-08&Password=secret", "Nope"),
        ("dynamodb", "/", {"X-Amz-Target": "DynamoDB_20120810.Nope" + "x" * 300, **json_1_0}, b"{}", ("DynamoDB_20120810.Nope" + "x" * 300)[:256]),
        ("lambda", "/2015-03-31/nope", {}, b"", "GET /2015-03-31/nope"),
    ):
        answer = signed_get(platform, path, "POST" if body else "GET", body, key, secret, service=service, headers=headers)
        assert answer.status_code >= 400
        records = [event for event in platform.events(AccessKeyId=key) if event["eventSource"] == f"{service}.amazonaws.com"]
        assert len(records) == 1, service
        assert records[0]["eventName"] == "UnknownOperation" and records[0]["errorCode"] and records[0]["userIdentity"]["userName"] == name
        assert records[0]["additionalEventData"] == {"requestedOperation": asked}


def test_a_sessions_calls_lead_to_who_began_it(platform, name):
    iam, sts = platform.client("iam"), platform.client("sts")
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust({"AWS": "000000000000"}))["Role"]["Arn"]
    begins = platform.client("sts", *platform.user(name, {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": arn}))
    given = begins.assume_role(RoleArn=arn, RoleSessionName="who-began")["Credentials"]
    record = next(event for event in platform.events(EventName="AssumeRole") if (event["requestParameters"] or {}).get("roleArn") == arn)
    told = record["responseElements"]
    assert told["credentials"]["accessKeyId"] == given["AccessKeyId"] and told["assumedRoleUser"]["arn"].endswith(f"{name}/who-began")
    text = json.dumps(record)
    assert given["SecretAccessKey"] not in text and given["SessionToken"] not in text
    session = sts.get_session_token()["Credentials"]
    [record] = [event for event in platform.events(EventName="GetSessionToken") if session["AccessKeyId"] in json.dumps(event["responseElements"])]
    assert record["responseElements"]["credentials"]["accessKeyId"] == session["AccessKeyId"] and session["SecretAccessKey"] not in json.dumps(record)


def test_output_goes_on_after_older_sessions_were_revoked(platform, name):
    """The console's "Revoke active sessions": what a function says from then on is written in a session of then."""
    iam, functions, logs = (platform.client(service) for service in ("iam", "lambda", "logs"))
    may = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "logs:*", "Resource": "*"}]}
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust({"Service": "lambda.amazonaws.com"}))["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="may", PolicyDocument=json.dumps(may))
    functions.create_function(FunctionName=name, Runtime="python3.12", Role=role, Handler="app.handler", Code={"ZipFile": package(app__py="def handler(event, context): print('said', event)")})
    functions.get_waiter("function_active_v2").wait(FunctionName=name)
    revoked = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"DateLessThan": {
        "aws:TokenIssueTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}}}]}
    iam.put_role_policy(RoleName=name, PolicyName="AWSRevokeOlderSessions", PolicyDocument=json.dumps(revoked))
    time.sleep(1.1)
    functions.invoke(FunctionName=name, Payload=b'"afterwards"')

    found = eventually(lambda: logged(logs, f"/aws/lambda/{name}", filterPattern="said"))
    assert [message.strip() for message in found] == ["said afterwards"]


def test_calls_stand_under_the_names_that_cloudtrail_gives_them(platform, name):
    aws, iam, s3 = platform.client("lambda"), platform.client("iam"), platform.client("s3")
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust({"Service": "lambda.amazonaws.com"}))["Role"]["Arn"]
    code = package(index__py="def handler(event, context): return 1")
    arn = aws.create_function(FunctionName=name, Runtime="python3.12", Handler="index.handler", Role=role, Code={"ZipFile": code})["FunctionArn"]
    aws.get_waiter("function_active_v2").wait(FunctionName=name)
    aws.update_function_code(FunctionName=name, ZipFile=code)
    aws.get_waiter("function_updated_v2").wait(FunctionName=name)
    aws.add_permission(FunctionName=name, StatementId="s", Action="lambda:InvokeFunction", Principal="s3.amazonaws.com", SourceAccount="000000000000")
    aws.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=1)
    aws.create_function_url_config(FunctionName=name, AuthType="AWS_IAM")
    aws.tag_resource(Resource=arn, Tags={"a": "b"})
    aws.invoke(FunctionName=name)
    aws.delete_function(FunctionName=name)
    s3.create_bucket(Bucket=name)
    s3.get_public_access_block(Bucket=name)
    s3.delete_bucket(Bucket=name)
    trail = platform.client("cloudtrail")
    for event, stands in (("CreateFunction20150331", True), ("GetFunction20150331v2", True), ("UpdateFunctionCode20150331v2", True), ("AddPermission20150331v2", True),
                          ("PutFunctionConcurrency20171031", True), ("CreateFunctionUrlConfig", True), ("TagResource20170331v2", True), ("Invoke", True),
                          ("DeleteFunction20150331", True), ("GetBucketPublicAccessBlock", True), ("CreateFunction", False), ("GetFunction", False), ("GetPublicAccessBlock", False)):
        # The newest ones come first, and this test's are new.
        found = trail.lookup_events(LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": event}], MaxResults=50)["Events"]
        own = [one for one in found if name in one["CloudTrailEvent"]]
        assert bool(own) == stands and all(json.loads(one["CloudTrailEvent"])["eventName"] == one["EventName"] == event for one in own), event
    iam.delete_role(RoleName=name)
