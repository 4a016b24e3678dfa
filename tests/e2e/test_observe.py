"""Observe mode: a role's missing allows are noted and let through; everything else still refuses."""

import json

import botocore.exceptions
import pytest
import requests

from harness import Platform
from support import eventually, logged, package, refused, signed_get, trust

TAG = {"Key": "fastness:observe", "Value": "true"}
ROOT = "arn:aws:iam::000000000000:root"


@pytest.fixture
def role(platform, name):
    iam = platform.client("iam")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust({"AWS": ROOT}))
    statements = [{"Effect": "Allow", "Action": "dynamodb:ListTables", "Resource": "*"},
                  {"Effect": "Deny", "Action": "dynamodb:DeleteTable", "Resource": "*"}]
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statements}))
    yield name
    iam.untag_role(RoleName=name, TagKeys=["fastness:observe"])


@pytest.fixture
def keys(platform, name, role):
    """Of the role's session."""
    courier = platform.client("sts", *platform.user(name + "-c", {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}))
    made = courier.assume_role(RoleArn=f"arn:aws:iam::000000000000:role/{role}", RoleSessionName="probe")["Credentials"]
    return made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"]


@pytest.fixture
def session(platform, keys):
    """Clients of the role's session."""
    return lambda service: platform.client(service, *keys)


def header(answer):
    return answer["ResponseMetadata"]["HTTPHeaders"].get("x-fastness-observe")


def test_a_missing_allow_is_noted_and_let_through(platform, role, session, name):
    iam, dynamodb = platform.client("iam"), session("dynamodb")
    refused(dynamodb.describe_limits, "AccessDeniedException")
    assert header(dynamodb.list_tables()) is None
    before = platform.raw("GET", "/_fastness/health").json()
    iam.tag_role(RoleName=role, Tags=[TAG])
    assert platform.raw("GET", "/_fastness/health").json()["observedRoles"] == before.get("observedRoles", 0) + 1
    answer = dynamodb.describe_limits()
    assert header(answer) == "missing dynamodb:DescribeLimits on *"
    assert header(dynamodb.list_tables()) == "on"
    records = [record for record in platform.events(Username="probe") if record["requestID"] == answer["ResponseMetadata"]["RequestId"]]
    assert records[0]["additionalEventData"]["observeMode"]["missing"] == [{"action": "dynamodb:DescribeLimits", "resource": "*"}]
    iam.untag_role(RoleName=role, TagKeys=["fastness:observe"])
    refused(dynamodb.describe_limits, "AccessDeniedException")
    assert platform.raw("GET", "/_fastness/health").json() == before


def test_what_is_asked_during_the_work_is_noted_too(platform, role, session, name):
    own = platform.client("s3")
    own.create_bucket(Bucket=name)
    own.put_object(Bucket=name, Key="k", Body=b"1")
    platform.client("iam").tag_role(RoleName=role, Tags=[TAG])
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        session("s3").get_object(Bucket=name, Key="missing")
    answer = caught.value.response
    assert answer["Error"]["Code"] == "NoSuchKey"
    lacked = [f"s3:GetObject on arn:aws:s3:::{name}/missing", f"s3:ListBucket on arn:aws:s3:::{name}"]
    assert header(answer) == "; ".join("missing " + one for one in lacked)
    record = next(one for one in platform.events(Username="probe") if one["requestID"] == answer["ResponseMetadata"]["RequestId"])
    missing = record["additionalEventData"]["observeMode"]["missing"]
    assert [f"{one['action']} on {one['resource']}" for one in missing] == lacked
    answer = session("s3").delete_objects(Bucket=name, Delete={"Objects": [{"Key": "k"}]})
    assert header(answer) == f"missing s3:DeleteObject on arn:aws:s3:::{name}/k" and "Errors" not in answer
    # What no header holds as it stands is named all the same.
    answer = session("s3").put_object(Bucket=name, Key="two\nlines; \u00fc%", Body=b"1")
    assert header(answer) == f"missing s3:PutObject on arn:aws:s3:::{name}/two%0Alines%3B%20%C3%BC%25"


def test_everything_else_still_refuses(platform, role, session, name):
    iam = platform.client("iam")
    iam.tag_role(RoleName=role, Tags=[TAG])
    message = refused(session("dynamodb").delete_table, "AccessDeniedException", TableName="none")
    assert message.endswith("with an explicit deny in an identity-based policy")
    # Rights over rights are never let through.
    refused(session("iam").list_users, "AccessDenied")
    refused(session("sts").assume_role, "AccessDenied", RoleArn=f"arn:aws:iam::000000000000:role/{role}", RoleSessionName="more")
    refused(session("lambda").add_permission, "AccessDeniedException", FunctionName="none", StatementId="s",
            Action="lambda:InvokeFunction", Principal="*")
    # A boundary is a limit that someone else set.
    boundary = iam.create_policy(PolicyName=name, PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "dynamodb:ListTables", "Resource": "*"}]}))["Policy"]["Arn"]
    iam.put_role_permissions_boundary(RoleName=role, PermissionsBoundary=boundary)
    refused(session("dynamodb").describe_limits, "AccessDeniedException")


def test_setting_the_mode_takes_leave_of_its_own(platform, role, session, name):
    keeper = platform.client("iam", *platform.user(name + "-k", {"Effect": "Allow", "Action": "iam:*", "Resource": "*"}))
    keeper.tag_role(RoleName=role, Tags=[{"Key": "team", "Value": "red"}])
    assert "fastness:SetObserveMode" in refused(keeper.tag_role, "AccessDenied", RoleName=role, Tags=[TAG])
    assert "fastness:SetObserveMode" in refused(keeper.tag_role, "AccessDenied", RoleName=role, Tags=[{**TAG, "Key": "Fastness:Observe"}])
    refused(keeper.untag_role, "AccessDenied", RoleName=role, TagKeys=["fastness:observe"])
    refused(keeper.create_role, "AccessDenied", RoleName=name + "-n", AssumeRolePolicyDocument=trust({"AWS": ROOT}), Tags=[TAG])
    refused(keeper.get_role, "NoSuchEntity", RoleName=name + "-n")
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    platform.client("iam").put_role_policy(RoleName=role, PolicyName="all", PolicyDocument=json.dumps(document))
    message = refused(session("iam").tag_role, "AccessDenied", RoleName=role, Tags=[TAG])
    assert message == "A role cannot set observe mode on itself."
    setter = platform.client("iam", *platform.user(name + "-s", {"Effect": "Allow", "Action": ["iam:TagRole", "fastness:SetObserveMode"], "Resource": "*"}))
    setter.tag_role(RoleName=role, Tags=[TAG])
    events = [record for record in platform.events(EventName="TagRole") if "errorCode" not in record]
    assert any(record["requestParameters"].get("roleName") == role for record in events)


def test_nothing_is_let_through_by_which_rights_are_had(platform, role, session, name):
    """Whoever changes a function acts with its role from then on; the rest tells or takes what lets in elsewhere."""
    iam = platform.client("iam")
    app = iam.create_role(RoleName=name + "-app", AssumeRolePolicyDocument=trust({"Service": "lambda.amazonaws.com"}))["Role"]["Arn"]
    code = package(app__py="def handler(event, context):\n    return 'theirs'\n")
    platform.client("lambda").create_function(FunctionName=name, Runtime="python3.12", Role=app, Handler="app.handler", Code={"ZipFile": code},
                                              Environment={"Variables": {"SECRET": "of-the-function"}})
    iam.tag_role(RoleName=role, Tags=[TAG])
    functions, gateway, stacks = session("lambda"), session("apigateway"), session("cloudformation")
    named = {"FunctionName": name}
    for call, arguments in [
            (functions.update_function_code, {**named, "ZipFile": code}), (functions.update_function_configuration, {**named, "Handler": "x.y"}),
            (functions.create_function_url_config, {**named, "AuthType": "NONE"}), (functions.update_function_url_config, {**named, "AuthType": "NONE"}),
            (functions.delete_function, named), (functions.get_function, named), (functions.get_function_configuration, named),
            (functions.list_functions, {}), (functions.tag_resource, {"Resource": f"arn:aws:lambda:us-east-1:000000000000:function:{name}", "Tags": {"a": "b"}}),
            (gateway.get_api_keys, {"includeValues": True}), (gateway.create_rest_api, {"name": name}), (gateway.create_api_key, {}),
            (session("cloudtrail").lookup_events, {}), (session("accessanalyzer").list_analyzers, {})]:
        refused(call, "AccessDeniedException", **arguments)
    for call, arguments in [(stacks.create_stack, {"TemplateBody": "{}"}), (stacks.update_stack, {"TemplateBody": "{}"}), (stacks.get_template, {}), (stacks.delete_stack, {})]:
        refused(call, "AccessDenied", StackName=name, **arguments)
    # Functions are used, and data is read and written, as before.
    assert header(functions.invoke(FunctionName=name)).startswith("missing lambda:InvokeFunction")
    assert header(gateway.get_rest_apis()).startswith("missing apigateway:GET")
    # Stacks tell all that stands in them.
    for call, arguments in [(stacks.describe_stacks, {}), (stacks.get_template_summary, {"StackName": name}), (stacks.describe_stack_events, {"StackName": name}), (stacks.list_exports, {})]:
        refused(call, "AccessDenied", **arguments)


@pytest.fixture
def apart(tmp_path):
    """A platform of its own: an organization is all of a platform's."""
    with Platform(tmp_path) as platform:
        yield platform


def test_an_organization_puts_an_account_in_the_mode(apart, name):
    """On the next call of every session, for its roles alone; with leave of its own, and until the tag goes."""
    platform = apart
    organizations = platform.client("organizations")
    organizations.create_organization(FeatureSet="ALL")
    made = organizations.create_account(Email=f"{name}@example.com", AccountName=name)["CreateAccountStatus"]
    account = made["AccountId"]
    courier = platform.client("sts", *platform.user(name + "-c", {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}))

    def session(role):
        return courier.assume_role(RoleArn=f"arn:aws:iam::{account}:role/{role}", RoleSessionName=name)["Credentials"]

    def client(service, of):
        return platform.client(service, of["AccessKeyId"], of["SecretAccessKey"], of["SessionToken"])

    iam = client("iam", session("OrganizationAccountAccessRole"))
    roles = {}
    for role, tags in [("plain", []), ("out", [{"Key": "fastness:observe", "Value": "false"}])]:
        iam.create_role(RoleName=role, AssumeRolePolicyDocument=trust({"AWS": ROOT}), Tags=tags)
        roles[role] = client("dynamodb", session(role))
    key = iam.create_user(UserName="person") and iam.create_access_key(UserName="person")["AccessKey"]
    person = platform.client("dynamodb", key["AccessKeyId"], key["SecretAccessKey"])
    for who in [*roles.values(), person]:
        refused(who.describe_limits, "AccessDeniedException")
    before = platform.raw("GET", "/_fastness/health").json()

    keeper = platform.client("organizations", *platform.user(name + "-k", {"Effect": "Allow", "Action": "organizations:*", "Resource": "*"}))
    assert "fastness:SetObserveMode" in refused(keeper.tag_resource, "AccessDeniedException", ResourceId=account, Tags=[TAG])
    refused(keeper.create_account, "AccessDeniedException", Email=f"{name}-2@example.com", AccountName=name, Tags=[TAG])
    inside = client("organizations", session("OrganizationAccountAccessRole"))
    refused(inside.tag_resource, "AccessDeniedException", ResourceId=account, Tags=[TAG])
    refused(roles["plain"].describe_limits, "AccessDeniedException")

    organizations.tag_resource(ResourceId=account, Tags=[TAG])
    # The plain one, and the one that the account was made with.
    assert platform.raw("GET", "/_fastness/health").json()["observedRoles"] == before.get("observedRoles", 0) + 2
    answer = roles["plain"].describe_limits()
    assert header(answer) == "missing dynamodb:DescribeLimits on *"
    own = [json.loads(event["CloudTrailEvent"]) for event in
           client("cloudtrail", session("OrganizationAccountAccessRole")).lookup_events(
               LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "DescribeLimits"}])["Events"]]
    record = next(one for one in own if one["requestID"] == answer["ResponseMetadata"]["RequestId"])
    assert record["additionalEventData"]["observeMode"]["missing"] == [{"action": "dynamodb:DescribeLimits", "resource": "*"}]
    for who in [roles["out"], person]:
        refused(who.describe_limits, "AccessDeniedException")
    # Everything else still refuses: rights over rights, and what is set as a limit.
    refused(client("iam", session("plain")).list_users, "AccessDenied")
    refused(client("lambda", session("plain")).list_functions, "AccessDeniedException")
    events = [record for record in platform.events(EventName="TagResource") if "errorCode" not in record]
    assert any(record["requestParameters"].get("resourceId") == account for record in events)

    refused(keeper.untag_resource, "AccessDeniedException", ResourceId=account, TagKeys=["fastness:observe"])
    organizations.untag_resource(ResourceId=account, TagKeys=["fastness:observe"])
    refused(roles["plain"].describe_limits, "AccessDeniedException")
    assert platform.raw("GET", "/_fastness/health").json() == before
    organizations.tag_resource(ResourceId=account, Tags=[TAG])
    assert header(roles["plain"].describe_limits()).startswith("missing")
    organizations.remove_account_from_organization(AccountId=account)
    refused(roles["plain"].describe_limits, "AccessDeniedException")


def table(name, **more):
    return {"Type": "AWS::DynamoDB::Table", **more,
            "Properties": {"TableName": name, "BillingMode": "PAY_PER_REQUEST", "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}],
                           "AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "S"}]}}


def test_a_stack_that_waits_is_not_in_the_mode_longer_than_its_role(platform, role, session, name):
    """What a stack calls, it calls as the role is by then: by its tag, and by what policies make of its tags."""
    iam, stacks = platform.client("iam"), platform.client("cloudformation")
    allow = [{"Effect": "Allow", "Action": "cloudformation:*", "Resource": "*"},
             {"Effect": "Allow", "Action": "dynamodb:*", "Resource": "*", "Condition": {"StringEquals": {"aws:PrincipalTag/team": "red"}}}]
    iam.put_role_policy(RoleName=role, PolicyName="stacks", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": allow}))
    for at, (tag, ends) in enumerate([(TAG, True), ({"Key": "team", "Value": "red"}, True), (TAG, False)]):
        stack = f"{name}-{at}"
        iam.tag_role(RoleName=role, Tags=[tag])
        resources = {"Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"},
                     "Wait": {"Type": "AWS::CloudFormation::WaitCondition", "Properties": {"Handle": {"Ref": "Handle"}, "Timeout": "300"}},
                     "Table": table(stack, DependsOn="Wait")}
        session("cloudformation").create_stack(StackName=stack, TemplateBody=json.dumps({"Resources": resources}))

        def state(logical):
            made = stacks.describe_stack_resources(StackName=stack)["StackResources"]
            return next((one for one in made if one["LogicalResourceId"] == logical), {})

        eventually(lambda: state("Wait").get("ResourceStatus") == "CREATE_IN_PROGRESS")
        if ends:
            iam.untag_role(RoleName=role, TagKeys=[tag["Key"]])
            refused(session("dynamodb").describe_limits, "AccessDeniedException")
        signal = {"Status": "SUCCESS", "Reason": "r", "UniqueId": "1", "Data": "d"}
        assert requests.put(state("Handle")["PhysicalResourceId"], data=json.dumps(signal), timeout=60).status_code == 200
        told = eventually(lambda: (now := stacks.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]).endswith("_COMPLETE") and now)
        events = stacks.describe_stack_events(StackName=stack)["StackEvents"]
        reasons = [each["ResourceStatusReason"] for each in events if each["ResourceStatus"] == "CREATE_FAILED" and each["LogicalResourceId"] == "Table"]
        assert told == ("ROLLBACK_COMPLETE" if ends else "CREATE_COMPLETE"), (tag, told, reasons)
        assert all("dynamodb:CreateTable" in reason for reason in reasons) and len(reasons) == int(ends), reasons
        stacks.delete_stack(StackName=stack)


def test_what_lambda_does_in_an_observed_role_is_in_the_mode(platform, role, name):
    """Output, a mapping and a destination of a function whose role has no right to any of them; and none without the mode."""
    iam, functions, logs = platform.client("iam"), platform.client("lambda"), platform.client("logs")
    iam.update_assume_role_policy(RoleName=role, PolicyDocument=trust({"Service": "lambda.amazonaws.com"}))
    arn = f"arn:aws:iam::000000000000:role/{role}"
    code = package(app__py="def handler(event, context):\n    print('said by the function')\n")
    for each in (name, name + "-t"):
        functions.create_function(FunctionName=each, Runtime="python3.12", Role=arn, Handler="app.handler", Code={"ZipFile": code})
    tables = platform.client("dynamodb")
    stream = tables.create_table(**table(name)["Properties"], StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"})["TableDescription"]["LatestStreamArn"]
    mapping = {"FunctionName": name, "EventSourceArn": stream, "StartingPosition": "LATEST"}
    destination = {"FunctionName": name, "DestinationConfig": {"OnFailure": {"Destination": f"arn:aws:lambda:us-east-1:000000000000:function:{name}-t"}}}
    assert "ensure the role can perform" in refused(functions.create_event_source_mapping, "InvalidParameterValueException", **mapping)
    no_leave = "execution role does not have permissions to call InvokeFunction"
    assert no_leave in refused(functions.put_function_event_invoke_config, "InvalidParameterValueException", **destination)
    iam.tag_role(RoleName=role, Tags=[TAG])
    assert "FunctionError" not in functions.invoke(FunctionName=name)
    group = f"/aws/lambda/{name}"
    eventually(lambda: logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"])
    eventually(lambda: any("said by the function" in line for line in logged(logs, group)))
    made = [record for record in platform.events(EventName="CreateLogStream") if (record["requestParameters"] or {}).get("logGroupName") == group and "errorCode" not in record]
    missing = [one["action"] for record in made for one in record["additionalEventData"]["observeMode"]["missing"]]
    assert "logs:CreateLogStream" in missing, made
    functions.put_function_event_invoke_config(**destination)
    made = functions.create_event_source_mapping(**mapping)["UUID"]
    eventually(lambda: functions.get_event_source_mapping(UUID=made)["State"] == "Enabled")
    functions.delete_event_source_mapping(UUID=made)
    iam.untag_role(RoleName=role, TagKeys=[TAG["Key"]])
    assert no_leave in refused(functions.put_function_event_invoke_config, "InvalidParameterValueException", **destination)


FORGES = """def handler(event, context):
    return {"statusCode": 200, "headers": {"x-fastness-observe": "forged", "X-Own": "yes"}, "body": ""}
"""


def test_a_stage_and_a_function_url_are_used_in_the_mode(platform, role, keys, name):
    """They say so in their answers, which functions cannot; and what was let through at a stage is on record."""
    iam, functions, gateway = platform.client("iam"), platform.client("lambda"), platform.client("apigateway")
    app = iam.create_role(RoleName=name + "-app", AssumeRolePolicyDocument=trust({"Service": "lambda.amazonaws.com"}))["Role"]["Arn"]
    function = functions.create_function(FunctionName=name, Runtime="python3.12", Role=app, Handler="app.handler", Code={"ZipFile": package(app__py=FORGES)})["FunctionArn"]
    functions.add_permission(FunctionName=name, StatementId="api", Action="lambda:InvokeFunction", Principal="apigateway.amazonaws.com")
    url = functions.create_function_url_config(FunctionName=name, AuthType="AWS_IAM")["FunctionUrl"].split("//")[1].split(".")[0]
    api = gateway.create_rest_api(name=name)["id"]
    at = {"restApiId": api, "resourceId": gateway.get_resources(restApiId=api)["items"][0]["id"], "httpMethod": "GET"}
    gateway.put_method(**at, authorizationType="AWS_IAM")
    gateway.put_integration(**at, type="AWS_PROXY", integrationHttpMethod="POST",
                            uri=f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{function}/invocations")
    gateway.create_deployment(restApiId=api, stageName="p")
    stage = f"arn:aws:execute-api:us-east-1:000000000000:{api}/p/GET/"

    def ask(key, secret, token=None):
        """Both answers' status, own header and observe header."""
        answers = [signed_get(platform, f"/_aws/execute-api/{api}/p/", key=key, secret=secret, token=token),
                   signed_get(platform, f"/_aws/lambda-url/{url}/", key=key, secret=secret, token=token, service="lambda")]
        return [(answer.status_code, answer.headers.get("x-own"), answer.headers.get("x-fastness-observe")) for answer in answers]

    assert ask(*platform.root()) == [(200, "yes", None), (200, "yes", None)]
    assert ask(*keys) == [(403, None, None), (403, None, None)]
    iam.tag_role(RoleName=role, Tags=[TAG])
    lacked = [f"missing lambda:InvokeFunctionUrl on {function}", f"missing lambda:InvokeFunction on {function}"]
    assert ask(*keys) == [(200, "yes", f"missing execute-api:Invoke on {stage}"), (200, "yes", "; ".join(lacked))]
    records = eventually(lambda: [one for one in platform.events(Username="probe") if one["eventSource"] == "execute-api.amazonaws.com" and api in json.dumps(one) and "errorCode" not in one])
    assert [one["additionalEventData"]["observeMode"]["missing"] for one in records] == [[{"action": "execute-api:Invoke", "resource": stage}]]
    both = [{"Effect": effect, "Action": ["execute-api:Invoke", "lambda:InvokeFunctionUrl", "lambda:InvokeFunction"], "Resource": "*"} for effect in ("Allow", "Deny")]
    for statement, expected in [(both[0], (200, "yes", "on")), (both[1], (403, None, "on"))]:
        iam.put_role_policy(RoleName=role, PolicyName="use", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
        assert ask(*keys) == [expected, expected]
    iam.delete_role_policy(RoleName=role, PolicyName="use")
    iam.untag_role(RoleName=role, TagKeys=[TAG["Key"]])
    assert ask(*keys) == [(403, None, None), (403, None, None)]
