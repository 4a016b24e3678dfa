"""Lambda: functions in real sandboxes, driven by unmodified boto3 and the `aws` CLI."""

import base64
import io
import json
import pathlib
import time
import zipfile

import awslambdaric
import pytest

from support import eventually, logged, package, refused, trust

ECHO = "def handler(event, context):\n    return event\n"


@pytest.fixture(scope="module")
def role(platform):
    iam = platform.client("iam")
    arn = iam.create_role(RoleName="lambda-tests", AssumeRolePolicyDocument=trust({"Service": "lambda.amazonaws.com"}))["Role"]["Arn"]
    iam.attach_role_policy(RoleName="lambda-tests", PolicyArn="arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole")
    return arn


@pytest.fixture
def function(platform, role, name):
    """Makes functions of this test's own and removes them at the end."""
    client, made = platform.client("lambda"), []

    def make(code, runtime="python3.12", handler="app.handler", suffix="", **settings):
        files = {"app__py": code} if runtime.startswith("python") else {"index__mjs": code} if runtime.startswith("node") else {"bootstrap": code}
        made.append(name + suffix)
        settings = {"Role": role, "Timeout": 30, **settings}
        client.create_function(FunctionName=name + suffix, Runtime=runtime, Handler=handler, Code={"ZipFile": package(**files)}, **settings)
        client.get_waiter("function_active_v2").wait(FunctionName=name + suffix, WaiterConfig={"Delay": 1})
        return name + suffix

    yield make
    for each in made:
        client.delete_function(FunctionName=each)


def call(platform, function, payload=None, **settings):
    answer = platform.client("lambda").invoke(FunctionName=function, Payload=json.dumps(payload), **settings)
    return answer, json.loads(answer["Payload"].read() or b"null")


def test_python_answers_and_is_reused_when_warm(platform, function):
    code = "import os\ncount = 0\ndef handler(event, context):\n    global count\n    count += 1\n    return [count, event, context.function_name, os.environ['GREETING']]\n"
    made = function(code, Environment={"Variables": {"GREETING": "hello"}})
    answers = []
    for n in range(3):
        answers.append(call(platform, made, {"n": n})[1])
        # Warm is who has asked for more, which it does behind its answer.
        time.sleep(1)
    assert answers == [[n + 1, {"n": n}, made, "hello"] for n in range(3)]


def test_decimal_numbers_are_answered_digit_by_digit(platform, function):
    code = "import decimal\ndef handler(event, context): return {'price': decimal.Decimal('19.90'), 'all': [decimal.Decimal('1E+3'), decimal.Decimal('12345678901234567890.123')], 'bad': {1} if event else 0}\n"
    made = function(code)
    answer = platform.client("lambda").invoke(FunctionName=made, Payload=b"0")
    assert answer["Payload"].read() == b'{"price": 19.90, "all": [1E+3, 12345678901234567890.123], "bad": 0}'
    answer, payload = call(platform, made, 1)
    assert (answer["FunctionError"], payload["errorType"], payload["errorMessage"]) == (
        "Unhandled", "Runtime.MarshalError", "Unable to marshal response: Object of type set is not JSON serializable")


def test_node_answers(platform, function):
    made = function("export const handler = async (event, context) => ({ got: event, id: context.awsRequestId.length });\n", "nodejs20.x", "index.handler")
    assert call(platform, made, {"a": [1]})[1] == {"got": {"a": [1]}, "id": 36}


def test_a_custom_runtime_answers(platform, function):
    script = """#!/bin/sh
while true; do
  python3 - <<'PY'
import os, urllib.request
api = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/invocation/"
with urllib.request.urlopen(api + "next") as event:
    body, request_id = event.read(), event.headers["Lambda-Runtime-Aws-Request-Id"]
urllib.request.urlopen(urllib.request.Request(api + request_id + "/response", data=b'{"custom":' + body + b'}', method="POST")).read()
PY
done
"""
    made = function(script, "provided.al2023", "any")
    assert call(platform, made, {"x": 1})[1] == {"custom": {"x": 1}}


def test_errors_look_like_lambdas(platform, function):
    made = function("def handler(event, context):\n    raise ValueError('no good')\n")
    answer, payload = call(platform, made)
    assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled")
    assert (payload["errorType"], payload["errorMessage"]) == ("ValueError", "no good") and payload["stackTrace"]


@pytest.mark.parametrize("code,kind", [("import nowhere\n", "Runtime.ImportModuleError"), ("def other(): pass\n", "Runtime.HandlerNotFound"),
                                       ("def handler(:\n", "Runtime.UserCodeSyntaxError")])
def test_functions_that_cannot_start_say_why(platform, function, code, kind):
    answer, payload = call(platform, function(code))
    assert answer["FunctionError"] == "Unhandled" and payload["errorType"] == kind, payload


def test_timeouts_exits_and_memory_are_reported_and_survived(platform, function):
    code = """import os, time
def handler(event, context):
    if event == "sleep": time.sleep(30)
    if event == "exit": os._exit(3)
    if event == "memory": return len(bytearray(600 * 1024 * 1024))
    return "fine"
"""
    short, made = function(code, suffix="-short", Timeout=5, MemorySize=128), function(code, MemorySize=128)
    for made, event, part in ((short, "sleep", "Task timed out after 5.00 seconds"), (made, "exit", "Runtime exited with error: exit status 3"), (made, "memory", "Runtime")):
        answer, payload = call(platform, made, event)
        assert answer.get("FunctionError") == "Unhandled" and part in payload["errorMessage"], (event, payload)
        assert call(platform, made, "ok")[1] == "fine"


def test_the_tail_of_the_log_comes_along_and_the_rest_lands_in_logs(platform, function):
    made = function("def handler(event, context):\n    print('hello from inside')\n    return 1\n")
    answer, _ = call(platform, made, LogType="Tail")
    tail = base64.b64decode(answer["LogResult"]).decode()
    request = answer["ResponseMetadata"]["RequestId"]
    for part in (f"START RequestId: {request} Version: $LATEST", "hello from inside", f"END RequestId: {request}", f"REPORT RequestId: {request}", "Max Memory Used"):
        assert part in tail, tail
    logs = platform.client("logs")
    eventually(lambda: any("hello from inside" in message for message in logged(logs, f"/aws/lambda/{made}")))


def test_a_log_is_followed_while_its_function_runs(platform, function):
    made = function("import time\ndef handler(event, context):\n    print('begun', flush=True)\n    time.sleep(40)\n    return 1\n", Timeout=60)
    platform.client("lambda").invoke(FunctionName=made, InvocationType="Event")
    logs = platform.client("logs")

    def begun():
        found = logged(logs, f"/aws/lambda/{made}")
        return found if "begun\n" in found else None

    found = eventually(begun)
    assert any(line.startswith("START RequestId: ") for line in found) and not any(line.startswith(("END ", "REPORT ")) for line in found), found


def test_what_has_several_lines_is_one_event_whose_lines_end_in_line_feeds(platform, function):
    code = ("import logging\ndef handler(event, context):\n    try: 1 / 0\n    except ZeroDivisionError: logging.exception('caught')\n"
            "    print('10%\\r20%')\n    raise ValueError('one\\ntwo')\n")
    node = "export const handler = async () => { console.log('one\\ntwo'); throw new Error('bad\\nworse') }"
    python, javascript = function(code), function(node, "nodejs20.x", "index.handler", "-node")
    answer, _ = call(platform, python, LogType="Tail")
    assert answer["ResponseMetadata"]["HTTPHeaders"]["content-type"] == "application/json"
    tail = base64.b64decode(answer["LogResult"]).decode()
    assert "[ERROR] ValueError: one\ntwo\nTraceback (most recent call last):\n\u00a0\u00a0File \"/var/task/app.py\"" in tail, tail
    call(platform, javascript)

    logs = platform.client("logs")

    def events(made, wanted):
        found = logged(logs, f"/aws/lambda/{made}")
        return [each.rstrip("\n") for each in found] if any(wanted in each for each in found) else None

    seen = eventually(lambda: events(python, "REPORT"))
    caught = next(each for each in seen if "\tcaught\n" in each)
    assert caught.startswith("[ERROR]\t") and caught.endswith("\nZeroDivisionError: division by zero") and "\r" not in caught
    assert "10%\r20%" in seen and any("ValueError: one\ntwo\nTraceback" in each for each in seen), seen
    seen = eventually(lambda: events(javascript, "REPORT"))
    assert any(each.endswith("\tINFO\tone\ntwo") for each in seen), seen


def test_output_is_not_logged_without_the_role_allowing_it(platform, function, name):
    bare = platform.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust({"Service": "lambda.amazonaws.com"}))["Role"]["Arn"]
    made = function(ECHO, Role=bare)
    assert call(platform, made, 1)[1] == 1
    denied = eventually(lambda: [event for event in platform.events(EventSource="logs.amazonaws.com") if f"/{name}/" in event["userIdentity"].get("arn", "")])
    assert all("AccessDenied" in event["errorCode"] for event in denied)
    assert platform.client("logs").describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{made}")["logGroups"] == []


def test_a_function_has_its_roles_rights_and_no_others(platform, function, name):
    dynamodb, iam = platform.client("dynamodb"), platform.client("iam")
    for table in (name + "-own", name + "-other"):
        dynamodb.create_table(TableName=table, BillingMode="PAY_PER_REQUEST", AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
                              KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}])
        dynamodb.put_item(TableName=table, Item={"id": {"S": "1"}, "v": {"S": table}})
    reader = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust({"Service": "lambda.amazonaws.com"}))["Role"]["Arn"]
    statement = {"Effect": "Allow", "Action": ["dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan"],
                 "Resource": f"arn:aws:dynamodb:us-east-1:000000000000:table/{name}-own"}
    iam.put_role_policy(RoleName=name, PolicyName="read", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    code = """import boto3, botocore.exceptions
client = boto3.client("dynamodb")
def handler(event, context):
    try:
        return getattr(client, event["operation"])(TableName=event["table"], **event["arguments"]).get("Item", {})
    except botocore.exceptions.ClientError as error:
        return error.response["Error"]
"""
    made = function(code, Role=reader, Timeout=120)
    read = {"operation": "get_item", "arguments": {"Key": {"id": {"S": "1"}}}}
    assert call(platform, made, {**read, "table": name + "-own"})[1]["v"] == {"S": name + "-own"}
    for event in ({**read, "table": name + "-other"},
                  {"operation": "put_item", "table": name + "-own", "arguments": {"Item": {"id": {"S": "2"}}}}):
        refusal = call(platform, made, event)[1]
        assert refusal["Code"] == "AccessDeniedException" and "no identity-based policy allows" in refusal["Message"], refusal
        assert f":assumed-role/{name}/" in refusal["Message"], refusal
    assert [e for e in platform.events(EventName="PutItem") if e.get("errorCode") and f"assumed-role/{name}/" in e["userIdentity"].get("arn", "")]


def test_a_functions_credentials_are_worth_nothing_in_another(platform, function):
    thief = function("import os\ndef handler(event, context):\n    return {k: os.environ[k] for k in ('AWS_ACCESS_KEY_ID','AWS_SECRET_ACCESS_KEY','AWS_SESSION_TOKEN')}\n", suffix="-a")
    stolen = call(platform, thief)[1]
    code = """import boto3, botocore.exceptions
def handler(event, context):
    client = boto3.client("sts", aws_access_key_id=event["AWS_ACCESS_KEY_ID"], aws_secret_access_key=event["AWS_SECRET_ACCESS_KEY"], aws_session_token=event.get("AWS_SESSION_TOKEN"))
    try:
        return client.get_caller_identity()["Arn"]
    except botocore.exceptions.ClientError as error:
        return error.response["Error"]["Code"]
"""
    other = function(code, suffix="-b", Timeout=120)
    assert call(platform, other, stolen)[1] == "InvalidClientTokenId"
    key, secret = platform.root()
    assert call(platform, other, {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret})[1] == "InvalidClientTokenId"


def test_roles_that_a_function_assumes_work_inside_it_and_in_no_other(platform, function, name):
    """`AssumeRole` inside, and on from there; what others assumed, or what the same credentials assumed outside, is refused."""
    iam = platform.client("iam")
    own = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust({"Service": "lambda.amazonaws.com"}))["Role"]["Arn"]
    root = {"AWS": "arn:aws:iam::000000000000:root"}
    roles = [iam.create_role(RoleName=f"{name}-{each}", AssumeRolePolicyDocument=trust(root))["Role"]["Arn"] for each in ("one", "two")]
    for each in (name, name + "-one", name + "-two"):
        iam.put_role_policy(RoleName=each, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": roles}]}))
    code = """import boto3, botocore.exceptions, os
def client(keys):
    return boto3.client("sts", **keys)
def handler(event, context):
    keys = event.get("keys", {})
    try:
        for role in event["roles"]:
            made = client(keys).assume_role(RoleArn=role, RoleSessionName="inside")["Credentials"]
            keys = {"aws_access_key_id": made["AccessKeyId"], "aws_secret_access_key": made["SecretAccessKey"], "aws_session_token": made["SessionToken"]}
        own = {k.lower(): os.environ[k] for k in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")}
        return {"arn": client(keys).get_caller_identity()["Arn"], "keys": keys, "own": own}
    except botocore.exceptions.ClientError as error:
        return error.response["Error"]
"""

    def held(keys):
        return {"key": keys["aws_access_key_id"], "secret": keys["aws_secret_access_key"], "token": keys["aws_session_token"]}

    made, other = (function(code, suffix=suffix, Role=own, Timeout=120) for suffix in ("-a", "-b"))
    for steps in (roles[:1], roles):
        inside = call(platform, made, {"roles": steps})[1]
        assert inside["arn"] == f"arn:aws:sts::000000000000:assumed-role/{steps[-1].split('/')[-1]}/inside", inside
    # As on AWS they work outside, too; but in no other function's environment.
    assert platform.client("sts", **held(inside["keys"])).get_caller_identity()["Arn"] == inside["arn"]
    refused_inside = call(platform, other, {"roles": [], "keys": inside["keys"]})[1]
    assert refused_inside["Code"] == "InvalidClientTokenId", refused_inside
    # Assumed with the function's own credentials, but not through its door: of no use inside.
    outside = platform.client("sts", **held(inside["own"])).assume_role(RoleArn=roles[0], RoleSessionName="outside")["Credentials"]
    keys = {"aws_access_key_id": outside["AccessKeyId"], "aws_secret_access_key": outside["SecretAccessKey"], "aws_session_token": outside["SessionToken"]}
    assert call(platform, made, {"roles": [], "keys": keys})[1]["Code"] == "InvalidClientTokenId"


def test_event_and_dry_run(platform, function):
    client = platform.client("lambda")
    made = function("def handler(event, context):\n    print('async', event)\n")
    assert client.invoke(FunctionName=made, InvocationType="DryRun")["StatusCode"] == 204
    assert client.invoke(FunctionName=made, InvocationType="Event", Payload=b'"later"')["StatusCode"] == 202
    logs = platform.client("logs")
    eventually(lambda: any("async later" in message for message in logged(logs, f"/aws/lambda/{made}")))


def test_versions_and_aliases(platform, function):
    client = platform.client("lambda")
    made = function("def handler(event, context):\n    return 'one ' + context.function_version\n")
    assert client.publish_version(FunctionName=made)["Version"] == "1"
    client.update_function_code(FunctionName=made, ZipFile=package(app__py="def handler(event, context):\n    return 'two ' + context.function_version\n"))
    client.get_waiter("function_updated_v2").wait(FunctionName=made, WaiterConfig={"Delay": 1})
    assert client.publish_version(FunctionName=made)["Version"] == "2"
    alias = client.create_alias(FunctionName=made, Name="live", FunctionVersion="1")
    assert alias["AliasArn"].endswith(f":function:{made}:live")
    assert [call(platform, made, Qualifier=q)[1] for q in ("1", "2", "$LATEST", "live")] == ["one 1", "two 2", "two $LATEST", "one 1"]
    client.update_alias(FunctionName=made, Name="live", FunctionVersion="2")
    assert call(platform, made + ":live")[1] == "two 2"
    assert [v["Version"] for v in client.list_versions_by_function(FunctionName=made)["Versions"]] == ["$LATEST", "1", "2"]
    message = refused(client.delete_function, "ResourceConflictException", FunctionName=made, Qualifier="2")
    assert message == "Unable to delete version because the following aliases reference it: [live]"
    assert refused(client.delete_function, "InvalidParameterValueException", FunctionName=made, Qualifier="live") == "Deletion of aliases is not currently supported."
    assert client.delete_function(FunctionName=made, Qualifier="77")["ResponseMetadata"]["HTTPStatusCode"] == 204, "as one that was deleted"
    listed = client.list_versions_by_function(FunctionName=made)["Versions"]
    assert not any(member in each for each in listed for member in ("State", "LastUpdateStatus", "RuntimeVersionConfig")), "a list says nothing of states"
    assert client.get_function_configuration(FunctionName=made)["RuntimeVersionConfig"]["RuntimeVersionArn"].startswith("arn:aws:lambda:us-east-1::runtime:")
    client.delete_alias(FunctionName=made, Name="live")
    refused(client.get_alias, "ResourceNotFoundException", FunctionName=made, Name="live")


def test_configuration_changes_reach_the_next_invocation(platform, function):
    client = platform.client("lambda")
    made = function("import os\ndef handler(event, context):\n    return os.environ.get('VALUE')\n")
    assert call(platform, made)[1] is None
    client.update_function_configuration(FunctionName=made, Environment={"Variables": {"VALUE": "new"}}, MemorySize=256)
    client.get_waiter("function_updated_v2").wait(FunctionName=made, WaiterConfig={"Delay": 1})
    assert call(platform, made)[1] == "new"
    assert client.get_function(FunctionName=made)["Configuration"]["MemorySize"] == 256
    assert made in [f["FunctionName"] for page in client.get_paginator("list_functions").paginate() for f in page["Functions"]]


def test_permissions_let_other_accounts_services_in(platform, function):
    client = platform.client("lambda")
    made = function(ECHO)
    refused(client.get_policy, "ResourceNotFoundException", FunctionName=made)
    client.add_permission(FunctionName=made, StatementId="gw", Action="lambda:InvokeFunction", Principal="apigateway.amazonaws.com",
                          SourceArn="arn:aws:execute-api:us-east-1:000000000000:abc/*/GET/x")
    policy = json.loads(client.get_policy(FunctionName=made)["Policy"])
    assert policy["Statement"][0]["Sid"] == "gw" and "ArnLike" in policy["Statement"][0]["Condition"]
    refused(client.add_permission, "ResourceConflictException", FunctionName=made, StatementId="gw", Action="lambda:InvokeFunction", Principal="apigateway.amazonaws.com")
    client.remove_permission(FunctionName=made, StatementId="gw")
    refused(client.remove_permission, "ResourceNotFoundException", FunctionName=made, StatementId="gw")


def test_bad_functions_are_refused_in_lambdas_words(platform, role, name):
    client = platform.client("lambda", parameter_validation=False)
    good = {"FunctionName": name, "Runtime": "python3.12", "Role": role, "Handler": "app.handler", "Code": {"ZipFile": package(app__py=ECHO)}}
    for change, code in (({"Timeout": 901}, "ValidationException"), ({"MemorySize": 64}, "ValidationException"), ({"Runtime": "cobol1"}, "InvalidParameterValueException"),
                         ({"Role": "nonsense"}, "ValidationException"), ({"FunctionName": "a b"}, "ValidationException"),
                         ({"Role": "arn:aws:iam::000000000000:role/none"}, "InvalidParameterValueException"),
                         ({"Code": {"ZipFile": b"not a zip"}}, "InvalidParameterValueException"), ({"Code": {}}, "InvalidParameterValueException"),
                         ({"Environment": {"Variables": {"AWS_REGION": "x"}}}, "InvalidParameterValueException"),
                         ({"Environment": {"Variables": {"BIG": "x" * 4087}}}, "InvalidParameterValueException")):
        refused(client.create_function, code, **{**good, **change})
    refused(client.invoke, "ResourceNotFoundException", FunctionName="never-made")
    refused(client.invoke, "ResourceNotFoundException", FunctionName="never-made", Qualifier="9")


def test_payload_limits(platform, function):
    client = platform.client("lambda")
    made = function("def handler(event, context):\n    return 'x' * (7 * 1024 * 1024)\n")
    answer, payload = call(platform, made)
    assert answer["FunctionError"] == "Unhandled" and "ResponseSizeTooLarge" in payload["errorType"]
    refused(client.invoke, "RequestTooLargeException", FunctionName=made, Payload=b'"' + b"x" * (6 * 1024 * 1024 + 10) + b'"')
    refused(client.invoke, "InvalidRequestContentException", FunctionName=made, Payload=b"{not json")


def test_the_official_runtime_client_works(platform, role, name):
    """awslambdaric from PyPI, unmodified: it takes the place of our bootstrap when the module is imported."""
    site = pathlib.Path(awslambdaric.__file__).parent.parent
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for wanted in ("awslambdaric", "simplejson", "snapshot_restore_py"):
            for path in (site / wanted).rglob("*"):
                if path.is_file() and "__pycache__" not in path.parts:
                    archive.write(path, str(path.relative_to(site)))
        for native in site.glob("runtime_client*.so"):
            archive.write(native, native.name)
        archive.writestr("start.py", "import os, sys\nos.execve(sys.executable, [sys.executable, '-m', 'awslambdaric', 'app.handler'], {**os.environ, 'PYTHONPATH': '/var/task'})\n")
        archive.writestr("app.py", "def handler(event, context):\n    return {'ric': event, 'left': context.get_remaining_time_in_millis() > 0}\n")
    client = platform.client("lambda")
    client.create_function(FunctionName=name, Runtime="python3.11", Role=role, Handler="start.handler", Timeout=30, Code={"ZipFile": buffer.getvalue()})
    client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})
    assert call(platform, name, [1])[1] == {"ric": [1], "left": True}
    client.delete_function(FunctionName=name)


def test_the_cli_drives_lambda(platform, function, tmp_path):
    made = function(ECHO)
    out = tmp_path / "out.json"
    done = platform.aws("lambda", "invoke", "--function-name", made, "--cli-binary-format", "raw-in-base64-out", "--payload", '{"k": 1}', str(out))
    if done.returncode != 0:
        done = platform.aws("lambda", "invoke", "--function-name", made, "--payload", '{"k": 1}', str(out))
    assert done.returncode == 0, done.stderr
    assert json.loads(out.read_text()) == {"k": 1}
