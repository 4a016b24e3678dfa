"""Code: what nothing uses any more leaves the disk while the platform runs, and an account has no more of it than it may."""

import json
import os
import threading
import time

import pytest

from harness import Platform
from support import eventually, package, refused, trust

HANDLER = "import os, time\nimport {name}\ndef handler(event, context):\n    time.sleep(event)\n    return sorted(os.listdir('/var/task')) + sorted(os.listdir('/opt'))\n"


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A platform whose accounts may have 1 MiB of code."""
    with Platform(tmp_path_factory.mktemp("code"), arguments=("--max-account-code-mib", "1")) as running:
        arn = running.client("iam").create_role(RoleName="code", AssumeRolePolicyDocument=trust({"Service": "lambda.amazonaws.com"}))["Role"]["Arn"]
        running.role = arn
        yield running


def code(name, more=b""):
    return package(app__py=HANDLER.format(name=name), **{name + "__py": "pass\n", "more": more})


def make(small, name, **settings):
    client = small.client("lambda")
    client.create_function(FunctionName=name, Runtime="python3.12", Role=small.role, Handler="app.handler", Timeout=60, Code={"ZipFile": code("first")}, **settings)
    client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})
    return client


def on_disk(small):
    return {folder: len(os.listdir(small.data_dir / "code" / folder)) for folder in ("packages", "unpacked", "layered")}


def invoke(client, name, event=0):
    answer = client.invoke(FunctionName=name, Payload=json.dumps(event))
    payload = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, payload
    return payload


def test_code_that_nothing_uses_leaves_the_disk_and_what_runs_keeps_it(small):
    layers = [small.client("lambda").publish_layer_version(LayerName=f"l{n}", Content={"ZipFile": package(**{f"file{n}": b"x"})})["LayerVersionArn"] for n in (1, 2)]
    client = make(small, "lasting", Layers=layers)
    assert invoke(client, "lasting") == ["app.py", "first.py", "more", "file1", "file2"]
    assert on_disk(small) == {"packages": 3, "unpacked": 3, "layered": 1}
    # An invocation that runs while its code is replaced and its function deleted has its files to the end.
    answers = []
    runs = threading.Thread(target=lambda: answers.append(invoke(client, "lasting", 16)))
    runs.start()
    time.sleep(1)
    client.update_function_code(FunctionName="lasting", ZipFile=code("second"))
    for n in (1, 2):
        client.delete_layer_version(LayerName=f"l{n}", VersionNumber=1)
    client.delete_function(FunctionName="lasting")
    eventually(lambda: on_disk(small) == {"packages": 3, "unpacked": 3, "layered": 1}, timeout_s=14)
    runs.join()
    assert answers == [["app.py", "first.py", "more", "file1", "file2"]]
    # The next change takes along what ran then.
    client = make(small, "another")
    client.delete_function(FunctionName="another")
    eventually(lambda: on_disk(small) == {"packages": 0, "unpacked": 0, "layered": 0}, timeout_s=30)


def test_updates_leave_one_package_and_versions_keep_theirs(small):
    client = make(small, "updated")
    client.publish_version(FunctionName="updated")
    for n in range(5):
        client.update_function_code(FunctionName="updated", ZipFile=code(f"n{n}", os.urandom(100_000)))
    eventually(lambda: on_disk(small)["packages"] == 2, timeout_s=30)
    assert "first.py" in invoke(client, "updated:1") and "n4.py" in invoke(client, "updated")
    client.delete_function(FunctionName="updated")


def test_an_account_has_no_more_code_than_it_may(small):
    client = make(small, "full")
    big = os.urandom(700_000)
    client.update_function_code(FunctionName="full", ZipFile=code("big", big))
    limit = client.get_account_settings()
    assert limit["AccountLimit"]["TotalCodeSize"] == 1024 * 1024 and 700_000 < limit["AccountUsage"]["TotalCodeSize"] < 1024 * 1024
    refused(client.publish_layer_version, "CodeStorageExceededException", LayerName="l", Content={"ZipFile": package(file=os.urandom(500_000))})
    refused(client.update_function_code, "CodeStorageExceededException", FunctionName="full", ZipFile=code("bigger", os.urandom(900_000)))
    client.delete_function(FunctionName="full")
    client.publish_layer_version(LayerName="l", Content={"ZipFile": package(file=os.urandom(500_000))})
