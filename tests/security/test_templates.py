"""Templates made to hurt: each is refused in AWS's manner and for little work, through every call that takes one, and leaves nothing behind."""

import contextlib
import json
import os
import pathlib

import botocore.exceptions
import pytest

from support import refused

#: The most that a refusal may take of the platform's processor time, in seconds: a parser that is led astray takes minutes. How long it takes until the answer
#: is here says less: the machine may be busy with something else.
WORK_S = 4.0
GROUP = {"Type": "AWS::Logs::LogGroup"}
EXTENSIONS = "Transform: AWS::LanguageExtensions\n"
CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]


def bomb():
    lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x]"] + [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    return "\n".join(lines) + "\nResources: {G: {Type: AWS::Logs::LogGroup}}\n"


def many(section, count, entry, **others):
    return json.dumps({section: {f"E{n}": entry for n in range(count)}, **({} if section == "Resources" else {"Resources": {"G": GROUP}}), **others}, separators=(",", ":"))


def groups(*named, **sections):
    """A template of log groups, each with the name that its entry gives."""
    return json.dumps({**sections, "Resources": {f"G{at}": {**GROUP, "Properties": {"LogGroupName": name}} for at, name in enumerate(named)}})


def loops(depth, items):
    """Loops in loops, each over so many items."""
    inner = {f"R{''.join(f'${{i{n}}}' for n in range(depth))}": GROUP}
    for n in reversed(range(depth)):
        inner = {f"Fn::ForEach::L{n}": [f"i{n}", [f"x{item}" for item in range(items)], inner]}
    return json.dumps({"Transform": "AWS::LanguageExtensions", "Resources": inner})


#: What fits into a call, and what the refusal says.
SMALL = {
    "alias bomb": (bomb(), "Template format error"),
    "alias tower": ("\n".join(["a0: &a0 [x]"] + [f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 1500)]), "Template format error"),
    "merged bomb": ("a: &a {k0: 1}\nb: &b {<<: [" + ",".join(["*a"] * 9000) + "]}\nc: {<<: [" + ",".join(["*b"] * 2000) + "]}\nResources: {}", "Template"),
    "deep flow": ("[" * 20_000, "Template format error"),
    "deep json": ('{"Resources":' * 3_900, "Template format error"),
    "deep block": ("".join(" " * depth + "a:\n" for depth in range(300)), "Template format error"),
    "deep functions": ('{"Resources":{"G":{"Type":"AWS::Logs::LogGroup","Properties":{"LogGroupName":' + '{"Fn::Base64":' * 2000 + '"x"' + "}" * 2004, "Template format error"),
    "same key twice, json": ('{"Resources":{"A":{"Type":"AWS::Logs::LogGroup"},"A":{"Type":"AWS::Logs::LogGroup"}}}', "Template format error"),
    "same key twice, yaml": ("Resources:\n  A: {Type: AWS::Logs::LogGroup}\n  A: {Type: AWS::Logs::LogGroup}\n", "Template format error"),
    "two documents": ("Resources: {G: {Type: AWS::Logs::LogGroup}}\n---\nResources: {}\n", "single YAML document"),
    "an object of a language": ("Resources: !!python/object/apply:os.system ['true']\n", "Template format error"),
    "a key that is a list": ("? [a, b]\n: c\nResources: {}\n", "Template format error"),
    "an alias of itself": ("a: &a [*a]\nResources: {}\n", "Template format error"),
    "an entity": ('<!DOCTYPE a [<!ENTITY b "c">]><Resources>&b;</Resources>', "Template format error"),
    "a null character": ('{"Resources":{"A\\u0000":{"Type":"AWS::Logs::LogGroup"}}}', "Template format error"),
    "a long description": (json.dumps({"Description": "x" * 2_000, "Resources": {"G": GROUP}}), "Template format error"),
    "a long logical id": (json.dumps({"Resources": {"G" * 256: GROUP}}), "Template format error"),
    "501 resources": (many("Resources", 501, GROUP), "Template format error: Number of resources, 501, is greater than maximum allowed, 500"),
    "201 parameters": (many("Parameters", 201, {"Type": "String", "Default": "x"}), "Template format error: Number of parameters, 201, is greater than maximum allowed, 200"),
    "201 outputs": (many("Outputs", 201, {"Value": "x"}), "Template format error: Number of outputs, 201, is greater than maximum allowed, 200"),
    "201 mappings": (many("Mappings", 201, {"a": {"b": "c"}}), "Template format error: Number of mappings, 201, is greater than maximum allowed, 200"),
    "resources in a ring": (groups({"Fn::Sub": "${G1}x"}, {"Fn::Sub": "${G0}x"}), "Circular dependency between resources: [G0, G1]"),
    "a resource of itself": (groups({"Fn::Sub": "${G0}"}), "Circular dependency between resources: [G0]"),
    "a ring of DependsOn": (json.dumps({"Resources": {f"G{n}": {**GROUP, "DependsOn": f"G{(n + 1) % 400}"} for n in range(400)}}), "Circular dependency between resources"),
    "conditions in a ring": (groups("x", Conditions={"A": {"Fn::Not": [{"Condition": "B"}]}, "B": {"Fn::Not": [{"Condition": "A"}]}}), "Circular dependency"),
    "a function in a mapping": (groups("x", Mappings={"M": {"a": {"b": {"Fn::FindInMap": ["M", "a", "b"]}}}}), "Every Mappings attribute must be a String or a List."),
    "a variable of itself": (groups({"Fn::Sub": ["${V}", {"V": {"Fn::Sub": "${V}"}}]}), "Template"),
    "loops that explode": (loops(5, 60), "Fn::ForEach"),
    "loops too deep": (loops(8, 2), "Fn::ForEach"),
    "loops of one name": (json.dumps({"Transform": "AWS::LanguageExtensions", "Resources": {"Fn::ForEach::L": ["i", ["a", "b"], {"Same": GROUP}]}}), "Transform"),
    "a network of everything": (groups({"Fn::Select": [0, {"Fn::Cidr": ["10.0.0.0/8", 1_000_000_000, 8]}]}), "Fn::Cidr"),
    "a pattern that explodes": (groups("x", Parameters={"P": {"Type": "String", "AllowedPattern": "(((a{1,1000}){1,1000}){1,1000}){1,1000}", "Default": "a"}}), "Template"),
    "references without end": (groups({"Fn::Sub": "${" * 10_000}), "Template"),
}

#: What fits into an object only.
LARGE = {
    "a map of a hundred thousand": ("{" + ",".join(f"k{n:05}: 1" for n in range(90_000)) + "}", "Invalid template property"),
    "a list of half a million": ("Resources: [" + "1," * 500_000 + "]", "Template format error"),
    "a wide ring": (json.dumps({"Resources": {f"G{n}": {**GROUP, "DependsOn": [f"G{other}" for other in range(300) if other != n]} for n in range(300)}}, separators=(",", ":")), "Circular"),
    "one scalar a thousand times": ("x: &x " + "y" * 400_000 + "\nz: [" + ",".join(["*x"] * 1_000) + "]\nResources: {G: {Type: AWS::Logs::LogGroup}}\n", "Template format error"),
    "one text in every name": (groups({"Fn::Join": ["", [{"Ref": "P"}] * 40_000]}, Parameters={"P": {"Type": "String", "Default": "x" * 4_000}}), "Template"),
    "quotes without end": ('"' + "\\" * 900_000, "Template format error"),
    "more than may be": ("#" + "x" * 1_048_576, "Template may not exceed 1048576 bytes in size."),
}


@pytest.fixture
def calls(platform, name):
    """Every call that takes a template, as someone who may do everything."""
    client = platform.client("cloudformation")
    yield {
        "validate": lambda **template: client.validate_template(**template),
        "summary": lambda **template: client.get_template_summary(**template),
        "create": lambda **template: client.create_stack(StackName=name, Capabilities=CAPABILITIES, **template),
        "change set": lambda **template: client.create_change_set(StackName=name, ChangeSetName="c", ChangeSetType="CREATE", Capabilities=CAPABILITIES, **template),
    }
    for stack in client.describe_stacks()["Stacks"]:
        assert stack["StackName"] != name, stack


def worked_s(platform):
    """The processor time that the platform took since it began, in seconds; of that, others take nothing."""
    fields = pathlib.Path(f"/proc/{platform.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def little_work(platform):
    begun = worked_s(platform)
    yield
    took = worked_s(platform) - begun
    assert took < WORK_S, f"{took:.2f} s"


def soon(platform, call, said, **template):
    """The call is refused, says so in AWS's manner, and takes no time for it."""
    with little_work(platform):
        message = refused(call, "ValidationError", **template)
    assert len(message) < 10_000, len(message)
    if said:
        assert said in message, message
    return message


@pytest.mark.parametrize("hostile", SMALL)
def test_a_hostile_template_is_refused_at_once(platform, calls, hostile):
    text, said = SMALL[hostile]
    assert len(text) <= 51_200, len(text)
    for each in ("create", "change set"):
        soon(platform, calls[each], said, TemplateBody=text)
    # What only looks at a template answers as soon, whether it finds the fault or not.
    for each in ("validate", "summary"):
        with little_work(platform):
            try:
                calls[each](TemplateBody=text)
            except botocore.exceptions.ClientError as error:
                assert error.response["Error"]["Code"] == "ValidationError", error


def test_a_template_longer_than_a_call_may_carry_is_refused(platform, calls):
    for text in (json.dumps({"Resources": {"G": GROUP}}) + " " * 51_200, "x" * 1_000_000):
        for each in calls.values():
            soon(platform, each, "Member must have length less than or equal to 51200", TemplateBody=text)


@pytest.mark.parametrize("hostile", LARGE)
def test_a_hostile_template_in_an_object_is_refused_at_once(platform, calls, name, hostile):
    text, said = LARGE[hostile]
    s3 = platform.client("s3")
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="t", Body=text)
    try:
        soon(platform, calls["create"], said, TemplateURL=f"https://{name}.s3.amazonaws.com/t")
        soon(platform, calls["change set"], said, TemplateURL=f"https://{name}.s3.amazonaws.com/t")
    finally:
        s3.delete_object(Bucket=name, Key="t")
        s3.delete_bucket(Bucket=name)


def test_a_fragment_that_includes_itself_is_refused(platform, calls, name):
    s3 = platform.client("s3")
    s3.create_bucket(Bucket=name)
    include = {"Fn::Transform": {"Name": "AWS::Include", "Parameters": {"Location": f"s3://{name}/f"}}}
    s3.put_object(Bucket=name, Key="f", Body=json.dumps(include))
    try:
        soon(platform, calls["create"], None, TemplateBody=json.dumps({"Resources": {"G": {**GROUP, "Properties": include}}}))
    finally:
        s3.delete_object(Bucket=name, Key="f")
        s3.delete_bucket(Bucket=name)


def test_values_that_are_too_many_or_too_long_are_refused(platform, calls):
    body = groups("x", Parameters={"P": {"Type": "String"}, "L": {"Type": "CommaDelimitedList", "Default": "a"}})
    for parameters in ([{"ParameterKey": "P", "ParameterValue": "x" * 4_097}], [{"ParameterKey": f"P{n}", "ParameterValue": "x"} for n in range(201)],
                       [{"ParameterKey": "P", "ParameterValue": "x"}, {"ParameterKey": "L", "ParameterValue": "," * 5_000}]):
        for each in ("create", "change set"):
            soon(platform, calls[each], None, TemplateBody=body, Parameters=parameters)
