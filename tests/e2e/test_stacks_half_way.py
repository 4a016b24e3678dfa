"""Creations that stopped half-way and go on, tokens of requests, patterns as people write them."""

import json

import pytest

from stacks import client, settled  # noqa: F401
from support import refused


def group(name, retention=7, **more):
    return {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": name, "RetentionInDays": retention}, **more}


def template(**resources):
    return json.dumps({"Resources": resources})


def groups(platform, name):
    return sorted(g["logGroupName"].removeprefix(name) for g in platform.client("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"])


def test_a_creation_that_failed_is_mended_by_an_update(platform, client, name):
    broken = {"A": group(f"{name}-a"), "B": group(f"{name}-b", 4), "C": group(f"{name}-c", DependsOn="A"), "D": group(f"{name}-d", DependsOn="B")}
    stack = client.create_stack(StackName=name, TemplateBody=template(**broken), DisableRollback=True)["StackId"]
    assert settled(client, stack) == "CREATE_FAILED"
    assert groups(platform, name) == ["-a", "-b", "-c"], "what does not depend on what failed is made; that is there, and not whole"
    client.update_stack(StackName=name, TemplateBody=template(**broken), DisableRollback=True)
    assert settled(client, stack) == "UPDATE_FAILED"
    client.update_stack(StackName=name, TemplateBody=template(**{**broken, "B": group(f"{name}-b", 5)}), DisableRollback=True)
    assert settled(client, stack) == "UPDATE_COMPLETE"
    assert groups(platform, name) == ["-a", "-b", "-c", "-d"]
    client.delete_stack(StackName=stack)
    assert settled(client, stack) == "DELETE_COMPLETE"
    assert groups(platform, name) == []


def test_what_never_stood_firm_is_rolled_back_to_nothing(platform, client, name):
    broken = template(A=group(f"{name}-a"), B=group(f"{name}-b", 4))
    stack = client.create_stack(StackName=name, TemplateBody=broken, DisableRollback=True)["StackId"]
    assert settled(client, stack) == "CREATE_FAILED"
    client.update_stack(StackName=name, TemplateBody=broken)
    assert settled(client, stack) == "ROLLBACK_COMPLETE"
    assert groups(platform, name) == []
    client.delete_stack(StackName=stack)


def test_a_token_belongs_to_one_request(client, name):
    body = template(A=group(name))
    first = client.create_stack(StackName=name, TemplateBody=body, ClientRequestToken="t")["StackId"]
    assert settled(client, name) == "CREATE_COMPLETE"
    assert client.create_stack(StackName=name, TemplateBody=body, ClientRequestToken="t")["StackId"] == first
    other = template(A=group(name, 30))
    for call, more in ((client.create_stack, {"TemplateBody": other}), (client.update_stack, {"TemplateBody": other}), (client.delete_stack, {})):
        refused(call, "TokenAlreadyExistsException", StackName=name, ClientRequestToken="t", **more)
    change = {"StackName": name, "ChangeSetName": "c", "TemplateBody": other, "ClientToken": "c"}
    assert client.create_change_set(**change)["Id"] == client.create_change_set(**change)["Id"]
    for _ in range(2):
        client.execute_change_set(StackName=name, ChangeSetName="c", ClientRequestToken="e")
    assert settled(client, name) == "UPDATE_COMPLETE"
    client.delete_stack(StackName=name)


def test_events_tell_the_id_once_there_is_one(client, name):
    client.create_stack(StackName=name, TemplateBody=template(A=group(name)))
    assert settled(client, name) == "CREATE_COMPLETE"
    told = [(e["ResourceStatus"], e.get("PhysicalResourceId"), e.get("ResourceStatusReason")) for e in reversed(client.describe_stack_events(StackName=name)["StackEvents"]) if e["LogicalResourceId"] == "A"]
    assert told == [("CREATE_IN_PROGRESS", "", None), ("CREATE_IN_PROGRESS", name, "Resource creation Initiated"), ("CREATE_COMPLETE", name, None)]
    ids = [e["EventId"] for e in client.describe_stack_events(StackName=name)["StackEvents"]]
    assert len(set(ids)) == len(ids)
    client.delete_stack(StackName=name)


def test_patterns_with_look_ahead_and_lists_of_values(client, name):
    text = json.dumps({"Parameters": {"P": {"Type": "String", "NoEcho": True, "AllowedPattern": "^(?=.*[A-Z])(?=.*[0-9]).{8,}$"}, "E": {"Type": "String", "AllowedValues": ["dev", "prod"], "Default": "dev"}},
                       "Resources": {"A": group(name)}})
    summary = {p["ParameterKey"]: p["ParameterConstraints"] for p in client.get_template_summary(TemplateBody=text)["Parameters"]}
    assert summary == {"P": {}, "E": {"AllowedValues": ["dev", "prod"]}}
    with_value = lambda value: {"StackName": name, "TemplateBody": text, "Parameters": [{"ParameterKey": "P", "ParameterValue": value}]}
    assert "must match pattern" in refused(client.create_stack, "ValidationError", **with_value("nocapitals1"))
    client.create_stack(**with_value("Passw0rds"))
    assert settled(client, name) == "CREATE_COMPLETE"
    client.delete_stack(StackName=name)


def test_references_to_nowhere_are_refused_in_branches_that_are_not_taken(client, name):
    conditions = {"Never": {"Fn::Equals": ["a", "b"]}}
    for resource in ({"Condition": "Never", "LogGroupName": {"Ref": "Nothing"}}, {"LogGroupName": {"Fn::If": ["Never", {"Fn::Sub": "${Nothing}"}, name]}}):
        condition = {key: resource.pop(key) for key in ("Condition",) if key in resource}
        body = json.dumps({"Conditions": conditions, "Resources": {"A": group(name), "L": {"Type": "AWS::Logs::LogGroup", "Properties": resource, **condition}}})
        for call, more in ((client.create_stack, {"StackName": name}), (client.validate_template, {})):
            assert "Unresolved resource dependencies [Nothing] in the Resources block of the template" in refused(call, "ValidationError", TemplateBody=body, **more)


@pytest.mark.parametrize("choice, ends", [("DELETE", "DELETE_COMPLETE"), ("DO_NOTHING", "CREATE_FAILED"), ("ROLLBACK", "ROLLBACK_COMPLETE")])
def test_a_change_set_says_what_becomes_of_a_stack_that_fails(client, name, choice, ends):
    change = {"StackName": name, "ChangeSetName": "c", "TemplateBody": template(A=group(name, 4)), "ChangeSetType": "CREATE", "OnStackFailure": choice}
    stack = client.create_change_set(**change)["StackId"]
    assert client.describe_change_set(StackName=name, ChangeSetName="c")["OnStackFailure"] == choice
    refused(client.execute_change_set, "ValidationError", StackName=name, ChangeSetName="c", DisableRollback=True)
    client.execute_change_set(StackName=name, ChangeSetName="c")
    assert settled(client, stack) == ends
    client.delete_stack(StackName=stack)
