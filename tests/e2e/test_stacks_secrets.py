"""What nobody is to see of a stack stays hidden whatever the template's functions make of it."""

import base64
import json
import time

from test_stacks_registry import TRUST, stack  # noqa: F401

LIST, TEXT = "userAAA,passBBB99", 'left"1|righ\\t2CC'
CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]


def template(description, **more):
    secret, listed = {"Ref": "J"}, {"Ref": "L"}
    variables = {"MEMBER": {"Fn::Select": [1, listed]}, "SPLIT": {"Fn::Select": [1, {"Fn::Split": ["|", secret]}]}, "JSON": {"Fn::ToJsonString": {"k": secret}},
                 "B64": {"Fn::Base64": secret}, "BASIC": {"Fn::Join": ["", ["Basic ", {"Fn::Base64": {"Fn::Join": [":", listed]}}]]}, "PLAIN": "in clear"}
    return json.dumps({"Transform": "AWS::LanguageExtensions", "Parameters": {"L": {"Type": "CommaDelimitedList", "NoEcho": True}, "J": {"Type": "String", "NoEcho": True}}, "Resources": {
        "Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": TRUST}},
        "F": {"Type": "AWS::Lambda::Function", "Properties": {"Runtime": "python3.12", "Handler": "index.h", "Code": {"ZipFile": "def h(e, c): return 1"}, "Description": description,
              "Role": {"Fn::GetAtt": ["Role", "Arn"]}, "Environment": {"Variables": variables}}}, **more}})


def given(listed=LIST, text=TEXT):
    return [{"ParameterKey": "L", "ParameterValue": listed}, {"ParameterKey": "J", "ParameterValue": text}]


def test_what_functions_make_of_a_secret_is_one(stack):  # noqa: F811
    client = stack.client
    stack.id = client.create_stack(StackName=stack.name, TemplateBody=template("1"), Parameters=given(), Capabilities=CAPABILITIES)["StackId"]
    assert stack.settled() == "CREATE_COMPLETE", stack.told()
    other = ("userAAA,passBBB98", 'left"1|righ\\t3CC')
    client.create_change_set(StackName=stack.name, ChangeSetName="c", TemplateBody=template("2"), Parameters=given(*other), Capabilities=CAPABILITIES)
    shown = [client.describe_change_set(StackName=stack.name, ChangeSetName="c", IncludePropertyValues=True)["Changes"]]
    assert stack.drift() == ({}, [])
    shown.append([each["ExpectedProperties"] + each["ActualProperties"] for each in client.describe_stack_resource_drifts(StackName=stack.name)["StackResourceDrifts"]])
    for principal in ({"Fn::Select": [1, {"Ref": "L"}]}, {"Fn::Base64": {"Ref": "J"}}):
        trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole"}]}
        client.update_stack(StackName=stack.name, TemplateBody=template("3", Bad={"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": trust}}), Parameters=given(), Capabilities=CAPABILITIES)
        assert stack.settled() == "UPDATE_ROLLBACK_COMPLETE", stack.told()
        time.sleep(0.1)
    shown.append(stack.told())
    assert any("Invalid principal" in each and "****" in each for each in shown[-1]), shown[-1]
    text = json.dumps(shown)
    assert "in clear" in text
    encoded = [base64.b64encode(each.encode()).decode() for each in (TEXT, LIST.replace(",", ":"), other[1], other[0].replace(",", ":"))]
    for secret in ("passBBB99", "passBBB98", "t2CC", "t3CC", *encoded):
        assert secret not in text, secret
