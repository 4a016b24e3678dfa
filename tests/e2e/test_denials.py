"""Denials as their callers read them: the policy that denies, sessions whose policy is gone, refusals at a stage, refused values."""

import json

import botocore.exceptions
import pytest

from support import refused, signed_get, trust

ACCOUNT = "000000000000"


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action, resource="*"):
    return {"Effect": "Allow", "Action": action, "Resource": resource}


def deny(action, resource="*"):
    return {"Effect": "Deny", "Action": action, "Resource": resource}


@pytest.fixture
def iam(platform):
    return platform.client("iam")


@pytest.fixture
def policy(iam, name):
    """A managed policy under a path; answers its ARN."""
    return iam.create_policy(PolicyName=name, Path="/team/", PolicyDocument=document(allow("*"), deny("dynamodb:ListTables")))["Policy"]["Arn"]


def session(platform, name, **narrowed):
    """The credentials of a session of a role that may do everything."""
    iam = platform.client("iam")
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}))["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=document(allow("*")))
    courier = platform.client("sts", *platform.user(name + "-c", allow("sts:AssumeRole")))
    made = courier.assume_role(RoleArn=arn, RoleSessionName="session", **narrowed)["Credentials"]
    return made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"]


def test_an_explicit_deny_names_its_managed_policy(platform, iam, policy, name):
    keys = platform.user(name, allow("*"))
    tables = platform.client("dynamodb", *keys).list_tables
    iam.attach_user_policy(UserName=name, PolicyArn=policy)
    sentence = f"User: arn:aws:iam::{ACCOUNT}:user/{name} is not authorized to perform: dynamodb:ListTables on resource: "
    message = refused(tables, "AccessDeniedException")
    assert message.startswith(sentence) and message.endswith(f"with an explicit deny in an identity-based policy: {policy}"), message
    iam.detach_user_policy(UserName=name, PolicyArn=policy)
    iam.put_user_permissions_boundary(UserName=name, PermissionsBoundary=policy)
    message = refused(tables, "AccessDeniedException")
    assert message.endswith(f"with an explicit deny in a permissions boundary: {policy}"), message
    # S3 puts the resource in quotes, and names the policy behind it.
    iam.create_policy_version(PolicyArn=policy, PolicyDocument=document(allow("*"), deny("s3:GetObject")), SetAsDefault=True)
    message = refused(platform.client("s3", *keys).get_object, "AccessDenied", Bucket=name, Key="k")
    assert message.endswith(f'on resource: "arn:aws:s3:::{name}/k" with an explicit deny in a permissions boundary: {policy}'), message
    iam.delete_user_permissions_boundary(UserName=name)
    # An inline policy has no ARN, and what merely does not allow is every policy.
    iam.put_user_policy(UserName=name, PolicyName="inline", PolicyDocument=document(deny("dynamodb:ListTables")))
    assert refused(tables, "AccessDeniedException").endswith("with an explicit deny in an identity-based policy")
    iam.put_user_policy(UserName=name, PolicyName="inline", PolicyDocument=document(allow("s3:*")))


def test_a_session_policy_is_named_too(platform, policy, name):
    keys = session(platform, name, PolicyArns=[{"arn": policy}])
    message = refused(platform.client("dynamodb", *keys).list_tables, "AccessDeniedException")
    assert message.endswith(f"with an explicit deny in a session policy: {policy}"), message


def test_a_session_keeps_the_policy_that_it_was_given(platform, iam, policy, name):
    keys = session(platform, name, PolicyArns=[{"arn": policy}])
    users = platform.client("iam", *keys).list_users
    assert users()["Users"]
    iam.delete_policy(PolicyArn=policy)
    gone = "because no session policy allows the iam:ListUsers action"
    assert refused(users, "AccessDenied").endswith(gone)
    # Another policy of its name is another: whoever may make policies widens no session.
    again = iam.create_policy(PolicyName=name, Path="/team/", PolicyDocument=document(allow("*")))["Policy"]["Arn"]
    assert again == policy
    assert refused(users, "AccessDenied").endswith(gone)
    assert platform.client("iam", *session(platform, name + "-2", PolicyArns=[{"arn": policy}])).list_users()["Users"]
    assert "does not exist" in refused(platform.client("sts", *platform.user(name + "-f", allow("*"))).get_federation_token, "ValidationError",
                                       Name="friend", PolicyArns=[{"arn": policy + "x"}])


def encoded(call, **arguments):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(**arguments)
    return caught.value.response["ResponseMetadata"]["HTTPHeaders"]["x-fastness-authorization-message"]


def test_the_length_of_an_encoded_message_tells_nothing_of_the_resource(platform, name):
    tables = platform.client("dynamodb")
    there = {size: f"{name}-here{size}" for size in (0, 1, 50)}
    for size, table in there.items():
        tags = [{"Key": f"{at:03}", "Value": "v" * 200} for at in range(size)]
        tables.create_table(TableName=table, BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
                            AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}], **({"Tags": tags} if tags else {}))
    keys = platform.user(name, allow("sts:DecodeAuthorizationMessage"))
    # Whoever moves the length by what he sends finds no step either.
    for more in range(0, 9):
        client = platform.client("dynamodb", *keys, user_agent="a" * (100 + more))
        told = {table: encoded(client.scan, TableName=table) for table in [*there.values(), f"{name}-away0", f"{name}-away50"]}
        lengths = {len(told[there[0]]), len(told[there[1]]), len(told[f"{name}-away0"])}
        assert len(lengths) == 1 and len(told[there[50]]) == len(told[f"{name}-away50"]) < 5_000, {at: len(text) for at, text in told.items()}
    decode = platform.client("sts", *keys).decode_authorization_message
    decoded = json.loads(decode(EncodedMessage=told[there[1]])["DecodedMessage"])
    conditions = {each["key"]: [value["value"] for value in each["values"]["items"]] for each in decoded["context"]["conditions"]["items"]}
    assert conditions["aws:ResourceTag/000"] == ["v" * 200] and len(conditions["aws:UserAgent"][0]) > 108, conditions


@pytest.fixture
def stage(platform, name):
    """An API whose one method is for signed callers."""
    gateway = platform.client("apigateway")
    api = gateway.create_rest_api(name=name)["id"]
    at = {"restApiId": api, "resourceId": gateway.get_resources(restApiId=api)["items"][0]["id"], "httpMethod": "GET"}
    gateway.put_method(**at, authorizationType="AWS_IAM")
    gateway.put_method_response(**at, statusCode="200")
    gateway.put_integration(**at, type="MOCK", requestTemplates={"application/json": '{"statusCode": 200}'})
    gateway.put_integration_response(**at, statusCode="200")
    gateway.create_deployment(restApiId=api, stageName="p")
    yield api
    gateway.delete_rest_api(restApiId=api)


def test_a_refusal_at_a_stage_can_be_decoded_and_explained(platform, iam, policy, stage, name):
    key, secret = platform.user(name, allow("s3:*"))
    path, arn = f"/_aws/execute-api/{stage}/p/", f"arn:aws:execute-api:us-east-1:{ACCOUNT}:{stage}/p/GET/"
    sentence = f"User: arn:aws:iam::{ACCOUNT}:user/{name} is not authorized to perform: execute-api:Invoke on resource: "
    masked = arn.replace(ACCOUNT, "********0000")
    answer = signed_get(platform, path, key=key, secret=secret)
    implicit = " because no identity-based policy allows the execute-api:Invoke action"
    assert (answer.status_code, answer.json()) == (403, {"Message": sentence + masked + implicit})
    assert answer.headers["x-amzn-errortype"] == "AccessDeniedException"
    message = answer.headers["x-fastness-authorization-message"]
    decoded = json.loads(platform.client("sts").decode_authorization_message(EncodedMessage=message)["DecodedMessage"])
    assert (decoded["context"]["action"], decoded["context"]["resource"]) == ("execute-api:Invoke", arn)
    record = next(one for one in platform.events(EventName="Invoke") if one["requestID"] == decoded["requestId"])
    assert record["errorMessage"] == sentence + arn + implicit
    details = record["additionalEventData"]
    assert details["encodedAuthorizationMessage"] == message
    evaluation = details["policyEvaluation"]
    assert (evaluation["allowed"], evaluation["deniedBy"], evaluation["action"]) == (False, "IdentityBased", "execute-api:Invoke")
    assert [each["name"] for each in evaluation["policies"]] == ["inline"]
    # The answer says which kind of policy denies, and the trail which one: who uses an API need not know the account.
    iam.create_policy_version(PolicyArn=policy, PolicyDocument=document(deny("execute-api:Invoke")), SetAsDefault=True)
    iam.attach_user_policy(UserName=name, PolicyArn=policy)
    answer = signed_get(platform, path, key=key, secret=secret)
    explicit = " with an explicit deny in an identity-based policy"
    assert answer.json() == {"Message": sentence + masked + explicit}
    told = [one["errorMessage"] for one in platform.events(EventName="Invoke") if one["requestID"] == answer.headers["x-amzn-requestid"]]
    assert told == [f"{sentence}{arn}{explicit}: {policy}"]
    for what in (message, record["eventID"]):
        shown = platform_explain(platform, what)
        assert "execute-api:Invoke" in shown and "identity-based policy inline" in shown and "does not apply: action" in shown, shown


def platform_explain(platform, what):
    """What `fastness explain` prints."""
    import subprocess

    from harness.platform import binary
    shown = subprocess.run([binary(), "explain", "--data-dir", str(platform.data_dir), what], capture_output=True, text=True, timeout=60)
    assert shown.returncode == 0, shown.stderr
    return shown.stdout


def test_a_refused_value_of_access_analyzer_has_its_reason_and_fields(platform):
    client = platform.client("accessanalyzer", parameter_validation=False)
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        client.create_analyzer(analyzerName="1 bad", type="NONE")
    answer = caught.value.response
    assert answer["Error"]["Code"] == "ValidationException" and answer["reason"] == "fieldValidationFailed"
    assert sorted(field["name"] for field in answer["fieldList"]) == ["analyzerName", "type"]
    assert all(field["message"].startswith("Member must satisfy ") for field in answer["fieldList"])
    shown = platform.aws("accessanalyzer", "get-analyzer", "--analyzer-name", "1")
    assert shown.returncode != 0 and "ValidationException" in shown.stderr
