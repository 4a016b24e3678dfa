"""`fastness least-privilege` for roles and functions of an organization's members."""

import json

import pytest

from harness import Platform
from support import package, refused, trust
from test_least_privilege import ACCOUNT, ROOT, ask


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    """A platform of its own: an organization is all of a platform's."""
    with Platform(tmp_path_factory.mktemp("members")) as platform:
        platform.client("organizations").create_organization(FeatureSet="ALL")
        yield platform


@pytest.fixture
def member(platform, name):
    """An account of the organization in observe mode: its id, and sessions of its roles by their names."""
    organizations = platform.client("organizations")
    account = organizations.create_account(Email=f"{name}@example.com", AccountName=name)["CreateAccountStatus"]["AccountId"]
    organizations.tag_resource(ResourceId=account, Tags=[{"Key": "fastness:observe", "Value": "true"}])
    courier = platform.client("sts", *platform.user(name + "-c", {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}))
    return account, lambda role: courier.assume_role(RoleArn=f"arn:aws:iam::{account}:role/{role}", RoleSessionName=name)["Credentials"]


def of(platform, made, service):
    return platform.client(service, made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"])


def test_a_role_of_an_account_in_observe_mode_gets_its_policy(platform, name, member):
    """Three calls that nothing allows, and the policy under which they work when the mode is over."""
    account, session_of = member
    admin = session_of("OrganizationAccountAccessRole")
    iam, own = of(platform, admin, "iam"), of(platform, admin, "s3")
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust({"AWS": ROOT}))["Role"]["Arn"]
    # One of the same name at home, which nobody asks about.
    platform.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust({"AWS": ROOT}))
    own.create_bucket(Bucket=name)
    own.put_object(Bucket=name, Key="k", Body=b"1")
    caller = session_of(name)

    def work():
        s3 = of(platform, caller, "s3")
        s3.get_object(Bucket=name, Key="k")
        s3.list_objects_v2(Bucket=name)
        of(platform, caller, "dynamodb").list_tables()

    work()
    expected = [{"Effect": "Allow", "Action": "dynamodb:ListTables", "Resource": "*"}, {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{name}"},
                {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{name}/k"}]
    for subject, arguments in [(arn, ()), (name, ("--account", account)), (arn, ("--account", account))]:
        told = ask(platform, subject, "--json", *arguments, credentials=admin)
        assert told.returncode == 0, told.stderr
        report = json.loads(told.stdout)
        assert report["role"] == arn and report["calls"] == 3 and report["granted"] == []
        assert sorted(report["policy"]["Statement"], key=json.dumps) == sorted(expected, key=json.dumps)
    # What is granted is the account's own, too.
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps(report["policy"]))
    assert f"  s3:GetObject on arn:aws:s3:::{name}/k" in ask(platform, arn, credentials=admin).stdout
    platform.client("organizations").untag_resource(ResourceId=account, TagKeys=["fastness:observe"])
    work()
    refused(of(platform, caller, "dynamodb").describe_limits, "AccessDeniedException")
    # By a user's key, beside a variable that says nothing.
    iam.create_user(UserName="auditor")
    iam.attach_user_policy(UserName="auditor", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    key = iam.create_access_key(UserName="auditor")["AccessKey"]
    told = ask(platform, arn, credentials={**key, "SessionToken": ""})
    assert told.returncode == 0 and told.stdout.startswith(arn), told.stderr
    # The role at home has made no call.
    told = ask(platform, name, credentials=admin)
    assert told.returncode == 0 and told.stdout.startswith(f"arn:aws:iam::{ACCOUNT}:role/{name}\n0 calls"), told.stdout


def test_a_function_of_another_account_is_found_by_its_arn(platform, name, member):
    account, session_of = member
    admin = session_of("OrganizationAccountAccessRole")
    role = of(platform, admin, "iam").create_role(RoleName=name + "-r", AssumeRolePolicyDocument=trust({"Service": "lambda.amazonaws.com"}))["Role"]["Arn"]
    source = "import boto3\ndef handler(event, context):\n    return boto3.client('dynamodb').list_tables()['TableNames']\n"
    functions = of(platform, admin, "lambda")
    arn = functions.create_function(FunctionName=name, Runtime="python3.12", Role=role, Handler="app.handler", Timeout=30,
                                    Code={"ZipFile": package(app__py=source)})["FunctionArn"]
    assert "FunctionError" not in functions.invoke(FunctionName=name)
    for subject in (arn, arn + ":1", f"{account}:function:{name}"):
        told = ask(platform, subject, "--json", credentials=admin)
        assert told.returncode == 0, told.stderr
        report = json.loads(told.stdout)
        assert (report["role"], report["function"]) == (role, name)
        assert {"Effect": "Allow", "Action": "dynamodb:ListTables", "Resource": "*"} in report["policy"]["Statement"], report
    told = ask(platform, arn.replace("us-east-1", "eu-west-1"), credentials=admin)
    assert told.returncode == 1 and f"of account {account}" in told.stderr, told.stdout + told.stderr


def test_what_is_missing_to_ask_about_another_account_is_said(platform, name, member):
    """Keys of it, and which leave they need: never that what exists does not."""
    account, session_of = member
    admin = session_of("OrganizationAccountAccessRole")
    iam = of(platform, admin, "iam")
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust({"AWS": ROOT}))["Role"]["Arn"]
    made = platform.client("sts", *platform.user(name + "-h", {"Effect": "Allow", "Action": "*", "Resource": "*"})).get_session_token()["Credentials"]

    def missing(*arguments, credentials=None):
        told = ask(platform, *arguments, credentials=credentials)
        assert told.returncode == 1 and told.stdout == "" and "neither a role" not in told.stderr and "Traceback" not in told.stderr, told.stdout + told.stderr
        return told.stderr

    # Nobody asks, or somebody of another account; by an ARN and by the account's id.
    for arguments in [(arn,), (name, "--account", account)]:
        for credentials in (None, made):
            said = missing(*arguments, credentials=credentials)
            assert account in said and "AWS_SESSION_TOKEN" in said and "cloudtrail:LookupEvents, iam:GetRole" in said, said
    said = missing(arn, credentials={**admin, "SecretAccessKey": "x" * 40})
    assert "AWS_ACCESS_KEY_ID" in said and "SignatureDoesNotMatch" in said and "x" * 40 not in said, said
    said = missing(arn, "--account", ACCOUNT, credentials=admin)
    assert f"is of account {account}, not of {ACCOUNT}" in said, said

    # Whoever asks needs leave, exactly what was said.
    reads = ["cloudtrail:LookupEvents", "iam:GetRole", "iam:ListRolePolicies", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:GetPolicy", "iam:GetPolicyVersion"]
    asker = name + "-asker"
    iam.create_role(RoleName=asker, AssumeRolePolicyDocument=trust({"AWS": ROOT}), Tags=[{"Key": "fastness:observe", "Value": "false"}])
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}))
    iam.attach_role_policy(RoleName=name, PolicyArn="arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole")
    assert "is not authorized to perform: iam:GetRole" in missing(arn, credentials=session_of(asker))
    for allowed in range(len(reads) + 1):
        iam.put_role_policy(RoleName=asker, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": [*reads[:allowed], "s3:ListAllMyBuckets"], "Resource": "*"}]}))
        if allowed < len(reads):
            lacked = "iam:GetRole" if allowed < 2 else reads[allowed]
            assert f"is not authorized to perform: {lacked} on" in missing(arn, credentials=session_of(asker))
    told = ask(platform, arn, "--json", credentials=session_of(asker))
    assert told.returncode == 0, told.stderr
    assert {each["policy"].rsplit("/")[-1] for each in json.loads(told.stdout)["granted"]} == {"p", "AWSLambdaBasicExecutionRole"}
    # A logical id that could not be looked for is not one that there is none of.
    assert "is not authorized to perform" in missing(f"{name}/Worker", "--account", account, credentials=session_of(asker))

    # What is not there is told with whose account was searched.
    told = ask(platform, arn + "-none", credentials=admin)
    assert told.returncode == 1 and f"neither a role nor a function of account {account}" in told.stderr, told.stderr
    told = ask(platform, name + "-none", credentials=admin)
    assert told.returncode == 1 and f"of account {ACCOUNT}" in told.stderr and "--account" in told.stderr, told.stderr
