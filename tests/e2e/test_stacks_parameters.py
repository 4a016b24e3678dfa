"""Parameter Store in stacks: as a resource, and as what template parameters stand for."""

import json

from stacks import client, settled  # noqa: F401
from support import refused


def parameter(**properties):
    return {"Type": "AWS::SSM::Parameter", "Properties": properties}


def given(**values):
    return [{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()]


def test_a_parameter_is_a_resource(platform, client, name):
    ssm = platform.client("ssm")
    body = lambda value, **more: json.dumps({  # noqa: E731
        "Resources": {"Named": parameter(Name=f"/{name}/url", Type="String", Value=value, Description="d", **more), "Own": parameter(Type="StringList", Value="a,b")},
        "Outputs": {key: {"Value": found} for key, found in {"Ref": {"Ref": "Named"}, "Value": {"Fn::GetAtt": "Named.Value"}, "Type": {"Fn::GetAtt": "Own.Type"}, "Own": {"Ref": "Own"}}.items()}})
    client.create_stack(StackName=name, TemplateBody=body("one", Tags={"k": "v"}), Tags=[{"Key": "team", "Value": "t"}])
    assert settled(client, name) == "CREATE_COMPLETE"
    outputs = {each["OutputKey"]: each["OutputValue"] for each in client.describe_stacks(StackName=name)["Stacks"][0]["Outputs"]}
    assert (outputs["Ref"], outputs["Value"], outputs["Type"]) == (f"/{name}/url", "one", "StringList") and outputs["Own"].startswith(name)
    read = ssm.get_parameter(Name=f"/{name}/url")["Parameter"]
    assert (read["Value"], read["Version"], read["Type"]) == ("one", 1, "String")
    tags = lambda: {each["Key"]: each["Value"] for each in ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=f"/{name}/url")["TagList"]}  # noqa: E731
    assert tags()["k"] == "v" and tags()["team"] == "t" and tags()["aws:cloudformation:stack-name"] == name
    client.update_stack(StackName=name, TemplateBody=body("two", Tags={"l": "w"}), Tags=[{"Key": "team", "Value": "t"}])
    assert settled(client, name) == "UPDATE_COMPLETE"
    read = ssm.get_parameter(Name=f"/{name}/url")["Parameter"]
    assert (read["Value"], read["Version"]) == ("two", 2)
    assert tags()["l"] == "w" and "k" not in tags()
    ssm.put_parameter(Name=f"/{name}/url", Value="outside", Overwrite=True)
    detection = client.detect_stack_drift(StackName=name)["StackDriftDetectionId"]
    while (found := client.describe_stack_drift_detection_status(StackDriftDetectionId=detection))["DetectionStatus"] == "DETECTION_IN_PROGRESS":
        pass
    assert (found["StackDriftStatus"], found["DriftedStackResourceCount"]) == ("DRIFTED", 1)
    client.delete_stack(StackName=name)
    client.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    refused(ssm.get_parameter, "ParameterNotFound", Name=f"/{name}/url")


def test_a_secret_is_no_resource(client, name):
    client.create_stack(StackName=name, TemplateBody=json.dumps({"Resources": {"S": parameter(Type="SecureString", Value="x")}}), OnFailure="DELETE")
    client.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    told = [each.get("ResourceStatusReason", "") for each in client.describe_stack_events(StackName=name_of(client, name))["StackEvents"]]
    assert any("SecureString" in each for each in told), told


def name_of(client, name):
    deleted = client.list_stacks(StackStatusFilter=["DELETE_COMPLETE"])["StackSummaries"]
    return next(each["StackId"] for each in deleted if each["StackName"] == name)


def test_a_template_parameter_stands_for_a_stored_one(platform, client, name):
    ssm, logs = platform.client("ssm"), platform.client("logs")
    ssm.put_parameter(Name=f"/{name}/group", Value=f"/{name}/one", Type="String")
    ssm.put_parameter(Name=f"/{name}/days", Value="3, 7", Type="StringList")
    ssm.put_parameter(Name=f"/{name}/secret", Value="s", Type="SecureString")
    body = json.dumps({
        # What is called like the stored one stands before it: its value is not that one's.
        "Parameters": {
            "Plain": {"Type": "String", "Default": f"/{name}/group"},
            "Which": {"Type": "AWS::SSM::Parameter::Name", "Default": f"/{name}/group"},
            "Group": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": f"/{name}/group"},
            "Days": {"Type": "AWS::SSM::Parameter::Value<List<String>>"}},
        "Resources": {"G": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": {"Ref": "Group"}, "RetentionInDays": {"Fn::Select": [1, {"Ref": "Days"}]}}}},
        "Outputs": {"Which": {"Value": {"Ref": "Which"}}}})
    asked = {"StackName": name, "TemplateBody": body, "Parameters": given(Days=f"/{name}/days")}
    # Named by the template, read with the caller's rights.
    key, secret = platform.user(name, {"Effect": "Allow", "Action": ["cloudformation:*", "logs:*"], "Resource": "*"})
    assert "ssm:GetParameters" in refused(platform.client("cloudformation", key, secret).create_stack, "ValidationError", **asked)
    for which, told in [("missing", f"Unable to fetch parameters [/{name}/missing] from parameter store for this account."), ("secret", "have types not supported by CloudFormation")]:
        assert told in refused(client.create_stack, "ValidationError", **{**asked, "Parameters": given(Days=f"/{name}/{which}")})
    assert "does not exist" in refused(client.create_stack, "ValidationError", **{**asked, "Parameters": given(Days=f"/{name}/days", Which="/absent")})
    client.create_stack(**asked)
    assert settled(client, name) == "CREATE_COMPLETE"
    stack = client.describe_stacks(StackName=name)["Stacks"][0]
    told = {each["ParameterKey"]: (each["ParameterValue"], each.get("ResolvedValue")) for each in stack["Parameters"]}
    assert told == {"Group": (f"/{name}/group", f"/{name}/one"), "Days": (f"/{name}/days", "3, 7"), "Which": (f"/{name}/group", None), "Plain": (f"/{name}/group", None)}
    assert logs.describe_log_groups(logGroupNamePrefix=f"/{name}/")["logGroups"][0]["retentionInDays"] == 7
    again = {"StackName": name, "UsePreviousTemplate": True, "Parameters": [{"ParameterKey": "Days", "UsePreviousValue": True}]}
    assert "No updates" in refused(client.update_stack, "ValidationError", **again)
    # The same name, and another value by now.
    ssm.put_parameter(Name=f"/{name}/days", Value="3,14", Overwrite=True)
    client.update_stack(**again)
    assert settled(client, name) == "UPDATE_COMPLETE"
    assert logs.describe_log_groups(logGroupNamePrefix=f"/{name}/")["logGroups"][0]["retentionInDays"] == 14
    client.delete_stack(StackName=name)


def test_a_dynamic_reference_is_read_when_its_resource_is_made(platform, client, name):
    ssm, logs = platform.client("ssm"), platform.client("logs")
    ssm.put_parameter(Name=f"/{name}/stage", Value="prod", Type="String")
    ssm.put_parameter(Name=f"/{name}/days", Value="3", Type="String")
    ssm.put_parameter(Name=f"/{name}/days", Value="7", Overwrite=True)
    ssm.put_parameter(Name=f"/{name}/secret", Value="s", Type="SecureString")
    body = lambda days, **more: json.dumps({"Parameters": {"Path": {"Type": "String", "Default": f"/{name}"}}, "Resources": {"G": {"Type": "AWS::Logs::LogGroup", "Properties": {  # noqa: E731
        "LogGroupName": {"Fn::Sub": "${Path}/x-{{resolve:ssm:${Path}/stage}}"}, "RetentionInDays": f"{{{{resolve:ssm:/{name}/days{days}}}}}", **more}}}})
    group = lambda: logs.describe_log_groups(logGroupNamePrefix=f"/{name}/")["logGroups"][0]  # noqa: E731
    client.create_stack(StackName=name, TemplateBody=body(":1"))
    assert settled(client, name) == "CREATE_COMPLETE"
    assert (group()["logGroupName"], group()["retentionInDays"]) == (f"/{name}/x-prod", 3)
    client.update_stack(StackName=name, TemplateBody=body(""))
    assert settled(client, name) == "UPDATE_COMPLETE"
    assert group()["retentionInDays"] == 7
    # What cannot be read is told, and the stack goes back to what it was.
    for kms, told in [(f"{{{{resolve:ssm:/{name}/none}}}}", f"Parameters: [ssm:/{name}/none] cannot be found."), (f"{{{{resolve:ssm:/{name}/secret}}}}", "SecureString")]:
        client.update_stack(StackName=name, TemplateBody=body(":2", LogGroupClass=kms))
        assert settled(client, name) == "UPDATE_ROLLBACK_COMPLETE"
        assert any(told in each.get("ResourceStatusReason", "") for each in client.describe_stack_events(StackName=name)["StackEvents"])
    assert "dynamic references" in refused(client.update_stack, "ValidationError", StackName=name, TemplateBody=body(":2", LogGroupClass="{{resolve:secretsmanager:x}}"))
    assert "those to ssm-secure are not" in refused(client.update_stack, "ValidationError", StackName=name, TemplateBody=body(":2", LogGroupClass=f"{{{{resolve:ssm-secure:/{name}/secret}}}}"))
    # What a stored value says is never a reference itself: no such value is put.
    assert "can't nest another parameter" in refused(ssm.put_parameter, "ValidationException", Name=f"/{name}/stage", Value=f"{{{{resolve:ssm:/{name}/days}}}}", Overwrite=True)
    client.delete_stack(StackName=name)


def test_a_dynamic_reference_is_read_with_the_callers_rights(platform, client, name):
    platform.client("ssm").put_parameter(Name=f"/{name}/hidden", Value="h", Type="String")
    key, secret = platform.user(name, {"Effect": "Allow", "Action": ["cloudformation:*", "logs:*"], "Resource": "*"})
    theirs = platform.client("cloudformation", key, secret)
    body = json.dumps({"Resources": {"G": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": f"{{{{resolve:ssm:/{name}/hidden}}}}"}}}})
    theirs.create_stack(StackName=name, TemplateBody=body)
    assert settled(client, name) == "ROLLBACK_COMPLETE"
    assert any("ssm:GetParameters" in each.get("ResourceStatusReason", "") for each in client.describe_stack_events(StackName=name)["StackEvents"])
    client.delete_stack(StackName=name)
