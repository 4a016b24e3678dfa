"""A short soak: functions that work, fail, hang, die, change and go leave no process, mount, cgroup, namespace or descriptor behind."""

import collections
import contextlib
import itertools
import json
import os
import pathlib
import random
import re
import threading
import time

import botocore.exceptions
import pytest

from harness import Platform
from processes import descendants
from support import eventually, package, trust

SECONDS = float(os.environ.get("FASTNESS_SOAK_SECONDS", "15"))

MIXED = """
import os, subprocess, time
def handler(event, context):
    kind = event["kind"]
    if kind == "crash": os._exit(7)
    if kind == "raise": raise ValueError("no")
    if kind == "hang": time.sleep(60)
    if kind == "children": [subprocess.Popen(["sleep", "60"], start_new_session=True) for _ in range(5)]
    if kind == "memory": bytearray(400 << 20)
    if kind == "files": [open(f"/tmp/{n}", "wb").write(b"x" * 65536) for n in range(50)]
    if kind == "talk": print("x" * 100000)
    return kind
"""
# The same for an executable of the package's own, as far as it goes: it leaves after each answer it does not owe.
ANY = """#!/usr/bin/python3 -S
import json, os, time, urllib.error, urllib.request
API = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/invocation/"
""" + MIXED + """
while True:
    call = urllib.request.urlopen(API + "next")
    own = API + call.headers["Lambda-Runtime-Aws-Request-Id"]
    event = json.loads(call.read())
    try:
        path, body = "/response", handler(event, None)
    except Exception as error:
        path, body = "/error", {"errorType": type(error).__name__, "errorMessage": str(error)}
    try:
        urllib.request.urlopen(own + path, json.dumps(body).encode()).read()
    except urllib.error.HTTPError:
        pass
"""
KINDS = ["work", "work", "work", "crash", "raise", "hang", "children", "memory", "files", "talk"]


def groups(spawner):
    """The folders that this spawner holds the locks of: other platforms of this host have others."""
    held = set()
    for path in pathlib.Path(f"/proc/{spawner}/fd").iterdir():
        # It goes on meanwhile: what was open a moment ago may be closed.
        with contextlib.suppress(FileNotFoundError):
            held.add(os.readlink(path))
    return {pathlib.Path(name) for name in held if "/fastness-" in name and name.startswith("/sys/fs/cgroup")}


def is_spawner(pid):
    """False for a process that has ended since it was found, too."""
    try:
        return b"fastness-spawner" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0]
    except OSError:
        return False


def figures(platform):
    """What there is of everything that could leak."""
    pids = [platform.process.pid, *descendants(platform.process.pid)]
    spawner = [pid for pid in pids if is_spawner(pid)][:1]
    namespaces = set()
    for pid in pids:
        for kind in ("user", "mnt", "net", "pid"):
            try:
                namespaces.add(os.readlink(f"/proc/{pid}/ns/{kind}"))
            except OSError:
                pass
    memory = {}
    for what, pid in (("platform's memory", platform.process.pid), ("spawner's memory", spawner[0])):
        rollup = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
        memory[what] = int(next(line.split()[1] for line in rollup.splitlines() if line.startswith("Pss_Anon:"))) // 1024
    # A root image is mounted when its kind is first needed, and stays: as many mounts as each of the others.
    mounts = [line.split()[1] for line in pathlib.Path(f"/proc/{spawner[0]}/mounts").read_text().splitlines()]
    images = collections.Counter(found[1] for mount in mounts if (found := re.search(r"/sandbox/(\d+)(?:/|$)", mount)))
    cgroups = [path for group in groups(spawner[0]) for path in group.glob("*") if path.is_dir()]
    return {
        "processes": len(pids),
        "platform's descriptors": len(os.listdir(f"/proc/{platform.process.pid}/fd")),
        "spawner's descriptors": len(os.listdir(f"/proc/{spawner[0]}/fd")),
        "spawner's mounts": len(mounts) - images.total(),
        "mounts of one root image": max(images.values(), default=0),
        "host's mounts": len(pathlib.Path("/proc/self/mounts").read_text().splitlines()),
        "namespaces": len(namespaces),
        "cgroups": len(cgroups),
        **memory,
    }


@pytest.fixture
def soaked(tmp_path):
    with Platform(tmp_path) as running:
        yield running


def test_a_short_soak_leaks_nothing(soaked):
    role = soaked.client("iam").create_role(RoleName="soak", AssumeRolePolicyDocument=trust({"Service": "lambda.amazonaws.com"}))["Role"]["Arn"]
    client = soaked.client("lambda")

    def create(name):
        # Every way in which an environment comes to be: a runtime that was up already, a sandbox that was there already, for an interpreter and for an
        # executable of the package's own, and nothing that was there.
        kind = int(name.rpartition("-")[2]) % 4
        runtime = "provided.al2023" if kind == 2 else "python3.12"
        code = package(bootstrap=ANY) if kind == 2 else package(app__py=MIXED)
        client.create_function(FunctionName=name, Runtime=runtime, Role=role, Handler="app.handler", Timeout=10, MemorySize=128, Code={"ZipFile": code},
                               Environment={"Variables": {"TZ": "UTC"} if kind == 1 else {}}, EphemeralStorage={"Size": 600 if kind == 3 else 512})
        client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})

    def settle():
        for name in names:
            client.delete_function(FunctionName=name)
        time.sleep(1.5)

    names = [f"soak-{n}" for n in range(4)]
    for name in names:
        create(name)
        client.invoke(FunctionName=name, Payload=json.dumps({"kind": "work"}))
    settle()
    # Environments that are made ahead have cgroups.
    before = eventually(lambda: (found := figures(soaked))["cgroups"] and found)
    for name in names:
        create(name)

    stop, seen, problems = time.monotonic() + SECONDS, {}, []

    def invoke(seed):
        dice, own = random.Random(seed), soaked.client("lambda")
        kinds = dice.sample(KINDS, len(KINDS))
        # At least each kind once, however slow the machine is.
        for number, kind in enumerate(itertools.cycle(kinds)):
            if number >= len(kinds) and time.monotonic() >= stop:
                return
            try:
                answer = own.invoke(FunctionName=dice.choice(names), Payload=json.dumps({"kind": kind}))
                failed, payload = "FunctionError" in answer, answer["Payload"].read()
                seen[kind] = seen.get(kind, 0) + 1
                if failed != (kind in ("crash", "raise", "hang", "memory")):
                    problems.append((kind, payload))
            except botocore.exceptions.ClientError as error:
                if error.response["Error"]["Code"] not in ("TooManyRequestsException", "ResourceConflictException"):
                    problems.append((kind, str(error)))

    def update():
        number = 0
        while time.monotonic() < stop:
            number += 1
            client.update_function_configuration(FunctionName=names[number % len(names)], Description=str(number))
            time.sleep(0.3)

    workers = [threading.Thread(target=invoke, args=(n,)) for n in range(4)] + [threading.Thread(target=update)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not problems, problems[:5]
    settle()

    def back():
        after = figures(soaked)
        # Environments that are started ahead follow the arrivals: a few more or fewer of them are none that leaked.
        slack = {"processes": 20, "platform's descriptors": 80, "spawner's descriptors": 40, "namespaces": 40, "cgroups": 40,
                 "platform's memory": 48, "spawner's memory": 4}
        return all(after[name] <= count + slack.get(name, 0) for name, count in before.items()) and after

    try:
        eventually(back)
    except AssertionError:
        raise AssertionError(f"before {before}, after {figures(soaked)}, made {seen}") from None
    assert set(seen) == set(KINDS), seen
