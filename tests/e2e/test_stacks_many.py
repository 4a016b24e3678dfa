"""Large stacks and many stacks: a template of 300 resources in seconds, 100 stacks side by side."""

import concurrent.futures
import json
import time

from stacks import client, settled  # noqa: F401
from support import eventually

TRUST = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}


def test_three_hundred_resources_take_seconds(client, name):
    resources = {}
    for n in range(160):
        resources[f"Group{n}"] = {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": {"Fn::Sub": f"/{n}/${{Role{n % 60}}}"}, "RetentionInDays": 7}}
    for n in range(60):
        resources[f"Role{n}"] = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": TRUST}}
    for n in range(80):
        resources[f"Table{n}"] = {"Type": "AWS::DynamoDB::Table", "Properties": {"BillingMode": "PAY_PER_REQUEST", "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
                                  "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}]}}
    text = json.dumps({"Resources": resources}, separators=(",", ":"))
    began = time.monotonic()
    stack = client.create_stack(StackName=name, TemplateBody=text, Capabilities=["CAPABILITY_IAM"])["StackId"]
    assert settled(client, stack) == "CREATE_COMPLETE"
    created = time.monotonic() - began
    pages = client.get_paginator("list_stack_resources").paginate(StackName=name)
    assert sum(len(page["StackResourceSummaries"]) for page in pages) == 300
    began = time.monotonic()
    client.delete_stack(StackName=stack)
    assert settled(client, stack) == "DELETE_COMPLETE"
    print(f"300 resources: created in {created:.1f} s, deleted in {time.monotonic() - began:.1f} s")
    assert created < 60


def test_a_hundred_stacks_do_not_interfere(platform, name):
    def one(n):
        client = platform.client("cloudformation")
        group = {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": f"{name}-{n}", "RetentionInDays": 7}}
        role = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": TRUST, "Description": {"Ref": "G"}}}
        # Every tenth one fails, and takes nothing of the others along.
        bad = {"Bad": {"Type": "AWS::Logs::LogGroup", "DependsOn": "R", "Properties": {"RetentionInDays": 2_000_000}}} if n % 10 == 0 else {}
        stack = client.create_stack(StackName=f"{name}-{n}", TemplateBody=json.dumps({"Resources": {"G": group, "R": role, **bad}}), Capabilities=["CAPABILITY_IAM"])["StackId"]
        return stack, settled(client, stack)

    began = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        made = list(pool.map(one, range(100)))
    print(f"100 stacks in {time.monotonic() - began:.1f} s")
    assert [status for _, status in made] == ["ROLLBACK_COMPLETE" if n % 10 == 0 else "CREATE_COMPLETE" for n in range(100)]
    logs = platform.client("logs")
    left = {g["logGroupName"] for page in logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=f"{name}-") for g in page["logGroups"]}
    assert left == {f"{name}-{n}" for n in range(100) if n % 10}
    client = platform.client("cloudformation")
    for stack, _ in made:
        client.delete_stack(StackName=stack)
    eventually(lambda: not logs.describe_log_groups(logGroupNamePrefix=f"{name}-")["logGroups"], timeout_s=60)
