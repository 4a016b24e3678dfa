"""Custom resources made by functions in their sandboxes, with the modules that people use, unmodified; and conditions that wait for programs outside."""

import importlib.util
import io
import json
import pathlib
import zipfile

import pytest
import requests

from stacks import client, settled  # noqa: F401
from support import eventually, refused

TRUST = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
ROLE = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": TRUST}}

PYTHON = """
import cfnresponse

def handler(event, context):
    kind, properties = event["RequestType"], event["ResourceProperties"]
    if properties.get("Fail") == kind:
        return cfnresponse.send(event, context, cfnresponse.FAILED, {}, event.get("PhysicalResourceId", "made-" + properties["Size"]), reason="as asked")
    data = {"Asked": kind, "Size": properties["Size"], "Flag": properties.get("Flag", "none")}
    cfnresponse.send(event, context, cfnresponse.SUCCESS, data, "made-" + properties["Size"])
"""

NODE = """
const response = require('cfn-response');
exports.handler = (event, context) => {
  response.send(event, context, response.SUCCESS, { Asked: event.RequestType, Size: event.ResourceProperties.Size }, 'made-' + event.ResourceProperties.Size);
};
"""

CRHELPER = """
from crhelper import CfnResource
helper = CfnResource(json_logging=False, log_level="DEBUG")

@helper.create
@helper.update
def change(event, context):
    helper.Data["Asked"] = event["RequestType"]
    helper.Data["Size"] = event["ResourceProperties"]["Size"]
    return "made-" + event["ResourceProperties"]["Size"]

@helper.delete
def delete(event, context):
    pass

def handler(event, context):
    helper(event, context)
"""


def told(client, stack):
    return [f"{e['LogicalResourceId']} {e['ResourceStatus']} {e.get('ResourceStatusReason')}" for e in client.describe_stack_events(StackName=stack)["StackEvents"]]


def outputs(client, stack):
    return {o["OutputKey"]: o["OutputValue"] for o in client.describe_stacks(StackName=stack)["Stacks"][0].get("Outputs", [])}


def template(code, runtime, size, kind="Custom::Thing", **more):
    function = {"Type": "AWS::Lambda::Function", "Properties": {"Runtime": runtime, "Handler": "index.handler", "Role": {"Fn::GetAtt": ["Role", "Arn"]}, "Timeout": 60, "Code": code}}
    thing = {"Type": kind, "Properties": {"ServiceToken": {"Fn::GetAtt": ["Maker", "Arn"]}, "ServiceTimeout": 300, "Size": size, **more}}
    values = {"Id": {"Ref": "Thing"}, "Asked": {"Fn::GetAtt": ["Thing", "Asked"]}, "Size": {"Fn::GetAtt": ["Thing", "Size"]}}
    return json.dumps({"Resources": {"Role": ROLE, "Maker": function, "Thing": thing}, "Outputs": {key: {"Value": value} for key, value in values.items()}})


def drive(client, stack, of):
    """Makes, changes and deletes a stack with a custom resource."""
    made = client.create_stack(StackName=stack, TemplateBody=of("one"), Capabilities=["CAPABILITY_IAM"])["StackId"]
    assert settled(client, made) == "CREATE_COMPLETE", told(client, made)
    assert outputs(client, made) == {"Id": "made-one", "Asked": "Create", "Size": "one"}
    client.update_stack(StackName=stack, TemplateBody=of("two"), Capabilities=["CAPABILITY_IAM"])
    assert settled(client, made) == "UPDATE_COMPLETE", told(client, made)
    assert outputs(client, made) == {"Id": "made-two", "Asked": "Update", "Size": "two"}
    client.delete_stack(StackName=stack)
    assert settled(client, made) == "DELETE_COMPLETE", told(client, made)


def test_inline_python_answers_with_cfnresponse(client, name):
    drive(client, name, lambda size: template({"ZipFile": PYTHON}, "python3.12", size, Flag=True))


def test_inline_node_answers_with_cfn_response(client, name):
    drive(client, name, lambda size: template({"ZipFile": NODE}, "nodejs20.x", size, kind="AWS::CloudFormation::CustomResource"))


def test_crhelper_answers_unmodified(platform, client, name):
    s3 = platform.client("s3")
    bucket = name.lower()
    s3.create_bucket(Bucket=bucket)
    found = pathlib.Path(importlib.util.find_spec("crhelper").origin).parent
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("index.py", CRHELPER)
        # It is asked for clients that it uses for polling alone.
        archive.writestr("boto3.py", "def client(*arguments, **more): pass\n")
        for path in found.glob("*.py"):
            archive.write(path, f"crhelper/{path.name}")
    s3.put_object(Bucket=bucket, Key="code.zip", Body=packed.getvalue())
    drive(client, name, lambda size: template({"S3Bucket": bucket, "S3Key": "code.zip"}, "python3.12", size))


def test_a_refusal_of_the_function_rolls_back(client, name):
    made = client.create_stack(StackName=name, TemplateBody=template({"ZipFile": PYTHON}, "python3.12", "one", Fail="Create"), Capabilities=["CAPABILITY_IAM"])["StackId"]
    assert settled(client, made) == "ROLLBACK_COMPLETE"
    reasons = told(client, made)
    assert any("Thing CREATE_FAILED Received response status [FAILED] from custom resource. Message returned: as asked (RequestId: " in each for each in reasons), reasons
    assert any(each.startswith("Thing DELETE_COMPLETE") for each in reasons)
    client.delete_stack(StackName=made)


UNREAD = """
import urllib.error
import urllib.request

def handler(event, context):
    body = b"x" * 5000 if event["ResourceProperties"]["Size"] == "long" else b"no json"
    request = urllib.request.Request(event["ResponseURL"], data=body, method="PUT", headers={"content-type": ""})
    try:
        urllib.request.urlopen(request)
    except urllib.error.HTTPError as refused:
        print(refused.code)
"""


@pytest.mark.parametrize("size, reason", [("long", "Response object is too long."), ("text", "Response is not valid JSON")])
def test_an_answer_that_cannot_be_read_fails_at_once(client, name, size, reason):
    body = json.loads(template({"ZipFile": UNREAD}, "python3.12", size))
    body["Resources"]["Thing"]["Properties"]["ServiceTimeout"] = 3600
    made = client.create_stack(StackName=name, TemplateBody=json.dumps(body), Capabilities=["CAPABILITY_IAM"], DisableRollback=True)["StackId"]
    assert settled(client, made) == "CREATE_FAILED"
    assert f"Thing CREATE_FAILED {reason}" in told(client, made), told(client, made)
    client.delete_stack(StackName=made, RetainResources=[])
    assert settled(client, made) in ("DELETE_COMPLETE", "DELETE_FAILED")
    client.delete_stack(StackName=made)


def test_the_caller_needs_leave_to_invoke(platform, client, name):
    made = client.create_stack(StackName=name, TemplateBody=template({"ZipFile": PYTHON}, "python3.12", "one"), Capabilities=["CAPABILITY_IAM"])["StackId"]
    assert settled(client, made) == "CREATE_COMPLETE", told(client, made)
    arn = next(r["PhysicalResourceId"] for r in client.list_stack_resources(StackName=name)["StackResourceSummaries"] if r["LogicalResourceId"] == "Maker")
    key, secret = platform.user(name, {"Effect": "Allow", "Action": "cloudformation:*", "Resource": "*"})
    stranger = platform.client("cloudformation", key, secret)
    token = f"arn:aws:lambda:us-east-1:{made.split(':')[4]}:function:{arn}"
    body = json.dumps({"Resources": {"T": {"Type": "Custom::T", "Properties": {"ServiceToken": token, "Size": "x"}}}})
    other = stranger.create_stack(StackName=f"{name}-x", TemplateBody=body)["StackId"]
    assert settled(client, other) == "ROLLBACK_COMPLETE"
    assert any("lambda:InvokeFunction" in each for each in told(client, other)), told(client, other)
    for stack in (other, made):
        client.delete_stack(StackName=stack)


def test_what_was_not_asked_is_not_answered(platform):
    path = "/_fastness/answers/00000000-0000-0000-0000-000000000000?X-Signature=guessed"
    for method, body, status in [("PUT", b"{}", 403), ("PUT", b"no", 400), ("GET", b"", 405), ("PUT", b"{" + b" " * 5000 + b"}", 413)]:
        assert platform.raw(method, path, body=body).status_code == status, (method, body[:9])


def test_programs_outside_make_a_wait_condition(platform, client, name):
    resources = {"Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"},
                 "Wait": {"Type": "AWS::CloudFormation::WaitCondition", "Properties": {"Handle": {"Ref": "Handle"}, "Timeout": "600", "Count": 2}}}
    body = json.dumps({"Resources": resources, "Outputs": {"Data": {"Value": {"Fn::GetAtt": ["Wait", "Data"]}}}})
    made = client.create_stack(StackName=name, TemplateBody=body)["StackId"]

    def handle():
        found = client.describe_stack_resources(StackName=name)["StackResources"]
        return next((r["PhysicalResourceId"] for r in found if r["LogicalResourceId"] == "Handle" and r["ResourceStatus"] == "CREATE_COMPLETE"), None)

    address = eventually(handle)
    for unique in ("a", "b"):
        answer = {"Status": "SUCCESS", "UniqueId": unique, "Data": f"from {unique}", "Reason": "done"}
        assert requests.put(address, json=answer, timeout=60).status_code == 200
    assert settled(client, made) == "CREATE_COMPLETE", told(client, made)
    assert json.loads(outputs(client, made)["Data"]) == {"a": "from a", "b": "from b"}
    client.delete_stack(StackName=name)
    assert settled(client, made) == "DELETE_COMPLETE"
    assert requests.put(address, json={}, timeout=60).status_code == 403


def test_a_creation_policy_waits_for_signals(client, name):
    resources = {"Wait": {"Type": "AWS::CloudFormation::WaitCondition", "CreationPolicy": {"ResourceSignal": {"Timeout": "PT10M"}}}}
    made = client.create_stack(StackName=name, TemplateBody=json.dumps({"Resources": resources}))["StackId"]

    def signalled():
        try:
            client.signal_resource(StackName=name, LogicalResourceId="Wait", UniqueId="one", Status="SUCCESS")
            return True
        except client.exceptions.ClientError:
            return False

    eventually(signalled)
    assert settled(client, made) == "CREATE_COMPLETE", told(client, made)
    assert "CREATE_COMPLETE state" in refused(client.signal_resource, "ValidationError", StackName=name, LogicalResourceId="Wait", UniqueId="one", Status="SUCCESS")
    client.delete_stack(StackName=name)


def test_a_wait_in_vain_ends(client, name):
    resources = {"Wait": {"Type": "AWS::CloudFormation::WaitCondition", "CreationPolicy": {"ResourceSignal": {"Timeout": "PT1S"}}}}
    made = client.create_stack(StackName=name, TemplateBody=json.dumps({"Resources": resources}))["StackId"]
    assert settled(client, made) == "ROLLBACK_COMPLETE"
    assert any("WaitCondition timed out. Received 0 conditions when expecting 1" in each for each in told(client, made)), told(client, made)
    client.delete_stack(StackName=made)
