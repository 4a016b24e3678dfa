"""Tags in policies, service by service: those that a request brings, those it takes away, and those that its target has.

https://docs.aws.amazon.com/IAM/latest/UserGuide/access_tags.html
"""

import json

import botocore.exceptions
import pytest

from harness.platform import Platform
from support import eventually, keys_of, package, trust

ACCOUNT = "000000000000"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
TEMPLATE = json.dumps({"Resources": {"Group": {"Type": "AWS::Logs::LogGroup"}}})
RED = {"team": "red", "stage": "prod"}


def pairs(tags, key="Key", value="Value"):
    return [{key: name, value: text} for name, text in tags.items()]


class Iam:
    service, actions, tag = "iam", "iam:*", "aws:ResourceTag"

    def __init__(self, platform, name):
        self.name = name + "-t"
        platform.client("iam").create_role(**self.creation(name))

    def creation(self, name):
        return {"RoleName": name + "-t", "AssumeRolePolicyDocument": trust({"AWS": ROOT}), "Tags": pairs(RED)}

    def make(self, client, name):
        client.create_role(**self.creation(name + "2"))

    def look(self, client):
        client.get_role(RoleName=self.name)

    def add(self, client):
        client.tag_role(RoleName=self.name, Tags=pairs({"new": "1"}))

    def take(self, client):
        client.untag_role(RoleName=self.name, TagKeys=["stage"])


class Lambda:
    service, actions, tag = "lambda", "lambda:*", "aws:ResourceTag"

    def __init__(self, platform, name):
        role = platform.client("iam").create_role(RoleName=name + "-fn", AssumeRolePolicyDocument=trust({"Service": "lambda.amazonaws.com"}))["Role"]["Arn"]
        self.creation = {"Runtime": "python3.12", "Role": role, "Handler": "app.handler", "Tags": RED,
                         "Code": {"ZipFile": package(app__py="def handler(event, context):\n    return 1\n")}}
        self.arn = platform.client("lambda").create_function(FunctionName=name, **self.creation)["FunctionArn"]

    def make(self, client, name):
        client.create_function(FunctionName=name + "2", **self.creation)

    def look(self, client):
        client.get_function_configuration(FunctionName=self.arn)

    def add(self, client):
        client.tag_resource(Resource=self.arn, Tags={"new": "1"})

    def take(self, client):
        client.untag_resource(Resource=self.arn, TagKeys=["stage"])


class DynamoDB:
    service, actions, tag = "dynamodb", "dynamodb:*", "aws:ResourceTag"
    creation = {"BillingMode": "PAY_PER_REQUEST", "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}],
                "AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "S"}], "Tags": pairs(RED)}

    def __init__(self, platform, name):
        self.name = name
        self.arn = platform.client("dynamodb").create_table(TableName=name, **self.creation)["TableDescription"]["TableArn"]

    def make(self, client, name):
        client.create_table(TableName=name + "2", **self.creation)

    def look(self, client):
        client.get_item(TableName=self.name, Key={"k": {"S": "x"}})

    def add(self, client):
        client.tag_resource(ResourceArn=self.arn, Tags=pairs({"new": "1"}))

    def take(self, client):
        client.untag_resource(ResourceArn=self.arn, TagKeys=["stage"])


class Logs:
    service, actions, tag = "logs", "logs:*", "aws:ResourceTag"

    def __init__(self, platform, name):
        self.name, self.arn = name, f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{name}"
        platform.client("logs").create_log_group(logGroupName=name, tags=RED)

    def make(self, client, name):
        client.create_log_group(logGroupName=name + "2", tags=RED)

    def look(self, client):
        client.describe_log_streams(logGroupName=self.name)

    def add(self, client):
        client.tag_resource(resourceArn=self.arn, tags={"new": "1"})

    def take(self, client):
        client.untag_resource(resourceArn=self.arn, tagKeys=["stage"])


class Ssm:
    service, actions, tag = "ssm", "ssm:*", "aws:ResourceTag"

    def __init__(self, platform, name):
        self.resource = {"ResourceType": "Parameter", "ResourceId": f"/{name}"}
        platform.client("ssm").put_parameter(Name=f"/{name}", Value="v", Type="String", Tags=pairs(RED))

    def make(self, client, name):
        client.put_parameter(Name=f"/{name}/2", Value="v", Type="String", Tags=pairs(RED))

    def look(self, client):
        client.get_parameter(Name=self.resource["ResourceId"])

    def add(self, client):
        client.add_tags_to_resource(**self.resource, Tags=pairs({"new": "1"}))

    def take(self, client):
        client.remove_tags_from_resource(**self.resource, TagKeys=["stage"])


class ApiGateway:
    service, actions, tag = "apigateway", "apigateway:*", "aws:ResourceTag"

    def __init__(self, platform, name):
        self.id = platform.client("apigateway").create_rest_api(name=name, tags=RED)["id"]
        self.arn = f"arn:aws:apigateway:us-east-1::/restapis/{self.id}"

    def make(self, client, name):
        client.create_rest_api(name=name + "2", tags=RED)

    def look(self, client):
        client.get_rest_api(restApiId=self.id)

    def add(self, client):
        client.tag_resource(resourceArn=self.arn, tags={"new": "1"})

    def take(self, client):
        client.untag_resource(resourceArn=self.arn, tagKeys=["stage"])


class CloudFormation:
    service, actions, tag = "cloudformation", "cloudformation:*", "aws:ResourceTag"
    take = None

    def __init__(self, platform, name):
        self.name, client = name, platform.client("cloudformation")
        client.create_stack(StackName=name, TemplateBody=TEMPLATE, Tags=pairs(RED))
        eventually(lambda: client.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE")

    def make(self, client, name):
        client.create_stack(StackName=name + "2", TemplateBody=TEMPLATE, Tags=pairs(RED))

    def look(self, client):
        client.describe_stacks(StackName=self.name)

    def add(self, client):
        client.update_stack(StackName=self.name, TemplateBody=TEMPLATE, Tags=pairs({"new": "1"}))


class AccessAnalyzer:
    service, actions, tag = "accessanalyzer", "access-analyzer:*", "aws:ResourceTag"

    def __init__(self, platform, name):
        self.name, client = "tagged", platform.client("accessanalyzer")
        found = client.list_analyzers(type="ACCOUNT")["analyzers"]
        for each in found:
            client.delete_analyzer(analyzerName=each["name"])
        self.arn = client.create_analyzer(analyzerName=self.name, type="ACCOUNT", tags=RED)["arn"]

    def make(self, client, name):
        client.create_analyzer(analyzerName=name + "2", type="ACCOUNT", tags=RED)

    def look(self, client):
        client.get_analyzer(analyzerName=self.name)

    def add(self, client):
        client.tag_resource(resourceArn=self.arn, tags={"new": "1"})

    def take(self, client):
        client.untag_resource(resourceArn=self.arn, tagKeys=["stage"])


class S3:
    """Objects have keys of their own names: S3 is older than the global ones."""

    service, actions, tag, take = "s3", "s3:*", "s3:ExistingObjectTag", None

    def __init__(self, platform, name):
        self.bucket, client = name.lower(), platform.client("s3")
        client.create_bucket(Bucket=self.bucket)
        client.put_object(Bucket=self.bucket, Key="k", Body=b"x", Tagging="team=red&stage=prod")

    def make(self, client, name):
        client.put_object(Bucket=self.bucket, Key="new", Body=b"x", Tagging="team=red&stage=prod")

    def look(self, client):
        client.get_object(Bucket=self.bucket, Key="k")

    def add(self, client):
        client.put_object_tagging(Bucket=self.bucket, Key="k", Tagging={"TagSet": pairs({"new": "1"})})


ALL = [Iam, Lambda, DynamoDB, Logs, Ssm, ApiGateway, CloudFormation, AccessAnalyzer, S3]


@pytest.mark.parametrize("kind", ALL)
def test_policies_see_the_tags_of_requests_and_targets(platform, name, kind):
    target, client = kind(platform, name), platform.client(kind.service, *platform.user(name + "-u"))
    given, keys = ("s3:requestobjecttag", "s3:requestobjecttagkeys") if kind is S3 else ("aws:requesttag", "aws:tagkeys")
    own = kind.tag.lower()
    made = keys_of(platform, lambda: target.make(client, name))
    assert made[given + "/team"] == ["red"] and made[given + "/stage"] == ["prod"]
    assert sorted(made[keys]) == ["stage", "team"]
    seen = keys_of(platform, lambda: target.look(client))
    assert seen[own + "/team"] == ["red"] and seen[own + "/stage"] == ["prod"]
    assert keys not in seen and not any(key.startswith(given + "/") for key in seen), seen
    added = keys_of(platform, lambda: target.add(client))
    assert added[given + "/new"] == ["1"] and added[keys] == ["new"] and added[own + "/team"] == ["red"]
    if target.take:
        taken = keys_of(platform, lambda: target.take(client))
        assert taken[keys] == ["stage"] and taken[own + "/team"] == ["red"]
        assert not any(key.startswith(given + "/") for key in taken), "what is taken away has no value"


@pytest.mark.parametrize("kind", ALL)
def test_a_tag_decides(platform, name, kind):
    target = kind(platform, name)

    def user(suffix, condition):
        statement = {"Effect": "Allow", "Action": kind.actions, "Resource": "*", "Condition": condition}
        return platform.client(kind.service, *platform.user(name + suffix, statement))

    target.look(user("-y", {"StringEquals": {kind.tag + "/team": "red"}}))
    target.look(user("-i", {"StringNotEquals": {kind.tag + "/team": "blue"}}))
    for suffix, condition in (("-n", {"StringEquals": {kind.tag + "/team": "blue"}}), ("-m", {"StringEquals": {kind.tag + "/none": "red"}}),
                              ("-l", {"Null": {kind.tag + "/team": "true"}})):
        with pytest.raises(botocore.exceptions.ClientError) as caught:
            target.look(user(suffix, condition))
        assert caught.value.response["Error"]["Code"].startswith("AccessDenied"), caught.value


def test_sessions_are_asked_for_with_tags_for_a_role_that_has_some(platform, name):
    iam = platform.client("iam")
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust({"AWS": ROOT}), Tags=pairs(RED))["Role"]["Arn"]
    sts = platform.client("sts", *platform.user(name + "-u", {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}))
    seen = keys_of(platform, sts.assume_role, RoleArn=arn, RoleSessionName="run", Tags=pairs({"new": "1"}), TransitiveTagKeys=["new"])
    assert seen["aws:resourcetag/team"] == ["red"] and seen["aws:requesttag/new"] == ["1"]
    assert seen["aws:tagkeys"] == ["new"] and seen["sts:transitivetagkeys"] == ["new"]


def test_parts_of_an_organization_have_tags(tmp_path):
    """On a platform of its own: an organization is there once."""
    with Platform(tmp_path) as platform:
        organizations = platform.client("organizations")
        organizations.create_organization(FeatureSet="ALL")
        root = organizations.list_roots()["Roots"][0]["Id"]
        unit = organizations.create_organizational_unit(ParentId=root, Name="red", Tags=pairs(RED))["OrganizationalUnit"]["Id"]
        client = platform.client("organizations", *platform.user("u"))
        made = keys_of(platform, client.create_organizational_unit, ParentId=root, Name="other", Tags=pairs({"new": "1"}))
        assert made["aws:requesttag/new"] == ["1"] and made["aws:tagkeys"] == ["new"]
        seen = keys_of(platform, client.describe_organizational_unit, OrganizationalUnitId=unit)
        assert seen["aws:resourcetag/team"] == ["red"]
        taken = keys_of(platform, client.untag_resource, ResourceId=unit, TagKeys=["stage"])
        assert taken["aws:tagkeys"] == ["stage"] and taken["aws:resourcetag/team"] == ["red"]
        only = {"Effect": "Allow", "Action": "organizations:*", "Resource": "*", "Condition": {"StringEquals": {"aws:ResourceTag/team": "red"}}}
        client = platform.client("organizations", *platform.user("v", only))
        assert client.describe_organizational_unit(OrganizationalUnitId=unit)["OrganizationalUnit"]["Name"] == "red"
        with pytest.raises(botocore.exceptions.ClientError) as caught:
            client.create_organizational_unit(ParentId=root, Name="more")
        assert caught.value.response["Error"]["Code"].startswith("AccessDenied"), caught.value
