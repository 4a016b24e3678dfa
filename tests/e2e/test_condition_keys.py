"""Every global condition key that the platform fills, as a policy sees it: read from the sealed account of a refusal, and decided by.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

import base64
import hashlib
import hmac
import json
import struct
import time

import botocore.exceptions
import pytest

from support import keys_of, refused, trust

ACCOUNT = "000000000000"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"


def allows(platform, client, user, condition, action="iam:ListUsers", call="list_users"):
    """Whether an allow with this condition lets the call through."""
    statement = {"Effect": "Allow", "Action": action, "Resource": "*", "Condition": condition}
    platform.client("iam").put_user_policy(UserName=user, PolicyName="c", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statement}))
    try:
        getattr(client, call)()
        return True
    except botocore.exceptions.ClientError as error:
        assert error.response["Error"]["Code"].startswith("AccessDenied"), error
        return False


def session(platform, name, **arguments):
    """A session of a new role: (key, secret, token), its role."""
    iam = platform.client("iam")
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust({"AWS": ROOT}), Tags=[{"Key": "stage", "Value": "prod"}])["Role"]["Arn"]
    document = json.loads(trust({"AWS": ROOT}))
    document["Statement"][0]["Action"] = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(document))
    statement = {"Effect": "Allow", "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"], "Resource": arn}
    friend = platform.client("sts", *platform.user(name + "-f", statement))
    made = friend.assume_role(RoleArn=arn, RoleSessionName="run", **arguments)["Credentials"]
    return (made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"]), arn


def test_keys_of_every_call(platform, name):
    iam = platform.client("iam", *platform.user(name))
    platform.client("iam").tag_user(UserName=name, Tags=[{"Key": "team", "Value": "blue"}])
    before = int(time.time())
    keys = keys_of(platform, iam.list_users)
    assert keys["aws:principaltag/team"] == ["blue"]
    assert keys["aws:sourceip"] == ["127.0.0.1"] and keys["aws:securetransport"] == ["false"]
    assert keys["aws:requestedregion"] == ["us-east-1"] and keys["aws:viaawsservice"] == ["false"]
    assert keys["aws:useragent"][0].startswith("Boto3/")
    assert before - 1 <= int(keys["aws:epochtime"][0]) <= time.time() + 1
    assert keys["aws:currenttime"][0].startswith("20") and keys["aws:currenttime"][0].endswith("Z")
    # A long-term key has neither; what is not there cannot be compared.
    for absent in ("aws:tokenissuetime", "aws:multifactorauthpresent", "aws:multifactorauthage", "aws:calledvia", "aws:calledviafirst", "aws:calledvialast",
                   "aws:sourcevpce", "aws:sourcearn", "aws:sourceaccount", "aws:sourceidentity", "aws:referer"):
        assert absent not in keys, absent


@pytest.mark.parametrize("condition,fits", [
    ({"StringEquals": {"aws:PrincipalType": "User"}}, True),
    ({"StringEquals": {"aws:PrincipalType": "AssumedRole"}}, False),
    ({"StringEquals": {"aws:PrincipalAccount": ACCOUNT, "aws:ResourceAccount": ACCOUNT}}, True),
    ({"StringEquals": {"aws:PrincipalAccount": "111111111111"}}, False),
    ({"StringEquals": {"aws:ResourceAccount": "111111111111"}}, False),
    ({"Bool": {"aws:PrincipalIsAWSService": "false"}}, True),
    ({"Bool": {"aws:ViaAWSService": "true"}}, False),
    ({"Null": {"aws:TokenIssueTime": "true", "aws:MultiFactorAuthPresent": "true"}}, True),
    ({"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}, True),
    ({"NotIpAddress": {"aws:SourceIp": "127.0.0.0/8"}}, False),
    ({"DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}, True),
    ({"NumericLessThan": {"aws:EpochTime": "1577836800"}}, False),
    ({"StringEquals": {"aws:RequestedRegion": ["us-east-1", "eu-west-1"]}}, True),
    ({"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}, False),
    ({"Bool": {"aws:SecureTransport": "true"}}, False),
    ({"StringLike": {"aws:UserAgent": "Boto3/*"}}, True),
    # There are no private endpoints here: the keys of one are always missing, with what AWS makes of a missing key.
    ({"Null": {"aws:SourceVpce": "false"}}, False),
    ({"Null": {"aws:SourceVpce": "true", "aws:SourceVpc": "true", "aws:VpcSourceIp": "true"}}, True),
    ({"StringEquals": {"aws:SourceVpce": "vpce-1a2b3c4d"}}, False),
    ({"StringLike": {"aws:SourceVpce": "*"}}, False),
    ({"StringEqualsIfExists": {"aws:SourceVpce": "vpce-1a2b3c4d"}}, True),
    ({"StringNotEquals": {"aws:SourceVpce": "vpce-1a2b3c4d"}}, True),
    ({"StringNotEqualsIfExists": {"aws:SourceVpce": "vpce-1a2b3c4d"}}, True),
    ({"ForAnyValue:StringEquals": {"aws:SourceVpc": ["vpc-1"]}}, False),
    ({"ForAllValues:StringEquals": {"aws:SourceVpc": ["vpc-1"]}}, True),
    ({"Bool": {"aws:SecureTransport": "${aws:PrincipalTag/none, 'false'}"}}, True),
    ({"Bool": {"aws:SecureTransport": "${aws:PrincipalTag/none}"}}, False),
    ({"Null": {"aws:PrincipalServiceName": "false"}}, False),
])
def test_conditions_of_a_user(platform, name, condition, fits):
    client = platform.client("iam", *platform.user(name))
    assert allows(platform, client, name, condition) is fits


def test_a_bucket_that_opens_to_a_private_endpoint_alone_is_closed(platform, name):
    """AWS's example of such a bucket: nobody comes through an endpoint here, so it is closed until the policy is taken away."""
    bucket, s3 = name.lower(), platform.client("s3")
    s3.create_bucket(Bucket=bucket)
    statement = {"Sid": "Access-to-specific-VPCE-only", "Effect": "Deny", "Principal": "*", "Action": ["s3:ListBucket", "s3:GetObject"],
                 "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"], "Condition": {"StringNotEquals": {"aws:SourceVpce": "vpce-1a2b3c4d"}}}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    message = refused(s3.list_objects_v2, "AccessDenied", Bucket=bucket)
    assert message.endswith("with an explicit deny in a resource-based policy"), message
    s3.delete_bucket_policy(Bucket=bucket)
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_a_user_is_known_by_name_id_and_arn(platform, name):
    client = platform.client("iam", *platform.user(name))
    made = platform.client("iam").get_user(UserName=name)["User"]
    for key, value in (("aws:username", name), ("aws:userid", made["UserId"]), ("aws:PrincipalArn", made["Arn"])):
        assert allows(platform, client, name, {"StringEquals": {key: value}})
        assert not allows(platform, client, name, {"StringEquals": {key: value + "x"}})


def test_keys_of_a_roles_session(platform, name):
    keys, arn = session(platform, name, Tags=[{"Key": "team", "Value": "red"}], SourceIdentity="ana")
    found = keys_of(platform, platform.client("iam", *keys).list_users)
    assert found["aws:principaltag/team"] == ["red"] and found["aws:principaltag/stage"] == ["prod"]
    assert found["aws:sourceidentity"] == ["ana"] and found["aws:multifactorauthpresent"] == ["false"]
    assert found["aws:tokenissuetime"][0].endswith("Z")
    iam = platform.client("iam")
    role_id = iam.get_role(RoleName=name)["Role"]["RoleId"]
    condition = {"StringEquals": {"aws:PrincipalArn": arn, "aws:userid": f"{role_id}:run", "aws:PrincipalType": "AssumedRole"}, "Null": {"aws:username": "true"}}
    statement = {"Effect": "Allow", "Action": "iam:ListUsers", "Resource": "*", "Condition": condition}
    iam.put_role_policy(RoleName=name, PolicyName="c", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statement}))
    assert platform.client("iam", *keys).list_users()["Users"]


def code(seed, at):
    """The one-time code of RFC 6238."""
    digest = hmac.new(base64.b32decode(seed), struct.pack(">Q", int(at) // 30), hashlib.sha1).digest()
    offset = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[offset:offset + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"


def test_keys_of_a_session_with_a_second_factor(platform, name):
    user = platform.user(name)
    iam = platform.client("iam")
    device = iam.create_virtual_mfa_device(VirtualMFADeviceName=name)["VirtualMFADevice"]
    seed, now = device["Base32StringSeed"], time.time()
    iam.enable_mfa_device(UserName=name, SerialNumber=device["SerialNumber"], AuthenticationCode1=code(seed, now - 30), AuthenticationCode2=code(seed, now))
    made = platform.client("sts", *user).get_session_token(SerialNumber=device["SerialNumber"], TokenCode=code(seed, now + 30))["Credentials"]
    client = platform.client("iam", made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"])
    found = keys_of(platform, client.list_users)
    assert found["aws:multifactorauthpresent"] == ["true"] and 0 <= int(found["aws:multifactorauthage"][0]) < 120
    assert allows(platform, client, name, {"Bool": {"aws:MultiFactorAuthPresent": "true"}, "NumericLessThan": {"aws:MultiFactorAuthAge": "300"}})
    assert not allows(platform, platform.client("iam", *user), name, {"Bool": {"aws:MultiFactorAuthPresent": "true"}})


def test_keys_of_tags_that_a_request_brings_and_a_resource_has(platform, name):
    client, iam = platform.client("iam", *platform.user(name)), platform.client("iam")
    found = keys_of(platform, client.create_role, RoleName=name, AssumeRolePolicyDocument=trust({"AWS": ROOT}),
                    Tags=[{"Key": "team", "Value": "red"}, {"Key": "stage", "Value": "prod"}])
    assert found["aws:requesttag/team"] == ["red"] and found["aws:requesttag/stage"] == ["prod"]
    assert sorted(found["aws:tagkeys"]) == ["stage", "team"]
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust({"AWS": ROOT}), Tags=[{"Key": "team", "Value": "red"}])
    assert keys_of(platform, client.get_role, RoleName=name)["aws:resourcetag/team"] == ["red"]


def test_keys_of_a_call_that_a_service_makes_in_its_callers_name(platform, name):
    """CloudFormation makes a role as whoever asked for the stack: the role's making is refused, and says through whom it was asked for."""
    statement = {"Effect": "Allow", "Action": "cloudformation:*", "Resource": "*"}
    client = platform.client("cloudformation", *platform.user(name, statement))
    template = {"Resources": {"Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": json.loads(trust({"AWS": ROOT}))}}}}
    client.create_stack(StackName=name, TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_IAM"])
    end = time.time() + 60
    while client.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"].endswith("IN_PROGRESS") and time.time() < end:
        time.sleep(0.2)
    made = [event for event in platform.events(EventName="CreateRole") if event["userIdentity"].get("userName") == name]
    assert made, "the attempt stands in the trail"
    message = made[0]["additionalEventData"]["encodedAuthorizationMessage"]
    decoded = json.loads(platform.client("sts").decode_authorization_message(EncodedMessage=message)["DecodedMessage"])
    found = {item["key"].lower(): [value["value"] for value in item["values"]["items"]] for item in decoded["context"]["conditions"]["items"]}
    assert found["aws:viaawsservice"] == ["true"] and found["aws:calledvia"] == ["cloudformation.amazonaws.com"]
    assert found["aws:calledviafirst"] == found["aws:calledvialast"] == ["cloudformation.amazonaws.com"]
    assert "aws:sourceip" not in found, "as in AWS, the caller's address is not told"
    # And it decides: leave for what CloudFormation does, and for nothing that is done by hand.
    only = {"Effect": "Allow", "Action": "iam:ListUsers", "Resource": "*", "Condition": {"ForAnyValue:StringEquals": {"aws:CalledVia": "cloudformation.amazonaws.com"}}}
    refused(platform.client("iam", *platform.user(name + "-v", only)).list_users, "AccessDenied")


def test_keys_that_one_service_knows(platform, name):
    """Those of what is read from an address, of a partition key, of grants and of conditional deletes."""
    dynamodb, s3 = platform.client("dynamodb"), platform.client("s3")
    dynamodb.create_table(TableName=name, BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "p", "KeyType": "HASH"}],
                          AttributeDefinitions=[{"AttributeName": "p", "AttributeType": "S"}])
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="k", Body=b"x")
    nobody = platform.user(name)
    address = "https://s3.us-east-1.amazonaws.com/b/t.json"
    stack, item = {"StackName": name}, {"Bucket": name, "Key": "k"}
    for service, call, arguments, expected in (
        ("dynamodb", "get_item", {"TableName": name, "Key": {"p": {"S": "a"}}},
         {"dynamodb:firstpartitionkeyvalues": ["a"], "dynamodb:leadingkeys": ["a"]}),
        ("cloudformation", "create_stack", {**stack, "TemplateBody": "{}", "StackPolicyURL": address}, {"cloudformation:stackpolicyurl": [address]}),
        ("cloudformation", "set_stack_policy", {**stack, "StackPolicyURL": address}, {"cloudformation:stackpolicyurl": [address]}),
        ("cloudformation", "update_stack", {**stack, "TemplateBody": "{}", "StackPolicyDuringUpdateURL": address}, {"cloudformation:stackpolicyurl": [address]}),
        ("cloudformation", "validate_template", {"TemplateURL": address}, {"cloudformation:templateurl": [address]}),
        ("cloudformation", "get_template_summary", {"TemplateURL": address}, {"cloudformation:templateurl": [address]}),
        ("s3", "delete_object", {**item, "IfMatch": "*"}, {"s3:if-match": ["*"]}),
        ("s3", "put_object_acl", {**item, "ACL": "private"}, {"s3:x-amz-acl": ["private"]}),
        ("s3", "put_bucket_acl", {"Bucket": name, "GrantRead": "id=a", "GrantWrite": "id=b"}, {"s3:x-amz-grant-read": ["id=a"], "s3:x-amz-grant-write": ["id=b"]}),
    ):
        client = platform.client(service, *nobody)
        keys = keys_of(platform, lambda: getattr(client, call)(**arguments))
        assert expected.items() <= keys.items(), (service, call, keys)
