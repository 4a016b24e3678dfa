"""What stacks can declare of each service, made and taken away: indexes that come and go, URLs, settings of invocations, profiles."""

import json
import time

import pytest

from stacks import client, settled  # noqa: F401
from support import refused

TRUST = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": ["lambda.amazonaws.com", "ec2.amazonaws.com"]}, "Action": "sts:AssumeRole"}]}
ROLE = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": TRUST}}


def told(client, stack):
    return [f"{e['LogicalResourceId']} {e['ResourceStatus']} {e.get('ResourceStatusReason')}" for e in client.describe_stack_events(StackName=stack)["StackEvents"]]


@pytest.fixture
def deploy(client, name):
    """Makes or changes this test's stack; it is deleted at the end."""
    made = []

    def run(outputs=None, **resources):
        text = json.dumps({"Resources": resources, **({"Outputs": {key: {"Value": value} for key, value in outputs.items()}} if outputs else {})})
        call, wanted = (client.update_stack, "UPDATE_COMPLETE") if made else (client.create_stack, "CREATE_COMPLETE")
        made.append(call(StackName=name, TemplateBody=text, Capabilities=["CAPABILITY_IAM"])["StackId"])
        assert settled(client, made[0]) == wanted, told(client, made[0])
        return {o["OutputKey"]: o["OutputValue"] for o in client.describe_stacks(StackName=name)["Stacks"][0].get("Outputs", [])}

    yield run
    client.delete_stack(StackName=made[0])
    assert settled(client, made[0]) == "DELETE_COMPLETE", told(client, made[0])


def table(*indexes, **more):
    keys = ["id", *indexes]
    return {"Type": "AWS::DynamoDB::Table", "Properties": {
        "BillingMode": "PAY_PER_REQUEST", "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": key, "AttributeType": "S"} for key in keys], **more,
        **({"GlobalSecondaryIndexes": [{"IndexName": f"by-{key}", "KeySchema": [{"AttributeName": key, "KeyType": "HASH"}], "Projection": {"ProjectionType": "ALL"}} for key in indexes]}
           if indexes else {})}}


def test_indexes_come_and_go_and_items_stay(platform, client, deploy, name):
    dynamodb = platform.client("dynamodb")
    made = deploy({"T": {"Ref": "T"}}, T=table("a"))["T"]
    dynamodb.put_item(TableName=made, Item={"id": {"S": "1"}, "a": {"S": "x"}, "b": {"S": "y"}})
    assert deploy({"T": {"Ref": "T"}}, T=table("a", "b"))["T"] == made
    found = dynamodb.query(TableName=made, IndexName="by-b", KeyConditionExpression="b = :b", ExpressionAttributeValues={":b": {"S": "y"}})
    assert found["Count"] == 1
    assert deploy({"T": {"Ref": "T"}}, T=table("b"))["T"] == made
    assert [i["IndexName"] for i in dynamodb.describe_table(TableName=made)["Table"]["GlobalSecondaryIndexes"]] == ["by-b"]
    client.update_stack(StackName=name, TemplateBody=json.dumps({"Resources": {"T": table("c", "d")}}))
    assert settled(client, name) == "UPDATE_ROLLBACK_COMPLETE"
    assert any("Cannot perform more than one GSI creation or deletion in a single update" in each for each in told(client, name))
    assert dynamodb.describe_table(TableName=made)["Table"]["ItemCount"] >= 0


def function(**more):
    return {"Type": "AWS::Lambda::Function", "Properties": {"Runtime": "python3.12", "Handler": "index.handler", "Role": {"Fn::GetAtt": ["Role", "Arn"]},
            "Code": {"ZipFile": "def handler(event, context): return {'statusCode': 200, 'body': 'from the url'}"}, **more}}


def test_a_function_has_a_url_and_settings_for_events(platform, deploy):
    resources = {
        "Role": ROLE, "F": function(),
        "Url": {"Type": "AWS::Lambda::Url", "Properties": {"TargetFunctionArn": {"Fn::GetAtt": ["F", "Arn"]}, "AuthType": "NONE"}},
        "Config": {"Type": "AWS::Lambda::EventInvokeConfig", "Properties": {"FunctionName": {"Ref": "F"}, "Qualifier": "$LATEST", "MaximumRetryAttempts": 0}},
    }
    outputs = {"F": {"Ref": "F"}, "Url": {"Fn::GetAtt": ["Url", "FunctionUrl"]}}
    made = deploy(outputs, **resources)
    client = platform.client("lambda")
    assert client.get_function_url_config(FunctionName=made["F"])["FunctionUrl"] == made["Url"]
    assert client.get_function_event_invoke_config(FunctionName=made["F"])["MaximumRetryAttempts"] == 0
    resources["Config"]["Properties"] = {**resources["Config"]["Properties"], "MaximumRetryAttempts": 1, "MaximumEventAgeInSeconds": 60}
    resources["Url"]["Properties"] = {**resources["Url"]["Properties"], "AuthType": "AWS_IAM"}
    assert deploy(outputs, **resources) == made
    config = client.get_function_event_invoke_config(FunctionName=made["F"])
    assert (config["MaximumRetryAttempts"], config["MaximumEventAgeInSeconds"]) == (1, 60)
    assert client.get_function_url_config(FunctionName=made["F"])["AuthType"] == "AWS_IAM"
    deploy(outputs={"F": {"Ref": "F"}}, Role=ROLE, F=resources["F"])
    refused(client.get_function_url_config, "ResourceNotFoundException", FunctionName=made["F"])
    refused(client.get_function_event_invoke_config, "ResourceNotFoundException", FunctionName=made["F"])


def test_a_profile_holds_a_role(platform, deploy):
    profile = {"Type": "AWS::IAM::InstanceProfile", "Properties": {"Roles": [{"Ref": "Role"}]}}
    made = deploy({"Arn": {"Fn::GetAtt": ["Profile", "Arn"]}, "Name": {"Ref": "Profile"}, "Role": {"Ref": "Role"}}, Role=ROLE, Profile=profile)
    shown = platform.client("iam").get_instance_profile(InstanceProfileName=made["Name"])["InstanceProfile"]
    assert shown["Arn"] == made["Arn"] and [role["RoleName"] for role in shown["Roles"]] == [made["Role"]]


def test_an_api_that_is_always_deployed(platform, client, name):
    template = json.dumps({"Transform": "AWS::Serverless-2016-10-31", "Resources": {"Api": {"Type": "AWS::Serverless::Api", "Properties": {
        "StageName": "prod", "AlwaysDeploy": True, "DefinitionBody": {"swagger": "2.0", "info": {"title": "t", "version": "1"}, "paths": {
            "/a": {"get": {"x-amazon-apigateway-integration": {"type": "MOCK"}}}}}}}}})

    def deployment():
        resources = client.describe_stack_resources(StackName=name)["StackResources"]
        [found] = [each for each in resources if each["ResourceType"] == "AWS::ApiGateway::Deployment"]
        return found["LogicalResourceId"], found["PhysicalResourceId"]

    client.create_stack(StackName=name, TemplateBody=template, Capabilities=["CAPABILITY_AUTO_EXPAND"])
    assert settled(client, name) == "CREATE_COMPLETE", told(client, name)
    first = deployment()
    # It follows the second.
    time.sleep(1.1)
    client.update_stack(StackName=name, TemplateBody=template, Capabilities=["CAPABILITY_AUTO_EXPAND"])
    assert settled(client, name) == "UPDATE_COMPLETE", told(client, name)
    second = deployment()
    assert first[0] != second[0] and first[1] != second[1]
    # What a change set shows is what is made, however much later.
    time.sleep(1.1)
    client.create_change_set(StackName=name, ChangeSetName="c", TemplateBody=template, Capabilities=["CAPABILITY_AUTO_EXPAND"])
    changes = [each["ResourceChange"] for each in client.describe_change_set(StackName=name, ChangeSetName="c")["Changes"]]
    [added] = [each["LogicalResourceId"] for each in changes if each["Action"] == "Add"]
    assert second[0] in [each["LogicalResourceId"] for each in changes if each["Action"] == "Remove"]
    time.sleep(1.1)
    client.execute_change_set(StackName=name, ChangeSetName="c")
    assert settled(client, name) == "UPDATE_COMPLETE", told(client, name)
    assert deployment()[0] == added
    client.delete_stack(StackName=name)
