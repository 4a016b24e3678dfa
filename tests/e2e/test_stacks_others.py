"""What others made stays as it is, and what a template does not say any more goes back to its default, also on the way back from a failed update."""

import json

import botocore.exceptions
import pytest

from stacks import client, settled  # noqa: F401

STATEMENT = {"Sid": "Mine", "Effect": "Deny", "Principal": "*", "Action": "s3:DeleteObject"}


def group(name, days, **more):
    return {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": name, "RetentionInDays": days}, **more}


def reasons(client, stack, status):
    events = client.describe_stack_events(StackName=stack)["StackEvents"]
    return {e["LogicalResourceId"]: e.get("ResourceStatusReason", "") for e in events if e["ResourceStatus"] == status}


@pytest.fixture
def run(client, name):
    """Makes or changes this test's stack and answers how it ended; it is deleted at the end."""
    made = []

    def go(resources, outputs=None):
        outputs = {key: {"Value": value} for key, value in (outputs or {}).items()}
        call = client.update_stack if made else client.create_stack
        body = json.dumps({"Resources": resources, **({"Outputs": outputs} if outputs else {})})
        made.append(call(StackName=name, TemplateBody=body, Capabilities=["CAPABILITY_NAMED_IAM"])["StackId"])
        return settled(client, made[0])

    yield go
    client.delete_stack(StackName=made[0])
    assert settled(client, made[0]) == "DELETE_COMPLETE"


def test_a_buckets_policy_of_others_stays(platform, client, run, name):
    s3, bucket = platform.client("s3"), name.lower().replace("_", "-")[-60:].strip("-")
    s3.create_bucket(Bucket=bucket)
    statement = {**STATEMENT, "Resource": f"arn:aws:s3:::{bucket}/*"}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    document = {"Version": "2012-10-17", "Statement": [{**statement, "Sid": "Stack"}]}
    policy = {"Type": "AWS::S3::BucketPolicy", "Properties": {"Bucket": bucket, "PolicyDocument": document}}
    assert run({"P": policy}) == "ROLLBACK_COMPLETE"
    assert f"The bucket policy already exists on bucket {bucket}" in reasons(client, name, "CREATE_FAILED")["P"]
    assert json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])["Statement"][0]["Sid"] == "Mine"
    s3.delete_bucket_policy(Bucket=bucket)
    s3.delete_bucket(Bucket=bucket)


@pytest.mark.parametrize("kind", ["RolePolicy", "Policy"])
def test_an_inline_policy_of_others_stays(platform, client, run, name, kind):
    iam, role = platform.client("iam"), f"r-{name}"[-60:]
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
    iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(trust))
    guard = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "s3:*", "Resource": "*"}]}
    iam.put_role_policy(RoleName=role, PolicyName="guard", PolicyDocument=json.dumps(guard))
    allow = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    holder = {"RoleName": role} if kind == "RolePolicy" else {"Roles": [role]}
    policy = {"Type": f"AWS::IAM::{kind}", "Properties": {"PolicyName": "guard", "PolicyDocument": allow, **holder}}
    assert run({"P": policy}) == "ROLLBACK_COMPLETE"
    assert "already exists" in reasons(client, name, "CREATE_FAILED")["P"]
    assert iam.get_role_policy(RoleName=role, PolicyName="guard")["PolicyDocument"] == guard
    iam.delete_role_policy(RoleName=role, PolicyName="guard")
    iam.delete_role(RoleName=role)


def table(name, **more):
    return {"Type": "AWS::DynamoDB::Table", "Properties": {
        "TableName": name, "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}], **more}}


def test_a_tables_settings_come_and_go(platform, client, run, name):
    dynamodb, named = platform.client("dynamodb"), f"t-{name}"
    stream = {"S": {"Fn::GetAtt": ["T", "StreamArn"]}}
    state = lambda: dynamodb.describe_table(TableName=named)["Table"]
    demand = {"BillingMode": "PAY_PER_REQUEST"}
    assert run({"T": table(named, **demand)}) == "CREATE_COMPLETE"
    # A stream is added and used; its view is changed: another stream.
    assert run({"T": table(named, StreamSpecification={"StreamViewType": "KEYS_ONLY"}, **demand)}, stream) == "UPDATE_COMPLETE"
    first = state()["LatestStreamArn"]
    assert client.describe_stacks(StackName=name)["Stacks"][0]["Outputs"][0]["OutputValue"] == first
    assert run({"T": table(named, StreamSpecification={"StreamViewType": "NEW_IMAGE"}, **demand)}, stream) == "UPDATE_COMPLETE"
    assert state()["StreamSpecification"]["StreamViewType"] == "NEW_IMAGE" and state()["LatestStreamArn"] != first
    # A failed update takes back what it added.
    more = {"TableClass": "STANDARD_INFREQUENT_ACCESS", "StreamSpecification": {"StreamViewType": "KEYS_ONLY"},
            "TimeToLiveSpecification": {"AttributeName": "ttl", "Enabled": True}}
    bad = group(f"bad-{name}", 4, DependsOn="T")
    assert run({"T": table(named, **more, **demand), "Bad": bad}) == "UPDATE_ROLLBACK_COMPLETE"
    now = state()
    assert now["StreamSpecification"]["StreamViewType"] == "NEW_IMAGE"
    assert now.get("TableClassSummary", {}).get("TableClass", "STANDARD") == "STANDARD"
    assert dynamodb.describe_time_to_live(TableName=named)["TimeToLiveDescription"]["TimeToLiveStatus"] == "DISABLED"
    # What the template does not say is CloudFormation's default.
    units = {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5}
    assert run({"T": table(named, ProvisionedThroughput=units)}) == "UPDATE_COMPLETE"
    assert state()["ProvisionedThroughput"]["ReadCapacityUnits"] == 5
    # A key's type cannot change: refused, and nothing to bring back.
    other = table(named, ProvisionedThroughput=units)
    other["Properties"]["AttributeDefinitions"][0]["AttributeType"] = "N"
    assert run({"T": other}) == "UPDATE_ROLLBACK_COMPLETE"
    assert state()["AttributeDefinitions"] == [{"AttributeName": "id", "AttributeType": "S"}]


def test_a_buckets_blocks_come_back(platform, run, name):
    s3, bucket = platform.client("s3"), f"b-{name}".lower().replace("_", "-")[-60:].strip("-")
    made = lambda **more: {"B": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": bucket, **more}}}
    blocks = lambda: s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert run(made()) == "CREATE_COMPLETE"
    before = blocks()
    assert all(before.values())
    assert run(made(PublicAccessBlockConfiguration={"BlockPublicAcls": True})) == "UPDATE_COMPLETE"
    assert blocks() != before
    assert run(made()) == "UPDATE_COMPLETE"
    assert blocks() == before


def test_a_part_of_an_arn_is_selected(client, run, name):
    region = {"Fn::Select": [3, {"Fn::Split": [":", {"Fn::GetAtt": ["G", "Arn"]}]}]}
    assert run({"G": group(f"g-{name}", 7)}, {"R": region}) == "CREATE_COMPLETE"
    assert client.describe_stacks(StackName=name)["Stacks"][0]["Outputs"][0]["OutputValue"] == client.meta.region_name


@pytest.mark.parametrize("wrong", [{"a": "b"}, ["x"], ""])
def test_a_name_that_is_no_text_is_refused(client, name, wrong):
    body = json.dumps({"Resources": {"G": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": wrong}}}})
    with pytest.raises(botocore.exceptions.ClientError, match="#/LogGroupName: expected"):
        client.create_stack(StackName=name, TemplateBody=body)
