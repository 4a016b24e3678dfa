"""Ways around a control that were tried: by strangers, by users of little right, and by whoever edits an API or a stack."""

import http.client
import json
import threading
import time

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import botocore.exceptions
import pytest

from support import eventually, package, refused, signed_get, trust

HOME = "000000000000"
OTHER = "111111111111"


def allow(*actions, resource="*", **more):
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource, **more}


def deny(*actions, resource="*", **more):
    return {"Effect": "Deny", "Action": list(actions), "Resource": resource, **more}


def client_of(platform, service, key):
    return platform.client(service, key=key[0], secret=key[1], retries={"max_attempts": 0})


# --- What is withdrawn ends at once -------------------------------------------------------------------------------------------------


def listing(platform, key, token=None):
    """A signed ListTables for a connection that stays open."""
    request = botocore.awsrequest.AWSRequest(
        "POST", platform.endpoint + "/", data=b"{}",
        headers={"X-Amz-Target": "DynamoDB_20120810.ListTables", "Content-Type": "application/x-amz-json-1.0"})
    credentials = botocore.credentials.Credentials(key[0], key[1], token)
    botocore.auth.SigV4Auth(credentials, "dynamodb", "us-east-1").add_auth(request)
    return dict(request.headers.items())


class Hammer:
    """Sends one signed request over several kept connections, and remembers when each was sent and what it was answered."""

    def __init__(self, platform, headers, connections=4):
        self.platform, self.headers, self.answers, self.stopped = platform, headers, [], False
        self.threads = [threading.Thread(target=self.run) for _ in range(connections)]

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.platform.port, timeout=60)
        while not self.stopped:
            sent = time.monotonic()
            connection.request("POST", "/", b"{}", self.headers)
            answer = connection.getresponse()
            answer.read()
            self.answers.append((sent, answer.status))
        connection.close()

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        self.go_on(lambda sent, status: status == 200)
        return self

    def __exit__(self, *_):
        now = time.monotonic()
        self.go_on(lambda sent, status: sent > now)
        self.stopped = True
        for thread in self.threads:
            thread.join()

    def go_on(self, wanted):
        """Goes on for a moment, and until there is such an answer."""
        time.sleep(0.1)
        try:
            eventually(lambda: any(wanted(*one) for one in list(self.answers)))
        except AssertionError:
            self.stopped = True
            raise


@pytest.mark.parametrize("way", ["policy", "group", "boundary", "key", "owner", "session"])
def test_what_is_withdrawn_ends_with_the_answer_while_requests_hammer(platform, name, way):
    iam = platform.client("iam")
    grant = json.dumps({"Version": "2012-10-17", "Statement": [allow("dynamodb:ListTables")]})
    nothing = iam.create_policy(PolicyName=name, PolicyDocument=grant.replace("ListTables", "Nothing"))["Policy"]["Arn"]
    for turn in range(4):
        who = f"{name}-{turn}"
        key, token = platform.user(who, *([] if way == "group" else [allow("dynamodb:ListTables")])), None
        if way == "group":
            iam.create_group(GroupName=who)
            iam.put_group_policy(GroupName=who, PolicyName="p", PolicyDocument=grant)
            iam.add_user_to_group(GroupName=who, UserName=who)
        if way == "session":
            role = iam.create_role(RoleName=who, AssumeRolePolicyDocument=trust({"AWS": f"arn:aws:iam::{HOME}:user/{who}"}))
            iam.put_role_policy(RoleName=who, PolicyName="inline", PolicyDocument=grant)
            made = client_of(platform, "sts", key).assume_role(RoleArn=role["Role"]["Arn"], RoleSessionName="session")["Credentials"]
            key, token = (made["AccessKeyId"], made["SecretAccessKey"]), made["SessionToken"]
        with Hammer(platform, listing(platform, key, token)) as hammer:
            if way == "policy":
                iam.delete_user_policy(UserName=who, PolicyName="inline")
            elif way == "group":
                iam.remove_user_from_group(GroupName=who, UserName=who)
            elif way == "boundary":
                iam.put_user_permissions_boundary(UserName=who, PermissionsBoundary=nothing)
            elif way == "key":
                iam.update_access_key(UserName=who, AccessKeyId=key[0], Status="Inactive")
            elif way == "owner":
                iam.delete_access_key(UserName=who, AccessKeyId=key[0])
                iam.delete_user_policy(UserName=who, PolicyName="inline")
                iam.delete_user(UserName=who)
                platform.user(who, allow("dynamodb:ListTables"))
            else:
                iam.delete_role_policy(RoleName=who, PolicyName="inline")
                iam.delete_role(RoleName=who)
                iam.create_role(RoleName=who, AssumeRolePolicyDocument=trust({"AWS": "*"}))
                iam.put_role_policy(RoleName=who, PolicyName="inline", PolicyDocument=grant)
            withdrawn = time.monotonic()
        before = [status for sent, status in hammer.answers if sent < withdrawn]
        after = [status for sent, status in hammer.answers if sent > withdrawn]
        assert 200 in before and after, hammer.answers
        assert 200 not in after, (turn, after)


# --- API Gateway: the text that decides and the text that is served -----------------------------------------------------------------


def api_of(platform, name, *statements, **integration):
    """An API whose one method answers everything, deployed as `prod`, with these statements as its resource policy."""
    gateway = platform.client("apigateway")
    policy = [{"Principal": "*", **statement} for statement in statements]
    options = {"policy": json.dumps({"Version": "2012-10-17", "Statement": policy})} if policy else {}
    api = gateway.create_rest_api(name=name, **options)["id"]
    root = gateway.get_resources(restApiId=api)["items"][0]["id"]
    all_of_it = {"restApiId": api, "resourceId": gateway.create_resource(restApiId=api, parentId=root, pathPart="{proxy+}")["id"],
                 "httpMethod": "ANY"}
    gateway.put_method(authorizationType="NONE", **all_of_it)
    gateway.put_integration(type="MOCK", requestTemplates={"application/json": '{"statusCode": 200}'}, **all_of_it)
    gateway.put_method_response(statusCode="200", **all_of_it)
    gateway.put_integration_response(statusCode="200", **all_of_it)
    gateway.create_deployment(restApiId=api, stageName="prod")
    return api


def raw_status(platform, method, path, headers=None):
    """The status of an answer to a request line that no client library has touched."""
    connection = http.client.HTTPConnection("127.0.0.1", platform.port, timeout=60)
    connection.putrequest(method, path, skip_host="Host" in (headers or {}))
    for header, value in (headers or {}).items():
        connection.putheader(header, value)
    connection.endheaders()
    return connection.getresponse().status


def test_no_spelling_of_a_path_or_method_leads_around_a_stages_policy(platform, name):
    api = api_of(platform, name, allow("execute-api:Invoke", resource="execute-api:/prod/*"),
                 deny("execute-api:Invoke", resource="execute-api:/prod/*/admin/*"),
                 deny("execute-api:Invoke", resource="execute-api:/prod/DELETE/*"))
    at = f"/_aws/execute-api/{api}/prod"
    for method, path, status in [("GET", "/user/x", 200), ("GET", "/user%2Fx", 200), ("GET", "/admin/x", 403), ("GET", "/%61dmin/x", 403),
                                 ("GET", "/admin%2Fx", 403), ("GET", "/admin%2fx", 403), ("GET", "/admin%252Fx", 403), ("GET", "/admin/x/", 403),
                                 ("GET", "/admin/x?a", 403), ("DELETE", "/user/x", 403), ("delete", "/user/x", 403), ("DELETe", "/user/x", 403),
                                 ("ANY", "/user/x", 403)]:
        assert raw_status(platform, method, at + path) == status, (method, path)


def test_a_hosts_name_does_not_turn_a_stage_into_an_api_or_an_api_into_a_stage(platform, name):
    api = api_of(platform, name)
    host = {"Host": f"{api}.execute-api.localhost"}
    assert raw_status(platform, "GET", "/prod/x", host) == 200
    assert raw_status(platform, "GET", "/2015-03-31/functions", host) == 403
    assert raw_status(platform, "GET", f"/_aws/execute-api/{api}/prod/../../../2015-03-31/functions") in (200, 403)
    assert raw_status(platform, "GET", "/restapis", {"Host": f"{api}.execute-api"}) == 403
    assert raw_status(platform, "GET", f"//_aws/execute-api/{api}/prod/x") in (403, 404)


@pytest.mark.parametrize("role,part", [(f"arn:aws:iam::{OTHER}:role/theirs", "Cross-account"),
                                       (f"arn:aws:iam::{HOME}:role/${{stageVariables.role}}", "stage variable"), (f"arn:aws:iam::{HOME}:user/x", "Invalid ARN")])
def test_an_api_takes_no_role_that_nobody_was_asked_about(platform, name, role, part):
    gateway = platform.client("apigateway")
    api = api_of(platform, name)
    resource = [item for item in gateway.get_resources(restApiId=api)["items"] if "pathPart" in item][0]["id"]
    uri = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:000000000000:function:f/invocations"
    method = {"restApiId": api, "resourceId": resource, "httpMethod": "ANY"}
    put = {"type": "AWS_PROXY", "integrationHttpMethod": "POST", "uri": uri, **method}
    assert part in refused(gateway.put_integration, "BadRequestException", credentials=role, **put)
    gateway.put_integration(**put)
    patch = [{"op": "replace", "path": "/credentials", "value": role}]
    assert part in refused(gateway.update_integration, "BadRequestException", patchOperations=patch, **method)


# --- Names: leave on one thing, work on another -------------------------------------------------------------------------------------


def test_another_accounts_names_lead_nowhere(platform, name):
    """Even the administrator of one account: whether it exists there or not is all the same."""
    table, group, function = (f"arn:aws:dynamodb:us-east-1:{OTHER}:table/{name}", f"arn:aws:logs:us-east-1:{OTHER}:log-group:{name}",
                              f"arn:aws:lambda:us-east-1:{OTHER}:function:{name}")
    dynamodb, logs, lambda_, iam = (platform.client(service) for service in ("dynamodb", "logs", "lambda", "iam"))
    refused(dynamodb.describe_table, "AccessDeniedException", TableName=table)
    refused(dynamodb.get_item, "AccessDeniedException", TableName=table, Key={"k": {"S": "v"}})
    refused(dynamodb.tag_resource, "AccessDeniedException", ResourceArn=table, Tags=[{"Key": "k", "Value": "v"}])
    refused(dynamodb.transact_write_items, "AccessDeniedException",
            TransactItems=[{"Put": {"TableName": table, "Item": {"k": {"S": "v"}}}}])
    refused(logs.filter_log_events, "AccessDeniedException", logGroupIdentifier=group)
    refused(logs.tag_resource, "AccessDeniedException", resourceArn=group, tags={"k": "v"})
    for named in (function, f"{OTHER}:function:{name}", f"{function}:live", f"us-east-1:{OTHER}:function:{name}"):
        refused(lambda_.invoke, "AccessDeniedException", FunctionName=named)
        refused(lambda_.get_function, "AccessDeniedException", FunctionName=named)
    refused(lambda_.list_tags, "AccessDeniedException", Resource=function)
    iam.create_user(UserName=name)
    refused(iam.attach_user_policy, "NoSuchEntity", UserName=name, PolicyArn=f"arn:aws:iam::{OTHER}:policy/{name}")
    with pytest.raises(botocore.exceptions.ClientError):
        platform.client("cloudformation").describe_stacks(StackName=f"arn:aws:cloudformation:us-east-1:{OTHER}:stack/{name}/x")


def test_a_deny_on_a_name_holds_for_every_form_of_it(platform, name):
    """A table by ARN, a function in six forms, a group by identifier, a role and a policy below a wrong path."""
    iam = platform.client("iam")
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust({"Service": "lambda.amazonaws.com"}))["Role"]["Arn"]
    policy = iam.create_policy(PolicyName=name, PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allow("*")]}))["Policy"]["Arn"]
    key = platform.user(name, allow("*"), deny("*", resource=[
        f"arn:aws:dynamodb:*:*:table/{name}*", f"arn:aws:lambda:*:*:function:{name}*", f"arn:aws:logs:*:*:log-group:{name}*", role, policy]))
    dynamodb, logs, lambda_, mine = (client_of(platform, service, key) for service in ("dynamodb", "logs", "lambda", "iam"))
    for table in (name, f"arn:aws:dynamodb:us-east-1:{HOME}:table/{name}"):
        assert "explicit deny" in refused(dynamodb.describe_table, "AccessDeniedException", TableName=table)
    for function in (name, f"function:{name}", f"{HOME}:function:{name}", f"{HOME}:{name}", f"us-east-1:{HOME}:function:{name}",
                     f"arn:aws:lambda:us-east-1:{HOME}:function:{name}", f"{name}:$LATEST", f"{name}:1"):
        assert "explicit deny" in refused(lambda_.invoke, "AccessDeniedException", FunctionName=function), function
    for group in (name, f"arn:aws:logs:us-east-1:{HOME}:log-group:{name}"):
        assert "explicit deny" in refused(logs.filter_log_events, "AccessDeniedException", logGroupIdentifier=group)
    wrong = [role.replace(":role/", ":role/x/"), role.upper().replace("ARN:AWS:IAM", "arn:aws:iam").replace(":ROLE/", ":role/")]
    code = {"Runtime": "python3.12", "Handler": "a.b", "Code": {"ZipFile": package(a__py="")}}
    assert "iam:PassRole" in refused(lambda_.create_function, "AccessDeniedException", FunctionName="p" + name, Role=role, **code)
    for other in wrong:
        refused(lambda_.create_function, "InvalidParameterValueException", FunctionName="p" + name, Role=other, **code)
    mine.create_user(UserName=name + "-2")
    everything = json.dumps({"Version": "2012-10-17", "Statement": [allow("*")]})
    for other in (policy.replace(":policy/", ":policy/x/"), policy.upper().replace("ARN:AWS:IAM", "arn:aws:iam").replace(":POLICY/", ":policy/")):
        refused(mine.attach_user_policy, "NoSuchEntity", UserName=name + "-2", PolicyArn=other)
        refused(mine.create_policy_version, "NoSuchEntity", PolicyArn=other, PolicyDocument=everything, SetAsDefault=True)
    refused(mine.get_role, "NoSuchEntity", RoleName=name.upper())


def test_a_refusal_is_the_same_whether_the_thing_exists_or_not(platform, name):
    there, absent = name + "-a", name + "-b"
    platform.client("iam").create_user(UserName=there, Path="/hidden/")
    platform.client("dynamodb").create_table(TableName=there, BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "p", "KeyType": "HASH"}],
                                             AttributeDefinitions=[{"AttributeName": "p", "AttributeType": "S"}])
    platform.client("logs").create_log_group(logGroupName=there)
    key = platform.user(name)
    for service, operation, code, member, more in [
            ("iam", "get_user", "AccessDenied", "UserName", {}), ("iam", "delete_user", "AccessDenied", "UserName", {}),
            ("dynamodb", "describe_table", "AccessDeniedException", "TableName", {}),
            ("dynamodb", "get_item", "AccessDeniedException", "TableName", {"Key": {"wrong": {"N": "1"}}}),
            ("logs", "get_log_events", "AccessDeniedException", "logGroupName", {"logStreamName": "s"})]:
        call = getattr(client_of(platform, service, key), operation)
        told = [refused(call, code, **{member: thing}, **more).replace(thing, "THING") for thing in (there, absent)]
        assert told[0] == told[1], operation


# --- Privileges through others ------------------------------------------------------------------------------------------------------


def test_a_stack_gives_nobody_rights_that_they_have_not(platform, name):
    stack = {"Resources": {"Boss": {"Type": "AWS::IAM::User", "Properties": {
        "UserName": name + "-boss", "Policies": [{"PolicyName": "p", "PolicyDocument": {"Version": "2012-10-17", "Statement": [allow("*")]}}]}}}}
    key = platform.user(name, allow("cloudformation:*"))
    cloudformation = client_of(platform, "cloudformation", key)
    refused(cloudformation.create_stack, "InsufficientCapabilitiesException", StackName=name, TemplateBody=json.dumps(stack))
    cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(stack), Capabilities=["CAPABILITY_NAMED_IAM"])
    state = eventually(lambda: [found["StackStatus"] for found in cloudformation.describe_stacks(StackName=name)["Stacks"]
                                if not found["StackStatus"].endswith("_IN_PROGRESS")])
    assert state == ["ROLLBACK_COMPLETE"]
    reasons = [event.get("ResourceStatusReason", "") for event in cloudformation.describe_stack_events(StackName=name)["StackEvents"]]
    assert any("not authorized to perform: iam:CreateUser" in reason for reason in reasons), reasons
    refused(platform.client("iam").get_user, "NoSuchEntity", UserName=name + "-boss")
    with pytest.raises(botocore.exceptions.ClientError):
        cloudformation.create_stack(StackName=name + "-2", TemplateBody=json.dumps(stack), Capabilities=["CAPABILITY_NAMED_IAM"],
                                    RoleARN=f"arn:aws:iam::{HOME}:role/any")


def test_a_user_may_not_raise_himself_without_leave(platform, name):
    iam = platform.client("iam")
    key = platform.user(name, allow("iam:Get*", "iam:List*"))
    mine = client_of(platform, "iam", key)
    everything = json.dumps({"Version": "2012-10-17", "Statement": [allow("*")]})
    iam.create_group(GroupName=name)
    for operation, more in [("put_user_policy", {"PolicyName": "p", "PolicyDocument": everything}), ("create_access_key", {}),
                            ("attach_user_policy", {"PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}),
                            ("add_user_to_group", {"GroupName": name}), ("update_user", {"NewUserName": name + "x"}),
                            ("tag_user", {"Tags": [{"Key": "team", "Value": "admins"}]}),
                            ("delete_user_permissions_boundary", {})]:
        refused(getattr(mine, operation), "AccessDenied", UserName=name, **more)
    refused(mine.create_access_key, "AccessDenied")
    # A role's session that may do all with access keys still makes none of the root user's.
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust({"AWS": f"arn:aws:iam::{HOME}:user/{name}"}))["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=everything)
    made = client_of(platform, "sts", key).assume_role(RoleArn=role, RoleSessionName="session")["Credentials"]
    session = platform.client("iam", key=made["AccessKeyId"], secret=made["SecretAccessKey"], token=made["SessionToken"])
    refused(session.create_access_key, "ValidationError")


# --- Requests and records -----------------------------------------------------------------------------------------------------------


def test_what_is_added_to_a_signed_request_is_refused_or_ignored(platform, name):
    key = platform.user(name, allow("dynamodb:ListTables"))
    headers = listing(platform, key)
    assert platform.raw(headers=headers, body=b"{}").status_code == 200
    for extra in ({"X-Amz-Target": "DynamoDB_20120810.DescribeLimits"}, {"X-Amz-Date": "20200101T000000Z"}, {"X-Amz-New": "1"},
                  {"Host": "sts.amazonaws.com"}):
        assert platform.raw(headers={**headers, **extra}, body=b"{}").status_code in (400, 403), extra
    for path in ("/?Action=CreateUser&UserName=x", "/2015-03-31/functions", "/?X-Amz-Signature=x", "/?X-Amz-Credential=AKIA/20260101/us-east-1/iam/aws4_request"):
        assert platform.raw(headers=headers, body=b"{}", path=path).status_code in (400, 403, 404), path
    answer = platform.raw(headers={**headers, "X-Forwarded-For": "10.0.0.1", "Content-Type": "application/x-www-form-urlencoded"}, body=b"{}")
    assert answer.status_code in (200, 400, 403, 404) and b"arn:aws:iam" not in answer.content


def test_a_forwarded_address_is_not_believed(platform, name):
    key = platform.user(name, allow("dynamodb:ListTables", Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}))
    headers = {"X-Amz-Target": "DynamoDB_20120810.ListTables", "Content-Type": "application/x-amz-json-1.0", "X-Forwarded-For": "10.0.0.1",
               "Forwarded": "for=10.0.0.1", "X-Real-Ip": "10.0.0.1"}
    answer = signed_get(platform, "/", "POST", b"{}", key=key[0], secret=key[1], service="dynamodb", headers=headers)
    assert answer.status_code == 400 and "AccessDenied" in answer.text


def test_no_caller_hides_or_forges_a_record(platform, name):
    key = platform.user(name)
    agents = ['x","eventName":"DeleteTrail","y":"', "a" * 20_000, "\\u0000\\", "}\t{", "plain"]
    for agent in agents:
        headers = {"X-Amz-Target": "DynamoDB_20120810.ListTables", "Content-Type": "application/x-amz-json-1.0", "User-Agent": agent}
        signed_get(platform, "/", "POST", b"{}", key=key[0], secret=key[1], service="dynamodb", headers=headers)
    kept = eventually(lambda: (lambda found: found if len(found) >= len(agents) else None)(platform.events(Username=name)))
    assert [event["eventName"] for event in kept] == ["ListTables"] * len(agents)
    assert all("AccessDenied" in event["errorCode"] for event in kept)
    assert max(len(event["userAgent"]) for event in kept) <= 1_024
    assert sorted(event["userAgent"][:1_024] for event in kept) == sorted(agent[:1_024] for agent in agents)


def test_a_secret_parameter_of_a_stack_is_nowhere_to_be_read(platform, name):
    secret = "pw-" + name
    stack = {"Parameters": {"P": {"Type": "String", "NoEcho": True}}, "Resources": {"G": {"Type": "AWS::Logs::LogGroup", "Properties": {
        "LogGroupName": {"Fn::Sub": name}, "RetentionInDays": {"Ref": "P"}}}}}
    cloudformation = platform.client("cloudformation")
    cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(stack), Parameters=[{"ParameterKey": "P", "ParameterValue": secret}])
    eventually(lambda: cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"].endswith("_COMPLETE"))
    told = [cloudformation.describe_stacks(StackName=name), cloudformation.describe_stack_events(StackName=name),
            cloudformation.describe_stack_resources(StackName=name), cloudformation.get_template(StackName=name), platform.events(),
            platform.log_path.read_text()]
    for place, text in enumerate(told):
        assert secret not in str(text), place
