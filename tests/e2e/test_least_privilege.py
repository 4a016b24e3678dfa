"""`fastness least-privilege`: from real calls to a policy under which exactly those calls work."""

import json
import subprocess

from harness.platform import binary
from support import refused, trust

ACCOUNT = "000000000000"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"


def ask(platform, subject, *arguments):
    return subprocess.run([binary(), "least-privilege", subject, "--data-dir", str(platform.data_dir), *arguments], capture_output=True, text=True, timeout=120)


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
    assert "- dynamodb:* on *" in text and "never used" in text and f"+ dynamodb:GetItem on {target}" in text

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
