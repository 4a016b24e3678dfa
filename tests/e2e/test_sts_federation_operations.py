"""Federated users, revoked sessions and regional endpoints, driven by unmodified boto3 and the `aws` CLI."""

import datetime
import json

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest
import requests

from support import eventually, refused, trust

ACCOUNT = "000000000000"


def document(*actions, effect="Allow", **more):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": effect, "Action": list(actions), "Resource": "*", **more}]})


def keys(answer):
    credentials = answer["Credentials"]
    return credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"]


@pytest.fixture
def lender(platform, name):
    """The key of a user who may list tables and buckets, and lend that."""
    rights = {"Effect": "Allow", "Action": ["dynamodb:ListTables", "s3:ListAllMyBuckets", "sts:GetFederationToken", "sts:TagSession", "sts:AssumeRole"], "Resource": "*"}
    return platform.user(name, rights)


def lend(platform, key, who="friend", **more):
    return platform.client("sts", *key).get_federation_token(Name=who, **more)


def test_a_federated_user_has_what_its_user_lends_and_its_policy_leaves(platform, lender, name):
    answer = lend(platform, lender, Policy=document("dynamodb:*", "lambda:*"), DurationSeconds=900)
    assert answer["FederatedUser"] == {"FederatedUserId": f"{ACCOUNT}:friend", "Arn": f"arn:aws:sts::{ACCOUNT}:federated-user/friend"}
    assert answer["PackedPolicySize"] >= 1
    me = platform.client("sts", *keys(answer)).get_caller_identity()
    assert (me["Arn"], me["UserId"]) == (answer["FederatedUser"]["Arn"], answer["FederatedUser"]["FederatedUserId"])
    platform.client("dynamodb", *keys(answer)).list_tables()
    refused(platform.client("s3", *keys(answer)).list_buckets, "AccessDenied")
    refused(platform.client("lambda", *keys(answer)).list_functions, "AccessDeniedException")
    # As in AWS: no IAM, no STS but who it is.
    refused(platform.client("iam", *keys(answer)).list_users, "InvalidClientTokenId")
    sts = platform.client("sts", *keys(answer))
    refused(sts.get_session_token, "AccessDenied")
    refused(sts.get_federation_token, "AccessDenied", Name="more")
    role = platform.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust({"AWS": ACCOUNT}))["Role"]["Arn"]
    refused(sts.assume_role, "AccessDenied", RoleArn=role, RoleSessionName="more")


def test_without_a_policy_only_resources_let_it_in(platform, lender, name):
    answer = lend(platform, lender, who=name[:32])
    assert "PackedPolicySize" not in answer
    refused(platform.client("dynamodb", *keys(answer)).list_tables, "AccessDeniedException")
    s3, bucket = platform.client("s3"), name.lower()
    s3.create_bucket(Bucket=bucket)
    theirs = platform.client("s3", *keys(answer))
    refused(theirs.list_objects_v2, "AccessDenied", Bucket=bucket)
    statement = {"Effect": "Allow", "Principal": {"AWS": answer["FederatedUser"]["Arn"]}, "Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{bucket}"}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    theirs.list_objects_v2(Bucket=bucket)


def test_what_the_user_loses_its_federated_users_lose_at_once(platform, lender, name):
    iam = platform.client("iam")
    answer = lend(platform, lender, Policy=document("dynamodb:ListTables"))
    theirs = platform.client("dynamodb", *keys(answer))
    theirs.list_tables()
    iam.delete_user_policy(UserName=name, PolicyName="inline")
    refused(theirs.list_tables, "AccessDeniedException")
    iam.delete_access_key(UserName=name, AccessKeyId=lender[0])
    iam.delete_user(UserName=name)
    refused(theirs.list_tables, "UnrecognizedClientException")


def test_tags_of_a_federated_user_decide(platform, lender, name):
    only_blue = document("dynamodb:ListTables", Condition={"StringEquals": {"aws:PrincipalTag/Team": "blue"}})
    for team, allowed in (("blue", True), ("red", False)):
        answer = lend(platform, lender, Policy=only_blue, Tags=[{"Key": "Team", "Value": team}])
        theirs = platform.client("dynamodb", *keys(answer))
        theirs.list_tables() if allowed else refused(theirs.list_tables, "AccessDeniedException")
    platform.client("iam").put_user_policy(UserName=name, PolicyName="inline", PolicyDocument=document("sts:GetFederationToken"))
    refused(platform.client("sts", *lender).get_federation_token, "AccessDenied", Name="friend", Tags=[{"Key": "Team", "Value": "blue"}])
    refused(platform.client("sts", *lender).get_federation_token, "MalformedPolicyDocument", Name="friend", Policy="{")


def test_leave_to_lend_names_the_federated_user(platform, name):
    key = platform.user(name, {"Effect": "Allow", "Action": "sts:GetFederationToken", "Resource": f"arn:aws:sts::{ACCOUNT}:federated-user/ana"})
    lend(platform, key, who="ana")
    message = refused(platform.client("sts", *key).get_federation_token, "AccessDenied", Name="bob")
    assert f"sts:GetFederationToken on resource: arn:aws:sts::{ACCOUNT}:federated-user/bob" in message
    session = platform.client("sts", *key).get_session_token()
    refused(platform.client("sts", *keys(session)).get_federation_token, "AccessDenied", Name="ana")


def test_the_root_user_lends_all_it_has_for_an_hour(platform):
    shown = platform.aws("sts", "get-federation-token", "--name", "admin", "--duration-seconds", "43200", "--policy", document("s3:ListAllMyBuckets"), "--output", "json")
    assert shown.returncode == 0, shown.stderr
    answer = json.loads(shown.stdout)
    ends = datetime.datetime.fromisoformat(answer["Credentials"]["Expiration"])
    assert 3500 < (ends - datetime.datetime.now(datetime.timezone.utc)).total_seconds() <= 3600
    platform.client("s3", *keys(answer)).list_buckets()
    refused(platform.client("dynamodb", *keys(answer)).list_tables, "AccessDeniedException")


def test_the_trail_names_the_federated_user_and_who_lent(platform, lender, name):
    answer = lend(platform, lender, who=name[:32], Policy=document("dynamodb:ListTables"))
    platform.client("dynamodb", *keys(answer)).list_tables()
    mine = lambda event: event["userIdentity"].get("principalId") == f"{ACCOUNT}:{name[:32]}"  # noqa: E731
    event = eventually(lambda: [event for event in platform.events(EventName="ListTables") if mine(event)])[0]
    identity = event["userIdentity"]
    assert identity["type"] == "FederatedUser" and identity["arn"] == answer["FederatedUser"]["Arn"]
    assert identity["sessionContext"]["sessionIssuer"] == {**identity["sessionContext"]["sessionIssuer"], "type": "IAMUser", "userName": name}


def test_older_sessions_of_a_role_are_revoked(platform, name):
    iam, sts = platform.client("iam"), platform.client("sts", *platform.user(name + "-c", {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}))
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust({"AWS": ACCOUNT}))["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document("dynamodb:ListTables"))
    old = platform.client("dynamodb", *keys(sts.assume_role(RoleArn=arn, RoleSessionName="old")))
    old.list_tables()
    # What the console writes as AWSRevokeOlderSessions; sessions tell their beginning in whole seconds.
    now = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=1)
    revoked = document("*", effect="Deny", Condition={"DateLessThan": {"aws:TokenIssueTime": now.strftime("%Y-%m-%dT%H:%M:%SZ")}})
    iam.put_role_policy(RoleName=name, PolicyName="AWSRevokeOlderSessions", PolicyDocument=revoked)
    refused(old.list_tables, "AccessDeniedException")

    def fresh():
        try:
            return platform.client("dynamodb", *keys(sts.assume_role(RoleArn=arn, RoleSessionName="new"))).list_tables()
        except platform.client("dynamodb").exceptions.ClientError:
            return None

    eventually(fresh)
    refused(old.list_tables, "AccessDeniedException")


@pytest.mark.parametrize("host", ["sts.amazonaws.com", "sts.us-east-1.amazonaws.com", "sts.localhost", "sts.us-east-1.localhost"])
def test_global_and_regional_endpoints_are_one_service(platform, host):
    body = "Action=GetCallerIdentity&Version=2011-06-15"
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Host": f"{host}:{platform.port}"}
    request = botocore.awsrequest.AWSRequest("POST", platform.endpoint + "/", data=body, headers=headers)
    botocore.auth.SigV4Auth(botocore.credentials.Credentials(*platform.root()), "sts", "us-east-1").add_auth(request)
    answer = requests.post(platform.endpoint + "/", data=body, headers=dict(request.headers.items()), timeout=30)
    assert answer.status_code == 200 and f"<Account>{ACCOUNT}</Account>" in answer.text, answer.text
