"""sts and iam, driven by unmodified boto3 and the `aws` CLI."""

import json

import botocore.exceptions
import pytest

from support import refused, trust

ALLOW_CALLER = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iam:GetUser", "Resource": "*"}]}


def test_the_administrator_is_the_accounts_root(platform):
    me = platform.client("sts").get_caller_identity()
    assert (me["Account"], me["Arn"]) == ("000000000000", "arn:aws:iam::000000000000:root")
    shown = platform.aws("sts", "get-caller-identity", "--output", "json")
    assert json.loads(shown.stdout)["Arn"] == me["Arn"], shown.stderr


def test_a_user_without_a_policy_is_denied_everything(platform, name):
    key, secret = platform.user(name)
    arn = f"arn:aws:iam::000000000000:user/{name}"
    assert platform.client("sts", key, secret).get_caller_identity()["Arn"] == arn
    denied = [
        ("iam", "list_users", {}, "AccessDenied", "iam:ListUsers"),
        ("iam", "create_user", {"UserName": "x"}, "AccessDenied", "iam:CreateUser"),
        ("dynamodb", "list_tables", {}, "AccessDeniedException", "dynamodb:ListTables"),
        ("dynamodb", "get_item", {"TableName": "none", "Key": {"id": {"S": "1"}}}, "AccessDeniedException", "dynamodb:GetItem"),
        ("lambda", "list_functions", {}, "AccessDeniedException", "lambda:ListFunctions"),
        ("lambda", "invoke", {"FunctionName": "none"}, "AccessDeniedException", "lambda:InvokeFunction"),
        ("logs", "describe_log_groups", {}, "AccessDeniedException", "logs:DescribeLogGroups"),
        ("ssm", "get_parameter", {"Name": "/none"}, "AccessDeniedException", "ssm:GetParameter"),
        ("cloudtrail", "lookup_events", {}, "AccessDeniedException", "cloudtrail:LookupEvents"),
        ("apigateway", "get_rest_apis", {}, "AccessDeniedException", "apigateway:GET"),
        ("cloudformation", "describe_stacks", {"StackName": "x"}, "AccessDenied", "cloudformation:DescribeStacks"),
        ("sts", "assume_role", {"RoleArn": "arn:aws:iam::000000000000:role/none", "RoleSessionName": "x" * 4},
         "AccessDenied", "sts:AssumeRole"),
    ]
    for service, operation, arguments, code, action in denied:
        client = platform.client(service, key, secret)
        message = refused(getattr(client, operation), code, **arguments)
        assert message.startswith(f"User: {arn} is not authorized to perform: {action}"), message
    records = platform.events(Username=name)
    assert {"ListUsers", "CreateUser", "Invoke", "LookupEvents"} <= {record["eventName"] for record in records}
    for record in records:
        if record["eventName"] != "GetCallerIdentity":
            assert "because no " in record["errorMessage"] and " policy allows the " in record["errorMessage"], record


def test_users_groups_and_policies_live_their_lives(platform, name):
    iam = platform.client("iam")
    user = iam.create_user(UserName=name, Path="/team/", Tags=[{"Key": "env", "Value": "test"}])["User"]
    assert user["Arn"] == f"arn:aws:iam::000000000000:user/team/{name}" and user["UserId"].startswith("AIDA")
    refused(iam.create_user, "EntityAlreadyExists", UserName=name)
    iam.create_group(GroupName=name)
    iam.add_user_to_group(GroupName=name, UserName=name)
    policy = iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(ALLOW_CALLER))["Policy"]
    iam.attach_group_policy(GroupName=name, PolicyArn=policy["Arn"])
    made = iam.create_access_key(UserName=name)["AccessKey"]
    mine = platform.client("iam", made["AccessKeyId"], made["SecretAccessKey"])
    assert mine.get_user()["User"]["UserName"] == name
    refused(iam.delete_policy, "DeleteConflict", PolicyArn=policy["Arn"])
    iam.detach_group_policy(GroupName=name, PolicyArn=policy["Arn"])
    refused(mine.get_user, "AccessDenied")
    refused(iam.delete_user, "DeleteConflict", UserName=name)
    iam.remove_user_from_group(GroupName=name, UserName=name)
    iam.delete_access_key(UserName=name, AccessKeyId=made["AccessKeyId"])
    iam.delete_user(UserName=name)
    iam.delete_group(GroupName=name)
    iam.delete_policy(PolicyArn=policy["Arn"])
    refused(iam.get_user, "NoSuchEntity", UserName=name)


def test_policy_versions_and_their_quota(platform, name):
    iam = platform.client("iam")
    arn = iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(ALLOW_CALLER))["Policy"]["Arn"]
    for _ in range(4):
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(ALLOW_CALLER), SetAsDefault=True)
    refused(iam.create_policy_version, "LimitExceeded", PolicyArn=arn, PolicyDocument=json.dumps(ALLOW_CALLER))
    assert iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"] == "v5"
    refused(iam.delete_policy_version, "DeleteConflict", PolicyArn=arn, VersionId="v5")
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v2")
    document = iam.get_policy_version(PolicyArn=arn, VersionId="v2")["PolicyVersion"]["Document"]
    assert document == ALLOW_CALLER


def test_aws_managed_policies_are_there(platform):
    iam = platform.client("iam")
    arn = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
    assert iam.get_policy(PolicyArn=arn)["Policy"]["PolicyName"] == "AWSLambdaBasicExecutionRole"
    refused(iam.delete_policy, "AccessDenied", PolicyArn=arn)


@pytest.mark.parametrize("document", ["", "{", "[]", "null", '{"Version":"2012-10-17"}', '{"Statement":[{"Effect":"Maybe","Action":"*","Resource":"*"}]}',
                                      '{"Statement":[{"Effect":"Allow","Action":"*"}]}', "[" * 5000, '{"Statement":' * 400])
def test_a_bad_policy_is_refused(platform, name, document):
    iam = platform.client("iam", parameter_validation=False)
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        iam.create_policy(PolicyName=name, PolicyDocument=document)
    assert caught.value.response["Error"]["Code"] in ("MalformedPolicyDocument", "ValidationError", "InvalidInput"), caught.value


def test_a_role_is_assumed_only_by_whom_it_trusts(platform, name):
    iam = platform.client("iam")
    friend, stranger = platform.user(name + "-f", {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}), platform.user(name + "-s")
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust({"AWS": "arn:aws:iam::000000000000:root"}))["Role"]
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps(ALLOW_CALLER))
    assert iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]["Statement"][0]["Action"] == "sts:AssumeRole"
    refused(platform.client("sts", *stranger).assume_role, "AccessDenied", RoleArn=role["Arn"], RoleSessionName="me1")
    session = platform.client("sts", *friend).assume_role(RoleArn=role["Arn"], RoleSessionName="me1")
    credentials = session["Credentials"]
    keys = (credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"])
    me = platform.client("sts", *keys).get_caller_identity()
    assert me["Arn"] == f"arn:aws:sts::000000000000:assumed-role/{name}/me1"
    assert platform.client("iam", *keys).get_user(UserName=name + "-f")["User"]["UserName"] == name + "-f"
    refused(platform.client("iam", *keys).list_users, "AccessDenied")
    iam.delete_role_policy(RoleName=name, PolicyName="p")
    refused(platform.client("iam", *keys).get_user, "AccessDenied", UserName=name + "-f")


def test_a_denial_can_be_decoded(platform, name):
    key, secret = platform.user(name)
    client = platform.client("iam", key, secret)
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        client.list_users()
    encoded = caught.value.response["ResponseMetadata"]["HTTPHeaders"]["x-fastness-authorization-message"]
    decoded = json.loads(platform.client("sts").decode_authorization_message(EncodedMessage=encoded)["DecodedMessage"])
    assert decoded["allowed"] is False and decoded["context"]["action"] == "iam:ListUsers"
    refused(platform.client("sts").decode_authorization_message, "InvalidAuthorizationMessageException", EncodedMessage=encoded[:-6] + "AAAAAA")


def test_the_whole_account_of_an_access_key_is_told(platform):
    key, _ = platform.root()
    assert platform.client("sts").get_access_key_info(AccessKeyId=key)["Account"] == "000000000000"


def test_lists_are_paged(platform, name):
    iam = platform.client("iam")
    names = [f"{name}-{i}" for i in range(7)]
    for each in names:
        iam.create_user(UserName=each, Path=f"/{name}/")
    pages = list(iam.get_paginator("list_users").paginate(PathPrefix=f"/{name}/", PaginationConfig={"PageSize": 3}))
    assert [len(page["Users"]) for page in pages] == [3, 3, 1]
    assert sorted(user["UserName"] for page in pages for user in page["Users"]) == names


def test_the_cli_drives_iam(platform, name):
    assert platform.aws("iam", "create-user", "--user-name", name).returncode == 0
    listed = json.loads(platform.aws("iam", "list-users", "--output", "json").stdout)
    assert name in [user["UserName"] for user in listed["Users"]]
    again = platform.aws("iam", "create-user", "--user-name", name)
    assert again.returncode != 0 and "EntityAlreadyExists" in again.stderr
