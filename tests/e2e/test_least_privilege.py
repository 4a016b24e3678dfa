"""`fastness least-privilege`: from real calls to a policy under which exactly those calls work."""

import json
import os
import subprocess
import time

import pytest

from harness.platform import binary
from support import package, refused, trust

ACCOUNT = "000000000000"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"


def ask(platform, subject, *arguments, credentials=None):
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "FASTNESS_"))}
    if credentials:
        environment |= {"AWS_ACCESS_KEY_ID": credentials["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": credentials["SecretAccessKey"],
                        "AWS_SESSION_TOKEN": credentials["SessionToken"]}
    return subprocess.run([binary(), "least-privilege", subject, "--data-dir", str(platform.data_dir), *arguments], env=environment,
                          capture_output=True, text=True, timeout=120)


def session(platform, name, arn):
    """An assumed session of the role: (key, secret, token)."""
    friend = platform.client("sts", *platform.user(name + "-f", {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": arn}))
    made = friend.assume_role(RoleArn=arn, RoleSessionName="run")["Credentials"]
    return made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"]


def test_the_policy_covers_what_was_called_and_nothing_else(platform, name):
    iam, table = platform.client("iam"), name
    platform.client("dynamodb").create_table(TableName=table, BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
                                             AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}])
    arn = iam.create_role(RoleName=name, Path="/team/", AssumeRolePolicyDocument=trust({"AWS": ROOT}))["Role"]["Arn"]
    wide = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["dynamodb:*", "s3:GetObject"], "Resource": "*"}]}
    iam.put_role_policy(RoleName=name, PolicyName="wide", PolicyDocument=json.dumps(wide))
    iam.attach_role_policy(RoleName=name, PolicyArn="arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole")
    keys = session(platform, name, arn)
    dynamodb = platform.client("dynamodb", *keys)
    dynamodb.put_item(TableName=table, Item={"k": {"S": "a"}})
    dynamodb.get_item(TableName=table, Key={"k": {"S": "a"}})
    dynamodb.transact_write_items(TransactItems=[{"Delete": {"TableName": table, "Key": {"k": {"S": "a"}}}}])
    refused(platform.client("iam", *keys).list_users, "AccessDenied")

    told = ask(platform, name, "--json")
    assert told.returncode == 0, told.stderr
    report = json.loads(told.stdout)
    target = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/{table}"
    assert report["policy"]["Statement"] == [{"Effect": "Allow", "Action": ["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem"], "Resource": target}]
    grants = {(each["policy"], each["action"]): each["usedFor"] for each in report["granted"]}
    assert grants[("wide", "dynamodb:*")] == ["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem"]
    assert grants[("wide", "s3:GetObject")] == []
    assert any(policy.endswith("AWSLambdaBasicExecutionRole") for policy, _ in grants)
    assert {"action": "iam:ListUsers", "resource": f"arn:aws:iam::{ACCOUNT}:user/"} in report["refused"]
    assert report["samPolicyTemplates"][0]["policy"] == {"DynamoDBCrudPolicy": {"TableName": table}}

    text = ask(platform, arn).stdout
    assert "- dynamodb:* on *    [wide; used for dynamodb:DeleteItem, " in text and "never used" in text and f"+ dynamodb:GetItem on {target}" in text

    # Pasted, it lets the same calls through and no others.
    iam.put_role_policy(RoleName=name, PolicyName="wide", PolicyDocument=json.dumps(report["policy"]))
    iam.detach_role_policy(RoleName=name, PolicyArn="arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole")
    dynamodb.put_item(TableName=table, Item={"k": {"S": "b"}})
    dynamodb.get_item(TableName=table, Key={"k": {"S": "b"}})
    dynamodb.transact_write_items(TransactItems=[{"Delete": {"TableName": table, "Key": {"k": {"S": "b"}}}}])
    refused(dynamodb.delete_table, "AccessDeniedException", TableName=table)
    refused(dynamodb.list_tables, "AccessDeniedException")
    again = ask(platform, name).stdout
    assert f"  dynamodb:GetItem on {target}" in again and "\n- " not in again


def test_names_beyond_latin_1_are_written_as_iam_takes_them(platform, name, wide):
    platform.client("s3").create_bucket(Bucket=name)
    wide("s3").put_object(Bucket=name, Key="\u540d\u524d/\u00df", Body=b"1")
    told = ask(platform, name).stdout
    policy = told.split("The policy that covers what was called:")[1].split("As SAM policy templates:")[0].strip()
    assert "\\u540d\\u524d/" in policy
    # As it was printed, and as it stands in the JSON report.
    platform.client("iam").put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=policy)
    wide("s3").put_object(Bucket=name, Key="\u540d\u524d/\u00df", Body=b"2")
    refused(wide("s3").put_object, "AccessDenied", Bucket=name, Key="\u540d\u524e/\u00df", Body=b"2")
    assert "\u540d" not in ask(platform, name, "--json").stdout


def test_who_is_unknown_or_silent_is_told(platform, name):
    platform.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust({"AWS": ROOT}))
    told = ask(platform, name)
    assert told.returncode == 0 and "Nothing was called" in told.stdout
    told = ask(platform, name + "-none")
    assert told.returncode == 1 and "neither a role nor a function" in told.stderr


def test_logical_ids_are_found_in_their_stacks(platform, name):
    stacks = platform.client("cloudformation")
    friends = {"Statement": [{"Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "sts:AssumeRole"}], "Version": "2012-10-17"}
    template = json.dumps({"Resources": {"Worker": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": friends}}, "Group": {"Type": "AWS::Logs::LogGroup"}}})
    def deploy(stack):
        stacks.create_stack(StackName=stack, TemplateBody=template, Capabilities=["CAPABILITY_IAM"])
        stacks.get_waiter("stack_create_complete").wait(StackName=stack, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
        return stacks.describe_stack_resource(StackName=stack, LogicalResourceId="Worker")["StackResourceDetail"]["PhysicalResourceId"]

    role = deploy(name)
    told = ask(platform, "Worker", "--json")
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout)["role"].endswith(":role/" + role)
    deploy(name + "-2")
    told = ask(platform, "Worker")
    assert told.returncode == 1 and f"{name}-2/Worker" in told.stderr and f"{name}/Worker" in told.stderr
    assert json.loads(ask(platform, f"{name}/Worker", "--json").stdout)["role"].endswith(":role/" + role)
    told = ask(platform, f"{name}/Group")
    assert told.returncode == 1 and "neither a role nor a function" in told.stderr
    for stack in (name, name + "-2"):
        stacks.delete_stack(StackName=stack)


def report_of(platform, name):
    told = ask(platform, name, "--json")
    assert told.returncode == 0, told.stderr
    return json.loads(told.stdout)


@pytest.fixture
def wide(platform, name):
    """A role that may do everything, and clients of its session."""
    iam = platform.client("iam")
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust({"AWS": ROOT}))["Role"]["Arn"]
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps(everything))
    keys = session(platform, name, arn)
    return lambda service, **config: platform.client(service, *keys, **config)


def paste(platform, name):
    report = report_of(platform, name)
    platform.client("iam").put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps(report["policy"]))
    return report["policy"]["Statement"]


def test_what_operations_ask_for_beyond_their_names_is_covered(platform, name, wide):
    own = platform.client("s3")
    own.create_bucket(Bucket=name)
    own.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    version = own.put_object(Bucket=name, Key="folder/a", Body=b"1")["VersionId"]
    platform.client("dynamodb").create_table(TableName=name, BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
                                             AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}])
    copied = {"Bucket": name, "Key": "folder/a"}

    def work():
        s3, dynamodb = wide("s3"), wide("dynamodb")
        s3.get_object(Bucket=name, Key="folder/a", VersionId=version)
        s3.get_object_tagging(Bucket=name, Key="folder/a", VersionId=version)
        s3.put_object(Bucket=name, Key="tagged", Body=b"1", Tagging="a=b")
        s3.copy_object(Bucket=name, Key="copy", CopySource=copied)
        s3.get_object_attributes(Bucket=name, Key="tagged", ObjectAttributes=["ETag"])
        refused(s3.get_object, "NoSuchKey", Bucket=name, Key="missing")
        s3.put_object(Bucket=name, Key="gone", Body=b"1")
        assert "Errors" not in s3.delete_objects(Bucket=name, Delete={"Objects": [{"Key": "gone"}]})
        dynamodb.execute_statement(Statement=f"INSERT INTO \"{name}\" VALUE {{'k': '{time.monotonic_ns()}'}}")
        dynamodb.execute_statement(Statement=f'SELECT * FROM "{name}"')
        answers = dynamodb.batch_execute_statement(Statements=[{"Statement": f"DELETE FROM \"{name}\" WHERE k = 'x'"}])["Responses"]
        assert not any("AccessDenied" in answer.get("Error", {}).get("Code", "") for answer in answers)
        wide("sts").get_caller_identity()

    work()
    statements = paste(platform, name)
    text = json.dumps(statements)
    for action in ("s3:GetObjectVersion", "s3:GetObjectVersionTagging", "s3:PutObjectTagging", "s3:GetObjectAttributes", "s3:ListBucket", "s3:DeleteObject",
                   "dynamodb:PartiQLInsert", "dynamodb:PartiQLSelect", "dynamodb:PartiQLDelete"):
        assert f'"{action}"' in text, action
    # What takes no leave is not granted, nor is an action that there is none of.
    assert "GetCallerIdentity" not in text and "ExecuteStatement" not in text and "DeleteObjects" not in text and '"Resource": "*"' not in text
    work()
    refused(wide("s3").get_object, "AccessDenied", Bucket=name, Key="tagged", VersionId=version)
    refused(wide("dynamodb").execute_statement, "AccessDeniedException", Statement=f"UPDATE \"{name}\" SET q = 1 WHERE k = 'x'")


def test_what_was_refused_is_not_granted(platform, name):
    iam, own = platform.client("iam"), platform.client("s3")
    own.create_bucket(Bucket=name)
    own.put_object(Bucket=name, Key="mine", Body=b"1")
    own.put_object(Bucket=name, Key="theirs", Body=b"1")
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust({"AWS": ROOT}))["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "s3:DeleteObject", "Resource": f"arn:aws:s3:::{name}/mine"}]}))
    client = platform.client("s3", *session(platform, name, arn))
    answer = client.delete_objects(Bucket=name, Delete={"Objects": [{"Key": "mine"}, {"Key": "theirs"}]})
    assert [error["Key"] for error in answer["Errors"]] == ["theirs"]
    report = report_of(platform, name)
    assert report["policy"]["Statement"] == [{"Effect": "Allow", "Action": "s3:DeleteObject", "Resource": f"arn:aws:s3:::{name}/mine"}]
    assert report["refused"] == [{"action": "s3:DeleteObject", "resource": f"arn:aws:s3:::{name}/theirs"}]


def test_calls_that_were_never_asked_for_leave_need_none(platform, name, wide):
    own = platform.client("dynamodb")
    own.create_table(TableName=name, BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
                     AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}])
    dynamodb = wide("dynamodb", parameter_validation=False)
    dynamodb.get_item(TableName=name, Key={"k": {"S": "a"}})
    # It had leave, and then failed: a program that goes on needs it.
    refused(dynamodb.update_table, "ValidationException", TableName=name, BillingMode="PROVISIONED")
    report = report_of(platform, name)
    arn = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/{name}"
    expected = [{"Effect": "Allow", "Action": ["dynamodb:GetItem", "dynamodb:UpdateTable"], "Resource": arn}]
    assert report["policy"]["Statement"] == expected
    refused(dynamodb.delete_table, "ValidationException")
    refused(dynamodb.query, "ValidationException", TableName=name, IndexName="gi", KeyConditionExpression="k = :k", ExpressionAttributeValues={":k": {"S": "1"}})
    refused(dynamodb.update_item, "ValidationException", TableName=name, Key={"k": {"S": "a"}}, UpdateExpression="garbage")
    refused(wide("iam", parameter_validation=False).delete_role, "ValidationError", RoleName="a b")
    refused(wide("lambda", parameter_validation=False).delete_function, "ValidationException", FunctionName="a:b:c:d")
    refused(wide("logs", parameter_validation=False).delete_log_group, "InvalidParameterException", logGroupName="bad name!")
    refused(wide("sts", parameter_validation=False).assume_role, "ValidationError", RoleArn=ROOT, RoleSessionName="z")
    report = report_of(platform, name)
    assert (report["policy"]["Statement"], report["refused"]) == (expected, [])


def test_names_do_not_widen_the_policy(platform, name, wide):
    platform.client("s3").create_bucket(Bucket=name)
    keys = ["*", "admin/${aws:username}", "what?"]
    for key in keys:
        wide("s3").put_object(Bucket=name, Key=key, Body=b"1")
    paste(platform, name)
    for key in keys:
        wide("s3").put_object(Bucket=name, Key=key, Body=b"2")
    for key in ("anything", "admin/anything", "admin/run", "whatx"):
        refused(wide("s3").put_object, "AccessDenied", Bucket=name, Key=key, Body=b"3")


def test_many_names_are_folded_until_the_policy_can_be_pasted(platform, name, wide):
    platform.client("s3").create_bucket(Bucket=name)
    wide("s3").put_object(Bucket=name, Key="index.html", Body=b"1")
    for at in range(120):
        wide("s3").put_object(Bucket=name, Key=f"uploads/2026/{at}-{'x' * 60}", Body=b"1")
    statements = paste(platform, name)
    assert statements == [{"Effect": "Allow", "Action": "s3:PutObject", "Resource": [f"arn:aws:s3:::{name}/index.html", f"arn:aws:s3:::{name}/uploads/2026/*"]}]
    wide("s3").put_object(Bucket=name, Key="uploads/2026/another", Body=b"1")
    refused(wide("s3").put_object, "AccessDenied", Bucket=name, Key="other.html", Body=b"1")
