"""The condition keys of a service that calls for somebody, and of an organization: as a role's trust policy and a user's own see them.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

import json

import botocore.exceptions
import pytest

from harness.platform import Platform
from support import package

ACCOUNT = "000000000000"
CODE = {"ZipFile": package(app__py="def handler(event, context):\n    return 1\n")}


def document(principal, condition, action="sts:AssumeRole", **members):
    statement = {"Effect": "Allow", "Action": action, "Condition": condition, **members}
    return json.dumps({"Version": "2012-10-17", "Statement": [{**statement, "Principal": principal} if principal else statement]})


def can_be_assumed_by_lambda(iam, client, name, condition):
    """Whether Lambda takes a role whose trust policy asks for this; the function runs with it, then."""
    trust = document({"Service": "lambda.amazonaws.com"}, condition)
    role = iam.create_role(RoleName=name + "-fn", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    try:
        client.create_function(FunctionName=name, Runtime="python3.12", Role=role, Handler="app.handler", Code=CODE)
    except botocore.exceptions.ClientError as error:
        assert error.response["Error"]["Code"] == "InvalidParameterValueException", error
        assert "cannot be assumed by Lambda" in error.response["Error"]["Message"]
        return False
    return True


@pytest.mark.parametrize("condition,fits", [
    ({"StringEquals": {"aws:SourceAccount": ACCOUNT}}, True),
    ({"StringEquals": {"aws:SourceAccount": "111111111111"}}, False),
    ({"StringNotEquals": {"aws:SourceAccount": ACCOUNT}}, False),
    ({"ArnLike": {"aws:SourceArn": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:*"}}, True),
    ({"ArnLike": {"aws:SourceArn": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:other"}}, False),
    ({"Bool": {"aws:PrincipalIsAWSService": "true"}}, True),
    ({"Bool": {"aws:PrincipalIsAWSService": "false"}}, False),
    ({"StringEquals": {"aws:PrincipalServiceName": "lambda.amazonaws.com"}}, True),
    ({"StringEquals": {"aws:PrincipalServiceName": "edgelambda.amazonaws.com"}}, False),
    ({"ForAnyValue:StringEquals": {"aws:PrincipalServiceNamesList": ["lambda.amazonaws.com"]}}, True),
    ({"Null": {"aws:PrincipalArn": "true", "aws:username": "true", "aws:PrincipalAccount": "true", "aws:PrincipalType": "true"}}, True),
    ({"Null": {"aws:TokenIssueTime": "true", "aws:MultiFactorAuthPresent": "true"}}, True),
    # A service is of no organization; that for whom it calls is told by keys of their own.
    ({"Null": {"aws:PrincipalOrgID": "false"}}, False),
])
def test_a_service_says_who_it_is_and_for_whom_it_calls(platform, name, condition, fits):
    assert can_be_assumed_by_lambda(platform.client("iam"), platform.client("lambda"), name, condition) is fits


@pytest.fixture(scope="module")
def member(tmp_path_factory):
    """A platform with an organization: itself, the organization's id, its root's, a member's administrator's keys."""
    with Platform(tmp_path_factory.mktemp("organization")) as platform:
        organizations = platform.client("organizations")
        organization = organizations.create_organization(FeatureSet="ALL")["Organization"]["Id"]
        root = organizations.list_roots()["Roots"][0]["Id"]
        account = organizations.create_account(AccountName="member", Email="m@example.com")["CreateAccountStatus"]["AccountId"]
        courier = platform.client("sts", *platform.user("courier", {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}))
        made = courier.assume_role(RoleArn=f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole", RoleSessionName="xx")["Credentials"]
        yield platform, organization, root, (made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"])


def test_organizations_are_told_of_callers_targets_and_sources(member, name):
    platform, organization, root, keys = member
    iam = platform.client("iam", *keys)
    iam.create_user(UserName="ana")
    ana = iam.create_access_key(UserName="ana")["AccessKey"]
    client = platform.client("iam", ana["AccessKeyId"], ana["SecretAccessKey"])

    def lets(condition):
        iam.put_user_policy(UserName="ana", PolicyName="c", PolicyDocument=document(None, condition, "iam:ListUsers", Resource="*"))
        try:
            return bool(client.list_users()["Users"])
        except botocore.exceptions.ClientError as error:
            assert error.response["Error"]["Code"] == "AccessDenied", error
            return False

    for whose in ("Principal", "Resource"):
        assert lets({"StringEquals": {f"aws:{whose}OrgID": organization}})
        assert not lets({"StringEquals": {f"aws:{whose}OrgID": "o-0000000000"}})
        assert lets({"ForAnyValue:StringLike": {f"aws:{whose}OrgPaths": [f"{organization}/{root}/*"]}})
        assert not lets({"ForAnyValue:StringLike": {f"aws:{whose}OrgPaths": [f"{organization}/{root}/ou-*"]}})
    assert lets({"StringEquals": {"aws:ResourceOrgID": "${aws:PrincipalOrgID}"}})
    assert lets({"Null": {"aws:SourceOrgID": "true", "aws:SourceOrgPaths": "true"}}), "nobody called for anybody"
    functions = platform.client("lambda", *keys)
    for at, (condition, fits) in enumerate([
            ({"StringEquals": {"aws:SourceOrgID": organization}}, True), ({"StringEquals": {"aws:SourceOrgID": "o-0000000000"}}, False),
            ({"ForAnyValue:StringLike": {"aws:SourceOrgPaths": [f"{organization}/{root}/*"]}}, True),
            ({"Null": {"aws:PrincipalOrgID": "true"}}, True), ({"StringEquals": {"aws:ResourceOrgID": "${aws:SourceOrgID}"}}, True)]):
        assert can_be_assumed_by_lambda(iam, functions, f"f{at}", condition) is fits, condition
