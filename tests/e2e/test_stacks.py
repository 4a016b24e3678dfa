"""CloudFormation with the SAM transform, driven by unmodified boto3 and `aws cloudformation deploy`."""

import json
import textwrap

import pytest

from support import eventually, refused

CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]

SAM = textwrap.dedent("""
    Transform: AWS::Serverless-2016-10-31
    Parameters:
      Greeting: {Type: String, Default: hello}
    Resources:
      Table: {Type: AWS::Serverless::SimpleTable}
      Hello:
        Type: AWS::Serverless::Function
        Properties:
          Runtime: python3.12
          Handler: index.handler
          InlineCode: |
            import os
            def handler(event, context):
                return os.environ["GREETING"]
          Environment: {Variables: {GREETING: !Ref Greeting, TABLE: !Ref Table}}
          Policies: [{DynamoDBReadPolicy: {TableName: !Ref Table}}]
    Outputs:
      Function: {Value: !Ref Hello}
      Table: {Value: !Ref Table}
""")


@pytest.fixture
def stacks(platform, name):
    client = platform.client("cloudformation")
    yield client
    client.delete_stack(StackName=name)
    client.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig={"Delay": 1})


def outputs(client, name):
    return {o["OutputKey"]: o["OutputValue"] for o in client.describe_stacks(StackName=name)["Stacks"][0].get("Outputs", [])}


def test_a_stack_is_created_updated_and_deleted(platform, stacks, name):
    refused(stacks.create_stack, "InsufficientCapabilitiesException", StackName=name, TemplateBody=SAM)
    stacks.create_stack(StackName=name, TemplateBody=SAM, Capabilities=CAPABILITIES)
    stacks.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    made = outputs(stacks, name)
    client = platform.client("lambda")
    assert json.loads(client.invoke(FunctionName=made["Function"])["Payload"].read()) == "hello"
    refused(stacks.create_stack, "AlreadyExistsException", StackName=name, TemplateBody=SAM, Capabilities=CAPABILITIES)
    same = refused(stacks.update_stack, "ValidationError", StackName=name, TemplateBody=SAM, Capabilities=CAPABILITIES)
    assert same == "No updates are to be performed."
    stacks.update_stack(StackName=name, UsePreviousTemplate=True, Capabilities=CAPABILITIES, Parameters=[{"ParameterKey": "Greeting", "ParameterValue": "goodbye"}])
    stacks.get_waiter("stack_update_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    assert outputs(stacks, name) == made
    assert json.loads(client.invoke(FunctionName=made["Function"])["Payload"].read()) == "goodbye"
    kinds = {r["ResourceType"] for r in stacks.describe_stack_resources(StackName=name)["StackResources"]}
    assert {"AWS::Lambda::Function", "AWS::IAM::Role", "AWS::DynamoDB::Table"} <= kinds
    stacks.delete_stack(StackName=name)
    stacks.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    refused(client.get_function, "ResourceNotFoundException", FunctionName=made["Function"])
    refused(platform.client("dynamodb").describe_table, "ResourceNotFoundException", TableName=made["Table"])


def test_a_failing_resource_rolls_back_and_is_named(platform, stacks, name):
    taken = name + "-taken"
    platform.client("iam").create_role(RoleName=taken, AssumeRolePolicyDocument=json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}))
    template = json.dumps({"Resources": {
        "Good": {"Type": "AWS::DynamoDB::Table", "Properties": {"TableName": name, "BillingMode": "PAY_PER_REQUEST",
                 "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}], "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}]}},
        "Bad": {"Type": "AWS::IAM::Role", "DependsOn": "Good", "Properties": {"RoleName": taken, "AssumeRolePolicyDocument":
                {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}}}}})
    stacks.create_stack(StackName=name, TemplateBody=template, Capabilities=CAPABILITIES)
    eventually(lambda: stacks.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"] == "ROLLBACK_COMPLETE")
    failed = [e for e in stacks.describe_stack_events(StackName=name)["StackEvents"] if e["ResourceStatus"] == "CREATE_FAILED"]
    assert [e["LogicalResourceId"] for e in failed] == ["Bad"] and "already exists" in failed[0]["ResourceStatusReason"]
    refused(platform.client("dynamodb").describe_table, "ResourceNotFoundException", TableName=name)
    assert platform.client("iam").get_role(RoleName=taken)


def test_a_caller_deploys_only_what_they_may_make(platform, stacks, name):
    key, secret = platform.user(name, {"Effect": "Allow", "Action": "cloudformation:*", "Resource": "*"})
    template = json.dumps({"Resources": {"T": {"Type": "AWS::DynamoDB::Table", "Properties": {"BillingMode": "PAY_PER_REQUEST",
                           "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}], "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}]}}}})
    platform.client("cloudformation", key, secret).create_stack(StackName=name, TemplateBody=template)
    eventually(lambda: stacks.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"] == "ROLLBACK_COMPLETE")
    reasons = [e.get("ResourceStatusReason", "") for e in stacks.describe_stack_events(StackName=name)["StackEvents"]]
    assert any(f"user/{name} is not authorized to perform: dynamodb:CreateTable" in reason for reason in reasons), reasons


def test_a_refusal_does_not_tell_whether_a_stack_exists(platform, stacks, name):
    key, secret = platform.user(name)
    stacks.create_stack(StackName=name, TemplateBody=json.dumps({"Resources": {"G": {"Type": "AWS::Logs::LogGroup"}}}))
    stranger = platform.client("cloudformation", key, secret)
    told = [refused(stranger.delete_stack, "AccessDenied", StackName=each).split("on resource: ")[1].replace(each, "NAME")
            for each in (name, "never-made")]
    assert told[0] == told[1], told


@pytest.mark.parametrize("template,part", [
    ("", "TemplateBody"), ("{", "Template format error"), ("[]", "Template format error"), ("Resources: {}", "At least one Resources member must be defined"),
    ("Resources: {A: {Type: AWS::SQS::Nothing}}", "AWS::SQS::Nothing"), ("Resources: {A: {Type: AWS::DynamoDB::Table, Properties: {Unheard: 1}}}", "Unheard"),
    ("Resources: {A: {Type: AWS::Logs::LogGroup, DependsOn: B}, B: {Type: AWS::Logs::LogGroup, DependsOn: A}}", "ircular dependency"),
    ("Resources: {A: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: !Ref Missing}}}", "Missing"),
    ("a: &a [x]\nb: &b [*a, *a]\n" * 1 + "c: [*b, *b]\n", "Template"), ("x" * 60_000, "TemplateBody"),
    ("Transform: AWS::Serverless-2016-10-31\nResources: {F: {Type: AWS::Serverless::Function, Properties: {Nope: 1}}}", "Invalid Serverless Application Specification"),
])
def test_bad_templates_are_refused_with_a_reason(platform, name, template, part):
    client = platform.client("cloudformation", parameter_validation=False)
    message = refused(client.create_stack, "ValidationError", StackName=name, TemplateBody=template, Capabilities=CAPABILITIES)
    assert part.lower() in message.lower(), message


def test_the_cli_deploys(platform, stacks, name, tmp_path):
    path = tmp_path / "template.yaml"
    path.write_text(SAM)
    for _ in range(2):
        done = platform.aws("cloudformation", "deploy", "--template-file", str(path), "--stack-name", name, "--capabilities", *CAPABILITIES,
                            "--no-fail-on-empty-changeset")
        assert done.returncode == 0, done.stdout + done.stderr
    assert outputs(stacks, name)["Function"]
