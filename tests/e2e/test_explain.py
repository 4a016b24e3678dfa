"""`fastness explain`: the whole evaluation behind a refusal, from its message or its event, running or stopped."""

import json
import os
import subprocess

import botocore.exceptions
import pytest

from harness.platform import Platform, binary
from support import package


def explain(platform, *arguments, credentials=None):
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "FASTNESS_"))}
    if credentials:
        environment |= {"AWS_ACCESS_KEY_ID": credentials["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": credentials["SecretAccessKey"],
                        "AWS_SESSION_TOKEN": credentials["SessionToken"]}
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
    for what in (message, event["eventID"], request):
        shown = explain(own, what)
        assert shown.returncode == 0, shown.stderr
        check(shown.stdout)
    assert explain(own, "nonsense").returncode != 0
    assert explain(own, message[:-4] + "AAAA").returncode != 0
    own.stop()
    shown = explain(own, message)
    assert shown.returncode == 0, shown.stderr
    check(shown.stdout)
    for what in (event["eventID"], request):
        shown = json.loads(explain(own, "--json", what).stdout)
        assert shown["evaluation"]["policies"][0]["statements"][1]["conditions"][0]["actual"] == ["blue"]
    own.start()


def test_a_role_that_lambda_may_not_take_is_explained(own):
    """The confused deputy's denial: the function is made for another account than the role's trust policy asks for."""
    trust = {"Version": "2012-10-17", "Statement": {"Sid": "Deputy", "Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"},
                                                    "Action": "sts:AssumeRole", "Condition": {"StringEquals": {"aws:SourceAccount": "111111111111"}}}}
    role = own.client("iam").create_role(RoleName="deputy", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        own.client("lambda").create_function(FunctionName="deputy", Runtime="python3.12", Role=role, Handler="app.handler",
                                             Code={"ZipFile": package(app__py="def handler(event, context):\n    return 1\n")})
    assert "cannot be assumed by Lambda" in str(caught.value)
    metadata = caught.value.response["ResponseMetadata"]
    taken = next(each for each in own.events(EventName="AssumeRole") if (each["requestParameters"] or {}).get("roleArn") == role)
    assert taken["userIdentity"] == {"type": "AWSService", "invokedBy": "lambda.amazonaws.com"} and taken["errorCode"] == "AccessDenied"
    for what in (metadata["HTTPHeaders"]["x-fastness-authorization-message"], metadata["RequestId"], taken["eventID"]):
        shown = explain(own, what)
        assert shown.returncode == 0 and shown.stdout.startswith("denied"), shown.stdout + shown.stderr
        assert 'aws:SourceAccount ["111111111111"]: the request has ["000000000000"]: fails' in shown.stdout, shown.stdout


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


def test_across_accounts_both_sides_are_shown_to_who_may_read_both_trails(own):
    """After the test before: there is another account already."""
    organizations = own.client("organizations")
    account = next(each["Id"] for each in organizations.list_accounts()["Accounts"] if each["Name"] == "other")
    courier = own.client("sts", *own.user("courier2", {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}))
    own.client("iam").tag_user(UserName="courier2", Tags=[{"Key": "team", "Value": "blue"}])
    made = courier.assume_role(RoleArn=f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole", RoleSessionName="xx")["Credentials"]
    theirs = own.client("iam", made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"])
    trusting = {"Version": "2012-10-17", "Statement": {"Sid": "Mine", "Effect": "Allow", "Principal": {"AWS": "000000000000"}, "Action": "sts:AssumeRole",
                                                       "Condition": {"StringEquals": {"aws:PrincipalTag/team": "red", "sts:ExternalId": "e1"}}}}
    theirs.create_role(RoleName="picky", AssumeRolePolicyDocument=json.dumps(trusting))
    arn = f"arn:aws:iam::{account}:role/picky"
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        courier.assume_role(RoleArn=arn, RoleSessionName="xx", ExternalId="e2")
    metadata = caught.value.response["ResponseMetadata"]
    message = metadata["HTTPHeaders"]["x-fastness-authorization-message"]
    record = next(each for each in own.events(EventName="AssumeRole") if each["requestID"] == metadata["RequestId"])
    # The owner's trail has a record of its own, with its side and nothing of the caller's but its account.
    trail = own.client("cloudtrail", made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"])
    events = [json.loads(each["CloudTrailEvent"]) for each in trail.lookup_events(LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "AssumeRole"}])["Events"]]
    other = next(each for each in events if each.get("sharedEventID") == record["sharedEventID"])
    assert other["recipientAccountId"] == account and other["userIdentity"]["type"] == "AWSAccount" and other["errorCode"] == "AccessDenied"
    text = json.dumps(other)
    assert '"Mine"' in text and '"e2"' in text, "what the request said"
    assert "blue" not in text and "courier2" not in text, "what the caller is"
    assert "Mine" not in json.dumps(record)
    # Who may read one trail sees one side; who may read both, both.
    alone = explain(own, message)
    assert alone.returncode == 0 and "Mine" not in alone.stdout and "is for that account to see" in alone.stdout, alone.stdout
    both = explain(own, message, credentials=made)
    assert both.returncode == 0, both.stderr
    assert "identity-based policy inline\n  [0] Allow applies" in both.stdout and f"in the trail of account {account}" in both.stdout, both.stdout
    assert "role trust policy\n  [0] Allow Mine does not apply: condition" in both.stdout, both.stdout
    assert 'sts:ExternalId ["e1"]: the request has ["e2"]: fails' in both.stdout and 'team ["red"]: the request has []: fails' in both.stdout
    wrong = explain(own, message, credentials={**made, "SecretAccessKey": "x" * 40})
    assert wrong.returncode == 0 and "Mine" not in wrong.stdout, "a trail that refuses is not read"
    # A trail is its account's: without its keys the platform does not show it, and that is said.
    refused = explain(own, "--account", account, other["eventID"])
    assert refused.returncode == 1 and "AWS_ACCESS_KEY_ID" in refused.stderr and account in refused.stderr, refused.stderr
    for what in (other["eventID"], other["requestID"]):
        named = explain(own, "--account", account, what, credentials=made)
        assert named.returncode == 0 and other["eventID"] in named.stdout, named.stdout + named.stderr
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        own.client("sts", made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"]).assume_role(RoleArn=arn, RoleSessionName="xx")
    theirs_alone = caught.value.response["ResponseMetadata"]["HTTPHeaders"]["x-fastness-authorization-message"]
    unread = explain(own, theirs_alone)
    assert unread.returncode == 0 and "AWS_ACCESS_KEY_ID" in unread.stdout and "any more" not in unread.stdout, unread.stdout
    own.stop()
    stopped = explain(own, message)
    assert stopped.returncode == 0 and "Allow Mine does not apply: condition" in stopped.stdout, stopped.stdout
    seen = json.loads(explain(own, "--json", "--account", account, other["eventID"]).stdout)
    assert seen["otherSide"]["account"] == "000000000000" and seen["otherSide"]["evaluation"]["policies"][0]["policyType"] == "IdentityBased"
    own.start()


def test_what_another_account_has_is_not_told_by_ones_own_conditions(own):
    """A deny of one's own on the tags of others, or on assuming roles: the answer is the same whatever is there."""
    organizations = own.client("organizations")
    account = next(each["Id"] for each in organizations.list_accounts()["Accounts"] if each["Name"] == "other")
    courier = own.user("courier3", {"Effect": "Allow", "Action": ["sts:AssumeRole", "lambda:*"], "Resource": "*"})
    made = own.client("sts", *courier).assume_role(RoleArn=f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole", RoleSessionName="xx")["Credentials"]
    keys = made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"]
    role = own.client("iam", *keys).create_role(RoleName="fn", AssumeRolePolicyDocument=json.dumps(
        {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}}))["Role"]["Arn"]
    own.client("lambda", *keys).create_function(FunctionName="theirs", Runtime="python3.12", Role=role, Handler="app.handler", Tags={"secret": "42"},
                                                Code={"ZipFile": package(app__py="def handler(event, context):\n    return 1\n")})
    probe = own.user("probe", {"Effect": "Allow", "Action": ["sts:AssumeRole", "lambda:*"], "Resource": "*"},
                     {"Effect": "Deny", "Action": "lambda:*", "Resource": "*", "Condition": {"StringEquals": {"aws:ResourceTag/secret": "42"}}},
                     {"Effect": "Deny", "Action": "sts:AssumeRole", "Resource": "*"})
    told = []
    for name in ("theirs", "absent"):
        with pytest.raises(botocore.exceptions.ClientError) as caught:
            own.client("lambda", *probe).get_function(FunctionName=f"arn:aws:lambda:us-east-1:{account}:function:{name}")
        header = caught.value.response["ResponseMetadata"]["HTTPHeaders"]["x-fastness-authorization-message"]
        shown = explain(own, header).stdout
        told.append((str(caught.value).replace(name, "N"), [line for line in shown.splitlines() if line.startswith("  ")]))
    assert told[0] == told[1], told
    told = []
    for name in ("fn", "absent"):
        with pytest.raises(botocore.exceptions.ClientError) as caught:
            own.client("sts", *probe).assume_role(RoleArn=f"arn:aws:iam::{account}:role/{name}", RoleSessionName="xx")
        told.append(str(caught.value).replace("role/" + name, "role/N"))
    assert told[0] == told[1] and "explicit deny in an identity-based policy" in told[0], told


def test_what_is_refused_during_the_work_is_explained_too(own):
    """`s3:ListBucket` behind a missing key, and one object of many."""
    s3 = own.client("s3")
    s3.create_bucket(Bucket="inner")
    s3.put_object(Bucket="inner", Key="k", Body=b"1")
    s3.put_object(Bucket="inner", Key="mine", Body=b"1")
    client = own.client("s3", *own.user("reader", {"Sid": "Read", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"},
                                        {"Effect": "Allow", "Action": "s3:DeleteObject", "Resource": "arn:aws:s3:::inner/mine"}))
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        client.get_object(Bucket="inner", Key="missing")
    response = caught.value.response
    why = 'is not authorized to perform: s3:ListBucket on resource: "arn:aws:s3:::inner" because no identity-based policy allows the s3:ListBucket action'
    assert response["Error"]["Code"] == "AccessDenied" and why in response["Error"]["Message"], response
    record = next(each for each in own.events(EventName="GetObject") if each["requestID"] == response["ResponseMetadata"]["RequestId"])
    for what in (response["ResponseMetadata"]["HTTPHeaders"]["x-fastness-authorization-message"], record["eventID"]):
        shown = explain(own, what)
        assert shown.returncode == 0, shown.stderr
        assert "action     s3:ListBucket\nresource   arn:aws:s3:::inner\n" in shown.stdout and "[0] Allow Read does not apply: action" in shown.stdout

    answer = client.delete_objects(Bucket="inner", Delete={"Objects": [{"Key": "k"}, {"Key": "mine"}]})
    assert [error["Key"] for error in answer["Errors"]] == ["k"]
    assert 'not authorized to perform: s3:DeleteObject on resource: "arn:aws:s3:::inner/k" because no identity-based' in answer["Errors"][0]["Message"]
    record = next(each for each in own.events(EventName="DeleteObjects") if each["requestID"] == answer["ResponseMetadata"]["RequestId"])
    details = record["additionalEventData"]["duringWork"]
    assert details["authorized"] == [{"action": "s3:DeleteObject", "resource": "arn:aws:s3:::inner/mine"}]
    assert [(one["action"], one["resource"]) for one in details["refused"]] == [("s3:DeleteObject", "arn:aws:s3:::inner/k")]
    assert details["refused"][0]["policyEvaluation"]["allowed"] is False
    shown = explain(own, record["eventID"])
    assert shown.returncode == 0 and "1 of its parts were refused" in shown.stdout and "! s3:DeleteObject on arn:aws:s3:::inner/k" in shown.stdout, shown.stdout
    s3.head_object(Bucket="inner", Key="k")


def test_what_did_not_fit_is_shown_with_what_variables_stood_for(own):
    """Patterns that missed, policy variables, and the group that a policy came by."""
    iam = own.client("iam")
    iam.create_group(GroupName="devs")

    def document(*statements):
        return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})

    iam.put_group_policy(GroupName="devs", PolicyName="inline", PolicyDocument=document(
        {"Sid": "Team", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*",
         "Condition": {"StringEquals": {"s3:ExistingObjectTag/of": "${aws:username}", "aws:PrincipalTag/team": "${aws:PrincipalTag/wanted}"}}}))
    reader = own.user("mk", {"Sid": "Home", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::homes/${aws:username}/*"},
                      {"Sid": "Put", "Effect": "Allow", "Action": ["s3:PutObject", "s3:List*"], "Resource": "*"})
    iam.add_user_to_group(GroupName="devs", UserName="mk")
    own.client("s3").create_bucket(Bucket="homes")
    own.client("s3").put_object(Bucket="homes", Key="other/k", Body=b"1")
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        own.client("s3", *reader).get_object(Bucket="homes", Key="other/k")
    message = caught.value.response["ResponseMetadata"]["HTTPHeaders"]["x-fastness-authorization-message"]
    shown = explain(own, message)
    assert shown.returncode == 0, shown.stderr
    for lines in ("identity-based policy inline\n",
                  "identity-based policy inline of group devs\n",
                  '[0] Allow Home does not apply: resource\n      Resource ["arn:aws:s3:::homes/${aws:username}/*"]\n        ${aws:username} is "mk"\n',
                  '[1] Allow Put does not apply: action\n      Action ["s3:PutObject","s3:List*"]\n',
                  'team ["${aws:PrincipalTag/wanted}"]: the request has []: fails\n        ${aws:principaltag/wanted} has no value\n'):
        assert lines in shown.stdout, shown.stdout


def test_an_owners_deny_by_a_tables_keys_is_told_to_whom_it_lets_in(own):
    """The deny and the allow beside it both go by the leading key, which only the table's schema tells."""
    account = next(each["Id"] for each in own.client("organizations").list_accounts()["Accounts"] if each["Name"] == "other")
    courier = own.user("courier4", {"Effect": "Allow", "Action": ["sts:AssumeRole", "dynamodb:GetItem"], "Resource": "*"})
    made = own.client("sts", *courier).assume_role(RoleArn=f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole", RoleSessionName="xx")["Credentials"]
    theirs = own.client("dynamodb", made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"])
    arn = theirs.create_table(TableName="shared", BillingMode="PAY_PER_REQUEST", AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
                              KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}])["TableDescription"]["TableArn"]

    def statement(effect, who, *keys):
        return {"Effect": effect, "Principal": {"AWS": who}, "Action": "dynamodb:GetItem", "Resource": arn,
                "Condition": {"ForAnyValue:StringEquals": {"dynamodb:LeadingKeys": list(keys)}}}

    guest = own.client("iam").get_user(UserName="courier4")["User"]["Arn"]
    theirs.put_resource_policy(ResourceArn=arn, Policy=json.dumps({"Version": "2012-10-17", "Statement": [
        statement("Allow", guest, "open", "shut"), statement("Deny", "*", "shut")]}))
    reader, stranger = (own.client("dynamodb", *keys) for keys in (courier, own.user("uninvited", {"Effect": "Allow", "Action": "dynamodb:*", "Resource": "*"})))
    assert "Item" not in reader.get_item(TableName=arn, Key={"id": {"S": "open"}})
    explicit, implicit = "with an explicit deny in a resource-based policy", "because no resource-based policy allows the dynamodb:GetItem action"
    for client, table, key, expected in ((reader, arn, "shut", explicit), (reader, arn, "other", implicit), (stranger, arn, "shut", implicit),
                                         (stranger, arn.replace("shared", "absent"), "shut", implicit)):
        with pytest.raises(botocore.exceptions.ClientError) as caught:
            client.get_item(TableName=table, Key={"id": {"S": key}})
        response = caught.value.response
        assert response["Error"]["Code"] == "AccessDeniedException" and response["Error"]["Message"].endswith(expected), (table, key, response["Error"])
        shown = explain(own, response["ResponseMetadata"]["HTTPHeaders"]["x-fastness-authorization-message"])
        assert ("resource-based policy of the resource's account\n  an explicit deny" in shown.stdout) == (expected == explicit), shown.stdout


def test_no_name_of_a_refused_call_reaches_the_terminal(own):
    own.client("s3").create_bucket(Bucket="odd")
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        own.client("s3", *own.user("odd", {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"})).get_object(Bucket="odd", Key="k\x1b[2J\nallowed\u202e")
    request = caught.value.response["ResponseMetadata"]["RequestId"]
    shown = explain(own, request)
    assert shown.returncode == 0 and "resource   arn:aws:s3:::odd/k\\u001b[2J\\u000aallowed\\u202e\n" in shown.stdout, shown.stdout + shown.stderr
    assert not {"\x1b", "\u202e"} & set(shown.stdout)
    told = explain(own, "--json", request).stdout
    assert "\u202e" not in told and json.loads(told)["evaluation"]["resource"].endswith("\nallowed\u202e")


def test_the_first_account_is_asked_about_whichever_it_is(tmp_path):
    """With --account-id, and with keys in the environment that are nobody's here."""
    foreign = {"AccessKeyId": "AKIAIOSFODNN7EXAMPLE", "SecretAccessKey": "x" * 40, "SessionToken": ""}
    nothing = "00000000-0000-4000-8000-000000000000"
    with Platform(tmp_path, arguments=["--account-id", "123456789012"]) as platform:
        organizations = platform.client("organizations")
        organizations.create_organization(FeatureSet="ALL")
        # Accounts that left are no organization's any more, and not the first one for that.
        for number in range(3):
            gone = organizations.create_account(AccountName=f"gone-{number}", Email=f"gone-{number}@example.com")["CreateAccountStatus"]["AccountId"]
            organizations.remove_account_from_organization(AccountId=gone)
        with pytest.raises(botocore.exceptions.ClientError) as caught:
            platform.client("iam", *platform.user("ana")).list_users()
        metadata = caught.value.response["ResponseMetadata"]
        message, request = metadata["HTTPHeaders"]["x-fastness-authorization-message"], metadata["RequestId"]
        for credentials in (None, foreign):
            for what in (request, message):
                shown = explain(platform, what, credentials=credentials)
                assert shown.returncode == 0 and "no identity-based policy allows the iam:ListUsers" in shown.stdout, shown.stdout + shown.stderr
        absent = explain(platform, nothing)
        assert absent.returncode == 1 and "in the trail of account 123456789012" in absent.stderr, absent.stderr
        refused = explain(platform, nothing, credentials=foreign)
        assert refused.returncode == 1 and "asked with the keys in AWS_ACCESS_KEY_ID" in refused.stderr, refused.stderr
        platform.stop()
        shown = explain(platform, request)
        assert shown.returncode == 0 and "no identity-based policy allows the iam:ListUsers" in shown.stdout, shown.stdout + shown.stderr
        absent = explain(platform, nothing)
        assert absent.returncode == 1 and "in the trail of account 123456789012" in absent.stderr, absent.stderr
