"""What functions keep in `/tmp` altogether is bounded by what the operator gives, and idle environments give way first."""

import json
import time

import pytest

from harness import Platform
from support import eventually, package, trust

FILL = """import os, time
def handler(event, context):
    kept = os.path.getsize("/tmp/kept") >> 20 if os.path.exists("/tmp/kept") else 0
    with open("/tmp/kept", "ab") as file:
        for _ in range(event["mib"]):
            file.write(b"x" * (1 << 20))
    time.sleep(event["stay_s"])
    return kept
"""


@pytest.fixture
def fill(tmp_path):
    # Beyond the 128 MiB that each function below has, all of them together have room for 300 MiB.
    with Platform(tmp_path, arguments=("--max-environment-storage-mib", "300")) as platform:
        client = platform.client("lambda")
        role = platform.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=trust({"Service": "lambda.amazonaws.com"}))["Role"]["Arn"]
        for name in ("one", "two"):
            client.create_function(FunctionName=name, Runtime="python3.12", Role=role, Handler="app.handler", Timeout=60, Code={"ZipFile": package(app__py=FILL)})

        def call(name, mib, stay_s=0):
            answer = client.invoke(FunctionName=name, Payload=json.dumps({"mib": mib, "stay_s": stay_s}))
            # The environment asks for more behind its answer; a call that comes before that goes to another one.
            time.sleep(1)
            return answer.get("FunctionError"), json.loads(answer["Payload"].read())
        yield call, platform.log_path


def test_an_idle_environment_gives_way_to_one_that_runs(fill):
    fill, log = fill
    assert fill("one", 350) == (None, 0)
    assert fill("one", 0) == (None, 350), "it is there as long as there is room"
    # Less than the other keeps: where the platform looks so late that both are idle, the one that takes most gives way.
    assert fill("two", 310) == (None, 0), "it runs, so it stays"
    eventually(lambda: "together they keep more in /tmp" in log.read_text())
    assert fill("one", 0) == (None, 0), "an environment that had nothing to do gave way"
    assert fill("two", 0) == (None, 310)


def test_more_than_all_have_together_is_nobodys(fill):
    fill, _ = fill
    error, told = fill("one", 500, stay_s=50)
    assert error == "Unhandled" and told["errorType"] == "Runtime.OutOfMemory", told
    assert fill("one", 1) == (None, 0)
