"""Every operation of sts, driven by unmodified boto3 and the `aws` CLI."""

import json

import botocore.exceptions
import pytest

from support import refused, trust

ROOT = "arn:aws:iam::000000000000:root"


def policy(*actions, effect="Allow"):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": effect, "Action": list(actions), "Resource": "*"}]})


def keys(credentials):
    return credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"]


@pytest.fixture
def role(platform, name):
    """A role that any user of the account may assume and that may read IAM."""
    iam = platform.client("iam")
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust({"AWS": ROOT}), Path="/team/", MaxSessionDuration=7200)["Role"]
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=policy("iam:ListUsers", "iam:ListRoles", "sts:AssumeRole"))
    return made


@pytest.fixture
def friend(platform, name, role):
    """The sts client of a user who may assume that role."""
    statement = {"Effect": "Allow", "Action": ["sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"], "Resource": role["Arn"]}
    return platform.client("sts", *platform.user(name + "-f", statement))


def test_everyone_learns_who_they_are(platform, friend, name, role):
    assert platform.client("sts").get_caller_identity()["UserId"] == "000000000000"
    me = friend.get_caller_identity()
    assert me["Arn"] == f"arn:aws:iam::000000000000:user/{name}-f" and me["UserId"].startswith("AIDA")
    session = friend.assume_role(RoleArn=role["Arn"], RoleSessionName="one")
    me = platform.client("sts", *keys(session["Credentials"])).get_caller_identity()
    assert me["Arn"] == session["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::000000000000:assumed-role/{name}/one"
    assert me["UserId"] == session["AssumedRoleUser"]["AssumedRoleId"] == role["RoleId"] + ":one"


def test_a_session_policy_only_takes_away(platform, friend, role):
    narrow = friend.assume_role(RoleArn=role["Arn"], RoleSessionName="two", Policy=policy("iam:ListUsers", "iam:ListGroups"))
    assert narrow["PackedPolicySize"] > 0
    iam = platform.client("iam", *keys(narrow["Credentials"]))
    assert iam.list_users()["Users"]
    refused(iam.list_roles, "AccessDenied")
    assert "no identity-based policy allows" in refused(iam.list_groups, "AccessDenied")
    arns = [{"arn": "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"}]
    other = friend.assume_role(RoleArn=role["Arn"], RoleSessionName="two", PolicyArns=arns)
    message = refused(platform.client("iam", *keys(other["Credentials"])).list_users, "AccessDenied")
    assert "because no session policy allows the iam:ListUsers action" in message
    refused(friend.assume_role, "MalformedPolicyDocument", RoleArn=role["Arn"], RoleSessionName="two", Policy='{"Statement": 1}')


def test_the_duration_is_bounded_by_the_role_and_by_chaining(platform, friend, role):
    session = friend.assume_role(RoleArn=role["Arn"], RoleSessionName="long", DurationSeconds=7200)
    message = refused(friend.assume_role, "ValidationError", RoleArn=role["Arn"], RoleSessionName="long", DurationSeconds=7201)
    assert message == "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
    chained = platform.client("sts", *keys(session["Credentials"]))
    assert chained.assume_role(RoleArn=role["Arn"], RoleSessionName="chain", DurationSeconds=3600)
    message = refused(chained.assume_role, "ValidationError", RoleArn=role["Arn"], RoleSessionName="chain", DurationSeconds=3601)
    assert message == "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."


def test_external_ids_tags_and_source_identities_are_judged(platform, friend, name):
    statements = [
        {"Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "sts:AssumeRole", "Condition": {"StringEquals": {"sts:ExternalId": "xyz"}}},
        {"Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "sts:TagSession", "Condition": {"StringEquals": {"aws:RequestTag/team": "red"}}},
        {"Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "sts:SetSourceIdentity"}]
    iam = platform.client("iam")
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    arn = iam.create_role(RoleName=name + "-x", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    iam.put_user_policy(UserName=name + "-f", PolicyName="more", PolicyDocument=policy("sts:*"))
    call = {"RoleArn": arn, "RoleSessionName": "tags"}
    refused(friend.assume_role, "AccessDenied", **call)
    refused(friend.assume_role, "AccessDenied", **call, ExternalId="abc")
    assert friend.assume_role(**call, ExternalId="xyz", Tags=[{"Key": "team", "Value": "red"}], SourceIdentity="ann")["SourceIdentity"] == "ann"
    message = refused(friend.assume_role, "AccessDenied", **call, ExternalId="xyz", Tags=[{"Key": "team", "Value": "blue"}])
    assert "sts:TagSession" in message


def test_root_and_bad_names_assume_nothing(platform, friend, role):
    message = refused(platform.client("sts").assume_role, "AccessDenied", RoleArn=role["Arn"], RoleSessionName="root")
    assert message == "Roles may not be assumed by root accounts."
    loose = platform.client("sts", *platform.user(role["RoleName"] + "-g"), parameter_validation=False)
    refused(loose.assume_role, "ValidationError", RoleArn=role["Arn"], RoleSessionName="a b")
    refused(loose.assume_role, "ValidationError", RoleArn=role["Arn"])
    refused(loose.assume_role, "ValidationError", RoleArn="arn:aws:s3:::somewhere/else", RoleSessionName="good")
    refused(friend.assume_role, "AccessDenied", RoleArn=role["Arn"] + "-other", RoleSessionName="good")


def test_a_session_token_keeps_the_users_rights_but_not_iam(platform, name):
    key, secret = platform.user(name, {"Effect": "Allow", "Action": ["dynamodb:ListTables", "iam:ListUsers"], "Resource": "*"})
    sts = platform.client("sts", key, secret)
    session = keys(sts.get_session_token(DurationSeconds=900)["Credentials"])
    assert session[0].startswith("ASIA")
    assert platform.client("sts", *session).get_caller_identity()["Arn"].endswith(f"user/{name}")
    assert "TableNames" in platform.client("dynamodb", *session).list_tables()
    refused(platform.client("iam", *session).list_users, "InvalidClientTokenId")
    refused(platform.client("sts", *session).get_session_token, "AccessDenied")
    refused(platform.client("sts", key, secret, parameter_validation=False).get_session_token, "ValidationError", DurationSeconds=899)
    refused(platform.client("dynamodb", session[0], session[1], session[2][:-4] + "AAAA").list_tables, "UnrecognizedClientException")
    refused(platform.client("dynamodb", session[0], session[1]).list_tables, "UnrecognizedClientException")


def test_a_denial_is_decoded_for_whom_may_read_it(platform, friend, name):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        platform.client("iam", *platform.user(name + "-g")).list_users()
    encoded = caught.value.response["ResponseMetadata"]["HTTPHeaders"]["x-fastness-authorization-message"]
    refused(friend.decode_authorization_message, "AccessDenied", EncodedMessage=encoded)
    decoded = json.loads(platform.client("sts").decode_authorization_message(EncodedMessage=encoded)["DecodedMessage"])
    assert (decoded["allowed"], decoded["explicitDeny"], decoded["context"]["action"]) == (False, False, "iam:ListUsers")


def test_the_cli_drives_sts(platform, name):
    key, secret = platform.user(name)
    info = platform.aws("sts", "get-access-key-info", "--access-key-id", key, "--output", "json")
    assert json.loads(info.stdout) == {"Account": "000000000000"}, info.stderr
    token = platform.aws("sts", "get-session-token", "--output", "json", key=key, secret=secret)
    assert json.loads(token.stdout)["Credentials"]["SessionToken"], token.stderr
    denied = platform.aws("sts", "get-access-key-info", "--access-key-id", key, key=key, secret=secret)
    assert denied.returncode != 0 and "(AccessDenied)" in denied.stderr and "sts:GetAccessKeyInfo" in denied.stderr
    nonsense = platform.aws("sts", "decode-authorization-message", "--encoded-message", "nonsense")
    assert nonsense.returncode != 0 and "InvalidAuthorizationMessageException" in nonsense.stderr, nonsense.stderr


def test_saml_is_declined_with_its_reason_though_unsigned(platform, role):
    provider = "arn:aws:iam::000000000000:saml-provider/corporate"
    told = refused(platform.client("sts").assume_role_with_saml, "NotImplemented", RoleArn=role["Arn"], PrincipalArn=provider, SAMLAssertion="PHNhbWw+")
    assert "SAML is signed XML" in told
