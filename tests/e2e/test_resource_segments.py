"""A wildcard within a segment of an ARN: an allow does not reach over the next colon, a deny does."""

import json

import botocore.exceptions
import pytest

from harness.platform import Platform
from support import package

ARN = "arn:aws:lambda:us-east-1:000000000000:function:"


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    platform = Platform(tmp_path_factory.mktemp("segments")).start()
    role = platform.client("iam").create_role(RoleName="fn", AssumeRolePolicyDocument=json.dumps(
        {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}}))["Role"]["Arn"]
    functions = platform.client("lambda")
    for name in ("app-x", "app-x-prod"):
        functions.create_function(FunctionName=name, Runtime="python3.12", Role=role, Handler="app.handler", Publish=True,
                                  Code={"ZipFile": package(app__py="def handler(event, context):\n    return 1\n")})
    functions.create_alias(FunctionName="app-x", Name="y-prod", FunctionVersion="1")
    functions.create_alias(FunctionName="app-x-prod", Name="live", FunctionVersion="1")
    yield platform
    platform.stop()


def may(client, name, qualifier=None):
    """Whether this client may invoke it: a dry run."""
    arguments = {"Qualifier": qualifier} if qualifier else {}
    try:
        return client.invoke(FunctionName=name, InvocationType="DryRun", **arguments)["StatusCode"] == 204
    except botocore.exceptions.ClientError as error:
        assert error.response["Error"]["Code"] == "AccessDeniedException", error
        return False


def statement(effect, element, *patterns):
    return {"Effect": effect, "Action": "lambda:InvokeFunction", element: [ARN + pattern for pattern in patterns]}


ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}


@pytest.mark.parametrize("name,statements,function,alias,functions_alias", [
    ("allow", [statement("Allow", "Resource", "app-*-prod")], True, False, False),
    ("ends", [statement("Allow", "Resource", "app-*-prod:*", "app-*-prod")], True, False, True),
    ("whole", [statement("Allow", "Resource", "app-*")], True, True, True),
    ("deny", [ALL, statement("Deny", "Resource", "app-*-prod")], False, False, True),
    ("allow-but", [statement("Allow", "NotResource", "app-*-prod")], False, False, True),
    ("deny-but", [ALL, statement("Deny", "NotResource", "app-*-prod")], True, False, False),
])
def test_an_aliass_name_does_not_decide(own, name, statements, function, alias, functions_alias):
    client = own.client("lambda", *own.user(name, *statements))
    assert (may(client, "app-x-prod"), may(client, "app-x", "y-prod"), may(client, "app-x-prod", "live")) == (function, alias, functions_alias)


def test_an_objects_key_with_a_colon(own):
    s3 = own.client("s3")
    s3.create_bucket(Bucket="segments")
    for key in ("a/one/x", "a/one:two/x"):
        s3.put_object(Bucket="segments", Key=key, Body=b"1")
    client = own.client("s3", *own.user("keys", {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::segments/a/*/x"},
                                        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::segments/b/*"}))
    assert client.get_object(Bucket="segments", Key="a/one/x")["Body"].read() == b"1"
    with pytest.raises(botocore.exceptions.ClientError, match="no identity-based policy allows"):
        client.get_object(Bucket="segments", Key="a/one:two/x")
    s3.put_object(Bucket="segments", Key="b/one:two/x", Body=b"2")
    assert client.get_object(Bucket="segments", Key="b/one:two/x")["Body"].read() == b"2"


def test_what_is_compared_without_a_request_is_read_the_same(own):
    """`CheckNoNewAccess` and `CheckAccessNotGranted`; the simulator asks the evaluator itself."""
    analyzer = own.client("accessanalyzer")

    def document(*resources):
        return json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": list(resources)}})

    def new(existing, changed):
        return analyzer.check_no_new_access(existingPolicyDocument=document(existing), newPolicyDocument=document(changed),
                                            policyType="IDENTITY_POLICY")["result"]

    bucket = "arn:aws:s3:::b/"
    for existing, changed, result in [("a-*-z", "a-1-z", "PASS"), ("a-*-z", "a-1:2-z", "FAIL"), ("a-*", "a-1:2-z", "PASS"),
                                      ("${aws:username}/*", "ana/*", "FAIL"), ("${aws:username}/*", "${aws:username}/x", "PASS"),
                                      ("${*}", "x", "FAIL"), ("x/*", "x/${aws:username}", "PASS")]:
        assert new(bucket + existing, bucket + changed) == result, (existing, changed)
    granted = analyzer.check_access_not_granted(policyDocument=document("arn:aws:s3"), policyType="IDENTITY_POLICY",
                                                access=[{"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::b/k"]}])
    assert granted["result"] == "FAIL", "an ARN that ends early is open"
    simulated = own.client("iam").simulate_custom_policy(PolicyInputList=[document(bucket + "a-*-z")], ActionNames=["s3:GetObject"],
                                                         ResourceArns=[bucket + "a-1-z", bucket + "a-1:2-z"])["EvaluationResults"]
    assert [each["EvalDecision"] for each in simulated] == ["allowed", "implicitDeny"]
