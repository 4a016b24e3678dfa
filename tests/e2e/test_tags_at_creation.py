"""What is made with tags takes leave to tag it: a policy that withholds tagging, or denies it, is not passed by way of a creation."""

import json

import botocore.exceptions
import pytest

from support import package, refused, trust

ACCOUNT = "000000000000"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/tags-at-creation"
TRUST = trust({"Service": "lambda.amazonaws.com"})
DOCUMENT = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]})
CODE = {"Runtime": "python3.12", "Handler": "app.handler", "Role": ROLE, "Code": {"ZipFile": package(app__py="def handler(e, c): pass")}}
TEMPLATE = json.dumps({"Resources": {"Group": {"Type": "AWS::Logs::LogGroup"}}})
MAPPING = {"EventSourceArn": f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/t/stream/2026-01-01T00:00:00.000", "FunctionName": "none", "StartingPosition": "LATEST"}
SIGNING = {"AllowedPublishers": {"SigningProfileVersionArns": [f"arn:aws:signer:us-east-1:{ACCOUNT}:/signing-profiles/p/abcdefghij"]}}


def pairs(tags):
    return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}


def upper(tags):
    return {"Tags": tags}


def lower(tags):
    return {"tags": tags}


def bucket(tags):
    return {"CreateBucketConfiguration": pairs(tags)}


# Service, operation, what makes, what tags, how tags are given, and the rest of the request.
MAKERS = [
    ("logs", "create_log_group", ["logs:CreateLogGroup"], "logs:TagResource", lower, lambda name: {"logGroupName": name}),
    ("logs", "create_log_group", ["logs:CreateLogGroup"], "logs:TagLogGroup", lower, lambda name: {"logGroupName": name}),
    ("iam", "create_user", ["iam:CreateUser"], "iam:TagUser", pairs, lambda name: {"UserName": name}),
    ("iam", "create_role", ["iam:CreateRole"], "iam:TagRole", pairs, lambda name: {"RoleName": name, "AssumeRolePolicyDocument": TRUST}),
    ("iam", "create_policy", ["iam:CreatePolicy"], "iam:TagPolicy", pairs, lambda name: {"PolicyName": name, "PolicyDocument": DOCUMENT}),
    ("iam", "create_instance_profile", ["iam:CreateInstanceProfile"], "iam:TagInstanceProfile", pairs, lambda name: {"InstanceProfileName": name}),
    ("iam", "create_virtual_mfa_device", ["iam:CreateVirtualMFADevice"], "iam:TagMFADevice", pairs, lambda name: {"VirtualMFADeviceName": name}),
    ("iam", "create_open_id_connect_provider", ["iam:CreateOpenIDConnectProvider"], "iam:TagOpenIDConnectProvider", pairs,
     lambda name: {"Url": f"https://{name}.example", "ThumbprintList": ["0" * 40]}),
    ("iam", "upload_server_certificate", ["iam:UploadServerCertificate"], "iam:TagServerCertificate", pairs,
     lambda name: {"ServerCertificateName": name, "CertificateBody": "none", "PrivateKey": "none"}),
    ("lambda", "create_function", ["lambda:CreateFunction", "iam:PassRole"], "lambda:TagResource", upper, lambda name: {"FunctionName": name, **CODE}),
    ("lambda", "create_event_source_mapping", ["lambda:CreateEventSourceMapping"], "lambda:TagResource", upper, lambda name: MAPPING),
    ("lambda", "create_code_signing_config", ["lambda:CreateCodeSigningConfig"], "lambda:TagResource", upper, lambda name: SIGNING),
    ("dynamodb", "create_table", ["dynamodb:CreateTable"], "dynamodb:TagResource", pairs,
     lambda name: {"TableName": name, "BillingMode": "PAY_PER_REQUEST", "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}],
                   "AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "S"}]}),
    ("s3", "create_bucket", ["s3:CreateBucket"], "s3:TagResource", bucket, lambda name: {"Bucket": name}),
    ("organizations", "create_organizational_unit", ["organizations:CreateOrganizationalUnit"], "organizations:TagResource", pairs,
     lambda name: {"ParentId": "r-none", "Name": name}),
    ("organizations", "create_account", ["organizations:CreateAccount"], "organizations:TagResource", pairs,
     lambda name: {"AccountName": name, "Email": f"{name}@example.com"}),
    ("organizations", "create_policy", ["organizations:CreatePolicy"], "organizations:TagResource", pairs,
     lambda name: {"Name": name, "Description": "", "Type": "SERVICE_CONTROL_POLICY", "Content": DOCUMENT}),
    ("accessanalyzer", "create_analyzer", ["access-analyzer:CreateAnalyzer", "iam:CreateServiceLinkedRole"], "access-analyzer:TagResource", lower,
     lambda name: {"analyzerName": name, "type": "ORGANIZATION"}),
    ("apigateway", "create_rest_api", ["apigateway:POST"], "apigateway:PUT", lower, lambda name: {"name": name}),
    ("apigateway", "create_api_key", ["apigateway:POST"], "apigateway:PUT", lower, lambda name: {"name": name}),
    ("apigateway", "create_usage_plan", ["apigateway:POST"], "apigateway:PUT", lower, lambda name: {"name": name}),
    ("cloudformation", "create_stack", ["cloudformation:CreateStack", "logs:*"], "cloudformation:TagResource", pairs, lambda name: {"StackName": name, "TemplateBody": TEMPLATE}),
    ("cloudformation", "create_change_set", ["cloudformation:CreateChangeSet", "logs:*"], "cloudformation:TagResource", pairs,
     lambda name: {"StackName": name, "ChangeSetName": "c", "ChangeSetType": "CREATE", "TemplateBody": TEMPLATE}),
]


@pytest.fixture(scope="module", autouse=True)
def role(platform):
    platform.client("iam").create_role(RoleName="tags-at-creation", AssumeRolePolicyDocument=TRUST)


def refusal(call, arguments):
    """The message of the refusal; None where policy refuses nothing, whatever the operation says then."""
    try:
        call(**arguments)
    except botocore.exceptions.ClientError as error:
        if error.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException"):
            return error.response["Error"]["Message"]
    return None


@pytest.mark.parametrize("service, operation, makes, tags, given, rest", MAKERS, ids=[f"{maker[1]}-{maker[3]}" for maker in MAKERS])
def test_tags_at_creation_take_leave_to_tag(platform, name, service, operation, makes, tags, given, rest):
    name = name[-40:].strip("-").lower()
    make = {"Effect": "Allow", "Action": makes, "Resource": "*"}
    red = {"Effect": "Allow", "Action": tags, "Resource": "*",
           "Condition": {"StringEquals": {"aws:RequestTag/team": "red"}, "ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}}}
    resource = "arn:aws:apigateway:*::/tags/*" if service == "apigateway" else "*"
    denied = [{"Effect": "Allow", "Action": "*", "Resource": "*"}, {"Effect": "Deny", "Action": [tags, "logs:Tag*"], "Resource": resource}]

    def ask(label, given_tags, *statements):
        client = platform.client(service, *platform.user(f"{name}-{label}", *statements))
        return refusal(getattr(client, operation), {**rest(f"{name}-{label}"), **(given(given_tags) if given_tags else {})})

    assert ask("a", None, make) is None
    told = "logs:TagResource" if service == "logs" else tags
    for message in (ask("b", {"team": "red"}, make), ask("c", {"team": "blue"}, make, red), ask("d", {"team": "red", "x": "y"}, make, red),
                    ask("e", {"team": "red"}, *denied)):
        assert message and told in message
    assert ask("f", {"team": "red"}, make, red) is None


def test_a_refused_group_is_told_in_the_words_of_logs(platform, name):
    logs = platform.client("logs", *platform.user(name, {"Effect": "Allow", "Action": "logs:CreateLogGroup", "Resource": "*"}))
    message = refused(logs.create_log_group, "AccessDeniedException", logGroupName=name, tags={"a": "b"})
    assert message == (f"User with accountId: {ACCOUNT} is not authorized to perform CreateLogGroup with Tags. "
                       'An additional permission "logs:TagResource" is required.')


def test_the_ownership_of_a_new_bucket_takes_its_own_leave(platform, name):
    make = {"Effect": "Allow", "Action": "s3:CreateBucket", "Resource": "*"}
    s3 = platform.client("s3", *platform.user(name, make))
    assert "s3:PutBucketOwnershipControls" in refused(s3.create_bucket, "AccessDenied", Bucket=name, ObjectOwnership="BucketOwnerEnforced")
    s3 = platform.client("s3", *platform.user(name + "2", {**make, "Action": ["s3:CreateBucket", "s3:PutBucketOwnershipControls"]}))
    s3.create_bucket(Bucket=name, ObjectOwnership="BucketOwnerEnforced")


def test_a_copy_takes_tags_along_for_whom_they_may_be_read_and_set(platform, name):
    root = platform.client("s3")
    for bucket_name in (name + "-src", name + "-dst"):
        root.create_bucket(Bucket=bucket_name)
    root.put_object(Bucket=name + "-src", Key="k", Body=b"x", Tagging="secret=42")
    copy = {"Bucket": name + "-dst", "Key": "k", "CopySource": f"{name}-src/k"}

    def user(label, *more):
        actions = [("s3:GetObject", "src"), ("s3:PutObject", "dst"), *more]
        statements = [{"Effect": "Allow", "Action": action, "Resource": f"arn:aws:s3:::{name}-{where}/*"} for action, where in actions]
        return platform.client("s3", *platform.user(f"{name}-{label}", *statements))

    reads, sets = ("s3:GetObjectTagging", "src"), ("s3:PutObjectTagging", "dst")
    only = user("only")
    assert "s3:GetObjectTagging" in refused(only.copy_object, "AccessDenied", **copy)
    assert "s3:PutObjectTagging" in refused(user("reads", reads).copy_object, "AccessDenied", **copy)
    refused(root.get_object, "NoSuchKey", Bucket=name + "-dst", Key="k")
    only.copy_object(**copy, TaggingDirective="REPLACE")
    assert root.get_object_tagging(Bucket=name + "-dst", Key="k")["TagSet"] == []
    user("both", reads, sets).copy_object(**copy)
    assert root.get_object_tagging(Bucket=name + "-dst", Key="k")["TagSet"] == [{"Key": "secret", "Value": "42"}]
