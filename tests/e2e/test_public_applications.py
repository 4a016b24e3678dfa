"""Public SAM applications, as AWS's sample repositories have them (`tests/fixtures/public`, unmodified), deployed and called as their authors say."""

import json
import os
import shutil
import subprocess

import pytest
import requests

import tools
from harness.platform import ROOT, binary
from support import eventually, logged, signed_get


@pytest.fixture
def deployed(platform, tmp_path, name):
    """Deploys a copy of an application, and answers its stack's outputs and the physical ids of its resources."""
    made = []

    def deploy(application, *parameters):
        folder = tmp_path / application
        shutil.copytree(ROOT / "tests" / "fixtures" / "public" / application, folder)
        given = [word for parameter in parameters for word in ("--parameter", parameter)]
        done = subprocess.run([binary(), "deploy", str(folder), "--stack-name", name, "--data-dir", str(platform.data_dir), *given],
                              env={"PATH": os.environ["PATH"], "HOME": "/nonexistent"}, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
        made.append(name)
        resources = platform.client("cloudformation").describe_stack_resources(StackName=name)["StackResources"]
        return tools.outputs(platform, name), {r["LogicalResourceId"]: r["PhysicalResourceId"] for r in resources}

    yield deploy
    for stack in made:
        done = subprocess.run([binary(), "delete", stack, "--data-dir", str(platform.data_dir)], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr


def invoke(platform, function, event=None):
    answer = platform.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event or {}))
    payload = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, payload
    return payload


def said(platform, function, words):
    logs, group = platform.client("logs"), f"/aws/lambda/{function}"
    return eventually(lambda: any(words in message for message in logged(logs, group)))


def path_of_url(url):
    """The way to a function URL by path, where its host is not resolved."""
    return "/_aws/lambda-url/" + url.split("//")[1].split(".")[0] + "/"


def test_an_api_that_writes_to_a_table(platform, deployed):
    outputs, ids = deployed("apigw-lambda-dynamodb")
    answer = requests.post(platform.endpoint + tools.here(platform, outputs["EndpointUrl"]) + "/", timeout=60)
    assert (answer.status_code, answer.text) == (200, "Successfully inserted data!")
    assert platform.client("dynamodb").scan(TableName=ids["DynamoDBTable"])["Items"] == [{"id": {"S": "1"}, "Weather": {"S": "Sunny"}}]


def test_a_function_url_for_signed_callers(platform, deployed):
    outputs, _ = deployed("lambda-function-url")
    path = path_of_url(outputs["FunctionURLEndpoint"])
    assert platform.raw("GET", path).status_code == 403
    answer = signed_get(platform, path, service="lambda")
    assert (answer.status_code, answer.text) == (200, "Hello World")


def test_a_url_that_streams(platform, deployed):
    outputs, _ = deployed("lambda-streaming-ttfb-write-sam")
    answer = signed_get(platform, path_of_url(outputs["StreamingFunctionURL"]), service="lambda")
    assert answer.status_code == 200 and answer.headers["x-custom-header"] == "Example-Custom-Header", answer.text
    assert answer.text.startswith("<html><p>First write2!</p>") and answer.text.endswith("<p>DONE!</p>")


def test_destinations_of_asynchronous_calls(platform, deployed):
    outputs, _ = deployed("lambda-lambda")
    client = platform.client("lambda")
    for success, target, words in [(True, "OnSuccessFunctionName", "Further processing for successful"), (False, "OnFailureFunctionName", "Further Processing for failed")]:
        client.update_function_event_invoke_config(FunctionName=outputs["ProducerFunctionName"], MaximumRetryAttempts=0)
        client.invoke(FunctionName=outputs["ProducerFunctionName"], InvocationType="Event", Payload=json.dumps({"Success": success}))
        assert said(platform, outputs[target], words)


def test_a_function_that_writes_an_object(platform, deployed, name):
    bucket = "b-" + name.lower()
    _, ids = deployed("lambda-s3", f"DestinationBucketName={bucket}")
    assert invoke(platform, ids["PutObjectFunction"]) is True
    s3 = platform.client("s3")
    assert s3.get_object(Bucket=bucket, Key="filename.txt")["Body"].read() == b"Hello World"
    s3.delete_object(Bucket=bucket, Key="filename.txt")


def test_an_api_of_libraries_from_the_registry(platform, deployed):
    """Powertools and pydantic, which is native code."""
    outputs, _ = deployed("apigw-rest-api-powertools")
    todos = platform.endpoint + tools.here(platform, outputs["TodosApi"])
    shown = requests.get(todos.replace("/todos", "/swagger"), timeout=60)
    assert shown.status_code == 200 and "swagger" in shown.text.lower() and shown.headers["content-type"].startswith("text/html"), shown.text
    wrong = requests.post(todos, json={"task": 5}, timeout=60)
    assert wrong.status_code == 422, wrong.text
    assert sorted(each["loc"][-1] for each in wrong.json()["detail"]) == ["completed", "task"], wrong.text
    # Its code asks for a table that its template does not name, and that its role may not read.
    refused = requests.get(todos, timeout=60)
    assert (refused.status_code, refused.json()) == (500, {"error": "Failed to fetch todos"})
