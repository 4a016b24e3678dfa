"""Every operation of lambda, driven by unmodified boto3 and the `aws` CLI."""

import base64
import concurrent.futures
import hashlib
import json
import time

import pytest

from support import eventually, package, refused, trust

ECHO = package(app__py="def handler(event, context):\n    return event\n")
ARN = "arn:aws:lambda:us-east-1:000000000000:function:"


@pytest.fixture(scope="module")
def role(platform):
    return platform.client("iam").create_role(RoleName="lambda-operations", AssumeRolePolicyDocument=trust({"Service": "lambda.amazonaws.com"}))["Role"]["Arn"]


@pytest.fixture
def client(platform):
    return platform.client("lambda")


@pytest.fixture
def function(client, role, name):
    client.create_function(FunctionName=name, Runtime="python3.12", Role=role, Handler="app.handler", Timeout=30, Code={"ZipFile": ECHO}, Tags={"first": "1"})
    yield name
    client.delete_function(FunctionName=name)


def test_a_function_is_created_shown_updated_and_deleted(client, role, name):
    made = client.create_function(FunctionName=name, Runtime="python3.12", Role=role, Handler="app.handler", Code={"ZipFile": ECHO}, Description="d", Publish=True)
    assert (made["FunctionArn"], made["Version"], made["State"], made["PackageType"]) == (ARN + name + ":1", "1", "Pending", "Zip")
    assert made["CodeSha256"] == base64.b64encode(hashlib.sha256(ECHO).digest()).decode() and made["CodeSize"] == len(ECHO)
    refused(client.create_function, "ResourceConflictException", FunctionName=name, Runtime="python3.12", Role=role, Handler="app.handler", Code={"ZipFile": ECHO})
    shown = client.get_function(FunctionName=ARN + name)
    assert (shown["Configuration"]["FunctionName"], shown["Configuration"]["State"]) == (name, "Active")
    assert client.get_function_configuration(FunctionName=name)["Timeout"] == 3
    changed = client.update_function_configuration(FunctionName=name, Timeout=7, Description="", RevisionId=shown["Configuration"]["RevisionId"])
    assert changed["Timeout"] == 7
    refused(client.update_function_configuration, "PreconditionFailedException", FunctionName=name, Timeout=8, RevisionId=shown["Configuration"]["RevisionId"])
    other = package(app__py="def handler(event, context):\n    return 2\n")
    dry = client.update_function_code(FunctionName=name, ZipFile=other, DryRun=True)
    assert dry["CodeSha256"] != made["CodeSha256"] == client.get_function_configuration(FunctionName=name)["CodeSha256"]
    assert client.update_function_code(FunctionName=name, ZipFile=other)["CodeSha256"] == dry["CodeSha256"]
    assert name in [each["FunctionName"] for page in client.get_paginator("list_functions").paginate(PaginationConfig={"PageSize": 1}) for each in page["Functions"]]
    client.delete_function(FunctionName=name)
    for call in (client.get_function, client.get_function_configuration, client.delete_function, client.list_versions_by_function, client.list_aliases):
        message = refused(call, "ResourceNotFoundException", FunctionName=name)
        assert message == f"Function not found: {ARN}{name}", call


def test_versions_are_published_once_and_aliases_point_to_them(client, function):
    assert client.publish_version(FunctionName=function)["Version"] == "1"
    assert client.publish_version(FunctionName=function)["Version"] == "1"
    # A description of the version's own is no change; that of `$LATEST` is one.
    assert client.publish_version(FunctionName=function, Description="of its own")["Version"] == "1"
    assert [each["Version"] for each in client.list_versions_by_function(FunctionName=function)["Versions"]] == ["$LATEST", "1"]
    made = client.create_alias(FunctionName=function, Name="live", FunctionVersion="1", Description="d")
    assert (made["AliasArn"], made["FunctionVersion"]) == (f"{ARN}{function}:live", "1")
    refused(client.create_alias, "ResourceConflictException", FunctionName=function, Name="live", FunctionVersion="1")
    refused(client.create_alias, "ResourceNotFoundException", FunctionName=function, Name="other", FunctionVersion="9")
    client.update_alias(FunctionName=function, Name="live", FunctionVersion="$LATEST")
    assert client.get_alias(FunctionName=function, Name="live")["FunctionVersion"] == "$LATEST"
    assert [each["Name"] for each in client.list_aliases(FunctionName=function)["Aliases"]] == ["live"]
    assert [each["Name"] for each in client.list_aliases(FunctionName=function, FunctionVersion="1")["Aliases"]] == []
    client.delete_alias(FunctionName=function, Name="live")
    client.delete_alias(FunctionName=function, Name="live")
    refused(client.update_alias, "ResourceNotFoundException", FunctionName=function, Name="live", FunctionVersion="1")
    refused(client.get_alias, "ResourceNotFoundException", FunctionName=function, Name="live")


def test_reserved_concurrency_is_kept_to(client, function):
    assert "ReservedConcurrentExecutions" not in client.get_function_concurrency(FunctionName=function)
    assert client.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=0)["ReservedConcurrentExecutions"] == 0
    assert client.get_function(FunctionName=function)["Concurrency"] == {"ReservedConcurrentExecutions": 0}
    message = refused(client.invoke, "TooManyRequestsException", FunctionName=function)
    assert message == "Rate Exceeded."
    client.delete_function_concurrency(FunctionName=function)
    assert json.loads(client.invoke(FunctionName=function, Payload=b"[1]")["Payload"].read()) == [1]
    refused(client.put_function_concurrency, "InvalidParameterValueException", FunctionName=function, ReservedConcurrentExecutions=10_000_000)


def test_the_account_tells_its_limits(client, function):
    told = client.get_account_settings()
    assert told["AccountLimit"]["ConcurrentExecutions"] > 0 and told["AccountUsage"]["FunctionCount"] >= 1
    signing = client.get_function_code_signing_config(FunctionName=function)
    assert signing["FunctionName"] == function and not signing.get("CodeSigningConfigArn")


def test_tags_come_and_go(client, function):
    client.tag_resource(Resource=ARN + function, Tags={"a": "1", "b": "2"})
    client.untag_resource(Resource=ARN + function, TagKeys=["b", "never"])
    assert client.list_tags(Resource=ARN + function)["Tags"] == client.get_function(FunctionName=function)["Tags"] == {"first": "1", "a": "1"}
    refused(client.list_tags, "ResourceNotFoundException", Resource=ARN + "never-made")
    refused(client.tag_resource, "InvalidParameterValueException", Resource=ARN + function, Tags={"aws:mine": "1"})


def test_a_permission_on_an_alias_lets_a_role_invoke_that_only(platform, client, function, name):
    client.publish_version(FunctionName=function)
    client.create_alias(FunctionName=function, Name="live", FunctionVersion="1")
    key, secret = platform.user(name)
    mine = platform.client("lambda", key, secret)
    refused(mine.invoke, "AccessDeniedException", FunctionName=function, Qualifier="live")
    for qualifier, message in (("other", "Cannot find alias arn: "), ("77", "Function not found: ")):
        said = refused(client.add_permission, "ResourceNotFoundException", FunctionName=function, Qualifier=qualifier, StatementId="one", Action="lambda:InvokeFunction", Principal="*")
        assert said == f"{message}{ARN}{function}:{qualifier}"
    added = client.add_permission(FunctionName=function, Qualifier="live", StatementId="one", Action="lambda:InvokeFunction",
                                  Principal=f"arn:aws:iam::000000000000:user/{name}")
    assert json.loads(added["Statement"])["Resource"] == f"{ARN}{function}:live"
    assert json.loads(mine.invoke(FunctionName=function, Qualifier="live", Payload=b"1")["Payload"].read()) == 1
    for other in ({}, {"Qualifier": "1"}, {"Qualifier": "$LATEST"}):
        refused(mine.invoke, "AccessDeniedException", FunctionName=function, **other)
    assert len(json.loads(client.get_policy(FunctionName=function, Qualifier="live")["Policy"])["Statement"]) == 1
    client.remove_permission(FunctionName=function, Qualifier="live", StatementId="one")
    refused(mine.invoke, "AccessDeniedException", FunctionName=function, Qualifier="live")
    refused(client.get_policy, "ResourceNotFoundException", FunctionName=function, Qualifier="live")
    client.delete_alias(FunctionName=function, Name="live")


def test_a_role_is_only_handed_over_by_whom_may_pass_it(platform, role, name):
    mine = platform.client("lambda", *platform.user(name, {"Effect": "Allow", "Action": "lambda:*", "Resource": "*"}))
    message = refused(mine.create_function, "AccessDeniedException", FunctionName=name, Runtime="python3.12", Role=role, Handler="app.handler", Code={"ZipFile": ECHO})
    assert f"is not authorized to perform: iam:PassRole on resource: {role}" in message


def test_the_cli_drives_a_functions_life(platform, role, name, tmp_path):
    (tmp_path / "code.zip").write_bytes(ECHO)
    steps = [["create-function", "--runtime", "python3.12", "--role", role, "--handler", "app.handler", "--zip-file", f"fileb://{tmp_path}/code.zip"],
             ["update-function-configuration", "--environment", "Variables={NAME=value}"], ["publish-version"], ["get-function"], ["delete-function"]]
    for step in steps:
        done = platform.aws("lambda", step[0], "--function-name", name, *step[1:])
        assert done.returncode == 0, done.stderr
    gone = platform.aws("lambda", "get-function", "--function-name", name)
    assert gone.returncode != 0 and "(ResourceNotFoundException)" in gone.stderr


def test_environments_are_kept_ready(platform, client, function):
    refused(client.put_provisioned_concurrency_config, "InvalidParameterValueException", FunctionName=function, Qualifier="$LATEST", ProvisionedConcurrentExecutions=1)
    client.update_function_code(FunctionName=function, ZipFile=package(app__py="import os, time\ndef handler(e, c):\n    time.sleep(e.get('s', 0))\n    return os.environ['AWS_LAMBDA_INITIALIZATION_TYPE']\n"), Publish=True)
    client.create_alias(FunctionName=function, Name="live", FunctionVersion="1")
    refused(client.get_provisioned_concurrency_config, "ProvisionedConcurrencyConfigNotFoundException", FunctionName=function, Qualifier="live")
    # What is idle of it already came up on demand, and is none of those that are to be kept ready.
    assert json.loads(client.invoke(FunctionName=function, Qualifier="live")["Payload"].read()) == "on-demand"
    asked = client.put_provisioned_concurrency_config(FunctionName=function, Qualifier="live", ProvisionedConcurrentExecutions=2)
    assert (asked["Status"], asked["RequestedProvisionedConcurrentExecutions"]) == ("IN_PROGRESS", 2)
    refused(client.put_provisioned_concurrency_config, "ResourceConflictException", FunctionName=function, Qualifier="1", ProvisionedConcurrentExecutions=1)
    ready = eventually(lambda: (told := client.get_provisioned_concurrency_config(FunctionName=function, Qualifier="live"))["Status"] == "READY" and told, timeout_s=120)
    assert ready["AllocatedProvisionedConcurrentExecutions"] == 2
    with concurrent.futures.ThreadPoolExecutor(2) as threads:
        both = [threads.submit(client.invoke, FunctionName=function, Qualifier="live", Payload='{"s": 2}') for _ in range(2)]
        assert [json.loads(one.result()["Payload"].read()) for one in both] == ["provisioned-concurrency"] * 2
    answer = client.invoke(FunctionName=function, Qualifier="live", LogType="Tail")
    assert json.loads(answer["Payload"].read()) == "provisioned-concurrency"
    assert "Init Duration" not in base64.b64decode(answer["LogResult"]).decode(), "it was started for this invocation"
    listed = client.list_provisioned_concurrency_configs(FunctionName=function)["ProvisionedConcurrencyConfigs"]
    assert [each["FunctionArn"] for each in listed] == [f"{ARN}{function}:live"]
    refused(client.put_provisioned_concurrency_config, "InvalidParameterValueException", FunctionName=function, Qualifier="live", ProvisionedConcurrentExecutions=100_000)
    for _ in range(2):
        client.delete_provisioned_concurrency_config(FunctionName=function, Qualifier="live")
    refused(client.get_provisioned_concurrency_config, "ProvisionedConcurrencyConfigNotFoundException", FunctionName=function, Qualifier="live")
    client.update_function_configuration(FunctionName=function, Description="second")
    client.publish_version(FunctionName=function)
    client.update_alias(FunctionName=function, Name="live", RoutingConfig={"AdditionalVersionWeights": {"2": 0.5}})
    said = refused(client.put_provisioned_concurrency_config, "InvalidParameterValueException", FunctionName=function, Qualifier="live", ProvisionedConcurrentExecutions=1)
    assert said == "Alias with weights can not be used with Provisioned Concurrency"
    client.delete_alias(FunctionName=function, Name="live")


def test_code_that_comes_up_slowly_is_kept_ready_and_counts_on_the_invocations_time_otherwise(client, function):
    client.update_function_configuration(FunctionName=function, Timeout=30)
    client.update_function_code(FunctionName=function, ZipFile=package(app__py="import time\ntime.sleep(11)\ndef handler(e, c):\n    return c.get_remaining_time_in_millis()\n"), Publish=True)
    client.put_provisioned_concurrency_config(FunctionName=function, Qualifier="1", ProvisionedConcurrentExecutions=1)
    answer = client.invoke(FunctionName=function, LogType="Tail")
    report = base64.b64decode(answer["LogResult"]).decode().split("REPORT ")[1]
    took = float(report.split("\tDuration: ")[1].split(" ms")[0])
    assert 10_500 <= took < 30_000 and json.loads(answer["Payload"].read()) < 19_500, report

    def told():
        return client.get_provisioned_concurrency_config(FunctionName=function, Qualifier="1")

    ready = eventually(lambda: (shown := told())["Status"] == "READY" and shown, timeout_s=120)
    assert (ready["AllocatedProvisionedConcurrentExecutions"], ready["AvailableProvisionedConcurrentExecutions"]) == (1, 1)
    # More of it: the one that is there counts, the one that comes up does not.
    client.put_provisioned_concurrency_config(FunctionName=function, Qualifier="1", ProvisionedConcurrentExecutions=2)
    time.sleep(4)
    shown = told()
    assert (shown["Status"], shown["AllocatedProvisionedConcurrentExecutions"]) == ("IN_PROGRESS", 1), shown
    client.delete_provisioned_concurrency_config(FunctionName=function, Qualifier="1")


def test_a_description_that_changed_makes_a_version(platform, function):
    client = platform.client("lambda")
    first = client.publish_version(FunctionName=function, Description="of its own")
    assert client.publish_version(FunctionName=function)["Version"] == first["Version"]
    client.update_function_configuration(FunctionName=function, Description="commit 2")
    client.get_waiter("function_updated_v2").wait(FunctionName=function, WaiterConfig={"Delay": 1})
    second = client.publish_version(FunctionName=function)
    assert second["Version"] != first["Version"] and second["Description"] == "commit 2"
    assert client.publish_version(FunctionName=function, Description="other")["Version"] == second["Version"]
