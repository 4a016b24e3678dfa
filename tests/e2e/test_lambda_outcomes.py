"""Asynchronous invocations from outside: settings, destinations, loops, and nothing lost by `kill -9`."""

import concurrent.futures
import json
import os
import re
import threading
import time

import botocore.exceptions
import pytest

from support import SEEN, eventually, logged, make_seen, package, refused, seen, trust

ACCOUNT = "arn:aws:lambda:us-east-1:000000000000:function:"


@pytest.fixture
def make(platform, name):
    """Makes functions with a role of this test's own."""
    iam, client, made = platform.client("iam"), platform.client("lambda"), []
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust({"Service": "lambda.amazonaws.com"}))["Role"]["Arn"]
    iam.attach_role_policy(RoleName=name, PolicyArn="arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole")

    def may(*statements):
        iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": list(statements)}))

    def function(suffix, code, **settings):
        client.create_function(FunctionName=name + suffix, Runtime="python3.12", Role=role, Handler="app.handler", Timeout=20,
                               Code={"ZipFile": package(app__py=code)}, **settings)
        made.append(name + suffix)
        return name + suffix

    function.may = may
    yield function
    for each in made:
        client.delete_function(FunctionName=each)


def lines(platform, function):
    return logged(platform.client("logs"), f"/aws/lambda/{function}")


def records(platform, function):
    return [json.loads(line.removeprefix("GOT ")) for line in lines(platform, function) if line.startswith("GOT ")]


KEEP = "import json\ndef handler(event, context):\n    print('GOT ' + json.dumps(event))\n"
WORK = "def handler(event, context):\n    if event.get('fail'): raise ValueError('no good')\n    return {'done': event}\n"


def test_outcomes_go_to_other_functions(platform, make):
    client = platform.client("lambda")
    audit, work = make("-audit", KEEP), make("-work", WORK)
    make.may({"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": ACCOUNT + audit})
    to = {"OnSuccess": {"Destination": ACCOUNT + audit}, "OnFailure": {"Destination": ACCOUNT + audit}}
    made = client.put_function_event_invoke_config(FunctionName=work, MaximumRetryAttempts=0, MaximumEventAgeInSeconds=120, DestinationConfig=to)
    assert (made["FunctionArn"], made["MaximumRetryAttempts"], made["DestinationConfig"]) == (f"{ACCOUNT}{work}:$LATEST", 0, to)
    for event in ({"n": 1}, {"fail": True}):
        assert client.invoke(FunctionName=work, InvocationType="Event", Payload=json.dumps(event))["StatusCode"] == 202
    got = eventually(lambda: (found := records(platform, audit)) and len(found) == 2 and sorted(found, key=lambda each: each["requestContext"]["condition"]))
    failed, done = got
    assert failed["requestContext"]["condition"] == "RetriesExhausted" and done["requestContext"]["condition"] == "Success"
    assert failed["responseContext"] == {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"}
    assert failed["responsePayload"]["errorMessage"] == "no good" and failed["requestPayload"] == {"fail": True}
    assert done["responsePayload"] == {"done": {"n": 1}} and done["version"] == "1.0"
    assert done["requestContext"]["functionArn"] == f"{ACCOUNT}{work}:$LATEST" and done["requestContext"]["approximateInvokeCount"] == 1


def test_failures_are_told_to_a_bucket(platform, make, name):
    client, s3, work, bucket = platform.client("lambda"), platform.client("s3"), make("-work", WORK), name.lower()
    s3.create_bucket(Bucket=bucket)
    to = {"OnFailure": {"Destination": f"arn:aws:s3:::{bucket}"}}
    refused(client.put_function_event_invoke_config, "InvalidParameterValueException", FunctionName=work, DestinationConfig=to)
    make.may({"Effect": "Allow", "Action": ["s3:PutObject", "s3:ListBucket"], "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]})
    message = refused(client.put_function_event_invoke_config, "InvalidParameterValueException", FunctionName=work,
                      DestinationConfig={"OnSuccess": {"Destination": f"arn:aws:s3:::{bucket}"}})
    assert "failures only" in message
    client.put_function_event_invoke_config(FunctionName=work, MaximumRetryAttempts=0, DestinationConfig=to)
    client.invoke(FunctionName=work, InvocationType="Event", Payload=json.dumps({"fail": True}))
    keys = eventually(lambda: [each["Key"] for each in s3.list_objects_v2(Bucket=bucket).get("Contents", [])])
    assert len(keys) == 1 and re.fullmatch(rf"aws/lambda/async/{work}/\d{{4}}/\d\d/\d\d/\d{{4}}-\d\d-\d\dT\d\d\.\d\d\.\d\d-[0-9a-f-]{{36}}", keys[0]), keys
    record = json.loads(s3.get_object(Bucket=bucket, Key=keys[0])["Body"].read())
    assert record["requestContext"]["condition"] == "RetriesExhausted" and record["requestPayload"] == {"fail": True}


def test_settings_are_read_changed_and_removed(platform, make):
    client = platform.client("lambda")
    work = make("", WORK)
    refused(client.get_function_event_invoke_config, "ResourceNotFoundException", FunctionName=work)
    refused(client.put_function_event_invoke_config, "InvalidParameterValueException", FunctionName=work)
    client.put_function_event_invoke_config(FunctionName=work, MaximumEventAgeInSeconds=60)
    changed = client.update_function_event_invoke_config(FunctionName=work, MaximumRetryAttempts=1)
    assert (changed["MaximumEventAgeInSeconds"], changed["MaximumRetryAttempts"]) == (60, 1)
    assert client.get_function_event_invoke_config(FunctionName=work)["MaximumRetryAttempts"] == 1
    assert len(client.list_function_event_invoke_configs(FunctionName=work)["FunctionEventInvokeConfigs"]) == 1
    for service in ("sqs", "sns"):
        message = refused(client.put_function_event_invoke_config, "InvalidParameterValueException", FunctionName=work,
                          DestinationConfig={"OnFailure": {"Destination": f"arn:aws:{service}:us-east-1:000000000000:x"}})
        assert f"no {service} service yet" in message
    message = refused(client.put_function_event_invoke_config, "InvalidParameterValueException", FunctionName=work,
                      DestinationConfig={"OnFailure": {"Destination": ACCOUNT + work}})
    assert message == "You can't specify the function as a destination for itself."
    client.delete_function_event_invoke_config(FunctionName=work)
    refused(client.delete_function_event_invoke_config, "ResourceNotFoundException", FunctionName=work)


def test_a_function_that_calls_itself_is_stopped(platform, make):
    client = platform.client("lambda")
    code = """import boto3, json, os
client = boto3.client("lambda")
def handler(event, context):
    print("GOT " + json.dumps(event))
    try:
        client.invoke(FunctionName=context.function_name, InvocationType=event["type"], Payload=json.dumps({**event, "n": event["n"] + 1}))
    except client.exceptions.RecursiveInvocationException as error:
        print("STOPPED " + str(error))
"""
    work = make("", code, MemorySize=256)
    make.may({"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": ACCOUNT + work})
    assert client.get_function_recursion_config(FunctionName=work)["RecursiveLoop"] == "Terminate"
    client.invoke(FunctionName=work, InvocationType="Event", Payload=json.dumps({"n": 1, "type": "Event"}))
    eventually(lambda: len(records(platform, work)) == 16, timeout_s=120)
    time.sleep(1)
    assert sorted(each["n"] for each in records(platform, work)) == list(range(1, 17))
    assert client.put_function_recursion_config(FunctionName=work, RecursiveLoop="Allow")["RecursiveLoop"] == "Allow"
    assert client.get_function_recursion_config(FunctionName=work)["RecursiveLoop"] == "Allow"


def test_runtimes_are_the_hosts(platform, make):
    client = platform.client("lambda")
    work = make("", WORK)
    told = client.get_runtime_management_config(FunctionName=work)
    assert (told["UpdateRuntimeOn"], told["FunctionArn"]) == ("Auto", f"{ACCOUNT}{work}:$LATEST")
    assert client.put_runtime_management_config(FunctionName=work, UpdateRuntimeOn="Auto")["UpdateRuntimeOn"] == "Auto"
    refused(client.put_runtime_management_config, "InvalidParameterValueException", FunctionName=work, UpdateRuntimeOn="FunctionUpdate")


KEEP_NUMBER = """def handler(event, context):
    put(event["n"])
"""


def test_no_accepted_event_is_lost_by_kill_9(fresh):
    """Each run leaves its number in a table; the platform is killed five times while events are sent and run.

    `FASTNESS_SOAK_EVENTS` sets another number of events: 10,000 take some minutes."""
    total, senders = int(os.environ.get("FASTNESS_SOAK_EVENTS", "2000")) // 4 * 4, 4
    patience_s = 120 + total // 20
    fresh.start()
    iam, dynamodb = fresh.client("iam"), fresh.client("dynamodb")
    make_seen(dynamodb)
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=trust({"Service": "lambda.amazonaws.com"}))["Role"]["Arn"]
    iam.put_role_policy(RoleName="r", PolicyName="own", PolicyDocument=json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "dynamodb:PutItem", "Resource": "*"}]}))
    fresh.client("lambda").create_function(FunctionName="keep", Runtime="python3.12", Role=role, Handler="app.handler", MemorySize=512, Timeout=30,
                                           Code={"ZipFile": package(app__py=SEEN + KEEP_NUMBER)})
    accepted, lock, stop = set(), threading.Lock(), threading.Event()

    def send(worker):
        client, number = fresh.client("lambda", connect_timeout=2, read_timeout=5), 0
        while number < total // senders and not stop.is_set():
            name = f"{worker}-{number}"
            try:
                client.invoke(FunctionName="keep", InvocationType="Event", Payload=json.dumps({"n": name}))
            except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError):
                time.sleep(0.1)
                continue
            with lock:
                accepted.add(name)
            number += 1

    with concurrent.futures.ThreadPoolExecutor(senders) as pool:
        workers = [pool.submit(send, worker) for worker in range(senders)]
        for turn in range(1, 6):
            eventually(lambda turn=turn: len(accepted) >= turn * total // 6, timeout_s=patience_s)
            fresh.kill()
            fresh.start()
        [worker.result(2 * patience_s) for worker in workers]
    dynamodb = fresh.client("dynamodb")

    def missing():
        return accepted - set(seen(dynamodb))

    assert len(accepted) == total
    eventually(lambda: not missing(), timeout_s=2 * patience_s)
