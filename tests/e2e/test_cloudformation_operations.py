"""Every operation of cloudformation, driven by unmodified boto3 and the `aws` CLI."""

import json

import pytest

from stacks import client  # noqa: F401
from support import eventually, listed, refused


def template(name, days=1, **more):
    group = {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": {"Ref": "Name"}, "RetentionInDays": days}}
    return json.dumps({"Description": "one group", "Parameters": {"Name": {"Type": "String", "Default": name}}, "Resources": {"Group": group, **more},
                       "Outputs": {"Arn": {"Value": {"Fn::GetAtt": ["Group", "Arn"]}}}})


def status(client, stack):
    return client.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]


@pytest.fixture
def stack(client, name):
    made = client.create_stack(StackName=name, TemplateBody=template(name), Tags=[{"Key": "a", "Value": "1"}])["StackId"]
    eventually(lambda: status(client, name) == "CREATE_COMPLETE")
    yield made
    client.delete_stack(StackName=made)
    eventually(lambda: status(client, made) == "DELETE_COMPLETE")


def test_a_stack_is_described_from_every_side(client, stack, name):
    shown = client.describe_stacks(StackName=name)["Stacks"][0]
    assert (shown["StackId"], shown["Description"], shown["Tags"]) == (stack, "one group", [{"Key": "a", "Value": "1"}])
    assert shown["Parameters"] == [{"ParameterKey": "Name", "ParameterValue": name}]
    assert shown["Outputs"] == [{"OutputKey": "Arn", "OutputValue": f"arn:aws:logs:us-east-1:000000000000:log-group:{name}:*"}]
    one = client.describe_stack_resource(StackName=name, LogicalResourceId="Group")["StackResourceDetail"]
    assert (one["PhysicalResourceId"], one["ResourceStatus"], one["ResourceType"]) == (name, "CREATE_COMPLETE", "AWS::Logs::LogGroup")
    assert [each["LogicalResourceId"] for each in client.describe_stack_resources(PhysicalResourceId=name)["StackResources"]] == ["Group"]
    assert [each["PhysicalResourceId"] for each in client.list_stack_resources(StackName=name)["StackResourceSummaries"]] == [name]
    events = client.describe_stack_events(StackName=name)["StackEvents"]
    told = list(dict.fromkeys((each["LogicalResourceId"], each["ResourceStatus"]) for each in reversed(events)))
    assert told == [(name, "CREATE_IN_PROGRESS"), ("Group", "CREATE_IN_PROGRESS"), ("Group", "CREATE_COMPLETE"), (name, "CREATE_COMPLETE")]
    assert client.get_template(StackName=name)["TemplateBody"] == json.loads(template(name))
    assert name in [each["StackName"] for page in client.get_paginator("list_stacks").paginate(StackStatusFilter=["CREATE_COMPLETE"]) for each in page["StackSummaries"]]
    message = refused(client.describe_stack_resource, "ValidationError", StackName=name, LogicalResourceId="None")
    assert message == f"Resource None does not exist for stack {name}"


def test_what_is_not_there_is_told_so(client, name):
    assert refused(client.describe_stacks, "ValidationError", StackName=name) == f"Stack with id {name} does not exist"
    for call in (client.get_template, client.list_stack_resources, client.describe_stack_events, client.describe_stack_resources):
        assert "does not exist" in refused(call, "ValidationError", StackName=name), call
    assert "does not exist" in refused(client.update_stack, "ValidationError", StackName=name, TemplateBody=template(name))
    client.delete_stack(StackName=name)
    refused(client.create_stack, "ValidationError", StackName="a_b", TemplateBody=template(name))
    message = refused(client.create_stack, "ValidationError", StackName=name, TemplateBody=template(name), Parameters=[{"ParameterKey": "Unheard", "ParameterValue": "x"}])
    assert message == "Parameters: [Unheard] do not exist in the template"


def test_a_stack_is_updated_protected_and_deleted(platform, client, stack, name):
    client.update_stack(StackName=name, TemplateBody=template(name, 7))
    eventually(lambda: status(client, name) == "UPDATE_COMPLETE")
    groups = lambda: platform.client("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    assert groups()[0]["retentionInDays"] == 7
    assert client.update_termination_protection(StackName=name, EnableTerminationProtection=True)["StackId"] == stack
    message = refused(client.delete_stack, "ValidationError", StackName=name)
    assert message == f"Stack [{name}] cannot be deleted while TerminationProtection is enabled"
    client.update_termination_protection(StackName=name, EnableTerminationProtection=False)
    client.delete_stack(StackName=name)
    eventually(lambda: status(client, stack) == "DELETE_COMPLETE")
    assert groups() == []
    refused(client.describe_stacks, "ValidationError", StackName=name)


def test_a_change_set_shows_what_it_would_do_and_does_it(client, name):
    made = client.create_change_set(StackName=name, ChangeSetName="first", ChangeSetType="CREATE", TemplateBody=template(name))
    ready = lambda change: client.describe_change_set(StackName=name, ChangeSetName=change)
    eventually(lambda: ready("first")["Status"] == "CREATE_COMPLETE")
    assert status(client, name) == "REVIEW_IN_PROGRESS" and ready("first")["ChangeSetId"] == made["Id"]
    assert [(c["ResourceChange"]["Action"], c["ResourceChange"]["LogicalResourceId"]) for c in ready("first")["Changes"]] == [("Add", "Group")]
    client.execute_change_set(StackName=name, ChangeSetName="first")
    eventually(lambda: status(client, name) == "CREATE_COMPLETE")
    client.create_change_set(StackName=name, ChangeSetName="second", TemplateBody=template(name, 3))
    eventually(lambda: ready("second")["Status"] == "CREATE_COMPLETE")
    change = ready("second")["Changes"][0]["ResourceChange"]
    assert (change["Action"], change["Replacement"], change["PhysicalResourceId"]) == ("Modify", "False", name)
    assert "second" in [each["ChangeSetName"] for each in client.list_change_sets(StackName=name)["Summaries"]]
    refused(client.create_change_set, "AlreadyExistsException", StackName=name, ChangeSetName="second", TemplateBody=template(name, 3))
    client.delete_change_set(StackName=name, ChangeSetName="second")
    refused(client.describe_change_set, "ChangeSetNotFound", StackName=name, ChangeSetName="second")
    client.create_change_set(StackName=name, ChangeSetName="empty", TemplateBody=template(name))
    eventually(lambda: ready("empty")["Status"] == "FAILED")
    assert "didn't contain changes" in ready("empty")["StatusReason"]
    refused(client.execute_change_set, "InvalidChangeSetStatus", StackName=name, ChangeSetName="empty")
    client.delete_stack(StackName=name)


def test_templates_are_validated_and_summed_up(client, stack, name):
    told = client.validate_template(TemplateBody=template(name))
    assert told["Description"] == "one group" and told["Parameters"][0]["DefaultValue"] == name
    role = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": []}}}
    summary = client.get_template_summary(TemplateBody=template(name, Role=role))
    assert sorted(summary["ResourceTypes"]) == ["AWS::IAM::Role", "AWS::Logs::LogGroup"] and summary["Capabilities"] == ["CAPABILITY_IAM"]
    assert client.get_template_summary(StackName=name)["ResourceTypes"] == ["AWS::Logs::LogGroup"]
    assert not [one for one in listed(client, "list_exports", "Exports") if f":stack/{name}/" in one["ExportingStackId"]]
    for bad in ("{", "[]", "Resources: {}"):
        refused(client.validate_template, "ValidationError", TemplateBody=bad)
    assert refused(client.validate_template, "ValidationError", TemplateBody="Resources: {A: {Type: AWS::SQS::Nothing}}") == \
        "Template format error: Unrecognized resource types: [AWS::SQS::Nothing]"


def test_the_cli_drives_a_stack(platform, client, name, tmp_path):
    (tmp_path / "t.json").write_text(template(name))
    made = platform.aws("cloudformation", "create-stack", "--stack-name", name, "--template-body", f"file://{tmp_path}/t.json", "--output", "json")
    assert made.returncode == 0, made.stderr
    stack = json.loads(made.stdout)["StackId"]
    eventually(lambda: status(client, stack) == "CREATE_COMPLETE")
    shown = platform.aws("cloudformation", "list-stack-resources", "--stack-name", name, "--output", "json")
    assert json.loads(shown.stdout)["StackResourceSummaries"][0]["PhysicalResourceId"] == name, shown.stderr
    assert platform.aws("cloudformation", "delete-stack", "--stack-name", name).returncode == 0
    eventually(lambda: status(client, stack) == "DELETE_COMPLETE")
    gone = platform.aws("cloudformation", "describe-stacks", "--stack-name", name)
    assert gone.returncode != 0 and f"Stack with id {name} does not exist" in gone.stderr


def test_events_are_told_by_operation(client, stack, name):
    updated = client.update_stack(StackName=name, TemplateBody=template(name, days=3))
    eventually(lambda: status(client, name) == "UPDATE_COMPLETE")
    bad = client.update_stack(StackName=name, TemplateBody=template(name, days=2_000_000))
    eventually(lambda: status(client, name) == "UPDATE_ROLLBACK_COMPLETE")
    assert len({updated["OperationId"], bad["OperationId"]}) == 2
    told = client.describe_events(StackName=name, OperationId=updated["OperationId"])["OperationEvents"]
    assert {event["OperationType"] for event in told} == {"UPDATE_STACK"} and {event["OperationId"] for event in told} == {updated["OperationId"]}
    assert [(e["EventType"], e["ResourceStatus"]) for e in reversed(told)] == [
        ("STACK_EVENT", "UPDATE_IN_PROGRESS"), ("PROGRESS_EVENT", "UPDATE_IN_PROGRESS"), ("PROGRESS_EVENT", "UPDATE_COMPLETE"),
        ("STACK_EVENT", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"), ("STACK_EVENT", "UPDATE_COMPLETE")]
    assert told[0]["OperationStatus"] == "SUCCEEDED" and "OperationStatus" not in told[2]
    failed = client.describe_events(StackName=name, Filters={"FailedEvents": True})["OperationEvents"]
    assert [(e["EventType"], e["LogicalResourceId"], e["OperationId"]) for e in failed] == [("PROVISIONING_ERROR", "Group", bad["OperationId"])]
    everything = client.describe_events(StackName=name)["OperationEvents"]
    assert everything[0]["OperationStatus"] == "FAILED" and {e["OperationType"] for e in everything} == {"CREATE_STACK", "UPDATE_STACK"}
    refused(client.describe_events, "ValidationError")
    assert "does not exist" in refused(client.describe_events, "ValidationError", StackName=f"{name}-not")
