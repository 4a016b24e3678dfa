"""`fastness up` on the example, as a newcomer would: what it prints is run, and must answer what it says."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import threading

import pytest

from harness import Platform
from harness.platform import ROOT, binary
from support import eventually, refused, signed_get

# What `up` is told besides: a machine without a network has no registry that a sandbox could be let to.
MORE = os.environ.get("FASTNESS_TEST_UP_ARGUMENTS", "").split()


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    """A copy of the example, so that edits stay here."""
    folder = tmp_path_factory.mktemp("example") / "orders"
    shutil.copytree(ROOT / "examples" / "orders", folder, ignore=shutil.ignore_patterns("node_modules", ".fastness"))
    return folder


@pytest.fixture(scope="module")
def up(example, tmp_path_factory):
    running = Platform(tmp_path_factory.mktemp("up"), command=("up", str(example)), arguments=("--json", *MORE)).start(timeout_s=300)
    running.report = json.loads(running.ready_line.splitlines()[0])
    # Nobody reads further output: keep the pipe empty.
    threading.Thread(target=lambda: [None for _ in running.process.stdout], daemon=True).start()
    yield running
    assert running.stop() == 0


def stage_path(up):
    return re.sub(r"^https?://[^/]+", "", up.report["stages"][0]["url"]).rstrip("/")


def test_every_printed_request_answers_what_is_printed(up):
    assert len(up.report["requests"]) >= 6
    environment = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    for request in up.report["requests"]:
        done = subprocess.run(["bash", "-c", request["run"]], capture_output=True, text=True, timeout=120, env=environment)
        assert request["answers"] in done.stdout + done.stderr, (request, done.stdout, done.stderr)


def test_the_application_takes_and_shows_orders(up):
    path = stage_path(up)
    made = signed_get(up, path + "/orders", "POST", b'{"article": "chair", "quantity": 2}')
    assert made.status_code == 201, made.text
    order = made.json()["id"]
    shown = up.raw("GET", f"{path}/orders/{order}")
    assert (shown.status_code, shown.json()) == (200, {"id": order, "article": "chair", "quantity": 2})


def test_the_stage_answers_at_its_host_too(up):
    api = up.report["stages"][0]["api"]
    answer = up.raw("GET", "/prod/orders/none", headers={"Host": f"{api}.execute-api.localhost:{up.port}"})
    assert (answer.status_code, answer.json()) == (404, {"message": "no order none"})


def test_unsigned_and_misigned_calls_stop_at_the_gateway(up):
    path = stage_path(up) + "/orders"
    unsigned = up.raw("POST", path, body=b"{}")
    assert (unsigned.status_code, unsigned.json()) == (403, {"message": "Missing Authentication Token"})
    key, _ = up.root()
    forged = signed_get(up, path, "POST", b"{}", key, "x" * 40)
    assert forged.status_code == 403 and "signature we calculated does not match" in forged.json()["message"]
    assert up.raw("GET", stage_path(up) + "/nowhere").status_code == 403


def test_a_user_without_the_permission_is_refused(up):
    iam, visitor = up.client("iam"), up.report["outputs"]["Visitor"]
    made = iam.create_access_key(UserName=visitor)["AccessKey"]
    keys = (made["AccessKeyId"], made["SecretAccessKey"])
    refusal = signed_get(up, stage_path(up) + "/orders", "POST", b"{}", *keys)
    assert refusal.status_code == 403 and f"user/{visitor} is not authorized to perform: execute-api:Invoke" in refusal.text
    assert signed_get(up, stage_path(up) + "/orders/none", key=keys[0], secret=keys[1]).status_code == 404
    iam.delete_access_key(UserName=visitor, AccessKeyId=keys[0])


def test_a_function_that_reaches_too_far_is_refused(up):
    answer = signed_get(up, stage_path(up) + "/payroll")
    assert answer.status_code == 403
    assert answer.json()["refused"]["Code"] == "AccessDeniedException"
    denied = [e for e in up.events(EventName="Scan") if e.get("errorCode")]
    assert denied and "assumed-role" in denied[0]["userIdentity"]["arn"]


def test_a_gateway_without_permission_cannot_invoke(up):
    function = up.report["outputs"]["LookupFunction"]
    client = up.client("lambda")
    path = stage_path(up) + "/orders/none"
    assert up.raw("GET", path).status_code == 404
    statements = json.loads(client.get_policy(FunctionName=function)["Policy"])["Statement"]
    for statement in statements:
        client.remove_permission(FunctionName=function, StatementId=statement["Sid"])
    answer = up.raw("GET", path)
    assert (answer.status_code, answer.json()) == (500, {"message": "Internal server error"})
    denied = eventually(lambda: [e for e in up.events(EventName="Invoke") if e.get("errorCode")])
    assert denied[0]["userIdentity"]["invokedBy"] == "apigateway.amazonaws.com" and "resource-based policy" in denied[0]["errorMessage"]
    for statement in statements:
        client.add_permission(FunctionName=function, StatementId=statement["Sid"], Action="lambda:InvokeFunction", Principal="apigateway.amazonaws.com",
                              SourceArn=statement["Condition"]["ArnLike"]["AWS:SourceArn"])
    assert up.raw("GET", path).status_code == 404


def test_an_edit_is_redeployed(up, example):
    handler = example / "lookup" / "index.mjs"
    handler.write_text(handler.read_text().replace("no order ${id}", "edited: no order ${id}"))
    path = stage_path(up) + "/orders/none"
    eventually(lambda: up.raw("GET", path).json() == {"message": "edited: no order none"}, timeout_s=60)


def test_a_second_up_changes_nothing_and_finds_everything(example, tmp_path):
    one = Platform(tmp_path, command=("up", str(example)), arguments=("--json", "--once"))
    for _ in range(2):
        done = subprocess.run([binary(), "up", str(example), "--json", "--once", "--listen", f"127.0.0.1:{one.port}", "--data-dir", str(one.data_dir), *MORE],
                              capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        report = json.loads(done.stdout.splitlines()[0])
        assert report["outputs"]["OrdersTable"]


def test_a_broken_template_says_where(tmp_path):
    (tmp_path / "template.yaml").write_text("Resources:\n  A:\n    Type: AWS::Nothing::Here\n")
    one = Platform(tmp_path)
    done = subprocess.run([binary(), "up", str(tmp_path), "--once", "--listen", f"127.0.0.1:{one.port}", "--data-dir", str(one.data_dir)],
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 1 and "AWS::Nothing::Here" in done.stderr, done.stderr


@pytest.mark.parametrize("json_asked", [False, True])
def test_a_failure_under_up_names_what_failed_as_deploy_does(tmp_path, json_asked):
    (tmp_path / "template.yaml").write_text("Resources:\n  A: {Type: AWS::Logs::LogGroup}\n  Nest:\n    Type: AWS::CloudFormation::Stack\n    Properties: {TemplateURL: in.yaml}\n")
    (tmp_path / "in.yaml").write_text("Resources:\n  Bad: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: '!!'}}\n")
    one = Platform(tmp_path)
    done = subprocess.run([binary(), "up", str(tmp_path), "--stack-name", "s", "--once", *(["--json"] if json_asked else []), "--listen", f"127.0.0.1:{one.port}", "--data-dir", str(one.data_dir)],
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    if json_asked:
        told = json.loads(done.stdout)
        assert (told["stackName"], told["status"], [(f["resource"], f["line"]) for f in told["failures"]]) == ("s", "ROLLBACK_COMPLETE", [("Nest", 3), ("Nest/Bad", 2)])
        return
    assert f"{tmp_path}/template.yaml, line 3: Nest (AWS::CloudFormation::Stack): " in done.stderr, done.stderr
    assert f"{tmp_path}/in.yaml, line 2: Nest/Bad (AWS::Logs::LogGroup): " in done.stderr, done.stderr


def test_a_refusal_under_up_is_json_where_that_is_asked(tmp_path):
    (tmp_path / "template.yaml").write_text("Resources:\n  A:\n    Type: AWS::Nothing::Here\n")
    one = Platform(tmp_path)
    done = subprocess.run([binary(), "up", str(tmp_path), "--once", "--json", "--listen", f"127.0.0.1:{one.port}", "--data-dir", str(one.data_dir)],
                          capture_output=True, text=True, timeout=120)
    told = json.loads(done.stdout)
    assert (done.returncode, told["status"]) == (1, "REFUSED") and "AWS::Nothing::Here" in told["error"], told
