"""Extensions from outside: a program of a layer beside the runtime, one inside it, their telemetry, and how logs are written."""

import base64
import io
import json
import time
import zipfile

import pytest

from support import eventually, logged, package, refused, trust

OUTER = """#!/usr/bin/env python3
import http.server, json, os, threading, time, urllib.request
API = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"]
MODE = os.environ.get("MODE", "")
if MODE == "held":
    import sys
    sys.path.append("/var/lang/sdk")
    import boto3
def call(method, path, headers, body=None):
    request = urllib.request.Request(API + path, method=method, headers=headers, data=body)
    answer = urllib.request.urlopen(request)
    return answer.headers, json.loads(answer.read())
def keep(record):
    with open("/tmp/heard.jsonl", "a") as file:
        file.write(json.dumps(record) + "\\n")
class Listener(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        for record in json.loads(self.rfile.read(int(self.headers["Content-Length"]))):
            keep(record)
        self.send_response(200)
        self.end_headers()
    def log_message(self, *_):
        pass
headers, answer = call("POST", "/2020-01-01/extension/register", {"Lambda-Extension-Name": "outer", "Lambda-Extension-Accept-Feature": "accountId"},
                       json.dumps({"events": ["INVOKE", "SHUTDOWN"]}).encode())
keep({"registered": answer, "own": sorted(os.environ)})
me = {"Lambda-Extension-Identifier": headers["Lambda-Extension-Identifier"]}
if MODE == "broken":
    call("POST", "/2020-01-01/extension/init/error", {**me, "Lambda-Extension-Function-Error-Type": "Extension.NoLicence"}, b"{}")
    raise SystemExit(3)
server = http.server.HTTPServer(("sandbox.localdomain", 8099), Listener)
threading.Thread(target=server.serve_forever, daemon=True).start()
path, schema = ("/2020-08-15/logs", "2021-03-18") if MODE == "logs" else ("/2022-07-01/telemetry", "2022-12-13")
call("PUT", path, me, json.dumps({"schemaVersion": schema, "types": ["platform", "function"], "buffering": {"maxItems": 1000, "maxBytes": 262144, "timeoutMs": 25},
                                  "destination": {"protocol": "HTTP", "URI": "http://sandbox.localdomain:8099/here"}}).encode())
while True:
    _, event = call("GET", "/2020-01-01/extension/event/next", me)
    keep({"event": event})
    if event["eventType"] == "SHUTDOWN":
        print("outer heard of the end:", event["shutdownReason"], flush=True)
        break
    if MODE == "crash":
        raise SystemExit(7)
    while MODE == "held":
        try:
            boto3.client("ssm").get_parameter(Name="/let-go" + os.environ["AWS_LAMBDA_FUNCTION_NAME"])
            break
        except boto3.client("ssm").exceptions.ParameterNotFound:
            time.sleep(0.05)
"""

READ = """import json, time
def handler(event, context):
    print("from the handler")
    time.sleep(event.get("wait", 0))
    return [json.loads(line) for line in open("/tmp/heard.jsonl")]
"""

LOUD = """import json, logging, os
logger = logging.getLogger("mine")
def handler(event, context):
    logger.debug("not loud enough")
    logger.warning("loud", extra={"order": 7})
    logger.warning({"a": 1})
    print("plain")
    print(json.dumps({"timestamp": "2026-11-22T00:00:00Z", "level": "DEBUG", "message": "dropped by the platform"}))
    try:
        1 / 0
    except ZeroDivisionError:
        logger.exception("caught")
    return [os.environ.get(name) for name in ("AWS_LAMBDA_LOG_FORMAT", "AWS_LAMBDA_LOG_LEVEL")]
"""

LOUD_NODE = """export const handler = async (event, context) => {
  console.debug('not loud enough'); console.info('told', { a: 1 }); console.warn({ a: 1 }); console.error(new TypeError('shown'));
  return process.env.AWS_LAMBDA_LOG_FORMAT;
};
"""


@pytest.fixture(scope="module")
def role(platform):
    iam = platform.client("iam")
    arn = iam.create_role(RoleName="lambda-extensions", AssumeRolePolicyDocument=trust({"Service": "lambda.amazonaws.com"}))["Role"]["Arn"]
    iam.attach_role_policy(RoleName="lambda-extensions", PolicyArn="arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole")
    may = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ssm:GetParameter", "Resource": "*"}]}
    iam.put_role_policy(RoleName="lambda-extensions", PolicyName="told-to-go-on", PolicyDocument=json.dumps(may))
    return arn


@pytest.fixture
def client(platform):
    return platform.client("lambda")


@pytest.fixture
def layer(client, name):
    files = {"extensions/outer": OUTER}
    return client.publish_layer_version(LayerName=name, Content={"ZipFile": package(**files)})["LayerVersionArn"]


def make(client, role, name, code, layers=(), mode="", **settings):
    settings = {"Runtime": "python3.12", "Handler": "app.handler", "Timeout": 30, **settings}
    file = "index__mjs" if settings["Runtime"].startswith("node") else "app__py"
    client.create_function(FunctionName=name, Role=role, Layers=list(layers), Environment={"Variables": {"MODE": mode, "OWN": "1"}},
                           Code={"ZipFile": package(**{file: code})}, **settings)
    return name


def call(client, name, **event):
    answer = client.invoke(FunctionName=name, Payload=json.dumps(event))
    return answer, json.loads(answer["Payload"].read())


def called_until(client, name, *kinds):
    """Calls until an environment that was called before answers, and its extension has heard of these kinds of things: the answer, and all that it heard.

    It asks for more, and is told of the call before, behind its answer; a call that comes earlier goes elsewhere."""
    def again():
        answer, heard = call(client, name, wait=0.5)
        assert "FunctionError" not in answer, heard
        events = [record["event"] for record in heard if "event" in record]
        has_all = len(events) >= 2 and events[-1]["requestId"] == answer["ResponseMetadata"]["RequestId"] and {record.get("type") for record in heard} >= set(kinds)
        return (answer, heard) if has_all else time.sleep(1)
    return eventually(again)


def lines(platform, group):
    return [message.rstrip("\n") for message in logged(platform.client("logs"), group)]


def test_a_program_of_a_layer_runs_beside_the_function_to_its_end(platform, client, role, name, layer):
    make(client, role, name, READ, [layer])
    kinds = ("platform.initStart", "platform.telemetrySubscription", "platform.extension", "platform.initRuntimeDone", "platform.start", "platform.runtimeDone", "platform.report", "function")
    answer, heard = called_until(client, name, *kinds)
    first, records = heard[0], [record for record in heard if "type" in record]
    assert first["registered"] == {"functionName": name, "functionVersion": "$LATEST", "handler": "app.handler", "accountId": "000000000000"}
    assert "OWN" in first["own"] and "AWS_LAMBDA_RUNTIME_API" in first["own"] and "_HANDLER" not in first["own"]
    events = [record["event"] for record in heard if "event" in record]
    assert {event["eventType"] for event in events} == {"INVOKE"} and len({event["requestId"] for event in events}) == len(events)
    assert events[-1]["requestId"] == answer["ResponseMetadata"]["RequestId"] and events[-1]["tracing"]["type"] == "X-Amzn-Trace-Id"
    report = next(record["record"] for record in records if record["type"] == "platform.report")
    assert report["status"] == "success" and report["metrics"]["initDurationMs"] > 0 and report["metrics"]["maxMemoryUsedMB"] > 1
    done = next(record["record"] for record in records if record["type"] == "platform.runtimeDone")
    latency, duration = done["spans"]
    assert (latency["name"], duration["name"]) == ("responseLatency", "responseDuration") and latency["start"] <= duration["start"], done
    assert 0 < latency["durationMs"] + duration["durationMs"] <= done["metrics"]["durationMs"], done
    assert {"type": "function", "record": "from the handler"}.items() <= next(record for record in records if record["type"] == "function").items()
    log = eventually(lambda: (found := lines(platform, f"/aws/lambda/{name}")) and any("REPORT" in line for line in found) and found)
    assert "EXTENSION\tName: outer\tState: Ready\tEvents: [INVOKE, SHUTDOWN]" in log
    assert "TELEMETRY\tName: outer\tState: Subscribed\tTypes: [Platform, Function]" in log
    assert any(line.startswith("INIT_START Runtime Version: python:3.12\tRuntime Version ARN: arn:aws:lambda:us-east-1::runtime:") for line in log)
    client.update_function_configuration(FunctionName=name, Description="new")
    eventually(lambda: "outer heard of the end: spindown" in lines(platform, f"/aws/lambda/{name}"))


def test_a_caller_does_not_wait_for_extensions_and_the_environment_does(platform, client, role, name, layer):
    make(client, role, name, READ, [layer], mode="held", Timeout=120)
    events = lambda: len([record for record in call(client, name)[1] if "event" in record])
    # Nothing lets the extension go before this was answered; a caller that waited for it would find the environment free afterwards.
    assert events() <= 1
    answered = time.monotonic()
    assert events() <= 1, "while an extension is at work its environment runs nothing else"
    reports = lambda: [line for line in lines(platform, f"/aws/lambda/{name}") if line.startswith("REPORT")]
    assert not reports()
    held = time.monotonic() - answered
    platform.client("ssm").put_parameter(Name=f"/let-go{name}", Value="now", Type="String")
    first = eventually(lambda: (found := reports()) and len(found) == 2 and found, timeout_s=60)
    assert max(float(line.split("Duration: ")[1].split(" ms")[0]) for line in first) >= held * 1_000, first
    eventually(lambda: events() >= 2, timeout_s=60)


def test_the_time_out_is_told_before_extensions_are_asked_to_end(platform, client, role, name, layer):
    make(client, role, name, READ, [layer], Timeout=5)
    answer = client.invoke(FunctionName=name, Payload=json.dumps({"wait": 30}), LogType="Tail")
    assert "Task timed out after 5.00 seconds" in answer["Payload"].read().decode()
    tail = base64.b64decode(answer["LogResult"]).decode()
    assert "Task timed out" in tail and "REPORT" in tail and "heard of the end" not in tail, tail
    told = eventually(lambda: (found := lines(platform, f"/aws/lambda/{name}")) and "outer heard of the end: timeout" in found and found)
    place = lambda text: next(at for at, line in enumerate(told) if text in line)
    assert place("from the handler") < place("Task timed out") < place("END RequestId") < place("REPORT") < place("outer heard of the end"), told


def test_the_logs_api_has_its_own_words(client, role, name, layer):
    make(client, role, name, READ, [layer], mode="logs")
    heard = called_until(client, name, "platform.end", "platform.logsSubscription")[1]
    assert "platform.initStart" not in [record.get("type") for record in heard]


def test_extensions_that_fail_are_told_apart_from_the_function(platform, client, role, name, layer):
    make(client, role, name, READ, [layer], mode="broken")
    answer, payload = call(client, name)
    assert (answer["FunctionError"], payload["errorType"]) == ("Unhandled", "Extension.NoLicence")
    make(client, role, name + "-crash", READ, [layer], mode="crash")
    answer, payload = call(client, name + "-crash", wait=20)
    assert (answer["FunctionError"], payload["errorType"]) == ("Unhandled", "Extension.Crash"), payload
    answer, payload = call(client, name + "-crash", wait=20)
    assert payload["errorType"] == "Extension.Crash", "a new environment, the same end"


def test_an_extension_that_cannot_be_executed_fails_the_function(platform, client, role, name):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for path, mode in (("extensions/able", 0o755), ("extensions/unable.py", 0o644), ("extensions/folder/file", 0o644)):
            entry = zipfile.ZipInfo(path)
            entry.external_attr = (0o100000 | mode) << 16
            archive.writestr(entry, OUTER)
    arn = client.publish_layer_version(LayerName=name, Content={"ZipFile": made.getvalue()})["LayerVersionArn"]
    make(client, role, name, READ, [arn])
    answer, payload = call(client, name)
    assert (answer["FunctionError"], payload["errorType"]) == ("Unhandled", "Extension.LaunchError"), payload
    answered, message = payload["errorMessage"].split(" Error: ")
    assert answered.startswith("RequestId: ") and message == "fork/exec /opt/extensions/unable.py: permission denied"
    told = "EXTENSION\tName: unable.py\tState: LaunchError\tEvents: []\tError Type: PermissionDenied"
    eventually(lambda: {told, payload["errorMessage"], "Extension.LaunchError"} <= set(lines(platform, f"/aws/lambda/{name}")))


def programs(client, name, *names):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for file in names:
            entry = zipfile.ZipInfo(f"extensions/{file}")
            entry.external_attr = 0o100755 << 16
            archive.writestr(entry, BARE)
    return client.publish_layer_version(LayerName=name, Content={"ZipFile": made.getvalue()})["LayerVersionArn"]


BARE = """#!/usr/bin/env python3
import os, sys, urllib.request
api = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2020-01-01/extension/"
own = os.path.basename(sys.argv[0]).encode().decode("latin-1")
answer = urllib.request.urlopen(urllib.request.Request(api + "register", method="POST", headers={"Lambda-Extension-Name": own}, data=b'{"events": ["INVOKE"]}'))
while True:
    urllib.request.urlopen(urllib.request.Request(api + "event/next", headers={"Lambda-Extension-Identifier": answer.headers["Lambda-Extension-Identifier"]})).read()
"""


def test_every_file_is_an_extension_and_one_too_many_fails_the_function(platform, client, role, name):
    odd = [".hidden", "n" * 200, "sp ace", "\u00fcn\u00ef"]
    make(client, role, name, "def handler(event, context):\n    return 1\n", [programs(client, name, *odd)], Timeout=30)
    assert call(client, name)[1] == 1
    log = eventually(lambda: (found := lines(platform, f"/aws/lambda/{name}")) and "REPORT" in str(found) and found)
    assert sorted(line.split("\t")[1] for line in log if line.startswith("EXTENSION")) == [f"Name: {own}" for own in odd], log
    many = programs(client, name + "-many", *(f"e{number:02}" for number in range(11)))
    make(client, role, name + "-many", READ, [many])
    answer, payload = call(client, name + "-many")
    assert (answer["FunctionError"], payload["errorType"]) == ("Unhandled", "Extension.LaunchError"), payload
    told = "EXTENSION\tName: e10\tState: LaunchError\tEvents: []\tError Type: TooManyExtensions"
    eventually(lambda: told in lines(platform, f"/aws/lambda/{name}-many"))


def test_logs_in_json_are_written_from_their_level_on(platform, client, role, name):
    config = {"LogFormat": "JSON", "ApplicationLogLevel": "INFO", "SystemLogLevel": "INFO", "LogGroup": f"/own/{name}"}
    refused(client.create_function, "InvalidParameterValueException", FunctionName=name, Role=role, Runtime="python3.12", Handler="app.handler",
            Code={"ZipFile": package(app__py=LOUD)}, LoggingConfig={"ApplicationLogLevel": "DEBUG"})
    make(client, role, name, LOUD, LoggingConfig=config)
    assert client.get_function_configuration(FunctionName=name)["LoggingConfig"] == config
    assert call(client, name)[1] == ["JSON", "INFO"]
    log = eventually(lambda: (found := lines(platform, f"/own/{name}")) and any("platform.report" in line for line in found) and found)
    assert "plain" in log and not any("loud enough" in line or "dropped by" in line for line in log)
    read = [json.loads(line) for line in log if line.startswith("{")]
    loud = next(line for line in read if line.get("message") == "loud")
    assert (loud["level"], loud["logger"], loud["order"]) == ("WARNING", "mine", 7) and len(loud["requestId"]) == 36 and loud["timestamp"].endswith("Z")
    assert any(line.get("message") == {"a": 1} for line in read)
    caught = next(line for line in read if line.get("message") == "caught")
    assert (caught["errorType"], caught["errorMessage"]) == ("ZeroDivisionError", "division by zero") and caught["location"].endswith(":handler:12") and caught["stackTrace"]
    assert [line["type"] for line in read if "type" in line] == ["platform.initStart", "platform.start", "platform.report"]
    changed = client.update_function_configuration(FunctionName=name, LoggingConfig={"ApplicationLogLevel": "DEBUG", "SystemLogLevel": "DEBUG"})
    assert changed["LoggingConfig"] == {**config, "ApplicationLogLevel": "DEBUG", "SystemLogLevel": "DEBUG"}
    assert call(client, name)[1] == ["JSON", "DEBUG"]
    log = eventually(lambda: (found := lines(platform, f"/own/{name}")) and any("platform.runtimeDone" in line for line in found) and found)
    assert any("loud enough" in line for line in log) and any("dropped by" in line for line in log) and any("platform.initRuntimeDone" in line for line in log)
    text = client.update_function_configuration(FunctionName=name, LoggingConfig={"LogFormat": "Text"})
    assert text["LoggingConfig"] == {"LogFormat": "Text", "LogGroup": f"/own/{name}"}


def test_json_without_a_level_or_a_moment_is_information(platform, client, role, name):
    code = """import json
def handler(event, context):
    print(json.dumps({"level": "ERROR", "timestamp": "2026-11-22T00:00:00.123Z", "message": "kept"}))
    for line in ({"level": "ERROR"}, {"level": "ERROR", "timestamp": "2026-11-22 00:00:00,123+0000"}, {"level": 50, "timestamp": "2026-11-22T00:00:00Z"}, {}):
        print(json.dumps({**line, "message": "information"}))
    print("plain")
    print(json.dumps([1]))
    1 / 0
"""
    make(client, role, name, code, LoggingConfig={"LogFormat": "JSON", "ApplicationLogLevel": "ERROR"})
    call(client, name)
    log = eventually(lambda: (found := lines(platform, f"/aws/lambda/{name}")) and any("platform.report" in line for line in found) and found)
    own = [line for line in log if '"type": "platform.' not in line and '"type":"platform.' not in line]
    assert len(own) == 4 and "kept" in own[0] and own[1:3] == ["plain", "[1]"] and "ZeroDivisionError" in own[3], own
    client.update_function_configuration(FunctionName=name, LoggingConfig={"ApplicationLogLevel": "INFO"})
    call(client, name)
    assert eventually(lambda: sum("information" in line for line in lines(platform, f"/aws/lambda/{name}")) == 4)


def test_node_writes_json_too(platform, client, role, name):
    make(client, role, name, LOUD_NODE, Runtime="nodejs20.x", Handler="index.handler", LoggingConfig={"LogFormat": "JSON"})
    assert call(client, name)[1] == "JSON"
    log = eventually(lambda: (found := lines(platform, f"/aws/lambda/{name}")) and any("platform.report" in line for line in found) and found)
    read = [json.loads(line) for line in log]
    own = [line for line in read if "level" in line]
    assert [line["level"] for line in own] == ["INFO", "WARN", "ERROR"] and all(len(line["requestId"]) == 36 for line in own)
    assert own[0]["message"] == "told { a: 1 }" and own[1]["message"] == {"a": 1} and own[2]["message"]["errorType"] == "TypeError"
