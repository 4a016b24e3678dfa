"""`kill -9` in the middle of a stack's creation, update and deletion: after the restart it ends by itself, and leaves nothing over."""

import time

import botocore.exceptions
import pytest

from support import eventually

CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  First: {Type: AWS::Serverless::SimpleTable}
  Second: {Type: AWS::Serverless::SimpleTable}
  Group: {Type: AWS::Logs::LogGroup, Properties: {RetentionInDays: 7}}
  Named: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: named}}
  NamedTable: {Type: AWS::Serverless::SimpleTable, Properties: {TableName: named}}
  Policy:
    Type: AWS::IAM::ManagedPolicy
    Properties: {PolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: "dynamodb:ListTables", Resource: "*"}]}}
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.12
      Handler: index.handler
      InlineCode: "def handler(event, context): return {'statusCode': 200, 'body': 'GREETING'}"
      Policies: [!Ref Policy, {DynamoDBReadPolicy: {TableName: !Ref First}}]
      AutoPublishAlias: live
      Events: {Get: {Type: Api, Properties: {Path: /hello, Method: get}}}
Outputs:
  Api: {Value: !Ref ServerlessRestApi}
"""

# Changes the code, replaces one table's key, drops a group, adds a role's policy and a path.
CHANGED = (TEMPLATE.replace("GREETING", "changed").replace("  Second: {Type: AWS::Serverless::SimpleTable}\n",
           "  Second: {Type: AWS::Serverless::SimpleTable, Properties: {PrimaryKey: {Name: other, Type: String}}}\n")
           .replace("  Group: {Type: AWS::Logs::LogGroup, Properties: {RetentionInDays: 7}}\n", "  Third: {Type: AWS::Serverless::SimpleTable}\n")
           .replace("Path: /hello", "Path: /changed"))


def everything(platform):
    """The physical ids of all that exists, by type."""
    client = platform.client
    return {
        "AWS::Lambda::Function": {f["FunctionName"] for f in client("lambda").list_functions()["Functions"]},
        "AWS::IAM::Role": {r["RoleName"] for r in client("iam").list_roles()["Roles"]},
        "AWS::IAM::ManagedPolicy": {p["Arn"] for p in client("iam").list_policies(Scope="Local")["Policies"]},
        "AWS::DynamoDB::Table": set(client("dynamodb").list_tables()["TableNames"]),
        "AWS::ApiGateway::RestApi": {a["id"] for a in client("apigateway").get_rest_apis(limit=500)["items"]},
        # Lambda makes a group of its own for each function that ran; it is no stack's, as on AWS.
        "AWS::Logs::LogGroup": {g["logGroupName"] for g in client("logs").describe_log_groups()["logGroups"] if not g["logGroupName"].startswith("/aws/lambda/")},
    }


def settled(platform, stack):
    """Waits until the stack is at rest without anyone's help, and answers its status."""
    def status():
        found = platform.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]
        return None if found.endswith("_IN_PROGRESS") else found
    return eventually(status, timeout_s=60)


def accounted(platform, stack):
    """What exists is what the stack says that it has, no more and no less."""
    listed = platform.client("cloudformation").describe_stack_resources(StackName=stack)["StackResources"]
    there = everything(platform)
    for kind, ids in there.items():
        held = {r["PhysicalResourceId"] for r in listed if r["ResourceType"] == kind and r["ResourceStatus"] not in ("DELETE_COMPLETE", "DELETE_SKIPPED")}
        assert ids == held, (kind, "exist:", ids, "listed:", held)


def interrupted(platform, begin, seconds):
    """Begins an operation, cuts the power after a while, and starts again."""
    begin()
    time.sleep(seconds)
    platform.kill()
    platform.start()


@pytest.mark.parametrize("moment", [0.0, 0.03, 0.08, 0.2])
def test_a_stack_survives_kill_9(fresh, moment):
    fresh.start()
    made = []

    def create():
        made.append(fresh.client("cloudformation").create_stack(StackName="s", TemplateBody=TEMPLATE, Capabilities=CAPABILITIES)["StackId"])

    interrupted(fresh, create, moment)
    assert settled(fresh, made[0]) == "CREATE_COMPLETE"
    accounted(fresh, made[0])
    api = fresh.client("cloudformation").describe_stacks(StackName="s")["Stacks"][0]["Outputs"][0]["OutputValue"]
    assert fresh.raw("GET", f"/_aws/execute-api/{api}/Prod/hello").text == "GREETING"

    interrupted(fresh, lambda: fresh.client("cloudformation").update_stack(StackName="s", TemplateBody=CHANGED, Capabilities=CAPABILITIES), moment)
    assert settled(fresh, made[0]) == "UPDATE_COMPLETE"
    accounted(fresh, made[0])
    assert fresh.raw("GET", f"/_aws/execute-api/{api}/Prod/changed").text == "changed"

    interrupted(fresh, lambda: fresh.client("cloudformation").delete_stack(StackName="s"), moment)
    assert settled(fresh, made[0]) == "DELETE_COMPLETE"
    accounted(fresh, made[0])
    assert not any(everything(fresh).values())
    with pytest.raises(botocore.exceptions.ClientError, match="does not exist"):
        fresh.client("cloudformation").describe_stacks(StackName="s")


def test_a_failed_creation_that_is_interrupted_is_rolled_back(fresh):
    fresh.start()
    broken = TEMPLATE.replace("Runtime: python3.12", "Runtime: python3.12\n      MemorySize: 100000")
    for moment in (0.0, 0.05, 0.15):
        made = []
        interrupted(fresh, lambda made=made: made.append(
            fresh.client("cloudformation").create_stack(StackName="s", TemplateBody=broken, Capabilities=CAPABILITIES)["StackId"]), moment)
        assert settled(fresh, made[0]) == "ROLLBACK_COMPLETE"
        assert not any(everything(fresh).values()), everything(fresh)
        fresh.client("cloudformation").delete_stack(StackName="s")
        assert settled(fresh, made[0]) == "DELETE_COMPLETE"
