"""Templates that include others' texts from S3: read with the caller's rights, and told where they cannot be."""

import json

from stacks import client, settled  # noqa: F401
from support import refused


def include(location):
    return {"Fn::Transform": {"Name": "AWS::Include", "Parameters": {"Location": location}}}


def test_a_text_is_included_with_the_callers_rights(platform, client, name):
    s3, bucket = platform.client("s3"), name.lower()
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="group.yaml", Body=b"RetentionInDays: 7\nLogGroupName: !Sub '/${AWS::StackName}/included'\n")
    s3.put_object(Bucket=bucket, Key="more.json", Body=json.dumps({"Outputs": {"More": {"Value": "from the file"}}}).encode())
    body = json.dumps({
        "Parameters": {"Bucket": {"Type": "String"}},
        "Transform": {"Name": "AWS::Include", "Parameters": {"Location": f"s3://{bucket}/more.json"}},
        "Resources": {"Group": {"Type": "AWS::Logs::LogGroup", "Properties": include({"Fn::Sub": "s3://${Bucket}/group.yaml"})}}})
    arguments = {"StackName": name, "TemplateBody": body, "Parameters": [{"ParameterKey": "Bucket", "ParameterValue": bucket}], "Capabilities": ["CAPABILITY_AUTO_EXPAND"]}
    key, secret = platform.user(name, {"Effect": "Allow", "Action": ["cloudformation:*", "logs:*"], "Resource": "*"})
    told = refused(platform.client("cloudformation", key, secret).create_stack, "ValidationError", **arguments)
    assert told.startswith("Transform AWS::Include failed with: S3 error: ") and "Access Denied" in told.replace("AccessDenied", "Access Denied") or "not authorized" in told, told
    # What comes from elsewhere is acknowledged, wherever it is asked for.
    silent = {**arguments, "Capabilities": []}
    assert refused(client.create_stack, "InsufficientCapabilitiesException", **silent) == "Requires capabilities : [CAPABILITY_AUTO_EXPAND]"
    inside = json.dumps({"Resources": {"Group": {"Type": "AWS::Logs::LogGroup", "Properties": include(f"s3://{bucket}/group.yaml")}}})
    assert refused(client.create_stack, "InsufficientCapabilitiesException", StackName=name, TemplateBody=inside) == "Requires capabilities : [CAPABILITY_AUTO_EXPAND]"
    assert client.validate_template(TemplateBody=inside)["DeclaredTransforms"] == ["AWS::Include"]
    client.create_stack(**arguments)
    assert settled(client, name) == "CREATE_COMPLETE"
    assert platform.client("logs").describe_log_groups(logGroupNamePrefix=f"/{name}/")["logGroups"][0]["retentionInDays"] == 7
    assert client.describe_stacks(StackName=name)["Stacks"][0]["Outputs"][0]["OutputValue"] == "from the file"
    client.delete_stack(StackName=name)
    absent = json.dumps({"Resources": {"Group": {"Type": "AWS::Logs::LogGroup", "Properties": include(f"s3://{bucket}/absent")}}})
    told = refused(client.create_stack, "ValidationError", StackName=name + "-x", TemplateBody=absent, Capabilities=["CAPABILITY_AUTO_EXPAND"])
    assert "Transform AWS::Include failed with: S3 error: The specified key does not exist." in told, told
    assert "failed with" in refused(client.validate_template, "ValidationError", TemplateBody=absent)


def test_parameters_of_services_that_are_not_here_are_refused_by_name(client, name):
    body = json.dumps({"Parameters": {"P": {"Type": "AWS::EC2::VPC::Id"}}, "Resources": {"G": {"Type": "AWS::Logs::LogGroup"}}})
    message = refused(client.create_stack, "ValidationError", StackName=name, TemplateBody=body, Parameters=[{"ParameterKey": "P", "ParameterValue": "x"}])
    assert "the parameter type AWS::EC2::VPC::Id is not supported" in message, message
