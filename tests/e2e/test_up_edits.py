"""`fastness up` while someone works on the application: what goes wrong is told where it is, and ends nothing."""

import json
import os
import signal
import subprocess
import textwrap
import threading

import pytest

from harness import Platform
from harness.platform import binary
from support import eventually

TEMPLATE = textwrap.dedent("""
    Transform: AWS::Serverless-2016-10-31
    Resources:
      Hello:
        Type: AWS::Serverless::Function
        Properties:
          FunctionName: hello
          Runtime: python3.12
          Handler: app.handler
          CodeUri: src/
""")


@pytest.fixture
def application(tmp_path):
    folder = tmp_path / "application"
    (folder / "src").mkdir(parents=True)
    (folder / "template.yaml").write_text(TEMPLATE)
    (folder / "src" / "app.py").write_text("def handler(event, context): return 1\n")
    return folder


@pytest.fixture
def up(application, tmp_path):
    running = Platform(tmp_path, command=("up", str(application)), arguments=("--json",)).start(timeout_s=300)
    threading.Thread(target=lambda: [None for _ in running.process.stdout], daemon=True).start()
    yield running
    running.kill()


def answer(up):
    return json.loads(up.client("lambda").invoke(FunctionName="hello")["Payload"].read())


def told(up, words):
    eventually(lambda: words in up.log_path.read_text())
    assert up.process.poll() is None


def test_a_template_that_breaks_is_told_once_and_mended(up, application):
    template = application / "template.yaml"
    template.write_text(TEMPLATE + "  Broken: [\n")
    told(up, "YAML not well-formed")
    template.write_text(TEMPLATE.replace("CodeUri: src/", "CodeUri: src/\n      Unheard: 1"))
    told(up, f"{template}, line 4:")
    template.write_text(TEMPLATE.replace("CodeUri: src/", "CodeUri: src/\n      MemorySize: 256"))
    eventually(lambda: up.client("lambda").get_function_configuration(FunctionName="hello")["MemorySize"] == 256)
    assert up.log_path.read_text().count("YAML not well-formed") == 1
    assert answer(up) == 1


def test_a_build_that_fails_is_told_and_the_next_edit_is_the_next_try(up, application):
    requirements = application / "src" / "requirements.txt"
    requirements.write_text("not a requirement !!\n")
    told(up, "Hello cannot be packaged")
    assert answer(up) == 1
    requirements.write_text("# nothing\n")
    (application / "src" / "app.py").write_text("def handler(event, context): return 2\n")
    eventually(lambda: answer(up) == 2)


def test_an_update_that_fails_is_told_and_the_old_one_goes_on(up, application):
    (application / "template.yaml").write_text(TEMPLATE + "  Role: {Type: AWS::IAM::Role, Properties: {AssumeRolePolicyDocument: {Version: x}}}\n")
    for words in ("ended in UPDATE_ROLLBACK_COMPLETE", "Role (AWS::IAM::Role): "):
        told(up, words)
    assert answer(up) == 1


def test_a_stack_that_is_deleted_by_others_does_not_end_it(up, application):
    up.client("cloudformation").delete_stack(StackName="application")
    eventually(lambda: not up.client("lambda").list_functions()["Functions"])
    (application / "src" / "app.py").write_text("def handler(event, context): return 3\n")
    eventually(lambda: up.client("lambda").list_functions()["Functions"])
    eventually(lambda: answer(up) == 3)


def test_control_c_ends_it_well(up):
    # A terminal sends the signal to the whole group.
    os.killpg(up.process.pid, signal.SIGINT)
    assert up.process.wait(60) == 0
    assert "panic" not in up.log_path.read_text() and "fastness:" not in up.log_path.read_text()


def test_what_a_stop_interrupted_comes_first(application, tmp_path):
    one = Platform(tmp_path, command=("up", str(application)))
    one.start(timeout_s=300)
    (application / "template.yaml").write_text(TEMPLATE + "  Table: {Type: AWS::Serverless::SimpleTable}\n")
    eventually(lambda: "UPDATE_IN_PROGRESS" in one.log_path.read_text())
    one.kill()
    done = subprocess.run([binary(), "up", str(application), "--once", "--listen", f"127.0.0.1:{one.port}", "--data-dir", str(one.data_dir)],
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_a_port_in_use_is_named(application, tmp_path, platform):
    done = subprocess.run([binary(), "up", str(application), "--listen", f"127.0.0.1:{platform.port}", "--data-dir", str(tmp_path / "data")],
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 1 and f"cannot listen on 127.0.0.1:{platform.port}" in done.stderr, done.stderr


def test_a_missing_package_manager_is_named(application, tmp_path):
    (application / "src" / "requirements.txt").write_text("requests\n")
    one = Platform(tmp_path)
    done = subprocess.run([binary(), "up", str(application), "--once", "--listen", f"127.0.0.1:{one.port}", "--data-dir", str(one.data_dir)],
                          capture_output=True, text=True, timeout=120, env={"PATH": str(tmp_path)})
    assert done.returncode == 1 and "`python3.12` is not installed" in done.stderr and "requirements.txt" in done.stderr, done.stderr
