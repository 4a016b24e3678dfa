"""A platform that runs as a user without rights: what it says of the layers that it lacks, and what holds without them."""

import os
import pathlib
import shutil
import tempfile
import time

import json
import pytest

from harness import Platform
from harness.platform import binary
from support import eventually, package, trust
from test_sandbox import PROBES

# Nobody's, and of this run alone: no other process of the host is his, so that what is left of his is the platform's.
USER = 60_600 + os.getpid() % 4_000
ESSENTIAL = ["id-range", "cgroup-memory", "cgroup-pids"]


def processes():
    """The processes of that user."""
    found = []
    for status in pathlib.Path("/proc").glob("[0-9]*/status"):
        try:
            uids = next(line for line in status.read_text().splitlines() if line.startswith("Uid:")).split()[1:]
        except (OSError, StopIteration):
            continue
        if str(USER) in uids:
            found.append(status.parent.name)
    return found


@pytest.fixture(scope="module")
def home():
    """A folder of the user's, with a binary that the user may read."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="fastness-user-"))
    folder.chmod(0o755)
    shutil.copy(binary(), folder / "fastness")
    (folder / "fastness").chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def unprivileged(home, request):
    made = []

    def make(*arguments):
        folder = home / f"{request.node.name}-{len(made)}"
        folder.mkdir()
        os.chown(folder, USER, USER)
        platform = Platform(folder, arguments=arguments, user=USER, environment={"PATH": "/usr/local/bin:/usr/bin:/bin"})
        platform.binary = str(home / "fastness")
        made.append(platform)
        return platform

    yield make
    for platform in made:
        platform.kill()
    eventually(lambda: not processes())


def function(platform, name, code, **settings):
    iam, client = platform.client("iam"), platform.client("lambda")
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust({"Service": "lambda.amazonaws.com"}))["Role"]["Arn"]
    client.create_function(FunctionName=name, Runtime="python3.12", Role=role, Handler="app.handler", Timeout=60, MemorySize=256,
                           Code={"ZipFile": package(app__py=code)}, **settings)
    client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})

    def invoke(event=None):
        answer = client.invoke(FunctionName=name, Payload=json.dumps(event))
        return answer.get("FunctionError"), json.loads(answer["Payload"].read())

    return invoke


@pytest.mark.parametrize("accepted", [[], ["cgroup-memory"], ["id-range", "cgroup-pids"], ["landlock"]])
def test_it_names_the_essential_layers_that_are_missing_and_ends(unprivileged, accepted):
    platform = unprivileged(*(["--accept-missing-layers", ",".join(accepted)] if accepted else []))
    with pytest.raises(AssertionError):
        platform.start()
    assert platform.process.returncode != 0
    said = platform.log_path.read_text()
    assert "this host lacks essential layers of isolation: " in said, said
    missing = [layer for layer in ESSENTIAL if layer not in accepted]
    assert [layer for layer in ESSENTIAL if f"{layer} (" in said] == missing, said
    assert f"--accept-missing-layers {','.join(missing)}" in said, said


def test_functions_run_within_the_layers_that_are_left(unprivileged):
    platform = unprivileged("--accept-missing-layers", ",".join(ESSENTIAL)).start()
    said = platform.ready_line
    while "isolation of functions: " not in said or not said.endswith("\n"):
        said += os.read(platform.process.stdout.fileno(), 65536).decode()
    active, _, missing = said.split("isolation of functions: ")[1].partition("; without ")
    assert {"namespaces", "read-only-root", "seccomp"} <= set(active.strip().split(", ")), said
    assert set(ESSENTIAL) <= set(missing.strip().split(", ")), said
    log = platform.log_path.read_text()
    assert all(f'layer="{layer}"' in log or layer in log for layer in ESSENTIAL), log

    variables = {"PLATFORM_PORT": str(platform.port), "PLATFORM_PID": str(platform.process.pid)}
    probe = function(platform, "probes", PROBES, Environment={"Variables": variables})
    error, answers = probe("probes")
    assert error is None, answers
    got = {name: answer["got"] for name, answer in answers.items() if "got" in answer}
    assert len(answers) >= 24 and not got, got
    error, answers = probe("syscalls")
    assert error is None, answers
    assert {name: code for name, code in answers.items() if code not in ("EPERM", "ENOSYS", "EACCES")} == {}
    error, answer = probe("setuid")
    assert error or answer != "0"
    # No cgroup counts its processes, but the kernel does, for each user namespace.
    error, answer = probe("forks")
    assert error or (answer[0] <= 2048 and answer[1] == "EAGAIN"), answer
    for event in ("tmp", "inodes"):
        error, answer = probe(event)
        assert error or answer == "ENOSPC", answer


def test_functions_are_apart_from_each_other_and_from_the_platforms_files(unprivileged):
    platform = unprivileged("--accept-missing-layers", ",".join(ESSENTIAL)).start()
    code = """
import os
def handler(event, context):
    if event == "write":
        open("/tmp/secret", "w").write("mine")
    return {"ids": [os.getuid(), os.getgid()], "groups": os.getgroups(), "tmp": os.listdir("/tmp"),
            "pids": sorted(int(p) for p in os.listdir("/proc") if p.isdigit()), "caps": [line for line in open("/proc/self/status") if line.startswith("Cap")],
            "seen": [d for d in (%r, "/tmp", "/root") if os.path.exists(d) and os.listdir(d)]}
""" % str(platform.folder)
    one, other = function(platform, "one", code), function(platform, "other", code)
    for invoke, event in ((one, "write"), (other, "read")):
        error, seen = invoke(event)
        assert error is None, seen
        assert seen["ids"] == [993, 990] and seen["groups"] == [], seen
        assert all(set(line.split()[1]) == {"0"} for line in seen["caps"]), seen
        assert len(seen["pids"]) <= 2 and seen["seen"] == (["/tmp"] if event == "write" else []), seen
    # An environment asks for more behind its answer; a call that comes before that goes to another one.
    time.sleep(1)
    assert one("again")[1]["tmp"] == ["secret"]


def test_a_function_that_never_ends_is_ended_and_a_killed_platform_leaves_nothing(unprivileged):
    platform = unprivileged("--accept-missing-layers", ",".join(ESSENTIAL)).start()
    client = platform.client("lambda")
    endless = "import os, subprocess\ndef handler(event, context):\n    subprocess.Popen(['sleep', '4712'])\n    while event: pass\n    return 1\n"
    invoke = function(platform, "endless", endless)
    client.update_function_configuration(FunctionName="endless", Timeout=1)
    client.get_waiter("function_updated_v2").wait(FunctionName="endless", WaiterConfig={"Delay": 1})
    error, answer = invoke(True)
    assert error == "Unhandled" and "timed out" in answer["errorMessage"], answer
    # What ends has room to.
    client.update_function_configuration(FunctionName="endless", Timeout=60)
    client.get_waiter("function_updated_v2").wait(FunctionName="endless", WaiterConfig={"Delay": 1})
    assert invoke(False) == (None, 1)
    assert len(processes()) > 2
    platform.kill()
    eventually(lambda: not processes())
