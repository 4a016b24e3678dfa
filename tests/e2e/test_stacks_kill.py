"""`kill -9` in the middle of a stack's creation, update and deletion: after the restart it ends by itself, and leaves nothing over."""

import json
import time

import botocore.exceptions
import pytest

from support import eventually, package

CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  First: {Type: AWS::Serverless::SimpleTable}
  Second: {Type: AWS::Serverless::SimpleTable}
  Group: {Type: AWS::Logs::LogGroup, Properties: {RetentionInDays: 7}}
  Named: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: named}}
  NamedTable: {Type: AWS::Serverless::SimpleTable, Properties: {TableName: named}}
  Policy:
    Type: AWS::IAM::ManagedPolicy
    Properties: {PolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: "dynamodb:ListTables", Resource: "*"}]}}
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.12
      Handler: index.handler
      InlineCode: "def handler(event, context): return {'statusCode': 200, 'body': 'GREETING'}"
      Policies: [!Ref Policy, {DynamoDBReadPolicy: {TableName: !Ref First}}]
      AutoPublishAlias: live
      Events: {Get: {Type: Api, Properties: {Path: /hello, Method: get}}}
Outputs:
  Api: {Value: !Ref ServerlessRestApi}
"""

# Changes the code, replaces one table's key, drops a group, adds a role's policy and a path.
CHANGED = (TEMPLATE.replace("GREETING", "changed").replace("  Second: {Type: AWS::Serverless::SimpleTable}\n",
           "  Second: {Type: AWS::Serverless::SimpleTable, Properties: {PrimaryKey: {Name: other, Type: String}}}\n")
           .replace("  Group: {Type: AWS::Logs::LogGroup, Properties: {RetentionInDays: 7}}\n", "  Third: {Type: AWS::Serverless::SimpleTable}\n")
           .replace("Path: /hello", "Path: /changed"))


def everything(platform):
    """The physical ids of all that exists, by type."""
    client = platform.client
    return {
        "AWS::Lambda::Function": {f["FunctionName"] for f in client("lambda").list_functions()["Functions"]},
        "AWS::IAM::Role": {r["RoleName"] for r in client("iam").list_roles()["Roles"]},
        "AWS::IAM::ManagedPolicy": {p["Arn"] for p in client("iam").list_policies(Scope="Local")["Policies"]},
        "AWS::DynamoDB::Table": set(client("dynamodb").list_tables()["TableNames"]),
        "AWS::ApiGateway::RestApi": {a["id"] for a in client("apigateway").get_rest_apis(limit=500)["items"]},
        # Lambda makes a group of its own for each function that ran; it is no stack's, as on AWS.
        "AWS::Logs::LogGroup": {g["logGroupName"] for g in client("logs").describe_log_groups()["logGroups"] if not g["logGroupName"].startswith("/aws/lambda/")},
    }


def settled(platform, stack):
    """Waits until the stack is at rest without anyone's help, and answers its status."""
    def status():
        found = platform.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]
        return None if found.endswith("_IN_PROGRESS") else found
    return eventually(status, timeout_s=60)


def accounted(platform, stack):
    """What exists is what the stack says that it has, no more and no less."""
    listed = platform.client("cloudformation").describe_stack_resources(StackName=stack)["StackResources"]
    there = everything(platform)
    for kind, ids in there.items():
        held = {r["PhysicalResourceId"] for r in listed if r["ResourceType"] == kind and r["ResourceStatus"] not in ("DELETE_COMPLETE", "DELETE_SKIPPED")}
        assert ids == held, (kind, "exist:", ids, "listed:", held)


def interrupted(platform, begin, seconds):
    """Begins an operation, cuts the power after a while, and starts again."""
    begin()
    time.sleep(seconds)
    platform.kill()
    platform.start()


@pytest.mark.parametrize("moment", [0.0, 0.03, 0.08, 0.2])
def test_a_stack_survives_kill_9(fresh, moment):
    fresh.start()
    made = []

    def create():
        made.append(fresh.client("cloudformation").create_stack(StackName="s", TemplateBody=TEMPLATE, Capabilities=CAPABILITIES)["StackId"])

    interrupted(fresh, create, moment)
    assert settled(fresh, made[0]) == "CREATE_COMPLETE"
    accounted(fresh, made[0])
    api = fresh.client("cloudformation").describe_stacks(StackName="s")["Stacks"][0]["Outputs"][0]["OutputValue"]
    assert fresh.raw("GET", f"/_aws/execute-api/{api}/Prod/hello").text == "GREETING"

    interrupted(fresh, lambda: fresh.client("cloudformation").update_stack(StackName="s", TemplateBody=CHANGED, Capabilities=CAPABILITIES), moment)
    assert settled(fresh, made[0]) == "UPDATE_COMPLETE"
    accounted(fresh, made[0])
    assert fresh.raw("GET", f"/_aws/execute-api/{api}/Prod/changed").text == "changed"

    interrupted(fresh, lambda: fresh.client("cloudformation").delete_stack(StackName="s"), moment)
    assert settled(fresh, made[0]) == "DELETE_COMPLETE"
    accounted(fresh, made[0])
    assert not any(everything(fresh).values())
    with pytest.raises(botocore.exceptions.ClientError, match="does not exist"):
        fresh.client("cloudformation").describe_stacks(StackName="s")


def test_a_failed_creation_that_is_interrupted_is_rolled_back(fresh):
    fresh.start()
    broken = TEMPLATE.replace("Runtime: python3.12", "Runtime: python3.12\n      MemorySize: 100000")
    for moment in (0.0, 0.05, 0.15):
        made = []
        interrupted(fresh, lambda made=made: made.append(
            fresh.client("cloudformation").create_stack(StackName="s", TemplateBody=broken, Capabilities=CAPABILITIES)["StackId"]), moment)
        assert settled(fresh, made[0]) == "ROLLBACK_COMPLETE"
        assert not any(everything(fresh).values()), everything(fresh)
        fresh.client("cloudformation").delete_stack(StackName="s")
        assert settled(fresh, made[0]) == "DELETE_COMPLETE"


TRUST = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
STREAMS = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "dynamodb:*", "Resource": "*"}]}
TIES = 6


def once():
    """Resources that are told apart by an id which only the answer to their creation has, or by what they stand in."""
    arn, signer = {"Fn::GetAtt": ["F", "Arn"]}, "arn:aws:signer:us-east-1:000000000000:/signing-profiles/" + "a" * 64 + "/1234567890"
    made = {
        "Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": TRUST, "Policies": [{"PolicyName": "p", "PolicyDocument": STREAMS}]}},
        "Table": {"Type": "AWS::DynamoDB::Table", "Properties": {"BillingMode": "PAY_PER_REQUEST", "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
                  "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}], "StreamSpecification": {"StreamViewType": "KEYS_ONLY"}}},
        "F": {"Type": "AWS::Lambda::Function", "Properties": {"Runtime": "python3.12", "Handler": "index.handler", "Role": {"Fn::GetAtt": ["Role", "Arn"]}, "Code": {"ZipFile": "def handler(event, context): return 1"}}},
        "Url": {"Type": "AWS::Lambda::Url", "Properties": {"AuthType": "AWS_IAM", "TargetFunctionArn": arn}},
        "Version": {"Type": "AWS::Lambda::Version", "Properties": {"FunctionName": {"Ref": "F"}, "Description": "first"}},
        "Mapping": {"Type": "AWS::Lambda::EventSourceMapping", "Properties": {"FunctionName": {"Ref": "F"}, "EventSourceArn": {"Fn::GetAtt": ["Table", "StreamArn"]}, "StartingPosition": "TRIM_HORIZON"}},
        "Signing": {"Type": "AWS::Lambda::CodeSigningConfig", "Properties": {"AllowedPublishers": {"SigningProfileVersionArns": [signer]}}},
        "Layer": {"Type": "AWS::Lambda::LayerVersion", "Properties": {"Content": {"S3Bucket": "code", "S3Key": "layer.zip"}}},
        "Group": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "named"}},
        "Stream": {"Type": "AWS::Logs::LogStream", "Properties": {"LogGroupName": {"Ref": "Group"}, "LogStreamName": "named"}},
        "User": {"Type": "AWS::IAM::User"},
        "Device": {"Type": "AWS::IAM::VirtualMFADevice", "Properties": {"Users": [{"Ref": "User"}], "VirtualMfaDeviceName": "named"}},
        "Profile": {"Type": "AWS::IAM::InstanceProfile", "Properties": {"InstanceProfileName": "named", "Roles": [{"Ref": "Role"}]}},
        "Linked": {"Type": "AWS::IAM::ServiceLinkedRole", "Properties": {"AWSServiceName": "autoscaling.amazonaws.com", "CustomSuffix": "named"}},
        "Analyzer": {"Type": "AWS::AccessAnalyzer::Analyzer", "Properties": {"AnalyzerName": "named", "Type": "ACCOUNT"}},
        "Rule": {"Type": "AWS::AccessAnalyzer::ArchiveRule", "DependsOn": "Analyzer", "Properties": {"AnalyzerName": "named", "RuleName": "r", "Filter": {"resourceType": {"Eq": ["AWS::S3::Bucket"]}}}},
        "Plan": {"Type": "AWS::ApiGateway::UsagePlan", "Properties": {"UsagePlanName": "named"}},
    }
    for n in range(TIES):
        made[f"Key{n}"] = {"Type": "AWS::ApiGateway::ApiKey", "Properties": {"Name": f"k{n}"}}
        made[f"Tie{n}"] = {"Type": "AWS::ApiGateway::UsagePlanKey", "Properties": {"KeyId": {"Ref": f"Key{n}"}, "KeyType": "API_KEY", "UsagePlanId": {"Ref": "Plan"}}}
    return json.dumps({"Resources": made})


def counted(platform):
    """How many there are of what `once` makes."""
    aws, gateway, iam, logs, analyzer = (platform.client(service) for service in ("lambda", "apigateway", "iam", "logs", "accessanalyzer"))
    functions, plans = aws.list_functions()["Functions"], gateway.get_usage_plans()["items"]
    named = [group for group in logs.describe_log_groups()["logGroups"] if group["logGroupName"] == "named"]
    analyzers = analyzer.list_analyzers()["analyzers"]
    return {
        "keys": len(gateway.get_api_keys()["items"]), "plans": len(plans), "ties": sum(len(gateway.get_usage_plan_keys(usagePlanId=plan["id"])["items"]) for plan in plans),
        "functions": len(functions), "mappings": len(aws.list_event_source_mappings()["EventSourceMappings"]), "signing": len(aws.list_code_signing_configs()["CodeSigningConfigs"]),
        "layers": sum(len(aws.list_layer_versions(LayerName=each["LayerName"])["LayerVersions"]) for each in aws.list_layers()["Layers"]),
        "urls": sum(len(aws.list_function_url_configs(FunctionName=each["FunctionName"])["FunctionUrlConfigs"]) for each in functions),
        "versions": sum(len(aws.list_versions_by_function(FunctionName=each["FunctionName"])["Versions"]) - 1 for each in functions),
        "streams": sum(len(logs.describe_log_streams(logGroupName="named")["logStreams"]) for _ in named), "devices": len(iam.list_virtual_mfa_devices()["VirtualMFADevices"]),
        "profiles": len(iam.list_instance_profiles()["InstanceProfiles"]), "linked": len(iam.list_roles(PathPrefix="/aws-service-role/autoscaling.amazonaws.com/")["Roles"]),
        "analyzers": len(analyzers), "rules": sum(len(analyzer.list_archive_rules(analyzerName=each["name"])["archiveRules"]) for each in analyzers),
    }


def test_what_was_about_to_be_made_is_found_again_and_made_once(fresh):
    fresh.start()
    fresh.client("s3").create_bucket(Bucket="code")
    fresh.client("s3").put_object(Bucket="code", Key="layer.zip", Body=package(x__py="x = 1"))
    empty, wanted = counted(fresh), {"keys": TIES, "ties": TIES}
    assert not any(empty.values()), empty
    for moment in (0.01, 0.03, 0.05, 0.07, 0.1, 0.15, 0.25):
        made = []
        interrupted(fresh, lambda made=made: made.append(fresh.client("cloudformation").create_stack(StackName="s", TemplateBody=once(), Capabilities=["CAPABILITY_NAMED_IAM"])["StackId"]), moment)
        ended = settled(fresh, made[0])
        told = [f"{e['LogicalResourceId']} {e.get('ResourceStatusReason')}" for e in fresh.client("cloudformation").describe_stack_events(StackName=made[0])["StackEvents"] if "FAILED" in e["ResourceStatus"]]
        assert ended == "CREATE_COMPLETE", (moment, told)
        found = counted(fresh)
        assert found == {**dict.fromkeys(found, 1), **wanted}, moment
        interrupted(fresh, lambda: fresh.client("cloudformation").delete_stack(StackName="s"), moment)
        assert settled(fresh, made[0]) == "DELETE_COMPLETE"
        assert counted(fresh) == empty, moment


def in_two_stacks(bucket, version, fails=False):
    """A table in a stack in a stack, named by what the outermost one gives along; its last resource may be refused."""
    given = {"Parameters": {"V": {"Type": "String"}}}
    table = {"Type": "AWS::DynamoDB::Table", "Properties": {"TableName": {"Fn::Sub": "inner-${V}"}, "BillingMode": "PAY_PER_REQUEST",
             "KeySchema": [{"AttributeName": "p", "KeyType": "HASH"}], "AttributeDefinitions": [{"AttributeName": "p", "AttributeType": "S"}]}}
    nested = {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": f"https://{bucket}.s3.amazonaws.com/inner.json", "Parameters": {"V": {"Ref": "V"}}}}
    middle = {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": f"https://{bucket}.s3.amazonaws.com/middle.json", "Parameters": {"V": version}}}
    refused = {"Type": "AWS::Logs::LogGroup", "DependsOn": "Middle", "Properties": {"RetentionInDays": 2}}
    return ({"inner.json": {**given, "Resources": {"T": table}}, "middle.json": {**given, "Resources": {"In": nested}}},
            json.dumps({"Resources": {"Middle": middle, **({"Bad": refused} if fails else {})}}))


@pytest.mark.parametrize("moment", [0.0, 0.1, 0.25])
def test_a_stack_two_deep_goes_back_once_whatever_interrupts_it(fresh, moment):
    fresh.start()
    fresh.client("s3").create_bucket(Bucket="nested")
    texts, template = in_two_stacks("nested", "0")
    for key, text in texts.items():
        fresh.client("s3").put_object(Bucket="nested", Key=key, Body=json.dumps(text))
    stack = fresh.client("cloudformation").create_stack(StackName="s", TemplateBody=template)["StackId"]
    assert settled(fresh, stack) == "CREATE_COMPLETE"
    fresh.client("cloudformation").update_stack(StackName="s", TemplateBody=in_two_stacks("nested", "2", fails=True)[1])
    # On a busy machine the way back may be over before it is seen.
    client = fresh.client("cloudformation")
    eventually(lambda: client.describe_stacks(StackName="s")["Stacks"][0]["StackStatus"].startswith("UPDATE_ROLLBACK_"), timeout_s=30)
    interrupted(fresh, lambda: None, moment)
    assert settled(fresh, stack) == "UPDATE_ROLLBACK_COMPLETE"
    assert fresh.client("dynamodb").list_tables()["TableNames"] == ["inner-0"]


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("moment", [0.0, 0.02, 0.05, 0.1, 0.2])
def test_a_nested_stack_keeps_what_it_replaced_until_the_root_has_ended(fresh, moment, fails):
    """Whatever moment the power goes at: the items are there, or the update is done. Three times over, as the moments differ."""
    fresh.start()
    fresh.client("s3").create_bucket(Bucket="nested")
    texts, template = in_two_stacks("nested", "0")
    for key, text in texts.items():
        fresh.client("s3").put_object(Bucket="nested", Key=key, Body=json.dumps(text))
    stack = fresh.client("cloudformation").create_stack(StackName="s", TemplateBody=template)["StackId"]
    assert settled(fresh, stack) == "CREATE_COMPLETE"
    fresh.client("dynamodb").put_item(TableName="inner-0", Item={"p": {"S": "x"}})
    for _ in range(1 if not fails else 3):
        interrupted(fresh, lambda: fresh.client("cloudformation").update_stack(StackName="s", TemplateBody=in_two_stacks("nested", "2", fails=fails)[1]), moment)
        ended = settled(fresh, stack)
        assert ended == ("UPDATE_ROLLBACK_COMPLETE" if fails else "UPDATE_COMPLETE")
        assert fresh.client("dynamodb").list_tables()["TableNames"] == (["inner-0"] if fails else ["inner-2"])
        assert not fails or fresh.client("dynamodb").scan(TableName="inner-0")["Count"] == 1
    stacks = fresh.client("cloudformation").describe_stacks()["Stacks"]
    assert {found["StackStatus"] for found in stacks} <= {ended, "UPDATE_COMPLETE", "CREATE_COMPLETE"}, stacks


def waiting(bucket):
    """Stacks in stacks in a stack; where `Waits` is set, the innermost wait for what never comes."""
    given = {"Parameters": {"Waits": {"Type": "String"}}}
    wait = {"Type": "AWS::CloudFormation::WaitCondition", "Condition": "Waiting", "Properties": {"Handle": {"Ref": "H"}, "Timeout": "43200"}}
    inner = {**given, "Conditions": {"Waiting": {"Fn::Equals": [{"Ref": "Waits"}, "yes"]}}, "Resources": {"H": {"Type": "AWS::CloudFormation::WaitConditionHandle"}, "W": wait}}
    of = lambda key, waits: {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": f"https://{bucket}.s3.amazonaws.com/{key}", "Parameters": {"Waits": waits}}}
    middle = {**given, "Resources": {f"In{n}": of("inner.json", {"Ref": "Waits"}) for n in range(3)}}
    outer = lambda waits: json.dumps({"Resources": {f"Mid{n}": of("middle.json", waits) for n in range(3)}})
    return {"inner.json": inner, "middle.json": middle}, outer


def test_an_update_that_was_cancelled_ends_in_stacks_within_it_too(fresh):
    fresh.start()
    client = fresh.client("cloudformation")
    fresh.client("s3").create_bucket(Bucket="waiting")
    texts, outer = waiting("waiting")
    for key, text in texts.items():
        fresh.client("s3").put_object(Bucket="waiting", Key=key, Body=json.dumps(text))
    client.create_stack(StackName="s", TemplateBody=outer("no"))
    assert settled(fresh, "s") == "CREATE_COMPLETE"
    client.update_stack(StackName="s", TemplateBody=outer("yes"))
    stacks = lambda: [s["StackStatus"] for page in client.get_paginator("describe_stacks").paginate() for s in page["Stacks"]]
    eventually(lambda: stacks().count("UPDATE_IN_PROGRESS") == 13)
    client.cancel_update_stack(StackName="s")
    fresh.kill()
    fresh.start()
    client = fresh.client("cloudformation")
    assert settled(fresh, "s") == "UPDATE_ROLLBACK_COMPLETE"
    # By their own way back, or by an update to what they were.
    assert set(stacks()) <= {"UPDATE_ROLLBACK_COMPLETE", "UPDATE_COMPLETE"}, stacks()
    listed = [r for page in client.get_paginator("describe_stacks").paginate() for s in page["Stacks"] for r in client.describe_stack_resources(StackName=s["StackId"])["StackResources"]]
    there = [r["LogicalResourceId"] for r in listed if r["ResourceStatus"] != "DELETE_COMPLETE"]
    assert there.count("H") == 9 and "W" not in there


def test_keys_and_deployments_that_nothing_marks_are_made_once(fresh):
    fresh.start()
    made = {"Api": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": "a"}},
            "Method": {"Type": "AWS::ApiGateway::Method", "Properties": {"RestApiId": {"Ref": "Api"}, "ResourceId": {"Fn::GetAtt": ["Api", "RootResourceId"]}, "HttpMethod": "GET",
                       "AuthorizationType": "NONE", "Integration": {"Type": "MOCK"}}},
            "Deployment": {"Type": "AWS::ApiGateway::Deployment", "DependsOn": "Method", "Properties": {"RestApiId": {"Ref": "Api"}}}}
    for n in range(25):
        made[f"User{n}"] = {"Type": "AWS::IAM::User"}
        made[f"Key{n}"] = {"Type": "AWS::IAM::AccessKey", "Properties": {"UserName": {"Ref": f"User{n}"}}}
    for moment in (0.0, 0.02, 0.04, 0.06, 0.08, 0.1, 0.13, 0.16, 0.2):
        ids = []
        interrupted(fresh, lambda ids=ids: ids.append(fresh.client("cloudformation").create_stack(StackName="s", TemplateBody=json.dumps({"Resources": made}), Capabilities=["CAPABILITY_IAM"])["StackId"]), moment)
        assert settled(fresh, ids[0]) == "CREATE_COMPLETE", moment
        iam, gateway, client = fresh.client("iam"), fresh.client("apigateway"), fresh.client("cloudformation")
        users = [user["UserName"] for user in iam.list_users()["Users"] if user["UserName"].startswith("s-")]
        keys = sorted(key["AccessKeyId"] for user in users for key in iam.list_access_keys(UserName=user)["AccessKeyMetadata"])
        listed = sorted(r["PhysicalResourceId"] for r in client.describe_stack_resources(StackName="s")["StackResources"] if r["ResourceType"] == "AWS::IAM::AccessKey")
        assert keys == listed, moment
        [api] = gateway.get_rest_apis()["items"]
        assert len(gateway.get_deployments(restApiId=api["id"])["items"]) == 1, moment
        client.delete_stack(StackName="s")
        assert settled(fresh, ids[0]) == "DELETE_COMPLETE", moment


def test_what_others_hold_and_nothing_marks_is_made_once(fresh):
    """Layers of one name, keys of a user and parts of an API that are no stack's: of nothing here a tag tells whose it is."""
    fresh.start()
    s3, iam, gateway, aws, client = (fresh.client(service) for service in ("s3", "iam", "apigateway", "lambda", "cloudformation"))
    s3.create_bucket(Bucket="code")
    s3.put_object(Bucket="code", Key="layer.zip", Body=package(x__py="x = 1"))
    theirs = aws.publish_layer_version(LayerName="shared", Description="theirs", Content={"S3Bucket": "code", "S3Key": "layer.zip"})["LayerVersionArn"]
    iam.create_user(UserName="someone")
    api = gateway.create_rest_api(name="theirs")["id"]
    root = gateway.get_resources(restApiId=api)["items"][0]["id"]
    made = {"Key": {"Type": "AWS::IAM::AccessKey", "Properties": {"UserName": "someone"}},
            "Deployment": {"Type": "AWS::ApiGateway::Deployment", "DependsOn": "Method", "Properties": {"RestApiId": api}},
            "Validator": {"Type": "AWS::ApiGateway::RequestValidator", "Properties": {"RestApiId": api}},
            "Model": {"Type": "AWS::ApiGateway::Model", "Properties": {"RestApiId": api, "Name": "m", "ContentType": "application/json"}},
            "Part": {"Type": "AWS::ApiGateway::Resource", "Properties": {"RestApiId": api, "ParentId": root, "PathPart": "part"}},
            "Method": {"Type": "AWS::ApiGateway::Method", "Properties": {"RestApiId": api, "ResourceId": {"Ref": "Part"}, "HttpMethod": "GET", "AuthorizationType": "NONE", "Integration": {"Type": "MOCK"}}}}
    for n in range(30):
        made[f"Layer{n}"] = {"Type": "AWS::Lambda::LayerVersion", "Properties": {"LayerName": f"named-{n}" if n % 2 else "shared", "Content": {"S3Bucket": "code", "S3Key": "layer.zip"}}}

    def there():
        aws, gateway, iam = (fresh.client(service) for service in ("lambda", "apigateway", "iam"))
        layers = [version["LayerVersionArn"] for layer in aws.list_layers()["Layers"] for version in aws.list_layer_versions(LayerName=layer["LayerName"])["LayerVersions"]]
        return {"layers": sorted(layers), "keys": [key["AccessKeyId"] for key in iam.list_access_keys(UserName="someone")["AccessKeyMetadata"]],
                "deployments": [each["id"] for each in gateway.get_deployments(restApiId=api)["items"]], "validators": [each["id"] for each in gateway.get_request_validators(restApiId=api)["items"]],
                "resources": sorted(each["id"] for each in gateway.get_resources(restApiId=api)["items"])}

    before = there()
    assert before["layers"] == [theirs]
    for moment in (0.0, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15):
        ids = []
        interrupted(fresh, lambda ids=ids: ids.append(fresh.client("cloudformation").create_stack(StackName="s", TemplateBody=json.dumps({"Resources": made}), Capabilities=["CAPABILITY_IAM"])["StackId"]), moment)
        client = fresh.client("cloudformation")
        ended = settled(fresh, ids[0])
        told = [f"{e['LogicalResourceId']} {e.get('ResourceStatusReason')}" for e in client.describe_stack_events(StackName=ids[0])["StackEvents"] if "FAILED" in e["ResourceStatus"]]
        assert ended == "CREATE_COMPLETE", (moment, told)
        held = {}
        for resource in client.describe_stack_resources(StackName="s")["StackResources"]:
            held.setdefault(resource["ResourceType"].rpartition("::")[2], []).append(resource["PhysicalResourceId"])
        now = there()
        assert now["layers"] == sorted([theirs, *held["LayerVersion"]]), moment
        assert (now["keys"], now["deployments"], now["validators"]) == (held["AccessKey"], held["Deployment"], held["RequestValidator"]), moment
        assert now["resources"] == sorted([*before["resources"], *held["Resource"]]), moment
        interrupted(fresh, lambda: fresh.client("cloudformation").delete_stack(StackName="s"), moment)
        assert settled(fresh, ids[0]) == "DELETE_COMPLETE", moment
        assert there() == before, moment


def test_who_was_in_a_group_before_stays_in_it(fresh):
    """A change that fails at its last user puts users into a group of whom two are there by hand: whatever interrupts it, those stay."""
    fresh.start()
    users = [f"u{n}" for n in range(10)]
    fresh.client("iam").create_group(GroupName="crew")
    for user in users:
        fresh.client("iam").create_user(UserName=user)

    def template(names):
        return json.dumps({"Resources": {"Members": {"Type": "AWS::IAM::UserToGroupAddition", "Properties": {"GroupName": "crew", "Users": names}}}})

    def members():
        return sorted(user["UserName"] for user in fresh.client("iam").get_group(GroupName="crew")["Users"])

    stack = fresh.client("cloudformation").create_stack(StackName="s", TemplateBody=template(["u0"]), Capabilities=["CAPABILITY_IAM"])["StackId"]
    assert settled(fresh, stack) == "CREATE_COMPLETE"
    for user in ("u3", "u7"):
        fresh.client("iam").add_user_to_group(GroupName="crew", UserName=user)
    for moment in (0.0, 0.005, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1):
        interrupted(fresh, lambda: fresh.client("cloudformation").update_stack(StackName="s", TemplateBody=template([*users, "nobody"]), Capabilities=["CAPABILITY_IAM"]), moment)
        assert settled(fresh, stack) == "UPDATE_ROLLBACK_COMPLETE", moment
        assert members() == ["u0", "u3", "u7"], moment
