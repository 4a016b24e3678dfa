"""DeleteStack while something goes on: a creation is taken over, several at once are one, an update is left alone."""

import concurrent.futures
import json
import time

import botocore.exceptions
import pytest

from stacks import answered, settled
from support import eventually, refused

AT_ONCE = 8


def groups(count, prefix):
    return {f"G{n}": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": f"{prefix}-{n}"}} for n in range(count)}


def waiting(prefix):
    """A creation that never ends by itself."""
    return json.dumps({"Resources": {
        **groups(3, prefix),
        "H": {"Type": "AWS::CloudFormation::WaitConditionHandle"},
        "W": {"Type": "AWS::CloudFormation::WaitCondition", "Properties": {"Handle": {"Ref": "H"}, "Timeout": "43200"}},
        "Late": {"Type": "AWS::Logs::LogGroup", "DependsOn": "W", "Properties": {"LogGroupName": f"{prefix}-late"}},
    }})


def status(client, stack):
    return client.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]


def events(client, stack):
    """Logical id, status and reason, oldest first."""
    told = client.describe_stack_events(StackName=stack)["StackEvents"]
    return [(event["LogicalResourceId"], event["ResourceStatus"], event.get("ResourceStatusReason")) for event in reversed(told)]


def left(platform, prefix):
    return [group["logGroupName"] for group in platform.client("logs").describe_log_groups(logGroupNamePrefix=prefix)["logGroups"]]


def at_once(platform, calls):
    """Carries calls out at the same time, each with a client of its own; their errors' messages, or nothing."""
    def one(call):
        try:
            call(platform.client("cloudformation"))
            return None
        except botocore.exceptions.ClientError as error:
            return error.response["Error"]["Message"]
    with concurrent.futures.ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(one, calls))


def test_a_creation_that_hangs_is_ended_by_deletion(platform, name):
    client = platform.client("cloudformation")
    made = client.create_stack(StackName=name, TemplateBody=waiting(name))["StackId"]
    eventually(lambda: len(left(platform, name)) == 3 and ("W", "CREATE_IN_PROGRESS", None) in events(client, made))
    assert status(client, made) == "CREATE_IN_PROGRESS"
    client.delete_stack(StackName=name)
    assert settled(client, made) == "DELETE_COMPLETE"
    told = events(client, made)
    assert ("W", "CREATE_FAILED", "Resource creation cancelled") in told
    stack = [status for logical_id, status, _ in told if logical_id == name]
    assert stack == ["CREATE_IN_PROGRESS", "DELETE_IN_PROGRESS", "DELETE_COMPLETE"]
    assert not [event for event in told if event[0] == "Late"] and not left(platform, name)
    # The name is free for another one.
    again = client.create_stack(StackName=name, TemplateBody=json.dumps({"Resources": groups(1, name)}))["StackId"]
    assert again != made and settled(client, name) == "CREATE_COMPLETE"
    client.delete_stack(StackName=name)
    assert settled(client, again) == "DELETE_COMPLETE"


def test_what_a_function_never_answers_is_ended_by_deletion(platform, name):
    role = platform.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}))["Role"]["Arn"]
    code = """
import json, urllib.request
def handler(event, context):
    if event["RequestType"] == "Delete":
        answer = {"Status": "SUCCESS", "PhysicalResourceId": event["PhysicalResourceId"], **{k: event[k] for k in ("StackId", "RequestId", "LogicalResourceId")}}
        urllib.request.urlopen(urllib.request.Request(event["ResponseURL"], data=json.dumps(answer).encode(), method="PUT", headers={"content-type": ""}))
"""
    template = json.dumps({"Resources": {
        "F": {"Type": "AWS::Lambda::Function", "Properties": {"Runtime": "python3.12", "Handler": "index.handler", "Role": role, "Timeout": 60, "Code": {"ZipFile": code}}},
        "C": {"Type": "Custom::Silent", "Properties": {"ServiceToken": {"Fn::GetAtt": ["F", "Arn"]}}}}})
    client = platform.client("cloudformation")
    made = client.create_stack(StackName=name, TemplateBody=template)["StackId"]
    eventually(lambda: ("C", "CREATE_IN_PROGRESS", None) in events(client, made))
    client.delete_stack(StackName=name)
    assert settled(client, made) == "DELETE_COMPLETE"
    told = events(client, made)
    assert ("C", "CREATE_FAILED", "Resource creation cancelled") in told and ("C", "DELETE_COMPLETE", None) in told, told
    platform.client("iam").delete_role(RoleName=name)


@pytest.mark.parametrize("creating", [True, False])
def test_several_deletions_at_once_are_one(platform, name, creating):
    client = platform.client("cloudformation")
    made = client.create_stack(StackName=name, TemplateBody=json.dumps({"Resources": groups(40, name)}))["StackId"]
    if not creating:
        assert settled(client, name) == "CREATE_COMPLETE"
    assert at_once(platform, [lambda own: own.delete_stack(StackName=made)] * AT_ONCE) == [None] * AT_ONCE
    assert settled(client, made) == "DELETE_COMPLETE"
    assert [event[1] for event in events(client, made) if event[0] == name].count("DELETE_IN_PROGRESS") == 1
    assert not left(platform, name)


def test_deletions_and_updates_at_once_leave_one_of_them(platform, name):
    client = platform.client("cloudformation")
    made = client.create_stack(StackName=name, TemplateBody=json.dumps({"Resources": groups(20, name)}))["StackId"]
    assert settled(client, name) == "CREATE_COMPLETE"
    changed = json.dumps({"Resources": groups(30, name)})
    calls = [lambda own: own.update_stack(StackName=made, TemplateBody=changed), lambda own: own.delete_stack(StackName=made)] * (AT_ONCE // 2)
    for message in filter(None, at_once(platform, calls)):
        assert (message.startswith(f"Stack [{name}] cannot be deleted while in status UPDATE_") or message.endswith("state and can not be updated.")
                or message == "No updates are to be performed." or "does not exist" in message), message
    settled(client, made)
    client.delete_stack(StackName=made)
    assert settled(client, made) == "DELETE_COMPLETE" and not left(platform, name)


def test_an_update_is_left_alone(platform, name):
    client = platform.client("cloudformation")
    client.create_stack(StackName=name, TemplateBody=json.dumps({"Resources": groups(1, name)}))
    assert settled(client, name) == "CREATE_COMPLETE"
    client.update_stack(StackName=name, TemplateBody=waiting(name))
    message = refused(client.delete_stack, "ValidationError", StackName=name)
    assert message == f"Stack [{name}] cannot be deleted while in status UPDATE_IN_PROGRESS"
    # What it waits for is over when this test says so.
    answered(client, name, "H", "FAILURE")
    assert settled(client, name) == "UPDATE_ROLLBACK_COMPLETE"
    made = client.describe_stacks(StackName=name)["Stacks"][0]["StackId"]
    client.delete_stack(StackName=name)
    assert settled(client, made) == "DELETE_COMPLETE" and not left(platform, name)


@pytest.mark.parametrize("pause", [0.0, 0.01, 0.03, 0.1])
def test_a_deletion_that_took_over_survives_kill_9(fresh, pause):
    fresh.start()
    client = fresh.client("cloudformation")
    made = client.create_stack(StackName="s", TemplateBody=json.dumps({"Resources": groups(60, "killed")}))["StackId"]
    client.delete_stack(StackName="s")
    time.sleep(pause)
    fresh.kill()
    fresh.start()
    client = fresh.client("cloudformation")
    assert settled(client, made) == "DELETE_COMPLETE"
    assert not left(fresh, "killed")
    assert "does not exist" in refused(client.describe_stacks, "ValidationError", StackName="s")
