"""The process that makes every sandbox dies: nothing of it is left, another one takes its place, and no call waits for ever."""

import json
import os
import pathlib
import signal
import threading
import time

import botocore.exceptions
import pytest

from processes import descendants
from support import eventually, package, trust

# What waits for ever has not ended by then; the platform itself gives up after some seconds.
SOON_S = 30
CODE = """import os, time
def handler(event, context):
    time.sleep(event.get("for", 0))
    return os.getpid()
"""


def spawner_of(platform):
    """The one spawner of a platform."""
    found = []
    for pid in descendants(platform.process.pid):
        try:
            name = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0]
            status = pathlib.Path(f"/proc/{pid}/status").read_text()
        except OSError:
            continue
        if name == b"fastness-spawner" and f"\nPPid:\t{platform.process.pid}\n" in status:
            found.append(pid)
    return found[0] if len(found) == 1 else None


def cgroups_of(pids):
    """The folders of environments that these processes are in."""
    ids = set()
    for pid in pids:
        try:
            lines = pathlib.Path(f"/proc/{pid}/cgroup").read_text().splitlines()
        except OSError:
            continue
        ids.update(pathlib.Path(line).name for line in lines if "/fastness-" in line)
    # Other platforms' folders come and go meanwhile: a walk passes over what is gone.
    return [pathlib.Path(folder, one) for folder, below, _ in os.walk("/sys/fs/cgroup") for one in below if one in ids]


def is_gone(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


@pytest.fixture
def serving(fresh):
    fresh.start()
    role = fresh.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=trust({"Service": "lambda.amazonaws.com"}))["Role"]["Arn"]
    client = fresh.client("lambda")
    client.create_function(FunctionName="f", Runtime="python3.12", Role=role, Handler="app.handler", Timeout=60, Code={"ZipFile": package(app__py=CODE)})
    return fresh


def test_a_killed_spawner_is_replaced_and_leaves_nothing(serving):
    client, problems, stop = serving.client("lambda"), [], threading.Event()
    counts = {"answered": 0, "crashed": 0}

    def load():
        own = serving.client("lambda")
        while not stop.is_set():
            asked = time.monotonic()
            try:
                answer = own.invoke(FunctionName="f", Payload=json.dumps({"for": 0.05}))
                payload = json.loads(answer["Payload"].read())
                # What was under way ends as it does when its environment crashes.
                if "FunctionError" in answer and payload["errorType"] != "Runtime.ExitError":
                    problems.append(payload)
                counts["crashed" if "FunctionError" in answer else "answered"] += 1
            except botocore.exceptions.ClientError as error:
                problems.append(str(error))
            if time.monotonic() - asked > SOON_S:
                problems.append("an answer took too long")

    def there():
        spawner = spawner_of(serving)
        below = descendants(spawner) if spawner else []
        folders = cgroups_of(below)
        return (spawner, below, folders) if below and folders else None

    workers = [threading.Thread(target=load) for _ in range(3)]
    for worker in workers:
        worker.start()
    try:
        descriptors = []
        for _ in range(5):
            time.sleep(0.8)
            spawner, below, folders = eventually(there)
            os.kill(spawner, signal.SIGKILL)
            eventually(lambda: is_gone(spawner) and all(map(is_gone, below)), timeout_s=60)
            answer = client.invoke(FunctionName="f", Payload="{}")
            assert "FunctionError" not in answer, answer["Payload"].read()
            assert spawner_of(serving) not in (None, spawner)
            eventually(lambda: not [folder for folder in folders if folder.exists()])
            assert serving.raw("GET", "/_fastness/health").json() == {"status": "ready"}
            time.sleep(0.5)
            descriptors.append(len(os.listdir(f"/proc/{serving.process.pid}/fd")))
        eventually(lambda: counts["answered"] > 50)
    finally:
        stop.set()
        for worker in workers:
            worker.join()
    assert not problems, problems[:5]
    # Environments that are started ahead follow the arrivals.
    assert max(descriptors) - descriptors[0] < 80, descriptors
    eventually(lambda: serving.log_path.read_text().count("the sandbox spawner was started again") == 5)


def test_without_a_spawner_the_rest_goes_on_and_says_so(serving):
    client, folder = serving.client("lambda", retries={"max_attempts": 0}), serving.data_dir / "sandbox"
    client.invoke(FunctionName="f", Payload="{}")
    folder.rename(serving.data_dir / "away")
    folder.write_text("in the way")
    spawner = spawner_of(serving)
    below = descendants(spawner)
    os.kill(spawner, signal.SIGKILL)
    eventually(lambda: serving.raw("GET", "/_fastness/health").status_code == 503 and all(map(is_gone, below)))
    assert serving.raw("GET", "/_fastness/health").json() == {"status": "recovering"}
    asked = time.monotonic()
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        client.invoke(FunctionName="f", Payload="{}")
    assert time.monotonic() - asked < SOON_S
    assert refused.value.response["Error"]["Code"] == "ServiceException"
    assert "try again later" in refused.value.response["Error"]["Message"]
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert [each["FunctionName"] for each in client.list_functions()["Functions"]] == ["f"]
    eventually(lambda: "it is tried again" in serving.log_path.read_text())
    folder.unlink()
    (serving.data_dir / "away").rename(folder)
    # Within the minute in which it was tried too often.
    eventually(lambda: serving.raw("GET", "/_fastness/health").status_code == 200, timeout_s=90)
    assert json.loads(client.invoke(FunctionName="f", Payload="{}")["Payload"].read()) > 0
