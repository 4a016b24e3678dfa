"""Drift: what was changed by hand is found, property by property, for each type; and nothing is found where nothing was."""

import io
import json
import zipfile

import pytest

from stacks import client, settled  # noqa: F401
from support import eventually, refused

CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"]
TRUST = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": ["lambda.amazonaws.com"]}, "Action": "sts:AssumeRole"}]}
LIST = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["dynamodb:ListTables"], "Resource": "*"}]}
MORE = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["dynamodb:ListTables", "s3:ListAllMyBuckets"], "Resource": "*"}]}
ROLE = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": TRUST}}
CODE = "def handler(event, context): return 1"


def told(client, stack):
    return [f"{e['LogicalResourceId']} {e['ResourceStatus']} {e.get('ResourceStatusReason')}" for e in client.describe_stack_events(StackName=stack)["StackEvents"] if "FAILED" in e["ResourceStatus"]]


@pytest.fixture
def deploy(client, name):
    """Makes this test's stack, and answers the physical ids of its resources."""
    made = []

    def run(resources, parameters=None, values=None, **more):
        body = {"Resources": resources, **({"Parameters": parameters} if parameters else {})}
        given = [{"ParameterKey": key, "ParameterValue": value} for key, value in (values or {}).items()]
        call, wanted = (client.update_stack, "UPDATE_COMPLETE") if made else (client.create_stack, "CREATE_COMPLETE")
        made.append(call(StackName=name, TemplateBody=json.dumps(body), Capabilities=CAPABILITIES, Parameters=given, **more)["StackId"])
        assert settled(client, made[0]) == wanted, told(client, made[0])
        return {r["LogicalResourceId"]: r["PhysicalResourceId"] for r in client.describe_stack_resources(StackName=name)["StackResources"]}

    yield run
    if made:
        client.delete_stack(StackName=made[0])
        assert settled(client, made[0]) in ("DELETE_COMPLETE", "DELETE_FAILED")


def detect(client, stack, **only):
    """Checks a stack, and answers the outcome and what was found of each resource."""
    detection = client.detect_stack_drift(StackName=stack, **only)["StackDriftDetectionId"]

    def ended():
        found = client.describe_stack_drift_detection_status(StackDriftDetectionId=detection)
        return None if found["DetectionStatus"] == "DETECTION_IN_PROGRESS" else found
    outcome = eventually(ended, timeout_s=30)
    drifts = [d for page in [client.describe_stack_resource_drifts(StackName=stack)] for d in page["StackResourceDrifts"]]
    return outcome, {drift["LogicalResourceId"]: drift for drift in drifts}


def differences(drift):
    def plain(text):
        # Values that are no scalars are JSON, whose members have no order.
        return json.dumps(json.loads(text), sort_keys=True, separators=(",", ":")) if text.startswith("{") else text
    return sorted((d["DifferenceType"], d["PropertyPath"], plain(d["ExpectedValue"]), plain(d["ActualValue"])) for d in drift["PropertyDifferences"])


def check(client, name, found, wanted):
    """Every resource is in sync but those of `wanted`, which differ as it says."""
    outcome, drifts = found
    assert outcome["DetectionStatus"] == "DETECTION_COMPLETE", outcome
    assert {i: differences(d) for i, d in drifts.items() if d["StackResourceDriftStatus"] == "MODIFIED"} == wanted
    assert outcome["StackDriftStatus"] == ("DRIFTED" if wanted else "IN_SYNC") and outcome["DriftedStackResourceCount"] == len(wanted)
    assert client.describe_stacks(StackName=name)["Stacks"][0]["DriftInformation"]["StackDriftStatus"] == outcome["StackDriftStatus"]


def test_identities_changed_by_hand_are_found(platform, client, deploy, name):
    iam = platform.client("iam")
    resources = {
        "Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": TRUST, "Description": "first", "MaxSessionDuration": "3600", "Tags": [{"Key": "a", "Value": "1"}],
                 "ManagedPolicyArns": ["arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"], "Policies": [{"PolicyName": "own", "PolicyDocument": LIST}]}},
        "User": {"Type": "AWS::IAM::User", "Properties": {"Path": "/p/", "Groups": [{"Ref": "Group"}], "Policies": [{"PolicyName": "own", "PolicyDocument": LIST}], "Tags": [{"Key": "a", "Value": "1"}]}},
        "Group": {"Type": "AWS::IAM::Group", "Properties": {"Policies": [{"PolicyName": "own", "PolicyDocument": LIST}]}},
        "Managed": {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": LIST, "Roles": [{"Ref": "Role"}], "Description": "d"}},
        "Inline": {"Type": "AWS::IAM::Policy", "Properties": {"PolicyName": "shared", "PolicyDocument": LIST, "Roles": [{"Ref": "Role"}], "Users": [{"Ref": "User"}]}},
        "OfRole": {"Type": "AWS::IAM::RolePolicy", "Properties": {"PolicyName": "of-role", "RoleName": {"Ref": "Role"}, "PolicyDocument": LIST}},
        "OfUser": {"Type": "AWS::IAM::UserPolicy", "Properties": {"PolicyName": "of-user", "UserName": {"Ref": "User"}, "PolicyDocument": LIST}},
        "OfGroup": {"Type": "AWS::IAM::GroupPolicy", "Properties": {"PolicyName": "of-group", "GroupName": {"Ref": "Group"}, "PolicyDocument": LIST}},
        "Other": {"Type": "AWS::IAM::Group"},
        "Members": {"Type": "AWS::IAM::UserToGroupAddition", "Properties": {"GroupName": {"Ref": "Other"}, "Users": [{"Ref": "User"}]}},
        "Key": {"Type": "AWS::IAM::AccessKey", "Properties": {"UserName": {"Ref": "User"}, "Status": "Active"}},
        "Profile": {"Type": "AWS::IAM::InstanceProfile", "Properties": {"Roles": [{"Ref": "Role"}]}},
    }
    ids = deploy(resources, Tags=[{"Key": "of-the-stack", "Value": "x"}])
    # What others of the stack attached is no drift, nor are the platform's tags.
    check(client, name, detect(client, name), {})
    iam.update_role(RoleName=ids["Role"], Description="second", MaxSessionDuration=3600)
    iam.attach_role_policy(RoleName=ids["Role"], PolicyArn="arn:aws:iam::aws:policy/service-role/AWSLambdaDynamoDBExecutionRole")
    iam.put_role_policy(RoleName=ids["Role"], PolicyName="own", PolicyDocument=json.dumps(MORE))
    iam.untag_role(RoleName=ids["Role"], TagKeys=["a"])
    iam.remove_user_from_group(GroupName=ids["Group"], UserName=ids["User"])
    iam.remove_user_from_group(GroupName=ids["Other"], UserName=ids["User"])
    iam.put_group_policy(GroupName=ids["Group"], PolicyName="another", PolicyDocument=json.dumps(LIST))
    iam.create_policy_version(PolicyArn=ids["Managed"], PolicyDocument=json.dumps(MORE), SetAsDefault=True)
    iam.put_user_policy(UserName=ids["User"], PolicyName="shared", PolicyDocument=json.dumps(MORE))
    for kind, member in (("role", "RoleName"), ("user", "UserName"), ("group", "GroupName")):
        getattr(iam, f"put_{kind}_policy")(**{member: ids[kind.capitalize()]}, PolicyName=f"of-{kind}", PolicyDocument=json.dumps(MORE))
    iam.update_access_key(UserName=ids["User"], AccessKeyId=ids["Key"], Status="Inactive")
    iam.remove_role_from_instance_profile(InstanceProfileName=ids["Profile"], RoleName=ids["Role"])
    added = ("ADD", "/PolicyDocument/Statement/0/Action/1", "null", "s3:ListAllMyBuckets")
    check(client, name, detect(client, name), {
        "Role": sorted([("NOT_EQUAL", "/Description", "first", "second"), ("ADD", "/ManagedPolicyArns/1", "null", "arn:aws:iam::aws:policy/service-role/AWSLambdaDynamoDBExecutionRole"),
                        ("ADD", "/Policies/0/PolicyDocument/Statement/0/Action/1", "null", "s3:ListAllMyBuckets"),
                        ("REMOVE", "/Tags/0", '{"Key":"a","Value":"1"}', "null")]),
        "User": [("REMOVE", "/Groups/0", ids["Group"], "null")],
        "Group": [("ADD", "/Policies/0", "null", json.dumps({"PolicyName": "another", "PolicyDocument": LIST}, sort_keys=True, separators=(",", ":")))],
        "Managed": [added], "Inline": [added], "OfRole": [added], "OfUser": [added], "OfGroup": [added],
        "Members": [("REMOVE", "/Users/0", ids["User"], "null")],
        "Key": [("NOT_EQUAL", "/Status", "Active", "Inactive")],
        "Profile": [("REMOVE", "/Roles/0", ids["Role"], "null")],
    })


def test_functions_changed_by_hand_are_found(platform, client, deploy, name):
    aws = platform.client("lambda")
    arn = {"Fn::GetAtt": ["F", "Arn"]}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("x.py", "x = 1")
    s3 = platform.client("s3")
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="layer.zip", Body=packed.getvalue())
    resources = {
        "Role": ROLE,
        "Table": {"Type": "AWS::DynamoDB::Table", "Properties": {"BillingMode": "PAY_PER_REQUEST", "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
                  "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}], "StreamSpecification": {"StreamViewType": "KEYS_ONLY"}}},
        "MayRead": {"Type": "AWS::IAM::RolePolicy", "Properties": {"PolicyName": "stream", "RoleName": {"Ref": "Role"}, "PolicyDocument": {
            "Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "dynamodb:*", "Resource": "*"}]}}},
        "F": {"Type": "AWS::Lambda::Function", "Properties": {"Runtime": "python3.12", "Handler": "index.handler", "Role": {"Fn::GetAtt": ["Role", "Arn"]}, "Code": {"ZipFile": CODE},
              "Timeout": "5", "MemorySize": 128, "Environment": {"Variables": {"AA": "1", "NN": 5}}, "Tags": [{"Key": "a", "Value": "1"}], "ReservedConcurrentExecutions": 3,
              "Layers": [{"Ref": "Layer"}], "TracingConfig": {"Mode": "PassThrough"}, "Architectures": ["x86_64"], "EphemeralStorage": {"Size": 512}}},
        "V": {"Type": "AWS::Lambda::Version", "Properties": {"FunctionName": {"Ref": "F"}, "Description": "one"}},
        "Alias": {"Type": "AWS::Lambda::Alias", "Properties": {"FunctionName": {"Ref": "F"}, "FunctionVersion": {"Fn::GetAtt": ["V", "Version"]}, "Name": "live", "Description": "d"}},
        "Permission": {"Type": "AWS::Lambda::Permission", "Properties": {"FunctionName": arn, "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com",
                       "SourceAccount": "000000000000", "SourceArn": "arn:aws:s3:::b"}},
        "Account": {"Type": "AWS::Lambda::Permission", "Properties": {"FunctionName": {"Ref": "F"}, "Action": "lambda:InvokeFunction", "Principal": "000000000000"}},
        "Url": {"Type": "AWS::Lambda::Url", "Properties": {"TargetFunctionArn": arn, "AuthType": "AWS_IAM", "Cors": {"AllowOrigins": ["https://a.example"], "MaxAge": "60"}}},
        "Config": {"Type": "AWS::Lambda::EventInvokeConfig", "Properties": {"FunctionName": {"Ref": "F"}, "Qualifier": "$LATEST", "MaximumRetryAttempts": 0}},
        "Mapping": {"Type": "AWS::Lambda::EventSourceMapping", "DependsOn": "MayRead", "Properties": {"FunctionName": {"Ref": "F"}, "EventSourceArn": {"Fn::GetAtt": ["Table", "StreamArn"]},
                    "StartingPosition": "LATEST", "BatchSize": 10, "Enabled": True}},
        "Layer": {"Type": "AWS::Lambda::LayerVersion", "Properties": {"Content": {"S3Bucket": name, "S3Key": "layer.zip"}, "CompatibleRuntimes": ["python3.12"], "Description": "d"}},
        "MayLayer": {"Type": "AWS::Lambda::LayerVersionPermission", "Properties": {"Action": "lambda:GetLayerVersion", "LayerVersionArn": {"Ref": "Layer"}, "Principal": "000000000000"}},
    }
    ids = deploy(resources)
    check(client, name, detect(client, name), {})
    aws.update_function_configuration(FunctionName=ids["F"], Timeout=6, Environment={"Variables": {"AA": "2", "NN": "5", "BB": "3"}}, Layers=[])
    aws.delete_function_concurrency(FunctionName=ids["F"])
    aws.tag_resource(Resource=aws.get_function(FunctionName=ids["F"])["Configuration"]["FunctionArn"], Tags={"a": "2"})
    aws.update_alias(FunctionName=ids["F"], Name="live", Description="e", FunctionVersion="1")
    aws.remove_permission(FunctionName=ids["F"], StatementId=ids["Permission"])
    aws.add_permission(FunctionName=ids["F"], StatementId=ids["Permission"], Action="lambda:InvokeFunction", Principal="s3.amazonaws.com", SourceAccount="000000000000", SourceArn="arn:aws:s3:::c")
    aws.update_function_url_config(FunctionName=ids["F"], AuthType="NONE", Cors={"AllowOrigins": ["https://b.example"], "MaxAge": 60})
    aws.put_function_event_invoke_config(FunctionName=ids["F"], MaximumRetryAttempts=2)
    aws.update_event_source_mapping(UUID=ids["Mapping"], BatchSize=20, Enabled=False)
    layer, _, number = ids["Layer"].rpartition(":")
    aws.remove_layer_version_permission(LayerName=layer, VersionNumber=int(number), StatementId=ids["MayLayer"])
    outcome, drifts = detect(client, name)
    assert drifts["MayLayer"]["StackResourceDriftStatus"] == "DELETED" and outcome["DriftedStackResourceCount"] == 7
    assert {i: differences(d) for i, d in drifts.items() if d["StackResourceDriftStatus"] == "MODIFIED"} == {
        "F": sorted([("NOT_EQUAL", "/Timeout", "5", "6"), ("NOT_EQUAL", "/Environment/Variables/AA", "1", "2"), ("ADD", "/Environment/Variables/BB", "null", "3"),
                     ("REMOVE", "/Layers/0", ids["Layer"], "null"), ("REMOVE", "/ReservedConcurrentExecutions", "3", "null"), ("NOT_EQUAL", "/Tags/0/Value", "1", "2")]),
        "Alias": [("NOT_EQUAL", "/Description", "d", "e")],
        "Permission": [("NOT_EQUAL", "/SourceArn", "arn:aws:s3:::b", "arn:aws:s3:::c")],
        "Url": sorted([("NOT_EQUAL", "/AuthType", "AWS_IAM", "NONE"), ("REMOVE", "/Cors/AllowOrigins/0", "https://a.example", "null"),
                       ("ADD", "/Cors/AllowOrigins/0", "null", "https://b.example")]),
        "Config": [("NOT_EQUAL", "/MaximumRetryAttempts", "0", "2")],
        "Mapping": sorted([("NOT_EQUAL", "/BatchSize", "10", "20"), ("NOT_EQUAL", "/Enabled", "true", "false")]),
    }
    s3.delete_object(Bucket=name, Key="layer.zip")
    s3.delete_bucket(Bucket=name)


def test_apis_changed_by_hand_are_found(platform, client, deploy, name):
    aws = platform.client("apigateway")
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "execute-api:Invoke", "Resource": "execute-api:/*"}]}
    uri = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:000000000000:function:f/invocations"
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": ["apigateway.amazonaws.com"]}, "Action": "sts:AssumeRole"}]}
    tags, api = [{"Key": "a", "Value": "1"}], {"RestApiId": {"Ref": "Api"}}
    answer = {"StatusCode": 200, "ResponseTemplates": {"application/json": "{}"}}
    resources = {
        "Api": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": name, "Description": "d", "BinaryMediaTypes": ["image~1png"], "Policy": policy, "ApiKeySourceType": "HEADER", "Version": "v1",
                "EndpointConfiguration": {"Types": ["REGIONAL"]}, "Tags": tags}},
        "Pets": {"Type": "AWS::ApiGateway::Resource", "Properties": {**api, "ParentId": {"Fn::GetAtt": ["Api", "RootResourceId"]}, "PathPart": "pets"}},
        "Model": {"Type": "AWS::ApiGateway::Model", "Properties": {**api, "ContentType": "application/json", "Schema": {"type": "object"}}},
        "Validator": {"Type": "AWS::ApiGateway::RequestValidator", "Properties": {**api, "Name": "v", "ValidateRequestBody": True, "ValidateRequestParameters": "false"}},
        "Get": {"Type": "AWS::ApiGateway::Method", "Properties": {**api, "ResourceId": {"Ref": "Pets"}, "HttpMethod": "GET", "RequestParameters": {"method.request.querystring.q": True},
                "RequestModels": {"application/json": {"Ref": "Model"}}, "RequestValidatorId": {"Ref": "Validator"}, "MethodResponses": [{"StatusCode": 200, "ResponseModels": {"application/json": "Empty"}}],
                "Integration": {"Type": "MOCK", "RequestTemplates": {"application/json": '{"statusCode": 200}'}, "IntegrationResponses": [answer], "ConnectionType": "INTERNET"}}},
        "Answer": {"Type": "AWS::ApiGateway::GatewayResponse", "Properties": {**api, "ResponseType": "DEFAULT_4XX", "StatusCode": 418, "ResponseParameters": {"gatewayresponse.header.X": "'y'"}}},
        "Doorman": {"Type": "AWS::ApiGateway::Authorizer", "Properties": {**api, "Name": "n", "Type": "TOKEN", "AuthorizerUri": uri, "IdentitySource": "method.request.header.Token", "AuthorizerResultTtlInSeconds": 10}},
        "Deployment": {"Type": "AWS::ApiGateway::Deployment", "DependsOn": ["Get", "Answer"], "Properties": {**api, "Description": "one"}},
        "Stage": {"Type": "AWS::ApiGateway::Stage", "Properties": {**api, "StageName": "prod", "DeploymentId": {"Ref": "Deployment"}, "Variables": {"a": "1"}, "Tags": tags, "TracingEnabled": False,
                  "MethodSettings": [{"ResourcePath": "/*", "HttpMethod": "*", "ThrottlingBurstLimit": 5, "ThrottlingRateLimit": "2.5"}, {"ResourcePath": "/~1pets", "HttpMethod": "GET", "MetricsEnabled": True}]}},
        "Key": {"Type": "AWS::ApiGateway::ApiKey", "Properties": {"Name": name, "Description": "d", "Enabled": True, "Value": "k" * 30, "Tags": tags}},
        "Plan": {"Type": "AWS::ApiGateway::UsagePlan", "Properties": {"UsagePlanName": name, "Quota": {"Limit": 100, "Period": "DAY"}, "Throttle": {"BurstLimit": 3, "RateLimit": 2}, "Tags": tags,
                 "ApiStages": [{"ApiId": {"Ref": "Api"}, "Stage": {"Ref": "Stage"}, "Throttle": {"/pets/GET": {"BurstLimit": 1, "RateLimit": 1.5}}}]}},
        "Tie": {"Type": "AWS::ApiGateway::UsagePlanKey", "Properties": {"KeyId": {"Ref": "Key"}, "KeyType": "API_KEY", "UsagePlanId": {"Ref": "Plan"}}},
        "Writer": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": trust}},
        "Account": {"Type": "AWS::ApiGateway::Account", "Properties": {"CloudWatchRoleArn": {"Fn::GetAtt": ["Writer", "Arn"]}}},
    }
    ids = deploy(resources)
    check(client, name, detect(client, name), {})
    of = {"restApiId": ids["Api"]}

    def one(path, value):
        return [{"op": "replace", "path": path, "value": value}]

    aws.update_rest_api(**of, patchOperations=[*one("/description", "e"), *one("/version", "v2"), {"op": "add", "path": "/binaryMediaTypes/image~1gif"}, *one("/policy", json.dumps({**policy, "Statement": [{**policy["Statement"][0], "Resource": "execute-api:/prod/*"}]}))])
    aws.tag_resource(resourceArn=f"arn:aws:apigateway:us-east-1::/restapis/{ids['Api']}", tags={"a": "2"})
    aws.update_model(**of, modelName=ids["Model"], patchOperations=one("/schema", '{"type": "array"}'))
    aws.update_request_validator(**of, requestValidatorId=ids["Validator"], patchOperations=one("/validateRequestBody", "false"))
    method = {**of, "resourceId": ids["Pets"], "httpMethod": "GET"}
    aws.update_method(**method, patchOperations=[{"op": "add", "path": "/requestParameters/method.request.header.h", "value": "true"}, *one("/apiKeyRequired", "true")])
    aws.update_integration_response(**method, statusCode="200", patchOperations=one("/selectionPattern", "x"))
    aws.update_integration_response(**method, statusCode="200", patchOperations=one("/responseTemplates/application~1json", "[]"))
    aws.put_method_response(**method, statusCode="500")
    aws.update_resource(**of, resourceId=ids["Pets"], patchOperations=one("/pathPart", "dogs"))
    aws.update_gateway_response(**of, responseType="DEFAULT_4XX", patchOperations=one("/statusCode", "404"))
    aws.update_authorizer(**of, authorizerId=ids["Doorman"], patchOperations=one("/authorizerResultTtlInSeconds", "20"))
    aws.update_deployment(**of, deploymentId=ids["Deployment"], patchOperations=one("/description", "two"))
    aws.update_stage(**of, stageName="prod", patchOperations=[*one("/variables/b", "2"), *one("/*/*/throttling/burstLimit", "6")])
    aws.update_api_key(apiKey=ids["Key"], patchOperations=one("/enabled", "false"))
    aws.update_usage_plan(usagePlanId=ids["Plan"], patchOperations=[*one("/quota/limit", "200"), *one(f"/apiStages/{ids['Api']}:prod/throttle/~1pets/GET/rateLimit", "9")])
    aws.delete_usage_plan_key(usagePlanId=ids["Plan"], keyId=ids["Key"])
    aws.update_account(patchOperations=one("/cloudwatchRoleArn", ""))
    _, drifts = detect(client, name)
    assert drifts["Tie"]["StackResourceDriftStatus"] == "DELETED" and "k" * 30 not in json.dumps(drifts, default=str)
    role = json.loads(drifts["Account"]["ExpectedProperties"])["CloudWatchRoleArn"]
    assert {i: differences(d) for i, d in drifts.items() if d["StackResourceDriftStatus"] == "MODIFIED"} == {
        "Api": sorted([("NOT_EQUAL", "/Description", "d", "e"), ("NOT_EQUAL", "/Version", "v1", "v2"), ("ADD", "/BinaryMediaTypes/1", "null", "image/gif"), ("NOT_EQUAL", "/Policy/Statement/0/Resource", "execute-api:/*", "execute-api:/prod/*"),
                       ("NOT_EQUAL", "/Tags/0/Value", "1", "2")]),
        "Model": [("NOT_EQUAL", "/Schema/type", "object", "array")],
        "Validator": [("NOT_EQUAL", "/ValidateRequestBody", "true", "false")],
        "Get": sorted([("ADD", "/RequestParameters/method.request.header.h", "null", "true"), ("NOT_EQUAL", "/Integration/IntegrationResponses/0/ResponseTemplates/application~1json", "{}", "[]"),
                       ("ADD", "/MethodResponses/1", "null", '{"StatusCode":"500"}')]),
        "Pets": [("NOT_EQUAL", "/PathPart", "pets", "dogs")],
        "Answer": [("NOT_EQUAL", "/StatusCode", "418", "404")],
        "Doorman": [("NOT_EQUAL", "/AuthorizerResultTtlInSeconds", "10", "20")],
        "Deployment": [("NOT_EQUAL", "/Description", "one", "two")],
        "Stage": sorted([("ADD", "/Variables/b", "null", "2"), ("NOT_EQUAL", "/MethodSettings/0/ThrottlingBurstLimit", "5", "6")]),
        "Key": [("NOT_EQUAL", "/Enabled", "true", "false")],
        "Plan": sorted([("NOT_EQUAL", "/Quota/Limit", "100", "200"), ("NOT_EQUAL", "/ApiStages/0/Throttle/~1pets~1GET/RateLimit", "1.5", "9.0")]),
        "Account": [("REMOVE", "/CloudWatchRoleArn", role, "null")],
    }


def test_data_changed_by_hand_is_found(platform, client, deploy, name):
    dynamodb, s3, logs = (platform.client(service) for service in ("dynamodb", "s3", "logs"))
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "000000000000"}, "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{name}/*"}]}
    index = {"KeySchema": [{"AttributeName": "a", "KeyType": "HASH"}], "Projection": {"ProjectionType": "ALL"}}
    resources = {
        "Table": {"Type": "AWS::DynamoDB::Table", "Properties": {"BillingMode": "PAY_PER_REQUEST", "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}], "TableClass": "STANDARD",
                  "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}, {"AttributeName": "a", "AttributeType": "S"}], "DeletionProtectionEnabled": False,
                  "GlobalSecondaryIndexes": [{"IndexName": "by-a", **index}], "StreamSpecification": {"StreamViewType": "NEW_IMAGE"}, "Tags": [{"Key": "a", "Value": "1"}],
                  "TimeToLiveSpecification": {"AttributeName": "ends", "Enabled": False}, "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True}}},
        "Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": name, "VersioningConfiguration": {"Status": "Enabled"}, "Tags": [{"Key": "a", "Value": "1"}],
                   "PublicAccessBlockConfiguration": {"BlockPublicAcls": True, "BlockPublicPolicy": True, "IgnorePublicAcls": True, "RestrictPublicBuckets": True},
                   "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
                   "BucketEncryption": {"ServerSideEncryptionConfiguration": [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}}},
        "Policy": {"Type": "AWS::S3::BucketPolicy", "Properties": {"Bucket": {"Ref": "Bucket"}, "PolicyDocument": policy}},
        "Group": {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": 7, "Tags": [{"Key": "a", "Value": "1"}]}},
        "Stream": {"Type": "AWS::Logs::LogStream", "Properties": {"LogGroupName": {"Ref": "Group"}, "LogStreamName": "s"}},
    }
    ids = deploy(resources)
    check(client, name, detect(client, name), {})
    dynamodb.update_time_to_live(TableName=ids["Table"], TimeToLiveSpecification={"AttributeName": "ends", "Enabled": True})
    dynamodb.update_continuous_backups(TableName=ids["Table"], PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": False})
    dynamodb.update_table(TableName=ids["Table"], GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "by-a"}}])
    eventually(lambda: not dynamodb.describe_table(TableName=ids["Table"])["Table"].get("GlobalSecondaryIndexes"))
    dynamodb.update_table(TableName=ids["Table"], StreamSpecification={"StreamEnabled": False})
    dynamodb.tag_resource(ResourceArn=dynamodb.describe_table(TableName=ids["Table"])["Table"]["TableArn"], Tags=[{"Key": "b", "Value": "2"}])
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Suspended"})
    s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration={"BlockPublicAcls": True, "BlockPublicPolicy": False, "IgnorePublicAcls": True, "RestrictPublicBuckets": True})
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps({**policy, "Statement": [{**policy["Statement"][0], "Action": "s3:*"}]}))
    logs.put_retention_policy(logGroupName=ids["Group"], retentionInDays=14)
    logs.create_log_stream(logGroupName=ids["Group"], logStreamName="s-also")
    logs.delete_log_stream(logGroupName=ids["Group"], logStreamName="s")
    _, drifts = detect(client, name)
    assert drifts["Stream"]["StackResourceDriftStatus"] == "DELETED"
    assert {i: differences(d) for i, d in drifts.items() if d["StackResourceDriftStatus"] == "MODIFIED"} == {
        "Table": sorted([("NOT_EQUAL", "/TimeToLiveSpecification/Enabled", "false", "true"), ("NOT_EQUAL", "/PointInTimeRecoverySpecification/PointInTimeRecoveryEnabled", "true", "false"),
                         ("REMOVE", "/AttributeDefinitions/1", '{"AttributeName":"a","AttributeType":"S"}', "null"), ("REMOVE", "/GlobalSecondaryIndexes/0", json.dumps({"IndexName": "by-a", **index}, sort_keys=True, separators=(",", ":")), "null"),
                         ("REMOVE", "/StreamSpecification", '{"StreamViewType":"NEW_IMAGE"}', "null"), ("ADD", "/Tags/1", "null", '{"Key":"b","Value":"2"}')]),
        "Bucket": sorted([("NOT_EQUAL", "/VersioningConfiguration/Status", "Enabled", "Suspended"), ("NOT_EQUAL", "/PublicAccessBlockConfiguration/BlockPublicPolicy", "true", "false")]),
        "Policy": [("NOT_EQUAL", "/PolicyDocument/Statement/0/Action", "s3:GetObject", "s3:*")],
        "Group": [("NOT_EQUAL", "/RetentionInDays", "7", "14")],
    }


def test_what_is_gone_is_deleted_and_what_was_not_said_does_not_count(platform, client, deploy, name):
    logs = platform.client("logs")
    ids = deploy({"Kept": {"Type": "AWS::Logs::LogGroup"}, "Gone": {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": 7}},
                  "Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"}})
    shown = client.describe_stacks(StackName=name)["Stacks"][0]["DriftInformation"]
    assert shown == {"StackDriftStatus": "NOT_CHECKED"}
    logs.put_retention_policy(logGroupName=ids["Kept"], retentionInDays=14)
    logs.delete_log_group(logGroupName=ids["Gone"])
    outcome, drifts = detect(client, name)
    assert {i: d["StackResourceDriftStatus"] for i, d in drifts.items()} == {"Kept": "IN_SYNC", "Gone": "DELETED"}
    assert "ActualProperties" not in drifts["Gone"] and json.loads(drifts["Gone"]["ExpectedProperties"])["RetentionInDays"] == 7
    assert (outcome["StackDriftStatus"], outcome["DriftedStackResourceCount"], outcome["StackId"]) == ("DRIFTED", 1, client.describe_stacks(StackName=name)["Stacks"][0]["StackId"])
    statuses = {r["LogicalResourceId"]: r["DriftInformation"]["StackResourceDriftStatus"] for r in client.describe_stack_resources(StackName=name)["StackResources"]}
    assert statuses == {"Kept": "IN_SYNC", "Gone": "DELETED", "Handle": "NOT_CHECKED"}
    assert client.describe_stack_resource(StackName=name, LogicalResourceId="Gone")["StackResourceDetail"]["DriftInformation"]["StackResourceDriftStatus"] == "DELETED"
    only = client.describe_stack_resource_drifts(StackName=name, StackResourceDriftStatusFilters=["DELETED"])["StackResourceDrifts"]
    assert [drift["LogicalResourceId"] for drift in only] == ["Gone"]
    page = client.describe_stack_resource_drifts(StackName=name, MaxResults=1)
    assert len(page["StackResourceDrifts"]) == 1 and len(client.describe_stack_resource_drifts(StackName=name, NextToken=page["NextToken"])["StackResourceDrifts"]) == 1
    # One resource alone; and a type of which nothing can be told.
    one = client.detect_stack_resource_drift(StackName=name, LogicalResourceId="Kept")["StackResourceDrift"]
    assert (one["StackResourceDriftStatus"], one["PropertyDifferences"]) == ("IN_SYNC", [])
    message = refused(client.detect_stack_resource_drift, "ValidationError", StackName=name, LogicalResourceId="Handle")
    assert message == "Drift detection is not supported for the specified ResourceType"
    refused(client.detect_stack_resource_drift, "ValidationError", StackName=name, LogicalResourceId="Nothing")
    refused(client.detect_stack_drift, "ValidationError", StackName=name, LogicalResourceIds=["Nothing"])
    refused(client.detect_stack_drift, "ValidationError", StackName=f"{name}-not")
    refused(client.describe_stack_drift_detection_status, "ValidationError", StackDriftDetectionId="none")
    # What an update brings back is not known to have drifted any more.
    logs.create_log_group(logGroupName=ids["Gone"])
    deploy({"Kept": {"Type": "AWS::Logs::LogGroup"}, "Gone": {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": 14}}})
    assert client.describe_stacks(StackName=name)["Stacks"][0]["DriftInformation"]["StackDriftStatus"] == "NOT_CHECKED"
    assert client.describe_stack_resource_drifts(StackName=name)["StackResourceDrifts"] == []
    check(client, name, detect(client, name, LogicalResourceIds=["Gone"]), {})


def test_secrets_are_not_shown_and_neither_is_what_took_their_place(platform, client, deploy, name):
    parameters = {"Password": {"Type": "String", "NoEcho": True}}
    resources = {"Role": ROLE, "F": {"Type": "AWS::Lambda::Function", "Properties": {"Runtime": "python3.12", "Handler": "index.handler", "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                 "Code": {"ZipFile": CODE}, "Environment": {"Variables": {"PASSWORD": {"Ref": "Password"}, "URL": {"Fn::Sub": "db://${Password}@h"}, "PLAIN": "p"}}}}}
    ids = deploy(resources, parameters, {"Password": "hunter2-and-more"})
    _, drifts = detect(client, name)
    assert drifts["F"]["StackResourceDriftStatus"] == "IN_SYNC" and "hunter2" not in json.dumps(drifts, default=str)
    platform.client("lambda").update_function_configuration(FunctionName=ids["F"], Environment={"Variables": {"PASSWORD": "the-next-secret", "URL": "db://the-next-secret@h", "PLAIN": "q"}})
    _, drifts = detect(client, name)
    assert differences(drifts["F"]) == [("NOT_EQUAL", "/Environment/Variables/PASSWORD", "****", "****"), ("NOT_EQUAL", "/Environment/Variables/PLAIN", "p", "q"),
                                        ("NOT_EQUAL", "/Environment/Variables/URL", "****", "****")]
    shown = json.dumps(drifts, default=str)
    assert "hunter2" not in shown and "next-secret" not in shown, shown


def test_resources_are_read_with_the_askers_rights(platform, client, deploy, name):
    ids = deploy({"Group": {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": 7}}, "Role": ROLE})
    may = {"Effect": "Allow", "Action": ["cloudformation:*", "logs:*"], "Resource": "*"}
    key, secret = platform.user(name, may)
    outcome, drifts = detect(platform.client("cloudformation", key, secret), name)
    assert (outcome["DetectionStatus"], outcome["StackDriftStatus"]) == ("DETECTION_FAILED", "UNKNOWN")
    reason = json.loads(outcome["DetectionStatusReason"])
    assert reason["Summary"] == "Failed to detect drift on resources [Role]" and "not authorized to perform: iam:GetRole" in reason["Failures"][0]["FailureReason"]
    assert (drifts["Group"]["StackResourceDriftStatus"], drifts["Role"]["StackResourceDriftStatus"]) == ("IN_SYNC", "UNKNOWN")
    stranger = platform.client("cloudformation", *platform.user("drift-stranger"))
    asked = [(stranger.detect_stack_drift, {}), (stranger.describe_stack_resource_drifts, {}), (stranger.detect_stack_resource_drift, {"LogicalResourceId": "Group"})]
    for call, more in asked:
        said = [refused(call, "AccessDenied", StackName=each, **more).replace(each, "NAME") for each in (name, "never-made")]
        assert said[0] == said[1]
    # With a role of its own, the stack is read as that role.
    iam = platform.client("iam")
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "cloudformation.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
    arn = iam.create_role(RoleName=f"{name}-makes", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    iam.put_role_policy(RoleName=f"{name}-makes", PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}))
    deploy({"Group": {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": 14}}, "Role": ROLE}, RoleARN=arn)
    check(client, name, detect(platform.client("cloudformation", key, secret), name), {})
    assert ids


def test_stacks_that_are_not_at_rest_are_not_checked(platform, client, name):
    bad = json.dumps({"Resources": {"G": {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": 2_000_000}}}})
    client.create_stack(StackName=name, TemplateBody=bad)
    assert settled(client, name) == "ROLLBACK_COMPLETE"
    assert "ROLLBACK_COMPLETE" in refused(client.detect_stack_drift, "ValidationError", StackName=name)
    client.delete_stack(StackName=name)


def test_a_nested_stack_is_checked_by_itself(platform, client, deploy, name):
    s3, logs = platform.client("s3"), platform.client("logs")
    s3.create_bucket(Bucket=name)
    inner = {"Parameters": {"Days": {"Type": "Number"}}, "Resources": {"G": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": f"{name}-g", "RetentionInDays": {"Ref": "Days"}}}}}
    s3.put_object(Bucket=name, Key="inner.json", Body=json.dumps(inner))
    ids = deploy({"Inner": {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": f"https://{name}.s3.amazonaws.com/inner.json", "Parameters": {"Days": 7}}}})
    logs.put_retention_policy(logGroupName=f"{name}-g", retentionInDays=14)
    check(client, name, detect(client, name), {})
    check(client, ids["Inner"], detect(client, ids["Inner"]), {"G": [("NOT_EQUAL", "/RetentionInDays", "7", "14")]})
    s3.delete_object(Bucket=name, Key="inner.json")
    s3.delete_bucket(Bucket=name)
