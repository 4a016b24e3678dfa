"""`fastness explain`: the whole evaluation behind a refusal, from its message or its event, running or stopped."""

import json
import os
import subprocess

import botocore.exceptions
import pytest

from harness.platform import Platform, binary


def explain(platform, *arguments):
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "FASTNESS_"))}
    return subprocess.run([binary(), "explain", "--data-dir", str(platform.data_dir), *arguments], env=environment,
                          capture_output=True, text=True, timeout=60)


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A platform of its own, so that it can be stopped."""
    platform = Platform(tmp_path_factory.mktemp("explain")).start()
    yield platform
    platform.stop()


@pytest.fixture(scope="module")
def refusal(own):
    """A refused call: its sealed message and its request's id."""
    statements = [{"Sid": "Other", "Effect": "Allow", "Action": "s3:*", "Resource": "*"},
                  {"Sid": "Team", "Effect": "Allow", "Action": "iam:ListUsers", "Resource": "*",
                   "Condition": {"StringEquals": {"aws:PrincipalTag/team": "red"}}}]
    client = own.client("iam", *own.user("ana", *statements))
    own.client("iam").tag_user(UserName="ana", Tags=[{"Key": "team", "Value": "blue"}])
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        client.list_users()
    metadata = caught.value.response["ResponseMetadata"]
    return metadata["HTTPHeaders"]["x-fastness-authorization-message"], metadata["RequestId"]


def check(text):
    assert "identity-based policy inline" in text
    assert "[0] Allow Other does not apply: action" in text
    assert "[1] Allow Team does not apply: condition" in text
    assert 'StringEquals aws:PrincipalTag/team ["red"]: the request has ["blue"]: fails' in text


def test_a_message_is_explained_while_the_platform_runs_and_after(own, refusal):
    message, request = refusal
    decoded = json.loads(own.client("sts").decode_authorization_message(EncodedMessage=message)["DecodedMessage"])
    assert decoded["requestId"] == request and decoded["matchedStatements"] == {"items": []}
    keys = {item["key"]: item["values"]["items"] for item in decoded["context"]["conditions"]["items"]}
    assert keys["aws:PrincipalTag/team"] == [{"value": "blue"}]
    event = next(record for record in own.events(EventName="ListUsers") if record["requestID"] == request)
    assert event["additionalEventData"]["policyEvaluation"]["allowed"] is False
    for what in (message, event["eventID"]):
        shown = explain(own, what)
        assert shown.returncode == 0, shown.stderr
        check(shown.stdout)
    assert explain(own, "nonsense").returncode != 0
    assert explain(own, message[:-4] + "AAAA").returncode != 0
    own.stop()
    shown = explain(own, message)
    assert shown.returncode == 0, shown.stderr
    check(shown.stdout)
    shown = json.loads(explain(own, "--json", event["eventID"]).stdout)
    assert shown["evaluation"]["policies"][0]["statements"][1]["conditions"][0]["actual"] == ["blue"]
    own.start()


def test_across_accounts_the_other_side_is_told_without_its_content(own):
    """A role of another account that trusts somebody else, and one that is not there: the same words."""
    organizations = own.client("organizations")
    organizations.create_organization(FeatureSet="ALL")
    account = organizations.create_account(AccountName="other", Email="other@example.com")["CreateAccountStatus"]["AccountId"]
    courier = own.client("sts", *own.user("courier", {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}))
    made = courier.assume_role(RoleArn=f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole", RoleSessionName="xx")["Credentials"]
    theirs = own.client("iam", made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"])
    trusting = {"Version": "2012-10-17", "Statement": {"Sid": "Secret", "Effect": "Allow", "Principal": {"AWS": account}, "Action": "sts:AssumeRole"}}
    theirs.create_role(RoleName="closed", AssumeRolePolicyDocument=json.dumps(trusting))
    shown = []
    for role in ("closed", "absent"):
        with pytest.raises(botocore.exceptions.ClientError) as caught:
            courier.assume_role(RoleArn=f"arn:aws:iam::{account}:role/{role}", RoleSessionName="xx")
        told = explain(own, caught.value.response["ResponseMetadata"]["HTTPHeaders"]["x-fastness-authorization-message"])
        assert told.returncode == 0, told.stderr
        assert "Secret" not in told.stdout and "identity-based policy inline" in told.stdout
        assert "role trust policy of the resource's account\n  nothing that allows it" in told.stdout, told.stdout
        shown.append([line for line in told.stdout.splitlines() if not line.startswith(("when", "event", "denied", "resource "))])
    assert shown[0] == shown[1], "whether the role exists is not told"
