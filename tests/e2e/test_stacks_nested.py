"""Templates from S3, stacks in stacks, buckets in stacks, and `aws cloudformation package`."""

import json

import pytest

from stacks import client, settled  # noqa: F401
from support import refused

CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]


@pytest.fixture
def bucket(platform, name):
    s3 = platform.client("s3")
    s3.create_bucket(Bucket=name)
    yield name
    for each in s3.list_objects_v2(Bucket=name).get("Contents", []):
        s3.delete_object(Bucket=name, Key=each["Key"])
    s3.delete_bucket(Bucket=name)


def events(client, stack):
    return [e.get("ResourceStatusReason") for e in client.describe_stack_events(StackName=stack)["StackEvents"]]


def inner(retention=7):
    return json.dumps({"Parameters": {"Name": {"Type": "String"}}, "Resources": {"G": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": {"Ref": "Name"}, "RetentionInDays": retention}}},
                       "Outputs": {"Arn": {"Value": {"Fn::GetAtt": ["G", "Arn"]}}}})


def outer(bucket, name, key="inner.json"):
    nested = {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": f"https://{bucket}.s3.amazonaws.com/{key}", "Parameters": {"Name": f"{name}-inner"}}}
    return json.dumps({"Resources": {"Inner": nested}, "Outputs": {"Arn": {"Value": {"Fn::GetAtt": ["Inner", "Outputs.Arn"]}}}})


def test_a_template_is_read_from_s3_as_the_caller(platform, client, bucket, name):
    platform.client("s3").put_object(Bucket=bucket, Key="a b/inner.json", Body=inner())
    url = f"https://s3.us-east-1.amazonaws.com/{bucket}/a%20b/inner.json"
    given = [{"ParameterKey": "Name", "ParameterValue": name}]
    assert [p["ParameterKey"] for p in client.validate_template(TemplateURL=url)["Parameters"]] == ["Name"]
    stack = client.create_stack(StackName=name, TemplateURL=url, Parameters=given)["StackId"]
    assert settled(client, stack) == "CREATE_COMPLETE"
    assert refused(client.create_stack, "ValidationError", StackName=f"{name}-x", TemplateURL=url + "x").startswith("S3 error: The specified key does not exist.")
    key, secret = platform.user(name, {"Effect": "Allow", "Action": "cloudformation:*", "Resource": "*"})
    assert "not authorized to perform: s3:GetObject" in refused(platform.client("cloudformation", key, secret).create_stack, "ValidationError", StackName=f"{name}-y", TemplateURL=url, Parameters=given)
    assert refused(client.create_stack, "ValidationError", StackName=name, TemplateURL="gopher://x/y") == "TemplateURL must be a supported URL."
    client.delete_stack(StackName=stack)
    assert settled(client, stack) == "DELETE_COMPLETE"


def test_a_stack_in_a_stack(platform, client, bucket, name):
    s3, logs = platform.client("s3"), platform.client("logs")
    s3.put_object(Bucket=bucket, Key="inner.json", Body=inner())
    stack = client.create_stack(StackName=name, TemplateBody=outer(bucket, name))["StackId"]
    assert settled(client, stack) == "CREATE_COMPLETE", events(client, stack)
    shown = client.describe_stacks(StackName=stack)["Stacks"][0]
    assert shown["Outputs"][0]["OutputValue"].endswith(f"log-group:{name}-inner:*")
    nested = client.describe_stack_resources(StackName=name)["StackResources"][0]["PhysicalResourceId"]
    inside = client.describe_stacks(StackName=nested)["Stacks"][0]
    assert (inside["ParentId"], inside["RootId"]) == (stack, stack) and inside["StackName"].startswith(f"{name}-Inner-")
    s3.put_object(Bucket=bucket, Key="changed.json", Body=inner(30))
    client.update_stack(StackName=name, TemplateBody=outer(bucket, name, "changed.json"))
    assert settled(client, stack) == "UPDATE_COMPLETE", events(client, stack)
    assert logs.describe_log_groups(logGroupNamePrefix=f"{name}-inner")["logGroups"][0]["retentionInDays"] == 30
    s3.put_object(Bucket=bucket, Key="bad.json", Body=inner(2_000_000))
    client.update_stack(StackName=name, TemplateBody=outer(bucket, name, "bad.json"))
    assert settled(client, stack) == "UPDATE_ROLLBACK_COMPLETE"
    assert any("was not successfully updated" in (reason or "") for reason in events(client, stack))
    assert logs.describe_log_groups(logGroupNamePrefix=f"{name}-inner")["logGroups"][0]["retentionInDays"] == 30
    client.delete_stack(StackName=stack)
    assert settled(client, stack) == "DELETE_COMPLETE"
    assert settled(client, nested) == "DELETE_COMPLETE" and not logs.describe_log_groups(logGroupNamePrefix=f"{name}-inner")["logGroups"]


def test_a_stack_that_contains_itself_ends(platform, client, bucket, name):
    text = outer(bucket, name, "self.json")
    platform.client("s3").put_object(Bucket=bucket, Key="self.json", Body=json.dumps({"Parameters": {"Name": {"Type": "String", "Default": "x"}}, **json.loads(text)}))
    stack = client.create_stack(StackName=name, TemplateBody=text)["StackId"]
    assert settled(client, stack) == "ROLLBACK_COMPLETE"
    live = [s["StackName"] for s in client.list_stacks(StackStatusFilter=["CREATE_COMPLETE", "ROLLBACK_COMPLETE", "CREATE_IN_PROGRESS", "DELETE_FAILED"])["StackSummaries"] if s["StackName"].startswith(name)]
    assert live == [name]
    client.delete_stack(StackName=stack)


def test_a_bucket_is_declared(platform, client, name):
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "s3:DeleteObject", "Resource": {"Fn::Sub": "${B.Arn}/*"}}]}
    bucket = {"Type": "AWS::S3::Bucket", "Properties": {"VersioningConfiguration": {"Status": "Enabled"}, "Tags": [{"Key": "a", "Value": "b"}],
              "PublicAccessBlockConfiguration": {"BlockPublicAcls": True, "BlockPublicPolicy": True, "IgnorePublicAcls": True, "RestrictPublicBuckets": True},
              "BucketEncryption": {"ServerSideEncryptionConfiguration": [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}}}
    text = json.dumps({"Resources": {"B": bucket, "P": {"Type": "AWS::S3::BucketPolicy", "Properties": {"Bucket": {"Ref": "B"}, "PolicyDocument": policy}}},
                       "Outputs": {"Name": {"Value": {"Ref": "B"}}, "Domain": {"Value": {"Fn::GetAtt": ["B", "DomainName"]}}}})
    stack = client.create_stack(StackName=name, TemplateBody=text)["StackId"]
    assert settled(client, stack) == "CREATE_COMPLETE", events(client, stack)
    given = {o["OutputKey"]: o["OutputValue"] for o in client.describe_stacks(StackName=stack)["Stacks"][0]["Outputs"]}
    s3 = platform.client("s3")
    assert given["Domain"] == f"{given['Name']}.s3.amazonaws.com"
    assert s3.get_bucket_versioning(Bucket=given["Name"])["Status"] == "Enabled"
    tags = {t["Key"]: t["Value"] for t in s3.get_bucket_tagging(Bucket=given["Name"])["TagSet"]}
    assert tags["a"] == "b" and tags["aws:cloudformation:stack-id"] == stack
    assert json.loads(s3.get_bucket_policy(Bucket=given["Name"])["Policy"])["Statement"][0]["Effect"] == "Deny"
    client.delete_stack(StackName=stack)
    assert settled(client, stack) == "DELETE_COMPLETE", events(client, stack)
    refused(s3.head_bucket, "404", Bucket=given["Name"])


def test_the_cli_packages_and_deploys(platform, client, bucket, name, tmp_path):
    (tmp_path / "inner.json").write_text(inner())
    (tmp_path / "template.json").write_text(json.dumps({"Resources": {"Inner": {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": "inner.json", "Parameters": {"Name": f"{name}-g"}}}}}))
    packaged = tmp_path / "packaged.json"
    done = platform.aws("cloudformation", "package", "--template-file", str(tmp_path / "template.json"), "--s3-bucket", bucket, "--output-template-file", str(packaged), "--use-json")
    assert done.returncode == 0, done.stdout + done.stderr
    done = platform.aws("cloudformation", "deploy", "--template-file", str(packaged), "--stack-name", name, "--s3-bucket", bucket, "--capabilities", *CAPABILITIES)
    assert done.returncode == 0, done.stdout + done.stderr
    assert platform.client("logs").describe_log_groups(logGroupNamePrefix=f"{name}-g")["logGroups"]
    stack = client.describe_stacks(StackName=name)["Stacks"][0]["StackId"]
    client.delete_stack(StackName=name)
    assert settled(client, stack) == "DELETE_COMPLETE"


def test_a_nested_stack_is_protected_as_its_root_is(platform, client, bucket, name):
    platform.client("s3").put_object(Bucket=bucket, Key="inner.json", Body=inner())
    stack = client.create_stack(StackName=name, TemplateBody=outer(bucket, name), EnableTerminationProtection=True)["StackId"]
    assert settled(client, stack) == "CREATE_COMPLETE", events(client, stack)
    nested = client.describe_stack_resources(StackName=name)["StackResources"][0]["PhysicalResourceId"]
    assert client.describe_stacks(StackName=nested)["Stacks"][0]["EnableTerminationProtection"] is True
    listed = next(s for s in client.get_paginator("list_stacks").paginate().search("StackSummaries[]") if s["StackId"] == nested)
    assert (listed["ParentId"], listed["RootId"]) == (stack, stack)
    assert "TerminationProtection is enabled" in refused(client.delete_stack, "ValidationError", StackName=nested)
    assert "is a nested stack" in refused(client.update_termination_protection, "ValidationError", StackName=nested, EnableTerminationProtection=False)
    # The root's own update takes its nested stack away all the same.
    alone = json.dumps({"Resources": {"G": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": f"{name}-alone"}}}})
    client.update_stack(StackName=name, TemplateBody=alone)
    assert settled(client, stack) == "UPDATE_COMPLETE", events(client, stack)
    assert client.describe_stacks(StackName=nested)["Stacks"][0]["StackStatus"] == "DELETE_COMPLETE"
    client.update_termination_protection(StackName=name, EnableTerminationProtection=False)
    client.delete_stack(StackName=stack)
    assert settled(client, stack) == "DELETE_COMPLETE"


def retention(platform, group):
    return platform.client("logs").describe_log_groups(logGroupNamePrefix=group)["logGroups"][0].get("retentionInDays")


def test_a_template_that_changed_at_its_address_is_read_with_every_update(platform, client, bucket, name):
    s3 = platform.client("s3")
    s3.put_object(Bucket=bucket, Key="inner.json", Body=inner())
    stack = client.create_stack(StackName=name, TemplateBody=outer(bucket, name))["StackId"]
    assert settled(client, stack) == "CREATE_COMPLETE", events(client, stack)
    s3.put_object(Bucket=bucket, Key="inner.json", Body=inner(30))
    client.create_change_set(StackName=name, ChangeSetName="same", TemplateBody=outer(bucket, name), IncludeNestedStacks=True)
    shown = client.describe_change_set(StackName=name, ChangeSetName="same")
    assert (shown["Status"], shown["IncludeNestedStacks"]) == ("CREATE_COMPLETE", True), shown
    assert shown["Changes"][0]["ResourceChange"]["Details"] == [{"Target": {"Attribute": "Properties", "RequiresRecreation": "Never"}, "Evaluation": "Dynamic", "ChangeSource": "Automatic"}]
    client.update_stack(StackName=name, TemplateBody=outer(bucket, name))
    assert settled(client, stack) == "UPDATE_COMPLETE", events(client, stack)
    assert retention(platform, f"{name}-inner") == 30
    client.update_stack(StackName=name, TemplateBody=outer(bucket, name))
    assert settled(client, stack) == "UPDATE_COMPLETE", "nothing is changed, and nothing fails"
    client.delete_stack(StackName=stack)
    assert settled(client, stack) == "DELETE_COMPLETE"


def test_the_way_back_finds_what_a_nested_stack_was_and_not_what_stands_at_its_address(platform, client, bucket, name):
    s3 = platform.client("s3")
    middle = lambda retention=7: json.dumps({"Parameters": {"Name": {"Type": "String"}}, "Resources": {"Deep": {"Type": "AWS::CloudFormation::Stack", "Properties": {
        "TemplateURL": f"https://{bucket}.s3.amazonaws.com/deep.json", "Parameters": {"Name": {"Fn::Sub": "${Name}-deep"}}}},
        "G": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": {"Ref": "Name"}, "RetentionInDays": retention}}},
        "Outputs": {"Arn": {"Value": {"Fn::GetAtt": ["Deep", "Outputs.Arn"]}}}})
    s3.put_object(Bucket=bucket, Key="inner.json", Body=middle())
    s3.put_object(Bucket=bucket, Key="deep.json", Body=inner())
    stack = client.create_stack(StackName=name, TemplateBody=outer(bucket, name))["StackId"]
    assert settled(client, stack) == "CREATE_COMPLETE", events(client, stack)
    s3.put_object(Bucket=bucket, Key="inner.json", Body=middle(30))
    s3.put_object(Bucket=bucket, Key="deep.json", Body=inner(30))
    changed = json.loads(outer(bucket, name))
    changed["Resources"]["Bad"] = {"Type": "AWS::Logs::LogGroup", "DependsOn": "Inner", "Properties": {"LogGroupName": f"{name}-bad", "RetentionInDays": 4}}
    for _ in range(2):
        client.update_stack(StackName=name, TemplateBody=json.dumps(changed))
        assert settled(client, stack) == "UPDATE_ROLLBACK_COMPLETE"
        nested = client.describe_stack_resources(StackName=name, LogicalResourceId="Inner")["StackResources"][0]["PhysicalResourceId"]
        assert settled(client, nested) == "UPDATE_ROLLBACK_COMPLETE", events(client, nested)
        assert (retention(platform, f"{name}-inner-deep"), retention(platform, f"{name}-inner")) == (7, 7)
    del changed["Resources"]["Bad"]
    client.update_stack(StackName=name, TemplateBody=json.dumps(changed))
    assert settled(client, stack) == "UPDATE_COMPLETE", events(client, stack)
    assert (retention(platform, f"{name}-inner-deep"), retention(platform, f"{name}-inner")) == (30, 30)
    client.delete_stack(StackName=stack)
    assert settled(client, stack) == "DELETE_COMPLETE"


def test_a_nested_stack_goes_back_to_what_it_was_last_whoever_brought_it_there(platform, client, bucket, name):
    """As after a restart in the middle of an update: what was asked is there already, by an operation that the stack around did not see to its end."""
    inside = {"Parameters": {"Days": {"Type": "Number"}}, "Resources": {"G": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": f"{name}-g", "RetentionInDays": {"Ref": "Days"}}}}}
    platform.client("s3").put_object(Bucket=bucket, Key="days.json", Body=json.dumps(inside))

    def around(days, fails):
        nested = {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": f"https://{bucket}.s3.amazonaws.com/days.json", "Parameters": {"Days": str(days)}}}
        broken = {"Type": "AWS::Logs::LogGroup", "DependsOn": "Inner", "Properties": {"LogGroupName": f"{name}-b", "RetentionInDays": 2_000_000}}
        return json.dumps({"Resources": {"Inner": nested, **({"Broken": broken} if fails else {})}})

    stack = client.create_stack(StackName=name, TemplateBody=around(1, False))["StackId"]
    assert settled(client, stack) == "CREATE_COMPLETE", events(client, stack)
    client.update_stack(StackName=name, TemplateBody=around(3, True))
    assert settled(client, stack) == "UPDATE_ROLLBACK_COMPLETE"
    nested = client.describe_stack_resources(StackName=name)["StackResources"][0]["PhysicalResourceId"]
    operation = client.update_stack(StackName=nested, UsePreviousTemplate=True, Parameters=[{"ParameterKey": "Days", "ParameterValue": "5"}])["OperationId"]
    assert settled(client, nested) == "UPDATE_COMPLETE"
    assert client.describe_stacks(StackName=nested)["Stacks"][0]["LastOperations"] == [{"OperationType": "UPDATE_STACK", "OperationId": operation}]
    client.update_stack(StackName=name, TemplateBody=around(5, False))
    assert settled(client, stack) == "UPDATE_COMPLETE"
    client.update_stack(StackName=name, TemplateBody=around(7, True))
    assert settled(client, stack) == "UPDATE_ROLLBACK_COMPLETE"
    groups = platform.client("logs").describe_log_groups(logGroupNamePrefix=f"{name}-g")["logGroups"]
    assert [group["retentionInDays"] for group in groups] == [5]


def holding(name):
    """A table that is replaced, and one that is dropped, as the parameter says."""
    table = lambda suffix, **more: {"Type": "AWS::DynamoDB::Table", **more, "Properties": {"TableName": {"Fn::Sub": f"{name}-{suffix}"}, "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [{"AttributeName": "p", "KeyType": "HASH"}], "AttributeDefinitions": [{"AttributeName": "p", "AttributeType": "S"}]}}
    return {"Parameters": {"V": {"Type": "String"}}, "Conditions": {"Has": {"Fn::Equals": [{"Ref": "V"}, "a"]}},
            "Resources": {"Kept": table("kept-${V}"), "Dropped": table("dropped", Condition="Has")}, "Outputs": {"Name": {"Value": {"Ref": "Kept"}}}}


def around_holding(bucket, name, value, fails):
    nested = {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": f"https://{bucket}.s3.amazonaws.com/holding.json", "Parameters": {"V": value}}}
    bad = {"Type": "AWS::Logs::LogGroup", "DependsOn": "In", "Properties": {"LogGroupName": f"{name}-bad", "RetentionInDays": 4}}
    return json.dumps({"Resources": {"In": nested, **({"Bad": bad} if fails else {})}, "Outputs": {"Name": {"Value": {"Fn::GetAtt": ["In", "Outputs.Name"]}}}})


def test_what_a_nested_stack_replaced_keeps_its_items_when_the_root_goes_back(platform, client, bucket, name):
    platform.client("s3").put_object(Bucket=bucket, Key="holding.json", Body=json.dumps(holding(name)))
    stack = client.create_stack(StackName=name, TemplateBody=around_holding(bucket, name, "a", False))["StackId"]
    assert settled(client, stack) == "CREATE_COMPLETE", events(client, stack)
    data = platform.client("dynamodb")
    tables = [f"{name}-dropped", f"{name}-kept-a"]
    for table in tables:
        data.put_item(TableName=table, Item={"p": {"S": "x"}})
    items = lambda: [data.scan(TableName=table)["Count"] for table in tables]
    nested = client.describe_stack_resources(StackName=name)["StackResources"][0]["PhysicalResourceId"]
    client.update_stack(StackName=name, TemplateBody=around_holding(bucket, name, "b", True))
    assert settled(client, stack) == "UPDATE_ROLLBACK_COMPLETE"
    assert items() == [1, 1]
    assert data.list_tables(ExclusiveStartTableName=name, Limit=3)["TableNames"][:2] == tables
    # Half-way it waits, and nobody else may touch it.
    client.update_stack(StackName=name, TemplateBody=around_holding(bucket, name, "b", True), DisableRollback=True)
    assert settled(client, stack) == "UPDATE_FAILED"
    assert client.describe_stacks(StackName=nested)["Stacks"][0]["StackStatus"] == "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"
    again = {"StackName": nested, "UsePreviousTemplate": True, "Parameters": [{"ParameterKey": "V", "ParameterValue": "c"}]}
    assert "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS state and can not be updated" in refused(client.update_stack, "ValidationError", **again)
    client.rollback_stack(StackName=name)
    assert settled(client, stack) == "UPDATE_ROLLBACK_COMPLETE"
    assert (items(), client.describe_stacks(StackName=name)["Stacks"][0]["Outputs"][0]["OutputValue"]) == ([1, 1], tables[1])
    client.update_stack(StackName=name, TemplateBody=around_holding(bucket, name, "b", False))
    assert settled(client, stack) == "UPDATE_COMPLETE"
    assert data.list_tables(ExclusiveStartTableName=name, Limit=1)["TableNames"] == [f"{name}-kept-b"]
    inside = [event["ResourceStatus"] for event in reversed(client.describe_stack_events(StackName=nested)["StackEvents"]) if event["PhysicalResourceId"] == nested]
    assert inside[-3:] == ["UPDATE_IN_PROGRESS", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_COMPLETE"]
    client.delete_stack(StackName=stack)
    assert settled(client, stack) == "DELETE_COMPLETE"


def test_a_change_set_reaches_into_nested_stacks(platform, client, bucket, name):
    s3 = platform.client("s3")
    s3.put_object(Bucket=bucket, Key="inner.json", Body=inner())
    asked = {"StackName": name, "TemplateBody": outer(bucket, name), "IncludeNestedStacks": True}
    # Leave for a stack is none for what is nested in it.
    own = f"arn:aws:cloudformation:us-east-1:000000000000:stack/{name}/*"
    key, secret = platform.user(name, {"Effect": "Allow", "Action": "cloudformation:*", "Resource": own}, {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"})
    message = refused(platform.client("cloudformation", key, secret).create_change_set, "ValidationError", ChangeSetName="first", ChangeSetType="CREATE", **asked)
    assert "not authorized to perform: cloudformation:CreateChangeSet" in message
    assert client.list_change_sets(StackName=name)["Summaries"] == []
    client.create_change_set(ChangeSetName="first", ChangeSetType="CREATE", **asked)
    root = client.describe_change_set(StackName=name, ChangeSetName="first")
    assert (root["Status"], root["ExecutionStatus"]) == ("CREATE_COMPLETE", "AVAILABLE")
    inside = client.describe_change_set(ChangeSetName=root["Changes"][0]["ResourceChange"]["ChangeSetId"], IncludePropertyValues=True)
    assert (inside["ParentChangeSetId"], inside["RootChangeSetId"]) == (root["ChangeSetId"], root["ChangeSetId"])
    assert json.loads(inside["Changes"][0]["ResourceChange"]["AfterContext"]) == {"Properties": {"LogGroupName": f"{name}-inner", "RetentionInDays": 7}}
    assert client.describe_stacks(StackName=inside["StackId"])["Stacks"][0]["StackStatus"] == "REVIEW_IN_PROGRESS"
    s3.put_object(Bucket=bucket, Key="inner.json", Body=inner(30))
    client.execute_change_set(StackName=name, ChangeSetName="first")
    assert settled(client, root["StackId"]) == "CREATE_COMPLETE", events(client, root["StackId"])
    assert client.describe_stacks(StackName=inside["StackId"])["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE"
    assert retention(platform, f"{name}-inner") == 7, "what was reviewed is made"
    client.create_change_set(ChangeSetName="second", **asked)
    root = client.describe_change_set(StackName=name, ChangeSetName="second")
    inside = client.describe_change_set(ChangeSetName=root["Changes"][0]["ResourceChange"]["ChangeSetId"], IncludePropertyValues=True)
    target = inside["Changes"][0]["ResourceChange"]["Details"][0]["Target"]
    assert (target["Path"], target["BeforeValue"], target["AfterValue"], target["AttributeChangeType"]) == ("/Properties/RetentionInDays", "7", "30", "Modify")
    client.execute_change_set(StackName=name, ChangeSetName="second")
    assert settled(client, root["StackId"]) == "UPDATE_COMPLETE", events(client, root["StackId"])
    assert retention(platform, f"{name}-inner") == 30
    client.create_change_set(ChangeSetName="third", **asked)
    assert client.describe_change_set(StackName=name, ChangeSetName="third")["StatusReason"].startswith("The submitted information didn't contain changes.")
    client.delete_stack(StackName=name)
    assert settled(client, root["StackId"]) == "DELETE_COMPLETE"


@pytest.mark.parametrize("skips", [True, False])
def test_a_way_back_is_continued_in_nested_stacks_too(platform, client, bucket, name, skips):
    days = {"Fn::If": ["Set", 7, {"Ref": "AWS::NoValue"}]}
    inside = {"Parameters": {"V": {"Type": "String"}}, "Conditions": {"Set": {"Fn::Equals": [{"Ref": "V"}, "1"]}}, "Resources": {
        "A": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": f"{name}-a", "RetentionInDays": days}},
        "B": {"Type": "AWS::Logs::LogGroup", "Condition": "Set", "DependsOn": "A", "Properties": {"LogGroupName": f"{name}-b", "RetentionInDays": 2}}}}
    platform.client("s3").put_object(Bucket=bucket, Key="inside.json", Body=json.dumps(inside))

    def template(version):
        nested = {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": f"https://{bucket}.s3.amazonaws.com/inside.json", "Parameters": {"V": version}}}
        return json.dumps({"Resources": {"Inner": nested}})

    def retention():
        return platform.client("logs").describe_log_groups(logGroupNamePrefix=f"{name}-a")["logGroups"][0].get("retentionInDays")

    # It may set how long a group is kept, and may not take that away: the nested stack's own way back fails, and so the root's.
    key, secret = platform.user(name, {"Effect": "Allow", "Action": ["cloudformation:*", "s3:Get*", "logs:Create*", "logs:Describe*", "logs:List*", "logs:Put*"], "Resource": "*"})
    deployer = platform.client("cloudformation", key, secret)
    stack = deployer.create_stack(StackName=name, TemplateBody=template("0"))["StackId"]
    assert settled(client, stack) == "CREATE_COMPLETE", events(client, stack)
    nested = client.describe_stack_resources(StackName=name)["StackResources"][0]["PhysicalResourceId"]
    deployer.update_stack(StackName=name, TemplateBody=template("1"))
    assert settled(client, stack) == "UPDATE_ROLLBACK_FAILED", events(client, stack)
    assert client.describe_stacks(StackName=nested)["Stacks"][0]["StackStatus"] == "UPDATE_ROLLBACK_FAILED"
    inner = nested.split("/")[1]
    message = refused(client.continue_update_rollback, "ValidationError", StackName=name, ResourcesToSkip=[f"{inner}.B"])
    assert "cannot be skipped: [B]" in message
    client.continue_update_rollback(StackName=name, **({"ResourcesToSkip": [f"{inner}.A"]} if skips else {}))
    assert settled(client, stack) == "UPDATE_ROLLBACK_COMPLETE", events(client, stack) + events(client, nested)
    assert client.describe_stacks(StackName=nested)["Stacks"][0]["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert retention() == (7 if skips else None)
    client.delete_stack(StackName=stack)
    assert settled(client, stack) == "DELETE_COMPLETE"
