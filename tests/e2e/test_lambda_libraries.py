"""What functions bring along, unmodified: Powertools for Python and a Rust function on `lambda_runtime`; and all that a context tells."""

import base64
import io
import json
import os
import pathlib
import shutil
import subprocess
import sys
import zipfile

import pytest

from harness import Platform
from harness.platform import ROOT
from support import eventually, logged, package, trust

POWERTOOLS = ["aws-lambda-powertools==3.37.0", "jmespath==1.0.1", "typing_extensions==4.15.0", "aws-xray-sdk==2.15.0", "wrapt==2.5.2"]
CACHE = ROOT / "target" / "test-libraries"

PYTHON_CONTEXT = """import os, time
def handler(event, context):
    first = context.get_remaining_time_in_millis()
    time.sleep(0.05)
    client = context.client_context
    return {
        "remaining": [first, context.get_remaining_time_in_millis()], "name": context.function_name, "version": context.function_version,
        "arn": context.invoked_function_arn, "memory": context.memory_limit_in_mb, "id": context.aws_request_id,
        "group": context.log_group_name, "stream": context.log_stream_name,
        "client": client and [client.custom, client.env, client.client.installation_id, client.client.app_title, client.client.app_version_name,
                              client.client.app_version_code, client.client.app_package_name],
        "identity": [context.identity.cognito_identity_id, context.identity.cognito_identity_pool_id],
        "trace": os.environ["_X_AMZN_TRACE_ID"], "tenant": context.tenant_id, "own": [os.environ["AWS_LAMBDA_LOG_GROUP_NAME"], os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]],
    }
"""

NODE_CONTEXT = """export const handler = async (event, context) => {
  const first = context.getRemainingTimeInMillis();
  await new Promise((resolve) => setTimeout(resolve, 50));
  return {
    remaining: [first, context.getRemainingTimeInMillis()], name: context.functionName, version: context.functionVersion,
    arn: context.invokedFunctionArn, memory: context.memoryLimitInMB, id: context.awsRequestId, group: context.logGroupName, stream: context.logStreamName,
    client: context.clientContext ?? null, identity: context.identity ?? null, waits: context.callbackWaitsForEmptyEventLoop,
    kinds: [typeof context.done, typeof context.fail, typeof context.succeed], trace: process.env._X_AMZN_TRACE_ID,
    own: [process.env.AWS_LAMBDA_LOG_GROUP_NAME, process.env.AWS_LAMBDA_LOG_STREAM_NAME],
  };
};
"""

WITH_POWERTOOLS = """import os
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.event_handler import LambdaFunctionUrlResolver
from aws_lambda_powertools.metrics import MetricUnit
logger, metrics, tracer, app = Logger(service="orders"), Metrics(namespace="shop", service="orders"), Tracer(service="orders"), LambdaFunctionUrlResolver()

@app.get("/orders/<number>")
def order(number):
    logger.info("asked for", extra={"number": number})
    metrics.add_metric(name="Asked", unit=MetricUnit.Count, value=1)
    return {"order": number}

@logger.inject_lambda_context(log_event=True)
@tracer.capture_lambda_handler
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event, context):
    return app.resolve(event, context)
"""

WITH_SDK = {
    "index.mjs": """import { DynamoDBClient, ListTablesCommand } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
const client = DynamoDBDocumentClient.from(new DynamoDBClient({}));
export const handler = async () => (await client.send(new ListTablesCommand({}))).TableNames;
""",
    "index.js": """const { DynamoDBClient, ListTablesCommand } = require("@aws-sdk/client-dynamodb");
exports.handler = async () => (await new DynamoDBClient({}).send(new ListTablesCommand({}))).TableNames;
""",
}

RUST = """use lambda_runtime::{run, service_fn, Error, LambdaEvent};
use serde_json::{json, Value};

async fn handler(event: LambdaEvent<Value>) -> Result<Value, Error> {
    if event.payload["fail"] == true {
        return Err("asked to fail".into());
    }
    let context = event.context;
    let name = context.env_config.function_name.clone();
    Ok(json!({"got": event.payload, "id": context.request_id, "arn": context.invoked_function_arn, "name": name, "deadline": context.deadline}))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(service_fn(handler)).await
}
"""

MANIFEST = """[package]
name = "bootstrap"
version = "0.0.0"
edition = "2021"
publish = false

[workspace]

[dependencies]
lambda_runtime = "=1.5.0"
serde_json = "1"
tokio = { version = "1", features = ["macros", "rt"] }

[profile.dev]
debug = 0
"""


@pytest.fixture(scope="module")
def role(platform):
    iam = platform.client("iam")
    arn = iam.create_role(RoleName="lambda-libraries", AssumeRolePolicyDocument=trust({"Service": "lambda.amazonaws.com"}))["Role"]["Arn"]
    iam.attach_role_policy(RoleName="lambda-libraries", PolicyArn="arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole")
    return arn


@pytest.fixture
def client(platform):
    return platform.client("lambda")


def run(*command, cwd=None):
    """Runs a tool that may need a registry; the test is skipped, with its last words, where it does not get what it needs."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=900)
    if done.returncode:
        pytest.skip(f"{pathlib.Path(command[0]).name} could not get or make what this needs: {done.stderr.strip().splitlines()[-1:]}")


def context_of(client, name, runtime, code, role):
    file, handler = ("app__py", "app.handler") if runtime.startswith("python") else ("index__mjs", "index.handler")
    client.create_function(FunctionName=name, Runtime=runtime, Role=role, Handler=handler, Timeout=60, MemorySize=192, Code={"ZipFile": package(**{file: code})})
    client.publish_version(FunctionName=name)
    client.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    given = {"custom": {"a": "1"}, "env": {"locale": "de"}, "client": {"installation_id": "i", "app_title": "t", "app_version_name": "n", "app_version_code": "c", "app_package_name": "p"}}
    answer = client.invoke(FunctionName=name, Qualifier="live", Payload="{}", ClientContext=base64.b64encode(json.dumps(given).encode()).decode())
    told = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, told
    plain = json.loads(client.invoke(FunctionName=name, Payload="{}")["Payload"].read())
    assert told["id"] == answer["ResponseMetadata"]["RequestId"] and plain["id"] != told["id"]
    assert 30_000 < told["remaining"][1] <= told["remaining"][0] - 45 <= 60_000
    assert (told["name"], told["version"], plain["version"]) == (name, "1", "$LATEST")
    assert told["arn"].endswith(f":function:{name}:live") and plain["arn"].endswith(f":function:{name}")
    assert told["memory"] == "192" and told["group"] == f"/aws/lambda/{name}" and "/[1]" in told["stream"] and told["own"] == [told["group"], told["stream"]]
    assert told["trace"].startswith("Root=1-")
    return given, told, plain


def test_a_python_context_is_complete(client, role, name):
    given, told, plain = context_of(client, name, "python3.12", PYTHON_CONTEXT, role)
    assert told["client"] == [given["custom"], given["env"], "i", "t", "n", "c", "p"] and plain["client"] is None
    assert told["identity"] == [None, None] and told["tenant"] is None


def test_a_node_context_is_complete(client, role, name):
    given, told, plain = context_of(client, name, "nodejs20.x", NODE_CONTEXT, role)
    assert told["client"] == given and plain["client"] is None and told["identity"] is None
    assert told["waits"] is True and told["kinds"] == ["function"] * 3


def test_powertools_for_python_run_unmodified(platform, client, role, name):
    site = CACHE / "powertools"
    if not (site / "aws_lambda_powertools").is_dir():
        run(sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(site), *POWERTOOLS)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("app.py", WITH_POWERTOOLS)
        for path in sorted(site.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                archive.write(path, path.relative_to(site))
    variables = {"POWERTOOLS_TRACE_DISABLED": "true", "POWERTOOLS_LOG_LEVEL": "INFO"}
    client.create_function(FunctionName=name, Runtime="python3.12", Role=role, Handler="app.handler", Timeout=60, MemorySize=256,
                           Environment={"Variables": variables}, Code={"ZipFile": buffer.getvalue()})
    event = {"version": "2.0", "rawPath": "/orders/7", "rawQueryString": "", "headers": {}, "requestContext": {"http": {"method": "GET", "path": "/orders/7"}, "stage": "$default"}}
    answer = client.invoke(FunctionName=name, Payload=json.dumps(event))
    told = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, told
    assert told["statusCode"] == 200 and json.loads(told["body"]) == {"order": "7"}
    logs = platform.client("logs")

    def lines():
        found = [json.loads(message) for message in logged(logs, f"/aws/lambda/{name}") if message.startswith("{")]
        return found if any("_aws" in line and "Asked" in line for line in found) else None

    read = eventually(lines)
    asked = next(line for line in read if line.get("message") == "asked for")
    assert (asked["service"], asked["number"], asked["function_request_id"]) == ("orders", "7", answer["ResponseMetadata"]["RequestId"])
    assert asked["function_arn"].endswith(f":function:{name}") and asked["cold_start"] is True and asked["function_memory_size"] == "256"
    metric = next(line for line in read if "Asked" in line)
    assert metric["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "shop" and metric["Asked"] == [1.0]


def test_a_rust_function_on_lambda_runtime_runs_unmodified(client, role, name):
    if not shutil.which("cargo"):
        pytest.skip("there is no cargo")
    folder = CACHE / "rust-function"
    (folder / "src").mkdir(parents=True, exist_ok=True)
    for path, text in [(folder / "Cargo.toml", MANIFEST), (folder / "src" / "main.rs", RUST)]:
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
    run("cargo", "build", "--quiet", "--target-dir", str(folder / "target"), cwd=folder)
    program = folder / "target" / "debug" / "bootstrap"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        info = zipfile.ZipInfo("bootstrap")
        info.external_attr = 0o755 << 16
        archive.writestr(info, program.read_bytes(), zipfile.ZIP_DEFLATED)
    client.create_function(FunctionName=name, Runtime="provided.al2023", Role=role, Handler="bootstrap", Timeout=30, Code={"ZipFile": buffer.getvalue()})
    for number in range(3):
        answer = client.invoke(FunctionName=name, Payload=json.dumps({"n": number}))
        told = json.loads(answer["Payload"].read())
        assert told["got"] == {"n": number} and told["id"] == answer["ResponseMetadata"]["RequestId"], told
        assert told["name"] == name and told["arn"].endswith(f":function:{name}") and told["deadline"] > 1_700_000_000_000
    failed = client.invoke(FunctionName=name, Payload=b'{"fail": true}')
    assert failed["FunctionError"] == "Unhandled" and "asked to fail" in json.loads(failed["Payload"].read())["errorMessage"]


def test_nodejs_sees_the_sdk_that_its_host_has_as_lambdas_runtimes_bring_it(tmp_path):
    """Installed globally for a Node.js of its own; in the functions' packages there is nothing but a handler."""
    prefix = CACHE / "nodejs-with-sdk"
    if prefix.is_relative_to("/tmp"):
        pytest.skip("environments have a /tmp of their own, and see no interpreter of this one's")
    if not (prefix / "done").exists():
        (prefix / "bin").mkdir(parents=True, exist_ok=True)
        shutil.copy(shutil.which("node"), prefix / "bin" / "node")
        run("npm", "install", "--silent", "--global", "--no-audit", "--no-fund", "--prefix", str(prefix), "@aws-sdk/client-dynamodb@3.899.0", "@aws-sdk/lib-dynamodb@3.899.0")
        (prefix / "done").touch()
    with Platform(tmp_path, environment={"PATH": f"{prefix / 'bin'}:{os.environ['PATH']}"}) as own:
        role = own.client("iam").create_role(RoleName="sdk", AssumeRolePolicyDocument=trust({"Service": "lambda.amazonaws.com"}))["Role"]["Arn"]
        own.client("iam").put_role_policy(RoleName="sdk", PolicyName="own", PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "dynamodb:ListTables", "Resource": "*"}}))
        own.client("dynamodb").create_table(TableName="seen", BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
                                            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}])
        client = own.client("lambda")
        for name, code in WITH_SDK.items():
            function = name.replace(".", "-")
            client.create_function(FunctionName=function, Runtime="nodejs20.x", Role=role, Handler="index.handler", Timeout=60, MemorySize=256,
                                   Code={"ZipFile": package(**{name.replace(".", "__"): code})})
            answer = client.invoke(FunctionName=function, Payload="{}")
            assert json.loads(answer["Payload"].read()) == ["seen"], (name, own.log_path.read_text()[-2000:])
